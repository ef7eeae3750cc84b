"""tests/cluster/lib/database.py - voters whose PostgreSQL can not be started: the store is all that runs of them.

A voter is a database host, and starts its PostgreSQL where it can. Here the folder that postgresql.bin_dir names is
empty, as on a host where PostgreSQL is not installed yet: such a voter has its vote all the same."""
import os

from lib.cluster import Cluster
from lib.pg_cluster import scratch
from lib.pg_node import PgNode


class Database(PgNode):
    """A witness if its name begins with a w."""

    def configuration(self):
        nothing = self.folder / "bin"
        nothing.mkdir(exist_ok=True)
        found = super().configuration()
        found["postgresql"]["bin_dir"] = str(nothing)
        return found


class Databases(Cluster):
    """A Cluster of them; @settings are PGRAFT_* variables."""

    dynamic, parameters, programs = {}, {}, None
    disks = watchdog = False

    def __init__(self, net, names, **settings):
        super().__init__(net, scratch() / "databases", names, kind=Database, **settings)
        os.chmod(self.folder, 0o755)
