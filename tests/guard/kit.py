"""tests/guard/kit.py - a data directory, a guard with a driver in pgraftd's place, and sessions, for one test.

PostgreSQL does not run as root, so as root everything here runs as postgres, from a folder that it can read. One
initdb serves all tests of a file; each gets a copy. Nothing that a test started survives it."""
import contextlib
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from pg_host import lives, postgres_bin, state_of  # tests/lib

BUILD = Path(os.environ["PGRAFT_BUILD_ROOT"])
PATIENCE_S = 15
MEMORY = Path("/dev/shm")  # dozens of data directories: nothing here needs a disk
OWNER = "postgres" if os.geteuid() == 0 else None
PROGRAMS = ("supervisor/pgraft-guard", "tests/guard/guard_driver")
SMALL = """
listen_addresses = ''
shared_buffers = 16MB
max_wal_size = 8MB
min_wal_size = 2MB
fsync = off
restart_after_crash = off
log_min_messages = warning
dynamic_shared_memory_type = mmap
"""
SETTINGS = SMALL + "unix_socket_directories = '{sockets}'\n"
ANSWERS = ("done", "refused", "state", "started", "promoted")
SMART, FAST, IMMEDIATE, KILL = range(4)
LATE, NO_GRANT, NOT_ARMED = 1, 2, 3  # enum guard_reason of supervisor/guard_wire.h
RUNS, IS_PRIMARY, NO_WATCHDOG, HANDS_OFF = 5, 9, 13, 14
BY_DEADLINE, BY_REQUEST, BY_DEATH, BY_UNGRANTED, BY_LEFTOVER = range(15, 20)
UNLOCKED, NO_UPGRADE, UNWATCHED, BRIEF, QUITTING, IS_CHILD = 20, 27, 28, 30, 31, 32


BIN = postgres_bin()


def popen(words, **options):
    return subprocess.Popen([str(word) for word in words], user=OWNER, group=OWNER, extra_groups=[] if OWNER else None,
                            cwd="/", **options)


def run(*words):
    with popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        text = process.communicate()[0]
    assert process.returncode == 0, f"{words}: {text}"
    return text


def wait_until(what, true, patience_s=PATIENCE_S):
    end = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < end, f"in {patience_s} s not: {what}"
        time.sleep(0.005)


def boot_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def remove_memory(data):
    """The shared memory of a PostgreSQL that was killed: the next start in @data would remove it, and there is none."""
    with contextlib.suppress(OSError, IndexError):
        key_and_id = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[6].split()
        subprocess.run(["ipcrm", "-m", key_and_id[1]], check=False, capture_output=True)


class Event(dict):
    """One line of the driver."""

    def __init__(self, line):
        self.line = line
        words, _, self.why = line.partition(" why=")
        self.kind, *pairs = words.split()
        super().__init__((name, int(value) if value.isdigit() else value)
                         for name, _, value in (pair.partition("=") for pair in pairs))


class Told:
    """A program that is told what to do, a line at a time, and says a line at a time what comes of it."""

    def __init__(self, words, log, line_of):
        self.process = popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1)
        self.line_of = line_of
        self.lines = queue.Queue()
        self.seen = []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(self.line_of(line.rstrip("\n")))

    def say(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")


class Driver(Told):
    """pgraftd's part, played by tests/guard/driver.c."""

    def __init__(self, node, *options):
        super().__init__([node.programs / "guard_driver", node.programs / "pgraft-guard", node.data, BIN / "postgres",
                          node.socket, *options], node.log, Event)
        self.kept = []  # told while an answer was awaited

    def next(self, end, what):
        """The next event of all, before the time @end."""
        try:
            event = self.lines.get(timeout=max(end - time.monotonic(), 0.001))
        except queue.Empty:
            raise AssertionError(f"no {what}; seen: " + "\n".join(self.seen)) from None
        self.seen.append(event.line)
        return event

    def wait(self, *kinds, patience_s=PATIENCE_S):
        """The next event of one of @kinds; what came before it is dropped."""
        end = time.monotonic() + patience_s
        while True:
            event = self.kept.pop(0) if self.kept else self.next(end, kinds)
            if event.kind in kinds:
                return event

    def warned(self, reason):
        while self.wait("warning")["reason"] != reason:
            pass

    def first(self, kind):
        """The next event of @kind; what comes before it is kept."""
        while (event := self.next(time.monotonic() + PATIENCE_S, kind)).kind != kind:
            self.kept.append(event)
        return event

    def ask(self, *words):
        """Say @words and return the answer; what comes before it is kept."""
        self.say(*words)
        end, number = time.monotonic() + PATIENCE_S, None
        while True:
            event = self.next(end, f"answer to {words}")
            if event.kind in ("granted", "held", "error"):
                return event
            if event.kind == "asked":
                number = event["id"]
            elif event.kind in ANSWERS and event["id"] == number:
                return event
            else:
                self.kept.append(event)

    def grant(self, epoch, lease_ms, kill_budget_ms=200, margin_ms=100, renewed=False):
        return self.ask("renew" if renewed else "grant", epoch, lease_ms, kill_budget_ms, epoch, margin_ms)

    def end(self, number=signal.SIGKILL):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait()


class Session:
    """One psql connection that stays open."""

    def __init__(self, node, database="postgres"):
        self.process = popen([BIN / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", node.folder, "-d", database],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             bufsize=1)
        self.answers = []
        self.thread = None

    def ask(self, sql):
        """The one line that @sql answers; "" once the connection is gone."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(sql + "\n")
        return self.process.stdout.readline().rstrip("\n")

    def say(self, sql):
        self.process.stdin.write(sql + "\n")

    def commit_on(self):
        """Commit row after row in a thread, each acknowledgement with its time in `answers`, until it fails."""
        def work():
            while self.ask("INSERT INTO t DEFAULT VALUES RETURNING 'ok';") == "ok":
                self.answers.append(boot_ns())
        self.thread = threading.Thread(target=work, daemon=True)
        self.thread.start()

    def backend(self):
        return int(self.ask("SELECT pg_backend_pid();"))

    def end(self):
        self.process.kill()
        self.process.wait()
        if self.thread:
            self.thread.join()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()


class Template:
    """What initdb made, with the programs of @suite that every copy needs."""

    def __init__(self, suite, programs):
        self.folder = Path(tempfile.mkdtemp(prefix=f"pgraft-{suite}-", dir=MEMORY if MEMORY.is_dir() else None))
        os.chmod(self.folder, 0o755)
        self.programs = Path(tempfile.mkdtemp(prefix=f"pgraft-{suite}-bin-"))  # the other may forbid to execute
        os.chmod(self.programs, 0o755)
        for program in programs:
            shutil.copy(BUILD / program, self.programs)
        self.home = self.folder / "home"
        self.home.mkdir()
        if OWNER:
            shutil.chown(self.home, OWNER, OWNER)
        self.data = self.home / "template"
        run(BIN / "initdb", "-D", self.data, "-A", "trust", "--no-sync", "--wal-segsize=1", "-U", "postgres")
        self.count = 0

    def close(self):
        shutil.rmtree(self.folder)
        shutil.rmtree(self.programs)


class Node:
    """One data directory, its guard and its sessions."""

    def __init__(self, template):
        template.count += 1
        self.programs = template.programs
        self.folder = template.home / f"n{template.count}"
        self.folder.mkdir()
        self.data = self.folder / "data"
        self.socket = self.folder / "guard.sock"
        self.log = open(self.folder / "log", "ab")  # noqa: SIM115 (closed in end())
        shutil.copytree(template.data, self.data, symlinks=True)
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(SETTINGS.format(sockets=self.folder))
        if OWNER:
            for path in (self.folder, *self.folder.rglob("*")):
                shutil.chown(path, OWNER, OWNER)
        self.drivers = []
        self.sessions = []
        self.guards = []
        self.others = []

    # --- the guard

    def driver(self, *options):
        self.drivers.append(Driver(self, *options))
        return self.drivers[-1]

    def guard(self, *options):
        """A driver with a guard of its own."""
        return self.has_guard(self.driver(*options))

    def has_guard(self, driver):
        driver.say("spawn")
        self.guards.append(driver.first("spawned")["pid"])
        assert driver.first("state")["phase"] == "idle"
        return driver

    @property
    def guard_pid(self):
        return self.guards[-1]

    def words(self):
        return [BIN / "postgres", "-D", self.data]

    def standby(self, *options):
        """A guard that runs a standby."""
        driver = self.guard(*options)
        assert driver.ask("start", 0, *self.words()).kind == "started"
        self.wait_for_connections()
        return driver

    def primary(self, *options, epoch=1, lease_ms=1500, kill_budget_ms=200):
        """A guard that runs a primary under a lease that its driver renews, and a table t in it."""
        driver = self.standby(*options)
        driver.grant(epoch, lease_ms, kill_budget_ms, renewed=True)
        assert driver.ask("arm", epoch).kind == "done"
        assert driver.ask("promote", epoch).kind == "promoted"
        assert self.session().ask("CREATE TABLE t (at timestamptz DEFAULT now()); SELECT 'made';") == "made"
        return driver

    def seconds(self):
        """The children that wait for the guard's death."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                name = Path(f"/proc/{pid}/comm").read_text(encoding="ascii", errors="replace").strip()
                if name == "guard-second" and lives(pid) and os.readlink(f"/proc/{pid}/exe").startswith(str(self.programs)):
                    found.append(int(pid))
        return found

    def guard_processes(self):
        """The guard, its second, and the children that work on files for it: they may go on for a moment after it."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                program = os.readlink(f"/proc/{pid}/exe")
                if program.startswith((f"{self.programs}/pgraft-guard", f"{self.folder}/pgraft-guard")) and lives(pid):
                    found.append(int(pid))
        return found

    # --- PostgreSQL

    def session(self):
        self.sessions.append(Session(self))
        return self.sessions[-1]

    def wait_for_connections(self):
        def answers():
            session = self.session()
            answer = session.ask("SELECT 'here';")
            session.end()
            self.sessions.remove(session)
            return answer == "here"
        wait_until("PostgreSQL takes connections", answers)

    def in_recovery(self):
        return self.session().ask("SELECT pg_is_in_recovery();") == "t"

    def control(self, field):
        text = run(BIN / "pg_controldata", "-D", self.data)
        return next(line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(field))

    @property
    def signal_file(self):
        return self.data / "standby.signal"

    def processes(self):
        """The living processes of this PostgreSQL, as /proc has them."""
        found = []
        for name in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if name.isdigit() and os.readlink(f"/proc/{name}/cwd") == str(self.data) and lives(name):
                    if os.readlink(f"/proc/{name}/exe") == str((BIN / "postgres").resolve()):
                        found.append(int(name))
        return found

    def wait_for_none(self, patience_s=PATIENCE_S):
        """The time at which no process was left."""
        wait_until("no process is left", lambda: not self.processes(), patience_s)
        return boot_ns()

    def by_hand(self):
        """PostgreSQL started by somebody else, past the guard."""
        with contextlib.suppress(FileNotFoundError):
            before = (self.data / "postmaster.pid").read_text(encoding="utf-8").split()[0]
            wait_until("the former one is reaped", lambda: not state_of(before))
        process = popen(self.words(), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.others.append(process)
        self.wait_for_connections()
        return process

    def end(self):
        for session in self.sessions:
            session.end()
        for driver in self.drivers:
            driver.end()
        for pid in self.guards:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in self.others:
            process.kill()
            process.wait()
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.wait_for_none()
        wait_until("nothing of the guard is left", lambda: not self.guard_processes())
        self.log.close()
        remove_memory(self.data)
        shutil.rmtree(self.data)
