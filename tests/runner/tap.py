"""tests/runner/tap.py - reads the TAP that a test program printed.

Two habits of cmocka 1.1.5 are known here: a skip is `not ok 2 # SKIP name`, a skip all the same, and what
a case printed before its line belongs to it. Several groups in one program print several plans, which add
up. No directive but SKIP has a meaning: a case passes, fails or is skipped.
"""
import dataclasses
import re

from runner.cases import FAILED, PASSED, SKIPPED, Case

PLAN = re.compile(r"1\.\.(\d+)\s*(?:#\s*skip\w*\s*(.*))?$", re.IGNORECASE)
RESULT = re.compile(r"(not )?ok\b\s*\d*\s*(?:- )?([^#]*?)\s*(?:#\s*skip\w*\b\s*(.*)|#.*)?$", re.IGNORECASE)
BAIL_OUT = re.compile(r"Bail out!\s*(.*)")


@dataclasses.dataclass
class Tap:
    """What a program's output says."""

    cases: list
    planned: int = 0
    plans: int = 0
    skipped_all: str = None  # the reason, when the plan skips the whole program
    bail_out: str = None

    def complaints(self):
        """Return what is wrong with the output as a whole, as a list of texts."""
        found = []
        if self.bail_out is not None:
            found.append(f"gave up: {self.bail_out or 'no reason given'}")
        if not self.plans:
            found.append("printed no plan (1..N)")
        elif self.planned != len(self.cases):
            found.append(f"planned {self.planned} cases and reported {len(self.cases)}")
        elif not self.planned and self.skipped_all is None:
            found.append("has no test case")
        return found


def case_of(match, before):
    """Return the case of a result line's @match; @before are the lines that precede it."""
    not_ok, name, skip = match.groups()
    if skip is None:
        outcome = FAILED if not_ok else PASSED
        return Case(name=name or "(no name)", outcome=outcome)
    said = " ".join(line.lstrip("# ").strip() for line in before)
    if not name:
        return Case(name=skip or "(no name)", outcome=SKIPPED, reason=said)
    return Case(name=name, outcome=SKIPPED, reason=skip or said)


def parse(text):
    """Return the Tap of a program's standard output."""
    tap = Tap(cases=[])
    before = []
    open_failure = None  # "#" lines after a failure explain it
    for line in text.splitlines():
        if match := RESULT.match(line):
            case = case_of(match, before)
            if case.outcome == FAILED:
                case.detail = "".join(said + "\n" for said in before)
            open_failure = case if case.outcome == FAILED else None
            tap.cases.append(case)
            before = []
        elif match := PLAN.match(line):
            tap.plans += 1
            tap.planned += int(match[1])
            if match[2] is not None:
                tap.skipped_all = match[2]
        elif match := BAIL_OUT.match(line):
            tap.bail_out = match[1]
        elif open_failure and (line.startswith("#") or not line):
            open_failure.detail += line.removeprefix("#").removeprefix(" ") + "\n"
        elif line.strip():
            open_failure = None
            before.append(line)
    return tap
