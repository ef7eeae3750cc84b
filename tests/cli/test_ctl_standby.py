"""tests/cli/test_ctl_standby.py - demote-cluster and promote-cluster.

Claim: options, prompts and refusals are patronictl's; the section goes into the shared configuration as it was confirmed,
and the command has succeeded when the leader says itself that it is what it was to become. Method: fake nodes.
"""
import threading

import pytest

from fake_node import SECONDS_MAX, Error, ctl, fails, told
from test_ctl_faces import leader, replica
from test_ctl_ops import Members

HERE = {"host": "10.1.0.1"}
STANDBY = {"role": "standby_leader", "state": "running"}
PRIMARY = {"role": "primary", "state": "running"}
DEMOTED = "Success: cluster follows another one\n"
PROMOTED = "Success: cluster has a primary\n"


def cluster_of(document, *answers):
    """The leader's words, one after the other; the last one stays."""
    left = list(answers)
    members = Members([{"/patroni": lambda _body: left.pop(0) if len(left) > 1 else left[0]}, {}])
    members.cluster.document = document
    return members


def test_row_demote_cluster_shows_asks_writes_and_waits():
    with cluster_of({"ttl": 30}, PRIMARY, {"role": "replica", "state": "running"},
                    {"role": "standby_leader", "state": "starting"}, STANDBY) as m:
        out = told("demote-cluster", "--host", "10.1.0.1", "--port", "5433", "--primary-slot-name", "s",
                   "--restore-command", "cp /a/%f %p", node=m.cluster, data=b"y\n")
        assert len(m.nodes[0].seen) == 4
        assert m.cluster.document == {"ttl": 30, "standby_cluster": {
            "host": "10.1.0.1", "port": 5433, "primary_slot_name": "s", "restore_command": "cp /a/%f %p"}}
    before, after = out.split("Are you sure you want to demote orders cluster? [y/N]: ")
    assert before.startswith("Current cluster topology\n+ Cluster: orders")
    assert after.startswith(DEMOTED + "+ Cluster: orders")


def test_row_promote_cluster():
    with cluster_of({"ttl": 30, "standby_cluster": HERE}, STANDBY, PRIMARY) as m:
        out = told("promote-cluster", "orders", "--force", node=m.cluster)
        assert (m.cluster.document, len(m.nodes[0].seen)) == ({"ttl": 30}, 2)
        assert "Are you sure" not in out and PROMOTED in out
        assert fails(1, "promote-cluster", "--force", node=m.cluster) == "Cluster is already in the required state"


def test_a_node_takes_no_empty_configuration():
    with cluster_of({"standby_cluster": HERE}, PRIMARY) as m:
        told("promote-cluster", "--force", node=m.cluster)
        assert m.cluster.document == {"standby_cluster": {}}
        assert fails(1, "promote-cluster", node=m.cluster) == "Cluster is already in the required state"


@pytest.mark.parametrize("answer", [b"n\n", b"\n", b""])
def test_whoever_does_not_say_yes_changes_nothing(answer):
    with cluster_of({"ttl": 30}, STANDBY) as m:
        status, _out, err = ctl("demote-cluster", "--host", "a", node=m.cluster, data=answer)
        assert (status, err, m.cluster.puts) == (1, "pgraftctl: Aborted cluster demotion\n", [])


@pytest.mark.parametrize("words, says", [
    ([], "at least --host or --restore-command is needed"), (["--port", "5432"], "at least --host or --restore-command"),
    (["--primary-slot-name", "s"], "at least --host"), (["--host", "a", "--port", "0"], '--port: "0" is no port'),
    (["--host", "a", "--port", "5432x"], '--port: "5432x" is no port'), (["--host", "a", "--port", "65536"], "is no port"),
    (["--host", "a", "--port", "-18446744073709546184"], "is no port"), (["--host", "a", "--port", " 5432"], "is no port"),
    (["--host", "a", "--format", "json"], 'has no use for option "--format"')])
def test_what_is_not_enough_of_another_cluster(words, says):
    with cluster_of({"ttl": 30}, STANDBY) as m:
        assert says in fails(2, "demote-cluster", *words, node=m.cluster)
        assert m.cluster.puts == []


def test_what_is_not_possible_now():
    with cluster_of({"ttl": 30, "standby_cluster": HERE}, STANDBY) as m:
        assert fails(1, "demote-cluster", "--host", "b", node=m.cluster) == "Cluster is already in the required state"
        assert "is one of cluster \"orders\"" in fails(1, "promote-cluster", "demo", node=m.cluster)
    with cluster_of({"pause": "on"}, PRIMARY) as m:
        assert fails(1, "demote-cluster", "--host", "b", node=m.cluster).startswith("Cluster is paused, demotion is not possible")
        assert m.cluster.puts == []


def test_a_cluster_without_a_leader():
    rows = [replica(), replica(name="db3")]
    with Members([{}, {}], members=rows) as m:
        m.cluster.answers["/pgraft/v1/view"]["leader"] = ""
        assert fails(1, "demote-cluster", "--host", "b", node=m.cluster) == "Cluster has no leader, demotion is not possible"
        assert m.cluster.puts == []


def test_what_does_not_come_in_time_is_no_success():
    with cluster_of({"ttl": 30}, PRIMARY) as m:
        status, _out, err = ctl("demote-cluster", "--host", "a", "--force", "--timeout", "1", node=m.cluster)
        assert status == 3
        assert "it is written, but the cluster has no standby leader within 1 s" in err
        assert m.cluster.document["standby_cluster"] == {"host": "a"}


def test_nodes_that_do_not_answer_do_not_make_it_longer():
    """The time that was given holds for all looks together, however long each of them waits for an answer."""
    over, asked = threading.Event(), []
    with cluster_of({"ttl": 30}, PRIMARY) as m:
        seen = m.cluster.answers["/pgraft/v1/view"]

        def look(_body):
            if m.cluster.puts:
                asked.append(1)
                over.wait(SECONDS_MAX)
            return seen
        m.cluster.answers["/pgraft/v1/view"] = look
        assert ctl("demote-cluster", "--host", "a", "--force", "--timeout", "1", node=m.cluster)[0] == 3
        over.set()
    assert len(asked) <= 2


def test_what_the_node_refuses():
    with cluster_of({"ttl": 30}, PRIMARY) as m:
        m.cluster.broken = Error("ERR_INVALID", "standby_cluster.host: a host, or several with commas between them, is expected")
        status, _out, err = ctl("demote-cluster", "--host", "a b", "--force", node=m.cluster)
        assert (status, "standby_cluster.host: a host" in err) == (1, True)


def test_the_leader_is_said_to_be_a_standby_leader():
    row = {**leader(), "role": "standby_leader"}
    with Members([{"/patroni": PRIMARY}, {}], members=[row, replica()]) as m:
        m.cluster.document = {"ttl": 30, "standby_cluster": HERE}
        assert "Standby Leader" in told("promote-cluster", "--force", node=m.cluster)
