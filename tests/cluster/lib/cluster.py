"""tests/cluster/lib/cluster.py - a cluster of real processes, and its end."""
import os
import shutil
from pathlib import Path

from lib import wait
from lib.node import BROKEN, PEER_PORT, Node

PGRAFT_SECRET_BYTES = 32


def write_secret(path):
    """A secret of its own in the file @path."""
    path.write_text(os.urandom(PGRAFT_SECRET_BYTES).hex() + "\n")
    path.chmod(0o600)
    return path


class Cluster:
    """Nodes with one list of peers. close() leaves nothing, whatever happened before."""

    def __init__(self, net, folder, names, scope="demo", kind=Node, **settings):
        self.net = net
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.scope = scope
        self.kind = kind
        self.secret = write_secret(self.folder / "secret")
        self.environment = {f"PGRAFT_{key.upper()}": str(value) for key, value in settings.items()}
        self.nodes = {}
        self.listed = []
        for name in names:
            self.add(name)
            self.listed.append(name)

    def add(self, name, address=None):
        """One more host, with nothing running."""
        self.nodes[name] = self.kind(self, name, self.net.add(name, address))
        return self.nodes[name]

    def __getitem__(self, name):
        return self.nodes[name]

    def __iter__(self):
        return iter(self.nodes.values())

    def peers_text(self):
        return ",".join(f"{name}={self.nodes[name].address}:{PEER_PORT}" for name in self.listed)

    def start(self, *names):
        """Start @names, or all that do not run."""
        for node in [self[name] for name in names] or [n for n in self if not n.is_running]:
            node.start()
        return self

    @property
    def running(self):
        return [node for node in self if node.is_running]

    # --- What it should come to ---

    def story(self):
        """What every node last said, for who reads a failure."""
        return "\n".join(f"--- {node.name} ---\n{self._row(node)}\n{node.log_tail(8)}" for node in self)

    def _row(self, node):
        said = node.raft() if node.is_running else None
        if said is None:
            return "not running, or silent"
        members = ", ".join(f"{row['name']} {row['role']}" for row in said["members"])
        return f"{said['state']}, leader {said['leader']}, term {said['term']}, quorum {said['quorum']}: {members}"

    def leader_among(self, nodes):
        """The node that all of @nodes take for the leader, if it is one of them; None while they differ."""
        said = [node.raft() for node in nodes]
        names = {s["leader"] if s else None for s in said}
        leader = self.nodes.get(names.pop()) if len(names) == 1 else None
        return leader if leader in nodes else None

    def wait_leader(self, nodes=None, other_than=None, seconds=wait.PATIENCE_S):
        """Wait until @nodes (or all that run) agree on a leader among them, and it has a quorum."""
        def found():
            leader = self.leader_among(nodes or self.running)
            return leader if leader and leader is not other_than and leader.is_healthy() else None
        return wait.until(found, lambda: f"a leader\n{self.story()}", seconds)

    def voters(self, node=None):
        """The names of the voters, as @node (or any that runs) knows them."""
        said = (node or self.running[0]).raft()
        return sorted(row["name"] for row in (said or {}).get("members", [])
                      if row["role"] in ("voter", "witness"))

    def wait_voters(self, names, seconds=wait.PATIENCE_S):
        """Wait until every one of @names runs as a member and knows exactly these voters."""
        def found():
            return all(self[name].is_running and self[name].is_member()
                       and self.voters(self[name]) == sorted(names) for name in names)
        return wait.until(found, lambda: f"voters {sorted(names)}\n{self.story()}", seconds)

    def form(self, seconds=wait.PATIENCE_S):
        """Start all; they are one cluster and have a leader. The leader."""
        self.start()
        self.wait_voters(self.listed, seconds)
        return self.wait_leader(seconds=seconds)

    def wait_applied(self, nodes=None):
        """Wait until all of @nodes have applied what the first to be asked knows now."""
        nodes = nodes or self.running
        index = max(node.raft()["index"] for node in nodes)
        wait.until(lambda: all((n.raft() or {"applied": 0})["applied"] >= index for n in nodes),
                   lambda: f"all have applied {index}\n{self.story()}")

    # --- The end ---

    def broken_lines(self):
        return [f"{node.name}: {line}" for node in self for line in node.log().splitlines()
                if BROKEN.search(line)]

    def close(self):
        """End every process, take the network down, remove the directory."""
        for node in self:
            node.end()
        broken = self.broken_lines()
        shutil.rmtree(self.folder, ignore_errors=True)
        assert not broken, "\n".join(broken)
