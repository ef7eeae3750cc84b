"""tests/observe/rig.py - PostgreSQL servers and observers for one test.

The folder is one that postgres can read, for as root everything here runs as postgres. Nothing that a test started
survives it."""
import contextlib
import os
import queue
import shlex
import shutil
import signal
import subprocess
import time

from kit import BIN, OWNER, PATIENCE_S, SMALL, Told, lives, popen, remove_memory, run, state_of, wait_until  # tests/guard

PROGRAMS = ("supervisor/pgraft-guard", "supervisor/pgraft-helper", "tests/observe/observe_driver",
            "tests/observe/observe_link_driver")
LEASE_MS = 2000  # all periods and deadlines follow from it
UNKNOWN, NO, YES = range(3)  # enum fact
ABSENT, LEFT, STARTING, RUNNING, STOPPING = range(1, 6)  # enum pg_process
STANDBY, PRIMARY = 1, 2
GONE, ALIVE = 1, 2  # enum pg_receiver
FENCE, OURS, FOREIGN, HALFWAY = 1, 2, 3, 4  # enum sync_force
WAIT, BETWEEN, HOLDS = 1, 2, 3  # enum sync_proof
OPEN, NOT_YET, FULL, REFUSED, SHUT, SILENT = range(1, 7)  # enum probe_door_state
GUARD_GONE, GUARD_SILENT, GUARD_WELL = 1, 2, 3
FENCE_VALUE = "ANY 1 (pgraft_fence)"
BETWEEN_VALUE = "ANY 1 (pgraft_between)"
SETTINGS = SMALL + "wal_retrieve_retry_interval = 100ms\nmax_connections = 10\n"


class Facts(dict):
    """One line of the driver: NAME=VALUE, numbers as numbers."""

    def __init__(self, line):
        self.line = line
        words = shlex.split(line)
        self.kind = words[0]
        super().__init__((name, int(value) if value.isdigit() and name != "sqlstate" else value)
                         for name, _, value in (word.partition("=") for word in words[1:]))


class Watcher(Told):
    """A driver whose lines are facts."""

    def __init__(self, words, log):
        super().__init__(words, log, Facts)

    def next(self, what, patience_s=PATIENCE_S):
        try:
            facts = self.lines.get(timeout=patience_s)
        except queue.Empty:
            raise AssertionError(f"no {what}; seen: " + "\n".join(self.seen[-20:])) from None
        self.seen.append(facts.line)
        return facts

    def first(self, kind):
        while (facts := self.next(kind)).kind != kind:
            pass
        return facts

    def quit(self):
        """It ends in order: nothing is left open or unreaped."""
        self.say("quit")
        self.first("closed")
        assert self.process.wait(PATIENCE_S) == 0

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        while not self.lines.empty():
            self.seen.append(self.lines.get().line)


class Observer(Watcher):
    """tests/observe/driver.c: what it sees is asked for, or waited for."""

    def __init__(self, rig, server, host=None, port=5432, user="postgres", passfile="-", guard=False):
        words = [rig.programs / "observe_driver", host or server.sockets, port, user, passfile, server.data,
                 rig.programs / "pgraft-helper", LEASE_MS]
        if guard:
            words += [rig.programs / "pgraft-guard", BIN / "postgres", server.folder / "guard.sock"]
        super().__init__(words, rig.log)

    def now(self):
        """The facts as they are now."""
        self.say("facts")
        return self.first("facts")

    def wait(self, what, true, patience_s=PATIENCE_S):
        """The first facts of which @true holds, by asking."""
        end = time.monotonic() + patience_s
        while not true(facts := self.now()):
            assert time.monotonic() < end, f"in {patience_s} s not: {what}; now: {facts.line}"
            time.sleep(0.02)
        return facts

    def is_well(self, role):
        return self.wait("it is seen",
                         lambda f: f["role"] == role and f["answers"] == YES and f["data_answers"] == YES)


class Server:
    """One data directory and its postmaster."""

    def __init__(self, rig, name):
        self.rig = rig
        self.name = name
        self.folder = rig.folder / name
        self.data = self.folder / "data"
        self.sockets = self.folder
        self.process = None

    def own(self):
        if OWNER:
            for path in (self.folder, *self.folder.rglob("*")):
                with contextlib.suppress(FileNotFoundError):  # of a server that runs
                    shutil.chown(path, OWNER, OWNER)

    def set(self, **settings):
        """Write settings to the end of postgresql.conf; the last one counts."""
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            for name, value in settings.items():
                file.write(f"{name} = '" + str(value).replace("'", "''") + "'\n")

    def start(self, wait=True):
        self.process = popen([BIN / "postgres", "-D", self.data], stdin=subprocess.DEVNULL, stdout=self.rig.log,
                             stderr=self.rig.log)
        if wait:
            wait_until("it takes connections", lambda: self.try_sql("SELECT 1") == "1")
        return self

    def try_sql(self, sql):
        with popen([BIN / "psql", "-XqAt", "-h", self.sockets, "-U", "postgres", "-d", "postgres", "-c", sql],
                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            out = process.communicate()[0]
        return out.strip() if process.returncode == 0 else None

    def sql(self, sql):
        return run(BIN / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.sockets, "-U", "postgres",
                   "-d", "postgres", "-c", sql).strip()

    def reload(self, **settings):
        self.set(**settings)
        os.kill(self.pid, signal.SIGHUP)

    @property
    def pid(self):
        return int((self.data / "postmaster.pid").read_text(encoding="utf-8").split()[0])

    def child(self, kind):
        """The process of this backend_type."""
        return int(self.sql(f"SELECT pid FROM pg_stat_activity WHERE backend_type = '{kind}' ORDER BY pid LIMIT 1"))

    def stop(self, number=signal.SIGINT):
        os.kill(self.process.pid, number)
        self.process.wait(PATIENCE_S)

    def stopped(self):
        self.stop()
        return self

    def waldump_end(self, start):
        """Where pg_waldump finds the end, from the record at @start."""
        with popen([BIN / "pg_waldump", "-q", "-p", self.data / "pg_wal", "-s", start], stdout=subprocess.PIPE,
                   stderr=subprocess.STDOUT, text=True) as process:
            text = process.communicate()[0]
        assert " at " in text, text
        return lsn(text.rpartition(" at ")[2].partition(":")[0])

    def control(self, field):
        text = run(BIN / "pg_controldata", "-D", self.data)
        return next(line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(field))

    def processes(self):
        found = []
        for name in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if name.isdigit() and os.readlink(f"/proc/{name}/cwd") == str(self.data) and lives(name):
                    found.append(int(name))
        return found

    def end(self):
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process:
            self.process.kill()
            self.process.wait()
        wait_until("no process is left", lambda: not self.processes())
        remove_memory(self.data)


def lsn(text):
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)


class Rig:
    """The servers and observers of one test."""

    def __init__(self, template):
        template.count += 1
        self.programs = template.programs
        self.template = template.data
        self.folder = template.home / f"t{template.count}"
        self.folder.mkdir()
        if OWNER:
            shutil.chown(self.folder, OWNER, OWNER)
        self.log = open(self.folder / "log", "ab")  # noqa: SIM115 (closed in end())
        self.servers = []
        self.observers = []
        self.guards = []

    def server(self, name="pg1", start=True, **settings):
        made = Server(self, name)
        self.servers.append(made)
        made.folder.mkdir()
        shutil.copytree(self.template, made.data, symlinks=True)
        with open(made.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(SETTINGS)
        made.set(unix_socket_directories=made.sockets, **settings)
        made.own()
        return made.start() if start else made

    def standby(self, of, name="pg2", start=True, follows=True, **settings):
        """A clone of the server @of that streams from it."""
        made = Server(self, name)
        self.servers.append(made)
        made.folder.mkdir()
        made.own()
        run(BIN / "pg_basebackup", "-h", of.sockets, "-U", "postgres", "-D", made.data, "-X", "stream", "-c", "fast")
        made.set(unix_socket_directories=made.sockets, synchronous_standby_names="",
                 primary_conninfo=self.conninfo(of, name) if follows else "", **settings)
        (made.data / "standby.signal").touch()
        made.own()
        return made.start() if start else made

    @staticmethod
    def conninfo(of, name):
        return (f"host={of.sockets} user=postgres application_name={name} "
                f"fallback_application_name=pgraft/{of.name}/7")

    def observer(self, server, **options):
        self.observers.append(Observer(self, server, **options))
        return self.observers[-1]

    def guarded(self, server):
        """An observer whose guard runs the server, as a standby."""
        made = self.observer(server, guard=True)
        made.say("spawn")
        self.guards.append(made.first("spawned")["pid"])
        return made

    def end(self):
        for observer in self.observers:
            observer.end()
            print("observer:", *observer.seen[-40:], sep="\n  ")
        for pid in self.guards:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            wait_until("the guard is gone", lambda pid=pid: not lives(pid))
        for server in self.servers:
            server.end()
        self.log.close()
        print((self.folder / "log").read_text(encoding="utf-8", errors="replace")[-6000:])
        shutil.rmtree(self.folder)
