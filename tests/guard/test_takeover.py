"""tests/guard/test_takeover.py - a new pgraftd, a PostgreSQL that runs already, a new program (B6)."""
import os
import shutil
import signal
import time

import kit


def test_b6_new_driver_adopts_the_guard_and_renews(node):
    driver = node.primary(lease_ms=1500)
    committer = node.session()
    committer.commit_on()
    driver.end()
    time.sleep(0.3)
    other = node.driver()
    other.grant(1, 1500, renewed=True)
    state = other.ask("attach")
    assert (state["epoch"], state["is_primary"], state["phase"]) == (1, 1, "running")
    time.sleep(2.5)
    assert other.ask("status")["is_primary"] == 1
    before = len(committer.answers)
    kit.wait_until("commits go on", lambda: len(committer.answers) > before)
    other.say("hold")
    assert other.wait("ended")["reason"] == kit.BY_DEADLINE


def test_b6_page_of_a_dead_driver_counts_no_more(node):
    """It was only frozen: it wakes up and goes on writing, but the guard looks at the new one's page."""
    driver = node.primary(lease_ms=1200)
    driver.process.stdin.close()  # ends it in order, its page stays mapped by nobody else
    driver.process.wait()
    other = node.driver()
    assert other.ask("attach")["epoch"] == 1
    other.grant(2, 5000, renewed=True)  # another epoch's time is not epoch 1's
    assert other.wait("ended")["reason"] == kit.BY_DEADLINE


def test_b6_second_driver_is_turned_away_while_one_is_there(node):
    driver = node.primary()
    other = node.driver()
    other.say("attach")
    assert other.wait("closed", "error").kind in ("closed", "error")
    assert driver.ask("status")["is_primary"] == 1


def test_b6_what_happened_meanwhile_is_told_to_the_next_driver(node):
    driver = node.primary(lease_ms=600)
    driver.end()
    node.wait_for_none()
    other = node.driver()
    other.say("attach")
    ended = other.wait("ended")
    assert (ended["reason"], ended["epoch"]) == (kit.BY_DEADLINE, 1)
    assert other.ask("status")["phase"] == "idle"  # "state", which attaching brings, may have come before the end


def test_b3_standby_signal_that_a_dead_driver_had_taken_away_comes_back(node):
    """It died while it worked in the data directory, as before a rewind: a server without a network refuses the file."""
    driver = node.guard()
    assert driver.ask("watch", 0).kind == "done"
    driver.end()
    other = node.driver()
    assert other.ask("attach")["phase"] == "idle"
    time.sleep(0.3)
    assert not node.signal_file.exists()  # hands are off still
    assert other.ask("watch", 1).kind == "done"
    kit.wait_until("standby.signal is there now", node.signal_file.exists)
    assert other.ask("start", 0, *node.words()).kind == "started"


def test_b3_standby_signal_is_owed_no_longer_than_it_is_missing(node):
    """Where the control file is damaged all is made anew, and whoever does that must not wait for a file that is there."""
    driver = node.standby()
    control = node.data / "global" / "pg_control"
    text = control.read_bytes()
    control.write_bytes(text[:40] + bytes([text[40] ^ 1]) + text[41:])
    assert driver.ask("stop", 3).kind == "done"
    driver.wait("ended")
    kit.wait_until("standby.signal is there", node.signal_file.exists)
    kit.wait_until("it is not owed", lambda: driver.ask("watch", 0).kind == "done")
    control.write_bytes(text)
    assert driver.ask("watch", 1).kind == "done"


def test_b6_running_standby_is_adopted_and_its_death_is_seen(node):
    node.signal_file.touch()
    postmaster = node.by_hand()
    driver = node.guard()
    assert driver.wait("foreign")["pid"] == postmaster.pid
    adopted = driver.ask("adopt", 0)
    assert (adopted.kind, adopted["pid"], adopted["is_adopted"]) == ("started", postmaster.pid, 1)
    postmaster.kill()
    driver.wait("died")
    assert driver.wait("ended")["reason"] == kit.BY_DEATH


def test_a7_what_was_adopted_is_left_running(node):
    """Primary or standby: the guard is gone, its second too, no deadline applies, and not one process was ended."""
    postmaster = node.by_hand()
    driver = node.guard()
    assert driver.wait("foreign")["pid"] == postmaster.pid
    driver.grant(4, 1000, renewed=True)
    assert driver.ask("arm", 4).kind == "done"
    assert driver.ask("adopt", 4).kind == "started"
    driver.wait("promoted")
    kit.wait_until("it is left", lambda: driver.ask("leave").kind == "done")
    driver.wait("closed")
    time.sleep(1.5)  # the deadline has passed
    assert postmaster.poll() is None
    assert node.session().ask("SELECT 'serves';") == "serves"


def test_a7_a_child_of_the_guard_is_not_left(node):
    driver = node.primary(lease_ms=5000)
    assert driver.ask("leave")["reason"] == kit.IS_CHILD
    assert driver.ask("status")["is_primary"] == 1


def test_d2_what_somebody_else_started_is_told_to_every_driver(node):
    """One that hears of an idle guard alone takes it that nothing runs, and writes its note or empties the directory."""
    node.signal_file.touch()
    postmaster = node.by_hand()
    driver = node.guard()
    assert driver.wait("foreign")["pid"] == postmaster.pid
    driver.end()
    other = node.driver()
    other.say("attach")
    assert [other.wait("foreign", "state").kind, other.wait("foreign", "state").kind] == ["foreign", "state"]
    assert other.ask("adopt", 0).kind == "started"


def test_b6_running_primary_is_adopted_under_an_epoch_alone(node):
    postmaster = node.by_hand()
    driver = node.guard()
    assert driver.wait("foreign")["pid"] == postmaster.pid
    assert node.session().ask("CHECKPOINT; SELECT 'done';") == "done"  # it changes the control file, and is no promotion
    time.sleep(0.2)
    assert driver.ask("adopt", 0)["reason"] == kit.IS_PRIMARY
    time.sleep(0.2)
    assert not node.signal_file.exists()  # a refusal changes nothing
    driver.grant(4, 1000, renewed=True)
    assert driver.ask("arm", 4).kind == "done"
    assert driver.ask("adopt", 4).kind == "started"
    assert driver.wait("promoted")["epoch"] == 4
    assert node.signal_file.exists()
    driver.say("hold")
    assert driver.wait("ended")["reason"] == kit.BY_DEADLINE
    assert not node.processes()


def test_b6_upgrade_is_an_exec_of_itself(node):
    driver = node.primary(lease_ms=1500)
    committer = node.session()
    committer.commit_on()
    new = node.folder / "pgraft-guard-new"
    shutil.copy(node.programs / "pgraft-guard", new)
    os.chmod(new, 0o755)
    postmaster = driver.ask("status")["pid"]
    assert driver.ask("upgrade", 0, new).kind == "done"
    assert os.readlink(f"/proc/{node.guard_pid}/exe") == str(new)
    state = driver.ask("status")
    assert (state["pid"], state["epoch"], state["is_primary"]) == (postmaster, 1, 1)
    before = len(committer.answers)
    kit.wait_until("commits go on", lambda: len(committer.answers) > before)
    time.sleep(2)  # longer than the lease: the new program reads the page
    assert driver.ask("upgrade", 0, new).kind == "done"
    os.kill(postmaster, signal.SIGKILL)
    assert driver.wait("ended")["reason"] == kit.BY_DEATH


def test_b6_upgrade_to_what_is_no_guard_is_refused(node):
    driver = node.primary(lease_ms=1500)
    assert driver.ask("upgrade", 0, "/bin/false")["reason"] == kit.NO_UPGRADE
    assert driver.ask("upgrade", 0, node.folder / "nothing")["reason"] == kit.NO_UPGRADE
    assert driver.ask("status")["is_primary"] == 1
    driver.say("hold")
    assert driver.wait("ended")["reason"] == kit.BY_DEADLINE


def test_b6_upgrade_waits_for_a_look_that_is_under_way(node):
    """Whoever asks does not know of the guard's own looks: they are no reason to refuse."""
    driver = node.primary(lease_ms=5000)
    for _ in range(30):
        (node.data / "changed").touch()  # it looks, once 20 ms have passed since its last look
        time.sleep(0.021)
        assert driver.ask("upgrade", 0, "/bin/false")["reason"] == kit.NO_UPGRADE
        (node.data / "changed").unlink()


def test_b6_newer_epoch_is_armed_while_primary(node):
    driver = node.primary(lease_ms=2000)
    driver.grant(5, 2000, renewed=True)
    assert driver.ask("arm", 5)["epoch"] == 5
    time.sleep(2.5)
    assert driver.ask("status")["epoch"] == 5
    assert node.processes()


def test_b6_guard_that_is_not_needed_any_more_ends(node):
    driver = node.standby()
    assert driver.ask("quit")["reason"] == kit.RUNS
    driver.ask("stop", kit.FAST)
    driver.wait("ended")
    assert driver.ask("quit").kind == "done"
    kit.wait_until("the guard has ended", lambda: not kit.lives(node.guard_pid))
    assert not node.seconds()


def test_b6_one_guard_for_one_socket(node):
    node.standby()
    other = node.driver()
    other.say("spawn")
    other.wait("closed")
    assert node.drivers[0].ask("status")["phase"] == "running"
    assert "another guard holds the socket" in (node.folder / "log").read_text(encoding="utf-8")


def test_words_that_are_not_understood_are_told(node):
    guard = node.programs / "pgraft-guard"
    assert "usage: pgraft-guard" in kit.run(guard, "--help")
    assert kit.run(guard, "--version").startswith("pgraft-guard ")
    for words, status in ((["--nonsense"], 2), (["--data-dir=relative"], 2), ([], 2), (["--resumes=0"], 1)):
        with kit.popen([guard, *words], stderr=kit.subprocess.PIPE, text=True) as process:
            said = process.communicate()[1]
        assert process.returncode == status, (words, said)
        assert status == 1 or "try --help" in said
