"""tests/cli/test_ctl_query.py - SQL on a member that is chosen by role or name, and how its rows are printed.

Claim: options and formats are patronictl's; it is the member that was meant who is asked, whatever the environment says;
no password stands on a command line; the exit status says whether it was done. Method: fake nodes and fake servers.
"""
import contextlib
import json
import os
import pty
import select
import subprocess

import pytest

from fake_node import CTL, Node, SECONDS_MAX, ctl, environment, fails, told
from fake_postgres import (BOOL, COPY, FLOAT8, INT4, INT8, JSON, LOST, NUMERIC, TEXT, Notice, Postgres, Rows, SqlError,
                           Tag)
from test_ctl_faces import WITNESS, leader, replica, view

# None of the caller's settings.
SETTINGS = {"PGUSER": "tester", "PGPASSFILE": "/nonexistent", "PGSSLMODE": "disable", "PGGSSENCMODE": "disable"}
ONE = "SELECT 1"
WHO = "SELECT who"


def who(name):
    return [Rows([("who", TEXT)], [name])]


class Pair(contextlib.ExitStack):
    """db1, which leads, and db2, and the node that tells of them."""

    def __init__(self, answers=None, rows=None, seen=None, **more):
        super().__init__()
        answers = answers or {}
        self.one = self.enter_context(Postgres({WHO: who("db1"), **answers}, **more))
        self.two = self.enter_context(Postgres({WHO: who("db2"), **answers}, in_recovery=True))
        members = [{**row, "port": row["port"] or server.port}
                   for row, server in zip(rows or [leader(port=0), replica(port=0)], (self.one, self.two))]
        self.node = self.enter_context(Node({"/pgraft/v1/view": view([WITNESS, *members], **(seen or {}))}))

    def told(self, *words, env=None, **options):
        return told("query", *words, node=self.node, env={**SETTINGS, **(env or {})}, **options)

    def fails(self, status, *words, env=None):
        return fails(status, "query", *words, node=self.node, env={**SETTINGS, **(env or {})})


# --- Whom ---

def test_row_query():
    with Pair() as pair:
        assert pair.told("-c", WHO) == "who\ndb1\n"
        assert pair.told("orders", "--command", WHO, "-r", "replica") == "who\ndb2\n"
        assert pair.told("-c", WHO, "--role", "standby", "--format", "json") == '[{"who": "db2"}]\n'
        assert pair.told("-c", WHO, "-r", "primary") == "who\ndb1\n"
        assert pair.told("-c", WHO, "-m", "db2") == "who\ndb2\n"
        assert pair.told("-c", WHO, "--role", "any") == "who\ndb1\n"


def test_a_login_is_as_asked():
    with Pair() as pair:
        pair.told("-c", WHO)
        pair.told("-c", WHO, "-U", "ann", "-d", "shop")
        first, second = pair.one.logins
    assert (first["user"], first["database"], first["client_encoding"]) == ("tester", "tester", "UTF8")
    assert first["application_name"] == "pgraftctl"
    assert (second["user"], second["database"]) == ("ann", "shop")


def test_the_name_of_a_database_is_no_string_of_libpq():
    with Pair() as pair:
        pair.told("-c", WHO, "-d", "host=127.0.0.9 password=x")
        assert pair.one.logins[0]["database"] == "host=127.0.0.9 password=x"


def test_no_setting_of_the_environment_leads_to_another_server(tmp_path):
    (tmp_path / "service").write_text("[other]\nhostaddr=127.0.0.9\n")
    other = {"PGHOST": "127.0.0.9", "PGPORT": "1", "PGHOSTADDR": "127.0.0.9", "PGSERVICE": "other",
             "PGSERVICEFILE": str(tmp_path / "service"), "PGTARGETSESSIONATTRS": "standby"}
    with Pair() as pair:
        assert pair.told("-c", WHO, env=other) == "who\ndb1\n"


def test_another_cluster_and_nobody_who_fits():
    with Pair() as pair:
        assert 'is one of cluster "orders"' in pair.fails(1, "demo", "-c", WHO)
        assert pair.fails(1, "-c", WHO, "-m", "db7") == 'No connection to member "db7" is available'
        assert pair.fails(1, "-c", WHO, "-m", "w1") == 'No connection to member "w1" is available'
        assert pair.fails(1, "-c", WHO, "-r", "standby-leader") == 'No connection to role "standby-leader" is available'
        assert (pair.one.logins, pair.two.logins) == ([], [])


def test_who_is_something_else_by_now_is_not_asked():
    with Pair() as pair:
        pair.two.in_recovery = False
        assert pair.fails(1, "-c", WHO, "-r", "replica") == \
            'No connection to role "replica" is available: "db2": it is not in recovery'
        pair.one.in_recovery = True
        assert pair.fails(1, "-c", WHO, "-r", "primary").endswith('"db1": it is in recovery')
        assert (pair.one.asked, pair.two.asked) == ([], [])


def test_the_next_one_is_asked_where_any_will_do():
    refusal = SqlError("57P03", "the database system is starting up", S="FATAL")
    with Pair(refusal=refusal) as pair:
        status, out, err = ctl("query", "-c", WHO, "-r", "any", node=pair.node, env=SETTINGS)
        assert (status, out) == (0, "who\ndb2\n")
        assert err.startswith('pgraftctl: "db1": ') and "starting up; trying the next one\n" in err
        assert "the database system is starting up" in pair.fails(1, "-c", WHO)


def test_who_runs_is_asked_first():
    with Pair(rows=[leader(port=0, role="replica", state="stopped"), replica(port=0)]) as pair:
        assert pair.told("-c", WHO, "-r", "any") == "who\ndb2\n"
        assert pair.one.logins == []


def test_without_a_quorum_it_is_said_and_done():
    with Pair(seen={"quorum": False}) as pair:
        status, out, err = ctl("query", "-c", WHO, node=pair.node, env=SETTINGS)
    assert (status, out) == (0, "who\ndb1\n")
    assert err == "pgraftctl: no quorum: what is shown may be old\n"


# --- What ---

def test_from_a_file_and_from_standard_input(tmp_path):
    (tmp_path / "who.sql").write_text(WHO)
    with Pair() as pair:
        assert pair.told("-f", tmp_path / "who.sql") == "who\ndb1\n"
        assert pair.told("--file", "-", data=WHO.encode()) == "who\ndb1\n"
        assert "nonexistent" in pair.fails(1, "-f", "/nonexistent")
        (tmp_path / "zero.sql").write_bytes(b"DROP\0TABLE x")
        assert "a byte of zero" in pair.fails(1, "-f", tmp_path / "zero.sql")


@pytest.mark.parametrize("words, line", [
    ([], "You need to specify either --command or --file"),
    (["-c", ONE, "-f", "-"], "--file and --command are mutually exclusive options"),
    (["-c", ONE, "-r", "any", "-m", "db1"], "--role and --member are mutually exclusive options"),
    (["-c", ONE, "-r", "master"], 'option "--role" can not be "master"'),
    (["-c", ONE, "-w", "x"], 'option "--watch": "x"'),
    (["-c", ONE, "a", "b"], 'unexpected argument "b"')])
def test_a_wrong_command_line(words, line):
    assert fails(2, "query", *words).startswith(line)


def test_the_short_options_before_the_command_are_the_programs():
    with Pair() as pair:
        status, _out, err = ctl("-c", "/nonexistent/a.yml", "query", "-c", WHO, env=SETTINGS)
        assert (status, pair.one.asked) == (2, []) and "/nonexistent/a.yml" in err
        assert told("-f", "json", "query", "-c", WHO, node=pair.node, env=SETTINGS) == '[{"who": "db1"}]\n'


# --- How it is printed ---

ALL = "SELECT all"
TYPES = {ALL: [Rows([("b", BOOL), ("i", INT4), ("big", INT8), ("f", FLOAT8), ("n", NUMERIC), ("t", TEXT), ("j", JSON),
                     ("b", BOOL)],
                    ["t", "7", "9223372036854775807", "0.1", "1.00000000000000000001", "a\tb\n\x1b[1m", '{"x": [1, null]}', "f"],
                    [None, None, None, "NaN", None, None, None, None])]}


def test_tsv_as_patronictl_and_fit_for_a_terminal():
    with Pair(TYPES) as pair:
        assert pair.told("-c", ALL) == (
            "b\ti\tbig\tf\tn\tt\tj\tb\n"
            'True\t7\t9223372036854775807\t0.1\t1.00000000000000000001\ta\\tb\\n\\x1b[1m\t{"x": [1, null]}\tFalse\n'
            "None\tNone\tNone\tNaN\tNone\tNone\tNone\tNone\n")
        assert pair.told("-c", WHO, "--delimiter", ";") == "who\ndb1\n"
        assert pair.told("-c", ALL, "--delimiter", ";").startswith("b;i;big;f;n;t;j;b\nTrue;7;")


def test_json_keeps_types_digits_and_columns():
    with Pair(TYPES) as pair:
        out = pair.told("-c", ALL, "--format", "json")
    assert out.count("\n") == 1
    assert '"f": 0.1, "n": 1.00000000000000000001, ' in out
    first, second = json.loads(out)
    assert list(first) == ["b", "i", "big", "f", "n", "t", "j", "b_2"]
    assert (first["b"], first["i"], first["big"], first["b_2"]) == (True, 7, 2 ** 63 - 1, False)
    assert (first["t"], first["j"]) == ("a\tb\n\x1b[1m", {"x": [1, None]})
    assert second == {**dict.fromkeys(first), "f": "NaN"}


def test_yaml_in_both_spellings():
    with Pair(TYPES) as pair:
        out = pair.told("-c", ALL, "--format", "yaml")
        assert out == pair.told("-c", ALL, "--format", "yml")
    first = out.split("\n- ")[0]
    assert "big: 9223372036854775807\n" in first
    assert "  f: 0.1\n" in first
    assert '  "n": "1.00000000000000000001"\n' in first  # as a number it would lose digits
    assert "\x1b" not in out


def test_pretty_is_patronictls_frame():
    with Pair({ONE: [Rows([("a", TEXT), ("a", INT4)], ["x\ny", "1"], [None, "22"])]}) as pair:
        assert pair.told("-c", ONE, "--format", "pretty") == """\
+------+----+
| a    | a  |
+------+----+
| x    | 1  |
| y    |    |
+------+----+
| None | 22 |
+------+----+
"""


def test_more_columns_than_a_table_of_members_has():
    columns = [(f"c{i}", INT4) for i in range(1600)]
    with Pair({ONE: [Rows(columns, ["1"] * 1600)]}) as pair:
        assert pair.told("-c", ONE, "--format", "pretty").splitlines()[1].count("|") == 1601
        assert len(json.loads(pair.told("-c", ONE, "--format", "json"))[0]) == 1600


def test_bytes_that_are_no_utf8():
    with Pair({ONE: [Rows([("a", TEXT)], [b"\xff"])]}) as pair:
        for form in ("tsv", "json", "yaml", "pretty"):
            assert "\\xff" in pair.told("-c", ONE, "--format", form).replace("\\\\", "\\")


def test_statements_without_rows_and_several():
    both = "UPDATE; SELECT"
    with Pair({"UPDATE": [Tag("UPDATE 3")], both: [Tag("UPDATE 3"), *who("x"), *who("y")]}) as pair:
        assert pair.told("-c", "UPDATE") == "UPDATE 3\n"
        assert pair.told("-c", "UPDATE", "--format", "json") == "[]\n"
        assert pair.told("-c", both) == "UPDATE 3\nwho\nx\nwho\ny\n"
        assert pair.told("-c", both, "--format", "json") == '[{"who": "x"}]\n[{"who": "y"}]\n'
        assert pair.told("-c", both, "--format", "yaml").count("---\n") == 1


# --- What goes wrong ---

def test_an_error_of_the_server_is_status_1():
    error = SqlError("42P01", 'relation "\x1b[1m" does not exist', D="really", H="make it")
    with Pair({ONE: [error]}) as pair:
        assert pair.fails(1, "-c", ONE) == \
            '"db1": relation "\\x1b[1m" does not exist (SQLSTATE 42P01); really; make it'


def test_a_lost_connection_is_an_unknown_outcome():
    with Pair({ONE: [LOST]}) as pair:
        assert pair.fails(3, "-c", ONE).startswith(
            '"db1": the connection was lost, and whether it was done is not known: ')


def test_copy_is_refused():
    with Pair({ONE: [COPY]}) as pair:
        assert pair.fails(1, "-c", ONE) == '"db1": COPY from and to this program can not be'


def test_a_notice_can_not_harm_the_terminal():
    with Pair({ONE: [Notice("00000", "a\x1b[1m", S="NOTICE", V="NOTICE"), Tag("DO")]}) as pair:
        status, out, err = ctl("query", "-c", ONE, node=pair.node, env=SETTINGS)
    assert (status, out, err) == (0, "DO\n", "NOTICE:  a\\x1b[1m\n")


# --- Passwords ---

def test_a_password_comes_from_libpq(tmp_path):
    (tmp_path / "pass").write_text("*:*:*:tester:of the file\n")
    (tmp_path / "pass").chmod(0o600)
    with Pair(asks_password=True) as pair:
        pair.told("-c", WHO, env={"PGPASSWORD": "of the environment"})
        pair.told("-c", WHO, env={"PGPASSFILE": str(tmp_path / "pass")})
        assert pair.one.passwords == ["of the environment", "of the file"]
        assert "password" in pair.fails(1, "-c", WHO)


def test_a_password_is_asked_for_without_a_terminal():
    with Pair(asks_password=True) as pair:
        words = [CTL, "query", "--password", "-c", WHO, "-e", pair.node.endpoint]
        done = subprocess.run(words, input=b"hush hush\n", capture_output=True, timeout=SECONDS_MAX, check=False,
                              env=environment(**SETTINGS), start_new_session=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"who\ndb1\n", b"Password: ")
        done = subprocess.run(words, input=b"", capture_output=True, timeout=SECONDS_MAX, check=False,
                              env=environment(**SETTINGS), start_new_session=True)
        assert (done.returncode, done.stdout) == (1, b"")
        assert pair.one.passwords == ["hush hush"]


def read_until(fd, wanted):
    seen = b""
    while wanted not in seen and select.select([fd], [], [], SECONDS_MAX)[0]:
        try:
            seen += os.read(fd, 1000)
        except OSError:  # the other end is gone
            break
    return seen


def test_a_password_is_not_shown_on_the_terminal():
    with Pair(asks_password=True) as pair:
        words = [str(CTL), "query", "--password", "-c", WHO, "-e", pair.node.endpoint]
        child, fd = pty.fork()
        if child == 0:
            os.execve(words[0], words, environment(**SETTINGS))
        seen = read_until(fd, b"Password: ")
        os.write(fd, b"hush hush\n")
        seen += read_until(fd, b"db1")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        os.close(fd)
        assert b"hush" not in seen and b"db1" in seen
        assert pair.one.passwords == ["hush hush"]


# --- Again and again ---

def test_watch_goes_where_the_role_goes():
    with Pair() as pair:
        with subprocess.Popen([CTL, "query", "-w", "0.1", "-c", WHO, "-e", pair.node.endpoint], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, env=environment(**SETTINGS)) as process:
            assert [process.stdout.readline() for _ in range(4)] == [b"who\n", b"db1\n"] * 2
            moved = [leader("db2", pair.two.port), replica("db1", pair.one.port)]
            pair.node.answers["/pgraft/v1/view"] = view(moved)
            for line in process.stdout:
                if line == b"db2\n":
                    break
            process.kill()
        assert pair.two.asked
