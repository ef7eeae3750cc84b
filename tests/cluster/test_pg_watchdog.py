"""tests/cluster/test_pg_watchdog.py - guard and pgraftd of the primary are frozen together, without synchronous standbys.

Claim: nobody on that host can end PostgreSQL then, and commits wait for nobody: only the machine's watchdog helps, which the
guard feeds no longer than the lease allows. The machine is reset before another one commits. Without a watchdog this is the
documented limit (docs/guard.md): there two may commit side by side, and what the frozen side acknowledges is lost."""
from lib.pg_case import Case
from lib.pg_cluster import stop
from lib.timely import timely

SETTINGS = {"watchdog": True}
LEASE_MS = 5000


def test_a_guard_and_its_daemon_that_are_frozen_on_a_machine_with_a_watchdog(pg):
    case = Case(pg)
    primary = case.primary
    stop([primary.pid, *primary.guard()])
    heir = case.heir()
    assert len(primary.dog.bites) == 1
    assert primary.processes() == []
    primary.start()
    now, outage_ms = case.over()
    assert now is heir
    assert case.alone_ms() <= LEASE_MS
    timely(outage_ms, LEASE_MS + 1000)
