"""tests/cluster/lib/pg_load.py - what clients were told by PostgreSQL, and who committed when: pg_writer.c and pg_observer.c.

A write outage is the time between two acknowledged rows, over clients of one host each, all at the same time (safety E5); beside
it stands that of one client that knows all hosts and asks for whoever writes, as applications do."""
import collections
import os
import subprocess
import threading
import time
from pathlib import Path

from lib import wait

PROGRAMS = Path(os.environ["PGRAFT_BUILD_ROOT"]) / "tests" / "cluster"
PERIOD_MS = 20
OBSERVE_MS = 10
NS_PER_MS = 1_000_000

Outage = collections.namedtuple("Outage", "ms began ended")  # moments in ns
Reign = collections.namedtuple("Reign", "node timeline first last count")


class Told(threading.Thread):
    """A program whose lines are kept, each as a list of words, until its input is closed."""

    def __init__(self, words):
        super().__init__(daemon=True)
        self.lines = []
        self.process = subprocess.Popen([str(word) for word in words], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, env={"PATH": os.environ["PATH"]})
        self.start()

    def run(self):
        for line in self.process.stdout:
            self.lines.append(line.split())

    def stop(self):
        """It has said all that it knows, and was there until now."""
        if self.process.returncode is not None:
            return
        self.process.stdin.close()
        try:
            status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.join()
        self.process.stdout.close()
        assert status == 0, f"{self.process.args[0]} ended with status {status}"


class Writers:
    """A client of each database of @cluster, and one of all of them; or one of each of @through, which says how it connects."""

    def __init__(self, cluster, through=()):
        self.cluster = cluster
        if through:
            self.single, self.multi = range(len(through)), None
            self.told = Told([PROGRAMS / "pg_writer", PERIOD_MS, *through])
            return
        nodes = cluster.databases
        everybody = "host={} port={} {} target_session_attrs=read-write connect_timeout=2 dbname=postgres".format(
            ",".join(node.address for node in nodes), ",".join("5432" for _ in nodes),
            cluster.login.partition(" ")[2])
        self.single = range(len(nodes))
        self.multi = len(nodes)
        self.told = Told([PROGRAMS / "pg_writer", PERIOD_MS, *(node.conninfo() for node in nodes), everybody])

    def acknowledged(self, clients=None):
        """(moment of the answer, client, number) of each row that was, by moment."""
        lines = [line for line in list(self.told.lines) if line[0] == "ok"]
        rows = [(int(acked), int(client), int(number)) for _, client, number, _, acked in lines]
        return sorted(row for row in rows if clients is None or row[1] in clients)

    def go_on(self, since=None, more=25, everybody=True):
        """Wait until @more rows of the clients of one host were acknowledged after the moment @since, which is now; with
        @everybody also one of the client of all hosts, which does not leave one that takes connections and never answers."""
        since = since or time.monotonic_ns()
        def found():
            return [row[0] for row in self.acknowledged(self.single) if row[0] > since]
        wait.until(lambda: len(found()) >= more, lambda: f"clients write again\n{self.cluster.story()}", 90)
        if everybody and self.multi is not None:
            wait.until(lambda: any(row[0] > since for row in self.acknowledged([self.multi])),
                       lambda: f"the client of all hosts writes again\n{self.cluster.story()}", 90)

    def outage(self, since, clients=None):
        """The longest time without an acknowledged row that ended after the moment @since."""
        moments = [row[0] for row in self.acknowledged(self.single if clients is None else clients)]
        gaps = [Outage((b - a) / NS_PER_MS, a, b) for a, b in zip(moments, moments[1:]) if b > since]
        assert gaps, "nobody wrote any more"
        return max(gaps)

    def outage_multi(self, since):
        return self.outage(since, [self.multi])

    def unknown(self):
        """How many rows were sent of which nobody told what became of them."""
        return sum(1 for line in list(self.told.lines) if line[0] == "unknown")

    def stop(self):
        self.told.stop()

    def lost(self):
        """Which acknowledged rows are not there, after the end: (moment, client, number)."""
        self.stop()
        there = self.cluster.rows()
        return [row for row in self.acknowledged() if (row[1], row[2]) not in there]


class Observer:
    """Two threads a node that commit there, on the unix socket, whatever anybody says of it."""

    def __init__(self, cluster):
        words = [word for node in cluster.databases for word in (node.name, node.conninfo_inside())]
        self.told = Told([PROGRAMS / "pg_observer", OBSERVE_MS, *words])

    def reigns(self):
        """From when to when which node committed on which timeline, as far as anybody was told."""
        acked = collections.defaultdict(list)
        for node, _, timeline, _, moment in list(self.told.lines):
            acked[node, int(timeline)].append(int(moment))
        return sorted((Reign(*key, min(moments), max(moments), len(moments)) for key, moments in acked.items()),
                      key=lambda reign: reign.first)

    def overlap_ms(self):
        """How long two nodes committed side by side, the worst pair of them; 0: never."""
        reigns = self.reigns()
        worst = 0
        for one in reigns:
            for other in reigns:
                if one.node < other.node:
                    worst = max(worst, min(one.last, other.last) - max(one.first, other.first))
        return worst / NS_PER_MS

    def sees(self, node, since=0):
        """How many commits of @node were told after the moment @since."""
        return sum(1 for line in list(self.told.lines) if line[0] == node.name and int(line[4]) > since)

    def last_ns(self, node):
        """The moment of the last commit there."""
        return max((int(line[4]) for line in list(self.told.lines) if line[0] == node.name), default=0)

    def story(self):
        if not self.told.lines:
            return "nothing was seen"
        began = min(reign.first for reign in self.reigns())
        return "\n".join(f"{r.node} timeline {r.timeline}: {(r.first - began) / NS_PER_MS:.0f} ms to "
                         f"{(r.last - began) / NS_PER_MS:.0f} ms, {r.count} commits" for r in self.reigns())

    def stop(self):
        self.told.stop()
