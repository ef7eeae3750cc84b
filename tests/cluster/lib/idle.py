"""tests/cluster/lib/idle.py - what an idle node costs its host: bytes, calls and processor time.

A call on a regular file is told by strace, which shows of each descriptor what it is; its log is one, too."""
import os
import re
import subprocess

CALLS = ("write", "writev", "pwrite64", "pwritev", "pwritev2", "sendfile", "copy_file_range", "splice", "fsync", "fdatasync",
         "sync", "syncfs", "sync_file_range", "msync", "truncate", "ftruncate", "fallocate", "rename", "renameat",
         "renameat2", "unlink", "unlinkat", "mkdir", "mkdirat")
# "8412  pwrite64(9</var/lib/x/data.mdb>, ...": the descriptor's path; other kinds have no slash in front.
ON_FILE = re.compile(r"^\d+ +(?:\w+\(\d+</(?!dev/)|(?:sync|msync|truncate|rename\w*|unlink\w*|mkdir\w*)\()")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def written_bytes(pid):
    """Bytes that the process has caused to be written to a disk."""
    with open(f"/proc/{pid}/io", encoding="ascii") as counts:
        return int(re.search(r"^write_bytes: (\d+)", counts.read(), re.MULTILINE).group(1))


def processor_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def most_bytes(pid):
    """The most memory that it had at once."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return 1024 * int(re.search(r"^VmHWM:\s+(\d+)", status.read(), re.MULTILINE).group(1))


def spied(node):
    """Words to start @node behind: strace of all its threads, which are stopped at these calls alone."""
    return ["strace", "-D", "-f", "--seccomp-bpf", "-y", "-s", "0", "-e", "trace=" + ",".join(CALLS), "-e", "signal=none",
            "-o", str(_trace(node))]


def _trace(node):
    return node.cluster.folder / f"{node.name}.strace"


def calls_on_files(node, since=0):
    """What strace has written of them, behind byte @since of its file."""
    lines = _trace(node).read_bytes()[since:].decode(errors="replace").splitlines()
    return [line for line in lines if ON_FILE.match(line)]


class Cost:
    """What @node costs, from now on. It was started behind spied()."""

    def __init__(self, node):
        self.node = node
        self.traced = _trace(node).stat().st_size
        self.bytes = written_bytes(node.pid)
        self.cpu_s = processor_s(node.pid)

    def stop(self):
        """(bytes written, seconds of a processor, calls on files)."""
        cpu_s = processor_s(self.node.pid) - self.cpu_s
        return written_bytes(self.node.pid) - self.bytes, cpu_s, calls_on_files(self.node, self.traced)


def can_spy():
    """Whether this process may trace another one."""
    return subprocess.run(["strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0
