"""tests/cluster/test_limits.py - a host that gives less than is wished for.

Claim (design 5, safety B7): where memory may not be locked, or a thread not be raised, a node starts with one
warning that says so, and is a node like any other."""
import os
import re
import subprocess

import pytest

# Root may do all of it; without these two it is a user like any other.
PLAIN = ["setpriv", "--bounding-set", "-ipc_lock,-sys_nice"]
NOTHING_LOCKED = [*PLAIN, "prlimit", "--memlock=0:0", "--rtprio=0:0", "--nice=0:0"]
# As Debian has it for users.
A_LITTLE = [*PLAIN, "prlimit", "--memlock=8388608:8388608", "--rtprio=0:0", "--nice=0:0"]
NOT_LOCKED = "warn .*not locked"


def locked_kib(node):
    """VmLck of its process."""
    with open(f"/proc/{node.pid}/status", encoding="ascii") as status:
        return int(re.search(r"^VmLck:\s+(\d+)", status.read(), re.MULTILINE).group(1))


@pytest.fixture
def limited(stage):
    if os.geteuid() == 0 and subprocess.run([*PLAIN, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("nothing can be taken from root here")
    return stage


def test_no_memory_may_be_locked(limited):
    cluster = limited.cluster(3)
    cluster["n1"].start(before=NOTHING_LOCKED)
    cluster["n2"].start(before=A_LITTLE)
    cluster.start("n3")
    cluster.wait_voters(cluster.listed)
    leader = cluster.wait_leader()
    leader.client.put("motd", "hello")
    assert all(node.client.value("motd") == "hello" for node in cluster)
    assert cluster["n1"].count(NOT_LOCKED) == 1, cluster["n1"].log_tail()
    assert locked_kib(cluster["n1"]) == 0
    for name in ("n2", "n3"):
        assert cluster[name].count(NOT_LOCKED) == 0, cluster[name].log_tail()
        assert locked_kib(cluster[name]) > 0
