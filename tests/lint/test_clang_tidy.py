"""tests/lint/test_clang_tidy.py - clang-tidy has nothing to say of the tree; planted mistakes are
caught, and what it said once is remembered exactly as long as nothing it depends on has changed.

PGRAFT_LINT_FAST=1 leaves out the case that asks about the whole tree."""
import json
import os

import pytest

import clang_tidy
from clang_format import VERSION

CONFIG = "Checks: '-*,readability-braces-around-statements'\nWarningsAsErrors: '*'\nHeaderFilterRegex: '.*'\n"
CODE = '#include "a.h"\nint f(int a)\n{\n    return a == LIMIT;\n}\n'
BAD = "int f(int a)\n{\n    if (a)\n        return 1;\n    return 0;\n}\n"
HEADER = "#define LIMIT 3\n"


@pytest.fixture(scope="module")
def tools():
    found, why = clang_tidy.tools(VERSION)
    if found is None:
        pytest.skip(why)
    return found


@pytest.fixture
def ask(plant, tools, tmp_path, monkeypatch):
    """ask({path: text}) writes the files; returns (problems, how often clang-tidy itself ran)."""
    folder = str(tmp_path)
    database = [{"directory": folder, "file": "a.c", "output": "a.o",
                 "command": f"clang -I{folder} -DX=1 -MD -MQ a.o -MF a.o.d -o a.o -c a.c"},
                {"directory": folder, "file": "made.c", "command": "clang -c made.c"}]
    files = {".clang-tidy": CONFIG, "a.c": CODE, "a.h": HEADER, "db.json": json.dumps(database)}
    real_run, calls = clang_tidy.subprocess.run, []

    def run(words, **how):
        if words[:2] == [tools.tidy, "--quiet"]:
            calls.append(words)
        return real_run(words, **how)
    monkeypatch.setattr(clang_tidy.subprocess, "run", run)

    def check(changed):
        files.update(changed)
        calls.clear()
        found = clang_tidy.problems(plant(files), tmp_path / "db.json", tools, tmp_path / "cache")
        return [str(p).split(";")[0] for p in found], len(calls)
    return check


if os.environ.get("PGRAFT_LINT_FAST") != "1":
    def test_the_tree(real, root, build_root, clean, tools):
        database = clang_tidy.database(real, build_root)
        clean(clang_tidy.problems(real, database, tools, clang_tidy.cache_folder(root, build_root)))


def test_the_configuration_names_only_checks_that_exist(real, plant, tools):
    assert clang_tidy.unknown_names(real, tools) == []
    text = real.text(".clang-tidy").replace("-cert-env33-c", "-cert-env34-c").replace(
        "function-size.Line", "function-sise.Line")
    assert clang_tidy.unknown_names(plant({".clang-tidy": text}), tools) == [
        "cert-env34-c", "readability-function-sise"]


def test_caught_and_remembered(ask):
    says = ["a.c:3: statement should be inside braces [readability-braces-around-statements]"]
    assert ask({"a.c": BAD}) == (says, 1)
    assert ask({}) == (says, 0)
    assert ask({"a.c": CODE}) == ([], 1)
    assert ask({}) == ([], 0)
    assert ask({"a.c": BAD}) == (says, 0)


def test_a_mistake_in_a_header_of_ours(ask):
    assert ask({"a.h": HEADER + BAD.replace("int f", "static inline int g")})[0] == [
        "a.h:4: statement should be inside braces [readability-braces-around-statements]"]


@pytest.mark.parametrize("change", [
    {"a.h": HEADER + "/* a word */\n"}, {"a.h": "#define LIMIT 4\n"}, {"a.c": CODE + "/* a word */\n"},
    {".clang-tidy": CONFIG + "# a word\n"},
    {"db.json": json.dumps([{"directory": "/", "file": "a.c", "command": "clang -DX=2 -c a.c"}])}])
def test_forgotten_when_something_changes(ask, tmp_path, change):
    ask({})
    if "db.json" in change:
        change = {"db.json": change["db.json"].replace('"/"', json.dumps(str(tmp_path)))}
    assert ask(change) == ([], 1)


def test_a_header_that_comes_to_stand_before_another(ask, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.h").write_text(HEADER)
    database = [{"directory": str(tmp_path), "file": "a.c", "command": "clang -Inew -Isub -c a.c"}]
    ask({"db.json": json.dumps(database), "a.c": CODE.replace('"a.h"', "<a.h>")})
    assert ask({"new/a.h": "#define LIMIT 9\n"}) == ([], 1)


def test_what_cannot_be_read_is_no_pass_and_not_remembered(ask):
    for _ in range(2):
        found, _ = ask({"a.c": '#include "gone.h"\n'})
        assert len(found) == 1 and "clang can not read it" in found[0]


def test_a_crash_is_no_pass_and_not_remembered(ask, plant, tools, monkeypatch):
    for _ in range(2):
        found, runs = ask({".clang-tidy": "Checks: [[[\n"})
        assert found and runs == 1
