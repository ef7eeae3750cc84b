"""tests/cluster/test_pg_strict.py - one synchronous standby by name, and no commit without it.

Claim: with guard and pgraftd frozen together PostgreSQL lives on there, and acknowledges nothing to anybody, however long; all
that was acknowledged is on the next one. Also in this mode a standby that provably has everything takes over at once."""
import time

from lib.pg_case import Case
from lib.pg_cluster import kill, stop
from lib.timely import timely

SETTINGS = {"dynamic": {"synchronous_mode": True, "synchronous_mode_strict": True}}
LEASE_MS = 5000


def test_a_guard_and_its_daemon_that_are_frozen(pg):
    case = Case(pg)
    primary = case.primary
    stop([primary.pid, *primary.guard()])
    heir = case.heir(everybody=False)
    before = case.observer.last_ns(primary)
    time.sleep(LEASE_MS / 1000)
    assert primary.postgres()
    assert case.observer.last_ns(primary) == before
    primary.thaw()
    case.writers.go_on()
    now, outage_ms = case.over()
    case.nothing_lost()
    assert now is heir
    timely(outage_ms, LEASE_MS + 1000)


def test_a_postmaster_that_is_killed(pg):
    case = Case(pg)
    mark = case.primary.mark()
    kill([case.primary.postmaster()])
    heir = case.heir()
    case.primary.gave_up_the_role("provable-failover", mark)
    now, outage_ms = case.over()
    case.nothing_lost()
    assert now is heir
    timely(outage_ms, LEASE_MS)
