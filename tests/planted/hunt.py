#!/usr/bin/python3
"""tests/planted/hunt.py - plants each bug of this folder and sees the simulator find it.

Each NAME.patch breaks one promise of the consensus core in a copy of the tree; production code has no switches for
that. A patch that no longer applies is a failure, and so is a bug that random lives from seed 1 on do not find. Prints TAP;
after each bug stands the seed that found it.

usage: hunt.py [--seeds N] [NAME...]      default: 2000 seeds, every patch
       hunt.py --apply                    only sees whether each patch still applies
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
STEP = 100  # seeds a run: the first bad one ends the hunt early


def copy_tree(to):
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=TOP, check=True,
                            capture_output=True).stdout.decode().split("\0")
    for name in filter(None, listed):
        if (TOP / name).is_file():
            target = to / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, target)


def run(args, cwd):
    return subprocess.run(args, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False)


def patch(tree, name, *options):
    with open(HERE / f"{name}.patch", "rb") as text:
        return subprocess.run(["patch", "-p1", "-s", "-f", *options], cwd=tree, stdin=text, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)


def hunt(build, seeds):
    """The first seed whose life broke a promise and what it said, or None."""
    for first in range(1, seeds + 1, STEP):
        lives = run([str(build / "tests/sim/pgraft-sim"), "--from", str(first), "--seeds", str(min(STEP, seeds + 1 - first))],
                    build)
        found = re.search(r"^seed (\d+)(?: at [0-9.]+ s)?: (.*)$", lives.stdout, re.M)
        if found:
            return int(found[1]), found[2]
        if lives.returncode != 0:
            return first, f"status {lives.returncode}: {lives.stdout[-300:]}"
    return None


def try_bug(tree, build, name, seeds):
    applied = patch(tree, name)
    if applied.returncode != 0:
        return False, f"the patch no longer applies: {applied.stdout.strip()}"
    try:
        built = run(["ninja", "-C", str(build), "tests/sim/pgraft-sim"], tree)
        if built.returncode != 0:
            return False, f"does not compile: {built.stdout[-600:]}"
        found = hunt(build, seeds)
        return (True, f"seed {found[0]}: {found[1]}") if found else (False, f"not found in {seeds} seeds")
    finally:
        patch(tree, name, "-R")


def apply_all(names):
    """Each patch fits the tree of today, wherever its lines stand now."""
    print(f"1..{len(names)}", flush=True)
    failed = 0
    for number, name in enumerate(names, 1):
        applied = patch(TOP, name, "--dry-run")
        failed += applied.returncode != 0
        print(f"{'ok' if applied.returncode == 0 else 'not ok'} {number} - {name}", flush=True)
        if applied.returncode != 0:
            print(f"# {applied.stdout.strip()}", flush=True)
    return 1 if failed else 0


def main(words):
    seeds = 2000
    if words == ["--apply"]:
        return apply_all(sorted(p.stem for p in HERE.glob("*.patch")))
    if words[:1] == ["--seeds"]:
        seeds = int(words[1])
        words = words[2:]
    names = words or sorted(p.stem for p in HERE.glob("*.patch"))
    print(f"1..{len(names)}", flush=True)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="pgraft-planted-") as scratch:
        tree = pathlib.Path(scratch) / "tree"
        build = pathlib.Path(scratch) / "build"
        copy_tree(tree)
        setup = run(["meson", "setup", str(build), str(tree), "--buildtype=debugoptimized", "-Dwerror=false"], tree)
        if setup.returncode != 0:
            print("Bail out! meson: " + setup.stdout[-300:].replace("\n", " "))
            return 1
        for number, name in enumerate(names, 1):
            ok, why = try_bug(tree, build, name, seeds)
            failed += not ok
            print(f"{'ok' if ok else 'not ok'} {number} - {name}\n# {why.strip()}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    os.environ["LC_ALL"] = "C.UTF-8"
    sys.exit(main(sys.argv[1:]))
