"""tests/tools/test_check.py - ./check as it is called: its words, and whole runs on a made-up project.

The copy of ./check under test stands in a folder of its own, with a made-up tools/setup.sh that installs
nothing and says for which groups it was called."""
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SLEEP = f"sleep 1{os.getpid()}"  # to be found again among all processes
SETUP = "setup_require() { echo \"setup: $*\"; }\n"
# Not the real table, which grows; tests/tools/test_runner.py looks at that one.
TABLE = """# words
default lint     build,test,lint clang:setup lint      1  the lint
default build    build,test,lint gcc,clang   -         1  the builds
default unit     build,test      asan,tsan   unit      1  the units
default cli      build,test      asan        cli       1  the programs
fast    lint     build,test,lint asan:setup  lint      1  the lint in short
fast    build    build,test      asan        -         1  one build
fast    unit     build,test      asan        unit      1  the units in short
long    unit     build,test      asan,tsan   unit    200  the units often
long    planted  build,test,lint asan:setup  planted   1  the planted
"""
ARGUMENTS = "import sys\nprint('runner:', *sys.argv[1:])\n"


def environment(**changes):
    env = {key: value for key, value in os.environ.items() if key not in ("CI", "MAKEFLAGS")}
    return env | changes


def call(top, *words, cwd=None, **changes):
    """Run the ./check of @top; return what came of it."""
    return subprocess.run([str(top / "check"), *words], cwd=cwd or top, env=environment(**changes),
                          timeout=100, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)


def copy_check(top, setup=SETUP):
    """Put ./check with a made-up table into @top."""
    shutil.copy(ROOT / "check", top)
    shutil.copytree(ROOT / "tests/runner", top / "tests/runner")
    (top / "tests/runner/suites").write_text(TABLE)
    (top / "tools").mkdir()
    (top / "tools/setup.sh").write_text(setup)
    return top


def all_commands():
    """The command lines of every process there is."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip())
        except OSError:
            pass  # it has just ended
    return found


# --- words

@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """A ./check whose runner only prints its arguments."""
    top = copy_check(tmp_path_factory.mktemp("words"))
    (top / "tests/runner/__main__.py").write_text(ARGUMENTS)
    return top


def words_of(value):
    """How a row is called in the output: by its words."""
    return " ".join(value) if isinstance(value, list) else ""


REFUSED = [
    (["--bogus"], "no option '--bogus'; the options are: --build-only --fast --help --list --repeat"),
    (["--fsat"], "no option '--fsat'; did you mean '--fast'?"),
    (["nosuch"], "no suite 'nosuch'; the suites are: lint build unit cli"),
    (["unti"], "no suite 'unti'; did you mean 'unit'?"),
    (["unit", "nosuch"], "no suite 'nosuch'; the suites are: lint build unit cli"),
    ([""], "no suite ''; the suites are: lint build unit cli"),
    (["nuti"], "no suite 'nuti'; did you mean 'unit'?"),
    (["lat"], "no suite 'lat'; the suites are: lint build unit cli"),
    (["pla"], "no suite 'pla'; did you mean 'planted'?"),
    (["long", "lnt"], "no suite 'lnt'; did you mean 'lint'?"),
    (["long", "unitt"], "no suite 'unitt'; did you mean 'unit'?"),
    (["long", "plantde"], "no suite 'plantde'; did you mean 'planted'?"),
    (["planted"], "'planted' is one of the long suites: ./check long planted"),
    (["long", "cli"], "'cli' is not among the suites of ./check long: unit planted"),
    (["--fast", "cli"], "'cli' is not among the suites of ./check --fast: lint build unit"),
    (["unit", "long"],
     "'long' comes first and goes without --fast and --build-only: ./check long [SUITE...]"),
    (["long", "--fast"], "--fast does not go with long"),
    (["long", "--build-only"], "--build-only does not go with long"),
    (["--build-only", "--repeat", "2"], "--repeat does not go with --build-only, which runs nothing"),
    (["--repeat"], "--repeat needs a number"),
    (["--repeat", "x"], "--repeat takes a number from 1 to 10000, not 'x'"),
    (["--repeat", "0"], "--repeat takes a number from 1 to 10000, not '0'"),
    (["--repeat=10001"], "--repeat takes a number from 1 to 10000, not '10001'"),
    (["--repeat=-1"], "--repeat takes a number from 1 to 10000, not '-1'"),
]


@pytest.mark.parametrize("said, answer", REFUSED, ids=words_of)
def test_a_wrong_word_is_refused_before_anything_is_installed(words, said, answer):
    done = call(words, *said)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"check: {answer}\n")


ACCEPTED = [
    ([], "build test lint", "default"),
    (["unit"], "build test", "default unit"),
    (["cli", "unit", "--repeat", "3"], "build test", "default cli unit --repeat 3"),
    (["lint", "--repeat=12"], "build test lint", "default lint --repeat 12"),
    (["--build-only", "unit"], "build test", "default unit --build-only"),
    (["--fast"], "build test lint", "fast"),
    (["unit", "--fast"], "build test", "fast unit"),
    (["long"], "build test lint", "long"),
    (["long", "unit", "--repeat", "10000"], "build test", "long unit --repeat 10000"),
]


@pytest.mark.parametrize("said, groups, arguments", ACCEPTED, ids=words_of)
def test_right_words_install_what_they_need_and_no_more(words, said, groups, arguments):
    done = call(words, *said)
    assert (done.returncode, done.stdout, done.stderr) == (
        0, f"setup: {groups}\nrunner: {arguments}\n", "")


def test_works_from_any_directory(words, tmp_path):
    assert call(words, "unit", cwd=tmp_path).stdout == "setup: build test\nrunner: default unit\n"


def test_nothing_runs_where_the_packages_cannot_be_had(tmp_path):
    top = copy_check(tmp_path, "setup_require() { echo 'setup: no apt' >&2; return 1; }\n")
    done = call(top, "unit")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "setup: no apt\n")


def test_list_names_every_suite_and_installs_nothing(words):
    done = call(words, "--list")
    assert done.returncode == 0 and done.stderr == ""
    assert [line.partition("  ")[0] for line in done.stdout.splitlines()] == [
        "lint", "build", "unit", "cli", "long unit", "long planted"]


def test_help_comes_from_the_table_and_installs_nothing(words):
    done = call(words, "--help")
    assert done.returncode == 0 and done.stderr == "" and "setup:" not in done.stdout
    assert done.stdout.startswith("usage: ./check [SUITE...] [--build-only] [--fast] [--repeat N]\n")
    for line in TABLE.splitlines()[1:]:
        assert line.split(maxsplit=6)[6] in done.stdout


@pytest.mark.parametrize("option", ["--help", "--list"])
@pytest.mark.parametrize("output, why", [(">&-", "closed"), (">/dev/full", "cannot write")])
def test_help_that_cannot_be_printed_starts_nothing(words, option, output, why):
    done = subprocess.run(["bash", "-c", f'"$0" {option} {output}', str(words / "check")], env=environment(),
                          timeout=100, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and why in done.stderr
    assert "setup:" not in done.stderr and "runner:" not in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("option", ["--help", "--list"])
def test_a_word_after_help_is_refused(words, option):
    done = call(words, option, "unit")
    assert done.returncode == 2 and done.stdout == "" and "stands alone" in done.stderr


def test_continuous_integration_calls_it(words):
    (words / ".ci").mkdir(exist_ok=True)
    shutil.copy(ROOT / ".ci/run", words / ".ci/run")
    done = subprocess.run(["bash", str(words / ".ci/run")], cwd="/", env=environment(CI="true"),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.stdout == "setup: build test lint\nrunner: default\n"


# --- whole runs

MESON = """project('made-up', 'c', default_options: ['c_std=c11', 'warning_level=2'])
env = {'CMOCKA_MESSAGE_OUTPUT': 'TAP'}
test('sum', executable('test_sum', 'test_sum.c'), suite: 'unit', protocol: 'tap')
sh = find_program('sh')
"""
SUM = r"""
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
    (void)argv;
    volatile int count = argc;
    puts("1..2");
    puts("ok 1 - first");
    /* here */
    puts("ok 2 - second");
    return count - 1;
}
"""
LAST = "2 passed, 0 failed, 0 skipped"


class Project:
    """The made-up project; a test changes it and says what ./check must make of it."""

    def __init__(self, top):
        self.top = top
        self.meson = top / "meson.build"
        self.source = top / "test_sum.c"
        self.skips = top / "tests/skips"
        self.restore()

    def restore(self):
        self.write(self.meson, MESON)
        self.write(self.source, SUM)
        self.skips.unlink(missing_ok=True)

    @staticmethod
    def write(path, text):
        if not path.exists() or path.read_text() != text:
            path.write_text(text)

    def plant(self, statement):
        """Put @statement between the two cases of the test program."""
        self.write(self.source, SUM.replace("/* here */", statement))

    def add_test(self, name, script, suite="'unit'", protocol="exitcode"):
        self.write(self.meson, MESON + f"test('{name}', sh, args: ['-c', '''{script}'''], suite: {suite}, "
                                       f"protocol: '{protocol}')\n")

    def check(self, *said, **changes):
        done = call(self.top, *(said or ("unit", "--fast")), **changes)
        done.last = done.stdout.splitlines()[-1] if done.stdout else ""
        return done


@pytest.fixture(scope="module")
def one_project(tmp_path_factory):
    top = copy_check(tmp_path_factory.mktemp("project"), "setup_require() { :; }\n")
    return Project(top)


@pytest.fixture
def project(one_project):
    one_project.restore()
    return one_project


def test_all_is_well(project):
    done = project.check()
    assert (done.returncode, done.last, done.stderr) == (0, LAST, "")
    assert "\nunit: 2 passed, 0 failed, 0 skipped (" in done.stdout


def test_suites_and_trees_add_up(project):
    done = project.check("unit", "build")
    assert (done.returncode, done.last) == (0, "6 passed, 0 failed, 0 skipped")
    assert "\nbuild: 2 passed, 0 failed, 0 skipped (" in done.stdout
    assert "\nunit: 4 passed, 0 failed, 0 skipped (" in done.stdout


def test_build_only_counts_the_trees(project):
    project.plant("exit(1);")
    done = project.check("unit", "--build-only")
    assert (done.returncode, done.last) == (0, LAST)


def test_repeat(project):
    assert project.check("unit", "--fast", "--repeat", "3").last == "6 passed, 0 failed, 0 skipped"


def test_a_failed_case(project):
    project.plant('puts("not ok 2 - second"); puts("# because"); return 1;')
    done = project.check()
    assert (done.returncode, done.last) == (1, "1 passed, 1 failed, 0 skipped")
    assert "  failed: unit sum/second\n    because\n" in done.stdout
    assert "\nfailed: unit sum/second\n    again: ASAN_OPTIONS=" in done.stdout
    assert "meson test -C build/asan -v --suite unit sum\n" in done.stdout


@pytest.mark.parametrize("statement, says", [
    ("abort();", "was killed by SIGABRT"),
    ("return 0;", "planned 2 cases and reported 1"),
    ("char *volatile lost = malloc(10 * (size_t)argc); lost = lost ? NULL : argv[0];",
     "LeakSanitizer: detected memory leaks"),
    ("char *volatile p = malloc((size_t)argc); p[argc] = 1; free(p);", "heap-buffer-overflow"),
    ("volatile int n = 2147483647; n = n + count;", "runtime error: signed integer overflow"),
])
def test_a_program_that_goes_wrong(project, statement, says):
    project.plant(statement)
    done = project.check()
    assert done.returncode == 1 and ", 1 failed, 0 skipped" in done.last
    assert says in done.stdout and "\nfailed: unit sum\n" in done.stdout


def test_a_report_of_a_program_whose_caller_hides_it(project):
    project.plant("if (argc > 1) { char *volatile p = malloc(1); p[argc] = 1; free(p); }")
    project.add_test("caller", "./test_sum x >/dev/null 2>&1; exit 0")
    done = project.check()
    assert (done.returncode, done.last) == (1, "3 passed, 1 failed, 0 skipped")
    assert "\nfailed: unit test_sum (sanitizer)\n" in done.stdout


def test_a_time_limit(project):
    slow = "test('slow', sh, args: ['-c', 'exec sleep 60'], suite: 'unit', timeout: 1)\n"
    project.write(project.meson, MESON + slow)
    done = project.check()
    assert (done.returncode, done.last) == (1, "2 passed, 1 failed, 0 skipped")
    assert "slow was ended after 3 s: the time limit" in done.stdout


def test_a_process_left_behind(project):
    project.add_test("leaver", f"{SLEEP} >/dev/null 2>&1 & exit 0")
    done = project.check()
    assert (done.returncode, done.last) == (1, "3 passed, 1 failed, 0 skipped")
    assert "left running:" in done.stdout and SLEEP in done.stdout
    assert SLEEP not in all_commands()


def test_a_warning_fails_until_it_is_mended(project):
    project.plant("int never_used;")
    for _ in range(2):  # again although nothing has changed since
        done = project.check("build", "--fast")
        assert (done.returncode, done.last) == (1, "0 passed, 1 failed, 0 skipped")
        assert "test_sum.c:10:9: warning: unused variable" in done.stdout
    project.restore()
    assert project.check("build", "--fast").returncode == 0


def test_an_error_fails_the_suites_that_need_the_tree(project):
    project.plant("no_such_name;")
    done = project.check("build", "unit", "--fast")
    assert (done.returncode, done.last) == (1, "0 passed, 2 failed, 0 skipped")
    assert "error: ‘no_such_name’ undeclared" in done.stdout
    assert "\nfailed: unit build/asan\n    again: ninja -C build/asan\n" in done.stdout


def test_a_skip_and_ci(project):
    project.plant('puts("ok 2 - second # SKIP no moon"); return 0;')
    done = project.check()
    assert (done.returncode, done.last) == (0, "1 passed, 0 failed, 1 skipped")
    assert "\nskipped: unit sum/second: no moon\n" in done.stdout
    done = project.check(CI="true")
    assert (done.returncode, done.last) == (1, "1 passed, 1 failed, 0 skipped")
    assert "skipped: no moon" in done.stdout
    project.skips.write_text("unit sum/second  the moon is far\n")
    done = project.check(CI="true")
    assert (done.returncode, done.last) == (0, "1 passed, 0 failed, 1 skipped")
    project.skips.write_text("unit sum/second\n")
    assert project.check(CI="true").last == "1 passed, 2 failed, 0 skipped"


def test_a_skip_listed_for_a_case_that_is_no_more(project):
    project.skips.write_text("unit sum/third  the moon is far\ncli a/b  this suite does not run here\n")
    done = project.check()
    assert (done.returncode, done.last) == (1, "2 passed, 1 failed, 0 skipped")
    assert "\nfailed: unit tests/skips:1\n" in done.stdout


@pytest.mark.parametrize("suite, says", [("'uint'", "(uint)"), ("[]", "(none)")])
def test_a_registered_test_that_no_suite_runs(project, suite, says):
    project.add_test("lost", "exit 0", suite=suite)
    done = project.check()
    assert done.returncode == 1 and done.last == "2 passed, 1 failed, 0 skipped"
    assert f"lost: no row of tests/runner/suites runs its meson suite {says}" in done.stdout


def test_a_suite_that_runs_nothing(project):
    done = project.check("cli")
    assert (done.returncode, done.last) == (1, "0 passed, 1 failed, 0 skipped")
    assert "the suite ran nothing" in done.stdout


@pytest.mark.parametrize("damage", [
    "build.ninja", "meson-private/coredata.dat", "check-setup.txt", "everything"])
def test_a_damaged_tree_is_made_anew(project, damage):
    tree = project.top / "build/asan"
    project.check()
    if damage == "everything":
        shutil.rmtree(tree)
        tree.mkdir()
    elif damage == "check-setup.txt":
        (tree / damage).write_text("another compiler\n")
    else:
        (tree / damage).write_text("damaged\n")
        os.utime(tree / "build.ninja")
    if damage == "meson-private/coredata.dat":
        project.meson.touch()
    done = project.check()
    assert (done.returncode, done.last) == (0, LAST), done.stdout


def test_a_broken_meson_build(project):
    project.write(project.meson, MESON + "no_such_function()\n")
    done = project.check()
    assert (done.returncode, done.last) == (1, "0 passed, 1 failed, 0 skipped")
    assert 'Unknown function "no_such_function"' in done.stdout
    project.restore()
    assert project.check().returncode == 0


def running(project):
    """Start ./check on a test that does not end by itself, and return it once that test runs."""
    project.add_test("endless", f"touch {project.top}/started; exec {SLEEP}")
    (project.top / "started").unlink(missing_ok=True)
    check = subprocess.Popen([str(project.top / "check"), "unit", "--fast"], env=environment(), text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not (project.top / "started").exists():
        assert time.monotonic() < deadline and check.poll() is None
        time.sleep(0.02)
    return check


@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted(project, number, status):
    check = running(project)
    check.send_signal(number)
    _, errors = check.communicate(timeout=30)
    assert (check.returncode, errors.strip()) == (status, "check: interrupted")
    assert SLEEP not in all_commands()


def test_two_at_once_in_one_tree(project):
    check = running(project)
    try:
        done = project.check()
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (f"check: another ./check (process {check.pid}) is at work in this tree; "
                               "wait for it, or end it\n")
    finally:
        check.terminate()
        check.communicate(timeout=30)


def test_nothing_is_left_in_the_tree(project):
    project.check()
    assert list(project.top.rglob("__pycache__")) == []
    assert sorted(path.name for path in project.top.iterdir() if path.name != "started") == [
        "build", "check", "meson.build", "test_sum.c", "tests", "tools"]
