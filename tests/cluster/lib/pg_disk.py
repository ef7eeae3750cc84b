"""tests/cluster/lib/pg_disk.py - what a data directory stands on, where a test makes it full, read-only or hung: pg_disk.c.

It is gone with the process that shows it: whoever hangs in it then goes on."""
import os
import subprocess
from pathlib import Path

PROGRAM = Path(os.environ["PGRAFT_BUILD_ROOT"]) / "tests" / "cluster" / "pg_disk"


class NoDisk(Exception):
    """No file system of our own can be mounted here."""


class PgDisk:
    """The folder @behind is shown at @path; both are made."""

    def __init__(self, path, behind):
        self.path = path
        self.behind = behind
        for folder in (path, behind):
            folder.mkdir()
        self.process = subprocess.Popen([str(PROGRAM), str(behind), str(path)], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=1)
        self.state = self.process.stdout.readline().strip()
        if self.state != "is well":
            raise NoDisk(self.process.communicate()[1].strip())

    def turn(self, word):
        """From now on it is "well", "full", "read-only" or "hung"."""
        if self.state == f"is {word}":
            return
        self.process.stdin.write(word + "\n")
        self.state = self.process.stdout.readline().strip()
        assert self.state == f"is {word}"

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()
