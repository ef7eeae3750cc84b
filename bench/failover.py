#!/usr/bin/python3
"""bench/failover.py - how long clients can not write when something dies: real PostgreSQL, three databases, two witnesses.

usage: failover.py [--runs N] [--build FOLDER] [--parts] [--list] [EVENT...]        default: 30 runs of every event

After each run the cluster is mended and the next one begins when it is whole. An outage is the longest time between two acknowledged rows
over one client a database, all at the same time, each of which tries again every 20 ms; beside it stands that of one client that knows all
hosts (safety E5). A run that does not come to an end counts as failed, and is told. bench/README.md says what the figures are for.
"""
import argparse
import collections
import json
import os
import signal
import statistics
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parents[1]
CLUSTER = TOP / "tests" / "cluster"

Event = collections.namedtuple("Event", "limit_ms dynamic strike undo observed about")
Kit = collections.namedtuple("Kit", "keeper parts")
Run = collections.namedtuple("Run", "single multi lost overlap parts")

ASYNC = {}
QUORUM = {"synchronous_mode": "quorum"}
FAST = {"failover": "fast"}


def nothing(_cluster, _node, _moment):
    pass


def restart(_cluster, node, _moment):
    """What died is started; what only stopped, too."""
    if node.process.poll() is None:
        return
    node.process.wait()
    node.start()


# ---- strikes: (cluster, primary) -> (who has to be looked after, the moment) ----

def kill_postmaster(_cluster, primary):
    return primary, primary.strike([primary.postmaster()], signal.SIGKILL)


def kill_node(_cluster, primary):
    moment = time.monotonic_ns()
    primary.kill_all()
    return primary, moment


def leads(cluster, node):
    if cluster.wait_leader() is not node:
        cluster.wait_leader().client.post("transfer", member=node.name)
        cluster.wait_leader()


def kill_node_that_leads(cluster, primary):
    leads(cluster, primary)
    return kill_node(cluster, primary)


def cut_node(cluster, primary):
    moment = time.monotonic_ns()
    cluster.net.pull(primary.name)
    return primary, moment


def heal(cluster, _node, _moment):
    """Another one has the role: the old one was ended, and may run as a standby by now."""
    cluster.net.heal()


def stop_daemon(_cluster, primary):
    moment = time.monotonic_ns()
    primary.stop()
    return primary, moment


def switch_over(cluster, primary):
    """As Patroni's commands do: by a key."""
    wanted = cluster.others(primary)[0]
    moment = time.monotonic_ns()
    primary.client.put(cluster.key("failover"), json.dumps({"leader": primary.name, "member": wanted.name}))
    return primary, moment


def kill_leader(cluster, primary):
    leads(cluster, cluster["w1"])
    return cluster["w1"], cluster["w1"].strike([cluster["w1"].pid], signal.SIGKILL)


def kill_witness(cluster, primary):
    leads(cluster, cluster["w1"])
    return cluster["w2"], cluster["w2"].strike([cluster["w2"].pid], signal.SIGKILL)


def kill_daemon(_cluster, primary):
    return primary, primary.strike([primary.pid], signal.SIGKILL)


def restart_daemon(cluster, primary):
    primary, moment = kill_daemon(cluster, primary)
    primary.process.wait()
    primary.start()
    time.sleep(6)  # longer than a lease
    return primary, moment


def upgrade_daemon(_cluster, primary):
    """By the program that is there: what is measured is that it gives up its place to another."""
    from lib import tool  # pylint: disable=import-outside-toplevel
    moment = time.monotonic_ns()
    said, status = tool.ctl(primary, "upgrade")
    assert status == 0, said
    time.sleep(6)  # longer than a lease
    return primary, moment


def move_leader(cluster, primary):
    leads(cluster, cluster["w1"])
    moment = time.monotonic_ns()
    leads(cluster, primary)
    return primary, moment


def restart_when_down(cluster, node, moment):
    node.wait_down("its guard ends PostgreSQL")
    restart(cluster, node, moment)


def freeze_daemon(_cluster, primary):
    return primary, primary.strike([primary.pid], signal.SIGSTOP)


def thaw_after_a_minute(_cluster, node, moment):
    time.sleep(max(0.0, 60 - (time.monotonic_ns() - moment) / 1e9))
    node.thaw()


def kill_guard(_cluster, primary):
    return primary, primary.strike([primary.guard_alone()], signal.SIGKILL)


EVENTS = {
    "postmaster": Event(1000, QUORUM, kill_postmaster, nothing, False, "postmaster killed, quorum: another takes over"),
    "postmaster-async": Event(2000, ASYNC, kill_postmaster, nothing, False, "postmaster killed, asynchronous: restart in place"),
    "node": Event(6000, ASYNC, kill_node, restart, False, "all processes of the primary's node killed"),
    "node-leader": Event(6000, ASYNC, kill_node_that_leads, restart, False, "... which led raft as well"),
    "node-quorum": Event(6000, QUORUM, kill_node, restart, False, "... with synchronous standbys"),
    "cut": Event(6000, QUORUM, cut_node, heal, False, "the primary's host cut off"),
    "stop": Event(1000, ASYNC, stop_daemon, restart, False, "pgraftd of the primary asked to stop: a planned hand-over"),
    "switchover": Event(1000, ASYNC, switch_over, nothing, False, "planned switchover"),
    "node-fast": Event(3000, FAST, kill_node, restart, False, "`failover: fast`: all processes of the primary's node killed"),
    "cut-fast": Event(3000, FAST, cut_node, heal, False, "`failover: fast`: the primary's host cut off"),
    "leader": Event(0, QUORUM, kill_leader, restart, False, "the raft leader killed, elsewhere"),
    "leader-moved": Event(0, QUORUM, move_leader, nothing, False, "another raft leader, in order"),
    "witness": Event(0, QUORUM, kill_witness, restart, False, "a witness killed"),
    "restart": Event(0, QUORUM, restart_daemon, nothing, False, "pgraftd of the primary killed and started at once"),
    "upgrade": Event(0, QUORUM, upgrade_daemon, nothing, False, "pgraftd of the primary upgraded"),
    "daemon": Event(6000, ASYNC, kill_daemon, restart_when_down, True, "pgraftd of the primary killed for good"),
    "frozen": Event(6000, ASYNC, freeze_daemon, thaw_after_a_minute, True, "pgraftd of the primary frozen for 60 s"),
    "guard": Event(2000, ASYNC, kill_guard, nothing, False, "the guard killed, asynchronous: restart in place"),
    "guard-quorum": Event(1000, QUORUM, kill_guard, nothing, False, "the guard killed, quorum: another takes over"),
}


def one_run(stage, event, parts_class):
    """What clients saw of one strike."""
    cluster = stage.clusters[-1]
    primary = cluster.wait_well()
    writers = stage.writers()
    observer = stage.observer() if event.observed else None
    writers.go_on()
    parts = parts_class(cluster)
    node, moment = event.strike(cluster, primary)
    writers.go_on(moment, 50)
    event.undo(cluster, node, moment)
    cluster.wait_well()
    writers.go_on()
    single, multi = writers.outage(moment), writers.outage_multi(moment)
    lost = len(writers.lost())
    overlap = observer.overlap_ms() if observer else None
    stage.end_clients()
    return Run(single.ms, multi.ms, lost, overlap, parts.of(moment, single.ended))


def all_runs(kit, name, count):
    """The runs of one event, and how many failed."""
    event, done, failed = EVENTS[name], [], 0
    keeper = kit.keeper(dynamic=event.dynamic)
    try:
        while len(done) + failed < count:
            try:
                done.append(one_run(keeper.whole(), event, kit.parts))
                print(f"# {name} {len(done)}: {done[-1].single:.0f} ms", file=sys.stderr, flush=True)
            except AssertionError as error:
                failed += 1
                keeper.spoilt = True
                print(f"# {name}: failed: {error}", file=sys.stderr, flush=True)
    finally:
        keeper.close()
    return done, failed


def spread(values):
    return f"{min(values):.0f} / {statistics.median(values):.0f} / {max(values):.0f}" if values else "-"


def row(name, done, failed):
    event = EVENTS[name]
    overlaps = [run.overlap for run in done if run.overlap is not None]
    runs = f"{len(done)}" + (f" ({failed} failed)" if failed else "")
    return (f"| {event.about} | {runs} | {spread([run.single for run in done])} | {spread([run.multi for run in done])} | {event.limit_ms} "
            f"| {sum(run.lost for run in done)} | {f'{max(overlaps):.0f}' if overlaps else ''} |")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=30, help="default: %(default)s")
    parser.add_argument("--build", default=str(TOP / "build" / "gcc"), help="default: %(default)s")
    parser.add_argument("--parts", action="store_true", help="also where the time goes, step by step; pgraftd then logs at level debug")
    parser.add_argument("--list", action="store_true", help="only say what events there are")
    parser.add_argument("events", nargs="*", metavar="EVENT")
    given = parser.parse_args()
    for name in given.events:
        if name not in EVENTS:
            parser.error(f"no event '{name}'; there are: {' '.join(EVENTS)}")
    return given


def main():
    given = arguments()
    if given.list:
        for name, event in EVENTS.items():
            print(f"{name:18} {event.about}")
        return 0
    if "PGRAFT_CLUSTER_DIR" not in os.environ:  # in namespaces of their own, as the tests
        os.environ["PGRAFT_BUILD_ROOT"] = os.path.abspath(given.build)
        os.environ["PGRAFT_SOURCE_ROOT"] = str(TOP)
        os.execv(sys.executable, [sys.executable, str(CLUSTER / "inside.py"), sys.executable, __file__, *sys.argv[1:]])
    sys.path[:0] = [str(CLUSTER), str(CLUSTER.parent / "lib")]
    from lib import pg_parts, pg_stage  # pylint: disable=import-outside-toplevel
    kit = Kit(pg_stage.Keeper, pg_parts.Parts)
    if given.parts:
        os.environ["PGRAFT_LOG_LEVEL"] = "debug"
    print("| what | runs | outage, ms: least / median / most | of a client of all hosts | goal | acknowledged rows lost | two primaries, ms |\n"
          "|---|---|---|---|---|---|---|", flush=True)
    failed, parts = 0, []
    for name in given.events or EVENTS:
        done, gone_wrong = all_runs(kit, name, given.runs)
        failed += gone_wrong
        print(row(name, done, gone_wrong), flush=True)
        parts += pg_parts.table(EVENTS[name].about, [run.parts for run in done])
    if given.parts:
        print("\n| what | from the step before to where | seen | median, ms | most |\n|---|---|---|---|---|\n" + "\n".join(parts))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
