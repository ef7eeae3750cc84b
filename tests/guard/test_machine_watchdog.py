"""tests/guard/test_machine_watchdog.py - the machine's own watchdog is fed as the lease that is served allows it, and only so.

A FIFO is the device: it takes the same bytes. What the test asserts is when the machine would have been reset."""
import os
import signal
import threading
import time

import kit
import pytest

MS = 1_000_000


class Dog:
    """The other end of the FIFO: what a watchdog device would see."""

    def __init__(self, path):
        os.mkfifo(path, 0o666)
        os.chmod(path, 0o666)
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.feeds, self.disarmed = [], 0
        self.stop = False
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.stop:
            try:
                said = os.read(self.fd, 64)
            except BlockingIOError:
                said = b""
            self.feeds += [kit.boot_ns()] * said.count(b"1")
            self.disarmed += said.count(b"V")
            time.sleep(0.005)

    def close(self):
        self.stop = True
        self.thread.join()
        os.close(self.fd)


def guarded(node, mode="required", timeout_ms=800):
    dog = Dog(node.folder / "dog")
    return dog, [f"--watchdog={mode}", f"--watchdog-device={node.folder}/dog", f"--watchdog-timeout-ms={timeout_ms}"]


def test_watchdog_is_fed_while_primary_and_never_beyond_the_deadline(node):
    dog, options = guarded(node)
    driver = node.standby(*options)
    assert not dog.feeds
    driver.grant(1, 1500, renewed=True)
    driver.ask("arm", 1)
    assert driver.ask("promote", 1).kind == "promoted"
    time.sleep(2)
    fed = len(dog.feeds)
    gaps_ms = [(b - a) / MS for a, b in zip(dog.feeds, dog.feeds[1:])]
    assert fed >= 5 and max(gaps_ms) < 800, gaps_ms
    deadline_ns = driver.ask("hold")["deadline_ns"]
    driver.wait("ended")
    kit.wait_until("it was disarmed", lambda: dog.disarmed == 1)
    dog.close()
    assert dog.feeds[-1] + 800 * MS <= deadline_ns + 20 * MS  # the reader looks every 5 ms


def test_watchdog_resets_the_machine_of_a_frozen_guard_in_time(node):
    dog, options = guarded(node)
    driver = node.primary(*options, lease_ms=1500)
    os.kill(node.guard_pid, signal.SIGSTOP)
    deadline_ns = driver.ask("hold")["deadline_ns"]
    time.sleep(1.7)
    dog.close()
    os.kill(node.guard_pid, signal.SIGCONT)
    assert dog.disarmed == 0
    assert dog.feeds[-1] + 800 * MS <= deadline_ns + 20 * MS


def test_watchdog_required_and_missing_refuses_the_promotion(node):
    driver = node.standby("--watchdog=required", "--watchdog-device=/nonexistent/dog")
    driver.grant(1, 3000)
    driver.ask("arm", 1)
    assert driver.ask("promote", 1)["reason"] == kit.NO_WATCHDOG
    assert node.in_recovery()


def test_watchdog_automatic_and_missing_is_warned_of(node):
    driver = node.standby("--watchdog=automatic", "--watchdog-device=/nonexistent/dog")
    driver.grant(1, 3000, renewed=True)
    driver.ask("arm", 1)
    driver.say("promote", 1)
    driver.warned(kit.UNWATCHED)
    driver.wait("promoted")


def promoted(node, options, lease_ms, *told):
    """A primary under a lease of @lease_ms; with @told, timeout and margin, the watchdog's times came with the arming."""
    driver = node.standby(*options)
    driver.grant(1, lease_ms, renewed=True)
    assert driver.ask("arm", 1, *told).kind == "done"
    assert driver.ask("promote", 1).kind == "promoted"
    return driver


def gaps_ms(dog, until_ns):
    """Between one feed and the next, and after the last one until @until_ns."""
    return [(after - before) / MS for before, after in zip(dog.feeds, [*dog.feeds[1:], until_ns])]


@pytest.mark.parametrize("option_ms", [4000, 100])
def test_watchdog_goes_by_the_lease_that_is_armed(node, option_ms):
    """The guard was started when another lease was in force, a longer one or a shorter one."""
    dog, options = guarded(node, timeout_ms=option_ms)
    driver = promoted(node, options, 1500, 800, 100)
    time.sleep(2)
    seen = gaps_ms(dog, kit.boot_ns())
    assert len(dog.feeds) in range(5, 15) and max(seen) < 800, seen
    deadline_ns = driver.ask("hold")["deadline_ns"]
    driver.wait("ended")
    kit.wait_until("it was disarmed", lambda: dog.disarmed == 1)
    dog.close()
    assert dog.feeds[-1] + 900 * MS <= deadline_ns + 20 * MS


def test_watchdog_stays_right_while_the_lease_is_longer_for_a_while(node):
    """What an upgrade of pgraftd does: three times the lease, and back."""
    dog, options = guarded(node, timeout_ms=4000)
    driver = promoted(node, options, 1500, 800, 0)
    for lease_ms in (4500, 1500):
        time.sleep(1)
        driver.grant(1, lease_ms, renewed=True)
    time.sleep(1.5)
    seen = gaps_ms(dog, kit.boot_ns())
    assert len(dog.feeds) >= 10 and max(seen) < 800, seen
    os.kill(node.guard_pid, signal.SIGSTOP)
    deadline_ns = driver.ask("hold")["deadline_ns"]
    time.sleep(1.7)
    dog.close()
    os.kill(node.guard_pid, signal.SIGCONT)
    assert dog.feeds[-1] + 800 * MS <= deadline_ns + 20 * MS


def test_watchdog_follows_a_newer_epoch_with_a_shorter_lease(node):
    dog, options = guarded(node, timeout_ms=4000)
    driver = promoted(node, options, 4000, 2400, 0)
    driver.grant(2, 1500, renewed=True)
    assert driver.ask("arm", 2, 600, 100).kind == "done"
    armed_ns = kit.boot_ns()
    time.sleep(1.5)
    seen = [gap for at, gap in zip(dog.feeds, gaps_ms(dog, kit.boot_ns())) if at > armed_ns]
    assert len(seen) >= 3 and max(seen) < 600, seen
    deadline_ns = driver.ask("hold")["deadline_ns"]
    driver.wait("ended")
    dog.close()
    assert dog.feeds[-1] + 700 * MS <= deadline_ns + 20 * MS


def test_watchdog_required_of_a_lease_that_is_too_short_refuses_the_promotion(node):
    dog, options = guarded(node, timeout_ms=4000)
    driver = node.standby(*options)
    driver.grant(1, 1500, renewed=True)
    driver.ask("arm", 1)
    assert driver.ask("promote", 1)["reason"] == kit.BRIEF
    assert node.in_recovery()
    dog.close()
    assert not dog.feeds and not dog.disarmed


def test_watchdog_required_that_does_not_fit_a_newer_epoch_refuses_that(node):
    dog, options = guarded(node)
    driver = promoted(node, options, 1500)
    driver.grant(2, 1500, renewed=True)
    assert driver.ask("arm", 2, 1400, 200)["reason"] == kit.BRIEF
    assert driver.wait("ended")["epoch"] == 1
    kit.wait_until("it was disarmed", lambda: dog.disarmed == 1)
    dog.close()


def test_watchdog_automatic_of_a_lease_that_is_too_short_is_not_opened(node):
    dog, options = guarded(node, mode="automatic", timeout_ms=4000)
    driver = node.standby(*options)
    driver.grant(1, 1500, renewed=True)
    driver.ask("arm", 1)
    driver.say("promote", 1)
    driver.warned(kit.BRIEF)
    driver.wait("promoted")
    time.sleep(1)
    assert not dog.feeds and not dog.disarmed  # it would count, and nobody could feed it
    driver.grant(1, 9000, renewed=True)
    kit.wait_until("it is fed under a lease that is long enough", lambda: dog.feeds)
    dog.close()


def test_watchdog_with_a_long_margin_is_fed_again_after_a_late_renewal(node):
    """A renewal that comes after the last feed that fitted, and well before the lease ends."""
    dog, options = guarded(node, timeout_ms=4000)
    driver = promoted(node, options, 3000, 900, 1500)
    time.sleep(1)
    driver.ask("hold")
    time.sleep(1)
    driver.grant(1, 3000, renewed=True)
    time.sleep(2)
    seen = gaps_ms(dog, kit.boot_ns())
    dog.close()
    assert max(seen) < 1400, seen  # 0.6 s after the last renewal is the last feed, 1 s after it the next renewal
