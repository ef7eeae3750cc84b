"""tests/lint/test_size.py - no function and no file of the tree outgrows its limit; a planted long one
is caught in every language and a deep one in C, and the ratchet only shrinks."""
import pytest

import size

LONG = {  # 71 lines each, with a short one beside it
    "base/a.c": "static int small(void)\n{\n}\nint big(int a)\n{\n" + "    a++;\n" * 68 + "}\n",
    "tests/a.py": "class C:\n    def big(self):\n" + "        a = 1\n" * 70 + "\n\ndef small():\n    pass\n",
    "demo": "#!/bin/bash\nsmall() { :; }\nbig() {\n" + "    :\n" * 69 + "}\n",
    "tools/a.sh": "function big() {\n  cat <<EOT\n}\nEOT\n" + "  :\n" * 66 + "}\nlittle() {\n  :\n}\n",
}


def ratchet(plant, lines, **files):
    return plant({size.RATCHET: "# " + size.RATCHET + " - words\n" + lines, **files})


def test_the_tree(real, clean):
    clean(size.problems(real))


@pytest.mark.parametrize("path, name", [("base/a.c", "big"), ("tests/a.py", "C.big"), ("demo", "big"),
                                        ("tools/a.sh", "big")])
def test_a_function_of_71_lines_is_caught_and_one_of_70_is_not(plant, path, name):
    found = size.problems(plant({path: LONG[path]}))
    assert [p.what for p in found] == [f"{path}:{name} has 71 lines, over 70"]
    lines = LONG[path].split("\n")
    del lines[40]
    assert size.problems(plant({path: "\n".join(lines)})) == []


def test_the_line_is_that_of_the_function(plant, places):
    assert places(size.problems(plant({"base/a.c": LONG["base/a.c"]}))) == ["base/a.c:4"]


def test_five_blocks_are_caught_and_four_are_not(plant):
    inner = "        if (b) {{\n            do {{\n                {}\n            }} while (0);\n        }}\n"
    text = "void f(int a)\n{{\n    for (;;) {{\n" + inner + "    }}\n}}\n"
    fine = ("MUST(a); x = (struct y){1, {2}}; static const int z[] = {{1}, {2}};",
            "g((struct y){.a = {{1}}}, (const int[]){1}); return (struct y){0};")
    for words in fine:
        assert size.problems(plant({"base/a.c": text.format(words)})) == []
    for words in ("if (c) { }", "FOR_EACH(c) { }", "while (c) { x = (int[]){1}; }", "x = ({ 1; });", "{ ; }",
                  "; { }", "switch (c) { }", "if (x) return; else { }", "a: { }"):
        found = size.problems(plant({"base/a.c": text.format(words)}))
        assert [str(p) for p in found] == ["base/a.c:1: base/a.c:f nests 5 blocks, over 4; "
                                           "return early, or make the inner part a function"], words


@pytest.mark.parametrize("path", ["base/a.c", "tests/a.py", "check", "docs/a.md", "meson.build"])
def test_a_file_of_1001_lines(plant, places, path):
    text = ("#!/bin/sh" if path == "check" else "") + "\n" * 1000
    assert size.problems(plant({path: text})) == []
    assert places(size.problems(plant({path: text + "\n"}))) == [f"{path}:1"]


def test_data_may_be_long(plant):
    assert size.problems(plant({"deploy/dashboard.json": "\n" * 5000})) == []


def test_an_entry_with_the_real_number_is_accepted(plant):
    tree = ratchet(plant, "base/a.c:big 71 a table\nbase/b.c 1200 another\n",
                   **{"base/a.c": LONG["base/a.c"], "base/b.c": "\n" * 1200})
    assert size.problems(tree) == []


@pytest.mark.parametrize("line, says", [
    ("base/a.c:big 90 a table", "has shrunk to 71 lines; write 71 instead of 90"),
    ("base/a.c:big 70 a table", "has grown from 70 to 71 lines; make it smaller"),
    ("base/a.c:big 71", "not an entry"),
    ("base/a.c:big many a table", "not an entry")])
def test_a_wrong_entry(plant, line, says):
    found = size.problems(ratchet(plant, line + "\n", **{"base/a.c": LONG["base/a.c"]}))
    told = [p for p in found if p.path == size.RATCHET]
    assert [(p.line, says in str(p)) for p in told] == [(2, True)]


@pytest.mark.parametrize("line, says", [
    ("base/b.c:small 80 was long once", "has 2 lines and needs no entry; remove this line"),
    ("base/b.c 1100 was long once", "has 3 lines and needs no entry; remove this line"),
    ("base/b.c:gone 80 was there once", "does not exist any more; remove this line"),
    ("base/gone.c 1100 was there once", "does not exist any more; remove this line")])
def test_an_entry_that_nothing_needs(plant, line, says):
    tree = ratchet(plant, line + "\n", **{"base/b.c": "\nint small(void) {\n}\n"})
    found = size.problems(tree)
    assert len(found) == 1 and says in str(found[0])


def test_an_entry_that_stands_twice(plant):
    tree = ratchet(plant, "base/a.c:big 71 a\nbase/a.c:big 71 b\n", **{"base/a.c": LONG["base/a.c"]})
    assert [p.line for p in size.problems(tree)] == [3]
