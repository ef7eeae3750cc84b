"""tests/cluster/test_formation.py - blank nodes become one cluster, in any order and by themselves.

Claim (docs/formation.md): one start line for all, no flag; who comes late is let in; a list of one is
a cluster; lists that differ are shown, and nothing is formed of them."""
import itertools
import shutil

import pytest

from lib import wait

NAMES = ["a", "b", "c"]


def ids(cluster):
    return {node.raft()["cluster_id"] for node in cluster.running}


@pytest.mark.parametrize("order", list(itertools.permutations(NAMES)), ids="".join)
def test_nodes_form_one_cluster_in_any_order(stage, order):
    cluster = stage.cluster(NAMES)
    for name in order[:-1]:
        cluster.start(name)
        cluster[name].says("waits: ")
        assert cluster[name].raft()["cluster_id"] is None
        assert cluster[name].state() == "forming"
    cluster.start(order[-1])
    cluster.wait_voters(NAMES)
    leader = cluster.wait_leader()
    assert len(ids(cluster)) == 1
    leader.client.put("motd", "hello")
    assert all(node.client.value("motd") == "hello" for node in cluster)


def test_five_nodes_form_at_once(stage):
    cluster = stage.cluster(5)
    leader = cluster.form()
    said = leader.raft()
    assert (said["voters"], said["majority"], said["can_lose"], said["missing"]) == (5, 3, 2, [])
    assert len(ids(cluster)) == 1


def test_a_list_of_one_is_a_cluster(stage):
    cluster = stage.cluster(["only"])
    leader = cluster.form()
    leader.client.put("motd", "alone")
    leader.kill()
    leader.start()
    cluster.wait_leader()
    assert leader.client.value("motd") == "alone"


def test_who_is_not_there_is_waited_for_and_can_be_left_out(stage):
    cluster = stage.cluster(NAMES)
    cluster.start("a", "b")
    assert "waits: c (" in cluster["a"].says("waits: c ")
    wait.stays(lambda: cluster["a"].state() == "forming", "it waits", seconds=1)
    cluster["a"].client.post("form", without=["c"])
    cluster.wait_voters(["a", "b"])
    cluster.start("c")
    cluster.wait_voters(NAMES)
    cluster.wait_leader()
    assert len(ids(cluster)) == 1


def test_a_node_that_is_in_nobodys_list_joins_a_cluster(stage):
    cluster = stage.cluster(NAMES)
    cluster.form()
    late = cluster.add("d")
    late.peers = cluster.peers_text() + f",d={late.address}:7400"
    late.start()
    cluster.wait_voters([*NAMES, "d"])
    assert len(ids(cluster)) == 1


def test_a_directory_that_is_emptied_under_a_blank_node_ends_it(stage):
    """It can not be the member that it has promised to be; started again it is a new one, and replaces that."""
    cluster = stage.cluster(NAMES, raft_replace_after="10s")
    late = cluster["c"].start()
    late.says("waits: ")
    for entry in late.data.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    cluster.start("a", "b")
    assert late.ends_by_itself() != 0
    late.says("was emptied or replaced while this node ran")
    cluster.wait_leader()
    late.wipe()
    late.start()
    cluster.wait_voters(NAMES)
    assert len(ids(cluster)) == 1


def test_the_log_has_one_line_for_each_thing_that_changed(stage):
    """Not one for each step of formation, nor one for each tenth of a second for which somebody is silent."""
    cluster = stage.cluster(NAMES)
    cluster.start("a", "b")
    cluster["a"].says("waits: c ")
    cluster["b"].kill()
    cluster["a"].says("b .* was last heard")
    mark = cluster["a"].mark()
    wait.stays(lambda: cluster["a"].state() == "forming", "it waits", seconds=3)
    assert cluster["a"].count("membership", mark) == 0, cluster["a"].log_since(mark)
    cluster.start("b", "c")
    cluster.wait_voters(NAMES)
    assert cluster["a"].count(" info .*membership", mark) <= 4, cluster["a"].log_since(mark)
    assert cluster["c"].count(" info .*membership: text=\"?joining\"?( |$)") == 0


def test_lists_that_differ_are_shown_and_form_nothing(stage):
    cluster = stage.cluster(NAMES)
    cluster["b"].peers = cluster.peers_text() + ",d=127.77.99.99:7400"
    cluster.start()
    for node in cluster:
        assert "d" in node.says("lists differ|is in ours and not in")
    wait.stays(lambda: all(node.state() == "refused" for node in cluster), "nothing is formed", seconds=1)
    cluster["b"].stop()
    cluster["b"].peers = None
    cluster["b"].start()
    cluster.wait_voters(NAMES)


def test_two_nodes_of_one_name_are_told(stage):
    cluster = stage.cluster(NAMES)
    twin = cluster.add("twin")
    cluster.start("a", "b", "c")
    cluster.wait_voters(NAMES)
    twin.name = "c"
    twin.peers = f"a={cluster['a'].address}:7400,b={cluster['b'].address}:7400,c={twin.address}:7400"
    twin.start()
    twin.says("name c is in use by")
    leader = cluster.wait_leader([cluster[name] for name in NAMES])
    leader.says("name taken.*name c is in use by")
    assert cluster.voters(cluster["a"]) == NAMES
    assert len({row["id"] for row in cluster["a"].raft()["members"]}) == 3
