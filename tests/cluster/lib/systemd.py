"""tests/cluster/lib/systemd.py - a systemd of our own, for one unit: process 1 of namespaces that end with it.

It sees the machine's programs, but /etc is a copy and /run, /var/lib and /var/log are empty; of units it knows those given to it
and a few targets. It takes root, and a kernel that still has named hierarchies of control groups."""
import contextlib
import os
import shutil
import subprocess
from pathlib import Path

from lib import wait
from lib.front import PATH

TARGETS = ("default", "multi-user", "basic", "sysinit", "shutdown", "umount", "network-online")
TARGET = "[Unit]\nDescription=stands in for the machine's\nDefaultDependencies=no\nAllowIsolate=yes\n"
# $1 is the folder with what is copied, $2 the name of the control group. Its end is that of everything in it.
BEGIN = r"""
set -e
mkdir -p /run/groups
mountpoint -q /run/groups || mount -t cgroup -o none,name=systemd groups /run/groups
mkdir /run/groups/$2 && echo $$ > /run/groups/$2/cgroup.procs
exec unshare --net --mount --pid --fork --kill-child --ipc --uts --cgroup sh -c "$3" sh "$1"
"""
INSIDE = r"""
set -e
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /var/lib
cp -a "$1" /var/lib/given
cp -a /etc /var/lib/etc && mount --bind /var/lib/etc /etc
for place in /run /var/log /sys/fs/cgroup; do mount -t tmpfs -o mode=755 tmpfs $place; done
mkdir /sys/fs/cgroup/systemd && mount -t cgroup -o none,name=systemd systemd /sys/fs/cgroup/systemd
mkdir -p /run/systemd/system /run/lock
cp /var/lib/given/units/* /run/systemd/system/
ip link set lo up
sh -e /var/lib/given/prepare
exec env -i container=other PATH="$PATH" SYSTEMD_UNIT_PATH=/run/systemd/system SYSTEMD_GENERATOR_PATH=/nonexistent \
    SYSTEMD_ENVIRONMENT_GENERATOR_PATH=/nonexistent \
    /lib/systemd/systemd --system --unit=default.target --log-target=console --show-status=no
"""


class Systemd:
    """Runs in @folder; @units are texts by name; @programs are copied to /var/lib/given/NAME; @prepare are lines of sh that stand
    before its start."""

    def __init__(self, folder, units, programs, prepare):
        self.given = folder / "given"
        self.log_path = folder / "systemd.log"
        (self.given / "units").mkdir(parents=True)
        for name, text in ({f"{name}.target": TARGET for name in TARGETS} | units).items():
            (self.given / "units" / name).write_text(text, encoding="utf-8")
        for name, program in programs.items():
            path = self.given / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(program, path)
        (self.given / "prepare").write_text(prepare, encoding="utf-8")
        self.group = f"pgraft-{os.getpid()}"
        self.pid = None
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(["sh", "-c", BEGIN, "sh", self.given, self.group, INSIDE], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env={"PATH": PATH})
        try:
            self.pid = wait.until(self._first, lambda: f"systemd runs\n{self.log()}")
            wait.until(lambda: self.run("systemctl", "is-active", "default.target")[0] == 0, lambda: f"it is up\n{self.log()}")
        except AssertionError:
            self.end()
            raise

    @staticmethod
    def can_run():
        """Whether there can be one here, in a mount namespace of our own as root."""
        place = Path("/run/groups-tried")
        place.mkdir(exist_ok=True)
        tried = subprocess.run(["unshare", "--mount", "mount", "-t", "cgroup", "-o", "none,name=systemd", "groups", place],
                               capture_output=True, check=False)
        return tried.returncode == 0 and Path("/lib/systemd/systemd").exists()

    def _first(self):
        """Its process 1, as we see it."""
        assert self.process.poll() is None, f"systemd has ended\n{self.log()}"
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{name}/status").read_text(encoding="ascii", errors="replace")
                parent = int(status.partition("PPid:")[2].split()[0])
                if parent == self.process.pid and os.readlink(f"/proc/{name}/exe") == os.path.realpath("/lib/systemd/systemd"):
                    return int(name)
        return None

    def run(self, *words):
        """(status, text) of a command inside."""
        done = subprocess.run(["nsenter", "-t", str(self.pid), "-m", "-p", "-n", "-i", "-u", "-C", *map(str, words)], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              env={"PATH": PATH})
        return done.returncode, done.stdout.strip()

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def end(self):
        """Nothing of it is left, nor its control groups."""
        self.process.kill()
        self.process.wait()
        subprocess.run(["sh", "-c", 'cd /run/groups && for i in 1 2 3 4 5 6 7 8 9 10; do'
                        ' find $1 -depth -type d -exec rmdir {} + && break; sleep 0.1; done', "sh", self.group], capture_output=True, check=False)
