"""tests/observe/test_standby.py - a standby with and without its receiver, sealed (C1), and the end of its WAL (C2)."""
import os
import shutil
import signal
import time

import rig as r


def pair(rig, rows=200):
    primary = rig.server()
    primary.sql("CREATE TABLE t (a text)")
    standby = rig.standby(primary)
    primary.sql(f"INSERT INTO t SELECT repeat('x', 500) FROM generate_series(1, {rows})")
    return primary, standby


def watched(rig):
    """The same, and an observer that sees the standby."""
    primary, standby = pair(rig)
    observer = rig.observer(standby)
    observer.is_well(r.STANDBY)
    return primary, standby, observer


def end_of(server):
    return r.lsn(server.sql("SELECT pg_current_wal_flush_lsn()"))


def test_streaming_standby_names_its_upstream_and_its_end(rig):
    primary, standby, observer = watched(rig)
    seen = observer.wait("it has all", lambda f: f["end_known"] and f["end_lsn"] == end_of(primary))
    assert (seen["receiver"], seen["conninfo_empty"]) == (r.ALIVE, r.NO)
    assert (seen["upstream"], seen["follows"]) == ("pg1", 7)
    assert (seen["gone_twice"], seen["end_after_seal"], seen["end_timeline"]) == (0, 0, 1)
    observer.quit()


def test_c1_sealed_standby_is_gone_twice_and_only_then_read(rig):
    primary, standby, observer = watched(rig)
    acknowledged = end_of(primary)
    observer.wait("it has all", lambda f: f["end_known"] and f["end_lsn"] >= acknowledged)
    observer.say("hurry", 5000)
    standby.reload(primary_conninfo="")
    began = time.monotonic()
    seen = observer.wait("it is sealed", lambda f: f["end_after_seal"] == 1)
    print(f"sealed and read after {time.monotonic() - began:.2f} s")
    assert (seen["gone_twice"], seen["receiver"], seen["conninfo_empty"]) == (1, r.GONE, r.YES)
    assert acknowledged <= seen["end_lsn"] <= end_of(primary)
    # whatever comes to the primary afterwards is not there, and a new receiver undoes the seal
    primary.sql("INSERT INTO t SELECT 'late'")
    assert observer.wait("the end is known", lambda f: f["end_known"])["end_lsn"] == seen["end_lsn"]
    standby.reload(primary_conninfo=rig.conninfo(primary, "pg2"))
    seen = observer.wait("it streams", lambda f: f["receiver"] == r.ALIVE and f["gone_twice"] == 0)
    assert seen["end_after_seal"] == 0
    observer.quit()


def test_c1_receiver_that_lives_on_while_replay_is_paused_is_seen(rig):
    """An empty conninfo alone ends no receiver while replay is paused: the seal is not complete."""
    primary, standby, observer = watched(rig)
    standby.sql("SELECT pg_wal_replay_pause()")
    primary.sql("INSERT INTO t SELECT 'more'")
    startup = standby.child("startup")
    os.kill(startup, signal.SIGSTOP)  # as replay that is held up somewhere
    observer.say("hurry", 5000)
    standby.reload(primary_conninfo="")
    seen = observer.wait("the conninfo is empty", lambda f: f["conninfo_empty"] == r.YES)
    time.sleep(0.5)
    seen = observer.now()
    assert (seen["receiver"], seen["gone_twice"], seen["end_after_seal"]) == (r.ALIVE, 0, 0)
    primary.sql("INSERT INTO t SELECT 'while it lives'")
    acknowledged = end_of(primary)
    flushed = "SELECT flush_lsn FROM pg_stat_replication"
    r.wait_until("it has flushed that", lambda: r.lsn(primary.sql(flushed)) >= acknowledged)
    os.kill(standby.child("walreceiver"), signal.SIGTERM)
    seen = observer.wait("it is sealed", lambda f: f["end_after_seal"] == 1)
    assert acknowledged <= seen["end_lsn"] <= end_of(primary)  # received and flushed, replayed or not
    os.kill(startup, signal.SIGCONT)
    observer.quit()


def test_c2_restarted_standby_without_receiver_is_read_from_its_files(rig):
    """It says receive NULL and a replay far behind what it has acknowledged."""
    primary, standby, observer = watched(rig)
    standby.sql("SELECT pg_wal_replay_pause()")
    r.wait_until("replay stands", lambda: standby.sql("SELECT pg_get_wal_replay_pause_state()") == "paused")
    replayed = r.lsn(standby.sql("SELECT pg_last_wal_replay_lsn()"))
    primary.sql("INSERT INTO t SELECT repeat('y', 500) FROM generate_series(1, 3000)")
    end = end_of(primary)
    assert end > replayed + (1 << 20)
    observer.wait("it has all", lambda f: f["end_lsn"] >= end)
    standby.stop(signal.SIGQUIT)
    standby.set(primary_conninfo="", recovery_min_apply_delay="1h")
    standby.start()
    assert standby.sql("SELECT pg_last_wal_receive_lsn() IS NULL") == "t"
    assert r.lsn(standby.sql("SELECT pg_last_wal_replay_lsn()")) < end
    seen = observer.wait("it was read", lambda f: f["end_known"] == 1 and f["process"] == r.RUNNING)
    assert end <= seen["end_lsn"] <= end_of(primary) and seen["end_timeline"] == 1
    observer.quit()


def test_c2_end_of_a_stopped_standby_is_that_of_pg_waldump(rig):
    primary, standby = pair(rig)
    observer = rig.guarded(standby.stopped())
    observer.wait("it was read", lambda f: f["end_known"] == 1 and f["process"] == r.ABSENT)
    seen = observer.now()
    assert seen["end_lsn"] == standby.waldump_end(standby.control("Latest checkpoint location"))
    assert (seen["end_after_seal"], seen["left"]) == (1, 0)
    assert seen["end_lsn"] <= end_of(primary)
    observer.quit()


def test_c2_end_goes_over_a_promotion(rig):
    """The stopped node has WAL of two timelines: its end is of the later one, and it tells where that left the first."""
    primary, standby = pair(rig)
    primary.stop()
    switch = r.lsn(standby.sql("SELECT pg_last_wal_replay_lsn()"))
    assert standby.sql("SELECT pg_promote()") == "t"
    standby.sql("INSERT INTO t SELECT repeat('z', 500) FROM generate_series(1, 3000)")
    end = end_of(standby)
    standby.stop(signal.SIGQUIT)
    observer = rig.guarded(standby)
    seen = observer.wait("it was read", lambda f: f["end_known"] == 1)
    assert seen["end_timeline"] == 2 and seen["end_lsn"] >= end > switch
    history = (standby.data / "pg_wal/00000002.history").read_text(encoding="utf-8")
    assert seen["left"] == r.lsn(history.split()[1])
    observer.quit()


def test_c2_garbage_behind_the_end_counts_nothing(rig):
    """A torn record in the middle: what follows is whole, and no PostgreSQL would replay it."""
    primary, standby = pair(rig)
    primary.sql("INSERT INTO t SELECT 'the last before'; SELECT pg_switch_wal()")
    whole = end_of(primary)
    primary.sql("INSERT INTO t SELECT repeat('w', 500) FROM generate_series(1, 100)")
    r.wait_until("it has all", lambda: r.lsn(standby.sql("SELECT pg_last_wal_receive_lsn()")) >= end_of(primary))
    segment = primary.sql("SELECT pg_walfile_name(pg_current_wal_lsn())")
    standby.stop(signal.SIGQUIT)
    with open(standby.data / "pg_wal" / segment, "r+b") as file:
        file.seek(0x3000 + 40)
        file.write(b"\xff")
    observer = rig.guarded(standby)
    seen = observer.wait("it was read", lambda f: f["end_known"] == 1)
    start = standby.control("Latest checkpoint location")
    assert seen["end_lsn"] == standby.waldump_end(start)
    assert seen["end_lsn"] < end_of(primary) and seen["end_lsn"] >= whole - (1 << 20)
    observer.quit()


def test_guard_and_promotion_are_seen(rig):
    server = rig.server(start=False, max_connections=100)  # as its control file says: it starts as a standby
    observer = rig.guarded(server)
    seen = observer.wait("nothing runs", lambda f: f["process"] == r.ABSENT and f["guard"] == r.GUARD_WELL)
    assert seen["promotion_seen"] in (r.UNKNOWN, r.NO)
    observer.say("start", r.BIN / "postgres", "-D", server.data)
    seen = observer.is_well(r.STANDBY)
    assert (seen["process"], seen["signal"], seen["promotion_seen"], seen["promoted"]) == (r.RUNNING, r.YES, r.NO, 0)
    observer.say("renew", 3, 1500)
    observer.say("arm", 3)
    observer.wait("it is armed", lambda f: f["armed"] == 3)
    observer.say("promote", 3)
    seen = observer.wait("it is primary", lambda f: f["role"] == r.PRIMARY and f["signal"] == r.YES)
    assert (seen["promoted"], seen["promotion_seen"], seen["end_timeline"]) == (3, r.YES, 2)
    assert 0 < seen["recovered"] <= end_of(server)
    os.kill(server.pid, signal.SIGKILL)
    seen = observer.wait("all is gone", lambda f: f["process"] == r.ABSENT)
    assert seen["role"] == 0
    seen = observer.wait("it was read", lambda f: f["end_known"] == 1)
    assert seen["end_timeline"] == 2
    os.kill(rig.guards[0], signal.SIGSTOP)
    observer.wait("the guard is silent", lambda f: f["guard"] == r.GUARD_SILENT)
    os.kill(rig.guards[0], signal.SIGCONT)
    observer.wait("it is well again", lambda f: f["guard"] == r.GUARD_WELL)
    os.kill(rig.guards[0], signal.SIGKILL)
    observer.wait("it is gone", lambda f: f["guard"] == r.GUARD_GONE)
    observer.quit()


def test_recovery_that_takes_no_connection_is_seen_to_move_and_to_stand_still(rig):
    """A segment each third of a second out of an archive, and then none any more: what waits for one does not move."""
    archive = rig.folder / "archive"
    archive.mkdir()
    primary = rig.server(archive_mode="on", archive_command=f"cp %p {archive}/%f")
    shutil.chown(archive, r.OWNER, r.OWNER)
    standby = rig.standby(primary, start=False, follows=False, hot_standby="off", wal_retrieve_retry_interval="5s",
                          restore_command=f"test -f {archive}/%f && sleep 0.3 && cp {archive}/%f %p")
    primary.sql("CREATE TABLE t (text text); INSERT INTO t SELECT repeat('m', 500) FROM generate_series(1, 20000)")
    primary.sql("SELECT pg_switch_wal()")
    last = primary.sql("SELECT pg_walfile_name(pg_current_wal_lsn() - 1)")
    r.wait_until("it is archived", lambda: (archive / last).exists())
    observer = rig.guarded(standby)
    observer.wait("nothing runs", lambda f: f["process"] == r.ABSENT and f["guard"] == r.GUARD_WELL)
    observer.say("start", r.BIN / "postgres", "-D", standby.data)
    observer.wait("it starts", lambda f: f["process"] == r.STARTING)
    recovered = standby.data / "pg_wal" / last
    began = time.monotonic()
    longest_ms = 0
    while not recovered.exists():
        seen = observer.now()
        assert seen["process"] == r.STARTING and time.monotonic() < began + r.PATIENCE_S
        longest_ms = max(longest_ms, seen["still_ms"])
        time.sleep(0.02)
    took_ms = (time.monotonic() - began) * 1000
    assert longest_ms < took_ms / 2, f"it stood for {longest_ms} ms of {took_ms:.0f}"
    observer.wait("it stands still", lambda f: f["process"] == r.STARTING and f["still_ms"] > 8000)
    observer.quit()
