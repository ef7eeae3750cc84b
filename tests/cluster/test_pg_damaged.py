"""tests/cluster/test_pg_damaged.py - the data of a standby are damaged: it can not even be started, or never comes up.

Claim: it says why; what it has of WAL is put aside, it is cloned, and streams again. Nothing is lost, and the others notice nothing."""
import shutil

from lib import wait
from lib.pg_case import Case
from lib.pg_cluster import LONG
from lib.tool import ctl

SETTINGS = {}
NO_START_S = 90  # 30 s of starts in vain, on a busy machine


def note(node):
    """What it keeps for itself, of which copy: the directory is named by that."""
    return {path.name for path in (node.data / "kept-wal").glob("*")}


def come_back(case, node, mark, reason, seconds):
    """After a line that says @reason it is cloned, once, and all is well. What its log says of that."""
    node.says(f"its data are of no use: why=.*{reason}", mark, seconds)
    case.over()
    case.nothing_lost()
    said = node.log_since(mark)
    assert said.count("supervisor clone: of=") == 1, said
    assert "supervisor WAL put aside" in said, said
    assert case.cluster.primary() is case.primary
    return said


def test_a_control_file_that_is_damaged(pg):
    case = Case(pg)
    node = case.others[0]
    before = note(node)
    node.stop()
    control = node.pgdata / "global" / "pg_control"
    text = control.read_bytes()
    control.write_bytes(text[:40] + bytes([text[40] ^ 1]) + text[41:])
    mark = node.mark()
    node.start()
    reason = "its control file is damaged"
    wait.until(lambda: f"{node.name}: stopped; the end of its WAL can not be read: {reason}" in ctl(case.primary, "status")[0],
               lambda: ctl(case.primary, "status")[0])
    said = ctl(node, "why")[0]
    assert "waits-for-rung" in said and "damaged or gone" in said, said
    said = come_back(case, node, mark, reason, NO_START_S)
    assert "what=started" not in said.partition("supervisor clone: of=")[0], said
    assert len(note(node) - before) == 1


if LONG:
    def test_data_that_never_come_up(pg):
        """Their end can be read, and PostgreSQL ends before it has looked at any of it."""
        case = Case(pg)
        node = case.others[0]
        node.stop()
        shutil.rmtree(node.pgdata / "pg_replslot")
        mark = node.mark()
        node.start()
        said = come_back(case, node, mark, "PostgreSQL does not come up: it ended with status 1", NO_START_S)
        starts = said.partition("supervisor clone: of=")[0].count("guard tells: what=started")
        assert 5 <= starts <= 20, said
