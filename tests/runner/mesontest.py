"""tests/runner/mesontest.py - has meson run tests in one tree, as often as wanted; collects their cases."""
import json
import os
import shlex
import shutil

from runner import proc, testlog, trees
from runner.builder import LOGS
from runner.cases import FAILED, Case

REPORTS = os.path.join(LOGS, "sanitizer")
# With more random bits than this in an address, the sanitizers of gcc 12 can find no place for themselves.
RANDOM_BITS_MAX = 28


def registered(name):
    """Return the tests that meson has registered in the tree."""
    with open(trees.tests_file(name), encoding="utf-8") as file:
        return [testlog.Test.read(record) for record in json.load(file)]


def run(suite, name, tests, times, log):
    """Run each of @tests @times times in the tree @name and return their cases.

    meson stops repeating at the first test that it takes for failed, and it takes cmocka's skips for that:
    so it is called until every test has run as often as wanted, or a case has failed in truth."""
    shutil.rmtree(REPORTS, ignore_errors=True)
    os.makedirs(REPORTS)
    entries, cases, failed = [], [], False
    while not failed and (left := testlog.runs_left(entries, tests, times)):
        status, text, new = call(suite, name, left, log)
        entries += new
        cases = testlog.cases_of_run(entries, tests)
        failed = any(case.outcome == FAILED for case in cases)
        if not new:
            cases.append(Case(f"meson test in {trees.path(name)}", FAILED, detail=f"status {status}\n{text}"))
            failed = True
        if times == 1:
            break
    if times == 1 or not failed:
        cases += testlog.missing_runs(entries, tests, times)
    testlog.add_reports(cases, testlog.read_reports(REPORTS))
    cases += left_behind()
    names = {test.name for test in tests}
    for case in cases:
        case.again = again(suite, name, [case.program()] if case.program() in names else [])
        case.tree = name if len(suite.trees) > 1 else ""
    return cases


def call(suite, name, left, log):
    """Call meson test once for the tests {name: how often} in @left, each as often as the least of them;
    return its status, its output and the entries of its log."""
    base = f"check-{suite.name}"
    record = os.path.join(trees.path(name), "meson-logs", base + ".json")
    if os.path.exists(record):
        os.unlink(record)
    slow = trees.TREES[name].slow
    command = [trees.MESON, "test", "-C", trees.path(name), "--no-rebuild", "--logbase", base,
               "--repeat", str(min(left.values())), "--timeout-multiplier", "3" if slow else "1",
               "--suite", suite.tests, *left]
    if slow and random_bits() > RANDOM_BITS_MAX:
        command = ["setarch", "--addr-no-randomize", *command]
    result = proc.run(command, environment(name), log)
    if not os.path.exists(record):
        return result.status, result.text, []
    with open(record, encoding="utf-8") as file:
        return result.status, result.text, testlog.parse(file.read())


def environment(name):
    """The environment of the tests in the tree; what the sanitizers report goes to files in REPORTS, so
    that it is seen even when a test keeps the output of the program it starts. Not so UBSan, which in gcc
    12 beside ASan knows no log_path: it is seen by the exit status and on standard error."""
    env = trees.environment(name)
    del env["CC"]
    env |= trees.TREES[name].test_env
    for variable in {"ASAN_OPTIONS", "TSAN_OPTIONS"}.intersection(trees.TREES[name].test_env):
        env[variable] += f":log_path={os.path.join(os.getcwd(), REPORTS, 'report')}:log_exe_name=1"
    return env


def left_behind():
    """End the processes that tests have left running; return a failed case if there were any."""
    left = proc.wait_for_none()
    if not left:
        return []
    proc.end_all()
    detail = "".join(f"left running: {pid} {command}\n" for pid, command in left)
    return [Case("(left behind)", FAILED, detail=detail)]


def again(suite, name, programs):
    """The command that repeats the tests @programs, or the suite when there are none, by hand."""
    options = trees.TREES[name].test_env if suite.compiled else {}
    env = [f"{variable}={value}" for variable, value in options.items()]
    command = ["meson", "test", "-C", trees.path(name), "-v", "--suite", suite.tests, *programs]
    return shlex.join(env + command)


def random_bits():
    """How many random bits this kernel puts into an address."""
    try:
        with open("/proc/sys/vm/mmap_rnd_bits", encoding="ascii") as file:
            return int(file.read())
    except OSError:
        return 0
