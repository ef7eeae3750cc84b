"""tests/cluster/test_pg_cut.py - the network between the nodes breaks, in every way.

Claim: who is cut off from the majority acknowledges nothing any more when its lease is over, also to clients on its own side; the
others go on as soon as it is; where the primary can still be heard in some way the role stays where it is."""
import time

import pytest

from lib import wait
from lib.pg_case import Case
from lib.pg_cluster import LONG
from lib.pg_load import NS_PER_MS
from lib.timely import timely

SILENCE_MS = 5000  # until PostgreSQL itself takes a connection for lost that only stays silent
SETTINGS = {"dynamic": {"synchronous_mode": "quorum"},
            "parameters": {"wal_sender_timeout": f"{SILENCE_MS}ms", "wal_receiver_timeout": f"{SILENCE_MS}ms"}}
BREAKS_THE_NETWORK = True
LEASE_MS = 5000
OUTAGE_MS = LEASE_MS + 1000
ALONE_MS = SILENCE_MS + LEASE_MS + 3000  # until a primary without standbys goes on alone
NOTHING_MS = 250  # a write may wait this long on a busy machine


def names(nodes):
    return [node.name for node in nodes]


def pulled(net, primary, _):
    """Its cable is pulled: clients do not reach it either, but those who stand on the same host."""
    net.pull(primary.name)


def parted(net, primary, others):
    """From all other nodes, not from clients."""
    net.part([primary.name], names(others))


def deaf(net, primary, others):
    """It is heard by everybody and hears nobody."""
    for node in others:
        net.cut(node.name, primary.name)


def mute(net, primary, others):
    for node in others:
        net.cut(primary.name, node.name)


@pytest.mark.parametrize("way", [pulled, deaf, mute] + [parted] * LONG, ids=lambda way: way.__name__)
def test_the_primary_is_cut_off(pg, way):
    case = Case(pg)
    way(pg.net, case.primary, [node for node in case.cluster if node is not case.primary])
    case.is_struck()
    case.primary.wait_down("its guard ends PostgreSQL")
    heir = case.heir()
    pg.net.heal()
    now, outage_ms = case.over()
    case.nothing_lost()
    assert now is heir
    assert case.alone_ms() <= LEASE_MS
    timely(outage_ms, OUTAGE_MS)


def test_the_primary_is_cut_off_with_a_standby(pg):
    """That one goes on acknowledging what the primary sends, so nobody else can know what was acknowledged: nobody takes over."""
    case = Case(pg)
    pg.net.part([case.primary.name, case.others[0].name], [case.others[1].name, "w1", "w2"])
    case.is_struck()
    case.primary.wait_down("its guard ends PostgreSQL")
    assert case.alone_ms() <= LEASE_MS
    wait.stays(lambda: not any(node.is_primary() for node in case.cluster.databases), "nobody is the primary", LEASE_MS / 1000)
    pg.net.heal()
    case.writers.go_on()
    case.over()
    case.nothing_lost()


def both_standbys(net, primary, cluster):
    """Nobody acknowledges: commits wait until PostgreSQL takes them for lost and a lease more, and the witnesses keep the primary."""
    net.part([primary.name], names(cluster.others(primary)))


def one_standby(net, primary, cluster):
    """The other one acknowledges."""
    net.part([primary.name], [cluster.others(primary)[0].name])


def raft_leader(net, primary, cluster):
    """It hears the leader by way of others (safety A6)."""
    leader = cluster.wait_leader()
    if leader is primary:
        leader.client.post("transfer", member="w1")
        leader = wait.until(lambda: (cluster.leader_among(cluster.running) or primary).name == "w1" and cluster["w1"], "w1 leads")
    net.part([primary.name], [leader.name])


def clients(net, primary, _):
    """Nobody among the nodes can know that."""
    net.cut_outside(primary.name)


@pytest.mark.parametrize("way", [both_standbys, clients] + [one_standby, raft_leader] * LONG,
                         ids=lambda way: way.__name__.replace("_", "-"))
def test_the_role_stays_where_it_is(pg, way):
    case = Case(pg)
    way(pg.net, case.primary, case.cluster)
    last_ms = ALONE_MS if way is both_standbys else 2 * LEASE_MS
    wait.stays(lambda: case.primary.postmaster() is not None, lambda: f"PostgreSQL runs\n{case.cluster.story()}", last_ms / 1000)
    assert case.observer.sees(case.primary, time.monotonic_ns() - 1000 * NS_PER_MS), "it commits, also now"
    pg.net.heal()
    case.writers.go_on()
    now, outage_ms = case.over()
    case.nothing_lost()
    assert now is case.primary
    assert len(case.observer.reigns()) == 1, case.observer.story()
    if way is not clients:
        timely(outage_ms, ALONE_MS if way is both_standbys else NOTHING_MS)
