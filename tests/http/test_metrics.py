"""tests/http/test_metrics.py - /metrics of each kind of node, read as strictly as Prometheus's text format is written.

Claim: what a primary, a standby, a witness, a database that knows nothing yet and a node without PostgreSQL answer can
be read, has Patroni's metrics and ours once each, and scope and name on every sample. Method: prom_text.py reads it,
and is shown texts that are wrong. Which value a metric has is tests/unit/test_metrics.c's.
"""
import os
import re
from pathlib import Path

import pytest
from http_kit import Nodes, nodes_with_views

import prom_text  # tests/lib

ROOT = Path(os.environ["PGRAFT_SOURCE_ROOT"])
PATRONIS = {
    "patroni_version": "gauge", "patroni_postgres_running": "gauge", "patroni_postmaster_start_time": "gauge",
    "patroni_primary": "gauge", "patroni_xlog_location": "counter", "patroni_standby_leader": "gauge",
    "patroni_replica": "gauge", "patroni_sync_standby": "gauge", "patroni_quorum_standby": "gauge",
    "patroni_xlog_received_location": "counter", "patroni_xlog_replayed_location": "counter",
    "patroni_xlog_replayed_timestamp": "gauge", "patroni_xlog_paused": "gauge", "patroni_postgres_streaming": "gauge",
    "patroni_postgres_in_archive_recovery": "gauge", "patroni_postgres_server_version": "gauge",
    "patroni_cluster_unlocked": "gauge", "patroni_failsafe_mode_is_active": "gauge",
    "patroni_failsafe_mode_enabled": "gauge", "patroni_failsafe_member": "gauge", "patroni_postgres_timeline": "gauge",
    "patroni_dcs_last_seen": "gauge", "patroni_pending_restart": "gauge", "patroni_is_paused": "gauge",
    "patroni_postgres_state": "gauge", "patroni_failover_priority": "gauge"}
# Of every node; more of one that hears of a PostgreSQL.
STORES = {"pgraft_is_leader", "pgraft_has_leader", "pgraft_term", "pgraft_leader_changes_total", "pgraft_commit_index",
          "pgraft_applied_index", "pgraft_revision", "pgraft_stamp_age_milliseconds", "pgraft_proposals_total",
          "pgraft_proposals_failed_total", "pgraft_forwarded_total", "pgraft_reads_total", "pgraft_requests_waiting",
          "pgraft_fsync_duration_seconds", "pgraft_stalls_total", "pgraft_stall_max_milliseconds",
          "pgraft_peers_connected", "pgraft_peer_round_trip_seconds", "pgraft_leases", "pgraft_keys", "pgraft_watches",
          "pgraft_used_bytes", "pgraft_quota_bytes", "pgraft_store_bytes", "pgraft_http_connections",
          "pgraft_http_streams", "pgraft_quorum", "pgraft_quorum_age_milliseconds", "pgraft_voters",
          "pgraft_voters_can_lose", "pgraft_version_info"}
VIEWS = {"pgraft_supervises", "pgraft_view_age_milliseconds", "pgraft_epoch", "pgraft_holds_lease",
         "pgraft_serves_writes", "pgraft_lease_milliseconds", "pgraft_lease_remaining_milliseconds",
         "pgraft_lease_remaining_min_milliseconds", "pgraft_guard_state", "pgraft_any_one_may_fail",
         "pgraft_commits_may_be_lost", "pgraft_held", "pgraft_synchronous_mode", "pgraft_synchronous_standbys",
         "pgraft_synchronous_commit_weaker", "pgraft_config_amiss", "pgraft_events_total", "pgraft_timing_milliseconds",
         "pgraft_timing_amiss", "pgraft_member_heard", "pgraft_member_lag_bytes"}


@pytest.fixture(scope="module", name="nodes")
def started():
    nodes = nodes_with_views()
    yield nodes
    nodes.close()


def families_of(node, path="/metrics"):
    answer = node.get(path, tcp=True)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    families = prom_text.read(answer.body)
    for (name, labels) in prom_text.samples_of(families):
        assert {"scope": "test", "name": node.name}.items() <= dict(labels).items(), name
    return families


def types_of(families):
    return {name: family.type for name, family in families.items() if name.startswith("patroni_")}


@pytest.mark.parametrize("number", [1, 2, 3], ids=["primary", "standby", "witness"])
def test_a_node_of_a_cluster_has_all_metrics(nodes, number):
    families = families_of(nodes[number])
    assert types_of(families) == PATRONIS
    assert set(families) == set(PATRONIS) | STORES | VIEWS
    assert [name for name, family in families.items() if family.comments] == \
        ["patroni_postgres_state", "pgraft_guard_state", "pgraft_synchronous_mode"]
    alone = {name for name, family in families.items() if len(family.samples) == 1}
    assert alone >= set(PATRONIS) | (VIEWS - {"pgraft_timing_milliseconds", "pgraft_timing_amiss", "pgraft_member_heard",
                                              "pgraft_member_lag_bytes"})


@pytest.mark.parametrize("name", PATRONIS)
def test_row_GET_metrics(nodes, name):
    """Each of Patroni's names, once, of its type, with its two labels; its rules for `# Values:` too."""
    for number in (1, 2, 3):
        text = nodes[number].get("/metrics", tcp=True).body.decode()
        lines = [line for line in text.splitlines() if re.match(rf"(# \w+ )?{name}[ {{]", line)]
        assert [line.split()[:2] for line in lines[:-1]] == [["#", "HELP"], ["#", "TYPE"]]
        assert lines[1] == f"# TYPE {name} {PATRONIS[name]}"
        assert re.fullmatch(rf'{name}{{scope="test",name="n{number}"}} -?[0-9.]+', lines[2])


def test_row_GET_metrics_the_version_and_the_states(nodes):
    text = nodes[1].get("/metrics", tcp=True).body.decode()
    assert 'patroni_version{scope="test",name="n1"} 040104\n' in text
    assert re.search(r"^# HELP patroni_postgres_state .*\n# Values: 0=initdb, .*, 14=crashed\n# TYPE patroni_postgres_state", text,
                     re.MULTILINE)


def test_values_are_of_the_view(nodes):
    """One of each kind; the rest is tests/unit/test_metrics.c's."""
    for number, primary, running, state in ((1, 1, 1, 5), (2, 0, 1, 5), (3, 0, 0, 12)):
        samples = prom_text.samples_of(families_of(nodes[number]))
        own = (("name", f"n{number}"), ("scope", "test"))
        assert samples["patroni_primary", own] == primary
        assert samples["pgraft_serves_writes", own] == primary
        assert samples["patroni_postgres_running", own] == running
        assert samples["patroni_postgres_state", own] == state
        assert samples["patroni_version", own] == 40104
        assert samples["patroni_dcs_last_seen", own] == 1793607404
        assert (samples["pgraft_voters", own], samples["pgraft_quorum", own]) == (3, 1)
        assert samples["pgraft_voters_can_lose", own] == 1
        assert [dict(labels)["member"] for name, labels in samples if name == "pgraft_member_heard"] == \
            ["pg1", "pg2", "pg3", "w1"]


def test_head_and_options_and_what_stands_behind_it(nodes):
    for method in ("HEAD", "OPTIONS"):
        answer = nodes[1].ask(method, "/metrics", tcp=True)
        assert (answer.status, answer.body) == (200, b"")
    assert types_of(families_of(nodes[1], "//metrics/")) == PATRONIS
    assert types_of(families_of(nodes[1], "/metrics/x?y=1")) == PATRONIS
    assert nodes[1].ask("POST", "/metrics", "{}").status == 405


def test_the_name_of_patroni_3_is_asked_for_by_who_needs_it(nodes):
    for query, is_there in (("", False), ("?patroni_master=1", True), ("?patroni_master=0", False), ("?patroni_master", False)):
        families = families_of(nodes[1], "/metrics" + query)
        assert ("patroni_master" in families) == is_there
    samples = prom_text.samples_of(families_of(nodes[1], "/metrics?patroni_master=1"))
    assert samples["patroni_master", (("name", "n1"), ("scope", "test"))] == 1


def test_a_database_that_knows_nothing_yet_and_a_node_without_one():
    waiting = Nodes(1, "--views", "yes")
    families = families_of(waiting[1])
    waiting.close()
    assert (types_of(families), set(families)) == (PATRONIS, set(PATRONIS) | STORES | VIEWS)
    own = (("name", "n1"), ("scope", "test"))
    assert families["patroni_postgres_state"].samples["patroni_postgres_state", own] == -1
    assert families["pgraft_view_age_milliseconds"].samples["pgraft_view_age_milliseconds", own] == -1
    plain = Nodes(1)
    families = families_of(plain[1])
    plain.close()
    assert (types_of(families), set(families)) == (PATRONIS, set(PATRONIS) | STORES)
    assert families["patroni_postgres_state"].samples["patroni_postgres_state", own] == 12
    assert families["patroni_cluster_unlocked"].samples["patroni_cluster_unlocked", own] == 0


def names_in(path):
    """Of metrics; of a histogram its own, without what its samples have behind it."""
    text = re.sub(r"(pgraft_fsync_duration_seconds)_(?:bucket|sum|count)", r"\1", (ROOT / path).read_text())
    return set(re.findall(r"\b(?:pgraft|patroni)_[a-z0-9_]+", text))


def test_what_people_read_and_are_woken_by_is_there():
    every = set(PATRONIS) | STORES | VIEWS | {"patroni_master"}
    assert names_in("docs/metrics.md") == every
    assert names_in("deploy/prometheus/pgraft-alerts.yml") <= every
    assert names_in("deploy/prometheus/scrape.yml") <= every
    used = names_in("deploy/prometheus/pgraft-alerts.yml")
    assert used >= {"pgraft_any_one_may_fail", "pgraft_serves_writes", "pgraft_guard_state"}


HEAD = "# HELP a A.\n# TYPE a gauge\n"
HISTOGRAM = "# HELP h H.\n# TYPE h histogram\n"


@pytest.mark.parametrize("text", [
    "", "a 1", HEAD + "a 1", HEAD + "a 1\r\n", HEAD + "\na 1\n", "a 1\n", "# HELP a A.\na 1\n", "# TYPE a gauge\na 1\n",
    "# TYPE a gauge\n# HELP a A.\na 1\n", HEAD + "a 1\n" + HEAD + 'a{b="1"} 2\n', HEAD + "b 1\n", HEAD + "a 1\na 1\n",
    HEAD + 'a{b="1",c="2"} 1\na{c="2",b="1"} 1\n', HEAD + 'a{b="1",b="2"} 1\n', HEAD + "a one\n", HEAD + "a 1 2\n",
    HEAD + "a  1\n", HEAD + "a {b=\"1\"} 1\n", HEAD + 'a{b="1} 1\n', HEAD + 'a{b="\\t"} 1\n', HEAD + 'a{b="1",} 1\n',
    HEAD + 'a{b="x"y"} 1\n', HEAD + "a{b=1} 1\n", HEAD + 'a{1b="1"} 1\n', HEAD + "a 0x1\n", HEAD + "a nan\n", HEAD + "a\n",
    HEAD + "a 1\n# a comment\n", "# HELP a A\\x.\n# TYPE a gauge\n", "# HELP a A.\n# TYPE a number\n", "# HELP a A.\n",
    "# HELP a A.\n# TYPE b gauge\n", "#HELP a A.\n# TYPE a gauge\na 1\n", "# HELP 1a A.\n# TYPE 1a gauge\n",
    "# HELP a A.\n# TYPE a counter\na -1\n", "# HELP a A.\n# TYPE a counter\na NaN\n",
    HISTOGRAM + 'h_bucket{le="+Inf"} 2\nh_sum 1\nh_count 1\n', HISTOGRAM + 'h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n',
    HISTOGRAM + 'h_bucket{le="1"} 2\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n',
    HISTOGRAM + 'h_bucket{le="+Inf"} 1\nh_count 1\n', HISTOGRAM + 'h_bucket{le="+Inf"} 1\nh_sum 1\nh_count{le="1"} 1\n'])
def test_what_is_wrong_is_refused(text):
    with pytest.raises(prom_text.Wrong):
        prom_text.read(text.encode())


def test_what_is_right_is_read():
    text = HEAD + 'a{b="x\\"y\\\\z\\n{}, "} -1.5e3\na +Inf\na{b=""} NaN\n' + \
        HISTOGRAM + 'h_bucket{le="0.1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 0.25\nh_count 2\n'
    families = prom_text.read(text.encode())
    assert list(families["a"].samples)[0] == ("a", (("b", 'x"y\\z\n{}, '),))
    assert families["a"].samples["a", (("b", 'x"y\\z\n{}, '),)] == -1500
    assert prom_text.read(b"# HELP a A.\n# Values: 0=b\n# TYPE a gauge\n")["a"].comments == ["# Values: 0=b"]
