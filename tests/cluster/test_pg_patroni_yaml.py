"""tests/cluster/test_pg_patroni_yaml.py - files of Patroni's boot as they are, with a section raft in them.

Claim: the three files of examples/patroni that are whole form a cluster each; what stands in them is in force: the log's
directory, users, parameters of another version, a slot, a script, TLS for everybody with md5 passwords; and what of them has no
effect is told with its place. Addresses and directories are those of the test; nothing else is changed. On the first day a rule of
pg_hba lets somebody in everywhere, and what asks for a restart is put in force without an outage."""
import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

from lib import wait
from lib.pg_cluster import FORMED_S, LONG, TABLES, WELL_S
from lib.pg_node import ANSWER_S, BIN, PG_PORT
from lib.timely import timely
from lib.tls import Authority
from lib.tool import CTL

EXAMPLES = Path(os.environ["PGRAFT_SOURCE_ROOT"]) / "examples" / "patroni"


class Host:
    """The node @node of the kit, told what it is by a file of Patroni's."""

    def __init__(self, node, name, login, changes=(), more=None):
        self.node = node
        self.login = login
        self.path = node.folder / "patroni.yml"
        self.logs = node.folder / "log"
        self.logs.mkdir()
        shutil.copy(EXAMPLES / "post_bootstrap.sh", node.folder)
        if more is not None:
            more(node)
        self.path.write_text(self._text(name, changes), encoding="utf-8")
        self.path.chmod(0o600)
        node.give()
        node.arguments = lambda: [str(node.program), "--voter", "-c", str(self.path), "--data-dir", str(node.data)]

    def _text(self, name, changes):
        node = self.node
        text = (EXAMPLES / name).read_text(encoding="utf-8")
        places = [("/var/log/patroni", self.logs), ("/etc/patroni", node.folder), ("/etc/pgraft/secret", node.secret),
                  ("/usr/lib/postgresql/15/bin", BIN), ("/var/lib/postgresql/15/main", node.pgdata),
                  ("/var/run/postgresql", node.sockets), ("/var/lib/postgresql", node.folder), ("10.0.0.0/24", "0.0.0.0/0"),
                  ("name: pg1\n", f"name: {node.name}\n"), *changes]
        for old, new in places:
            text = text.replace(old, str(new))
        text = re.sub(r"peers: .*", f"peers: [{node.cluster.peers_text()}]", text)
        return re.sub(r": 10\.0\.0\.1:", f": {node.address}:", text)

    def sql(self, statement, login=None, database="postgres", tls="prefer"):
        """What @statement answers over TCP, with a password, by the sslmode @tls; None if it did not."""
        user, password = login or self.login
        words = [BIN / "psql", "-XqAtw", "-v", "ON_ERROR_STOP=1", "-h", self.node.address, "-p", str(PG_PORT), "-U", user,
                 "-d", database, "-c", statement]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=ANSWER_S,
                                  env={"PATH": os.environ["PATH"], "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "2",
                                       "PGSSLMODE": tls})
        except subprocess.TimeoutExpired:
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    def is_primary(self):
        return self.sql("SELECT pg_is_in_recovery()") == "f"

    def log_files(self):
        """What each file of its log holds, by path; None while one is being turned over, or none ever was."""
        try:
            files = {path: path.read_text(encoding="utf-8") for path in sorted(self.logs.glob("pgraft.log*"))}
        except FileNotFoundError:
            return None
        return files if len(files) > 1 else None


def boot(pg_stage, names, file, login, changes=(), more=None):
    """The hosts of a whole cluster out of @file, the primary first; @more is what is put into the folder of each."""
    cluster = pg_stage.cluster(names=names)
    hosts = [Host(node, file, login, changes, more) for node in cluster.databases]
    cluster.start()

    def story():
        return cluster.story() + "".join(f"\n--- {path} ---\n{path.read_text(encoding='utf-8')[-3000:]}"
                                         for host in hosts for path in sorted(host.logs.glob("pgraft.log")))
    asked = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
    primary = wait.until(lambda: next((h for h in hosts if h.is_primary() and h.sql(asked) == str(len(hosts) - 1)), None),
                         lambda: f"a primary with {len(hosts) - 1} standbys\n{story()}", FORMED_S)
    return cluster, [primary, *(host for host in hosts if host is not primary)]


def test_three_nodes_with_etcd3_namespace_log_and_a_script(pg_stage):
    cluster, hosts = boot(pg_stage, ("pg1", "pg2", "pg3"), "three-nodes.yml", ("postgres", "super: 'secret' #1"),
                          [("file_size: 25000000", "file_size: 500")])
    primary = hosts[0]
    assert primary.sql("SHOW max_connections") == "120"
    assert primary.sql("SHOW wal_level") == "replica"
    assert primary.sql("SELECT count(*) FROM pg_roles WHERE rolname IN ('replicator', 'rewind_user')") == "2"
    assert primary.sql("SELECT current_database()", database="app") == "app"
    wait.until(lambda: "FIRST 1" in (primary.sql("SHOW synchronous_standby_names") or ""), lambda: cluster.story(), WELL_S)
    for host in hosts:
        logs = wait.until(host.log_files, lambda host=host: f"the log of {host.node.name} is turned over")
        assert len(logs) <= 4, logs.keys()  # no more than file_num older ones
        assert {stat.S_IMODE(path.stat().st_mode) for path in logs} == {0o644}
        lines = [json.loads(line) for text in logs.values() for line in text.splitlines()]
        assert {line["level"] for line in lines} <= {"info", "warn", "error"}
        said = host.node.log()
        for told in ("22:1: note: etcd3: ignored; the store is part of pgraft, see section raft",
                     "9:20: note: log.traceback_level: no effect: there are no tracebacks",
                     "15:5: note: log.loggers: patroni.postmaster: no effect: a module of Patroni's"):
            assert f"{host.path}:{told}" in said, said
        assert "warning: " not in said, said
    key = host.node.client.value("/db/main/config")
    assert json.loads(key)["synchronous_mode"] in (True, "true"), key


def test_a_classic_one_with_users_segments_and_a_slot(pg_stage):
    cluster, hosts = boot(pg_stage, ("pg1", "pg2", "w1"), "classic.yml", ("postgres", "zalando"))
    primary, standby = hosts
    for host in hosts:
        options = "SELECT rolcreaterole, rolcreatedb, rolcanlogin, rolsuper, rolconnlimit FROM pg_roles WHERE rolname = "
        wait.until(lambda host=host: host.sql(f"{options}'admin'") == "t|t|t|f|-1", lambda host=host: host.node.log_tail())
        assert host.sql(f"{options}'reader'") == "f|f|t|f|3"
        assert host.sql("SELECT current_user", ("admin", "admin%")) == "admin"
        assert host.sql("SELECT current_user", ("reader", "it's \\ read")) == "reader"
        assert host.sql("SELECT current_user", ("admin", "wrong")) is None
        assert host.sql("SELECT DISTINCT left(rolpassword, 3) FROM pg_authid WHERE rolpassword IS NOT NULL") == "md5"
        assert host.sql("SHOW wal_keep_size") == "256MB"
        assert host.sql("SHOW cluster_name") == "demo"
        assert host.sql("SHOW checkpoint_timeout") == "30s"
        assert stat.S_IMODE((host.node.folder / "pgpass0").stat().st_mode) == 0o600
    slots = "SELECT slot_type, restart_lsn IS NOT NULL FROM pg_replication_slots WHERE slot_name = 'archive'"
    wait.until(lambda: primary.sql(slots) == "physical|t", lambda: f"the slot is made\n{primary.node.log_tail()}")
    assert standby.sql(slots) == ""
    if LONG:
        primary.node.kill_all()
        wait.until(lambda: standby.sql(slots) == "physical|t", lambda: f"the slot is made there\n{cluster.story()}", WELL_S)


def test_tls_for_everybody_and_md5_passwords(pg_stage, tmp_path):
    """Replication and the nodes' own sessions, too: who comes without TLS is let in nowhere."""
    authority = Authority(tmp_path / "authority", ["server"])
    changes = [('"*:5432"', "10.0.0.1:5432")]  # all on one machine, without namespaces

    def with_certificates(node):
        for name, file in (("ca.crt", "ca.pem"), ("server.crt", "server.pem"), ("server.key", "server.key")):
            (node.folder / name).write_text(authority.text(file), encoding="ascii")
            (node.folder / name).chmod(0o600)

    cluster, hosts = boot(pg_stage, ("pg1", "pg2", "pg3"), "tls.yml", ("postgres", "super"), changes, with_certificates)
    primary = hosts[0]
    for host in hosts:
        wait.until(lambda host=host: host.sql("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", tls="require") == "t",
                   lambda host=host: f"it lets somebody in\n{host.node.log_tail()}", WELL_S)
        assert host.sql("SELECT 1", tls="disable") is None
        assert host.sql("SELECT 1", ("postgres", "wrong"), tls="require") is None
        assert host.sql("SELECT DISTINCT left(rolpassword, 3) FROM pg_authid WHERE rolpassword IS NOT NULL", tls="require") == "md5"
    asked = "SELECT count(*), bool_and(s.ssl) FROM pg_stat_replication JOIN pg_stat_ssl s USING (pid)"
    assert primary.sql(asked, tls="require") == "2|t"
    asked = "SELECT bool_and(s.ssl) FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid) WHERE client_addr IS NOT NULL"
    assert primary.sql(asked, tls="require") == "t"
    primary.node.kill_all()
    wait.until(lambda: any(host.is_primary() for host in hosts[1:]), lambda: f"another one takes over\n{cluster.story()}", WELL_S)


# --- The first day of somebody who comes from Patroni ---

WHO = ("operator", "over the wire")
RULE = "host all postgres,rewind_user 0.0.0.0/0 scram-sha-256"
FIRST_DAY = [("restapi:\n", f"restapi:\n  authentication: {{username: {WHO[0]}, password: {WHO[1]}}}\n"),
             ("\"super: 'secret' #1\"", "super"), ("local all all scram-sha-256", "local all all trust"),
             ("host all all 0.0.0.0/0 scram-sha-256", RULE)]
ROLLING_S = 180
OUTAGE_MS = 1000


def test_the_first_day(pg_stage, tmp_path):
    cluster, hosts = boot(pg_stage, ("pg1", "pg2", "pg3"), "three-nodes.yml", ("postgres", "super"), FIRST_DAY)
    cluster.dynamic = {"synchronous_mode": True}  # as the file has it
    primary, asked = hosts[0], hosts[1].node
    password = tmp_path / "password"
    password.write_text(WHO[1] + "\n", encoding="utf-8")

    def says(*words):
        done = subprocess.run([CTL, *words, "-e", asked.socket, "--user", WHO[0], "--password-file", password], capture_output=True,
                              text=True, check=False, timeout=ROLLING_S, env={"PATH": os.environ["PATH"]})
        assert done.returncode == 0, done.stdout + done.stderr + cluster.story()
        return done.stdout

    assert primary.sql(TABLES) == ""
    assert primary.sql("CREATE USER guest PASSWORD 'guest'") == ""
    guest = ("guest", "guest")
    wait.until(lambda: all(host.sql("SELECT count(*) FROM pg_roles WHERE rolname = 'guest'") == "1" for host in hosts), "all know of it")
    assert [host.sql("SELECT current_user", guest) for host in hosts] == [None] * 3
    rules = ["local all all trust", "host replication replicator 0.0.0.0/0 scram-sha-256", RULE,
             "host all guest 0.0.0.0/0 scram-sha-256"]
    says("edit-config", "-s", f"postgresql.pg_hba={json.dumps(rules)}", "--force")
    wait.until(lambda: [host.sql("SELECT current_user", guest) for host in hosts] == ["guest"] * 3,
               lambda: f"it is let in everywhere\n{cluster.story()}")

    writers = pg_stage.writers()
    writers.go_on()
    says("edit-config", "-p", "max_connections=130", "--force")
    wait.until(lambda: all(host.node.client.get("/patroni").get("pending_restart") is True for host in hosts),
               lambda: f"all wait for a restart\n{says('list')}")
    assert [host.sql("SHOW max_connections") for host in hosts] == ["120"] * 3
    assert "max_connections" in says("list")
    moment = writers.acknowledged()[-1][0]
    says("restart", "--rolling", "--force")
    assert [host.sql("SHOW max_connections") for host in hosts] == ["130"] * 3
    wait.until(lambda: not any(host.node.client.get("/patroni").get("pending_restart") for host in hosts), lambda: says("list"))
    cluster.wait_well()
    writers.go_on()
    outage = writers.outage(moment)
    assert writers.lost() == []
    timely(outage.ms, OUTAGE_MS)
