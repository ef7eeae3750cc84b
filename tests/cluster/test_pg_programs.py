"""tests/cluster/test_pg_programs.py - a program of PostgreSQL's fails, does half of its work or is cut off while a standby comes back.

Claim: it is said, and tried again in a while; a copy that is not whole is never started; data in which a rewind was cut off are never
started either, but cloned; and data that pgraft has not made are neither started nor discarded. The others notice nothing."""
import contextlib
import datetime
import shutil
import subprocess

from lib import wait
from lib.pg_case import Case
from lib.pg_node import BIN, owner, seeming
from lib.pg_programs import Programs
from lib.tool import ctl

SETTINGS = {}
BREAKS_THE_NETWORK = True
NOTHING_YET = """if [ ! -e {folder}/luck ]; then echo 'pg_basebackup: error: no luck' >&2; exit 1; fi"""
PAUSES_S = (0.1, 0.2, 0.4)  # between the first tries
ONCE_HALF = """if [ ! -e {folder}/half ]; then {real} "$@" && touch {folder}/half && rm {pgdata}/global/1262; exit; fi"""
NEVER_ENDS = """case "$*" in *--dry-run*) ;; *) touch {folder}/rewinds; sleep 1000;; esac"""
CLONES = "supervisor clone: of="


@contextlib.contextmanager
def with_program(node, name, text):
    """@node is down, and is left running: with @text before its program @name."""
    programs = Programs(node)
    programs.before(name, text.format(folder=node.folder, pgdata=node.pgdata, real=BIN / name))
    try:
        yield
    finally:
        programs.undo()


def of(case, node):
    """What the primary's status says of @node."""
    said = ctl(case.primary, "status")[0]
    return next((line.strip() for line in said.splitlines() if line.strip().startswith(f"{node.name}:")), said)


def without_data(pg):
    """A standby that has lost its data, and is down; where its log ends."""
    case = Case(pg)
    node = case.others[0]
    node.kill_all()
    shutil.rmtree(node.pgdata)
    return case, node, node.mark()


def clones(node, mark):
    """When each copy since @mark was begun."""
    lines = [line for line in node.log_since(mark).splitlines() if CLONES in line]
    return [datetime.datetime.fromisoformat(line.split()[0].replace("Z", "+00:00")) for line in lines]


def test_a_copy_that_fails_is_tried_again(pg):
    case, node, mark = without_data(pg)
    with with_program(node, "pg_basebackup", NOTHING_YET):
        node.start()
        wait.until(lambda: "no luck" in of(case, node), lambda: of(case, node))
        wait.until(lambda: len(clones(node, mark)) > len(PAUSES_S), lambda: node.log_since(mark))
        tries = clones(node, mark)
        for least_s, before, after in zip(PAUSES_S, tries, tries[1:]):
            assert (after - before).total_seconds() >= least_s, node.log_since(mark)
        (node.folder / "luck").touch()
        case.over()
    said = node.log_since(mark)
    assert "what=started" not in said[:said.rindex(CLONES)], said


def test_a_copy_that_is_not_whole_is_not_started(pg):
    case, node, mark = without_data(pg)
    with with_program(node, "pg_basebackup", ONCE_HALF):
        node.start()
        case.over()
    said = node.log_since(mark)
    assert said.count(CLONES) == 2, said
    assert "what=started" not in said[:said.rindex(CLONES)], said


def test_a_rewind_that_is_cut_off(pg):
    case = Case(pg)
    cluster, primary = case.cluster, case.primary
    cluster.net.part([primary.name], [node.name for node in case.others])
    assert primary.sql("INSERT INTO seen VALUES ('alone', 1) RETURNING 'committed'") == "committed"
    primary.kill_all()
    case.heir()
    cluster.net.heal()
    mark = primary.mark()
    with with_program(primary, "pg_rewind", NEVER_ENDS):
        primary.start()
        wait.until((primary.folder / "rewinds").exists, lambda: primary.log_since(mark), 60)
        primary.kill_all()
    mark = primary.mark()
    primary.start()
    case.over()
    said = primary.log_since(mark)
    assert "what=started" not in said.partition(CLONES)[0], said
    assert said.count(CLONES) == 1 and "action=return" in said, said
    assert primary.sql("SELECT count(*) FROM seen WHERE node = 'alone'") == "0"


def test_data_that_pgraft_has_not_made(pg):
    case = Case(pg)
    node = case.others[0]
    node.stop()
    wait.until(lambda: not node.processes(), lambda: f"nothing of it runs: {[str(one) for one in node.processes()]}")
    away = node.pgdata.with_name("away")
    node.pgdata.rename(away)
    try:
        made = subprocess.run([*seeming(), BIN / "initdb", "-D", node.pgdata, "-U", "postgres"], user=owner(), cwd="/",
                              capture_output=True, check=False)
        assert made.returncode == 0, made.stderr
        found = (node.pgdata / "global" / "pg_control").read_bytes()
        mark = node.mark()
        node.start()
        why = "its data directory carries no note of pgraft"
        wait.until(lambda: why in ctl(node, "status")[0], lambda: ctl(node, "status")[0] + ctl(node, "why")[0])
        case.writers.go_on()
        said = node.log_since(mark)
        assert said.count("carries no note of pgraft") == 1, said
        assert "what=started" not in said and CLONES not in said, said
        assert (node.pgdata / "global" / "pg_control").read_bytes() == found
        node.stop()
    finally:
        shutil.rmtree(node.pgdata, ignore_errors=True)  # initdb may have failed
        away.rename(node.pgdata)
    node.start()
    case.over()
    case.nothing_lost()
