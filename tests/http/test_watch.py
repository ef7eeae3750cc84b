"""tests/http/test_watch.py - watches as streams of lines.

Claim: every change of the keys comes once and in order, also over a broken connection, at another node, and
to a reader that stands still for a while; who has waited too long is told; a line holds whole revisions.
"""
import json
import threading
import time

import pytest
from http_kit import Nodes, base64_of, until


@pytest.fixture(scope="module")
def nodes():
    three = Nodes(3)
    yield three
    three.close()


@pytest.fixture
def node(nodes):
    nodes[1].done("kv/delete", {"prefix": ""})
    yield nodes[1]
    nodes.hang_up()


def put(node, key, value="v"):
    return node.done("kv/put", {"key": key, "value": value})["revision"]


def keys(line):
    assert line[0] == "events", line
    return [event["pair"]["key"] for event in line[1]["events"]]


def test_it_says_at_once_where_it_stands(node):
    revision = put(node, "before")
    watch = node.watch({"prefix": ""})
    assert watch.line() == ("start", {"revision": revision, "name": "n1"})
    watch.close()


def test_changes_come_in_order_and_once(node):
    watch = node.watch({"prefix": "k", "progress_ms": 60000})
    start = watch.line()[1]["revision"]
    for number in range(20):
        put(node, f"k{number}")
        put(node, f"other{number}")
    node.done("kv/delete", {"key": "k3"})
    seen = []
    while len(seen) < 21:
        name, content = watch.line()
        assert name == "events"
        assert not content["more"]
        seen += content["events"]
    assert [event["type"] for event in seen] == ["put"] * 20 + ["delete"]
    assert [event["pair"]["key"] for event in seen] == [f"k{n}" for n in range(20)] + ["k3"]
    revisions = [event["pair"]["mod_revision"] for event in seen]
    assert revisions == sorted(set(revisions))
    assert revisions[0] > start
    assert sorted(seen[-1]["pair"]) == ["key", "mod_revision"]
    assert all(event["previous"] is None for event in seen)
    watch.close()


def test_what_is_wanted_of_it(node):
    put(node, "k", "1")
    both = node.watch({"key": "k", "previous": True})
    puts = node.watch({"key": "k", "deletes": False})
    deletes = node.watch({"key": "k", "puts": False})
    for watch in (both, puts, deletes):
        assert watch.line()[0] == "start"
    put(node, "k", "2")
    node.done("kv/delete", {"key": "k"})
    first = both.skip("progress")[1]["events"]
    if len(first) == 1:
        first += both.skip("progress")[1]["events"]
    assert [event["previous"]["value"] for event in first] == ["1", "2"]
    assert [event["type"] for event in puts.skip("progress")[1]["events"]] == ["put"]
    assert [event["type"] for event in deletes.skip("progress")[1]["events"]] == ["delete"]
    for watch in (both, puts, deletes):
        watch.close()


def test_silence_is_broken_by_progress(node):
    watch = node.watch({"key": "nobody", "progress_ms": 100})
    assert watch.line()[0] == "start"
    revision = put(node, "somebody")
    until(lambda: watch.line() == ("progress", {"revision": revision}), 10)
    watch.close()


def test_a_revision_stays_together(node):
    watch = node.watch({"prefix": ""})
    assert watch.line()[0] == "start"
    many = [{"put": {"key": f"t{i:03}", "value": "v"}} for i in range(100)]
    node.done("kv/txn", {"then": many})
    assert len(keys(watch.skip("progress"))) == 100
    watch.close()


def test_a_revision_that_is_too_large_for_a_line(node):
    big = base64_of(b"\x01" * (200 * 1024))  # six times as long as text in JSON
    many = [{"put": {"key": f"t{i}", "value_base64": big}} for i in range(9)]
    watch = node.watch({"prefix": "t"})
    assert watch.line()[0] == "start"
    revision = node.done("kv/txn", {"then": many})["revision"]
    seen, lines = [], 0
    while len(seen) < 9:
        line = watch.skip("progress")
        seen += keys(line)
        lines += 1
        assert line[1]["revision"] == revision
        assert line[1]["more"] == (len(seen) < 9)
    assert lines > 1
    assert seen == [f"t{i}" for i in range(9)]
    watch.close()


def test_it_goes_on_at_another_node(nodes, node):
    watch = node.watch({"prefix": "k"})
    last = watch.line()[1]["revision"]
    expected, seen = [], []
    for number in range(60):
        put(nodes[1 + number % 3], f"k{number}")
        expected.append(f"k{number}")
        if number % 10 == 9:
            while len(seen) < number - 4:
                line = watch.skip("progress")
                seen += keys(line)
                last = line[1]["revision"]
            watch.close()
            watch = nodes[1 + number // 10 % 3].watch({"prefix": "k", "from_revision": last + 1})
            assert watch.line() == ("start", {"revision": last, "name": f"n{1 + number // 10 % 3}"})
    while len(seen) < 60:
        seen += keys(watch.skip("progress"))
    assert seen == expected
    watch.close()


def test_what_is_no_longer_kept(node):
    first = put(node, "k")
    second = put(node, "k")
    node.done("kv/compact", {"revision": second})
    old = {"key": "k", "revision": first, "serializable": True}
    until(lambda: node.post("kv/get", old).status == 410)  # by then it has come to this node, too
    watch = node.watch({"key": "k", "from_revision": first})
    name, content = watch.skip("start")
    assert (name, content["code"]) == ("error", "ERR_COMPACTED")
    assert content["oldest_revision"] > first
    assert watch.line() is None
    watch.close()


def test_the_future_is_waited_for_in_silence(node):
    revision = put(node, "k")
    watch = node.watch({"key": "k", "from_revision": revision + 3, "progress_ms": 100})
    put(node, "k", "one")
    time.sleep(0.4)
    put(node, "k", "two")
    put(node, "k", "three")
    assert watch.line() == ("start", {"revision": revision + 2, "name": "n1"})
    line = watch.skip("progress")
    assert [event["pair"]["value"] for event in line[1]["events"]] == ["three"]
    watch.close()


@pytest.mark.parametrize("body", [{}, {"prefix": "", "after": "a"}, {"prefix": "", "progress_ms": 99},
                                  {"prefix": "", "progress_ms": 60001}, {"key": ""}, {"prefix": "", "puts": 1}])
def test_a_watch_that_is_none(node, body):
    assert node.refused("kv/watch", body)[:2] == (400, "ERR_INVALID")


def test_a_reader_that_stands_still_loses_nothing(node):
    """More than what waits for a reader, less than the history holds."""
    watch = node.watch({"prefix": "big"})
    assert watch.line()[0] == "start"
    value = "x" * 50_000
    for number in range(60):
        put(node, f"big{number % 4}", f"{number} {value}")
    seen = []
    while len(seen) < 60:
        line = watch.skip("progress")
        seen += [int(event["pair"]["value"].split()[0]) for event in line[1]["events"]]
    assert seen == list(range(60))
    watch.close()


def test_a_reader_that_is_too_slow_is_told(node):
    watch = node.watch({"prefix": "big"})
    assert watch.line()[0] == "start"
    value = "x" * 1_000_000
    for number in range(12):
        put(node, f"big{number % 4}", f"{number} {value}")
    seen = []
    while (line := watch.skip("progress"))[0] == "events":
        seen += [int(event["pair"]["value"].split()[0]) for event in line[1]["events"]]
    assert line[1]["code"] == "ERR_COMPACTED"
    assert seen == list(range(len(seen)))
    assert len(seen) < 12
    assert watch.line() is None
    watch.close()


def test_many_watches_see_the_same(node):
    watches = [node.watch({"prefix": "k"}) for _ in range(30)]
    results = [[] for _ in watches]

    def read(watch, seen):
        while len(seen) < 25:
            line = watch.skip("progress", "start")
            seen += keys(line)

    threads = [threading.Thread(target=read, args=pair) for pair in zip(watches, results, strict=True)]
    for thread in threads:
        thread.start()
    for number in range(25):
        put(node, f"k{number}")
    for thread in threads:
        thread.join(60)
    assert all(seen == [f"k{n}" for n in range(25)] for seen in results)
    assert b"pgraft_http_streams" in node.get("/metrics").body
    for watch in watches:
        watch.close()


def test_who_goes_away_is_noticed(node):
    def streams():
        text = node.get("/metrics").body.decode()
        return int(next(line for line in text.splitlines() if line.startswith("pgraft_http_streams{")).split()[1])

    until(lambda: streams() == 0)
    watches = [node.watch({"key": "k", "progress_ms": 60000}) for _ in range(10)]
    for watch in watches:
        assert watch.line()[0] == "start"
    assert streams() == 10
    for watch in watches:
        watch.close()
    until(lambda: streams() == 0, 5)


def test_the_end_of_the_node_is_told():
    with_one = Nodes(1)
    watch = with_one[1].watch({"key": "k"})
    assert watch.line()[0] == "start"
    with_one.tell("stop", 1)
    name, content = watch.skip("progress")
    assert (name, content["code"], content["retry"]) == ("error", "ERR_CLOSED", True)
    assert watch.line() is None
    with_one.close()


def test_a_line_is_json_of_one_member(node):
    watch = node.watch({"prefix": "", "progress_ms": 100})
    put(node, "k")
    for _ in range(4):
        line = watch.response.readline()
        assert line.endswith(b"\n")
        assert len(json.loads(line)) == 1
    watch.close()
