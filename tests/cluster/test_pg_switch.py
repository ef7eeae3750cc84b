"""tests/cluster/test_pg_switch.py - the role is wanted elsewhere, by HTTP and by pgraftctl, now and later.

Claim: whichever node is asked says what has come of it, as Patroni does; who is named becomes primary, with nothing lost and
nothing to rewind; what can not be is refused, and changes nothing; what is for later is told, can be taken back, and is done in
time; what nobody can take over is dropped, and the primary goes on writing. docs/switchover.md."""
import datetime
import json

from lib import wait
from lib.pg_case import Case
from lib.tool import ctl

SETTINGS = {}


def wish(node):
    return node.client.value(node.cluster.key("failover"))


def in_seconds(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).isoformat()


def nothing_rewound(marks):
    for node, mark in marks.items():
        assert node.count("action=return", mark) == 0, node.log_since(mark)


def test_to_a_named_member_by_http(pg):
    case = Case(pg)
    wanted, asked = case.others[1], case.others[0]
    marks = {node: node.mark() for node in case.cluster.databases}
    told = asked.client.said("/switchover", "POST", {"leader": case.primary.name, "candidate": wanted.name})
    assert told == (200, f'Successfully switched over to "{wanted.name}"')
    assert wanted.is_primary()
    assert case.heir() is wanted
    assert case.over()[0] is wanted
    case.nothing_lost()
    case.primary.gave_up_the_role("switched-over", marks[case.primary])
    assert wish(asked) is None
    nothing_rewound(marks)


def test_by_pgraftctl(pg):
    case = Case(pg)
    wanted = case.others[0]
    out, status = ctl(wanted, "switchover", "--candidate", wanted.name, "--dry-run")
    assert status == 0, out
    assert "✘" not in out
    out, status = ctl(wanted, "switchover", "--leader", case.primary.name, "--candidate", wanted.name, "--force")
    assert status == 0, out
    assert f'Successfully switched over to "{wanted.name}"' in out
    assert case.heir() is wanted
    case.over()
    out, status = ctl(wanted, "failover", "--candidate", case.primary.name, "--force")  # and back
    assert status == 0, out
    assert f'Successfully failed over to "{case.primary.name}"' in out
    assert case.over()[0] is case.primary
    case.nothing_lost()


def test_what_can_not_be_is_refused(pg):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    other = cluster.others(primary)[0]
    for node in (primary, other):
        assert node.client.said("/switchover", "POST", {"leader": other.name}) == (412, "leader name does not match")
        assert node.client.said("/switchover", "POST", {"leader": primary.name, "candidate": "pg9"}) == (412, "candidate does not exists")
        assert node.client.said("/switchover", "DELETE") == (404, "no switchover is scheduled")
    out, status = ctl(other, "switchover", "--leader", other.name, "--force")
    assert status == 1
    assert f'Member "{other.name}" is not the leader of cluster demo' in out
    assert wish(primary) is None
    assert cluster.wait_well() is primary


def test_what_nobody_can_take_over_is_dropped(pg):
    """Somebody has put it by hand, for a member that is not there."""
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    primary.client.put(cluster.key("failover"), json.dumps({"leader": primary.name, "member": "pg9"}))
    wait.until(lambda: wish(primary) is None, lambda: f"it is dropped\n{cluster.story()}", 30)
    assert primary.sql("SELECT pg_is_in_recovery()") == "f"
    events = primary.client.get("/pgraft/v1/events")["events"]
    assert [e["text"] for e in events if e["kind"] == "switchover"] == [
        "the switchover to pg9 was given up: nobody could take over without a loss in time"]


def test_later_and_taken_back(pg):
    case = Case(pg)
    wanted, asked = case.others[0], case.others[1]
    body = {"leader": case.primary.name, "candidate": wanted.name, "scheduled_at": in_seconds(3600)}
    assert asked.client.said("/switchover", "POST", body) == (202, "Switchover scheduled")
    found = wait.until(lambda: case.primary.client.get("/cluster").get("scheduled_switchover"), "it is told")
    assert (found["from"], found["to"]) == (case.primary.name, wanted.name)
    assert "Switchover scheduled at: " in ctl(asked, "list")[0]
    assert wanted.client.said("/switchover", "DELETE") == (200, "scheduled switchover deleted")
    assert asked.client.said("/switchover", "POST", body | {"scheduled_at": in_seconds(3)}) == (202, "Switchover scheduled")
    assert case.heir() is wanted
    assert case.over()[0] is wanted
    case.nothing_lost()
    assert wish(asked) is None
