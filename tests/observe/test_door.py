"""tests/observe/test_door.py - connecting to a PostgreSQL that is well, refuses, is full, hangs, is killed, starts."""
import os
import signal
import socket
import time

import rig as r
from kit import Session, popen


def test_primary_is_seen_over_a_unix_socket(rig):
    server = rig.server()
    observer = rig.observer(server)
    seen = observer.is_well(r.PRIMARY)
    assert (seen["process"], seen["end_known"], seen["end_timeline"], seen["door"]) == (r.RUNNING, 1, 1, r.OPEN)
    assert seen["end_lsn"] == r.lsn(server.sql("SELECT pg_current_wal_flush_lsn()"))
    observer.quit()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def passfile_of(server, password):
    path = server.folder / "passfile"
    path.write_text(f"*:*:*:*:{password}\n", encoding="utf-8")
    path.chmod(0o600)
    server.own()
    return path


def with_password(rig):
    """A server on TCP whose role asks needs its password."""
    port = free_port()
    server = rig.server(listen_addresses="127.0.0.1")
    server.sql("CREATE ROLE asks SUPERUSER LOGIN PASSWORD 'right'")
    server.stop()
    server.set(port=port, unix_socket_directories="")
    (server.data / "pg_hba.conf").write_text("host all asks 127.0.0.1/32 scram-sha-256\n", encoding="utf-8")
    server.own()
    server.start(wait=False)
    return server, port


def test_primary_is_seen_over_tcp_with_a_passfile(rig):
    server, port = with_password(rig)
    observer = rig.observer(server, host="127.0.0.1", port=port, user="asks", passfile=passfile_of(server, "right"))
    assert observer.is_well(r.PRIMARY)["door"] == r.OPEN
    observer.quit()


def test_wrong_password_is_an_operators_business_and_no_hang(rig):
    server, port = with_password(rig)
    observer = rig.observer(server, host="127.0.0.1", port=port, user="asks", passfile=passfile_of(server, "wrong"))
    seen = observer.wait("it is refused", lambda f: f["door"] == r.REFUSED)
    assert (seen["sqlstate"], seen["answers"], seen["role"]) == ("28P01", r.UNKNOWN, 0)
    assert "right" not in seen.line and "wrong" not in seen.line.replace("wrong password", "")
    passfile_of(server, "right")
    observer.is_well(r.PRIMARY)
    observer.quit()


def test_a_door_that_is_well_is_entered_once_a_lease_and_rung_at_between(rig):
    server, port = with_password(rig)
    observer = rig.observer(server, host="127.0.0.1", port=port, user="asks", passfile=passfile_of(server, "right"))
    observer.is_well(r.PRIMARY)
    server.reload(log_connections="on")
    begun = (rig.folder / "log").stat().st_size
    time.sleep(3 * r.LEASE_MS / 1000)
    said = (rig.folder / "log").read_bytes()[begun:].decode(errors="replace")
    entered, taken = said.count("connection authorized"), said.count("connection received")
    assert entered in range(2, 5) and taken >= entered + 6, (entered, taken)
    assert "FATAL" not in said and "ERROR" not in said  # who only rings leaves no line of its own
    assert observer.now()["door"] == r.OPEN
    passfile_of(server, "wrong")  # that the password is not right any more is seen all the same
    assert observer.wait("it is refused", lambda f: f["door"] == r.REFUSED)["sqlstate"] == "28P01"
    observer.quit()


def test_what_is_said_at_the_door_is_the_reason(rig):
    """Rung at while it is well, entered when it is not: whoever was refused says why, and nothing is left of it after."""
    server, port = with_password(rig)
    observer = rig.observer(server, host="127.0.0.1", port=port, user="asks", passfile=passfile_of(server, "right"))
    observer.is_well(r.PRIMARY)
    hba = server.data / "pg_hba.conf"
    good = hba.read_text(encoding="utf-8")
    hba.write_text("host all asks 127.0.0.1/32 reject\n", encoding="utf-8")
    server.own()
    os.kill(server.pid, signal.SIGHUP)
    seen = observer.wait("it is refused", lambda f: f["door"] == r.REFUSED)
    assert "28000" in seen.line and 'user "asks"' in seen.line, seen.line
    hba.write_text(good, encoding="utf-8")
    os.kill(server.pid, signal.SIGHUP)
    assert observer.wait("it is open", lambda f: f["door"] == r.OPEN)["door_why"] == ""
    observer.quit()


def test_password_of_the_environment_is_not_used(rig, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "right")
    server, port = with_password(rig)
    observer = rig.observer(server, host="127.0.0.1", port=port, user="asks")
    assert observer.wait("it is refused", lambda f: f["door"] == r.REFUSED)["role"] == 0
    observer.quit()


def test_name_for_a_host_is_refused(rig):
    server = rig.server(start=False)
    observer = rig.observer(server, host="localhost")
    error = observer.first("error")
    assert "localhost" in error.line
    assert observer.process.wait(r.PATIENCE_S) == 1


def test_nobody_listens(rig):
    observer = rig.observer(rig.server(start=False))
    seen = observer.wait("it is shut", lambda f: f["door"] == r.SHUT)
    assert (seen["process"], seen["role"], seen["answers"]) == (0, 0, r.UNKNOWN)
    observer.quit()


def test_stopped_postmaster_hangs_within_the_deadline_and_comes_back(rig):
    server = rig.server()
    observer = rig.observer(server)
    observer.is_well(r.PRIMARY)
    os.kill(server.pid, signal.SIGSTOP)
    began = time.monotonic()
    seen = observer.wait("it hangs", lambda f: f["answers"] == r.NO)
    assert seen["door"] == r.SILENT and seen["role"] == r.PRIMARY  # its session goes on: the role is known
    print(f"seen after {time.monotonic() - began:.2f} s")
    os.kill(server.pid, signal.SIGCONT)
    observer.wait("it answers", lambda f: f["answers"] == r.YES)
    observer.quit()


def test_everything_stopped_hangs_and_its_role_is_unknown_then(rig):
    server = rig.server()
    observer = rig.observer(server)
    observer.is_well(r.PRIMARY)
    pids = server.processes()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    observer.wait("it hangs", lambda f: f["answers"] == r.NO and f["role"] == 0)
    for pid in reversed(pids):
        os.kill(pid, signal.SIGCONT)
    observer.is_well(r.PRIMARY)
    observer.quit()


def test_killed_postmaster_is_gone_at_once_and_its_successor_is_another_one(rig):
    server = rig.server()
    observer = rig.observer(server)
    observer.is_well(r.PRIMARY)
    server.stop(signal.SIGKILL)
    observer.wait("it is gone", lambda f: f["door"] == r.SHUT and f["role"] == 0)
    r.wait_until("its children are gone", lambda: not server.processes())
    server.start()
    observer.is_well(r.PRIMARY)
    observer.quit()


def test_no_connection_left_is_an_answer(rig):
    """The connection that stays goes on; a new one is refused by a postmaster that answers."""
    server = rig.server(max_connections=4, superuser_reserved_connections=0, max_wal_senders=0)
    observer = rig.observer(server)
    observer.is_well(r.PRIMARY)
    sessions = []
    while len(sessions) < 3:  # a door may just stand there
        session = Session(server)
        if session.ask("SELECT 'here';") == "here":
            sessions.append(session)
        else:
            session.end()
    seen = observer.wait("it is full", lambda f: f["door"] == r.FULL)
    time.sleep(r.LEASE_MS / 1000)
    seen = observer.wait("it is full still", lambda f: f["door"] == r.FULL)
    assert (seen["answers"], seen["role"], seen["sqlstate"]) == (r.YES, r.PRIMARY, "53300")
    for session in sessions:
        session.end()
    observer.wait("it is open", lambda f: f["door"] == r.OPEN)
    observer.quit()


def test_message_in_another_language_is_understood_by_its_code(rig):
    server = rig.server(start=False, lc_messages="de_DE.UTF-8") if has_german() else rig.server(start=False)
    (server.data / "pg_hba.conf").write_text("local all postgres reject\n", encoding="utf-8")
    server.own()
    server.start(wait=False)
    observer = rig.observer(server)
    assert observer.wait("it is refused", lambda f: f["door"] == r.REFUSED)["sqlstate"] == "28000"
    observer.quit()


def has_german():
    with popen(["locale", "-a"], stdout=-1, text=True) as process:
        return "de_DE.utf8" in process.communicate()[0]


def test_idle_it_says_nothing_and_writes_nothing(rig):
    server = rig.server()
    observer = rig.observer(server)
    before = observer.is_well(r.PRIMARY)
    time.sleep(0.5)
    before = observer.now()
    time.sleep(r.LEASE_MS * 1.5 / 1000)
    after = observer.now()
    assert (after["changes"], after["attempts"], after["wrote"]) == (before["changes"], before["attempts"], 0)
    assert after["end_lsn"] == before["end_lsn"]
    with open(f"/proc/{observer.process.pid}/io", encoding="ascii") as file:
        io = dict(line.split(": ") for line in file.read().splitlines())
    assert int(io["write_bytes"]) == 0
    observer.quit()
