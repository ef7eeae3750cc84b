"""tests/cluster/test_disks.py - disks that are lost, copied, restored or at its quota.

Claim (docs/membership.md, safety D4, D5, D7, E2): a wiped node takes its old place by itself, once the
old one has been away long enough; no copy and no old state of a disk ever acts as the member that it was; nor does a
damaged one, which says what to do; a store without room for more still elects, expires leases and says what is wrong."""
import re
import shutil
import subprocess

import pytest

from lib import wait
from lib.client import Refused

SOON = {"raft_replace_after": "10s"}  # the least
REPLACE_S = 60
DAMAGED = r"the store is damaged; remove (\S+) and start again to re-join"
A_COPY = "these files are a copy, or were moved or restored"


def id_of(node):
    return node.raft()["id"]


def test_a_wiped_node_is_replaced_by_itself_under_its_name(stage):
    cluster = stage.cluster(3, **SOON)
    leader = cluster.form()
    leader.client.put("motd", "still there")
    lost = next(node for node in cluster if node is not leader)
    old = id_of(lost)
    lost.kill()
    lost.wipe()
    lost.start()
    lost.says(f"name {lost.name} is in use by")
    wait.until(lambda: lost.is_member() and cluster.voters(leader) == cluster.listed,
               cluster.story, seconds=REPLACE_S)
    assert id_of(lost) != old
    assert {row["id"] for row in leader.raft()["members"]} == {id_of(node) for node in cluster}
    assert lost.client.value("motd", serializable=True) == "still there"


def damage(node, marker):
    """Turn one bit wherever the files of @node hold @marker."""
    file = node.data / "store" / "data.mdb"
    bytes_ = bytearray(file.read_bytes())
    places = [found.start() for found in re.finditer(re.escape(marker.encode()), bytes_)]
    assert places
    for place in places:
        bytes_[place] ^= 1
    with file.open("r+b") as disk:  # in place: another file would be a copy
        disk.write(bytes_)


def test_a_damaged_record_is_not_voted_with_and_the_node_joins_anew(stage):
    """Safety D7: it ends, says which directory to remove, and comes back under a new id."""
    cluster = stage.cluster(3, **SOON)
    leader = cluster.form()
    leader.client.put("motd", "this record will be damaged")
    cluster.wait_applied()
    hurt = next(node for node in cluster if node is not leader)
    old = id_of(hurt)
    hurt.stop()
    damage(hurt, "this record will be damaged")
    for _again in range(2):  # it does not come to be well by itself
        mark = hurt.mark()
        hurt.start()
        told = re.search(DAMAGED, hurt.says(DAMAGED, mark))
        assert hurt.ends_by_itself() == 1
    assert told[1] == str(hurt.data / "store")
    assert [row["id"] for row in leader.raft()["members"] if row["name"] == hurt.name] == [old]
    shutil.rmtree(told[1])
    hurt.start()
    wait.until(lambda: hurt.is_member() and cluster.voters(leader) == cluster.listed,
               cluster.story, seconds=REPLACE_S)
    assert id_of(hurt) != old
    assert old not in {row["id"] for row in leader.raft()["members"]}
    assert hurt.client.value("motd", serializable=True) == "this record will be damaged"


def replaced(leader, name):
    """The name is given to who waits for it; not while it is in contact."""
    try:
        return leader.client.post("members/replace", member=name, timeout_ms=10000)
    except Refused as refused:
        assert refused.code in ("ERR_EXISTS", "ERR_REFUSED")
        return None


def test_a_wiped_node_is_let_in_at_once_on_an_operators_word(stage):
    cluster = stage.cluster(3, raft_replace_after="5min")
    leader = cluster.form()
    lost = next(node for node in cluster if node is not leader)
    lost.kill()
    lost.wipe()
    lost.start()
    lost.says(f"name {lost.name} is in use by")
    wait.until(lambda: replaced(leader, lost.name), "the name is out of contact and given away")
    cluster.wait_voters(cluster.listed)


def copy_of(node, folder):
    """A copy of the directory of @node in @folder, as an operator would make it."""
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["cp", "-a", str(node.data), str(folder)], check=True)
    return folder


def test_a_copied_directory_is_refused(stage):
    """Somebody sets up the next host with a copy of this one's directory, while this one runs or not."""
    cluster = stage.cluster(3)
    leader = cluster.form()
    original = next(node for node in cluster if node is not leader)
    original.stop()
    late = cluster.add("late")
    late.peers = cluster.peers_text() + f",late={late.address}:7400"
    copy_of(original, late.data)
    original.start()
    cluster.wait_voters(cluster.listed)
    late.start()
    late.says(A_COPY)
    assert late.ends_by_itself() == 1
    assert cluster.voters(leader) == cluster.listed


def test_a_restored_old_directory_does_not_act_as_the_member_that_it_was(stage):
    cluster = stage.cluster(3, **SOON)
    leader = cluster.form()
    old = next(node for node in cluster if node is not leader)
    old.stop()
    backup = copy_of(old, cluster.folder / "backup")
    old.start()
    cluster.wait_voters(cluster.listed)
    for number in range(20):
        leader.client.put("k", str(number))
    cluster.wait_applied()
    identity = id_of(old)
    old.kill()
    shutil.rmtree(old.data)
    shutil.copytree(backup, old.data)
    old.start()
    old.says(A_COPY)
    assert old.ends_by_itself() == 1
    assert [row["id"] for row in leader.raft()["members"] if row["name"] == old.name] == [identity]
    old.wipe()
    old.start()
    wait.until(old.is_member, cluster.story, seconds=REPLACE_S)
    assert id_of(old) != identity
    assert old.client.value("k", serializable=True) == "19"


def test_a_store_at_its_quota_still_elects_expires_and_deletes(stage):
    cluster = stage.cluster(3, raft_quota="1MiB")
    leader = cluster.form()
    lease = leader.client.post("lease/grant", ttl_ms=3000)["lease"]
    leader.client.put("with a lease", "x", lease=lease)
    with pytest.raises(Refused) as refused:
        for number in range(100):
            leader.client.put(f"fill{number}", "x" * 100_000)
    assert refused.value.code == "ERR_QUOTA"
    assert leader.raft()["quota_alarm"]
    wait.until(lambda: leader.client.value("with a lease") is None, "the lease ends")
    leader.kill()
    leader = cluster.wait_leader()
    assert leader.client.post("kv/delete", prefix="fill")["deleted"] > 0
    leader.client.put("motd", "room again")
