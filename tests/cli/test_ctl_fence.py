"""tests/cli/test_ctl_fence.py - fence and unfence.

Claim: it is looked at before anything is asked or done; a primary is fenced after a switchover away from it, and not at all
where that has not succeeded; what is accepted for the whole is not asked again in between; asked twice is as once; what a node
refuses is refused here, with its words. Method: a fake node with a cluster of three.
"""
import json

import pytest

from fake_node import Error, Node, ctl, fails, told
from test_ctl_faces import leader, replica, view

SURE = "Are you sure you want to fence db2? It will not be made primary until it is unfenced [y/N]: "
SURE_OF_THE_PRIMARY = "Are you sure you want to fence db1, demoting it first: it is the primary? [y/N]: "
DONE = "db2 is fenced; pgraftctl unfence db2 takes it back\n"


class Cluster(Node):
    """db1 leads until it is told otherwise."""

    def __init__(self, answers=None):
        self.seen_now = view([leader(), replica()])
        self.fenced = set()
        super().__init__({"/pgraft/v1/view": lambda _body: self.seen_now, "/pgraft/v1/fence": self.fence,
                          "/pgraft/v1/unfence": self.unfence, "/switchover": self.switch, **(answers or {})})

    def fence(self, body):
        name, was = body["member"], body["member"] in self.fenced
        if not body["check"]:
            if name == self.seen_now["leader"]:
                return Error("ERR_REFUSED", f"{name} is the primary")
            self.fenced.add(name)
        return {"member": name, "fenced": name in self.fenced, "was": was}

    def unfence(self, body):
        was = body["member"] not in self.fenced
        self.fenced.discard(body["member"])
        return {"member": body["member"], "fenced": False, "was": was}

    def switch(self, body):
        assert set(body) == {"leader", "timeout_ms"}
        self.seen_now = self.seen_now | {"leader": "db2"}
        return 200, b"Successfully switched over to \"db2\""


@pytest.fixture(name="node")
def fixture_node():
    with Cluster() as one:
        yield one


def asked(node):
    """Each request for a fence: whether it was only a check, and what it accepted."""
    return [(body["check"], body["accept_no_candidate"], body["accept_write_stop"]) for body in node.asked("/pgraft/v1/fence")]


def test_a_standby_is_fenced_when_it_is_confirmed(node):
    assert told("fence", "db2", "--reason", "its disk lies", node=node, data=b"y\n") == SURE + DONE
    assert asked(node) == [(True, False, False), (False, False, False)]
    assert node.asked("/switchover") == []
    body = node.asked("/pgraft/v1/fence")[-1]
    assert (body["member"], body["why"]) == ("db2", "its disk lies")
    assert "by" in body
    assert told("fence", "db2", "--force", node=node) == "db2 is fenced already; pgraftctl unfence db2 takes it back\n"
    assert told("unfence", "db2", node=node) == "db2 is not fenced any more\n"
    assert told("unfence", "db2", node=node) == "db2 was not fenced\n"


@pytest.mark.parametrize("data", [b"n\n", b"\n", b""])
def test_what_is_not_confirmed_is_not_done(node, data):
    status, _out, err = ctl("fence", "db2", node=node, data=data)
    assert (status, err) == (1, "pgraftctl: Aborting fence\n") or "Aborted" in err
    assert node.fenced == set()


def test_a_primary_is_fenced_after_a_switchover(node):
    out = told("fence", "db1", node=node, data=b"y\n")
    assert out == SURE_OF_THE_PRIMARY + "db1 is fenced; pgraftctl unfence db1 takes it back\n"
    assert node.asked("/switchover") == [{"leader": "db1"}]
    assert asked(node) == [(True, False, False), (False, True, True)]
    assert node.fenced == {"db1"}


@pytest.mark.parametrize(("answer", "status"), [
    ((412, b"switchover is not possible"), 1), ((503, b"Switchover failed"), 1), ((503, b"Switchover status unknown"), 3),
    ((503, b"failed to write failover key into DCS: no majority of the voters can be reached"), 4)])
def test_a_primary_that_stays_primary_is_not_fenced(answer, status):
    with Cluster({"/switchover": answer}) as node:
        text = fails(status, "fence", "db1", "--force", node=node)
        assert text.startswith("nothing is fenced, for the switchover before it has not succeeded: ")
        assert answer[1].decode() in text
        assert node.fenced == set()


def test_what_a_node_refuses_is_asked_of_nobody(node):
    node.answers["/pgraft/v1/fence"] = Error("ERR_REFUSED", "nobody could take over: --accept-no-candidate")
    assert fails(1, "fence", "db1", node=node, data=b"y\n") == "nobody could take over: --accept-no-candidate"
    assert node.asked("/switchover") == []
    node.answers["/pgraft/v1/fence"] = node.fence
    told("fence", "db2", "--accept-no-candidate", "--accept-write-stop", "--force", node=node)
    assert asked(node)[-2:] == [(True, True, True), (False, True, True)]


def test_another_primary_in_the_same_moment_is_asked_again(node):
    answers = [node.fence, lambda _body: Error("ERR_CONFLICT", "ask again"), node.fence]
    node.answers["/pgraft/v1/fence"] = lambda body: answers.pop(0)(body)
    assert told("fence", "db2", "--force", node=node) == DONE


def test_words_that_make_no_sense(node):
    assert "give --force, too" in fails(2, "fence", "db2", "--format", "json", node=node)
    assert json.loads(told("fence", "db2", "--format", "json", "--force", node=node)) == {
        "member": "db2", "fenced": True, "was": False}
    assert fails(2, "fence", node=node)
    assert "UTF-8" in fails(2, "fence", "db2", "--force", "--reason", "\udcff", node=node)
    assert "UTF-8" in fails(2, "fence", "\udcff", "--force", node=node)
    assert "UTF-8" in fails(2, "unfence", "\udcff", node=node)
    assert fails(2, "unfence", "db1", "db2", node=node)


def test_status_and_list_show_it(node):
    member = replica()
    member["tags"] = {"fenced": True}
    node.seen_now = view([leader(), member]) | {"fenced": {"db2": "fenced by root@db1 at 2026: its disk lies"}}
    node.answers["/raft"] = {"scope": "orders", "state": "member", "quorum": True, "voters": 3, "majority": 2, "members": []}
    assert "Fenced:    db2, fenced by root@db1 at 2026: its disk lies\n" in told("status", node=node)
    assert json.loads(told("status", "--format", "json", node=node))["fenced"] == node.seen_now["fenced"]
    assert "fenced: true" in told("list", node=node)


def test_a_switchover_to_it_is_not_possible(node):
    member = replica()
    member["tags"] = {"fenced": True}
    node.seen_now = view([leader(), member, replica(name="db3")])
    status, out, _err = ctl("switchover", "--dry-run", "--candidate", "db2", node=node)
    assert status == 1
    assert "✘ db2 is not fenced\n    pgraftctl unfence db2\n" in out
    status, _out, err = ctl("failover", "--candidate", "db2", "--force", node=node)
    assert (status, err) == (1, 'pgraftctl: Member "db2" is fenced (pgraftctl unfence)\n')
    assert told("switchover", "--dry-run", "--candidate", "db3", node=node)
