"""tests/cluster/test_pg_standby_cluster.py - a cluster that follows another one, and the way back.

Claim (docs/standby-cluster.md): a new cluster with `standby_cluster` is a copy of the other one, whose leader streams from
that one's primary and whom the others stream from; nobody in it is ever primary; it follows the other one over a failover;
its leader is replaced, and handed over; demote-cluster and promote-cluster move the writes from one site to the other, with
nothing lost and never both writing. Method: two clusters of real processes in one network, in the steps of one move."""
import json

from lib import wait
from lib.pg_cluster import FORMED_S, WELL_S
from lib.pg_node import PG_PORT
from lib.tool import ctl

THERE = ("dr1", "dr2", "dr3")
HEALTH = ("/primary", "/standby-leader", "/leader", "/replica", "/read-only")


def role(node):
    """Nothing of one that does not answer, or not yet."""
    try:
        return json.loads(node.client.said("/patroni")[1])["role"] if node.is_running else ""
    except OSError:
        return ""


def hosts(cluster):
    return ",".join(node.address for node in cluster.databases)


def standby_leader(cluster):
    """The one that leads, with everybody else streaming from it; None while that is not so."""
    found = [node for node in cluster.databases if role(node) == "standby_leader"]
    running = [node.name for node in cluster.databases if node.is_running and node not in found]
    return found[0] if len(found) == 1 and found[0].streams() == sorted(running) else None


def wait_leader(cluster, other_than=None, seconds=WELL_S):
    def found():
        node = standby_leader(cluster)
        return node if node and node is not other_than else None
    return wait.until(found, lambda: f"a standby leader whom all others follow\n{cluster.story()}", seconds)


def write(primary, number):
    assert primary.sql(f"INSERT INTO rows VALUES (0, {number}) RETURNING 'done'", seconds=30) == "done"


def wait_row(cluster, number):
    """All that run have it."""
    def all_have():
        return all(node.sql(f"SELECT count(*) FROM rows WHERE number = {number}") == "1"
                   for node in cluster.databases if node.is_running)
    wait.until(all_have, lambda: f"row {number} on every node\n{cluster.story()}", WELL_S)


def nobody_writes(cluster):
    for node in cluster.databases:
        if node.is_running:
            assert not node.is_primary(), cluster.story()
            assert node.sql("SHOW synchronous_standby_names") in ("ANY 1 (pgraft_fence)", None)


def two_sites(stage):
    """A cluster that is well, with a row, and one that copies it."""
    here = stage.cluster()
    primary = here.form_whole()
    write(primary, 1)
    section = {"host": hosts(here), "port": PG_PORT}
    there = stage.cluster(names=THERE, dynamic={"standby_cluster": section}, store={"scope": "there"})
    there.start()
    return here, there


def test_a_standby_cluster_from_its_first_copy_to_a_move_of_the_writes(pg_stage):
    here, there = two_sites(pg_stage)

    # A copy, which says whose it is.
    leader = wait_leader(there, seconds=FORMED_S)
    wait_row(there, 1)
    nobody_writes(there)
    initialize = here.running[0].client.value(here.key("initialize"))
    assert there.running[0].client.value(there.key("initialize")) == initialize
    assert there.grant()["version"] == 2
    assert [leader.client.code(path) for path in HEALTH] == [503, 200, 200, 503, 200]
    assert [there.others(leader)[0].client.code(path) for path in HEALTH] == [503, 503, 503, 200, 200]
    primary = here.wait_well()
    assert "standby_cluster_there" in primary.streams()
    assert there.others(leader)[0].sql("SELECT count(*) FROM pg_stat_wal_receiver") == "1"
    assert '"role": "standby_leader"' in leader.client.said("/cluster")[1].replace('":"', '": "')

    # It follows a failover of the other one, over its new timeline.
    primary.kill_all()
    after = here.wait_primary(other_than=primary)
    write(after, 2)
    wait_row(there, 2)
    nobody_writes(there)
    here.start()

    # Its leader dies with its host: another one leads, with an epoch of its own.
    epoch = there.grant()["epoch"]
    leader.kill_all()
    heir = wait_leader(there, other_than=leader)
    assert there.grant()["epoch"] > epoch
    write(here.wait_well(), 3)
    wait_row(there, 3)
    there.start()
    assert wait_leader(there) is heir
    nobody_writes(there)

    # Its lead goes where an operator wants it.
    wanted = there.others(heir)[0]
    out, status = ctl(wanted, "switchover", "--leader", heir.name, "--candidate", wanted.name, "--force")
    assert status == 0, out
    assert f'Successfully switched over to "{wanted.name}"' in out
    assert wait_leader(there, other_than=heir) is wanted
    nobody_writes(there)

    # The writes move: the one site first gives them up, then the other one takes them.
    primary = here.wait_well()
    write(primary, 4)
    wait_row(there, 4)
    marks = {node: node.mark() for node in here.databases}
    out, status = ctl(primary, "demote-cluster", "--host", hosts(there), "--port", str(PG_PORT), "--force")
    assert status == 0, out
    nobody_writes(here)
    nobody_writes(there)
    out, status = ctl(wanted, "promote-cluster", "--force")
    assert status == 0, out
    primary = there.wait_primary()
    write(primary, 5)
    wait_row(there, 5)
    wait_row(here, 5)
    nobody_writes(here)
    assert [primary.sql(f"SELECT count(*) FROM rows WHERE number = {number}") for number in (1, 2, 3, 4)] == ["1"] * 4
    assert there.grant()["version"] == 1
    for node in here.databases:  # all that there was came over: nothing was discarded
        assert node.count("action=return", marks[node]) == 0, node.log_since(marks[node])


def test_what_was_written_here_after_the_other_site_was_promoted_is_rewound(pg_stage):
    here, there = two_sites(pg_stage)
    leader = wait_leader(there, seconds=FORMED_S)
    wait_row(there, 1)
    out, status = ctl(leader, "promote-cluster", "--force")
    assert status == 0, out
    write(there.wait_primary(), 2)
    write(here.wait_well(), 3)  # nobody else has it
    out, status = ctl(here.wait_well(), "demote-cluster", "--host", hosts(there), "--force", "--timeout", "25")
    assert status == 0, out
    wait.until(lambda: all(node.sql("SELECT number FROM rows ORDER BY 1") == "1\n2" for node in here.databases),
               lambda: f"what the other site has, and nothing else\n{here.story()}", 4 * FORMED_S)
    nobody_writes(here)
