"""tests/cluster/test_pg_forming.py - from nothing to a primary and two standbys, with real PostgreSQL.

Claim: one node makes the data, the others clone it, all of one system identifier; what is written through a connection string
with all hosts is on all nodes; nobody of them starts writable by itself; and nothing but its own users may do what."""
import json

import prom_text  # tests/lib
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


def test_the_status_document_says_who_replicates(pg):
    """/patroni of each database, by what its PostgreSQL says of itself."""
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    names = ("usename", "application_name", "client_addr", "state", "sync_state", "sync_priority")
    columns = ", ".join(f"'{name}', {name}" for name in names)
    asked = f"SELECT coalesce(json_agg(json_build_object({columns}) ORDER BY application_name), '[]') FROM pg_stat_replication"
    for node in cluster.databases:
        def senders(node=node):
            told = node.client.get("/patroni").get("replication", [])
            return sorted(told, key=lambda one: one["application_name"])
        wait.until(lambda node=node, senders=senders: senders() == json.loads(node.sql(asked)),
                   lambda node=node, senders=senders: f"{senders()}, not {node.sql(asked)}")
    assert {one["application_name"] for one in primary.client.get("/patroni")["replication"]} == \
        {node.name for node in cluster.databases if node is not primary}


def test_prometheus_is_told_what_the_nodes_are(pg):
    """/metrics of each node, with a supervisor behind it, and of the witnesses."""
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    version = int(primary.sql("SHOW server_version_num"))
    for node in cluster:
        is_database = node in cluster.databases
        started = node.sql("SELECT extract(epoch FROM pg_postmaster_start_time())") if is_database else 0

        def told(node=node):
            families = prom_text.read(node.client.text("/metrics").encode())
            return {name: number for (name, labels), number in prom_text.samples_of(families).items() if len(labels) == 2}

        wanted = {
            "patroni_primary": node is primary, "patroni_replica": is_database and node is not primary,
            "patroni_postgres_running": is_database, "patroni_postgres_state": 5 if is_database else 12,
            "patroni_postgres_streaming": is_database and node is not primary, "patroni_cluster_unlocked": 0,
            "patroni_postmaster_start_time": float(started), "patroni_postgres_server_version": version if is_database else 0,
            "patroni_failover_priority": int(is_database), "pgraft_guard_state": 2 if is_database else -1,
            "pgraft_serves_writes": node is primary, "pgraft_any_one_may_fail": 1, "pgraft_voters_can_lose": 2}
        wait.until(lambda told=told, wanted=wanted: wanted.items() <= told().items(),
                   lambda told=told, wanted=wanted: f"{wanted}, not {told()}")
        lease_ms, low_ms = (told()["pgraft_" + name] for name in ("lease_milliseconds", "lease_remaining_min_milliseconds"))
        assert (0 < low_ms < lease_ms if node is primary else low_ms == -1), (node.name, low_ms, lease_ms)
        assert (told()["patroni_xlog_location"] > 0) == (node is primary)
        assert (told()["patroni_xlog_replayed_location"] > 0) == (is_database and node is not primary)
        if is_database and node is not primary:  # of a row that was written above
            replayed = float(node.sql("SELECT extract(epoch FROM pg_last_xact_replay_timestamp())"))
            wait.until(lambda told=told, replayed=replayed: told()["patroni_xlog_replayed_timestamp"] >= replayed > 0,
                       lambda told=told, replayed=replayed: f"{replayed}, not {told()}")
