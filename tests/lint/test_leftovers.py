"""tests/lint/test_leftovers.py - nothing in the tree is left for later, and such a word is caught."""
import pytest

import leftovers


def test_the_tree(real, clean):
    clean(leftovers.problems(real))


@pytest.mark.parametrize("word", leftovers.WORDS)
@pytest.mark.parametrize("path", ["base/a.c", "docs/a.md", "demo", "LICENSE"])
def test_caught(plant, places, path, word):
    text = f"one\n/* {word}(me): later */\n"
    assert places(leftovers.problems(plant({path: text}))) == [f"{path}:2"]


@pytest.mark.parametrize("path, text", [
    ("tools/a.sh", "mktemp x." + "X" * 6 + "\n"), ("base/a.c", "int to" "do; /* HA" "CKED, ha" "ck */\n"),
    ("docs/a.md", "We leave no `" + leftovers.WORDS[0] + "` behind.\n"),
    ("tests/fuzz/corpus/a", leftovers.WORDS[0] + "\n"), ("a.png", b"\0" + leftovers.WORDS[0].encode())])
def test_near_misses(plant, path, text):
    assert leftovers.problems(plant({path: text})) == []


def test_code_may_not_quote_it(plant):
    assert len(leftovers.problems(plant({"base/a.c": f"/* `{leftovers.WORDS[0]}` */\n"}))) == 1
