"""tests/cli/test_ctl_faces.py - list, topology, history, dsn, why, events, and what status says of PostgreSQL.

Claim: what patronictl's users and scripts read comes out as patronictl prints it, byte for byte; where a node
supervises no PostgreSQL, or can not be sure, that is said. Method: a fake node; the frames are patronictl's.
"""
import copy
import json
import re
import subprocess
import time

import pytest

from fake_node import CTL, Error, Node, ctl, environment, fails, told
from test_ctl_cluster import HEALTHY

LSN = 0x5000148


def leader(name="db1", port=5432, **more):
    return {"name": name, "role": "leader", "state": "running", "api_url": f"http://127.0.0.1:{port + 2576}/patroni",
            "host": "127.0.0.1", "port": port, "timeline": 5, **more}


def replica(name="db2", port=5433, **more):
    lags = {"receive_lag": 0, "receive_lsn": "0/5000148", "replay_lag": 0, "replay_lsn": "0/5000148", "lag": 0,
            "lsn": "0/5000148"}
    return {**leader(name, port), "role": "replica", "state": "streaming", **lags, **more}


WITNESS = {"name": "w1", "role": "witness", "state": "running", "api_url": "http://127.0.0.4:8008/patroni"}


def view(members, cluster=None, **more):
    return {"supervised": True, "name": "db1", "scope": "orders", "quorum": True, "age_ms": 40,
            "initialize": "7450012345678901234", "leader": "db1", "epoch": 3, "held": False,
            "cluster": {"members": members, "scope": "orders", **(cluster or {})}, "sites": {}, "history": [],
            "any_one_may_fail": True, "why_not": [], "election": None, "decisions": [], **more}


TWO = view([leader(), replica()])


def shows(seen, *words):
    with Node({"/pgraft/v1/view": seen}) as node:
        return told(*words, node=node)


# --- list ---

def test_the_table_of_the_contract():
    assert shows(TWO, "list") == """\
+ Cluster: orders (7450012345678901234) --------+----+-------------+-----+------------+-----+
| Member | Host           | Role    | State     | TL | Receive LSN | Lag | Replay LSN | Lag |
+--------+----------------+---------+-----------+----+-------------+-----+------------+-----+
| db1    | 127.0.0.1:5432 | Leader  | running   |  5 |             |     |            |     |
| db2    | 127.0.0.1:5433 | Replica | streaming |  5 |   0/5000148 |   0 |  0/5000148 |   0 |
+--------+----------------+---------+-----------+----+-------------+-----+------------+-----+
"""


def test_json_is_one_line_without_what_is_empty():
    assert shows(TWO, "list", "--format", "json") == (
        '[{"Cluster": "orders", "Member": "db1", "Host": "127.0.0.1:5432", "Role": "Leader", "State": "running", '
        '"TL": 5}, {"Cluster": "orders", "Member": "db2", "Host": "127.0.0.1:5433", "Role": "Replica", '
        '"State": "streaming", "TL": 5, "Receive LSN": "0/5000148", "Receive Lag": 0, "Replay LSN": "0/5000148", '
        '"Replay Lag": 0}]\n')


def test_tsv_and_yaml():
    assert shows(TWO, "list", "--format", "tsv") == (
        "Cluster\tMember\tHost\tRole\tState\tTL\tReceive LSN\tReceive Lag\tReplay LSN\tReplay Lag\n"
        "orders\tdb1\t127.0.0.1:5432\tLeader\trunning\t5\t\t\t\t\n"
        "orders\tdb2\t127.0.0.1:5433\tReplica\tstreaming\t5\t0/5000148\t0\t0/5000148\t0\n")
    assert '  "Receive LSN": "0/5000148"\n' in shows(TWO, "list", "--format", "yaml")


FULL = view(
    [leader(host="10.0.0.1", tags={"zone": "b", "clonefrom": True}, pending_restart=True,
            pending_restart_reason={"max_connections": {"old_value": "100", "new_value": "101"},
                                    "shared_preload_libraries": {"old_value": "", "new_value": "x" * 60}}),
     replica(host="10.0.0.2", port=5432, role="sync_standby", receive_lag=3 * 1048576 + 900000,
             scheduled_restart={"schedule": "2026-12-01T04:00:00+01:00", "postgres_version": "15.9"}),
     replica("db3", host="10.0.0.3", port=5432, state="creating replica", receive_lag="unknown",
             receive_lsn="unknown", replay_lag="unknown", replay_lsn="unknown", tags={"weight": 1.5, "on": "off"}),
     WITNESS],
    {"pause": True, "scheduled_switchover": {"at": "2026-12-01T04:00:00+01:00", "from": "db1", "to": "db2"}},
    sites={"w1": "fra"})


def test_all_that_can_stand_in_it():
    assert shows(FULL, "list") == """\
+ Cluster: orders (7450012345678901234) --------------+----+-------------+-----+------------+-----+-----------------+-----------------------------------------------+---------------------------------------------+-----------------+
| Member | Host     | Role         | State            | TL | Receive LSN | Lag | Replay LSN | Lag | Pending restart | Pending restart reason                        | Scheduled restart                           | Tags            |
+--------+----------+--------------+------------------+----+-------------+-----+------------+-----+-----------------+-----------------------------------------------+---------------------------------------------+-----------------+
| db1    | 10.0.0.1 | Leader       | running          |  5 |             |     |            |     | *               | max_connections: 100->101                     |                                             | clonefrom: true |
|        |          |              |                  |    |             |     |            |     |                 | shared_preload_libraries: [hidden - too long] |                                             | zone: b         |
+--------+----------+--------------+------------------+----+-------------+-----+------------+-----+-----------------+-----------------------------------------------+---------------------------------------------+-----------------+
| db2    | 10.0.0.2 | Sync Standby | streaming        |  5 |   0/5000148 |   4 |  0/5000148 |   0 |                 |                                               | 2026-12-01T04:00:00+01:00 if version < 15.9 |                 |
+--------+----------+--------------+------------------+----+-------------+-----+------------+-----+-----------------+-----------------------------------------------+---------------------------------------------+-----------------+
| db3    | 10.0.0.3 | Replica      | creating replica |  5 |     unknown |     |    unknown |     |                 |                                               |                                             | 'on': 'off'     |
|        |          |              |                  |    |             |     |            |     |                 |                                               |                                             | weight: 1.5     |
+--------+----------+--------------+------------------+----+-------------+-----+------------+-----+-----------------+-----------------------------------------------+---------------------------------------------+-----------------+
 Maintenance mode: on
 Switchover scheduled at: 2026-12-01T04:00:00+01:00
                    from: db1
                      to: db2
"""


def test_machines_get_the_tags_as_they_are():
    rows = json.loads(shows(FULL, "list", "-f", "json"))
    assert rows[0]["Tags"] == {"zone": "b", "clonefrom": True}
    assert rows[0]["Pending restart"] == "*"
    assert rows[0]["Pending restart reason"].endswith("\nshared_preload_libraries: ->" + "x" * 60)
    assert rows[2]["Receive LSN"] == "unknown" and "Receive Lag" not in rows[2]
    assert "{'on': 'off', weight: 1.5}\n" in shows(FULL, "list", "-f", "tsv")


def test_witnesses_are_listed_when_asked_for():
    assert "w1" not in shows(FULL, "list")
    rows = json.loads(shows(FULL, "list", "--all", "-f", "json"))
    assert rows[3] == {"Cluster": "orders", "Member": "w1", "Role": "Witness", "State": "running", "Site": "fra"}
    assert "| w1     |                | Witness |" in shows(view([leader(), replica(), WITNESS]), "list", "-a")


def test_extended_shows_columns_that_are_empty():
    assert "Pending restart" not in shows(TWO, "list")
    head = shows(TWO, "list", "--extended").splitlines()[1]
    assert head.endswith("| Lag | Pending restart | Pending restart reason | Scheduled restart | Tags |")


def test_a_port_is_shown_where_it_says_something():
    hosts = [leader(host="10.0.0.1"), replica(host="10.0.0.2", port=5432)]
    assert "| 10.0.0.1 |" in shows(view(hosts), "list")
    hosts[1]["port"] = 5433
    assert "| 10.0.0.1:5432 |" in shows(view(hosts), "list")
    hosts[1].update(host="10.0.0.1", port=5432)
    assert "| 10.0.0.1:5432 |" in shows(view(hosts), "list")


@pytest.mark.parametrize("initialize, title", [(None, "uninitialized"), ("", "initializing"), ("7", "7")])
def test_the_title_says_how_far_the_cluster_is(initialize, title):
    seen = view([leader()], initialize=initialize)
    assert shows(seen, "list").startswith(f"+ Cluster: orders ({title}) -")
    seen["scope"] = "x" * 200
    assert shows(seen, "list").splitlines()[0] == "+ Cluster: " + "x" * (len(shows(seen, "list").splitlines()[1]) - 12) \
        + "+"


@pytest.mark.parametrize("bytes_behind, lag", [(0, 0), (524288, 0), (524289, 1), (1572864, 2), (2621440, 2)])
def test_lag_is_in_mb_half_to_even(bytes_behind, lag):
    seen = view([leader(), replica(replay_lag=bytes_behind)])
    assert json.loads(shows(seen, "list", "-f", "json"))[1]["Replay Lag"] == lag


def test_the_time_above_it():
    first = shows(TWO, "list", "--timestamp").splitlines()[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", first)


def test_it_is_printed_again_and_again():
    with Node({"/pgraft/v1/view": TWO}) as node:
        with subprocess.Popen([CTL, "list", "-w", "0.1", "-e", node.endpoint], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=environment()) as process:
            for _ in range(3):
                for _ in range(6):
                    line = process.stdout.readline()
                assert line.startswith(b"+--")
            node.answers["/pgraft/v1/view"] = Error("ERR_CLOSED", "the node is stopping")
            assert process.stderr.readline() == b"pgraftctl: the node is stopping\n"
            assert process.poll() is None  # it goes on
            process.kill()
            process.wait()
        assert fails(2, "list", "-w", "x", node=node).startswith('option "--watch"')


@pytest.mark.parametrize("command, first", [("status", b"Cluster demo: healthy\n"), ("history", b"+----"), ("topology", b"+ Cl")])
def test_others_are_printed_again_too(command, first):
    with Node({"/pgraft/v1/view": TWO, "/raft": HEALTHY}) as node:
        with subprocess.Popen([CTL, command, "--watch", "0.1", "-e", node.endpoint], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=environment()) as process:
            beginnings = 0
            while beginnings < 3:
                beginnings += process.stdout.readline().startswith(first)
            node.answers["/pgraft/v1/view"] = node.answers["/raft"] = Error("ERR_CLOSED", "the node is stopping")
            assert process.stderr.readline() == b"pgraftctl: the node is stopping\n"
            assert process.poll() is None  # it goes on
            process.kill()
            process.wait()
        assert fails(2, command, "--watch", "x", node=node).startswith('option "--watch"')


def test_only_this_cluster():
    assert shows(TWO, "list", "orders").startswith("+ Cluster: orders")
    with Node({"/pgraft/v1/view": TWO}) as node:
        for command in ("list", "topology", "history", "dsn"):
            assert fails(1, command, "other", node=node) == 'the node that was asked is one of cluster "orders"'


# --- what is not known, or old ---

COMMANDS = [["list"], ["topology"], ["history"], ["dsn"], ["why"], ["events"]]


@pytest.mark.parametrize("words", COMMANDS)
def test_a_node_without_a_postgresql_is_told_plainly(words):
    nothing = {"supervised": False, "name": "db1", "scope": "orders", "note": "this node supervises no PostgreSQL"}
    with Node({"/pgraft/v1/view": nothing, "/pgraft/v1/events": nothing}) as node:
        assert fails(1, *words, node=node) == f"{node.endpoint} supervises no PostgreSQL: there is nothing to tell"
    with Node({}) as node:  # of an older version
        assert fails(1, *words, node=node).startswith(node.endpoint)
    for wrong in ({"supervised": True}, view([1]), view([{"name": "x"}])):
        with Node({"/pgraft/v1/view": wrong, "/pgraft/v1/events": {"supervised": True}}) as node:
            assert "its answer has no" in fails(1, *words, node=node)


@pytest.mark.parametrize("words", [["list"], ["topology"], ["history"], ["dsn"], ["why"]])
def test_without_a_quorum_it_answers_and_says_so(words):
    old = view([leader(), replica()], {"pgraft": {"quorum": False, "age_ms": 900, "missing": ["db2"]}}, quorum=False)
    with Node({"/pgraft/v1/view": old}) as node, Node({"/pgraft/v1/view": TWO}) as good:
        status, out, err = ctl(*words, node=node)
        assert (status, err) == (4, "pgraftctl: no quorum: what is shown may be old; missing: db2\n")
        assert out != ""
        assert told(*words, "-e", f"{node.endpoint},{good.endpoint}") == out  # who knows is asked instead


def test_a_name_can_not_harm_the_terminal():
    evil = view([leader("db\x1b[2J"), replica(tags={"k\x9b": "\x1b]0;x"})],
                election={"at": "\x1b", "text": "\x07", "rule": "", "action": ""})
    with Node({"/pgraft/v1/view": evil}) as node:
        for words in ([["list"], ["topology"], ["why"], ["dsn"]]):
            for fmt in ("pretty", "json", "yaml", "tsv"):
                out = told(*words, "-f", fmt, node=node)
                assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", out), (words, fmt)


# --- topology ---

def test_the_tree():
    seen = view([replica("db0", 5434, tags={"replicatefrom": "db2"}), leader(), replica(),
                 replica("db3", 5435, tags={"replicatefrom": "nobody"}),
                 replica("db4", 5436, tags={"replicatefrom": "db0"})])
    lines = shows(seen, "topology").splitlines()
    assert [line.split("|")[1].rstrip() for line in lines[3:-1]] == [" db1", " + db2", "   + db0", "     + db4", " + db3"]
    assert lines[5].endswith("| {replicatefrom: db2}    |")
    rows = json.loads(shows(seen, "topology", "-f", "json"))
    assert [row["Member"] for row in rows] == ["db1", "db2", "db0", "db4", "db3"]


def test_a_tree_without_a_root_and_with_a_circle():
    seen = view([replica("a", tags={"replicatefrom": "b"}), replica("b", tags={"replicatefrom": "a"}), replica("c"),
                 replica("d", tags={"replicatefrom": "d"})])
    lines = shows(seen, "topology").splitlines()
    assert sorted(line.split("|")[1].strip() for line in lines[3:-1]) == ["+ a", "+ b", "+ c", "+ d"]


# --- history ---

HISTORY = [[3, 50331808, "no recovery target specified"],
           [4, 67109024, "no recovery target specified", "2026-11-02T08:10:00.000000+00:00", "db1"]]


def test_history():
    seen = view([leader()], history=HISTORY)
    assert shows(seen, "history") == """\
+----+----------+------------------------------+----------------------------------+------------+
| TL |      LSN | Reason                       | Timestamp                        | New Leader |
+----+----------+------------------------------+----------------------------------+------------+
|  3 | 50331808 | no recovery target specified |                                  |            |
|  4 | 67109024 | no recovery target specified | 2026-11-02T08:10:00.000000+00:00 | db1        |
+----+----------+------------------------------+----------------------------------+------------+
"""
    assert json.loads(shows(seen, "history", "-f", "json"))[0] == {
        "TL": 3, "LSN": 50331808, "Reason": "no recovery target specified", "Timestamp": "", "New Leader": ""}
    assert shows(view([leader()]), "history").splitlines()[1] == "| TL | LSN | Reason | Timestamp | New Leader |"


# --- dsn ---

NODES = view([leader("a", host="10.0.0.1"), replica("b", host="fd00::2", port=5433),
              replica("c", host="10.0.0.3", port=5432, tags={"noloadbalance": True}), WITNESS])


@pytest.mark.parametrize("words, dsn", [
    ([], "host=10.0.0.1 port=5432"),
    (["-r", "primary"], "host=10.0.0.1 port=5432"),
    (["-r", "replica"], "host=fd00::2 port=5433"),
    (["-r", "any"], "host=10.0.0.1 port=5432"),
    (["-m", "c"], "host=10.0.0.3 port=5432"),
    (["-m", "c", "-r", "standby"], "host=10.0.0.3 port=5432"),
    (["--read-write"], "host=10.0.0.1,fd00::2,10.0.0.3 port=5432,5433,5432 target_session_attrs=read-write"),
    (["--read-only"], "host=fd00::2,10.0.0.1 port=5433,5432 target_session_attrs=prefer-standby"),
    (["--uri"], "postgresql://10.0.0.1:5432/"),
    (["--uri", "--read-write"],
     "postgresql://10.0.0.1:5432,[fd00::2]:5433,10.0.0.3:5432/?target_session_attrs=read-write"),
])
def test_dsn(words, dsn):
    assert shows(NODES, "dsn", *words) == dsn + "\n"
    assert json.loads(shows(NODES, "dsn", *words, "-f", "json")) == {"dsn": dsn}


def test_dsn_of_nobody():
    with Node({"/pgraft/v1/view": NODES}) as node:
        assert fails(1, "dsn", "-r", "standby-leader", node=node) == \
            "there is no member with role standby-leader that tells where it listens"
        assert fails(1, "dsn", "-m", "w1", node=node) == 'there is no member "w1" that tells where it listens'
        assert fails(1, "dsn", "-m", "a", "-r", "replica", node=node) == \
            'there is no member "a" with role replica that tells where it listens'
        assert "one of" in fails(2, "dsn", "--read-write", "--read-only", node=node)
    odd = view([leader(host="it's a host")])
    assert shows(odd, "dsn") == "host='it\\'s a host' port=5432\n"
    assert shows(odd, "dsn", "--uri") == "postgresql://it%27s%20a%20host:5432/\n"


# --- why, events ---

def decision(node, text):
    return {"at": "2026-11-02T08:16:43.980Z", "node": node, "rule": "steady", "action": "wait", "text": text}


def test_why():
    seen = view([leader(), replica()], election=decision(None, "db1 was chosen."),
                decisions=[decision("db2", "It streams."), decision("db1", "It holds the lease.")])
    assert shows(seen, "why") == """\
2026-11-02T08:16:43.980Z  election: db1 was chosen. (steady: wait)
2026-11-02T08:16:43.980Z  db2: It streams. (steady: wait)
2026-11-02T08:16:43.980Z  db1: It holds the lease. (steady: wait)
"""
    assert shows(seen, "why", "db1") == "2026-11-02T08:16:43.980Z  db1: It holds the lease. (steady: wait)\n"
    assert [row["node"] for row in json.loads(shows(seen, "why", "election", "-f", "json"))] == ["election"]
    assert shows(TWO, "why", "db2") == "nothing was decided yet\n"
    with Node({"/pgraft/v1/view": seen}) as node:
        assert fails(1, "why", "db9", node=node) == 'there is no member "db9"'


def events_from(numbers):
    rows = [{"sequence": n, "at": "2026-11-02T08:16:43.980Z", "node": "db1", "kind": "grant", "text": f"number {n}"}
            for n in numbers]
    return {"supervised": True, "oldest": min(numbers), "newest": max(numbers), "events": rows}


def test_events():
    with Node({"/pgraft/v1/events": events_from([1, 2, 3])}) as node:
        assert told("events", "--limit", "1", node=node) == "2026-11-02T08:16:43.980Z  db1  grant: number 3\n"
        assert told("events", node=node).count("\n") == 3
        assert told("events", "-f", "tsv", node=node).splitlines()[0] == "sequence\tat\tnode\tkind\ttext"
        assert json.loads(told("events", "-f", "json", "--limit", "1", node=node))["sequence"] == 3


def test_events_are_followed_also_through_a_restart():
    """None twice, none left out; a node that was started anew counts from 1."""
    kept = {"all": [1, 2]}

    def answer(_body):
        after = int(node.seen[-1][1].partition("after=")[2])
        seen = events_from(kept["all"])
        seen["events"] = [e for e in seen["events"] if e["sequence"] > after]
        return seen

    with Node({"/pgraft/v1/events": answer}) as node:
        with subprocess.Popen([CTL, "events", "--follow", "-e", node.endpoint], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=environment()) as process:
            def line():
                return process.stdout.readline().decode().rpartition(" ")[2].strip()
            assert [line(), line()] == ["1", "2"]
            kept["all"] = [1, 2, 3, 4]
            assert [line(), line()] == ["3", "4"]
            kept["all"] = [1]
            assert line() == "1"
            node.answers["/pgraft/v1/events"] = Error("ERR_CLOSED", "the node is stopping")
            warning = process.stderr.readline().decode()
            assert warning == "pgraftctl: the node is stopping; asking again\n"
            time.sleep(0.1)
            node.answers["/pgraft/v1/events"] = answer
            kept["all"] = [1, 2]
            assert line() == "2"
            process.kill()
            process.wait()


def test_when_another_node_is_followed_its_past_is_passed_over():
    with Node({"/pgraft/v1/events": events_from([7])}) as one, Node({"/pgraft/v1/events": events_from([8, 9])}) as two:
        with subprocess.Popen([CTL, "events", "--follow", "-e", f"{one.endpoint},{two.endpoint}"], env=environment(),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout.readline().endswith(b"number 7\n")
            one.answers["/pgraft/v1/events"] = Error("ERR_CLOSED", "the node is stopping")
            assert process.stderr.readline().decode() == \
                f"pgraftctl: goes on with what happens at {two.endpoint}\n"
            two.answers["/pgraft/v1/events"] = events_from([10])
            assert process.stdout.readline().endswith(b"number 10\n")
            process.kill()
            process.wait()


# --- status ---

@pytest.mark.parametrize("raft, seen, lines", [
    ({}, {}, ["Primary:   db1, epoch 3", "Any one:   whichever node fails, writes go on"]),
    ({"can_lose": 0}, {},
     ["Any one:   no", "           the store has no vote to spare: the next one lost stops all writes"]),
    ({}, {"any_one_may_fail": False, "why_not": ["nobody could take over when db1 is lost: db2 does not replicate"]},
     ["Any one:   no", "           nobody could take over when db1 is lost: db2 does not replicate"]),
    ({}, {"any_one_may_fail": None}, ["Any one:   no", "           the node that was asked does not know"]),
    ({}, {"leader": None}, ["Primary:   none, epoch 3"]),
    ({}, {"weaker": "role app (database shop): synchronous_commit=off, 3 sessions"},
     ["Weaker:    role app (database shop): synchronous_commit=off, 3 sessions; what these commit may be lost by a failover",
      "Any one:   whichever node fails, writes go on"]),
])
def test_status_says_whether_any_one_may_fail(raft, seen, lines):
    with Node({"/raft": {**copy.deepcopy(HEALTHY), **raft}, "/pgraft/v1/view": {**TWO, **seen}}) as node:
        text = told("status", node=node).splitlines()
        for line in lines:
            assert line in text
        said = json.loads(told("status", "-f", "json", node=node))
        assert said["postgres"] is True
        assert said["any_one_may_fail"] == ("Any one:   no" not in text)
        assert said["why_not"] == [line.strip() for line in lines if line.startswith("     ")]
        assert said["weaker"] == seen.get("weaker")


def test_status_without_a_postgresql():
    with Node({"/raft": HEALTHY}) as node:
        assert "Postgres:  this node supervises none" in told("status", node=node).splitlines()
        said = json.loads(told("status", "-f", "json", node=node))
        assert (said["postgres"], said["any_one_may_fail"], said["why_not"]) == (False, None, None)
