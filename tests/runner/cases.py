"""tests/runner/cases.py - one test case and what became of it."""
import dataclasses

PASSED = "passed"
FAILED = "failed"
SKIPPED = "skipped"


@dataclasses.dataclass
class Case:
    """One test case of one run."""

    name: str  # PROGRAM/CASE, or PROGRAM for what concerns the whole program
    outcome: str
    reason: str = ""  # of a skip
    detail: str = ""  # of a failure: what there is to read
    again: str = ""  # of a failure: the command that repeats it
    tree: str = ""  # where it ran, when its suite runs in several trees

    def title(self):
        """The name as a reader needs it to find the case."""
        return f"{self.name} [{self.tree}]" if self.tree else self.name

    def program(self):
        """The name of the test as meson has it."""
        return self.name.partition("/")[0]

    def concerns_program(self):
        """Whether this is a failure of the program as a whole, so that cases of it may be missing."""
        return self.outcome == FAILED and "/" not in self.name


def count(cases):
    """Return "N passed, N failed, N skipped" for @cases."""
    outcomes = [case.outcome for case in cases]
    return ", ".join(f"{outcomes.count(kind)} {kind}" for kind in (PASSED, FAILED, SKIPPED))
