"""tests/runner/main.py - from the words of ./check to its exit status."""
import argparse
import fcntl
import os
import signal
import sys

from runner import proc, skips, suites
from runner.cases import FAILED
from runner.report import closing
from runner.session import Session


def parse(arguments):
    """./check has judged the words already; this only takes them apart."""
    parser = argparse.ArgumentParser(prog="check")
    parser.add_argument("mode")
    parser.add_argument("--repeat", type=int)
    parser.add_argument("--build-only", action="store_true")
    parser.add_argument("names", nargs="*")
    return parser.parse_args(arguments)


def lock():
    """Return the open lock of this tree, or None after having said who holds it."""
    os.makedirs("build", exist_ok=True)
    file = open(os.path.join("build", ".lock"), "a+", encoding="utf-8")  # closed by the process's end
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        print(f"check: another ./check (process {holder}) is at work in this tree; "
              "wait for it, or end it", file=sys.stderr)
        return None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def read(path):
    """The text of a file, or nothing when there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def check(arguments):
    """Build, run, report; return the exit status."""
    modes = suites.parse(read(suites.PATH))
    session = Session(modes, suites.choose(modes, arguments.mode, arguments.names), arguments.repeat,
                      os.environ.get("CI") in ("true", "1"), read(skips.PATH))
    session.build()
    results = session.builds() if arguments.build_only else session.run()
    print("\n" + "\n".join(closing(results)), flush=True)
    return 1 if any(case.outcome == FAILED for cases, _ in results.values() for case in cases) else 0


class Ended(Exception):
    """Somebody asked this program to end."""


def on_signal(number, _frame):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not stop the clearing up
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Ended(number)


def main(arguments):
    held = lock()
    if held is None:
        return 1
    proc.adopt_orphans()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    try:
        return check(parse(arguments))
    except Ended as ended:
        print("\ncheck: interrupted", file=sys.stderr, flush=True)
        return 128 + ended.args[0]
    finally:
        proc.end_all()
