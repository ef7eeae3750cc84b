"""tests/http/test_store.py - every question about keys and leases that docs/http.md names, and its answer.

Claim: answers have the members of that page; what is not named there is refused; a retry is applied once,
at any node; bytes come back as they went in.
"""
import pytest
from http_kit import Nodes, base64_of, until

NEW = {"client": "9f3c5f0a7be14d02", "sequence": 1, "since": 1}


@pytest.fixture(scope="module")
def nodes():
    three = Nodes(3)
    yield three
    three.close()


@pytest.fixture
def node(nodes):
    nodes[1].done("kv/delete", {"prefix": ""})
    return nodes[1]


def keys_of(answer):
    return [pair["key"] for pair in answer["pairs"]]


# --- One key ---

def test_what_is_put_is_got_at_every_node(nodes, node):
    put = node.done("kv/put", {"key": "motd", "value": "hello"})
    assert put == {"revision": put["revision"], "previous": None, "replayed": False}
    for number in (1, 2, 3):
        got = nodes[number].done("kv/get", {"key": "motd"})
        assert got["revision"] >= put["revision"]
        assert got["age_ms"] == 0
        assert got["pair"] == {"key": "motd", "value": "hello", "create_revision": put["revision"],
                               "mod_revision": put["revision"], "version": 1, "lease": None}


def test_an_absent_key_is_no_error(node):
    assert node.done("kv/get", {"key": "nothing"})["pair"] is None


def test_the_previous_pair_comes_back_if_it_is_wanted(node):
    node.done("kv/put", {"key": "k", "value": "1"})
    assert node.done("kv/put", {"key": "k", "value": "2"})["previous"] is None
    previous = node.done("kv/put", {"key": "k", "value": "3", "previous": True})["previous"]
    assert (previous["value"], previous["version"]) == ("2", 2)


@pytest.mark.parametrize("raw", [b"\xff\x00", b"\x00", b"a\xc3", bytes(range(256))])
def test_bytes_that_are_no_text_travel_as_base64(node, raw):
    node.done("kv/put", {"key_base64": base64_of(raw), "value_base64": base64_of(raw)})
    pair = node.done("kv/get", {"key_base64": base64_of(raw)})["pair"]
    assert (pair["key_base64"], pair["value_base64"]) == (base64_of(raw), base64_of(raw))
    assert "key" not in pair
    assert "value" not in pair


@pytest.mark.parametrize("text", ["", "\"\\\n\t\x01\x7f", "grüße 😀", "a" * 70000])
def test_text_travels_as_text(node, text):
    node.done("kv/put", {"key": "t", "value_base64": base64_of(text.encode())})
    assert node.done("kv/get", {"key": "t"})["pair"]["value"] == text


def test_a_local_read_says_how_old_it_is(nodes, node):
    node.done("kv/put", {"key": "k", "value": "1"})
    for number in (1, 2, 3):
        got = nodes[number].done("kv/get", {"key": "k", "serializable": True})
        assert 0 <= got["age_ms"] < 5000


def test_a_key_as_it_was(node):
    first = node.done("kv/put", {"key": "k", "value": "1"})["revision"]
    node.done("kv/put", {"key": "k", "value": "2"})
    assert node.done("kv/get", {"key": "k", "revision": first})["pair"]["value"] == "1"
    status, code, _ = node.refused("kv/get", {"key": "k", "revision": first + 1000})
    assert (status, code) == (400, "ERR_INVALID")


# --- Several keys ---

def test_ranges_by_key_prefix_and_bounds(node):
    for key in ("a", "a/1", "a/2", "b", "c"):
        node.done("kv/put", {"key": key, "value": key.upper()})
    for span, expected in [({"key": "a"}, ["a"]), ({"prefix": "a"}, ["a", "a/1", "a/2"]),
                           ({"prefix": ""}, ["a", "a/1", "a/2", "b", "c"]),
                           ({"from": "a/2", "end": "c"}, ["a/2", "b"]), ({"from": "b"}, ["b", "c"]),
                           ({"end": "a/2"}, ["a", "a/1"])]:
        answer = node.done("kv/range", span)
        assert keys_of(answer) == expected
        assert (answer["count"], answer["more"]) == (len(expected), False)
    assert "value" not in node.done("kv/range", {"prefix": "", "keys_only": True})["pairs"][0]
    assert node.done("kv/range", {"prefix": "", "count_only": True})["pairs"] == []


def test_a_cut_answer_is_continued_behind_its_last_key(node):
    names = [f"k{i:03}" for i in range(50)]
    for name in names:
        node.done("kv/put", {"key": name, "value": "v"})
    for span in ({"prefix": "k"}, {"from": "k"}, {"from": "k", "end": "l"}, {"prefix": ""}):
        seen, after = [], {}
        while True:
            answer = node.done("kv/range", span | after | {"limit": 7})
            seen += keys_of(answer)
            assert answer["count"] == len(names) - len(seen) + len(answer["pairs"])
            if not answer["more"]:
                break
            after = {"after": seen[-1]}
        assert seen == names
        assert keys_of(node.done("kv/range", span | {"after": names[-1]})) == []
    assert node.done("kv/range", {"prefix": "k", "after": "z"})["count"] == 0


def test_a_prefix_at_the_end_of_all_keys(node):
    for key in (b"\xfe", b"\xff", b"\xff\xff", b"\xff\xff\x01"):
        node.done("kv/put", {"key_base64": base64_of(key), "value": ""})
    found = node.done("kv/range", {"prefix_base64": base64_of(b"\xff"), "after_base64": base64_of(b"\xff")})
    assert found["count"] == 2


def test_delete_says_how_many_and_which(node):
    for key in ("a", "ab", "b"):
        node.done("kv/put", {"key": key, "value": key})
    answer = node.done("kv/delete", {"prefix": "a", "previous": True})
    assert (answer["deleted"], [p["key"] for p in answer["previous"]]) == (2, ["a", "ab"])
    assert node.done("kv/delete", {"key": "a"}) == {
        "revision": answer["revision"], "deleted": 0, "previous": [], "replayed": False}


@pytest.mark.parametrize("span", [{}, {"key": "a", "prefix": "a"}, {"prefix": "a", "from": "a"},
                                  {"key": "a", "end": "b"}, {"from": "a", "end": ""}, {"from": "b", "end": "a"},
                                  {"after": "a"}, {"key": "", "previous": True}])
def test_a_span_that_is_none_deletes_nothing(node, span):
    node.done("kv/put", {"key": "a", "value": "1"})
    status, code, _ = node.refused("kv/delete", span)
    assert (status, code) == (400, "ERR_INVALID")
    assert node.done("kv/range", {"prefix": ""})["count"] == 1


# --- Transactions ---

def test_a_transaction_does_one_of_two_lists(node):
    txn = {"if": [{"key": "leader", "target": "create_revision", "is": "=", "number": 0}],
           "then": [{"put": {"key": "leader", "value": "pg1"}}],
           "else": [{"range": {"key": "leader", "keys_only": True}}]}
    first = node.done("kv/txn", txn)
    assert (first["succeeded"], first["results"]) == (True, [{"put": {"previous": None}}])
    second = node.done("kv/txn", txn)
    assert not second["succeeded"]
    (found,) = second["results"]
    assert found["range"]["count"] == 1
    assert "value" not in found["range"]["pairs"][0]


@pytest.mark.parametrize(("compare", "holds"), [
    ({"target": "value", "is": "=", "value": "x"}, True), ({"target": "value", "is": ">", "value": "x"}, False),
    ({"target": "value", "is": "<", "value_base64": base64_of(b"\xff")}, True),
    ({"target": "version", "is": "=", "number": 1}, True), ({"target": "version", "is": "!=", "number": 1}, False),
    ({"target": "mod_revision", "is": ">", "number": 0}, True), ({"target": "exists", "is": "=", "number": 1}, True),
    ({"target": "lease", "is": "=", "lease": "0000000000000000"}, True)])
def test_compares(node, compare, holds):
    node.done("kv/put", {"key": "k", "value": "x"})
    assert node.done("kv/txn", {"if": [{"key": "k"} | compare]})["succeeded"] is holds


def test_a_transaction_with_every_operation(node):
    node.done("kv/put", {"key": "old", "value": "1"})
    answer = node.done("kv/txn", {"then": [
        {"put": {"key": "new", "value": "2", "previous": True}}, {"delete": {"key": "old", "previous": True}},
        {"range": {"prefix": ""}}, {"grant": {"ttl_ms": 60000}}]})
    put, delete, found, grant = answer["results"]
    assert put == {"put": {"previous": None}}
    assert (delete["delete"]["deleted"], delete["delete"]["previous"][0]["value"]) == (1, "1")
    assert found["range"]["count"] >= 1
    assert sorted(grant["grant"]) == ["granted_index", "lease", "ttl_ms"]


def test_a_failed_operation_is_named_and_nothing_is_done(node):
    answer = node.post("kv/txn", {"then": [
        {"put": {"key": "a", "value": "1"}}, {"put": {"key": "b", "value": "2", "lease": "00000000000000aa"}}]})
    assert (answer.status, answer.code) == (404, "ERR_NOT_FOUND")
    assert answer.json["error"]["failed_op"] == 1
    assert node.done("kv/range", {"prefix": ""})["count"] == 0


@pytest.mark.parametrize("txn", [
    {"then": [{}]}, {"then": [{"put": {"key": "a", "value": "1"}, "delete": {"key": "b"}}]}, {"then": ["put"]},
    {"then": [{"put": {"key": "a"}}]}, {"then": [{"put": {"key": "a", "value": "1", "request": NEW}}]},
    {"then": [{"range": {"prefix": "", "after": "a"}}]}, {"then": [{"range": {"prefix": "", "serializable": True}}]},
    {"then": [{"grant": {}}]}, {"if": [{"key": "a"}]}, {"if": [{"key": "a", "target": "value", "is": "="}]},
    {"if": [{"key": "a", "target": "version", "is": "=", "value": "1"}]},
    {"if": [{"key": "a", "target": "version", "is": "~", "number": 1}]},
    {"if": [{"key": "a", "target": "version", "is": "=", "number": 1, "value": "1"}]}, {"if": {}}, {"then": {}},
    {"then": [{"put": {"key": "a", "value": "1"}}, {"put": {"key": "a", "value": "2"}}]}])
def test_a_transaction_that_is_none_does_nothing(node, txn):
    status, code, _ = node.refused("kv/txn", txn)
    assert (status, code) == (400, "ERR_INVALID")
    assert node.done("kv/range", {"prefix": ""})["count"] == 0


def test_too_many_operations(node):
    many = [{"range": {"key": "a"}}] * 129
    assert node.refused("kv/txn", {"then": many})[:2] == (413, "ERR_TOO_LARGE")
    assert len(node.done("kv/txn", {"then": many[:128]})["results"]) == 128


# --- Once ---

def test_a_retry_is_applied_once_at_any_node(nodes, node):
    since = node.get("/pgraft/v1/since").json["since"]
    request = {"client": "00000000deadbeef", "sequence": 1, "since": since}
    first = node.done("kv/put", {"key": "once", "value": "1", "request": request})
    node.done("kv/put", {"key": "once", "value": "2"})
    for number in (1, 2, 3):
        again = nodes[number].done("kv/put", {"key": "once", "value": "1", "request": request})
        assert (again["revision"], again["replayed"]) == (first["revision"], True)
    assert node.done("kv/get", {"key": "once"})["pair"]["value"] == "2"


def test_what_is_forgotten_is_never_applied_again(node):
    since = node.get("/pgraft/v1/since").json["since"]
    request = {"client": "00000000deadbee0", "sequence": 1, "since": since}
    node.done("kv/put", {"key": "k", "value": "1", "request": request})
    node.done("kv/put", {"key": "k", "value": "2", "request": request | {"sequence": 2, "acked": 2}})
    answer = node.post("kv/put", {"key": "k", "value": "3", "request": request})
    assert (answer.status, answer.code) == (410, "ERR_EXPIRED")
    assert answer.json["error"]["may_have_applied"]
    assert node.done("kv/get", {"key": "k"})["pair"]["value"] == "2"


@pytest.mark.parametrize("change", [{"client": "0" * 16}, {"client": "1"}, {"client": 7}, {"sequence": 0},
                                    {"sequence": -1}, {"sequence": 1.0}, {"since": None}, {"acked": 2},
                                    {"acked": 0}, {"more": 1}])
def test_a_request_that_is_none(node, change):
    assert node.refused("kv/put", {"key": "k", "value": "1", "request": NEW | change})[:2] == (400, "ERR_INVALID")
    missing = {name: value for name, value in NEW.items() if name not in change}
    if missing != NEW and "acked" not in change:
        assert node.refused("kv/put", {"key": "k", "value": "1", "request": missing})[0] == 400


def test_a_request_is_for_writes(node):
    assert node.refused("kv/get", {"key": "k", "request": NEW})[1] == "ERR_INVALID"
    assert node.refused("kv/compact", {"revision": 1, "request": NEW})[1] == "ERR_INVALID"


# --- History ---

def test_compaction_forgets_and_may_be_repeated(node):
    first = node.done("kv/put", {"key": "k", "value": "1"})["revision"]
    second = node.done("kv/put", {"key": "k", "value": "2"})["revision"]
    node.done("kv/put", {"key": "k", "value": "3"})
    for _ in range(2):
        assert node.done("kv/compact", {"revision": second})["compacted"] == second
    answer = node.post("kv/get", {"key": "k", "revision": first})
    assert (answer.status, answer.code) == (410, "ERR_COMPACTED")
    assert answer.json["error"]["oldest_revision"] > first
    assert node.refused("kv/compact", {"revision": second + 1000}) == (
        400, "ERR_INVALID", f"revision {second + 1000} is still to come")


# --- Leases ---

def test_a_lease_takes_its_keys_with_it(node):
    grant = node.done("lease/grant", {"ttl_ms": 60000})
    lease = grant["lease"]
    assert sorted(grant) == ["granted_index", "lease", "replayed", "revision", "ttl_ms"]
    node.done("kv/put", {"key": "mine", "value": "1", "lease": lease})
    shown = node.done("lease/show", {"lease": lease})
    assert (shown["keys"], shown["key_count"]) == ([{"key": "mine"}], 1)
    assert (shown["ttl_ms"], shown["protected"], shown["epoch"], shown["renewable"]) == (60000, False, None, True)
    assert 0 < shown["remaining_ms"] < 61000  # the leader begins to count a little later
    assert node.done("lease/keepalive", {"lease": lease}) == {"lease": lease, "ttl_ms": 60000}
    assert lease in [one["lease"] for one in node.done("lease/list")["leases"]]
    assert node.refused("lease/revoke", {"lease": lease, "granted_index": grant["granted_index"] + 1})[1] == (
        "ERR_CONFLICT")
    assert node.done("lease/revoke", {"lease": lease, "granted_index": grant["granted_index"]})["deleted"] == 1
    assert node.done("kv/get", {"key": "mine"})["pair"] is None
    for path in ("lease/show", "lease/keepalive", "lease/revoke"):
        assert node.refused(path, {"lease": lease})[:2] == (404, "ERR_NOT_FOUND")
    gone = (404, "ERR_NOT_FOUND", f"there is no lease {int(lease, 16):x}")
    assert node.refused("lease/revoke", {"lease": lease}) == gone
    assert node.refused("kv/put", {"key": "mine", "value": "1", "lease": lease}) == gone


def test_a_lease_of_ones_own_number_runs_out(node):
    asked = {"ttl_ms": 300, "lease": "00000000cafe0001"}
    assert node.done("lease/grant", asked)["lease"] == asked["lease"]
    assert node.refused("lease/grant", asked)[:2] == (409, "ERR_EXISTS")
    until(lambda: node.post("lease/show", {"lease": asked["lease"]}).status == 404)


@pytest.mark.parametrize("body", [{}, {"ttl_ms": 99}, {"ttl_ms": 32000000000}, {"ttl_ms": "1000"},
                                  {"ttl_ms": 1000, "lease": "1"}])
def test_a_lease_that_can_not_be(node, body):
    assert node.refused("lease/grant", body)[:2] == (400, "ERR_INVALID")


@pytest.mark.parametrize("path", ["lease/show", "lease/keepalive", "lease/revoke"])
@pytest.mark.parametrize("lease", [None, "0" * 16, "", "ABCDEFABCDEFABCD", 5])
def test_no_lease_is_meant(node, path, lease):
    assert node.refused(path, {} if lease is None else {"lease": lease})[:2] == (400, "ERR_INVALID")
