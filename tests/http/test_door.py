"""tests/http/test_door.py - who may ask for what, in which words, and how it is refused.

Claim: every path, method, status and rule of docs/http.md about who may ask holds, over the control socket
and over TCP; a refusal is JSON with the right code, and leaves the connection usable where it can.
"""
import base64
import http.client
import json
import os
import re
import socket
import stat
import struct
import subprocess
import sys
from contextlib import closing

import pytest
from http_kit import SECONDS_MAX, Nodes, until

GETS = ["/raft", "/health", "/liveness", "/readiness", "/metrics", "/pgraft/v1/health", "/pgraft/v1/since"]
BALANCED = ["/health", "/liveness", "/readiness", "/metrics"]  # tests/http/test_patroni.py and test_metrics.py have their OPTIONS
POSTS = ["kv/get", "kv/range", "kv/put", "kv/delete", "kv/txn", "kv/compact", "kv/watch", "lease/grant",
         "lease/keepalive", "lease/revoke", "lease/list", "lease/show", "members/add", "members/remove", "members/promote",
         "members/demote", "members/replace", "transfer", "form", "forget"]
PUT = {"key": "k", "value": "1"}
BASIC = {"Authorization": "Basic " + base64.b64encode(b"admin:s3:cret").decode()}
WRONG = {"Authorization": "Basic " + base64.b64encode(b"admin:s3:creT").decode()}
HOST = socket.gethostname() + ".example"


@pytest.fixture(scope="module")
def node():
    one = Nodes(1)
    yield one[1]
    one.close()


# --- Paths and methods ---

@pytest.mark.parametrize("path", GETS)
def test_get_and_head(node, path):
    for tcp in (False, True):
        got = node.get(path, tcp=tcp)
        assert got.status == 200, got.body
        head = node.ask("HEAD", path, tcp=tcp)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["Content-Type"] == got.headers["Content-Type"]
        allow = "GET, HEAD, OPTIONS" if path in BALANCED else "GET, HEAD"
        for method in ("POST", "PUT", "DELETE", *(() if path in BALANCED else ("OPTIONS",))):
            answer = node.ask(method, path, "{}", tcp=tcp)
            assert (answer.status, answer.headers["Allow"]) == (405, allow)
            assert answer.code == "ERR_INVALID"


@pytest.mark.parametrize("path", POSTS)
def test_post_alone(node, path):
    for method in ("GET", "PUT", "DELETE"):
        answer = node.ask(method, "/pgraft/v1/" + path, None if method == "GET" else "{}")
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert node.ask("HEAD", "/pgraft/v1/" + path).status == 405


@pytest.mark.parametrize("path", ["/primary/x", "/nothing", "/pgraft/v1/kv", "/pgraft/v1/kv/put/", "//raft", "/raft/x"])
def test_no_such_path(node, path):
    for method in ("GET", "POST"):
        answer = node.ask(method, path, "{}" if method == "POST" else None)
        assert (answer.status, answer.code) == (404, "ERR_NOT_FOUND")


@pytest.mark.parametrize("path", POSTS)
def test_a_member_that_is_not_named_is_refused_with_the_nearest(node, path):
    status, code, message = node.refused(path, {"timeout_m": 5})
    assert (status, code) == (400, "ERR_INVALID")
    assert "did you mean timeout_ms?" in message


# --- JSON ---

@pytest.mark.parametrize("text", [
    "", " ", "[]", "1", "null", "{", "{}}", "{} x", '{"key":"a","key":"b"}', '{"key":"\\u0000"}', '{"key":1}',
    '{"key":null}', '{"key":["a"]}', '{"key":"a","serializable":1}', '{"key":"a","revision":1.0}',
    '{"key":"a","revision":-1}', '{"key":"a","revision":"1"}', '{"key":"a","revision":9223372036854775808}',
    '{"key":"a","timeout_ms":0}', '{"key":"a","timeout_ms":600001}', '{"key":"a","timeout_ms":true}',
    '{"key":"a","key_base64":"YQ=="}', '{"key_base64":"YQ"}', '{"key_base64":"YQ==\\n"}', '{"key_base64":"YR=="}',
    '{"key_base64":"*"}', '{"KEY":"a"}', '{"key":"\xff"}', "{'key':'a'}", '{"key":"a",}'])
def test_what_is_no_request(node, text):
    answer = node.post("kv/get", text.encode("latin-1"))
    assert (answer.status, answer.code) == (400, "ERR_INVALID"), answer.body


def test_what_is_too_much(node):
    for text in ('{"then":[' + "[" * 5000 + "]" * 5000 + "]}", '{"then":[' + "1," * 20000 + "1]}",
                 '{"key":"' + "a" * (4 * 1024 * 1024) + '"}'):
        assert node.refused("kv/txn", text)[:2] == (413, "ERR_TOO_LARGE")
    assert node.refused("kv/put", {"key": "a" * 1025, "value": ""})[:2] == (413, "ERR_TOO_LARGE")
    assert node.refused("kv/put", {"key": "a", "value": "a" * (1024 * 1024 + 1)})[:2] == (413, "ERR_TOO_LARGE")
    assert node.done("kv/put", {"key": "a", "value": "a" * (1024 * 1024)})["revision"] > 0


def test_nonsense_of_every_kind_is_an_error_and_no_more(node):
    rows = [b"\x00" * 10, b"\xff" * 1000, b"{" * 100000, b'"' * 9999, b"[" * 13, b'{"a":' * 11 + b"1" + b"}" * 11]
    for row in rows:
        assert node.post("kv/txn", row).status in (400, 413)


# --- Lengths and parameters ---

def raw(node, text, tcp=True):
    """What comes back for @text, up to the end of the connection."""
    with closing(node.raw(tcp)) as plain:
        plain.sendall(text)
        plain.settimeout(20)
        got = b""
        while piece := plain.recv(65536):
            got += piece
        return got


def head_of(path, *headers):
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode()


def test_a_length_is_needed(node):
    assert b" 411 " in raw(node, head_of("/pgraft/v1/kv/get")).split(b"\r\n")[0]
    chunked = head_of("/pgraft/v1/kv/get", "Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n"
    assert b" 411 " in raw(node, chunked).split(b"\r\n")[0]


@pytest.mark.parametrize("headers", [["Content-Length: 2", "Content-Length: 2"], ["Content-Length: -2"],
                                     ["Content-Length: 0x2"], ["Content-Length: 2", "Transfer-Encoding: chunked"],
                                     ["Content-Length: 99999999999999999999999"]])
def test_a_length_that_is_none(node, headers):
    got = raw(node, head_of("/pgraft/v1/kv/get", *headers) + b"{}")
    assert re.match(rb"HTTP/1\.[01] 4\d\d ", got), got


def test_a_body_of_a_get_is_refused(node):
    assert node.ask("GET", "/raft", "{}").status == 400


def test_a_refused_request_leaves_the_connection(node):
    with closing(node.connection()) as connection:
        for _ in range(3):
            connection.request("POST", "/pgraft/v1/nothing", "{}" * 100)
            response = connection.getresponse()
            assert response.status == 404
            response.read()
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200


def test_parameters(node):
    assert node.get("/pgraft/v1/health?timeout_ms=3000").status == 200
    for query in ("timeout_ms=0", "timeout_ms=x", "timeout_ms=", "timeout_ms", "timeout_ms=1&timeout_ms=2", "x=1",
                  "timeout_ms=600001", "timeout_ms=%31%00"):
        answer = node.get("/pgraft/v1/health?" + query)
        assert (answer.status, answer.code) == (400, "ERR_INVALID"), query
    assert node.get("/health?lag=10&whatever").status == 200  # as load balancers write it


# --- Who ---

def test_the_control_socket_is_private(node):
    assert stat.S_IMODE(os.stat(node.path).st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_gets_nothing_through_the_control_socket():
    with_one = Nodes(1)
    path = with_one[1].path
    os.chmod(path, 0o666)
    os.chmod(os.path.dirname(path), 0o755)
    code = ("import os, socket, sys; os.setgid(65534); os.setuid(65534)\n"
            "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
            "s.sendall(b'GET /health HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')\n"
            "print(s.recv(4096).decode())\n")
    said = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True).stdout
    assert " 403 " in said
    assert "ERR_DENIED" in said
    with_one.close()


def test_without_a_password_only_from_here_and_not_from_a_web_page(node):
    assert node.post("kv/put", PUT, tcp=True).status == 200
    for headers in ({"Origin": "http://evil.example"}, {"Host": HOST}, {"Host": "[::zz]"}):
        answer = node.post("kv/put", PUT, headers=headers, tcp=True)
        assert (answer.status, answer.code) == (403, "ERR_DENIED"), headers
    assert node.get("/raft", headers={"Host": HOST, "Origin": "x"}, tcp=True).status == 200
    for path in ("form", "forget"):
        assert node.refused(path, {"without": []} if path == "form" else {}, tcp=True)[:2] == (403, "ERR_DENIED")


def test_everywhere_without_a_password_means_looking_only():
    nodes = Nodes(1, host="0.0.0.0")
    nodes[1].host = "127.0.0.1"
    assert nodes[1].get("/raft", tcp=True).status == 200
    for headers in ({}, {"Host": HOST}):
        answer = nodes[1].post("kv/get", {"key": "k"}, headers=headers, tcp=True)
        assert (answer.status, answer.code) == (403, "ERR_DENIED")
        assert "restapi.authentication" in answer.message and "on this node's host" in answer.message
    assert nodes[1].done("kv/get", {"key": "k"})["pair"] is None
    nodes.close()


def test_a_password():
    nodes = Nodes(1, "--user", "admin", "--password", "s3:cret")
    one = nodes[1]
    for headers in ({}, WRONG, {"Authorization": "Basic"}, {"Authorization": "Basic ***"},
                    {"Authorization": BASIC["Authorization"] + "A"}, {"Authorization": "Bearer x"}):
        answer = one.post("kv/put", PUT, headers=headers, tcp=True)
        assert (answer.status, answer.code) == (401, "ERR_DENIED")
        assert answer.headers["WWW-Authenticate"].startswith('Basic realm="Patroni"')
    assert one.post("kv/put", PUT, headers=BASIC, tcp=True).status == 200
    assert one.post("kv/put", PUT, headers=BASIC | {"Origin": "x"}, tcp=True).status == 200
    assert one.get("/raft", tcp=True).status == 200
    assert one.post("kv/put", PUT).status == 200
    assert one.refused("form", {"without": []}, headers=BASIC, tcp=True)[0] == 403
    nodes.close()


@pytest.mark.parametrize(("entries", "may"), [(["127.0.0.1"], True), (["10.0.0.0/8", "127.0.0.0/8"], True),
                                              (["10.0.0.0/8"], False), (["127.0.0.1/33"], False),
                                              (["::1", "nowhere"], False), (["0.0.0.0/0"], True)])
def test_a_list_of_addresses(entries, may):
    nodes = Nodes(1, *[word for entry in entries for word in ("--allow", entry)])
    answer = nodes[1].post("kv/put", PUT, tcp=True)
    assert answer.status == (200 if may else 403)
    assert nodes[1].get("/raft", tcp=True).status == 200
    nodes.close()


def put_from(node, source):
    """The status of a put over TCP from the address @source."""
    connection = http.client.HTTPConnection(node.host, node.port, timeout=SECONDS_MAX, source_address=(source, 0))
    with closing(connection):
        connection.request("POST", "/pgraft/v1/kv/put", json.dumps(PUT))
        return connection.getresponse().status


def test_a_name_in_the_list_is_resolved():
    """Before the first request, so that none waits for it; a name that nobody has keeps nobody out who is listed."""
    nodes = Nodes(1, "--allow", "nobody.invalid", "--allow", "localhost")
    until(lambda: put_from(nodes[1], "127.0.0.1") == 200)
    assert put_from(nodes[1], "127.0.0.77") == 403
    nodes.close()


@pytest.mark.parametrize("more", [[], ["--allow", "10.0.0.0/8"]])
def test_members_are_listed_if_that_is_wanted(more):
    """n1 offers HTTP at 127.0.0.1; its own address for peers is another one."""
    nodes = Nodes(1, "--allow-members", "yes", *more)
    until(lambda: put_from(nodes[1], "127.0.0.1") == 200)
    (member,) = nodes[1].get("/raft").json["members"]
    assert put_from(nodes[1], member["address"].partition(":")[0]) == 200
    assert put_from(nodes[1], "127.0.0.77") == 403
    assert nodes[1].get("/raft", tcp=True).status == 200
    nodes.tell("reload", 1)
    until(lambda: put_from(nodes[1], "127.0.0.1") == 200)
    nodes.close()


def test_a_second_server_on_the_same_socket_is_refused(node):
    with closing(node.raw(tcp=False)) as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert os.path.exists(node.path)
