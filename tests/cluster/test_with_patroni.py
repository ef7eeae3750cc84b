"""tests/cluster/test_with_patroni.py - a cluster of Debian's Patroni and etcd is taken over under load, and given back.

Claim (docs/from-patroni.md, step by step): no PostgreSQL is restarted on the way there or back, no client notices, nobody else becomes
primary, and nothing that was acknowledged is lost; also where the primary is not the first by name, and its lists of synchronous
standbys are Patroni's."""
import os
import subprocess
import time

import pytest

from lib import wait
from lib.patroni import PatroniCluster, adopt
from lib.pg_cluster import FORMED_S, TABLES
from lib.timely import timely
from lib.tool import ctl

NAMES = ("pg1", "pg2", "pg3")
NOTICED_MS = 500  # a client writes every 20 ms
SYNCHRONOUS = {"synchronous_mode": True}


@pytest.fixture
def moving(request, pg_stage):
    """A cluster of Patroni's, led by pg2, that clients write to; its nodes are pgraft's to be."""
    if os.environ["PGRAFT_CLUSTER_NET"] != "bridge":
        pytest.skip("no namespaces here: neither root nor unshare --user")
    hidden = ["mount", "-t", "tmpfs", "none", "/etc/systemd/system"]  # for this test alone: Debian's package would start Patroni at boot
    subprocess.run(hidden, check=True)
    dynamic = {"ttl": 30, "loop_wait": 2, "retry_timeout": 4, **request.param,
               "postgresql": {"use_slots": True, "parameters": {"max_connections": 60}}}
    cluster = pg_stage.cluster(names=NAMES, dynamic=request.param)
    patronis = PatroniCluster(cluster, dynamic)
    patronis.form(cluster["pg2"])
    assert cluster["pg2"].sql(TABLES) == ""
    yield patronis
    patronis.end()
    subprocess.run(["umount", hidden[-1]], check=True)


def starts(cluster):
    """Of every PostgreSQL: its postmaster, and when that was started."""
    return {node.name: (node.postmaster(), node.sql("SELECT pg_postmaster_start_time()")) for node in cluster}


def wait_writes(writers, client):
    """A client of one host goes on."""
    moment = time.monotonic_ns()
    wait.until(lambda: [row for row in writers.acknowledged([client]) if row[0] > moment], "a client writes")


def all_there(writers, primary):
    """What was acknowledged until now is there. The writers are ended first: they would be told of more, meanwhile."""
    writers.stop()
    said = primary.sql("SELECT client, number FROM rows", seconds=30)
    rows = {tuple(int(word) for word in line.split("|")) for line in said.splitlines()}
    return [row for row in writers.acknowledged() if (row[1], row[2]) not in rows] == []


def take_over(patronis):
    """As docs/from-patroni.md has it, the primary's host last."""
    cluster = patronis.cluster
    primary = cluster["pg2"]
    patronis[primary].ctl("pause", "--wait")
    files = {node.name: adopt(patronis[node]) for node in cluster}
    for node in [*cluster.others(primary), primary]:
        patronis[node].stop()
        node.arguments = lambda node=node: [str(node.program), "--voter", "--adopt", "-c", str(files[node.name]), "--data-dir", str(node.data)]
        node.start()
    led = cluster.key("leader")
    wait.until(lambda: cluster.wait_leader().client.value(led) == primary.name, lambda: f"pgraft has it\n{cluster.story()}", FORMED_S)
    for node in cluster:
        wait.until((node.pgdata / "pgraft.note").exists, lambda node=node: f"{node.name} is pgraft's\n{node.log_tail()}", FORMED_S)
    assert cluster.wait_well(FORMED_S) is primary


def give_back(patronis):
    cluster = patronis.cluster
    primary = cluster["pg2"]
    said, status = ctl(primary, "kv", "put", cluster.key("pgraft/hold"), "back to Patroni")
    assert status == 0, said
    for node in cluster:
        wait.until(lambda node=node: node.client.value(cluster.key("pgraft/hold")), f"{node.name} knows of the hold")
    for node in [primary, *cluster.others(primary)]:
        node.stop()
        wait.until(lambda node=node: node.guard() == [], f"the guard of {node.name} is gone")
        assert not (node.pgdata / "pgraft.note").exists()
        patronis[node].start()
    patronis.wait_members(primary)
    patronis[primary].ctl("resume", "--wait")
    patronis.wait_members(primary)


@pytest.mark.parametrize("moving", [{}, SYNCHRONOUS], ids=["asynchronous", "synchronous"], indirect=True)
def test_there_and_back_again(moving, pg_stage):
    cluster = moving.cluster
    primary = cluster["pg2"]
    before = starts(cluster)
    writers = pg_stage.writers()
    client = cluster.databases.index(primary)
    wait_writes(writers, client)
    moment = time.monotonic_ns()
    take_over(moving)
    assert starts(cluster) == before
    wait_writes(writers, client)
    timely(writers.outage(moment, [client]).ms, NOTICED_MS)
    assert primary.sql("SHOW max_connections") == "60"
    config = cluster.wait_leader().client.value(cluster.key("config"))
    assert '"max_connections"' in config and '"pause"' not in config
    moment = time.monotonic_ns()
    give_back(moving)
    wait_writes(writers, client)
    assert starts(cluster) == before
    timely(writers.outage(moment, [client]).ms, NOTICED_MS)
    assert all_there(writers, primary)
    assert [node.is_primary() for node in cluster] == [node is primary for node in cluster]
    assert primary.sql("SHOW restart_after_crash") == "on" and "pgraft" not in primary.sql("SHOW synchronous_standby_names")
