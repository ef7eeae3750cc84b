"""tests/storage/test_syscalls.py - what the store asks of the kernel, seen from outside by strace.

Every report of a batch comes after its bytes were written, synced with fdatasync, and made current
by a write on a descriptor that syncs each write. An idle store calls nothing. A disk that fails,
which strace plays without the program's knowledge, ends the process with words."""
import os
import re
import shutil
import subprocess

import pytest

RUN = os.path.join(os.environ["PGRAFT_BUILD_ROOT"], "tests", "storage", "store_run")
BATCHES = 20


@pytest.fixture(scope="session")
def strace():
    path = shutil.which("strace")
    assert path, "strace is missing: apt-get install strace"
    return path


def run(strace, tmp_path, options, batches=BATCHES, idle_ms=0):
    """The program's end and output, and the trace as (thread, line)."""
    trace = tmp_path / "trace"
    # A sanitizer can not look for leaks in what is traced already.
    env = os.environ | {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
    done = subprocess.run(
        [strace, "-f", "-o", str(trace), *options, RUN, str(tmp_path / "store"), str(batches),
         str(idle_ms)],
        capture_output=True, text=True, timeout=60, check=False, env=env)
    lines = [line.split(None, 1) for line in trace.read_text().splitlines()]
    return done, [(line[0], line[1]) for line in lines if len(line) == 2]


def said(line):
    """What the program said in this line of the trace."""
    match = re.match(r'write\(1, "(\w+) (\d+)\\n"', line)
    return (match.group(1), int(match.group(2))) if match else None


def test_no_report_before_the_bytes_are_synced(strace, tmp_path):
    done, trace = run(strace, tmp_path, ["-e", "trace=openat,open,write,pwrite64,writev,fdatasync"])
    assert done.returncode == 0, done.stderr
    data = meta = None
    for _, line in trace:
        match = re.match(r'open(?:at)?\(.*/data\.mdb".*\) = (\d+)', line)
        if match and "O_DSYNC" in line:
            meta = match.group(1)
        elif match and "O_RDWR" in line:
            data = match.group(1)
    assert data and meta
    reports = 0
    seen = []
    for _, line in trace:
        if line.startswith((f"pwrite64({data},", f"writev({data},")):
            seen.append("write")
        elif re.match(rf"fdatasync\({data}\)\s+= 0", line):
            seen.append("sync")
        elif line.startswith(f"pwrite64({meta},"):
            seen.append("current")
        elif said(line):
            word, _ = said(line)
            if word == "durable":
                reports += 1
                order = [seen.index(step) for step in ("write", "sync", "current")]
                assert order == sorted(order), seen
                assert seen.count("sync") == 1 and seen[-1] == "current", seen
            seen = []
    assert reports == BATCHES


def calls_on_files(trace):
    """The trace as (call, the file it is on, line); the file None: not known, or none."""
    names = {}
    calls = []
    for _, line in trace:
        call = re.match(r"(\w+)\((?:(\d+)|AT_FDCWD)?", line)
        opened = re.match(r'open(?:at)?\((?:(AT_FDCWD|\d+), )?"([^"]*)".*\) = (\d+)', line)
        if opened:
            parent, name, number = opened.groups()
            names[number] = os.path.normpath(os.path.join(names.get(parent, ""), name))
        if call:
            calls.append((call.group(1), names.get(call.group(2)), line))
        if line.startswith("close(") and call:
            names.pop(call.group(2), None)
    return calls


def test_a_new_store_is_durable_before_it_is_one(strace, tmp_path):
    """LOCK says whose the rest is, VERSION makes it a store, and the directory's own name may be lost as well."""
    options = ["-e", "trace=mkdir,openat,open,close,fsync,rename,renameat,renameat2,write"]
    done, trace = run(strace, tmp_path, options)
    assert done.returncode == 0, done.stderr
    store = str(tmp_path / "store")
    seen = []
    for call, name, line in calls_on_files(trace):
        if call == "mkdir" and f'"{store}"' in line:
            seen.append("mkdir")
        elif (made := re.search(r'"(?:\S*/)?(LOCK|data\.mdb)", \S*O_CREAT', line)):
            seen.append(made.group(1))
        elif call == "fsync" and re.search(r"= 0$", line):
            seen.append(f"fsync {os.path.relpath(name, store)}")
        elif call.startswith("rename") and '"VERSION.new"' in line:
            seen.append("rename")
        elif said(line):
            break
    assert seen == ["mkdir", "fsync ..", "LOCK", "fsync .", "data.mdb", "fsync VERSION.new", "rename", "fsync ."], seen
    again, trace = run(strace, tmp_path, options)
    assert again.returncode == 0, again.stderr
    assert not [line for call, _, line in calls_on_files(trace) if call in ("mkdir", "renameat", "fsync")
                and " = 0" in line], trace


def test_nothing_is_done_when_idle(strace, tmp_path):
    done, trace = run(strace, tmp_path, [], batches=3, idle_ms=1500)
    assert done.returncode == 0, done.stderr
    words = [said(line)[0] if said(line) else None for _, line in trace]
    begin, end = words.index("idle"), words.index("busy")
    main = trace[begin][0]
    # The report wakes its waiter before the storage thread goes back to sleep.
    calls = [(thread, line) for thread, line in trace[begin + 1:end]
             if not line.startswith(("poll(", "<... poll resumed", "restart_syscall("))]
    asleep = [line for thread, line in calls if thread != main]
    if any("/libtsan.so" in line for _, line in trace):  # it has a thread of its own, which ticks
        storage = {thread for thread, line in trace if line.startswith("fdatasync(")}
        asleep = [line for thread, line in calls if thread in storage - {main}]
    assert all(line.startswith(("futex(", "<... futex", "<... write resumed")) for line in asleep), calls
    assert len(asleep) <= 2, calls
    assert not [line for thread, line in calls if thread == main], calls


@pytest.mark.parametrize("call,error", [("fdatasync", "EIO"), ("pwrite64", "EIO"),
                                        ("writev", "EIO"), ("fdatasync", "EROFS")])
def test_a_failing_disk_ends_the_process(strace, tmp_path, call, error):
    first, _ = run(strace, tmp_path, ["-e", "trace=none"], batches=5)
    assert first.returncode == 0, first.stderr
    done, _ = run(strace, tmp_path, ["-e", f"inject={call}:error={error}:when=5+"], batches=50)
    assert done.returncode in (-6, 134), (done.returncode, done.stderr)
    assert "can be relied on" in done.stderr
    assert "start again" in done.stderr
    again, _ = run(strace, tmp_path, ["-e", "trace=none"], batches=5)
    assert again.returncode == 0, again.stderr


def test_a_full_disk_does_not_end_the_process(strace, tmp_path):
    first, _ = run(strace, tmp_path, ["-e", "trace=none"], batches=5)
    assert first.returncode == 0, first.stderr
    done, _ = run(strace, tmp_path, ["-e", "inject=fdatasync:error=ENOSPC:when=5..7"], batches=20)
    assert done.returncode == 0, done.stderr
    assert "durable 20" in done.stdout
