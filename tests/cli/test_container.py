"""tests/cli/test_container.py - pgraftd as process 1 of a container.

Claim: it reaps the orphans that become its children, runs on meanwhile, and ends with status 0 at SIGTERM,
for which process 1 has no default. Method: unshare gives it a table of processes of its own; an orphan is
made in there from outside.
"""
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

PGRAFTD = Path(os.environ["PGRAFT_BUILD_ROOT"]) / "daemon" / "pgraftd"
SECONDS_MAX = 60
ALONE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


def until(is_so):
    end = time.monotonic() + SECONDS_MAX
    while not (said := is_so()):
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)
    return said


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def state(pid):
    """R, S, Z, ...; None: there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


@pytest.fixture(name="container")
def fixture_container(tmp_path):
    """The process that holds the container, and process 1 in it as it is called out here."""
    probe = subprocess.run([*ALONE, "true"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        pytest.skip(f"no namespaces here: {probe.stderr.strip()}")
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef" * 2 + "\n")
    secret.chmod(0o600)
    words = ["--witness", "--scope", "demo", "--name", "w1", "--listen", "127.0.67.4:7400", "--peers",
             "w1=127.0.67.4:7400", "--data-dir", tmp_path / "data", "--secret-file", secret]
    with (tmp_path / "log").open("wb") as log, \
            subprocess.Popen([*ALONE, PGRAFTD, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log) as holder:
        try:
            (first,) = until(lambda: children(holder.pid))
            until(lambda: b"listens" in (tmp_path / "log").read_bytes())
            yield holder, first
        finally:
            holder.kill()


def test_orphans_are_reaped(container):
    holder, first = container
    script = "for i in 1 2 3; do sleep 0.3 & done"
    subprocess.run(["nsenter", "-t", str(first), "--pid", "--mount", "sh", "-c", script], check=True)
    orphans = until(lambda: children(first))  # their parent, the shell, is gone
    until(lambda: all(state(orphan) is None for orphan in orphans))
    assert state(first) in ("S", "R", "D")
    assert holder.poll() is None


def test_it_ends_when_it_is_told_to(container):
    holder, first = container
    os.kill(first, signal.SIGTERM)
    assert holder.wait(SECONDS_MAX) == 0
