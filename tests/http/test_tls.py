"""tests/http/test_tls.py - HTTP over TLS: certificates of the server and of clients.

Claim: who may write is decided by the client's certificate as docs/http.md says; a certificate that the
authority has not signed, that has run out or is none of a client's is none at all; certificates are exchanged
without a connection being lost.
"""
import http.client
import json
import ssl
import subprocess
from contextlib import closing

import pytest
from http_kit import BUILD, Answer, Nodes

PUT = ("POST", "/pgraft/v1/kv/put", '{"key":"k","value":"v"}')
LOOK = ("GET", "/raft", None)


def make_certificates(directory):
    subprocess.run([BUILD / "tests" / "http" / "http_certs", directory], check=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    directory = tmp_path_factory.mktemp("certificates")
    make_certificates(directory)
    return directory


def serve(place, verify, *more):
    return Nodes(1, "--certfile", f"{place}/server.pem", "--keyfile", f"{place}/server.key", "--cafile",
                 f"{place}/ca.pem", "--verify", verify, *more)


def connect(node, place, who=None, version=None):
    context = ssl.create_default_context(cafile=place / "ca.pem")
    if who is not None:
        context.load_cert_chain(place / f"{who}.pem", place / f"{who}.key")
    if version is not None:
        context.minimum_version = context.maximum_version = version
    connection = http.client.HTTPSConnection("localhost", node.port, timeout=20, context=context)
    connection.connect()
    return connection


def ask(connection, method, path, body):
    connection.request(method, path, body)
    response = connection.getresponse()
    return Answer(response, response.read())


def status(node, place, who, what):
    with closing(connect(node, place, who)) as connection:
        return ask(connection, *what).status


@pytest.mark.parametrize(("verify", "who", "looks", "puts"), [
    ("none", None, 200, 200), ("none", "client", 200, 200),
    ("optional", None, 200, 403), ("optional", "client", 200, 200), ("optional", "stranger", 200, 403),
    ("optional", "only-server", 200, 403), ("optional", "old", 200, 403),
    ("required", None, 403, 403), ("required", "client", 200, 200), ("required", "stranger", 403, 403)])
def test_who_may_with_which_certificate(place, verify, who, looks, puts):
    nodes = serve(place, verify)
    assert status(nodes[1], place, who, LOOK) == looks
    assert status(nodes[1], place, who, PUT) == puts
    assert nodes[1].post("kv/put", {"key": "k", "value": "v"}).status == 200  # the control socket has no TLS
    nodes.close()


def told(node, place, who, **headers):
    with closing(connect(node, place, who)) as connection:
        connection.request("POST", "/reload", None, headers)
        response = connection.getresponse()
        return response.status, response.read().decode()


RIGHT, WRONG = {"Authorization": "Basic dTpw"}, {"Authorization": "Basic dTpx"}


@pytest.mark.parametrize("verify", ["optional", "required"])
def test_row_a_client_certificate_and_a_password_are_both_asked_for(place, verify):
    """Patroni's order, and its words: neither does instead of the other."""
    nodes = serve(place, verify, "--user", "u", "--password", "p", "--views", "yes")
    for who in (None, "stranger", "old", "only-server"):
        for headers in ({}, WRONG, RIGHT):
            status, text = told(nodes[1], place, who, **headers)
            assert (status, json.loads(text)["error"]["message"]) == (403, "client certificate required")
    assert told(nodes[1], place, "client", **RIGHT) == (202, "reload scheduled")
    for headers, words in (({}, "no auth header received"), (WRONG, "not authenticated")):
        status, text = told(nodes[1], place, "client", **headers)
        assert (status, json.loads(text)["error"]["message"][:len(words)]) == (401, words)
    nodes.close()


def test_row_the_list_comes_before_the_certificate(place):
    nodes = serve(place, "optional", "--allow", "10.0.0.0/8", "--views", "yes")
    for who in (None, "client"):
        status, text = told(nodes[1], place, who)
        assert (status, json.loads(text)["error"]["message"][:16]) == (403, "Access is denied")
    nodes.close()


def cipher(node, place, version):
    with closing(connect(node, place, version=version)) as connection:
        assert ask(connection, *LOOK).status == 200
        return connection.sock.cipher()[0]


def test_ciphers_as_openssl_lists_them(place):
    old, new = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    nodes = serve(place, "none", "--ciphers", "HIGH:!aNULL:!AES256:!CHACHA20:!SHA1")
    assert "AES128-GCM" in cipher(nodes[1], place, old)
    assert cipher(nodes[1], place, new) == "TLS_AES_128_GCM_SHA256"
    nodes.close()
    nodes = serve(place, "none", "--ciphers", "TLS_CHACHA20_POLY1305_SHA256")
    assert cipher(nodes[1], place, new) == "TLS_CHACHA20_POLY1305_SHA256"
    with pytest.raises(ssl.SSLError):
        cipher(nodes[1], place, old)
    nodes.close()
    nodes = serve(place, "none", "--ciphers", "ECDHE+SHA1")
    assert cipher(nodes[1], place, old).endswith("-SHA")
    with pytest.raises(ssl.SSLError):
        cipher(nodes[1], place, new)
    nodes.close()


def test_versions(place):
    nodes = serve(place, "none")
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with closing(connect(nodes[1], place, version=version)) as connection:
            assert ask(connection, *LOOK).status == 200
    nodes.close()


def test_plain_text_gets_nothing(place):
    nodes = serve(place, "none")
    with closing(nodes[1].raw()) as plain:
        plain.sendall(b"GET /raft HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"scope" not in plain.recv(1000)
    assert nodes[1].get("/raft").status == 200
    nodes.close()


def test_a_silent_one_has_its_time(place):
    nodes = serve(place, "none")
    with closing(nodes[1].raw()) as plain:
        plain.settimeout(14)
        assert plain.recv(100) == b""
    nodes.close()


def test_certificates_are_exchanged_and_connections_stay(place):
    nodes = serve(place, "none")
    old = connect(nodes[1], place)
    watch = connect(nodes[1], place)
    watch.request("POST", "/pgraft/v1/kv/watch", '{"key":"k","progress_ms":200}')
    stream = watch.getresponse()
    assert "start" in json.loads(stream.readline())
    make_certificates(place)  # of a new authority, too: who trusts it sees the new ones alone
    assert nodes.tell("reload", 1) == ["reloaded"]
    assert ask(old, *LOOK).status == 200
    for _ in range(4):
        assert stream.readline()
    with closing(connect(nodes[1], place)) as fresh:
        assert ask(fresh, *LOOK).status == 200
    (place / "server.pem").write_text("no certificate")
    (said,) = nodes.tell("reload", 1)
    assert said.startswith("refused")
    with closing(connect(nodes[1], place)) as fresh:
        assert ask(fresh, *LOOK).status == 200
    old.close()
    stream.close()
    watch.close()
    nodes.close()
