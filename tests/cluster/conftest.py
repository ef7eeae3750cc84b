"""tests/cluster/conftest.py - clusters for the tests, taken down after each; what the nodes said, when one fails."""
import os
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
assert "PGRAFT_CLUSTER_DIR" in os.environ, "run by tests/cluster/inside.py; see tests/cluster/meson.build"

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))

from lib.cluster import Cluster  # noqa: E402 (the lines above come first)
from lib.front import Front  # noqa: E402
from lib.load import Load, judge  # noqa: E402
from lib.net import network  # noqa: E402
from lib.pg_disk import NoDisk  # noqa: E402
from lib.pg_stage import Keeper, PgStage  # noqa: E402


LOG_LINES = 200  # of each node, when a test fails


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


@pytest.fixture
def pg_stage():
    """A stage for clusters with PostgreSQL, with nothing on it yet."""
    made = PgStage()
    yield made
    made.close()


@pytest.fixture(scope="session")
def pg_keeper():
    """What keeps a cluster from one test to the next, and from one file to the next that wants one of the same kind."""
    made = Keeper()
    yield made
    made.close()


@pytest.fixture
def pg(request, pg_keeper):
    """The stage with a cluster which is whole, pg.clusters[0]; the file says in SETTINGS how it is made."""
    if getattr(request.module, "BREAKS_THE_NETWORK", False) and os.environ["PGRAFT_CLUSTER_NET"] != "bridge":
        pytest.skip("no namespaces here: neither root nor unshare --user")
    try:
        made = pg_keeper.whole(request.module.SETTINGS)
    except NoDisk as error:
        pytest.skip(f"no file system of our own can be mounted here: {error}")
    yield made
    made.end_clients()


@pytest.fixture
def front(pg):
    """Hosts in front of the cluster that is whole, and what runs on them."""
    made = Front(pg)
    yield made
    made.end()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    outcome = yield
    report = outcome.get_result()
    args = getattr(item, "funcargs", {})
    stage = args.get("stage") or args.get("pg_stage") or args.get("pg")
    if report.when == "call" and report.failed and stage is not None:
        for cluster in stage.clusters:
            for node in cluster:
                report.sections.append((f"log of {node.name}", node.log_tail(LOG_LINES)))
    if report.when == "call" and report.failed and "front" in args:
        report.sections.append(("programs in front", args["front"].story()))
    if report.when == "call" and report.failed and "pg_keeper" in args:
        args["pg_keeper"].spoilt = True


@pytest.fixture(scope="session")
def linearizable():
    return judge
