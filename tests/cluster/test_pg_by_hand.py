"""tests/cluster/test_pg_by_hand.py - an operator does by hand what pgraft does: ALTER SYSTEM, pg_ctl promote, a backup put back.

Claim: what is pgraft's is put back, at once and while PostgreSQL runs; a standby that is promoted past pgraft ends and comes back;
data that were put back are another copy, and are not taken for what they were. Nothing is lost, and never two commit. By an
operator's word the cluster goes on with what was put back: then what it lacks is lost, and nothing else, and all have the same."""
import shutil
import subprocess

from lib import wait
from lib.pg_case import Case
from lib.pg_cluster import kill
from lib.pg_node import BIN, owner, seeming
from lib.tool import ctl

SETTINGS = {"dynamic": {"synchronous_mode": "quorum"}}


def by_system(node, name, value):
    """ALTER SYSTEM on a server that runs."""
    assert node.sql(f"ALTER SYSTEM SET {name} = '{value}'") == ""
    assert node.sql("SELECT pg_reload_conf()") == "t"


def are_proved(cluster, primary):
    """The store names all standbys, so any of them may take over."""
    roles = {m["name"]: m["role"] for m in primary.client.get("/cluster")["members"]}
    return all(roles.get(node.name) == "quorum_standby" for node in cluster.others(primary))


def is_over(case):
    case.writers.go_on(case.moment, 50)
    primary, _ = case.over()
    case.nothing_lost()
    return primary


def test_a_standby_whose_fence_and_upstream_are_set(pg):
    case = Case(pg)
    cluster, primary = case.cluster, case.primary
    for node in case.others:
        by_system(node, "synchronous_standby_names", "")
        wait.until(lambda n=node: "pgraft_fence" in (n.sql("SHOW synchronous_standby_names") or ""),
                   lambda n=node: f"the fence is back\n{n.log_tail()}")
        upstream = node.sql("SHOW primary_conninfo").replace("'", "''")
        by_system(node, "primary_conninfo", upstream)  # the same; but from now on it wins over our file
    case.moment = kill([p.pid for p in primary.processes()])
    primary.kill_all()
    cluster.wait_primary(other_than=primary)  # both can seal themselves all the same
    primary.start()
    is_over(case)


def test_a_primary_whose_standbys_are_set(pg):
    case = Case(pg)
    cluster, primary = case.cluster, case.primary
    by_system(primary, "synchronous_standby_names", "")
    wait.until(lambda: cluster.is_covered(primary), lambda: f"ours is in force again\n{cluster.story()}")
    wait.until(lambda: are_proved(cluster, primary), lambda: f"they are published again\n{cluster.story()}")
    case.moment = kill([primary.postmaster()])
    cluster.wait_primary(other_than=primary)  # what is in force is provable again
    is_over(case)


def test_a_standby_that_is_promoted_by_hand(pg):
    case = Case(pg)
    node = case.others[0]
    mark = node.mark()
    assert subprocess.run([*seeming(), BIN / "pg_ctl", "-D", node.pgdata, "promote"], user=owner(), cwd="/",
                          stdout=subprocess.DEVNULL, check=False).returncode in (0, 1)
    node.says('guard tells: what=ended reason="(it left recovery without a grant|it was asked for)"', mark)  # whoever sees it first
    assert is_over(case) is case.primary


class Backup:
    """The files of @node, which is down when they are copied or put back."""

    def __init__(self, node):
        self.node = node
        self.place = node.folder / "backup"
        self.place.mkdir()
        self._fill(self.place, node.pgdata)

    def _fill(self, place, source):
        for path in source.iterdir():
            copy = shutil.copytree if path.is_dir() else shutil.copy2
            copy(path, place / path.name)
        self.node.give()

    def empty(self):
        for path in self.node.pgdata.iterdir():
            (shutil.rmtree if path.is_dir() else type(path).unlink)(path)

    def put_back(self):
        self.empty()
        self._fill(self.node.pgdata, self.place)

    def remove(self):
        shutil.rmtree(self.place)


def insert(node, word):
    assert node.sql(f"INSERT INTO seen VALUES ('{word}', 0) RETURNING 'committed'") == "committed"


def seen(node, word):
    return node.sql(f"SELECT count(*) FROM seen WHERE node = '{word}'")


def test_a_backup_that_is_put_back_into_the_same_directory(pg):
    """All that is in it is removed, and the backup has the note of pgraft: its copy would be the old one, with less in it."""
    case = Case(pg)
    node = case.others[0]
    node.stop()
    backup = Backup(node)
    node.start()
    case.cluster.wait_well()
    case.moment = case.writers.acknowledged()[-1][0]
    node.stop()
    backup.put_back()
    mark = node.mark()
    node.start()
    node.says("a backup that was restored here", mark)
    node.stop()
    backup.empty()
    backup.remove()
    node.start()
    is_over(case)


def test_a_backup_that_is_put_back_is_the_primary_by_an_operator_s_word(pg):
    """What was committed after it was taken is lost, as it was said; and the others have no more than it has."""
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    node, other = cluster.others(primary)
    insert(primary, "before the backup")
    wait.until(lambda: seen(node, "before the backup") == "1", "it is there, too")
    node.stop()
    backup = Backup(node)
    node.start()
    cluster.wait_well()
    insert(primary, "after the backup")
    wait.until(lambda: seen(node, "after the backup") == "1", "it is there, too")
    node.stop()
    backup.put_back()
    backup.remove()
    node.start()
    command = f"pgraftctl failover --candidate {node.name} --accept-data-loss"
    wait.until(lambda: command in ctl(other, "status")[0], lambda: f"it is told\n{ctl(other, 'status')[0]}\n{node.log_tail()}")
    assert "restored-data: wait, because a backup was restored here" in ctl(node, "why")[0]
    said, status = ctl(other, "failover", "--candidate", node.name, "--force")
    assert status != 0 and "no good candidates have been found" in said, said
    assert cluster.wait_primary() is primary
    epoch = cluster.grant()["epoch"]

    said, status = ctl(other, "failover", "--candidate", node.name, "--accept-data-loss", "--force")
    assert status == 0, f"{said}\n{cluster.story()}"
    assert cluster.wait_well() is node
    grant = cluster.grant()
    assert (grant["rule"], grant["loss"], grant["holder"]) == ("loss-accepted", "unknown", node.name) and grant["epoch"] > epoch
    insert(node, "after all")
    for one in cluster.databases:
        wait.until(lambda one=one: seen(one, "after all") == "1", f"{one.name} follows")
        assert (seen(one, "before the backup"), seen(one, "after the backup")) == ("1", "0"), one.name
    case = Case(pg)  # and it is a cluster as any other: what is acknowledged now is not lost
    case.moment = kill([p.pid for p in node.processes()])
    node.kill_all()
    cluster.wait_primary(other_than=node)
    node.start()
    is_over(case)
