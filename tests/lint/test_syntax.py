"""tests/lint/test_syntax.py - every script of the tree can be read; a planted broken one is caught."""
import pytest

import syntax


def test_the_tree(real, clean):
    clean(syntax.problems(real))


@pytest.mark.parametrize("path, text", [
    ("tests/a.py", "a = 1\ndef f(:\n"), ("tool", "#!/usr/bin/python3\nif True\n"),
    ("tests/b.py", "\nx = '\\d'\n"), ("tools/a.sh", "a=1\nif true; then; fi\n"),
    ("demo", "#!/bin/bash\nf() ) {\n")])
def test_caught(plant, places, path, text):
    assert places(syntax.problems(plant({path: text}))) == [f"{path}:2"]


@pytest.mark.parametrize("path, text", [
    ("tests/a.py", "match 1:\n    case 1:\n        pass\n"), ("tests/b.py", "x = r'\\d'\n"),
    ("demo", "#!/bin/bash\ncase $1 in a) [[ $1 =~ ^x ]] ;; esac\n"), ("a.txt", "if (\n")])
def test_near_misses(plant, path, text):
    assert syntax.problems(plant({path: text})) == []
