"""tests/cluster/test_pg_hung.py - PostgreSQL of the primary hangs, or dies with processes that do not notice.

Claim: who does not answer does not keep the role; who is busy in a long computation, and who commits on through an open connection,
is ended before another node commits (safety A5, B5)."""
import subprocess
import time

from lib import wait
from lib.pg_case import Case
from lib.pg_cluster import kill, stop
from lib.pg_node import BIN, PG_PORT, lives
from lib.timely import timely

SETTINGS = {}
LEASE_MS = 5000
NOTHING_MS = 250  # a write may wait this long on a busy machine


def test_a_postmaster_that_is_frozen(pg):
    """Those who are connected go on at first; nobody can connect any more. It is ended with the lease, and who had the role
    has it again, where nobody else provably has everything: that a postmaster hung says nothing against the next one."""
    case = Case(pg)
    old = case.primary.postmaster()
    case.moment = stop([old])
    wait.until(lambda: not lives(old), lambda: f"its guard ends it\n{case.cluster.story()}")
    case.cluster.wait_well()
    case.writers.go_on()
    _, outage_ms = case.over()
    case.nothing_lost()
    timely(outage_ms, LEASE_MS + 1000)


def test_a_checkpointer_that_is_frozen(pg):
    """Commits need none, so clients write on and nobody is pushed from the role; and what hangs there is ended with the others
    when the postmaster dies."""
    case = Case(pg)
    old = case.primary.child("checkpointer")
    stop([old])
    wait.stays(lambda: case.primary.postmaster() is not None, "PostgreSQL runs", 2 * LEASE_MS / 1000)
    timely(case.writers.outage(case.moment).ms, NOTHING_MS)
    case.moment = kill([case.primary.postmaster()])
    case.writers.go_on(case.moment, 50)
    assert not lives(old)
    now, outage_ms = case.over()
    case.nothing_lost()
    assert now is case.primary
    timely(outage_ms, 2000)


def busy(node):
    """A session in a computation without an end, which looks around never."""
    words = [BIN / "psql", "-Xq", "-h", node.sockets, "-p", str(PG_PORT), "-U", "postgres", "-d", "postgres", "-c",
             "SELECT pg_advisory_lock(4711)", "-c", "SELECT repeat('a', 100000000) ~ '(a|aa)+b'"]
    made = subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(500):
        if node.sql("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%repeat%' AND"
                    " pid <> pg_backend_pid()") == "1":
            return made
        time.sleep(0.02)
    raise AssertionError("it does not begin")


def test_a_postmaster_that_is_killed_while_one_is_busy_and_others_commit(pg):
    """Asynchronous: nobody provably has everything, so the node goes on in place."""
    case = Case(pg)
    session = busy(case.primary)
    try:
        old = set(case.primary.postgres())
        case.moment = kill([case.primary.postmaster()])
        case.writers.go_on(case.moment, 50)
        assert not old & set(case.primary.postgres())
    finally:
        session.kill()
        session.wait()
    now, outage_ms = case.over()
    assert now is case.primary
    case.nothing_lost()
    timely(outage_ms, 2000)
