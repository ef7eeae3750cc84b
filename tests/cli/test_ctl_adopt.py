"""tests/cli/test_ctl_adopt.py - adopt --from-patroni: what is looked at, what is said, what is written.

Claim: one file is written, and only when nothing is in the way; each thing that is in the way is named with its remedy, and the
status is 1; the file has the section raft and the dynamic configuration as Patroni has it, without its pause, and else what was
there before; nothing but GETs reaches Patroni. Method: a fake Patroni, and a data directory of which no PostgreSQL has ever heard.
"""
import copy
import json
import os
import stat
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import fake_node
from fake_node import fails

PGRAFTD = Path(os.environ["PGRAFT_BUILD_ROOT"]) / "daemon" / "pgraftd"
DYNAMIC = {"ttl": 30, "loop_wait": 10, "pause": True, "synchronous_mode": True,
           "postgresql": {"use_pg_rewind": True, "parameters": {"max_connections": 120, "work_mem": "8MB"}}}
FILE = """\
# the first of three
scope: main
name: pg1
restapi:
  listen: 127.0.0.1:{port}
  connect_address: 127.0.0.1:{port}
etcd3:
  hosts: [10.0.0.11:2379]
bootstrap:
  dcs:            # of the first day
    ttl: 60
  initdb:
    - data-checksums
postgresql:
  listen: 10.0.0.1:5432
  connect_address: 10.0.0.1:5432
  data_dir: {data}
  authentication:
    superuser: {{username: postgres, password: "se: cret"}}
    replication: {{username: replicator, password: rep}}
"""
WRITTEN = """\
bootstrap:
  dcs: # by pgraftctl adopt
    ttl: 30
    loop_wait: 10
    synchronous_mode: true
    postgresql:
      use_pg_rewind: true
      parameters:
        max_connections: 120
        work_mem: "8MB"
  initdb:
"""
RAFT = """\

raft: # by pgraftctl adopt
  listen: "10.0.0.1:7400"
  peers:
    - "pg1=10.0.0.1:7400"
    - "pg2=10.0.0.2:7400"
    - "pg3=10.0.0.3:7400"
  secret_file: {secret}
"""


# With a folder of units of its own: that of a machine with Patroni's package names what is in the way.
NO_UNITS = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o mode=755 none /etc/systemd && exec "$@"', "sh"]
CAN_HIDE = os.path.isdir("/etc/systemd") and subprocess.run([*NO_UNITS, "true"], capture_output=True, check=False).returncode == 0


def ctl(*words):
    return fake_node.ctl(*words, inside=NO_UNITS if CAN_HIDE else ())


class Handler(BaseHTTPRequestHandler):
    """As Patroni answers: HTTP/1.0, no length, the connection ends."""

    def log_message(self, *_args):
        pass

    def do_GET(self):
        patroni = self.server.patroni
        patroni.seen.append((self.command, self.path))
        body = patroni.answers.get(self.path)
        self.send_response(200 if body is not None else 502)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode() if body is not None else b"<html>")


class Patroni:
    """A member of a cluster of three in pause, and its host."""

    def __init__(self, folder):
        self.folder = folder
        self.seen = []
        self.members = [{"name": f"pg{i}", "role": "leader" if i == 2 else "replica", "state": "running" if i == 2 else "streaming",
                         "host": f"10.0.0.{i}", "port": 5432} for i in (1, 2, 3)]
        self.cluster = {"members": self.members, "pause": True, "scope": "main"}
        self.answers = {"/patroni": {"state": "running", "role": "replica", "patroni": {"version": "3.0.2", "scope": "main", "name": "pg1"}},
                        "/cluster": self.cluster, "/config": copy.deepcopy(DYNAMIC)}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.patroni = self
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.data = folder / "data"
        self.secret = folder / "secret"
        self.file = folder / "patroni.yml"
        self.output = folder / "pgraft.yml"
        (self.data / "global").mkdir(parents=True)
        (self.data / "PG_VERSION").write_text("15\n", encoding="ascii")
        (self.data / "global" / "pg_control").write_bytes(b"")
        (self.data / "postmaster.pid").write_text(f"{os.getpid()}\n{self.data}\n", encoding="ascii")
        self.secret.write_text("0123456789abcdef0123456789abcdef\n", encoding="ascii")
        self.secret.chmod(0o600)
        self.put(FILE)

    def put(self, text):
        self.file.write_text(text.format(port=self.server.server_address[1], data=self.data), encoding="utf-8")
        self.file.chmod(0o640)

    def words(self, *more):
        return ["adopt", "--from-patroni", self.file, "--output", self.output, "--secret-file", self.secret, *more]

    def refused(self, *more):
        """The line that is in the way, and what is to be done."""
        status, out, err = ctl(*self.words(*more))
        assert (status, err) == (1, "") and not self.output.exists()
        lines = out.splitlines()
        assert lines[-1] == "It can not be taken over like this; nothing was done."
        bad = [(line[2:], lines[i + 1].strip()) for i, line in enumerate(lines) if line.startswith("✘ ")]
        assert len(bad) == 1, out
        return bad[0]


@pytest.fixture
def patroni(tmp_path):
    fake = Patroni(tmp_path)
    fake.thread.start()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()
    fake.thread.join()


def test_a_cluster_in_pause_is_ready(patroni):
    status, out, err = ctl(*patroni.words())
    assert (status, err) == (0, ""), out
    assert "✘" not in out and "!" not in out
    assert "✔ there is one primary, and it runs: pg2\n" in out
    assert f"{patroni.output} is written. When that is so on all hosts" in out
    assert {method for method, _path in patroni.seen} == {"GET"}
    old = patroni.file.read_text(encoding="utf-8")
    new = patroni.output.read_text(encoding="utf-8")
    begin, _bootstrap, rest = old.partition("bootstrap:\n")
    assert new == begin + WRITTEN + rest.partition("  initdb:\n")[2] + RAFT.format(secret=patroni.secret)
    assert stat.S_IMODE(patroni.output.stat().st_mode) == 0o640
    assert old == FILE.format(port=patroni.server.server_address[1], data=patroni.data)
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PGRAFT", "PATRONI"))}
    checked = subprocess.run([PGRAFTD, "--voter", "--validate-config", patroni.output], capture_output=True, text=True, check=False, env=env)
    assert checked.returncode == 0, checked.stderr


def test_a_dry_run_writes_nothing(patroni):
    status, out, err = ctl(*patroni.words("--dry-run"))
    assert (status, err) == (0, "")
    assert out.endswith(f"{patroni.output} would be written; nothing was done.\n")
    assert not patroni.output.exists()


def test_programs_read_it_as_json(patroni):
    status, out, _err = ctl(*patroni.words("--format", "json"))
    told = json.loads(out)
    assert status == 0 and told["possible"] is True and told["written"] == str(patroni.output)
    assert {"check": "the cluster is paused", "good": True, "warning": False, "remedy": None} in told["checks"]
    status, out, _err = ctl(*patroni.words("--format", "json"))
    told = json.loads(out)
    assert status == 1 and told["possible"] is False and told["written"] is None


def no_pause(patroni):
    del patroni.cluster["pause"]


def scheduled(patroni):
    patroni.cluster["scheduled_switchover"] = {"at": "2030-01-01T00:00:00+00:00", "from": "pg2"}


def no_leader(patroni):
    patroni.members[1]["role"] = "replica"


def leader_is_down(patroni):
    patroni.members[1]["state"] = "stopped"


def standby_is_down(patroni):
    patroni.members[2]["state"] = "stopped"


def another_node(patroni):
    patroni.answers["/patroni"]["patroni"]["name"] = "pg9"


def standby_cluster(patroni):
    patroni.answers["/config"]["standby_cluster"] = {"host": "10.1.0.1"}


def bad_value(patroni):
    patroni.answers["/config"]["maximum_lag_on_failover"] = "much"


def no_config(patroni):
    del patroni.answers["/config"]


def no_postgresql(patroni):
    (patroni.data / "postmaster.pid").unlink()


def ours_already(patroni):
    (patroni.data / "pgraft.note").write_bytes(b"")


def no_secret(patroni):
    patroni.secret.unlink()


def wrong_file(patroni):
    patroni.put(FILE.replace("listen: 10.0.0.1:5432", "listen: 10.0.0.1:99999"))


@pytest.mark.parametrize("change, check, remedy", [
    (no_pause, "the cluster is paused", "patronictl pause --wait: else"),
    (scheduled, "no switchover is scheduled", "patronictl flush"),
    (no_leader, "there is one primary, and it runs", "patronictl list"),
    (leader_is_down, "there is one primary, and it runs", "patronictl list"),
    (standby_is_down, "pg3 runs: stopped", "start it, or remove it"),
    (another_node, "it is the node pg1 of the cluster main", "this one is pg9 of the cluster main"),
    (standby_cluster, "it is no standby cluster", "promote it before"),
    (bad_value, "maximum_lag_on_failover", "patronictl edit-config"),
    (no_config, "Patroni answers", "/config: status 502"),
    (no_postgresql, "its PostgreSQL runs", "start it, with Patroni"),
    (ours_already, "it is not pgraft's yet", "start pgraftd"),
    (no_secret, "the secret of the peers is there", "pgraftctl secret generate"),
    (wrong_file, "postgresql.listen", "mend it in Patroni's file"),
], ids=lambda value: value.__name__ if callable(value) else "")
def test_what_is_in_the_way_is_named(patroni, change, check, remedy):
    change(patroni)
    said, advice = patroni.refused()
    assert check in said and remedy in advice


def test_a_member_is_forgotten_among_the_peers(patroni):
    said, advice = patroni.refused("--peers", "pg1=10.0.0.1:7400,pg2=10.0.0.2:7400,w1=10.0.0.4:7400")
    assert said == "pg3 is among the peers" and "pg3=HOST:7400" in advice


def test_nothing_is_overwritten(patroni):
    patroni.output.write_text("mine\n", encoding="ascii")
    status, out, _err = ctl(*patroni.words())
    assert status == 1 and f"✘ nothing is overwritten: {patroni.output}\n    give another --output" in out
    assert patroni.output.read_text(encoding="ascii") == "mine\n"


def test_patroni_does_not_run(patroni):
    """The configuration is in a file of the data directory then, and the hosts are said."""
    patroni.answers.clear()
    patroni.cluster.clear()
    said, advice = patroni.refused("--peers", "pg1=10.0.0.1:7400,pg2=10.0.0.2:7400,pg3=10.0.0.3:7400")
    assert said == "Patroni answers" and advice.startswith("start it, or give --dynamic and --peers: ")
    stored = patroni.data / "patroni.dynamic.json"
    stored.write_text(json.dumps(DYNAMIC), encoding="utf-8")
    patroni.seen.clear()
    status, out, err = ctl(*patroni.words("--dynamic", stored, "--peers", "pg1=10.0.0.1:7400,pg2=10.0.0.2:7400,pg3=10.0.0.3:7400"))
    assert (status, err) == (0, "") and "! Patroni was not asked\n" in out and patroni.seen == []
    assert WRITTEN in patroni.output.read_text(encoding="utf-8")


def test_what_somebody_should_know_is_no_refusal(patroni):
    patroni.members[2]["pending_restart"] = True
    patroni.answers["/config"]["slots"] = {"changes": {"type": "logical", "database": "app", "plugin": "pgoutput"}}
    status, out, _err = ctl(*patroni.words())
    assert status == 0 and "! pg3 waits for a restart\n" in out
    assert any(line.startswith("! ") and "slots" in line for line in out.splitlines())


def test_two_voters_are_told_to_be_few(patroni):
    del patroni.members[2]
    status, out, _err = ctl(*patroni.words())
    assert status == 0 and "! 2 voters survive no failure\n" in out


def test_wrong_words(patroni):
    fails(2, "adopt")
    fails(2, *patroni.words("--peers", "pg1"))
    fails(2, *patroni.words("--format", "tsv"))
    fails(2, *patroni.words("--timeout", "soon"))
    fails(2, *patroni.words("--user", "admin"))
    assert "is a directory" in fails(2, "adopt", "--from-patroni", patroni.folder)
    assert "has a section raft of pgraft's already" in ours(patroni)


def ours(patroni):
    patroni.put(FILE + "raft:\n  listen: 10.0.0.1:7400\n")
    return fails(1, *patroni.words())
