"""tests/cluster/test_life.py - the life of a cluster: members come and go, all are restarted, nobody asks anything.

Claim: growing, shrinking and a rolling restart lose no acknowledged write and no event of a watch; an
address may change; SIGHUP, and being PID 1 of a container, are all right."""
import signal
import threading
import time

from lib import wait
from lib.client import Silent, Watch, text_of
from test_crashes import writes_go_on

class Watcher(threading.Thread):
    """Collects the events of all keys, at whichever node answers, and resumes as docs/http.md says."""

    def __init__(self, paths):
        super().__init__(daemon=True)
        self.paths = paths
        self.ends = False
        self.next = 1
        self.events = []  # (revision, type, key, value)
        self.faults = []

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

    def reaches(self, revision):
        return self.next > revision


def all_told(load, watcher):
    """Every acknowledged write was an event, once and in order."""
    notes = load.acknowledged()
    last = max(note[1] for note in notes)
    wait.until(lambda: watcher.reaches(last), lambda: f"events up to {last}, not {watcher.next}")
    revisions = [event[0] for event in watcher.events]
    assert revisions == sorted(set(revisions))
    told = {event[0]: event for event in watcher.events}
    for _, revision, key, value in notes:
        kind = "delete" if value is None else "put"
        assert told.get(revision) == (revision, kind, f"k{key}", None if value is None else str(value))


def test_a_rolling_restart_of_all_loses_no_write_and_no_event(stage, linearizable):
    cluster = stage.cluster(3)
    cluster.form()
    load = stage.load(cluster)
    watcher = Watcher([node.socket for node in cluster])
    watcher.start()
    for node in list(cluster):
        writes_go_on(load)
        node.restart()
        cluster.wait_voters(cluster.listed)
        cluster.wait_leader()
    writes_go_on(load)
    history = load.stop()
    all_told(load, watcher)
    watcher.ends = True
    linearizable(history)


def test_it_grows_from_one_to_five_and_shrinks_to_three_while_clients_write(stage, linearizable):
    cluster = stage.cluster(["n1"])
    cluster.form()
    load = stage.load(cluster)
    for name in ("n2", "n3", "n4", "n5"):
        node = cluster.add(name)
        node.peers = cluster.peers_text() + f",{name}={node.address}:7400"
        node.start()
        cluster.wait_voters([f"n{i + 1}" for i in range(len(cluster.nodes))])
        writes_go_on(load)
    for name in ("n5", "n4"):
        leader = cluster.wait_leader([node for node in cluster.running])
        leader.client.post("members/remove", member=name, timeout_ms=30000)
        wait.until(lambda gone=cluster[name]: not gone.is_running or gone.state() == "removed", cluster.story)
        if cluster[name].is_running:
            cluster[name].stop()
        writes_go_on(load)
    cluster.wait_voters(["n1", "n2", "n3"])
    linearizable(load.stop())


def test_an_address_that_changed_is_taken_over(stage):
    cluster = stage.cluster(3)
    leader = cluster.form()
    moved = next(node for node in cluster if node is not leader)
    moved.stop()
    stage.net.move(moved.name, "10.77.0.77" if stage.net.can_break else "127.77.77.77")
    moved.address = stage.net.addresses[moved.name]
    moved.start()
    cluster.wait_voters(cluster.listed)
    wait.until(lambda: leader.member(moved.name)["address"] == f"{moved.address}:7400", cluster.story)
    cluster.wait_leader()
    leader.client.put("motd", "moved")
    assert moved.client.value("motd") == "moved"


def test_sighup_is_no_interruption(stage):
    cluster = stage.cluster(3)
    leader = cluster.form()
    term = leader.raft()["term"]
    for number in range(3):
        for node in cluster:
            node.signal(signal.SIGHUP)
        leader.client.put("motd", str(number))
    assert all(node.is_running and node.raft()["term"] == term for node in cluster)
    assert leader.client.value("motd") == "2"


def test_it_is_pid_1_of_a_container(breakable):
    cluster = breakable.cluster(3)
    for node in cluster:
        node.start(before=["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"])
    cluster.wait_voters(cluster.listed)
    leader = cluster.wait_leader()
    leader.client.put("motd", "contained")
