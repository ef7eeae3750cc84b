"""tests/guard/test_quit.py - the guard is told to end while it is about to start a PostgreSQL.

Whatever it was doing, no PostgreSQL is left that nobody holds, and the guard goes. Each moment is held open by a file that
answers when the test wants it to."""
import fcntl
import os
import shutil
import signal

import kit
import pytest


def told_to_end(node, driver):
    os.kill(node.guard_pid, signal.SIGTERM)
    return driver.ask("status")["phase"]  # signals come before requests


def has_quit(node):
    kit.wait_until("the guard has ended", lambda: not kit.lives(node.guard_pid))
    assert not node.processes()


def test_sigterm_while_files_are_prepared_starts_nothing(node):
    driver = node.guard()
    pid_file = node.data / "postmaster.pid"
    os.mkfifo(pid_file)
    os.chmod(pid_file, 0o666)
    driver.say("start", 0, *node.words())
    kit.wait_until("files are looked at", lambda: driver.ask("status")["phase"] == "preparing")
    assert told_to_end(node, driver) == "preparing"
    writer = os.open(pid_file, os.O_WRONLY)
    pid_file.unlink()
    os.close(writer)
    assert driver.wait("started", "refused")["reason"] == kit.QUITTING
    has_quit(node)
    assert node.signal_file.exists()


def test_sigterm_while_a_start_as_primary_is_prepared_leaves_the_signal_file(node):
    """Its file is taken away before such a start, and has to be there again."""
    driver = node.guard()
    driver.grant(1, 60000)
    driver.ask("arm", 1)
    pid_file = node.data / "postmaster.pid"
    os.mkfifo(pid_file)
    os.chmod(pid_file, 0o666)
    driver.say("start-primary", 1, *node.words())
    kit.wait_until("files are looked at", lambda: driver.ask("status")["phase"] == "preparing")
    told_to_end(node, driver)
    writer = os.open(pid_file, os.O_WRONLY)
    pid_file.unlink()
    os.close(writer)
    assert driver.wait("started", "refused")["reason"] == kit.QUITTING
    has_quit(node)
    assert node.signal_file.exists()


@pytest.fixture
def slow_program(node):
    """A program whose execution waits until its lease (fcntl(2)) is given back; the descriptor that has it."""
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # somebody opens it
    path = node.folder / "slow-postgres"
    path.write_text(f'#!/bin/sh\nexec {kit.BIN / "postgres"} "$@"\n', encoding="ascii")
    path.chmod(0o755)
    if kit.OWNER:
        shutil.chown(path, "root", "root")
    fd = os.open(path, os.O_RDONLY)
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    yield path, fd
    os.close(fd)


def test_sigterm_while_the_postmaster_is_executed_ends_it(node, slow_program):
    path, fd = slow_program
    driver = node.guard()
    driver.say("start", 0, path, "-D", node.data)
    kit.wait_until("it is executed", lambda: driver.ask("status")["phase"] == "starting")
    assert told_to_end(node, driver) == "starting"
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    driver.wait("started")
    driver.wait("ended")
    has_quit(node)


def test_nothing_is_begun_by_a_guard_that_was_told_to_end(node):
    driver = node.guard()
    os.kill(node.guard_pid, signal.SIGSTOP)
    kit.wait_until("it is frozen", lambda: kit.state_of(node.guard_pid) == "T")
    os.kill(node.guard_pid, signal.SIGTERM)
    driver.say("start", 0, *node.words())
    driver.wait("asked")
    os.kill(node.guard_pid, signal.SIGCONT)
    assert driver.wait("started", "refused")["reason"] == kit.QUITTING
    has_quit(node)
