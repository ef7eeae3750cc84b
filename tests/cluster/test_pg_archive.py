"""tests/cluster/test_pg_archive.py - an old primary comes back with WAL that waits for its archive_command and that nobody else has.

Claim: what waits is archived first, whole, then the node is rewound; what the rewind discards is put aside. An archive that refuses,
or does not answer, keeps no node from coming back: then what waited is put aside as well, and the log names it. Nor does it hold up a restart or a
switchover for more than ten seconds."""
import time

from lib import wait
from lib.pg_case import Case
from lib.pg_cluster import LONG
from lib.tool import ctl

SEGMENTS = 3
SEGMENT_BYTES = 16 << 20
LIMIT_S = 60  # a command that takes longer is killed
# Below the node's own folder, for who runs it stands in the data directory.
COMMAND = ("test ! -e ../hangs || sleep 1000; test ! -e ../refuses && mkdir -p ../archive && cp %p ../archive/%f.new"
           " && mv ../archive/%f.new ../archive/%f")
SETTINGS = {"dynamic": {"maximum_lag_on_failover": SEGMENTS * 10 * SEGMENT_BYTES},
            "parameters": {"archive_mode": "on", "archive_command": COMMAND}}
BREAKS_THE_NETWORK = True


def waiting(node):
    """The WAL files that wait for archive_command: {name: bytes}."""
    found = (path.stem for path in (node.pgdata / "pg_wal" / "archive_status").glob("*.ready"))
    return {name: (node.pgdata / "pg_wal" / name).read_bytes() for name in found}


def archived(node):
    return {path.name: path.read_bytes() for path in (node.folder / "archive").glob("*") if path.suffix != ".new"}


def kept(node):
    """What was put aside for the newest epoch."""
    places = sorted((node.data / "kept-wal").glob("*"), key=lambda path: int(path.name.rpartition("-")[2]))
    return {path.name: path.read_bytes() for path in places[-1].iterdir()} if places else {}


def die_alone(case):
    """The primary commits where no standby hears it, its archive refuses, and it dies. What waited there; another has the role."""
    cluster, primary = case.cluster, case.primary
    (primary.folder / "refuses").touch()
    cluster.net.part([primary.name], [node.name for node in case.others])
    for number in range(SEGMENTS):
        assert primary.sql(f"INSERT INTO seen VALUES ('alone', {number}) RETURNING 'committed'") == "committed"
        primary.sql("SELECT pg_switch_wal()")
    wait.until(lambda: len(waiting(primary)) >= SEGMENTS, lambda: f"{SEGMENTS} segments wait\n{primary.log_tail()}")
    assert primary.sql("INSERT INTO seen VALUES ('alone', -1) RETURNING 'committed'") == "committed"
    primary.kill_all()
    found = waiting(primary)
    assert all(len(text) == SEGMENT_BYTES for name, text in found.items() if len(name) == 24)
    case.heir()
    cluster.net.heal()  # not before: what the kernel of the dead one still has to send would arrive
    return found


def come_back(case, waits_for=None):
    """The old primary comes back and is rewound, after a line of its log with @waits_for. What its log says of that."""
    mark, since = case.primary.mark(), time.monotonic()
    case.primary.start()
    if waits_for is not None:
        case.primary.says(waits_for, mark, 2 * LIMIT_S)
    case.over()
    said = case.primary.log_since(mark)
    print(f"back after {time.monotonic() - since:.1f} s")
    assert "pg_rewind" in said, said
    assert "pg_basebackup" not in said, said
    assert case.cluster.primary() is not case.primary
    assert case.primary.sql("SELECT count(*) FROM seen WHERE node = 'alone'") == "0"
    return said


def forget(case):
    """So that the next one begins anew."""
    for name in ("refuses", "hangs"):
        (case.primary.folder / name).unlink(missing_ok=True)


def test_what_waits_is_archived_before_a_rewind(pg):
    case = Case(pg)
    lost = die_alone(case)
    (case.primary.folder / "refuses").unlink()
    said = come_back(case)
    there, aside = archived(case.primary), kept(case.primary)
    assert {name: there.get(name) == text for name, text in lost.items()} == dict.fromkeys(lost, True)
    assert {name: aside.get(name) == text for name, text in lost.items()} == dict.fromkeys(lost, True)
    assert any(b"alone" in text for name, text in aside.items() if name not in lost), "the segment that was not full"
    lines = said.splitlines()
    first_rewind = next(number for number, line in enumerate(lines) if "name=pg_rewind" in line)
    for name in lost:
        assert any(f"archived: segment={name}" in line for line in lines[:first_rewind]), said
    assert waiting(case.primary) == {}


def test_an_archive_that_refuses_holds_nobody_up(pg):
    case = Case(pg)
    lost = die_alone(case)
    said = come_back(case)
    assert f"not archived: segment={min(lost)}" in said, said
    assert archived(case.primary).keys().isdisjoint(lost)
    aside = kept(case.primary)
    assert {name: aside.get(name) == text for name, text in lost.items()} == dict.fromkeys(lost, True)
    forget(case)


def let_go(node):
    """What archive_command runs is no process of PostgreSQL, and outlives it: docs/guard.md."""
    found = [p.pid for p in node.processes() if p.place == str(node.pgdata) and p.pid not in node.postgres()]
    node.strike(found, 9)


def test_an_archive_that_does_not_answer_holds_up_no_restart_and_no_switchover(pg):
    """The shutdown waits for it, for ten seconds: docs/switchover.md."""
    case = Case(pg)
    wanted, epoch = case.others[0], case.cluster.grant()
    (case.primary.folder / "hangs").touch()
    case.primary.sql("SELECT pg_switch_wal()")
    mark = case.primary.mark()
    out, status = ctl(case.primary, "restart", "demo", case.primary.name, "--force")
    assert status == 0, out
    assert case.primary.count("rule=restart-stop-hangs", mark) >= 1, case.primary.log_since(mark)
    assert case.cluster.wait_well() is case.primary
    assert case.cluster.grant() == epoch
    case.writers.go_on()
    mark = case.primary.mark()
    out, status = ctl(case.primary, "switchover", "--candidate", wanted.name, "--force")
    assert status == 0, out
    assert f'Successfully switched over to "{wanted.name}"' in out
    assert case.primary.count("rule=stop-hangs", mark) >= 1, case.primary.log_since(mark)
    forget(case)
    let_go(case.primary)
    assert case.over()[0] is wanted
    case.nothing_lost()


if LONG:
    def test_an_archive_that_does_not_answer_holds_nobody_up(pg):
        case = Case(pg)
        lost = die_alone(case)
        (case.primary.folder / "hangs").touch()
        said = come_back(case, f"not archived: segment={min(lost)}")
        assert "was killed" in said, said
        aside = kept(case.primary)
        assert {name: aside.get(name) == text for name, text in lost.items()} == dict.fromkeys(lost, True)
        forget(case)
