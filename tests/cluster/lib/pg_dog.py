"""tests/cluster/lib/pg_dog.py - a watchdog device of a machine: a FIFO in its place, and the end of a node that does not feed it."""
import os
import threading
import time

TIMEOUT_S = 4  # four fifths of a lease of 5 s, as pgraftd sets it


class Dog(threading.Thread):
    """The machine of @node is reset when it was fed and is not any more."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.node = node
        self.path = node.folder / "watchdog"
        os.mkfifo(self.path)
        self.fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        self.bites = []
        self.ends = False
        node.more = {"watchdog": {"mode": "required", "device": str(self.path)}}
        node.give()
        self.start()

    def run(self):
        fed = None
        while not self.ends:
            try:
                said = os.read(self.fd, 64)
            except BlockingIOError:
                said = b""
            if said:
                fed = None if said.endswith(b"V") else time.monotonic()
            if fed is not None and time.monotonic() - fed > TIMEOUT_S:
                self.bites.append(time.monotonic_ns())
                self.node.kill_all()
                fed = None
            time.sleep(0.01)

    def close(self):
        self.ends = True
        self.join()
        os.close(self.fd)
