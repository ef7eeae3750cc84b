#!/usr/bin/python3
"""tests/planted/hunt.py - plants each bug of this folder and sees the simulator find it.

Each NAME.patch breaks one promise of the consensus core in a copy of the tree, each supersim/NAME.patch one of the
supervisor's policy. A patch that does not fit is a failure, and so is a bug that random lives from seed 1 on do not
find, those of pgraft-sim or of pgraft-supersim. Prints TAP; after each bug stands the seed that found it,
at the end a table of all, and the median.

usage: hunt.py [--seeds N] [NAME...]      default: 2000 seeds, every patch of this folder
       hunt.py [--seeds N] --supervised   every patch of supersim/
       hunt.py --apply                    only sees whether each patch fits, those of directed/ and pg/ too, and stands in README.md
       hunt.py --compile                  ... and compiles without a warning
       hunt.py --refresh                  rewrites those that only nearly fit, and the table of README.md
"""
import os
import re
import statistics
import sys

import plants

README = plants.HERE / "README.md"
TABLE_HEAD = "| bug | rule | what it does | found by |\n|---|---|---|---|\n"
SUPERSIM = plants.HERE / "supersim"
STEP = 100  # seeds a run: the first bad one ends the hunt early


def say(number, name, why):
    """One line of TAP, and why it is not ok."""
    print(f"{'ok' if why is None else 'not ok'} {number} - {name}", flush=True)
    for line in (why or "").splitlines():
        print(f"# {line}", flush=True)


def simulator(bug):
    """The program whose lives must find it."""
    return "tests/supersim/pgraft-supersim" if bug.path.parent == SUPERSIM else "tests/sim/pgraft-sim"


def hunt(program, build, seeds):
    """The first seed whose life broke a promise and what it said, or None."""
    for first in range(1, seeds + 1, STEP):
        count = min(STEP, seeds + 1 - first)
        lives = plants.run([str(build / program), "--from", str(first), "--seeds", str(count)], build)
        found = re.search(r"^seed (\d+)(?: at [0-9.]+ s)?: (.*)$", lives.stdout, re.M)
        if found:
            return int(found[1]), found[2]
        if lives.returncode != 0:
            return first, f"status {lives.returncode}: {lives.stdout[-300:]}"
    return None


def try_bug(garden, bug, seeds):
    """((seed, what it said), None) or (None, why it was not found)."""
    why = garden.apply(bug)
    if why is not None:
        return None, why
    try:
        why = garden.compile([simulator(bug)])
        found = hunt(simulator(bug), garden.build, seeds) if why is None else None
        return found, why if why is not None or found else f"not found in {seeds} seeds"
    finally:
        garden.take_out()


def print_table(found, count):
    """What was found after how many seeds, for a report."""
    print("#\n#   seed  bug and what its life said")
    for name, (seed, text) in sorted(found.items(), key=lambda item: (item[1][0], item[0])):
        print(f"# {seed:6d}  {name}: {text.splitlines()[0]}")
    if found:
        median = statistics.median(seed for seed, _ in found.values())
        print(f"# {len(found)} of {count} found, median seed {median:g}", flush=True)


def hunt_all(bugs, seeds):
    found = {}
    with plants.Garden() as garden:
        why = garden.setup()
        if why is not None:
            print("Bail out! " + why)
            return 1
        print(f"1..{len(bugs)}", flush=True)
        for number, bug in enumerate(bugs, 1):
            one, why = try_bug(garden, bug, seeds)
            say(number, bug.name, why)
            if one is not None:
                found[bug.name] = one
                print(f"# seed {one[0]}: {one[1]}", flush=True)
    print_table(found, len(bugs))
    return 0 if len(found) == len(bugs) else 1


def every_bug():
    return (plants.plants() + plants.plants(SUPERSIM) + plants.plants(plants.HERE / "pg")
            + plants.plants(plants.HERE / "directed"))


def table():
    """All patches, as README.md ends."""
    return TABLE_HEAD + "".join(bug.row for bug in every_bug())


def apply_all():
    """Each patch fits the tree of today exactly, wherever its lines stand now, and README.md tells of it."""
    bugs = every_bug()
    print(f"1..{len(bugs) + 1}", flush=True)
    failed = 0
    for number, bug in enumerate(bugs, 1):
        why = plants.misfit(bug)
        failed += why is not None
        say(number, bug.name, why)
    fits = README.read_text(encoding="utf-8").endswith(table())
    say(len(bugs) + 1, "README.md", None if fits else "the table is not that of the patches: hunt.py --refresh")
    return 0 if fits and not failed else 1


def compile_all():
    bugs = sorted(every_bug(), key=lambda bug: (bug.files, bug.name))
    failed = 0
    with plants.Garden() as garden:
        why = garden.setup() or garden.compile(["tests/sim/pgraft-sim"])
        if why is not None:
            print("Bail out! " + why)
            return 1
        print(f"1..{len(bugs)}", flush=True)
        for number, bug in enumerate(bugs, 1):
            why = garden.apply(bug)
            if why is None:
                why = garden.compile(["consensus/libpgraft-consensus.a", "supervisor/libpgraft-policy.a", "supervisor/pgraft-guard"])
                garden.take_out()
            failed += why is not None
            say(number, bug.name, why)
    return 1 if failed else 0


def refresh_all():
    """Look at the diff afterwards: what nearly fits may now stand in the wrong place."""
    lost = 0
    with plants.Garden() as garden:
        for bug in every_bug():
            if plants.misfit(bug) is None:
                continue
            text = garden.refreshed(bug)
            print(f"{bug.name}: {'rewritten' if text else 'does not even nearly fit'}")
            lost += text is None
            if text is not None:
                bug.path.write_text(text, encoding="utf-8")
    text = README.read_text(encoding="utf-8").partition(TABLE_HEAD)[0] + table()
    README.write_text(text, encoding="utf-8")
    return 1 if lost else 0


def main(words):
    whole = {"--apply": apply_all, "--compile": compile_all, "--refresh": refresh_all}
    if len(words) == 1 and words[0] in whole:
        return whole[words[0]]()
    seeds = 2000
    if words[:1] == ["--seeds"]:
        seeds = int(words[1])
        words = words[2:]
    bugs = plants.plants(SUPERSIM) if words == ["--supervised"] else plants.plants(names=words)
    return hunt_all(bugs, seeds)


if __name__ == "__main__":
    os.environ["LC_ALL"] = "C.UTF-8"
    sys.exit(main(sys.argv[1:]))
