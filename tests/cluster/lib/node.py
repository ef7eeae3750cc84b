"""tests/cluster/lib/node.py - one pgraftd: its process, its directory, its log, and what it is asked."""
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from lib import wait
from lib.client import Client, Refused, Silent

PGRAFTD = Path(os.environ["PGRAFT_BUILD_ROOT"]) / "daemon" / "pgraftd"
PEER_PORT = 7400
API_PORT = 8008
# What no log may ever hold.
BROKEN = re.compile(r"assertion failed|Sanitizer|runtime error:|Segmentation")


class Node:
    """A node of @cluster on a host of its own."""

    def __init__(self, cluster, name, address):
        self.cluster = cluster
        self.name = name
        self.host = name  # of its network
        self.address = address
        self.data = cluster.folder / name
        self.socket = str(cluster.folder / f"{name}.sock")
        self.log_path = cluster.folder / f"{name}.log"
        self.log_path.touch()
        self.process = None
        self.scope = cluster.scope
        self.secret = cluster.secret  # None: the environment has certificates
        self.peers = None  # None: as the cluster has them
        self.environment = {}
        self.client = Client(self.socket)

    # --- The process ---

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    def arguments(self):
        words = [str(PGRAFTD), "--witness", "--scope", self.scope, "--name", self.name,
                 "--listen", f"{self.address}:{PEER_PORT}", "--api", f"{self.address}:{API_PORT}",
                 "--peers", self.peers or self.cluster.peers_text(), "--data-dir", str(self.data)]
        return words + (["--secret-file", str(self.secret)] if self.secret else [])

    def start(self, before=()):
        """Start it; @before are words between the host and the program."""
        assert not self.is_running
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.cluster.net.command(self.host), *before, *self.arguments()],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=os.environ | self.cluster.environment | self.environment
                | {"PGRAFT_CTL_SOCKET": self.socket})
        return self

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9, and it is gone."""
        self.process.kill()
        self.process.wait()
        self.client.close()

    def end(self):
        """Nothing of it runs any more, whatever it was doing."""
        if self.process is not None:
            self.kill()

    def stop(self, seconds=wait.PATIENCE_S):
        """SIGTERM; it ends by itself, with status 0."""
        self.process.terminate()
        status = self.process.wait(seconds)
        self.client.close()
        assert status == 0, f"{self.name} ended with status {status}\n{self.log_tail()}"

    def pause(self):
        self.signal(signal.SIGSTOP)

    def go_on(self):
        self.signal(signal.SIGCONT)

    def restart(self):
        self.stop()
        return self.start()

    def ends_by_itself(self, seconds=wait.PATIENCE_S):
        """Its exit status; it is not helped."""
        status = self.process.wait(seconds)
        self.client.close()
        return status

    def wipe(self):
        assert not self.is_running
        shutil.rmtree(self.data)

    # --- Its log ---

    def log(self):
        return self.log_path.read_text(errors="replace")

    def mark(self):
        """Where its log ends now."""
        return self.log_path.stat().st_size

    def log_since(self, mark):
        return self.log_path.read_bytes()[mark:].decode(errors="replace")

    def log_tail(self, lines=30):
        return "\n".join(self.log().splitlines()[-lines:])

    def says(self, pattern, mark=0, seconds=wait.PATIENCE_S):
        """Wait for a line with @pattern behind @mark; that line."""
        def found():
            return next((line for line in self.log_since(mark).splitlines()
                         if re.search(pattern, line)), None)
        return wait.until(found, lambda: f"{self.name} says {pattern!r}:\n{self.log_tail()}", seconds)

    def count(self, pattern, mark=0):
        """How many lines behind @mark have @pattern."""
        return sum(1 for line in self.log_since(mark).splitlines() if re.search(pattern, line))

    # --- What it is asked ---

    def raft(self):
        """What it says of the cluster; None while it can not be asked."""
        try:
            return self.client.raft()
        except Silent:
            return None

    def state(self):
        """Of its /raft, only the state."""
        return (self.raft() or {}).get("state")

    def member(self, name):
        """The row of the member @name in its /raft; None if there is none."""
        rows = (self.raft() or {}).get("members", [])
        return next((row for row in rows if row["name"] == name), None)

    def is_healthy(self, timeout_ms=1000):
        """A confirmed read through it is answered."""
        try:
            return self.client.get(f"/pgraft/v1/health?timeout_ms={timeout_ms}")["healthy"]
        except (Silent, Refused):
            return False

    def is_member(self):
        return self.state() == "member"
