"""tests/cli/test_ctl_http.py - how pgraftctl reaches a node, and what it says when it does not.

Claim: every way of failing is one line that names the node and the cause, with an exit status that tells
whether something may have happened; nothing of the environment but PGRAFTCTL_* has a say; a write that
is tried again is the same write. Method: fake nodes that fail in each of these ways. The certificates in
tls/ are good for a hundred years and for nothing but this test.
"""
import json
import os
import socket
import threading
from pathlib import Path

import pytest

from fake_node import Error, Node, Raw, b64, environment, fails, told

TLS = Path(__file__).resolve().parent / "tls"
LEASES = {"/pgraft/v1/lease/list": {"leases": []}}
LIST = ["lease", "list", "--format", "tsv"]
PUT = ["kv", "put", "k", "v"]
DONE = {"revision": 13, "previous": None, "replayed": False}


# --- Which node ---

def test_the_only_node_of_this_host_is_found(tmp_path):
    env = {"PGRAFTCTL_RUN_DIR": str(tmp_path)}
    assert fails(1, *LIST, env=env) == (
        f"no socket in {tmp_path}; a node may run with another: name it with --endpoint, -c or PGRAFTCTL_ENDPOINT")
    (tmp_path / "README").write_text("")
    with Node(LEASES, path=tmp_path / "demo-pg1.sock") as pg1:
        assert told(*LIST, env=env).startswith("lease\t")
        assert len(pg1.seen) == 1
        with Node(LEASES, path=tmp_path / "demo-w1.sock"):
            line = fails(2, *LIST, env=env)
            assert line.startswith("2 nodes run on this host; name one with --endpoint, -c or PGRAFTCTL_ENDPOINT: ")
            assert line.endswith(f"{tmp_path}/demo-pg1.sock, {tmp_path}/demo-w1.sock")
            assert len(pg1.seen) == 1
        assert (tmp_path / "demo-w1.sock").exists()  # nobody listens any more
        told(*LIST, env=env)
        assert len(pg1.seen) == 2


def test_without_a_socket_there_the_file_of_pgraftd_names_it(tmp_path):
    run, file = tmp_path / "run", tmp_path / "pgraft.yml"
    run.mkdir()
    env = {"PGRAFTCTL_RUN_DIR": str(run), "PGRAFTCTL_CONFIG": str(file)}
    assert fails(1, *LIST, env=env).startswith(f"no socket in {run}; ")
    file.write_text("scope: demo\nname: pg1\nraft: {listen: '127.0.0.1:7400', peers: [pg1=127.0.0.1:7400], secret_file: /s}\n"
                    f"ctl: {{socket: {tmp_path}/s}}\n")
    assert fails(1, *LIST, env=env) == (
        f"the node of {file} has no socket here and no restapi: is pgraftd running?")
    with Node(LEASES, path=tmp_path / "s") as own:
        told(*LIST, env=env)
        assert len(own.seen) == 1
        with Node(LEASES, path=run / "demo-pg2.sock") as first:
            told(*LIST, env=env)
            assert (len(first.seen), len(own.seen)) == (1, 1)


def test_an_endpoint_is_an_option_or_in_the_environment(tmp_path):
    path = tmp_path / "x.sock"
    with Node(LEASES) as tcp, Node(LEASES, path=path) as unix:
        port = tcp.endpoint.rpartition(":")[2]
        for endpoint in (tcp.endpoint, tcp.endpoint + "/", f"127.0.0.1:{port}", f"http://localhost:{port}"):
            told(*LIST, "--endpoint", endpoint)
        assert len(tcp.seen) == 4
        for endpoint in (path, f"unix:{path}", os.path.relpath(path)):
            told(*LIST, "-e", endpoint)
        told(*LIST, env={"PGRAFTCTL_ENDPOINT": str(path)})
        assert len(unix.seen) == 4
        told("--endpoint", tcp.endpoint, *LIST, env={"PGRAFTCTL_ENDPOINT": str(path)})  # before the command, too
        assert (len(tcp.seen), len(unix.seen)) == (5, 4)


def test_the_configuration_of_a_node_says_where_it_is(tmp_path):
    path = tmp_path / "pgraft.yml"
    with Node(LEASES, path=tmp_path / "ctl.sock") as unix, Node(LEASES) as tcp:
        api = tcp.endpoint.removeprefix("http://")
        node = "scope: demo\nname: pg1\nraft:\n  listen: 127.0.0.1:7400\n  peers: [pg1=127.0.0.1:7400]\n"
        path.write_text(f"{node}  data_dir: {tmp_path}\n  secret_file: /etc/pgraft/secret\nrestapi:\n  listen: {api}\n"
                        "  authentication:\n    username: admin\n    password: word\n")
        told(*LIST, "-c", path)
        assert (len(unix.seen), len(tcp.seen)) == (1, 0)  # ctl.sock in its data directory
        (tmp_path / "ctl.sock").unlink()
        told(*LIST, "-c", path)
        told(*LIST, "-c", path, "--user", "me", env={"PGRAFTCTL_PASSWORD": "mine"})
        told(*LIST, "-c", path, env={"PGRAFTCTL_ENDPOINT": "127.0.0.9:1"})  # an option before the environment
        assert authorization(tcp) == [f"Basic {b64(b'admin:word')}", f"Basic {b64(b'me:mine')}", f"Basic {b64(b'admin:word')}"]
        told(*LIST, env={"PATRONICTL_CONFIG_FILE": str(path)})
        assert authorization(tcp)[3:] == [f"Basic {b64(b'admin:word')}"]
        told(*LIST, "-e", api, env={"PATRONICTL_CONFIG_FILE": "/nonexistent"})
        assert "No such file" in fails(2, *LIST, env={"PATRONICTL_CONFIG_FILE": str(tmp_path / "no.yml")})
        path.write_text(f"{node}  data_dir: {tmp_path}\n  secret_file: /etc/pgraft/secret\n")
        assert "has no socket here and no restapi" in fails(1, *LIST, "-c", path)
        path.write_text("scope: demo\nraft: 3\n")
        assert fails(2, *LIST, "-c", path).startswith(f"{path}: name: missing: ")
        assert "No such file" in fails(2, *LIST, "-c", tmp_path / "no.yml")


@pytest.mark.parametrize("endpoint", ["", ",", "http://", "ftp://h", "h:99999", "http://h/raft", "a b", "unix:", "http://u:p@h",
                                      "unix:/" + "x" * 200, "\x1b[31m"])
def test_an_endpoint_that_is_none(endpoint):
    """Nothing at all, too: a script's variable that was not set must not mean the node of this host."""
    line = fails(2, *LIST, "--endpoint", endpoint)
    assert line.isprintable()


def test_of_several_the_next_is_asked():
    with Node(LEASES) as good, Node({"/pgraft/v1/lease/list": Error("ERR_NO_QUORUM", "no majority")}) as lonely:
        told(*LIST, "-e", "127.0.0.9:1", "-e", f"{lonely.endpoint},{good.endpoint}")
        assert (len(lonely.seen), len(good.seen)) == (1, 1)
        assert fails(4, *LIST, "-e", lonely.endpoint) == "no majority"


# --- Failing ---

def hanging():
    """An answer that never comes, and what ends the wait."""
    event = threading.Event()
    return (lambda _body: event.wait(30) and Raw()), event


@pytest.fixture(name="hung")
def fixture_hung():
    answer, event = hanging()
    with Node({"/pgraft/v1/lease/list": answer, "/pgraft/v1/kv/put": answer}) as node:
        yield node
        event.set()


def test_nobody_there(tmp_path):
    assert fails(1, *LIST, "-e", "127.0.0.9:1") == (
        "no node answers at http://127.0.0.9:1: connection refused; is pgraftd running?")
    assert fails(1, *LIST, "-e", tmp_path / "no.sock") == (
        f"no node answers at {tmp_path}/no.sock: there is no such socket; is pgraftd running?")
    assert fails(1, *LIST, "-e", "http://no.such.host.invalid") == (
        "no node answers at http://no.such.host.invalid:8008: the name of the host is not known")
    assert fails(1, *PUT, "-e", "127.0.0.9:1").startswith("no node answers at")  # nothing was sent


def test_a_read_without_an_answer_has_done_nothing(hung):
    assert fails(1, *LIST, "--timeout", "0.3", node=hung) == f"{hung.endpoint} gave no answer within 0.3 s"


def test_a_write_without_an_answer_may_have_been_done(hung):
    assert fails(3, *PUT, "--timeout", "2s", node=hung) == (
        f"{hung.endpoint} gave no answer within 2.0 s; the request may have been carried out, or may still be")


def test_nobody_accepts():
    """A full backlog: the connection itself takes too long. Where the kernel takes it all the same there is
    no answer, and nothing has been asked of anybody."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        endpoint = f"http://127.0.0.1:{full.getsockname()[1]}"
        assert " within 0.2 s" in fails(1, *LIST, "--timeout", "0.2", "-e", endpoint)


@pytest.mark.parametrize("raw, read, write", [
    (b"", "closed the connection before it had answered", 3),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", "closed the connection before it had answered", 3),
    (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP", 1),
])
def test_a_broken_answer(raw, read, write):
    answers = {"/pgraft/v1/lease/list": Raw(raw), "/pgraft/v1/kv/put": Raw(raw)}
    with Node(answers) as node:
        assert read in fails(1, *LIST, node=node)
        line = fails(write, *PUT, node=node)
        assert ("may have been carried out" in line) == (write == 3)


@pytest.mark.parametrize("answer, line", [
    ((502, b"<html>bad gateway</html>"), "answers 502, and not as a node of pgraft does"),
    ((302, b""), "answers 302, and not as a node of pgraft does"),
    ((200, b"[1]"), "answers 200, and not as a node of pgraft does"),
    ((200, b"{"), "answers 200, and not as a node of pgraft does"),
    ((200, b'{"leases":[],"leases":[]}'), "answers 200, and not as a node of pgraft does"),
    ((401, b"no"), "answers 401: user or password are wrong or missing"),
    ((403, b"no"), "answers 403: user or password are wrong or missing"),
    ((200, b"x" * (17 * 1024 * 1024)), "its answer is larger than 16777216 bytes"),
    ({"leases": 1}, "its answer has no leases"),
])
def test_an_answer_that_is_not_of_a_node(answer, line):
    with Node({"/pgraft/v1/lease/list": answer}) as node:
        assert line in fails(1, *LIST, node=node)


@pytest.mark.parametrize("code, status", [
    ("ERR_REFUSED", 1), ("ERR_NO_QUORUM", 4), ("ERR_TIMEOUT", 3), ("ERR_EXPIRED", 3), ("ERR_QUOTA", 1),
    ("ERR_INVALID", 2), ("ERR_DENIED", 1), ("ERR_FROM_A_NEWER_NODE", 1)])
def test_the_exit_status_is_that_of_the_code(code, status):
    with Node({"/pgraft/v1/kv/put": Error(code, "so it is")}) as node:
        assert fails(status, *PUT, node=node) == "so it is"


def test_a_newer_code_that_leaves_the_outcome_open():
    with Node({"/pgraft/v1/kv/put": Error("ERR_NEW", "who knows", may_have_applied=True)}) as node:
        assert fails(3, *PUT, node=node) == "who knows"


# --- Once ---

def writes(node):
    return [body["request"] for _method, path, body, _headers in node.seen if path == "/pgraft/v1/kv/put"]


def in_turn(*answers):
    rest = list(answers)
    return lambda _body: rest.pop(0) if len(rest) > 1 else rest[0]


def test_a_write_says_who_it_is():
    with Node({"/pgraft/v1/kv/put": DONE}) as node:
        told(*PUT, node=node)
        told(*PUT, node=node)
        one, two = writes(node)
        assert one["sequence"] == two["sequence"] == 1
        assert one["since"] == 12044
        assert one["client"] != two["client"]
        assert len(one["client"]) == 16
        assert int(one["client"], 16) > 0


@pytest.mark.parametrize("code", ["ERR_LOST_LEADER", "ERR_NOT_LEADER", "ERR_BUSY"])
def test_what_may_pass_is_tried_again_as_the_same_write(code):
    with Node({"/pgraft/v1/kv/put": in_turn(Error(code, "wait"), Error(code, "wait"), DONE)}) as node:
        assert told(*PUT, node=node) == "revision 13\n"
        assert len(writes(node)) == 3
        assert len({json.dumps(request) for request in writes(node)}) == 1
    with Node({"/pgraft/v1/kv/put": Error(code, "wait")}) as node:
        assert fails(3 if code == "ERR_LOST_LEADER" else 1, *PUT, "--timeout", "3", node=node) == "wait"
        assert len(writes(node)) > 2


def test_an_unknown_outcome_stays_one_when_the_next_node_says_nothing_of_it():
    with Node({"/pgraft/v1/kv/put": Raw()}) as first, \
            Node({"/pgraft/v1/kv/put": Error("ERR_NO_QUORUM", "no majority")}) as second:
        line = fails(3, *PUT, "-e", first.endpoint, "-e", second.endpoint)
        assert line.startswith(f"{first.endpoint} closed the connection")
        assert len({json.dumps(request) for request in writes(first) + writes(second)}) == 1
    with Node({"/pgraft/v1/kv/put": Raw()}) as first, Node({"/pgraft/v1/kv/put": DONE}) as second:
        assert told(*PUT, "-e", first.endpoint, "-e", second.endpoint) == "revision 13\n"


def test_the_node_is_told_how_long_it_may_take():
    with Node({"/pgraft/v1/kv/put": DONE, **LEASES}) as node:
        told(*LIST, node=node)
        told(*LIST, "--timeout", "60", node=node)
        told(*LIST, "--timeout", "500ms", node=node)
        given = [body["timeout_ms"] for _m, path, body, _h in node.seen]
        assert 450 < given[0] <= 4500 < given[1] <= 59500  # nine tenths of what was left
        assert 0 < given[2] <= 450


@pytest.mark.parametrize("text", ["", "x", "-1", "0", "5 s", "1e3", "601", "5m", "1..5", "ms"])
def test_a_timeout_that_is_none(text):
    assert "--timeout: " in fails(2, *LIST, "--timeout", text)


# --- Who asks ---

def authorization(node):
    return [headers.get("Authorization") for _m, _p, _b, headers in node.seen]


def test_user_and_password(tmp_path):
    (tmp_path / "password").write_text("se cret\nsecond line\n")
    with Node(LEASES) as node:
        told(*LIST, node=node)
        told(*LIST, "--user", "admin", "--password-file", tmp_path / "password", node=node)
        told(*LIST, node=node, env={"PGRAFTCTL_USER": "me", "PGRAFTCTL_PASSWORD": "word"})
        assert authorization(node) == [None, f"Basic {b64(b'admin:se cret')}", f"Basic {b64(b'me:word')}"]
        assert fails(1, *LIST, "--user", "x", "--password-file", tmp_path / "no", node=node) == (
            f"--password-file: {tmp_path}/no: No such file or directory")


def test_nothing_else_of_the_environment_has_a_say(tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    (tmp_path / ".netrc").chmod(0o600)
    proxy = "http://127.0.0.9:1"
    with Node(LEASES) as node:
        told(*LIST, node=node, env={"http_proxy": proxy, "HTTP_PROXY": proxy, "all_proxy": proxy, "ALL_PROXY": proxy,
                                    "HOME": str(tmp_path)})
        assert authorization(node) == [None]


def test_tls():
    server = {"cert": TLS / "node.crt", "key": TLS / "node.key"}
    with Node(LEASES, tls=server) as node:
        told(*LIST, "--cacert", TLS / "ca.crt", node=node)
        told(*LIST, "--insecure", node=node)
        for words in ([], ["--cacert", TLS / "other.crt"], ["--cacert", __file__]):
            line = fails(1, *LIST, *words, node=node)
            assert line.startswith(f"{node.endpoint}: its certificate can not be verified")
        line = fails(2, *LIST, "--cacert", TLS / "none.crt", node=node)
        assert line == "--cacert: no such file, or no certificate in it"
        assert "certificate file" in fails(1, *LIST, "--insecure", "--cert", TLS / "none.crt", node=node)
        assert len(node.seen) == 2
        plain = node.endpoint.replace("https://", "http://")
        fails(1, *LIST, "-e", plain)
    with Node(LEASES, host="127.0.0.2", tls=server) as other:  # the certificate is for 127.0.0.1
        assert "can not be verified" in fails(1, *LIST, "--cacert", TLS / "ca.crt", node=other)
        assert other.seen == []
    with Node(LEASES) as node:
        secure = node.endpoint.replace("http://", "https://")
        assert "no TLS session" in fails(1, *LIST, "-e", secure, "--insecure")


def test_a_client_certificate():
    server = {"cert": TLS / "node.crt", "key": TLS / "node.key", "ca": TLS / "ca.crt"}
    with Node(LEASES, tls=server) as node:
        told(*LIST, "--cacert", TLS / "ca.crt", "--cert", TLS / "client.crt", "--key", TLS / "client.key", node=node)
        fails(1, *LIST, "--cacert", TLS / "ca.crt", node=node)
        assert len(node.seen) == 1


def test_the_environment_of_these_tests_is_clean():
    assert {name for name in environment() if name.startswith("PGRAFT")} == {"PGRAFTCTL_RUN_DIR", "PGRAFTCTL_CONFIG"}
