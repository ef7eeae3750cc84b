"""tests/cluster/test_with_systemd.py - deploy/systemd/pgraftd.service, run by a systemd.

Claim: under all that the unit forbids PostgreSQL is made, promoted and archives; pgraftd that is killed comes back, reloads and is
upgraded while PostgreSQL goes on; a stop stops PostgreSQL in order. (Priorities and locked memory depend on the machine.)"""
import json
import os
from pathlib import Path

import pytest

from lib import wait
from lib.front import DEPLOY, has_users
from lib.pg_node import BIN
from lib.systemd import Systemd

BUILD = Path(os.environ["PGRAFT_BUILD_ROOT"])
PROGRAMS = {"daemon/pgraftd": "daemon/pgraftd", "supervisor/pgraft-guard": "supervisor/pgraft-guard",
            "supervisor/pgraft-helper": "supervisor/pgraft-helper", "ctl/pgraftctl": "ctl/pgraftctl"}
CONFIGURATION = {
    "scope": "demo", "name": "pg1",
    "raft": {"listen": "127.0.0.1:7400", "peers": ["pg1=127.0.0.1:7400"], "secret_file": "/etc/pgraft/secret"},
    "restapi": {"listen": "127.0.0.1:8008"},
    "postgresql": {
        "listen": "127.0.0.1:5432", "connect_address": "127.0.0.1:5432", "data_dir": "/var/lib/postgresql/data", "bin_dir": str(BIN),
        "authentication": {"superuser": {"username": "postgres", "password": "super"},
                           "replication": {"username": "replicator", "password": "rep"}},
        "parameters": {"unix_socket_directories": "/run/postgresql", "shared_buffers": "16MB", "archive_mode": "on",
                       "archive_command": "cp %p /var/lib/postgresql/archive/%f"}},
    "bootstrap": {"pg_hba": ["local all all trust", "host all all all scram-sha-256", "host replication replicator all scram-sha-256"]},
}
PREPARE = f"""
install -d -o postgres -g postgres /run/postgresql /var/lib/postgresql /var/lib/postgresql/archive
mkdir -p /etc/pgraft /var/lib/pgraft
cat > /etc/pgraft/pgraft.yml <<'END'
{json.dumps(CONFIGURATION)}
END
/var/lib/given/ctl/pgraftctl secret generate --output /etc/pgraft/secret
chown -R postgres:postgres /etc/pgraft
"""


@pytest.fixture
def machine():
    if not has_users() or not Systemd.can_run():
        pytest.skip("no systemd of our own here: not root, or no named hierarchies of control groups")
    unit = (DEPLOY / "systemd" / "pgraftd.service").read_text(encoding="utf-8")
    unit = unit.replace("/usr/sbin/pgraftd ", "/var/lib/given/daemon/pgraftd ")
    made = Systemd(Path(os.environ["PGRAFT_CLUSTER_DIR"]) / "systemd", {"pgraftd.service": unit},
                   {name: BUILD / program for name, program in PROGRAMS.items()}, PREPARE)
    yield made
    made.end()


def sql(machine, statement):
    status, said = machine.run("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", BIN / "psql", "-XqAt", "-h",
                               "/run/postgresql", "-d", "postgres", "-c", statement)
    return said if status == 0 else None


def shown(machine, name):
    return machine.run("systemctl", "show", "--value", "-p", name, "pgraftd")[1]


def test_the_unit_runs(machine):
    status, said = machine.run("systemctl", "start", "pgraftd")
    assert status == 0, f"{said}\n{machine.log()}"
    wait.until(lambda: sql(machine, "SELECT pg_is_in_recovery()") == "f", lambda: f"a primary\n{machine.log()}", 60)
    began = sql(machine, "SELECT pg_postmaster_start_time()")
    assert sql(machine, "CREATE TABLE t AS SELECT 1; SELECT pg_switch_wal() IS NOT NULL") == "t"
    wait.until(lambda: sql(machine, "SELECT archived_count > 0 AND failed_count = 0 FROM pg_stat_archiver") == "t", "it archives")

    assert machine.run("systemctl", "kill", "-s", "KILL", "--kill-who=main", "pgraftd")[0] == 0
    wait.until(lambda: shown(machine, "NRestarts") == "1" and shown(machine, "ActiveState") == "active",
               lambda: f"it is started again\n{machine.log()}")
    wait.until(lambda: machine.run("/var/lib/given/ctl/pgraftctl", "list")[1].count("Leader") == 1, "it goes on")
    assert machine.run("systemctl", "reload", "pgraftd")[0] == 0 and shown(machine, "ActiveState") == "active"
    pid = shown(machine, "MainPID")
    status, said = machine.run("/var/lib/given/ctl/pgraftctl", "upgrade")
    assert status == 0, said
    wait.until(lambda: shown(machine, "SubState") == "running", "it runs")
    assert shown(machine, "MainPID") == pid and shown(machine, "NRestarts") == "1"
    assert sql(machine, "SELECT pg_postmaster_start_time()") == began

    assert machine.run("systemctl", "stop", "pgraftd")[0] == 0
    assert machine.run("pgrep", "-x", "postgres")[0] == 1
    assert "shut down\n" in machine.run(BIN / "pg_controldata", "/var/lib/postgresql/data")[1]
