"""tests/guard/test_footing.py - memory, priority, the control group (B5, B6, B7)."""
import os
import resource
import shutil
import signal
from pathlib import Path

import kit
import pytest


def status(pid, field):
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(field + ":"):
            return line.partition(":")[2].split()[0]
    return None


def limited(kib, make):
    """What @make returns, its processes under a limit of locked memory."""
    before = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (kib * 1024, before[1]))
    try:
        return make()
    finally:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, before)


def test_b7_all_memory_is_locked_within_8_mib(node):
    limited(8192, node.guard)
    locked, size = int(status(node.guard_pid, "VmLck")), int(status(node.guard_pid, "VmSize"))
    print(f"locked {locked} of {size} KiB, resident {status(node.guard_pid, 'VmRSS')}")
    assert locked >= size - 64  # what the kernel itself maps into every process can not be locked
    assert locked <= 8192


def control_groups():
    """Where version 2 of control groups is mounted, or None."""
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    return None


@pytest.fixture
def group():
    """A control group that is delegated to the owner of everything here."""
    top = control_groups()
    if os.geteuid() != 0 or top is None or not os.access(top / "cgroup.procs", os.W_OK):
        pytest.skip("control groups of version 2 can not be delegated here")
    made = [top / f"pgraft-guard-{os.getpid()}", top / f"pgraft-guard-{os.getpid()}" / "postgres"]
    for path in made:
        path.mkdir()
        for file in (path, path / "cgroup.procs", path / "cgroup.kill"):
            shutil.chown(file, kit.OWNER, kit.OWNER)
    yield made[1]
    for path in reversed(made):
        kit.wait_until("the control group is empty", lambda here=path: not (here / "cgroup.procs").read_text("ascii"))
        path.rmdir()


def test_b5_control_group_is_killed_as_a_whole(group, node):
    """What a backend has started is none of PostgreSQL's own, and goes with it all the same."""
    driver = node.driver(f"--cgroup={group}")
    (group.parent / "cgroup.procs").write_text(str(driver.process.pid), encoding="ascii")
    node.has_guard(driver)
    postmaster = driver.ask("start", 0, *node.words())["pid"]
    node.wait_for_connections()
    assert str(postmaster) in (group / "cgroup.procs").read_text("ascii").split()
    session = node.session()
    session.say("COPY (SELECT 1) TO PROGRAM 'exec sleep 60';")
    kit.wait_until("the program runs", lambda: "sleep" in [
        Path(f"/proc/{pid}/comm").read_text("ascii").strip() for pid in (group / "cgroup.procs").read_text("ascii").split()])
    driver.ask("stop", kit.KILL)
    driver.wait("ended")
    kit.wait_until("the program has ended", lambda: not (group / "cgroup.procs").read_text("ascii"), patience_s=1)
    driver.end()
    os.kill(node.guard_pid, signal.SIGKILL)


def test_b7_memory_that_can_not_be_locked_is_warned_of(node):
    driver = node.has_guard(limited(64, node.driver))
    driver.warned(kit.UNLOCKED)


def test_b6_postmaster_has_the_defaults_and_the_guard_is_single_threaded(node):
    driver = node.driver()
    Path(f"/proc/{driver.process.pid}/oom_score_adj").write_text("300", encoding="ascii")  # and the guard's, by birth
    node.has_guard(driver)
    postmaster = driver.ask("start", 0, *node.words())["pid"]
    node.wait_for_connections()
    assert int(Path(f"/proc/{node.guard_pid}/oom_score_adj").read_text(encoding="ascii")) in (300, -1000)
    assert os.sched_getscheduler(postmaster) == os.SCHED_OTHER
    assert os.getpriority(os.PRIO_PROCESS, postmaster) == os.getpriority(os.PRIO_PROCESS, 0)
    assert int(Path(f"/proc/{postmaster}/oom_score_adj").read_text(encoding="ascii")) == 0
    assert os.sched_getscheduler(node.guard_pid) & os.SCHED_RESET_ON_FORK
    assert status(node.guard_pid, "Threads") == "1"
    open_there = [os.readlink(fd) for fd in Path(f"/proc/{postmaster}/fd").iterdir()]
    assert not [name for name in open_there if "guard" in name and not name.endswith("/log")], open_there
