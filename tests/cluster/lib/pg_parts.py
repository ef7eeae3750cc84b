"""tests/cluster/lib/pg_parts.py - where the time of an outage goes: the steps of a change of the primary, out of the nodes' logs.

The logs have to be at level debug, where every decision is a line."""
import collections
import datetime
import re
import statistics
import time

STAMP = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})Z (.*)$")
NS_PER_MS = 1_000_000

# In the order in which they come, each by the first line that says it. Those that an event does not have are left out.
STEPS = (
    ("the end is seen", re.compile(r"guard tells: what=(died|ended)")),
    ("all processes are gone", re.compile(r"guard tells: what=ended")),
    ("the lease is given back", re.compile(r"supervisor decides: action=release")),
    ("it starts in place", re.compile(r"supervisor does: action=start-primary")),
    ("an order to seal is there", re.compile(r"supervisor decides: .*rule=seal ")),
    ("the role is granted", re.compile(r"supervisor decides: .*rule=(granted|seal-first|arm|start-to-promote) ")),
    ("its guard is to promote", re.compile(r"supervisor does: action=promote")),
    ("it is out of recovery", re.compile(r"guard tells: what=promoted")),
    ("that is seen, and recorded", re.compile(r"supervisor does: action=record")),
    ("a set is to be published", re.compile(r"first set of this primary is published before")),
    ("the fence is lifted", re.compile(r"the fence is lifted")),
)
LAST = "a row is acknowledged"


class Parts:
    """The logs of a cluster from now on."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.marks = {node.name: node.mark() for node in cluster}
        self.wall_ns = time.time_ns() - time.monotonic_ns()

    def _lines(self):
        """(moment, text) of each line, in the clock of the moments of clients."""
        for node in self.cluster:
            with node.log_path.open("rb") as log:
                log.seek(self.marks[node.name])
                text = log.read().decode(errors="replace")
            for line in text.splitlines():
                found = STAMP.match(line)
                if found:
                    wall = datetime.datetime.fromisoformat(found[1] + "+00:00").timestamp()
                    yield int(wall * 1e9) - self.wall_ns, found[2]

    def of(self, moment, ended):
        """{step: ms since the one before} from the strike at @moment to the first row at @ended."""
        lines = sorted(line for line in self._lines() if moment - NS_PER_MS <= line[0] <= ended)
        parts, last = {}, moment
        for name, pattern in STEPS:
            at = next((at for at, text in lines if pattern.search(text) and at >= last - NS_PER_MS), None)
            if at is not None:
                parts[name] = max(0.0, (at - last) / NS_PER_MS)
                last = max(last, at)
        parts[LAST] = (ended - last) / NS_PER_MS
        return parts


def table(about, runs):
    """The rows of @about: each step, in how many runs it was seen, its median and its worst, in ms."""
    seen = collections.defaultdict(list)
    for parts in runs:
        for name, ms in parts.items():
            seen[name].append(ms)
    names = [name for name, _ in STEPS if name in seen] + ([LAST] if LAST in seen else [])
    return [f"| {about} | {name} | {len(seen[name])} | {statistics.median(seen[name]):.0f} | {max(seen[name]):.0f} |" for name in names]
