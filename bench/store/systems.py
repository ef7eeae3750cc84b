"""bench/store/systems.py - the two systems that are compared: how to start, load, ask and hurt them.

Both run on addresses of 127.0.0.0/8 with their standard ports, each member with a folder of its own below
the same one. Nothing of them is left when stop() returns.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATIENCE_S = 60
ROLE = re.compile(r'role: text="(leads raft|does not lead[^"]*)" term=(\d+)')


class Failed(Exception):
    """The bench can not go on; the text is for people."""


def wait_for(what, is_so, seconds=PATIENCE_S):
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until:
            raise Failed(f"not within {seconds} s: {what}")
        time.sleep(0.05)


class Generator:
    """A load generator: a line in, a line of JSON out."""

    def __init__(self, command, log):
        with open(log, "ab") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                            text=True)
        self.log = log

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f"a load generator has ended; see {self.log}")
        return json.loads(line)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class System:
    """What the two have in common. A kind of system says how members and generators are started."""

    name = ""
    net = ""  # the first three bytes of its addresses

    def __init__(self, count, folder, build, connections):
        self.count = count
        self.folder = os.path.join(folder, self.name)
        self.build = build
        self.connections = connections
        self.members = {}
        self.generators = []
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)

    def address(self, member):
        return f"{self.net}.{member}"

    def log(self, name):
        return os.path.join(self.folder, name + ".log")

    def command(self, member):
        raise NotImplementedError

    def generator_command(self, number):
        raise NotImplementedError

    def leader(self):
        raise NotImplementedError

    def spawn(self, member):
        with open(self.log(f"m{member}"), "wb") as log:
            self.members[member] = subprocess.Popen(self.command(member), stdout=log, stderr=log,
                                                    env=self.environment())

    def environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}

    def start(self):
        for member in range(1, self.count + 1):
            self.spawn(member)
        wait_for(f"{self.name} has a leader", self.leader)

    def add_generators(self, count):
        for number in range(1, count + 1):
            self.generators.append(Generator(self.generator_command(number), self.log(f"g{number}")))
        for generator in self.generators:
            if "ready" not in generator.answer():
                raise Failed(f"a load generator of {self.name} did not get ready")

    def pids(self):
        return [process.pid for process in self.members.values()]

    def generator_pids(self):
        return [generator.process.pid for generator in self.generators]

    def kill(self, member):
        process = self.members.pop(member)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self):
        for generator in self.generators:
            generator.stop()
        self.generators = []
        for process in self.members.values():
            process.terminate()
        for process in self.members.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.members = {}
        shutil.rmtree(self.folder, ignore_errors=True)


class Ours(System):
    """pgraftd --witness, and an embedded non-voting member in each generator."""

    name = "pgraft"
    net = "127.0.71"

    def peers(self):
        return ",".join(f"m{i}={self.address(i)}:7400" for i in range(1, self.count + 1))

    def command(self, member):
        # Not in /run/pgraft, which root's pgraftd makes.
        socket = "PGRAFT_CTL_SOCKET=" + os.path.join(self.folder, f"m{member}.sock")
        return ["env", socket, os.path.join(self.build, "daemon/pgraftd"), "--witness", "--scope", "bench", "--name",
                f"m{member}", "--listen", f"{self.address(member)}:7400", "--peers", self.peers(), "--data-dir",
                os.path.join(self.folder, f"m{member}")]

    def environment(self):
        # Plain text, as etcd's is; and room for what is put.
        return {**super().environment(), "PGRAFT_RAFT_INSECURE": "true", "PGRAFT_RAFT_QUOTA": "2GiB"}

    def generator_command(self, number):
        address = f"{self.net}.{100 + number}:7400"
        return [os.path.join(self.build, "bench/bench_store_load"), f"g{number}", address,
                f"{self.peers()},g{number}={address}", os.path.join(self.folder, f"g{number}")]

    def leader(self):
        """The living member that says last that it leads, of the highest term; None: nobody."""
        leaders = {}
        for member in self.members:
            with open(self.log(f"m{member}"), encoding="utf-8") as file:
                said = ROLE.findall(file.read())
            if said and said[-1][0] == "leads raft":
                leaders[int(said[-1][1])] = member
        return leaders[max(leaders)] if leaders else None


class Etcd(System):
    """Debian's etcd-server, and clients of its gRPC client in each generator."""

    name = "etcd"
    net = "127.0.72"

    def command(self, member):
        peers = ",".join(f"m{i}=http://{self.address(i)}:2380" for i in range(1, self.count + 1))
        peer, client = f"http://{self.address(member)}:2380", f"http://{self.address(member)}:2379"
        return ["etcd", "--name", f"m{member}", "--data-dir", os.path.join(self.folder, f"m{member}"),
                "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--listen-client-urls", client,
                "--advertise-client-urls", client, "--initial-cluster", peers, "--initial-cluster-token", "bench"]

    def generator_command(self, number):
        endpoints = [f"{self.address(i)}:2379" for i in range(1, self.count + 1)]
        at = number % self.count  # the few clients of one generator begin elsewhere than those of the next
        return [os.path.join(self.build, "bench/etcd_load"), ",".join(endpoints[at:] + endpoints[:at]),
                str(self.connections)]

    def leader(self):
        for member in self.members:
            request = urllib.request.Request(f"http://{self.address(member)}:2379/v3/maintenance/status", b"{}")
            try:
                with urllib.request.urlopen(request, timeout=1) as answer:
                    status = json.load(answer)
            except OSError:
                continue
            if status.get("leader", "0") != "0" and status["leader"] == status["header"]["member_id"]:
                return member
        return None


SYSTEMS = (Ours, Etcd)


def build_etcd_load(build):
    """etcd's generator, of Debian's packages alone: no module is fetched."""
    target = os.path.join(build, "bench/etcd_load")
    source = os.path.join(SOURCE, "bench/store/etcd/load.go")
    if os.path.exists(target) and os.path.getmtime(target) > os.path.getmtime(source):
        return
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "GO111MODULE": "off", "GOPATH": "/usr/share/gocode",
           "GOFLAGS": "", "GOPROXY": "off", "GOCACHE": os.path.join(build, "bench/gocache")}
    subprocess.run(["go", "build", "-o", target, source], env=env, check=True)
