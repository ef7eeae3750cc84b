"""tests/lint/syntax.py - every script can at least be read by its interpreter."""
import re
import subprocess
import warnings

from tree import Problem


def problems(tree):
    found = []
    for path, text in tree.of_language("python"):
        found += _python(path, text)
    for path, text in tree.of_language("shell"):
        found += _shell(path, text)
    return found


def _python(path, text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            compile(text, path, "exec")
        except (SyntaxError, ValueError) as error:
            yield Problem(path, getattr(error, "lineno", None) or 1, f"Python can not read it: {error}",
                          "mend it")


def _shell(path, text):
    """/bin/sh scripts are read by bash too: dash has no more words for what is wrong."""
    run = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    for match in re.finditer(r"^bash: line (?P<line>\d+): (?P<what>.*)", run.stderr, re.M):
        yield Problem(path, int(match["line"]), f"bash can not read it: {match['what']}", "mend it")
        return
    if run.returncode != 0:
        yield Problem(path, 1, f"bash can not read it: {run.stderr.strip()}", "mend it")
