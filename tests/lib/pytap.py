#!/usr/bin/python3
"""tests/lib/pytap.py - runs pytest files and prints TAP, one line a test case.

usage: pytap.py FILE...

Standard output carries TAP and "#" lines only: a failure's traceback and what the test printed stand as
"#" lines under its "not ok". The exit status is 0 only when every case passed or was skipped. A file
that cannot be imported is a failed case, and so is having found no case at all. An expected failure
(xfail) counts as a skip, an unexpected pass as a failure. Nothing is written into the source tree.
"""
import os
import sys
import tempfile

sys.dont_write_bytecode = True
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
# What a developer has set up for other projects has no say here.
for variable in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
    os.environ.pop(variable, None)
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"

import pytest  # noqa: E402 (the environment above must be set first)


def one_line(text):
    """@text as the name or the reason in a TAP line, where "#" and a line's end have a meaning."""
    return " ".join(str(text).replace("#", "_").split())


class TapWriter:
    """A pytest plugin that turns reports into TAP on the stream @out."""

    def __init__(self, out, with_file_names):
        self.out = out
        self.with_file_names = with_file_names
        self.count = 0
        self.failed = 0
        self.broken_files = []  # (name, text) of files that could not be collected
        self.reports = []  # of the case that is running: set-up, call, tear-down

    def line(self, text):
        self.out.write(text + "\n")
        self.out.flush()

    def diagnostics(self, text):
        for line in text.rstrip().splitlines():
            self.line("# " + line)

    def name(self, nodeid):
        if self.with_file_names:
            return one_line(nodeid)
        return one_line(nodeid.partition("::")[2] or nodeid)

    def passed(self, name):
        self.count += 1
        self.line(f"ok {self.count} - {name}")

    def skipped(self, name, reason):
        self.count += 1
        self.line(f"ok {self.count} - {name} # SKIP {one_line(reason)}")

    def not_passed(self, name, text):
        self.count += 1
        self.failed += 1
        self.line(f"not ok {self.count} - {name}")
        self.diagnostics(text)

    def pytest_collectreport(self, report):
        if report.failed:
            self.broken_files.append((one_line(report.nodeid), report.longreprtext))
        elif report.skipped:
            self.broken_files.append((one_line(report.nodeid), "the whole file was skipped: "
                                      "mark its cases instead\n" + report.longreprtext))

    def pytest_collection_finish(self, session):
        planned = len(session.items) + len(self.broken_files)
        self.line(f"1..{max(planned, 1)}")
        for name, text in self.broken_files:
            self.not_passed(name, text)
        if planned == 0:
            self.not_passed("collection", "no test case found")

    def pytest_runtest_logstart(self):
        self.reports = []

    def pytest_runtest_logreport(self, report):
        self.reports.append(report)

    def pytest_runtest_logfinish(self, nodeid):
        name = self.name(nodeid)
        failed = [report for report in self.reports if report.failed]
        skipped = [report for report in self.reports if report.skipped]
        if failed:
            self.not_passed(name, "\n".join(text_of(report) for report in failed))
        elif skipped:
            self.skipped(name, reason_of(skipped[0]))
        elif any(report.when == "call" for report in self.reports):
            self.passed(name)
        else:
            self.not_passed(name, "the case did not run")


def text_of(report):
    """What a failed @report has to tell: the traceback, then what was printed meanwhile."""
    parts = [f"in {report.when}:" if report.when != "call" else "", report.longreprtext]
    for title, text in report.sections:
        parts += [f"--- {title} ---", text]
    return "\n".join(part for part in parts if part)


def reason_of(report):
    """Why @report was skipped."""
    if hasattr(report, "wasxfail"):
        return f"expected to fail: {report.wasxfail}"
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return "no reason given"


def main(files):
    if not files:
        print("usage: pytap.py FILE...", file=sys.stderr)
        return 2
    # pytest's own output goes to a scratch file and is shown only when pytest itself went wrong.
    with os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace") as out, \
            tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as own:
        os.dup2(own.fileno(), 1)
        writer = TapWriter(out, with_file_names=len(files) > 1)
        root = os.path.dirname(os.path.abspath(files[0]))
        status = pytest.main(
            ["-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={root}", "--color=no",
             "--continue-on-collection-errors", "-o", "xfail_strict=true", "-o", "addopts=", *files],
            plugins=[writer])
        sys.stdout.flush()
        if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED,
                          pytest.ExitCode.NO_TESTS_COLLECTED) and not writer.broken_files:
            own.seek(0)
            writer.diagnostics(own.read())
            writer.line(f"Bail out! pytest ended with status {int(status)}")
            return 1
    return 1 if writer.failed or not writer.count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
