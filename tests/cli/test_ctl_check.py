"""tests/cli/test_ctl_check.py - pgraftctl check: a list for a person, a line for Nagios.

Claim: what status, list and why tell, and what each node says of itself, comes out as verdicts with remedies; the
plugin's line and status keep to the guidelines of the Nagios plugins, whatever a node says, and also where none answers.
Method: fake nodes, one for each member.
"""
import copy
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from fake_node import CTL, Error, Node, ctl, environment, fails, told
from test_ctl_cluster import HEALTHY
from test_ctl_faces import WITNESS, leader, replica, view
from test_ctl_ops import Members

LINE = re.compile(r"PGRAFT (OK|WARNING|CRITICAL|UNKNOWN) - [^|\n]+(?: \|((?: (?:\w[\w.-]*|'[^'=]+')=\S+)+))?\n")
STATUS = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": 3}
RAFT = {**HEALTHY, "scope": "orders"}
SELF = {"version": "0.1.0", "server_version": 150018, "serves_writes": False, "free_bytes": 64 << 30, "is_full": False,
        "too_slow": {}}
PRIMARY = {**SELF, "serves_writes": True}


class Pair(Members):
    """db1, the primary, and db2, each of which tells of itself; @seen and @raft change what the first tells."""

    def __init__(self, primary=None, standby=None, seen=None, raft=None, rows=None):
        super().__init__([{}, {"/pgraft/v1/view": {"supervised": True, "self": standby or SELF}}], rows)
        self.cluster.answers["/raft"] = {**RAFT, **(raft or {})}
        self.seen = self.cluster.answers["/pgraft/v1/view"]
        self.seen.update(seen or {})
        self.seen["self"] = primary or PRIMARY


def plugin(*words, node, status):
    """The line, and its figures."""
    got, out, err = ctl("check", "--nagios", *words, node=node)
    assert err == ""
    match = LINE.fullmatch(out)
    assert match, out
    assert (got, match.group(1)) == (STATUS[status], status), out
    return out, dict(re.findall(r"('[^']+'|\S+)=(\S+)", match.group(2) or ""))


# --- for a person ---

def test_all_is_well():
    with Pair() as pair:
        out = told("check", node=pair.cluster)
        assert out == """\
Cluster orders: OK
✔ quorum     3 votes, a majority is there
✔ primary    db1 takes writes
✔ any-one    whichever node fails, writes go on
✔ members    all 3 are heard
✔ databases  all 2 are as they should be
✔ lag        nobody is more behind than 0 B
✔ sync       off
✔ pause      not paused
✔ fence      nobody is fenced
✔ restart    none is pending
✔ timing     fast enough
✔ disk       there is room
✔ version    the same everywhere
"""
        assert told("check", "orders", "--check", "sync", "--check", "primary", node=pair.cluster) == (
            "Cluster orders: OK\n✔ primary    db1 takes writes\n✔ sync       off\n")


def test_what_is_amiss_has_a_remedy_and_status_1():
    rows = [leader(pending_restart=True, pending_restart_reason={"max_connections": {}}), replica(lag=1 << 30), WITNESS]
    with Pair(rows=rows) as pair:
        status, out, err = ctl("check", node=pair.cluster)
        assert (status, err) == (1, "")
        assert out.startswith("Cluster orders: CRITICAL\n")
        assert "✘ lag        CRITICAL: db2 is 1.0 GiB behind\n             pgraftctl list -W shows" in out
        assert ("✘ restart    WARNING: db1 waits for a restart for max_connections\n"
                "             pgraftctl restart --rolling --pending\n") in out
        document = json.loads(ctl("check", "--format", "json", node=pair.cluster)[1])
        assert (document["scope"], document["state"]) == ("orders", "CRITICAL")
        assert [c["check"] for c in document["checks"] if c["state"] != "OK"] == ["lag", "restart"]
        assert all((c["remedy"] is None) == (c["state"] == "OK") for c in document["checks"])
        assert ctl("check", "--check", "sync", node=pair.cluster)[0] == 0


def test_without_a_quorum_the_status_is_that_of_status():
    with Pair(raft={"quorum": False, "can_lose": 0, "missing": ["pg2", "w1"]}, seen={"quorum": False}) as pair:
        status, out, _err = ctl("check", node=pair.cluster)
        assert status == 4
        assert "✘ quorum     CRITICAL: no quorum: 2 of 3 votes are needed; missing: pg2, w1" in out
        assert "✘ primary    CRITICAL: nobody is known to be primary" in out


def test_why_there_is_no_primary_is_what_the_election_says():
    said = {"at": "2026-11-22T17:00:00.000Z", "node": None, "rule": "waits", "action": "nothing", "text": "it waits for db1"}
    rows = [replica("db1", 5432), replica()]
    with Pair(rows=rows, seen={"leader": None, "election": said}) as pair:
        _status, out, _err = ctl("check", "--check", "primary", node=pair.cluster)
        assert "✘ primary    CRITICAL: nobody is primary: it waits for db1\n" in out


# --- each node is asked what only it knows ---

def test_a_node_tells_of_its_disk_its_times_and_its_version():
    with Pair(standby={**SELF, "free_bytes": 1 << 30, "too_slow": {"fsync": 412}, "server_version": 150017}) as pair:
        _status, out, _err = ctl("check", node=pair.cluster)
        assert "✘ timing     WARNING: db2: fsync of 412 ms\n" in out
        assert "✘ disk       WARNING: db2 has 1.0 GiB left for its data\n" in out
        assert "✘ version    WARNING: PostgreSQL: db1 15.18, db2 15.17\n" in out
        assert "there is room" in told("check", "--check", "disk", "--warning-free", "1GB", node=pair.cluster)
        assert [seen[1] for seen in pair.nodes[0].seen] == []  # it was asked already


def test_who_does_not_answer_is_told_where_it_matters():
    with Pair() as pair:
        pair.nodes[1].answers["/pgraft/v1/view"] = Error("ERR_DENIED", "go away")
        assert "OK\n" in told("check", node=pair.cluster)
        pair.seen.update(name="db2")  # the primary is another one than the node that is asked
        pair.nodes[0].answers["/pgraft/v1/view"] = Error("ERR_DENIED", "go away")
        status, out, _err = ctl("check", node=pair.cluster)
        assert status == 1
        assert "WARNING: db1 holds the lease; whether it takes writes is not known: go away\n" in out


def test_an_older_node_and_one_that_is_not_heard_are_not_asked_twice():
    with Pair(rows=[leader(), replica(state="unknown", lag="unknown")]) as pair:
        ctl("check", node=pair.cluster)
        assert pair.nodes[1].seen == []
    with Pair() as pair:
        pair.nodes[1].answers["/pgraft/v1/view"] = {"supervised": True}
        assert "Cluster orders: OK\n" in told("check", node=pair.cluster)


def test_a_store_alone():
    with Node({"/raft": RAFT, "/pgraft/v1/view": {"supervised": False}}) as node:
        assert [line.split()[1] for line in told("check", node=node).splitlines()[1:]] == [
            "quorum", "any-one", "members", "disk", "version"]
        out, _figures = plugin("--check", "primary", node=node, status="UNKNOWN")
        assert "no PostgreSQL is supervised" in out


# --- as a plugin ---

def test_the_line_of_a_cluster_that_is_well():
    with Pair() as pair:
        out, figures = plugin("--check", "primary", "--check", "lag", node=pair.cluster, status="OK")
        assert out.startswith("PGRAFT OK - orders: primary: db1 takes writes; lag: nobody is more behind than 0 B | lag=0B;")
        assert figures == {
            "lag": "0B;67108864;1073741824;0", "lag_db2": "0B;67108864;1073741824;0", "members": "3", "missing": "0;;;0",
            "can_lose": "1;1:;;0", "store": "2048B;;;0;67108864", "free_db1": "68719476736B;2147483648:;536870912:;0",
            "free_db2": "68719476736B;2147483648:;536870912:;0"}


@pytest.mark.parametrize("words, lag, status", [
    ([], 64 << 20, "WARNING"), ([], (64 << 20) - 1, "OK"), ([], 1 << 30, "CRITICAL"),
    (["--warning-lag", "1kB"], 1024, "WARNING"), (["--critical-lag", "1MB"], 1 << 20, "CRITICAL"),
    (["--warning-lag", "2GB", "--critical-lag", "3GiB"], 1 << 30, "OK"), (["--warning-lag", "100"], 100, "WARNING")])
def test_limits(words, lag, status):
    with Pair(rows=[leader(), replica(lag=lag)]) as pair:
        plugin(*words, node=pair.cluster, status=status)


def test_the_worst_comes_first():
    with Pair(seen={"cluster": None}, raft={"quota_alarm": True}) as pair:
        pair.seen["cluster"] = {"members": copy.deepcopy(view([leader(), replica()])["cluster"]["members"]), "pause": True}
        out, _figures = plugin("--check", "pause", "--check", "disk", node=pair.cluster, status="CRITICAL")
        assert out.startswith("PGRAFT CRITICAL - orders: disk: the store uses 2.0 KiB of 64.0 MiB, and refuses writes; "
                              "pause: it is paused: nobody takes over when the primary is lost | ")


def test_what_a_node_says_can_not_break_the_line():
    with Pair(seen={"notes": {"db2": "a | lag=9B\nCRITICAL\x1b[2J"}}) as pair:
        out, figures = plugin("--check", "databases", node=pair.cluster, status="WARNING")
        assert "\x1b" not in out
        assert figures["lag"].startswith("0B;")


@pytest.mark.parametrize("lag", ["unknown", None])
def test_a_lag_that_is_not_known(lag):
    with Pair(rows=[leader(), replica(lag=lag)]) as pair:
        _out, figures = plugin("--check", "lag", node=pair.cluster, status="WARNING")
        assert (figures["lag"], figures["lag_db2"]) == ("U", "U")


def test_nobody_answers():
    status, out, err = ctl("check", "--nagios", "-e", "http://127.0.0.1:9")
    assert (status, err) == (2, "")
    assert LINE.fullmatch(out) and out.startswith("PGRAFT CRITICAL - ")
    status, out, err = ctl("check", "--nagios")  # on a host whose node is down
    assert (status, err, out[:17]) == (2, "", "PGRAFT CRITICAL -")
    assert fails(1, "check", "-e", "http://127.0.0.1:9")


def test_an_answer_that_is_none_is_not_known():
    with Node({"/raft": {"members": 3}}) as node:
        plugin(node=node, status="UNKNOWN")
    with Node({"/raft": (401, b"no")}) as node:
        out, _figures = plugin(node=node, status="UNKNOWN")
        assert "user or password are wrong or missing" in out
    with Node({"/raft": RAFT, "/pgraft/v1/view": Error("ERR_TIMEOUT", "it hangs")}) as node:
        out, _figures = plugin("--check", "primary", node=node, status="UNKNOWN")
        assert "primary: it hangs" in out
    with Pair() as pair:
        out, _figures = plugin("other", node=pair.cluster, status="UNKNOWN")
        assert 'is one of cluster "orders"' in out


def test_words_that_make_no_sense():
    with Pair() as pair:
        for words in (["-w", "1"], ["-W"], ["--warning-lag", "much"]):
            plugin(*words, node=pair.cluster, status="UNKNOWN")
        for words, why in (
                (["--chek", "lag"], 'unknown option "--chek"'), (["--check", "lags"], 'did you mean "lag"?'), (["-x"], "-x"),
                (["--timeout", "x"], "--timeout"), (["--nagios=1"], "takes no value"),
                (["--check", "a|b\n"], "a/b")):
            out, _figures = plugin(*words, node=pair.cluster, status="UNKNOWN")
            assert why in out
        assert pair.cluster.seen == []
        assert 'option "--critical-free" can not be "x"' in fails(2, "check", "--critical-free", "x", node=pair.cluster)
        assert "can not be \"lags\", did you mean \"lag\"?" in fails(2, "check", "--check", "lags", node=pair.cluster)


DEPLOYED = Path(os.environ["PGRAFT_SOURCE_ROOT"]) / "deploy" / "nagios"
MACROS = {"$_HOSTPGRAFT$": None, "$ARG1$": "64MB", "$ARG2$": "1GB", "http://127.0.0.1:8008": None}


@pytest.mark.parametrize("name", ["pgraft.cfg", "nrpe-pgraft.cfg"])
def test_the_command_lines_that_are_handed_out(name):
    """With the macros as Nagios would put them in: each is understood, and ends as the guidelines want it."""
    lines = re.findall(r"^\s*command(?:_line\s+|\[\w+\]=)(.*)$", (DEPLOYED / name).read_text(), re.MULTILINE)
    assert len(lines) >= 2
    with Pair() as pair:
        for line in lines:
            for macro, value in MACROS.items():
                line = line.replace(macro, value or pair.cluster.endpoint)
            words = line.split()
            assert words[0].endswith("/pgraftctl") and "$" not in line
            got, out, err = ctl(*words[1:], *([] if "-e" in words else ["-e", pair.cluster.endpoint]))
            assert (got, err) == (0, ""), out
            assert LINE.fullmatch(out)


def test_the_arguments_of_icinga_are_options():
    text = (DEPLOYED / "icinga2-pgraft.conf").read_text()
    options = set(re.findall(r'"(--[\w-]+)" = ', text))
    help_text = told("check", "--help")
    assert {"--nagios", "--endpoint", "--check", "--warning-lag", "--critical-lag"} <= options
    assert all(option in help_text for option in options)


def test_watch():
    looks = []
    with Pair() as pair:
        pair.cluster.answers["/raft"] = lambda _body: looks.append(1) or RAFT
        with subprocess.Popen([CTL, "check", "-w", "0.1", "--check", "primary", "-e", pair.cluster.endpoint], text=True,
                              stdout=subprocess.PIPE, env=environment()) as program:
            lines = [program.stdout.readline() for _ in range(4)]
            program.terminate()
        assert lines == ["Cluster orders: OK\n", "✔ primary    db1 takes writes\n"] * 2
        assert len(looks) >= 2


def test_a_plugin_s_line_with_the_wrong_command():
    """Whoever runs --nagios reads 2 as an outage, whatever the words before it are; nobody else does."""
    for words in (["chek", "--nagios"], ["--nagios"], ["--chek", "check", "--nagios"]):
        status, out, err = ctl(*words)
        assert (status, err, out[:17]) == (3, "", "PGRAFT UNKNOWN - ")
        assert LINE.fullmatch(out), out
    for words in (["check", "--nagio"], ["kv", "put", "--x", "k", "--", "--nagios"], ["check", "--nagiosx"]):
        status, out, err = ctl(*words)
        assert (status, out) == (2, "") and err.startswith("pgraftctl: ")
