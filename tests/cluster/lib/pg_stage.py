"""tests/cluster/lib/pg_stage.py - one PostgreSQL cluster for many tests, as long as it comes to itself after each.

To form one takes longer than most faults do. So a test gets the cluster that is there, whole again; after a failure, and
when it does not come to itself, a new one."""
import itertools

from lib.net import network
from lib.pg_cluster import PgCluster, scratch
from lib.pg_load import Observer, Writers


class PgStage:
    """What a test builds with PostgreSQL, in one network."""

    numbers = itertools.count()

    def __init__(self, net=None):
        self.net = net or network()
        self.folder = scratch() / str(next(PgStage.numbers))
        self.clusters = []
        self.told = []

    def cluster(self, **options):
        """A PgCluster; nothing runs yet."""
        made = PgCluster(self.net, self.folder / f"c{len(self.clusters)}", **options)
        self.clusters.append(made)
        return made

    def writers(self, *through):
        """Clients of the newest cluster that write; @through is how each connects, if not straight to the databases."""
        return self._kept(Writers(self.clusters[-1], through))

    def observer(self):
        return self._kept(Observer(self.clusters[-1]))

    def _kept(self, made):
        self.told.append(made)
        return made

    def end_clients(self):
        for told in self.told:
            told.stop()
        self.told = []

    def close(self):
        for cluster in self.clusters:
            for node in cluster:
                node.end()
        self.end_clients()
        try:
            for cluster in self.clusters:
                cluster.close()
        finally:
            self.net.close()


class Keeper:
    """A stage, and the cluster on it."""

    def __init__(self, **options):
        self.options = options
        self.stage = None
        self.spoilt = False

    def whole(self, options=None):
        """The stage, with a cluster that is well, and was made with @options."""
        is_other = options is not None and options != self.options
        self.options = self.options if options is None else options
        if self.stage is not None and not self.spoilt and not is_other:
            try:
                self.stage.clusters[-1].mend()
                return self.stage
            except AssertionError as error:
                print(f"not whole again after the test before, so a new one is formed: {error}")
        self.close()
        self.stage = PgStage()
        self.stage.cluster(**self.options).form_whole()
        return self.stage

    def close(self):
        stage, self.stage, self.spoilt = self.stage, None, False
        if stage is not None:
            stage.close()
