"""tests/lint/leftovers.py - nothing is left for later in code or papers: finish it, or write it up.

In Markdown a word between backticks is being talked about, not used."""
import re

from tree import Problem

WORDS = ("TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK")
PATTERN = re.compile(r"\b(?:" + "|".join(WORDS) + r")\b")
QUOTED = re.compile(r"`[^`\n]*`")


def problems(tree):
    found = []
    for path, text in tree.texts():
        for number, line in enumerate(text.split("\n"), 1):
            if tree.language(path) == "markdown":
                line = QUOTED.sub("", line)
            for word in PATTERN.findall(line):
                found.append(Problem(path, number, f"{word} leaves something for later",
                                     "finish it, or say in the docs what is missing and why"))
    return found
