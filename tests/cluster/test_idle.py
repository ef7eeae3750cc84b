"""tests/cluster/test_idle.py - an idle cluster of five writes nothing and costs next to nothing.

Claim (safety E3): soon after the last change, over some time in which it is asked for its metrics and its
state, no member writes a byte or makes a call on a file, and none is busy with anything. What idling costs
in processor time is a figure, and is taken where figures are (bench/README.md): here other tests run beside.
test_idle_long.py has the times that are promised."""
import http.client
import time

import pytest

from lib import wait
from lib.idle import Cost, calls_on_files, can_spy, spied
from lib.node import API_PORT
from lib.tool import ctl

QUIET_S = 10  # from the last change
IDLE_S = 20
BUSY_PART = 0.05  # of a processor: a timer gone wild takes more


def metrics(node):
    """What a collector of metrics gets, over the network."""
    connection = http.client.HTTPConnection(node.address, API_PORT, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def stays_idle(cluster, quiet_s, idle_s):
    for node in cluster:
        node.start(before=spied(node))
    cluster.wait_voters(cluster.listed)
    leader = cluster.wait_leader()
    wait.until(lambda: all(n.raft()["feature_level"] == n.raft()["feature_level_known"] for n in cluster),
               lambda: f"all know what all know\n{cluster.story()}")  # the last that a new cluster does by itself
    leader.client.put("motd", "idle now")
    cluster.wait_applied()
    assert all(calls_on_files(node) for node in cluster)  # or nothing would ever be seen
    time.sleep(quiet_s)
    costs = {node.name: Cost(node) for node in cluster}
    time.sleep(idle_s / 2)
    for node in cluster:
        assert "pgraft_has_leader" in metrics(node)
        assert ctl(node, "status")[0].startswith("Cluster demo: healthy")
    time.sleep(idle_s / 2)
    for name, cost in costs.items():
        written, cpu_s, calls = cost.stop()
        print(f"{name}: {written} bytes, {100 * cpu_s / idle_s:.2f} % of a processor, {len(calls)} calls")
        assert (written, calls) == (0, []), name
        assert cpu_s < BUSY_PART * idle_s, name


@pytest.fixture
def traced(stage):
    if not can_spy():
        pytest.skip("no process may be traced here")
    return stage


def test_an_idle_cluster_writes_nothing(traced):
    stays_idle(traced.cluster(5), QUIET_S, IDLE_S)
