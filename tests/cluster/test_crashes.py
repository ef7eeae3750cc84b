"""tests/cluster/test_crashes.py - members die, freeze and come back while clients read and write.

Claim: what the clients were told is linearizable, whichever members are struck and however; a minority
lost costs seconds, a majority lost costs a clear answer in time and nothing else (safety A, E1)."""
import random
import time

import pytest

from lib import wait
from lib.client import Refused

ROUNDS = 3  # strikes in a row


def writes_go_on(load, more=20):
    """Wait until @more writes were acknowledged from now on."""
    at_first = load.count()
    wait.until(lambda: load.count() >= at_first + more, "clients write again")


def kill(cluster, node, load):
    node.kill()
    writes_go_on(load)
    node.start()


def freeze(cluster, node, load):
    node.pause()
    writes_go_on(load)
    node.go_on()


def blink(cluster, node, load):
    """Frozen for less than an election timeout, and for a little more."""
    for seconds in (0.2, 0.7):
        node.pause()
        time.sleep(seconds)
        node.go_on()
    writes_go_on(load)


def restart(cluster, node, load):
    node.stop()
    writes_go_on(load)
    node.start()


STRIKES = {"kill": kill, "freeze": freeze, "blink": blink, "restart": restart}


@pytest.mark.parametrize("strike", STRIKES)
def test_any_member_is_struck_under_load(stage, linearizable, strike):
    cluster = stage.cluster(3)
    cluster.form()
    load = stage.load(cluster)
    writes_go_on(load)
    chance = random.Random(strike)
    for turn in range(ROUNDS):
        leader = cluster.wait_leader()
        others = [node for node in cluster if node is not leader]
        STRIKES[strike](cluster, leader if turn % 2 == 0 else chance.choice(others), load)
        cluster.wait_voters(cluster.listed)
    cluster.wait_leader()
    writes_go_on(load)
    linearizable(load.stop())


def test_all_are_killed_at_once_under_load(stage, linearizable):
    cluster = stage.cluster(3)
    cluster.form()
    load = stage.load(cluster)
    for _ in range(2):
        writes_go_on(load, 50)
        for node in cluster:
            node.process.kill()
        for node in cluster:
            node.kill()
        cluster.start()
        cluster.wait_leader()
    writes_go_on(load)
    linearizable(load.stop())


def test_two_of_five_are_lost_and_then_a_third(stage):
    """What a user sees when the quorum goes and comes back (acceptance A1 of the store)."""
    cluster = stage.cluster(5)
    leader = cluster.form()
    others = [node for node in cluster if node is not leader]
    leader.kill()
    others[0].kill()
    cluster.wait_leader()
    others[1].client.put("motd", "two are gone")
    wait.until(lambda: others[1].raft()["can_lose"] == 0, "no more can be lost")
    assert set(others[1].raft()["missing"]) == {leader.name, others[0].name}
    # Its own copy may be a moment behind what it passed on.
    wait.until(lambda: others[1].client.value("motd", serializable=True) == "two are gone", "its copy has it")
    others[2].kill()
    began = time.monotonic()
    with pytest.raises(Refused) as refused:
        others[1].client.put("motd", "three are gone", timeout_ms=3000)
    assert time.monotonic() - began < 5
    assert refused.value.retry
    assert refused.value.code in ("ERR_NO_QUORUM", "ERR_TIMEOUT")
    wait.until(lambda: not others[1].raft()["quorum"], "it knows that there is no quorum")
    assert others[1].client.value("motd", serializable=True).endswith("are gone")
    others[2].start()
    cluster.wait_leader()
    others[1].client.put("motd", "two are gone again")
    assert others[2].client.value("motd") == "two are gone again"


def test_sigterm_of_the_leader_hands_leadership_over_before_it_ends(stage):
    cluster = stage.cluster(3)
    cluster.form()
    for _ in range(2):
        leader = cluster.wait_leader()
        others = [node for node in cluster if node is not leader]
        leader.stop()
        assert any(node.raft()["leader"] == node.name for node in others), cluster.story()
        others[0].client.put("motd", "handed over")
        leader.start()
        cluster.wait_voters(cluster.listed)
