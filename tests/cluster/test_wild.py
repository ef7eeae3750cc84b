"""tests/cluster/test_wild.py - wild bytes and slow clients at every door of every node, under load.

Claim: whatever comes to the port for peers, to the HTTP port and to the control socket, also from somebody who has
a certificate: memory stays bounded, no leader is lost, clients are served, what they are told is linearizable, and
afterwards nothing is left of it (reliability 12)."""
import os
import random
import socket
import struct
import threading
import time

import pytest

from lib import wait
from lib.node import API_PORT, PEER_PORT
from lib.tls import Authority, connect, give
from test_crashes import writes_go_on
from test_strangers import GARBAGE, resident_kib

NAMES = ["n1", "n2", "n3"]
STORM_S = 6
THROWN_MIN = 12  # by each; a busy machine takes longer for it
HELD = 60  # slow connections at each door
GROWTH_KIB_MAX = 56 * 1024  # bodies of requests may take 32 MiB together, and a storm has one more
PATIENCE_S = 2
GAP_S = 2.0
CHUNK = b"x" * 65536
POST = b"POST /pgraft/v1/kv/put HTTP/1.1\r\nHost: 127.0.0.1\r\n"

WILD = GARBAGE | {
    "a body of a terabyte": POST + b"Content-Length: 1099511627776\r\n\r\n" + CHUNK,
    "a body that is too large": POST + b"Content-Length: 5000000\r\n\r\n" + CHUNK * 76,
    "half a body": POST + b"Content-Length: 4000000\r\n\r\n" + CHUNK,
    "no length": POST + b"\r\n" + CHUNK,
    "a header without an end": POST + b"X: " + CHUNK * 20,
    "headers without an end": POST + b"X: y\r\n" * 100_000,
    "a line without an end": b"GET /" + CHUNK * 20,
    "chunks of nonsense": POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n" + CHUNK,
    "deep JSON": POST + b"Content-Length: 60000\r\n\r\n" + b"[" * 60_000,
}
# A beginning that is in order, for who goes on slowly; the last one asks for a lot of memory.
SLOW = [b"", b"\x16\x03\x01", b"GET /raft HTTP/1.1\r\n", POST + b"Content-Length: 4000000\r\n\r\n{" + CHUNK * 60]
FRAME = b"\x89pgraft\n" + struct.pack("<II", 4_000_000, 0) + CHUNK * 60


def at_peers(node):
    return socket.create_connection((node.address, PEER_PORT), timeout=PATIENCE_S)


def at_api(node):
    return socket.create_connection((node.address, API_PORT), timeout=PATIENCE_S)


def at_control(node):
    door = socket.socket(socket.AF_UNIX)
    door.settimeout(PATIENCE_S)
    door.connect(node.socket)
    return door


# What a node says of those who have a certificate; the slow ones take their places.
TOLD = ["not the beginning of pgraft's protocol", "a body of 4294967295 bytes"]
DOORS = [at_peers, at_api, at_control]


@pytest.fixture
def trusted(stage, tmp_path):
    """A cluster with certificates, and who has signed them: "wild" is no member."""
    authority = Authority(tmp_path / "authority", [*NAMES, "wild"])
    cluster = stage.cluster(NAMES)
    for node in cluster:
        give(node, [authority], authority)
    cluster.form()
    return cluster, authority


def swallow(door, wild):
    """Send @wild; whatever comes of it."""
    try:
        door.sendall(wild)
        door.shutdown(socket.SHUT_WR)
        while door.recv(65536):
            pass
    except OSError:
        pass
    finally:
        door.close()


def inside_tls(node, authority):
    """Frames that nobody sends, from somebody who is believed."""
    frames = [os.urandom(200_000), b"\x89pgraft\n" + struct.pack("<II", 0xFFFFFFFF, 0) + CHUNK * 20,
              b"\x89pgraft\n" + os.urandom(200_000), b"\x89pgraft\n" + struct.pack("<II", 100, 0) + CHUNK]
    for wild in frames:
        swallow(connect(node, authority, authority, "wild"), wild)


def at_peers_believed(node, authority):
    """Somebody who is believed, and asks for a lot of memory, too."""
    door = connect(node, authority, authority, "wild")
    door.settimeout(PATIENCE_S)
    door.sendall(FRAME)
    return door


class Storm(threading.Thread):
    """One who throws everything at all doors of @node, until stop()."""

    def __init__(self, node, authority, seed):
        super().__init__(daemon=True)
        self.node = node
        self.authority = authority
        self.random = random.Random(seed)
        self.ends = threading.Event()
        self.thrown = 0

    def run(self):
        while not self.ends.is_set():
            for door in DOORS:
                try:
                    swallow(door(self.node), self.random.choice(list(WILD.values())))
                    self.thrown += 1
                except OSError:
                    pass
            try:
                inside_tls(self.node, self.authority)
            except OSError:
                pass

    def stop(self):
        self.ends.set()
        self.join()


class Slow(threading.Thread):
    """One who holds HELD connections at each door of @node and sends a byte on each now and then."""

    def __init__(self, node, authority):
        super().__init__(daemon=True)
        self.node = node
        self.authority = authority
        self.ends = threading.Event()
        self.held = []

    def run(self):
        while not self.ends.wait(0.2):
            if len(self.held) < HELD * len(DOORS):
                self.open_more()
            self.held = [door for door in self.held if self.goes_on(door)]
        for door in self.held:
            door.close()

    def open_more(self):
        for number in range(10):
            self.hold(lambda: at_peers_believed(self.node, self.authority), b"")
            for door in DOORS:
                self.hold(lambda door=door: door(self.node), SLOW[number % len(SLOW)])

    def hold(self, door, beginning):
        try:
            opened = door()
            self.held.append(opened)
            opened.sendall(beginning)
        except OSError:
            pass

    def goes_on(self, door):
        try:
            door.sendall(b"x")
            return True
        except OSError:
            door.close()
            return False

    def stop(self):
        self.ends.set()
        self.join()


def connections(node):
    """Open descriptors of its process."""
    return len(os.listdir(f"/proc/{node.pid}/fd"))


def test_wild_bytes_and_slow_clients_at_every_door(trusted, stage, linearizable):
    cluster, authority = trusted
    leader = cluster.wait_leader()
    term = leader.raft()["term"]
    load = stage.load(cluster)
    writes_go_on(load)
    before = {node.name: (resident_kib(node), connections(node)) for node in cluster}
    storms = [Storm(node, authority, number) for number, node in enumerate(cluster)]
    slow = [Slow(node, authority) for node in cluster]
    for storm in storms:
        storm.start()
    for node in cluster:
        for pattern in TOLD:
            node.says(f"peer refused.*{pattern}")
    for one in slow:
        one.start()
    end = time.monotonic() + STORM_S
    most = 0
    while time.monotonic() < end or min(storm.thrown for storm in storms) < THROWN_MIN:
        assert time.monotonic() < end + wait.PATIENCE_S, [storm.thrown for storm in storms]
        most = max([most, *(resident_kib(node) - before[node.name][0] for node in cluster)])
        writes_go_on(load)
        time.sleep(0.2)
    for one in storms + slow:
        one.stop()
    print(f"{most} KiB more, {load.gap_s():.2f} s without a write")
    assert most < GROWTH_KIB_MAX
    writes_go_on(load)
    history = load.stop()
    assert load.gap_s() < GAP_S
    assert [node.raft()["term"] for node in cluster] == [term] * len(NAMES)
    for node in cluster:
        wait.until(lambda node=node: connections(node) <= before[node.name][1] + 4, lambda node=node: connections(node))
    linearizable(history)
