"""tests/cluster/test_life.py - the life of a cluster: it is reloaded, ended in a hurry, and runs in containers.

Claim: SIGHUP, a second SIGTERM, and being PID 1 of a container, are all right."""
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


def test_a_second_signal_ends_at_once(stage):
    """The first one finds nobody to hand the leadership over to, and waits for somebody; the loop stands."""
    cluster = stage.cluster(3)
    leader = cluster.form()
    others = [node for node in cluster if node is not leader]
    for node in others:
        node.pause()
    try:
        mark = leader.mark()
        leader.signal(signal.SIGTERM)
        leader.says("daemon stops", mark)
        leader.signal(signal.SIGINT)
        assert leader.ends_by_itself() == 1
        assert "daemon stopped" not in leader.log_since(mark)
    finally:
        for node in others:
            node.go_on()


def test_it_is_pid_1_of_a_container(breakable):
    cluster = breakable.cluster(3)
    for node in cluster:
        node.start(before=["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"])
    cluster.wait_voters(cluster.listed)
    leader = cluster.wait_leader()
    leader.client.put("motd", "contained")
