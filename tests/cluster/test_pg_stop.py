"""tests/cluster/test_pg_stop.py - the primary's pgraftd is asked to stop, or the role is wanted elsewhere.

Claim: PostgreSQL is stopped in order, the role is given back when nothing of it is left, and another takes it at once: nothing is
lost, also without synchronous standbys, and nothing has to be rewound."""
import json

from lib import wait
from lib.pg_case import Case
from lib.timely import timely

SETTINGS = {}


def test_a_planned_stop(pg):
    cluster = pg.clusters[0]
    primary = cluster.wait_well()
    writers, observer = pg.writers(), pg.observer()
    writers.go_on()
    moment = writers.acknowledged()[-1][0]
    mark = primary.mark()
    primary.stop()
    wait.until(lambda: primary.processes() == [], "the guard has followed it", 10)
    writers.go_on(moment, 50)
    heir = cluster.wait_primary(other_than=primary)
    primary.gave_up_the_role("stop-release", mark)
    mark = primary.mark()
    primary.start()
    assert cluster.wait_well() is heir
    outage = writers.outage(moment)
    print(f"outage {outage.ms:.0f} ms; with all hosts {writers.outage_multi(moment).ms:.0f} ms")
    assert writers.lost() == []
    assert observer.overlap_ms() == 0, observer.story()
    assert primary.count("action=return", mark) == 0, primary.log_since(mark)
    timely(outage.ms, 1000)


def test_a_switchover(pg):
    """Asked for in the store, as Patroni's commands do."""
    case = Case(pg)
    wanted = case.others[1]
    marks = {node: node.mark() for node in case.cluster.databases}
    case.primary.client.put(case.cluster.key("failover"), json.dumps({"leader": case.primary.name, "member": wanted.name}))
    assert case.heir() is wanted
    now, outage_ms = case.over()
    case.nothing_lost()
    assert now is wanted
    case.primary.gave_up_the_role("switched-over", marks[case.primary])
    timely(outage_ms, 1000)
    for node, mark in marks.items():
        assert node.count("action=return", mark) == 0, node.log_since(mark)
