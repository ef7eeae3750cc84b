"""tests/cluster/test_pg_strict.py - one synchronous standby by name, and no commit without it.

Claim: with guard and pgraftd frozen together PostgreSQL lives on there, and acknowledges nothing to anybody, however long; all
that was acknowledged is on the next one. Also in this mode a standby that provably has everything takes over at once. For whom
none of it holds, since less was asked for, is told."""
import time

from lib import wait
from lib.pg_case import Case
from lib.pg_cluster import kill, stop
from lib.timely import timely
from lib.tool import ctl

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


def test_who_asks_for_less_is_named(pg):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    standby = cluster.others(primary)[0]
    line = "Weaker:    role weak (database postgres): synchronous_commit=local, 0 sessions; what these commit may be lost by a failover"
    mark = primary.mark()
    primary.sql("CREATE ROLE weak LOGIN")
    assert "Weaker:" not in ctl(standby, "status")[0]
    primary.sql("ALTER ROLE weak IN DATABASE postgres SET synchronous_commit = local")
    wait.until(lambda: line in ctl(standby, "status")[0], lambda: ctl(standby, "status")[0])
    assert "weaker: role weak (database postgres): synchronous_commit=local" in ctl(primary, "events")[0]
    primary.sql("ALTER ROLE weak IN DATABASE postgres RESET synchronous_commit")
    wait.until(lambda: "Weaker:" not in ctl(standby, "status")[0], lambda: ctl(standby, "status")[0])
    primary.says("nobody asks for less than the synchronous mode any more", mark)
    assert primary.count("some ask for less than the synchronous mode", mark) == 1
    primary.sql("DROP ROLE weak")
