"""tests/cluster/test_partitions.py - the network breaks, in every way, while clients read and write.

Claim: whoever can reach a majority goes on, whoever can not says so in time, both sides come
together again when the network does, and what clients were told is linearizable. Clients ask over
control sockets, so they reach both sides of every partition: a node that answers from the wrong side is
found out."""
import time

import pytest

from lib import wait
from lib.client import Refused
from test_crashes import writes_go_on


@pytest.fixture
def five(breakable):
    cluster = breakable.cluster(5)
    cluster.form()
    return cluster


def others_of(cluster, *nodes):
    return [node for node in cluster if node not in nodes]


def names(nodes):
    return [node.name for node in nodes]


def heal_and_judge(breakable, cluster, load, linearizable):
    breakable.net.heal()
    cluster.wait_leader()
    cluster.wait_applied()
    writes_go_on(load)
    linearizable(load.stop())


def test_a_leader_in_the_minority_steps_back_and_answers_in_time(five, breakable, linearizable):
    load = breakable.load(five)
    leader = five.wait_leader()
    friend = others_of(five, leader)[0]
    rest = others_of(five, leader, friend)
    breakable.net.part(names([leader, friend]), names(rest))
    five.wait_leader(rest)
    writes_go_on(load)
    began = time.monotonic()
    with pytest.raises(Refused) as refused:
        friend.client.put("from", "the minority", timeout_ms=1500)
    assert time.monotonic() - began < 5
    assert refused.value.retry
    with pytest.raises(Refused):
        leader.client.value("from", timeout_ms=1500)
    wait.until(lambda: not leader.raft()["quorum"], "the old leader knows")
    heal_and_judge(breakable, five, load, linearizable)


def test_the_cable_of_the_leader_is_pulled(five, breakable, linearizable):
    load = breakable.load(five)
    leader = five.wait_leader()
    breakable.net.pull(leader.name)
    five.wait_leader(others_of(five, leader))
    writes_go_on(load)
    heal_and_judge(breakable, five, load, linearizable)


def test_one_way_out_of_the_leader_is_broken(five, breakable, linearizable):
    """The leader hears everybody and nobody hears it."""
    load = breakable.load(five)
    leader = five.wait_leader()
    for node in others_of(five, leader):
        breakable.net.cut(leader.name, node.name)
    five.wait_leader(others_of(five, leader))
    writes_go_on(load)
    heal_and_judge(breakable, five, load, linearizable)


def test_one_way_into_the_leader_is_broken(five, breakable, linearizable):
    """Everybody hears the leader and it hears nobody: it must not hold the others back."""
    load = breakable.load(five)
    leader = five.wait_leader()
    for node in others_of(five, leader):
        breakable.net.cut(node.name, leader.name)
    five.wait_leader(others_of(five, leader))
    writes_go_on(load)
    heal_and_judge(breakable, five, load, linearizable)


def test_a_bridge_between_two_halves_is_enough(five, breakable, linearizable):
    """Two pairs that do not see each other, and one node that sees both."""
    load = breakable.load(five)
    left, right = ["n1", "n2"], ["n4", "n5"]
    breakable.net.part(left, right)
    writes_go_on(load, 50)
    wait.until(lambda: five["n3"].is_healthy(), "the bridge reads")
    heal_and_judge(breakable, five, load, linearizable)


def test_a_ring_of_one_way_breaks(five, breakable, linearizable):
    """Each node can not send to the next one; a majority sees the leader all the same."""
    load = breakable.load(five)
    ring = names(five)
    for sender, receiver in zip(ring, ring[1:] + ring[:1]):
        breakable.net.cut(sender, receiver)
    writes_go_on(load, 50)
    heal_and_judge(breakable, five, load, linearizable)


def test_a_link_that_flaps(five, breakable, linearizable):
    load = breakable.load(five)
    for turn in range(4):
        leader = five.leader_among(list(five)) or five["n1"]
        breakable.net.pull(leader.name)
        time.sleep(0.3 + 0.3 * (turn % 3))  # shorter than an election timeout, and longer
        breakable.net.plug(leader.name)
        writes_go_on(load, 5)
    heal_and_judge(breakable, five, load, linearizable)


def test_a_node_that_was_away_does_not_disturb_when_it_is_back(five, breakable):
    """Pre-vote: who was cut off for long brings no new term along."""
    leader = five.wait_leader()
    away = others_of(five, leader)[0]
    term = leader.raft()["term"]
    breakable.net.pull(away.name)
    wait.until(lambda: not away.raft()["quorum"], "it knows that it is alone")
    wait.stays(lambda: away.raft()["term"] == term, "it stays in its term", seconds=2)
    breakable.net.plug(away.name)
    five.wait_leader()
    five.wait_applied()
    assert {node.raft()["term"] for node in five} == {term}
    assert five.leader_among(list(five)) is leader


def test_a_cut_member_is_shown_as_missing(five, breakable):
    leader = five.wait_leader()
    away = others_of(five, leader)[0]
    breakable.net.pull(away.name)
    def told(node):
        said = node.raft()
        return said["missing"] == [away.name] and said["can_lose"] == 1
    wait.until(lambda: told(leader), lambda: f"missing: {leader.raft()}")
    breakable.net.plug(away.name)
    wait.until(lambda: leader.raft()["missing"] == [], "nobody is missing")
