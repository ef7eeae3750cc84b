"""tests/cluster/lib/patroni.py - Debian's Patroni on the hosts of a cluster, and the etcd that it keeps its state in."""
import json
import os
import signal
import subprocess
import urllib.error
import urllib.request

from lib import wait
from lib.front import PATH, program
from lib.node import API_PORT
from lib.pg_cluster import FORMED_S
from lib.pg_node import BIN, PASSWORD, PG_PORT, owner, seeming

CLIENT_PORT, PEER_PORT = 2379, 2380
BEGUN_S = 60


def inside(net, host):
    """What a program is put behind to run on @host as the owner of PostgreSQL's data."""
    return [*net.command(host), *(["setpriv", f"--reuid={owner()}", f"--regid={owner()}", "--clear-groups"] if owner() else seeming())]


class Etcd:
    """One etcd, on a host of its own."""

    def __init__(self, cluster, name="e1"):
        self.address = cluster.net.addresses.get(name) or cluster.net.add(name)
        folder = cluster.folder / name
        folder.mkdir()
        here, peer = f"http://{self.address}:{CLIENT_PORT}", f"http://{self.address}:{PEER_PORT}"
        with (folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*cluster.net.command(name), program("etcd"), "--name", name, "--data-dir", str(folder / "data"),
                 "--listen-client-urls", here, "--advertise-client-urls", here, "--listen-peer-urls", peer,
                 "--initial-advertise-peer-urls", peer, "--initial-cluster", f"{name}={peer}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": PATH})
        wait.until(self._is_well, "etcd answers", BEGUN_S)

    def _is_well(self):
        try:
            with urllib.request.urlopen(f"http://{self.address}:{CLIENT_PORT}/health", timeout=2) as answer:
                return json.load(answer).get("health") in ("true", True)
        except OSError:
            return False

    def end(self):
        self.process.kill()
        self.process.wait()


class Patroni:
    """Patroni on the host of @node, with the data directory that pgraftd will have there."""

    def __init__(self, node, etcd, dynamic):
        self.node = node
        self.process = None
        self.path = node.folder / "patroni.yml"  # JSON is YAML, but what is changed in it has to stand in lines
        self.path.write_text(self._text(etcd, dynamic), encoding="utf-8")
        self.path.chmod(0o600)
        self.log_path = node.folder / "patroni.log"
        node.give()

    def _text(self, etcd, dynamic):
        node = self.node
        sections = {
            "scope": node.scope, "name": node.name,
            "restapi": {"listen": f"{node.address}:{API_PORT}", "connect_address": f"{node.address}:{API_PORT}"},
            "etcd3": {"hosts": [f"{etcd.address}:{CLIENT_PORT}"]},
            "postgresql": {
                "listen": f"{node.address}:{PG_PORT}", "connect_address": f"{node.address}:{PG_PORT}", "data_dir": str(node.pgdata),
                "bin_dir": str(BIN), "pgpass": str(node.folder / "pgpass-patroni"), "use_unix_socket": True,
                "authentication": {"superuser": {"username": "postgres", "password": PASSWORD},
                                   "replication": {"username": "replicator", "password": "rep"}},
                "parameters": {"unix_socket_directories": str(node.sockets), "shared_buffers": "16MB",
                               "dynamic_shared_memory_type": "mmap"}}}
        bootstrap = {
            "dcs": dynamic, "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
            "pg_hba": ["local all all trust", "host all all all scram-sha-256", "host replication replicator all scram-sha-256"]}
        lines = [f"{name}: {json.dumps(value)}" for name, value in sections.items()]
        return "\n".join([*lines, "bootstrap:", *(f"  {name}: {json.dumps(value)}" for name, value in bootstrap.items()), ""])

    def start(self):
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen([*inside(self.node.cluster.net, self.node.host), program("patroni"), str(self.path)],
                                            cwd=self.node.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={"PATH": f"{PATH}:{BIN}", "HOME": str(self.node.folder), "LC_ALL": "C.UTF-8"})
        return self

    def stop(self):
        """As `systemctl stop patroni` does; in pause its PostgreSQL goes on."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(BEGUN_S)

    def end(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def get(self, path):
        """What it answers; None if it does not."""
        try:
            with urllib.request.urlopen(f"http://{self.node.address}:{API_PORT}{path}", timeout=3) as answer:
                return json.load(answer)
        except (OSError, ValueError, urllib.error.URLError):
            return None

    def ctl(self, *words):
        """What patronictl says."""
        done = subprocess.run([*inside(self.node.cluster.net, self.node.host), program("patronictl"), "-c", str(self.path), *words],
                              cwd=self.node.folder, text=True, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=BEGUN_S,
                              env={"PATH": PATH, "HOME": str(self.node.folder), "LC_ALL": "C.UTF-8"})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def story(self):
        return f"--- {self.node.name} ---\n" + "\n".join(self.log_path.read_text(errors="replace").splitlines()[-15:])


class PatroniCluster:
    """A Patroni on each host of @cluster, on which no pgraftd runs yet."""

    def __init__(self, cluster, dynamic=None):
        self.cluster = cluster
        self.etcd = Etcd(cluster)
        self.on = {node.name: Patroni(node, self.etcd, dynamic or {}) for node in cluster}

    def __getitem__(self, node):
        return self.on[node.name]

    def form(self, first):
        """@first makes the data, the others clone it. When all stream."""
        self[first].start()
        wait.until(lambda: self.leader() == first.name, lambda: f"{first.name} leads\n{self.story()}", FORMED_S)
        for patroni in self.on.values():
            if patroni.node is not first:
                patroni.start()
        wait.until(lambda: len(first.streams()) == len(self.on) - 1, lambda: f"all stream\n{self.story()}", FORMED_S)
        self.wait_members(first)

    def leader(self):
        """Who is, by whoever answers first."""
        for patroni in self.on.values():
            told = patroni.get("/cluster")
            if told is not None:
                return next((member["name"] for member in told["members"] if member["role"] == "leader"), None)
        return None

    def wait_members(self, primary):
        """Every Patroni says that all run, and that @primary leads."""
        def found():
            for patroni in self.on.values():
                told = patroni.get("/cluster")
                if told is None or len(told["members"]) != len(self.on):
                    return False
                if any(member.get("state") not in ("running", "streaming") for member in told["members"]):
                    return False
            return self.leader() == primary.name
        wait.until(found, lambda: f"{primary.name} leads all\n{self.story()}", FORMED_S)

    def story(self):
        return "\n".join(patroni.story() for patroni in self.on.values())

    def end(self):
        for patroni in self.on.values():
            patroni.end()
        self.etcd.end()


def adopt(patroni):
    """`pgraftctl adopt` on its host; the file that was written."""
    node = patroni.node
    output = node.folder / "adopted.yml"
    ctl = os.path.join(os.environ["PGRAFT_BUILD_ROOT"], "ctl", "pgraftctl")
    done = subprocess.run([*node.cluster.net.command(node.host), ctl, "adopt", "--from-patroni", str(patroni.path), "--output", str(output),
                           "--secret-file", str(node.secret)], text=True, stdin=subprocess.DEVNULL, capture_output=True, check=False,
                          timeout=BEGUN_S, env={"PATH": PATH})
    assert done.returncode == 0, done.stdout + done.stderr
    node.give()
    return output
