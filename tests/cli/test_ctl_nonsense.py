"""tests/cli/test_ctl_nonsense.py - whatever a node answers, pgraftctl ends in order.

Claim: no answer, however wrong, ends pgraftctl by a signal, makes it hang or lets a control character
through. Method: the right answer of every command, with each of its members, at every depth, left out
or replaced by a value of another type; the same for each line of a watch.
"""
import copy
import json

import pytest

from fake_node import Node, Tagged, ctl
from test_ctl_cluster import DONE, HEALTHY
from test_ctl_faces import WITNESS, leader, replica, view
from test_ctl_kv import KV, LEASE, pair

LEASES = "/pgraft/v1/lease/"
WRONG = (None, -7, "\x1b[31m\n", [1], {"x": []})

COMMANDS = [
    (["status"], "/raft", HEALTHY), (["raft"], "/raft", HEALTHY), (["member", "list"], "/raft", HEALTHY),
    (["kv", "get", "k"], KV + "get", {"revision": 1, "pair": pair()}),
    (["kv", "get", "k", "--raw"], KV + "get", {"revision": 1, "pair": pair()}),
    (["kv", "range", "k"], KV + "range", {"revision": 1, "count": 2, "more": True, "pairs": [pair()]}),
    (["kv", "range", "k", "--count-only"], KV + "range", {"revision": 1, "count": 2}),
    (["kv", "put", "k", "v"], KV + "put", {"revision": 1, "previous": pair()}),
    (["kv", "put", "k", "v"], "/pgraft/v1/since", {"since": 12}),
    (["kv", "del", "k"], KV + "delete", {"revision": 1, "deleted": 1, "previous": [pair()]}),
    (["kv", "compact", "1"], KV + "compact", {"revision": 1, "compacted": 1}),
    (["lease", "grant", "5"], LEASES + "grant", {"lease": LEASE["lease"], "ttl_ms": 5000}),
    (["lease", "keepalive", "a", "--once"], LEASES + "keepalive", {"lease": LEASE["lease"], "ttl_ms": 5000}),
    (["lease", "revoke", "a"], LEASES + "revoke", {"deleted": 1, "revision": 2}),
    (["lease", "list"], LEASES + "list", {"leases": [LEASE]}),
    (["lease", "show", "a"], LEASES + "show", {**LEASE, "keys": [{"key": "k"}]}),
    (["member", "promote", "x"], "/pgraft/v1/members/promote", DONE),
    (["member", "remove", "x"], "/pgraft/v1/members/remove", {"removed": "a"}),
    (["member", "transfer"], "/pgraft/v1/transfer", {"leader": "a"}),
    (["fence", "x", "--force"], "/pgraft/v1/fence", {"member": "x", "fenced": True, "was": False}),
    (["unfence", "x"], "/pgraft/v1/unfence", {"member": "x", "fenced": False, "was": False}),
    (["raft", "form", "--with-all"], "/pgraft/v1/form", {"note": "a"}),
    (["raft", "--health"], "/pgraft/v1/health", {"healthy": True, "read_ms": 1}),
]


def variants(value):
    """@value with one thing in it changed, each in turn."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {name: other for name, other in value.items() if name != key}
            for wrong in [*WRONG, *variants(inner)]:
                yield {**value, key: wrong}
    elif isinstance(value, list):
        for at, inner in enumerate(value[:1]):
            for wrong in [*WRONG, *variants(inner)]:
                yield [*value[:at], wrong, *value[at + 1:]]


def check(words, node, form="pretty"):
    how = [] if "--raw" in words else ["--format", form]  # not both
    status, out, err = ctl(*words, *how, "--timeout", "20", node=node)
    assert status in (0, 1, 3, 4), (status, out, err)
    shown = err if "--raw" in words else out + err  # raw is raw
    assert all(c.isprintable() or c in "\n\t" for c in shown)
    assert (status == 0) <= (err.count("\n") <= 1)


@pytest.mark.parametrize("words, path, answer", COMMANDS)
def test_wrong_members(words, path, answer):
    right = {"/raft": HEALTHY, KV + "put": {"revision": 1, "previous": None}}
    seen = set()
    with Node({**right, path: answer}) as node:
        for at, wrong in enumerate(variants(answer)):
            text = json.dumps(wrong, sort_keys=True)
            if text not in seen and (path != "/raft" or at % 5 == len(words[0]) % 5):
                seen.add(text)
                node.answers[path] = wrong
                check(words, node, ("pretty", "json", "yaml", "tsv")[at % 4])
    assert seen


VIEW = view(
    [leader(tags={"a": "b"}, pending_restart=True, pending_restart_reason={"x": {"old_value": "1", "new_value": "2"}}),
     replica(scheduled_restart={"schedule": "x", "postgres_version": "1"}), WITNESS],
    {"pause": True, "scheduled_switchover": {"at": "x", "from": "a", "to": "b"}}, history=[[1, 2, "r", "t", "n"]],
    election={"at": "x", "rule": "r", "action": "a", "text": "t"}, notes={"db2": "hm"}, sites={"w1": "fra"},
    decisions=[{"at": "x", "node": "db1", "rule": "r", "action": "a", "text": "t"}])


FACES = [
    ["list", "--all", "--extended"], ["topology"], ["history"], ["dsn"], ["dsn", "--read-only", "--uri"], ["why"],
    ["version", "orders"], ["remove", "orders"], ["restart", "--rolling", "--dry-run"], ["switchover", "--dry-run"],
    ["failover", "--candidate", "db2", "--dry-run"], ["restart", "--force"], ["reload", "--force"], ["flush", "restart", "--force"],
    ["reinit", "db2", "--force"], ["config", "explain", "ttl"]]


@pytest.fixture(name="viewed")
def fixture_viewed():
    """A node that does what it is told to, and its view, in which it is every member."""
    done = {"/restart": (200, b"x"), "/reload": (202, b"x"), "/reinitialize": (200, b"x"), "/config": Tagged({"ttl": 30}, '"1"'),
            "/raft": {**HEALTHY, "scope": "orders"},
            "/patroni": {"server_version": 160004, "serves_writes": False, "patroni": {"version": "1"}}}
    seen = copy.deepcopy(VIEW)
    with Node(done) as node:
        for member in seen["cluster"]["members"]:
            member["api_url"] = node.endpoint
        yield node, seen


def look(words, node, seen):
    node.answers["/pgraft/v1/view"] = seen
    status, out, err = ctl(*words, node=node)
    assert status in (0, 1, 3, 4), (status, out, err)
    assert all(c.isprintable() or c in "\n\t" for c in out + err), (out, err)


@pytest.mark.parametrize("words", FACES, ids=" ".join)
def test_wrong_views(viewed, words):
    for at, wrong in enumerate(variants(viewed[1])):
        if at % 13 == len(words[0]):
            look(words, viewed[0], wrong)


@pytest.mark.parametrize("words", [*FACES, ["pause", "--wait", "--timeout", "1"], ["check"], ["check", "--nagios"], ["status"]], ids=" ".join)
def test_names_that_are_none(viewed, words):
    """Everybody's: each command says them somewhere."""
    node, seen = viewed
    for member in seen["cluster"]["members"]:
        member["name"] += "\x1b[31m\n"
        member["state"] += "\x1b[31m\n"
    look(words, node, seen)
    look(words, node, {**seen, "leader": "db1\x1b[31m\n", "name": "db1\x1b[31m\n"})
    look(words, node, {**seen, "name": "db1\x1b[31m\n", "quorum": False})


LINES = [
    {"start": {"revision": 10, "name": "pg1"}}, {"progress": {"revision": 11}},
    {"events": {"revision": 12, "more": False, "events": [{"type": "put", "pair": pair("a", "b", 12), "previous": pair("a", "c", 3)}]}},
    {"error": {"code": "ERR_COMPACTED", "message": "gone", "oldest_revision": 5}}]


def test_wrong_lines_of_a_watch():
    """Whether the events are printed or not: it ends, by the event it waits for or by the error."""
    end = {"error": {"code": "ERR_REFUSED", "message": "enough", "retry": False, "may_have_applied": False}}
    with Node() as node:
        for at, line in enumerate(LINES):
            for turn, wrong in enumerate(variants(line)):
                lines = [*LINES[:at], wrong, b"3\n" if turn % 2 else end]
                # An error that is none of ours ends a connection, and not the watch: let it find the door shut.
                node.answers[KV + "watch"] = once(lines)
                check(["kv", "watch", "k", "--limit", "1"], node, ("pretty", "json", "yaml", "tsv")[turn % 4])


def once(lines):
    """The first connection gets @lines, the next ones a refusal."""
    rest = [lines]
    refusal = (409, b'{"error":{"code":"ERR_REFUSED","message":"no more"}}')
    return lambda _body: iter(rest.pop()) if rest else refusal
