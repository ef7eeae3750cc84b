"""tests/tools/test_runner.py - how ./check counts: made-up output in, cases and verdicts out.

No build and no meson here: the pure functions of tests/runner are fed by hand. tests/tools/test_check.py
tries the whole."""
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

# noqa: E402 stands where the line above is what makes the module be found
from runner import mesontest, report, skips, suites, tap, testlog, trees  # noqa: E402
from runner.cases import FAILED, PASSED, SKIPPED, Case, count  # noqa: E402
from runner.session import Session  # noqa: E402

REPORT = "==7==ERROR: LeakSanitizer: detected memory leaks\n"


def outcomes(cases):
    return [(case.name, case.outcome) for case in cases]


def entry(stdout="", status=0, result="OK", stderr="", name="buf"):
    """A line of meson's log, reduced to what is read."""
    return {"name": f"pgraft:unit / {name}", "stdout": stdout, "result": result, "returncode": status,
            "duration": 30.0, "stderr": stderr}


def tap_run(*args, **kwargs):
    return testlog.cases_of_entry(entry(*args, **kwargs), "tap")


def plain_run(*args, **kwargs):
    return testlog.cases_of_entry(entry(*args, **kwargs), "exitcode")


# --- TAP

def test_tap_passed_failed_skipped():
    said = tap.parse("1..3\nok 1 - one\nnot ok 2 - two\n# why\n#   indented\nok 3 - three # SKIP no moon\n")
    assert outcomes(said.cases) == [("one", PASSED), ("two", FAILED), ("three", SKIPPED)]
    assert said.cases[1].detail == "why\n  indented\n"
    assert said.cases[2].reason == "no moon"
    assert said.complaints() == []


def test_tap_skip_as_cmocka_prints_it():
    said = tap.parse("1..2\nok 1 - one\n# needs\n# a moon\nnot ok 2 # SKIP two\n")
    assert outcomes(said.cases) == [("one", PASSED), ("two", SKIPPED)]
    assert said.cases[1].reason == "needs a moon"


def test_tap_output_before_a_failure_belongs_to_it():
    said = tap.parse("1..2\nnoise\nok 1 - one\nthe cause\nnot ok 2 - two\n")
    assert said.cases[1].detail == "the cause\n"


def test_tap_other_directives_excuse_nothing():
    assert outcomes(tap.parse("1..1\nnot ok 1 - one # TO" "DO later\n").cases) == [("one", FAILED)]


@pytest.mark.parametrize("text, complaint", [
    ("ok 1 - one\n", "printed no plan (1..N)"),
    ("1..3\nok 1 - one\n", "planned 3 cases and reported 1"),
    ("1..1\nok 1 - one\nok 2 - two\n", "planned 1 cases and reported 2"),
    ("1..0\n", "has no test case"),
    ("1..1\nok 1 - one\nBail out! no disk\n", "gave up: no disk"),
])
def test_tap_complaints(text, complaint):
    assert tap.parse(text).complaints() == [complaint]


def test_tap_plans_of_several_groups_add_up():
    assert tap.parse("1..1\nok 1 - one\n1..1\nok 1 - two\n").complaints() == []


# --- one program

def test_program_cases_carry_its_name():
    assert outcomes(tap_run("1..1\nok 1 - grows\n")) == [("buf/grows", PASSED)]


def test_exit_status_is_explained_by_a_failed_case():
    assert outcomes(tap_run("1..1\nnot ok 1 - grows\n", status=1, result="FAIL")) == [("buf/grows", FAILED)]


@pytest.mark.parametrize("change, says", [
    ({"status": 1, "result": "ERROR"}, "ended with exit status 1"),
    ({"status": -11, "result": "FAIL"}, "killed by SIGSEGV"),
    ({"status": -15, "result": "TIMEOUT"}, "ended after 30 s: the time limit"),
    ({"stdout": "1..2\nok 1 - grows\n"}, "planned 2 cases and reported 1"),
    ({"stderr": REPORT}, "LeakSanitizer: detected memory leaks"),
])
def test_program_fails_though_its_cases_pass(change, says):
    cases = tap_run(**{"stdout": "1..1\nok 1 - grows\n"} | change)
    assert outcomes(cases) == [("buf/grows", PASSED), ("buf", FAILED)]
    assert says in cases[1].detail


def test_a_crash_after_a_failed_case_is_one_more_failure():
    cases = tap_run("1..1\nnot ok 1 - grows\n", status=-6)
    assert outcomes(cases) == [("buf/grows", FAILED), ("buf", FAILED)]


def test_program_that_skips_itself():
    cases = tap_run("1..0 # SKIP no moon\n")
    assert outcomes(cases) == [("buf", SKIPPED)] and cases[0].reason == "no moon"


def test_program_without_tap_counts_as_one():
    assert outcomes(plain_run("fine\n")) == [("buf", PASSED)]
    skipped = plain_run("no moon\n", status=77, result="SKIP")
    assert outcomes(skipped) == [("buf", SKIPPED)] and skipped[0].reason == "no moon"
    failed = plain_run("broken\n", status=3, result="FAIL", stderr="at line 7\n")
    assert outcomes(failed) == [("buf", FAILED)]
    assert "exit status 3" in failed[0].detail and "broken\nat line 7" in failed[0].detail


# --- a run

def test_reports_go_to_the_program_that_failed_or_fail_by_themselves():
    cases = tap_run("1..1\nok 1 - grows\n", status=23)
    testlog.add_reports(cases, [("test_buf", "leaked here\n"), ("pgraftd", "overflow there\n")])
    assert outcomes(cases) == [("buf/grows", PASSED), ("buf", FAILED), ("pgraftd (sanitizer)", FAILED)]
    assert "leaked here" in cases[1].detail and "overflow there" in cases[2].detail


def test_reports_are_read_by_program(tmp_path):
    (tmp_path / "report.test_buf.12").write_text(REPORT)
    (tmp_path / "report.a.out.9").write_text("buf.c:3:1: runtime error: overflow")
    (tmp_path / "report.test_mem.10").write_text("WARNING: AddressSanitizer failed to allocate 0x1 bytes\n")
    assert testlog.read_reports(tmp_path) == [
        ("a.out", "buf.c:3:1: runtime error: overflow\n"), ("test_buf", REPORT)]


def made_tests(*names):
    return [testlog.Test(name, ["unit"], "exitcode") for name in names]


def test_runs_left_and_missing():
    entries = [entry(name="buf"), entry(name="buf"), entry(name="mem")]
    tests = made_tests("buf", "mem", "sm")
    assert testlog.runs_left(entries, tests, 2) == {"mem": 1, "sm": 2}
    missing = testlog.missing_runs(entries, tests, 2)
    assert outcomes(missing) == [("mem", FAILED), ("sm", FAILED)]
    assert missing[1].detail == "sm ran 0 of 2 times\n"


def test_log_is_one_object_a_line():
    text = json.dumps(entry()) + "\n\n" + json.dumps(entry(name="mem")) + "\n"
    cases = testlog.cases_of_run(testlog.parse(text), made_tests("buf", "mem"))
    assert outcomes(cases) == [("buf", PASSED), ("mem", PASSED)]


def scripted_meson(monkeypatch, tmp_path, rounds):
    """Have mesontest.run() get its entries from @rounds, one list a call; return what it asked for."""
    asked = []

    def call(_suite, _name, left, _log):
        asked.append(dict(left))
        return 0, "", rounds.pop(0)
    monkeypatch.setattr(mesontest, "call", call)
    monkeypatch.setattr(mesontest, "REPORTS", str(tmp_path / "reports"))
    monkeypatch.setattr(mesontest, "left_behind", lambda: [])
    return asked


UNIT = suites.Suite("unit", ("asan", "tsan"), True, "unit", (), 1)


def test_repeating_goes_on_after_a_skip(monkeypatch, tmp_path):
    skip = "1..1\nnot ok 1 # SKIP one\n"
    asked = scripted_meson(monkeypatch, tmp_path, [[entry(skip)], [entry(skip)], [entry(skip)]])
    cases = mesontest.run(UNIT, "asan", [testlog.Test("buf", ["unit"], "tap")], 3, "log")
    assert outcomes(cases) == [("buf/one", SKIPPED)] * 3
    assert asked == [{"buf": 3}, {"buf": 2}, {"buf": 1}]


def test_repeating_ends_with_a_failure(monkeypatch, tmp_path):
    asked = scripted_meson(monkeypatch, tmp_path, [[entry(), entry(status=1)]])
    cases = mesontest.run(UNIT, "asan", made_tests("buf", "mem"), 3, "log")
    assert outcomes(cases) == [("buf", PASSED), ("buf", FAILED)] and len(asked) == 1


def test_a_run_that_says_nothing_fails(monkeypatch, tmp_path):
    scripted_meson(monkeypatch, tmp_path, [[]])
    cases = mesontest.run(UNIT, "asan", made_tests("buf"), 3, "log")
    assert outcomes(cases) == [("meson test in build/asan", FAILED)]


def test_a_test_that_did_not_run_fails(monkeypatch, tmp_path):
    scripted_meson(monkeypatch, tmp_path, [[entry()]])
    cases = mesontest.run(UNIT, "asan", made_tests("buf", "mem"), 1, "log")
    assert outcomes(cases) == [("buf", PASSED), ("mem", FAILED)]
    assert cases[1].again.endswith("meson test -C build/asan -v --suite unit mem")
    assert cases[1].title() == "mem [asan]"


# --- the table of suites

def real_table():
    return (ROOT / suites.PATH).read_text()


def test_real_table_names_what_there_is():
    groups = {line.split()[0] for line in (ROOT / "tools/packages").read_text().splitlines()
              if line and not line.startswith("#")}
    modes = suites.parse(real_table())
    assert list(modes) == ["default", "fast", "long"]
    for suite in (suite for rows in modes.values() for suite in rows):
        assert set(suite.trees) <= set(trees.TREES)
        assert suite.times >= 1
    for line in real_table().splitlines():
        if line and not line.startswith("#"):
            assert set(line.split()[2].split(",")) <= groups


def test_tests_of_real_nodes_run_often_before_a_release():
    modes = suites.parse(real_table())
    often = {suite.tests for suite in modes["long"] if suite.times > 1}
    assert {"cluster", "http", "unit"} <= often


def test_unit_tests_need_no_second_compiler():
    row = next(line.split() for line in real_table().splitlines() if line.startswith("default unit"))
    assert row[2] == "build,test"


def test_table_row():
    modes = suites.parse("# words\n\nfast lint build asan:setup lint!slow!slower 3 some words\n"
                         "fast build build gcc,clang - 1 words\n")
    lint, build = modes["fast"]
    assert lint == suites.Suite("lint", ("asan",), False, "lint", ("slow", "slower"), 3)
    assert build == suites.Suite("build", ("gcc", "clang"), True, "", (), 1)
    assert suites.choose(modes, "fast", ["build"]) == [build]
    assert suites.choose(modes, "fast", []) == [lint, build]


@pytest.mark.parametrize("text", [
    "fast lint build asan lint 1", "fast lint build gcc,asan:setup lint 1 words"])
def test_table_row_that_is_wrong(text):
    with pytest.raises(ValueError):
        suites.parse(text)


def test_a_registered_test_that_no_suite_runs_fails():
    modes = suites.parse("fast unit build asan unit!gone 1 words\n")
    tests = [testlog.Test.read({"name": name, "protocol": "tap", "suite": suite}) for name, suite in (
        ("buf", ["pgraft:unit"]), ("lost", ["pgraft:uint"]), ("bare", ["pgraft"]))]
    cases = suites.unknown_tests(modes, tests)
    assert outcomes(cases) == [("lost", FAILED), ("bare", FAILED), ("gone", FAILED)]
    assert "(uint)" in cases[0].detail and "(none)" in cases[1].detail


# --- skips

SKIPS = "# words\nunit buf/grows  needs a moon\ncli programs/help\tno terminal\n"


def test_skip_list():
    entries, broken = skips.parse(SKIPS)
    assert [(e.line, e.suite, e.name, e.reason) for e in entries] == [
        (2, "unit", "buf/grows", "needs a moon"), (3, "cli", "programs/help", "no terminal")]
    assert broken == []


@pytest.mark.parametrize("line", ["unit buf/grows", "unit buf/grows needs a moon", "unit"])
def test_skip_list_without_a_reason(line):
    entries, broken = skips.parse(line)
    assert entries == [] and outcomes(broken) == [("tests/skips:1", FAILED)]


def test_real_skip_list_can_be_read():
    assert skips.parse((ROOT / skips.PATH).read_text())[1] == []


def judged(cases, skip_list="", is_ci=False, left_out=()):
    suite = suites.Suite("unit", ("asan",), True, "unit", left_out, 1)
    return outcomes(Session({}, [suite], None, is_ci, skip_list).judge(suite, cases))


def skip(name="buf/grows"):
    return Case(name, SKIPPED, reason="no moon")


def test_a_skip_is_a_skip_without_ci():
    assert judged([Case("a/b", PASSED), skip()]) == [("a/b", PASSED), ("buf/grows", SKIPPED)]


def test_a_skip_is_a_failure_with_ci():
    assert judged([Case("a/b", PASSED), skip()], is_ci=True) == [("a/b", PASSED), ("buf/grows", FAILED)]


def test_a_listed_skip_is_accepted_with_ci():
    assert judged([Case("a/b", PASSED), skip()], SKIPS, is_ci=True)[1] == ("buf/grows", SKIPPED)


def test_a_skip_listed_for_another_suite_is_not():
    listed = "cli buf/grows  words\n"
    assert judged([Case("a/b", PASSED), skip()], listed, is_ci=True)[1] == ("buf/grows", FAILED)


def test_the_list_explains_a_skip_that_says_nothing():
    silent, telling = Case("buf/grows", SKIPPED), skip()
    judged([silent, telling, Case("a/b", PASSED)], SKIPS)
    assert (silent.reason, telling.reason) == ("needs a moon", "no moon")


def test_a_skip_listed_for_one_tree_is_none_in_another():
    listed = "unit buf/grows [tsan]  words\n"
    cases = [Case("buf/grows", SKIPPED, tree="asan"), Case("buf/grows", SKIPPED, tree="tsan")]
    assert judged(cases, listed, is_ci=True) == [("buf/grows", FAILED), ("buf/grows", SKIPPED)]
    assert "unit buf/grows [asan]  REASON" in cases[0].detail
    assert judged([Case("buf/grows", PASSED)], listed) == [("buf/grows", PASSED)]


@pytest.mark.parametrize("is_ci", [False, True])
def test_an_entry_whose_case_is_no_more_fails(is_ci):
    assert judged([Case("a/b", PASSED)], SKIPS, is_ci) == [("a/b", PASSED), ("tests/skips:2", FAILED)]


def test_an_entry_is_not_stale_where_cases_may_be_missing():
    assert judged([Case("buf", FAILED)], SKIPS) == [("buf", FAILED)]
    assert judged([Case("a/b", PASSED)], SKIPS, left_out=("buf",)) == [("a/b", PASSED)]


def test_an_entry_for_no_suite_fails():
    entries, _ = skips.parse(SKIPS)
    assert outcomes(skips.unknown(entries, {"unit"})) == [("tests/skips:3", FAILED)]


def test_a_suite_that_ran_nothing_fails():
    assert judged([]) == [("(all)", FAILED)]
    assert judged([skip()]) == [("buf/grows", SKIPPED), ("(all)", FAILED)]
    assert judged([skip()], SKIPS, is_ci=True) == [("buf/grows", SKIPPED), ("(all)", FAILED)]


# --- what is printed

def test_closing():
    failed = Case("buf/grows", FAILED, again="do it again", tree="asan")
    lines = report.closing({
        "lint": ([Case("a/b", PASSED), skip("a/c")], 1.26),
        "unit": ([failed, failed, Case("buf/grows", PASSED, tree="tsan")], 2.0)})
    assert lines == [
        "skipped: lint a/c: no moon",
        "failed: unit buf/grows [asan] (2 times)",
        "    again: do it again",
        "",
        "lint: 1 passed, 0 failed, 1 skipped (1.3 s)",
        "unit: 1 passed, 2 failed, 0 skipped (2.0 s)",
        "2 passed, 2 failed, 1 skipped"]


def test_closing_when_all_is_well():
    assert report.closing({"unit": ([Case("a", PASSED)], 0.0)}) == [
        "unit: 1 passed, 0 failed, 0 skipped (0.0 s)", "1 passed, 0 failed, 0 skipped"]


def test_a_long_failure_is_cut_and_names_its_log(capsys):
    report.show("line\n" * (report.LINES_MAX + 5), "build/log/x.txt")
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == report.LINES_MAX + 1
    assert printed[-1] == "    ... 5 more lines: build/log/x.txt"


def test_count():
    assert count([]) == "0 passed, 0 failed, 0 skipped"


# --- what ninja says

NINJA = ("ninja: Entering directory `build/gcc'\n[1/2] Compiling C object a.o\nFAILED: b.o\ncc -c b.c\n"
         "b.c:1:1: error: no\nninja: build stopped: subcommand failed.\n")


def test_ninja_output_without_its_commands():
    assert trees.excerpt(NINJA) == "FAILED: b.o\nb.c:1:1: error: no\n"


@pytest.mark.parametrize("status, text, expected", [
    (1, NINJA, False),
    (1, "ninja: error: loading 'build.ninja': No such file or directory\n", True),
    (1, "FAILED: a.o\nninja: error: cannot write\n", False),
    (0, "ninja: error: in a test's name\n", False),
])
def test_a_tree_is_made_anew_only_when_ninja_cannot_work_with_it(status, text, expected):
    assert trees.is_unreadable(status, text) == expected


def test_a_warning_is_seen():
    assert trees.warns("a.c:1:1: warning: unused\n")
    assert trees.warns("/usr/bin/ld: warning: a.o: missing .note.GNU-stack section\n")
    assert not trees.warns("[1/2] Compiling warning.c\n")


def test_the_callers_flags_are_not_used(monkeypatch):
    monkeypatch.setenv("CFLAGS", "-w")
    monkeypatch.setenv("CC", "tcc")
    env = trees.environment("clang")
    assert "CFLAGS" not in env and env["CC"] == "clang"
