"""tests/runner/report.py - what ./check prints: a line a step, a line a suite, the failures, the count."""
import time

from runner.cases import FAILED, SKIPPED, count

LINES_MAX = 80  # of one failure; the rest is in the log


class Step:
    """`with Step("build/gcc: compile") as step`: prints the title now and the seconds at the end."""

    def __init__(self, title):
        self.title = title
        self.failed = False

    def __enter__(self):
        self.start = time.monotonic()
        print(f"{self.title} ... ", end="", flush=True)
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            seconds = time.monotonic() - self.start
            print(f"{'failed' if self.failed else 'done'} ({seconds:.1f} s)", flush=True)


def show(text, log=""):
    """Print the @text of a failure, indented; the whole of it stands in the file @log."""
    lines = text.rstrip().splitlines()
    for line in lines[:LINES_MAX]:
        print("    " + line)
    if len(lines) > LINES_MAX:
        print(f"    ... {len(lines) - LINES_MAX} more lines" + (f": {log}" if log else ""))
    elif log:
        print(f"    (all of it: {log})")


def by_title(cases, outcome):
    """Return {title: [case...]} of the cases with this outcome: --repeat makes many of one."""
    found = {}
    for case in cases:
        if case.outcome == outcome:
            found.setdefault(case.title(), []).append(case)
    return found


def times(cases):
    return f" ({len(cases)} times)" if len(cases) > 1 else ""


def show_failures(suite, cases, log):
    """Print what the failed @cases of @suite have to say."""
    for title, same in by_title(cases, FAILED).items():
        print(f"  failed: {suite} {title}{times(same)}")
        show(same[0].detail, log)


def closing(results):
    """Return the closing lines for @results, {suite: (cases, seconds)}."""
    lines = []
    for suite, (cases, _) in results.items():
        for title, same in by_title(cases, SKIPPED).items():
            lines.append(f"skipped: {suite} {title}: {same[0].reason or 'no reason given'}")
    for suite, (cases, _) in results.items():
        for title, same in by_title(cases, FAILED).items():
            lines.append(f"failed: {suite} {title}{times(same)}")
            if same[0].again:
                lines.append(f"    again: {same[0].again}")
    if lines:
        lines.append("")
    lines += [f"{suite}: {count(cases)} ({seconds:.1f} s)" for suite, (cases, seconds) in results.items()]
    return lines + [count([case for cases, _ in results.values() for case in cases])]
