"""tests/cluster/lib/tls.py - certificates for nodes, and TLS to the port for peers."""
import shutil
import socket
import ssl
import subprocess

from lib import wait
from lib.node import PEER_PORT, PGRAFTD

MAKE = PGRAFTD.parents[1] / "tests" / "cluster" / "certificates"


class Authority:
    """A fresh one in @folder, and what it has signed."""

    def __init__(self, folder, names):
        folder.mkdir()
        subprocess.run([MAKE, folder, *names], check=True)
        self.folder = folder

    def text(self, file):
        return (self.folder / file).read_text(encoding="ascii")


def give(node, authorities, signer):
    """The files of @node: it believes @authorities, and is signed for by @signer. In place of the secret."""
    place = node.cluster.folder / f"tls-{node.name}"
    place.mkdir(exist_ok=True)
    (place / "ca.pem").write_text("".join(a.text("ca.pem") for a in authorities), encoding="ascii")
    for kind in ("pem", "key"):
        shutil.copy(signer.folder / f"{node.name}.{kind}", place / f"node.{kind}")
    (place / "node.key").chmod(0o600)
    node.secret = None
    node.environment = {"PGRAFT_RAFT_CAFILE": str(place / "ca.pem"), "PGRAFT_RAFT_CERTFILE": str(place / "node.pem"),
                        "PGRAFT_RAFT_KEYFILE": str(place / "node.key")}


def connect(node, comes_with, shown, name=None):
    """A TLS connection to @node, which has to show a certificate of @shown, with one of @comes_with for @name."""
    name = name or node.name
    context = ssl.create_default_context(cafile=shown.folder / "ca.pem")
    context.check_hostname = False
    context.load_cert_chain(comes_with.folder / f"{name}.pem", comes_with.folder / f"{name}.key")
    plain = socket.create_connection((node.address, PEER_PORT), timeout=wait.PATIENCE_S)
    try:
        return context.wrap_socket(plain)
    except OSError:
        plain.close()
        raise
