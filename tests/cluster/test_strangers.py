"""tests/cluster/test_strangers.py - who does not belong here is kept out, and both sides say why.

Claim: another secret, scope or cluster, a removed node: one clear line on both sides, and nothing changes;
garbage, oversize frames, slow and many connections on the peer port disturb nobody (reliability 12)."""
import os
import socket
import struct

import pytest

from lib import wait
from lib.cluster import write_secret
from lib.node import PEER_PORT

NAMES = ["a", "b", "c"]


@pytest.fixture
def formed(stage):
    cluster = stage.cluster(NAMES)
    cluster.form()
    return cluster


def stranger_of(cluster, **members):
    """A host that is no member and has the cluster in its list."""
    late = cluster.add("late")
    late.peers = cluster.peers_text() + f",late={late.address}:{PEER_PORT}"
    for name, value in members.items():
        setattr(late, name, value)
    return late


def says_once(node, pattern, peer=""):
    """One line says it of @peer, and is not followed by the same line again and again."""
    pattern = f"peer refused: {f'peer={peer} ' if peer else ''}.*{pattern}"
    node.says(pattern)
    wait.stays(lambda: node.count(pattern) <= 2, lambda: f"said once\n{node.log_tail()}", seconds=3)


def unchanged(cluster):
    assert cluster.voters(cluster["a"]) == NAMES
    cluster["a"].client.put("motd", "unchanged")


def test_another_secret(formed):
    late = stranger_of(formed, secret=write_secret(formed.folder / "other"))
    late.start()
    says_once(late, "secret", peer="a")
    says_once(formed["a"], "secret")
    assert late.state() == "forming"
    unchanged(formed)


def test_another_scope(formed):
    late = stranger_of(formed, scope="other")
    late.start()
    says_once(late, "is of scope", peer="a")
    says_once(formed["a"], "is of scope")
    unchanged(formed)


def test_another_cluster(formed, stage):
    """A node of another cluster has the address of a member: the two do not talk."""
    other = stage.cluster(["x"])
    other["x"].secret = formed.secret
    other.form()
    other["x"].stop()
    formed["c"].stop()
    address = formed["c"].address
    stage.net.move("c", "10.77.0.99" if stage.net.can_break else "127.77.99.99")
    stage.net.move("x", address)
    other["x"].address = address
    other.start()
    says_once(formed["a"], "cluster")
    says_once(other["x"], "cluster")
    assert other["x"].raft()["cluster_id"] != formed["a"].raft()["cluster_id"]
    unchanged(formed)


def test_a_removed_node_is_told_and_stays_out(formed):
    leader = formed.wait_leader()
    gone = next(node for node in formed if node is not leader)
    fourth = stranger_of(formed).start()
    formed.wait_voters([*NAMES, "late"])
    leader.client.post("members/remove", member=gone.name, timeout_ms=30000)
    left = [name for name in [*NAMES, "late"] if name != gone.name]
    formed.wait_voters(left)
    wait.until(lambda: not gone.is_running or gone.state() == "removed", gone.log_tail)
    gone.says("removed")
    if gone.is_running:
        gone.stop()
    mark = gone.mark()
    gone.start()
    gone.says("removed", mark)
    wait.stays(lambda: not gone.is_running or gone.state() != "member", "it is no member", seconds=2)
    assert formed.voters(fourth) == sorted(left)
    if gone.is_running:
        gone.stop()
    gone.wipe()
    gone.start()
    formed.wait_voters([*NAMES, "late"])


# --- The peer port ---

def connected(cluster, node):
    """A connection to the peer port of @node, from a host of the network."""
    return socket.create_connection((node.address, PEER_PORT), timeout=30)


def closes(connection):
    """The other side ends the connection."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass
    finally:
        connection.close()
    return True


GARBAGE = {
    "nothing": b"",
    "zeros": b"\0" * 100_000,
    "ones": b"\xff" * 100_000,
    "http": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 100,
    "random": os.urandom(200_000),
    "a record of 16 MiB that is announced": b"\x16\x03\x03\xff\xff" + b"x" * 70_000,
    "a frame of 4 GiB that is announced": struct.pack("<I", 0xFFFFFFFF) * 1000,
}


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage_on_the_peer_port_is_dropped(formed, what):
    leader = formed.wait_leader()
    term = leader.raft()["term"]
    connection = connected(formed, leader)
    try:
        connection.sendall(GARBAGE[what])
        connection.shutdown(socket.SHUT_WR)
    except ConnectionError:
        pass
    assert closes(connection)
    unchanged(formed)
    assert leader.raft()["term"] == term


def resident_kib(node):
    """VmRSS of its process."""
    with open(f"/proc/{node.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def test_slow_and_many_connections_on_the_peer_port_disturb_nobody(formed):
    leader = formed.wait_leader()
    before = resident_kib(leader)
    held = []
    for number in range(300):
        try:
            connection = connected(formed, leader)
            connection.sendall(b"\x16\x03\x01"[:number % 4])
            held.append(connection)
        except OSError:
            pass
    unchanged(formed)
    follower = next(node for node in formed if node is not leader)
    follower.restart()
    formed.wait_voters(NAMES)
    formed.wait_leader()
    assert resident_kib(leader) - before < 16 * 1024
    for connection in held:
        assert closes(connection)
