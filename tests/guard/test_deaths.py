"""tests/guard/test_deaths.py - who dies, and what becomes of PostgreSQL (B4, B6)."""
import os
import signal
import time

import kit

MS = 1_000_000


def load(node):
    committer = node.session()
    committer.commit_on()
    kit.wait_until("commits are acknowledged", lambda: len(committer.answers) > 5)
    return committer


def test_b4_backend_crash_ends_everything_at_once(node):
    driver = node.primary(lease_ms=5000)
    committer = load(node)
    os.kill(node.session().backend(), signal.SIGKILL)
    died = driver.wait("died")
    ended = driver.wait("ended")
    committer.end()
    assert died["wait_status"] != 0
    assert ended["reason"] == kit.BY_DEATH and ended["epoch"] == 1
    assert not node.processes()
    assert driver.ask("status")["phase"] == "idle"


def test_b5_postmaster_killed_leaves_no_spinning_backend(node):
    """Nobody tells a backend that spins that its postmaster is dead."""
    driver = node.primary(lease_ms=5000)
    pid = spin(node)
    os.kill(driver.ask("status")["pid"], signal.SIGKILL)
    assert driver.wait("ended")["reason"] == kit.BY_DEATH
    assert not node.processes()
    kit.wait_until("it has left the kernel", lambda: not kit.lives(pid), patience_s=0.5)


def test_b6_guard_killed_ends_postgresql(node):
    driver = node.primary(lease_ms=30000)
    committer = load(node)
    begun_ns = kit.boot_ns()
    os.kill(node.guard_pid, signal.SIGKILL)
    gone_ns = node.wait_for_none()
    committer.end()
    print(f"gone after {(gone_ns - begun_ns) / MS:.0f} ms, last acknowledgement after "
          f"{(committer.answers[-1] - begun_ns) / MS:.1f} ms")
    assert gone_ns - begun_ns < 500 * MS
    driver.wait("closed")


def test_b6_driver_killed_postgresql_lives_until_the_deadline(node):
    driver = node.primary(lease_ms=1500, kill_budget_ms=200)
    committer = load(node)
    driver.end()
    killed_ns = kit.boot_ns()
    gone_ns = node.wait_for_none()
    committer.end()
    lived_ms = (gone_ns - killed_ns) / MS
    print(f"lived {lived_ms:.0f} ms more, last acknowledgement after {(committer.answers[-1] - killed_ns) / MS:.0f}")
    assert 1500 - 200 - 100 <= lived_ms <= 1500 + 100  # the renewal is up to 50 ms old


def spin(node):
    """The id of a backend that looks at nothing any more."""
    spinner = node.session()
    pid = spinner.backend()
    spinner.say("DO $$ BEGIN LOOP END LOOP; END $$;")
    return pid


def test_b6_driver_and_guard_killed_end_postgresql_and_a_spinning_backend(node):
    driver = node.primary(lease_ms=30000)
    committer = load(node)
    pid = spin(node)
    begun_ns = kit.boot_ns()
    driver.end()
    os.kill(node.guard_pid, signal.SIGKILL)
    gone_ns = node.wait_for_none()
    committer.end()
    print(f"gone after {(gone_ns - begun_ns) / MS:.0f} ms")
    assert gone_ns - begun_ns < 500 * MS
    kit.wait_until("it has left the kernel", lambda: not kit.lives(pid), patience_s=0.5)


def test_b6_guard_killed_ends_an_adopted_postmaster(node):
    node.signal_file.touch()
    node.by_hand()
    driver = node.guard()
    driver.wait("foreign")
    assert driver.ask("adopt", 0).kind == "started"
    begun_ns = kit.boot_ns()
    os.kill(node.guard_pid, signal.SIGKILL)
    assert node.wait_for_none() - begun_ns < 500 * MS


def test_b6_second_that_dies_is_replaced(node):
    driver = node.standby()
    first, = node.seconds()
    os.kill(first, signal.SIGKILL)
    kit.wait_until("there is another", lambda: [pid for pid in node.seconds() if pid != first])
    assert driver.ask("status")["phase"] == "running"
    pid = spin(node)
    os.kill(node.guard_pid, signal.SIGKILL)
    kit.wait_until("it is ended", lambda: not kit.lives(pid), patience_s=0.5)


def test_b6_new_guard_ends_what_is_left_over(node):
    """All three were killed while a backend span: it has no postmaster any more, and nothing tells it."""
    driver = node.primary(lease_ms=30000)
    pid = spin(node)
    time.sleep(0.1)
    driver.end()
    os.kill(node.guard_pid, signal.SIGSTOP)  # so that it makes no other
    for second in node.seconds():
        os.kill(second, signal.SIGKILL)
    os.kill(node.guard_pid, signal.SIGKILL)
    kit.wait_until("the kernel has killed the postmaster", lambda: node.processes() == [pid], patience_s=0.5)
    assert node.guard().wait("ended")["reason"] == kit.BY_LEFTOVER
    kit.wait_until("it has left the kernel", lambda: not kit.lives(pid), patience_s=0.5)


def test_b6_stop_in_the_fast_way_is_clean(node):
    driver = node.primary(lease_ms=5000)
    assert driver.ask("stop", kit.FAST).kind == "done"
    assert driver.wait("died")["wait_status"] == 0
    assert driver.wait("ended")["reason"] == kit.BY_DEATH
    assert node.control("Database cluster state") == "shut down"


def test_b6_an_end_that_is_asked_for_after_another_is_no_fault_of_the_disk(node):
    """It cuts off what the guard has begun to write since, and that is begun again at once."""
    for _ in range(8):
        driver = node.standby()
        assert driver.ask("stop", kit.FAST).kind == "done"
        assert driver.wait("ended")["reason"] == kit.BY_DEATH
        assert driver.ask("stop", kit.KILL).kind == "done"
        assert driver.wait("ended")["reason"] == kit.BY_REQUEST
        since = time.monotonic()
        os.kill(node.guard_pid, signal.SIGTERM)
        driver.wait("closed")
        assert time.monotonic() - since < 0.9  # what failed is tried again after a second
        assert not any("could not be read or written" in line for line in driver.seen), driver.seen
        assert node.signal_file.exists()


def test_b6_told_to_end_the_guard_stops_postgresql_first(node):
    node.primary(lease_ms=30000)
    os.kill(node.guard_pid, signal.SIGTERM)
    kit.wait_until("the guard has ended", lambda: not kit.lives(node.guard_pid))
    assert node.control("Database cluster state") == "shut down"
