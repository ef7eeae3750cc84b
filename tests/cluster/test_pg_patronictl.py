"""tests/cluster/test_pg_patronictl.py - rows of Patroni's contract for patronictl that need a cluster, and a terminal that goes away.

Claim: the program, called as patronictl with Patroni's options, has a real cluster do what the row says, and says so
(tests/cli/test_patronictl_rows.py lists all rows, and looks at words and prompts with fake nodes). Whoever kills it in the middle
of a switchover, a restart, a clone or a pause leaves a cluster that is whole, with nothing lost: what was asked for is carried
out, what was not is not begun."""
import json
import os
import signal
import subprocess

import pytest

from lib import wait
from lib.pg_case import Case
from lib.pg_node import PASSWORD
from lib.tool import CTL
from test_pg_ops import WHO, tell_all

SETTINGS = {}
LASTS_S = 60


class Patronictl:
    """The program by that name, as somebody types it who may command the nodes of other hosts."""

    def __init__(self, folder):
        self.program, self.password = folder / "patronictl", folder / "password"
        self.program.symlink_to(CTL)
        self.password.write_text(WHO["password"] + "\n", encoding="utf-8")
        self.environment = {"PATH": os.environ["PATH"], "PGUSER": "postgres", "PGPASSWORD": PASSWORD, "HOME": str(folder)}

    def words(self, node, *words):
        return [self.program, *words, "--endpoint", node.socket, "--user", WHO["username"], "--password-file", self.password]

    def __call__(self, node, *words, status=0, data=""):
        done = subprocess.run(self.words(node, *words), input=data, capture_output=True, text=True, check=False, timeout=LASTS_S,
                              env=self.environment)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout if status == 0 else done.stdout + done.stderr

    def start(self, node, *words):
        return subprocess.Popen(self.words(node, *words), stdin=subprocess.DEVNULL,  # pylint: disable=consider-using-with
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment)

    def json(self, node, *words):
        return json.loads(self(node, *words, "--format", "json"))


@pytest.fixture(name="ctl")
def fixture_ctl(pg, tmp_path):
    tell_all(pg.clusters[0], {"restapi": {"authentication": WHO}})
    yield Patronictl(tmp_path)
    tell_all(pg.clusters[0], {})


def roles(rows):
    return {row["Member"]: (row["Role"], row["State"]) for row in rows}


# --- rows that only look ---

def test_row_list_and_topology(pg, ctl):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    wanted = {node.name: ("Replica", "streaming") for node in cluster.others(primary)} | {primary.name: ("Leader", "running")}
    for asked in cluster:
        wait.until(lambda asked=asked: roles(ctl.json(asked, "list", "demo")) == wanted, f"{asked.name} tells of all")

    def nothing_lacks():
        rows = ctl.json(primary, "list")
        return len({row["TL"] for row in rows}) == 1 and all(row["Replay Lag"] == 0 for row in rows if row["Role"] == "Replica")
    wait.until(nothing_lacks, lambda: f"nobody lags: {ctl.json(primary, 'list')}")
    assert [row["Member"] for row in ctl.json(primary, "topology")][0] == primary.name


def test_row_dsn_and_query(pg, ctl):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    standby = cluster.others(primary)[0]
    assert ctl(standby, "dsn").startswith(f"host={primary.address} port=")
    assert ctl(primary, "dsn", "-m", standby.name).startswith(f"host={standby.address} port=")
    sql = "SELECT pg_is_in_recovery() AS recovers"
    assert ctl(standby, "query", "-c", sql, "-d", "postgres") == "recovers\nFalse\n"
    assert ctl(primary, "query", "-c", sql, "-d", "postgres", "-r", "replica") == "recovers\nTrue\n"
    assert ctl.json(primary, "query", "-c", sql, "-d", "postgres", "-m", standby.name) == [{"recovers": True}]
    assert "SQLSTATE 42P01" in ctl(primary, "query", "-c", "TABLE nowhere", "-d", "postgres", status=1)


def test_row_version(pg, ctl):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    number = int(primary.sql("SHOW server_version_num"))
    lines = ctl(primary, "version", "demo").splitlines()
    own = lines[0].removeprefix("patronictl ")
    members = [line for line in lines[2:] if not line.startswith("feature level ")]
    assert len(members) == len(lines) - 3
    assert sorted(members) == [f"{node.name}: pgraft {own} PostgreSQL {number // 10000}.{number % 10000}"
                               for node in sorted(cluster.databases, key=lambda node: node.name)]


# --- rows that change something ---

def test_row_switchover_and_history(pg, ctl):
    case = Case(pg)
    wanted = case.others[0]
    out = ctl(wanted, "switchover", "demo", "--leader", case.primary.name, "--candidate", wanted.name, data="now\ny\n")
    assert f'Successfully switched over to "{wanted.name}"\n' in out
    assert case.heir() is wanted
    assert case.over()[0] is wanted
    case.nothing_lost()
    last = wait.until(lambda: next((row for row in ctl.json(wanted, "history")[-1:] if row["New Leader"] == wanted.name), None),
                      "the history tells of it")
    assert last["TL"] == int(wanted.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")[:8], 16) - 1, last


def test_row_failover(pg, ctl):
    case = Case(pg)
    wanted = case.others[1]
    assert f'Successfully failed over to "{wanted.name}"' in ctl(case.primary, "failover", "--candidate", wanted.name, "--force")
    assert case.heir() is wanted
    case.over()
    case.nothing_lost()


def test_row_restart_and_reload(pg, ctl):
    case = Case(pg)
    before = {node: node.postmaster() for node in case.cluster.databases}
    standby = case.others[0]
    out = ctl(case.others[1], "restart", "demo", standby.name, "--force")
    assert out == f"Success: restart on member {standby.name}\n"
    assert [node for node in case.cluster.databases if node.postmaster() != before[node]] == [standby]
    mark = standby.mark()
    assert f"Reload request received for member {standby.name} " in ctl(case.primary, "reload", "demo", standby.name, "--force")
    standby.says("config reloaded", mark)
    case.over()
    case.nothing_lost()


def test_row_reinit(pg, ctl):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    standby = cluster.others(primary)[0]
    mark = standby.mark()
    assert ctl(primary, "reinit", "demo", standby.name, "--force", "--wait").endswith(
        f"Reinitialize is completed on: {standby.name}\n")
    assert standby.count("supervisor clone:", mark) == 1, standby.log_since(mark)
    assert cluster.wait_well() is primary


def test_row_pause_and_resume(pg, ctl):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    asked = cluster.others(primary)[0]
    assert ctl(asked, "pause", "--wait").endswith("Success: cluster management is paused\n")
    for node in cluster.databases:
        assert node.client.get("/patroni")["pause"] is True
    assert ctl(primary, "list").endswith(" Maintenance mode: on\n")
    assert ctl(asked, "resume", "--wait").endswith("Success: cluster management is resumed\n")
    assert cluster.wait_well() is primary


def test_row_switchover_during_a_pause(pg, ctl):
    """Refused before anything is stopped; after it, as ever (docs/decisions/0012)."""
    case = Case(pg)
    wanted, asked = case.others
    before = {node: node.postmaster() for node in case.cluster.databases}
    ctl(asked, "pause", "--wait")
    for command in ("switchover", "failover"):
        out = ctl(asked, command, "--candidate", wanted.name, "--force", status=1)
        assert f"{command} is not possible: nobody is made primary during a pause, resume first" in out
    assert asked.client.value(case.cluster.key("failover")) is None
    assert {node: node.postmaster() for node in case.cluster.databases} == before
    ctl(asked, "resume", "--wait")
    assert f'Successfully switched over to "{wanted.name}"' in ctl(asked, "switchover", "--candidate", wanted.name, "--force")
    ctl(asked, "pause", "--wait")
    assert case.over()[0] is wanted
    case.nothing_lost()
    ctl(asked, "resume", "--wait")


def test_row_edit_config_and_show_config(pg, ctl):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    asked = cluster.others(primary)[0]
    assert "Configuration changed\n" in ctl(asked, "edit-config", "-p", "work_mem=7MB", "--force")
    assert "    work_mem: 7MB\n" in ctl(primary, "show-config").replace('"', "")
    for node in cluster.databases:
        wait.until(lambda node=node: node.sql("SHOW work_mem") == "7MB", lambda node=node: f"it is applied\n{node.log_tail()}")
    ctl(asked, "edit-config", "-p", "work_mem=", "--force")
    for node in cluster.databases:
        wait.until(lambda node=node: node.sql("SHOW work_mem") == "4MB", lambda node=node: f"it is gone\n{node.log_tail()}")


def test_row_flush(pg, ctl):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    ctl(primary, "switchover", "--scheduled", "2126-12-01T04:00Z", "--force")
    wait.until(lambda: " Switchover scheduled at: " in ctl(primary, "list"), "it is told")
    assert ctl(primary, "flush", "demo", "switchover") == "Success: scheduled switchover deleted\n"
    assert ctl(primary, "flush", "demo", "switchover") == "No pending scheduled switchover\n"
    standby = cluster.others(primary)[0]
    later = ("restart", "demo", standby.name, "--scheduled", "2126-12-01T04:00Z", "--force")
    assert ctl(primary, *later) == f"Success: restart scheduled on member {standby.name}\n"
    wait.until(lambda: [row["Member"] for row in ctl.json(primary, "list") if row.get("Scheduled restart")] == [standby.name], "it is told")
    line = ("flush", "demo", standby.name, "restart", "--force")
    assert ctl(primary, *line) == f"Success: flush scheduled restart for member {standby.name}\n"
    assert ctl(primary, *line) == f"No scheduled restart for member {standby.name}\n"


def test_row_remove(pg, ctl):
    """Nothing is, whatever is answered to patronictl's three questions."""
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    grant = cluster.grant()
    out = ctl(primary, "remove", "demo", status=1, data=f"demo\nYes I am aware\n{primary.name}\n")
    assert f'nothing was removed; "{primary.name}" leads it now' in out
    assert cluster.wait_well() is primary
    assert cluster.grant() == grant


# --- the terminal goes away ---

def ended(program, number):
    program.send_signal(number)
    _out, err = program.communicate(timeout=LASTS_S)
    assert program.returncode == -number, err
    return err.decode()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_in_the_middle_of_a_switchover(pg, ctl, number):
    case = Case(pg)
    wanted, asked = case.others
    key = case.cluster.key("failover")
    with ctl.start(asked, "switchover", "--candidate", wanted.name, "--force") as program:
        wait.until(lambda: asked.client.value(key) or wanted.is_primary(), "it is asked for")
        program.send_signal(number)
        _out, err = program.communicate(timeout=LASTS_S)
    assert program.returncode in (-number, 0), err  # 0: it was that fast
    if number == signal.SIGHUP and program.returncode != 0:
        assert b"the switchover goes on without this program" in err
    assert case.heir() is wanted
    assert case.over()[0] is wanted
    case.nothing_lost()


def test_in_the_middle_of_a_rolling_restart(pg, ctl):
    """The one under way is restarted; the others are not begun; the order that is left can be gone through again."""
    case = Case(pg)
    before = {node: node.postmaster() for node in case.cluster.databases}
    with ctl.start(case.others[1], "restart", "--rolling", "--force") as program:
        wait.until(lambda: [n for n in case.others if n.postmaster() not in (before[n], 0, None)], "the first one is restarted")
        ended(program, signal.SIGKILL)
    primary = case.cluster.wait_well()
    assert primary is case.primary
    assert primary.postmaster() == before[primary]
    assert [node for node in case.others if node.postmaster() == before[node]] != []
    out = ctl(case.others[1], "restart", "--rolling", "--force")
    assert out.count("Success: restart on member ") == 2
    case.over()
    case.nothing_lost()


def test_in_the_middle_of_a_clone(pg, ctl):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    standby = cluster.others(primary)[0]
    mark = standby.mark()
    with ctl.start(primary, "reinit", "demo", standby.name, "--force", "--wait") as program:
        assert program.stdout.readline() == f"Success: reinitialize for member {standby.name}\n".encode()
        assert program.stdout.readline() == f"Waiting for reinitialize to complete on: {standby.name}\n".encode()
        said = ended(program, signal.SIGINT)
    assert f"the clone of {standby.name} goes on at its node" in said
    standby.says("supervisor clone:", mark)
    assert cluster.wait_well() is primary


def test_in_the_middle_of_a_pause_that_is_waited_for(pg, ctl):
    """Written is written: whoever waits for the others only looks on."""
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    with ctl.start(primary, "pause", "--wait") as program:
        program.stdout.readline()
        if program.poll() is None:
            program.kill()
        program.communicate(timeout=LASTS_S)
    wait.until(lambda: all(node.client.get("/patroni").get("pause") for node in cluster.databases), "all know of it")
    assert ctl(primary, "resume", "--wait").endswith("Success: cluster management is resumed\n")
    assert cluster.wait_well() is primary
