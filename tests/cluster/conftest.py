"""tests/cluster/conftest.py - clusters for the tests, taken down after each; what the nodes said, when one fails."""
import os
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
assert "PGRAFT_CLUSTER_DIR" in os.environ, "run by tests/cluster/inside.py; see tests/cluster/meson.build"

from lib.cluster import Cluster  # noqa: E402 (the message above comes first)
from lib.load import Load, judge  # noqa: E402
from lib.net import network  # noqa: E402


class Stage:
    """What a test builds, in one network."""

    def __init__(self, folder):
        self.folder = folder
        self.net = network()
        self.clusters = []
        self.loads = []

    def cluster(self, names, **settings):
        """A Cluster of @names, or of that many nodes; nothing runs yet."""
        if isinstance(names, int):
            names = [f"n{number + 1}" for number in range(names)]
        made = Cluster(self.net, self.folder / f"c{len(self.clusters)}", names, **settings)
        self.clusters.append(made)
        return made

    def load(self, cluster, **options):
        """A Load on all nodes there are in @cluster, started."""
        made = Load([node.socket for node in cluster], **options)
        self.loads.append(made)
        return made.start()

    def close(self):
        for load in self.loads:
            load.ends.set()
        for cluster in self.clusters:
            for node in cluster.running:
                node.process.kill()
        for load in self.loads:
            load.stop()
        try:
            for cluster in self.clusters:
                cluster.close()
        finally:
            self.net.close()


@pytest.fixture
def stage(request):
    number = getattr(request.session, "stages", 0)
    request.session.stages = number + 1
    made = Stage(Path(os.environ["PGRAFT_CLUSTER_DIR"]) / str(number))
    yield made
    made.close()


@pytest.fixture
def breakable(stage):
    """A stage whose network can be broken."""
    if not stage.net.can_break:
        pytest.skip("no namespaces here: neither root nor unshare --user")
    return stage


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    stage = item.funcargs.get("stage") if hasattr(item, "funcargs") else None
    if report.when == "call" and report.failed and stage is not None:
        for cluster in stage.clusters:
            for node in cluster:
                report.sections.append((f"log of {node.name}", node.log_tail(40)))


@pytest.fixture(scope="session")
def linearizable():
    return judge
