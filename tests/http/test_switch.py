"""tests/http/test_switch.py - POST /switchover and /failover, DELETE /switchover: the wish, and what is told of it.

Claim: every code of docs/http.md about them comes for what the page says; a refusal writes nothing; whichever node is
asked writes the same wish, and tells what became of it; who goes away leaves nothing behind. Method: three nodes of
the store in one process that tell a view made by the test (tests/lib/view_kit.h); the test writes the keys that a
primary would. What is refused with which words is tests/unit/test_patroni_switch.c's.
"""
import json
import re
import threading

import pytest
from http_kit import Asked, Nodes, metric, nodes_with_views, post, said, until

PREFIX = "/service/test/"
WAITS_S = 20  # a node, for the end of it
LATER = "2126-12-01T04:00:00+01:00"


@pytest.fixture(scope="module", name="nodes")
def started():
    nodes = nodes_with_views()
    yield nodes
    nodes.close()


@pytest.fixture(autouse=True)
def leader(nodes):
    """pg1 leads, as the views say."""
    nodes[1].done("kv/put", {"key": PREFIX + "leader", "value": "pg1"})
    nodes[1].done("kv/delete", {"key": PREFIX + "failover"})
    for number, name in ((1, "pg1"), (2, "pg2"), (3, "w1")):
        nodes.tell("view", number, name)  # fresh again


def put(node, key, value):
    node.done("kv/put", {"key": PREFIX + key, "value": value if isinstance(value, str) else json.dumps(value)})


def wish(node):
    pair = node.done("kv/get", {"key": PREFIX + "failover"})["pair"]
    return None if pair is None else json.loads(pair["value"])


def take_over(node, name):
    """What the advisor and the new primary write."""
    node.done("kv/delete", {"key": PREFIX + "leader"})
    node.done("kv/txn", {"then": [{"put": {"key": PREFIX + "leader", "value": name}},
                                  {"delete": {"key": PREFIX + "failover"}}]})
    put(node, "history", [[4, 67108864, "switchover", "2026-12-01T03:00:00+00:00", name,
                           {"version": 1, "epoch": 7, "timeline": 5}]])


# --- To its end ---

@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_switchover_that_comes_to_its_end(nodes, number):
    asked = Asked(nodes[number], "/switchover", {"leader": "pg1", "candidate": "pg2"})
    assert until(lambda: wish(nodes[1])) == {"leader": "pg1", "member": "pg2"}
    take_over(nodes[1], "pg2")
    assert asked.told() == (200, 'Successfully switched over to "pg2"')


def test_another_one_was_chosen(nodes):
    asked = Asked(nodes[2], "/switchover/", {"leader": "pg1", "member": "pg2", "scheduled_at": None, "timeout_ms": None})
    assert until(lambda: wish(nodes[1])) == {"leader": "pg1", "member": "pg2"}
    take_over(nodes[1], "pg3")
    assert asked.told() == (200, 'Switched over to "pg3" instead of "pg2"')


def test_a_failover_where_nobody_leads(nodes):
    nodes[1].done("kv/delete", {"key": PREFIX + "leader"})
    asked = Asked(nodes[2], "/failover", {"candidate": "pg2"})
    assert until(lambda: wish(nodes[1])) == {"member": "pg2"}
    take_over(nodes[1], "pg2")
    assert asked.told() == (200, 'Successfully failed over to "pg2"')


def test_the_primary_drops_it(nodes):
    asked = Asked(nodes[3], "/switchover", {"leader": "pg1"})
    until(lambda: wish(nodes[1]))
    nodes[1].done("kv/delete", {"key": PREFIX + "failover"})
    assert asked.told() == (503, "Switchover failed")


def test_nothing_comes_of_it_in_time(nodes):
    assert post(nodes[2], "/switchover", {"leader": "pg1", "timeout_ms": 1500}) == (
        503, "Switchover status unknown after 2 seconds; operation may still be in progress")
    assert wish(nodes[1]) == {"leader": "pg1"}


# --- Gone ---

def connections(node):
    """... of others: the one that asks for it is open, too."""
    return metric(node, "pgraft_http_connections") - 1


def ask_and_not_listen(plain):
    body = b'{"leader": "pg1"}'
    plain.sendall(b"POST /switchover HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def test_a_client_that_goes_away(nodes):
    """... leaves the wish, and nothing at the node."""
    until(lambda: connections(nodes[2]) == 0)
    clients = [nodes[2].raw() for _ in range(10)]
    for plain in clients:
        ask_and_not_listen(plain)
    until(lambda: wish(nodes[1]) is not None and connections(nodes[2]) == len(clients))
    for plain in clients:
        plain.close()
    until(lambda: connections(nodes[2]) == 0, WAITS_S / 2)
    assert wish(nodes[1]) == {"leader": "pg1"}


def test_a_client_that_goes_away_before_the_node_hears_from_the_store(nodes):
    """The node learns both at once, and first that nobody is there: what was written is not waited for."""
    until(lambda: connections(nodes[2]) == 0)
    plain = nodes[2].raw()
    until(lambda: connections(nodes[2]) == 1)
    nodes.tell("freeze", 300)  # while it lasts nothing is written ...
    ask_and_not_listen(plain)
    nodes.begun(2)  # the node has it by now, and looks whether the client is still there
    nodes.tell("stall", 1500)  # ... and when it is, nobody looks
    plain.close()
    until(lambda: connections(nodes[2]) == 0, WAITS_S / 2)
    assert until(lambda: wish(nodes[1])) == {"leader": "pg1"}


# --- Row by row ---

OVER, FAIL = "/switchover", "/failover"
NOT_GOOD = "switchover is not possible: no good candidates have been found"
UNREADABLE = "Unable to parse scheduled timestamp. It should be in an unambiguous format, e.g. ISO 8601"


@pytest.mark.parametrize(("words", "body", "status", "text"), [
    ("", {}, 400, "Switchover could be performed only from a specific leader"),
    ("", {"leader": "pg1", "candidate": "pg1"}, 400, "Switchover target and source are the same"),
    ("", {"leader": "pg1", "member": "pg1"}, 400, "Switchover target and source are the same"),
    ("paused", {"leader": "pg1", "scheduled_at": LATER}, 400, "Can't schedule switchover in the paused state"),
    ("paused", {"leader": "pg1"}, 400, "Switchover is possible only to a specific candidate in a paused state"),
    ("", {"leader": "pg1", "scheduled_at": "2126-12-01T04:00"}, 400,
     "Timezone information is mandatory for the scheduled switchover"),
    ("", {"leader": "pg1", "scheduled_at": "soon"}, 422, UNREADABLE),
    ("", {"leader": "pg1", "scheduled_at": "2001-12-01T04:00Z"}, 422, "Cannot schedule switchover in the past"),
    ("", {"leader": "pg2"}, 412, "leader name does not match"),
    ("leaderless", {"leader": "pg1"}, 412, "leader name does not match"),
    ("", {"leader": "pg1", "candidate": "pg9"}, 412, "candidate does not exists"),
    ("sync=pg2", {"leader": "pg1", "candidate": "pg3"}, 412, "candidate name does not match with sync_standby"),
    ("sync=", {"leader": "pg1"}, 412, "switchover is not possible: can not find sync_standby"),
    ("lonely", {"leader": "pg1"}, 412, "switchover is not possible: cluster does not have members except leader"),
    ("gone=pg2 gone=pg3", {"leader": "pg1"}, 412, NOT_GOOD),
    ("gone=pg2", {"leader": "pg1", "candidate": "pg2"}, 412, NOT_GOOD)])
def test_row_POST_switchover(nodes, words, body, status, text):
    """What is refused; what comes to its end stands above, what is scheduled below."""
    nodes.tell("view", 1, "pg1", words)
    assert post(nodes[1], OVER, body) == (status, text)
    assert wish(nodes[1]) is None


@pytest.mark.parametrize(("words", "body", "status", "text"), [
    ("", {}, 400, "Failover could be performed only to a specific candidate"),
    ("", {"leader": "pg1"}, 400, "Failover could be performed only to a specific candidate"),
    ("", {"candidate": "pg2", "scheduled_at": LATER}, 400, "Failover can't be scheduled"),
    ("", {"leader": "pg1", "candidate": "pg1"}, 400, "Switchover target and source are the same"),
    ("", {"leader": "pg3", "candidate": "pg2"}, 412, "leader name does not match"),
    ("", {"candidate": "pg9"}, 412, "candidate does not exists"),
    ("sync=pg2", {"leader": "pg1", "candidate": "pg3"}, 412, "candidate name does not match with sync_standby"),
    ("gone=pg2", {"candidate": "pg2"}, 412, NOT_GOOD.replace("switchover", "failover")),
    ("gone=pg2", {"leader": "pg1", "candidate": "pg2"}, 412, NOT_GOOD)])
def test_row_POST_failover(nodes, words, body, status, text):
    nodes.tell("view", 1, "pg1", words)
    assert post(nodes[1], FAIL, body) == (status, text)
    assert wish(nodes[1]) is None


def test_row_POST_failover_to_its_end(nodes):
    asked = Asked(nodes[1], FAIL, {"candidate": "pg2"})
    assert until(lambda: wish(nodes[1])) == {"member": "pg2"}
    take_over(nodes[1], "pg3")
    assert asked.told() == (200, 'Failed over to "pg3" instead of "pg2"')


def test_row_POST_failover_with_a_leader_is_a_switchover(nodes):
    """... and is told as one."""
    asked = Asked(nodes[1], FAIL, {"leader": "pg1", "candidate": "pg2"})
    assert until(lambda: wish(nodes[1])) == {"leader": "pg1", "member": "pg2"}
    take_over(nodes[1], "pg2")
    assert asked.told() == (200, 'Successfully switched over to "pg2"')


def test_row_DELETE_switchover(nodes):
    """200, 404, and 409 where it has changed between the look and the deed: of several at once one is the first."""
    assert said(nodes[1].ask("DELETE", OVER, tcp=True)) == (404, "no switchover is scheduled")
    seen = set()

    def drop(number):
        seen.add(said(nodes[number].ask("DELETE", OVER, tcp=True)))

    def conflict():
        body = {"leader": "pg1", "candidate": "pg2", "scheduled_at": LATER}
        assert post(nodes[1], OVER, body) == (202, "Switchover scheduled")
        threads = [threading.Thread(target=drop, args=[number]) for number in (1, 2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wish(nodes[1]) is None
        return 409 in dict(seen)

    until(conflict)
    assert dict(seen)[200] == "scheduled switchover deleted"
    assert seen <= {(200, "scheduled switchover deleted"), (404, "no switchover is scheduled"),
                    (409, "the scheduled switchover has changed meanwhile, or is being carried out")}


# --- Refused ---

@pytest.mark.parametrize(("path", "body", "answer"), [
    ("/switchover", {}, (400, "Switchover could be performed only from a specific leader")),
    ("/switchover", {"leader": 1}, (400, "leader: a text is expected")),
    ("/switchover", {"leader": "pg1", "timeout_ms": 0}, (400, "timeout_ms: must be 1 to 600000")),
    ("/switchover", {"leader": "pg2"}, (412, "leader name does not match")),
    ("/switchover", {"leader": "pg1", "candidate": "w1"}, (412, "candidate does not exists")),
    ("/switchover", {"leader": "pg1", "scheduled_at": "soon"},
     (422, "Unable to parse scheduled timestamp. It should be in an unambiguous format, e.g. ISO 8601")),
    ("/switchover", {"leader": "pg1", "schedule_at": LATER},
     (400, '"schedule_at": there is no such member here; did you mean scheduled_at?')),
    ("/switchover", {"leader": "pg1", "candidat": "pg2"},
     (400, '"candidat": there is no such member here; did you mean candidate?')),
    ("/switchover", {"leader": "pg1", "quux": None}, (400, '"quux": there is no such member here')),
    ("/switchover?scheduled_at=" + LATER, {"leader": "pg1"},
     (400, "what is wanted stands in the body: there are no parameters here")),
    ("/failover", {"candidate": "pg2", "force": True}, (400, '"force": there is no such member here')),
    ("/failover", {}, (400, "Failover could be performed only to a specific candidate")),
    ("/failover", {"candidate": "pg2", "accept_data_loss": "perhaps"}, (400, "accept_data_loss: true or false is expected")),
    ("/switchover", {"leader": "pg1", "candidate": "pg2", "accept_data_loss": "true"},
     (400, "only a failover accepts a loss of data, and without a leader")),
    ("/failover", {"candidate": "pg2", "scheduled_at": LATER}, (400, "Failover can't be scheduled"))])
def test_refused_by_what_is_told(nodes, path, body, answer):
    for number in (1, 2, 3):
        assert post(nodes[number], path, body) == answer
    assert wish(nodes[1]) is None


def test_refused_by_the_store(nodes):
    """The view is behind: another one leads by now."""
    put(nodes[1], "leader", "pg3")
    assert post(nodes[2], "/switchover", {"leader": "pg1"}) == (412, "leader name does not match")
    assert wish(nodes[1]) is None


def test_a_majority_that_goes_away():
    """The wish may be written all the same: nobody is told that it was not."""
    some = Nodes(3, "--views", "yes")
    try:
        some[1].done("kv/put", {"key": PREFIX + "leader", "value": "pg1"})
        asked = int(until(lambda: some[1].get("/raft").json["leader"])[1:])
        some.tell("view", asked, "pg1")
        for number in {1, 2, 3} - {asked}:
            some.tell("stop", number)
        status, text = post(some[asked], "/switchover", {"leader": "pg1", "candidate": "pg2"})
        assert (status, text.partition(":")[0]) == (503, "Switchover status unknown")
        first, second = {1, 2, 3} - {asked}
        some.tell("start", first)  # the two that have not got it could go on without it
        until(lambda: some[asked].get("/readiness").status == 200 and some[asked].get("/raft").json["quorum"])
        assert until(lambda: wish(some[asked])) == {"leader": "pg1", "member": "pg2"}
        some.tell("start", second)
    finally:
        some.close()


def test_row_POST_switchover_without_a_majority():
    """One that is known to be missing: nothing is written, and that is said."""
    some = Nodes(3, "--views", "yes")
    try:
        some[1].done("kv/put", {"key": PREFIX + "leader", "value": "pg1"})
        some.tell("view", 1, "pg1")
        for number in (2, 3):
            some.tell("stop", number)
        until(lambda: some[1].get("/raft").json["leader"] is None)  # nor is it the leader itself any more, who would write
        for path, body in (("/switchover", {"leader": "pg1"}), ("/failover", {"candidate": "pg2"})):
            status, text = post(some[1], path, body)
            assert (status, text.partition(":")[0]) == (503, "failed to write failover key into DCS")
        answer = some[1].ask("DELETE", "/switchover", tcp=True)
        assert answer.status == 503
    finally:
        some.close()


def test_a_store_that_stops_meanwhile():
    """What was waited is told, not what would have been."""
    some = Nodes(3, "--views", "yes")
    try:
        some[1].done("kv/put", {"key": PREFIX + "leader", "value": "pg1"})
        some.tell("view", 2, "pg2")
        asked = Asked(some[2], "/switchover", {"leader": "pg1", "timeout_ms": 600000})
        until(lambda: wish(some[1]))
        some.tell("stop", 2)
        status, text = asked.told()
        assert status == 503
        assert int(re.fullmatch(r"Switchover status unknown after (\d+) seconds; .*", text)[1]) < 600
    finally:
        some.close()


def test_methods_and_bodies(nodes):
    for path, allowed in (("/switchover", "POST, DELETE"), ("/failover", "POST")):
        for method in ("GET", "HEAD", "PUT"):
            answer = nodes[1].ask(method, path, "{}" if method == "PUT" else None)
            assert (answer.status, answer.headers["Allow"]) == (405, allowed)
    assert nodes[1].ask("DELETE", "/failover").status == 405
    answer = nodes[1].ask("POST", "/switchover", "[1]")
    assert (answer.status, answer.code) == (400, "ERR_INVALID")
    answer = nodes[1].ask("DELETE", "/switchover", "{}")
    assert (answer.status, answer.message) == (400, "a DELETE has no body")


def test_a_node_without_a_supervisor():
    plain = Nodes(1)
    try:
        for path in ("/switchover", "/failover"):
            answer = plain[1].ask("POST", path, '{"leader": "pg1", "candidate": "pg2"}')
            assert (answer.status, answer.message) == (503, "this node supervises no PostgreSQL")
    finally:
        plain.close()


# --- Later ---

def test_for_later_and_taken_back(nodes):
    wanted = {"leader": "pg1", "member": "pg2", "scheduled_at": LATER}
    assert post(nodes[3], "/switchover", {"leader": "pg1", "candidate": "pg2", "scheduled_at": LATER}) == (
        202, "Switchover scheduled")
    assert wish(nodes[1]) == wanted
    assert said(nodes[2].ask("DELETE", "/switchover")) == (200, "scheduled switchover deleted")
    assert wish(nodes[1]) is None
    assert said(nodes[1].ask("DELETE", "/switchover")) == (404, "no switchover is scheduled")


def test_a_failover_that_waits_for_the_end_of_a_pause_is_taken_back(nodes):
    put(nodes[1], "failover", {"member": "pg2", "accept_data_loss": True})
    assert said(nodes[2].ask("DELETE", "/switchover")) == (200, "waiting failover deleted")
    assert wish(nodes[1]) is None


def test_what_is_for_now_is_not_taken_back(nodes):
    put(nodes[1], "failover", {"leader": "pg1"})
    assert said(nodes[1].ask("DELETE", "/switchover")) == (404, "no switchover is scheduled")
    assert wish(nodes[1]) == {"leader": "pg1"}
