"""tests/http/test_tasks.py - POST and DELETE /restart and /reinitialize, POST /reload: what is begun, and what is told of it.

Claim: every code of docs/http.md about them comes for what the page says; a body is not needed; a refusal begins nothing; a
restart is answered when it has ended; who goes away leaves nothing behind. Method: nodes of the store that tell a view made
by the test (tests/lib/view_kit.h) and write down what their supervisor would be asked for.
"""
import json
import threading

import pytest
from http_kit import Asked, nodes_with_views, post, said, until


@pytest.fixture(scope="module", name="nodes")
def started():
    nodes = nodes_with_views()
    yield nodes
    nodes.close()


@pytest.fixture(autouse=True)
def views(nodes):
    for number, name in ((1, "pg1"), (2, "pg2"), (3, "w1")):
        nodes.tell("view", number, name)
        nodes.begun(number)


def restart(nodes, body=None, end=("done",), number=1):
    asked = Asked(nodes[number], "/restart", body)
    until(lambda: nodes.begun(number) != [])
    assert asked.is_alive()
    nodes.tell("task", number, *end)
    return asked.told()


# --- /restart ---

def test_row_POST_restart(nodes):
    assert restart(nodes) == (200, "restarted successfully")
    assert restart(nodes, "") == (200, "restarted successfully")
    assert restart(nodes, {}) == (200, "restarted successfully")
    assert restart(nodes, end=("fail", "restart failed: PostgreSQL ended")) == (503, "restart failed: PostgreSQL ended")


def test_its_conditions(nodes):
    held = {"role": "primary", "postgres_version": "15.21", "timeout": "30s", "restart_pending": "false"}
    asked = Asked(nodes[1], "/restart", held)
    seen = []
    until(lambda: seen.extend(nodes.begun(1)) or seen)
    nodes.tell("task", 1, "done")
    assert (asked.told(), seen) == ((200, "restarted successfully"), ["restart:30000"])
    for body in ({"role": "replica"}, {"postgres_version": "15.20"}, {"restart_pending": True}, {"restart_pending": "on"}):
        assert post(nodes[1], "/restart", body) == (503, "restart conditions are not satisfied")
    assert nodes.begun(1) == []


@pytest.mark.parametrize("body, status, text", [
    ({"role": "master"}, 400, "PostgreSQL role should be either primary, standby_leader, or replica"),
    ({"postgres_version": "15"}, 400, 'Invalid PostgreSQL version format: X.Y or X.Y.Z is accepted: "15"'),
    ({"timeout": 0}, 400, "Timeout should be a positive number of seconds"),
    ({"timeout": "soon"}, 400, "Timeout should be a positive number of seconds"),
    ({"restart_pending": 7}, 400, "restart_pending: true or false is expected"),
    ({"when": "now"}, 400, "Unknown filter for the scheduled restart: '\"when\"'"),
    ({"schedule": "2126-12-01T04:00"}, 400, "Timezone information is mandatory for the scheduled restart"),
    ({"schedule": "2001-12-01T04:00Z"}, 422, "Cannot schedule restart in the past"),
    ({"schedule": "soon"}, 422,
     "Unable to parse scheduled timestamp. It should be in an unambiguous format, e.g. ISO 8601"),
    ({"schedule": "2126-12-01T04:00Z", "role": "leader"}, 400,
     "PostgreSQL role should be either primary, standby_leader, or replica")])
def test_what_is_refused_begins_nothing(nodes, body, status, text):
    assert post(nodes[1], "/restart", body) == (status, text)
    assert nodes.begun(1) == []


def test_one_that_may_not_begin(nodes):
    nodes.tell("task", 1, "refuse", "postgres is still starting")
    assert post(nodes[1], "/restart") == (503, "postgres is still starting")
    assert nodes.begun(1) == []


def test_a_body_that_is_no_object(nodes):
    for text in ("[]", "7", "{"):
        assert nodes[1].ask("POST", "/restart", text, tcp=True).status == 400
    assert nodes.begun(1) == []


def test_who_goes_away_leaves_the_restart_and_nothing_else(nodes):
    plain = nodes[1].raw()
    plain.sendall(b"POST /restart HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
    until(lambda: nodes.begun(1) == ["restart:0"])
    plain.close()
    nodes.tell("task", 1, "done")
    assert restart(nodes) == (200, "restarted successfully")


# --- ... for later ---

LATER = {"schedule": "2126-12-01T04:00+01:00"}


def on_disk(nodes, method, body=None, end=("done",), number=1):
    """What is told when the file was written, or could not be; and what was asked for."""
    told, seen = [], []
    asked = threading.Thread(target=lambda: told.append(said(nodes[number].ask(
        method, "/restart", None if body is None else json.dumps(body), tcp=True))))
    asked.start()
    until(lambda: seen.extend(nodes.begun(number)) or seen)
    assert asked.is_alive()
    nodes.tell("task", number, *end)
    asked.join(30)
    return told[0], seen


def test_row_POST_restart_scheduled(nodes):
    more = LATER | {"role": "replica", "restart_pending": "true", "postgres_version": "16.4", "timeout": 30}
    assert on_disk(nodes, "POST", more) == (
        (202, "Restart scheduled"), ["later:2126-12-01T04:00:00+01:00:replica:16.4:1:30000"])
    assert post(nodes[1], "/restart", LATER) == (409, "Another restart is already scheduled")
    assert nodes.begun(1) == []
    nodes.tell("task", 1, "refuse", "this node is stopping")
    assert said(nodes[1].ask("DELETE", "/restart", tcp=True)) == (503, "this node is stopping")
    assert on_disk(nodes, "DELETE") == ((200, "scheduled restart deleted"), ["never"])


def test_row_POST_restart_scheduled_in_a_pause(nodes):
    nodes.tell("view", 1, "pg1", "paused")
    assert post(nodes[1], "/restart", LATER) == (500, "Can't schedule restart in the paused state")
    assert nodes.begun(1) == []


def test_row_DELETE_restart(nodes):
    assert said(nodes[1].ask("DELETE", "/restart", tcp=True)) == (404, "no restarts are scheduled")
    assert nodes.begun(1) == []


def test_a_schedule_that_is_not_on_disk_is_none(nodes):
    assert on_disk(nodes, "POST", LATER, ("fail", "it can not be kept on disk: no space"), 2) == (
        (503, "it can not be kept on disk: no space"), ["later:2126-12-01T04:00:00+01:00:::0:0"])


# --- /reload ---

def test_row_POST_reload(nodes):
    assert post(nodes[2], "/reload") == (202, "reload scheduled")
    assert post(nodes[2], "//reload/", {}) == (202, "reload scheduled")
    assert nodes.begun(2) == ["reload", "reload"]


# --- /reinitialize ---

def test_row_POST_reinitialize(nodes):
    for body, expected in ((None, "0:0"), ({"force": True}, "1:0"), ({"from_leader": "true"}, "0:1"),
                           ({"from-leader": True, "force": "false"}, "0:1")):
        assert post(nodes[2], "/reinitialize", body) == (200, "reinitialize started")
        assert nodes.begun(2) == [f"reinitialize:{expected}"]
    nodes.tell("task", 2, "refuse", "I am the leader, can not reinitialize")
    assert post(nodes[2], "/reinitialize", {"force": True}) == (503, "I am the leader, can not reinitialize")
    assert post(nodes[2], "/reinitialize", {"force": 7}) == (400, "force: true or false is expected")
    assert nodes.begun(2) == []


def test_DELETE_reinitialize(nodes):
    assert said(nodes[2].ask("DELETE", "/reinitialize", tcp=True)) == (404, "no reinitialize is pending")
    assert post(nodes[2], "/reinitialize") == (200, "reinitialize started")
    nodes.tell("task", 2, "refuse", "it has begun")
    assert said(nodes[2].ask("DELETE", "/reinitialize", tcp=True)) == (409, "it has begun")
    assert said(nodes[2].ask("DELETE", "/reinitialize", tcp=True)) == (200, "reinitialize canceled")


# --- who has none ---

def test_a_witness_has_no_postgresql(nodes):
    for method, path in (("POST", "/restart"), ("DELETE", "/restart"), ("POST", "/reinitialize"), ("DELETE", "/reinitialize")):
        answer = nodes[3].ask(method, path, tcp=True)
        assert (answer.status, answer.message) == (503, "this node supervises no PostgreSQL")


def test_other_methods(nodes):
    answer = nodes[1].get("/restart", tcp=True)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST, DELETE")
    assert nodes[1].ask("DELETE", "/reload", tcp=True).status == 405
