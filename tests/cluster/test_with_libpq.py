"""tests/cluster/test_with_libpq.py - psql with a list of hosts, as docs/libpq.md has it.

Claim: whatever stands first in the list, target_session_attrs leads to the node that it names."""
import itertools

import pytest

from lib.front import ask
from lib.pg_cluster import LONG
from lib.tool import ctl

SETTINGS = {"dynamic": {"synchronous_mode": "quorum"}}
WHERE = "SELECT host(inet_server_addr()), pg_is_in_recovery()"


def conninfo(cluster, nodes, wanted):
    hosts = ",".join(node.address for node in nodes)
    return f"host={hosts} {cluster.login} dbname=postgres connect_timeout=2 target_session_attrs={wanted}"


def url(nodes, wanted):
    hosts = ",".join(f"{node.address}:5432" for node in nodes)
    return f"postgresql://postgres:super@{hosts}/postgres?connect_timeout=2&target_session_attrs={wanted}"


def reached(cluster, text):
    """The node that answers; None if nobody does."""
    said = ask(text, WHERE)
    return next((node for node in cluster.databases if said and node.address == said.partition("|")[0]), None)


@pytest.mark.parametrize("wanted", ["read-write", "primary", "read-only", "standby", "prefer-standby"])
def test_it_leads_to_whom_it_names(pg, wanted):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    is_for_writes = wanted in ("read-write", "primary")
    for nodes in itertools.permutations(cluster.databases):
        right = primary if is_for_writes else next(node for node in nodes if node is not primary)
        assert reached(cluster, conninfo(cluster, nodes, wanted)) is right, nodes
        assert reached(cluster, url(nodes, wanted)) is right, nodes


def test_what_pgraftctl_writes(pg):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    for word, is_right in (("--read-write", lambda node: node is primary), ("--read-only", lambda node: node is not primary)):
        said, status = ctl(primary, "dsn", word)
        assert status == 0, said
        assert is_right(reached(cluster, f"{said.strip()} user=postgres password=super dbname=postgres")), said


def test_without_a_standby(pg):
    """prefer-standby is content with the primary; read-only and standby are not."""
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    assert reached(cluster, conninfo(cluster, [primary], "prefer-standby")) is primary
    for wanted in ("read-only", "standby"):
        assert reached(cluster, conninfo(cluster, [primary], wanted)) is None


if LONG:
    def test_a_dead_host_at_the_front(pg):
        """It is passed over; so is the old primary while it is down, and when it is a standby."""
        cluster = pg.clusters[0]
        primary = cluster.wait_well()
        nodes = [primary, *cluster.others(primary)]
        primary.kill_all()
        heir = cluster.wait_primary(other_than=primary)
        assert reached(cluster, conninfo(cluster, nodes, "read-write")) is heir
        assert reached(cluster, conninfo(cluster, nodes, "prefer-standby")) in cluster.others(primary, heir)
        primary.start()
        assert cluster.wait_well() is heir
        assert reached(cluster, conninfo(cluster, nodes, "read-write")) is heir
        assert reached(cluster, conninfo(cluster, nodes, "read-only")) is primary
