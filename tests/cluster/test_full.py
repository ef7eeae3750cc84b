"""tests/cluster/test_full.py - somebody else fills the disk under a running store (safety E2).

Claim: a leader without room hands over, a full follower goes on voting; with all disks full ordinary writes
are refused with a clear error and nothing else changes: leaders are elected, leases go on and end, a node
that is killed comes back. With room again everything goes on by itself, and an operator sees at each
step what is wrong. What clients were told is linearizable all the time."""
import threading

import pytest

from lib import wait
from lib.client import Client, Refused, Silent
from lib.disk import Disk
from lib.tool import ctl
from test_crashes import writes_go_on

DISK_MIB = 24  # a store takes 12 at first
PIECE = "x" * 100_000
PIECES_MAX = 200
LEASE_MS = 3000
FULL = "the disk is full"


@pytest.fixture
def small(breakable):
    """A cluster of three with small disks, and these by name."""
    cluster = breakable.cluster(3)
    disks = {}
    for node in cluster:
        disks[node.name] = Disk(cluster.folder / f"disk-{node.name}", DISK_MIB)
        node.data = disks[node.name].path / "data"
    cluster.form()
    yield cluster, disks
    for disk in disks.values():
        disk.close()


def put_until(cluster, is_enough):
    """Put pieces until @is_enough() of what the last one was refused with, or None."""
    for number in range(PIECES_MAX):
        refused = None
        try:
            cluster.running[0].client.put(f"fill{number}", PIECE, timeout_ms=1000)
        except Refused as error:
            refused = error
        if is_enough(refused):
            return refused
    raise AssertionError(f"{PIECES_MAX} pieces later\n{cluster.story()}")


def refuses(cluster):
    """It comes to that: pages that become free inside the store's file take some more at first."""
    refused = put_until(cluster, lambda error: error is not None and error.code == "ERR_NO_SPACE")
    assert (refused.retry, refused.may_have_applied) == (True, False)


def errors_of(asked, node):
    """What @asked shows as errors of @node."""
    return " ".join((asked.member(node.name) or {}).get("errors", []))


def test_a_leader_whose_disk_is_full_hands_over(small, stage, linearizable):
    cluster, disks = small
    load = stage.load(cluster)
    writes_go_on(load)
    full = cluster.wait_leader()
    disks[full.name].fill()
    put_until(cluster, lambda _: full.count(f"disk space.*{FULL}"))
    leader = cluster.wait_leader(other_than=full)
    writes_go_on(load)
    assert FULL in errors_of(full, full)
    wait.until(lambda: FULL in errors_of(leader, full), lambda: f"told of it\n{leader.raft()}")
    said, status = ctl(leader, "status")
    assert (status, said.startswith(f"Cluster demo: degraded: {full.name}: {FULL}")) == (0, True), said
    assert FULL in ctl(full, "raft")[0]
    with pytest.raises(Refused) as refused:  # what it has not got room for it can not read
        full.client.value("k1", timeout_ms=1000)
    assert refused.value.retry
    disks[full.name].clear()
    full.says("the store has space again")
    cluster.wait_applied()
    assert errors_of(leader, full) == ""
    assert full.is_healthy()
    writes_go_on(load)
    linearizable(load.stop())


class Keeper(threading.Thread):
    """Keeps @lease alive, at whichever node confirms it, from start() to stop()."""

    def __init__(self, cluster, lease):
        super().__init__(daemon=True)
        self.clients = [Client(node.socket, 1) for node in cluster]
        self.lease = lease
        self.ends = threading.Event()
        self.confirmed = 0

    def run(self):
        while not self.ends.wait(0.1):
            for client in self.clients:
                try:
                    client.post("lease/keepalive", lease=self.lease, timeout_ms=500)
                    self.confirmed += 1
                    break
                except (Refused, Silent):
                    pass

    def more(self):
        """Wait until it was confirmed once more."""
        count = self.confirmed
        wait.until(lambda: self.confirmed > count + 1, "the lease is confirmed")

    def stop(self):
        self.ends.set()
        self.join()
        for client in self.clients:
            client.close()


def test_all_disks_are_full(small, stage, linearizable):
    cluster, disks = small
    leader = cluster.wait_leader()
    load = stage.load(cluster)
    kept = leader.client.post("lease/grant", ttl_ms=LEASE_MS)["lease"]
    leader.client.put("kept", "x", lease=kept)
    revoked = leader.client.post("lease/grant", ttl_ms=60_000)["lease"]
    leader.client.put("revoked", "x", lease=revoked)
    keeper = Keeper(cluster, kept)
    keeper.start()
    for disk in disks.values():
        disk.fill()
    left = leader.client.post("lease/grant", ttl_ms=LEASE_MS)["lease"]
    leader.client.put("left", "x", lease=left)
    refuses(cluster)
    leader = cluster.wait_leader()
    wait.until(lambda: leader.client.value("left") is None, "a lease ends")
    assert leader.client.post("lease/revoke", lease=revoked)["deleted"] == 1
    keeper.more()
    assert leader.client.value("kept") == "x"
    for node in cluster:
        assert node.count(f"disk space.*{FULL}"), node.log_tail()
        assert f"{node.name}: {FULL}" in ctl(leader, "status")[0]
    leader.kill()
    other = cluster.wait_leader(other_than=leader)
    leader.start()
    cluster.wait_voters(cluster.listed)
    keeper.more()
    assert other.client.value("kept") == "x"
    keeper.stop()
    wait.until(lambda: other.client.value("kept") is None, "it ends, too")
    refuses(cluster)
    for disk in disks.values():
        disk.clear()
    writes_go_on(load)
    cluster.wait_applied()
    wait.until(lambda: ctl(other, "status")[0].startswith("Cluster demo: healthy"), cluster.story)
    assert other.client.value("fill0") == PIECE
    linearizable(load.stop())
