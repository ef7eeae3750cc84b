"""tests/cli/test_configuration.py - the configuration of a node as an operator meets it.

Claim: what is wrong is told on stderr, all at once, each line with its place; nothing is started then.
A right one runs, tells the service manager what it does, and stops when it is told to. `config generate` and `config show` give
files that load. No word of a secret comes out anywhere.
"""
import json
import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

BUILD = Path(os.environ["PGRAFT_BUILD_ROOT"])
PGRAFTD = BUILD / "daemon" / "pgraftd"
PGRAFTCTL = BUILD / "ctl" / "pgraftctl"
SECONDS_MAX = 60

GOOD = """\
scope: demo
name: w1
raft:
  listen: 127.0.66.4:7400
  peers: [pg1=127.0.66.1:7400, w1=127.0.66.4:7400]
  secret_file: {secret}
"""


class Host:
    """A directory with the secret and the files of a node, and the programs run in it."""

    def __init__(self, folder):
        self.folder = folder
        self.secret = folder / "secret"
        self.secret.write_text("0123456789abcdef" * 2 + "\n")
        self.secret.chmod(0o600)
        self.variables = {}

    def write(self, text, name="pgraft.yml"):
        """The path of a file with @text; {secret} in it is the path of the secret."""
        path = self.folder / name
        path.write_text(text.replace("{secret}", str(self.secret)))
        path.chmod(0o600)
        return str(path)

    def environment(self, program):
        """None of the caller's settings. A pgraftd run by root would make a directory for its socket in /run."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PGRAFT_", "PATRONI_"))}
        own = {"PGRAFT_CTL_SOCKET": str(self.folder / "ctl.sock")} if program == PGRAFTD else {}
        return kept | own | self.variables

    def run(self, program, *words):
        """Status, stdout and stderr; none of them with a traceback of ours."""
        done = subprocess.run([program, *words], cwd=self.folder, env=self.environment(program), text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS_MAX, check=False)
        return done.returncode, done.stdout, done.stderr


    def starts(self, *words, until="READY=1"):
        """The node says @until, then stops at SIGTERM with status 0; what it said on stderr before its first
        event, and all that the service manager was told."""
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        told.bind(str(self.folder / "notify"))
        told.settimeout(SECONDS_MAX)
        environment = self.environment(PGRAFTD) | {"NOTIFY_SOCKET": str(self.folder / "notify")}
        lines = []
        with subprocess.Popen([PGRAFTD, *words], cwd=self.folder, env=environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as node:
            try:
                while not any(line.startswith(until) for line in lines):
                    lines += told.recv(4096).decode().split("\n")
                node.send_signal(signal.SIGTERM)
                said = node.communicate(timeout=SECONDS_MAX)[1]
            finally:
                node.kill()
        told.setblocking(False)
        try:
            while True:
                lines += told.recv(4096).decode().split("\n")
        except BlockingIOError:
            pass
        told.close()
        (self.folder / "notify").unlink()
        assert node.returncode == 0, said
        assert "STOPPING=1" in lines
        return re.split(r"^20\d\d-", said, maxsplit=1, flags=re.MULTILINE)[0], lines


@pytest.fixture(name="host")
def fixture_host(tmp_path):
    return Host(tmp_path)


def first_try(host):
    """The words with which a node is tried without a file."""
    return ["--witness", "--scope", "demo", "--name", "w1", "--listen", "127.0.66.4:7400", "--api",
            "127.0.66.4:8008", "--peers", "pg1=127.0.66.1:7400,w1=127.0.66.4:7400", "--data-dir", "data",
            "--secret-file", str(host.secret)]


# --- Right ---

def test_a_first_try_needs_no_file(host):
    said, told = host.starts(*first_try(host), until="STATUS=forming: waits: pg1")
    assert said == ""
    assert told[0] == "READY=1"


def test_a_file(host):
    path = host.write(GOOD)
    assert host.starts("--witness", "-c", path, "--data-dir", "data")[0] == ""
    assert host.starts("--witness", "--config", path, "--data-dir", "data")[0] == ""


@pytest.mark.parametrize("listen", ["*", "0.0.0.0"])
def test_a_node_that_listens_everywhere_in_directories_that_it_makes(host, listen):
    with socket.socket() as probe:
        probe.bind(("127.0.66.4", 0))
        port = probe.getsockname()[1]
    said, _ = host.starts("--witness", "--scope", "demo", "--name", "w1", "--listen", f"{listen}:{port}",
                          "--peers", f"w1=127.0.66.4:{port}", "--data-dir", "a/b/c", "--secret-file",
                          str(host.secret))
    assert said == ""
    assert (host.folder / "a" / "b" / "c").is_dir()


def test_a_directory(host):
    host.write(GOOD.replace("name: w1\n", ""), "10-all.yml")
    host.write("name: w1\n", "20-host.yaml")
    assert host.starts("--witness", "-c", str(host.folder), "--data-dir", "data")[0] == ""


def test_the_environment_alone(host):
    host.variables = {"PGRAFT_SCOPE": "demo", "PATRONI_NAME": "w1", "PGRAFT_RAFT_LISTEN": "127.0.66.4",
                      "PGRAFT_RAFT_PEERS": "w1=127.0.66.4", "PGRAFT_RAFT_SECRET_FILE": str(host.secret),
                      "PGRAFT_RAFT_DATA_DIR": str(host.folder / "data")}
    assert host.starts("--witness")[0] == ""


def test_a_whole_file_in_a_variable(host):
    host.variables = {"PATRONI_CONFIGURATION": GOOD.replace("{secret}", str(host.secret))}
    assert host.starts("--witness", "--data-dir", "data")[0] == ""


@pytest.mark.parametrize("words", [["--validate-config", "FILE"], ["--validate-config=FILE"],
                                   ["--validate-config", "-c", "FILE"], ["-c", "FILE", "--validate-config"],
                                   ["--witness", "--validate-config", "FILE"]])
def test_only_checking(host, words):
    path = host.write(GOOD)
    status, out, err = host.run(PGRAFTD, *[word.replace("FILE", path) for word in words])
    assert (status, out, err) == (0, "the configuration of witness w1 in cluster demo is fine\n", "")


# --- Wrong ---

def test_all_mistakes_are_told_at_once(host):
    path = host.write(GOOD.replace("listen", "lisen") + "  quota: 64MB\nrafft: {}\n")
    host.variables = {"PGRAFT_RAFT_PROFILE": "moon"}
    status, out, err = host.run(PGRAFTD, "--witness", "-c", path, "--site", "a b")
    assert (status, out) == (1, "")
    assert err.splitlines() == [
        f"{path}: raft.listen: missing: address and port on which this node listens for its peers; set it in "
        "the file, with PGRAFT_RAFT_LISTEN or --listen",
        f"{path}:4:3: raft.lisen: unknown key; did you mean listen?",
        f'{path}:7:10: raft.quota: "64MB" is no size; write bytes, or a number with KiB, MiB or GiB: 64MiB',
        f"{path}:8:1: rafft: unknown key; did you mean raft?",
        "--site: raft.site: \"a b\" is no name: only letters, digits, '.', '_' and '-' can stand in it, and '.' "
        "and '-' not first",
        'PGRAFT_RAFT_PROFILE: raft.profile: can not be "moon"; choose one of lan, wan']


def test_a_warning_stops_only_the_check(host):
    path = host.write(GOOD + "watchdog: {devise: x}\n")
    line = f"{path}:7:12: warning: watchdog.devise: unknown key, ignored; did you mean device?\n"
    assert host.starts("--witness", "-c", path, "--data-dir", "data")[0] == line
    assert host.run(PGRAFTD, "--validate-config", path) == (1, "", line)


def test_a_left_over_store_is_a_note(host):
    path = host.write(GOOD + "etcd3: {hosts: 10.0.0.1:2379}\n")
    line = f"{path}:7:1: note: etcd3: ignored; the store is part of pgraft, see section raft\n"
    assert host.run(PGRAFTD, "--validate-config", path) == (
        0, "the configuration of witness w1 in cluster demo is fine\n", line)


def test_a_voter_needs_its_database(host):
    path = host.write(GOOD)
    status, out, err = host.run(PGRAFTD, "--voter", "-c", path)
    assert (status, out) == (1, "")
    assert err.splitlines()[0] == (
        f"{path}: postgresql: missing: a voter runs a PostgreSQL and needs this section with listen, "
        "connect_address, data_dir and authentication; a host without a database is started with --witness")


POSTGRESQL = """\
postgresql:
  listen: 127.0.1.4:5432
  connect_address: 127.0.1.4:5432
  data_dir: /srv/pg
  authentication: {replication: {username: replicator, password: canary}}
"""


def test_a_whole_voter(host):
    path = host.write(GOOD + "restapi: {listen: 127.0.1.4}\n" + POSTGRESQL)
    fine = "the configuration of voter w1 in cluster demo is fine\n"
    assert host.run(PGRAFTD, "--validate-config", path) == (0, fine, "")
    assert host.run(PGRAFTD, "--voter", "--validate-config", path) == (0, fine, "")
    note = f"{path}: note: postgresql: ignored: a witness runs no PostgreSQL\n"
    assert host.starts("--witness", "-c", path, "--data-dir", "data")[0] == note


def test_what_a_database_lacks(host):
    path = host.write(GOOD + "restapi: {listen: 127.0.1.4}\npostgresql:\n  listen: 127.0.1.4:5432\n")
    lines = [f"{path}:9:3: postgresql.{what}; a voter needs it" for what in (
        "connect_address: missing: address and port under which others reach PostgreSQL",
        "data_dir: missing: the data directory of PostgreSQL",
        "authentication.replication.username: missing: who the standbys connect as")]
    for words in (["--voter", "-c", path], ["--validate-config", path]):
        status, out, err = host.run(PGRAFTD, *words)
        assert (status, out, err.splitlines()) == (1, "", lines)
    host.variables = {"PATRONI_POSTGRESQL_CONNECT_ADDRESS": "127.0.1.4:5432",
                      "PGRAFT_POSTGRESQL_DATA_DIR": "/srv/pg", "PATRONI_REPLICATION_USERNAME": "replicator"}
    assert host.run(PGRAFTD, "--validate-config", path)[0] == 0


def test_a_secret_that_is_not_there(host):
    host.secret.unlink()
    path = host.write(GOOD)
    assert host.run(PGRAFTD, "--witness", "-c", path) == (
        1, "", f"{path}:6:16: raft.secret_file: {host.secret}: No such file or directory\n")


def test_a_secret_for_everybody(host):
    host.secret.chmod(0o644)
    path = host.write(GOOD)
    assert host.run(PGRAFTD, "--validate-config", path) == (
        1, "", f"{path}:6:16: warning: raft.secret_file: {host.secret}: open to everybody on this host (mode "
        "0644); chmod o-rwx\n")


def test_no_file(host):
    missing = str(host.folder / "none.yml")
    assert host.run(PGRAFTD, "--witness", "-c", missing) == (
        1, "", f"{missing}: can not be read: No such file or directory\n")
    status, _, err = host.run(PGRAFTD, "--witness", "-c", str(host.folder))
    assert status == 1
    assert err == f"{host.folder}: can not be read: no file in this directory is named *.yml or *.yaml\n"


@pytest.mark.parametrize("password", ["[canary-7c1]", "{canary-7c1: x}", '"canary-7c1\\u0007"', "canary-7c1"])
def test_no_message_has_a_secret_in_it(host, password):
    path = host.write(GOOD + f"restapi:\n  authentication: {{password: {password}}}\n  keyfile_password: canary-7c1\n")
    for words in ([PGRAFTD, "--voter", "-c", path], [PGRAFTCTL, "config", "show", "-c", path]):
        status, out, err = host.run(*words)
        assert status == 1
        assert "canary" not in out + err


# --- Reload ---

def until(true, what):
    """Waits for @true() to hold."""
    deadline = time.monotonic() + SECONDS_MAX
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_a_reload_takes_over_what_it_can_and_tells_the_rest(host):
    text = GOOD + f"  data_dir: {host.folder}/data\n"
    path = host.write(text)
    log = host.folder / "log" / "pgraft.log"
    with subprocess.Popen([PGRAFTD, "--witness", "-c", path], cwd=host.folder, env=host.environment(PGRAFTD),
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as node:
        try:
            assert any("daemon listens" in line for line in node.stderr)
            host.write(text + f"  site: fra\nlog: {{dir: {log.parent}, level: debug, type: json}}\n")
            node.send_signal(signal.SIGHUP)
            until(log.exists, "the log did not move")
            until(lambda: "log.dir: not set" in log.read_text(), "nothing was told")
            # A line that waited while the log moved still looks as it did.
            told = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
            assert [t["text"] for t in told if t["event"] == "reloaded"] == [
                "raft.site: not set -> fra, needs a restart",
                "log.type: plain -> json, taken over",
                "log.level: info -> debug, taken over",
                f"log.dir: not set -> {log.parent}, taken over"]
            host.write(text + f"log: {{dir: {log.parent}, levle: info, type: json}}\n  quota: x\n")
            node.send_signal(signal.SIGHUP)
            until(lambda: "reload refused" in log.read_text(), "nothing was refused")
            host.write(text + "  quota: nowhere\nscoope: x\n")
            size = len(log.read_text())
            node.send_signal(signal.SIGHUP)
            until(lambda: "nowhere" in log.read_text()[size:], "nothing was refused again")
            until(lambda: "scoope" in log.read_text()[size:], "the warning is not told")
            lines = [json.loads(line) for line in log.read_text()[size:].splitlines()]
            assert [t["level"] for t in lines if "scoope" in t.get("text", "")] == ["warn"]
            assert [t["level"] for t in lines if "nowhere" in t.get("text", "")] == ["error"]
        finally:
            node.terminate()
            node.communicate(timeout=SECONDS_MAX)
        assert node.returncode == 0


def test_a_log_that_can_not_move_is_tried_again_by_the_next_reload(host):
    text = GOOD + f"  data_dir: {host.folder}/data\n"
    path = host.write(text)
    log = host.folder / "later" / "log" / "pgraft.log"
    with subprocess.Popen([PGRAFTD, "--witness", "-c", path], cwd=host.folder, env=host.environment(PGRAFTD),
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as node:
        try:
            assert any("daemon listens" in line for line in node.stderr)
            host.write(text + f"log: {{dir: {log.parent}, level: warn}}\n")
            node.send_signal(signal.SIGHUP)
            assert any("the log stays where it is" in line for line in node.stderr)
            log.parent.parent.mkdir()
            node.send_signal(signal.SIGHUP)
            until(log.exists, "the log did not move")
        finally:
            node.terminate()
            node.communicate(timeout=SECONDS_MAX)
        assert node.returncode == 0


# --- What the host does not let it do: one line, and nothing that looks like an end of what never began ---

def cannot_start(host, *words):
    """The last line on stderr; before it there may be events of a store that was opened."""
    status, out, err = host.run(PGRAFTD, *words)
    assert (status, out) == (1, "")
    assert "stopped" not in err
    return err.splitlines()[-1].removeprefix("pgraftd: ")


def test_an_address_that_is_taken_or_not_here(host):
    words = first_try(host)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.66.4", 0))
        taken.listen()
        at = f"127.0.66.4:{taken.getsockname()[1]}"
        for place, name in (("127.0.66.4:7400", "listen on"), ("127.0.66.4:8008", "restapi.listen:")):
            with_it = [word.replace(place, at) for word in words]
            assert cannot_start(host, *with_it) == f"{name} {at} (another process listens there): Address already in use"
    away = [word.replace("127.0.66.4:8008", "203.0.113.9:8008") for word in words]
    assert cannot_start(host, *away)== (
        "restapi.listen: 203.0.113.9:8008 (no address of this host): Cannot assign requested address")


def test_a_directory_that_can_not_be_one(host):
    words = first_try(host)
    (host.folder / "file").write_text("x")
    for place, says in (("file", "raft.data_dir: file: Not a directory"), ("file/x", "raft.data_dir: file/x can not be made: "
                        "Not a directory"), ("/proc/x", "raft.data_dir: /proc/x can not be made: No such file or directory")):
        assert cannot_start(host, *[place if word == "data" else word for word in words]) == says


def test_no_place_for_the_control_socket(host):
    (host.folder / "file").write_text("x")
    host.variables = {"PGRAFT_CTL_SOCKET": f"{host.folder}/file/s"}
    assert cannot_start(host, *first_try(host)) == (
        f"no control socket (ctl.socket names a place): {host.folder}/file/s: Not a directory")
    host.variables = {"PGRAFT_CTL_SOCKET": "/s" * 60}
    assert cannot_start(host, *first_try(host)) == (
        f"no control socket (ctl.socket names a place): a socket's path has at most 107 bytes, not the 120 of {'/s' * 60}")


def test_why_it_can_not_start_stands_in_its_log_too(host):
    (host.folder / "file").write_text("x")
    path = host.write(GOOD + f"  data_dir: {host.folder}/file\nlog: {{dir: {host.folder}/log, level: info}}\n")
    (host.folder / "log").mkdir()
    assert cannot_start(host, "--witness", "-c", path) == f"raft.data_dir: {host.folder}/file: Not a directory"
    (line,) = (host.folder / "log" / "pgraft.log").read_text().splitlines()
    assert "daemon can not start" in line
    assert "/file: Not a directory" in line


# --- What pgraftctl shows ---

def test_a_generated_file_is_a_good_one(host):
    status, out, err = host.run(PGRAFTCTL, "config", "generate")
    assert (status, err) == (0, "")
    path = host.write(out.replace("/etc/pgraft/secret", str(host.secret)))
    assert host.run(PGRAFTD, "--validate-config", path) == (
        0, "the configuration of witness pg1 in cluster demo is fine\n", "")


def test_show_tells_where_values_come_from_and_loads_again(host):
    path = host.write(GOOD)
    host.variables = {"PGRAFT_LOG_LEVEL": "debug"}
    status, out, err = host.run(PGRAFTCTL, "config", "show", "-c", path)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert f"scope: demo                                      # {path}:1" in lines
    assert "  level: debug                                   # PGRAFT_LOG_LEVEL" in lines
    host.variables = {}
    again = host.write(out, "again.yml")
    assert host.run(PGRAFTD, "--validate-config", again) == (
        0, "the configuration of witness w1 in cluster demo is fine\n", "")


def test_show_shows_what_can_be_read(host):
    path = host.write("name: w1\nraft: {site: fra, quota: x}\n")
    status, out, err = host.run(PGRAFTCTL, "config", "show", "-c", path)
    assert status == 1
    assert "  site: fra " in out
    assert f"{path}:2:26: raft.quota: " in err


# --- Files of Patroni's ---

EXAMPLES = Path(os.environ["PGRAFT_SOURCE_ROOT"]) / "examples" / "patroni"


def example(host, name):
    """The path of a copy of the example @name that finds its secret."""
    return host.write((EXAMPLES / name).read_text(encoding="utf-8").replace("/etc/pgraft/secret", "{secret}"), name)


@pytest.mark.parametrize("name,notes", [
    ("three-nodes.yml", ["9:20: note: log.traceback_level", "15:5: note: log.loggers: patroni.postmaster",
                         "16:5: note: log.loggers: urllib3", "22:1: note: etcd3: ignored",
                         "36:16: note: bootstrap.dcs.loop_wait", "37:20: note: bootstrap.dcs.retry_timeout"]),
    ("classic.yml", ["13:1: note: etcd: ignored", "24:16: note: bootstrap.dcs.loop_wait",
                     "25:20: note: bootstrap.dcs.retry_timeout"]),
    ("tls.yml", ["9:1: note: etcd3: ignored", "22:16: note: bootstrap.dcs.loop_wait",
                 "23:20: note: bootstrap.dcs.retry_timeout"])])
def test_a_file_of_patronis_is_good_with_a_section_raft(host, name, notes):
    path = example(host, name)
    status, out, err = host.run(PGRAFTD, "--validate-config", path)
    assert (status, out[:26]) == (0, "the configuration of voter")
    lines = err.splitlines()
    assert len(lines) == len(notes), err
    for line, note in zip(lines, notes, strict=True):
        assert line.startswith(f"{path}:{note}"), err


def test_tls_and_md5_come_through_as_they_were_written(host):
    status, out, err = host.run(PGRAFTCTL, "config", "show", "-c", example(host, "tls.yml"))
    assert status == 0, err
    for line in ("    ssl: \"on\"\n", "    - \"hostssl all all 10.0.0.0/24 md5\"\n", "      sslmode: verify-ca ",
                 "    - \"hostnossl all all 0.0.0.0/0 reject\"\n", '"password_encryption": "md5"'):
        assert line in out, out


def test_an_indentation_that_is_wrong_is_told_with_what_was_expected(host):
    path = example(host, "wrong-indentation.yml")
    assert host.run(PGRAFTD, "--validate-config", path) == (
        1, "", f"{path}:16:6: not valid YAML: did not find expected key (while parsing a block mapping at line 14); this line is"
        " indented by 5 spaces, expected was 6 as on line 15, or 4 as on line 14, or 2 as on line 13, or 0 as on line 10\n")


def test_patronictl_config_file_is_shown(host):
    host.variables = {"PATRONICTL_CONFIG_FILE": example(host, "classic.yml")}
    status, out, err = host.run(PGRAFTCTL, "config", "show")
    assert status == 0, err
    assert "  users:" in out
    assert "admin%" not in out
    assert '      options: "CREATEROLE, CREATEDB"\n' in out


# --- What pgraftctl plans ---

@pytest.mark.parametrize("words", [
    "--databases 3 --survive 2", "--databases 12 --survive 4 --max-voters 9",
    "--sites 3 --databases-per-site 2 --survive-sites 2 --layout full"])
def test_every_planned_configuration_is_a_good_one(host, words):
    folder = host.folder / "planned"
    assert host.run(PGRAFTCTL, "plan", *words.split(), "--write-configs", str(folder), "--address-pattern",
                    "10.0.0.{n}")[0] == 0
    files = sorted(folder.glob("*.yml"))
    assert len(files) >= 5
    for file in files:
        file.write_text(file.read_text().replace("/etc/pgraft/secret", str(host.secret)))
        status, out, err = host.run(PGRAFTD, "--validate-config", str(file))
        assert (status, err) == (0, "")
        kind = "witness" if file.name.startswith("w") else "voter"
        assert out == f"the configuration of {kind} {file.stem} in cluster demo is fine\n"
