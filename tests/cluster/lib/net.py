"""tests/cluster/lib/net.py - the network between the nodes, and how it is broken.

Bridge: one network namespace a node, one bridge between them. A broken way is one-directional and
silent: the sender is given a hardware address that nobody has, so that its frames reach nobody,
on old connections and new ones. Nothing of the machine's own network is touched: all of it is in
the namespaces that inside.py made. Loopback: addresses on one machine; nothing can be broken."""
import os
import subprocess
import sys

NOBODY = "02:00:00:00:00:fe"  # a hardware address that no node has

OUTSIDE = "10.77.0.254"  # where the tests and their clients are


def _ip(*words, lines=None):
    subprocess.run(["ip", *words], input=lines, text=True, check=True, capture_output=True)


class Bridge:
    """Nodes with hosts of their own, as far as the network is concerned."""

    can_break = True

    def __init__(self):
        self.addresses = {}
        self.cuts = set()
        self.without_clients = set()
        _ip("link", "add", "bridge", "type", "bridge")
        _ip("link", "set", "bridge", "up")
        _ip("address", "add", f"{OUTSIDE}/24", "dev", "bridge")

    def add(self, name, address=None):
        """A host for the node @name; its address."""
        address = address or f"10.77.0.{len(self.addresses) + 1}"
        assert address not in self.addresses.values()
        _ip("netns", "add", name)
        _ip("link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", f"to-{name}", "master", "bridge", "up")
        _ip("-n", name, "-batch", "-", lines=f"link set lo up\nlink set eth0 up\n"
            f"address add {address}/24 dev eth0\n")
        self.addresses[name] = address
        return address

    def move(self, name, address):
        """The host @name gets another address."""
        _ip("-n", name, "-batch", "-", lines=f"address flush dev eth0\naddress add {address}/24 dev eth0\n")
        self.addresses[name] = address
        for other in self.addresses:  # nobody goes on sending to the host that had it before
            _ip("-n", other, "neigh", "flush", "dev", "eth0")

    def command(self, name):
        """What a command is put behind to run on the host @name."""
        return ["nsenter", f"--net=/run/netns/{name}"]

    def cut(self, sender, receiver):
        """Nothing that @sender sends reaches @receiver any more."""
        self.cuts.add((sender, receiver))
        _ip("-n", sender, "neigh", "replace", self.addresses[receiver], "lladdr", NOBODY, "dev", "eth0",
            "nud", "permanent")

    def mend(self, sender, receiver):
        self.cuts.discard((sender, receiver))
        _ip("-n", sender, "neigh", "del", self.addresses[receiver], "dev", "eth0")

    def part(self, *groups):
        """Nothing passes between nodes of different @groups, in either direction."""
        for mine in groups:
            for theirs in groups:
                if mine is not theirs:
                    for sender in mine:
                        for receiver in theirs:
                            self.cut(sender, receiver)

    def cut_outside(self, name):
        """Nothing passes between the host @name and who is no node: its clients."""
        self.without_clients.add(name)
        _ip("neigh", "replace", self.addresses[name], "lladdr", NOBODY, "dev", "bridge", "nud", "permanent")
        _ip("-n", name, "neigh", "replace", OUTSIDE, "lladdr", NOBODY, "dev", "eth0", "nud", "permanent")

    def mend_outside(self, name):
        self.without_clients.discard(name)
        _ip("neigh", "del", self.addresses[name], "dev", "bridge")
        _ip("-n", name, "neigh", "del", OUTSIDE, "dev", "eth0")

    def pull(self, name):
        """The cable of @name is pulled: its link is down."""
        _ip("link", "set", f"to-{name}", "down")

    def plug(self, name):
        _ip("link", "set", f"to-{name}", "up")

    def heal(self):
        """Every way is as it was at first."""
        for name in self.addresses:
            self.plug(name)
        for sender, receiver in sorted(self.cuts):
            self.mend(sender, receiver)
        for name in sorted(self.without_clients):
            self.mend_outside(name)

    def close(self):
        for name in self.addresses:
            _ip("link", "del", f"to-{name}")
            _ip("netns", "del", name)
        _ip("link", "del", "bridge")


class Loopback:
    """Nodes that are told apart by address alone."""

    can_break = False
    block = 0

    def __init__(self):
        self.addresses = {}
        Loopback.block += 1

    def add(self, name, address=None):
        self.addresses[name] = address or f"127.77.{Loopback.block}.{len(self.addresses) + 1}"
        return self.addresses[name]

    def move(self, name, address):
        self.addresses[name] = address

    def command(self, _name):
        return [sys.executable, "-c", "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); "
                "os.execv(sys.argv[1], sys.argv[1:])"]

    def heal(self):
        pass

    def close(self):
        pass


def network():
    return Bridge() if os.environ["PGRAFT_CLUSTER_NET"] == "bridge" else Loopback()
