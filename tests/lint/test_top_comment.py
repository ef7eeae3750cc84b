"""tests/lint/test_top_comment.py - every file of the tree says what it is, and a missing or foreign
top comment is caught."""
import pytest

import top_comment


def test_the_tree(real, clean):
    clean(top_comment.problems(real))


@pytest.mark.parametrize("path, text", [
    ("base/a.c", "/* base/a.c - words. */\n"),
    ("base/a.h", "/* base/a.h - words,\n * and more. */\n"),
    ("base/v.h.in", "/* base/v.h - made at build time. */\n"),
    ("proto/a.proto", "// proto/a.proto - words\n"),
    ("tests/a.py", '"""tests/a.py - words"""\n'),
    ("tests/b.py", '#!/usr/bin/python3\nr"""tests/b.py - words"""\n'),
    ("tests/c.py", "# tests/c.py - words\n"),
    ("demo", "#!/bin/bash\n# demo - words\n"),
    ("tools/a.sh", "# tools/a.sh - words\n"),
    ("base/meson.build", "# base - words\n"),
    ("tests/unit/meson.build", "# tests/unit - words\n"),
    ("ctl/meson.build", "# ctl/meson.build - words\n"),
    ("meson.build", "# meson.build - words\n"),
    ("page", "#!/usr/bin/awk -f\n# page - words\n"),
    ("LICENSE", "no code, no comment\n"), ("docs/a.md", "# Title\n"), ("a.json", "{}\n")])
def test_allowed(plant, path, text):
    assert top_comment.problems(plant({path: text})) == []


@pytest.mark.parametrize("path, text, line, says", [
    ("base/a.c", "", 1, "no top comment"),
    ("base/a.c", "#include <stdio.h>\n/* base/a.c - late */\n", 1, "no top comment"),
    ("base/a.c", "/* base/b.c - copied */\n", 1, "is that of base/b.c; begin it with /* base/a.c - "),
    ("base/a.c", "/* a.c - short */\n", 1, "is that of a.c"),
    ("base/a.c", "/* base/a.c: words */\n", 1, "no top comment"),
    ("base/a.c", "/* base/a.c - */\n", 1, "no top comment"),
    ("tests/a.py", '"""tests/a.py - """\n', 1, "no top comment"),
    ("tests/a.py", "import os\n", 1, "no top comment"),
    ("tests/a.py", '"""says what it is but not where"""\n', 1, "no top comment"),
    ("demo", "#!/bin/bash\nset -eu\n", 2, "begin it with # demo - "),
    ("demo", "#!/bin/bash\n", 2, "no top comment"),
    ("tests/unit/meson.build", "# unit - words\n", 1, "begin it with # tests/unit - "),
    ("meson.build", "# The whole house.\n", 1, "no top comment")])
def test_caught(plant, path, text, line, says):
    found = top_comment.problems(plant({path: text}))
    assert len(found) == 1 and says in str(found[0])
    assert found[0].line == line
