"""tests/cluster/test_frozen.py - a process is stopped and wakes up later, believing that no time has passed.

Claim: whoever wakes answers no linearizable read with what was true before, also not one that it had begun or
that waited in its socket; a lease is confirmed to nobody once another member may have ended it; a cluster that
sleeps as a whole wakes as one; who is held up again and again is named, with what it is too slow for. (test_crashes.py freezes any member under load, too.)"""
import threading
import time

import pytest

from lib import wait
from lib.client import Client, Refused, Silent
from lib.tool import ctl
from test_crashes import writes_go_on

ROUNDS = 2
WRITE_S = 0.01
ASK_MS = 2000
LEASE_MS = 1500
# What a holder's clock and a leader's may differ by, and whole milliseconds.
BLUR_S = 0.005


class Writer(threading.Thread):
    """Writes one key, at whichever of the nodes @paths answers."""

    def __init__(self, paths):
        super().__init__(daemon=True)
        self.clients = [Client(path, 1) for path in paths]
        self.ends = threading.Event()
        self.acknowledged = []  # (moment of the answer, revision)

    def run(self):
        while not self.ends.wait(WRITE_S):
            for client in self.clients:
                try:
                    revision = client.put("k", "x", timeout_ms=1000)["revision"]
                    self.acknowledged.append((time.monotonic(), revision))
                    break
                except (Refused, Silent):
                    pass

    def least_at(self, moment):
        """The revision that a read which begins at @moment may not be older than."""
        return max((revision for at, revision in self.acknowledged if at < moment), default=0)

    def goes_on(self, more=5):
        count = len(self.acknowledged)
        wait.until(lambda: len(self.acknowledged) >= count + more, "somebody else is written to")

    def stop(self):
        self.ends.set()
        self.join()
        for client in self.clients:
            client.close()


class Asker(threading.Thread):
    """One question on a connection of its own: @ask(client), and what came of it."""

    def __init__(self, node, ask):
        super().__init__(daemon=True)
        self.client = Client(node.socket)
        self.ask = ask
        self.began = time.monotonic()
        self.answer = None  # None: refused
        self.start()

    def run(self):
        try:
            self.answer = self.ask(self.client)
        except (Refused, Silent):
            pass
        self.client.close()


def read_revision(client):
    return client.post("kv/get", key="k", timeout_ms=ASK_MS)["pair"]["mod_revision"]


def ask_through_a_freeze(node, ask, meanwhile, is_cut):
    """Askers that began before @node was frozen, while it was, and when it woke."""
    askers = [Asker(node, ask) for _ in range(4)]
    if is_cut:
        node.cluster.net.pull(node.name)
    node.pause()
    askers += [Asker(node, ask) for _ in range(4)]
    meanwhile()
    askers += [Asker(node, ask) for _ in range(4)]
    node.go_on()
    for _ in range(8):
        askers.append(Asker(node, ask))
        time.sleep(0.005)
    for asker in askers:
        asker.join()
    if is_cut:
        node.cluster.net.plug(node.name)
    return askers


def may_be_cut(stage, is_cut):
    if is_cut and not stage.net.can_break:
        pytest.skip("no namespaces here: neither root nor unshare --user")


# Cut off as well: nobody tells it, when it wakes, what has happened.
@pytest.mark.parametrize(("who", "is_cut"), [("leader", False), ("leader", True), ("follower", False)],
                         ids=["leader", "leader-cut-off", "follower"])
def test_who_wakes_answers_no_old_read(stage, who, is_cut):
    may_be_cut(stage, is_cut)
    cluster = stage.cluster(3)
    leader = cluster.form()
    for _ in range(ROUNDS):
        frozen = next(node for node in cluster if (node is leader) == (who == "leader"))
        others = [node for node in cluster if node is not frozen]
        writer = Writer([node.socket for node in others])
        writer.start()
        writer.goes_on()
        askers = ask_through_a_freeze(frozen, read_revision, lambda writer=writer: writer.goes_on(20), is_cut)
        writer.stop()
        for asker in askers:
            assert asker.answer is None or asker.answer >= writer.least_at(asker.began)
        assert is_cut or sum(asker.answer is not None for asker in askers) >= len(askers) / 2
        leader = cluster.wait_leader()


@pytest.mark.parametrize("is_cut", [False, True], ids=["frozen", "frozen-and-cut-off"])
def test_a_lease_is_not_believed_past_its_deadline(stage, is_cut):
    """Its holder keeps it alive through a leader that is frozen; the others end it meanwhile."""
    may_be_cut(stage, is_cut)
    cluster = stage.cluster(3)
    leader = cluster.form()
    for _ in range(ROUNDS):
        others = [node for node in cluster if node is not leader]
        lease = leader.client.post("lease/grant", ttl_ms=LEASE_MS)["lease"]
        leader.client.put("held", "x", lease=lease)
        gone = []

        def keep(client, lease=lease):
            return client.post("lease/keepalive", lease=lease, timeout_ms=ASK_MS)["ttl_ms"]

        def until_gone(others=others, gone=gone):
            cluster.wait_leader(others)
            wait.until(lambda: others[0].client.value("held") is None, "the others end it")
            gone.append(time.monotonic())

        askers = ask_through_a_freeze(leader, keep, until_gone, is_cut)
        for asker in askers:
            assert asker.answer is None or asker.began + asker.answer / 1000 <= gone[0] + BLUR_S
        assert all(asker.answer is None for asker in askers[4:])
        leader = cluster.wait_leader()


def test_all_sleep_and_wake_one_by_one(stage, linearizable):
    """A host with all of its machines was suspended."""
    cluster = stage.cluster(3)
    leader = cluster.form()
    load = stage.load(cluster)
    for seconds in (0.3, 2.0):
        writes_go_on(load)
        lease = leader.client.post("lease/grant", ttl_ms=1000)["lease"]
        leader.client.put("slept", "x", lease=lease)
        for node in cluster:
            node.pause()
        time.sleep(seconds)
        for node in cluster:
            node.go_on()
            time.sleep(0.1)
        leader = cluster.wait_leader()
        wait.until(lambda: leader.client.value("slept") is None, "the lease ends")
        writes_go_on(load)
    linearizable(load.stop())


def test_who_is_too_slow_for_its_times_is_named(stage):
    """A host whose processors are taken away for half a second, again and again."""
    cluster = stage.cluster(3)
    other = cluster.form()
    slow = next(node for node in cluster if node is not other)
    line = f"           {slow.name}: the delay until a process of this host runs takes "

    def held_up():
        slow.pause()
        time.sleep(0.5)
        slow.go_on()
        time.sleep(0.1)
        return "too slow for its times: what=scheduling" in slow.log()

    wait.until(held_up, slow.log_tail)
    wait.until(lambda: line in ctl(other, "status")[0], lambda: ctl(other, "status")[0])
    assert "or more\n" in ctl(other, "status")[0].partition(line)[2]
    assert "too slow" in ctl(slow, "events")[0]
    assert slow.count("too slow for its times: what=scheduling") == 1
    assert other.count('what="round trip"') == 0  # the third member makes the majority
