"""tests/cluster/test_pg_upgrade.py - `pgraftctl upgrade` of each kind of node, and of what can not be upgraded to (safety A8).

Claim: the process stays and becomes the program that lies in its place; PostgreSQL, its sessions and its writes go on, nobody
else takes the role, and the lease has its own time afterwards; a reload in the middle of it ends nobody.
A program that can not start leaves everything as it was."""
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from lib import wait
from lib.pg_cluster import LONG
from lib.timely import timely

PGRAFTCTL = Path(os.environ["PGRAFT_BUILD_ROOT"]) / "ctl" / "pgraftctl"
NS_PER_MS = 1_000_000
NOTHING_MS = 250  # a write may wait this long on a busy machine
STANDS = "SELECT pg_postmaster_start_time(), (pg_control_checkpoint()).timeline_id"
GONE = """#!/bin/sh
rm "$0"
echo 9.9.9
"""


def replace(path, by):
    """As a package does it: another file under the old name."""
    shutil.copy(by, f"{path}.new")
    os.replace(f"{path}.new", path)


def upgrade(node, meanwhile=lambda: time.sleep(0.05)):
    """What pgraftctl says; @meanwhile is done again and again until it has ended."""
    words = [PGRAFTCTL, "--endpoint", node.socket, "upgrade"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as asked:
        while asked.poll() is None:
            meanwhile()
        return subprocess.CompletedProcess(words, asked.returncode, *asked.communicate())


def program_of(pid):
    return os.stat(f"/proc/{pid}/exe").st_ino


class Same:
    """What an upgrade of @primary must not change."""

    def __init__(self, pg, primary):
        self.pg = pg
        self.primary = primary
        self.before = self.seen()
        self.writers, self.observer = pg.writers(), pg.observer()
        self.writers.go_on()
        self.moment = self.writers.acknowledged()[-1][0]

    def seen(self):
        return self.primary.pid, self.primary.postmaster(), self.primary.sql(STANDS)

    def holds(self):
        self.writers.go_on()
        assert self.seen() == self.before
        assert self.pg.clusters[0].wait_well() is self.primary
        outage = self.writers.outage(self.moment)
        assert self.writers.lost() == []
        timely(outage.ms, NOTHING_MS)
        assert [reign.node for reign in self.observer.reigns()] == [self.primary.name], self.observer.story()


def formed(pg_stage, profile):
    cluster = pg_stage.cluster(dynamic={"synchronous_mode": "quorum", "failover": profile})
    return cluster, cluster.form_whole()


@pytest.mark.parametrize("profile", ["balanced"] + ["fast"] * LONG)
def test_the_primary_and_its_guard(pg_stage, profile):
    _, primary = formed(pg_stage, profile)
    same = Same(pg_stage, primary)
    guard = primary.guard_alone()
    programs = {path: path.stat().st_ino for path in (primary.program, primary.folder / "supervisor" / "pgraft-guard")}
    for path in programs:
        replace(path, path)
    primary.give()
    for _ in range(2):
        mark = primary.mark()
        said = upgrade(primary)
        assert said.returncode == 0, f"{said.stderr}\n{primary.log_tail()}"
        assert f"{primary.name} runs version" in said.stdout
        primary.says("gives way to the new program", mark)
        primary.says("the lease has its own time again", mark)
    assert program_of(primary.pid) == primary.program.stat().st_ino != programs[primary.program]
    wait.until(lambda: program_of(guard) == (primary.folder / "supervisor" / "pgraft-guard").stat().st_ino,
               lambda: f"the guard is the new one\n{primary.log_tail()}")
    same.holds()


def test_a_program_that_can_not_start_is_refused(pg_stage):
    _, primary = formed(pg_stage, "balanced")
    same = Same(pg_stage, primary)
    good = primary.folder / "good"
    shutil.copy(primary.program, good)
    replace(primary.program, "/bin/false")
    said = upgrade(primary)
    assert said.returncode == 1 and "goes on as before" in said.stderr, said
    replace(primary.program, good)
    guard = primary.folder / "supervisor" / "pgraft-guard"
    guard.rename(f"{guard}.away")
    said = upgrade(primary)
    assert said.returncode == 1 and "pgraft-guard" in said.stderr, said
    Path(f"{guard}.away").rename(guard)
    path = primary.folder / "pgraft.yml"
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace('"tags"', '"tagsss": {}, "raft": {"nothing": 1}, "tags"'), encoding="utf-8")
    said = upgrade(primary)
    assert said.returncode == 1 and "nothing" in said.stderr, said
    path.write_text(whole, encoding="utf-8")
    mark = primary.mark()
    primary.program.unlink()
    primary.program.write_text(GONE, encoding="ascii")
    primary.program.chmod(0o755)
    primary.give()
    said = upgrade(primary)
    assert said.returncode == 1 and "goes on as before" in said.stderr, said
    assert primary.says("the new program could not be begun, this one goes on", mark)
    primary.says("the lease has its own time again", mark)
    same.holds()


def reload(node):
    """As logrotate does, at any moment: between the two programs too, where nobody has a handler for it."""
    node.signal(signal.SIGHUP)
    time.sleep(0.005)


def test_everybody_else(pg_stage):
    cluster, primary = formed(pg_stage, "balanced")
    same = Same(pg_stage, primary)
    for node in cluster:
        if node is not primary:
            pid, postmaster = node.pid, node.postmaster() if node.is_database else None
            said = upgrade(node) if node.is_database else upgrade(node, lambda node=node: reload(node))
            assert said.returncode == 0, f"{said.stderr}\n{node.log_tail()}"
            assert node.is_running and node.pid == pid
            assert not node.is_database or node.postmaster() == postmaster
            cluster.wait_well()
    same.holds()


def pulled(pg_stage, primary):
    pg_stage.net.pull(primary.name)
    return lambda: pg_stage.net.plug(primary.name)


def killed(_, primary):
    """And not started again before another one has the role."""
    primary.kill()
    return primary.start


@pytest.mark.parametrize("way", [pulled] + [killed] * LONG, ids=lambda way: way.__name__)
def test_the_longer_lease_is_a_lease(pg_stage, way):
    """The host is lost to the others as long as the lease is the longer one: it is at its end before anybody else begins."""
    if not pg_stage.net.can_break:
        pytest.skip("no namespaces here: neither root nor unshare --user")
    cluster, primary = formed(pg_stage, "fast")
    writers, observer = pg_stage.writers(), pg_stage.observer()
    writers.go_on()
    mark = primary.mark()
    assert upgrade(primary).returncode == 0
    moment = time.monotonic_ns()
    undo = way(pg_stage, primary)
    assert primary.count("the lease has its own time again", mark) == 0
    primary.wait_down("its guard ends PostgreSQL")
    ended_ms = (observer.last_ns(primary) - moment) / NS_PER_MS
    heir = cluster.wait_primary(other_than=primary)
    writers.go_on(observer.last_ns(primary))
    undo()
    assert cluster.wait_well() is heir
    outage = writers.outage(moment)
    print(f"ended after {ended_ms:.0f} ms, outage {outage.ms:.0f} ms\n{observer.story()}")
    assert observer.overlap_ms() == 0, observer.story()
    assert writers.lost() == []
