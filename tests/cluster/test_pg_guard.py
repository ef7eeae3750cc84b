"""tests/cluster/test_pg_guard.py - the guard of the primary dies or is frozen, alone or together with pgraftd.

Claim: whoever of the two is left ends PostgreSQL (safety B6); then another takes over, or the same node goes on in
place. With both frozen nobody there can end it: then a synchronous cluster acknowledges nothing on that side."""
import signal

from lib import wait
from lib.pg_cluster import LONG, kill, stop
from lib.pg_node import send
from lib.timely import timely

SETTINGS = {"dynamic": {"synchronous_mode": "quorum"}}
LEASE_MS = 5000
OUTAGE_MS = LEASE_MS + 1000


def struck(pg, whom, how):
    """The guard and whoever else @whom names are struck: (cluster, primary, writers, observer, moment)."""
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    writers, observer = pg.writers(), pg.observer()
    writers.go_on()
    return cluster, primary, writers, observer, how(whom(primary))


def came_to(cluster, writers, observer, moment):
    """All is well again, nothing was lost and never did two commit; the outage."""
    writers.go_on(moment, 50)
    cluster.wait_well()
    outage = writers.outage(moment)
    print(f"outage {outage.ms:.0f} ms; with all hosts {writers.outage_multi(moment).ms:.0f} ms")
    assert writers.lost() == []
    assert observer.overlap_ms() == 0, observer.story()
    return outage


def test_a_guard_that_is_killed(pg):
    marks = {node: node.mark() for node in pg.clusters[0].databases}
    cluster, primary, writers, observer, moment = struck(pg, lambda node: [node.guard_alone()], kill)
    outage = came_to(cluster, writers, observer, moment)
    primary.gave_up_the_role("provable-failover", marks[primary])
    timely(outage.ms, 1000)


def test_a_guard_and_its_daemon_that_are_killed(pg):
    """The postmaster goes with the guard; who was busy in it is found by the second."""
    cluster, primary, writers, observer, moment = struck(
        pg, lambda node: [node.pid, node.guard_alone()], kill)
    primary.wait_down("the kernel ends the postmaster")
    cluster.wait_primary(other_than=primary)
    primary.process.wait()
    primary.start()
    timely(came_to(cluster, writers, observer, moment).ms, OUTAGE_MS)


def test_a_guard_that_is_frozen(pg):
    """The daemon notices, and ends PostgreSQL itself."""
    cluster, primary, writers, observer, moment = struck(pg, lambda node: [node.guard_alone()], stop)
    frozen = primary.guard_alone()
    primary.wait_down("the daemon ends PostgreSQL")
    writers.go_on(observer.last_ns(primary))
    send([frozen], signal.SIGCONT)
    timely(came_to(cluster, writers, observer, moment).ms, OUTAGE_MS)


if LONG:
    def test_a_guard_and_its_daemon_that_are_frozen(pg):
        """PostgreSQL lives on there, alone: what it commits nobody acknowledges. With one synchronous standby: test_pg_strict.py."""
        cluster, primary, writers, observer, moment = struck(
            pg, lambda node: [node.pid, *node.guard()], stop)
        heir = wait.until(lambda: next((n for n in cluster.others(primary) if n.is_primary() and observer.sees(n)), None),
                          lambda: f"another one takes over\n{cluster.story()}", 60)
        before = observer.last_ns(primary)
        writers.go_on(before, 50, everybody=False)
        assert primary.postgres()
        assert observer.last_ns(primary) == before
        primary.thaw()
        outage = came_to(cluster, writers, observer, moment)
        assert cluster.primary() is heir
        timely(outage.ms, OUTAGE_MS)
