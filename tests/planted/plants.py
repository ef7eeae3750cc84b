"""tests/planted/plants.py - what the hunt and the directed tests share: patches, and a copy of the tree to plant them in.

A patch is a unified diff below a few lines of text: which rule it breaks ("RULE off: what it does", or "half"), and in
directed/ which cases of which test program fail by it ("Fails: PROGRAM CASE"). It has to fit without any fuzz: a hunk that only nearly fits may land in
another function, and then it is another bug. Production code has no switches for bugs.
"""
import dataclasses
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
ABOUT = re.compile(r"(.+?) (off|half): (.+)")
FAILS = re.compile(r"^Fails: (\S+) (\S+)$", re.M)
CHANGES = re.compile(r"^\+\+\+ b/(\S+)$", re.M)


@dataclasses.dataclass(frozen=True)
class Plant:
    """One patch."""

    path: pathlib.Path
    head: str  # the text above the diff
    files: tuple  # that it changes

    @property
    def name(self):
        """As it is asked for on the command line."""
        return str(self.path.relative_to(HERE).with_suffix(""))

    @property
    def row(self):
        """Its row of README.md."""
        about = ABOUT.match(self.head)
        rule, what = (f"{about[1]} {about[2]}", about[3]) if about else ("", self.head.partition("\n")[0])
        tests = [f"`{program}`: `{case}`" for program, case in self.fails]
        more = f" and {len(tests) - 1} more" if len(tests) > 1 else ""
        return f"| `{self.name}` | {rule} | {what} | {tests[0] + more if tests else 'random lives'} |\n"

    @property
    def fails(self):
        """The (program, case) pairs that must fail, in order."""
        return FAILS.findall(self.head)


def plant(path):
    text = path.read_text(encoding="utf-8")
    return Plant(path, text.partition("--- ")[0], tuple(CHANGES.findall(text)))


def plants(folder=HERE, names=()):
    """The patches of @folder that are named, by whatever folder; all of them when none is."""
    paths = [HERE / f"{name}.patch" for name in names] or sorted(folder.glob("*.patch"))
    return [plant(path) for path in paths]


def run(args, cwd, **more):
    return subprocess.run(args, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False, **more)


def patch(tree, bug, *options):
    return run(["patch", "-p1", "-s", "-f", "--no-backup-if-mismatch", "-r", "-", "-i", str(bug.path), *options], tree)


def misfit(bug):
    """Why the patch does not fit the tree of today exactly; None: it does."""
    tried = patch(TOP, bug, "-F0", "--dry-run")
    return None if tried.returncode == 0 else tried.stdout.strip()


class Garden:
    """A copy of the tree with a build tree of its own, for one bug after the other."""

    def __init__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="pgraft-planted-")
        self.tree = pathlib.Path(self.scratch.name) / "tree"
        self.build = pathlib.Path(self.scratch.name) / "build"
        self.before = {}

    def __enter__(self):
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=TOP, check=True,
                                capture_output=True).stdout.decode().split("\0")
        for name in filter(None, listed):
            if (TOP / name).is_file():
                (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(TOP / name, self.tree / name)
        return self

    def __exit__(self, *_why):
        self.scratch.cleanup()

    def setup(self):
        """Configure as the project asks for it, so that a warning is an error: None, or what went wrong."""
        done = run(["meson", "setup", str(self.build), str(self.tree), "--buildtype=debugoptimized"], self.tree)
        return None if done.returncode == 0 else "meson: " + done.stdout[-300:].replace("\n", " ")

    def compile(self, targets):
        """None, or what the compiler said."""
        done = run(["ninja", "-C", str(self.build), *targets], self.tree)
        return None if done.returncode == 0 else "does not compile: " + done.stdout[-900:]

    def plant(self, bug, *options):
        """None, and the bug is there until take_out(); or what patch said, and nothing is changed."""
        self.before = {name: (self.tree / name).read_bytes() for name in bug.files}
        done = patch(self.tree, bug, *options)
        if done.returncode == 0:
            return None
        self.take_out()
        return "the patch does not fit any more: " + done.stdout.strip()

    def apply(self, bug):
        return self.plant(bug, "-F0")

    def take_out(self):
        for name, text in self.before.items():
            (self.tree / name).write_bytes(text)

    def refreshed(self, bug):
        """The text of the patch as it has to be to fit exactly, or None if it does not even nearly fit."""
        if self.plant(bug) is not None:
            return None
        text = bug.head
        for name, before in self.before.items():
            after = (self.tree / name).read_text(encoding="utf-8").splitlines(keepends=True)
            text += "".join(difflib.unified_diff(before.decode().splitlines(keepends=True), after, f"a/{name}",
                                                 f"b/{name}"))
        self.take_out()
        return text
