"""tests/cli/test_ctl_kv.py - keys, transactions, leases and watches, as pgraftctl asks for them.

Claim: what goes to the node is what docs/http.md says, also for bytes that are no text; a watch prints
every event once and in order, whatever breaks. Method: fake nodes that script each case; for watches one
that keeps a history and breaks the connection after every possible line.
"""
import contextlib
import json
import os
import socket
import subprocess
import threading
import time

import pytest

from fake_node import CTL, SECONDS_MAX, Error, Node, Raw, b64, ctl, environment, fails, told

KV = "/pgraft/v1/kv/"


def pair(key="motd", value="hello", revision=12, **more):
    return {"key": key, "value": value, "create_revision": 3, "mod_revision": revision, "version": 4, "lease": None,
            **more}


# --- get, range ---

def test_a_key_is_read():
    with Node({KV + "get": {"revision": 88, "age_ms": 0, "pair": pair(lease="00000000000000aa")}}) as node:
        assert told("kv", "get", "motd", node=node) == (
            "Key:       motd\nValue:     hello\nRevision:  12\nVersion:   4\nLease:     00000000000000aa\n")
        assert json.loads(told("kv", "get", "motd", "--format", "json", node=node)) == {
            "key": "motd", "key_base64": None, "value": "hello", "value_base64": None, "create_revision": 3,
            "mod_revision": 12, "version": 4, "lease": "00000000000000aa"}
        assert told("kv", "get", "motd", "--raw", node=node) == "hello"
        told("kv", "get", "motd", "--rev", "7", "--serializable", node=node)
        assert node.asked(KV + "get")[-2:] == [{"key": "motd"}, {"key": "motd", "revision": 7, "serializable": True}]


def test_a_key_that_is_not_there():
    with Node({KV + "get": {"revision": 88, "age_ms": 0, "pair": None}}) as node:
        assert fails(1, "kv", "get", "mo\ntd", node=node) == 'there is no key "mo\\x0atd" at revision 88'
        assert fails(1, "kv", "get", "x", "--rev", "5", node=node) == 'there is no key "x" at revision 5'


def test_bytes_that_are_no_text():
    with Node({KV + "get": {"revision": 1, "pair": {**pair(), "value": None, "value_base64": b64(b"\xff\x00\n")}}}) as node:
        done = subprocess.run([CTL, "kv", "get", b"\xfe", "--raw", "--endpoint", node.endpoint], capture_output=True,
                              timeout=SECONDS_MAX, check=True, env=environment())
        assert done.stdout == b"\xff\x00\n"
        assert node.asked(KV + "get") == [{"key_base64": b64(b"\xfe")}]
        assert "Value:     base64:/wAK\n" in told("kv", "get", "x", node=node)
        row = json.loads(told("kv", "get", "x", "--format", "json", node=node))
        assert (row["value"], row["value_base64"]) == (None, "/wAK")
    with Node({KV + "get": {"revision": 1, "pair": {**pair(), "value": None, "value_base64": "/wA"}}}) as node:
        assert fails(1, "kv", "get", "x", "--raw", node=node) == "the node's answer has no value"


@pytest.mark.parametrize("words, span", [
    (["a"], {"key": "a"}), (["a", "--prefix"], {"prefix": "a"}), (["--prefix"], {"prefix": ""}),
    (["a", "--end", "b"], {"from": "a", "end": "b"}), (["--end", "b"], {"end": "b"}),
    (["", "--prefix"], {"prefix": ""}), (["a", "--end", ""], {"from": "a", "end": ""})])
@pytest.mark.parametrize("command", ["range", "del", "watch"])
def test_which_keys(command, words, span):
    answers = {KV + "range": {"revision": 1, "count": 0, "more": False, "pairs": []},
               KV + "delete": {"revision": 2, "deleted": 0, "previous": [], "replayed": False},
               KV + "watch": lambda _body: iter([{"start": {"revision": 5, "name": "pg1"}}, {"error": {
                   "code": "ERR_COMPACTED", "message": "gone", "oldest_revision": 9}}])}
    with Node(answers) as node:
        status, _out, _err = ctl("kv", command, *words, node=node)
        assert status == (1 if command == "watch" else 0)
        body = node.asked(KV + command.replace("del", "delete"))[0]
        assert {name: body[name] for name in ("key", "prefix", "from", "end") if name in body} == span


@pytest.mark.parametrize("command", ["range", "del", "watch"])
def test_no_key_is_not_every_key(command):
    with Node() as node:
        assert "--prefix without one means all there are" in fails(2, "kv", command, node=node)
        assert "either --prefix or --end" in fails(2, "kv", command, "a", "--prefix", "--end", "b", node=node)
        assert node.seen == []


def test_many_keys():
    answer = {"revision": 9, "age_ms": 0, "count": 3, "more": True, "pairs": [pair("a", "1"), pair("b\x1b", "2")]}
    with Node({KV + "range": answer}) as node:
        status, out, err = ctl("kv", "range", "--prefix", "--limit", "2", "--after", "Z", "--keys-only", node=node)
        assert status == 0
        assert out == ("+-------+-------+----------+---------+-------+\n"
                       "| Key   | Value | Revision | Version | Lease |\n"
                       "+-------+-------+----------+---------+-------+\n"
                       "| a     | 1     |       12 |       4 |       |\n"
                       "| b\\x1b | 2     |       12 |       4 |       |\n"
                       "+-------+-------+----------+---------+-------+\n")
        assert err == "pgraftctl: there are 3 keys; --after KEY goes on after the last one\n"
        assert node.asked(KV + "range") == [{"prefix": "", "limit": 2, "after": "Z", "keys_only": True}]
        assert told("kv", "range", "--prefix", "--count-only", "--format", "tsv", node=node) == "revision\tcount\n9\t3\n"
        rows = ctl("kv", "range", "--prefix", "--format", "tsv", node=node)[1].splitlines()
        assert rows[1] == "a\t\\N\t1\t\\N\t3\t12\t4\t\\N"


# --- put, delete, compact, txn ---

def test_a_key_is_written(tmp_path):
    with Node({KV + "put": {"revision": 13, "previous": pair(), "replayed": False}}) as node:
        assert told("kv", "put", "motd", "bye", "--previous", "--lease", "AA", node=node) == "revision 13, was hello\n"
        told("kv", "put", "motd", node=node, data=b"\xff\xfe")
        told("kv", "put", "motd", node=node, data=b"a\x00b")
        told("kv", "put", "motd", "", node=node)
        assert node.asked(KV + "put") == [
            {"key": "motd", "value": "bye", "previous": True, "lease": "00000000000000aa"},
            {"key": "motd", "value_base64": b64(b"\xff\xfe")}, {"key": "motd", "value_base64": b64(b"a\x00b")},
            {"key": "motd", "value": ""}]
        assert fails(1, "kv", "put", "motd", node=node, data=b"x" * (1024 * 1024 + 1)) == (
            "standard input: larger than 1048576 bytes")
        told("kv", "put", "motd", node=node, data=b"x" * (1024 * 1024))
        for lease in ("0", "", "xyz", "1" * 17):
            assert "lease" in fails(2, "kv", "put", "motd", "x", "--lease", lease, node=node)


def test_keys_are_deleted():
    with Node({KV + "delete": {"revision": 14, "deleted": 1, "previous": [pair()], "replayed": False}}) as node:
        assert told("kv", "del", "motd", node=node).endswith("revision 14, 1 key deleted\n")
        assert told("kv", "del", "motd", "--previous", node=node).startswith("+ Deleted")
        assert json.loads(told("kv", "del", "motd", "--format", "json", node=node))["deleted"] == 1


def test_compact():
    with Node({KV + "compact": {"revision": 90, "compacted": 88}}) as node:
        assert told("kv", "compact", "88", node=node) == "revisions up to 88 are gone\n"
        assert node.asked(KV + "compact") == [{"revision": 88}]
        for wrong in ("0", "x", "", "1.5", "9223372036854775808"):
            assert "REVISION can not be" in fails(2, "kv", "compact", wrong, node=node)


def test_a_transaction(tmp_path):
    request = {"if": [{"key": "k", "target": "version", "is": "=", "number": 0}], "then": [{"put": {"key": "k", "value": "v"}}],
               "else": [{"range": {"key": "k"}}]}
    (tmp_path / "txn.json").write_text(json.dumps(request))
    answer = {"revision": 15, "succeeded": True, "replayed": False, "results": [{"put": {"previous": None}}]}
    with Node({KV + "txn": answer}) as node:
        assert json.loads(told("kv", "txn", tmp_path / "txn.json", node=node)) == answer
        told("kv", "txn", node=node, data=json.dumps(request).encode())
        told("kv", "txn", "-", node=node, data=json.dumps(request).encode())
        assert node.asked(KV + "txn") == [request] * 3
        node.answers[KV + "txn"] = {**answer, "succeeded": False}
        status, out, err = ctl("kv", "txn", tmp_path / "txn.json", node=node)
        assert (status, json.loads(out)["succeeded"], err) == (1, False, "")
        assert fails(2, "kv", "txn", node=node, data=b'{"if": }').startswith("standard input:1:8: ")
        assert fails(2, "kv", "txn", node=node, data=b"[]").startswith("standard input:1:1: not an object")
        assert fails(2, "kv", "txn", node=node, data=b'{"if":[],"if":[]}').startswith("standard input:1:")
        assert "No such file" in fails(1, "kv", "txn", tmp_path / "no", node=node)
        for format_ in ("pretty", "tsv"):
            assert "as json or yaml only" in fails(2, "kv", "txn", "--format", format_, node=node, data=b"{}")
        assert "either --raw or --format" in fails(2, "kv", "get", "k", "--raw", "--format", "json", node=node)


# --- Leases ---

LEASE = {"lease": "00000000000000aa", "ttl_ms": 30000, "remaining_ms": 12345, "granted_index": 120, "holder": None,
         "protected": False, "epoch": None, "renewable": True, "key_count": 1}


def test_leases():
    base = "/pgraft/v1/lease/"
    answers = {base + "grant": {"lease": LEASE["lease"], "ttl_ms": 30000, "granted_index": 1, "revision": 2, "replayed": False},
               base + "revoke": {"deleted": 2, "revision": 9, "replayed": False}, base + "list": {"leases": [LEASE]},
               base + "show": {**LEASE, "keys": [{"key": "k"}]}, base + "keepalive": {"lease": LEASE["lease"], "ttl_ms": 30000}}
    with Node(answers) as node:
        assert told("lease", "grant", "30s", "--lease", "aa", node=node) == "00000000000000aa\n"
        assert node.asked(base + "grant") == [{"ttl_ms": 30000, "lease": "00000000000000aa"}]
        assert told("lease", "revoke", "aa", node=node) == "revoked, 2 keys deleted, revision 9\n"
        assert "| 00000000000000aa | 30.0 s       | 12.3 s" in told("lease", "list", node=node).replace(
            "       30.0 s |", " 30.0 s       |").replace("    12.3 s", " 12.3 s")
        assert 'Attached:      k\n' in told("lease", "show", "aa", node=node)
        assert told("lease", "keepalive", "aa", "--once", node=node) == "00000000000000aa renewed for 30000 ms\n"
        for wrong in ("99ms", "400d", "x", "", "5y", "1.2.3"):
            line = fails(2, "lease", "grant", wrong, node=node)
            assert "TTL: " in line
            assert "; from 100 ms to 366 d; " in line


def test_what_a_follower_does_not_know_of_leases_is_asked_one_by_one():
    base = "/pgraft/v1/lease/"
    unknown = [{**LEASE, "lease": f"{number:016x}", "remaining_ms": None} for number in (1, 2, 3)]
    shows = [{**unknown[0], "remaining_ms": 111, "keys": []}, Error("ERR_NOT_FOUND", "over"),
             {**unknown[2], "remaining_ms": 333, "keys": []}]
    with Node({base + "list": {"leases": [LEASE, *unknown]}, base + "show": lambda _body: shows.pop(0)}) as node:
        rows = json.loads(told("lease", "list", "--format", "json", node=node))
        assert [row["remaining_ms"] for row in rows] == [12345, 111, None, 333]
        assert [body["lease"] for body in node.asked(base + "show")] == [row["lease"] for row in unknown]
    with Node({base + "list": {"leases": unknown}, base + "show": Error("ERR_TIMEOUT", "nobody leads")}) as node:
        rows = json.loads(told("lease", "list", "--format", "json", "--timeout", "1", node=node))
        assert [row["remaining_ms"] for row in rows] == [None, None, None]


@pytest.mark.parametrize("text, ms", [("30", 30000), ("0.5", 500), ("500ms", 500), ("2min", 120000), ("1h", 3600000),
                                      ("366d", 31622400000)])
def test_times_to_live(text, ms):
    with Node({"/pgraft/v1/lease/grant": {"lease": "1"}}) as node:
        told("lease", "grant", text, node=node)
        assert node.asked("/pgraft/v1/lease/grant") == [{"ttl_ms": ms}]


def test_a_lease_is_kept_alive_until_it_is_over():
    rest = [{"lease": "00000000000000aa", "ttl_ms": 100}] * 3
    with Node({"/pgraft/v1/lease/keepalive": lambda _body: rest.pop() if rest else Error("ERR_NOT_FOUND", "no such lease")}) as node:
        status, out, err = ctl("lease", "keepalive", "aa", node=node)
        assert (status, err) == (1, "pgraftctl: no such lease\n")
        assert out == "00000000000000aa renewed for 100 ms\n" * 3


# --- Watches ---

class History:
    """A node's events, and a connection that breaks after as many lines as it is told."""

    def __init__(self, breaks):
        self.breaks = list(breaks)
        self.froms = []

    def lines(self, begin):
        """Revisions 11 to 14; 12 has two events in two lines, 13 is not of these keys."""
        yield {"start": {"revision": 14, "name": "pg1"}}
        by_revision = {11: [[pair("a", "1", 11)]], 12: [[pair("b", "2", 12)], [pair("c", "3", 12)]], 14: [[pair("d", "4", 14)]]}
        for revision, pieces in by_revision.items():
            for at, piece in enumerate(pieces):
                if revision >= begin:
                    yield {"events": {"revision": revision, "more": at + 1 < len(pieces), "events": [
                        {"type": "put", "pair": p, "previous": None} for p in piece]}}
            if revision == 12:
                yield {"progress": {"revision": 13}}

    def answer(self, body):
        self.froms.append(body["from_revision"])
        count = self.breaks.pop(0) if self.breaks else 100
        for line in self.lines(body["from_revision"]):
            if count == 0:
                yield None
                return
            count -= 1
            yield line
        yield None


EVENTS = "11 put a 1\n12 put b 2\n12 put c 3\n14 put d 4\n"


@pytest.mark.parametrize("breaks", [[], [1], [2], [3], [4], [5], [1, 2, 2, 3], [3, 3, 3, 3], [2, 1, 1, 1]])
def test_every_event_once_whatever_breaks(breaks):
    history = History(breaks)
    with Node({KV + "watch": history.answer}) as node:
        status, out, _err = ctl("kv", "watch", "--prefix", "--rev", "11", "--limit", "4", node=node)
        assert (status, out) == (0, EVENTS)
        assert history.froms == sorted(history.froms)
        assert history.froms[0] == 11


def test_a_resumed_watch_says_so_and_goes_to_the_next_node():
    with Node({KV + "watch": History([2]).answer}) as first:
        second = History([])
        with Node({KV + "watch": second.answer}) as other:
            status, out, err = ctl("kv", "watch", "--prefix", "--rev", "11", "--limit", "4", "-e", first.endpoint, "-e",
                                   other.endpoint)
            assert (status, out) == (0, EVENTS)
            assert second.froms == [12]
            assert "trying again from revision 12" in err


def test_a_watch_from_now_on_resumes_after_its_start():
    froms = []

    def answer(body):
        froms.append(body["from_revision"])
        yield {"start": {"revision": 20, "name": "pg1"}}
        if len(froms) == 1:
            yield None
            return
        yield {"progress": {"revision": 30}}
        yield {"events": {"revision": 31, "more": False, "events": [
            {"type": "delete", "pair": {"key": "x", "mod_revision": 31}, "previous": None}]}}

    with Node({KV + "watch": answer}) as node:
        status, out, err = ctl("kv", "watch", "x", "--limit", "1", node=node)
        assert (status, out) == (0, "31 delete x\n")
        assert froms == [0, 21]
        assert err == (f"pgraftctl: {node.endpoint} closed the connection before it had answered; trying again from "
                       "revision 21\n")


def test_a_silent_connection_is_a_broken_one():
    froms = []
    event = threading.Event()

    def answer(body):
        froms.append(body["from_revision"])
        assert body["progress_ms"] == 300
        yield {"start": {"revision": 20, "name": "pg1"}}
        if len(froms) == 1:
            event.wait(30)
            return
        yield {"events": {"revision": 21, "more": False, "events": [{"type": "put", "pair": pair("x", "y", 21)}]}}

    with Node({KV + "watch": answer}) as node:
        status, out, err = ctl("kv", "watch", "x", "--limit", "1", "--progress", "300ms", node=node)
        event.set()
        assert (status, out) == (0, "21 put x y\n")
        assert froms == [0, 21]
        assert err == f"pgraftctl: {node.endpoint} has fallen silent; trying again from revision 21\n"
        assert "--progress: " in fails(2, "kv", "watch", "x", "--progress", "2min", node=node)


@pytest.mark.parametrize("words", [["kv", "get", "x", "--raw"], ["kv", "watch", "x", "--limit", "1"]], ids=" ".join)
def test_a_host_that_swallows_everything_leaves_time_for_the_next_one(words):
    def watched(_body):
        yield {"start": {"revision": 20, "name": "pg1"}}
        yield {"events": {"revision": 21, "more": False, "events": [{"type": "put", "pair": pair("x", "y", 21)}]}}

    answers = {KV + "get": {"revision": 21, "pair": pair("x", "y", 21)}, KV + "watch": watched}
    with socket.create_server(("127.0.0.1", 0), backlog=0) as hole, Node(answers) as node:
        port = hole.getsockname()[1]
        with contextlib.ExitStack() as fill:  # nobody accepts, and then there is no more room
            for _ in range(4):
                one = fill.enter_context(socket.socket())
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            status, out, err = ctl("-e", f"127.0.0.1:{port}", "-e", node.endpoint, "--timeout", "4", *words)
    assert (status, err) == (0, "")
    assert "y" in out


def test_a_node_that_stands_still_leaves_time_for_the_next_one():
    event = threading.Event()

    def stands(_body):
        event.wait(SECONDS_MAX)
        return Raw()

    with Node({KV + "get": stands}) as frozen, Node({KV + "get": {"revision": 21, "pair": pair("x", "y", 21)}}) as node:
        for first, second in ((frozen, node), (node, frozen)):
            words = ["-e", first.endpoint, "-e", second.endpoint, "--timeout", "4"]
            assert ctl(*words, "kv", "get", "x", "--raw") == (0, "y", "")
        event.set()


@pytest.mark.parametrize("words", [["kv", "watch", "x"], ["snapshot", "save", "saved"]], ids=" ".join)
def test_a_stream_that_does_not_begin_in_time(words, tmp_path):
    event = threading.Event()

    def answer(_body):
        event.wait(SECONDS_MAX)
        return Raw()

    with Node({KV + "watch": answer, "/pgraft/v1/snapshot": answer}) as node:
        words = [word.replace("saved", str(tmp_path / "saved")) for word in words]
        began = time.monotonic()
        assert fails(1, *words, "--timeout", "1", node=node) == f"{node.endpoint} gave no answer within 1.0 s"
        assert time.monotonic() - began < 10  # 15 s and 30 s is how long they may be silent later
        event.set()
    assert list(tmp_path.iterdir()) == []


def test_progress_is_where_a_watch_goes_on():
    froms = []

    def answer(body):
        froms.append(body["from_revision"])
        yield {"start": {"revision": 20, "name": "pg1"}}
        if len(froms) == 1:
            yield {"progress": {"revision": 30}}
            yield {"progress": {"revision": 25}}  # of no use: never back
            yield None
            return
        yield {"events": {"revision": 31, "more": False, "events": [{"type": "put", "pair": pair("x", "y", 31)}]}}

    with Node({KV + "watch": answer}) as node:
        status, out, _err = ctl("kv", "watch", "x", "--limit", "1", node=node)
        assert (status, out) == (0, "31 put x y\n")
        assert froms == [0, 31]


def test_a_watch_that_comes_too_late():
    error = {"error": {"code": "ERR_COMPACTED", "message": "compacted", "retry": False, "may_have_applied": False,
                       "oldest_revision": 90}}
    for answer in (lambda _body: iter([{"start": {"revision": 99, "name": "pg1"}}, error]),
                   Error("ERR_COMPACTED", "revision 5 is no longer kept", oldest_revision=90)):
        with Node({KV + "watch": answer}) as node:
            assert "is no longer kept" in fails(1, "kv", "watch", "x", "--rev", "5", node=node)
            assert len(node.seen) == 1


def test_a_watch_that_never_began():
    assert "connection refused" in fails(1, "kv", "watch", "x", "-e", "127.0.0.9:1")
    with Node({KV + "watch": Error("ERR_NO_QUORUM", "no majority")}) as node:
        assert fails(4, "kv", "watch", "x", node=node) == "no majority"
    with Node({KV + "watch": lambda _body: iter([b"nonsense\n"])}) as node:
        assert fails(1, "kv", "watch", "x", node=node) == "a line that is not of a watch"


def test_pieces_of_lines_and_many_lines_in_a_piece():
    lines = b"".join(json.dumps(line).encode() + b"\n" for line in History([]).lines(11))
    for size in (1, 7, len(lines)):
        pieces = [lines[at:at + size] for at in range(0, len(lines), size)]
        with Node({KV + "watch": lambda _body, pieces=pieces: iter(pieces)}) as node:
            assert told("kv", "watch", "--prefix", "--rev", "11", "--limit", "4", node=node) == EVENTS


def test_watch_formats():
    with Node({KV + "watch": History([]).answer}) as node:
        words = ["kv", "watch", "--prefix", "--rev", "14", "--limit", "1", "--format"]
        assert json.loads(told(*words, "json", node=node)) == {
            "revision": 14, "type": "put", "key": "d", "key_base64": None, "value": "4", "value_base64": None,
            "version": 4, "lease": None, "previous": None}
        assert told(*words, "tsv", node=node).splitlines()[1].startswith("14\tput\td\t\\N\t4\t")
        assert told(*words, "yaml", node=node).startswith("---\nrevision: 14\ntype: put\nkey: d\n")


def test_events_come_as_they_happen():
    """Not when a buffer is full: whoever reads the pipe sees an event while the watch goes on."""
    read, write = os.pipe()

    def answer(_body):
        yield {"start": {"revision": 10, "name": "pg1"}}
        yield {"events": {"revision": 11, "more": False, "events": [{"type": "put", "pair": pair("a", "1", 11), "previous": None}]}}
        os.read(read, 1)  # until the test has seen it

    with Node({KV + "watch": answer}) as node:
        with subprocess.Popen([CTL, "kv", "watch", "--prefix", "--endpoint", node.endpoint], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, env=environment()) as watch:
            assert watch.stdout.readline() == b"11 put a 1\n"
            watch.terminate()
            os.write(write, b"x")
    os.close(read)
    os.close(write)
