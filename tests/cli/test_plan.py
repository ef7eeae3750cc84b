"""tests/cli/test_plan.py - pgraftctl plan and secret generate: the words, the files, and who may read them.

Claim: a plan says in every format the same; the files of a layout belong together, are private, appear all
at once, and a second run never changes a secret that nodes may be using. What the numbers mean is judged
by tests/unit/test_plan.c.
"""
import json
import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

CTL = Path(os.environ["PGRAFT_BUILD_ROOT"]) / "ctl" / "pgraftctl"
PGRAFTD = Path(os.environ["PGRAFT_BUILD_ROOT"]) / "daemon" / "pgraftd"
SOURCE = Path(os.environ["PGRAFT_SOURCE_ROOT"])
THREE = ["--databases", "3", "--survive", "2"]
SITES = ["--sites", "3", "--databases-per-site", "2", "--survive-sites", "2"]
SECONDS_MAX = 60


def run(*words, cwd=None, umask=0o022):
    done = subprocess.run([CTL, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=SECONDS_MAX, check=False, cwd=cwd, umask=umask)
    return done.returncode, done.stdout, done.stderr


def told(*words, **options):
    status, out, err = run(*words, **options)
    assert (status, err) == (0, "")
    return out


def refused(*words, status=1, **options):
    got, out, err = run(*words, **options)
    assert (got, out) == (status, "")
    assert err.count("\n") == 1
    return err.removeprefix("pgraftctl: ").rstrip("\n")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


# --- Words and tables ---

NODES = """\
5 votes: 3 databases and 2 witnesses. A majority is 3, so any 2 nodes may fail.

+ Nodes ----------+------+
| Node | Runs     | Vote |
+------+----------+------+
| pg1  | database | yes  |
| pg2  | database | yes  |
| pg3  | database | yes  |
| w1   | witness  | yes  |
| w2   | witness  | yes  |
+------+----------+------+

+ What the worst loss leaves ---------------+-------+----------------+
| Lost        | Votes left | Databases left | Works | Votes to spare |
+-------------+------------+----------------+-------+----------------+
| any 1 node  |          4 |              2 | yes   |              1 |
| any 2 nodes |          3 |              1 | yes   |              0 |
| any 3 nodes |          2 |              0 | no    |              0 |
+-------------+------------+----------------+-------+----------------+

- One vote more would be an even number: a majority of 6 is 4, and no more losses are survived.
"""


def test_three_databases_that_survive_two_losses():
    assert told("plan", *THREE) == NODES


def test_three_sites_the_cheapest_layout_comes_first():
    shown = told("plan", *SITES)
    cheap, full = shown.split("\nEvery database with a vote (--layout full)\n")
    assert cheap.startswith("The cheapest layout (--layout cheapest)\n"
                            "5 votes: 1 in each of 3 sites and 2 witnesses outside. A majority is 3, so any 2 "
                            "sites, or any 2 nodes, may fail.\n")
    assert "raft.max_voters: 5" in cheap
    assert full.startswith("9 votes: 2 in each of 3 sites and 3 witnesses outside. A majority is 5, so any 2 "
                           "sites, or any 4 nodes, may fail.\n")
    assert "- Needs raft.max_voters: 9 in the configuration of every node, since the default is 7.\n" in full
    for half in (cheap, full):
        assert "each in a place of its own" in half


def test_every_format_tells_the_same():
    layouts = json.loads(told("plan", *SITES, "--format", "json"))
    assert [layout["layout"] for layout in layouts] == ["cheapest", "full"]
    assert [layout["votes"] for layout in layouts] == [5, 9]
    assert [layout["max_voters"] for layout in layouts] == [5, 9]
    rows = told("plan", *SITES, "--format", "tsv").splitlines()
    assert rows[0] == "layout\tnode\tsite\truns\tvote"
    nodes = [node for layout in layouts for node in layout["nodes"]]
    assert rows[1:] == ["\t".join([n["layout"], n["node"], n["site"], n["runs"], str(n["vote"]).lower()])
                        for n in nodes]
    yaml = told("plan", *SITES, "--format", "yaml")
    assert yaml.startswith("- layout: cheapest\n  summary: \"5 votes: 1 in")
    for layout in layouts:
        for note in layout["notes"]:
            assert f"- {note}\n" in told("plan", *SITES)


@pytest.mark.parametrize("words, words_in_note", [
    (["--databases", "4", "--survive", "1"],
     "4 is an even number: a majority is 3, so 4 votes survive 1 loss, no more than 3 votes do. One witness more "
     "makes 5, which survive 2."),
    (["--databases", "2", "--survive", "0"], "Warning: with 2 votes both are needed."),
    (["--databases", "1", "--survive", "0"], "there is no other copy of the store"),
    (["--databases", "8", "--survive", "3"], "pg8 has no vote"),
    (["--databases", "5", "--survive", "4"], "Needs raft.max_voters: 9"),
    (["--sites", "2", "--databases-per-site", "1", "--survive-sites", "1"], "must not fail together with one"),
    (["--sites", "3", "--databases-per-site", "3", "--survive-sites", "2"],
     "A vote for every database is no layout here: 13 votes"),
])
def test_what_has_to_be_known_is_said(words, words_in_note):
    assert words_in_note in told("plan", *words)


@pytest.mark.parametrize("words, why", [
    (["--databases", "2", "--survive", "2"],
     "2 databases can not survive the loss of 2 nodes: no PostgreSQL might be left; nearest: --databases 2 "
     "--survive 1, or --databases 3 --survive 2"),
    (["--databases", "9", "--survive", "5"],
     "surviving the loss of 5 nodes takes 11 votes, and raft.max_voters is 9 at most; nearest: --databases 9 "
     "--survive 4"),
])
def test_the_impossible_is_refused(words, why):
    assert refused("plan", *words) == why


@pytest.mark.parametrize("words", [
    [], ["--databases", "3"], ["--survive", "1"], ["--sites", "3", "--survive-sites", "1"],
    [*THREE, "--sites", "3"], ["--databases", "x", "--survive", "1"], ["--databases", "0", "--survive", "0"],
    ["--databases", "-1", "--survive", "0"], ["--databases", "99999999999999999999", "--survive", "0"],
    [*THREE, "--max-voters", "10"], [*THREE, "--force"], [*THREE, "--scope", "x"]])
def test_wrong_usage(words, tmp_path):
    assert 'try "pgraftctl plan --help"' in refused("plan", *words, status=2, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- The files ---

def peers(text):
    return re.findall(r"^    - (\S+=\S+)$", text, re.MULTILINE)


def test_a_file_for_every_node_and_the_secrets(tmp_path):
    target = tmp_path / "cluster"
    shown = told("plan", *THREE, "--write-configs", target, "--address-pattern", "10.0.0.{n}", "--scope", "main",
                 umask=0o000)
    assert "Wrote 5 configurations (pg1.yml to w2.yml), secret and passwords to " in shown
    assert "invented" not in shown
    assert sorted(path.name for path in target.iterdir()) == [
        "passwords", "pg1.yml", "pg2.yml", "pg3.yml", "secret", "w1.yml", "w2.yml"]
    assert mode(target) == 0o700
    assert {mode(path) for path in target.iterdir()} == {0o600}
    assert re.fullmatch(r"[0-9a-f]{64}\n", (target / "secret").read_text())
    passwords = dict(line.split() for line in (target / "passwords").read_text().splitlines())
    assert sorted(passwords) == ["replication", "restapi", "superuser"]
    assert len(set(passwords.values())) == 3
    everybody = [f"{name}=10.0.0.{at}:7400" for at, name in enumerate(["pg1", "pg2", "pg3", "w1", "w2"], 1)]
    for at, name in enumerate(["pg1", "pg2", "pg3", "w1", "w2"], 1):
        text = (target / f"{name}.yml").read_text()
        assert f'\nscope: "main"\nname: "{name}"\n' in text
        assert f'raft:\n  listen: "10.0.0.{at}:7400"\n' in text
        assert peers(text) == everybody
        assert passwords["restapi"] in text
        assert "max_voters" not in text
        assert (passwords["superuser"] in text) == ("\npostgresql:\n" in text) == name.startswith("pg")
        assert ("--voter" if name.startswith("pg") else "--witness") in text


def test_the_files_are_those_of_the_units_and_let_the_others_in(tmp_path):
    """deploy/systemd/ starts what is written, and the hosts of a new cluster can replicate from each other."""
    told("plan", *THREE, "--write-configs", tmp_path / "cluster")
    for name, unit, path in (("pg1", "pgraftd", "/etc/pgraft/pgraft.yml"), ("w1", "pgraft-witness", "/etc/pgraft/witness.yml")):
        text = (tmp_path / "cluster" / f"{name}.yml").read_text()
        assert f"this is {path}, " in text
        assert f"-c {path}" in text and f" -c {path}" in (SOURCE / "deploy" / "systemd" / f"{unit}.service").read_text()
        assert ("\n    - host replication replicator all scram-sha-256\n" in text) == (name == "pg1")


def test_databases_without_a_vote_know_the_voters_and_themselves(tmp_path):
    target = tmp_path / "cluster"
    told("plan", *SITES, "--write-configs", target)
    voters = ["pg1", "pg3", "pg5", "w1", "w2"]
    for path in target.glob("*.yml"):
        text = path.read_text()
        names = [peer.split("=")[0] for peer in peers(text)]
        assert "\n  max_voters: 5\n" in text
        assert "\n  site: " in text
        assert path.stem in names
        assert len(names) == 5
        assert names == voters or (path.stem not in voters and set(names) < {path.stem, *voters})


def test_the_other_layout_can_be_written(tmp_path):
    target = tmp_path / "cluster"
    told("plan", *SITES, "--write-configs", target, "--layout", "full")
    texts = [path.read_text() for path in target.glob("*.yml")]
    assert len(texts) == 9
    assert {len(peers(text)) for text in texts} == {9}
    assert {"\n  max_voters: 9\n" in text for text in texts} == {True}
    assert refused("plan", *THREE, "--write-configs", tmp_path / "x", "--layout", "full") == \
        'this plan has no layout "full"; it has "nodes"'


@pytest.mark.parametrize("words", [
    THREE, SITES, [*SITES, "--layout", "full"], ["--databases", "10", "--survive", "4"],
    ["--databases", "1", "--survive", "0"], ["--databases", "2", "--survive", "1", "--address-pattern", "[fd00::{n}]"]])
def test_pgraftd_takes_every_file(words, tmp_path):
    target = tmp_path / "cluster"
    told("plan", "--write-configs", target, *words)
    files = sorted(target.glob("*.yml"))
    assert files
    for path in files:
        # Where the secret belongs on a host is not where it is here.
        path.write_text(path.read_text().replace("/etc/pgraft/secret", str(target / "secret")))
        role = "--witness" if path.name.startswith("w") else "--voter"
        done = subprocess.run([PGRAFTD, "--validate-config", path, role], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=SECONDS_MAX, check=False, env={"PATH": os.environ["PATH"]})
        assert (done.returncode, done.stderr) == (0, ""), path.name
        assert done.stdout == f"the configuration of {role.strip('-')} {path.stem} in cluster demo is fine\n"


def test_invented_addresses_say_so(tmp_path):
    target = tmp_path / "cluster"
    shown = told("plan", *THREE, "--write-configs", target, "--address", "w1=127.0.0.9")
    assert "The addresses in them are invented" in shown
    for path in target.glob("*.yml"):
        assert "EDIT the addresses first" in path.read_text()
        assert "    - pg2=pg2.example.invalid:7400\n    - pg3=" in path.read_text()
        assert "    - w1=127.0.0.9:7400\n" in path.read_text()


def test_what_is_there_is_not_written_over(tmp_path):
    target = tmp_path / "cluster"
    target.mkdir()
    told("plan", *THREE, "--write-configs", f"{target}/")  # an empty one will do
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    assert "is not empty; with --force" in refused("plan", *THREE, "--write-configs", target)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["cluster"]


def test_force_keeps_every_secret(tmp_path):
    target = tmp_path / "cluster"
    told("plan", *THREE, "--write-configs", target)
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    (target / "mine").write_text("mine")
    told("plan", "--databases", "5", "--survive", "2", "--write-configs", target, "--force", "--address-pattern",
         "db{n}.example.org")
    assert (target / "secret").read_bytes() == before["secret"]
    assert (target / "passwords").read_bytes() == before["passwords"]
    assert (target / "mine").read_text() == "mine"
    assert (target / "pg1.yml").read_bytes() != before["pg1.yml"]
    password = before["passwords"].decode().split()[1]
    assert password in (target / "pg5.yml").read_text()
    assert {mode(path) for path in target.iterdir() if path.name != "mine"} == {0o600}


def test_two_plans_have_different_secrets(tmp_path):
    for name in ("a", "b"):
        told("plan", *THREE, "--write-configs", tmp_path / name)
    for name in ("secret", "passwords"):
        assert (tmp_path / "a" / name).read_text() != (tmp_path / "b" / name).read_text()


@pytest.mark.parametrize("words, why", [
    (["--address-pattern", "10.0.0.1"], "pg1 and pg2 would both be on 10.0.0.1: each node needs a host of its own"),
    (["--address-pattern", "{name}:7400"], '"pg1:7400" is no host for pg1'),
    (["--address-pattern", "a b"], '"a b" is no host for pg1'),
    (["--address", "pg9=h"], '--address "pg9=h": this layout has no such node (pg1 to w2)'),
    (["--address", "pg1"], '--address "pg1": not NAME=HOST'),
    (["--address", "pg1="], '"" is no host for pg1'),
    (["--scope", "a/b"], "--scope: name: only letters, digits"),
])
def test_bad_addresses_write_nothing(words, why, tmp_path):
    assert refused("plan", *THREE, "--write-configs", tmp_path / "x", *words, status=2).startswith(why)
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_none(tmp_path):
    assert "No such file" in refused("plan", *THREE, "--write-configs", tmp_path / "no" / "x")
    (tmp_path / "file").write_text("")
    assert "Not a directory" in refused("plan", *THREE, "--write-configs", tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# --- secret generate ---

def test_a_secret_is_printed():
    secrets = {told("secret", "generate") for _ in range(3)}
    assert len(secrets) == 3
    assert all(re.fullmatch(r"[0-9a-f]{64}\n", secret) for secret in secrets)


def test_a_secret_is_written_once(tmp_path):
    path = tmp_path / "secret"
    assert told("secret", "generate", "--output", path, umask=0) == ""
    first = path.read_text()
    assert re.fullmatch(r"[0-9a-f]{64}\n", first)
    assert mode(path) == 0o600
    assert "--force replaces it" in refused("secret", "generate", "--output", path)
    assert path.read_text() == first
    path.chmod(0o644)
    told("secret", "generate", "--output", path, "--force")
    assert path.read_text() != first
    assert mode(path) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]
    refused("secret", "generate", "--force", status=2)
