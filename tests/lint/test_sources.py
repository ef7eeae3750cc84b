"""tests/lint/test_sources.py - everything in the tree is built and run; a planted orphan is caught, in
made-up words of meson and in the real words of a small project."""
import subprocess

import pytest

import sources

TARGETS = [
    {"id": "lib", "filename": ["/b/libbase.a"], "target_sources": [{"sources": ["/s/base/a.c"]}]},
    {"id": "t1", "filename": ["/b/test_a"], "target_sources": [
        {"sources": ["/s/tests/unit/test_a.c"]}, {"linker": ["cc"]}]},
    {"id": "z1", "filename": ["/b/fuzz_a"], "target_sources": [{"sources": ["/s/tests/fuzz/fuzz_a.c"]}]},
]
TESTS = [
    {"name": "a", "cmd": ["/b/test_a"], "suite": ["pgraft:unit"], "depends": ["t1"]},
    {"name": "py", "cmd": ["/usr/bin/python3", "/s/tests/lib/pytap.py", "/s/tests/cli/test_py.py"],
     "suite": ["pgraft:cli"], "depends": []},
    {"name": "fuzz", "cmd": ["/s/tests/fuzz/replay.sh"], "suite": ["pgraft:fuzz"], "depends": ["z1"]},
]
PATHS = ["base/a.c", "base/a.h", "base/meson.build", "tests/meson.build", "tests/unit/test_a.c",
         "tests/unit/meson.build", "tests/cli/test_py.py", "tests/cli/conftest.py", "tests/fuzz/fuzz_a.c"]


def problems(paths=(), tests=()):
    return sources.problems(PATHS + list(paths), "/s", TARGETS, TESTS + list(tests))


def test_the_tree(real, root, build_root, clean):
    clean(sources.problems(real.paths, root, *sources.introspection(build_root)))


def test_everything_built_and_run():
    assert problems() == []


@pytest.mark.parametrize("path, says", [
    ("base/lost.c", "no target is built from it; name it in base/meson.build"),
    ("tests/unit/test_lost.c", "no target is built from it; name it in tests/unit/meson.build"),
    ("tests/fuzz/fuzz_lost.c", "no target is built from it; name it in tests/meson.build"),
    ("tests/cli/test_lost.py", "no registered test runs it; add a test() for it to tests/meson.build"),
    ("ctl/deep/lost.c", "no target is built from it; name it in meson.build")])
def test_a_lost_file(path, says):
    found = problems([path])
    assert len(found) == 1 and str(found[0]).startswith(f"{path}:1: {says}")


@pytest.mark.parametrize("path", ["tests/cli/lost.py", "tools/test_tool.py", "tests/unit/test_a.md"])
def test_no_test_by_its_place_or_name(path):
    assert problems([path]) == []


def test_a_test_program_that_is_built_but_never_run():
    targets = TARGETS + [{"id": "t2", "filename": ["/b/test_b"],
                          "target_sources": [{"sources": ["/s/tests/unit/test_b.c"]}]}]
    found = sources.problems(PATHS + ["tests/unit/test_b.c"], "/s", targets, TESTS)
    assert [str(p) for p in found] == ["tests/unit/test_b.c:1: no registered test runs it; "
                                       "add a test() for it to tests/unit/meson.build"]


@pytest.mark.parametrize("suite, count", [(["pgraft"], 0), (["pgraft:unit", "pgraft:slow"], 2)])
def test_a_test_outside_of_one_suite(suite, count):
    found = problems(tests=[{"name": "odd", "cmd": ["/b/x"], "suite": suite}])
    assert len(found) == 1 and f"test odd is in {count} suites" in found[0].what


def test_the_real_words_of_meson(tmp_path, plant):
    tree = plant({
        "meson.build": "project('tiny', 'c')\npython = import('python').find_installation()\n"
                       "test('a', executable('test_a', 'tests/test_a.c'), suite: 'unit')\n"
                       "test('p', python, args: [files('tests/test_p.py')], suite: 'unit')\n"
                       "test('loose', python, args: ['-c', ''])\n"
                       "executable('test_idle', 'tests/test_idle.c')\n",
        "tests/test_a.c": "int main(void) { return 0; }\n",
        "tests/test_idle.c": "int main(void) { return 0; }\n",
        "tests/test_lost.c": "", "tests/test_p.py": "", "tests/test_lost.py": ""})
    build = tmp_path / "out"
    subprocess.run(["meson", "setup", str(build), str(tmp_path)], check=True, capture_output=True)
    found = sources.problems(tree.paths, tmp_path, *sources.introspection(build))
    assert [(p.path, p.what) for p in found] == [
        ("tests/test_idle.c", "no registered test runs it"),
        ("tests/test_lost.c", "no target is built from it"),
        ("tests/test_lost.py", "no registered test runs it"),
        ("tests/meson.build", "test loose is in 0 suites []")]
