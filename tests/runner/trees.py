"""tests/runner/trees.py - the build trees: what is in build/, how each is configured and compiled.

A tree whose configuration is not the one wanted, or that ninja cannot read, is made anew; what changed
meanwhile in meson.build is ninja's business.
"""
import dataclasses
import os
import re
import shutil
import subprocess

SANITIZED = ("-Db_lundef=false",)
STAMP = "check-setup.txt"  # inside a tree: what it was configured with
MESON = "/usr/bin/meson"  # the distribution's, whatever else PATH has
COMPILER_VARIABLES = ("CC_LD", "CFLAGS", "CPPFLAGS", "LDFLAGS")
WARNING = re.compile(r"\bwarning: ")
PROGRESS = re.compile(r"\[\d+/\d+\] |ninja: (Entering|build stopped)")


@dataclasses.dataclass(frozen=True)
class Tree:
    """One way to build everything."""

    compiler: str
    options: tuple = ()
    slow: bool = False  # its programs are: the time limits are three times as long
    test_env: dict = dataclasses.field(default_factory=dict, hash=False)


# Where memory is not to be had the code under test decides, as it does without a sanitizer. Not among these:
# strict_string_checks, which makes a walk through a long text take the square of its length.
ASAN_OPTIONS = "detect_leaks=1:detect_stack_use_after_return=1:allocator_may_return_null=1"
UBSAN_OPTIONS = "halt_on_error=1:print_stacktrace=1"
TSAN_OPTIONS = "halt_on_error=1:second_deadlock_stack=1:allocator_may_return_null=1"

TREES = {
    "gcc": Tree("gcc"),
    "clang": Tree("clang"),
    "asan": Tree("gcc", ("-Db_sanitize=address,undefined", *SANITIZED), slow=True,
                 test_env={"ASAN_OPTIONS": ASAN_OPTIONS, "UBSAN_OPTIONS": UBSAN_OPTIONS}),
    "tsan": Tree("gcc", ("-Db_sanitize=thread", *SANITIZED), slow=True,
                 test_env={"TSAN_OPTIONS": TSAN_OPTIONS}),
    "analyzer": Tree("gcc", ("-Dc_args=-fanalyzer",)),
}


def path(name):
    return os.path.join("build", name)


def jobs():
    return len(os.sched_getaffinity(0))


def environment(name):
    """The environment in which the tree is configured and compiled: none of the caller's flags."""
    env = {key: value for key, value in os.environ.items() if key not in COMPILER_VARIABLES}
    return env | {"CC": TREES[name].compiler, "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}


def setup_command(name):
    return [MESON, "setup", path(name), *TREES[name].options]


def stamp(name):
    """What the tree has to be configured with; another text means another tree."""
    version = subprocess.run([TREES[name].compiler, "--version"], capture_output=True, text=True,
                             check=False).stdout.partition("\n")[0]
    return "\n".join([os.getcwd(), " ".join(setup_command(name)), version, ""])


def is_configured(name):
    """Whether the tree stands as this runner would configure it now."""
    try:
        with open(os.path.join(path(name), STAMP), encoding="utf-8") as file:
            return file.read() == stamp(name)
    except OSError:
        return False


def mark(name):
    """Note that the tree stands as configured now."""
    with open(os.path.join(path(name), STAMP), "w", encoding="utf-8") as file:
        file.write(stamp(name))


def unmark(name):
    """Have the tree made anew by the next run."""
    os.unlink(os.path.join(path(name), STAMP))


def tests_file(name):
    """Where meson lists the registered tests; there once the tree is configured."""
    return os.path.join(path(name), "meson-info", "intro-tests.json")


def remove(name):
    shutil.rmtree(path(name), ignore_errors=True)


def is_unreadable(status, text):
    """Whether ninja failed on the tree itself, not on what it compiled."""
    return status != 0 and "\nFAILED: " not in "\n" + text and "ninja: error: " in text


def warns(text):
    return WARNING.search(text) is not None


def excerpt(text):
    """What there is to read in ninja's output @text: no progress lines, no commands."""
    kept, command_follows = [], False
    for line in text.splitlines():
        if command_follows:
            command_follows = False
        elif line.startswith("FAILED: "):
            kept.append(line)
            command_follows = True
        elif not PROGRESS.match(line):
            kept.append(line)
    return "\n".join(kept) + "\n"
