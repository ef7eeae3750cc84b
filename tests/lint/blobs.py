"""tests/lint/blobs.py - the tree holds text that people wrote, tidy to the last byte.

No file over 1 MB, nothing that a build made; in text: a newline at the end, no blank at the end of a
line, no tab outside of makefiles and Go, no carriage return. The fuzzers' corpus is data and exempt."""
import re

from tree import Problem

SIZE_MAX = 1_000_000
BUILT = re.compile(r"""(?:^|/)(?:__pycache__|CMakeFiles|node_modules|\.pytest_cache|meson-private)/
                     | \.(?:o|a|so|so\.[\d.]+|lo|la|gch|pyc|pyo|gcda|gcno|gcov|prof(?:raw|data)|exe|deb|core)$
                     | (?:^|/)(?:a\.out|core(?:\.\d+)?|build\.ninja|compile_commands\.json)$""", re.X)
MADE_BY_TOOLS = {b"\x7fELF": "a program or object file", b"!<arch>\n": "an archive of object files"}
TABS_BELONG = re.compile(r"(?:^|/)(?:(?:GNU)?[Mm]akefile|debian/rules|[^/]*\.(?:mk|go))$")
BLANKS_BELONG = re.compile(r"\.(?:patch|diff)$")


def problems(tree):
    found = []
    for path in tree.paths:
        content = tree.bytes(path)
        if len(content) > SIZE_MAX:
            found.append(Problem(path, 1, f"{len(content)} bytes, over {SIZE_MAX}",
                                 "make it when it is needed instead of keeping it"))
        made = next((what for mark, what in MADE_BY_TOOLS.items() if content.startswith(mark)), None)
        if made or BUILT.search(path):
            found.append(Problem(path, 1, made or "a build made this",
                                 "remove it and name it in .gitignore"))
        elif tree.text(path) is not None:
            found += [Problem(path, *wrong) for wrong in _untidy(path, tree.text(path))]
    return found


def _untidy(path, text):
    """(line, what, remedy) of the first of each kind: a file is mended as a whole."""
    if text and not text.endswith("\n"):
        yield text.count("\n") + 1, "no newline at the end of the file", "add it"
    kinds = [(r"\r", "a carriage return", "end lines with a newline alone")]
    if not BLANKS_BELONG.search(path):
        kinds.append((r"[ \t]+(?=\r?$)", "a blank at the end of the line", "remove it"))
        if not TABS_BELONG.search(path):
            kinds.append((r"\t(?=.*\S)", "a tab", "indent with spaces"))
    for pattern, what, remedy in kinds:
        match = re.search(pattern, text, re.M)
        if match:
            yield text.count("\n", 0, match.start()) + 1, what, remedy
