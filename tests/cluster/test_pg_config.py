"""tests/cluster/test_pg_config.py - the key config is bad, and all nodes are started again; PostgreSQL's own files are.

Claims: nodes go on by the last good value of the key, which each has kept beside its store, and say so; a node that can not
know what was the last good one takes no part in elections; a mended value is followed again. A PostgreSQL that refuses to load
its files is told of with file, line and error, keeps nobody else from taking over, and is told again when they are mended."""
import contextlib
import re
import signal

from lib import wait
from lib.pg_node import send
from lib.tool import ctl

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


# --- a configuration that PostgreSQL refuses ---

BAD_LINE = b"what is no setting\n"
WORD = "refuses to load its configuration: "
REFUSALS_MAX = 30  # told again after pauses that double up to 8 s, and by every rule once


@contextlib.contextmanager
def bad_line(*nodes):
    """In their postgresql.base.conf, and it is told of each."""
    kept = {node: (node.pgdata / "postgresql.base.conf").read_bytes() for node in nodes}
    try:
        for node, text in kept.items():
            (node.pgdata / "postgresql.base.conf").write_bytes(text + BAD_LINE)
        for node, text in kept.items():
            number = len(text.splitlines()) + 1
            until_told(node, f"would refuse to load its configuration: {node.pgdata}/postgresql.base.conf:{number}: syntax error")
        yield
    finally:
        mend(kept)


def mend(kept):
    for node, text in kept.items():
        (node.pgdata / "postgresql.base.conf").write_bytes(text)


def said(node, *words):
    return ctl(node, *words)[0]


def until_told(node, text, by=None):
    """Of @node, in `status` of @by."""
    def found():
        lines = said(by or node, "status").splitlines()
        return any(line.strip().startswith(f"{node.name}: ") and text in line for line in lines)
    wait.until(found, lambda: f"{node.name}: {text}\n{said(by or node, 'status')}\n{node.log_tail()}")


def until_all_have_all(primary):
    """Nobody writes, so a proof asks for nobody who has more."""
    query = "SELECT count(*) FROM pg_stat_replication WHERE flush_lsn = pg_current_wal_flush_lsn()"
    wait.until(lambda: primary.sql(query) == "2", "both standbys have all")


def read_by_all_but_the_postmaster(node):
    """As when a file is mended just as PostgreSQL is told: each of its processes reads it for itself."""
    postmaster = node.postmaster()
    send([p.pid for p in node.processes() if p.name == "postgres" and p.pid != postmaster], signal.SIGHUP)


def test_one_standby_refuses_its_configuration_when_the_primary_s_node_dies(pg):
    """It can not be cut off as it runs. It is ended, so that its answer counts, and who can serve takes over."""
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    heir, bad = cluster.others(primary)
    with bad_line(bad):
        mark = bad.mark()
        until_all_have_all(primary)
        primary.kill_all()
        assert cluster.wait_primary(other_than=primary) is heir
        assert "so can not be cut off as it runs" in said(bad, "why")
        until_told(bad, "syntax error", by=heir)
        assert WORD in said(bad, "events")
        assert bad.count("config not loaded", mark) == 1, bad.log_since(mark)
    primary.start()
    assert cluster.wait_well() is heir
    wait.until(lambda: "syntax error" not in said(heir, "status"), lambda: said(heir, "status"))


def test_both_standbys_refuse_their_configuration_when_the_primary_s_node_dies(pg):
    """Nobody could serve: that is told with its cause, and whoever is mended takes over."""
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    heir, other = cluster.others(primary)
    kept = (heir.pgdata / "postgresql.base.conf").read_bytes()
    marks = {node: node.mark() for node in (heir, other)}
    with bad_line(heir, other):
        until_all_have_all(primary)
        primary.kill_all()
        wait.until(lambda: any("refused: PostgreSQL refuses its configuration there" in said(node, "why") for node in cluster.running),
                   lambda: f"the election, where raft is led, says so\n{cluster.story()}", 60)
        for node in (heir, other):
            until_told(node, "its configuration can not be read: syntax error", by=heir)
            assert node.count("guard tells: what=started", marks[node]) == 0, node.log_since(marks[node])  # in vain
        assert not any(node.is_primary() for node in cluster.running if node.is_database)
        mend({heir: kept})
        assert cluster.wait_primary(other_than=primary) is heir
    primary.start()
    cluster.wait_well()


def test_a_primary_that_refuses_its_configuration(pg):
    """It can not do without standbys that are gone; why is told, and when it is mended it goes on."""
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    gone = cluster.others(primary)
    mark = primary.mark()
    kept = (primary.pgdata / "postgresql.base.conf").read_bytes()
    with bad_line(primary):
        for node in gone:
            node.kill_all()
        until_told(primary, "PostgreSQL " + WORD)
        wait.until(lambda: re.search("sync-set: .*; PostgreSQL refuses its configuration: .*syntax error", said(primary, "why")),
                   lambda: f"{said(primary, 'why')}\n{primary.log_tail()}")
        wait.until(lambda: primary.count("no changes were applied", mark) > 1, primary.log_tail)
        assert WORD in said(primary, "events")
        told = primary.count("no changes were applied", mark)
        wait.until(lambda: primary.count("no changes were applied", mark) > told, primary.log_tail)
        mend({primary: kept})
        read_by_all_but_the_postmaster(primary)
    assert cluster.wait_primary() is primary
    wait.until(lambda: primary.sql("SHOW synchronous_standby_names") == "",
               lambda: f"all have read it\n{said(primary, 'why')}\n{primary.log_tail()}")
    assert 0 < primary.count("no changes were applied", mark) <= REFUSALS_MAX, primary.log_since(mark)
    assert primary.count("config not loaded", mark) <= 2, primary.log_since(mark)
    for node in gone:
        node.start()
    cluster.wait_well()
    wait.until(lambda: "syntax error" not in said(primary, "status"), lambda: said(primary, "status"))
