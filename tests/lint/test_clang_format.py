"""tests/lint/test_clang_format.py - the C of the tree is laid out by .clang-format; a planted
misformatted file is caught."""
import pytest

import clang_format


@pytest.fixture(scope="module")
def formatter():
    path, why = clang_format.program("clang-format")
    if path is None:
        pytest.skip(why)
    return path


def test_the_tree(real, clean, formatter):
    clean(clang_format.problems(real, formatter))


def test_caught(plant, real, formatter):
    files = {".clang-format": real.text(".clang-format"), "good.c": "int a;\n\nint f(void)\n{\n    return 1;\n}\n",
             "bad.c": "int a;\nint f(void) {\n  return 1; }\n", "bad.h": "int  a;\n", "bad.txt": "int  a;\n"}
    found = clang_format.problems(plant(files), formatter)
    assert [str(p) for p in found] == [
        "bad.c:2: not laid out as .clang-format says; run: clang-format -i bad.c",
        "bad.h:1: not laid out as .clang-format says; run: clang-format -i bad.h"]


def test_a_broken_configuration_is_no_pass(plant, formatter):
    found = clang_format.problems(plant({".clang-format": "NoSuchKey: 1\n", "a.c": "int a;\n"}), formatter)
    assert found and found[0].path == ".clang-format"


def test_another_version_is_refused_by_name(plant, monkeypatch):
    tools = plant({"clang-format": '#!/bin/sh\necho "Debian clang-format version 19.1.7"\n'}).root
    (tools / "clang-format").chmod(0o755)
    monkeypatch.setattr(clang_format.shutil, "which", lambda name: str(tools / name)
                        if (tools / name).exists() else None)
    assert clang_format.program("clang-format") == (None, "needs clang-format 14: clang-format is version 19")
    assert clang_format.program("clang-tidy") == (None, "needs clang-tidy 14: not installed")
