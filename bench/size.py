#!/usr/bin/python3
"""bench/size.py - how large are our programs and the library, without what is for debuggers?

usage: size.py BUILD-TREE

Exit status 1: together they are larger than the goal.
"""
import os
import subprocess
import sys
import tempfile

OURS = ["daemon/pgraftd", "ctl/pgraftctl", "supervisor/pgraft-guard", "consensus/libpgraft.so"]
GOAL_MIB = 3
MIB = 1024 * 1024


def stripped_bytes(path, folder):
    copy = os.path.join(folder, os.path.basename(path))
    subprocess.run(["strip", "-o", copy, path], check=True)
    return os.path.getsize(copy)


def main(build):
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in OURS:
            size = stripped_bytes(os.path.join(build, name), folder)
            total += size
            print(f"{size / MIB:8.2f} MiB  {name}")
    print(f"{total / MIB:8.2f} MiB  together; the goal is {GOAL_MIB}")
    return 0 if total <= GOAL_MIB * MIB else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    try:
        sys.exit(main(sys.argv[1]))
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"size.py: {error}")
