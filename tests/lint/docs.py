"""tests/lint/docs.py - what the papers point to is there, and README keeps up with the tree.

Relative links of Markdown lead to a file or folder of the tree. README's table of folders has a row
for every top folder and no other; its table of packages names every package of tools/packages."""
import posixpath
import re
from urllib.parse import unquote

from tree import Problem

README = "README.md"
PACKAGES = "tools/packages"
LINK = re.compile(r"\]\(\s*<?(?P<to>[^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|^\s{0,3}\[[^\]]+\]:\s*<?(?P<ref>[^\s>]+)")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|#|//", re.I)
FENCE = re.compile(r"\s*(?:```|~~~)")


def problems(tree):
    found = []
    for path, text in tree.of_language("markdown"):
        found += dead_links(tree, path, text)
    if README not in tree:
        return found + [Problem(README, 1, "README.md is missing", "write it")]
    return found + folder_table(tree, tree.text(README)) + package_table(tree, tree.text(README))


def prose(text):
    """(line number, line) without fenced blocks and `code`."""
    fenced = False
    for number, line in enumerate(text.split("\n"), 1):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            yield number, re.sub(r"`[^`]*`", "", line)


def dead_links(tree, path, text):
    places = set(tree.paths) | {""}
    for file in tree.paths:
        while "/" in file:
            file = file.rpartition("/")[0]
            places.add(file)
    for number, line in prose(text):
        for match in LINK.finditer(line):
            link = match["to"] or match["ref"]
            if ELSEWHERE.match(link):
                continue
            target = unquote(link.split("#")[0])
            place = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
            if place != "." and place not in places:
                yield Problem(path, number, f"the link to {link} leads nowhere",
                              "correct it: relative to this file, to something in the tree")


def table(text, heading):
    """(line of its head, [(line, cells)]) of the table whose first column has the head @heading."""
    rows, head = [], None
    for number, line in enumerate(text.split("\n"), 1):
        is_row = line.startswith("|")
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if head is None and is_row and cells[0].lower() == heading:
            head = number
        elif head is not None and not is_row:
            break
        elif head is not None and not re.fullmatch(r":?-+:?", cells[0]):
            rows.append((number, cells))
    return head, rows


def folder_table(tree, text):
    head, rows = table(text, "folder")
    if head is None:
        return [Problem(README, 1, "no table of the folders", 'begin one with "| folder | ..."')]
    tops = {path.split("/")[0] for path in tree.paths if "/" in path and not path.startswith(".")}
    named = {name: line for line, cells in rows for name in re.findall(r"`([^`/]+)/`", cells[0])}
    found = [Problem(README, head, f"the table of folders does not name {top}/", f"add a row for `{top}/`")
             for top in sorted(tops - set(named))]
    return found + [Problem(README, line, f"there is no folder {name}/", "remove it from the table")
                    for name, line in named.items() if name not in tops and not name.startswith(".")]


def package_table(tree, text):
    if PACKAGES not in tree:
        return []
    head, rows = table(text, "package")
    if head is None:
        return [Problem(README, 1, "no table of the packages", 'begin one with "| package | ..."')]
    named = {name: line for line, cells in rows for name in re.findall(r"`([^`\s]+)`", cells[0])}
    needed = set(packages(tree.text(PACKAGES)))
    found = [Problem(README, head, f"the table of packages does not name {name} of {PACKAGES}",
                     f"add a row for `{name}`") for name in sorted(needed - set(named))]
    return found + [Problem(README, line, f"{name} is not in {PACKAGES}", "remove it from the table")
                    for name, line in named.items() if name not in needed]


def packages(text):
    """The names in tools/packages; a line there is: group package least-version reason."""
    for line in text.split("\n"):
        words = line.split("#")[0].split()
        if len(words) >= 2:
            yield words[1]
