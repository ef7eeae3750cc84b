"""tests/lib/pg_host.py - where PostgreSQL's programs are on this host, and whether a process lives."""
from pathlib import Path


def postgres_bin():
    """The folder with the newest PostgreSQL's programs."""
    folders = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "postgres").exists()]
    return max(folders, key=lambda path: int(path.parent.name))


def state_of(pid):
    """The letter of /proc/PID/stat, "" when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return ""


def lives(pid):
    return state_of(pid) not in ("", "Z", "X")
