"""tests/cluster/test_pg_disk.py - the disk of the primary's data directory hangs, becomes read-only, or is full.

Claim: whoever can not write any more does not keep the role: what hangs is not renewed, and its guard ends it, though no disk
answers; what PostgreSQL gives up by itself goes to a standby at once. Nothing is lost, and the old primary comes back when its
disk does. The disk is a file system in user space (pg_disk.c): whoever waits for it hangs in the kernel, and can not be killed."""
import json
import time

from lib import wait
from lib.pg_case import Case
from lib.pg_cluster import stop
from lib.timely import timely

SETTINGS = {"dynamic": {"synchronous_mode": "quorum"}, "disks": True}
LEASE_MS = 5000
FOUND_MS = 4000  # until a disk counts as one that hangs: a question that needs it, and the time for an answer
MANY = "SELECT count(pg_logical_emit_message(false, 'test', repeat('x', 1000000))) FROM generate_series(1, 200)"


def configure(cluster, **parameters):
    """These parameters are set for all of @cluster."""
    client = cluster["w1"].client
    config = json.loads(client.value(cluster.key("config")))
    config.setdefault("postgresql", {}).setdefault("parameters", {}).update(parameters)
    client.put(cluster.key("config"), json.dumps(config))


def came_back(case, heir, outage_ms_max):
    case.primary.disk.turn("well")
    primary, outage_ms = case.over()
    case.nothing_lost()
    assert primary is heir
    timely(outage_ms, outage_ms_max)


def test_a_disk_that_hangs(pg):
    case = Case(pg)
    case.primary.disk.turn("hung")
    came_back(case, case.heir(), FOUND_MS + LEASE_MS + 1000)


def test_a_disk_that_hangs_under_a_guard_that_is_frozen(pg):
    """Its pgraftd ends PostgreSQL, though other work of its own hangs in that disk: a new configuration that it was writing."""
    case = Case(pg)
    guard = case.primary.guard_alone()
    case.primary.disk.turn("hung")
    configure(case.cluster, work_mem="5MB")
    time.sleep(0.5)
    stop([guard])
    came_back(case, case.heir(), FOUND_MS + LEASE_MS + 1000)


def test_a_disk_that_is_read_only(pg):
    """PostgreSQL ends itself with the first commit."""
    case = Case(pg)
    case.primary.disk.turn("read-only")
    came_back(case, case.heir(), LEASE_MS + 1000)


def test_a_disk_that_is_full(pg):
    """As long as there is room in the WAL, PostgreSQL refuses what needs more, and keeps the role; then it ends itself."""
    case = Case(pg)
    case.primary.disk.turn("full")
    wait.until(lambda: case.primary.sql(MANY, 30) is None, "PostgreSQL ends itself")
    came_back(case, case.heir(), 30000)
