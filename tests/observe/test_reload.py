"""tests/observe/test_reload.py - a PostgreSQL that is told to read its configuration again: it has, is slow, or has refused."""
import os
import signal
import time

import rig as r

PATIENCE_S = r.LEASE_MS / 1000 / 5  # a session that began sooner proves no refusal
ENTERED_S = r.LEASE_MS / 1000 * 1.2  # by then a session has looked at the files, whatever else is


def base(server):
    return server.data / "postgresql.base.conf"


def watched(rig, text="work_mem = '5MB'\n"):
    """A server whose configuration includes another file, with @text, and its observer."""
    server = rig.server(start=False)
    base(server).write_text(text)
    with open(server.data / "postgresql.conf", "a", encoding="utf-8") as file:
        file.write("include 'postgresql.base.conf'\n")
    server.own()
    server.start()
    observer = rig.observer(server)
    observer.is_well(r.PRIMARY)
    observer.wait("its files were looked at", lambda f: f["amiss"] == "" and f["may_reload"] == 1)
    return server, observer


def tell(server, observer):
    os.kill(server.pid, signal.SIGHUP)
    observer.say("reloaded")


def refusals(rig):
    return (rig.folder / "log").read_bytes().count(b"contains errors; no changes were applied")


def test_what_is_read_is_seen_at_once(rig):
    server, observer = watched(rig)
    base(server).write_text("work_mem = '7MB'\n")
    tell(server, observer)
    observer.wait("it has read", lambda f: f["owes"] == 0)
    assert server.sql("SHOW work_mem") == "7MB"
    assert observer.now()["refused"] == 0
    observer.quit()


def test_a_bad_line_is_told_and_the_refusal_seen_until_it_is_mended(rig):
    server, observer = watched(rig)
    base(server).write_text("work_mem = '7MB'\nwhat is no setting\n")
    line = f"{base(server)}:2: syntax error"
    seen = observer.wait("it is told beforehand", lambda f: f["amiss"] == line)
    assert (seen["refused"], seen["owes"]) == (0, 0)
    tell(server, observer)
    began = time.monotonic()
    seen = observer.wait("it has refused", lambda f: f["refused"] == 1)
    assert time.monotonic() - began >= PATIENCE_S / 2
    assert (seen["amiss"], seen["owes"], seen["may_reload"]) == (line, 1, 0)
    assert server.sql("SHOW work_mem") == "5MB"
    observer.wait("after a pause it may be told again", lambda f: f["may_reload"] == 1)
    assert refusals(rig) == 1
    tell(server, observer)
    observer.wait("it has refused that too", lambda f: refusals(rig) == 2 and f["refused"] == 1 and f["may_reload"] == 0)
    base(server).write_text("work_mem = '7MB'\n")
    seen = observer.wait("nothing is wrong any more", lambda f: f["amiss"] == "")
    assert (seen["refused"], seen["owes"], seen["may_reload"]) == (0, 1, 1)
    tell(server, observer)
    observer.wait("it has read", lambda f: f["owes"] == 0)
    assert server.sql("SHOW work_mem") == "7MB"
    observer.quit()


def test_a_file_that_is_not_there_and_a_name_that_is_not_known(rig):
    server, observer = watched(rig)
    for text, told in (("include 'gone.conf'\n", f'1: could not open file "{server.data}/gone.conf"'),
                       ("wrk_mem = 4\n", "1: unrecognized configuration parameter: wrk_mem")):
        base(server).write_text(text)
        tell(server, observer)
        line = f"{base(server)}:{told}".replace('"', "")  # the driver's line knows no quotes
        observer.wait("it has refused", lambda f, line=line: f["refused"] == 1 and f["amiss"].replace('"', "") == line)
    observer.quit()


def test_a_value_that_can_not_be_taken_keeps_nothing_else_from_being_read(rig):
    server, observer = watched(rig)
    base(server).write_text("work_mem = 'much'\nmaintenance_work_mem = '7MB'\n")
    tell(server, observer)
    seen = observer.wait("it has read", lambda f: f["owes"] == 0)
    assert (seen["refused"], seen["amiss"]) == (0, "")
    assert server.sql("SHOW maintenance_work_mem") == "7MB"
    observer.quit()


def test_a_line_that_is_removed_and_asks_for_a_restart_is_no_refusal(rig):
    server, observer = watched(rig, "max_connections = 33\nwork_mem = '5MB'\n")
    lines = server.data / "postgresql.conf"
    lines.write_text("".join(line for line in lines.read_text().splitlines(True) if not line.startswith("max_connections")))
    base(server).write_text("work_mem = '7MB'\n")
    error = server.sql("SELECT error FROM pg_file_settings WHERE error IS NOT NULL")
    assert error == 'parameter "max_connections" cannot be changed without restarting the server'
    tell(server, observer)
    observer.wait("it has read", lambda f: f["owes"] == 0)
    assert server.sql("SHOW work_mem") == "7MB"
    time.sleep(ENTERED_S)
    seen = observer.now()
    assert (seen["refused"], seen["amiss"]) == (0, "")
    observer.quit()


def test_where_no_refusal_can_be_seen_it_is_told_in_vain(rig):
    server, observer = watched(rig)
    observer.quit()
    server.sql("CREATE ROLE blind LOGIN; GRANT pg_monitor TO blind;"
               "GRANT EXECUTE ON FUNCTION pg_control_checkpoint(), pg_control_recovery(), pg_control_system() TO blind")
    observer = rig.observer(server, user="blind")
    observer.is_well(r.PRIMARY)
    base(server).write_text("what is no setting\n")
    for _ in range(3):
        seen = observer.wait("it may be told", lambda f: f["may_reload"] == 1)
        assert seen["in_vain"] == 0
        tell(server, observer)
    seen = observer.wait("that was in vain", lambda f: f["in_vain"] == 1)
    assert (seen["refused"], seen["owes"], seen["amiss"]) == (0, 1, "")
    base(server).write_text("work_mem = '7MB'\n")
    tell(server, observer)
    observer.wait("it has read", lambda f: f["owes"] == 0 and f["in_vain"] == 0)
    observer.quit()


def test_a_postmaster_that_hangs_has_not_refused(rig):
    server, observer = watched(rig)
    os.kill(server.pid, signal.SIGSTOP)
    tell(server, observer)
    time.sleep(2 * PATIENCE_S)
    seen = observer.now()
    assert (seen["refused"], seen["owes"], seen["may_reload"]) == (0, 1, 1)
    os.kill(server.pid, signal.SIGCONT)
    observer.wait("it has read", lambda f: f["owes"] == 0)
    observer.quit()
