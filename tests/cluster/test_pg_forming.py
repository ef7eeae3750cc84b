"""tests/cluster/test_pg_forming.py - from nothing to a primary and two standbys, with real PostgreSQL.

Claim: one node makes the data, the others clone it, all of one system identifier; what is written through a connection string
with all hosts is on all nodes; nobody of them starts writable by itself; and nothing but its own users may do what."""
from lib import wait

SETTINGS = {}


def test_three_databases_and_two_witnesses_form(pg):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    asked = "SELECT system_identifier, (SELECT setting FROM pg_settings WHERE name = 'data_checksums') FROM pg_control_system()"
    said = {node.sql(asked) for node in cluster.databases}
    assert len(said) == 1 and said.pop().endswith("|on")
    writers = pg.writers()
    writers.go_on()
    assert writers.lost() == []
    count = primary.sql("SELECT count(*) FROM rows")
    for node in cluster.databases:
        wait.until(lambda node=node: node.sql("SELECT count(*) FROM rows") == count, f"{node.name} has every row")
        # Whoever starts it past us gets a standby (safety B3).
        assert (node.pgdata / "standby.signal").exists()


def test_who_is_the_primary_is_told_alike_by_everybody(pg):
    """PostgreSQL, the HTTP interface of each node, and the roles of /cluster."""
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    for node in cluster:
        def roles(node=node):
            rows = node.client.get("/cluster")["members"]
            return {row["name"]: row["role"] for row in rows if row["role"] != "witness"}
        expected = {n.name: "leader" if n is primary else "replica" for n in cluster.databases}
        wait.until(lambda roles=roles, expected=expected: roles() == expected, lambda roles=roles: f"roles: {roles()}")
