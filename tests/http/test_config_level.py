"""tests/http/test_config_level.py - standby_cluster by PATCH and PUT of /config, while members of two versions run.

Claim: it is refused as long as not every member knows of standby clusters, changes nothing then, and is taken where a
configuration has it already. Method: as in test_switch.py; the level is what the view of the node that is asked says.
"""
import json

import pytest
from http_kit import Nodes

KEY = "/service/test/config"
WANTED = {"standby_cluster": {"host": "10.0.0.9"}}


@pytest.fixture(scope="module", name="nodes")
def started():
    nodes = Nodes(3, "--views", "yes")
    yield nodes
    nodes.close()


def put(nodes, document, *words):
    nodes[1].done("kv/put", {"key": KEY, "value": json.dumps(document)})
    nodes.tell("view", 1, "pg1", *words)


def stored(nodes):
    return json.loads(nodes[1].done("kv/get", {"key": KEY})["pair"]["value"])


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_it_is_refused_below_the_level_that_brings_it(nodes, method):
    put(nodes, {"ttl": 30}, "level=1")
    answer = nodes[1].ask(method, "/config", json.dumps(WANTED))
    assert (answer.status, answer.code) == (409, "ERR_REFUSED")
    assert answer.message.startswith("standby_cluster: the feature level in force is 1, and not every member knows")
    assert stored(nodes) == {"ttl": 30}
    assert nodes[1].ask(method, "/config", json.dumps({"ttl": 20})).status == 200
    assert stored(nodes) == {"ttl": 20}


@pytest.mark.parametrize("words", [["level=2"], []])
def test_it_is_taken_where_every_member_knows_it(nodes, words):
    put(nodes, {"ttl": 30}, *words)
    assert nodes[1].ask("PATCH", "/config", json.dumps(WANTED)).status == 200
    assert stored(nodes) == {"ttl": 30, **WANTED}


def test_what_has_it_already_is_changed_at_any_level(nodes):
    put(nodes, {"ttl": 30, **WANTED}, "level=1")
    other = {"standby_cluster": {"host": "10.0.0.8"}}
    assert nodes[1].ask("PATCH", "/config", json.dumps(other)).status == 200
    assert stored(nodes) == {"ttl": 30, **other}
    assert nodes[1].ask("PATCH", "/config", json.dumps({"standby_cluster": None})).status == 200
    assert stored(nodes) == {"ttl": 30}
