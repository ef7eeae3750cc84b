"""tests/runner/proc.py - runs one command at a time and leaves none behind.

The runner adopts what its children leave orphaned (PR_SET_CHILD_SUBREAPER), so that end_all() finds every
process below it, also those that tests have put into sessions of their own.
"""
import ctypes
import dataclasses
import os
import signal
import subprocess
import time

PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 5
POLL_SECONDS = 0.02


@dataclasses.dataclass
class Result:
    """How a command ended."""

    status: int
    text: str  # standard output and standard error together
    seconds: float


def adopt_orphans():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def run(command, env, log):
    """Run @command with its output in the file @log; not on the terminal's process group, so that Ctrl-C
    reaches the runner alone, which then ends the command in order."""
    start = time.monotonic()
    with open(log, "w+", encoding="utf-8", errors="replace") as file:
        child = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=file,
                                 stderr=subprocess.STDOUT, start_new_session=True)
        status = child.wait()
        file.seek(0)
        return Result(status, file.read(), time.monotonic() - start)


def descendants():
    """Return the ids of all processes below this one."""
    children = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                state, parent = file.read().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # it has just ended
        if state != "Z":
            children.setdefault(int(parent), []).append(int(name))
    found, queue = [], [os.getpid()]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def reap():
    """Collect every child that has ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def command_of(pid):
    """The command line of a process, or nothing once it has ended."""
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            return file.read().replace("\0", " ").strip()
    except OSError:
        return ""


def wait_for_none():
    """Give the processes below this one GRACE_SECONDS to end; return [(pid, command)] of those that stay."""
    deadline = time.monotonic() + GRACE_SECONDS
    while True:
        reap()
        alive = descendants()
        if not alive or time.monotonic() > deadline:
            return [(pid, command_of(pid)) for pid in alive]
        time.sleep(POLL_SECONDS)


def end_all():
    """End every process below this one: asked first, then forced."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + GRACE_SECONDS
        asked = set()
        while time.monotonic() < deadline:
            reap()
            alive = descendants()
            if not alive:
                return
            for pid in set(alive) - asked:
                asked.add(pid)
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            time.sleep(POLL_SECONDS)
