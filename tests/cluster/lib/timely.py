"""tests/cluster/lib/timely.py - how an outage is judged beside other work: it is told with its goal, and ends at all.

How long it takes is a figure, and is taken where figures are (bench/failover.py): here the machine does other things beside, and
a process that is not run for a second makes a takeover late, not wrong."""
SLACK_MS = 10_000


def timely(outage_ms, goal_ms):
    print(f"outage {outage_ms:.0f} ms (goal on an idle machine: {goal_ms})")
    assert outage_ms <= goal_ms + SLACK_MS
