"""tests/cluster/test_pg_fast.py - a short lease: failover: fast.

Claim: the loss of the primary's node costs the lease of 2 s and at most a second more, also when it led raft; one that is cut off
commits no longer than that, although nothing is synchronous."""
import pytest

from lib.pg_case import Case
from lib.pg_cluster import LONG
from lib.timely import timely
from test_pg_node import lead

SETTINGS = {"dynamic": {"failover": "fast"}, "store": {"raft_election_timeout": "300ms", "raft_heartbeat_interval": "50ms"}}
LEASE_MS = 2000
OUTAGE_MS = LEASE_MS + 1000


@pytest.mark.parametrize("leads", [True] + [False] * LONG, ids=lambda leads: "and-raft-leader" if leads else "a-host")
def test_the_primary_s_node_dies_and_comes_back(pg, leads):
    lead(pg.clusters[0], pg.clusters[0].wait_well(), leads)
    case = Case(pg)
    case.primary.kill_all()
    heir = case.heir()
    case.primary.start()
    now, outage_ms = case.over()
    assert now is heir
    timely(outage_ms, OUTAGE_MS)


def test_the_primary_is_cut_off(pg):
    case = Case(pg)
    pg.net.pull(case.primary.name)
    case.is_struck()
    case.primary.wait_down("its guard ends PostgreSQL")
    heir = case.heir()
    pg.net.heal()
    now, outage_ms = case.over()
    assert now is heir
    assert case.alone_ms() <= LEASE_MS
    timely(outage_ms, OUTAGE_MS)
