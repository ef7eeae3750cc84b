"""tests/http/test_snapshot.py - the whole state as one file.

Claim: the file is whole, its sums are right, it holds every key as of one moment while others write, and
taking it gives back what it took: readers of the store are not left behind by clients that go away.
"""
import json
import struct
import threading
from contextlib import closing

import pytest
from http_kit import Nodes, until


def crc32c(some, crc=0):
    crc ^= 0xffffffff
    for byte in some:
        crc = TABLE[(crc ^ byte) & 0xff] ^ crc >> 8
    return crc ^ 0xffffffff


def table_row(number):
    for _ in range(8):
        number = number >> 1 ^ (0x82f63b78 if number & 1 else 0)
    return number


TABLE = [table_row(number) for number in range(256)]


@pytest.fixture(scope="module")
def node():
    one = Nodes(1)
    yield one[1]
    one.close()


def parse(some):
    """(head, rows, end) of a file, with everything checked that it says of itself."""
    magic, head, rest = some.split(b"\n", 2)
    assert magic == b"pgraft-snapshot/1"
    at = len(some) - len(rest)
    rows = []
    while (size := struct.unpack_from("<I", some, at)[0]) != 0xffffffff:
        value = struct.unpack_from("<I", some, at + 4)[0]
        end = at + 8 + size + value
        assert struct.unpack_from("<I", some, end)[0] == crc32c(some[at:end])
        rows.append((some[at + 8:at + 8 + size], some[at + 8 + size:end]))
        at = end + 4
    at += 4
    end = json.loads(some[at:])
    assert some.endswith(b"}\n")
    assert (end["rows"], end["bytes"], end["crc32c"]) == (len(rows), at, f"{crc32c(some[:at]):08x}")
    assert rows == sorted(rows, key=lambda row: (len(row[0]), row[0]))
    return json.loads(head), dict(rows), end


def keys_of(rows):
    return {row[1:].decode() for row in rows if row[:1] == b"k"}


def test_the_file_holds_everything(node):
    for number in range(200):
        node.done("kv/put", {"key": f"key{number:03}", "value": "v" * number})
    revision = node.done("kv/put", {"key": "last", "value": "x"})["revision"]
    answer = node.get("/pgraft/v1/snapshot")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/octet-stream")
    head, rows, _ = parse(answer.body)
    assert head["revision"] >= revision
    assert keys_of(rows) == {f"key{n:03}" for n in range(200)} | {"last"}
    assert (head["scope"], head["namespace"], head["node"]) == ("test", "/service/", "n1")
    assert head["cluster_id"] == node.get("/raft").json["cluster_id"]
    assert head["index"] > 0
    assert len(head["state_hash"]) == 32


def test_it_is_of_one_moment_and_larger_than_a_slice(node):
    for number in range(30):
        node.done("kv/put", {"key": f"big{number:02}", "value": "b" * 100_000})
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            both = [{"put": {"key": name, "value": str(number)}} for name in ("aa", "zz")]
            node.done("kv/txn", {"then": both})
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(4):
            rows = parse(node.get("/pgraft/v1/snapshot").body)[1]
            pair = [rows.get(b"kaa"), rows.get(b"kzz")]
            # Behind the five numbers of a row: what both keys were set to in one transaction.
            assert pair[0] is None or pair[0][41:] == pair[1][41:]
    finally:
        stop.set()
        writer.join()


def test_head_and_who_may(node):
    assert node.ask("HEAD", "/pgraft/v1/snapshot").status == 200
    assert node.get("/pgraft/v1/snapshot", headers={"Host": "evil.example"}, tcp=True).status == 403
    assert node.post("snapshot", {}).status == 405


def test_who_goes_away_leaves_nothing_behind(node):
    for _ in range(12):
        with closing(node.raw(tcp=False)) as plain:
            plain.sendall(b"GET /pgraft/v1/snapshot HTTP/1.1\r\nHost: x\r\n\r\n")
            plain.recv(100)
    until(lambda: node.get("/pgraft/v1/snapshot").status == 200, 20)


def test_two_at_a_time_and_no_more(node):
    standing = [node.raw(tcp=False) for _ in range(2)]
    for plain in standing:
        plain.sendall(b"GET /pgraft/v1/snapshot HTTP/1.1\r\nHost: x\r\n\r\n")
        plain.recv(100)
    answer = node.get("/pgraft/v1/snapshot")
    assert (answer.status, answer.code) == (429, "ERR_BUSY")
    for plain in standing:
        plain.close()
    until(lambda: node.get("/pgraft/v1/snapshot").status == 200, 20)
