"""tests/http/test_config.py - GET, PATCH and PUT of /config: what is taken, what is refused, and with which words.

Claim: every code of docs/http.md about /config comes for what the page says; a refusal changes nothing; what was
taken is told by every node; of two who change the same thing one is told. Method: three nodes of the store in one
process; the key is looked at by kv/get.
"""
import json
import threading
import time

import pytest
from http_kit import Nodes, until
from test_door import BASIC, WRONG
from test_pgraftctl import ctl, told

KEY = "/service/test/config"
FIRST = {"ttl": 30, "postgresql": {"parameters": {"max_connections": 100, "work_mem": "4MB"}, "use_slots": True}}


@pytest.fixture(scope="module")
def nodes():
    three = Nodes(3)
    yield three
    three.close()


@pytest.fixture
def node(nodes):
    """One that does not lead, with FIRST as its configuration."""
    leader = nodes[1].get("/raft").json["leader"]
    one = nodes[2] if leader == "n1" else nodes[1]
    one.done("kv/put", {"key": KEY, "value": json.dumps(FIRST)})
    return one


def stored(node):
    pair = node.done("kv/get", {"key": KEY})["pair"]
    return None if pair is None else (json.loads(pair["value"]), pair["mod_revision"])


def change(node, method, body, **headers):
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return node.ask(method, "/config", text, {key.replace("_", "-"): value for key, value in headers.items()})


def refused(answer):
    return answer.status, answer.code, answer.message


# --- Reading ---

def test_the_text_of_the_key_as_it_is(nodes, node):
    text = '{"ttl":30,  "loop_wait": 10}'
    revision = node.done("kv/put", {"key": KEY, "value": text})["revision"]
    for path in ("/config", "//config/", "/config/anything?x=1"):
        for number in (1, 2, 3):
            answer = nodes[number].get(path, tcp=True)
            assert (answer.status, answer.body.decode()) == (200, text + "\n")
            assert answer.headers["ETag"] == f'"{revision}"'
            assert answer.headers["Content-Type"] == "application/json"
    for method in ("HEAD", "OPTIONS"):
        answer = node.ask(method, "/config", tcp=True)
        assert (answer.status, answer.body) == (200, b"")


def test_502_where_there_is_none(node):
    node.done("kv/delete", {"key": KEY})
    assert refused(node.get("/config")) == (502, "ERR_NOT_FOUND",
                                            "no configuration is stored: the key config is not there")
    node.done("kv/put", {"key": KEY, "value": "ttl: 30"})
    answer = node.get("/config")
    assert answer.status == 502
    assert answer.message.startswith("the key config is no object of JSON, replace it with PUT /config: JSON: line 1")


# --- Changing ---

def test_row_GET_config(nodes, node):
    """200 and what is stored; 502 where nothing is."""
    for number in (1, 2, 3):
        answer = nodes[number].get("/config", tcp=True)
        assert (answer.status, answer.json, answer.headers["Content-Type"]) == (200, FIRST, "application/json")
    node.done("kv/delete", {"key": KEY})
    assert {nodes[number].get("/config", tcp=True).status for number in (1, 2, 3)} == {502}


def test_row_PATCH_config(nodes, node):
    """A merge in which null deletes and scalars are the same as their texts, as Patroni's manual shows it; 503, 409."""
    wish = {"loop_wait": 5, "ttl": 20, "postgresql": {"parameters": {"max_connections": "101", "work_mem": None}}}
    wanted = {"ttl": 20, "postgresql": {"parameters": {"max_connections": "101"}, "use_slots": True}, "loop_wait": 5}
    answer = change(node, "PATCH", wish)
    assert (answer.status, answer.json, node.get("/config").json) == (200, wanted, wanted)
    revision = stored(node)[1]
    assert change(node, "PATCH", {"ttl": "20", "loop_wait": "5"}).json == wanted
    assert stored(node)[1] == revision
    assert change(node, "PATCH", {"loop_wait": None, "postgresql": None}).json == {"ttl": 20}
    assert change(node, "PATCH", {"ttl": 25}, If_Match=f'"{revision}"').status == 409  # lost: of many at once see below
    for text in ("", "x", "[]", "{}"):
        assert change(node, "PATCH", text).status == 400
    node.done("kv/delete", {"key": KEY})
    assert {change(nodes[number], "PATCH", {"ttl": 20}).status for number in (1, 2, 3)} == {503}


def test_row_PUT_config(nodes, node):
    """What was sent stands there and is the answer, whatever was there before."""
    for number, body in ((1, {"ttl": 20}), (2, FIRST), (3, {"ttl": 25, "pause": None})):
        answer = change(nodes[number], "PUT", body)
        assert (answer.status, answer.json, node.get("/config").json) == (200, body, body)
    node.done("kv/delete", {"key": KEY})
    assert change(node, "PUT", FIRST).status == 200
    for text in ("", "x", "[]", "{}"):
        assert change(node, "PUT", text).status == 400
    assert stored(node)[0] == FIRST


def test_every_key_of_the_dynamic_configuration_is_taken_and_null_removes_it(node):
    """Those of Patroni's contract, with values as people write them; a truth as a text, too."""
    slot = {"a": {"type": "physical"}, "b": {"type": "logical", "database": "d", "plugin": "pgoutput"}}
    own = {"ttl": 20, "loop_wait": 1, "retry_timeout": 3, "maximum_lag_on_failover": 0, "maximum_lag_on_syncnode": -1,
           "max_timelines_history": 0, "check_timeline": "true", "primary_start_timeout": 0, "primary_stop_timeout": 5,
           "master_start_timeout": 300, "master_stop_timeout": 0, "primary_race_backoff": 0, "synchronous_mode": "quorum",
           "synchronous_mode_strict": "false", "synchronous_node_count": 1, "failsafe_mode": "true", "pause": "true",
           "member_slots_ttl": "30min", "slots": slot, "permanent_slots": slot, "permanent_replication_slots": slot,
           "ignore_slots": [{"name": "x", "type": "logical", "database": "d", "plugin": "p"}],
           "standby_cluster": {"host": "h", "port": 5432, "primary_slot_name": "s", "restore_command": "c",
                               "create_replica_methods": ["basebackup"], "archive_cleanup_command": "d",
                               "recovery_min_apply_delay": "5min"}}
    lists = {f"pg_{kind}{role}": [line] for kind, line in (("hba", "local all all md5"), ("ident", "a b c"))
             for role in ("", "_primary", "_replica", "_standby_leader")}
    below = {"use_pg_rewind": True, "use_slots": "true", "recovery_conf": {"restore_command": "x"},
             "parameters": {"max_connections": "101", "hot_standby": "on", "a.b": 1},
             **{f"parameters_{role}": {"work_mem": "1MB"} for role in ("primary", "replica", "standby_leader")}, **lists,
             "bin_dir": "/usr/bin", "bin_name": {"postgres": "pg"}, "callbacks": {"on_start": "/x"}, "custom_conf": "/x",
             "create_replica_methods": ["basebackup"], "basebackup": {"checkpoint": "fast"}, "rewind": [{"debug": ""}],
             "remove_data_directory_on_rewind_failure": True, "remove_data_directory_on_diverged_timelines": False,
             "pre_promote": "/x", "before_stop": "/x", "use_unix_socket": True, "use_unix_socket_repl": True,
             "pg_ctl_timeout": 60, "krbsrvname": "postgres", "database": "postgres"}
    for key, value in own.items():
        answer = change(node, "PATCH", {key: value})
        assert (answer.status, answer.body and answer.json.get(key)) == (200, value), (key, answer.body)
    for key, value in below.items():
        answer = change(node, "PATCH", {"postgresql": {key: value}})
        assert answer.status == 200, (key, answer.body)
    assert set(stored(node)[0]) == {*own, "postgresql"}
    assert set(stored(node)[0]["postgresql"]) == set(below)
    for mode in (True, False, "on", "off", "true"):
        assert change(node, "PATCH", {"synchronous_mode": mode}).json["synchronous_mode"] == mode
    nothing = {key: None for key in own}
    assert change(node, "PATCH", {**nothing, "postgresql": {key: None for key in below}}).json == {"postgresql": {}}


def test_patch_merges_and_every_node_tells_it(nodes, node):
    wish = {"ttl": 20, "pause": True, "postgresql": {"parameters": {"max_connections": 200, "work_mem": None}}}
    wanted = {"ttl": 20, "pause": True, "postgresql": {"parameters": {"max_connections": 200}, "use_slots": True}}
    answer = change(node, "PATCH", wish, Content_Type="text/nonsense")
    assert (answer.status, answer.json) == (200, wanted)
    now, revision = stored(node)
    assert (now, answer.headers["ETag"]) == (wanted, f'"{revision}"')
    for number in (1, 2, 3):
        assert nodes[number].get("/config").json == wanted


def test_numbers_and_the_order_of_keys_stay_as_they_were(node):
    node.done("kv/put", {"key": KEY, "value": '{"ttl":30,"postgresql":{"parameters":{"b":0.9,"a":1}}}'})
    assert change(node, "PATCH", {"pause": False}).body == (
        b'{"ttl": 30, "postgresql": {"parameters": {"b": 0.9, "a": 1}}, "pause": false}\n')


def test_put_replaces(node):
    answer = change(node, "PUT", {"ttl": 20, "pause": False})
    assert (answer.status, answer.json) == (200, {"ttl": 20, "pause": False})
    now, revision = stored(node)
    assert (now, answer.headers["ETag"]) == ({"ttl": 20, "pause": False}, f'"{revision}"')


def test_put_makes_what_is_not_there(node):
    node.done("kv/delete", {"key": KEY})
    assert change(node, "PUT", FIRST).status == 200
    assert stored(node)[0] == FIRST


@pytest.mark.parametrize(("method", "body"), [
    ("PATCH", {"ttl": 30}), ("PATCH", {"ttl": "30"}), ("PATCH", {"nothing": None}), ("PATCH", {"slots": {"a": None}}),
    ("PATCH", {"postgresql": {"parameters": {"max_connections": "100"}}}), ("PUT", FIRST)])
def test_what_changes_nothing_writes_nothing(node, method, body):
    before = stored(node)
    answer = change(node, method, body)
    assert (answer.status, answer.json, answer.headers["ETag"]) == (200, FIRST, f'"{before[1]}"')
    assert stored(node) == before


# --- Refused ---

@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize(("body", "message"), [
    ({"ttl": "soon"},
     'ttl: "soon" is no duration; write seconds, or a number with ms, s, min, h or d: 500ms'),
    ({"synchronous_mode": "maybe"}, 'synchronous_mode: can not be "maybe"; choose one of off, on, quorum'),
    ({"tttl": 30}, "tttl: unknown key; did you mean ttl?"),
    ({"postgresql": {"paramters": {}}}, "postgresql.paramters: unknown key; did you mean parameters?"),
    ({"postgresql": {"listen": "0.0.0.0:5432"}}, "postgresql.listen: unknown key"),
    ({"standby_cluster": {"host": "y", "hots": "x"}}, "standby_cluster.hots: unknown key; did you mean host?"),
    ({"standby_cluster": {"port": 5432}}, "standby_cluster: needs a host, or a restore_command"),
    ({"standby_cluster": {"host": "a b", "port": 5432}},
     "standby_cluster.host: a host, or several with commas between them, is expected"),
    ({"postgresql": {"parameters": [1]}}, "postgresql.parameters: has to be a map, as in {a: b}"),
    ({"postgresql": 5}, "postgresql: has to be a map of keys, not one value"),
    ({"postgresql": {"parameters": {"max_connections": "many", "wal_level": "minimal", "port": 5}}},
     'postgresql.parameters.max_connections: can not be "many", but 25 to 262143; '
     'postgresql.parameters.wal_level: can not be "minimal", but replica or logical'),
    ({"pause": "perhaps", "quux": 1}, 'quux: unknown key; pause: "perhaps" is neither true nor false')])
def test_a_wrong_value_or_key_is_named_and_nothing_changes(node, method, body, message):
    before = stored(node)
    status, code, said = refused(change(node, method, body))
    assert (status, code) == (400, "ERR_INVALID")
    assert sorted(said.split("; ")) == sorted(message.split("; "))
    assert stored(node) == before


def test_a_section_that_is_named_is_no_unknown_key(node):
    section = {"postgresql": {"create_replica_methods": ["mine"], "mine": {"command": "/bin/true"}}}
    assert change(node, "PATCH", section).status == 200


def test_an_unknown_key_that_is_there_already_keeps_nobody_from_changing_another(node):
    node.done("kv/put", {"key": KEY, "value": '{"ttl": 30, "of_ours": 1, "postgresql": {"of_ours": 2}}'})
    answer = change(node, "PATCH", {"ttl": 20})
    assert (answer.status, answer.json) == (200, {"ttl": 20, "of_ours": 1, "postgresql": {"of_ours": 2}})
    assert change(node, "PATCH", {"standby_cluster": {"of_ours": 2}}).status == 400
    assert change(node, "PATCH", {"of_ours": None}).json == {"ttl": 20, "postgresql": {"of_ours": 2}}


def test_a_wrong_value_that_is_there_already_is_named(node):
    node.done("kv/put", {"key": KEY, "value": '{"ttl": "soon"}'})
    assert refused(change(node, "PATCH", {"pause": True}))[2].startswith('ttl: "soon" is no duration')
    assert change(node, "PATCH", {"ttl": 30}).status == 200


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize("text", ["", "{", "[]", "5", "null", '{"ttl": 30', '{"ttl": 1, "ttl": 2}', "{}"])
def test_400_for_what_is_no_object_or_empty(node, method, text):
    before = stored(node)
    assert refused(change(node, method, text))[:2] == (400, "ERR_INVALID")
    assert stored(node) == before


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_411_without_a_length(node, method):
    with node.raw() as plain:
        plain.sendall(f"{method} /config HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert plain.makefile("rb").readline() == b"HTTP/1.1 411 Length Required\r\n"


def test_503_to_change_what_is_not_there(node):
    node.done("kv/delete", {"key": KEY})
    status, code, message = refused(change(node, "PATCH", {"ttl": 20}))
    assert (status, code) == (503, "ERR_REFUSED")
    assert message == "no configuration is stored: the key config is not there"
    assert stored(node) is None


def test_parameters_that_are_not_known(node):
    assert refused(node.ask("PATCH", "/config?dry_run=1", '{"ttl": 20}'))[:2] == (400, "ERR_INVALID")
    assert node.ask("PATCH", "/config?timeout_ms=9000", '{"ttl": 20}').status == 200


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_other_methods(node, method):
    answer = node.ask(method, "/config", "{}")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, PATCH, PUT")
    assert answer.message == "this is asked for with GET, PATCH or PUT"


# --- Two at once ---

@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_if_match(node, method):
    before = stored(node)
    for tag in ('"1"', str(before[1]), f'W/"{before[1]}"', "", f'"{before[1]}1"'):
        status, code, message = refused(change(node, method, {"ttl": 20}, If_Match=tag))
        assert (status, code) == (409, "ERR_CONFLICT")
        assert message == f"the configuration is at revision {before[1]}, not at that of If-Match"
        assert stored(node) == before
    assert change(node, method, {"ttl": 20}, If_Match=f'"1", "{before[1]}"').status == 200
    assert change(node, method, {"ttl": 25}, If_Match="*").json["ttl"] == 25
    node.done("kv/delete", {"key": KEY})
    assert change(node, "PUT", {"ttl": 25}, If_Match="*").status == 409


def test_of_many_changes_at_once_none_is_lost(nodes, node):
    """Each adds a key of its own, again after a 409: all are there in the end."""
    lost = []

    def add(number):
        for turn in range(8):
            body = {"postgresql": {"parameters": {f"x.a{number}_{turn}": turn}}}
            while (answer := change(nodes[number], "PATCH", body)).status != 200:
                lost.append(refused(answer))

    threads = [threading.Thread(target=add, args=[number]) for number in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    parameters = stored(node)[0]["postgresql"]["parameters"]
    assert sum(key.startswith("x.a") for key in parameters) == 24
    assert lost, "they never met"
    assert set(lost) == {(409, "ERR_CONFLICT",
                          "somebody else has changed the configuration meanwhile: read it again")}


# --- Who may ---

def test_a_password():
    nodes = Nodes(1, "--user", "admin", "--password", "s3:cret")
    one = nodes[1]
    one.done("kv/put", {"key": KEY, "value": json.dumps(FIRST)})
    for method in ("PATCH", "PUT"):
        for headers in ({}, WRONG):
            answer = one.ask(method, "/config", '{"ttl": 20}', headers, tcp=True)
            assert (answer.status, answer.code) == (401, "ERR_DENIED")
            assert answer.headers["WWW-Authenticate"].startswith('Basic realm="Patroni"')
        assert stored(one)[0] == FIRST
    assert one.get("/config", tcp=True).json == FIRST
    assert one.ask("PATCH", "/config", '{"ttl": 20}', BASIC, tcp=True).status == 200
    assert one.ask("PUT", "/config", '{"ttl": 20}', BASIC, tcp=True).status == 200
    nodes.close()


def test_the_list_and_web_pages(node):
    nodes = Nodes(1, "--allow", "10.0.0.0/8")
    for method in ("PATCH", "PUT"):
        answer = nodes[1].ask(method, "/config", '{"ttl": 20}', tcp=True)
        assert (answer.status, answer.message) == (403, "Access is denied: the address is not in restapi.allowlist")
        for headers in ({"Origin": "http://x"}, {"Host": "example.com"}):
            assert node.ask(method, "/config", '{"ttl": 20}', headers, tcp=True).status == 403
        assert node.ask(method, "/config", '{"ttl": 20}', tcp=True).status == 200
    nodes.close()


def test_a_node_that_is_in_no_cluster_says_whom_it_waits_for():
    nodes = Nodes(1, "--blank")
    for method, body in (("GET", None), ("PATCH", '{"ttl": 20}'), ("PUT", '{"ttl": 20}')):
        status, code, message = refused(nodes[1].ask(method, "/config?timeout_ms=300", body))
        assert (status, code) == (503, "ERR_NO_QUORUM")
        assert "n9" in message
    nodes.close()


# --- With pgraftctl ---

def test_pgraftctl_shows_and_edits_it():
    nodes = Nodes(1, "--views", "yes")
    one = nodes[1]
    nodes.tell("view", 1, "pg1")
    assert ctl(one, "show-config")[::2] == (
        1, "pgraftctl: no configuration is stored: the key config is not there\n")
    one.done("kv/put", {"key": KEY, "value": json.dumps(FIRST)})
    assert told(one, "show-config") == (
        "postgresql:\n  parameters:\n    max_connections: 100\n    work_mem: \"4MB\"\n  use_slots: true\nttl: 30\n")
    assert told(one, "edit-config", "-s", "ttl=20", "-p", "work_mem=", data=b"y\n") == """\
---
+++
@@ -1,6 +1,5 @@
 postgresql:
   parameters:
     max_connections: 100
-    work_mem: "4MB"
   use_slots: true
-ttl: 30
+ttl: 20
Apply these changes? [y/N]: Configuration changed
"""
    before = stored(one)
    assert before[0] == {"ttl": 20, "postgresql": {"parameters": {"max_connections": 100}, "use_slots": True}}
    assert told(one, "edit-config", "-s", "ttl=20") == "Not changed\n"
    status, _out, err = ctl(one, "edit-config", "--force", "-s", "synchronous_mode=maybe", "-s", "tttl=5")
    assert status == 1
    assert err == ('pgraftctl: synchronous_mode: can not be "maybe"; choose one of off, on, quorum; '
                   "tttl: unknown key; did you mean ttl?\n")
    assert stored(one) == before
    nodes.close()


# --- Last of all ---

def test_without_a_majority_it_is_told_and_not_changed(nodes, node):
    wanted = stored(node)
    nodes.tell("stop", 2)
    nodes.tell("stop", 3)
    until(lambda: nodes[1].get("/raft").json["missing"] == ["n2", "n3"])
    until(lambda: not nodes[1].get("/raft").json["quorum"])
    for method in ("PATCH", "PUT"):
        began = time.monotonic()
        answer = change(nodes[1], method, {"ttl": 20})
        assert (answer.status, answer.code) == (503, "ERR_NO_QUORUM"), answer.body
        assert answer.message.endswith("missing: n2, n3")
        assert time.monotonic() - began < 8
    began = time.monotonic()
    answer = nodes[1].get("/config")
    assert (answer.status, answer.json) == (200, wanted[0])
    assert time.monotonic() - began < 3
    nodes.tell("start", 2)
    nodes.tell("start", 3)
    until(lambda: nodes[1].get("/readiness").status == 200)
    assert stored(nodes[1]) == wanted
