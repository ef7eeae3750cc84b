"""tests/cluster/lib/disk.py - a small disk for one node, which others fill.

A tmpfs in the mounts that inside.py made: nothing of the machine's own disks is touched, and
it is gone with them. It allocates, and is full, as a disk is; it does not survive anything."""
import errno
import os
import subprocess

CHUNK_BYTES = 64 * 1024


class Disk:
    """@mib MiB at the directory @path, which is made."""

    def __init__(self, path, mib):
        self.path = path
        self.ballast = path / "ballast"
        path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=755", "none", str(path)], check=True)

    def free_bytes(self):
        return os.statvfs(self.path).f_bavail * os.statvfs(self.path).f_frsize

    def fill(self):
        """Somebody else takes all that is left of it."""
        with self.ballast.open("ab", buffering=0) as file:
            try:
                while file.write(b"x" * CHUNK_BYTES):
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC
        assert self.free_bytes() == 0

    def clear(self):
        """... and gives it back."""
        self.ballast.unlink()

    def close(self):
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)
