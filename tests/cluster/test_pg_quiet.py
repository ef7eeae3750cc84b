"""tests/cluster/test_pg_quiet.py - what must not be felt: another raft leader, a lost witness, a daemon that starts again.

Claim: no client of PostgreSQL notices. The sessions that were there before are there afterwards, on the same postmaster and
timeline, and writes are acknowledged all the time."""
import time

import pytest

from lib import wait
from lib.idle import most_bytes, written_bytes
from lib.pg_cluster import kill
from lib.timely import timely

SETTINGS = {"dynamic": {"synchronous_mode": "quorum"}}
IDLE_S = 5
MEMORY_MAX = 25 << 20
NOTHING_MS = 250  # a write may wait this long on a busy machine
AFTER_S = 6  # longer than a lease: what was to come of it has come


def another_leader(cluster, _):
    leader = cluster.wait_leader()
    other = next(node for node in cluster if node is not leader and not node.is_database)
    leader.client.post("transfer", member=other.name)
    wait.until(lambda: cluster.leader_among(cluster.running) is other, lambda: f"{other.name} leads\n{cluster.story()}")


def leader_dies(cluster, primary):
    """The one that leads raft; the role of PostgreSQL is elsewhere."""
    leader = cluster.wait_leader()
    if leader.is_database:
        leader.client.post("transfer", member="w1")
        leader = wait.until(lambda: (cluster.leader_among(cluster.running) or primary).name == "w1" and cluster["w1"],
                            lambda: f"w1 leads\n{cluster.story()}")
    leader.kill()
    cluster.wait_leader(other_than=leader)


def witness_dies(cluster, _):
    leader = cluster.wait_leader()
    next(node for node in cluster if node is not leader and not node.is_database).kill()


def daemon_starts_again(_, primary):
    """Killed, and started again at once, as systemd does it; the guard is connected to, and goes on."""
    kill([primary.pid])
    primary.process.wait()
    primary.start()
    wait.until(primary.is_member, "it is back")


@pytest.mark.parametrize("event", [another_leader, leader_dies, witness_dies, daemon_starts_again],
                         ids=lambda event: event.__name__.replace("_", "-"))
def test_nobody_notices(pg, event):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    asked = "SELECT pg_postmaster_start_time(), (pg_control_checkpoint()).timeline_id"
    before = primary.sql(asked)
    writers = pg.writers()
    writers.go_on()
    moment = writers.acknowledged()[-1][0]
    event(cluster, primary)
    wait.stays(lambda: primary.postmaster() is not None, "PostgreSQL runs", AFTER_S)
    writers.go_on()
    outage = writers.outage(moment)
    assert writers.unknown() == 0
    assert primary.sql(asked) == before
    assert writers.lost() == []
    timely(outage.ms, NOTHING_MS)


def test_an_idle_voter_writes_nothing(pg):
    """And is small. What it costs in processor time is a figure (bench/idle.py)."""
    cluster = pg.clusters[0]
    cluster.wait_well()
    time.sleep(IDLE_S)
    before = {pid: written_bytes(pid) for node in cluster.databases for pid in node.ours()}
    time.sleep(IDLE_S)
    for node in cluster.databases:
        ours = node.ours()
        assert node.pid in ours and set(node.guard()) <= set(ours)
        assert {pid: written_bytes(pid) for pid in ours if pid in before} == {pid: before[pid] for pid in ours if pid in before}
        assert most_bytes(node.pid) < MEMORY_MAX
