"""tests/cluster/test_growth.py - members come, go, move and wait for a vote while clients write.

Claim: growing 1 -> 3 -> 5 and shrinking to 3 loses no acknowledged write and no event; one voter is never
what is left; a node that finds nobody is called; an address may change; databases beyond raft.max_voters
have no vote, and one of them gets it when a voter leaves for good."""
import re
import threading

import pytest

from lib import wait
from lib.client import Refused
from lib.database import Databases
from lib.node import PEER_PORT
from lib.tool import ctl
from lib.watcher import Watcher, all_told
from test_crashes import writes_go_on


def remove(cluster, name):
    """As an operator does it: asked until it is done, at whoever is not the one to go."""
    asked = next(node for node in cluster.running if node.name != name)
    gone = asked.member(name)["id"]
    assert asked.client.post("members/remove", member=gone, timeout_ms=30000) == {"removed": gone}
    wait.until(lambda: cluster[name].state() == "removed", cluster.story)
    cluster[name].stop()


def test_it_grows_from_one_to_five_and_shrinks_to_three_while_clients_write(stage, linearizable):
    cluster = stage.cluster(["n1"])
    for name in ("n2", "n3", "n4", "n5"):
        node = cluster.add(name)
        node.peers = cluster.peers_text() + f",{name}={node.address}:{PEER_PORT}"
    cluster.start("n1").wait_voters(["n1"])
    load = stage.load(cluster)
    watcher = Watcher([node.socket for node in cluster])
    for count in range(2, 6):
        cluster.start(f"n{count}")
        cluster.wait_voters([f"n{i + 1}" for i in range(count)])
        writes_go_on(load)
    for name in ("n5", "n1"):
        remove(cluster, name)
        writes_go_on(load)
    cluster.wait_voters(["n2", "n3", "n4"])
    history = load.stop()
    all_told(load, watcher)
    watcher.close()
    linearizable(history)


def test_the_last_but_one_voter_is_not_removed(stage):
    cluster = stage.cluster(3)
    leader = cluster.form()
    others = [node.name for node in cluster if node is not leader]
    remove(cluster, others[0])
    cluster.wait_leader()
    for name in (others[1], leader.name):
        with pytest.raises(Refused) as refused:
            leader.client.post("members/remove", member=name, timeout_ms=10000)
        assert refused.value.code == "ERR_REFUSED"
        assert "one voter" in refused.value.message
    cluster.wait_voters([leader.name, others[1]])
    leader.client.put("motd", "two are left")


def test_a_node_that_finds_nobody_is_called(stage):
    """Its list is of a time when the others were elsewhere."""
    cluster = stage.cluster(2)
    leader = cluster.form()
    lost = cluster.add("n3")
    lost.peers = f"n0=127.0.0.9:{PEER_PORT},n3={lost.address}:{PEER_PORT}"
    with pytest.raises(Refused) as refused:
        leader.client.post("members/add", name="n3", address=f"{lost.address}:{PEER_PORT}", timeout_ms=1500)
    assert refused.value.code == "ERR_REFUSED"
    message = refused.value.message
    assert message.endswith("names a member")  # not cut off
    assert message.count(f"{lost.address}:{PEER_PORT}") == 1
    lost.start()
    wait.until(lambda: lost.state() == "forming", cluster.story)
    follower = next(node for node in cluster if node not in (leader, lost))
    words = ["member", "add", "n3", f"{lost.address}:{PEER_PORT}", "--timeout", "20"]
    told = ctl(leader, *words, "--role", "voter")
    assert (told[1], "runs as a witness" in told[0]) == (1, True)
    for asked in (follower, leader):  # and again, for nothing
        text, status = ctl(asked, *words, "--role", "witness")
        assert status == 0
        assert re.fullmatch(r"n3 \([0-9a-f]{16}\) is a witness\n", text)
    cluster.wait_voters(["n1", "n2", "n3"])
    lost.restart()  # it knows the way by itself now
    cluster.wait_voters(["n1", "n2", "n3"])
    lost.client.put("motd", "found")


def test_an_addition_goes_on_when_the_leader_dies(stage):
    cluster = stage.cluster(3)
    leader = cluster.form()
    lost = cluster.add("n4")
    lost.peers = f"n0=127.0.0.9:{PEER_PORT},n4={lost.address}:{PEER_PORT}"
    lost.start()
    wait.until(lambda: lost.state() == "forming", cluster.story)
    asked = next(node for node in cluster if node not in (leader, lost))
    told = []
    operator = threading.Thread(target=lambda: told.append(
        ctl(asked, "member", "add", "n4", f"{lost.address}:{PEER_PORT}", "--timeout", "25")))
    operator.start()
    leader.says("peer connected: peer=n4")  # it has begun
    leader.kill()
    operator.join()
    assert told[0][1] == 0, told[0][0]
    wait.until(lost.is_member, cluster.story)  # a moment behind those who gave it its vote
    wait.until(lambda: len(cluster.voters(asked)) == 4, cluster.story)
    lost.client.put("motd", "without the leader that was asked first", timeout_ms=20000)


def test_an_address_that_changed_is_taken_over_under_load(stage, linearizable):
    cluster = stage.cluster(3)
    leader = cluster.form()
    load = stage.load(cluster)
    moved = next(node for node in cluster if node is not leader)
    moved.stop()
    stage.net.move(moved.name, "10.77.0.77" if stage.net.can_break else "127.77.77.77")
    moved.address = stage.net.addresses[moved.name]
    moved.start()
    cluster.wait_voters(cluster.listed)
    for node in cluster:
        wait.until(lambda at=node: at.member(moved.name)["address"] == f"{moved.address}:{PEER_PORT}", cluster.story)
    # It carries the cluster, too: without it two of three would be gone.
    next(node for node in cluster if node not in (leader, moved)).stop()
    cluster.wait_leader([leader, moved])
    writes_go_on(load)
    linearizable(load.stop())


def roles(node):
    return {row["name"]: row["role"] for row in (node.raft() or {"members": []})["members"]}


def test_who_is_beyond_the_limit_gets_its_vote_when_a_voter_leaves_for_good(stage, linearizable):
    cluster = Databases(stage.net, ["n1", "n2", "w3"], raft_max_voters=3)
    stage.clusters.append(cluster)
    for name in ("n4", "n5"):
        node = cluster.add(name)
        node.peers = f"{cluster.peers_text()},{name}={node.address}:{PEER_PORT}"
    cluster.start("n1", "n2", "w3").wait_voters(["n1", "n2", "w3"])
    load = stage.load(cluster)
    cluster.start("n4", "n5")
    wanted = {"n1": "voter", "n2": "voter", "w3": "witness", "n4": "non-voter", "n5": "non-voter"}
    wait.until(lambda: all(roles(node) == wanted for node in cluster), cluster.story)
    writes_go_on(load)
    cluster["n4"].client.put("motd", "through one without a vote")
    cluster["n2"].kill()  # away is not gone: nobody else gets its vote
    writes_go_on(load)
    assert roles(cluster["n1"]) == wanted
    remover = cluster.wait_leader()
    remover.client.post("members/remove", member="n2", timeout_ms=30000)
    wait.until(lambda: sorted(roles(remover).values()) == ["non-voter", "voter", "voter", "witness"], cluster.story)
    writes_go_on(load)
    linearizable(load.stop())
