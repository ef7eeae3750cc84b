"""tests/cluster/test_pg_told.py - what list, status and events say of a PostgreSQL that is down, refused or being cloned.

Claim: nobody is told of as running that does not run; why a standby does not replicate is said with the line that would let it;
what the last failover may have lost is said."""
import json
import os
import re
import shutil
import signal
import time

from lib import wait
from lib.tool import ctl

SETTINGS = {}
TRIED = 6  # starts that fail
COPIED_A_SECOND = "4M"
SILENT_S = 5  # until what a host that is gone has said counts no more


NO_QUORUM = 4  # for a moment, on a machine that has no time for the others


def row(node, name):
    """The row of `pgraftctl list`."""
    said, status = ctl(node, "list", "-f", "json")
    assert status in (0, NO_QUORUM), said
    rows, _ = json.JSONDecoder().raw_decode(said)  # behind them is who is missing
    return next(one for one in rows if one["Member"] == name)


def until_told(node, name, states, seconds=20):
    wait.until(lambda: row(node, name)["State"] in states, lambda: f"{name} is told of as {states}: {row(node, name)}", seconds)


def status(node):
    return ctl(node, "status")[0]


def events(node):
    return ctl(node, "events")[0]


def whole(pg):
    """A cluster that is well: it, its primary and one of its standbys."""
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    return cluster, primary, cluster.others(primary)[0]


def test_a_host_that_is_gone(pg):
    _, primary, standby = whole(pg)
    until_told(primary, standby.name, ["streaming"])
    standby.kill_all()
    until_told(primary, standby.name, ["unknown"], SILENT_S)
    told = row(primary, standby.name)
    assert "TL" not in told and "Replay Lag" not in told
    assert f"{standby.name}: unknown" in status(primary)
    assert f"{standby.name}: unknown, was streaming" in events(primary)


def starts_at_most(seconds):
    """Of one that ends at once: the first costs no time, and then 0.1 s, twice that, and so on, up to 5 s lie between two."""
    count, pause, at = 1, 0.1, 0.1
    while at <= seconds:
        count, pause = count + 1, min(2 * pause, 5)
        at += pause
    return count


def test_a_postgresql_that_does_not_come_up(pg):
    cluster, primary, standby = whole(pg)
    told = standby.pgdata / "postgresql.base.conf"
    kept = told.read_bytes()
    told.write_bytes(kept + b"what is no setting\n")
    mark, since = standby.mark(), time.monotonic()

    def starts():
        return standby.count("guard tells: what=started", mark)

    try:
        os.kill(standby.postmaster(), signal.SIGKILL)
        until_told(primary, standby.name, ["crashed", "start failed"])
        wait.until(lambda: f"{standby.name}: start failed; PostgreSQL does not come up: its configuration can not be read: syntax error"
                   in status(primary), lambda: status(primary))
        wait.until(lambda: starts() >= TRIED, lambda: f"it is tried on\n{standby.log_tail()}")
        tried = starts()
        assert tried <= starts_at_most(time.monotonic() - since), standby.log_since(mark)
    finally:
        told.write_bytes(kept)
    cluster.wait_well()
    assert f"{standby.name}: streaming" in events(primary)
    assert "supervisor clone: of=" not in standby.log_since(mark)  # a broken configuration is no reason
    wait.until(lambda: "does not come up" not in status(primary), lambda: status(primary))


def test_a_postgresql_that_lets_nobody_in(pg):
    """Not this program either: its session that is there goes on, and no new one comes in."""
    cluster, primary, standby = whole(pg)
    rules = standby.pgdata / "pg_hba.conf"
    kept = rules.read_text()
    why = "pgraftd can not connect to PostgreSQL: "
    mark = standby.mark()

    def reload(text):
        rules.write_text(text)
        os.kill(standby.postmaster(), signal.SIGHUP)

    reload("host replication replicator all scram-sha-256\n")
    try:
        wait.until(lambda: why in status(primary), lambda: status(primary))
        line = next(one for one in status(primary).splitlines() if why in one)
        assert standby.name in line and "28000" in line, line
        assert "no connection" in events(standby)
    finally:
        reload(kept)
    cluster.wait_well()
    wait.until(lambda: why not in status(primary), lambda: status(primary))
    assert standby.count(f'supervisor no connection: text="{why}', mark) == 1, standby.log_since(mark)


def test_a_standby_that_is_refused(pg):
    cluster, primary, standby = whole(pg)
    rules = primary.pgdata / "pg_hba.conf"
    kept = rules.read_text()
    rules.write_text("local all all trust\nhost all postgres all scram-sha-256\n")
    line = f"{standby.name}: running; {primary.name} refuses replication from here; add to its pg_hba: " \
        f"host replication replicator {standby.address}/32 scram-sha-256"
    try:
        primary.sql("SELECT pg_reload_conf(), pg_terminate_backend(pid) FROM pg_stat_replication")
        wait.until(lambda: line in status(primary), lambda: f"{line}\n{status(primary)}")
        assert "nobody could take over" in status(primary)
    finally:
        rules.write_text(kept)
        primary.sql("SELECT pg_reload_conf()")
    cluster.wait_well()
    wait.until(lambda: "refuses" not in status(primary), lambda: status(primary))


def test_a_clone_on_its_way(pg):
    cluster, primary, standby = whole(pg)
    standby.kill_all()
    shutil.rmtree(standby.pgdata)
    slowly = {"basebackup": [{"max-rate": COPIED_A_SECOND}]}  # some seconds for an empty database
    standby.more = {"postgresql": standby.configuration()["postgresql"] | slowly}
    mark = standby.mark()
    try:
        standby.start()
        until_told(primary, standby.name, ["creating replica"])
        wait.until(lambda: re.search(rf"{standby.name}: creating replica; clone: [1-9]\d*/\d+ kB \(\d+%\)", status(primary)),
                   lambda: status(primary))
        cluster.wait_well()
        assert re.search(r'name=pg_basebackup text=" *\d+/\d+ kB \(\d+%\)', standby.log_since(mark)), standby.log_since(mark)
    finally:
        standby.more = {}


def test_what_a_failover_may_have_lost(pg):
    cluster = pg.clusters[0]
    before = cluster.wait_well()
    before.stop()
    primary = cluster.wait_primary(other_than=before)
    before.start()
    assert cluster.wait_well() is primary
    assert "Lost:" not in status(primary)  # nothing is lost by a hand-over
    primary.kill_all()
    heir = cluster.wait_primary(other_than=primary)
    went_by = re.compile(rf"election: chosen: .*; {heir.name} becomes primary with epoch .*; of .*{primary.name}: no answer")
    leader = cluster.wait_leader()
    wait.until(lambda: went_by.search(ctl(leader, "why")[0]), lambda: ctl(leader, "why")[0])
    wait.until(lambda: "Lost:      acknowledged commits may be lost: " in status(heir), lambda: status(heir))
    assert f"{heir.name} has the role, with epoch" in events(heir)
    assert "loss: epoch=" in heir.log()
