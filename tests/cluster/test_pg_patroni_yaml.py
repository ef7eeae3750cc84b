"""tests/cluster/test_pg_patroni_yaml.py - files of Patroni's boot as they are, with a section raft in them.

Claim: the two files of examples/patroni that are whole form a cluster each; what stands in them is in force: the log's
directory, users, parameters of another version, a slot, a script; and what of them has no effect is told with its place.
Addresses and directories are those of the test; nothing else is changed."""
import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

from lib import wait
from lib.pg_cluster import FORMED_S, LONG, WELL_S
from lib.pg_node import ANSWER_S, BIN, PG_PORT

EXAMPLES = Path(os.environ["PGRAFT_SOURCE_ROOT"]) / "examples" / "patroni"


class Host:
    """The node @node of the kit, told what it is by a file of Patroni's."""

    def __init__(self, node, name, login, changes=()):
        self.node = node
        self.login = login
        self.path = node.folder / "patroni.yml"
        self.logs = node.folder / "log"
        self.logs.mkdir()
        shutil.copy(EXAMPLES / "post_bootstrap.sh", node.folder)
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

    def sql(self, statement, login=None, database="postgres"):
        """What @statement answers over TCP, with a password; None if it did not."""
        user, password = login or self.login
        words = [BIN / "psql", "-XqAtw", "-v", "ON_ERROR_STOP=1", "-h", self.node.address, "-p", str(PG_PORT), "-U", user,
                 "-d", database, "-c", statement]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=ANSWER_S,
                                  env={"PATH": os.environ["PATH"], "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "2"})
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


def boot(pg_stage, names, file, login, changes=()):
    """The hosts of a whole cluster out of @file, the primary first."""
    cluster = pg_stage.cluster(names=names)
    hosts = [Host(node, file, login, changes) for node in cluster.databases]
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
