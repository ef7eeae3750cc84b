"""tests/cluster/test_rolling.py - every member is restarted, and leadership moves, while clients write and others watch.

Claim: a rolling restart of all five loses no acknowledged write and no event of a watch, which goes on by
itself at another node: in order, no gap, no duplicate. Leadership goes where it is told under load."""
import pytest

from lib import wait
from lib.client import Refused, Silent
from lib.watcher import Command, Watcher, all_told
from test_crashes import writes_go_on

ROUNDS = 6  # of all members


@pytest.fixture
def watching():
    """Starts a watcher of @kind on @cluster that is ended with the test."""
    made = []

    def start(kind, cluster):
        made.append(kind([node.socket for node in cluster]))
        return made[-1]
    yield start
    for watcher in made:
        watcher.close()


def test_a_rolling_restart_of_all_five_loses_no_write_and_no_event(stage, linearizable, watching):
    cluster = stage.cluster(5)
    cluster.form()
    load = stage.load(cluster)
    program, command = watching(Watcher, cluster), watching(Command, cluster)
    for node in list(cluster):
        writes_go_on(load)
        node.restart()
        cluster.wait_voters(cluster.listed)
        cluster.wait_leader()
    writes_go_on(load)
    history = load.stop()
    all_told(load, program)
    all_told(load, command)
    assert program.events == command.events[:len(program.events)]
    linearizable(history)


def hand_over(cluster, name):
    """Ask any member, until it is done: leadership goes to @name."""
    def done():
        try:
            return cluster["n1"].client.post("transfer", member=name, timeout_ms=5000) == {"leader": name}
        except (Refused, Silent):
            return False  # a moment ago there was another leader, or none
    wait.until(done, lambda: f"{name} leads\n{cluster.story()}")


def test_leadership_goes_round_under_load(stage, linearizable, watching):
    cluster = stage.cluster(3)
    cluster.form()
    load = stage.load(cluster)
    watcher = watching(Watcher, cluster)
    for name in cluster.listed * ROUNDS:
        writes_go_on(load)
        hand_over(cluster, name)
    writes_go_on(load)
    assert all(node.is_running for node in cluster)
    history = load.stop()
    all_told(load, watcher)
    linearizable(history)
