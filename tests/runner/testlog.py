"""tests/runner/testlog.py - turns what meson recorded of a test run into cases.

meson's own verdict is not used: it counts programs, not cases, and takes cmocka's skips for failures.
All is decided here from the output, the exit status, the time limit and the sanitizers' reports.
"""
import collections
import dataclasses
import json
import os
import re
import signal

from runner import tap
from runner.cases import FAILED, PASSED, SKIPPED, Case

# AddressSanitizer's own warnings are left out: it also says that an allocation failed, as it was told to.
SANITIZER = re.compile(r"(ERROR|FATAL): \w+Sanitizer|WARNING: ThreadSanitizer|: runtime error: ")
SKIP_STATUS = 77  # what a test without TAP exits with to say "skipped", for meson and automake alike


@dataclasses.dataclass
class Test:
    """A test as meson has it registered."""

    name: str
    suites: list
    protocol: str

    @classmethod
    def read(cls, record):
        """Make one from a record of meson-info/intro-tests.json."""
        return cls(name=record["name"], protocol=record["protocol"],
                   suites=[suite.partition(":")[2] for suite in record["suite"]])


def name_of(entry):
    """The test's name in an entry of the log, where it reads "project:suite / name"."""
    return entry["name"].rpartition(" / ")[2]


def signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def complaints_of_process(entry, explained=False):
    """Return what is wrong with how the program ended; @explained: failed cases account for its status."""
    status = entry["returncode"]
    if entry["result"] == "TIMEOUT":
        return [f"was ended after {entry['duration']:.0f} s: the time limit"]
    if entry["result"] == "INTERRUPT":
        return ["was interrupted"]
    if status < 0:
        return [f"was killed by {signal_name(-status)}"]
    if status != 0 and not explained:
        return [f"ended with exit status {status}"]
    return []


def tap_cases(program, entry):
    """Return the cases and the complaints of a program that speaks TAP."""
    said = tap.parse(entry.get("stdout", ""))
    for case in said.cases:
        case.name = f"{program}/{case.name}"
    explained = any(case.outcome == FAILED for case in said.cases)
    complaints = complaints_of_process(entry, explained) + said.complaints()
    if not said.cases and not complaints:
        return [Case(program, SKIPPED, reason=said.skipped_all)], []
    return said.cases, complaints


def plain_cases(program, entry):
    """Return the cases and the complaints of a program that has only an exit status."""
    if entry["returncode"] == SKIP_STATUS and entry["result"] != "TIMEOUT":
        lines = entry.get("stdout", "").strip().splitlines()
        return [Case(program, SKIPPED, reason=lines[-1] if lines else "")], []
    complaints = complaints_of_process(entry)
    return ([], complaints) if complaints else ([Case(program, PASSED)], [])


def cases_of_entry(entry, protocol):
    """Return the cases of one run of one test."""
    program = name_of(entry)
    cases, complaints = (tap_cases if protocol == "tap" else plain_cases)(program, entry)
    stderr = entry.get("stderr", "")
    if SANITIZER.search(stderr):
        complaints = ["a sanitizer reported"] + complaints
    if complaints:
        said = stderr if protocol == "tap" else entry.get("stdout", "") + stderr
        detail = f"{program} {'; '.join(complaints)}\n{said.strip()}".strip() + "\n"
        cases = cases + [Case(program, FAILED, detail=detail)]
    return cases


def add_reports(cases, reports):
    """Add to @cases the sanitizers' @reports, (program's file name, text) each.

    A program under test that has failed as a whole gets the text; any other report is a failure of its own.
    """
    for executable, text in reports:
        program = executable.removeprefix("test_")
        troubled = next((case for case in cases if case.name == program and case.outcome == FAILED), None)
        if troubled:
            troubled.detail += text
        else:
            cases.append(Case(f"{executable} (sanitizer)", FAILED, detail=text))


def read_reports(folder):
    """Return (program's file name, text) for each report in @folder, named report.PROGRAM.PID."""
    found = []
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            text = file.read().strip() + "\n"
        if SANITIZER.search(text):
            found.append((name.partition(".")[2].rpartition(".")[0], text))
    return found


def parse(text):
    """Return the entries of meson's log, one JSON object a line."""
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def runs_left(entries, tests, times):
    """Return {test: how often it has yet to run} for @tests, each wanted @times times."""
    runs = collections.Counter(name_of(entry) for entry in entries)
    return {test.name: times - runs[test.name] for test in tests if runs[test.name] < times}


def cases_of_run(entries, tests):
    """Return the cases of @tests in the log's @entries."""
    protocols = {test.name: test.protocol for test in tests}
    cases = []
    for entry in entries:
        cases += cases_of_entry(entry, protocols.get(name_of(entry), "exitcode"))
    return cases


def missing_runs(entries, tests, times):
    """Return a failed case for each test that did not run as often as wanted."""
    return [Case(name, FAILED, detail=f"{name} ran {times - left} of {times} times\n")
            for name, left in runs_left(entries, tests, times).items()]
