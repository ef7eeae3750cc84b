"""tests/cluster/lib/pg_node.py - a node with its PostgreSQL: every process of it, and what PostgreSQL is asked.

All that belongs to a node stands in one folder, its programs too: a process is the node's if its program or its
directory lies there, or if it is a program of PostgreSQL's, but no client, with words of it. PostgreSQL does not run as root: started by root, pgraftd becomes postgres by itself; in
a namespace where there is no user but root it gets one of its own."""
import contextlib
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from pg_host import lives, postgres_bin, state_of  # tests/lib

from lib import wait
from lib.client import Client
from lib.node import API_PORT, PEER_PORT, PGRAFTD, Node
from lib.pg_disk import PgDisk
from lib.pg_dog import Dog

PG_PORT = 5432
PASSWORD = "super"
DULL = re.compile(r"FATAL:  the database system is|DETAIL:  Consistent recovery|LOG:  waiting for WAL to become|STATEMENT:  START_REPLICATION")
ANSWER_S = 3  # PostgreSQL is given so long for a statement


BIN = postgres_bin()


def owner():
    """Whom PostgreSQL runs as: a user's name, or None where it runs as who we are or seem to be."""
    has_users = len(Path("/proc/self/uid_map").read_text(encoding="ascii").split()) == 3 \
        and Path("/proc/self/uid_map").read_text(encoding="ascii").split()[2] != "1"
    return "postgres" if os.geteuid() == 0 and has_users else None


def seeming():
    """What a program is put behind, where we are root and there is no other user, to be another one."""
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"] \
        if os.geteuid() == 0 and owner() is None else []


class Process:
    """What /proc has of one process."""

    def __init__(self, pid):
        self.pid = pid
        self.program = os.readlink(f"/proc/{pid}/exe")
        self.place = os.readlink(f"/proc/{pid}/cwd")
        self.words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        self.name = Path(f"/proc/{pid}/comm").read_text(encoding="ascii", errors="replace").strip()

    def __str__(self):
        return f"{self.pid} {state_of(self.pid)} {self.name}: {self.words[:100]}"


def send(pids, number):
    """The signal @number to those of @pids that are there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


class PgNode(Node):
    """pgraftd --voter with a PostgreSQL; a witness if its name begins with a w."""

    def __init__(self, cluster, name, address):
        super().__init__(cluster, name, address)
        self.folder = cluster.folder / name
        self.is_database = not name.startswith("w")
        self.data = self.folder / "store"
        self.pgdata = self.behind = self.folder / "data"
        self.sockets = self.folder / "sock"
        self.socket = str(self.folder / "ctl.sock")
        self.client = Client(self.socket)
        self.tags = {}
        self.disk = self.dog = None
        self.more = {}  # sections of its configuration beside
        self._make_folder()

    def _make_folder(self):
        for part in ("daemon", "supervisor", "sock"):
            (self.folder / part).mkdir(parents=True)
        self.program = self.folder / "daemon" / "pgraftd"
        programs = [PGRAFTD, *(PGRAFTD.parent.parent / "supervisor" / name for name in ("pgraft-guard", "pgraft-helper"))]
        for program in self.cluster.programs or programs:
            shutil.copy(program, self.folder / program.parent.name)
        self.secret = self.folder / "secret"
        shutil.copy(self.cluster.secret, self.secret)
        if self.cluster.disks and self.is_database:
            self.disk = PgDisk(self.folder / "disk", self.folder / "behind")
            self.pgdata = self.disk.path / "data"
            self.behind = self.disk.behind / "data"  # where the kit reads: that never hangs
        if self.cluster.watchdog and self.is_database:
            self.dog = Dog(self)
        self.give()

    def give(self):
        """All of the folder is PostgreSQL's owner's; what links in it lead to is not."""
        if owner():
            found = pwd.getpwnam(owner())
            for parent, folders, files in os.walk(self.folder):
                for name in (".", *folders, *files):
                    with contextlib.suppress(FileNotFoundError):  # of a server that runs
                        os.chown(os.path.join(parent, name), found.pw_uid, found.pw_gid, follow_symlinks=False)

    def configuration(self):
        listen = f"{self.address}:{PG_PORT}"
        postgresql = {
            "listen": listen, "connect_address": listen, "data_dir": str(self.pgdata), "bin_dir": str(BIN),
            "use_pg_rewind": True,
            "authentication": {"superuser": {"username": "postgres", "password": PASSWORD},
                               "replication": {"username": "replicator", "password": "rep"}},
            "parameters": {"unix_socket_directories": str(self.sockets), "shared_buffers": "16MB",
                           "log_min_messages": "log", "dynamic_shared_memory_type": "mmap"} | self.cluster.parameters}
        hba = ["local all all trust", "host all all all scram-sha-256", "host replication replicator all scram-sha-256"]
        return {"postgresql": postgresql, "tags": self.tags, "bootstrap": {
            "initdb": [{"encoding": "UTF8"}, {"locale": "C"}], "pg_hba": hba, "dcs": self.cluster.dynamic}, **self.more}

    def arguments(self):
        words = [str(self.program), "--witness", "--scope", self.scope, "--name", self.name,
                 "--listen", f"{self.address}:{PEER_PORT}", "--api", f"{self.address}:{API_PORT}",
                 "--peers", self.peers or self.cluster.peers_text(), "--data-dir", str(self.data),
                 "--secret-file", str(self.secret)]
        if not self.is_database:
            return words
        words[1] = "--voter"
        path = self.folder / "pgraft.yml"  # JSON is YAML
        path.write_text(json.dumps(self.configuration()), encoding="utf-8")
        path.chmod(0o600)
        self.give()
        return [*words, "-c", str(path)]

    def start(self, before=()):
        return super().start([*before, *(seeming() if self.is_database else [])])

    # --- Its processes ---

    def processes(self):
        """Every living process of this node."""
        found = []
        folder = f"{self.folder}/"
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                process = Process(int(name))
                is_tool = process.program.startswith(f"{BIN.resolve()}/") and not process.program.endswith("/psql")
                is_ours = process.program.startswith(folder) or f"{process.place}/".startswith(folder)
                if (is_ours or (is_tool and folder in process.words)) and lives(process.pid):
                    found.append(process)
        return found

    def postgres(self):
        """The ids of its PostgreSQL's processes."""
        return [p.pid for p in self.processes() if p.place == str(self.pgdata) and p.program == str((BIN / "postgres").resolve())]

    def guard(self):
        """The ids of the guard, and of its second."""
        return [p.pid for p in self.processes() if p.program == str(self.folder / "supervisor" / "pgraft-guard")]

    def ours(self):
        """The ids of its programs that are not PostgreSQL's: pgraftd, the guard, its second, helpers."""
        return [p.pid for p in self.processes() if p.program.startswith(str(self.folder))]

    def child(self, name):
        """The id of PostgreSQL's process @name, as "checkpointer"."""
        return next(p.pid for p in self.processes() if re.match(rf"postgres: (.*: )?{name}", p.words))

    def guard_alone(self):
        """The id of the guard that is not the second."""
        return next(p.pid for p in self.processes()
                    if p.program == str(self.folder / "supervisor" / "pgraft-guard") and p.name != "guard-second")

    def postmaster(self):
        """The id of its postmaster; None when there is none."""
        try:
            return int((self.behind / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        except (OSError, IndexError, ValueError):
            return None

    def kill_all(self):
        """The host dies: every process of it, and nobody has the time to notice. When they are gone."""
        while found := self.processes():
            send([p.pid for p in found], signal.SIGSTOP)
            send([p.pid for p in found], signal.SIGKILL)
            time.sleep(0.005)
        if self.process is not None:
            self.process.wait()
        self.client.close()

    @staticmethod
    def strike(pids, number):
        """The signal @number to all of @pids; the moment before."""
        moment = time.monotonic_ns()
        send(pids, number)
        return moment

    def thaw(self):
        """Whoever of it was stopped goes on."""
        send([p.pid for p in self.processes() if state_of(p.pid) == "T"], signal.SIGCONT)

    def end(self):
        if self.dog is not None:
            self.dog.close()
            self.dog = None
        if self.disk is not None:
            self.disk.turn("well")  # who hangs in it can not be killed
        self.kill_all()
        if self.disk is not None:
            self.disk.close()
            self.disk = None

    def log_tail(self, lines=30):
        """Without what it told clients that were refused, hundreds of times."""
        return "\n".join([line for line in self.log().splitlines() if not DULL.search(line)][-lines:])

    # --- What PostgreSQL is asked ---

    def sql(self, statement, seconds=ANSWER_S):
        """What @statement answers, over the unix socket: rows of "a|b"; None if it did not."""
        words = [BIN / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.sockets, "-p", str(PG_PORT), "-U", "postgres",
                 "-d", "postgres", "-c", statement]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=seconds,
                                  env={"PATH": os.environ["PATH"], "PGCONNECT_TIMEOUT": "2"})
        except subprocess.TimeoutExpired:
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    def gave_up_the_role(self, rule, mark):
        """By @rule, behind @mark: the others need not wait until its lease has run out."""
        assert self.count(f"action=release rule={rule} ", mark), self.log_since(mark)

    def is_primary(self):
        """It runs out of recovery; whether it may is another question."""
        return self.is_database and self.sql("SELECT pg_is_in_recovery()") == "f"

    def streams(self):
        """The names of who streams from it."""
        said = self.sql("SELECT application_name FROM pg_stat_replication WHERE state = 'streaming' ORDER BY 1")
        return said.split() if said else []

    def conninfo(self):
        """How a client on another host reaches it."""
        return f"host={self.address} {self.cluster.login} dbname=postgres connect_timeout=2"

    def conninfo_inside(self):
        """How who stands on the same host reaches it."""
        return f"host={self.sockets} port={PG_PORT} user=postgres dbname=postgres connect_timeout=2"

    def wait_down(self, what, seconds=wait.PATIENCE_S):
        """Wait until no process is left of the PostgreSQL that runs now. A standby may take its place at once, unseen."""
        those = set(self.postgres())
        wait.until(lambda: not those & set(self.postgres()), lambda: f"{what}: {self.name} is down\n{self.log_tail()}", seconds)
