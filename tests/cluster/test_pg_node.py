"""tests/cluster/test_pg_node.py - all processes of the primary's node die, and it comes back later.

Claim: another one takes over when the lease has run out, as fast if the node led raft as well; the old primary comes back as a
standby and never takes the role back by itself. What an asynchronous cluster may have lost is said with the grant. Without a
majority nobody is the primary."""
import pytest

from lib import wait
from lib.pg_case import Case
from lib.pg_cluster import LONG
from lib.timely import timely

SETTINGS = {}
LEASE_MS = 5000
OUTAGE_MS = LEASE_MS + 1000


def lead(cluster, node, leads):
    """@node leads raft, or does not."""
    leader = cluster.wait_leader()
    if (leader is node) != leads:
        other = node if leads else next(n for n in cluster if n is not node)
        leader.client.post("transfer", member=other.name)
        wait.until(lambda: cluster.leader_among(cluster.running) is other, lambda: f"{other.name} leads\n{cluster.story()}")


@pytest.mark.parametrize("leads", [False, True], ids=["a-host", "and-raft-leader"])
def test_the_primary_s_node_dies_and_comes_back(pg, leads):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    lead(cluster, primary, leads)
    writers, observer = pg.writers(), pg.observer()
    writers.go_on()
    moment = writers.acknowledged()[-1][0]
    primary.kill_all()
    writers.go_on(moment, 50)
    heir = cluster.wait_primary(other_than=primary)
    primary.start()
    assert cluster.wait_well() is heir
    outage = writers.outage(moment)
    lost = writers.lost()
    print(f"outage {outage.ms:.0f} ms; with all hosts {writers.outage_multi(moment).ms:.0f} ms; lost {len(lost)}")
    assert observer.overlap_ms() == 0, observer.story()
    timely(outage.ms, OUTAGE_MS)
    assert cluster.grant()["loss"] in ("bounded", "unknown")  # nobody can say none, and it is never passed over


def test_the_majority_is_lost_and_comes_back(pg):
    """The primary hears nobody: it is ended within its lease, and nobody takes over. It has everything, and goes on later."""
    case = Case(pg)
    gone = [case.others[0], case.cluster["w1"], case.cluster["w2"]]
    for node in gone:
        node.kill_all()
    case.is_struck()
    case.primary.wait_down("its guard ends PostgreSQL")
    assert case.alone_ms() <= LEASE_MS
    wait.stays(lambda: not any(node.is_primary() for node in case.cluster.databases), "nobody is the primary", 2 * LEASE_MS / 1000)
    for node in gone:
        node.start()
    case.writers.go_on()
    case.over()
    case.nothing_lost()


if LONG:
    def test_a_witness_dies_with_the_primary_s_node(pg):
        case = Case(pg)
        for node in (case.cluster["w1"], case.primary):
            node.kill_all()
        heir = case.heir()
        case.cluster.start()
        now, outage_ms = case.over()
        assert now is heir
        timely(outage_ms, OUTAGE_MS)
