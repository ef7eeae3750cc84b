"""tests/cluster/test_with_haproxy.py - clients behind HAProxy, with deploy/haproxy/haproxy.cfg as it stands.

Claim: who writes to port 5000 goes on behind a failover and loses nothing that was acknowledged; who reads from port 5001 is
not sent to the primary; ports 5002 and 5003 follow the synchronous mode."""
import json
import socket
import time

import pytest

from lib import wait
from lib.front import Haproxy, ask
from lib.pg_cluster import LONG, kill
from lib.timely import timely

SETTINGS = {"dynamic": {"synchronous_mode": "quorum"}}
CHECKED_MS = 250  # what deploy/haproxy/haproxy.cfg adds to a failover: a node that is not in use is asked so often
SSL_REQUEST = bytes((0, 0, 0, 8, 4, 210, 22, 47))
WHERE = "SELECT host(inet_server_addr())"


def postmaster(primary):
    return kill([primary.postmaster()]), 1000


def node(primary):
    moment = time.monotonic_ns()
    primary.kill_all()
    return moment, 6000


@pytest.mark.parametrize("dies", [postmaster, node], ids=lambda dies: dies.__name__)
def test_clients_follow_a_failover(pg, front, dies):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    haproxy = Haproxy(front.host("lb1"))
    haproxy.wait_settled(primary)
    writers, reader = pg.writers(haproxy.conninfo(5000)), front.reader(haproxy.conninfo(5001))
    writers.go_on()
    reader.go_on()
    moment, outage_ms = dies(primary)
    writers.go_on(moment, 50)
    heir = cluster.wait_primary(other_than=primary)
    if not primary.is_running:
        primary.start()
    assert cluster.wait_well() is heir
    haproxy.wait_settled(heir)
    settled = time.monotonic_ns()
    reader.go_on()
    outage = writers.outage(moment)
    assert writers.lost() == []
    assert reader.of_the_primary(ends=moment) == [] and reader.of_the_primary(begins=settled) == []
    assert ask(haproxy.conninfo(5000), WHERE) == heir.address
    timely(outage.ms, outage_ms + CHECKED_MS)


if LONG:
    def test_a_session_does_not_hang_on_a_host_that_is_cut_off(pg, front):
        """Nobody tells the client that its server is gone; HAProxy ends the session when the checks have failed."""
        cluster = pg.clusters[0]
        if not cluster.net.can_break:
            pytest.skip("no namespaces here: neither root nor unshare --user")
        primary = cluster.wait_well()
        haproxy = Haproxy(front.host("lb1"))
        haproxy.wait_settled(primary)
        with socket.create_connection((haproxy.host.address, 5000), timeout=wait.PATIENCE_S) as session:
            session.sendall(SSL_REQUEST)
            assert session.recv(1) == b"N"  # so says PostgreSQL
            cluster.net.pull(primary.name)
            assert session.recv(1) == b""
        haproxy.wait_up("primary", [cluster.wait_primary(other_than=primary)])


def put_mode(cluster, mode):
    cluster.wait_leader().client.post("kv/put", key=cluster.key("config"), value=json.dumps({"synchronous_mode": mode}))


def test_ports_follow_the_synchronous_mode(pg, front):
    """by name: one standby is synchronous, the other is not; none; by quorum: both are, and who asks for that is told."""
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    others = cluster.others(primary)
    haproxy = Haproxy(front.host("lb1"))
    for_quorum = Haproxy(front.host("lb2"), [("OPTIONS /sync", "OPTIONS /quorum")])
    for_quorum.wait_up("sync", others)
    haproxy.wait_up("sync", [])
    haproxy.wait_up("async", [])
    put_mode(cluster, "on")
    sync = wait.until(lambda: haproxy.up("sync"), lambda: f"one is synchronous\n{cluster.story()}")
    assert len(sync) == 1
    haproxy.wait_up("async", [node for node in others if node.name not in sync])
    assert ask(haproxy.conninfo(5002), WHERE) == cluster[sync[0]].address
    for_quorum.wait_up("sync", [])
    put_mode(cluster, "off")
    haproxy.wait_up("async", others)
    haproxy.wait_up("sync", [])
    assert ask(haproxy.conninfo(5003), WHERE) in [node.address for node in others]
    put_mode(cluster, "quorum")
    for_quorum.wait_up("sync", others)
    haproxy.wait_settled(primary)
