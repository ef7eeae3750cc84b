"""tests/cluster/test_pg_ops.py - what an operator has the nodes do: pause, restart, reload, a standby's data cloned anew.

Claim: any node takes the command, the member concerned carries it out and says what has come of it; a primary is restarted in
place, keeps its role though another one could take over, and loses nothing; a copy is discarded only where it may be."""
import datetime
import signal

import pytest

from lib import wait
from lib.pg_case import Case
from lib.tool import ctl

SETTINGS = {}
WHO = {"username": "operator", "password": "over the wire"}


def tell_all(cluster, more):
    """Their configuration, read again."""
    for node in cluster.databases:
        mark = node.mark()
        node.more = more
        node.arguments()
        node.signal(signal.SIGHUP)
        node.says("config reloaded", mark)


@pytest.fixture(name="says")
def fixture_says(pg, tmp_path):
    """What pgraftctl says: who may command other hosts' nodes has a password."""
    password = tmp_path / "password"
    password.write_text(WHO["password"] + "\n", encoding="utf-8")
    tell_all(pg.clusters[0], {"restapi": {"authentication": WHO}})

    def run(node, *words, status=0):
        out, got = ctl(node, *words, "--user", WHO["username"], "--password-file", str(password))
        assert got == status, out
        return out
    yield run
    tell_all(pg.clusters[0], {})


def test_pause_keeps_what_is_down_down_and_a_restart_starts_it(pg, says):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    asked = cluster.others(primary)[0]
    assert says(asked, "pause", "--wait").endswith("Success: cluster management is paused\n")
    assert "Cluster is already paused" in says(asked, "pause", status=1)
    assert says(primary, "list").endswith(" Maintenance mode: on\n")
    mark = primary.mark()
    primary.strike([primary.postmaster()], 9)
    primary.wait_down("it was killed")
    assert f"Success: restart on member {primary.name}\n" in says(asked, "restart", "demo", primary.name, "--force")
    assert cluster.wait_well() is primary
    assert primary.count("rule=restart-in-place", mark) == 1, primary.log_since(mark)
    assert says(asked, "resume", "--wait").endswith("Success: cluster management is resumed\n")
    assert "Maintenance" not in says(primary, "list")
    assert "Cluster is not paused" in says(asked, "resume", status=1)


def test_a_standby_and_then_the_primary_are_restarted(pg, says):
    case = Case(pg)
    standby = case.others[0]
    epoch, before = case.cluster.grant(), {n: n.postmaster() for n in case.cluster.databases}
    mark = case.primary.mark()
    out = says(case.others[1], "restart", "demo", standby.name, case.primary.name, "--force")
    assert out.startswith(f"Success: restart on member {standby.name}\nSuccess: restart on member {case.primary.name}\n")
    assert [n for n in case.cluster.databases if n.postmaster() == before[n]] == [case.others[1]]
    assert case.over()[0] is case.primary
    case.nothing_lost()
    assert case.cluster.grant() == epoch
    assert case.primary.count("action=stop rule=restart-primary", mark) == 1, case.primary.log_since(mark)
    out = says(standby, "restart", "demo", "-r", "replica", "--pending", "--force")
    assert out.count("status code=503, (restart conditions are not satisfied)") == 2
    assert "within 10 seconds" in says(standby, "reload", "demo", case.primary.name, "--force")


def test_a_restart_for_later_outlives_an_upgrade(pg, says):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    standby, asked = cluster.others(primary)
    before, mark = standby.postmaster(), standby.mark()
    assert f"Success: restart scheduled on member {standby.name}\n" in says(
        asked, "restart", "demo", standby.name, "--scheduled", "2126-12-01T04:00Z", "--force")
    wait.until(lambda: "2126-12-01T04:00:00+00:00" in says(primary, "list"), "the others tell of it")
    flush = "flush", "demo", standby.name, "restart", "--force"
    assert f"Success: flush scheduled restart for member {standby.name}\n" in says(asked, *flush)
    assert f"No scheduled restart for member {standby.name}\n" in says(asked, *flush)
    soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=40)).isoformat(timespec="seconds")
    says(asked, "restart", "demo", standby.name, "--scheduled", soon, "--force")
    says(standby, "upgrade")
    assert standby.postmaster() == before
    standby.says("the restart scheduled for .* begins", mark, 90)
    wait.until(lambda: standby.postmaster() not in (None, 0, before), "it was restarted")
    assert cluster.wait_well() is primary
    wait.until(lambda: not (standby.data / "restart-later").exists(), "it is forgotten")


def test_rolling_restarts_everybody_and_the_primary_hands_over(pg, says):
    case = Case(pg)
    before = {n: n.postmaster() for n in case.cluster.databases}
    assert "3. switchover from " in says(case.others[0], "restart", "--rolling", "--dry-run")
    assert {n: n.postmaster() for n in case.cluster.databases} == before
    out = says(case.others[0], "restart", "--rolling", "--force")
    assert "Success: Successfully switched over to " in out
    assert case.over()[0] is not case.primary
    case.nothing_lost()
    assert [n for n in case.cluster.databases if n.postmaster() == before[n]] == []


def test_a_standby_is_cloned_anew(pg, says):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    standby, asked = cluster.others(primary)
    mark, asked_mark = standby.mark(), asked.mark()
    assert "I am the leader, can not reinitialize" in says(asked, "reinit", "demo", primary.name, "--force", status=1)
    out = says(asked, "reinit", "demo", standby.name, "--force", "--from-leader", "--wait")
    assert f"\nReinitialize is completed on: {standby.name}\n" in out
    assert standby.count(f"supervisor clone: of={primary.name}", mark) == 1, standby.log_since(mark)
    assert asked.count("supervisor clone:", asked_mark) == 0
    assert cluster.wait_well() is primary
