"""tests/http/test_patroni_rows.py - Patroni's contract over real sockets, one test for each of its rows.

Claim: each row of what Patroni's tools rely on (transport and routing, health paths, the status document, /cluster,
/history, /config, /failsafe, who may) gives the code, the text and the fields that it names; where pgraft answers
otherwise on purpose the test says so. Rows of commands stand in test_switch.py (POST and DELETE /switchover, POST
/failover), test_tasks.py (restart, reload, reinitialize) and test_config.py (/config), those of metrics in
test_metrics.py, of client certificates in test_tls.py, each as test_row_.... Method: three nodes of the library that tell a view made by the test (tests/lib/view_kit.h).
"""
import base64
import json

import pytest
from http_kit import Nodes, nodes_with_views

STATUS_ORDER = ["state", "postmaster_start_time", "role", "server_version", "xlog", "sync_standby", "quorum_standby",
                "timeline", "replication_state", "replication", "pause", "cluster_unlocked", "failsafe_mode_is_active",
                "dcs_last_seen", "tags", "database_system_identifier", "pending_restart", "pending_restart_reason",
                "patroni", "scheduled_restart", "watchdog_failed", "logger_queue_size", "logger_records_lost"]
METHODS = ("GET", "HEAD", "OPTIONS")


@pytest.fixture(scope="module", name="nodes")
def started():
    nodes = nodes_with_views()
    yield nodes
    nodes.close()


def show(nodes, primary="", replica=""):
    nodes.tell("view", 1, "pg1", primary)
    nodes.tell("view", 2, "pg2", replica)


@pytest.fixture(autouse=True)
def as_always(nodes):
    show(nodes)
    nodes.tell("view", 3, "w1")


def codes(nodes, path):
    """Of primary, standby and witness, which HEAD and OPTIONS have to share."""
    told = []
    for number in (1, 2, 3):
        of_all = {nodes[number].ask(method, path, tcp=True).status for method in METHODS}
        assert len(of_all) == 1, (path, number, of_all)
        told += of_all
    return tuple(told)


def raw(node, text):
    with node.raw() as plain:
        plain.sendall(text)
        plain.settimeout(20)
        return plain.makefile("rb").read()


# --- transport and routing ---

def test_row_http_1_0_is_answered_and_closed(nodes):
    got = raw(nodes[1], b"GET /primary HTTP/1.0\r\n\r\n")
    assert got.startswith(b"HTTP/1.0 200 ") or got.startswith(b"HTTP/1.1 200 ")
    assert json.loads(got.partition(b"\r\n\r\n")[2])["role"] == "primary"


@pytest.mark.parametrize("path", ["/patroni", "/cluster", "/history", "/metrics", "/liveness", "/readiness"])
def test_row_the_first_segment_is_the_route(nodes, path):
    assert nodes[1].get(path + "/anything", tcp=True).status == nodes[1].get(path, tcp=True).status == 200


def test_row_an_unknown_path_is_404_here(nodes):
    """Patroni's 503 is what a primary looks like that is none: docs/decisions/0010."""
    assert codes(nodes, "/prmary") == (404, 404, 404)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert nodes[1].ask(method, "/nothing", "{}" if method != "DELETE" else None, tcp=True).status == 404
        assert nodes[1].ask(method, "/primary", "{}" if method != "DELETE" else None, tcp=True).status == 405


@pytest.mark.parametrize(("names", "wanted"), [
    (("/standby_leader", "/standby-leader"), (503, 503, 503)), (("/leader", "//leader", "/leader/"), (200, 503, 503)),
    (("/", "/primary", "/master", "/read-write", "//primary"), (200, 503, 503)), (("/replica",), (503, 200, 503))])
def test_row_the_names_that_the_health_handler_knows(nodes, names, wanted):
    for name in names:
        assert codes(nodes, name) == wanted


@pytest.mark.parametrize("path", ["/", "/replica", "/patroni", "/cluster", "/history", "/metrics", "/liveness", "/readiness", "/config"])
def test_row_HEAD_and_OPTIONS_have_the_code_of_GET_and_no_body(nodes, path):
    nodes[1].done("kv/put", {"key": "/service/test/config", "value": "{}"})
    for method in ("HEAD", "OPTIONS"):
        answer = nodes[1].ask(method, path, tcp=True)
        assert (answer.status, answer.body) == (nodes[1].get(path, tcp=True).status, b"")


def test_row_types_of_bodies(nodes):
    for path, wanted in (("/patroni", "application/json"), ("/cluster", "application/json"), ("/history", "application/json"),
                         ("/primary", "application/json"), ("/metrics", "text/plain")):
        assert nodes[1].get(path, tcp=True).headers["Content-Type"].startswith(wanted)
    assert nodes[1].ask("DELETE", "/switchover", tcp=True).headers["Content-Type"] == "text/html"


@pytest.mark.parametrize("path", ["/switchover", "/failover", "/failsafe"])
def test_row_411_and_400_for_what_is_no_body(nodes, path):
    assert b" 411 " in raw(nodes[1], f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    for text in ("", "x", "[]", '"a"', "{"):
        assert nodes[1].ask("POST", path, text, tcp=True).status == 400, text


@pytest.mark.parametrize(("path", "status"), [("/restart", 503), ("/reinitialize", 503)])
def test_row_restart_and_reinitialize_need_no_body(nodes, path, status):
    show(nodes, "starting")
    nodes.tell("task", 1, "refuse no")
    answer = raw(nodes[1], f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert answer.split(b"\r\n")[0].endswith(f" {status} Service Unavailable".encode())


# --- health paths ---

@pytest.mark.parametrize("path", ["/", "/primary", "/read-write", "/master"])
def test_row_primary(nodes, path):
    assert codes(nodes, path) == (200, 503, 503)
    assert codes(nodes, path + "?tag_none=x&lag=0&replication_state=x") == (200, 503, 503)
    show(nodes, "alone")  # the lease alone counts
    assert codes(nodes, path) == (200, 503, 503)
    show(nodes, "fenced")  # Patroni says yes before it can be written to
    assert codes(nodes, path) == (503, 503, 503)
    show(nodes, "standbys", "standbys")
    assert codes(nodes, path) == (503, 503, 503)
    for words in ("lost", "lost paused alone"):  # Patroni says yes in such a pause: here the lease counts in it, too
        show(nodes, words, words)
        assert codes(nodes, path) == (503, 503, 503)


@pytest.mark.parametrize("path", ["/standby-leader", "/standby_leader"])
def test_row_standby_leader(nodes, path):
    assert codes(nodes, path) == (503, 503, 503)
    show(nodes, "standbys", "standbys")
    assert codes(nodes, path) == (200, 503, 503)
    assert codes(nodes, path + "?tag_none=x") == (200, 503, 503)
    show(nodes, "standbys role=replica", "standbys")
    assert codes(nodes, path) == (200, 503, 503)
    for words in ("standbys role=primary", "standbys lost", "standbys silent"):
        show(nodes, words, "standbys")
        assert codes(nodes, path) == (503, 503, 503), words


def test_row_leader(nodes):
    for words in ("", "fenced", "starting", "standbys", "silent"):
        show(nodes, words)
        assert codes(nodes, "/leader?tag_none=x") == (200, 503, 503), words
    show(nodes, "lost")
    assert codes(nodes, "/leader") == (503, 503, 503)


def test_row_replica(nodes):
    assert codes(nodes, "/replica") == (503, 200, 503)
    for words in ("starting", "true=noloadbalance", "silent", "old", "role=primary", "role=demoted"):
        show(nodes, "", words)
        assert codes(nodes, "/replica") == (503, 503, 503), words
    for words in ("standbys", "standbys role=replica"):  # who leads them is none of them
        show(nodes, words, "standbys")
        assert codes(nodes, "/replica") == (503, 200, 503)


def test_row_lag(nodes):
    show(nodes, "", "behind=65536")
    for lag, wanted in (("65536", 200), ("65535", 503), ("64kB", 200), ("63kB", 503), ("1MB", 200), ("1GB", 200), ("0", 503),
                        ("garbage", 200), ("", 200), ("-1", 200), ("1%20MB", 200)):
        assert nodes[2].get("/replica?lag=" + lag, tcp=True).status == wanted, lag
    assert nodes[2].get("/replica?lag=65536&lag=0", tcp=True).status == 200  # the first one counts
    show(nodes, "", "ahead=65536")  # whoever it streams from says so, and nobody else has heard of it
    for lag, wanted in (("64kB", 200), ("65535", 503)):
        assert nodes[2].get("/replica?lag=" + lag, tcp=True).status == wanted, lag


def test_row_replication_state(nodes):
    for words, flow, wanted in (("", "streaming", 200), ("", "in%20archive%20recovery", 503), ("archive", "streaming", 503),
                                ("archive", "in%20archive%20recovery", 200), ("archive", "in+archive+recovery", 200),
                                ("", "stream", 503), ("", "Streaming", 503)):
        show(nodes, "", words)
        assert nodes[2].get("/replica?replication_state=" + flow, tcp=True).status == wanted, (words, flow)


@pytest.mark.parametrize(("path", "words"), [
    ("/replica", ""), ("/read-only", ""), ("/health", ""), ("/async", ""), ("/asynchronous", ""), ("/sync", "sync=pg2"),
    ("/synchronous", "sync=pg2"), ("/read-only-sync", "sync=pg2"), ("/read-only-synchronous", "sync=pg2"),
    ("/quorum", "quorum=pg2"), ("/read-only-quorum", "quorum=pg2")])
def test_row_tags(nodes, path, words):
    show(nodes, "", "zone=a true=clonefrom version=1.4 " + words)
    for query, wanted in (("tag_zone=a", 200), ("tag_zone=b", 503), ("tag_clonefrom=true", 200), ("tag_clonefrom=True", 503),
                          ("tag_version=1.4", 200), ("tag_none=", 503), ("tag_zone=a&tag_zone=b", 200),
                          ("tag_zone=b&tag_zone=a", 503), ("tag_zone=a&tag_clonefrom=false", 503)):
        assert nodes[2].get(f"{path}?{query}", tcp=True).status == wanted, query


def test_row_read_only(nodes):
    assert codes(nodes, "/read-only") == (200, 200, 503)
    show(nodes, "", "true=noloadbalance")
    assert codes(nodes, "/read-only") == (200, 503, 503)
    show(nodes, "standbys", "standbys behind=64")
    assert codes(nodes, "/read-only?lag=63") == (200, 503, 503)


@pytest.mark.parametrize("path", ["/sync", "/synchronous"])
def test_row_sync(nodes, path):
    assert codes(nodes, path) == (503, 503, 503)
    show(nodes, "sync=pg2", "sync=pg2")
    assert codes(nodes, path) == (503, 200, 503)
    assert nodes[2].get("/patroni").json["sync_standby"] is True
    for words in ("sync=pg3", "quorum=pg2", "sync=pg2 starting", "sync=pg2 true=noloadbalance", "sync=pg2 alone"):
        show(nodes, "", words)
        assert codes(nodes, path) == (503, 503, 503), words


@pytest.mark.parametrize("path", ["/read-only-sync", "/read-only-synchronous"])
def test_row_read_only_sync(nodes, path):
    assert codes(nodes, path) == (200, 503, 503)
    show(nodes, "sync=pg2", "sync=pg2")
    assert codes(nodes, path) == (200, 200, 503)
    show(nodes, "sync=pg2 alone", "sync=pg2 alone")
    assert codes(nodes, path) == (503, 503, 503)


def test_row_quorum(nodes):
    assert codes(nodes, "/quorum") == (503, 503, 503)
    show(nodes, "quorum=pg2", "quorum=pg2")
    assert codes(nodes, "/quorum") == (503, 200, 503)
    assert nodes[2].get("/patroni").json["quorum_standby"] is True
    for words in ("sync=pg2", "quorum=pg3", "quorum=pg2 starting", "quorum=pg2 alone"):
        show(nodes, "", words)
        assert codes(nodes, "/quorum") == (503, 503, 503), words


def test_row_read_only_quorum(nodes):
    assert codes(nodes, "/read-only-quorum") == (200, 503, 503)
    show(nodes, "quorum=pg2", "quorum=pg2")
    assert codes(nodes, "/read-only-quorum") == (200, 200, 503)


@pytest.mark.parametrize("path", ["/async", "/asynchronous"])
def test_row_async(nodes, path):
    assert codes(nodes, path) == (503, 200, 503)
    for words in ("sync=pg2", "quorum=pg2", "starting", "alone"):
        show(nodes, "", words)
        assert codes(nodes, path) == (503, 503, 503), words
    show(nodes, "", "sync=pg3")
    assert codes(nodes, path) == (503, 200, 503)


def test_row_health(nodes):
    assert codes(nodes, "/health") == (200, 200, 200)
    assert nodes[2].get("/health?lag=0", tcp=True).status == 200
    for words in ("starting", "silent", "old"):
        show(nodes, words, words)
        assert codes(nodes, "/health") == (503, 503, 200)  # a witness has none


def test_row_liveness(nodes):
    for words in ("", "starting", "silent", "alone", "paused"):
        show(nodes, words, words)
        assert codes(nodes, "/liveness?tag_none=x") == (200, 200, 200), words
    show(nodes, "old", "old")  # who looks after PostgreSQL hangs
    assert codes(nodes, "/liveness") == (503, 503, 200)


def test_row_readiness(nodes):
    assert codes(nodes, "/readiness?tag_none=x") == (200, 200, 200)
    for words, query, wanted in (("behind=1048576", "", 200), ("behind=1048577", "", 503), ("behind=64", "lag=63", 503),
                                 ("behind=64", "lag=63&mode=write", 200), ("behind=64", "lag=63&mode=apply", 503),
                                 ("archive", "", 503), ("starting", "", 503), ("silent", "", 503), ("alone", "", 503),
                                 ("alone ahead=0", "", 200), ("alone ahead=64", "lag=63", 503),
                                 ("alone ahead=64", "lag=64", 200), ("ahead=1048577", "", 503),
                                 ("behind=64", "lag=garbage", 200)):
        show(nodes, "", words)
        assert nodes[2].get("/readiness?" + query, tcp=True).status == wanted, (words, query)


# --- the status document ---

def in_order(document):
    known = [key for key in document if key in STATUS_ORDER]
    assert known == [key for key in STATUS_ORDER if key in document]
    return document


def test_row_the_status_document_of_a_primary(nodes):
    show(nodes, "paused true=clonefrom pending")
    answer = nodes[1].get("/patroni", tcp=True)
    document = in_order(answer.json)
    assert answer.status == 200
    assert set(document) == {"state", "postmaster_start_time", "role", "server_version", "xlog", "timeline", "replication",
                             "pause", "dcs_last_seen", "tags", "database_system_identifier", "pending_restart",
                             "pending_restart_reason", "patroni"}
    assert (document["state"], document["role"], document["server_version"]) == ("running", "primary", 150020)
    assert document["postmaster_start_time"] == "2026-11-02 08:15:03.120000+00:00"
    assert document["xlog"] == {"location": 83886408}
    assert document["replication"] == [{"usename": "replicator", "application_name": "pg2", "client_addr": "10.0.0.2",
                                        "state": "streaming", "sync_state": "async", "sync_priority": 0}]
    assert (document["pause"], document["tags"], document["pending_restart"]) == (True, {"clonefrom": True}, True)
    assert document["pending_restart_reason"] == {"max_connections": {"old_value": "100", "new_value": "101"}}
    assert document["database_system_identifier"] == "7450012345678901234"
    assert set(document["patroni"]) == {"version", "scope", "name"}


def test_row_the_status_document_of_a_standby(nodes):
    show(nodes, "", "sync=pg2")
    document = in_order(nodes[2].get("/replica", tcp=True).json)
    assert document["xlog"] == {"received_location": 83886408, "replayed_location": 83886408,
                                "replayed_timestamp": "2026-11-02 08:16:40.5+00:00", "paused": False}
    assert (document["role"], document["replication_state"], document["sync_standby"]) == ("replica", "streaming", True)
    assert "quorum_standby" not in document
    assert nodes[2].get("/primary", tcp=True).json == document  # whatever the code


def test_row_the_status_document_without_sql(nodes):
    for words, state in (("silent", "unknown"), ("silent starting", "starting"), ("old", "unknown")):
        show(nodes, "", words)
        document = in_order(nodes[2].get("/patroni", tcp=True).json)
        assert set(document) == {"state", "role", "dcs_last_seen", "database_system_identifier", "patroni"}
        assert (document["state"], document["role"]) == (state, "replica")


STATES = ["initializing new cluster", "initdb failed", "running custom bootstrap script", "custom bootstrap failed",
          "creating replica", "running", "starting", "starting after custom bootstrap", "start failed", "restarting",
          "restart failed", "stopping", "stopped", "stop failed", "crashed"]


@pytest.mark.parametrize("number", range(len(STATES)), ids=STATES)
def test_row_the_states(nodes, number):
    show(nodes, "", f"state={number}")
    assert nodes[2].get("/patroni", tcp=True).json["state"] == STATES[number]
    assert f'patroni_postgres_state{{scope="test",name="n2"}} {number}\n' in nodes[2].get("/metrics", tcp=True).body.decode()
    assert nodes[2].get("/health", tcp=True).status == (200 if STATES[number] == "running" else 503)


@pytest.mark.parametrize("role", ["primary", "replica", "standby_leader", "demoted", "uninitialized", "promoted"])
def test_row_the_roles(nodes, role):
    show(nodes, "", f"role={role}")
    document = nodes[2].get("/patroni", tcp=True).json
    assert document["role"] == role
    assert ("location" in document["xlog"]) == (role in ("primary", "promoted"))


def test_row_what_is_told_only_where_it_is_so(nodes):
    document = nodes[2].get("/patroni", tcp=True).json
    some = {"pause", "cluster_unlocked", "tags", "pending_restart", "pending_restart_reason", "scheduled_restart",
            "failsafe_mode_is_active", "sync_standby", "quorum_standby", "watchdog_failed", "replication"}
    assert not some & set(document)
    show(nodes, "", "leaderless later")
    document = in_order(nodes[2].get("/patroni", tcp=True).json)
    assert some & set(document) == {"cluster_unlocked", "scheduled_restart"}
    assert document["cluster_unlocked"] is True
    assert document["scheduled_restart"] == {"schedule": "2126-12-01T04:00:00+01:00", "restart_pending": True}


def test_row_the_status_document_of_a_witness(nodes):
    document = in_order(nodes[3].get("/patroni", tcp=True).json)
    assert (document["state"], document["role"]) == ("running", "witness")


# --- lists ---

def test_row_cluster(nodes):
    words = "sync=pg2 paused pending scheduled"
    show(nodes, words, words)
    document = nodes[2].get("/cluster", tcp=True).json
    assert list(document) == ["members", "pause", "scheduled_switchover", "scope"]
    assert document["scheduled_switchover"] == {"at": "2126-12-01T04:00:00+01:00", "from": "pg1", "to": "pg2"}
    leader, sync, replica = document["members"]
    assert leader == {"name": "pg1", "role": "leader", "state": "running", "api_url": "http://10.0.0.1:8008/patroni",
                      "host": "10.0.0.1", "port": 5432, "timeline": 5}
    assert list(sync) == ["name", "role", "state", "api_url", "host", "port", "timeline", "pending_restart",
                          "pending_restart_reason", "receive_lag", "receive_lsn", "replay_lag", "replay_lsn", "lag", "lsn"]
    assert (sync["role"], sync["state"], sync["receive_lsn"], sync["lag"]) == ("sync_standby", "streaming", "0/5000148", 0)
    assert replica["role"] == "replica"
    show(nodes, "quorum=pg2", "quorum=pg2")
    assert [m["role"] for m in nodes[1].get("/cluster").json["members"]] == ["leader", "quorum_standby", "replica"]
    show(nodes, "", "blind=pg3 ahead=64 later zone=a")
    _leader, own, blind = nodes[2].get("/cluster").json["members"]
    assert (own["receive_lag"], own["replay_lag"], own["lag"]) == (64, 64, 64)
    assert (own["scheduled_restart"]["schedule"], own["tags"]) == ("2126-12-01T04:00:00+01:00", {"zone": "a"})
    assert {blind[key] for key in ("receive_lag", "receive_lsn", "replay_lag", "replay_lsn", "lag", "lsn")} == {"unknown"}
    show(nodes, "leaderless")
    assert [m["role"] for m in nodes[1].get("/cluster").json["members"]] == ["replica"] * 3
    show(nodes, "standbys", "standbys")
    assert nodes[1].get("/cluster").json["members"][0]["role"] == "standby_leader"


def test_row_cluster_without_a_majority_is_told_and_marked(nodes):
    """Patroni would not answer."""
    show(nodes, "alone")
    answer = nodes[1].get("/cluster", tcp=True)
    assert (answer.status, answer.json["pgraft"]["quorum"]) == (200, False)


def test_row_history(nodes):
    rows = nodes[1].get("/history", tcp=True).json
    assert [[type(cell) for cell in row] for row in rows] == [[int, int, str, str], [int, int, str, str, str]]


# --- failsafe ---

def test_row_GET_failsafe(nodes):
    for number in (1, 2, 3):
        answer = nodes[number].get("/failsafe", tcp=True)
        assert (answer.status, answer.body) == (502, b"failsafe_mode is not enabled")
    show(nodes, "failsafe", "failsafe")
    nodes.tell("view", 3, "w1", "failsafe")
    for number in (1, 2, 3):
        answer = nodes[number].get("/failsafe", tcp=True)
        assert answer.status == 200
        assert answer.json == {f"pg{i}": f"http://10.0.0.{i}:8008/patroni" for i in (1, 2, 3)}


def test_row_POST_failsafe_is_agreed_to_by_nobody(nodes):
    """Patroni's member would say "Accepted", and its primary go on without the store. Here the lease alone decides."""
    body = json.dumps({"name": "pg1", "conn_url": "postgres://10.0.0.1:5432/postgres", "slots": {},
                       "api_url": "http://10.0.0.1:8008/patroni"})

    def told(number):
        answer = nodes[number].ask("POST", "/failsafe", body, tcp=True)
        assert answer.headers["lsn"] is None
        return answer.status, answer.body.decode()
    assert {told(number) for number in (1, 2, 3)} == {(502, "failsafe_mode is not enabled")}
    for words in ("failsafe", "failsafe alone"):
        show(nodes, words, words)
        nodes.tell("view", 3, "w1", words)
        assert told(1) == (500, "Running as a leader")
        assert told(2) == told(3) == (502, "not accepted: the primary's lease alone decides here")
    assert "failsafe_mode_is_active" not in nodes[2].get("/patroni").json


# --- who may ---

def test_row_the_order_of_who_may():
    """The list first, then the password, in Patroni's words; nobody is asked for anything to look."""
    right = {"Authorization": "Basic " + base64.b64encode(b"u:p").decode()}
    wrong = {"Authorization": "Basic " + base64.b64encode(b"u:q").decode()}
    nodes = Nodes(1, "--views", "yes", "--user", "u", "--password", "p")
    for headers, words in (({}, "no auth header received"), (wrong, "not authenticated")):
        answer = nodes[1].ask("POST", "/reload", headers=headers, tcp=True)
        assert (answer.status, answer.message[:len(words)]) == (401, words)
        assert answer.headers["WWW-Authenticate"].startswith('Basic realm="Patroni"')
    assert nodes[1].ask("POST", "/reload", headers=right, tcp=True).status == 202
    for path in ("/patroni", "/cluster", "/metrics", "/failsafe"):
        assert nodes[1].get(path, headers=wrong, tcp=True).status in (200, 502)
    nodes.close()
    nodes = Nodes(1, "--views", "yes", "--user", "u", "--password", "p", "--allow", "10.0.0.0/8")
    for headers in ({}, wrong, right):
        answer = nodes[1].ask("POST", "/reload", headers=headers, tcp=True)
        assert (answer.status, answer.message[:16]) == (403, "Access is denied")
    assert nodes[1].get("/patroni", tcp=True).status == 200
    nodes.close()


@pytest.mark.parametrize("path", ["/citus", "/mpp", "/sigterm"])
def test_row_what_is_not_there(nodes, path):
    """Citus, and what Patroni's own tests use on Windows."""
    assert nodes[1].ask("POST", path, "{}", tcp=True).status == 404
