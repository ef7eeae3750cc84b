"""tests/cluster/test_idle_long.py - the same as test_idle.py with the times that are promised: for ./check long.

Claim (safety E3): from 30 s after the last change, over 60 s."""
from test_idle import stays_idle, traced  # noqa: F401 (a fixture)

QUIET_S = 30
IDLE_S = 60


def test_an_idle_cluster_writes_nothing_for_a_minute(traced):  # noqa: F811
    stays_idle(traced.cluster(5), QUIET_S, IDLE_S)
