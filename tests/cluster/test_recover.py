"""tests/cluster/test_recover.py - from what is left to five nodes again.

Claim (docs/recovery.md, safety D6): when a majority is lost for good, or all hosts are and a saved file is
there, a stranger gets a new cluster with all that was left, and nothing of the old one gets in by accident:
a node of the old cluster is refused with the reason until it is wiped. No number that the old cluster gave
means something else in the new one, and no lease of it can be kept."""
import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from lib import wait
from lib.client import Refused, Silent, Watch

CTL = Path(os.environ["PGRAFT_BUILD_ROOT"]) / "ctl" / "pgraftctl"
JOIN_S = 90
TTL_MS = 3000
LEAP = 10 ** 9


def ctl(*words):
    """Exit status, output and errors of pgraftctl; nobody is at a terminal."""
    done = subprocess.run([CTL, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def told(*words):
    status, out, err = ctl(*words, "--format", "json")
    assert status == 0, err
    return json.loads(out)


def refused(*words):
    status, _out, err = ctl(*words)
    assert status == 1, err
    return err


class Writer(threading.Thread):
    """Writes keys a0, a1, ... by @node, and notes which were acknowledged, until it is refused."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.client = type(node.client)(node.socket)
        self.acknowledged = []

    def run(self):
        try:
            for number in range(1_000_000):
                self.client.put(f"a{number}", str(number), timeout_ms=1000)
                self.acknowledged.append(number)
        except (Refused, Silent):
            self.client.close()

    def reaches(self, count):
        wait.until(lambda: len(self.acknowledged) >= count, f"{count} writes are acknowledged")


def has_all(node, writer):
    """What was acknowledged to @writer is there; the last it did not hear of may be."""
    pairs = {}
    key = "a"
    while True:
        found = node.client.post("kv/range", **{"from": key}, end="b", limit=500)
        pairs |= {pair["key"]: pair["value"] for pair in found["pairs"]}
        if not found["more"]:
            break
        key = found["pairs"][-1]["key"] + "\0"
    expected = {f"a{number}": str(number) for number in writer.acknowledged}
    assert expected.items() <= pairs.items()
    assert len(pairs) <= len(expected) + 1


def is_refused_for_its_cluster(stranger, member):
    """Both say that they are of different clusters."""
    for node in (stranger, member):
        node.says("belongs to cluster [0-9a-f]+, .* to [0-9a-f]+: empty the data directory of the one that")


def test_a_majority_is_lost_and_what_one_node_has_goes_on(stage):
    cluster = stage.cluster(5)
    leader = cluster.form()
    lease = leader.client.post("lease/grant", ttl_ms=TTL_MS)["lease"]
    leader.client.put("held", "by the old cluster", lease=lease)
    others = [node for node in cluster if node is not leader]
    worse, lost = others[0], others[1:]
    writer = Writer(leader)
    writer.start()
    writer.reaches(50)
    worse.kill()
    writer.reaches(len(writer.acknowledged) + 50)
    assert f"is in use by process {leader.pid}" in refused("recover", leader.data, "--yes")
    for node in lost:
        node.process.kill()
    for node in lost:
        node.kill()
        node.wipe()
    writer.join()
    worse.start()
    early = lost[0].start()  # blank, and finds what is left of the old cluster
    early.says("found a cluster")
    worse.kill()
    leader.stop()

    assert f"{leader.data} holds more (term" in refused("recover", worse.data, leader.data, "--yes")
    shown = told("recover", leader.data, worse.data, "--show")["directories"]
    assert [row["node"] for row in shown] == [leader.name, worse.name]
    assert (shown[0]["term"], shown[0]["index"]) > (shown[1]["term"], shown[1]["index"])
    assert "no terminal: --yes" in refused("recover", leader.data, worse.data)
    done = told("recover", leader.data, worse.data, "--yes")["recovered"]
    assert done["cluster_id"] != shown[0]["cluster_id"]

    leader.start()
    cluster.wait_leader([leader])
    assert cluster.voters(leader) == [leader.name]
    has_all(leader, writer)
    with pytest.raises(Refused):
        leader.client.post("lease/keepalive", lease=lease)
    worse.start()
    is_refused_for_its_cluster(worse, leader)
    assert cluster.voters(leader) == [leader.name]
    wait.until(lambda: leader.client.value("held") is None, "the old cluster's lease runs out")

    worse.kill()
    worse.wipe()
    early.kill()  # nothing of the old cluster is on its disk
    cluster.start()
    cluster.wait_voters(cluster.listed, JOIN_S)
    cluster.wait_applied()
    for node in cluster:
        has_all(node, writer)
    leader.kill()
    cluster.wait_leader()
    worse.client.put("motd", "on we go")


def test_all_hosts_are_lost_and_a_saved_file_is_there(stage):
    cluster = stage.cluster(5)
    leader = cluster.form()
    for number in range(300):
        leader.client.put(f"k{number}", str(number))
    before = leader.client.post("kv/get", key="k7")["pair"]
    saved = cluster.folder / "demo.snapshot"
    facts = told("snapshot", "save", saved, "--endpoint", leader.socket)
    assert facts["term"] > 0
    later = leader.client.put("k7", "after the snapshot")["revision"]
    old_id = leader.raft()["cluster_id"]
    first, kept = cluster["n1"], cluster["n5"]
    restore = ("snapshot", "restore", saved, "--witness", "--name", "n1", "--address",
               f"{first.address}:7400", "--data-dir", first.data)
    assert f"is in use by process {first.pid}" in refused(*restore)
    for node in cluster:
        node.kill()
    assert "is not empty" in refused(*restore)
    disk = kept.data.rename(cluster.folder / "kept")
    for node in cluster:
        if node is not kept:
            node.wipe()

    whole = saved.read_bytes()
    saved.write_bytes(whole[:-1000])
    assert "cut off after" in refused(*restore)
    assert not first.data.exists()
    saved.write_bytes(whole)
    done = told(*restore)
    assert done["cluster_id"] != old_id
    assert done["old_revision"] == facts["revision"]

    cluster.start()
    cluster.wait_voters(cluster.listed, JOIN_S)
    cluster.wait_leader()
    cluster.wait_applied()
    for node in cluster:
        assert node.raft()["cluster_id"] == done["cluster_id"]
        assert node.client.post("kv/get", key="k7", serializable=True)["pair"] == before
        assert node.client.post("kv/range", prefix="k", count_only=True)["count"] == 300
    assert first.client.put("k8", "new")["revision"] > later + LEAP // 2
    watch = Watch(first.socket, 10, prefix="k", from_revision=later)
    assert any("compacted" in json.dumps(line).lower() for line in watch)
    watch.close()

    kept.kill()
    kept.wipe()
    disk.rename(kept.data)
    kept.start()
    is_refused_for_its_cluster(kept, cluster.wait_leader([n for n in cluster if n is not kept]))
