"""tests/http/test_reload.py - a running pgraftd is told to read its configuration again.

Claim: after SIGHUP (which is what `systemctl reload` sends) and after POST /reload the passwords, lists, headers and
certificates of `restapi` are the new ones for whoever connects, and those who are connected are served on. What can
not be read, or does not fit, leaves the former certificates in force, alone: one line in the log and the status of the
node name the file and the reason, until a reload takes it.

Method: a witness alone, which is a whole store, with the real program and a file that the test rewrites.
"""
import base64
import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from http_kit import BUILD, SECONDS_MAX, Answer, Node, until

PGRAFTD = BUILD / "daemon" / "pgraftd"
PGRAFTCTL = BUILD / "ctl" / "pgraftctl"
SOURCE = Path(os.environ["PGRAFT_SOURCE_ROOT"])
PUT = ("POST", "/pgraft/v1/kv/put", '{"key":"k","value":"v"}')
LOOK = ("GET", "/patroni", None)
STAYS = "; the former certificates of restapi stay in force"


def basic(password):
    return {"Authorization": "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()}


def free_port(host):
    with socket.socket() as one:
        one.bind((host, 0))
        return one.getsockname()[1]


class Witness:
    """pgraftd, and the file it reads; @restapi is the flow mapping of that section."""

    def __init__(self, folder, restapi):
        self.folder = folder
        self.port = free_port("127.0.0.1")
        peers = free_port("127.0.66.21")
        self.head = (f"scope: demo\nname: w1\nraft:\n  listen: 127.0.66.21:{peers}\n  peers: [w1=127.0.66.21:{peers}]\n"
                     f"  secret_file: {folder}/secret\n  data_dir: {folder}/data\n"
                     f"ctl: {{socket: {folder}/ctl.sock}}\n")
        (folder / "secret").write_text("0123456789abcdef" * 2 + "\n")
        (folder / "secret").chmod(0o600)
        self.write(restapi)
        self.log = folder / "log"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PGRAFT_", "PATRONI_"))}
        with self.log.open("w") as log:
            self.process = subprocess.Popen([PGRAFTD, "--witness", "-c", folder / "pgraft.yml"], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=log, env=kept)
        self.node = Node("w1", str(folder / "ctl.sock"), self.port)
        until(lambda: "membership: text=member" in self.log.read_text())

    def write(self, restapi, more=""):
        file = self.folder / "pgraft.yml"
        listen = f"listen: '127.0.0.1:{self.port}'"
        file.write_text(self.head + f"restapi: {{{listen}{', ' if restapi else ''}{restapi}}}\n" + more)
        file.chmod(0o600)

    def reload(self, restapi, way="HUP", more=""):
        self.write(restapi, more)
        if way == "HUP":
            self.process.send_signal(signal.SIGHUP)
        else:
            answer = self.node.ask("POST", "/reload")
            assert (answer.status, answer.body) == (202, b"reload scheduled")

    def errors(self, after=0):
        """The lines that the log has, beyond so many bytes of it; a moment late, as a thread of its own writes them."""
        return [line for line in self.log.read_text()[after:].splitlines() if " error " in line]

    def trouble(self):
        return self.node.get("/patroni").json.get("reload_trouble", "")

    def connect(self, place=None, who=None, source=None, version=None):
        at = None if source is None else (source, 0)
        if place is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS_MAX, source_address=at)
        else:
            context = ssl.create_default_context(cafile=place / "ca.pem")
            if who is not None:
                context.load_cert_chain(place / f"{who}.pem", place / f"{who}.key")
            if version is not None:
                context.minimum_version = context.maximum_version = version
            connection = http.client.HTTPSConnection("localhost", self.port, timeout=SECONDS_MAX, context=context)
        connection.connect()
        return connection

    def ask(self, what, headers=None, **how):
        with closing(self.connect(**how)) as connection:
            return ask(connection, what, headers)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(SECONDS_MAX) == 0, self.log.read_text()


def ask(connection, what, headers=None):
    """On the connection as it is: http.client would make a new one in the place of one that was closed."""
    assert connection.sock is not None
    connection.request(*what, headers or {})
    response = connection.getresponse()
    return Answer(response, response.read())


@pytest.fixture(name="start")
def starter(tmp_path):
    running = []

    def start(restapi=""):
        running.append(Witness(tmp_path, restapi))
        return running[-1]
    yield start
    for one in running:
        one.stop()


@pytest.fixture(scope="module", name="certificates")
def made(tmp_path_factory):
    """Three sets, each of an authority of its own."""
    sets = [tmp_path_factory.mktemp(name) for name in ("one", "two", "three")]
    for place in sets:
        subprocess.run([BUILD / "tests" / "http" / "http_certs", place], check=True)
    return sets


def tls(place, who="server", more=""):
    return f"certfile: {place}/{who}.pem, keyfile: {place}/{who}.key, cafile: {place}/ca.pem{more}"


def serial(witness, place, **how):
    """Of the certificate that a new connection is shown; None: it is not one of @place's authority."""
    try:
        with closing(witness.connect(place, **how)) as connection:
            return connection.sock.getpeercert()["serialNumber"]
    except (ssl.SSLError, ConnectionError):
        return None


# --- who may, and what is told of the server ---

@pytest.mark.parametrize("way", ["HUP", "POST"])
def test_the_password(start, way):
    one = start("authentication: {username: admin, password: old}")
    with closing(one.connect()) as stands:
        assert ask(stands, PUT, basic("old")).status == 200
        one.reload("authentication: {username: admin, password: new}", way)
        until(lambda: one.ask(PUT, basic("new")).status == 200)
        assert one.ask(PUT, basic("old")).status == 401
        assert ask(stands, PUT, basic("old")).status == 401  # it is served on, by who may now
        assert ask(stands, PUT, basic("new")).status == 200
        one.reload("", way)
        until(lambda: one.ask(PUT).status == 200)
    assert one.trouble() == ""


def test_the_list_of_addresses(start):
    one = start("allowlist: [127.0.0.1]")
    with closing(one.connect(source="127.0.0.9")) as stands:
        assert ask(stands, PUT).status == 403
        one.reload("allowlist: [127.0.0.8/31]")
        until(lambda: ask(stands, PUT).status == 200)
    assert one.ask(PUT, source="127.0.0.9").status == 200
    assert one.ask(PUT).status == 403
    one.reload("allowlist: [localhost]")  # a name
    until(lambda: one.ask(PUT).status == 200)
    assert one.ask(PUT, source="127.0.0.9").status == 403


def test_the_members_in_the_list(start):
    one = start("allowlist: [127.0.0.8]")
    assert one.ask(PUT, source="127.0.66.21").status == 403
    one.reload("allowlist: [127.0.0.8], allowlist_include_members: yes")
    until(lambda: one.ask(PUT, source="127.0.66.21").status == 200)
    assert one.ask(PUT, source="127.0.0.9").status == 403
    one.reload("allowlist: [127.0.0.8]")
    until(lambda: one.ask(PUT, source="127.0.66.21").status == 403)


def test_headers_and_the_name_of_the_server(start):
    one = start("http_extra_headers: {X-One: a}, https_extra_headers: {X-Two: b}")
    with closing(one.connect()) as stands:
        got = ask(stands, LOOK).headers
        assert (got["X-One"], got["X-Two"]) == ("a", None)
        assert got["Server"].startswith("pgraft/")
        one.reload("http_extra_headers: {X-Three: c}, server_tokens: productonly")
        until(lambda: ask(stands, LOOK).headers["X-Three"] == "c")
        got = ask(stands, LOOK).headers
        assert (got["X-One"], got["Server"]) == (None, "pgraft")


def test_row_the_server_says_no_more_of_itself_than_it_is_told_to(start):
    """As Patroni's `server_tokens`, but that it is another server."""
    one = start()
    for tokens, wanted in (("original", r"pgraft/[0-9.]+"), ("minimal", r"pgraft/[0-9.]+"), ("productonly", "pgraft")):
        one.reload(f"server_tokens: {tokens}, http_extra_headers: {{X-Tokens: {tokens}}}")
        until(lambda tokens=tokens: one.ask(LOOK).headers["X-Tokens"] == tokens)
        assert re.fullmatch(wanted, one.ask(LOOK).headers["Server"])


def test_headers_over_tls(start, certificates):
    """Both, and of one that has two values the one for TLS, as Patroni does it."""
    place = certificates[0]
    one = start(tls(place) + ", http_extra_headers: {X-One: a, x-both: plain}, https_extra_headers: {X-Both: tls}")
    got = one.ask(LOOK, place=place).headers
    assert (got["X-One"], got.get_all("X-Both")) == ("a", ["tls"])
    got = one.node.get("/patroni").headers
    assert (got["X-One"], got.get_all("X-Both")) == ("a", ["plain"])


def test_what_patroni_has_beyond_that_is_no_mistake(start):
    one = start("request_queue_size: 5")
    one.reload("request_queue_size: 50, server_tokens: minimal")
    until(lambda: "server_tokens: original -> minimal, taken over" in one.log.read_text())
    assert one.trouble() == ""


def test_a_service_manager_sends_what_is_tried_here():
    for unit in ("pgraftd", "pgraft-witness"):
        assert "\nExecReload=/bin/kill -HUP $MAINPID\n" in (SOURCE / "deploy/systemd" / f"{unit}.service").read_text()


# --- certificates ---

@pytest.mark.parametrize("way", ["HUP", "POST"])
def test_certificates(start, certificates, way):
    old, new = certificates[:2]
    one = start(tls(old))
    with closing(one.connect(old)) as stands, closing(one.connect(old)) as watch:
        first = stands.sock.getpeercert()["serialNumber"]
        assert serial(one, old) == first
        watch.request("POST", "/pgraft/v1/kv/watch", '{"key":"k","progress_ms":100}')
        stream = watch.getresponse()
        assert stream.readline().startswith(b'{"start"')
        one.reload(tls(new), way)
        until(lambda: serial(one, new) is not None)
        assert serial(one, old) is None
        for _ in range(3):
            assert ask(stands, LOOK).status == 200
            assert stream.readline()
        stream.close()


def test_the_files_behind_the_same_names(start, certificates, tmp_path):
    """As an ACME client exchanges them."""
    place = tmp_path / "live"
    place.symlink_to(certificates[0])
    one = start(tls(place))
    assert serial(one, certificates[0]) is not None
    place.unlink()
    place.symlink_to(certificates[1])
    one.reload(tls(place))
    until(lambda: serial(one, certificates[1]) is not None)


def test_who_needs_a_certificate(start, certificates):
    """To look, a connection goes by what it began with; to change something, by what is in force."""
    place = certificates[0]
    login = ", authentication: {username: admin, password: p}"
    one = start(tls(place, more=login + ", verify_client: none"))
    with closing(one.connect(place)) as stands:
        assert ask(stands, PUT, basic("p")).status == 200
        one.reload(tls(place, more=login + ", verify_client: required"))
        until(lambda: one.ask(LOOK, place=place).status == 403)
        assert one.ask(LOOK, place=place, who="client").status == 200
        assert one.ask(PUT, basic("p"), place=place, who="client").status == 200
        assert ask(stands, LOOK).status == 200
        assert ask(stands, PUT, basic("p")).status == 403
        one.reload(tls(place, more=login + ", verify_client: optional"))
        until(lambda: one.ask(LOOK, place=place).status == 200)
        assert one.ask(PUT, basic("p"), place=place).status == 403
        assert one.ask(PUT, place=place, who="client").status == 401
        assert ask(stands, LOOK).status == 200
        assert ask(stands, PUT, basic("p")).status == 403
        one.reload(tls(place, more=login + ", verify_client: none"))
        until(lambda: ask(stands, PUT, basic("p")).status == 200)


def test_a_certificate_is_no_password(start, certificates):
    """Who may change something goes by what is in force, also over a connection that stands."""
    place = certificates[0]
    one = start(tls(place, more=", verify_client: optional"))
    with closing(one.connect(place, "client")) as stands:
        assert ask(stands, PUT).status == 200
        one.reload(tls(place, more=", authentication: {username: admin, password: p}"))
        until(lambda: ask(stands, PUT).status == 401)
        assert ask(stands, PUT, basic("p")).status == 200


def test_who_signs_them(start, certificates):
    """cafile alone: clients of the former authority are nobody."""
    place, other = certificates[:2]
    one = start(tls(place, more=", verify_client: required"))
    assert one.ask(LOOK, place=place, who="client").status == 200
    one.reload(f"certfile: {place}/server.pem, keyfile: {place}/server.key, cafile: {other}/ca.pem, verify_client: required")
    until(lambda: one.ask(LOOK, place=place, who="client").status == 403)


def test_a_key_with_a_password(start, certificates):
    place = certificates[0]
    one = start(tls(place))
    before = serial(one, place)
    one.reload(tls(place, "locked", ", keyfile_password: sesame"))
    until(lambda: serial(one, place) not in (before, None))


def test_ciphers(start, certificates):
    place = certificates[0]

    def cipher():
        with closing(one.connect(place, version=ssl.TLSVersion.TLSv1_3)) as connection:
            return connection.sock.cipher()[0]
    one = start(tls(place, more=", ciphers: TLS_AES_128_GCM_SHA256"))
    assert cipher() == "TLS_AES_128_GCM_SHA256"
    one.reload(tls(place, more=", ciphers: TLS_CHACHA20_POLY1305_SHA256"))
    until(lambda: cipher() == "TLS_CHACHA20_POLY1305_SHA256")


def test_tls_begins_and_ends(start, certificates):
    place = certificates[0]
    one = start()
    with closing(one.connect()) as stands:
        one.reload(tls(place))
        until(lambda: serial(one, place) is not None)
        assert ask(stands, LOOK).status == 200
    with closing(one.connect(place)) as stands:
        one.reload("")
        until(lambda: serial(one, place) is None)
        assert ask(stands, LOOK).status == 200
    assert one.ask(LOOK).status == 200
    assert one.trouble() == ""


# --- what can not be used ---

def rows_that_do_not_fit(place, other, made_here):
    (made_here / "garbage.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    (made_here / "garbage.key").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    key, cert = f"keyfile: {place}/server.key", f"certfile: {place}/server.pem"
    return [
        (f"certfile: {made_here}/garbage.pem, {key}", f"restapi.certfile: {made_here}/garbage.pem: "),
        (f"certfile: {place}/server.key, {key}", f"restapi.certfile: {place}/server.key: "),
        (f"{cert}, keyfile: {made_here}/garbage.key", f"restapi.keyfile: {made_here}/garbage.key: "),
        (f"{cert}, keyfile: {made_here}/pgraft.yml", f"restapi.keyfile: {made_here}/pgraft.yml: is no PEM file"),
        (f"{cert}, keyfile: {other}/server.key",
         f"restapi.keyfile: {other}/server.key: is not the key of the certificate in {place}/server.pem"),
        (f"certfile: {place}/locked.pem, keyfile: {place}/locked.key, keyfile_password: open",
         f"restapi.keyfile: {place}/locked.key: "),
        (f"certfile: {place}/locked.pem, keyfile: {place}/locked.key", f"restapi.keyfile: {place}/locked.key: "),
        (f"{cert}, {key}, verify_client: required, cafile: {made_here}/garbage.pem",
         f"restapi.cafile: {made_here}/garbage.pem: "),
    ]


def status_of(one):
    done = subprocess.run([PGRAFTCTL, "status", "-e", one.node.path], capture_output=True, text=True, check=False,
                          timeout=SECONDS_MAX, env={"PATH": os.environ["PATH"]})
    return done.stdout


def test_what_does_not_fit_leaves_the_former_certificates(start, certificates, tmp_path):
    place, other = certificates[:2]
    login = ", authentication: {username: admin, password: p%d}"
    one = start(tls(place) + login % 0)
    first = serial(one, place)
    for i, (restapi, wanted) in enumerate(rows_that_do_not_fit(place, other, tmp_path), start=1):
        size = len(one.log.read_text())
        one.reload(restapi + login % i)
        until(lambda: one.trouble().startswith(wanted))
        assert one.trouble().endswith(STAYS) or len(one.trouble()) >= 255
        lines = until(lambda: one.errors(size))
        assert len(lines) == 1, lines
        assert wanted in lines[0]
        assert serial(one, place) == first
        # Everything else is the new one: who rotates a password is not to be stopped by a certificate.
        assert one.ask(PUT, basic(f"p{i}"), place=place).status == 200
        assert one.ask(PUT, basic(f"p{i - 1}"), place=place).status == 401
        until(lambda: wanted[:60] in re.sub(r"\s+", " ", status_of(one)))
        assert one.ask(LOOK, place=place).json["reload_trouble"].startswith(wanted)
    assert "reload" in [e["kind"] for e in one.node.get("/pgraft/v1/events").json["events"]]
    one.reload(tls(other))
    until(lambda: one.trouble() == "")
    assert serial(one, other) is not None
    until(lambda: "restapi" not in status_of(one))


@pytest.mark.parametrize(("files", "wanted"), [
    ("certfile: {0}/gone.pem, keyfile: {0}/server.key", "restapi.certfile: {0}/gone.pem: No such file or directory"),
    ("certfile: {0}/server.pem, keyfile: {0}", "restapi.keyfile: {0}: not a file"),
    ("certfile: {0}/server.pem, keyfile: {0}/server.key, cafile: {0}/gone", "restapi.cafile: {0}/gone: No such file or directory")])
def test_a_file_that_is_not_there_refuses_the_reload(start, certificates, files, wanted):
    place = certificates[0]
    wanted = wanted.format(place)
    one = start(tls(place) + ", authentication: {username: admin, password: old}")
    first = serial(one, place)
    one.reload(files.format(place) + ", authentication: {username: admin, password: new}")
    until(one.trouble)
    assert one.trouble().startswith(f"reload refused: {one.folder}/pgraft.yml:")
    assert one.trouble().endswith(wanted)
    assert [wanted in line for line in until(one.errors)] == [True]
    assert serial(one, place) == first
    assert one.ask(PUT, basic("old"), place=place).status == 200


def test_what_was_left_in_force_is_what_the_next_reload_goes_from(start, certificates):
    """verify_client came with a key of another certificate: it counts no more than that."""
    place, other = certificates[:2]
    one = start(tls(place))
    one.reload(f"certfile: {place}/server.pem, keyfile: {other}/server.key, cafile: {place}/ca.pem, verify_client: required")
    until(one.trouble)
    assert one.ask(LOOK, place=place).status == 200
    one.reload(tls(place, more=", verify_client: required"))
    until(lambda: one.ask(LOOK, place=place).status == 403)
    until(lambda: one.log.read_text().count("restapi.verify_client: none -> required, taken over") == 2)


def test_a_file_with_a_mistake_is_told_too(start):
    one = start("authentication: {username: admin, password: old}")
    one.reload("authentication: {username: admin, password: new}", more="log: {level: loud}\n")
    until(lambda: one.trouble().startswith("reload refused: ") and "log.level" in one.trouble())
    assert one.ask(PUT, basic("old")).status == 200
    one.reload("authentication: {username: admin, password: new}")
    until(lambda: one.trouble() == "")
    assert one.ask(PUT, basic("new")).status == 200
