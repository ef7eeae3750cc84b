"""tests/cli/test_ctl_explain.py - config explain: what a setting is on each node, and where it comes from.

Claim: every node is asked itself, and what one says is told as it is, the highest layer first; who is silent is named and
the status says so; a name that no node knows is refused with what is called nearly so. Method: fake nodes.
"""
import json

from fake_node import Error, ctl, fails, told
from test_ctl_faces import WITNESS, leader, replica
from test_ctl_ops import Members

PATH = "/pgraft/v1/config/explain"
UNKNOWN = 'there is no setting "max_conections"; did you mean max_connections?'


def layer(name, value, state, where=None, why=None):
    return {"layer": name, "value": value, "where": where, "state": state, "why": why}


def answer(node, role, running, **more):
    return {"name": node, "role": role, "trouble": None, "settings": [{
        "name": "max_connections", "kind": "postgresql", "value": "200", "from": "shared parameters", "running": running,
        "pending_restart": running != "200", "change": "a restart of PostgreSQL", "note": None,
        "layers": [layer("built in", "100", "hidden", "PostgreSQL 15"),
                   layer("shared parameters", "200", "counts", "the key config, revision 12"),
                   layer("local parameters", "300", "ignored", "/etc/pgraft.yml:12", "has to be the same on all nodes")],
        **more}]}


def both():
    return Members([{PATH: answer("db1", "primary", "100")}, {PATH: answer("db2", "replica", "200")}])


def test_every_node_says_it_and_the_highest_layer_comes_first():
    with both() as m:
        assert told("config", "explain", "max_connections", node=m.cluster) == """\
db1, primary: max_connections = 200, from: shared parameters; waits for a restart, PostgreSQL runs with 100
+-------------------+-------+---------+-----------------------------+---------------------------------+
| Layer             | Value | State   | Where                       | Why                             |
+-------------------+-------+---------+-----------------------------+---------------------------------+
| local parameters  | 300   | ignored | /etc/pgraft.yml:12          | has to be the same on all nodes |
| shared parameters | 200   | counts  | the key config, revision 12 |                                 |
| built in          | 100   | hidden  | PostgreSQL 15               |                                 |
+-------------------+-------+---------+-----------------------------+---------------------------------+

db2, replica: max_connections = 200, from: shared parameters
+-------------------+-------+---------+-----------------------------+---------------------------------+
| Layer             | Value | State   | Where                       | Why                             |
+-------------------+-------+---------+-----------------------------+---------------------------------+
| local parameters  | 300   | ignored | /etc/pgraft.yml:12          | has to be the same on all nodes |
| shared parameters | 200   | counts  | the key config, revision 12 |                                 |
| built in          | 100   | hidden  | PostgreSQL 15               |                                 |
+-------------------+-------+---------+-----------------------------+---------------------------------+

A change takes: a restart of PostgreSQL
"""
        assert [node.asked(PATH) for node in m.nodes] == [[{"name": "max_connections"}]] * 2


def test_json_has_all_of_it():
    with both() as m:
        rows = json.loads(told("config", "explain", "max_connections", "--format", "json", node=m.cluster))
        assert [(row["node"], row["role"], row["value"], row["running"], row["pending_restart"]) for row in rows] == [
            ("db1", "primary", "200", "100", True), ("db2", "replica", "200", "200", False)]
        assert rows[0]["layers"][2]["why"] == "has to be the same on all nodes"


def test_one_member_alone():
    with both() as m:
        rows = json.loads(told("config", "explain", "ttl", "-m", "db2", "-f", "json", node=m.cluster))
        assert [row["node"] for row in rows] == ["db2"]
        assert m.nodes[0].seen == []
        assert "there is no member \"db9\"" in fails(1, "config", "explain", "ttl", "--member", "db9", node=m.cluster)


def test_an_unknown_name_is_refused_with_the_nearest():
    with Members([{PATH: Error("ERR_NOT_FOUND", UNKNOWN)}] * 2) as m:
        assert fails(1, "config", "explain", "max_conections", node=m.cluster) == UNKNOWN


def test_who_is_silent_is_named():
    with Members([{PATH: answer("db1", "primary", "200")}, {}]) as m:
        status, out, err = ctl("config", "explain", "max_connections", node=m.cluster)
        assert (status, out.splitlines()[0]) == (1, "db1, primary: max_connections = 200, from: shared parameters")
        assert "db2: " in err and "is older than this program" in err


def test_a_witness_has_no_parameters_and_is_passed_over():
    refused = Error("ERR_REFUSED", "this node supervises no PostgreSQL")
    with Members([{PATH: answer("db1", "primary", "200")}, {PATH: answer("db2", "replica", "200")}, {PATH: refused}],
                 [leader(), replica(), dict(WITNESS)]) as m:
        assert told("config", "explain", "max_connections", node=m.cluster).count(" = 200, from: ") == 2


def test_a_cluster_without_postgresql_has_settings_too():
    one = answer("w1", None, None, name="ttl", value="30s", change="at once", pending_restart=False)
    with Members([{PATH: one}], [leader()]) as m:
        m.nodes[0].answers["/pgraft/v1/view"] = {"supervised": False, "name": "w1"}
        assert told("config", "explain", "ttl", node=m.nodes[0]).startswith("w1: ttl = 30s, from: ")


def test_postgresql_that_does_not_answer_is_told():
    silent = {**answer("db1", "replica", None, pending_restart=False), "trouble": "connection refused"}
    with Members([{PATH: silent}], [leader()]) as m:
        out = told("config", "explain", "max_connections", node=m.cluster)
        assert "PostgreSQL has not said what it runs with: connection refused\n" in out


def test_what_a_node_says_can_not_harm_the_terminal():
    with Members([{PATH: answer("db1", "pri\x1bmary", "200", value="2\x1b[2J")}], [leader()]) as m:
        assert "\x1b" not in told("config", "explain", "max_connections", node=m.cluster)


def test_a_name_is_needed():
    assert "NAME" in fails(2, "config", "explain")
