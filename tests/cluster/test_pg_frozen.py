"""tests/cluster/test_pg_frozen.py - pgraftd of the primary is killed, or frozen for much longer than a lease.

Claim: the guard ends PostgreSQL when the lease is over, before anybody else may commit: no two primaries, not for a
millisecond, also for sessions that were open before (safety B1, B5)."""
import signal
import time

from lib.pg_case import Case
from lib.pg_cluster import LONG, kill, stop
from lib.pg_node import send

SETTINGS = {}
FROZEN_S = 60 if LONG else 12


def hand_over_without_a_daemon(pg, strike, gone_on):
    """@strike the daemon of the primary, see another one take over, and let it go on by gone_on()."""
    case = Case(pg)
    case.moment = strike([case.primary.pid])
    case.is_struck()
    case.primary.wait_down("its guard ends PostgreSQL")
    heir = case.cluster.wait_primary(other_than=case.primary)
    case.writers.go_on(case.observer.last_ns(case.primary))
    gone_on(case.primary, case.moment)
    now, _ = case.over()
    assert now is heir
    assert case.observer.sees(heir) > 0


def test_a_daemon_that_is_killed(pg):
    def gone_on(primary, _):
        primary.process.wait()
        primary.start()
    hand_over_without_a_daemon(pg, kill, gone_on)


def test_a_daemon_that_is_frozen(pg):
    def gone_on(primary, moment):
        time.sleep(max(0, FROZEN_S - (time.monotonic_ns() - moment) / 1e9))
        send([primary.pid], signal.SIGCONT)
    hand_over_without_a_daemon(pg, stop, gone_on)
