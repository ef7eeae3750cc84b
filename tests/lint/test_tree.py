"""tests/lint/test_tree.py - the checks see what git would keep, no more and no less."""
import subprocess

import tree as trees


def git(folder, *words):
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


def test_what_git_keeps_or_would_keep(tmp_path, plant):
    plant({"kept.c": "int a;\n", "new.c": "int b;\n", "gone.c": "int c;\n", "made.o": "x", "build/x.c": "x",
           "out/deep.c": "x", ".gitignore": "/build/\n*.o\nout/\n"})
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "kept.c", "gone.c")
    (tmp_path / "gone.c").unlink()
    (tmp_path / "dead.c").symlink_to("nowhere")
    (tmp_path / "alias.c").symlink_to("kept.c")
    assert trees.checkout(tmp_path).paths == [".gitignore", "kept.c", "new.c"]


def test_an_unpacked_archive_without_git(tmp_path, plant):
    plant({"a/kept.c": "x", "build/made.c": "x", "a/build/kept.c": "x", "a/__pycache__/m.pyc": "x"})
    assert trees.checkout(tmp_path).paths == ["a/build/kept.c", "a/kept.c"]


def test_languages(plant):
    tree = plant({"a.c": "", "a.h.in": "", "demo": "#!/usr/bin/env bash\n", "sh": "#!/bin/sh -eu\n",
                  "tool": "#!/usr/bin/python3\n", "page": "#!/usr/bin/awk -f\n", "meson.build": "",
                  "LICENSE": "words\n", "a.md": ""})
    assert {p: tree.language(p) for p in tree.paths} == {
        "a.c": "c", "a.h.in": "c", "demo": "shell", "sh": "shell", "tool": "python", "page": "script",
        "meson.build": "meson", "LICENSE": None, "a.md": "markdown"}


def test_data_is_not_text(plant):
    tree = plant({"a.bin": b"\0\1", "latin": b"\xff\n", "tests/fuzz/corpus/frame/1": "words", "b": "words"})
    assert [path for path, _ in tree.texts()] == ["b"]
