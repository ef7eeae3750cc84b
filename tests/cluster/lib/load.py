"""tests/cluster/lib/load.py - clients that read and write all the time, and note what they were told.

Each client asks nodes at random, those included that are gone or cut off. Half of them try a write
that got no answer again, at another node, under the same request id: however often it was sent, it
is one operation. What they note is what tests/lib/history_text.h describes; judge.c judges it."""
import collections
import os
import random
import subprocess
import threading
import time
from pathlib import Path

from lib.client import Client, Refused, Silent

JUDGE = Path(os.environ["PGRAFT_BUILD_ROOT"]) / "tests" / "cluster" / "judge"
KEYS = 5
PAUSE_S = 0.005  # between two operations of one client
TIMEOUT_MS = 1000
PATIENCE_S = 0.5  # beyond that, before a client gives a node up; a frozen one says nothing
RETRY_S = 8  # a client tries again for so long

Outcome = collections.namedtuple("Outcome", "status answer")
OK, FAILED, UNKNOWN = "ok", "failed", "unknown"


class _One(threading.Thread):
    """One client: a thread with a connection to every node."""

    def __init__(self, load, number, seed):
        super().__init__(daemon=True)
        self.load = load
        self.number = number
        self.random = random.Random(seed)
        self.clients = []
        self.retries = number % 2 == 0
        self.identity = None
        self.sequence = 0
        self.lines = []
        self.acknowledged = []  # (moment of the answer, revision, key, value)
        self.seen = {}  # key: a value that it once had

    def run(self):
        self.clients = [Client(path, PATIENCE_S) for path in self.load.paths]
        while not self.load.ends.is_set():
            self.step()
            time.sleep(PAUSE_S)
        for client in self.clients:
            client.close()

    # --- One operation ---

    def step(self):
        key = self.random.randint(1, KEYS)
        kind = self.random.choices(["put", "read", "cas", "delete"], [4, 4, 3, 1])[0]
        if kind != "read" and self.retries and not self.identify():
            return
        invoked = time.monotonic_ns()
        if kind == "read":
            self.note(invoked, f"read k{key}", self.read(key), "ok")
        elif kind == "put":
            value = self.load.fresh_value()
            outcome = self.write("kv/put", key=f"k{key}", value=str(value))
            self.note(invoked, f"put k{key} {value}", outcome, "ok", wrote=(key, value))
        elif kind == "delete":
            outcome = self.write("kv/delete", key=f"k{key}")
            did = outcome.status == OK and outcome.answer["deleted"] == 1
            self.note(invoked, f"delete k{key}", outcome, "ok" if did else "missed",
                      wrote=(key, None) if did else None)
        else:
            self.compare_and_swap(invoked, key)

    def compare_and_swap(self, invoked, key):
        old, new = self.seen.get(key), self.load.fresh_value()
        if old is None:
            compare = {"key": f"k{key}", "target": "exists", "is": "=", "number": 0}
        else:
            compare = {"key": f"k{key}", "target": "value", "is": "=", "value": str(old)}
        outcome = self.write("kv/txn", **{
            "if": [compare], "then": [{"put": {"key": f"k{key}", "value": str(new)}}],
            "else": [{"range": {"key": f"k{key}"}}]})
        did = outcome.status == OK and outcome.answer["succeeded"]
        found = ""
        if outcome.status == OK and not did:
            pairs = outcome.answer["results"][0]["range"]["pairs"]
            found = f" ={pairs[0]['value'] if pairs else 'none'}"
        self.note(invoked, f"cas k{key} {'none' if old is None else old} {new}", outcome,
                  "ok" if did else "missed" + found, wrote=(key, new) if did else None)
        if did:
            self.seen[key] = new
        else:
            self.seen.pop(key, None)

    def read(self, key):
        outcome = self.once("kv/get", {"key": f"k{key}"})
        if outcome.status != OK:
            return Outcome(FAILED, None)  # a read has no effect
        pair = outcome.answer["pair"]
        self.seen[key] = int(pair["value"]) if pair else None
        return outcome

    # --- Sending ---

    def once(self, path, members):
        """Ask one node, one time."""
        client = self.random.choice(self.clients)
        try:
            return Outcome(OK, client.post(path, timeout_ms=TIMEOUT_MS, **members))
        except Refused as refused:
            return Outcome(UNKNOWN if refused.may_have_applied else FAILED, refused)
        except Silent as silent:
            return Outcome(UNKNOWN if silent.sent else FAILED, silent)

    def identify(self):
        """Draw an id that retries are recognised by; False if no node can be asked for it now."""
        if self.identity is None:
            try:
                since = self.random.choice(self.clients).get("/pgraft/v1/since")["since"]
            except (Refused, Silent):
                time.sleep(PAUSE_S)
                return False
            self.identity = {"client": f"{self.random.getrandbits(64) | 1:016x}", "since": since}
            self.sequence = 0
        return True

    def write(self, path, **members):
        if not self.retries:
            return self.once(path, members)
        self.sequence += 1
        members["request"] = self.identity | {"sequence": self.sequence, "acked": self.sequence}
        limit = time.monotonic() + RETRY_S
        may_be = False
        while True:
            outcome = self.once(path, members)
            may_be = may_be or outcome.status == UNKNOWN
            if outcome.status == OK:
                return outcome
            known = isinstance(outcome.answer, Refused) and not outcome.answer.retry
            if known or time.monotonic() > limit:
                self.identity = None  # nobody waits for the rest of this one
                return Outcome(UNKNOWN if may_be else FAILED, outcome.answer)
            time.sleep(PAUSE_S)

    # --- Noting ---

    def note(self, invoked, what, outcome, if_ok, wrote=None):
        returned = time.monotonic_ns()
        answer = outcome.answer
        if outcome.status != OK:
            self.lines.append(f"{self.number} {invoked}..{returned} {what} {outcome.status}")
            return
        if what.startswith("read"):
            pair = answer["pair"]
            if_ok += f" ={pair['value']} m{pair['mod_revision']}" if pair else " =none"
        self.lines.append(f"{self.number} {invoked}..{returned} {what} {if_ok} r{answer['revision']}")
        if wrote or what.startswith("put"):
            self.acknowledged.append((returned, answer["revision"], *wrote))


class Load:
    """@clients clients of the nodes behind the sockets @paths, from start() to stop()."""

    def __init__(self, paths, clients=6, seed=1):
        self.paths = list(paths)
        self.ends = threading.Event()
        self.lock = threading.Lock()
        self.value = 0
        self.clients = [_One(self, number + 1, seed * 1000 + number) for number in range(clients)]

    def fresh_value(self):
        with self.lock:
            self.value += 1
            return self.value

    def start(self):
        for client in self.clients:
            client.start()
        return self

    def stop(self):
        """The clients finish what they do; the history as text."""
        self.ends.set()
        for client in self.clients:
            client.join()
        return self.history()

    def history(self):
        return "".join(line + "\n" for client in self.clients for line in list(client.lines))

    def acknowledged(self):
        """(moment in ns, revision, key, value) of every acknowledged write, by moment."""
        return sorted(note for client in self.clients for note in list(client.acknowledged))

    def count(self):
        return sum(len(client.acknowledged) for client in self.clients)

    def gap_s(self):
        """The longest time without an acknowledged write."""
        moments = [note[0] for note in self.acknowledged()]
        return max((b - a for a, b in zip(moments, moments[1:])), default=0) / 1e9


def judge(history):
    """The history is linearizable; what judge.c says."""
    done = subprocess.run([JUDGE], input=history, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
