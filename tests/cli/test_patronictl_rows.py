"""tests/cli/test_patronictl_rows.py - Patroni's contract for patronictl, one test for each of its rows.

Claim: each command, called as patronictl with Patroni's options, prompts as it does, prints what it prints (formats, columns,
lines) and asks the nodes for that and nothing else; where pgraft answers otherwise on purpose the test says so. The rows, in the
contract's order, with the tests of each here, and those elsewhere that look at it from more sides:

row                               here                                        elsewhere
-c, PATRONICTL_CONFIG_FILE        -                                           test_patronictl.py: row_config_file
-d, --dcs-url, --dcs, DCS_URL     -                                           test_patronictl.py: row_dcs_url_is_ignored_...
-k, --insecure                    row_insecure                                test_ctl_http.py
errors, exit statuses             row_errors                                  test_ctl_switch.py, test_ctl_ops.py
role choices                      row_roles                                   test_ctl_ops.py: whom_restart_is_about
formats                           row_formats                                 test_ctl_faces.py, tests/unit/test_output.c
list                              row_list, row_list_watch                    test_ctl_faces.py
topology                          row_topology                                test_ctl_faces.py: the_tree
switchover                        row_switchover, row_switchover_of_a_standby_cluster, row_switchover_scheduled
                                                                              test_ctl_switch.py; cluster: test_pg_patronictl.py, test_pg_switch.py
switchover, failover in a pause   row_switchover_and_failover_during_a_pause  tests/unit/test_patroni_switch.c; cluster: test_pg_patronictl.py
failover                          row_failover                                test_ctl_switch.py; cluster: the same
restart                           row_restart                                 test_ctl_ops.py: row_restart_...; cluster: test_pg_patronictl.py, test_pg_ops.py
reinit                            row_reinit                                  test_ctl_ops.py: row_reinit, reinit_anyway; cluster: the same
reload                            row_reload                                  test_ctl_ops.py: row_reload; cluster: the same
pause, resume                     row_pause, row_resume                       test_ctl_ops.py: row_pause_and_resume; cluster: the same
edit-config                       row_edit_config, row_edit_config_editor     test_ctl_config.py: row_edit_config_...; cluster: test_pg_patronictl.py, test_pg_config.py
show-config                       row_show_config                             test_ctl_config.py: row_show_config_...
history                           row_history                                 test_ctl_faces.py: history; cluster: test_pg_patronictl.py
flush                             row_flush                                   test_ctl_ops.py: row_flush; cluster: test_pg_patronictl.py
dsn                               row_dsn                                     test_ctl_faces.py: dsn; cluster: test_pg_patronictl.py
query                             row_query                                   test_ctl_query.py; cluster: test_pg_patronictl.py
remove                            row_remove                                  test_ctl_ops.py: row_remove_...; cluster: test_pg_patronictl.py
version                           row_version                                 test_ctl_ops.py: row_version; cluster: test_pg_patronictl.py
demote-cluster, promote-cluster   row_demote_cluster, row_promote_cluster     test_ctl_standby.py; cluster: test_pg_standby_cluster.py
list: columns, names, lags        row_list_columns, row_list_roles            test_ctl_faces.py: all_that_can_stand_in_it, lag_is_in_mb_...
list: Host with and without port  row_list_host                               test_ctl_faces.py: a_port_is_shown_...
list: the table                   row_list_table                              test_ctl_faces.py: the_table_of_the_contract
list: the title                   row_list_title                              test_ctl_faces.py: the_title_says_how_far_...
list: lines below it              row_list_service_lines                      test_ctl_ops.py: list_tells_of_a_pause
list -f json, -t                  row_list_json, row_list_timestamp           test_ctl_faces.py

Method: a link of that name to pgraftctl, and fake nodes.
"""
import json
import re
import stat
import subprocess

import pytest

from fake_node import SECONDS_MAX, Error, Node, environment
from fake_postgres import TEXT, Postgres, Rows, SqlError
from test_ctl_config import Cluster
from test_ctl_faces import LSN, WITNESS, leader, replica, view
from test_ctl_ops import LATER, Members, words
from test_ctl_query import SETTINGS
from test_ctl_switch import DONE, Cluster as Switched
from test_patronictl import Host

YAML = "scope: orders\nctl: {{insecure: true}}\n"


@pytest.fixture(name="host")
def fixture_host(tmp_path):
    host = Host(tmp_path)
    host.settings.update(SETTINGS)
    return host


def at(node):
    return ["--endpoint", node.endpoint]


def shows(host, seen, *line):
    with Node({"/pgraft/v1/view": seen}) as node:
        return host.told(*line, *at(node))


def two(**more):
    return view([leader(), replica()], **more)


def asks(out):
    """The questions, without the answers, that stand in @out; times are THEN."""
    out = re.sub(r"e\.g\. \S+ \)", "e.g. THEN )", out)
    return re.findall(r"(?:Primary|Candidate|When should|Are you sure|Restart if|Which member|Apply|Do you want)[^\n]*?: ", out)


# --- global ---

def test_row_insecure(host):
    assert "orders" in shows(host, two(), "-k", "list") and "orders" in shows(host, two(), "list", "--insecure")


def test_row_errors(host):
    """A line on stderr and status 1. Unlike patronictl, what failed is status 1, too."""
    with Switched(words(503, "Switchover failed")(None)) as node:
        status, _out, err = host.run("switchover", "--force", *at(node))
        assert (status, err) == (1, "patronictl: Switchover failed, details: 503, Switchover failed\n")
    with Members([{"/restart": words(503, "restart failed")}, {}]) as m:
        status, out, _err = host.run("restart", "orders", "db1", "--force", *at(m.cluster))
        assert (status, out) == (1, "Failed: restart for member db1, status code=503, (restart failed)\n")
    assert host.fails(1, "list", "--endpoint", "http://127.0.0.1:9")


@pytest.mark.parametrize("role, member", [("leader", "db1"), ("primary", "db1"), ("replica", "db2"), ("standby", "db2"),
                                          ("any", "db1")])
def test_row_roles(host, role, member):
    port = {"db1": 5432, "db2": 5433}[member]
    assert shows(host, two(), "dsn", "-r", role) == f"host=127.0.0.1 port={port}\n"


def test_row_roles_of_a_standby_cluster(host):
    seen = view([leader(role="standby_leader"), replica()])
    assert shows(host, seen, "dsn", "--role", "standby-leader") == "host=127.0.0.1 port=5432\n"
    assert "master" not in host.told("dsn", "--help")
    assert host.fails(2, "dsn", "-r", "master").startswith('option "--role" can not be "master"')


def test_row_formats(host):
    for fmt in ("pretty", "tsv", "json", "yaml", "yml"):
        assert "db2" in shows(host, two(), "list", "-f", fmt) and "db2" in shows(host, two(), "list", "--format", fmt)
    assert shows(host, two(), "list") == shows(host, two(), "list", "-f", "pretty")
    assert shows(host, two(), "list", "-f", "yml") == shows(host, two(), "list", "-f", "yaml")
    assert host.fails(2, "list", "-f", "xml").startswith('option "--format" can not be "xml"')


# --- list, topology ---

def test_row_list(host):
    assert shows(host, two(), "list", "orders", "-e", "-t", "-f", "tsv").splitlines()[1].endswith(
        "Pending restart\tPending restart reason\tScheduled restart\tTags")
    with Node({"/pgraft/v1/view": two()}) as node:
        assert 'is one of cluster "orders"' in host.fails(1, "list", "demo", *at(node))


@pytest.mark.parametrize("command", ["list", "topology"])
@pytest.mark.parametrize("option", [["-W"], ["-w", "0.1"], ["--watch=0.1"]])
def test_row_list_watch(host, command, option):
    with Node({"/pgraft/v1/view": two()}) as node:
        once = host.told(command, *at(node))
        with subprocess.Popen([host.program, command, *option, *at(node)], stdout=subprocess.PIPE, text=True,
                              env=environment(**host.settings)) as program:
            seen = "".join(program.stdout.readline() for _ in range(2 * once.count("\n")))
            program.terminate()
            program.communicate(timeout=SECONDS_MAX)
    assert seen == once * 2


COLUMNS = ["Cluster", "Member", "Host", "Role", "State", "TL", "Receive LSN", "Receive Lag", "Replay LSN", "Replay Lag"]


def test_row_list_columns(host):
    """Lags in MB, rounded; what is not known is empty; an object where there are tags."""
    far = replica(receive_lag=3 * 1048576 + 600000, replay_lag="unknown", replay_lsn="unknown")
    assert shows(host, view([leader(), far]), "list", "-f", "tsv").splitlines()[0].split("\t") == COLUMNS
    row = json.loads(shows(host, view([leader(), far]), "list", "-f", "json"))[1]
    assert (row["Receive Lag"], row["Receive LSN"], "Replay Lag" in row) == (4, f"0/{LSN:X}", False)
    some = replica(pending_restart=True, pending_restart_reason={"max_connections": {"old_value": "100", "new_value": "101"}},
                   scheduled_restart={"schedule": LATER, "postgres_version": "16.5"}, tags={"zone": "b"})
    row = json.loads(shows(host, view([leader(), some]), "list", "-f", "json"))[1]
    assert list(row)[len(COLUMNS):] == ["Pending restart", "Pending restart reason", "Scheduled restart", "Tags"]
    assert row["Pending restart"] == "*" and row["Tags"] == {"zone": "b"}
    assert (row["Pending restart reason"], row["Scheduled restart"]) == ("max_connections: 100->101", f"{LATER} if version < 16.5")
    long = {"shared_preload_libraries": {"old_value": "", "new_value": "x" * 60}}
    hidden = shows(host, view([leader(pending_restart=True, pending_restart_reason=long)]), "list")
    assert "shared_preload_libraries: [hidden - too long]" in hidden
    assert hidden.splitlines()[1].split("|")[1].strip() == "Member"  # the cluster stands in the frame


def test_row_list_roles(host):
    seen = view([leader(role="standby_leader"), replica(role="sync_standby"), replica("db3", 5434, role="quorum_standby"),
                 replica("db4", 5435)])
    rows = json.loads(shows(host, seen, "list", "-f", "json"))
    assert [row["Role"] for row in rows] == ["Standby Leader", "Sync Standby", "Quorum Standby", "Replica"]
    assert json.loads(shows(host, two(), "list", "-f", "json"))[0]["Role"] == "Leader"


def test_row_list_host(host):
    apart = [leader(host="10.0.0.1"), replica(host="10.0.0.2", port=5432)]
    assert "| 10.0.0.1 |" in shows(host, view(apart), "list")
    together = [leader(host="10.0.0.1"), replica(host="10.0.0.1", port=5432)]
    assert "| 10.0.0.1:5432 |" in shows(host, view(together), "list")
    other = [leader(host="10.0.0.1"), replica(host="10.0.0.2", port=5433)]
    assert "| 10.0.0.2:5433 |" in shows(host, view(other), "list")


def test_row_list_table(host):
    assert shows(host, two(), "list").splitlines()[1:] == [
        "| Member | Host           | Role    | State     | TL | Receive LSN | Lag | Replay LSN | Lag |",
        "+--------+----------------+---------+-----------+----+-------------+-----+------------+-----+",
        "| db1    | 127.0.0.1:5432 | Leader  | running   |  5 |             |     |            |     |",
        "| db2    | 127.0.0.1:5433 | Replica | streaming |  5 |   0/5000148 |   0 |  0/5000148 |   0 |",
        "+--------+----------------+---------+-----------+----+-------------+-----+------------+-----+"]


@pytest.mark.parametrize("initialize, suffix", [("7450012345678901234", "(7450012345678901234)"), (None, "(uninitialized)"),
                                                ("", "(initializing)")])
def test_row_list_title(host, initialize, suffix):
    assert shows(host, two(initialize=initialize), "list").startswith(f"+ Cluster: orders {suffix} ")
    assert shows(host, two(initialize=initialize), "topology").startswith(f"+ Cluster: orders {suffix} ")


def test_row_list_service_lines(host):
    seen = view([leader(), replica()], {"pause": True, "scheduled_switchover": {"at": LATER, "from": "db1", "to": "db2"}})
    for command in ("list", "topology"):
        assert shows(host, seen, command).endswith(f"""+
 Maintenance mode: on
 Switchover scheduled at: {LATER}
                    from: db1
                      to: db2
""")
    assert "Maintenance" not in shows(host, seen, "list", "-f", "tsv")


def test_row_list_json(host):
    assert shows(host, two(), "list", "-f", "json").startswith(
        '[{"Cluster": "orders", "Member": "db1", "Host": "127.0.0.1:5432", "Role": "Leader", "State": "running", "TL": 5}, ')


def test_row_list_timestamp(host):
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n\+ Cluster", shows(host, two(), "list", "-t"))


def test_row_topology(host):
    seen = view([replica("db0", 5434, tags={"replicatefrom": "db2"}), leader(), replica()])
    lines = shows(host, seen, "topology", "orders").splitlines()[3:-1]
    assert [line.split("|")[1].rstrip() for line in lines] == [" db1", " + db2", "   + db0"]


# --- switchover, failover ---

def test_row_switchover(host):
    with Switched() as node:
        status, out, err = host.run("switchover", "orders", *at(node), data=b"\n\n\ny\n")
        assert (status, err) == (0, "")
        assert out.startswith("Current cluster topology\n+ Cluster: orders ")
        assert asks(out) == ["Primary [db1]: ", "Candidate ['db2'] []: ",
                             "When should the switchover take place (e.g. THEN )  [now]: ",
                             "Are you sure you want to switchover cluster orders, demoting current leader db1? [y/N]: "]
        assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{5} " + DONE + r"\n\+ Cluster: orders ", out)
        assert host.run("switchover", "--leader", "db1", "--candidate", "db2", "--force", *at(node))[0] == 1  # db2 leads by now
        node.seen_now = two()
        assert DONE in host.told("switchover", "--primary", "db1", "--candidate", "db2", "--force", *at(node))
        assert node.asked("/switchover") == [{"leader": "db1"}, {"leader": "db1", "candidate": "db2"}]


def test_row_switchover_of_a_standby_cluster(host):
    with Switched(seen=view([leader(role="standby_leader"), replica()])) as node:
        status, out, err = host.run("switchover", *at(node), data=b"\n\n\nn\n")
        assert (status, err) == (1, "patronictl: Aborting switchover\n")
        assert re.search(r"Standby Leader \[db1\]: Candidate \['db2'\] \[\]: ", out) and "Primary [" not in out
        assert node.asked("/switchover") == []


def test_row_switchover_scheduled(host):
    with Switched(words(202, "Switchover scheduled")(None)) as node:
        assert "Switchover scheduled\n" in host.told("switchover", "--scheduled", LATER, "--candidate", "db2", "--force", *at(node))
        assert node.asked("/switchover") == [{"leader": "db1", "candidate": "db2", "scheduled_at": LATER}]
        out = host.run("switchover", *at(node), data=f"\n\n{LATER}\ny\n".encode())[1]
        assert asks(out)[-1] == f"Are you sure you want to schedule switchover of cluster orders at {LATER}, demoting current leader db1? [y/N]: "


def test_row_switchover_and_failover_during_a_pause(host):
    """Patroni lets a named candidate have the role then; here nobody is granted it (docs/decisions/0012)."""
    no = "{} is not possible: nobody is made primary during a pause, resume first"
    seen = view([leader(), replica()], {"pause": True})
    for command in (["switchover"], ["failover"]):
        with Switched(words(412, no.format(command[0]))(None), seen=seen) as node:
            status, _out, err = host.run(*command, "--candidate", "db2", "--force", *at(node))
            assert (status, err) == (1, f"patronictl: {command[0].title()} failed, details: 412, {no.format(command[0])}\n")
            status, out, _err = host.run(*command, "--candidate", "db2", "--dry-run", *at(node))
            assert status == 1
            assert ("✘ automatic changes of roles are not paused\n"
                    "    end the pause, and begin it again after: pgraftctl resume\n") in out


def test_row_failover(host):
    with Switched(words(200, 'Successfully failed over to "db2"')(None)) as node:
        status, out, _err = host.run("failover", *at(node), data=b"db2\ny\n")
        assert status == 0
        assert asks(out) == ["Candidate ['db2'] []: ",
                             "Are you sure you want to failover cluster orders, demoting current leader db1? [y/N]: "]
        assert 'Successfully failed over to "db2"\n' in out
    with Switched(words(200, 'Successfully failed over to "db2"')(None), seen=view([replica("db1", 5432), replica()]) | {
            "leader": None}) as node:
        out = host.run("failover", "--candidate", "db2", *at(node), data=b"y\n")[1]
        assert asks(out) == ["Are you sure you want to failover cluster orders? [y/N]: "]  # without a leader
        assert host.run("failover", "--candidate", "db9", "--force", *at(node))[2] == (
            'patronictl: Member "db9" does not exist in cluster orders or is tagged as nofailover\n')
    with Switched(seen=view([leader()])) as node:
        assert host.run("failover", "--force", "--candidate", "x", *at(node))[2] == "patronictl: No candidates found to failover to\n"
    with Switched(seen=view([leader(), replica(), replica("db3", 5434, role="sync_standby")])) as node:
        out = host.run("failover", "--candidate", "db2", *at(node), data=b"n\n")[1]
        assert asks(out) == ["Are you sure you want to failover to the asynchronous node db2? [y/N]: "]
        assert node.asked("/failover") == []


# --- restart, reinit, reload, flush ---

def test_row_restart(host):
    """Standbys first: patronictl takes them as they come."""
    done = {"/restart": words(200, "restarted successfully")}
    with Members([done, done]) as m:
        status, out, err = host.run("restart", "orders", "db1", "db2", *at(m.cluster), data=b"\ny\n\n")
        assert (status, err) == (0, "")
        assert asks(out) == ["When should the restart take place (e.g. THEN )  [now]: ",
                             "Are you sure you want to restart members db2, db1? [y/N]: ",
                             "Restart if the PostgreSQL version is less than provided (e.g. 9.5.2)  []: "]
        assert out.endswith("Success: restart on member db2\nSuccess: restart on member db1\n")
        out = host.told("restart", "orders", "-r", "replica", "--any", "--pending", "--pg-version", "16.4", "--timeout", "30",
                        "--force", *at(m.cluster))
        assert out == "Success: restart on member db2\n"
        assert m.nodes[1].seen[-1][2] == {"restart_pending": True, "postgres_version": "16.4", "timeout": 30}
    later = {"/restart": words(202, "Restart scheduled")}
    with Members([later, {"/restart": words(409, "Another restart is already scheduled")}]) as m:
        status, out, _err = host.run("restart", "orders", "--scheduled", LATER, "--force", *at(m.cluster))
        assert (status, out) == (1, "Failed: another restart is already scheduled on member db2\n"
                                    "Success: restart scheduled on member db1\n")


def test_row_reinit(host):
    starts = iter(["1", "1", "2"])

    def patroni(_body):
        return {"state": "running", "postmaster_start_time": next(starts)}
    answers = iter([(503, b"reinitialize already in progress"), (200, b"reinitialize started")])
    with Members([{}, {"/reinitialize": lambda _body: next(answers), "/patroni": patroni}]) as m:
        status, out, _err = host.run("reinit", "orders", "--wait", "--from-leader", *at(m.cluster), data=b"db2\ny\ny\n")
        assert status == 0
        assert "Which member do you want to reinitialize [db2, db1]? []: " in out
        assert "Are you sure you want to reinitialize members db2? [y/N]: " in out
        assert "Do you want to cancel it and reinitialize anyway? [y/N]: " in out
        assert out.endswith("Success: reinitialize for member db2\nWaiting for reinitialize to complete on: db2\n"
                            "Reinitialize is completed on: db2\n")
        assert [seen[2] for seen in m.nodes[1].seen if seen[1] == "/reinitialize"] == [
            {"force": False, "from_leader": True}, {"force": True, "from_leader": True}]


def test_row_reload(host):
    done = {"/reload": words(202, "reload scheduled")}
    with Members([done, done]) as m:
        assert host.told("reload", "orders", "-r", "replica", "--force", *at(m.cluster)) == (
            "Reload request received for member db2 and will be processed within 10 seconds\n")
        out = host.run("reload", "orders", "db1", *at(m.cluster), data=b"y\n")[1]
        assert asks(out) == ["Are you sure you want to reload members db1? [y/N]: "]


def test_row_flush(host):
    gone, none = {"/restart": words(200, "deleted")}, {"/restart": words(404, "none")}
    with Members([none, gone]) as m:
        assert host.told("flush", "orders", "restart", "--force", *at(m.cluster)) == (
            "Success: flush scheduled restart for member db2\nNo scheduled restart for member db1\n")
        assert host.told("flush", "orders", "db1", "restart", "--force", *at(m.cluster)) == "No scheduled restart for member db1\n"
        m.cluster.answers["/switchover"] = words(200, "scheduled switchover deleted")
        assert host.told("flush", "orders", "switchover", *at(m.cluster)) == "Success: scheduled switchover deleted\n"
        m.cluster.answers["/switchover"] = words(404, "no switchover is scheduled")
        assert host.told("flush", "orders", "switchover", *at(m.cluster)) == "No pending scheduled switchover\n"


# --- pause, resume ---

def test_row_pause(host):
    with Members([{"/patroni": {"pause": True}}] * 2) as m:
        assert host.told("pause", "orders", "--wait", *at(m.cluster)) == (
            "'pause' request sent, waiting until it is recognized by all nodes\nSuccess: cluster management is paused\n")
        assert host.fails(1, "pause", *at(m.cluster)) == "Cluster is already paused"


def test_row_resume(host):
    with Members([{"/patroni": {}}] * 2) as m:
        m.cluster.document = {"ttl": 30, "pause": True}
        assert host.told("resume", "orders", "--wait", *at(m.cluster)) == (
            "'resume' request sent, waiting until it is recognized by all nodes\nSuccess: cluster management is resumed\n")
        assert m.cluster.document == {"ttl": 30}
        assert host.fails(1, "resume", *at(m.cluster)) == "Cluster is not paused"


# --- configuration ---

def test_row_edit_config(host, tmp_path):
    with Cluster({"ttl": 30}) as node:
        status, out, err = host.run("edit-config", "orders", "-s", "ttl=20", "-s", "postgresql.use_slots=true", "-p",
                                    "max_connections=200", *at(node), data=b"y\n")
        assert (status, err) == (0, "")
        assert "-ttl: 30\n" in out and "+ttl: 20\n" in out
        assert out.endswith("Apply these changes? [y/N]: Configuration changed\n")
        assert node.document == {"ttl": 20, "postgresql": {"use_slots": True, "parameters": {"max_connections": 200}}}
        assert "Not changed\n" in host.told("edit-config", "-s", "ttl=20", "--force", *at(node))
        (tmp_path / "more.yml").write_text("loop_wait: 5\npostgresql: null\n")
        assert host.told("edit-config", "--apply", tmp_path / "more.yml", "-q", "--force", *at(node)) == "Configuration changed\n"
        assert node.document == {"ttl": 20, "loop_wait": 5}
        assert "Configuration changed\n" in host.told("edit-config", "--replace", "-", "--force", *at(node), data=b"ttl: 25\n")
        assert node.document == {"ttl": 25}
        status, out, _err = host.run("edit-config", "--apply", "-", *at(node), data=b"ttl: 26\n")
        assert status == 1 and out.endswith("Use --force option to apply changes\n")
        node.meanwhile = {"ttl": 99}
        assert host.run("edit-config", "-s", "ttl=21", "--force", *at(node))[2] == (
            "patronictl: Config modification aborted due to concurrent changes\n")


def test_row_edit_config_editor(host, tmp_path):
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/30/20/' \"$1\"\n")
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    with Cluster({"ttl": 30}) as node:
        assert host.told("edit-config", *at(node), data=b"y\n", EDITOR=str(editor)).endswith("Configuration changed\n")
        assert node.document == {"ttl": 20}


def test_row_show_config(host):
    with Cluster({"ttl": 30, "postgresql": {"use_slots": True}, "loop_wait": 10}) as node:
        assert host.told("show-config", "orders", *at(node)) == "loop_wait: 10\npostgresql:\n  use_slots: true\nttl: 30\n"


# --- history, dsn, query, version, remove ---

def test_row_history(host):
    seen = two(history=[[1, 50331808, "no recovery target specified", "2026-11-02T08:10:00.000000+00:00", "db1"]])
    assert [c.strip() for c in shows(host, seen, "history", "orders").splitlines()[1].split("|")[1:-1]] == [
        "TL", "LSN", "Reason", "Timestamp", "New Leader"]
    assert json.loads(shows(host, seen, "history", "-f", "json")) == [
        {"TL": 1, "LSN": 50331808, "Reason": "no recovery target specified", "Timestamp": "2026-11-02T08:10:00.000000+00:00",
         "New Leader": "db1"}]


def test_row_dsn(host):
    assert shows(host, two(), "dsn", "orders") == "host=127.0.0.1 port=5432\n"
    assert shows(host, two(), "dsn", "-m", "db2") == "host=127.0.0.1 port=5433\n"
    assert shows(host, two(), "dsn", "--role", "replica") == "host=127.0.0.1 port=5433\n"
    nobody = view([replica("db1", 5432), replica()], leader=None)
    assert shows(host, nobody, "dsn", "-r", "any") == "host=127.0.0.1 port=5432\n"
    with Node({"/pgraft/v1/view": nobody}) as node:
        assert host.fails(1, "dsn", *at(node)).startswith("there is no member with role leader")


def test_row_query(host, tmp_path):
    """Unlike patronictl an error of the server is status 1 and no row."""
    (tmp_path / "job.sql").write_text("SELECT who")
    one = {"SELECT who": [Rows([("who", TEXT), ("why", TEXT)], ["a", "b"])], "SELECT bad": [SqlError("42601", "bad")]}
    with Postgres(one) as first, Postgres(one, in_recovery=True) as second, Node(
            {"/pgraft/v1/view": view([leader(port=first.port), replica(port=second.port)])}) as node:
        assert host.told("query", "orders", "-c", "SELECT who", *at(node)) == "who\twhy\na\tb\n"
        assert host.told("query", "-f", tmp_path / "job.sql", "--delimiter", ";", "-m", "db2", *at(node)) == "who;why\na;b\n"
        assert host.told("query", "-c", "SELECT who", "-r", "replica", "-U", "ann", "-d", "shop", "--format", "json", *at(node)) == (
            '[{"who": "a", "why": "b"}]\n')
        assert (second.logins[-1]["user"], second.logins[-1]["database"]) == ("ann", "shop")
        assert '"db1": bad' in host.fails(1, "query", "-c", "SELECT bad", *at(node))
        with subprocess.Popen([host.program, "query", "-c", "SELECT who", "-w", "0.1", *at(node)], stdout=subprocess.PIPE, text=True,
                              env=environment(**host.settings)) as program:
            assert [program.stdout.readline() for _ in range(4)] == ["who\twhy\n", "a\tb\n"] * 2
            program.terminate()


def test_row_remove(host):
    """Nothing is removed, whatever is answered to patronictl's three questions: there is no answer that would be right."""
    with Node({"/pgraft/v1/view": view([leader(), replica(), WITNESS])}) as node:
        status, _out, err = host.run("remove", "orders", *at(node), data=b"orders\nYes I am aware\ndb1\n")
        assert status == 1 and err.startswith('patronictl: nothing was removed; "db1" leads it now: ')
        assert {seen[0] for seen in node.seen} == {"GET"}


def test_row_version(host):
    """patronictl's first line is "patronictl version 4.1.4": scripts that look for it learn that this is another program."""
    told = {"/patroni": {"server_version": 160004, "patroni": {"version": "0.1.0"}}}
    with Members([told, told]) as m:
        lines = host.told("version", "orders", *at(m.cluster)).splitlines()
        assert re.fullmatch(r"patronictl \d+\.\d+\.\d+", lines[0])
        assert lines[1:] == ["", "db2: pgraft 0.1.0 PostgreSQL 16.4", "db1: pgraft 0.1.0 PostgreSQL 16.4"]
        assert "db1: " not in host.told("version", "orders", "db2", *at(m.cluster))
        m.nodes[0].answers["/patroni"] = Error("ERR_DENIED", "not today")
        assert host.run("version", "orders", "db1", *at(m.cluster))[0] == 1


def test_row_demote_cluster(host):
    started = iter(["primary", "standby_leader"])
    with Members([{"/patroni": lambda _body: {"role": next(started), "state": "running"}}, {}]) as m:
        m.cluster.document = {"ttl": 30}
        status, out, _err = host.run("demote-cluster", "orders", "--host", "10.1.0.1", "--port", "5433", "--restore-command", "cp /a/%f %p",
                                     "--primary-slot-name", "east", *at(m.cluster), data=b"y\n")
        assert status == 0 and out.startswith("Current cluster topology\n+ Cluster: orders ")
        assert len(m.nodes[0].seen) == 2  # until it says so itself
        assert asks(out) == ["Are you sure you want to demote orders cluster? [y/N]: "]
        assert m.cluster.document == {"ttl": 30, "standby_cluster": {
            "host": "10.1.0.1", "port": 5433, "restore_command": "cp /a/%f %p", "primary_slot_name": "east"}}
        assert "whom the cluster is to follow" in host.fails(2, "demote-cluster", "--force", *at(m.cluster))
        assert host.fails(1, "demote-cluster", "--host", "a", "--force", *at(m.cluster)) == "Cluster is already in the required state"


def test_row_promote_cluster(host):
    with Members([{"/patroni": {"role": "primary", "state": "running"}}, {}]) as m:
        m.cluster.document = {"ttl": 30, "standby_cluster": {"host": "10.1.0.1"}}
        status, out, err = host.run("promote-cluster", "orders", *at(m.cluster), data=b"\n")
        assert (status, err) == (1, "patronictl: Aborted cluster promotion\n")
        assert asks(out) == ["Are you sure you want to promote orders cluster? [y/N]: "]
        assert "Are you sure" not in host.told("promote-cluster", "orders", "--force", *at(m.cluster))
        assert m.cluster.document == {"ttl": 30}
        assert host.fails(1, "promote-cluster", "--force", *at(m.cluster)) == "Cluster is already in the required state"
