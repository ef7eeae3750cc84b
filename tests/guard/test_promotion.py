"""tests/guard/test_promotion.py - who becomes primary, and how a data directory is left (B1, B2, B3)."""
import os
import signal
import time

import kit


def test_b1_guard_promotes_under_an_armed_epoch(node):
    driver = node.standby()
    driver.grant(7, 3000, renewed=True)
    assert driver.ask("arm", 7)["armed"] == 7
    promoted = driver.ask("promote", 7)
    assert (promoted.kind, promoted["epoch"], promoted["timeline"]) == ("promoted", 7, 2)
    assert not node.in_recovery()


def test_b1_promotion_asked_too_late_is_refused(node):
    driver = node.standby()
    driver.grant(1, 1000, margin_ms=700)
    assert driver.ask("arm", 1).kind == "done"
    time.sleep(0.4)
    refused = driver.ask("promote", 1)
    assert (refused.kind, refused["reason"]) == ("refused", kit.LATE)
    time.sleep(1)  # and no deadline is in force
    assert node.in_recovery()
    assert not (node.data / "promote").exists()


def test_b1_promotion_needs_the_epoch_armed_and_permitted(node):
    driver = node.standby()
    driver.grant(2, 5000)
    assert driver.ask("promote", 2)["reason"] == kit.NOT_ARMED
    assert driver.ask("arm", 3)["reason"] == kit.NO_GRANT
    assert driver.ask("arm", 2).kind == "done"
    assert driver.ask("promote", 1)["reason"] == kit.NO_GRANT
    driver.ask("grant", 2, 5000, 200, 0, 100)  # the lease alone permits nothing
    assert driver.ask("promote", 2)["reason"] == kit.NO_GRANT
    driver.grant(2, 0)
    assert driver.ask("arm", 2)["reason"] == kit.LATE
    assert node.in_recovery()


def test_b2_promotion_by_hand_is_ended(node):
    driver = node.standby()
    postmaster = driver.ask("status")["pid"]
    begun = time.monotonic()
    (node.data / "promote").touch()
    os.kill(postmaster, signal.SIGUSR1)
    ended = driver.wait("ended")
    print(f"{time.monotonic() - begun:.3f} s after the signal")
    assert ended["reason"] == kit.BY_UNGRANTED
    assert not node.processes()
    kit.wait_until("standby.signal is back", node.signal_file.exists)


def test_b2_primary_started_by_hand_is_ended(node):
    """Somebody takes standby.signal away and starts PostgreSQL past the guard."""
    driver = node.guard()
    assert not node.signal_file.exists()
    process = kit.popen(node.words(), stdin=kit.subprocess.DEVNULL, stdout=node.log, stderr=node.log)
    node.others.append(process)
    assert driver.wait("ended")["reason"] == kit.BY_UNGRANTED
    node.wait_for_none()
    kit.wait_until("standby.signal is there now", node.signal_file.exists)


def test_b2_hands_off_leaves_a_server_of_our_own_alone(node):
    """pgraftd works on the directory, as pg_rewind does with a single-user server."""
    driver = node.guard()
    assert driver.ask("watch", 0).kind == "done"
    assert driver.ask("start", 0, *node.words())["reason"] == kit.HANDS_OFF
    kit.run("/bin/sh", "-c", f"echo 'SELECT 1' | {kit.BIN}/postgres --single -D {node.data} postgres")
    assert driver.ask("watch", 1).kind == "done"
    assert driver.ask("start", 0, *node.words()).kind == "started"


def test_b3_standby_signal_is_there_when_promoted_is_told(node):
    driver = node.standby()
    driver.grant(1, 3000, renewed=True)
    driver.ask("arm", 1)
    assert driver.ask("promote", 1).kind == "promoted"
    assert node.signal_file.exists()


def test_b3_hand_started_after_a_kill_of_everything_is_a_standby(node):
    driver = node.primary()
    driver.end()
    os.kill(node.guard_pid, signal.SIGKILL)
    node.wait_for_none()
    node.by_hand()
    assert node.in_recovery()


def test_b3_restart_in_place_as_primary_keeps_the_timeline(node):
    driver = node.primary(lease_ms=4000)
    timeline = driver.ask("status")["timeline"]
    os.kill(driver.ask("status")["pid"], signal.SIGKILL)
    assert driver.wait("died")["wait_status"] == signal.SIGKILL
    assert driver.wait("ended")["reason"] == kit.BY_DEATH
    assert node.signal_file.exists()
    assert driver.ask("start-primary", 1, *node.words())["reason"] == kit.NOT_ARMED  # the end took the epoch back
    assert driver.ask("arm", 1).kind == "done"
    assert driver.ask("start-primary", 1, *node.words()).kind == "started"
    promoted = driver.wait("promoted")
    assert promoted["timeline"] == timeline
    assert node.signal_file.exists()
    assert not node.in_recovery()
    assert node.session().ask("INSERT INTO t DEFAULT VALUES RETURNING 'ok';") == "ok"


def test_b3_restart_in_place_that_fails_leaves_a_standby(node):
    driver = node.primary(lease_ms=4000)
    driver.ask("stop", kit.FAST)
    driver.wait("ended")
    driver.ask("arm", 1)
    assert driver.ask("start-primary", 1, *node.words(), "-c", "shared_buffers=none").kind == "started"
    assert driver.wait("died")["wait_status"] != 0
    driver.wait("ended")
    kit.wait_until("standby.signal is back", node.signal_file.exists)
    assert driver.ask("start", 0, *node.words()).kind == "started"
    node.wait_for_connections()
    assert node.in_recovery()


def test_b3_standby_signal_that_somebody_removes_comes_back(node):
    node.primary()
    node.signal_file.unlink()
    kit.wait_until("standby.signal is back", node.signal_file.exists, patience_s=3)


def test_b2_control_file_is_read_as_postgresql_reads_it(node):
    """Of the version that is installed; tests/unit/test_pg_control.c has the others."""
    driver = node.guard()
    state = driver.ask("status")
    while state["system_id"] == 0:  # it has not looked yet
        state = driver.ask("status")
    assert state["system_id"] == int(node.control("Database system identifier"))
    assert state["timeline"] == int(node.control("Latest checkpoint's TimeLineID"))
    assert state["pg_state"] == 1 and node.control("Database cluster state") == "shut down"
