"""bench/store/figures.py - what a process costs: memory, processor time, bytes and syncs; and how numbers add up."""
import array
import os
import re
import signal
import statistics
import subprocess
import time

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SYNCS = ("fsync", "fdatasync", "sync_file_range", "msync")
CALL = re.compile(r"^(?:\[pid +\d+\] |\d+ +)?(\w+)\((\d+)")


def percentile(sorted_values, percent):
    """As the generators count: the value that @percent of them do not exceed."""
    if not sorted_values:
        return 0
    return sorted_values[min(int(len(sorted_values) * percent / 100), len(sorted_values) - 1)]


def read_samples(paths):
    """The times of all generators, in microseconds, sorted."""
    values = array.array("I")
    for path in paths:
        if os.path.exists(path):
            with open(path, "rb") as file:
                values.frombytes(file.read())
            os.unlink(path)
    return sorted(values)


def memory_mib(pid):
    """Resident, and the part of it that is no file's."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        fields = dict(line.split(":", 1) for line in file)
    return tuple(int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        words = file.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / TICKS_PER_S


def written_bytes(pid):
    with open(f"/proc/{pid}/io", encoding="ascii") as file:
        fields = dict(line.split(":") for line in file)
    return int(fields["write_bytes"])


def synchronous_files(pid):
    """Descriptors of which every write is a sync."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as file:
            flags = int(re.search(r"^flags:\s+(\d+)", file.read(), re.M).group(1), 8)
        if flags & os.O_DSYNC:
            found.add(fd)
    return found


class SyncCounter:
    """Counts what processes ask of the disk, with strace."""

    def __init__(self, pids, folder):
        self.parts = []
        for pid in pids:
            path = os.path.join(folder, f"strace.{pid}")
            tracer = subprocess.Popen(
                ["strace", "-f", "-q", "-e", "trace=pwrite64,pwritev,write,writev," + ",".join(SYNCS), "-e",
                 "signal=none", "-s", "0", "-o", path, "-p", str(pid)], stderr=subprocess.DEVNULL)
            self.parts.append((tracer, path, synchronous_files(pid)))
        time.sleep(0.5)

    def stop(self):
        """Syncs and synchronous writes together, of each process."""
        counts = []
        for tracer, path, synchronous in self.parts:
            tracer.send_signal(signal.SIGINT)
            tracer.wait()
            count = 0
            with open(path, encoding="utf-8", errors="replace") as file:
                for line in file:
                    call = CALL.match(line)
                    if call and (call.group(1) in SYNCS or call.group(2) in synchronous):
                        count += 1
            counts.append(count)
            os.unlink(path)
        return counts


class Usage:
    """What processes have used since this object was made."""

    def __init__(self, pids):
        self.pids = list(pids)
        self.began_s = time.monotonic()
        self.cpu = {pid: cpu_s(pid) for pid in self.pids}
        self.written = {pid: written_bytes(pid) for pid in self.pids}

    def cpu_s(self):
        return [cpu_s(pid) - self.cpu[pid] for pid in self.pids]

    def written_bytes(self):
        return [written_bytes(pid) - self.written[pid] for pid in self.pids]

    def seconds(self):
        return time.monotonic() - self.began_s


def spread(values):
    """Median, least and greatest of what the rounds have given."""
    return {"median": statistics.median(values), "least": min(values), "greatest": max(values),
            "rounds": len(values)}
