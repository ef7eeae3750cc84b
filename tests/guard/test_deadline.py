"""tests/guard/test_deadline.py - when the lease has run out, nothing of this PostgreSQL is left (B5, B1, A5)."""
import os
import signal
import time

import kit

MS = 1_000_000


def test_b5_deadline_ends_spinning_and_committing_backends(node):
    """One backend spins and never looks at anything, another commits through an open connection."""
    driver = node.primary(lease_ms=1200, kill_budget_ms=300)
    spinner, committer = node.session(), node.session()
    pid = spinner.backend()
    spinner.say("DO $$ BEGIN LOOP END LOOP; END $$;")
    committer.commit_on()
    kit.wait_until("commits are acknowledged", lambda: len(committer.answers) > 20)
    assert kit.lives(pid)
    deadline_ns = driver.ask("hold")["deadline_ns"]
    ended = driver.wait("ended")
    gone_ns = node.wait_for_none()
    committer.end()
    print(f"began {(deadline_ns - ended['at_ns'] + ended['took_ns']) / MS:.1f} ms before the deadline, "
          f"took {ended['took_ns'] / MS:.1f} ms, {ended['ended']} processes, "
          f"last acknowledgement {(deadline_ns - committer.answers[-1]) / MS:.1f} ms before the deadline")
    # The postmaster and the spinner are its work alone; the others may see the postmaster's death before they are found.
    assert ended["reason"] == kit.BY_DEADLINE and ended["epoch"] == 1 and ended["ended"] >= 2
    assert gone_ns < deadline_ns + 100 * MS  # the observer's own delay
    assert ended["at_ns"] <= deadline_ns
    assert committer.answers[-1] < deadline_ns
    assert ended["at_ns"] - ended["took_ns"] >= deadline_ns - 300 * MS  # A5: and nothing earlier than that
    assert node.signal_file.exists()


def test_b5_deadline_is_renewed_through_the_page_alone(node):
    driver = node.primary(lease_ms=800)
    time.sleep(2.5)
    assert node.processes()
    assert driver.ask("status")["is_primary"] == 1
    driver.say("hold")
    assert driver.wait("ended")["reason"] == kit.BY_DEADLINE


def test_b5_deadline_ends_a_frozen_postgresql(node):
    driver = node.primary(lease_ms=1000)
    for pid in node.processes():
        os.kill(pid, signal.SIGSTOP)
    deadline_ns = driver.ask("hold")["deadline_ns"]
    assert driver.wait("ended")["at_ns"] <= deadline_ns
    assert not node.processes()


def test_b5_who_only_works_in_the_data_directory_is_spared(node):
    driver = node.primary()
    bystander = kit.popen(["/bin/sh", "-c", f"cd {node.data} && exec sleep 60"])
    node.others.append(bystander)
    kit.wait_until("it works there", lambda: os.readlink(f"/proc/{bystander.pid}/cwd") == str(node.data))
    driver.ask("stop", kit.KILL)
    ended = driver.wait("ended")
    assert ended["reason"] == kit.BY_REQUEST
    assert not node.processes()
    assert bystander.poll() is None


def test_b5_hung_disk_does_not_hold_up_the_deadline(node):
    """A FIFO in the place of the promote file: whoever opens it waits for ever, as on a disk that hangs."""
    driver = node.standby()
    os.mkfifo(node.data / "promote")
    if kit.OWNER:
        kit.shutil.chown(node.data / "promote", kit.OWNER)
    deadline_ns = driver.grant(1, 1200)["deadline_ns"]
    assert driver.ask("arm", 1).kind == "done"
    driver.say("promote", 1)
    assert driver.wait("refused")["reason"] == kit.BY_DEADLINE
    ended = driver.wait("ended")
    assert ended["reason"] == kit.BY_DEADLINE and ended["at_ns"] <= deadline_ns
    assert not node.processes()


def test_b1_deadline_applies_to_a_promotion_that_has_not_ended(node):
    """PostgreSQL is frozen when its promotion is ordered: it must not wake up later and be a primary."""
    driver = node.standby()
    for pid in node.processes():
        os.kill(pid, signal.SIGSTOP)
    deadline_ns = driver.grant(1, 1000)["deadline_ns"]
    assert driver.ask("arm", 1).kind == "done"
    driver.say("promote", 1)
    assert driver.wait("ended")["at_ns"] <= deadline_ns
    assert not node.processes()
    assert node.control("Database cluster state") != "in production"


def test_b5_standby_has_no_deadline(node):
    driver = node.standby()
    driver.grant(1, 300)
    assert driver.ask("arm", 1).kind == "done"
    time.sleep(1)
    assert driver.ask("status")["phase"] == "running"
    assert node.in_recovery()
