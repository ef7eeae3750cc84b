"""tests/lint/tree.py - the files of a checkout, and how a check says what is wrong in one.

A check is a function from a Tree to a list of Problems: it reads, it prints nothing and fails
nothing. So the same function judges the real tree and the small planted ones of its own test.
What git ignores is not part of the tree; what is not added yet is."""
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

# Bytes that are data, not text: no rule about lines, words or characters holds there.
DATA_FOLDERS = ("tests/fuzz/corpus/",)
LANGUAGES = {".c": "c", ".h": "c", ".py": "python", ".sh": "shell", ".bash": "shell",
             ".proto": "proto", ".md": "markdown"}


class Problem(NamedTuple):
    path: str
    line: int
    what: str
    remedy: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.what}; {self.remedy}"


class Tree:
    """@paths are relative to @root, with '/' between the parts, as git prints them."""

    def __init__(self, root, paths):
        self.root = Path(root)
        self.paths = sorted(paths)
        self._names = frozenset(self.paths)
        self._bytes = {}

    def __contains__(self, path):
        return path in self._names

    def bytes(self, path):
        if path not in self._bytes:
            self._bytes[path] = (self.root / path).read_bytes()
        return self._bytes[path]

    def text(self, path):
        """The text of @path, or None if it is data."""
        if path.startswith(DATA_FOLDERS):
            return None
        content = self.bytes(path)
        if b"\0" in content:
            return None
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            return None

    def texts(self):
        for path in self.paths:
            text = self.text(path)
            if text is not None:
                yield path, text

    def language(self, path):
        """c, python, shell, proto, markdown, meson, script (another one that has a #! line) or None."""
        name = path.rsplit("/", 1)[-1]
        if name in ("meson.build", "meson_options.txt"):
            return "meson"
        if name.endswith(".h.in"):
            return "c"
        known = LANGUAGES.get(os.path.splitext(name)[1])
        if known is not None:
            return known
        if not self.bytes(path).startswith(b"#!"):
            return None
        interpreter = self.bytes(path).split(b"\n", 1)[0]
        if b"python" in interpreter:
            return "python"
        return "shell" if interpreter.split()[-1].endswith((b"sh", b"-eu", b"-e")) else "script"

    def of_language(self, *languages):
        """The (path, text) of every file in one of @languages."""
        for path, text in self.texts():
            if self.language(path) in languages:
                yield path, text


def checkout(root):
    """The tree at @root: by git, or in an unpacked archive everything that is not a build."""
    root = Path(root)
    paths = _ask_git(root) if (root / ".git").exists() else _walk(root)
    return Tree(root, [p for p in paths if (root / p).is_file() and not (root / p).is_symlink()])


def _ask_git(root):
    # A checkout that belongs to somebody else (a container's mount) is read all the same.
    run = subprocess.run(["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-z",
                          "--cached", "--others", "--exclude-standard"],
                         check=True, capture_output=True)
    return {p for p in run.stdout.decode().split("\0") if p}


def _walk(root):
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        folders[:] = [f for f in folders if f not in ("__pycache__", ".pytest_cache", ".cache")
                      and not (here == root and f == "build")]
        for name in names:
            if not name.endswith(".pyc"):
                yield (here / name).relative_to(root).as_posix()
