"""tests/observe/test_data.py - a data directory that is well, full, read-only, hangs; when a write is tried."""
import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import time

import pytest
import rig as r

LIBC = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def small_disk(server, size):
    """A file system of its own under pg_wal: full when its size is used up."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a file system")
    wal = server.data / "pg_wal"
    kept = server.folder / "wal"
    shutil.move(wal, kept)
    wal.mkdir()
    shutil.chown(wal, r.OWNER, r.OWNER)
    if LIBC.mount(b"none", str(wal).encode(), b"tmpfs", 0, f"size={size}".encode()) != 0:
        pytest.skip(f"a file system can not be mounted: {os.strerror(ctypes.get_errno())}")
    try:
        shutil.copytree(kept, wal, dirs_exist_ok=True)
        os.chmod(wal, 0o700)
        server.own()
        yield wal
    finally:
        server.end()
        subprocess.run(["umount", "-l", str(wal)], check=True)


def test_full_disk_is_a_fact(rig):
    server = rig.server(start=False)
    with small_disk(server, "8m") as wal:
        observer = rig.observer(server)
        observer.wait("it is well", lambda f: f["data_answers"] == r.YES)
        with open(wal / "filler", "wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"x" * 4096):
                pass
        observer.say("try-write")
        seen = observer.wait("it is full", lambda f: f["full"] == 1)
        assert seen["data_answers"] == r.YES and seen["data_why"]
        (wal / "filler").unlink()
        observer.say("try-write")
        observer.wait("there is room", lambda f: f["full"] == 0 and f["wrote"] == 1)
        observer.quit()


def test_read_only_disk_does_not_answer(rig):
    server = rig.server(start=False)
    with small_disk(server, "8m") as wal:
        observer = rig.observer(server)
        observer.wait("it is well", lambda f: f["data_answers"] == r.YES)
        assert LIBC.mount(b"none", str(wal).encode(), None, 32 | 1, None) == 0  # MS_REMOUNT | MS_RDONLY
        seen = observer.wait("it is read-only", lambda f: f["data_answers"] == r.NO)
        assert "read-only" in seen["data_why"]
        assert LIBC.mount(b"none", str(wal).encode(), None, 32, None) == 0
        observer.wait("it is well again", lambda f: f["data_answers"] == r.YES)
        observer.quit()


def test_pg_wal_that_is_spared_is_not_opened(rig):
    server = rig.server(start=False)
    observer = rig.observer(server, guard=True)
    observer.say("spare-wal")
    observer.say("spawn")
    rig.guards.append(observer.first("spawned")["pid"])
    wal = server.data / "pg_wal"
    wal.rename(server.folder / "kept")
    wal.write_text("whoever opens this as a folder fails")
    observer.wait("the rest is well", lambda f: f["data_answers"] == r.YES)
    observer.say("open-wal")
    observer.wait("it can not be opened", lambda f: f["data_answers"] == r.NO)
    observer.say("spare-wal")
    observer.wait("the rest is well", lambda f: f["data_answers"] == r.YES)
    wal.unlink()
    (server.folder / "kept").rename(wal)
    asked = time.monotonic()
    observer.wait("time has passed", lambda f: time.monotonic() > asked + 3)
    assert observer.now()["end_known"] == 0
    observer.say("open-wal")
    observer.wait("its end is read", lambda f: f["end_known"] == 1)
    observer.quit()


def helpers(observer):
    """The living helpers of an observer, with the letter of their state."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, IndexError):
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                name, _, rest = file.read().rpartition(")")
            if name.endswith("(pgraft-helper") and int(rest.split()[1]) == observer.process.pid:
                found[int(pid)] = rest.split()[0]
    return found


@contextlib.contextmanager
def hung_disk(server):
    """A FIFO in place of the control file: to open it waits until somebody writes."""
    control = server.data / "global" / "pg_control"
    control.rename(control.with_name("kept"))
    fifo = server.folder / "fifo"
    os.mkfifo(fifo)
    os.link(fifo, control)
    server.own()
    yield
    control.unlink()
    control.with_name("kept").rename(control)
    with contextlib.suppress(OSError):  # until nobody waits there
        while True:
            os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
            time.sleep(0.01)


def test_hung_disk_is_a_fact_within_the_deadline_and_never_a_hang(rig):
    server = rig.server(start=False)
    observer = rig.observer(server)
    observer.wait("it is well", lambda f: f["data_answers"] == r.YES)
    with hung_disk(server):
        began = time.monotonic()
        seen = observer.wait("it hangs", lambda f: f["data_answers"] == r.NO)
        print(f"seen after {time.monotonic() - began:.2f} s")
        assert "in time" in seen["data_why"]
        pids = set()
        for _ in range(20):
            pids |= set(helpers(observer))
            assert observer.now()["data_answers"] == r.NO
            time.sleep(0.05)
        assert len(pids) == 1
    observer.wait("it is well again", lambda f: f["data_answers"] == r.YES)
    assert set(helpers(observer)) == pids
    observer.quit()


def test_observer_ends_in_order_while_a_helper_hangs(rig):
    server = rig.server(start=False)
    observer = rig.observer(server)
    observer.wait("it is well", lambda f: f["data_answers"] == r.YES)
    with hung_disk(server):
        observer.wait("it hangs", lambda f: f["data_answers"] == r.NO)
        observer.quit()
    r.wait_until("no helper is left", lambda: not helpers(observer))


def test_killed_helper_is_replaced(rig):
    server = rig.server(start=False)
    observer = rig.observer(server)
    observer.wait("it is well", lambda f: f["data_answers"] == r.YES)
    first = set(helpers(observer))
    for pid in first:
        os.kill(pid, signal.SIGKILL)
    r.wait_until("there is another one", lambda: helpers(observer) and not set(helpers(observer)) & first)
    observer.wait("it is well", lambda f: f["data_answers"] == r.YES)
    assert "Z" not in helpers(observer).values()
    observer.quit()


def test_missing_directory_says_nothing_of_a_disk(rig):
    server = rig.server(start=False)
    server.data.rename(server.folder / "elsewhere")
    observer = rig.observer(server)
    seen = observer.wait("it was tried", lambda f: f["data_why"] != "")
    assert seen["data_answers"] == r.UNKNOWN
    observer.quit()


def test_write_is_tried_when_postgresql_writes(rig):
    server = rig.server()
    server.sql("CREATE TABLE t (a text)")
    observer = rig.observer(server)
    observer.is_well(r.PRIMARY)
    server.sql("INSERT INTO t SELECT 'x'")
    observer.wait("a write was tried", lambda f: f["wrote"] == 1)
    observer.wait("and no more", lambda f: f["wrote"] == 0)
    assert sorted(path.name for path in server.data.iterdir() if "pgraft" in path.name) == []
    observer.quit()


def test_helper_dies_with_its_observer(rig):
    server = rig.server(start=False)
    control = server.data / "global" / "pg_control"
    control.unlink()
    os.mkfifo(control)
    server.own()
    observer = rig.observer(server)
    r.wait_until("a helper waits", lambda: helpers(observer))
    pid = next(iter(helpers(observer)))
    observer.process.send_signal(signal.SIGKILL)
    r.wait_until("it is gone", lambda: r.state_of(pid) in ("", "Z", "X"))
