"""tests/cluster/lib/pg_cluster.py - three databases with PostgreSQL and two witnesses, and when they are well."""
import json
import os
import signal
from pathlib import Path

from lib import wait
from lib.cluster import Cluster
from lib.pg_node import PASSWORD, PG_PORT, PgNode

NAMES = ("pg1", "pg2", "pg3", "w1", "w2")
LONG = os.environ.get("PGRAFT_LONG") == "1"  # ./check long: more kinds of faults, and longer ones
FORMED_S = 120  # initdb, and two clones, on a busy machine
WELL_S = 60
VISITOR = "standby_cluster_"  # what the leader of a cluster that follows another one streams as
# A statement that is not acknowledged in time may have been done.
TABLES = ("CREATE TABLE IF NOT EXISTS rows (client int, number bigint, PRIMARY KEY (client, number));"
          "CREATE TABLE IF NOT EXISTS seen (node text, timeline int)")


def scratch():
    """Where the nodes' folders are: on a file system that goes away with the namespace, if there is one."""
    return Path("/run/pg") if os.environ["PGRAFT_CLUSTER_NET"] == "bridge" else Path(os.environ["PGRAFT_CLUSTER_DIR"])


class PgCluster(Cluster):
    """@dynamic is what bootstrap.dcs has, @parameters what PostgreSQL gets beside, @store what the environment says; with
    @disks each data directory stands on a PgDisk, with @watchdog each database has a machine that is reset by a Dog."""

    def __init__(self, net, folder, names=NAMES, dynamic=None, parameters=None, programs=None, disks=False, watchdog=False,
                 store=None):
        self.dynamic = dynamic or {}
        self.disks = disks
        self.watchdog = watchdog
        self.parameters = parameters or {}
        self.programs = programs  # None: those of the build
        self.login = f"port={PG_PORT} user=postgres password={PASSWORD}"
        super().__init__(net, folder, names, kind=PgNode, **(store or {}))
        os.chmod(self.folder, 0o755)

    @property
    def databases(self):
        return [node for node in self if node.is_database]

    @property
    def is_synchronous(self):
        return self.dynamic.get("synchronous_mode", "off") not in ("off", False)

    def others(self, *nodes):
        return [node for node in self.databases if node not in nodes]

    # --- What it should come to ---

    def primary(self):
        """The one node that commits now; None while there is none."""
        found = [node for node in self.databases if node.is_running and node.is_primary()]
        if len(found) != 1:
            return None
        said = found[0].sql("INSERT INTO seen VALUES ('kit', 0) RETURNING 'committed'")
        return found[0] if said == "committed" else None

    def wait_primary(self, other_than=None, seconds=WELL_S):
        def found():
            node = self.primary()
            return node if node and node is not other_than else None
        return wait.until(found, lambda: f"a primary\n{self.story()}", seconds)

    def is_covered(self, primary):
        """Synchronous, and every standby counts; or asynchronous."""
        said = primary.sql("SHOW synchronous_standby_names")
        if said is None:
            return False
        if not self.is_synchronous:
            return said == ""
        how_many = all if self.dynamic["synchronous_mode"] == "quorum" else any  # by name it is one
        return how_many(node.name in said for node in self.others(primary))

    def wait_well(self, seconds=WELL_S):
        """All run, one is the primary and the others stream from it, whoever else does. The primary."""
        def found():
            if len(self.running) < len(self.nodes):
                return None
            primary = self.primary()
            names = sorted(node.name for node in self.others(primary))
            streams = [name for name in primary.streams() if not name.startswith(VISITOR)] if primary else []
            return primary if primary and streams == names and self.is_covered(primary) else None
        return wait.until(found, lambda: f"a primary that two stream from\n{self.story()}", seconds)

    def form_whole(self):
        """From nothing to three databases that replicate. The primary."""
        self.start()
        wait.until(lambda: any(node.is_primary() and node.sql(TABLES) == "" for node in self.databases),
                   lambda: f"a first primary\n{self.story()}", FORMED_S)
        return self.wait_well(FORMED_S)

    def mend(self):
        """Undo what a test did: the network is whole, who is stopped goes on, who is gone is started. The primary."""
        self.net.heal()
        for node in self:
            if node.disk is not None:
                node.disk.turn("well")
            node.thaw()
        self.start()
        return self.wait_well()

    # --- What is in the store ---

    def key(self, name):
        return f"/service/{self.scope}/{name}"

    def grant(self, asked=None):
        """What the newest grant of the primary's role says, as @asked knows it."""
        return json.loads((asked or self.running[0]).client.value(self.key("pgraft/grant")))

    # --- What clients were told ---

    def rows(self):
        """Every (client, number) that is there."""
        said = self.wait_primary().sql("SELECT client, number FROM rows", seconds=30)
        return {tuple(int(word) for word in line.split("|")) for line in said.splitlines()}

    def _row(self, node):
        said = super()._row(node)
        if not node.is_database:
            return said
        asked = node.sql("SELECT CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE 'primary' END,"
                         " (pg_control_checkpoint()).timeline_id, current_setting('primary_conninfo') <> '',"
                         " current_setting('synchronous_standby_names')")
        return f"{said}\nPostgreSQL: {asked or 'does not answer'}; streams to {node.streams()}\n" + \
            "\n".join(str(process) for process in node.processes())



def stop(pids):
    """SIGSTOP; the moment."""
    return PgNode.strike(pids, signal.SIGSTOP)


def kill(pids):
    """SIGKILL; the moment."""
    return PgNode.strike(pids, signal.SIGKILL)
