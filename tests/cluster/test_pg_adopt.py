"""tests/cluster/test_pg_adopt.py - a PostgreSQL that ran before pgraft is taken over, on a host whose distribution starts it too.

Claim: it is not taken over as long as that is so, and is left alone; when it is so no more the node takes it over by itself, and
nothing is stopped or started for it; should it be so again, a start of pgraftd says so and goes on (safety B3, D2)."""
import os
import subprocess
from pathlib import Path

import pytest

from lib import wait
from lib.pg_cluster import FORMED_S, TABLES
from lib.pg_node import BIN, PASSWORD, PG_PORT, owner, seeming

CLUSTERS = Path("/etc/postgresql")
SETTINGS = """
listen_addresses = '{node.address}'
port = {port}
unix_socket_directories = '{node.sockets}'
shared_buffers = 16MB
dynamic_shared_memory_type = mmap
"""
RULES = "local all all trust\nhost all all all scram-sha-256\nhost replication replicator all scram-sha-256\n"
REFUSED = "the data directory is not adopted yet: the distribution starts it at boot: /etc/postgresql/1/main/start.conf says auto"
WARNED = "PostgreSQL is not pgraft's alone: "


@pytest.fixture
def start_conf():
    """start.conf of a cluster "main" of this machine, which is there for this test alone."""
    if os.environ["PGRAFT_CLUSTER_NET"] != "bridge" or not CLUSTERS.is_dir():
        pytest.skip("no namespaces here, or no Debian")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", CLUSTERS], check=True)
    (CLUSTERS / "1" / "main").mkdir(parents=True)
    yield CLUSTERS / "1" / "main" / "start.conf"
    subprocess.run(["umount", "-l", CLUSTERS], check=True)


def run(node, program, *words):
    """A program of PostgreSQL's on the host of @node, as its owner."""
    as_owner = ["setpriv", f"--reuid={owner()}", f"--regid={owner()}", "--clear-groups"] if owner() else seeming()
    subprocess.run([*node.cluster.net.command(node.host), *as_owner, BIN / program, "-D", node.pgdata, *words], cwd="/",
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def begin_by_hand(node):
    """A PostgreSQL that nobody looks after."""
    run(node, "initdb", "-U", "postgres", "--auth=trust", "-k", "-E", "UTF8", "--locale=C")
    with (node.pgdata / "postgresql.conf").open("a", encoding="utf-8") as conf:
        conf.write(SETTINGS.format(node=node, port=PG_PORT))
    (node.pgdata / "pg_hba.conf").write_text(RULES, encoding="utf-8")
    run(node, "pg_ctl", "-w", "-l", str(node.folder / "log"), "start")
    assert node.sql(f"ALTER USER postgres PASSWORD '{PASSWORD}'") == ""
    assert node.sql("CREATE USER replicator REPLICATION PASSWORD 'rep'") == ""
    assert node.sql(TABLES) == ""


def test_a_postgresql_that_the_distribution_starts(pg_stage, start_conf):
    cluster = pg_stage.cluster()
    node = cluster["pg1"]
    whole = node.arguments
    node.arguments = lambda: [*whole(), "--adopt"]
    begin_by_hand(node)
    postmaster = node.postmaster()
    start_conf.write_text("# as it was installed\nauto\n", encoding="utf-8")
    (start_conf.parent / "postgresql.conf").write_text(f"data_directory = '{node.pgdata}'\n", encoding="utf-8")
    cluster.start()
    node.says(REFUSED, seconds=FORMED_S)
    assert not (node.pgdata / "pgraft.note").exists()
    assert node.sql("INSERT INTO seen VALUES ('by hand', 0) RETURNING 'committed'") == "committed"
    assert node.postmaster() == postmaster
    start_conf.write_text("manual\n", encoding="utf-8")
    assert cluster.wait_well(FORMED_S) is node
    assert node.postmaster() == postmaster
    assert node.sql("SELECT count(*) FROM seen WHERE node = 'by hand'") == "1"
    assert WARNED not in node.log()
    start_conf.write_text("auto\n", encoding="utf-8")
    node.kill()
    mark = node.mark()
    node.start()
    node.says(WARNED, mark)
    assert cluster.wait_well() is node
    wait.stays(lambda: node.postmaster() == postmaster, "it goes on", 1)
