"""tests/cluster/test_pg_postmaster.py - the postmaster of the primary dies, or a backend crashes, with synchronous standbys.

Claim: a standby provably has every acknowledged commit, so one takes over at once; nothing that was acknowledged is lost, the old
primary comes back as a standby, and never two commit."""
import pytest

from lib.pg_cluster import kill
from lib.timely import timely

SETTINGS = {"dynamic": {"synchronous_mode": "quorum"}}
OUTAGE_MS = 1000


def postmaster(primary):
    return kill([primary.postmaster()])


def backend(primary):
    """PostgreSQL does not go on by itself behind our back (safety B4): its end is that of the postmaster."""
    mine = int(primary.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND query LIKE 'INSERT INTO rows%'"
                           " LIMIT 1"))
    return kill([mine])


@pytest.mark.parametrize("dies", [postmaster, backend], ids=lambda dies: dies.__name__)
def test_a_standby_takes_over_at_once(pg, dies):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    writers, observer = pg.writers(), pg.observer()
    writers.go_on()
    mark = primary.mark()
    moment = dies(primary)
    writers.go_on(moment)
    heir = cluster.wait_primary(other_than=primary)
    assert cluster.wait_well() is heir
    outage = writers.outage(moment)
    print(f"outage {outage.ms:.0f} ms; with all hosts {writers.outage_multi(moment).ms:.0f} ms")
    primary.gave_up_the_role("provable-failover", mark)
    assert writers.lost() == []
    assert observer.overlap_ms() == 0, observer.story()
    timely(outage.ms, OUTAGE_MS)
