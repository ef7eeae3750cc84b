#!/usr/bin/python3
"""bench/store/run.py - our store against Debian's etcd-server, in one run on one machine.

usage: run.py [--quick] [--members 3,5] [--rounds 5] [--seconds 4] [--only PHASE,...] ...

The two take turns, each with a fresh cluster every round; the order changes from round to round. What is
printed are medians over the rounds with their spread, and ours over etcd's. bench/README.md says what each
figure is. Needs the packages of group "bench" and a build of the tree.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import figures  # noqa: E402
import systems  # noqa: E402

LOADS = [(kind, clients) for kind, counts in (
    ("put", (1, 16, 64, 256)), ("get", (1, 16, 64, 256)), ("local", (1, 16, 64, 256)), ("watch", (100,)))
    for clients in counts]
KEYS = 1000
SYNC_LOADS = (1, 64)
# Of etcd 3.4 with 3 members on an idle machine of two cores; below 0.9 of it its client was measured.
QUOTED = {"put_1_per_s": 1390, "put_16_per_s": 4290, "put_64_per_s": 6400, "get_1_per_s": 3250,
          "get_16_per_s": 6210, "get_64_per_s": 7690}
QUOTED_WATCH_US = 1800
QUOTED_PART = 0.9
PACE_PER_S = 200


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under 2 minutes: 3 members, one round, short loads")
    parser.add_argument("--members", default="3,5", help="sizes of clusters; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=4, help="of each load; default: %(default)s")
    parser.add_argument("--only", help="some of idle, syncs, kill, put_1, put_16, ..., get_64, local_1, watch_100")
    parser.add_argument("--systems", default="pgraft,etcd", help="default: %(default)s")
    parser.add_argument("--generators", type=int, default=1, help="load generators; default: %(default)s")
    parser.add_argument("--connections", type=int, default=6, help="of one generator of etcd; default: %(default)s")
    parser.add_argument("--kills", type=int, default=1, help="of the leader, a round; default: %(default)s")
    parser.add_argument("--idle-settle", type=float, default=30, help="seconds; default: %(default)s")
    parser.add_argument("--idle", type=float, default=60, help="seconds, in the first round; default: %(default)s")
    parser.add_argument("--build", default=os.path.join(systems.SOURCE, "build/gcc"), help="default: %(default)s")
    parser.add_argument("--folder", default="/var/tmp", help="on the disk to be used; default: %(default)s")
    parser.add_argument("--json", help="write everything that was measured to this file")
    given = parser.parse_args()
    if given.quick:
        given.members, given.rounds, given.seconds = "3", 1, 1.5
        given.idle_settle, given.idle = 3, 5
    given.only = given.only.split(",") if given.only else None
    return given


class Round:
    """One cluster of one system, from its start to its end; fills @found with figures by name."""

    def __init__(self, system, given, number, folder):
        self.system = system
        self.given = given
        self.number = number
        self.folder = folder
        self.found = {}

    def wanted(self, phase):
        return self.given.only is None or phase in self.given.only

    def ask_all(self, kind, count, seconds):
        """One load, shared by the generators; what they say, with the times of all requests."""
        generators = self.system.generators
        files = [os.path.join(self.folder, f"samples.{i}") for i in range(len(generators))]
        for i, generator in enumerate(generators):
            share = count // len(generators) + (1 if i < count % len(generators) else 0)
            generator.ask(f"{kind} {share} {seconds} {files[i]}")
        answers = [generator.answer() for generator in generators]
        failed = sum(answer["failed"] for answer in answers)
        if failed:
            print(f"# {self.system.name} {kind} {count}: {failed} requests failed", file=sys.stderr)
        return answers, figures.read_samples(files)

    def load(self, kind, clients):
        name = f"{kind}_{clients}"
        usage = figures.Usage(self.system.pids() + self.system.generator_pids())
        answers, times = self.ask_all(kind, clients, self.given.seconds)
        done = sum(answer["done"] for answer in answers)
        if kind == "watch":
            times = times or [0]
        else:
            self.found[name + "_per_s"] = done / self.given.seconds
        for percent in (50, 99):
            self.found[f"{name}_p{percent}_us"] = figures.percentile(times, percent)
        self.found[name + "_max_us"] = times[-1] if times else 0
        if kind in ("put", "get") and done:
            members = len(self.system.pids())
            self.found[name + "_members_cpu_us"] = 1e6 * sum(usage.cpu_s()[:members]) / done
            self.found[name + "_all_cpu_us"] = 1e6 * sum(usage.cpu_s()) / done
        if kind == "put" and done:
            members = len(self.system.pids())
            self.found[name + "_bytes_per_put_and_member"] = sum(usage.written_bytes()[:members]) / members / done

    def idle(self):
        time.sleep(self.given.idle_settle)
        usage = figures.Usage(self.system.pids())
        time.sleep(self.given.idle)
        minutes = usage.seconds() / 60
        self.found["idle_cpu_percent"] = 100 * max(usage.cpu_s()) / usage.seconds()
        self.found["idle_bytes_per_min"] = max(usage.written_bytes()) / minutes

    def memory(self, when):
        both = [figures.memory_mib(pid) for pid in self.system.pids()]
        self.found[f"{when}_rss_mib"] = max(resident for resident, _ in both)
        self.found[f"{when}_rss_anon_mib"] = max(anonymous for _, anonymous in both)

    def syncs(self, clients):
        counter = figures.SyncCounter(self.system.pids(), self.folder)
        answers, _ = self.ask_all("put", clients, min(self.given.seconds, 2))
        counts = counter.stop()
        done = sum(answer["done"] for answer in answers)
        self.found[f"put_{clients}_syncs_per_put_and_member"] = sum(counts) / len(counts) / max(done, 1)

    def kill(self):
        """The longest time without an acknowledged put while the leader is killed."""
        seconds = 3 if self.given.quick else 6
        gaps = []
        for _ in range(self.given.kills):
            generator = self.system.generators[0]
            generator.ask(f"pace {PACE_PER_S} {seconds} -")
            time.sleep(1)
            leader = self.system.leader()
            self.system.kill(leader)
            gaps.append(generator.answer()["gap_ms"])
            self.system.spawn(leader)
            systems.wait_for("a leader after the kill", self.system.leader)
            time.sleep(1)
        self.found["gap_ms"] = figures.percentile(sorted(gaps), 50)
        self.found["gap_p99_ms"] = figures.percentile(sorted(gaps), 99)
        self.found["gap_max_ms"] = max(gaps)

    def run(self):
        self.system.start()
        time.sleep(1)
        if self.number == 0 and self.wanted("idle"):
            self.idle()
        self.memory("empty")
        self.system.add_generators(self.given.generators)
        for generator in self.system.generators:
            generator.ask(f"fill {KEYS}")
            generator.answer()
        for kind, clients in LOADS:
            if self.wanted(f"{kind}_{clients}") and not (self.given.quick and clients == 256):
                self.load(kind, clients)
        if self.number == 0 and self.wanted("syncs"):
            for clients in SYNC_LOADS:
                self.syncs(clients)
        self.memory("loaded")
        if self.wanted("kill"):
            self.kill()
        return self.found


def measure(given, count, folder):
    """All rounds with @count members: name of the figure -> name of the system -> values."""
    values = {}
    chosen = [kind for kind in systems.SYSTEMS if kind.name in given.systems.split(",")]
    for number in range(given.rounds):
        for kind in chosen if number % 2 == 0 else reversed(chosen):
            system = kind(count, folder, given.build, given.connections)
            try:
                found = Round(system, given, number, folder).run()
            finally:
                system.stop()
            for name, value in found.items():
                values.setdefault(name, {}).setdefault(kind.name, []).append(value)
            print(f"# {count} members, round {number + 1}, {kind.name}: done; load average "
                  f"{os.getloadavg()[0]:.1f}", file=sys.stderr)
    return values


def text(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.3f}"


def cell(values):
    if not values:
        return "-"
    found = figures.spread(values)
    if found["rounds"] == 1:
        return text(found["median"])
    return f"{text(found['median'])} ({text(found['least'])} to {text(found['greatest'])})"


def doubt(name, count, theirs):
    """A word where etcd's figure is the client's."""
    if not theirs or count != 3:
        return ""
    median = figures.spread(theirs)["median"]
    slow = name in QUOTED and median < QUOTED_PART * QUOTED[name]
    slow = slow or (name == "watch_100_p50_us" and median > QUOTED_WATCH_US / QUOTED_PART)
    return " does not count: etcd is slower than when idle" if slow else ""


def print_table(values, count):
    print(f"\n{count} members\n\n| figure | pgraft | etcd | pgraft / etcd |\n|---|---|---|---|")
    for name, by_system in values.items():
        ours, theirs = by_system.get("pgraft", []), by_system.get("etcd", [])
        ratio = "-"
        if ours and theirs and figures.spread(theirs)["median"] > 0:
            ratio = f"{figures.spread(ours)['median'] / figures.spread(theirs)['median']:.2f}"
        print(f"| {name} | {cell(ours)} | {cell(theirs)} | {ratio}{doubt(name, count, theirs)} |")


def end(number, _frame):
    """Told to end: by way of every finally, so that no cluster is left."""
    sys.exit(128 + number)


def main():
    given = arguments()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    if systems.Etcd.name in given.systems.split(","):
        systems.build_etcd_load(given.build)
    results = {}
    with tempfile.TemporaryDirectory(prefix="pgraft-bench.", dir=given.folder) as folder:
        for count in (int(word) for word in given.members.split(",")):
            results[count] = measure(given, count, folder)
            print_table(results[count], count)
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    try:
        main()
    except (systems.Failed, subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"run.py: {error}")
