"""tests/cluster/lib/front.py - hosts beside those of a cluster, with programs that clients go through: HAProxy, keepalived, pgbouncer.

Each program runs with its file of deploy/, in which nothing is changed but what belongs to the place: addresses, and the user
that it becomes where there is no other than root."""
import contextlib
import csv
import io
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

from lib import wait
from lib.pg_node import BIN, owner, seeming
from lib.pg_stage import PgStage

SOURCE = Path(os.environ["PGRAFT_SOURCE_ROOT"])
DEPLOY = SOURCE / "deploy"
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
READ_EVERY_S = 0.1


def has_users():
    """There are other users than root here."""
    return owner() is not None


def program(name):
    """Where @name is; a test does not go on without."""
    found = shutil.which(name, path=PATH)
    assert found, f"{name} is not installed: tools/packages names its package"
    return found


def ask(conninfo, statement, seconds=10):
    """What a psql that connects by @conninfo is answered; None if it is not."""
    try:
        done = subprocess.run([BIN / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", conninfo, "-c", statement], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=seconds, env={"PATH": PATH})
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


class Reader(threading.Thread):
    """A client that connects by @conninfo again and again, and asks where it is."""

    def __init__(self, conninfo):
        super().__init__(daemon=True)
        self.conninfo = conninfo
        self.ends = threading.Event()
        self.answers = []  # (moment before, moment after, address, whether it is the primary)
        self.start()

    def run(self):
        while not self.ends.wait(READ_EVERY_S):
            before = time.monotonic_ns()
            said = ask(self.conninfo, "SELECT host(inet_server_addr()), pg_is_in_recovery()")
            if said:
                address, _, recovers = said.partition("|")
                self.answers.append((before, time.monotonic_ns(), address, recovers == "f"))

    def go_on(self, more=5):
        """Wait until it was answered @more times from now on."""
        since = time.monotonic_ns()
        wait.until(lambda: sum(1 for answer in self.answers if answer[0] > since) >= more, "reads are answered")

    def of_the_primary(self, begins=0, ends=None):
        """The answers to what was asked behind the moment @begins and told before @ends, that the primary gave."""
        return [a for a in self.answers if a[3] and a[0] > begins and (ends is None or a[1] < ends)]

    def stop(self):
        self.ends.set()
        self.join()


class Running:
    """A program in the foreground, and what it says."""

    def __init__(self, words, log_path):
        self.log_path = log_path
        with log_path.open("ab") as log:
            self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, env={"PATH": PATH})

    def strike(self, number=signal.SIGKILL):
        """The signal to the program and to what it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)
        if number == signal.SIGKILL:
            self.process.wait()

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")


class FrontHost:
    """A host in the network of a cluster that is none of its nodes."""

    def __init__(self, front, name):
        net = front.cluster.net
        self.front = front
        self.name = name
        self.address = net.addresses.get(name) or net.add(name)
        self.folder = front.folder / name
        self.folder.mkdir(parents=True)
        self.programs = {}
        self.floating = []  # addresses that may stand here, and are to be gone at the end

    def run(self, name, *words):
        """Start @words, the first of them a program; known as @name. What it said before stays in its log."""
        inside = self.front.cluster.net.command(self.name)
        self.programs[name] = Running([*inside, program(words[0]), *words[1:]], self.folder / f"{name}.log")
        return self.programs[name]

    def in_its_net(self, *words):
        """What a command says that ends by itself."""
        done = subprocess.run([*self.front.cluster.net.command(self.name), program(words[0]), *words[1:]], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=True, env={"PATH": PATH})
        return done.stdout

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def kill(self):
        """Every program of it is gone at once."""
        for running in self.programs.values():
            running.strike(signal.SIGKILL)

    def has(self, address):
        """Whether @address stands here."""
        return f" {address}/" in self.in_its_net("ip", "-o", "address", "show")

    def end(self):
        self.kill()
        for address in self.floating:
            if self.has(address):
                self.in_its_net("ip", "address", "del", f"{address}/24", "dev", "eth0")


class Front:
    """The hosts in front of @pg's cluster."""

    def __init__(self, pg):
        self.cluster = pg.clusters[-1]
        self.folder = self.cluster.folder.parent / f"front{next(PgStage.numbers)}"
        self.hosts = []
        self.readers = []
        self.talks = []

    def talk(self, conninfo):
        self.talks.append(Talk(conninfo))
        return self.talks[-1]

    def reader(self, conninfo):
        self.readers.append(Reader(conninfo))
        return self.readers[-1]

    def host(self, name):
        made = FrontHost(self, name)
        self.hosts.append(made)
        return made

    def end(self):
        for reader in self.readers:
            reader.stop()
        for talk in self.talks:
            talk.end()
        for host in self.hosts:
            host.end()

    def story(self):
        return "\n".join(f"--- {host.name}: {name} ---\n" + "\n".join(running.log().splitlines()[-40:])
                         for host in self.hosts for name, running in host.programs.items())

    def here(self, path):
        """The text of deploy/@path with the addresses of this cluster's databases."""
        text = (DEPLOY / path).read_text(encoding="utf-8")
        for number, node in enumerate(self.cluster.databases, 1):
            text = re.sub(rf"\b10\.0\.0\.{number}\b", node.address, text)
        return text


class Haproxy:
    """HAProxy on @host, with deploy/haproxy/haproxy.cfg; @replace has what is another text there."""

    def __init__(self, host, replace=()):
        self.host = host
        self.cluster = host.front.cluster
        text = host.front.here("haproxy/haproxy.cfg")
        if not self.cluster.net.can_break:
            text = text.replace("bind *:", f"bind {host.address}:")  # hosts that are one machine
        text = re.sub(r"^ +(log /dev/log .*|stats socket .*)\n", "", text, flags=re.MULTILINE)
        if not has_users():
            text = re.sub(r"^ +(user|group) .*\n", "", text, flags=re.MULTILINE)
        for old, new in replace:
            assert old in text
            text = text.replace(old, new)
        self.path = host.write("haproxy.cfg", text)
        self.start()

    def start(self):
        self.running = self.host.run("haproxy", "haproxy", "-db", "-f", self.path)

    def conninfo(self, port):
        """How a client reaches the @port."""
        login = self.cluster.login.partition(" ")[2]
        return f"host={self.host.address} port={port} {login} dbname=postgres connect_timeout=3"

    def get(self, path):
        """(status, text) of its page @path; (None, "") while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://{self.host.address}:7000{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return None, ""

    def rows(self):
        """What the page of figures says, a row a server; without those that are no servers."""
        status, text = self.get("/;csv")
        found = list(csv.DictReader(io.StringIO(text.removeprefix("# ")))) if status == 200 else []
        return [row for row in found if row["svname"] not in ("FRONTEND", "BACKEND")]

    def up(self, listen):
        """The names of who is up in @listen, as far as it was looked; None while somebody was not looked at yet."""
        rows = [row for row in self.rows() if row["pxname"] == listen]
        if not rows or any(row["check_status"] in ("", "INI") or row["check_status"].startswith("*") for row in rows):
            return None
        return sorted(row["svname"] for row in rows if row["status"].startswith("UP"))

    def wait_up(self, listen, nodes, seconds=wait.PATIENCE_S):
        """Wait until exactly @nodes are up in @listen."""
        names = sorted(node.name for node in nodes)
        wait.until(lambda: self.up(listen) == names,
                   lambda: f"{names} up in {listen}, not {self.up(listen)}\n{self.host.front.story()}\n{self.cluster.story()}", seconds)

    def wait_settled(self, primary):
        """Wait until the writes go to @primary, and the reads to all others."""
        self.wait_up("primary", [primary])
        self.wait_up("replica", self.cluster.others(primary))


class Talk:
    """One psql that stays: its session is the same from the first statement to the last."""

    def __init__(self, conninfo):
        self.process = subprocess.Popen([BIN / "psql", "-XqAt", "-d", conninfo], text=True, bufsize=1, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={"PATH": PATH})

    def ask(self, statement):
        """What it is answered: one word. An error is an empty text, and so is the end of the session."""
        self.process.stdin.write(f"{statement};\n\\echo done\n")
        self.process.stdin.flush()
        said = ""
        for line in iter(self.process.stdout.readline, ""):
            if line == "done\n":
                break
            said = line.strip()
        return said

    def end(self):
        self.process.kill()
        self.process.communicate()


class Pgbouncer:
    """pgbouncer on @host, with deploy/pgbouncer/pgbouncer.ini; @replace has what is another text there."""

    def __init__(self, host, replace=()):
        self.host = host
        text = (DEPLOY / "pgbouncer" / "pgbouncer.ini").read_text(encoding="utf-8")
        text = re.sub(r"^(logfile|pidfile) .*\n", "", text, flags=re.MULTILINE)  # so it says all on stderr
        users = host.write("userlist.txt", '"postgres" "super"\n')
        for old, new in [("unix_socket_dir = /var/run/postgresql", "unix_socket_dir ="), ("/etc/pgbouncer/userlist.txt", str(users)),
                         ("listen_addr = *", f"listen_addr = {host.address}"), ("host=127.0.0.1 ", f"host={host.address} "), *replace]:
            assert old in text, old
            text = text.replace(old, new)
        other = ["-u", owner()] if owner() else []  # it does not run as root
        self.running = host.run("pgbouncer", *seeming(), "pgbouncer", *other, host.write("pgbouncer.ini", text))


class Keepalived:
    """keepalived on @host with deploy/keepalived/@name. @addresses has what stands in place of each there; in place of any
    other, which is the one that moves, @stands does."""

    def __init__(self, host, name, addresses, stands):
        self.host = host
        host.floating.append(stands)
        script = host.folder / "check_http"
        shutil.copy(DEPLOY / "keepalived" / "check_http", script)
        text = (DEPLOY / "keepalived" / name).read_text(encoding="utf-8").replace("/etc/keepalived/check_http", str(script))
        text = re.sub(r"\b10\.0\.0\.\d+\b", lambda found: addresses.get(found[0], stands), text)
        if not has_users():
            text = text.replace("script_user nobody nogroup", "script_user root")
        path = host.write("keepalived.conf", text)
        pids = [word for kind in ("pid", "vrrp_pid") for word in (f"--{kind}", host.folder / f"keepalived.{kind}")]
        self.running = host.run("keepalived", "keepalived", "-n", "-l", "-D", "-P", "-f", path, *pids)
