"""tests/runner/builder.py - brings build trees up to date and remembers what became of each."""
import os
import time

from runner import proc, trees
from runner.cases import FAILED, PASSED, Case
from runner.report import Step, show

LOGS = os.path.join("build", "log")
ERRORS_MAX = 20  # so many files may fail to compile before the rest is left alone


class Builder:
    """The trees of one run, each prepared once."""

    def __init__(self):
        self.cases = {}  # tree -> the Case that its build is
        self.seconds = {}  # tree -> how long it took
        self.usable = {}  # tree -> what can be used: "", "configured" or "compiled"

    def failed(self, name):
        return self.cases[name].outcome == FAILED

    def can_run(self, name, compiled):
        """Whether tests can run in the tree; @compiled: they need its programs."""
        return self.usable[name] == "compiled" or (not compiled and self.usable[name] == "configured")

    def prepare(self, name, compiled):
        """Bring the tree up to date; @compiled: all of it, not only its configuration."""
        start = time.monotonic()
        self.bring_up_to_date(name, compiled)
        self.seconds[name] = time.monotonic() - start

    def bring_up_to_date(self, name, compiled):
        self.cases[name] = Case(trees.path(name), PASSED, again=f"ninja -C {trees.path(name)}")
        self.usable[name] = ""
        if not trees.is_configured(name) and not self.configure(name):
            return
        log = os.path.join(LOGS, f"build-{name}.txt")
        with Step(f"{trees.path(name)}: {'compile' if compiled else 'look at meson.build'}") as step:
            result = self.ninja(name, [] if compiled else ["build.ninja"], log)
            warned = result.status == 0 and trees.warns(result.text)
            step.failed = result.status != 0 or warned
        if step.failed:
            self.fail(name, trees.excerpt(result.text), log)
        if warned:
            trees.unmark(name)  # made anew next time, or it would have nothing to compile and nothing to say
        if result.status == 0:
            self.usable[name] = "compiled" if compiled else "configured"
        elif os.path.exists(trees.tests_file(name)):
            self.usable[name] = "configured"

    def fail(self, name, text, log):
        self.cases[name].outcome = FAILED
        self.cases[name].detail = text
        show(text, log)

    def configure(self, name):
        """Make the tree anew; return whether that went well."""
        trees.remove(name)
        log = os.path.join(LOGS, f"setup-{name}.txt")
        with Step(f"{trees.path(name)}: configure") as step:
            result = proc.run(trees.setup_command(name), trees.environment(name), log)
            step.failed = result.status != 0
        if step.failed:
            self.fail(name, result.text, log)
            trees.remove(name)
            return False
        trees.mark(name)
        return True

    def ninja(self, name, targets, log):
        """Compile @targets; a tree that ninja cannot work with is made anew, once."""
        command = ["ninja", "-C", trees.path(name), f"-j{trees.jobs()}", "-k", str(ERRORS_MAX), *targets]
        result = proc.run(command, trees.environment(name), log)
        if not trees.is_unreadable(result.status, result.text):
            return result
        trees.remove(name)
        setup = proc.run(trees.setup_command(name), trees.environment(name), log)
        if setup.status != 0:
            return setup
        trees.mark(name)
        return proc.run(command, trees.environment(name), log)
