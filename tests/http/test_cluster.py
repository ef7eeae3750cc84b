"""tests/http/test_cluster.py - what a node says of its cluster, and what can be changed about it.

Claim: /raft, /health and the others answer with and without a quorum; without one a write is refused within
its time; members are found by name and id, and leadership goes where it is told.
"""
import time

import pytest
from http_kit import Nodes, until

import prom_text  # tests/lib

RAFT = {"scope", "namespace", "name", "id", "version", "state", "note", "cluster_id", "term", "leader", "leader_id",
        "quorum", "quorum_age_ms", "voters", "majority", "can_lose", "missing", "max_voters", "index", "applied",
        "revision", "db_bytes", "quota_bytes", "used_bytes", "quota_alarm", "feature_level", "feature_level_known", "members"}
MEMBER = {"id", "name", "address", "site", "kind", "role", "leader", "reachable", "last_contact_ms", "term", "index",
          "applied", "lag", "fsync_p99_ms", "round_trip_ms", "db_bytes", "version", "api_url", "errors"}


@pytest.fixture(scope="module")
def nodes():
    three = Nodes(3)
    yield three
    three.close()


def raft(node):
    return node.get("/raft").json


def leader_of(node):
    return until(lambda: raft(node)["leader"])


# --- Looking ---

def test_raft_tells_of_every_member(nodes):
    until(lambda: all(m["version"] for m in raft(nodes[1])["members"]), 10)
    for number in (1, 2, 3):
        told = raft(nodes[number])
        assert set(told) >= RAFT
        assert (told["name"], told["state"], told["note"]) == (f"n{number}", "member", None)
        assert (told["quorum"], told["voters"], told["majority"], told["can_lose"]) == (True, 3, 2, 1)
        assert told["missing"] == []
        assert len(told["cluster_id"]) == 32
        assert [m["name"] for m in told["members"]] == ["n1", "n2", "n3"]
        assert [m["leader"] for m in told["members"]].count(True) == 1
        for member in told["members"]:
            assert set(member) >= MEMBER
            assert (member["role"], member["kind"], member["errors"]) == ("voter", "database", [])
            assert member["reachable"]
    members = raft(nodes[1])["members"]
    assert [m["api_url"] for m in members] == [f"http://127.0.0.1:{8008 + i}" for i in range(3)]
    assert members[0]["last_contact_ms"] == 0


def test_health_is_a_confirmed_read(nodes):
    for number in (1, 2, 3):
        health = nodes[number].get("/pgraft/v1/health?timeout_ms=3000").json
        assert health["healthy"] is True
        assert health["name"] == f"n{number}"
        assert health["leader"] in ("n1", "n2", "n3")
        assert 0 <= health["read_ms"] < 3000
        assert health["applied"] > 0


def test_metrics_are_what_prometheus_reads(nodes):
    families = prom_text.read(nodes[2].get("/metrics").body)
    own = (("name", "n2"), ("scope", "test"))
    fsync = families["pgraft_fsync_duration_seconds"]
    assert (fsync.type, len(fsync.samples)) == ("histogram", 16 + 2)
    assert families["pgraft_has_leader"].samples["pgraft_has_leader", own] == 1
    trips = families["pgraft_peer_round_trip_seconds"].samples
    assert {dict(labels)["peer"] for _, labels in trips} <= {"n1", "n3"}


def test_well_alive_and_ready(nodes):
    for path in ("/health", "/liveness", "/readiness"):
        answer = nodes[3].get(path)
        assert answer.status == 200
        assert answer.json["role"] == "voter"
        assert answer.json["patroni"] == {"version": "0.1.0", "scope": "test", "name": "n3"}


# --- Changing ---

def test_leadership_goes_where_it_is_told(nodes):
    for _ in range(2):
        old = leader_of(nodes[1])
        new = next(name for name in ("n1", "n2", "n3") if name != old)
        answer = nodes[1].done("transfer", {"member": new, "timeout_ms": 20000})
        assert answer == {"leader": new}
        assert until(lambda: raft(nodes[2])["leader"]) == new
    assert nodes[2].done("transfer", {"timeout_ms": 20000})["leader"] in ("n1", "n2", "n3")


@pytest.mark.parametrize("path", ["members/remove", "members/promote", "members/demote", "transfer"])
def test_nobody_of_that_name(nodes, path):
    for name in ("n9", "0123456789abcdef"):
        assert nodes[1].refused(path, {"member": name})[:2] == (404, "ERR_NOT_FOUND")
    assert nodes[1].refused(path, {"member": 7})[:2] == (400, "ERR_INVALID")
    if path != "transfer":
        assert nodes[1].refused(path, {})[:2] == (400, "ERR_INVALID")


def test_nodes_come_by_themselves(nodes):
    nobody = {"name": "n9", "address": "127.0.0.1:1", "timeout_ms": 1500}
    status, code, message = nodes[1].refused("members/add", nobody)
    assert (status, code) == (409, "ERR_REFUSED")
    assert "raft.peers" in message
    for bad in ({}, {"name": "n9"}, {"address": "127.0.0.1:1"}, {**nobody, "role": "king"}, {**nobody, "name": "a b"},
                {**nobody, "address": "nowhere"}):
        assert nodes[1].refused("members/add", bad)[:2] == (400, "ERR_INVALID")
    first = raft(nodes[1])["members"][0]
    same = nodes[2].done("members/add", {"name": "n1", "address": first["address"], "role": "voter"})["member"]
    assert same["id"] == first["id"]
    assert nodes[2].refused("members/add", {**nobody, "name": "n1"})[:2] == (409, "ERR_EXISTS")


def test_nobody_waits_for_a_name(nodes):
    assert nodes[1].refused("members/replace", {"member": "n2"})[:2] == (404, "ERR_NOT_FOUND")


def test_forming_is_over(nodes):
    assert nodes[1].refused("form", {"without": ["n9"]})[:2] == (409, "ERR_REFUSED")
    assert nodes[1].refused("forget", {})[:2] == (409, "ERR_REFUSED")
    for body in ({}, {"without": "n9"}, {"without": [1]}, {"without": ["a,b"]}, {"without": [""]}):
        assert nodes[1].refused("form", body)[:2] == (400, "ERR_INVALID")


# --- In these two the members change: last of all ---

def test_without_a_majority_it_still_tells_and_refuses_in_time(nodes):
    nodes.tell("stop", 2)
    nodes.tell("stop", 3)
    told = until(lambda: (lambda r: r if not r["quorum"] else None)(raft(nodes[1])))
    assert (told["can_lose"], told["state"]) == (0, "member")
    told = until(lambda: (lambda r: r if r["missing"] == ["n2", "n3"] else None)(raft(nodes[1])))
    until(lambda: nodes[1].get("/readiness").status == 503)
    assert nodes[1].get("/health").status == 200
    assert nodes[1].get("/liveness").status == 200
    for path, body in [("kv/put", {"key": "k", "value": "v"}), ("kv/get", {"key": "k"}), ("lease/list", {})]:
        began = time.monotonic()
        answer = nodes[1].post(path, body | {"timeout_ms": 700})
        assert answer.status in (503, 504), answer.body
        assert answer.code in ("ERR_NO_QUORUM", "ERR_TIMEOUT")
        assert answer.json["error"]["retry"]
        assert time.monotonic() - began < 5
    assert nodes[1].get("/pgraft/v1/health?timeout_ms=500").status in (503, 504)
    assert nodes[1].done("kv/get", {"key": "k", "serializable": True})["age_ms"] > 0
    nodes.tell("start", 2)
    nodes.tell("start", 3)
    until(lambda: nodes[1].get("/readiness").status == 200)
    assert nodes[1].done("kv/put", {"key": "k", "value": "v", "timeout_ms": 20000})["revision"] > 0


def test_a_member_is_demoted_promoted_and_removed(nodes):
    until(lambda: raft(nodes[1])["can_lose"] == 1)
    leader = leader_of(nodes[1])
    victim = next(name for name in ("n3", "n2") if name != leader)
    row = nodes[1].done("members/demote", {"member": victim, "timeout_ms": 30000})["member"]
    assert (row["name"], row["role"]) == (victim, "non-voter")
    answer = nodes[1].post("members/promote", {"member": row["id"], "timeout_ms": 30000})
    assert answer.status == 200, answer.body
    assert answer.json["member"]["role"] == "voter"
    for _ in range(2):
        assert nodes[1].done("members/remove", {"member": row["id"], "timeout_ms": 30000}) == {"removed": row["id"]}
    assert nodes[1].refused("members/remove", {"member": victim})[:2] == (404, "ERR_NOT_FOUND")


def test_a_blank_node_says_whom_it_waits_for():
    nodes = Nodes(1, "--blank")
    one = nodes[1]
    told = until(lambda: (lambda r: r if "n9" in (r["note"] or "") else None)(raft(one)))
    assert (told["state"], told["cluster_id"], told["leader"], told["quorum"]) == ("forming", None, None, False)
    assert (told["voters"], told["majority"], told["missing"]) == (0, 0, ["n9"])
    own, other = told["members"]
    assert (own["name"], own["id"], own["kind"], own["role"]) == ("n1", told["id"], "database", None)
    assert (own["reachable"], own["last_contact_ms"], own["errors"]) == (True, 0, [])
    assert (other["name"], other["address"], other["id"], other["kind"]) == ("n9", "127.0.0.1:9", None, None)
    assert (other["role"], other["reachable"], other["last_contact_ms"], other["errors"]) == (None, False, None, [])
    assert one.refused("members/remove", {"member": "n9"})[0] in (404, 503)
    since = one.get("/pgraft/v1/since")
    assert (since.status, since.code) == (503, "ERR_NO_QUORUM")
    assert since.message.startswith("this node is no member of a cluster: ")
    assert "n9" in since.message
    status, code, message = one.refused("kv/get", {"key": "k", "serializable": True, "timeout_ms": 300})
    assert (status, code) == (503, "ERR_NO_QUORUM")
    assert "n9" in message
    assert one.get("/readiness").status == 503
    assert one.get("/health").status == 200
    assert one.refused("kv/watch", {"key": "k"})[:2] == (503, "ERR_CLOSED")
    status, code, message = one.refused("kv/put", {"key": "k", "value": "v", "timeout_ms": 300})
    assert (status, code) == (503, "ERR_NO_QUORUM")
    assert "n9" in message
    assert one.post("form", {"without": ["n9"]}).status in (200, 409)
    nodes.close()


def test_a_consensus_thread_that_hangs_is_noticed():
    nodes = Nodes(1)
    one = nodes[1]
    nodes.tell("freeze", 12000)
    began = time.monotonic()
    assert one.get("/health").status == 200
    metrics = one.get("/metrics")
    assert (metrics.status, b"pgraft_term" in metrics.body) == (200, True)
    status, code, message = one.refused("kv/put", {"key": "k", "value": "v", "timeout_ms": 100})
    assert (status, code) == (504, "ERR_TIMEOUT")
    assert "hangs" in message
    alive = one.get("/liveness")
    assert (alive.status, alive.json["state"]) == (503, "stalled")
    assert time.monotonic() - began < 12
    until(lambda: one.get("/liveness").status == 200)
    assert one.done("kv/put", {"key": "k", "value": "v", "timeout_ms": 20000})["revision"] > 0
    nodes.close()
