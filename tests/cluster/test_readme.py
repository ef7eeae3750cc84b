"""tests/cluster/test_readme.py - the lines of the README, run as they stand.

Claim: they work, and each pgraftctl ends with an exit status that its comment names, else with 0. Other than in the
README are the directories, and that the cluster is waited for. Who of the five leads is chance: whether a write that finds
no majority may still be done depends on it."""
import os
import re
import subprocess
from pathlib import Path

BUILD = Path(os.environ["PGRAFT_BUILD_ROOT"])
README = Path(os.environ["PGRAFT_SOURCE_ROOT"]) / "README.md"
SECONDS_MAX = 120
BEFORE = 'trap \'kill $(jobs -p) 2>/dev/null; wait\' EXIT\n'
READY = "until pgraftctl status >/dev/null 2>&1; do sleep 0.1; done"


def first_try():
    """The lines of the indented block that starts five nodes."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", README.read_text(), re.MULTILINE)
    (block,) = [block for block in blocks if "for i in 1 2 3 4 5" in block]
    return [line.removeprefix("    ") for line in block.splitlines()]


def is_asking(line):
    return re.match(r"(sleep 2; )?pgraftctl ", line) is not None


def allowed(line):
    """The exit statuses that its comment names."""
    said = re.search(r"#.*exit status (.*)", line)
    return re.findall(r"\b\d\b", said.group(1)) if said else ["0"]


def test_the_first_try_of_the_readme(tmp_path):
    lines = first_try()
    asked = [line for line in lines if is_asking(line)]
    named = [allowed(line) for line in asked]
    script = "\n".join(f"{line.partition('#')[0]}\necho \"= $?\"" if is_asking(line) else line for line in lines)
    for old, new in (("$PWD/build/demo", str(BUILD)), ("/tmp/five", str(tmp_path / "five")), ("sleep 2", READY)):
        assert old in script
        script = script.replace(old, new)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PGRAFT")}
    done = subprocess.run(["bash", "-c", BEFORE + script], env=kept, cwd=tmp_path, stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=SECONDS_MAX, check=False)
    told = done.stdout + done.stderr
    assert len(asked) == 5, asked
    statuses = re.findall(r"^= (\d+)$", done.stdout, re.MULTILINE)
    assert len(statuses) == len(named), told
    assert all(status in names for status, names in zip(statuses, named)), told
    assert "missing" in done.stderr.lower()
