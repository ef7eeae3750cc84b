"""tests/cli/test_ctl_recover.py - recover and snapshot restore, on the directories of real nodes.

Claim (docs/recovery.md): nothing is touched that runs, that is there already, that is damaged or that
nobody has confirmed; what is refused is said in one line; and whenever the program dies, the directory
holds the old store or the new one. Method: clusters of one node; a terminal made here; strace, which
ends the program at every rename and every sync in turn.
"""
import json
import os
import pty
import shutil
import socket
import struct
import subprocess
import time

import pytest

from fake_node import CTL, SECONDS_MAX, environment, ctl, fails, told
from test_ctl_snapshot import crc32c

PGRAFTD = os.path.join(os.environ["PGRAFT_BUILD_ROOT"], "daemon", "pgraftd")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Daemon:
    """pgraftd as a cluster of one, in @folder/data; use it with "with"."""

    def __init__(self, folder, data=None, name="w1"):
        self.folder = folder
        self.data = data or folder / "data"
        self.name = name
        self.address = f"127.0.0.1:{free_port()}"
        self.socket = folder / "s.sock"

    def __enter__(self):
        self.folder.mkdir(exist_ok=True)
        secret = self.folder / "secret"
        secret.write_text("0123456789abcdef" * 4)
        secret.chmod(0o600)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [PGRAFTD, "--witness", "--scope", "demo", "--name", self.name, "--listen", self.address, "--peers",
                 f"{self.name}={self.address}", "--data-dir", self.data, "--secret-file", secret],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=environment(PGRAFT_CTL_SOCKET=str(self.socket)))
        limit = time.monotonic() + SECONDS_MAX
        while ctl("raft", "--health", "-e", self.socket)[0] != 0:
            assert time.monotonic() < limit and self.process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.02)
        return self

    def __exit__(self, *_args):
        self.process.kill()
        self.process.wait()

    def ask(self, *words):
        return told(*words, "-e", self.socket)


@pytest.fixture(name="left")
def what_is_left(tmp_path):
    """The data directory of a node that is gone; motd is "hello", which only its log says."""
    with Daemon(tmp_path / "w1") as node:
        node.ask("kv", "put", "motd", "hello")
    return node.data


@pytest.fixture(name="saved", scope="module")
def what_was_saved(tmp_path_factory):
    """A file that a node has saved; motd is "hello"."""
    folder = tmp_path_factory.mktemp("saved")
    with Daemon(folder / "w1") as node:
        node.ask("kv", "put", "motd", "hello")
        node.ask("snapshot", "save", folder / "saved")
    return folder / "saved"


def shown(*words):
    return json.loads(told("recover", *words, "--show", "--format", "json"))["directories"]


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def refusal(*words, status=1):
    """The line on stderr, whatever table is on stdout."""
    got, _out, err = ctl(*words)
    assert got == status and err.count("\n") == 1, err
    return err.removeprefix("pgraftctl: ").rstrip("\n")


# --- recover ---

def test_what_is_left_is_shown(left):
    row = shown(left)[0]
    assert (row["directory"], row["node"], row["members"], row["revision"], row["trouble"]) == (str(left), "w1", 1, 1, None)
    assert row["term"] >= 1 and row["index"] >= row["applied"] >= 0
    assert row["written"].endswith("Z")
    table = told("recover", left, "--show")
    assert table.startswith("+ What is left ") and str(left) in table
    assert names(left) == ["store"]


def test_it_goes_on_as_another_cluster(left, tmp_path):
    before = shown(left)[0]
    done = json.loads(told("recover", left, "--yes", "--format", "json"))
    assert done["directories"] == [before]
    backup = done["recovered"]["backup"]
    assert names(left) == ["store", os.path.basename(backup)]
    after = shown(left)[0]
    assert after["cluster_id"] == done["recovered"]["cluster_id"] != before["cluster_id"]
    with Daemon(tmp_path / "again", left) as node:
        assert node.ask("kv", "get", "motd", "--raw") == "hello"
        revision = json.loads(node.ask("kv", "put", "motd", "on", "--format", "json"))["revision"]
        assert revision == before["revision"] + 10 ** 9 + 1 == done["recovered"]["revision"] + 1
    # What it was is whole: a way back, as long as nothing has joined.
    shutil.rmtree(left / "store")
    os.rename(backup, left / "store")
    assert shown(left) == [before]


def test_twice_is_once_more(left):
    first = shown(left)[0]
    for _ in range(2):
        assert "is a cluster of one now" in told("recover", left, "--yes")
    assert len(names(left)) == 3
    assert shown(left)[0]["revision"] == first["revision"] + 2 * 10 ** 9


def test_it_asks_first(left):
    def answer(text):
        mine, theirs = pty.openpty()
        process = subprocess.Popen([CTL, "recover", left], stdin=theirs, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=environment())
        os.write(mine, text)
        out, err = process.communicate(timeout=SECONDS_MAX)
        os.close(mine)
        os.close(theirs)
        return process.returncode, out.decode(), err.decode()

    before = shown(left)
    assert refusal("recover", left) == "this asks before it does anything, and there is no terminal: --yes"
    for text in (b"yes\n", b"\n", b"w\n", b"w11\n", b"\x04"):
        status, out, err = answer(text)
        assert (status, "cluster of one now" in out) == (1, False)
        assert "Type w1 to go on: " in err and "not confirmed: nothing was changed" in err
    assert shown(left) == before and names(left) == ["store"]
    status, out, err = answer(b"w1\n")
    assert (status, "w1 is a cluster of one now" in out) == (0, True), err


def test_what_is_worse_or_doubtful_needs_a_word(left, tmp_path):
    older = tmp_path / "older"
    subprocess.run(["cp", "-a", left, older], check=True)
    with Daemon(tmp_path / "w1", left) as node:
        node.ask("kv", "put", "motd", "newer")
        assert refusal("recover", left, "--yes") == f"{left}/store is in use by process {node.process.pid}"
    assert shown(older, left)[0]["trouble"] == "a copy, or moved or restored"
    assert f"{left} holds more (term " in refusal("recover", older, left, "--yes")
    assert f"{older} is doubtful (a copy, or moved or restored)" in refusal("recover", older, "--yes")
    assert names(older) == ["store"]
    told("recover", older, left, "--yes", "--accept-loss")
    with Daemon(tmp_path / "older-again", older) as node: # it is no copy of anybody any more
        assert node.ask("kv", "get", "motd", "--raw") == "hello"
    assert f"{left} and {older} are of different clusters" in refusal("recover", left, older, "--yes", "--accept-loss")


def test_what_can_not_be_read(left, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert refusal("recover", empty, "--yes") == f"{empty}/store: there is no store"
    assert names(empty) == []
    assert f"{empty} can not be read and may hold more than {left}" in refusal("recover", left, empty, "--yes")
    row = shown(left, empty)[1]
    assert (row["directory"], row["trouble"]) == (str(empty), f"{empty}/store: there is no store")
    (left / "store" / "data.mdb").write_bytes((left / "store" / "data.mdb").read_bytes()[:20000])
    assert f"{left}/store: " in refusal("recover", left, "--yes", "--accept-loss")
    assert names(left) == ["store"]


def test_the_same_directory_twice(left):
    assert f"{left} can not be read and may hold more" in refusal("recover", left, left, "--yes")


def test_wrong_words():
    assert "which data directory?" in refusal("recover", status=2)
    assert "no more than 9 directories" in refusal("recover", *["/nonexistent"] * 10, status=2)


def test_by_configuration(left, tmp_path):
    config = tmp_path / "pgraft.yml"
    config.write_text(f"scope: demo\nname: w1\nraft:\n  data_dir: {left}\n")
    assert shown("-c", config)[0]["node"] == "w1"
    config.write_text("scope: demo\n")
    assert "which data directory?" in refusal("recover", "-c", config, status=2)


# --- dying in the middle ---

DEADLY = "fsync,fdatasync,renameat2"


def killed_at(number, *words):
    """Run pgraftctl, and kill it at its @number-th call of DEADLY; was it killed?"""
    done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={DEADLY}", "-e",
                           f"inject={DEADLY}:signal=SIGKILL:when={number}", CTL, *map(str, words)],
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS_MAX, check=False,
                          env=environment(ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")) # not under strace
    assert done.returncode in (0, -9, 137), done.stderr
    return done.returncode != 0


def is_store_of(folder, name, wanted):
    """Is the directory @name of @folder the store that was shown as @wanted?"""
    os.rename(folder / "store", folder / "aside")
    os.rename(folder / name, folder / "store")
    try:
        return shown(folder) == wanted
    finally:
        os.rename(folder / "store", folder / name)
        os.rename(folder / "aside", folder / "store")


def test_a_recovery_that_dies_leaves_the_old_store_or_the_new_one(left):
    before = shown(left)
    number = 1
    seen = set()
    while killed_at(number, "recover", left, "--yes"):
        after = shown(left)
        seen.add(after == before)
        if after != before:
            assert after[0]["revision"] == before[0]["revision"] + 10 ** 9 and after[0]["trouble"] is None
            assert any(is_store_of(left, name, before) for name in names(left) if name != "store"), names(left)
            before = after
        number += 1
    assert number > 5 and seen == {True, False}


def test_a_restore_that_dies_leaves_a_store_or_none(saved, tmp_path):
    words = ["--witness", "--name", "w1", "--address", "127.0.0.1:7400"]
    number = 1
    whole = 0
    while killed_at(number, "snapshot", "restore", saved, *words, "--data-dir", tmp_path / f"r{number}"):
        place = tmp_path / f"r{number}"
        if (place / "store").exists():
            whole += 1
            assert shown(place)[0]["trouble"] is None
        number += 1
    assert number > 4 and whole >= 1
    assert shown(tmp_path / f"r{number}")[0]["revision"] == 10 ** 9 + 1


# --- snapshot restore ---

NODE = ("--witness", "--name", "w7", "--address", "127.0.0.1:7400")


def test_a_saved_file_becomes_a_node(saved, tmp_path):
    place = tmp_path / "deep" / "place"
    done = json.loads(told("snapshot", "restore", saved, *NODE, "--data-dir", place, "--format", "json"))
    assert (done["node"], done["kind"], done["keys"], done["old_revision"]) == ("w7", "witness", 1, 1)
    facts = json.loads(told("snapshot", "status", saved, "--format", "json"))
    assert done["cluster_id"] != done["old_cluster_id"] == facts["cluster_id"] and facts["term"] > 0
    assert shown(place)[0]["cluster_id"] == done["cluster_id"]
    assert names(place) == ["store"]
    assert (place.stat().st_mode & 0o777, (place / "store").stat().st_mode & 0o777) == (0o700, 0o700)
    with Daemon(tmp_path / "run", place, "w7") as node: # its address is another one now, which it takes over
        assert node.ask("kv", "get", "motd", "--raw") == "hello"
        assert node.address in node.ask("member", "list")
    assert "is not empty: it has \"store" in fails(1, "snapshot", "restore", saved, *NODE, "--data-dir", place)


def test_restore_takes_what_a_configuration_says(saved, tmp_path):
    config = tmp_path / "pgraft.yml"
    config.write_text("scope: demo\nname: w8\nraft:\n  listen: 127.0.0.1:7400\n  peers: [w8=127.0.0.1:7400, w9=127.0.0.2:7400]\n"
                      f"  site: fra\n  insecure: true\n  data_dir: {tmp_path / 'place'}\n")
    done = json.loads(told("snapshot", "restore", saved, "-c", config, "--format", "json"))
    assert (done["node"], done["address"], done["kind"]) == ("w8", "127.0.0.1:7400", "witness")
    done = json.loads(told("snapshot", "restore", saved, "-c", config, "--name", "w9", "--site", "ber", "--data-dir",
                           tmp_path / "other", "--address", "127.0.0.2:7400", "--format", "json"))
    assert (done["directory"], done["node"], done["address"]) == (str(tmp_path / "other"), "w9", "127.0.0.2:7400")
    assert "postgresql" in fails(2, "snapshot", "restore", saved, "-c", config, "--voter", "--data-dir", tmp_path / "pg")
    config.write_text("scope: demo\nname: [\n")
    assert str(config) in fails(2, "snapshot", "restore", saved, "-c", config)


@pytest.mark.parametrize("words, says", [
    ((), "what will this node be?"),
    (("--voter", "--witness"), "either --voter or --witness"),
    (("--witness",), "say --data-dir"),
    (("--witness", "--data-dir", "x"), "say --name"),
    (("--witness", "--data-dir", "x", "--name", "w1"), "say --address"),
    (("--witness", "--data-dir", "x", "--name", "w" * 64, "--address", "h:1"), "--name: too long"),
    (("--witness", "--data-dir", "x", "--name", "w 1", "--address", "h:1"), "name: only letters"),
    (("--witness", "--data-dir", "x", "--name", "w1", "--address", "h"), "h")])
def test_restore_says_what_is_missing(words, says, tmp_path):
    assert says in fails(2, "snapshot", "restore", tmp_path / "none", *words)


def rewritten(text, change):
    """The file with its head and rows through @change, and sums that fit."""
    magic, head, rest = text.split(b"\n", 2)
    rows, at = [], 0
    while rest[at:at + 4] != b"\xff\xff\xff\xff":
        key, value = struct.unpack_from("<II", rest, at)
        rows.append((rest[at + 8:at + 8 + key], rest[at + 8 + key:at + 8 + key + value]))
        at += 12 + key + value
    head, rows = change(json.loads(head), rows)
    out = magic + b"\n" + json.dumps(head).encode() + b"\n"
    for key, value in rows:
        row = struct.pack("<II", len(key), len(value)) + key + value
        out += row + struct.pack("<I", crc32c(row))
    out += b"\xff\xff\xff\xff"
    sums = {"rows": len(rows), "bytes": len(out), "crc32c": f"{crc32c(out):08x}"}
    return out + json.dumps(sums).encode() + b"\n"


@pytest.mark.parametrize("change, says", [
    (lambda head, rows: (head, [row for row in rows if row[0] != b"kmotd"]), "state table: "),
    (lambda head, rows: (head, [(key, value.replace(b"hello", b"hallo")) for key, value in rows]), "state table: "),
    (lambda head, rows: (head, [*rows, (b"l" + b"\0" * 7 + b"\7", b"\1x")]), "state table: "),
    (lambda head, rows: (head, [(b"x" * 481, b"y"), *rows]), "a row with a key that is none"),
    (lambda head, rows: (head | {"revision": 7}, rows), "its head and its rows are of different states"),
    (lambda head, rows: (head | {"state_hash": "0" * 32}, rows), "its head and its rows are of different states"),
    (lambda head, rows: (head | {"index": 0}, rows), "its head and its rows are of different states"),
    (lambda head, rows: (head | {"term": 2 ** 63 - 1}, rows), "its head and its rows are of different states")])
def test_a_file_whose_sums_fit_and_whose_state_does_not(change, says, saved, tmp_path):
    path = tmp_path / "changed"
    path.write_bytes(rewritten(saved.read_bytes(), change))
    line = fails(1, "snapshot", "restore", path, *NODE, "--data-dir", tmp_path / "place")
    assert says in line and str(path) in line
    assert names(tmp_path) == ["changed"]
    path.write_bytes(rewritten(saved.read_bytes(), lambda head, rows: (head, rows)))
    told("snapshot", "restore", path, *NODE, "--data-dir", tmp_path / "place")


def test_a_file_that_is_cut_or_altered_anywhere(saved, tmp_path):
    path, place = tmp_path / "changed", tmp_path / "place"
    whole = saved.read_bytes()
    for at in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:at])
        assert str(path) in fails(1, "snapshot", "restore", path, *NODE, "--data-dir", place)
    for at in range(60, len(whole) - 60, 97):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x04]) + whole[at + 1:])
        assert str(path) in fails(1, "snapshot", "restore", path, *NODE, "--data-dir", place)
    assert names(tmp_path) == ["changed"]
