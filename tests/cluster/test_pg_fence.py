"""tests/cluster/test_pg_fence.py - a node that an operator has fenced, with PostgreSQL.

Claim: it is not made primary when the primary dies, and is chosen as before when it is unfenced; commits do not wait for it and
balancers do not send to it, while it follows on; of the primary the fence is a switchover first, and what was refused has changed
nothing; where all standbys are fenced nobody takes over from a primary that is lost, and why says so; every member of a new
cluster comes to know fences by itself. docs/fence.md."""
import json

from lib import wait
from lib.client import Refused
from lib.pg_case import Case
from lib.tool import ctl

SETTINGS = {"dynamic": {"synchronous_mode": "quorum"}}
LEVEL = 2


def knows_fences(node):
    """Whether @node would judge a fence by anything but the level; it asks the store four times a second."""
    try:
        node.client.post("fence", member=node.name, check=True)
    except Refused as error:
        return "feature level" not in error.message
    return True


def until_level(cluster):
    wait.until(lambda: all(node.client.get("/raft")["feature_level"] == LEVEL and knows_fences(node) for node in cluster.running),
               lambda: f"all members know level {LEVEL}\n{cluster.story()}", 30)


def fence(node, name, *options):
    out, status = ctl(node, "fence", name, "--force", "--reason", "a test", *options)
    assert status == 0, out
    assert f"{name} is fenced" in out


def unfence(node, name):
    out, status = ctl(node, "unfence", name)
    assert status == 0, out


def synchronous(primary):
    said = primary.sql("SHOW synchronous_standby_names") or ""
    return sorted(node.name for node in primary.cluster.databases if node.name in said)


def test_a_fenced_standby_is_passed_over(pg):
    case = Case(pg)
    until_level(case.cluster)
    fenced, heir = case.others
    fence(heir, fenced.name)
    row = json.loads(heir.client.value(case.cluster.key(f"pgraft/fence/{fenced.name}")))
    assert row["why"] == "a test"
    wait.until(lambda: synchronous(case.primary) == [heir.name], lambda: f"commits wait for the other one\n{case.cluster.story()}")
    wait.until(lambda: fenced.client.code("/replica") == 503, "it is drained")
    assert (fenced.client.code("/health"), heir.client.code("/replica")) == (200, 200)
    assert sorted(case.primary.streams()) == sorted(node.name for node in case.others)  # it follows on
    assert "fenced: true" in ctl(heir, "list")[0]
    assert f"Fenced:    {fenced.name}, fenced" in ctl(case.primary, "status")[0]
    out, status = ctl(heir, "failover", "--candidate", fenced.name, "--force")
    assert status == 1, out
    case.primary.kill_all()
    case.is_struck()
    assert case.heir(False) is heir
    assert not fenced.is_primary()
    unfence(heir, fenced.name)
    case.cluster.mend()
    primary, _outage = case.over()
    wait.until(lambda: fenced.name in synchronous(primary), lambda: f"it counts again\n{case.cluster.story()}")
    case.nothing_lost()


def test_the_primary_is_fenced_after_a_switchover(pg):
    case = Case(pg)
    until_level(case.cluster)
    fence(case.others[0], case.primary.name)
    heir = case.heir()
    assert heir is not case.primary
    wait.until(lambda: case.primary.name in heir.streams(), lambda: f"it follows on\n{case.cluster.story()}")
    assert case.primary.name not in synchronous(heir)
    out, status = ctl(heir, "switchover", "--candidate", case.primary.name, "--dry-run")
    assert (status, f"✘ {case.primary.name} is not fenced" in out) == (1, True), out
    unfence(heir, case.primary.name)
    case.over()
    case.nothing_lost()


def test_what_would_be_regretted_is_refused(pg):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    until_level(cluster)
    first, second = cluster.others(primary)
    fence(primary, first.name)
    out, status = ctl(primary, "fence", second.name, "--force")
    assert (status, "--accept-no-candidate" in out) == (1, True), out
    out, status = ctl(primary, "fence", primary.name, "--force")
    assert status == 1, out
    assert primary.is_primary()
    unfence(primary, first.name)
    assert cluster.wait_well() is primary


def test_the_last_ones_wait_for_the_operator(pg):
    case = Case(pg)
    until_level(case.cluster)
    first, second = case.others
    fence(first, first.name)
    fence(first, second.name, "--accept-no-candidate")
    case.primary.kill_all()
    case.is_struck()

    def says_so():
        return any(f"fenced by an operator: {first.name}, {second.name}" in ctl(node, "why")[0] for node in case.cluster.running)
    wait.until(says_so, lambda: f"why it has no primary\n{case.cluster.story()}", 60)
    assert not first.is_primary()
    assert not second.is_primary()
    case.primary.start()  # commits have waited for nobody since: it alone has all of them
    wait.until(case.primary.is_primary, lambda: f"it is primary again\n{case.cluster.story()}", 60)
    for node in (first, second):
        unfence(case.primary, node.name)
    assert case.over()[0] is case.primary
    case.nothing_lost()
