"""tests/cluster/test_life.py - the life of a cluster: it is reloaded, contained, and idle.

Claim: SIGHUP, and being PID 1 of a container, are all right; an idle cluster writes nothing."""
import re
import signal
import time

QUIET_S = 30  # from the last change
IDLE_S = 20


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


def writes_of(node):
    """Bytes that the process has caused to be written to a disk."""
    with open(f"/proc/{node.pid}/io", encoding="ascii") as counts:
        return int(re.search(r"^write_bytes: (\d+)", counts.read(), re.MULTILINE).group(1))


def cpu_s(node):
    with open(f"/proc/{node.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_an_idle_cluster_writes_nothing(stage):
    """While it is asked for its metrics and its state, too."""
    cluster = stage.cluster(5)
    leader = cluster.form()
    leader.client.put("motd", "idle now")
    cluster.wait_applied()
    time.sleep(QUIET_S)  # what the promise begins with
    before = {node.name: (writes_of(node), cpu_s(node)) for node in cluster}
    time.sleep(IDLE_S / 2)
    for node in cluster:
        node.client.text("/metrics")
        node.client.raft()
    time.sleep(IDLE_S / 2)
    for node in cluster:
        assert writes_of(node) == before[node.name][0], node.name
        assert cpu_s(node) - before[node.name][1] < 0.02 * IDLE_S
