#!/usr/bin/python3
"""bench/idle.py - what an idle cluster with PostgreSQL costs each host: processor time, memory, bytes written by pgraft's own programs.

usage: idle.py [--seconds N] [--settle N] [--build FOLDER]        default: 60 s, from 30 s after the cluster is whole

Processor time includes that of the helpers that pgraftd starts. bench/README.md says what the figures are for.
"""
import argparse
import os
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parents[1]
CLUSTER = TOP / "tests" / "cluster"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
CPUCLOCK_SCHED = 2  # of a clock of another process: what it has run


def processor_s(pid):
    """Of the process, its threads that have ended included, to the nanosecond; of its children that have ended, as the kernel's ticks
    have it. Ticks do for nothing else here: what a timer wakes runs in step with them, and is counted far too often or never."""
    its_clock = (~pid << 3) | CPUCLOCK_SCHED
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return time.clock_gettime(its_clock) + sum(int(field) for field in fields[13:15]) / TICKS_PER_S


def role(node, primary):
    return "witness" if not node.is_database else "primary" if node is primary else "standby"


def measure(cluster, given, idle):
    primary = cluster.wait_well()
    time.sleep(given.settle)
    programs = {node: node.ours() for node in cluster}
    cpu_s = {node: sum(processor_s(pid) for pid in pids) for node, pids in programs.items()}
    written = {node: sum(idle.written_bytes(pid) for pid in pids) for node, pids in programs.items()}
    began = time.monotonic()
    time.sleep(given.seconds)
    for node, pids in programs.items():
        seconds = time.monotonic() - began
        part = 100 * (sum(processor_s(pid) for pid in pids) - cpu_s[node]) / seconds
        count = sum(idle.written_bytes(pid) for pid in pids) - written[node]
        print(f"| {node.name} | {role(node, primary)} | {part:.2f} | {idle.most_bytes(node.pid) / (1 << 20):.1f} | {count} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="default: %(default)s")
    parser.add_argument("--settle", type=float, default=30, help="default: %(default)s")
    parser.add_argument("--build", default=str(TOP / "build" / "gcc"), help="default: %(default)s")
    given = parser.parse_args()
    if "PGRAFT_CLUSTER_DIR" not in os.environ:  # in namespaces of their own, as the tests
        os.environ["PGRAFT_BUILD_ROOT"] = os.path.abspath(given.build)
        os.environ["PGRAFT_SOURCE_ROOT"] = str(TOP)
        os.execv(sys.executable, [sys.executable, str(CLUSTER / "inside.py"), sys.executable, __file__, *sys.argv[1:]])
    sys.path[:0] = [str(CLUSTER), str(TOP / "tests" / "lib")]
    from lib import idle, pg_stage  # pylint: disable=import-outside-toplevel
    keeper = pg_stage.Keeper(dynamic={})
    print("| node | role | processor, % of a core | most memory of pgraftd, MiB | bytes written |\n|---|---|---|---|---|", flush=True)
    try:
        measure(keeper.whole().clusters[-1], given, idle)
    finally:
        keeper.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
