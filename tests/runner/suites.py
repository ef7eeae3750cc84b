"""tests/runner/suites.py - reads the table of suites.

The table itself is the file `suites` beside this one: ./check reads it too, where there is no Python yet.
"""
import dataclasses

from runner.cases import FAILED, Case

PATH = "tests/runner/suites"
FIELDS = 7


@dataclasses.dataclass(frozen=True)
class Suite:
    """One row of the table."""

    name: str
    trees: tuple  # names of the trees it runs in
    compiled: bool  # False: the trees are only configured
    tests: str  # the meson suite, "" when to compile is the test
    left_out: tuple  # tests of that meson suite that are not run
    times: int


def parse_row(mode, name, _packages, trees, tests, times, _purpose):
    """Return (mode, Suite) for the fields of one row."""
    words = trees.split(",")
    setup_only = [word for word in words if word.endswith(":setup")]
    if setup_only and len(setup_only) != len(words):
        raise ValueError(f"{name}: all of its trees are compiled, or none is")
    meson_suite, *left_out = tests.split("!")
    return mode, Suite(
        name=name, trees=tuple(word.removesuffix(":setup") for word in words),
        compiled=not setup_only, tests="" if meson_suite == "-" else meson_suite,
        left_out=tuple(left_out), times=int(times))


def parse(text):
    """Return {mode: [Suite...]} in the order of the table @text."""
    modes = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split(maxsplit=FIELDS - 1)
        if len(fields) != FIELDS:
            raise ValueError(f"{FIELDS} fields are needed: {line!r}")
        mode, suite = parse_row(*fields)
        modes.setdefault(mode, []).append(suite)
    return modes


def choose(modes, mode, names):
    """Return the suites of @mode in the table's order: those of @names, or all when there are none."""
    return [suite for suite in modes[mode] if not names or suite.name in names]


def unknown_tests(modes, tests):
    """Return failed cases for what does not fit between the table and the @tests that meson has: a test
    whose suite no row runs, a row that leaves out a test that is not there."""
    rows = [suite for rows in modes.values() for suite in rows if suite.tests]
    known = {suite.tests for suite in rows}
    names = {test.name for test in tests}
    texts = {}
    for test in tests:
        if not known.intersection(test.suites):
            whose = ", ".join(filter(None, test.suites)) or "none"
            texts[test.name] = f"no row of {PATH} runs its meson suite ({whose})"
    for suite in rows:
        for name in set(suite.left_out) - names:
            texts[name] = f"{PATH} leaves it out of {suite.tests}, which has no such test"
    return [Case(name, FAILED, detail=f"{name}: {text}\n", again=f"edit {PATH}")
            for name, text in texts.items()]
