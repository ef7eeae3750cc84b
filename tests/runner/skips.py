"""tests/runner/skips.py - the list of skips that are accepted where CI=true, and its enforcement."""
import dataclasses
import re

from runner.cases import FAILED, SKIPPED, Case

PATH = "tests/skips"


@dataclasses.dataclass
class Entry:
    """One line of the list."""

    line: int
    suite: str
    name: str  # of the case, or its title: with the [tree] to which the line is limited
    reason: str

    def case_name(self):
        return re.sub(r" \[\w+\]$", "", self.name)

    def covers(self, suite, case):
        return self.suite == suite and self.name in (case.name, case.title())


def parse(text):
    """Return (entries, failed cases for lines that cannot be used)."""
    entries, broken = [], []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        suite, _, rest = line.partition(" ")
        name, *reason = re.split(r"\s{2,}|\t", rest.strip(), maxsplit=1)
        if name and reason:
            entries.append(Entry(number, suite, name, reason[0]))
        else:
            broken.append(failure(
                number, f"needs 'SUITE CASE  REASON', two spaces before the reason: {line}"))
    return entries, broken


def failure(number, text):
    return Case(f"{PATH}:{number}", FAILED, detail=f"{PATH}:{number}: {text}\n", again=f"edit {PATH}")


def explain(suite, cases, entries):
    """Give each skip of @suite that says nothing itself the reason that the list has for it."""
    for case in cases:
        if case.outcome == SKIPPED and not case.reason:
            case.reason = next((entry.reason for entry in entries if entry.covers(suite, case)), "")


def enforce(suite, cases, entries):
    """Turn each skip of @suite that the list does not accept into a failure; return those."""
    refused = []
    for case in cases:
        if case.outcome == SKIPPED and not any(entry.covers(suite, case) for entry in entries):
            case.outcome = FAILED
            case.detail = (f"skipped: {case.reason or 'no reason given'}\n"
                           f"With CI=true a skip needs a line in {PATH}: {suite} {case.title()}  REASON\n")
            refused.append(case)
    return refused


def stale(suite, cases, entries):
    """Return a failed case for each entry of @suite whose test is no more."""
    names = {case.name for case in cases}
    return [failure(entry.line, f"suite {suite} has no case '{entry.case_name()}' any more: delete the line")
            for entry in entries if entry.suite == suite and entry.case_name() not in names]


def unknown(entries, suites):
    """Return a failed case for each entry whose suite is not among @suites, the names in the table."""
    return [failure(entry.line, f"there is no suite '{entry.suite}'")
            for entry in entries if entry.suite not in suites]
