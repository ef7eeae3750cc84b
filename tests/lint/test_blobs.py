"""tests/lint/test_blobs.py - the tree holds tidy text and nothing large or built; planted ones are
caught."""
import pytest

import blobs


def test_the_tree(real, clean):
    clean(blobs.problems(real))


@pytest.mark.parametrize("path, content, line, says", [
    ("a.json", "x" * 80 + "\n" + "y" * 1_000_000 + "\n", 1, "over 1000000"),
    ("data.bin", b"\0" * 1_000_001, 1, "over 1000000"),
    ("base/a.o", "x\n", 1, "a build made this"),
    ("lib/libpgraft.so.0.1", "x\n", 1, "a build made this"),
    ("tests/__pycache__/a.txt", "x\n", 1, "a build made this"),
    ("build.ninja", "x\n", 1, "a build made this"),
    ("pgraftd", b"\x7fELF\1\0", 1, "a program or object file"),
    ("base/a.c", "int a;", 1, "no newline at the end"),
    ("base/a.c", "int a;\nint b; \n", 2, "a blank at the end"),
    ("base/a.c", "int a;\n \nint b;\n", 2, "a blank at the end"),
    ("base/a.c", "int a;\n\tint b;\n", 2, "a tab"),
    ("base/a.c", "int a;\r\nint b;\r\n", 1, "a carriage return"),
    ("demo", "#!/bin/sh\n\techo\n", 2, "a tab")])
def test_caught(plant, path, content, line, says):
    found = blobs.problems(plant({path: content}))
    assert [(p.line, says in p.what) for p in found] == [(line, True)]


@pytest.mark.parametrize("path, content", [
    ("base/a.c", "int a;\n"), ("empty", ""), ("data.bin", b"\0\t \r\n"), ("big", "x" * 999_999 + "\n"),
    ("Makefile", "all:\n\ttrue\n"), ("deploy/debian/rules", "%:\n\tdh $@\n"), ("a.go", "func a() {\n\tb()\n}\n"),
    ("a.patch", " \n+\tx\n"),
    ("tests/fuzz/corpus/frame/1", "no end \t"), ("base/a.op", "x\n"), ("build/a.md", "x\n"),
    ("base/core.c", "x\n"), ("consensus/core.h", "x\n")])
def test_near_misses(plant, path, content):
    assert blobs.problems(plant({path: content})) == []
