"""tests/cluster/test_pg_by_hand.py - an operator does by hand what pgraft does: ALTER SYSTEM, pg_ctl promote, a backup put back.

Claim: what is pgraft's is put back, at once and while PostgreSQL runs; a standby that is promoted past pgraft ends and comes back;
data that were put back are another copy, and are not taken for what they were. Nothing is lost, and never two commit."""
import shutil
import subprocess

from lib import wait
from lib.pg_case import Case
from lib.pg_cluster import kill
from lib.pg_node import BIN, owner, seeming

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


def test_a_backup_that_is_put_back_into_the_same_directory(pg):
    """All that is in it is removed, and the backup has the note of pgraft: its copy would be the old one, with less in it."""
    case = Case(pg)
    node = case.others[0]
    backup = node.folder / "backup"

    def fill(place, source):
        for path in source.iterdir():
            copy = shutil.copytree if path.is_dir() else shutil.copy2
            copy(path, place / path.name)
        node.give()

    def empty():
        for path in node.pgdata.iterdir():
            (shutil.rmtree if path.is_dir() else type(path).unlink)(path)

    node.stop()
    backup.mkdir()
    fill(backup, node.pgdata)
    node.start()
    case.cluster.wait_well()
    case.moment = case.writers.acknowledged()[-1][0]
    node.stop()
    empty()
    fill(node.pgdata, backup)
    mark = node.mark()
    node.start()
    node.says("a backup that was restored here", mark)
    node.stop()
    empty()
    shutil.rmtree(backup)
    node.start()
    is_over(case)
