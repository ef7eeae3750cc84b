"""tests/cluster/test_with_keepalived.py - one address that clients know, with the files of deploy/keepalived/.

Claim: in front of two HAProxies the address stands on one, and moves to the other when HAProxy dies, when its host does, and
when it is cut off from the databases; clients of the address go on, and it does not come back by itself. Without HAProxy it
stands on the host of the primary, and nowhere else."""
import signal

import pytest

from lib import wait
from lib.front import Haproxy, Keepalived, ask
from lib.pg_cluster import LONG

SETTINGS = {"dynamic": {"synchronous_mode": "quorum"}}
BREAKS_THE_NETWORK = True
FLOATING = "10.77.0.100"


class Pair:
    """Two hosts with HAProxy and keepalived."""

    def __init__(self, front):
        self.front = front
        self.gone = None  # a host that died
        self.hosts = [front.host("lb1"), front.host("lb2")]
        self.haproxies = {host.name: Haproxy(host) for host in self.hosts}
        for host, other in zip(self.hosts, reversed(self.hosts)):
            Keepalived(host, "keepalived.conf", {"10.0.0.11": host.address, "10.0.0.12": other.address}, FLOATING)

    def holders(self):
        return [host for host in self.hosts if host is not self.gone and host.has(FLOATING)]

    def wait_holder(self, among):
        """Wait until one has the address, of @among."""
        wait.until(lambda: len(self.holders()) == 1 and self.holders()[0] in among,
                   lambda: f"one of {[host.name for host in among]} has the address\n{self.front.story()}")
        return self.holders()[0]

    def other(self, host):
        return next(one for one in self.hosts if one is not host)


@pytest.fixture
def pair(pg, front):
    """Two that are well, and all know the primary."""
    made = Pair(front)
    primary = pg.clusters[0].wait_well()
    for haproxy in made.haproxies.values():
        haproxy.wait_settled(primary)
    return made


def through(cluster):
    return f"host={FLOATING} port=5000 {cluster.login.partition(' ')[2]} dbname=postgres connect_timeout=2"


def moves(pg, pair, happens):
    """@happens to who has the address: clients go on at the other one, which has it alone. Who had it."""
    cluster = pg.clusters[0]
    holder = pair.wait_holder(pair.hosts)
    writers = pg.writers(through(cluster))
    writers.go_on()
    moment = writers.acknowledged()[-1][0]
    happens(pair, holder)
    writers.go_on(moment, 50)
    pair.wait_holder([pair.other(holder)])
    print(f"{happens.__name__}: outage {writers.outage(moment).ms:.0f} ms")
    assert writers.lost() == []
    assert ask(through(cluster), "SELECT pg_is_in_recovery()") == "f"
    return holder


def haproxy_dies(_, holder):
    holder.programs["haproxy"].strike()


def haproxy_hangs(_, holder):
    holder.programs["haproxy"].strike(signal.SIGSTOP)


def host_dies(pair, holder):
    """What stands on a host that is gone nobody meets."""
    pair.front.cluster.net.pull(holder.name)
    holder.kill()
    pair.gone = holder


def host_sees_no_database(pair, holder):
    for node in pair.front.cluster:
        pair.front.cluster.net.cut(holder.name, node.name)


def test_the_address_moves_and_does_not_come_back(pg, pair):
    old = moves(pg, pair, haproxy_dies)
    haproxy = pair.haproxies[old.name]
    haproxy.start()
    haproxy.wait_settled(pg.clusters[0].primary())
    wait.stays(lambda: pair.holders() == [pair.other(old)], "it stays there", 4)
    assert moves(pg, pair, host_dies) is pair.other(old)


if LONG:
    @pytest.mark.parametrize("happens", [haproxy_hangs, host_sees_no_database], ids=lambda happens: happens.__name__)
    def test_the_address_moves(pg, pair, happens):
        moves(pg, pair, happens)

    def test_the_address_stands_where_the_primary_is(pg, front):
        cluster = pg.clusters[0]
        primary = cluster.wait_well()
        for node in [*cluster.others(primary), primary]:  # who is first gets it, where all may
            own = {f"10.0.0.{number}": other.address for number, other in enumerate([node, *cluster.others(node)], 1)}
            Keepalived(front.host(node.name), "keepalived-primary.conf", own, FLOATING)

        def holders():
            return [host.name for host in front.hosts if host.has(FLOATING)]

        wait.until(lambda: holders() == [primary.name], lambda: f"it stands on {primary.name}, not {holders()}\n{front.story()}")
        primary.kill_all()
        wait.until(lambda: primary.name not in holders(), lambda: f"it leaves {primary.name}\n{front.story()}")
        heir = cluster.wait_primary(other_than=primary)
        wait.until(lambda: holders() == [heir.name], lambda: f"it stands on {heir.name}, not {holders()}\n{front.story()}")
        primary.start()
        assert cluster.wait_well() is heir
        assert holders() == [heir.name]
