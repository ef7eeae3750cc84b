"""tests/cluster/test_pg_tags.py - replicatefrom, nostream and clonefrom: from whom a standby has its WAL, and its first copy.

Claim: who is tagged to follow a standby does, counts for no commit meanwhile, has a slot there, and goes back to the primary and
into the set of synchronous standbys when that one is gone; who streams from nobody has what the archive brings, and is not made
primary where something would be lost by it; a copy is made of a standby that is tagged for it."""
import json
import shutil
import signal
import time

from lib import wait
from lib.pg_cluster import LONG
from lib.pg_node import owner

NAMES = ("pg1", "pg2", "pg3", "w1", "w2")
LEASE_S = 5
HEARD_S = 2  # until all know how far the primary is
FORMED_S = 120


def formed(cluster, streams):
    """From nothing to a primary that @streams stream from; pg1."""
    cluster.start()
    first = cluster["pg1"]
    wait.until(lambda: first.is_primary() and first.sql("CREATE TABLE t (n int)") == "",
               lambda: f"pg1 is primary\n{cluster.story()}", FORMED_S)
    until_streams(first, streams, FORMED_S)
    return first


def until_streams(node, names, seconds=60):
    wait.until(lambda: node.streams() == names, lambda: f"{names} stream from {node.name}\n{node.cluster.story()}", seconds)


def until_listed(primary, names):
    """Commits wait for these, and for no other database; and that is what elections go by."""
    def found():
        said = primary.sql("SHOW synchronous_standby_names") or ""
        sets = json.loads(primary.client.value("/service/demo/sync") or "{}").get("pgraft", {}).get("sets", [])
        published = [sorted(copy["name"] for copy in one["copies"]) for one in sets]
        return sorted(name for name in ("pg1", "pg2", "pg3") if name in said) == names and published == [names]
    wait.until(found, lambda: f"{names} are synchronous\n{primary.cluster.story()}")


def member(node, name):
    """The row of /cluster, as @node tells it."""
    return next((row for row in node.client.get("/cluster")["members"] if row["name"] == name), {})


def rows(node):
    return node.sql("SELECT count(*) FROM t")


def test_who_leads_counts_and_serves_reads(pg_stage):
    cluster = pg_stage.cluster(names=NAMES, dynamic={"synchronous_mode": "quorum"})
    second, third = cluster["pg2"], cluster["pg3"]
    second.tags = {"nosync": True, "noloadbalance": True, "nofailover": True, "failover_priority": 9}
    third.tags = {"nofailover": False, "failover_priority": 0}  # they contradict each other: the flags count
    first = formed(cluster, ["pg2", "pg3"])
    until_listed(first, ["pg3"])
    wait.until(lambda: third.client.code("/replica") == 200, "pg3 serves reads")
    assert second.client.code("/replica") == 503
    assert second.client.code("/health") == 200
    second.tags = {"nofailover": True}
    second.arguments()  # writes its file
    second.signal(signal.SIGHUP)
    until_listed(first, ["pg2", "pg3"])
    assert second.client.code("/replica") == 200
    first.kill_all()
    wait.until(lambda: third.is_primary() and third.sql("INSERT INTO t VALUES (1)", 10) == "",
               lambda: f"pg3 is primary\n{cluster.story()}")


def test_a_standby_follows_another_one(pg_stage):
    cluster = pg_stage.cluster(names=NAMES, dynamic={"synchronous_mode": "quorum"})
    cluster["pg3"].tags = {"replicatefrom": "pg2", "noloadbalance": True}
    cluster["pg2"].tags = {"nofailover": True}
    first = formed(cluster, ["pg2"])
    second, third = cluster["pg2"], cluster["pg3"]
    until_streams(second, ["pg3"])
    until_listed(first, ["pg2"])
    assert first.sql("INSERT INTO t VALUES (1)") == ""
    wait.until(lambda: rows(third) == "1", "the row came through pg2")
    slots = "SELECT slot_name FROM pg_replication_slots WHERE active ORDER BY 1"
    assert second.sql(slots) == "pg3"
    assert first.sql(slots) == "pg2"
    wait.until(lambda: member(first, "pg3").get("state") == "streaming", lambda: str(first.client.get("/cluster")))
    assert member(first, "pg3")["tags"] == {"noloadbalance": True, "replicatefrom": "pg2"}
    assert third.client.get("/patroni")["tags"] == {"noloadbalance": True, "replicatefrom": "pg2"}

    second.kill_all()  # then it follows the primary, and counts
    until_streams(first, ["pg3"])
    until_listed(first, ["pg3"])
    assert first.sql("INSERT INTO t VALUES (2)", 10) == ""
    second.start()  # ... and leaves it again when pg2 is well
    until_streams(second, ["pg3"])
    until_listed(first, ["pg2"])
    assert first.sql("INSERT INTO t VALUES (3)", 10) == ""

    first.kill_all()  # pg2 has everything, and may not; pg3 has it from there
    wait.until(lambda: third.is_primary() and third.sql("INSERT INTO t VALUES (4)", 10) == "",
               lambda: f"pg3 is primary\n{cluster.story()}")
    assert rows(third) == "4"
    until_streams(third, ["pg2"])
    first.start()
    until_streams(third, ["pg1", "pg2"])


if LONG:
    def test_a_standby_reads_the_archive_alone(pg_stage):
        archive = pg_stage.folder / "archive"
        cluster = pg_stage.cluster(names=NAMES, parameters={
            "archive_mode": "on", "archive_command": f"test ! -f {archive}/%f && cp %p {archive}/%f",
            "restore_command": f"cp {archive}/%f %p 2>/dev/null"})
        archive.mkdir()
        if owner():
            shutil.chown(archive, owner(), owner())
        third = cluster["pg3"]
        third.tags = {"nostream": True}
        first = formed(cluster, ["pg2"])
        wait.until(lambda: third.sql("SELECT pg_is_in_recovery()") == "t", lambda: f"pg3 runs\n{cluster.story()}", FORMED_S)
        assert first.sql("INSERT INTO t VALUES (1)") == ""
        assert first.sql("SELECT pg_switch_wal()") is not None
        wait.until(lambda: rows(third) == "1", lambda: f"the archive brings it\n{third.log_tail()}")
        assert first.streams() == ["pg2"]
        assert third.sql("SHOW primary_conninfo") == ""
        wait.until(lambda: first.sql("SELECT slot_name FROM pg_replication_slots") == "pg2", "pg3 has no slot")
        wait.until(lambda: member(first, "pg3").get("state") == "in archive recovery", lambda: str(first.client.get("/cluster")))

        assert first.sql("INSERT INTO t VALUES (2)") == ""  # in no archive
        wait.until(lambda: rows(cluster["pg2"]) == "2", "pg2 has it")
        time.sleep(HEARD_S)
        first.kill_all()
        cluster["pg2"].kill_all()
        wait.stays(lambda: not third.is_primary(), "pg3 stays what it is", 3 * LEASE_S)
        cluster["pg2"].start()
        wait.until(cluster["pg2"].is_primary, lambda: f"pg2 is primary\n{cluster.story()}")
        assert rows(cluster["pg2"]) == "2"


def test_a_copy_is_made_of_a_standby(pg_stage):
    cluster = pg_stage.cluster(names=NAMES, dynamic={"synchronous_mode": "quorum"})
    cluster["pg2"].tags = {"clonefrom": True}
    first = formed(cluster, ["pg2", "pg3"])
    third = cluster["pg3"]
    assert first.sql("INSERT INTO t VALUES (1)") == ""
    notes = {(node.pgdata / "pgraft.note").read_bytes() for node in cluster.databases}
    third.kill_all()
    shutil.rmtree(third.pgdata)
    mark = third.mark()
    third.start()
    assert "of=pg2" in third.says("clone.*of=", mark)
    until_streams(first, ["pg2", "pg3"], FORMED_S)
    until_listed(first, ["pg2", "pg3"])
    assert rows(third) == "1"
    assert (third.pgdata / "pgraft.note").read_bytes() not in notes  # another copy than any before
