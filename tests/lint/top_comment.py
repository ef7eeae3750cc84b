"""tests/lint/top_comment.py - every file says first what it is: its own path, a dash, one sentence.

A path that is not the file's own is the mark of a copied file. meson.build may name its folder."""
import re

from tree import Problem

LANGUAGES = ("c", "python", "shell", "meson", "proto", "script")
OPENING = {"c": r"/\*+", "proto": r"(?:/\*+|//)", "python": r"(?:#|[rR]?(?:\"\"\"|'''))"}
HASH = r"#"


def problems(tree):
    found = []
    for path, text in tree.of_language(*LANGUAGES):
        if path.endswith("meson_options.txt"):
            continue
        wrong = wrong_start(path, tree.language(path), text)
        if wrong:
            found.append(Problem(path, wrong[0], *wrong[1:]))
    return found


def own_names(path, language):
    if language == "meson" and "/" in path:
        return [path, path.rpartition("/")[0]]
    return [path[:-len(".in")] if path.endswith(".h.in") else path]


def wrong_start(path, language, text):
    """(line, what, remedy) if @text does not begin with its top comment, else None."""
    lines = text.split("\n")
    at = 1 if lines[0].startswith("#!") else 0
    names = own_names(path, language)
    opening = OPENING.get(language, HASH)
    said = re.match(rf"{opening}\s*(?P<name>\S+) - (?!\*/|\"\"\"|\'\'\')\S", (lines + [""])[at])
    shape = {"c": "/* {} - ... */", "proto": "/* {} - ... */", "python": '"""{} - ..."""'}
    remedy = "begin it with " + shape.get(language, "# {} - ...").format(names[-1])
    if not said:
        return at + 1, "no top comment that names the file and says what it is", remedy
    if said["name"] not in names:
        return at + 1, f"the top comment is that of {said['name']}", remedy
    return None
