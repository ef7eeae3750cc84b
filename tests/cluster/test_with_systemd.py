"""tests/cluster/test_with_systemd.py - the units of deploy/systemd/, run by a systemd.

Claim: under all that the unit forbids PostgreSQL is made, promoted and archives; pgraftd that is killed comes back, reloads and is
upgraded while PostgreSQL goes on; a stop stops PostgreSQL in order. A witness votes under its unit, as the user that
pgraft.sysusers makes, and comes back, too. (Priorities and locked memory depend on the machine.)"""
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
WITNESS = {
    "scope": "demo", "name": "w1",
    "raft": {"listen": "127.0.0.1:7400", "peers": ["w1=127.0.0.1:7400"], "secret_file": "/etc/pgraft/secret"},
    "restapi": {"listen": "127.0.0.1:8008"},
}
PREPARE_WITNESS = f"""
systemd-sysusers /var/lib/given/pgraft.sysusers
mkdir -p /etc/pgraft
cat > /etc/pgraft/witness.yml <<'END'
{json.dumps(WITNESS)}
END
/var/lib/given/ctl/pgraftctl secret generate --output /etc/pgraft/secret
chown -R pgraft:pgraft /etc/pgraft
"""
CTL = "/var/lib/given/ctl/pgraftctl"


@pytest.fixture
def boot():
    """boot(unit, prepare): a machine with that unit, which is not started yet."""
    if not has_users() or not Systemd.can_run():
        pytest.skip("no systemd of our own here: not root, or no named hierarchies of control groups")
    made = []

    def begin(name, prepare):
        unit = (DEPLOY / "systemd" / name).read_text(encoding="utf-8").replace("/usr/sbin/pgraftd ", "/var/lib/given/daemon/pgraftd ")
        given = {where: BUILD / program for where, program in PROGRAMS.items()}
        given["pgraft.sysusers"] = DEPLOY / "systemd" / "pgraft.sysusers"
        made.append(Systemd(Path(os.environ["PGRAFT_CLUSTER_DIR"]) / name, {name: unit}, given, prepare))
        return made[0]

    yield begin
    for machine in made:
        machine.end()


def sql(machine, statement):
    status, said = machine.run("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", BIN / "psql", "-XqAt", "-h",
                               "/run/postgresql", "-d", "postgres", "-c", statement)
    return said if status == 0 else None


def shown(machine, name, unit="pgraftd"):
    return machine.run("systemctl", "show", "--value", "-p", name, unit)[1]


def kill_main(machine, unit="pgraftd"):
    """pgraftd is killed, and there is one again."""
    assert machine.run("systemctl", "kill", "-s", "KILL", "--kill-who=main", unit)[0] == 0
    wait.until(lambda: shown(machine, "NRestarts", unit) == "1" and shown(machine, "ActiveState", unit) == "active",
               lambda: f"it is started again\n{machine.log()}")


def test_the_unit_runs(boot):
    machine = boot("pgraftd.service", PREPARE)
    status, said = machine.run("systemctl", "start", "pgraftd")
    assert status == 0, f"{said}\n{machine.log()}"
    wait.until(lambda: sql(machine, "SELECT pg_is_in_recovery()") == "f", lambda: f"a primary\n{machine.log()}", 60)
    began = sql(machine, "SELECT pg_postmaster_start_time()")
    assert sql(machine, "CREATE TABLE t AS SELECT 1; SELECT pg_switch_wal() IS NOT NULL") == "t"
    wait.until(lambda: sql(machine, "SELECT archived_count > 0 AND failed_count = 0 FROM pg_stat_archiver") == "t", "it archives")

    kill_main(machine)
    wait.until(lambda: machine.run(CTL, "list")[1].count("Leader") == 1, "it goes on")
    assert machine.run("systemctl", "reload", "pgraftd")[0] == 0 and shown(machine, "ActiveState") == "active"
    pid = shown(machine, "MainPID")
    status, said = machine.run(CTL, "upgrade")
    assert status == 0, said
    wait.until(lambda: shown(machine, "SubState") == "running", "it runs")
    assert shown(machine, "MainPID") == pid and shown(machine, "NRestarts") == "1"
    assert sql(machine, "SELECT pg_postmaster_start_time()") == began

    assert machine.run("systemctl", "stop", "pgraftd")[0] == 0
    assert machine.run("pgrep", "-x", "postgres")[0] == 1
    assert "shut down\n" in machine.run(BIN / "pg_controldata", "/var/lib/postgresql/data")[1]


def test_the_unit_of_a_witness_runs(boot):
    machine = boot("pgraft-witness.service", PREPARE_WITNESS)
    unit = "pgraft-witness"
    status, said = machine.run("systemctl", "start", unit)
    assert status == 0, f"{said}\n{machine.log()}"

    def is_healthy():
        return machine.run(CTL, "status")[0] == 0

    wait.until(is_healthy, lambda: f"healthy, alone as it is: {machine.run(CTL, 'status')}\n{machine.log()}")
    assert machine.run("stat", "-c", "%U", f"/proc/{shown(machine, 'MainPID', unit)}")[1] == "pgraft"
    kill_main(machine, unit)
    wait.until(is_healthy, lambda: f"it goes on: {machine.run(CTL, 'status')}\n{machine.log()}")
    pid = shown(machine, "MainPID", unit)
    assert machine.run(CTL, "upgrade")[0] == 0
    assert shown(machine, "MainPID", unit) == pid and shown(machine, "NRestarts", unit) == "1"
    assert machine.run("systemctl", "stop", unit)[0] == 0
    assert shown(machine, "Result", unit) == "success"
