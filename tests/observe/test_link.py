"""tests/observe/test_link.py - one connection: rows, errors, deadlines, cancel, pauses; a loop that never stands."""
import os
import signal
import socket

import pytest
import rig as r

IDLE, WAITS, CONNECTS, READY, ASKS = range(5)
CODE = {"timeout": 5, "busy": 8, "refused": 15, "denied": 16, "canceled": 17, "closed": 18}  # base/err.h, without sign


class Link(r.Watcher):
    """tests/observe/link_driver.c."""

    def __init__(self, rig, host, port=5432, connect_ms=1000):
        super().__init__([rig.programs / "observe_link_driver", host, port, "postgres", "-", connect_ms], rig.log)

    def ask(self, sql, deadline_ms=1000):
        self.say("ask", deadline_ms, sql)
        return self.either("rows", "failed", "error")

    def either(self, *kinds):
        while (facts := self.next(kinds)).kind not in kinds:
            pass
        return facts

    def connect(self):
        self.say("connect")
        while (state := self.first("state"))["state"] != READY:
            pass
        return state


@pytest.fixture
def server(rig):
    return rig.server()


@pytest.fixture
def link(rig, server):
    made = Link(rig, server.sockets)
    rig.observers.append(made)
    made.connect()
    return made


def test_rows_nulls_and_large_answers(link):
    answer = link.ask("SELECT generate_series(1, 500), NULL")
    assert (answer["count"], answer["columns"], answer["first"]) == (500, 2, 1)
    assert link.ask("SELECT NULL")["first"] == "-"
    assert link.ask("SELECT 1 WHERE false")["count"] == 0
    assert link.ask("SELECT repeat('x', 3000000)")["size"] == 3000000
    assert link.ask("SELECT length('" + "y" * 3000 + "')")["first"] == 3000
    link.quit()


def test_refused_query_leaves_the_connection(link):
    answer = link.ask("SELECT 1/0")
    assert (answer.kind, answer["code"], answer["sqlstate"]) == ("failed", CODE["refused"], "22012")
    assert link.ask("SELECT 2")["first"] == 2
    assert link.ask("DO $$ BEGIN RAISE NOTICE 'heard by nobody'; END $$")["count"] == 0
    link.quit()


def test_one_query_at_a_time(link):
    link.say("ask", 2000, "SELECT pg_sleep(0.3)")
    link.say("ask", 2000, "SELECT 1")
    assert link.first("error")["code"] == CODE["busy"]
    assert link.first("rows")["count"] == 1
    link.quit()


def test_deadline_of_a_query_ends_the_connection_and_another_is_made(link, server):
    answer = link.ask("SELECT pg_sleep(60)", 200)
    assert (answer["code"], answer["state"]) == (CODE["timeout"], WAITS)
    assert link.ask("SELECT 1")["code"] == CODE["closed"]
    while link.first("state")["state"] != READY:
        pass
    assert link.ask("SELECT 3")["first"] == 3
    # the server has given it up too, by statement_timeout
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'"
    r.wait_until("nobody sleeps", lambda: server.sql(sleeping) == "0")
    link.quit()


def test_cancel_answers_at_once(link):
    link.say("ask", 60000, "SELECT pg_sleep(60)")
    link.say("cancel")
    assert link.first("failed")["code"] == CODE["canceled"]
    while link.first("state")["state"] != READY:
        pass
    assert link.ask("SELECT 4")["first"] == 4
    link.quit()


def test_drop_answers_too_and_stays_down(link):
    link.say("ask", 60000, "SELECT pg_sleep(60)")
    link.say("drop")
    assert link.first("failed")["code"] == CODE["canceled"]
    answer = link.ask("SELECT 1")
    assert (answer.kind, answer["code"]) == ("error", CODE["closed"])
    link.connect()
    link.quit()


def test_end_in_the_middle_of_everything(link):
    link.say("ask", 60000, "SELECT pg_sleep(60)")
    link.quit()


def test_killed_server_is_noticed_without_a_question(link, server):
    server.stop(signal.SIGKILL)
    state = link.first("state")
    assert (state["state"], state["code"]) == (WAITS, CODE["closed"])
    assert link.first("state")["sqlstate"] == ""  # nobody listens now
    r.wait_until("its children are gone", lambda: not server.processes())
    server.start()
    while link.first("state")["state"] != READY:
        pass
    link.quit()


def test_terminated_session_says_why(link, server):
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgraft'")
    state = link.first("state")
    assert state["code"] == CODE["closed"]
    link.connect()
    link.quit()


def test_attempts_come_after_pauses_that_double(rig):
    folder = rig.folder
    made = Link(rig, folder)
    rig.observers.append(made)
    made.say("connect")
    states = [made.first("state") for _ in range(5)]
    assert [state["attempts"] for state in states] == [1, 2, 3, 4, 5]
    assert {state["state"] for state in states} == {WAITS}
    made.quit()


def test_listener_that_says_nothing_is_late_and_holds_nobody_up(rig):
    """It takes the connection and is silent: the deadline passes, the loop goes on ticking."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        made = Link(rig, "127.0.0.1", listener.getsockname()[1], connect_ms=300)
        rig.observers.append(made)
        made.say("connect")
        state = made.first("state")
        assert (state["code"], state["state"]) == (CODE["timeout"], WAITS)
        assert made.first("state")["ticks"] > 10
        made.quit()


def test_stopped_postmaster_holds_nobody_up(link, server):
    os.kill(server.pid, signal.SIGSTOP)
    assert link.ask("SELECT 5")["first"] == 5  # this session lives on
    link.say("drop")
    link.say("connect")
    state = link.first("state")
    assert state["code"] == CODE["timeout"]
    assert state["ticks"] > 10
    os.kill(server.pid, signal.SIGCONT)
    link.connect()
    link.quit()


def test_primary_is_ready_after_its_checkpoint(rig):
    """Before it a rewind would find nothing to do: its control file still shows the old timeline."""
    primary = rig.server()
    standby = rig.standby(primary)
    made = Link(rig, standby.sockets)
    rig.observers.append(made)
    made.say("upstream", "0/900000")
    assert made.first("upstream")["is_primary"] == 0
    made.first("looked")
    checkpointer = standby.child("checkpointer")
    os.kill(checkpointer, signal.SIGSTOP)
    assert standby.sql("SELECT pg_promote()") == "t"
    made.say("upstream", "0/900000")
    seen = made.first("upstream")
    assert (seen["is_primary"], seen["timeline"], seen["checkpoint"], seen["ready"]) == (1, 2, 1, r.NO)
    made.first("looked")
    os.kill(checkpointer, signal.SIGCONT)
    standby.sql("CHECKPOINT")
    made.say("upstream", standby.sql("SELECT pg_current_wal_lsn()"))
    seen = made.first("upstream")
    assert (seen["ready"], seen["has_wal"]) == (r.YES, r.YES)
    made.first("looked")
    made.say("upstream", "0/100000")  # long removed
    assert made.first("upstream")["has_wal"] == r.NO
    made.first("looked")
    made.quit()
