"""tests/http/test_fence.py - POST /pgraft/v1/fence and /pgraft/v1/unfence: the key, and what is refused.

Claim: a fence is put only while somebody else, or nobody, has the role as a majority knows it, whatever the view of the
node that is asked says; what an operator would regret is refused unless he accepts it; asked twice is as once; a refusal
writes nothing. Method: as in test_switch.py. What the views say against it is tests/unit/test_fence_judge.c's.
"""
import json

import pytest
from http_kit import nodes_with_views

PREFIX = "/service/test/"
FENCE = PREFIX + "pgraft/fence/"


@pytest.fixture(scope="module", name="nodes")
def started():
    nodes = nodes_with_views()
    yield nodes
    nodes.close()


@pytest.fixture(autouse=True)
def leader(nodes):
    """pg1 leads, as the views say, and nobody is fenced."""
    nodes[1].done("kv/put", {"key": PREFIX + "leader", "value": "pg1"})
    nodes[1].done("kv/delete", {"prefix": FENCE})
    for number, name in ((1, "pg1"), (2, "pg2"), (3, "w1")):
        nodes.tell("view", number, name)


def fences(node):
    pairs = node.done("kv/range", {"prefix": FENCE})["pairs"]
    return {pair["key"].removeprefix(FENCE): json.loads(pair["value"]) for pair in pairs}


def fence(node, member, **more):
    return node.done("fence", {"member": member, **more})


def test_a_standby_is_fenced_and_unfenced_by_whichever_node(nodes):
    told = fence(nodes[3], "pg2", why='its "disk" lies', by="root@pg1")
    assert told == {"member": "pg2", "fenced": True, "was": False}
    row = fences(nodes[1])["pg2"]
    assert (row["version"], row["by"], row["why"]) == (1, "root@pg1", 'its "disk" lies')
    assert row["at"].startswith("20")
    assert fence(nodes[1], "pg2", why="another reason")["was"] is True
    assert fences(nodes[2])["pg2"] == row  # the first one stands
    assert nodes[2].done("unfence", {"member": "pg2"}) == {"member": "pg2", "fenced": False, "was": False}
    assert nodes[1].done("unfence", {"member": "pg2"})["was"] is True
    assert fences(nodes[3]) == {}


def test_the_primary_is_not_fenced_whatever_a_view_says(nodes):
    nodes[1].done("kv/put", {"key": PREFIX + "leader", "value": "pg2"})  # and pg1's view does not know that yet
    status, code, text = nodes[1].refused("fence", {"member": "pg2"})
    assert (status, code) == (409, "ERR_REFUSED")
    assert text.startswith("pg2 is the primary: its role has to go elsewhere first")
    assert fences(nodes[1]) == {}
    assert fence(nodes[1], "pg1", accept_no_candidate=True)["fenced"] is True  # who is not any more may be
    nodes[1].done("kv/delete", {"key": PREFIX + "leader"})
    assert fence(nodes[1], "pg3", accept_no_candidate=True)["fenced"] is True  # nobody leads
    assert sorted(fences(nodes[2])) == ["pg1", "pg3"]


def test_a_check_writes_nothing(nodes):
    assert fence(nodes[1], "pg1", check=True) == {"member": "pg1", "fenced": False, "was": False}
    assert fence(nodes[1], "pg2", check=True)["fenced"] is False
    nodes.tell("view", 1, "pg1", "out=pg3")
    assert fence(nodes[1], "pg3", check=True) == {"member": "pg3", "fenced": True, "was": True}
    assert fences(nodes[1]) == {}


@pytest.mark.parametrize("words, body, says", [
    (["level=1"], {"member": "pg2", "accept_no_candidate": True}, "the feature level in force is 1"),
    ([], {"member": "w1"}, "w1 is a witness"),
    (["out=pg3"], {"member": "pg2"}, "--accept-no-candidate"),
    (["paused"], {"member": "pg1"}, "nobody is made primary during a pause"),
])
def test_what_would_be_regretted_is_refused(nodes, words, body, says):
    nodes.tell("view", 1, "pg1", *words)
    status, code, text = nodes[1].refused("fence", body)
    assert (status, code) == (409, "ERR_REFUSED")
    assert says in text
    assert fences(nodes[1]) == {}


def test_what_is_accepted_is_done(nodes):
    nodes.tell("view", 1, "pg1", "out=pg3")
    assert fence(nodes[1], "pg2", accept_no_candidate=True)["fenced"] is True


@pytest.mark.parametrize("body", [{}, {"member": ""}, {"member": "a b"}, {"member": 2}, {"member": "pg2", "why": "two\nlines"},
                                  {"member": "pg2", "why": "x" * 200}, {"member": "pg2", "force": True}])
def test_a_body_that_is_none(nodes, body):
    assert nodes[1].refused("fence", body)[:2] == (400, "ERR_INVALID")
    assert fences(nodes[1]) == {}


def test_nobody_of_that_name(nodes):
    assert nodes[1].refused("fence", {"member": "pg9"})[:2] == (404, "ERR_NOT_FOUND")
    assert nodes[1].done("unfence", {"member": "pg9"})["was"] is True


def test_a_view_tells_who_is_fenced(nodes):
    nodes.tell("view", 1, "pg1", "out=pg3")
    assert nodes[1].get("/pgraft/v1/view").json["fenced"] == {"pg3": "fenced by a test"}
    assert nodes[2].get("/pgraft/v1/view").json["fenced"] == {}
