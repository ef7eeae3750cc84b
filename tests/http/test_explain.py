"""tests/http/test_explain.py - POST /pgraft/v1/config/explain: who may ask, what, and what becomes of it.

Claim: it is asked for like a write, by who may write; a name that is none is 404 with what was said of it; who goes away is
forgotten. Method: nodes whose settings are told by the test program (http_hosts.c).
"""
import pytest
from http_kit import Nodes, until

PATH = "/pgraft/v1/config/explain"


@pytest.fixture(scope="module", name="nodes")
def started():
    nodes = Nodes(1, "--views", "yes", "--user", "admin", "--password", "hush")
    yield nodes
    nodes.close()


def post(nodes, body, tcp=False):
    return nodes[1].ask("POST", PATH, body, tcp=tcp)


def test_one_setting_and_all_of_them(nodes):
    nodes.begun(1)
    assert post(nodes, '{"name": "ttl"}').json == {"settings": []}
    assert post(nodes, "{}").json == {"settings": []}
    assert nodes.begun(1) == ["explain:ttl", "explain:-"]


def test_what_is_none(nodes):
    answer = post(nodes, '{"name": "tll"}')
    assert (answer.status, answer.json["error"]["code"]) == (404, "ERR_NOT_FOUND")
    assert answer.json["error"]["message"] == 'there is no setting "tll"'
    assert post(nodes, '{"name": "busy"}').status == 429
    assert post(nodes, '{"name": 7}').status == 400
    assert post(nodes, '{"nam": "ttl"}').status == 400


def test_it_needs_the_right_to_write(nodes):
    nodes.begun(1)
    assert post(nodes, '{"name": "ttl"}', tcp=True).status == 401
    assert nodes.begun(1) == []
    assert nodes[1].ask("GET", PATH).status == 405


def test_who_goes_away_is_forgotten(nodes):
    nodes.begun(1)
    seen = []
    body = b'{"name": "later"}'
    with nodes[1].raw(tcp=False) as plain:
        plain.sendall(b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s" % (PATH.encode(), len(body), body))
        until(lambda: seen.extend(nodes.begun(1)) or "explain:later" in seen)
    until(lambda: seen.extend(nodes.begun(1)) or "forgotten" in seen)
