"""tests/lint/sources.py - no source that nobody builds, no test that nobody runs.

Compares the tree with what meson says of the build that runs us: every .c is a source of a target,
every test file is run by a registered test, and every test belongs to exactly one suite."""
import json
import os
import re
from pathlib import Path

from tree import Problem

C_TEST = re.compile(r"tests/(?:.+/)?(?:test_[^/]+|fuzz_[^/]+)\.c")
PYTHON_TEST = re.compile(r"tests/(?:.+/)?test_[^/]+\.py")


def introspection(build_root):
    """(targets, tests) as `meson introspect` would print them; meson keeps them up to date here."""
    info = Path(build_root) / "meson-info"
    return tuple(json.loads((info / f"intro-{what}.json").read_text()) for what in ("targets", "tests"))


def problems(paths, source_root, targets, tests):
    """@paths are those of the tree at @source_root; @targets and @tests are meson's own words."""
    build = _Build(source_root, targets, tests)
    found = []
    for path in sorted(paths):
        home = path.rpartition("/")[0]
        if path.endswith(".c") and not build.targets_of(path):
            found.append(Problem(path, 1, "no target is built from it",
                                 f"name it in {_meson_file(home, paths)}, or delete it"))
        elif (C_TEST.fullmatch(path) or PYTHON_TEST.fullmatch(path)) and not build.is_run(path):
            found.append(Problem(path, 1, "no registered test runs it",
                                 f"add a test() for it to {_meson_file(home, paths)}"))
    for test in tests:
        suites = suites_of(test)
        if len(suites) != 1:
            found.append(Problem("tests/meson.build", 1,
                                 f"test {test['name']} is in {len(suites)} suites {suites}",
                                 "give its test() exactly one suite"))
    return found


def suites_of(test):
    """Meson writes "project:suite", and the bare project for a test without one."""
    return [suite.partition(":")[2] for suite in test["suite"] if ":" in suite]


def _meson_file(folder, paths):
    while folder and f"{folder}/meson.build" not in paths:
        folder = folder.rpartition("/")[0]
    return f"{folder}/meson.build" if folder else "meson.build"


class _Build:
    def __init__(self, source_root, targets, tests):
        self.root = os.path.realpath(source_root)
        self.by_source = {}
        for target in targets:
            for group in target.get("target_sources", []):
                for source in group.get("sources", []):
                    self.by_source.setdefault(self._relative(source), []).append(target)
        self.words = {self._relative(word) for test in tests for word in test["cmd"]}
        self.needed = {target for test in tests for target in test.get("depends", [])}

    def _relative(self, path):
        return os.path.relpath(os.path.realpath(path), self.root) if os.path.isabs(path) else path

    def targets_of(self, path):
        return self.by_source.get(path, [])

    def is_run(self, path):
        """A test names the file itself or a program made from it, or depends on that program."""
        return path in self.words or any(
            target["id"] in self.needed or
            any(self._relative(output) in self.words for output in target["filename"])
            for target in self.targets_of(path))
