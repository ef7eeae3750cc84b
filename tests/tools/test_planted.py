"""tests/tools/test_planted.py - ./check catches what it is there for: mistakes planted in a copy of the tree.

One copy, as git would keep it, serves all cases: each plants one mistake, runs the smallest ./check that
must see it, and takes it out again. The unplanted copy passes the same runs."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("PGRAFT_SOURCE_ROOT") or Path(__file__).resolve().parents[2])
SOURCE = "base/nearest.c"
TEST = "tests/unit/test_nearest.c"
FIRST_STATEMENT = ")\n{\n"  # what a definition's first statement follows, in the layout that lint asks for


class Copy:
    """The copy of the tree, with at most one mistake in it."""

    def __init__(self, top):
        self.top = top
        self.planted = {}  # path -> what stood there before, None: nothing
        names = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "-z"],
                               capture_output=True, text=True, check=True).stdout.split("\0")
        for name in filter(None, names):
            if (ROOT / name).is_file():
                (top / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, top / name)
        subprocess.run(["git", "init", "--quiet", str(top)], check=True)
        subprocess.run(["git", "-C", str(top), "add", "--all"], check=True)

    def write(self, path, text):
        file = self.top / path
        self.planted.setdefault(path, file.read_text() if file.exists() else None)
        file.write_text(text)

    def replace(self, path, old, new):
        """Put @new in the place of the first @old, and return the number of the line where it stands."""
        text = (self.top / path).read_text()
        assert old in text, f"{path} has no {old!r} any more"
        self.write(path, text.replace(old, new, 1))
        return text[:text.index(old)].count("\n") + 1

    def first_statement(self, path, statement):
        """Make @statement the first one of the first function, and return its line."""
        return self.replace(path, FIRST_STATEMENT, f"{FIRST_STATEMENT}    {statement}\n") + 2

    def restore(self):
        for path, text in self.planted.items():
            if text is None:
                (self.top / path).unlink()
            else:
                (self.top / path).write_text(text)
        self.planted = {}

    def check(self, *words, **changes):
        """Run ./check and return its exit status and output."""
        env = {key: value for key, value in os.environ.items()
               if key != "CI" and not key.startswith("PGRAFT_")}
        done = subprocess.run([str(self.top / "check"), *words], env=env | changes, cwd=self.top,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False)
        print(done.stdout)  # shown when the case fails
        return done.returncode, done.stdout


@pytest.fixture(scope="module")
def the_copy(tmp_path_factory):
    return Copy(tmp_path_factory.mktemp("planted") / "pgraft")


@pytest.fixture
def copy(the_copy):
    yield the_copy
    the_copy.restore()


def caught(copy, place, *words, **changes):
    """./check fails and names the @place."""
    status, text = copy.check(*words, **changes)
    assert status == 1
    assert place in text
    return text


@pytest.mark.parametrize("words", [("build",), ("--fast",)], ids=" ".join)
def test_nothing_planted(copy, words):
    status, _ = copy.check(*words, CI="true")
    assert status == 0


def test_a_warning(copy):
    line = copy.first_statement(SOURCE, "int planted;")
    text = caught(copy, f"{SOURCE}:{line}:9: ", "build")
    assert "failed: build build/gcc\n" in text and "failed: build build/clang\n" in text


def test_a_layering_violation(copy):
    line = copy.replace(SOURCE, "#include <", '#include "consensus/pgraft.h"\n#include <')
    caught(copy, f"{SOURCE}:{line}: ", "--fast", "lint")


def test_a_leak(copy):
    line = copy.first_statement(
        SOURCE, "char *volatile planted = __builtin_malloc(7); if (planted) { planted = (char *)0; }")
    text = caught(copy, f"{SOURCE}:{line}", "--fast", "unit")
    assert "LeakSanitizer: detected memory leaks" in text


def test_an_undefined_behaviour(copy):
    line = copy.first_statement(SOURCE, "volatile int planted = __INT_MAX__; planted = planted + 1;")
    text = caught(copy, f"{SOURCE}:{line}:", "--fast", "unit")
    assert "runtime error: signed integer overflow" in text


def test_a_misformatted_file(copy):
    line = copy.replace(SOURCE, FIRST_STATEMENT, " )\n{\n")
    caught(copy, f"{SOURCE}:{line}: ", "--fast", "lint")


def test_an_unregistered_test_file(copy):
    text = (copy.top / TEST).read_text().replace("test_nearest.c", "test_planted.c")
    copy.write("tests/unit/test_planted.c", text)
    caught(copy, "tests/unit/test_planted.c:1: ", "--fast", "lint")


def test_a_skip_without_a_reason_in_the_list(copy):
    copy.replace(TEST, FIRST_STATEMENT, f"{FIRST_STATEMENT}    skip();\n")
    status, _ = copy.check("--fast", "unit")
    assert status == 0
    text = caught(copy, "failed: unit nearest/", "--fast", "unit", CI="true")
    assert "With CI=true a skip needs a line in tests/skips" in text
