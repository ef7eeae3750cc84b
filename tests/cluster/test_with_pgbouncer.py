"""tests/cluster/test_with_pgbouncer.py - clients behind pgbouncer, with deploy/pgbouncer/pgbouncer.ini.

Claim: a session that rests outlives a failover and writes to the new primary afterwards; one that was in the middle of
something is told, and its next connection works. With one on each database host, behind HAProxy, too."""
import pytest

from lib import wait
from lib.front import Haproxy, Pgbouncer, Talk, ask
from lib.pg_cluster import LONG, kill
from lib.pg_node import PG_PORT
from lib.timely import timely

SETTINGS = {"dynamic": {"synchronous_mode": "quorum"}}
BEHIND_MS = 1250  # what HAProxy adds to a failover, 250, and pgbouncer's next login, 1000
PORT = 6432
WHO = "SELECT host(inet_server_addr()) || ' ' || pg_is_in_recovery()"


def conninfo(cluster, hosts, more=""):
    return f"host={hosts} port={PORT} {cluster.login.partition(' ')[2]} dbname=postgres connect_timeout=2 {more}"


def postmaster(primary):
    return kill([primary.postmaster()]), 1000


def node(primary):
    moment = kill([primary.postmaster()])
    primary.kill_all()
    return moment, 6000


@pytest.mark.parametrize("dies", [postmaster] + ([node] if LONG else []), ids=lambda dies: dies.__name__)
def test_a_session_outlives_a_failover(pg, front, dies):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    host = front.host("lb1")
    haproxy = Haproxy(host)
    Pgbouncer(host)
    haproxy.wait_settled(primary)
    text = conninfo(cluster, host.address)
    wait.until(lambda: ask(text, "SELECT 1"), lambda: f"it answers\n{front.story()}")
    writers, session = pg.writers(text), front.talk(text)
    assert session.ask(WHO) == f"{primary.address} false"
    writers.go_on()
    moment, outage_ms = dies(primary)
    writers.go_on(moment, 50)
    heir = cluster.wait_primary(other_than=primary)
    assert session.ask(WHO) == f"{heir.address} false"
    assert session.ask("INSERT INTO seen VALUES ('session', 0) RETURNING 'written'") == "written"
    outage = writers.outage(moment)
    if not primary.is_running:
        primary.start()
    assert writers.lost() == []
    timely(outage.ms, outage_ms + BEHIND_MS)


if LONG:
    def test_one_on_each_database_host(pg, front):
        """Behind HAProxy, which asks pgraftd and not pgbouncer."""
        cluster = pg.clusters[0]
        primary = cluster.wait_well()
        for database in cluster.databases:
            Pgbouncer(front.host(database.name), [(f"* = host={database.address} port=5000", ""), (
                ";* = host=/var/run/postgresql port=5432", f"* = host={database.sockets} port={PG_PORT}")])
        haproxy = Haproxy(front.host("lb1"), [(":5432 check", f":{PORT} check")])
        haproxy.wait_settled(primary)
        writers = pg.writers(haproxy.conninfo(5000))
        writers.go_on()
        moment = kill([primary.postmaster()])
        writers.go_on(moment, 50)
        heir = cluster.wait_primary(other_than=primary)
        assert cluster.wait_well() is heir
        assert ask(haproxy.conninfo(5000), "SELECT pg_is_in_recovery()") == "f"
        assert writers.lost() == []
