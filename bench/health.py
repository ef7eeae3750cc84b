#!/usr/bin/python3
"""bench/health.py - health checks a second, over connections that are kept and over a new one for each, and what they do to the lease.

usage: health.py [--seconds N] [--clients N] [--path P] [--build FOLDER] [--node HOST:PORT --pid PID]

Node, with all its threads, and generator get a core each, as long as this runs. Exit status 1: a goal was missed, or a check failed. Without --node one is started that only tells what a test makes up (tests/http/http_hosts): the same
HTTP side, and no lease. With --node it is a node that runs, best the primary of a cluster; the lease is what it lasts, and the least that
was left of it in the last minute or two (`pgraft_lease_remaining_min_milliseconds` of its /metrics), before and after: in the run itself
it was never less than the figure that stands beside it.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parents[1]
NODE_CORE, GENERATOR_CORE = 0, 1
GOALS = {"kept": 20000, "new": 5000}  # checks a second
P99_GOAL_US = 2000


def lease(place):
    """(what it lasts, the least that was left of it), in ms; (0, -1): this node has none."""
    with urllib.request.urlopen(f"http://{place}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return tuple(int(re.search(rf"^{name}{{[^}}]*}} (-?\d+)", text, re.MULTILINE)[1])
                 for name in ("pgraft_lease_milliseconds", "pgraft_lease_remaining_min_milliseconds"))


def pin(pid, cores):
    """All threads: a number of a process is that of its first one alone, and those that come later are pinned as who makes them."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


def processor_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:13]) / os.sysconf("SC_CLK_TCK")


def measure(given, place, pid):
    columns = ["connections", "clients", "checks a second", "p50, ms", "p99, ms", "most, ms", "failed", "node, processor",
               "lease, ms: lasts / least left", "goal"]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|", flush=True)
    good = True
    for mode in ("kept", "new"):
        spent_s = processor_s(pid)
        words = [given.build / "bench" / "bench_health", *place.split(":"), mode, str(given.clients), str(given.seconds), given.path]
        done = subprocess.run(words, stdout=subprocess.PIPE, check=False, preexec_fn=lambda: os.sched_setaffinity(0, {GENERATOR_CORE}))
        told = json.loads(done.stdout)
        part = 100 * (processor_s(pid) - spent_s) / given.seconds
        is_kept = told["per_second"] >= GOALS[mode] and told["p99_us"] < P99_GOAL_US
        good = good and is_kept and done.returncode == 0 and told["other"] == 0
        times = [f"{told[name] / 1000:.2f}" for name in ("p50_us", "p99_us", "most_us")]
        row = [mode, given.clients, told["per_second"], *times, told["failed"] + told["other"], f"{part:.0f} %",
               "-" if given.node is None else " / ".join(str(ms) for ms in lease(place)), "kept" if is_kept else "missed"]
        print(f"| {' | '.join(str(cell) for cell in row)} |", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=10, help="of each; default: %(default)s")
    parser.add_argument("--clients", type=int, default=16, help="default: %(default)s")
    parser.add_argument("--path", default="/primary", help="default: %(default)s")
    parser.add_argument("--build", type=Path, default=TOP / "build" / "gcc", help="default: %(default)s")
    parser.add_argument("--node", metavar="HOST:PORT", help="one that runs; an IPv4 address")
    parser.add_argument("--pid", type=int, help="of its pgraftd")
    given = parser.parse_args()
    if (given.node is None) != (given.pid is None):
        parser.error("--node and --pid go together")
    if not {NODE_CORE, GENERATOR_CORE} <= os.sched_getaffinity(0):
        parser.error("two cores are needed, one for the node and one for the generator")
    if given.node is not None:
        print("before: the lease lasts {} ms, and {} of it were left at the least".format(*lease(given.node)))
        cores = os.sched_getaffinity(given.pid)
        pin(given.pid, {NODE_CORE})
        try:
            return 0 if measure(given, given.node, given.pid) else 1
        finally:
            pin(given.pid, cores)
    os.environ["PGRAFT_BUILD_ROOT"] = str(given.build)
    sys.path.insert(0, str(TOP / "tests" / "http"))
    import http_kit  # pylint: disable=import-outside-toplevel
    nodes = http_kit.Nodes(1, "--views", "yes")
    try:
        nodes.tell("view", 1, "pg1")
        pin(nodes.pid, {NODE_CORE})
        return 0 if measure(given, f"127.0.0.1:{nodes[1].port}", nodes.pid) else 1
    finally:
        nodes.close()


if __name__ == "__main__":
    sys.exit(main())
