"""tests/cluster/test_pg_config.py - the key config is bad, and all nodes are started again.

Claim: they go on by the last good value, which each has kept beside its store, and say so; a node that can not know what
was the last good one takes no part in elections; a mended value is followed again."""
from lib import wait

SETTINGS = {"dynamic": {"synchronous_mode": "quorum"}}
GOOD = '{"ttl": 30, "synchronous_mode": "quorum", "postgresql": {"parameters": {"work_mem": "5MB"}}}'
BAD = '{"ttl": 30, "maximum_lag_on_failover": "a lot"}'
MENDED = '{"ttl": 30, "synchronous_mode": "quorum", "postgresql": {"parameters": {"work_mem": "7MB"}}}'


def put(cluster, value):
    cluster.wait_leader().client.post("kv/put", key=f"/service/{cluster.scope}/config", value=value)


def test_all_are_started_again_with_a_bad_key(pg):
    cluster = pg.clusters[0]
    cluster.wait_well()
    away = cluster["w2"]
    put(cluster, GOOD)
    for node in cluster.databases:
        wait.until(lambda node=node: node.sql("SHOW work_mem") == "5MB", lambda node=node: f"it is told\n{node.log_tail()}")
    away.kill()
    mark = away.mark()
    put(cluster, BAD)
    for node in cluster.running:
        node.says("the key config can not be used")
        wait.until(lambda node=node: b" seen " in (node.data / "config-good").read_bytes() and
                   len(set((node.data / "config-good").read_text(encoding="utf-8").split()[1:4:2])) == 2,
                   lambda node=node: f"{node.name} has kept it")
    marks = {node.name: node.mark() for node in cluster}
    for node in cluster:
        node.kill_all()
    for node in cluster:
        if node is not away:
            node.start()
    primary = cluster.wait_primary()
    assert primary.sql("SHOW work_mem") == "5MB"
    for node in cluster.databases:
        node.says("the last good value, of revision", marks[node.name])
    away.start()
    away.says("takes no part in elections", mark)
    assert cluster.wait_well() is primary
    put(cluster, MENDED)
    for node in cluster.databases:
        wait.until(lambda node=node: node.sql("SHOW work_mem") == "7MB", lambda node=node: f"it is told\n{node.log_tail()}")
