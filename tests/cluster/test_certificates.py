"""tests/cluster/test_certificates.py - authority and certificates of all nodes are exchanged under load.

Claim (docs/peers.md): in three steps, each a file and a SIGHUP on every node, everything is of the new authority;
nobody is restarted, no leader is lost, no write is refused; who then comes with a certificate of the old
authority is nobody, and both sides say so."""
import re
import signal

import pytest

from lib import wait
from lib.node import PEER_PORT
from lib.tls import Authority, connect, give
from test_crashes import writes_go_on

NAMES = ["n1", "n2", "n3"]
GAP_S = 2.0  # without an acknowledged write; an election on a busy machine would take no less


@pytest.fixture
def old(tmp_path):
    return Authority(tmp_path / "old", [*NAMES, "late"])


@pytest.fixture
def new(tmp_path):
    return Authority(tmp_path / "new", [*NAMES, "late"])


def takes(node, comes_with, shown):
    """@node shows a certificate of the authority @shown, and takes who comes with one of @comes_with."""
    try:
        with connect(node, comes_with, shown) as tls:
            return len(tls.recv(1)) == 1  # what it says first, to whoever it believes
    except OSError:
        return False


def reload_one_by_one(cluster, load, authorities, signer):
    """... and see of each that it has, before the next."""
    for node in cluster:
        give(node, authorities, signer)
        node.signal(signal.SIGHUP)
        wait.until(lambda node=node: all(takes(node, a, signer) for a in authorities), node.log_tail)
        writes_go_on(load)


def test_authority_and_certificates_are_exchanged_under_load(stage, linearizable, old, new):
    cluster = stage.cluster(NAMES)
    for node in cluster:
        give(node, [old], old)
    leader = cluster.form()
    assert takes(leader, old, shown=old)
    assert not takes(leader, new, shown=old)
    term = leader.raft()["term"]
    load = stage.load(cluster)
    writes_go_on(load)
    reload_one_by_one(cluster, load, [old, new], old)
    reload_one_by_one(cluster, load, [old, new], new)
    assert not any(node.count("peer lost.*term=[^0]|not accepted any more") for node in cluster)
    reload_one_by_one(cluster, load, [new], new)
    writes_go_on(load)
    history = load.stop()
    assert not re.search(r"(failed|unknown)$", history, re.MULTILINE)
    assert load.gap_s() < GAP_S
    assert [node.raft()["term"] for node in cluster] == [term] * len(NAMES)
    for node in cluster:
        assert not takes(node, old, shown=new)
        node.says("certificate that is not accepted any more")
        assert not node.count("stay as they are")
    late = cluster.add("late")
    late.peers = cluster.peers_text() + f",late={late.address}:{PEER_PORT}"
    give(late, [old, new], old)
    late.start()
    late.says("peer refused.*certificate")
    leader.says("peer refused.*certificate")
    assert late.state() == "forming"
    leader.restart()
    cluster.wait_voters(NAMES)
    give(late, [new], new)
    late.signal(signal.SIGHUP)
    cluster.wait_voters([*NAMES, "late"])
    linearizable(history)
