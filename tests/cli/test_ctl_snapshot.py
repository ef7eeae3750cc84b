"""tests/cli/test_ctl_snapshot.py - a saved snapshot is whole and proves it, or it is not there.

Claim: any damaged byte, any missing tail and anything added is found, by save before the file has its
name, and by status. Method: files made here, by docs/http.md, with every byte changed once.
"""
import json
import stat
import struct

import pytest

from fake_node import Error, Node, ctl, fails, told

HEAD = {"cluster_id": "5f00c0ffee00c0ff", "scope": "demo", "namespace": "/service/", "node": "pg1", "term": 7,
        "index": 12045, "revision": 880, "epoch": 3, "state_hash": "0" * 31 + "1",
        "created": "2026-11-21T09:00:00.000Z", "version": "0.1.0"}
ROWS = [(b"Kmotd", b"hello"), (b"Kx\x00y", b""), (b"m", bytes(range(100)))]


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def snapshot(head=None, rows=tuple(ROWS), end=None, magic=b"pgraft-snapshot/1\n"):
    text = magic + json.dumps(head or HEAD).encode() + b"\n"
    for key, value in rows:
        row = struct.pack("<II", len(key), len(value)) + key + value
        text += row + struct.pack("<I", crc32c(row))
    text += struct.pack("<I", 0xffffffff)
    sums = {"rows": len(rows), "bytes": len(text), "crc32c": f"{crc32c(text):08x}", **(end or {})}
    return text + json.dumps(sums).encode() + b"\n"


def node_with(text, breaks=False):
    def answer(_body):
        for at in range(0, len(text), 50):
            yield text[at:at + 50]
        if breaks:
            yield None
    return Node({"/pgraft/v1/snapshot": answer})


SHOWN = """\
Cluster:     demo
Namespace:   /service/
Cluster id:  5f00c0ffee00c0ff
Taken from:  pg1
Taken at:    2026-11-21T09:00:00.000Z
Revision:    880
Term:        7
Index:       12045
Epoch:       3
Rows:        3
"""


def test_a_snapshot_is_saved_and_checked(tmp_path):
    path = tmp_path / "demo.snapshot"
    with node_with(snapshot()) as node:
        assert told("snapshot", "save", path, node=node).startswith(SHOWN)
        assert path.read_bytes() == snapshot()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert told("snapshot", "status", path).startswith(SHOWN)
        facts = json.loads(told("snapshot", "status", path, "--format", "json"))
        assert (facts["rows"], facts["state_hash"], facts["crc32c"]) == (3, HEAD["state_hash"], f"{crc32c(snapshot()[:facts['bytes']]):08x}")
        assert fails(1, "snapshot", "save", path, node=node) == f"{path} is there already; --force replaces it"
        told("snapshot", "save", path, "--force", node=node)
        assert [entry.name for entry in tmp_path.iterdir()] == ["demo.snapshot"]


def test_an_empty_state(tmp_path):
    (tmp_path / "x").write_bytes(snapshot(rows=()))
    assert "Rows:        0\n" in told("snapshot", "status", tmp_path / "x")


@pytest.mark.parametrize("answer, status, line", [
    (snapshot()[:-20], 1, "cut off after"), (snapshot() + b"x", 1, "something behind its end"), (b"", 1, "no snapshot of pgraft"),
    (b"{}", 1, "no snapshot of pgraft"), (snapshot(magic=b"pgraft-snapshot/2\n"), 1, 'of version "2", this program knows 1')])
def test_what_is_not_whole_is_not_saved(answer, status, line, tmp_path):
    with node_with(answer) as node:
        assert line in fails(status, "snapshot", "save", tmp_path / "x", node=node)
    assert list(tmp_path.iterdir()) == []


def test_a_connection_that_breaks(tmp_path):
    with node_with(snapshot(), breaks=True) as node:
        assert "closed the connection" in fails(1, "snapshot", "save", tmp_path / "x", node=node)
    with Node({"/pgraft/v1/snapshot": Error("ERR_DENIED", "over the socket only")}) as node:
        assert fails(1, "snapshot", "save", tmp_path / "x", node=node) == "over the socket only"
    assert "No such file" in fails(1, "snapshot", "save", tmp_path / "no" / "x", "-e", "127.0.0.9:1")
    assert list(tmp_path.iterdir()) == []


def test_every_damaged_byte_and_every_cut_is_found(tmp_path):
    """The sums are in the file, and a space may stand anywhere in its JSON: all else is told."""
    whole = snapshot(head={"scope": "x"}, rows=((b"Kx", b"y"),))
    path = tmp_path / "x"
    tails = whole.rindex(b'{"rows"')
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x04]) + whole[at + 1:])
        status, out, err = ctl("snapshot", "status", path)
        assert (status, out) == (1, ""), at
        assert err.isprintable() or err.count("\n") == 1
    for size in [*range(0, len(whole), 7), tails, len(whole) - 1]:
        path.write_bytes(whole[:size])
        assert ctl("snapshot", "status", path)[0] == 1, size


@pytest.mark.parametrize("end", [{"rows": 2}, {"bytes": 1}, {"crc32c": "00000000"}, {"crc32c": None}])
def test_sums_that_are_not_those_of_the_file(end, tmp_path):
    (tmp_path / "x").write_bytes(snapshot(end=end))
    assert "the sums at its end are not those of the file" in fails(1, "snapshot", "status", tmp_path / "x")


def test_a_row_of_impossible_size(tmp_path):
    text = snapshot()
    at = text.index(b"\n", text.index(b"\n") + 1) + 1
    (tmp_path / "x").write_bytes(text[:at + 4] + struct.pack("<I", 0xfffffff0) + text[at + 8:])
    assert "a row of impossible size" in fails(1, "snapshot", "status", tmp_path / "x")
    assert "No such file" in fails(1, "snapshot", "status", tmp_path / "no")
