"""tests/cluster/test_addresses.py - nodes that listen at one address and are reached at another one; how often a
leader gives word.

Claim (docs/peers.md, docs/configuration.md): raft.listen is where a node listens, raft.advertise what the others
connect to and are told of; raft.heartbeat_interval is the time between two words of a leader. Method: before each
node stands a forwarder with an address of its own, which counts."""
import time

import pytest

from lib import wait
from lib.forward import Forward
from lib.node import PEER_PORT

NAMES = ["a", "b", "c"]


@pytest.fixture(name="hidden")
def fixture_hidden(stage):
    """Makes a cluster of which every node is to be had at its forwarder, and no list names where it listens."""
    made = []

    def make(names, **settings):
        cluster = stage.cluster(names, **settings)
        host = "10.77.0.254" if stage.net.can_break else "127.77.0.254"
        for node in cluster:
            node.forward = Forward(host, (node.address, PEER_PORT))
            node.environment["PGRAFT_RAFT_ADVERTISE"] = node.forward.address
            made.append(node.forward)
        for node in cluster:
            node.peers = list_of(cluster, names)
        return cluster

    yield make
    for forward in made:
        forward.close()


def list_of(cluster, names):
    return ",".join(f"{name}={cluster[name].forward.address}" for name in names)


def addresses(node):
    return {row["name"]: row["address"] for row in node.raft()["members"]}


def test_nodes_are_reached_where_they_say_and_not_where_they_listen(hidden):
    cluster = hidden(NAMES)
    cluster["c"].peers = list_of(cluster, ["a", "c"])  # it joins, and learns from the others where b is
    for name in ("a", "b"):
        cluster[name].peers = list_of(cluster, ["a", "b"])
    cluster.start("a", "b")
    cluster.wait_voters(["a", "b"])
    cluster.start("c")
    cluster.wait_voters(NAMES)
    cluster.wait_leader().client.put("motd", "hello")
    told = {name: cluster[name].forward.address for name in NAMES}
    for node in cluster:
        wait.until(lambda at=node: addresses(at) == told, cluster.story)
        assert node.client.value("motd") == "hello"
    assert cluster["a"].forward.connections + cluster["b"].forward.connections > 0
    cluster["a"].kill()  # the only one that c had in its list
    leader = cluster.wait_leader([cluster["b"], cluster["c"]])
    leader.client.put("motd", "without a")
    cluster["a"].start()
    cluster.wait_voters(NAMES)
    assert addresses(cluster["a"]) == told


def pieces_in(cluster, seconds):
    """How many pieces pass between the nodes of @cluster while nobody asks for anything."""
    def count():
        return sum(node.forward.pieces for node in cluster)
    before = count()
    time.sleep(seconds)
    return count() - before


def test_the_heartbeat_interval_is_how_often_a_leader_gives_word(hidden):
    """Each word and its answer are a piece; so are the pings of both sides, once a second, and their answers."""
    counts = {}
    for names, interval_ms in ((["a", "b"], 50), (["c", "d"], 280)):
        cluster = hidden(names, raft_heartbeat_interval=f"{interval_ms}ms", raft_election_timeout="850ms")
        cluster.form(seconds=60)
        time.sleep(2)  # whatever came with the election
        counts[interval_ms] = pieces_in(cluster, 3)
        for node in cluster:
            node.stop()
    assert counts[280] < 50, counts  # 22 and 12, and some; 72 by the default of 100 ms
    assert counts[50] > 2 * counts[280], counts
