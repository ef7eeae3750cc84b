"""tests/cli/test_ctl_switch.py - switchover and failover.

Claim: what patronictl's users type and read is the same here; nothing is asked of a node that was not confirmed; what a node
refuses is refused here, with its words and an exit status that says so; --dry-run names what is in the way, and how to mend it.
Method: a fake node with a cluster of two, or more.
"""
import contextlib
import json
import os
import re
import subprocess
import time

import pytest

from fake_node import CTL, SECONDS_MAX, Error, Node, ctl, environment, fails, told
from test_ctl_faces import leader, replica, view

LATER = "2126-12-01T04:00:00+01:00"
TABLE = """\
+ Cluster: orders (7450012345678901234) --------+----+-------------+-----+------------+-----+
| Member | Host           | Role    | State     | TL | Receive LSN | Lag | Replay LSN | Lag |
+--------+----------------+---------+-----------+----+-------------+-----+------------+-----+
| db1    | 127.0.0.1:5432 | Leader  | running   |  5 |             |     |            |     |
| db2    | 127.0.0.1:5433 | Replica | streaming |  5 |   0/5000148 |   0 |  0/5000148 |   0 |
+--------+----------------+---------+-----------+----+-------------+-----+------------+-----+
"""
BEFORE = "Current cluster topology\n" + TABLE
SURE = "Are you sure you want to switchover cluster orders, demoting current leader db1? [y/N]: "
DONE = 'Successfully switched over to "db2"'


def words(status, text):
    return status, text.encode()


class Cluster(Node):
    """A node of a cluster that does what it is told: db2 leads then."""

    def __init__(self, answer=None, seen=None, **more):
        self.seen_now = seen or view([leader(), replica()])
        self.answer = answer or words(200, DONE)
        super().__init__({"/pgraft/v1/view": lambda _body: self.seen_now,
                          "/switchover": self.done, "/failover": self.done}, **more)

    def done(self, body):
        assert body["timeout_ms"] == 30000
        if isinstance(self.answer, tuple) and self.answer[0] == 200:
            self.seen_now = self.seen_now | {"leader": "db2"}
        return self.answer


@pytest.fixture(name="node")
def fixture_node():
    with Cluster() as one:
        yield one


def without_time(text):
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{5} ", "NOW ", text)


# --- Asked ---

def test_everything_is_asked(node):
    status, out, err = ctl("switchover", node=node, data=b"\n\n\ny\n")
    assert (status, err) == (0, "")
    asked = re.sub(r"e\.g\. [^ ]+ ", "e.g. THEN ", without_time(out))
    assert asked == (BEFORE + "Primary [db1]: Candidate ['db2'] []: "
                     "When should the switchover take place (e.g. THEN )  [now]: " + SURE + f"NOW {DONE}\n" + TABLE)
    assert node.asked("/switchover") == [{"leader": "db1"}]


@pytest.mark.parametrize("options", [("--leader", "db1"), ("--primary", "db1"), ("--leader=db1", "orders")])
def test_what_is_said_is_not_asked(node, options):
    out = told("switchover", *options, "--candidate", "db2", "--scheduled", "now", node=node, data=b"yes\n")
    assert without_time(out) == BEFORE + SURE + f"NOW {DONE}\n" + TABLE
    assert node.asked("/switchover") == [{"leader": "db1", "candidate": "db2"}]


def test_force_asks_nothing(node):
    assert without_time(told("switchover", "--force", node=node)) == BEFORE + f"NOW {DONE}\n" + TABLE
    assert node.asked("/switchover") == [{"leader": "db1"}]


@pytest.mark.parametrize("data", [b"y", b"Y\r\n", b" y\n", b"yes \n", b"\tYES\n"])
def test_what_is_a_yes(node, data):
    assert ctl("switchover", "--candidate", "db2", "--leader", "db1", "--scheduled", "now", node=node, data=data)[0] == 0


@pytest.mark.parametrize("data", [b"y y\n", b"yess\n", b"ja\n", b"\n"])
def test_what_is_no_yes(node, data):
    assert ctl("switchover", "--candidate", "db2", "--leader", "db1", "--scheduled", "now", node=node, data=data)[0] == 1
    assert node.asked("/switchover") == []


@pytest.mark.parametrize(("data", "message"), [
    (b"\n\n\nn\n", "Aborting switchover"), (b"\n\n\n", "Aborting switchover"), (b"", "Aborted: nothing was answered"),
    (b"db2\n", 'Member "db2" is not the leader of cluster orders'),
    (b"\ndb1\n", "Switchover target and source are the same"),
    (b"\ndb9\n", 'Member "db9" does not exist in cluster orders or is tagged as nofailover'),
    (b"\n\nsoon\n", 'Unable to parse scheduled timestamp ("soon"). It should be in an unambiguous format (e.g. ISO 8601)')])
def test_what_is_not_confirmed_is_not_done(node, data, message):
    status, _out, err = ctl("switchover", node=node, data=data)
    assert (status, err) == (1, f"pgraftctl: {message}\n")
    assert node.asked("/switchover") == []


# --- Later ---

@pytest.mark.parametrize(("given", "sent"), [
    ("2126-12-01T04:00:00+01:00", "2126-12-01T04:00:00+01:00"), ("2126-12-01 04:00Z", "2126-12-01T04:00:00+00:00"),
    ("2126-12-01T04:00", "2126-12-01T04:00:00+05:30")])
def test_a_time_without_a_zone_is_of_here(given, sent):
    with Cluster(words(202, "Switchover scheduled")) as node:
        status, out, err = ctl("switchover", "--candidate", "db2", "--leader", "db1", "--scheduled", given, node=node,
                               data=b"y\n", env={"TZ": "Asia/Kolkata"})
        assert (status, err) == (0, "")
        assert f"Are you sure you want to schedule switchover of cluster orders at {sent}, demoting current leader db1?" in out
        assert "NOW Switchover scheduled\n" in without_time(out)
        assert node.asked("/switchover") == [{"leader": "db1", "candidate": "db2", "scheduled_at": sent}]


BERLIN = {"TZ": "CET-1CEST,M3.5.0,M10.5.0/3"}


@pytest.mark.parametrize(("given", "sent"), [
    ("2027-03-28T01:59", "2027-03-28T01:59:00+01:00"), ("2027-03-28T03:00", "2027-03-28T03:00:00+02:00"),
    ("2027-10-31T01:59", "2027-10-31T01:59:00+02:00"), ("2027-10-31T03:00", "2027-10-31T03:00:00+01:00"),
    ("2027-10-31T02:30+02", "2027-10-31T02:30:00+02:00")])
def test_beside_the_hour_in_which_the_clocks_change(given, sent):
    with Cluster(words(202, "Switchover scheduled")) as node:
        assert ctl("switchover", "--force", "--scheduled", given, node=node, env=BERLIN)[0] == 0
        assert node.asked("/switchover") == [{"leader": "db1", "scheduled_at": sent}]


@pytest.mark.parametrize(("given", "how"), [
    ("2027-03-28T02:00", "never"), ("2027-03-28T02:30", "never"), ("2027-10-31T02:30", "twice"),
    ("1970-01-01T00:00", "never")])
def test_a_time_that_is_none_or_two(node, given, how):
    status, _out, err = ctl("switchover", "--force", "--scheduled", given, node=node, env=BERLIN)
    assert (status, err) == (
        1, f'pgraftctl: The clocks here show "{given}" {how}: give it with a zone (e.g. {given}+01:00)\n')
    assert node.asked("/switchover") == []


# --- Refused ---

@pytest.mark.parametrize(("answer", "status"), [
    (words(412, "leader name does not match"), 1), (words(503, "Switchover failed"), 1),
    (words(503, "failed to write failover key into DCS: no majority of the voters can be reached"), 4),
    (words(503, "failed to write failover key into DCS: timed out; the request may still be applied"), 3),
    (words(503, "Switchover status unknown: the leader changed; the request may still be applied"), 3),
    (words(503, "Switchover status unknown after 30 seconds; operation may still be in progress"), 3),
    (words(504, "<html>Gateway Time-out</html>"), 3), (words(404, "<html>Not Found</html>"), 1)])
def test_a_node_that_does_not(answer, status):
    what = "status unknown" if status == 3 else "failed"
    with Cluster(answer) as node:
        got, _out, err = ctl("switchover", "--force", node=node)
        assert (got, err) == (status, f"pgraftctl: Switchover {what}, details: {answer[0]}, {answer[1].decode()}\n")


def test_a_wish_that_nobody_could_write():
    """No quorum, as the node said before."""
    not_leader = words(503, "failed to write failover key into DCS: this node is not the leader")
    for quorum, wanted in ((True, 1), (False, 4)):
        with Cluster(not_leader, seen=view([leader(), replica()], quorum=quorum)) as node:
            assert ctl("switchover", "--force", node=node)[0] == wanted


def test_an_answer_of_something_in_between():
    """In JSON, and not a node's: nobody knows what the node has done. A node's own error says what is so."""
    with Cluster(words(502, '{"message": "bad gateway"}')) as node:
        status, _out, err = ctl("switchover", "--force", node=node)
        assert (status, "not as a node of pgraft does: it may have been done" in err) == (3, True)
    with Cluster(Error("ERR_REFUSED", "this node supervises no PostgreSQL", 503)) as node:
        assert ctl("switchover", "--force", node=node)[0] == 1


def test_words_that_make_no_sense(node):
    for given, message in ((("--leader", "a", "--primary", "b"), "are the same: give one"),
                           (("--dry-run", "--scheduled", "now"), "leave --scheduled out"),
                           (("--candidate", ""), "--candidate names nobody: leave it out for whoever is able"),
                           (("--format", "tsv"), "has no use for --format tsv"),
                           (("--format", "json"), "give --force, too")):
        assert message in fails(2, "switchover", *given, node=node)
    assert "--candidate names nobody;" in fails(2, "failover", "--force", "--candidate=", node=node)
    assert "--candidate is needed" in fails(2, "failover", "--force", node=node)
    assert 'is one of cluster "orders"' in fails(1, "switchover", "other", "--force", node=node)
    assert node.asked("/switchover") == []


@pytest.mark.parametrize("option", ["--leader", "--primary"])
def test_an_empty_leader_is_a_name(node, option):
    """... of nobody: a guard whose variable is not set must not let whoever leads be left."""
    assert ctl("switchover", option, "", "--candidate", "db2", "--force", node=node) == (
        1, BEFORE, 'pgraftctl: Member "" is not the leader of cluster orders\n')
    assert '✘ "" is the primary' in ctl("switchover", option, "", "--dry-run", node=node)[1]
    assert node.asked("/switchover") == []


def test_an_empty_time_is_not_now(node):
    status, _out, err = ctl("switchover", "--scheduled", "", "--force", node=node)
    assert status == 1
    assert err.startswith('pgraftctl: Unable to parse scheduled timestamp ("").')
    assert node.asked("/switchover") == []


def test_a_name_of_the_cluster_does_nothing_to_the_terminal():
    with Cluster(seen=view([leader(), replica()], scope="or\x1b[2Jders")) as node:
        for words_, data in (((), b"\n\n\n\n"), (("--leader", "x"), b""), (("--candidate", "x"), b"\n"),
                             (("--scheduled", LATER, "--candidate", "db2"), b"\n\n")):
            status, out, err = ctl("switchover", *words_, node=node, data=data)
            assert (status, "\x1b" in out + err, "[2J" in out + err) == (1, False, True)


def test_nobody_leads_and_nobody_can():
    with Cluster(seen=view([leader()])) as node:
        assert ctl("switchover", "--force", node=node)[2] == "pgraftctl: No candidates found to switchover to\n"
    with Cluster(seen=view([replica()]) | {"leader": None}) as node:
        assert ctl("switchover", "--force", node=node)[2] == "pgraftctl: This cluster has no leader\n"


# --- Failover ---

def test_a_failover(node):
    node.answer = words(200, 'Successfully failed over to "db2"')
    out = told("failover", node=node, data=b"db2\ny\n")
    assert without_time(out) == (
        BEFORE + "Candidate ['db2'] []: Are you sure you want to failover cluster orders, demoting current leader db1? [y/N]: "
        'NOW Successfully failed over to "db2"\n' + TABLE)
    assert node.asked("/failover") == [{"candidate": "db2"}]


def test_a_failover_that_accepts_a_loss(node):
    """It is asked for by itself, and never sent where nobody has said so."""
    question = "All that was committed and is not in the data of db2 is lost. Is that wanted? [y/N]: "
    failover = "failover", "--candidate", "db2", "--accept-data-loss"
    status, out, err = ctl(*failover, node=node, data=b"n\n")
    assert question in out
    assert (status, err) == (1, "pgraftctl: Aborting failover\n")
    assert node.asked("/failover") == []
    node.answer = words(202, "Failover is carried out when the cluster is resumed")
    out = told(*failover, node=node, data=b"y\ny\n")
    assert "Failover is carried out when the cluster is resumed\n" in out
    assert node.asked("/failover") == [{"candidate": "db2", "accept_data_loss": True}]
    assert "leave --accept-data-loss out" in fails(2, *failover, "--dry-run", node=node)
    fails(2, "switchover", "--candidate", "db2", "--accept-data-loss", node=node)


def test_to_an_asynchronous_member_is_asked_twice():
    members = [leader(), replica(name="db2"), replica(name="db3", role="sync_standby")]
    with Cluster(seen=view(members)) as node:
        status, out, err = ctl("failover", "--candidate", "db2", node=node, data=b"n\n")
        assert "Are you sure you want to failover to the asynchronous node db2? [y/N]: " in out
        assert (status, err) == (1, "pgraftctl: Aborting failover\n")
        assert node.asked("/failover") == []


def test_a_long_answer_answers_one_question():
    """... and what is left of it not the next one."""
    members = [leader(), replica(name="db2"), replica(name="db3", role="sync_standby")]
    for rest, status in ((b"\ny\n", 0), (b"y\n", 1)):
        with Cluster(seen=view(members)) as node:
            assert ctl("failover", "--candidate", "db2", node=node, data=b"y" + 254 * b" " + rest)[0] == status
            assert len(node.asked("/failover")) == 1 - status


# --- While it takes its time ---

class Slow(Cluster):
    """Its answer comes after the first line that says that it is under way."""

    def done(self, body):
        time.sleep(1.5)
        return super().done(body)


def test_a_line_says_that_it_is_under_way():
    with Slow() as node:
        status, _out, err = ctl("switchover", "--force", node=node, progress=True)
        assert (status, set(err.splitlines())) == (0, {"switchover is under way"})


@pytest.mark.parametrize("reader", ["is gone", "reads nothing"])
def test_a_line_that_nobody_reads(reader):
    """... neither ends the command nor holds it up."""
    read_end, write_end = os.pipe()
    if reader == "is gone":
        os.close(read_end)
    else:
        os.set_blocking(write_end, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(write_end, bytes(4096))
        os.set_blocking(write_end, True)
    try:
        with Slow() as node:
            done = subprocess.run([CTL, "switchover", "--force", "-e", node.endpoint], stdout=subprocess.PIPE,
                                  stderr=write_end, timeout=SECONDS_MAX, env=environment(), check=False)
            assert (done.returncode, DONE.encode() in done.stdout) == (0, True)
    finally:
        os.close(write_end)
        if reader != "is gone":
            os.close(read_end)


# --- For programs ---

def test_as_json(node):
    assert json.loads(told("switchover", "--force", "--format", "json", node=node)) == {"status": 200, "text": DONE}


# --- Only looking ---

def test_a_dry_run_of_what_is_well(node):
    assert told("switchover", "--dry-run", "--candidate", "db2", node=node) == """\
✔ the store has a quorum
✔ automatic changes of roles are not paused
✔ the primary is not held
✔ db1 is the primary
✔ db2 is a member
✔ db2 is not the primary already
✔ db2 may be primary: no nofailover, no failover_priority 0
✔ db2 is not fenced
✔ commits wait for db2, if they wait for anybody
✔ db2 streams
✔ db2 lacks no more than 64 MiB of WAL
A switchover would be begun; nothing was done.
"""
    assert node.asked("/switchover") == []


@pytest.mark.parametrize(("options", "seen", "wrong"), [
    (("--candidate", "db9"), {}, ["db9 is a member"]),
    (("--candidate", "db1"), {}, ["db1 is not the primary already", "db1 streams", "db1 lacks no more than 64 MiB of WAL"]),
    (("--leader", "db2"), {}, ["db2 is the primary"]),
    ((), {"quorum": False}, ["the store has a quorum"]),
    ((), {"held": True}, ["the primary is not held"]),
    ((), {"leader": None}, ["there is a primary"])])
def test_a_dry_run_names_what_is_in_the_way(options, seen, wrong):
    with Cluster(seen=view([leader(), replica()]) | seen) as node:
        status, out, _err = ctl("switchover", "--dry-run", *options, node=node)
        assert status == 1
        lines = out.splitlines()
        found = [i for i, line in enumerate(lines) if line.startswith("✘ ")]
        assert [lines[i].removeprefix("✘ ") for i in found] == wrong
        assert all(lines[i + 1].startswith("    ") for i in found)
        assert lines[-1] == "A switchover is not possible now."
        status, out, _err = ctl("switchover", "--dry-run", *options, "--format", "json", node=node)
        document = json.loads(out)
        assert (status, document["possible"]) == (1, False)
        assert [c["check"] for c in document["checks"] if not c["good"]] == wrong
        assert all((c["remedy"] is None) == c["good"] for c in document["checks"])


@pytest.mark.parametrize(("state", "good"), [
    ("running", True), ("streaming", True), ("in archive recovery", True), ("stopped", False), ("crashed", False),
    ("unknown", False)])
def test_a_dry_run_where_nobody_leads(state, good):
    with Cluster(seen=view([replica(state=state)], leader=None)) as node:
        status, out, _err = ctl("failover", "--dry-run", "--candidate", "db2", node=node)
        assert (status, ("✔ db2 runs" if good else "✘ db2 runs") in out) == (0 if good else 1, True)


@pytest.mark.parametrize(("mode", "role", "good"), [
    ("on", "replica", False), ("on", "sync_standby", True), ("quorum", "replica", True), ("off", "replica", True)])
def test_a_dry_run_where_nobody_is_synchronous(mode, role, good):
    with Cluster(seen=view([leader(), replica(role=role)], synchronous_mode=mode)) as node:
        for words_ in ((), ("--candidate", "db2")):
            assert (ctl("switchover", "--dry-run", *words_, node=node)[0] == 0) == good


def test_a_dry_run_without_a_candidate_looks_for_one():
    behind = replica(lag=(64 << 20) + 1)
    for members, good in (([leader(), behind, replica(name="db3")], True), ([leader(), behind], False),
                          ([leader(), replica(tags={"nofailover": True})], False),
                          ([leader(), replica(state="running")], False)):
        with Cluster(seen=view(members)) as node:
            assert (ctl("switchover", "--dry-run", node=node)[0] == 0) == good
