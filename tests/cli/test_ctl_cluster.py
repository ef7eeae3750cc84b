"""tests/cli/test_ctl_cluster.py - what pgraftctl says of a cluster, and does to its members.

Claim: status and raft tell the right story of every state a node can report, with an exit status that
tells the truth; a name that a node sends can not harm the terminal. Method: a fake node.
"""
import copy
import json
import threading

import pytest

from fake_node import Error, Node, Raw, ctl, fails, told


def member(name, **more):
    at = {"pg1": 1, "pg2": 2, "w1": 3}[name]
    return {"id": f"{at:016x}", "name": name, "address": f"10.0.0.{at}:7400", "site": None,
            "kind": "witness" if name == "w1" else "database", "role": "witness" if name == "w1" else "voter",
            "leader": name == "pg2", "reachable": True, "last_contact_ms": 0, "term": 7, "index": 120, "applied": 120,
            "lag": 0, "fsync_p99_ms": 1.25, "round_trip_ms": 0.4, "db_bytes": 1572864, "version": "0.1.0",
            "api_url": None, "errors": [], **more}


HEALTHY = {
    "scope": "demo", "namespace": "/service/", "name": "pg1", "id": "0000000000000001", "version": "0.1.0",
    "state": "member", "note": None, "cluster_id": "5f00c0ffee00c0ff", "term": 7, "leader": "pg2",
    "leader_id": "0000000000000002", "quorum": True, "quorum_age_ms": 40, "voters": 3, "majority": 2, "can_lose": 1,
    "missing": [], "max_voters": 7, "index": 120, "applied": 120, "revision": 88, "db_bytes": 1572864,
    "quota_bytes": 67108864, "used_bytes": 2048, "quota_alarm": False,
    "members": [member("pg1"), member("pg2"), member("w1", site="fra", lag=3, applied=117)],
}


def cluster(**changes):
    raft = copy.deepcopy(HEALTHY)
    for name, change in changes.items():
        if name in ("pg1", "pg2", "w1"):
            next(m for m in raft["members"] if m["name"] == name).update(change)
        else:
            raft[name] = change
    return raft


DEGRADED = cluster(missing=["w1"], can_lose=0, w1={"reachable": False, "last_contact_ms": 12400})
NO_QUORUM = cluster(quorum=False, leader=None, can_lose=0, missing=["pg2", "w1"],
                    pg2={"reachable": False, "leader": False, "last_contact_ms": 3000},
                    w1={"reachable": False, "last_contact_ms": None})
FORMING = cluster(cluster_id=None, state="forming", quorum=False, leader=None, term=0, can_lose=0, voters=0,
                  majority=0, note="waits: pg2 (10.0.0.2:7400) was not heard yet")


# --- status ---

def test_status_of_a_healthy_cluster():
    with Node({"/raft": HEALTHY}) as node:
        assert told("status", node=node) == f"""\
Cluster demo: healthy
Leader:    pg2, term 7
Votes:     3, a majority is 2
May fail:  1 more
Store:     revision 88, 2.0 KiB of 64.0 MiB used
Postgres:  this node supervises none
Asked:     pg1 at {node.endpoint}

+ Members ---------+------+---------------+--------+-----+---------+
| Member | Role    | Site | Address       | Leader | Lag | Trouble |
+--------+---------+------+---------------+--------+-----+---------+
| pg1    | voter   |      | 10.0.0.1:7400 | no     |   0 |         |
| pg2    | voter   |      | 10.0.0.2:7400 | yes    |   0 |         |
| w1     | witness | fra  | 10.0.0.3:7400 | no     |   3 |         |
+--------+---------+------+---------------+--------+-----+---------+
"""
        facts = json.loads(told("status", "--format", "json", node=node))
        assert facts["healthy"] is True
        assert (facts["leader"], facts["can_lose"], facts["missing"]) == ("pg2", 1, [])


@pytest.mark.parametrize("raft, first, lines, status", [
    (DEGRADED, "Cluster demo: degraded: w1 is missing",
     ["May fail:  none; the next one lost stops all writes", "last contact 12.4 s ago"], 0),
    (cluster(pg2={"errors": ["disk full: 12 MiB left"]}), "Cluster demo: degraded: pg2: disk full: 12 MiB left",
     ["| disk full: 12 MiB left |"], 0),
    (cluster(missing=["pg1", "w1"], pg2={"errors": ["a", "b"]}),
     "Cluster demo: degraded: pg1, w1 are missing; pg2: a, b", [], 0),
    (NO_QUORUM, "Cluster demo: no quorum: 2 of 3 votes are needed; missing: pg2, w1; what is shown may be old",
     ["Leader:    none, term 7", "May fail:  nothing can be written until more of them are back", "never heard"], 4),
    (FORMING, "Cluster demo: forming: waits: pg2 (10.0.0.2:7400) was not heard yet", ["Asked:     pg1 at "], 4),
    (cluster(state="removed", note="pg1 was removed"), "Cluster demo: removed: pg1 was removed", [], 0),
    (cluster(quota_alarm=True), "Cluster demo: healthy", ["used; writes are refused"], 0),
])
def test_status_says_what_is_wrong_first(raft, first, lines, status):
    with Node({"/raft": raft}) as node:
        got, out, err = ctl("status", node=node)
        assert (got, err) == (status, "")
        assert out.splitlines()[0] == first
        for line in lines:
            assert line in out
        got, out, _err = ctl("status", "--format", "json", node=node)
        assert got == status
        facts = json.loads(out)
        assert f"Cluster demo: {facts['status']}" == first
        assert facts["healthy"] == (first == "Cluster demo: healthy")


@pytest.mark.parametrize("raft, line", [
    (cluster(feature_level=2, feature_level_known=2), "Level:     2"),
    (cluster(feature_level=1, feature_level_known=2), "Level:     1 until it is known by pg2, w1"),  # one old, one not heard
    (cluster(feature_level=0, feature_level_known=2), None),
])
def test_a8_status_says_who_keeps_the_feature_level_down(raft, line):
    members = [{"name": "pg1", "role": "leader", "state": "running"}, {"name": "pg2", "role": "replica", "state": "streaming"}]
    view = {"supervised": True, "scope": "demo", "quorum": True, "leader": "pg1", "cluster": {"members": members},
            "levels": {"pg1": 2, "pg2": 1}}
    with Node({"/raft": raft, "/pgraft/v1/view": view}) as node:
        lines = told("status", node=node).splitlines()
        assert [at for at in lines if at.startswith("Level:")] == ([line] if line else [])
        facts = json.loads(told("status", "--format", "json", node=node))
        assert (facts["feature_level"], facts["feature_level_known"]) == (raft["feature_level"], 2)


REMOVED = cluster(name="w1", state="removed", note="w1 was removed", leader="pg1", quorum=False, voters=5, majority=3)


@pytest.mark.parametrize("state", ["removed", "refused"])
def test_a_node_without_a_place_does_not_speak_for_the_cluster(state):
    """Another node is asked; if there is none, nothing is said of votes that this one knows nothing of."""
    gone = {**REMOVED, "state": state}
    with Node({"/raft": gone}) as out_of_it, Node({"/raft": HEALTHY}) as good:
        for words in (["status"], ["raft"], ["member", "list"]):
            for nodes in ([out_of_it, good], [good, out_of_it]):
                text = told(*words, "-e", ",".join(node.endpoint for node in nodes))
                assert "healthy" in text
                assert state not in text
        assert f"Asked:     pg1 at {good.endpoint}\n" in told("status", "-e", f"{out_of_it.endpoint},{good.endpoint}")
        for more in ([], ["127.0.0.9:1"]):  # alone, or with one that does not answer
            status, text, err = ctl("status", "-e", ",".join([out_of_it.endpoint, *more]))
            assert (status, err) == (4, "")
            assert text.splitlines()[:2] == [f"Cluster demo: {state}: w1 was removed",
                                             f"Asked:     w1 at {out_of_it.endpoint}"]
            assert "Members, as this node last heard" in text


# --- raft ---

def test_raft_shows_every_member():
    with Node({"/raft": HEALTHY}) as node:
        lines = told("raft", node=node).splitlines()
        assert lines[0].startswith("+ Cluster: demo (5f00c0ffee00c0ff), healthy ---")
        assert lines[1] == ("| ID               | Name | Address       | Site | Role    | Leader | Term | Index | "
                            "Applied | Lag | Last contact | Fsync p99 | DB size | Errors |")
        assert lines[5] == ("| 0000000000000003 | w1   | 10.0.0.3:7400 | fra  | witness | no     |    7 |   120 | "
                            "    117 |   3 |         0 ms |    1.2 ms | 1.5 MiB |        |")
        rows = json.loads(told("raft", "--format", "json", node=node))
        assert [row["name"] for row in rows] == ["pg1", "pg2", "w1"]
        assert rows[2] == HEALTHY["members"][2]
    with Node({"/raft": NO_QUORUM}) as node:
        assert ctl("raft", node=node)[0] == 4


def test_health_asks_each_member_by_itself():
    healthy = {"healthy": True, "name": "pg2", "id": "2", "leader": "pg2", "term": 7, "applied": 120, "read_ms": 1.3}
    with Node({"/pgraft/v1/health": healthy}, host="127.0.0.2") as pg2, \
            Node({"/pgraft/v1/health": Error("ERR_NO_QUORUM", "no majority")}, host="127.0.0.3") as sick:
        raft = cluster(pg2={"api_url": pg2.endpoint}, w1={"api_url": "http://127.0.0.9:1"})
        with Node({"/raft": raft, "/pgraft/v1/health": {**healthy, "name": "pg1"}}) as pg1:
            status, out, err = ctl("raft", "--health", "--format", "json", node=pg1)
            assert (status, err) == (1, "")
            rows = json.loads(out)
            assert [(r["name"], r["reachable"], r["healthy"], r["read_ms"]) for r in rows] == [
                ("pg1", True, True, 1.3), ("pg2", True, True, 1.3), ("w1", False, False, None)]
            assert rows[2]["error"] == ("no node answers at http://127.0.0.9:1: connection refused; is pgraftd "
                                        "running?")
            raft["members"][2]["api_url"] = sick.endpoint
            rows = json.loads(ctl("raft", "--health", "--format", "json", node=pg1)[1])
            assert (rows[2]["reachable"], rows[2]["healthy"], rows[2]["error"]) == (True, False, "no majority")
            raft["members"][2]["api_url"] = pg1.endpoint  # somebody else's
            rows = json.loads(ctl("raft", "--health", "--format", "json", node=pg1)[1])
            assert (rows[2]["healthy"], rows[2]["error"]) == (False, "pg1 answers there")
            raft["members"][2].update(api_url=None, address="127.0.0.9:7400")  # where it usually is
            rows = json.loads(ctl("raft", "--health", "--format", "json", node=pg1)[1])
            assert (rows[2]["healthy"], rows[2]["api_url"]) == (False, "http://127.0.0.9:8008")
            raft["members"][2]["address"] = None
            status, out, _err = ctl("raft", "--health", node=pg1)
            assert status == 1
            assert "it tells no HTTP address to ask it at" in out
            del raft["members"][2]
            assert ctl("raft", "--health", node=pg1)[0] == 0


def test_a_silent_member_does_not_keep_the_others_waiting():
    event = threading.Event()
    with Node({"/pgraft/v1/health": lambda _body: event.wait(30) and Raw()}, host="127.0.0.2") as hung:
        raft = cluster(pg2={"api_url": hung.endpoint}, w1={"api_url": hung.endpoint})
        with Node({"/raft": raft, "/pgraft/v1/health": {"healthy": True, "read_ms": 1}}) as pg1:
            status, out, _err = ctl("raft", "--health", "--format", "json", "--timeout", "3", node=pg1)
            assert status == 1
            assert [row["healthy"] for row in json.loads(out)] == [True, False, False]
        event.set()


def test_names_can_not_harm_the_terminal():
    raft = cluster(scope="de\x1b]0;mo\x07", missing=["w\n1"], note="\x1b[2J",
                   pg1={"name": "pg\r1", "errors": ["\x1b[31m", "\u202ea"], "address": "\u009b31m"})
    with Node({"/raft": raft}) as node:
        for words in (["status"], ["raft"], ["member", "list"], ["raft", "--health"]):
            for form in ("pretty", "json", "yaml", "tsv"):
                _status, out, err = ctl(*words, "--format", form, node=node)
                assert all(c.isprintable() or c in "\n\t" for c in out + err)
                assert "\u202e" not in out
    with Node({"/raft": Error("ERR_REFUSED", "no\x1b[31m\nline")}) as node:
        assert fails(1, "raft", node=node) == "no\\x1b[31m\\nline"


def test_an_answer_that_is_none():
    for nonsense in ({}, {"members": 1}, {"members": [1]}, {"members": [{}, None]}):
        with Node({"/raft": nonsense}) as node:
            for words in (["status"], ["raft"], ["raft", "--health"]):
                assert "its answer has no members" in fails(1, *words, node=node)
    with Node({"/raft": {"members": [{"name": 7, "errors": "x"}, {}], "missing": 3, "voters": "x"}}) as node:
        for words in (["status"], ["raft"], ["member", "list"], ["raft", "--health"]):
            status, _out, err = ctl(*words, node=node)
            assert (status, err) in ((4, ""), (1, ""))


# --- members, formation ---

DONE = {"member": {"name": "pg3", "id": "00000000000000aa", "role": "voter"}}


@pytest.mark.parametrize("words, path, body, answer, line", [
    (["member", "add", "pg3", "10.0.0.6:7400"], "members/add", {"address": "10.0.0.6:7400", "name": "pg3"},
     DONE, "pg3 (00000000000000aa) is a voter"),
    (["member", "add", "w1", "w1:7400", "--role", "witness"], "members/add",
     {"address": "w1:7400", "name": "w1", "role": "witness"}, DONE, "pg3 (00000000000000aa) is a voter"),
    (["member", "promote", "pg3"], "members/promote", {"member": "pg3"}, DONE, "pg3 (00000000000000aa) is a voter"),
    (["member", "demote", "pg3"], "members/demote", {"member": "pg3"}, DONE, "pg3 (00000000000000aa) is a voter"),
    (["member", "replace", "pg3"], "members/replace", {"member": "pg3"}, DONE, "pg3 (00000000000000aa) is a voter"),
    (["member", "remove", "pg3"], "members/remove", {"member": "pg3"}, {"removed": "00000000000000aa"},
     "pg3 (00000000000000aa) is no member any more"),
    (["member", "transfer", "pg3"], "transfer", {"member": "pg3"}, {"leader": "pg3"}, "pg3 leads"),
    (["member", "transfer"], "transfer", {}, {"leader": "pg2"}, "pg2 leads"),
    (["raft", "form", "--without", "pg3", "--without", "w1"], "form", {"without": ["pg3", "w1"]},
     {"note": "waits: pg2"}, "waits: pg2"),
    (["raft", "form", "--with-all"], "form", {"without": []}, {"note": "waits"}, "waits"),
    (["raft", "forget", "--proposer-is-destroyed"], "forget", {}, {"note": "blank"}, "blank"),
])
def test_members_are_changed(words, path, body, answer, line):
    with Node({"/raft": HEALTHY, f"/pgraft/v1/{path}": answer}) as node:
        assert told(*words, node=node) == line + "\n"
        assert node.asked(f"/pgraft/v1/{path}") == [body]
        assert json.loads(told(*words, "--format", "json", node=node)) == answer
    with Node({"/raft": HEALTHY, f"/pgraft/v1/{path}": Error("ERR_REFUSED", "it holds a lease: switch over first")}) as node:
        assert fails(1, *words, node=node) == "it holds a lease: switch over first"


def test_who_is_removed_is_an_id_also_when_it_is_asked_again():
    """A newer node of that name, or none, must not be taken for the one that was meant."""
    answers = [Error("ERR_LOST_LEADER", "the leader went away", retry=True, may_have_applied=True),
               {"removed": "0000000000000002"}]
    with Node({"/raft": HEALTHY, "/pgraft/v1/members/remove": lambda _body: answers.pop(0)}) as node:
        assert told("member", "remove", "pg2", node=node) == "pg2 (0000000000000002) is no member any more\n"
        assert node.asked("/pgraft/v1/members/remove") == [{"member": "0000000000000002"}] * 2
        assert [seen[1] for seen in node.seen].count("/raft") == 1


def test_what_is_dangerous_wants_a_word():
    with Node() as node:
        assert "there may be two clusters" in fails(2, "raft", "forget", node=node)
        assert "--without" in fails(2, "raft", "form", node=node)
        assert node.seen == []
