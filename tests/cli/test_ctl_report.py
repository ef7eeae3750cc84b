"""tests/cli/test_ctl_report.py - report: a bundle for support.

Claim: it holds what the cluster, each node and this host have to tell, says what is missing and why, and holds no secret,
wherever one was: secrets are planted in every place that can hold one, and looked for in every byte. It is written as a whole
for its owner alone, over nothing that is there, or not at all. Method: fake nodes, files of a configuration and of a log.
"""
import json
import os
import signal
import stat
import subprocess
import tarfile
import threading

import pytest

from fake_node import CTL, SECONDS_MAX, Error, Node, b64, ctl, environment, fails
from test_ctl_cluster import HEALTHY
from test_ctl_faces import leader, replica, view

EXPLAIN = "/pgraft/v1/config/explain"
NODE_PARTS = {"status", "raft", "events", "why", "config"}

# Whatever is secret has "hush" in it.
YAML = """\
scope: orders
name: db1
raft:
  listen: 10.0.0.1:7400
  peers: [db1=10.0.0.1:7400, db2=10.0.0.2:7400]
  secret_file: {dir}/secret
restapi:
  listen: 10.0.0.1:8008
  authentication: {{username: admin, password: hush-restapi}}
  keyfile_password: hush-key
  http_extra_headers: {{X-Token: hush-header, X-Site: fra}}
ctl:
  authentication: {{username: admin, password: hush-ctl}}
  keyfile_password: hush-ctl-key
log: {{dir: {dir}/log}}
bootstrap:
  dcs:
    ttl: 30
    standby_cluster: {{host: a, primary_slot_name: s, restore_command: "fetch --password hush-restore x"}}
    postgresql: {{parameters: {{archive_command: "PGPASSWORD=hush-archive push %p"}}}}
  users: {{app: {{password: hush-user, options: [createdb]}}}}
  post_bootstrap: "/bin/setup postgresql://me:hush-post@db/x"
postgresql:
  data_dir: {dir}/data
  listen: 10.0.0.1:5432
  pg_hba: ['host all all 0.0.0.0/0 ldap ldapserver=l ldapbindpasswd="hush-ldap"']
  authentication:
    superuser: {{username: postgres, password: 'hush"super'}}
    replication: {{username: rep, password: "hush'rep", sslpassword: hush-ssl}}
    rewind: {{username: rew, password: hush-rewind}}
  parameters:
    work_mem: 16MB
    ssl_passphrase_command: echo hush-passphrase
    archive_command: 'AWS_SECRET_ACCESS_KEY=hush-aws wal-g push'
  recovery_conf: {{restore_command: 'curl -H "Authorization: Bearer hush-bearer" x'}}
  callbacks: {{on_start: /bin/tell --token=hush-token}}
tags: {{api_key: hush-tag, dc: fra}}
"""

LOG = """\
2026-11-22T10:00:00.000Z info  daemon listens: node=db1
2026-11-22T10:00:01.000Z warn  pg failed: text="host=10.0.0.2 password=hush-log user=rep: no"
2026-11-22T10:00:02.000Z warn  pg failed: text="tried \\"hush\\"super\\" alone, and hush'rep, hush''rep, hush-ctl-key"
{"level":"info","msg":"ALTER ROLE a PASSWORD 'hush-sql'","token":"hush-json"}
-----BEGIN PRIVATE KEY-----
hushhushhush
-----END PRIVATE KEY-----
2026-11-22T10:00:03.000Z info  http asked: authorization: Basic """ + b64(b"admin:hush-restapi") + """
sent """ + b64(b"admin:hush-restapi") + """ and hush-shared and hush-password-file and hush-env
"""

CONFIG = {"ttl": 30, "postgresql": {"parameters": {
    "max_connections": 200, "password_encryption": "scram-sha-256", "primary_conninfo": "host=a password=hush-conninfo",
    "archive_command": "push --repo1-cipher-pass=hush-cipher %p", "ssl_passphrase_command": "echo hush"},
    "pg_hba": ["host all all all ldap ldapbindpasswd=hush-hba"], "pgbackrest": {"secret": {"deep": ["hush-deep", 5]}},
    "wal_g": {"command": ["wal-g", "--password", "hush-argument", "push"]}}}

TOLD = {"name": "db1", "role": "primary", "trouble": "password=hush-trouble", "settings": [
    {"name": "sslpassword", "value": "hush-value", "running": "hush-running", "layers": [{"value": "hush-layer"}]},
    {"name": "work_mem", "value": "16MB", "running": "4MB", "layers": [{"value": "4MB", "where": "/data/x.conf:64"}]}]}


def answers(**more):
    seen = view([leader(), replica()], notes={"db2": "no: postgresql://rep:hush-note@db1/x"},
                history=[[1, 25623960, "no recovery target specified password=hush-history", "2026-11-22T10:00:00+00:00", "db1"]],
                decisions=[{"at": "2026-11-22T10:00:00Z", "node": "db1", "rule": "steady", "action": "none",
                            "text": "PGPASSWORD=hush-decision"}])
    return {"/raft": {**HEALTHY, "scope": "orders", "note": "secret: hush-raft"}, "/pgraft/v1/view": seen, "/config": CONFIG,
            "/patroni": {"state": "running", "tags": {"token": "hush-shown-tag"}, "server_version": 150018},
            "/pgraft/v1/events": {"supervised": True, "events": [{"sequence": 1, "text": "conninfo password='hush event'"}],
                                  "newest": 1}, EXPLAIN: TOLD, **more}


class Place:
    """A node of the cluster with its files, and a directory for the report."""

    def __init__(self, tmp_path, **more):
        self.dir = tmp_path
        self.node = Node(answers(**more))
        rows = self.node.answers["/pgraft/v1/view"]["cluster"]["members"]
        for row in rows:
            row["api_url"] = self.node.endpoint + "/patroni"
        (tmp_path / "log").mkdir()
        (tmp_path / "log" / "pgraft.log").write_text(LOG)
        (tmp_path / "log" / "pgraft.log.1").write_text("older\n" * 1000 + LOG)
        (tmp_path / "secret").write_text("hush-shared\n")
        (tmp_path / "password").write_text("hush-password-file\n")
        (tmp_path / "pgraft.yml").write_text(YAML.format(dir=tmp_path))
        self.out = tmp_path / "out"
        self.out.mkdir()

    def words(self, *words):
        return ["report", "-e", self.node.endpoint, "-c", self.dir / "pgraft.yml", "--user", "admin", "--password-file",
                self.dir / "password", "--timeout", "60s", *words]

    def __enter__(self):
        self.node.__enter__()
        return self

    def __exit__(self, *args):
        self.node.__exit__(*args)

    def report(self, *words):
        """Status 0 and nothing on stderr; what was said."""
        status, out, err = ctl(*self.words(*words), env={"PGRAFT_X_PASSWORD": "hush-env", "PATRONI_RESTAPI_PASSWORD": "hush-restapi"})
        assert (status, err) == (0, "")
        assert "hush" not in out
        return out


@pytest.fixture(name="place")
def fixture_place(tmp_path):
    with Place(tmp_path) as one:
        yield one


def files_of(path):
    with tarfile.open(path) as tar:
        assert all(m.isfile() and m.mode == 0o600 for m in tar.getmembers())
        return {m.name.split("/")[1]: tar.extractfile(m).read().decode() for m in tar.getmembers()}


def test_no_secret_is_in_it(place):
    path = place.out / "a.tar"
    place.report("-o", path)
    assert b"hush" not in path.read_bytes()
    for name, text in files_of(path).items():
        assert "hush" not in text, name
        assert b64(b"admin:hush-restapi") not in text, name


def test_all_the_rest_is(place):
    place.report("-o", place.out / "a.tar")
    files = files_of(place.out / "a.tar")
    nodes = {f"node{number}-{name}-{part}.json" for number, name in ((1, "db1"), (2, "db2")) for part in NODE_PARTS}
    assert set(files) == nodes | {"README.txt", "raft.json", "view.json", "cluster.txt", "shared-config.json", "host.txt",
                                  "local-config.yml", "local-config-problems.txt", "log-pgraft.log", "log-pgraft.log.1"} - (
                                      set() if "local-config-problems.txt" in files else {"local-config-problems.txt"})
    shared = json.loads(files["shared-config.json"])
    assert shared["postgresql"]["parameters"]["max_connections"] == 200
    assert shared["postgresql"]["parameters"]["password_encryption"] == "scram-sha-256"
    assert shared["postgresql"]["parameters"]["archive_command"] == "push --repo1-cipher-pass=*** %p"
    assert shared["postgresql"]["wal_g"]["command"] == ["wal-g", "--password", "***", "push"]
    assert shared["postgresql"]["pgbackrest"]["secret"] == {"deep": ["***", "***"]}
    told = json.loads(files["node1-db1-config.json"])["settings"]
    assert (told[0]["value"], told[1]["value"], told[1]["layers"][0]["where"]) == ("***", "16MB", "/data/x.conf:64")
    assert "username: postgres" in files["local-config.yml"]
    assert f"secret_file: {place.dir}/secret" in files["local-config.yml"]
    assert "| db2    |" in files["cluster.txt"] and "Cluster orders: " in files["cluster.txt"]
    assert "text=\"host=10.0.0.2 password=*** " in files["log-pgraft.log"]
    assert "Max open files" in files["host.txt"] and "clock realtime: " in files["host.txt"]


def test_it_says_what_it_holds_and_what_not(place):
    place.node.answers["/config"] = Error("ERR_REFUSED", "no configuration for password=hush-error")
    del place.node.answers[EXPLAIN]
    said = place.report("-o", place.out / "a.tar")
    readme = files_of(place.out / "a.tar")["README.txt"]
    for text in (said, readme):
        assert "  view.json, " in text
        assert "  every password, secret, key" in text
        assert "  shared-config.json: " in text and "password=***" in text
        assert "  node2-db2-config.json: " in text
    assert said.startswith(f"{place.out}/a.tar is written.\n")


def test_only_its_owner_may_read_it(place):
    os.umask(0o000)
    try:
        place.report("-o", place.out / "a.tar")
        place.report("--directory", place.out / "b")
    finally:
        os.umask(0o022)
    assert stat.S_IMODE((place.out / "a.tar").stat().st_mode) == 0o600
    assert stat.S_IMODE((place.out / "b").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (place.out / "b").iterdir()} == {0o600}


def test_a_directory_holds_the_same(place):
    place.report("--directory", place.out / "b")
    place.report("-o", place.out / "a.tar")
    assert {path.name for path in (place.out / "b").iterdir()} == set(files_of(place.out / "a.tar"))
    assert all(b"hush" not in path.read_bytes() for path in (place.out / "b").iterdir())


def test_nothing_is_written_over(place):
    (place.out / "a.tar").write_text("mine")
    (place.out / "b").mkdir()
    (place.out / "c").symlink_to("/nonexistent/d")
    for words in (["-o", place.out / "a.tar"], ["--directory", place.out / "b"], ["--directory", place.out / "a.tar"],
                  ["-o", place.out / "c"], ["--directory", place.out / "c"]):
        fails(1, *place.words(*words))
    assert (place.out / "a.tar").read_text() == "mine"
    assert sorted(os.listdir(place.out)) == ["a.tar", "b", "c"] and os.listdir(place.out / "b") == []


def test_ctrl_c_leaves_nothing_behind(place):
    asked, goes_on = threading.Event(), threading.Event()

    def hangs(_body):
        asked.set()
        goes_on.wait(SECONDS_MAX)
        return TOLD
    place.node.answers[EXPLAIN] = hangs
    done = subprocess.Popen([CTL, *map(str, place.words("-o", place.out / "a.tar"))], env=environment(), stdout=subprocess.PIPE)
    try:
        assert asked.wait(SECONDS_MAX)
        done.send_signal(signal.SIGINT)
        assert done.wait(SECONDS_MAX) != 0
    finally:
        goes_on.set()
        done.kill()
        done.communicate()
    assert os.listdir(place.out) == []


def test_where_nobody_answers_this_host_is_told_all_the_same(place):
    dead = ["report", "-e", "127.0.0.9:1", "-c", place.dir / "pgraft.yml", "--timeout", "300ms", "-o", place.out / "a.tar"]
    status, out, err = ctl(*dead)
    assert (status, err) == (0, "")
    assert "  raft.json, and all that the nodes tell: " in out
    assert {"host.txt", "local-config.yml", "log-pgraft.log"} <= set(files_of(place.out / "a.tar"))


def test_the_end_of_the_log(place):
    place.report("-o", place.out / "a.tar", "--log-kib", "1")
    log = files_of(place.out / "a.tar")["log-pgraft.log.1"]
    assert len(log) <= 1024 and log.startswith(("older\n", "2026", "{", "sent", "-----", "hush"[:0] + "***"))
    place.report("-o", place.out / "b.tar", "--log-kib", "0")
    assert not [name for name in files_of(place.out / "b.tar") if name.startswith("log-")]


def test_words_that_make_no_sense(place):
    assert "only one of them" in fails(2, *place.words("-o", "a", "--directory", "b"))
    assert "no use for option" in fails(2, *place.words("--format", "json"))
    assert os.listdir(place.out) == []
