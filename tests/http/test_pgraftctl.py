"""tests/http/test_pgraftctl.py - pgraftctl and the HTTP side of real nodes: do both keep to docs/http.md?

Claim: what an operator does by hand works against nodes that agree by Raft, and what he is told is true
while they come and go: nothing hangs, no acknowledged write and no event of a watch is lost. Method:
three nodes in one process (http_hosts), pgraftctl as its own process.
"""
import json
import os
import re
import subprocess
import threading
import time
from pathlib import Path

import pytest

from http_kit import SECONDS_MAX, Nodes, until

CTL = Path(os.environ["PGRAFT_BUILD_ROOT"]) / "ctl" / "pgraftctl"


@pytest.fixture(name="nodes")
def fixture_nodes():
    nodes = Nodes(3)
    yield nodes
    nodes.close()


def ctl(where, *words, data=b""):
    """Status, stdout, stderr of pgraftctl asking @where: a node or several."""
    endpoints = [word for node in (where if isinstance(where, list) else [where]) for word in ("-e", node.path)]
    done = subprocess.run([CTL, *map(str, words), *endpoints], input=data, capture_output=True, timeout=SECONDS_MAX,
                          check=False, env={"PATH": os.environ["PATH"]})
    err = re.sub(r"^[^\n]* is under way\n", "", done.stderr.decode(), flags=re.MULTILINE)  # told after a second
    return done.returncode, done.stdout, err


def told(where, *words, **options):
    status, out, err = ctl(where, *words, **options)
    assert (status, err) == (0, "")
    return out.decode()


def facts(where, *words):
    return json.loads(ctl(where, *words, "--format", "json")[1])


def test_a_removed_node_keeps_nobody_waiting(nodes):
    """It can not know better in time: whoever asks several nodes is passed on, the others are told at once."""
    until(lambda: facts(nodes[1], "status")["can_lose"] == 1)
    rows = {row["name"]: row for row in facts(nodes[1], "member", "list")}
    leader = facts(nodes[1], "status")["leader"]
    name = next(name for name in sorted(rows) if name != leader)
    gone, other = nodes[int(name[1:])], nodes[int(leader[1:])]
    told(other, "member", "remove", name, "--timeout", "30")
    until(lambda: facts(gone, "status")["status"].startswith("removed"))
    began = time.monotonic()
    told([gone, other], "kv", "put", "k", "v", "--timeout", "30")
    assert told([gone, other], "kv", "get", "k", "--raw", "--timeout", "30") == "v"
    assert name not in {row["name"] for row in facts([gone, other], "member", "list")}
    for words in (["kv", "put", "k", "old"], ["kv", "get", "k"], ["member", "transfer"]):
        status, _out, err = ctl(gone, *words, "--timeout", "30")
        assert status != 0
        assert "removed" in err
    assert time.monotonic() - began < 15  # half of what one of them may take
    assert told(other, "kv", "get", "k", "--raw") == "v"


def test_a_watch_at_a_node_that_is_removed_goes_on_at_another_one(nodes):
    """It would be told nothing any more, and that nothing has happened every few seconds."""
    until(lambda: facts(nodes[1], "status")["can_lose"] == 1)
    leader = facts(nodes[1], "status")["leader"]
    name = next(n for n in ("n2", "n3") if n != leader)
    gone, other = nodes[int(name[1:])], nodes[int(leader[1:])]
    stream = gone.watch({"prefix": "", "progress_ms": 300})
    assert stream.line()[0] == "start"
    words = ["kv", "watch", "--prefix", "--rev", "1", "--limit", "2", "-e", gone.path, "-e", other.path]
    with subprocess.Popen([CTL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watch:
        try:
            told(other, "kv", "put", "k", "before")
            assert watch.stdout.readline() == "1 put k before\n"
            told(other, "member", "remove", name, "--timeout", "30")
            told(other, "kv", "put", "k", "after", "--timeout", "30")
            out, err = watch.communicate(timeout=SECONDS_MAX)
        finally:
            watch.kill()
    assert (watch.returncode, out) == (0, "2 put k after\n")
    assert "removed from the cluster" in err
    kind, error = stream.skip("progress", "events")
    assert (kind, error["code"], error["retry"]) == ("error", "ERR_CLOSED", True)
    stream.close()


def test_keys_by_hand(nodes):
    one, two = nodes[1], nodes[2]
    assert told(one, "kv", "put", "motd", "hello") == "revision 1\n"
    assert told(two, "kv", "put", "motd", "bye", "--previous") == "revision 2, was hello\n"
    assert told(one, "kv", "get", "motd", "--raw") == "bye"
    assert told(one, "kv", "get", "motd", "--raw", "--rev", "1") == "hello"
    told(one, "kv", "put", "b\u00e4r", data=b"\xff\x00")
    assert ctl(two, "kv", "get", "b\u00e4r", "--raw")[1] == b"\xff\x00"
    assert [row["key"] for row in facts(two, "kv", "range", "--prefix")] == ["b\u00e4r", "motd"]
    assert ctl(one, "kv", "get", "nothing")[0] == 1
    request = {"if": [{"key": "motd", "target": "value", "is": "=", "value": "bye"}], "then": [{"delete": {"key": "motd"}}]}
    for status in (0, 1):  # the second time it is not there
        assert ctl(one, "kv", "txn", data=json.dumps(request).encode())[0] == status
    assert told(one, "kv", "del", "--prefix").endswith("1 key deleted\n")
    assert told(one, "kv", "watch", "--prefix", "--rev", "1", "--limit", "2") == "1 put motd hello\n2 put motd bye\n"
    told(one, "kv", "compact", "2")
    watch = ["kv", "watch", "--prefix", "--rev", "1", "--limit", "1"]
    until(lambda: ctl(one, *watch)[0] == 1)  # once the compaction has come to this node
    assert "is no longer kept, the oldest is 3" in ctl(one, *watch)[2]


def test_a_lease_and_its_keys(nodes):
    lease = told(nodes[1], "lease", "grant", "1h").strip()
    told(nodes[2], "kv", "put", "job", "here", "--lease", lease)
    assert facts(nodes[3], "lease", "list")[0]["key_count"] == 1
    for node in (nodes[1], nodes[2], nodes[3]):  # whoever leads: the others ask it
        shown = facts(node, "lease", "show", lease)
        assert shown["keys"] == [{"key": "job"}]
        assert 3_500_000 < shown["remaining_ms"] < 3_700_000  # the leader waits a little longer than the hour
        assert facts(node, "lease", "list")[0]["remaining_ms"] > 3_500_000
    assert "renewed for 3600000 ms" in told(nodes[3], "lease", "keepalive", lease, "--once")
    assert "1 key deleted" in told(nodes[2], "lease", "revoke", lease)
    short = told(nodes[1], "lease", "grant", "4s").strip()
    told(nodes[1], "kv", "put", "brief", "x", "--lease", short)
    until(lambda: ctl(nodes[2], "kv", "get", "brief")[0] == 1)
    assert ctl(nodes[1], "lease", "keepalive", short, "--once")[0] == 1


def test_the_story_of_a_failing_cluster(nodes):
    assert told(nodes[1], "status").startswith("Cluster test: healthy\n")
    nodes.tell("stop", 3)
    told(nodes[1], "kv", "put", "a", "1", "--timeout", "20")
    until(lambda: ctl(nodes[1], "kv", "get", "a", "--serializable")[0] == 0)  # n2 may lead, and be ahead
    until(lambda: facts(nodes[1], "status")["missing"] == ["n3"])
    said = facts(nodes[1], "status")
    assert (said["quorum"], said["can_lose"], said["healthy"]) == (True, 0, False)
    nodes.tell("stop", 2)
    until(lambda: not facts(nodes[1], "status")["quorum"])
    begin = time.monotonic()
    status, _out, err = ctl(nodes[1], "kv", "put", "b", "2", "--timeout", "3")
    assert status in (3, 4), err  # never hangs, and says no more than is known
    assert "1 of 3 voters answer, missing: n2, n3" in err
    assert time.monotonic() - begin < SECONDS_MAX / 2
    status, out, _err = ctl(nodes[1], "status")
    assert status == 4
    assert b"no quorum" in out
    assert told(nodes[1], "kv", "get", "a", "--raw", "--serializable") == "1"
    nodes.tell("start", 2)
    until(lambda: ctl(nodes[1], "kv", "put", "c", "3")[0] == 0)
    assert told(nodes[1], "kv", "get", "a", "--raw") == "1"


def test_a_watch_sees_every_write_while_nodes_come_and_go(nodes):
    everybody = [nodes[1], nodes[2], nodes[3]]
    endpoints = [word for node in everybody for word in ("-e", node.path)]
    with subprocess.Popen([CTL, "kv", "watch", "k", "--rev", "1", "--limit", "60", "--progress", "300ms", *endpoints],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]}) as watch:
        seen = []
        reader = threading.Thread(target=lambda: seen.extend(watch.stdout.read().decode().splitlines()))
        reader.start()
        acknowledged = []
        for number in range(60):
            status, out, err = ctl(everybody, "kv", "put", "k", number, "--timeout", "30")
            assert status == 0, err
            acknowledged.append(f"{out.decode().split()[1]} put k {number}")
            if number in (15, 30, 45):
                victim = number // 15
                nodes.tell("stop", victim)
            elif number in (20, 35, 50):
                nodes.tell("start", number // 15)
        reader.join(SECONDS_MAX)
        assert seen == acknowledged
        assert watch.wait(SECONDS_MAX) == 0
