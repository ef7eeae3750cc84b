"""tests/cluster/test_pg_damaged.py - the data of a standby are damaged: it can not even be started, or never comes up.

Claim: it says why; what it has of WAL is put aside, it is cloned, and streams again. Nothing is lost, and the others notice nothing.
Where something else keeps PostgreSQL down, or nobody else has a copy, nothing is discarded."""
import shutil

from lib import wait
from lib.pg_case import Case
from lib.pg_cluster import LONG, kill
from lib.tool import ctl

SETTINGS = {}
NO_START_S = 90  # 30 s of starts in vain, on a busy machine
STARTS = 14 if LONG else 4  # with the pauses between them: 40 s, longer than it takes to give a copy up; or 1 s


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


def told(case, node):
    """What the others are told of @node."""
    said = ctl(case.primary, "status")[0]
    return next((line for line in said.splitlines() if line.strip().startswith(f"{node.name}:")), said)


def starts(node, mark):
    return node.log_since(mark).count("guard tells: what=started")


def test_a_library_that_is_missing_on_both_standbys(pg):
    """As after an update of the system: a postmaster that ends before it reads its data says nothing of them."""
    case = Case(pg)
    kept = {node.name: note(node) for node in case.others}
    marks = {node.name: node.mark() for node in case.others}
    texts = {}
    for node in case.others:
        path = node.pgdata / "postgresql.base.conf"
        texts[node.name] = path.read_text(encoding="utf-8")
        path.write_text(texts[node.name] + "\nshared_preload_libraries = 'nosuchlibrary'\n", encoding="utf-8")
    kill([node.postmaster() for node in case.others])
    for node in case.others:
        wait.until(lambda node=node: starts(node, marks[node.name]) >= STARTS,
                   lambda node=node: node.log_since(marks[node.name]), NO_START_S)
        reason = "PostgreSQL does not come up: it ended with status 1 before it read its data, and its log says why"
        wait.until(lambda node=node: told(case, node).endswith(reason), lambda node=node: told(case, node))
    case.writers.go_on()
    for node in case.others:
        (node.pgdata / "postgresql.base.conf").write_text(texts[node.name], encoding="utf-8")
    case.over()
    case.nothing_lost()
    for node in case.others:
        said = node.log_since(marks[node.name])
        assert "its data are" not in said and "supervisor clone: of=" not in said, said
        assert note(node) == kept[node.name]


if LONG:
    def test_both_standbys_never_come_up(pg):
        """Which may be their data: but nobody gives up one of the last two copies, until the other standby has come back."""
        case = Case(pg)
        one, other = case.others
        marks = {node.name: node.mark() for node in case.others}
        for node in case.others:
            node.stop()
            (node.pgdata / "pg_replslot").rename(node.pgdata / "replslot.away")
        for node in case.others:
            node.start()
        for node in case.others:
            reason = "it is not cloned while no other standby follows the primary"
            node.says(f"its data are kept: why=.{reason}", marks[node.name], NO_START_S)
            wait.until(lambda node=node: told(case, node).endswith(reason), lambda node=node: told(case, node))
        for node in case.others:
            assert "its data are of no use" not in node.log_since(marks[node.name])
        (one.pgdata / "replslot.away").rename(one.pgdata / "pg_replslot")
        come_back(case, other, marks[other.name], "PostgreSQL does not come up: it ended with status 1", NO_START_S)
        assert "supervisor clone: of=" not in one.log_since(marks[one.name])

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
