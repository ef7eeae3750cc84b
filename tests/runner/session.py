"""tests/runner/session.py - one run of ./check: the trees, the chosen suites in them, the verdict."""
import os
import time

from runner import mesontest, skips, suites, trees
from runner.builder import LOGS, Builder
from runner.cases import FAILED, SKIPPED, Case
from runner.report import Step, show_failures

ITSELF = "check"  # the heading of what belongs to no suite


class Session:
    """The choice that was made, and what has come of it so far."""

    def __init__(self, modes, chosen, repeat, is_ci, skip_list):
        self.modes = modes
        self.chosen = chosen
        self.repeat = repeat
        self.is_ci = is_ci
        self.entries, self.bad_entries = skips.parse(skip_list)
        self.builder = Builder()

    def build(self):
        """Bring the trees of the chosen suites up to date."""
        os.makedirs(LOGS, exist_ok=True)
        compiled = {name for suite in self.chosen if suite.compiled for name in suite.trees}
        for name in dict.fromkeys(name for suite in self.chosen for name in suite.trees):
            self.builder.prepare(name, name in compiled)

    def run(self):
        """Run the chosen suites; return {suite: (cases, seconds)}."""
        results = {}
        for suite in self.chosen:
            start = time.monotonic()
            cases = self.judge(suite, self.run_suite(suite))
            seconds = time.monotonic() - start
            if not suite.tests:
                seconds = sum(self.builder.seconds[name] for name in suite.trees)
            results[suite.name] = (cases, seconds)
        if cases := self.check_itself():
            show_failures(ITSELF, cases, "")
            results[ITSELF] = (cases, 0.0)
        return results

    def builds(self):
        """Return the builds as the results of a run that does nothing else."""
        return {"build": (list(self.builder.cases.values()), sum(self.builder.seconds.values()))}

    def run_suite(self, suite):
        """Return the cases of the suite in all of its trees."""
        if not suite.tests:
            return [self.builder.cases[name] for name in suite.trees]
        cases = []
        for name in suite.trees:
            if self.builder.failed(name) and (suite.compiled or not self.builder.can_run(name, False)):
                cases.append(self.builder.cases[name])
            if self.builder.can_run(name, suite.compiled):
                cases += self.run_in_tree(suite, name)
        return cases

    def run_in_tree(self, suite, name):
        """Run the suite's tests in one tree, print what failed, return the cases."""
        log = os.path.join(LOGS, f"test-{suite.name}-{name}.txt")
        tests = [test for test in mesontest.registered(name)
                 if suite.tests in test.suites and test.name not in suite.left_out]
        if not tests:
            return []
        with Step(f"{suite.name} in {trees.path(name)}") as step:
            cases = mesontest.run(suite, name, tests, self.repeat or suite.times, log)
            step.failed = any(case.outcome == FAILED for case in cases)
        show_failures(suite.name, cases, log)
        return cases

    def judge(self, suite, cases):
        """Return @cases after the rules on skips and on a suite that ran nothing."""
        added = []
        skips.explain(suite.name, cases, self.entries)
        if not suite.left_out and not any(case.concerns_program() for case in cases):
            added += skips.stale(suite.name, cases, self.entries)
        if self.is_ci:
            added += skips.enforce(suite.name, cases, self.entries)
        if all(case.outcome == SKIPPED for case in cases):
            added.append(Case("(all)", FAILED, detail="the suite ran nothing\n",
                              again=f"./check {suite.name}"))
        show_failures(suite.name, added, "")
        return cases + [case for case in added if case not in cases]

    def check_itself(self):
        """Return failed cases for what belongs to no suite: tests that nobody runs, lists that are wrong."""
        known = {suite.name for rows in self.modes.values() for suite in rows}
        cases = self.bad_entries + skips.unknown(self.entries, known)
        for name, usable in self.builder.usable.items():
            if usable:
                return cases + suites.unknown_tests(self.modes, mesontest.registered(name))
        return cases
