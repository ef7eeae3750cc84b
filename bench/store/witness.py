#!/usr/bin/python3
"""bench/store/witness.py - how much memory does a witness take while it is used, for as long as you like?

usage: witness.py [--minutes 60] [--keys 1000] [--per-second 200] [--build DIR] [--folder DIR]

Three witnesses with a secret and the HTTP port, each asked for its metrics now and then; one generator writes a small
state over and over. VmRSS of each is looked at all the time. Exit status 1: one had more than the goal.
"""
import argparse
import os
import secrets
import sys
import tempfile
import time
import urllib.request

sys.dont_write_bytecode = True
import figures  # noqa: E402
import systems  # noqa: E402

GOAL_MIB = 12
LOOK_S = 5
LINES = 12  # of the table that is printed


class Witnesses(systems.Ours):
    """As they are deployed: TLS with a secret, and HTTP."""

    net = "127.0.73"

    def __init__(self, folder, build):
        super().__init__(3, folder, build, 1)
        self.secret = os.path.join(self.folder, "secret")
        with open(os.open(self.secret, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")

    def api(self, member):
        return f"{self.address(member)}:8008"

    def command(self, member):
        return [*super().command(member), "--secret-file", self.secret, "--api", self.api(member)]

    def environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}

    def generator_command(self, number):
        return [*super().generator_command(number), self.secret]


def look(system):
    """(resident, the part of it that is no file's, locked) of the greatest, in MiB; all are asked for their metrics."""
    for member in system.members:
        with urllib.request.urlopen(f"http://{system.api(member)}/metrics", timeout=10) as answer:
            answer.read()
    return max(figures.memory_mib(pid) for pid in system.pids())


def run(given, system):
    """The most that one of them had; a table on the way."""
    system.start()
    system.add_generators(1)
    generator = system.generators[0]
    began = time.monotonic()
    seconds = given.minutes * 60
    most = shown = puts = 0
    print("| minute | puts | VmRSS, MiB | of it anonymous |\n|---|---|---|---|")
    while (gone := time.monotonic() - began) < seconds:
        while puts < (time.monotonic() - began) * given.per_second:
            generator.ask(f"fill {given.keys}")
            generator.answer()
            puts += given.keys
        resident, anonymous = look(system)
        most = max(most, resident)
        if gone >= shown * seconds / LINES:
            print(f"| {gone / 60:.1f} | {puts:,} | {resident:.1f} | {anonymous:.1f} |", flush=True)
            shown += 1
        time.sleep(LOOK_S)
    print(f"\nat most {most:.1f} MiB in {given.minutes:g} minutes and {puts:,} puts to {given.keys} keys; the goal is "
          f"{GOAL_MIB}; load average {os.getloadavg()[0]:.1f}")
    return most


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--keys", type=int, default=1000)
    parser.add_argument("--per-second", type=int, default=200, help="puts; default: %(default)s")
    parser.add_argument("--build", default=os.path.join(systems.SOURCE, "build/gcc"), help="default: %(default)s")
    parser.add_argument("--folder", default="/var/tmp", help="on the disk to be used; default: %(default)s")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pgraft-bench.", dir=given.folder) as folder:
        system = Witnesses(folder, given.build)
        try:
            return 0 if run(given, system) <= GOAL_MIB else 1
        finally:
            system.stop()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (systems.Failed, OSError) as error:
        sys.exit(f"witness.py: {error}")
