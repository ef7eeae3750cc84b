"""tests/cluster/test_pg_initdb.py - initdb of a new cluster takes longer than its lease.

Claim: the first primary keeps its role while initdb works, however long; and where it loses the role meanwhile, because it is
cut off or frozen, the cluster begins with another node's data, and its own are discarded: it comes back as a clone.
Its initdb is held up by a file that the test takes away."""
import signal
import time

import pytest

from lib import wait
from lib.pg_cluster import FORMED_S, LONG, TABLES
from lib.pg_node import BIN, send
from lib.pg_programs import Programs

LEASE_S = 2
DYNAMIC = {"failover": "fast"}
PROMOTION_S = 20  # what a promotion may take from the grant on
HELD = """touch {folder}/begun
while [ -e {folder}/held ]; do sleep 0.1; done"""
FAILS_ONCE = """#!/bin/sh
{bin}/psql -d "$1" -c 'CREATE TABLE half AS SELECT 1 AS n' || exit 1
[ -e {tried} ] || {{ touch {tried}; exit 1; }}
"""


class Held:
    """The initdb of @node, which does not go on before it is let."""

    def __init__(self, node):
        self.node = node
        (node.folder / "held").touch()
        Programs(node).before("initdb", HELD.format(folder=node.folder))

    def wait_begun(self):
        wait.until((self.node.folder / "begun").exists, lambda: f"initdb begins\n{self.node.log_tail()}", FORMED_S)

    def let(self):
        (self.node.folder / "held").unlink()


def begun(pg_stage):
    """A cluster whose first node is in its initdb: it, the node, and what holds that up."""
    cluster = pg_stage.cluster(dynamic=DYNAMIC)
    held = Held(cluster.databases[0])
    cluster.start()
    held.wait_begun()
    return cluster, held.node, held


def first_primary(cluster, nodes):
    return wait.until(
        lambda: next((node for node in nodes if node.is_primary() and node.sql("CREATE TABLE made ()") == ""), None),
        lambda: f"a first primary\n{cluster.story()}", FORMED_S)


def is_whole_with(cluster, first):
    assert first.sql(TABLES) == ""
    assert cluster.wait_well(FORMED_S) is first
    asked = "SELECT system_identifier FROM pg_control_system()"
    assert len({node.sql(asked) for node in cluster.databases}) == 1
    assert not any((node.data / "first-data").exists() for node in cluster.databases)


def test_a_slow_initdb_keeps_the_role(pg_stage):
    cluster, node, held = begun(pg_stage)
    time.sleep(PROMOTION_S + LEASE_S)
    held.let()
    first = first_primary(cluster, cluster.databases)
    assert first is node
    assert node.count("does: action=initdb") == 1, node.log()
    assert node.count("rule=promotion-given-up") == 0, node.log()
    is_whole_with(cluster, first)


def test_data_made_while_cut_off_are_discarded(pg_stage):
    if not pg_stage.net.can_break:
        pytest.skip("no namespaces here: neither root nor unshare --user")
    cluster, node, held = begun(pg_stage)
    pg_stage.net.part([node.name], [other.name for other in cluster if other is not node])
    first = first_primary(cluster, cluster.others(node))
    held.let()
    wait.until((node.data / "first-data").exists, lambda: f"its data are made\n{node.log_tail()}", FORMED_S)
    pg_stage.net.heal()
    is_whole_with(cluster, first)


if LONG:
    def test_an_initdb_that_nobody_waits_for_any_more(pg_stage):
        """The daemon is frozen meanwhile, and then killed: what it has left is begun anew, as a clone."""
        cluster, node, held = begun(pg_stage)
        send([node.pid], signal.SIGSTOP)
        first = first_primary(cluster, cluster.others(node))
        held.let()
        wait.until((node.pgdata / "PG_VERSION").exists, lambda: f"initdb works\n{node.log_tail()}", FORMED_S)
        node.kill()
        node.start()
        is_whole_with(cluster, first)

    def test_a_post_bootstrap_that_fails(pg_stage):
        """What it has done halfway is discarded with all data, and the cluster begins anew."""
        cluster = pg_stage.cluster()
        for node in cluster.databases:
            tried = node.folder / "tried"
            script = node.folder / "post-bootstrap"
            script.write_text(FAILS_ONCE.format(bin=BIN, tried=tried), encoding="ascii")
            script.chmod(0o755)
            node.more = {"bootstrap": node.configuration()["bootstrap"] | {"post_bootstrap": str(script)}}
            node.give()
        cluster.start()
        first = first_primary(cluster, cluster.databases)
        is_whole_with(cluster, first)
        assert sum(node.count("post_bootstrap failed") for node in cluster.databases) >= 1, cluster.story()
        assert first.sql("SELECT n FROM half") == "1"
