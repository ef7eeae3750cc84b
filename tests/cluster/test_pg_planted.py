"""tests/cluster/test_pg_planted.py - the observer sees two primaries where there are two.

Claim: with a guard that lets the deadline pass (tests/planted/pg), a frozen pgraftd leaves its PostgreSQL writable beside the next
one, and the observer of all the other tests sees that. What it does not see there, is not there."""
import os
import sys
import time
from pathlib import Path

from lib import wait
from lib.node import PGRAFTD
from lib.pg_cluster import stop

PLANTED = Path(os.environ["PGRAFT_SOURCE_ROOT"]) / "tests" / "planted"
SIDE_BY_SIDE_S = 1


def test_two_primaries_are_seen(pg_stage):
    sys.path.insert(0, str(PLANTED))
    import plants  # pylint: disable=import-outside-toplevel
    with plants.Garden() as garden:
        bug = plants.plant(PLANTED / "pg" / "guard-without-a-deadline.patch")
        assert (garden.setup() or garden.apply(bug) or garden.compile(["supervisor/pgraft-guard"])) is None
        cluster = pg_stage.cluster(programs=[PGRAFTD, garden.build / "supervisor" / "pgraft-guard",
                                             PGRAFTD.parent.parent / "supervisor" / "pgraft-helper"])
    primary = cluster.form_whole()
    observer = pg_stage.observer()
    wait.until(lambda: observer.sees(primary), "the primary commits")
    moment = stop([primary.pid])
    heir = wait.until(lambda: next((node for node in cluster.others(primary) if observer.sees(node, moment)), None),
                      lambda: f"another one commits\n{cluster.story()}", 60)
    time.sleep(SIDE_BY_SIDE_S)
    assert observer.overlap_ms() > SIDE_BY_SIDE_S * 500, f"{primary.name} and {heir.name}\n{observer.story()}"
