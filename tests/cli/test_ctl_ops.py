"""tests/cli/test_ctl_ops.py - pause, resume, restart, reload, reinit, flush, version, query, remove.

Claim: words, prompts and refusals are patronictl's; each member is asked itself, where it says that it listens; the exit
status says whether it was done. Method: fake nodes, one for each member.
"""
import contextlib

import pytest

from fake_node import Node, ctl, fails, told
from test_ctl_config import Cluster
from test_ctl_faces import TWO, leader, replica, view

PAUSED = "Success: cluster management is paused\n"
RESUMED = "Success: cluster management is resumed\n"
SENT = "'{}' request sent, waiting until it is recognized by all nodes\n"


class Members(contextlib.ExitStack):
    """db1, the leader, and db2, each a node that can be asked, and the cluster that tells of them."""

    def __init__(self, answers=None, members=None):
        super().__init__()
        answers = answers or [{}, {}]
        self.nodes = [self.enter_context(Node(one)) for one in answers]
        rows = members or [leader(), replica()]
        for row, node in zip(rows, self.nodes):
            row["api_url"] = node.endpoint + "/patroni"
        self.cluster = self.enter_context(Cluster(view=view(rows, {"pause": False})))


# --- pause and resume ---

def test_row_pause_and_resume():
    with Cluster({"ttl": 30}) as node:
        assert told("pause", node=node) == PAUSED
        assert node.document == {"ttl": 30, "pause": True}
        assert fails(1, "pause", node=node) == "Cluster is already paused"
        assert told("resume", "orders", node=node) == RESUMED
        assert node.document == {"ttl": 30}
        assert fails(1, "resume", node=node) == "Cluster is not paused"


@pytest.mark.parametrize("text", ["true", "On", "yes"])
def test_a_pause_that_somebody_has_written_as_a_text_is_one(text):
    with Cluster({"pause": text}) as node:
        assert fails(1, "pause", node=node) == "Cluster is already paused"
        assert told("resume", node=node) == RESUMED
        assert node.document == {}


def test_pause_beside_somebody_else_s_change():
    with Cluster({"ttl": 30}, meanwhile={"ttl": 20}) as node:
        assert told("pause", node=node) == PAUSED
        assert node.document == {"ttl": 20, "pause": True}


def test_pause_of_another_cluster_and_with_a_format():
    with Cluster() as node:
        assert "is one of cluster \"orders\"" in fails(1, "pause", "demo", node=node)
        assert "no use for option \"--format\"" in fails(2, "pause", "--format", "json", node=node)
        assert node.puts == []


def test_pause_wait_asks_every_member_until_it_knows():
    later = iter([{}, {"pause": True}])
    with Members([{"/patroni": {"pause": True}}, {"/patroni": lambda _body: next(later)}]) as m:
        assert told("pause", "--wait", node=m.cluster) == SENT.format("pause") + PAUSED
        assert len(m.nodes[1].seen) == 2


def test_resume_wait_names_who_does_not_say_so():
    with Members([{"/patroni": {}}, {"/patroni": {"pause": True}}]) as m:
        m.cluster.document = {"pause": True}
        status, out, err = ctl("resume", "--wait", "--timeout", "1", node=m.cluster)
    assert (status, out) == (1, SENT.format("resume"))
    assert err.endswith("these nodes have not said within 1 s that they know of it: db2\n")


def test_list_tells_of_a_pause():
    with Node({"/pgraft/v1/view": view([leader()], {"pause": True})}) as node:
        assert told("list", node=node).endswith("+\n Maintenance mode: on\n")
    with Node({"/pgraft/v1/view": TWO}) as node:
        assert "Maintenance" not in told("list", node=node)
