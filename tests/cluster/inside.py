#!/usr/bin/python3
"""tests/cluster/inside.py - runs a command in namespaces of its own, so that nothing outlives it.

usage: inside.py COMMAND...

The command has a network, a process table, shared memory and mounts of its own, as root or, where the kernel lets
everybody make namespaces, as anybody. When it ends, however that comes about, its processes,
networks and mounts are gone with it. Its directory, PGRAFT_CLUSTER_DIR, is on the disk of the build tree and
is removed here; one that a killed run left behind is removed by the next. Where there are no
namespaces the command runs without (PGRAFT_CLUSTER_NET=loopback), and has its nodes on 127.77.0.0/16.
"""
import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile

PREFIX = "cluster-"
PR_SET_PDEATHSIG = 1
ALONE = ["unshare", "--net", "--mount", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]
AS_ROOT = ["--user", "--map-root-user"]
# /run is hidden by an empty one: names of networks stand there, and sockets of the machine's own nodes. The shell stays, as the
# namespace's init: it waits for whoever's parent is gone, as that of a machine does.
PREPARE = 'mount -t tmpfs -o mode=755 none /run && mkdir /run/netns && ip link set lo up && "$@"; exit $?'
PROBE = ["ip", "link", "add", "probe", "type", "bridge"]


def wrapped(command):
    """@command behind what gives it its namespaces."""
    return [*ALONE, *([] if os.geteuid() == 0 else AS_ROOT), "sh", "-c", PREPARE, "sh", *command]


def has_namespaces():
    return subprocess.run(wrapped(PROBE), stdin=subprocess.DEVNULL, capture_output=True,
                          check=False).returncode == 0


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def take(folder):
    """The lock of @folder, held as long as the descriptor lives; None if somebody else has it."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def sweep(root):
    """Remove what killed runs have left in @root."""
    for entry in os.listdir(root):
        folder = os.path.join(root, entry)
        if entry.startswith(PREFIX) and os.path.isdir(folder):
            lock = take(folder)
            if lock is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(lock)


def on_signal(number, _frame):
    sys.exit(128 + number)


def main(command):
    if not command:
        print("usage: inside.py COMMAND...", file=sys.stderr)
        return 2
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, on_signal)
    root = os.environ["PGRAFT_BUILD_ROOT"]
    sweep(root)
    folder = tempfile.mkdtemp(prefix=PREFIX, dir=root)
    _lock = take(folder)
    alone = has_namespaces()
    environment = os.environ | {"PGRAFT_CLUSTER_DIR": folder,
                                "PGRAFT_CLUSTER_NET": "bridge" if alone else "loopback"}
    child = None
    try:
        child = subprocess.Popen(wrapped(command) if alone else command, env=environment,
                                 preexec_fn=die_with_parent)
        return child.wait()
    finally:
        if child is not None and child.poll() is None:
            child.kill()
            child.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
