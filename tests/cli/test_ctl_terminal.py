"""tests/cli/test_ctl_terminal.py - the operator's terminal goes away in the middle of anything.

Claim: each command that waits says so after a second, line by line; Ctrl-C, SIGTERM and a terminal that is gone end it, by
that signal, after a sentence that says what goes on without it and what was not begun; nothing half-written is left behind;
whoever has it ignore SIGHUP (nohup) is obeyed. Method: fake nodes that do not answer until they are told to, and a terminal
that is closed.
"""
import contextlib
import os
import pty
import select
import signal
import subprocess
import threading
import time

import pytest

from fake_node import CTL, Node, SECONDS_MAX, environment
from fake_postgres import Postgres
from test_ctl_cluster import HEALTHY
from test_ctl_faces import leader, replica, view
from test_ctl_ops import Members, words as said
from test_ctl_query import SETTINGS

WAITS_MAX = 30
LATER = "2126-12-01T04:00:00+01:00"


class Scene(contextlib.ExitStack):
    """db1, which leads, and db2; what a test hangs does not answer before it is over."""

    def __init__(self):
        super().__init__()
        self.over = threading.Event()
        self.asked = threading.Semaphore(0)
        self.members = self.enter_context(Members([{}, {}]))
        self.db1, self.db2 = self.members.nodes
        self.node = self.members.cluster
        self.node.answers["/raft"] = {**HEALTHY, "scope": "orders"}
        self.node.answers["/pgraft/v1/since"] = {"since": 1}
        self.callback(self.over.set)

    def hang(self, node, path):
        def answer(_body):
            self.asked.release()
            self.over.wait(WAITS_MAX)
            return said(200, "too late")(None)
        node.answers[path] = answer

    def tell(self, node, path, answer):
        """Each time it is asked is counted."""
        def told(_body):
            self.asked.release()
            return answer
        node.answers[path] = told

    def start(self, *words, **options):
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment(),
                   **options}
        return subprocess.Popen([CTL, *words, "-e", self.node.endpoint], **options)  # pylint: disable=consider-using-with

    def wait_until_asked(self, times=1):
        for _ in range(times):
            assert self.asked.acquire(timeout=SECONDS_MAX)


def hang_config(scene):
    get = scene.node.answers["/config"]
    scene.hang(scene.node, "/config")
    put = scene.node.answers["/config"]
    scene.node.answers["/config"] = lambda body: get(body) if body is None else put(body)


def hang_pause(scene):
    scene.tell(scene.db1, "/patroni", {"pause": True})
    scene.tell(scene.db2, "/patroni", {})


def hang_clone(scene):
    scene.tell(scene.db2, "/reinitialize", (200, b"reinitialize started"))
    scene.tell(scene.db2, "/patroni", {})


def hang_upgrade(scene):
    scene.node.answers["/pgraft/v1/life"] = {"name": "db1", "began_ms": 1, "busy": True}
    scene.tell(scene.node, "/pgraft/v1/upgrade", {})


def hang_lease(scene):
    scene.tell(scene.node, "/pgraft/v1/lease/keepalive", {"lease": "00000000000000ff", "ttl_ms": 600000})


def hang_fence(scene):
    scene.hang(scene.node, "/pgraft/v1/fence")
    fence = scene.node.answers["/pgraft/v1/fence"]
    scene.node.answers["/pgraft/v1/fence"] = lambda body: {"was": False} if body["check"] else fence(body)


def hang_fence_of_the_primary(scene):
    scene.node.answers["/pgraft/v1/fence"] = {"was": False}
    scene.hang(scene.node, "/switchover")


def hang_standby(scene):
    scene.tell(scene.db1, "/patroni", {"role": "primary", "state": "running"})


def hangs(whose, path):
    return lambda scene: scene.hang(getattr(scene, whose), path)


def hang_well(scene):
    """It was restarted, and does not stream."""
    def restart(_body):
        seen["cluster"]["members"][1]["state"] = "starting"
        return 200, b"restarted successfully"
    seen = scene.node.answers["/pgraft/v1/view"]
    scene.db2.answers["/restart"] = restart

    def look(_body):
        if seen["cluster"]["members"][1]["state"] == "starting":
            scene.asked.release()
        return seen
    scene.node.answers["/pgraft/v1/view"] = look


GOES_ON = " goes on without this program"
ROWS = [
    ("switchover", ["switchover", "--force"], hangs("node", "/switchover"), 1,
     f"the switchover{GOES_ON}: pgraftctl list shows who leads"),
    ("switchover --scheduled", ["switchover", "--force", "--scheduled", LATER], hangs("node", "/switchover"), 1,
     "the switchover may be scheduled all the same: pgraftctl list shows it"),
    ("failover", ["failover", "--candidate", "db2", "--force"], hangs("node", "/failover"), 1,
     f"the failover{GOES_ON}: pgraftctl list shows who leads"),
    ("restart", ["restart", "orders", "--force"], hangs("db2", "/restart"), 1,
     "the restart of db2 goes on at its node, and pgraftctl list shows it; not begun: db1"),
    ("restart one", ["restart", "orders", "db2", "--force"], hangs("db2", "/restart"), 1,
     "the restart of db2 goes on at its node, and pgraftctl list shows it"),
    ("restart --scheduled", ["restart", "orders", "--force", "--scheduled", LATER], hangs("db2", "/restart"), 1,
     "whether the schedule of db2 was taken is not known; to repeat it does no harm; not asked: db1"),
    ("restart --rolling", ["restart", "orders", "--rolling", "--force"], hangs("db2", "/restart"), 1,
     f"restart db2{GOES_ON}, and pgraftctl list shows it; not begun: switchover from db1, which then starts as a standby"),
    ("reload", ["reload", "orders", "--force"], hangs("db2", "/reload"), 1,
     "whether the reload of db2 was taken is not known; to repeat it does no harm; not asked: db1"),
    ("reinit --wait", ["reinit", "orders", "db2", "--force", "--wait"], hang_clone, 4,
     "the clone of db2 goes on at its node, and pgraftctl list shows it"),
    ("flush restart", ["flush", "orders", "restart", "--force"], hangs("db2", "/restart"), 1,
     "whether the flush of db2 was taken is not known; to repeat it does no harm; not asked: db1"),
    ("flush switchover", ["flush", "orders", "switchover"], hangs("node", "/switchover"), 1,
     "whether it was dropped is not known: pgraftctl list shows it"),
    ("pause", ["pause"], hang_config, 1, "whether it is written is not known: pgraftctl show-config tells"),
    ("pause --wait", ["pause", "--wait", "--timeout", "60"], hang_pause, 2,
     "it is written and counts, also without this program: pgraftctl list shows it"),
    ("edit-config", ["edit-config", "-s", "ttl=20", "--force", "-q"], hang_config, 1,
     "whether it is written is not known: pgraftctl show-config tells"),
    ("member remove", ["member", "remove", "pg2"], hangs("node", "/pgraft/v1/members/remove"), 1,
     "whether it was done is not known; to repeat it as it is does no harm"),
    ("upgrade", ["upgrade"], hang_upgrade, 1,
     f"the upgrade{GOES_ON}: pgraftctl version and the log of the node tell what comes of it"),
    ("fence", ["fence", "db2", "--force"], hang_fence, 1, "whether it is fenced is not known; to ask again does no harm"),
    ("fence the primary", ["fence", "db1", "--force"], hang_fence_of_the_primary, 1,
     "the switchover goes on without this terminal; nothing is fenced after it"),
    ("unfence", ["unfence", "db2"], hangs("node", "/pgraft/v1/unfence"), 1,
     "whether it is fenced still is not known; to ask again does no harm"),
    ("demote-cluster", ["demote-cluster", "--host", "a", "--force"], hang_standby, 2,
     "the change is written and goes on without this program: pgraftctl list shows who leads"),
    ("kv put", ["kv", "put", "a", "b"], hangs("node", "/pgraft/v1/kv/put"), 1,
     "whether it was done is not known: look before it is repeated"),
    ("kv compact", ["kv", "compact", "5"], hangs("node", "/pgraft/v1/kv/compact"), 1,
     "whether it was done is not known: look before it is repeated"),
    ("lease grant", ["lease", "grant", "5"], hangs("node", "/pgraft/v1/lease/grant"), 1,
     "whether it was done is not known: look before it is repeated"),
    ("lease keepalive", ["lease", "keepalive", "ff"], hang_lease, 1, "nobody renews it any more: it ends when its time is over"),
]
IDS = [row[0] for row in ROWS]


def prepared(prepare):
    scene = Scene()
    prepare(scene)
    return scene


@pytest.mark.parametrize("name, words, prepare, times, sentence", ROWS, ids=IDS)
def test_ctrl_c_says_what_goes_on(name, words, prepare, times, sentence):
    with prepared(prepare) as scene:
        with scene.start(*words) as program:
            scene.wait_until_asked(times)
            program.send_signal(signal.SIGINT)
            out, err = program.communicate(timeout=SECONDS_MAX)
        assert program.returncode == -signal.SIGINT, (name, out, err)
        assert err.decode().splitlines()[-1] == sentence, (out, err)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_other_signals_that_end_it(number):
    with prepared(hangs("node", "/switchover")) as scene:
        with scene.start("switchover", "--force", preexec_fn=hears_all) as program:  # pylint: disable=subprocess-popen-preexec-fn
            scene.wait_until_asked()
            program.send_signal(number)
            _out, err = program.communicate(timeout=SECONDS_MAX)
        assert program.returncode == -number
        assert err.decode().splitlines()[-1].startswith("the switchover goes on without this program")


def hears_all():
    """Whatever the tests themselves were started with: a shell has what it starts with & ignore SIGINT and SIGQUIT."""
    import resource  # pylint: disable=import-outside-toplevel
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def test_who_ignores_a_signal_goes_on_ignoring_it():
    """nohup."""
    with prepared(hangs("node", "/switchover")) as scene:
        ignores = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # pylint: disable=unnecessary-lambda-assignment
        with scene.start("switchover", "--force", preexec_fn=ignores) as program:  # pylint: disable=subprocess-popen-preexec-fn
            scene.wait_until_asked()
            program.send_signal(signal.SIGHUP)
            scene.over.set()
            _out, err = program.communicate(timeout=SECONDS_MAX)
        assert program.returncode == 0, err
        assert b"goes on" not in err


def test_a_terminal_that_is_closed_ends_it_and_the_node_goes_on():
    with prepared(hangs("node", "/switchover")) as scene:
        master, slave = pty.openpty()
        with scene.start("switchover", "--force", stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                         preexec_fn=take_terminal) as program:  # pylint: disable=subprocess-popen-preexec-fn
            os.close(slave)
            scene.wait_until_asked()
            os.close(master)
            assert program.wait(timeout=SECONDS_MAX) == -signal.SIGHUP
        assert [seen[2]["leader"] for seen in scene.node.seen if seen[1] == "/switchover"] == ["db1"]


def take_terminal():
    """The standard input is the terminal of this session from now on."""
    import fcntl  # pylint: disable=import-outside-toplevel
    import termios  # pylint: disable=import-outside-toplevel
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_on_a_terminal_the_sentence_has_a_line_of_its_own():
    with prepared(hangs("node", "/switchover")) as scene:
        master, slave = pty.openpty()
        with scene.start("switchover", "--force", stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                         preexec_fn=take_terminal) as program:  # pylint: disable=subprocess-popen-preexec-fn
            os.close(slave)
            scene.wait_until_asked()
            os.write(master, b"\x03")
            assert program.wait(timeout=SECONDS_MAX) == -signal.SIGINT
            shown = b""
            while select.select([master], [], [], 1)[0]:
                try:
                    shown += os.read(master, 4096)
                except OSError:
                    break
        os.close(master)
        assert b"^C\r\nthe switchover goes on without this program" in shown


# --- what is half done ---

def test_half_a_snapshot_is_removed(tmp_path):
    with Scene() as scene:
        def pieces():
            yield b"first\n"
            scene.asked.release()
            scene.over.wait(WAITS_MAX)
        scene.node.answers["/pgraft/v1/snapshot"] = lambda _body: pieces()
        with scene.start("snapshot", "save", str(tmp_path / "demo.snapshot")) as program:
            scene.wait_until_asked()
            deadline = time.monotonic() + SECONDS_MAX
            while not list(tmp_path.iterdir()) and time.monotonic() < deadline:
                time.sleep(0.01)
            assert len(list(tmp_path.iterdir())) == 1
            program.send_signal(signal.SIGINT)
            _out, err = program.communicate(timeout=SECONDS_MAX)
        assert program.returncode == -signal.SIGINT
        assert err.decode().splitlines()[-1] == "nothing was saved"
        assert list(tmp_path.iterdir()) == []


def test_a_report_is_not_written(tmp_path):
    with prepared(hangs("node", "/raft")) as scene:
        with scene.start("report", cwd=tmp_path) as program:
            scene.wait_until_asked()
            program.send_signal(signal.SIGINT)
            _out, err = program.communicate(timeout=SECONDS_MAX)
        assert err.decode().splitlines()[-1] == "nothing was written"
        assert list(tmp_path.iterdir()) == []


def test_a_statement_that_runs():
    """Only what goes on is told: lines in between would stand among the rows of a terminal."""
    over = threading.Event()
    asked = threading.Event()

    class Rows:
        def __iter__(self):
            asked.set()
            over.wait(WAITS_MAX)
            return iter(())

    with Postgres({"SELECT pg_sleep(9)": Rows()}) as server:
        rows = [leader(port=server.port), replica()]
        with Node({"/pgraft/v1/view": view(rows)}) as node:
            with subprocess.Popen([CTL, "query", "-c", "SELECT pg_sleep(9)", "-e", node.endpoint], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, env=environment(**SETTINGS)) as program:
                assert asked.wait(SECONDS_MAX)
                program.send_signal(signal.SIGINT)
                _out, err = program.communicate(timeout=SECONDS_MAX)
                over.set()
    assert program.returncode == -signal.SIGINT
    assert err.decode().startswith("what has not committed yet is ended within two seconds by PostgreSQL 14 and later")


# --- lines while it lasts ---

PROGRESS = {"restart one": "restart of db2", "failover": "failover", "reload": "reload of db2", "reinit --wait": "the clone",
            "pause --wait": "the pause of all nodes", "edit-config": "the change of the configuration",
            "member remove": "member remove", "upgrade": "upgrade", "flush switchover": "flush",
            "restart --rolling": "restart db2"}


@pytest.mark.parametrize("name", sorted(PROGRESS))
def test_a_line_a_second_says_what_is_under_way(name):
    words, prepare = next(row[1:3] for row in ROWS if row[0] == name)
    with prepared(prepare) as scene:
        with scene.start(*words) as program:
            line = program.stderr.readline().decode()  # as long as it takes
            scene.over.set()
            program.terminate()
            program.communicate(timeout=SECONDS_MAX)
    assert line == PROGRESS[name] + " is under way\n"


def test_a_rolling_restart_that_waits_for_a_standby():
    with prepared(hang_well) as scene:
        with scene.start("restart", "orders", "--rolling", "--force") as program:
            scene.wait_until_asked(2)
            program.send_signal(signal.SIGTERM)
            out, err = program.communicate(timeout=SECONDS_MAX)
    assert b"Success: restart on member db2\n" in out
    assert err.decode().splitlines()[-1].startswith("restart db2 goes on without this program")
