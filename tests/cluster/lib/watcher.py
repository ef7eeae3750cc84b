"""tests/cluster/lib/watcher.py - collects the events of all keys for as long as a test lasts, at whichever node answers.

Each key is written by itself, so every revision is one event: what was told must be all revisions from
the first to the last, in order, none missing and none twice, and what clients were told of them."""
import os
import subprocess
import threading
import time

from lib import wait
from lib.client import Silent, Watch, text_of
from lib.tool import CTL


class Watcher(threading.Thread):
    """A program that asks over HTTP, and resumes as docs/http.md says."""

    def __init__(self, paths):
        super().__init__(daemon=True)
        self.paths = paths
        self.ends = False
        self.next = 1
        self.events = []  # (revision, type, key, value)
        self.start()

    def run(self):
        turn = 0
        while not self.ends:
            turn += 1
            try:
                watch = Watch(self.paths[turn % len(self.paths)], 3, prefix="", from_revision=self.next, progress_ms=500)
            except Silent:
                time.sleep(0.02)
                continue
            self.follow(watch)
            watch.close()

    def follow(self, watch):
        pending = []
        for line in watch:
            if "events" in line:
                pending += line["events"]["events"]
                if not line["events"]["more"]:
                    self.take(line["events"]["revision"], pending)
                    pending = []
            elif "progress" in line:
                self.next = max(self.next, line["progress"]["revision"] + 1)
            elif "error" in line:
                return
            if self.ends:
                return

    def take(self, last, events):
        for event in events:
            revision = event["pair"]["mod_revision"]
            value = text_of(event["pair"], "value") if event["type"] == "put" else None
            self.events.append((revision, event["type"], text_of(event["pair"], "key"), value))
        self.next = last + 1

    def close(self):
        self.ends = True


class Command(threading.Thread):
    """`pgraftctl kv watch`, one process all the time, which is to resume by itself."""

    def __init__(self, paths):
        super().__init__(daemon=True)
        endpoints = [word for path in paths for word in ("-e", path)]
        self.process = subprocess.Popen(  # its end is close()
            [CTL, "kv", "watch", "--prefix", "--rev", "1", "--progress", "1", *endpoints], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={"PATH": os.environ["PATH"]})
        self.events = []
        self.start()

    def run(self):
        for line in self.process.stdout:
            revision, kind, key, *value = line.split()
            self.events.append((int(revision), kind, key, value[0] if value else None))

    def close(self):
        assert self.process.poll() is None, f"kv watch ended with status {self.process.returncode}"
        self.process.kill()
        self.process.wait()


def all_told(load, watcher):
    """What clients were told was done was an event, and the events are all there were, once and in order."""
    notes = load.acknowledged()
    last = max(note[1] for note in notes)

    def told_last():
        return watcher.events and watcher.events[-1][0] >= last
    wait.until(told_last, lambda: f"events up to {last}, not {watcher.events[-1:]}")
    events = list(watcher.events)
    first = events[0][0]
    assert [event[0] for event in events] == list(range(first, first + len(events)))
    told = {event[0]: event for event in events}
    for _, revision, key, value in notes:
        kind = "delete" if value is None else "put"
        assert told.get(revision) == (revision, kind, f"k{key}", None if value is None else str(value))
