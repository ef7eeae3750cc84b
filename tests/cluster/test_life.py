"""tests/cluster/test_life.py - the life of a cluster: it is reloaded, and runs in containers.

Claim: SIGHUP, and being PID 1 of a container, are all right."""
import signal


def test_sighup_is_no_interruption(stage):
    cluster = stage.cluster(3)
    leader = cluster.form()
    term = leader.raft()["term"]
    for number in range(3):
        for node in cluster:
            node.signal(signal.SIGHUP)
        leader.client.put("motd", str(number))
    assert all(node.is_running and node.raft()["term"] == term for node in cluster)
    assert leader.client.value("motd") == "2"


def test_it_is_pid_1_of_a_container(breakable):
    cluster = breakable.cluster(3)
    for node in cluster:
        node.start(before=["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"])
    cluster.wait_voters(cluster.listed)
    leader = cluster.wait_leader()
    leader.client.put("motd", "contained")
