"""tests/http/test_patroni.py - Patroni's paths over real sockets, with and without a PostgreSQL behind them.

Claim: GET, HEAD and OPTIONS give the same code on each of the paths, HTTP/1.0 too; a node that supervises no
PostgreSQL says so, and what the store answers by itself stays as it was. Method: nodes of the library that tell a
view made by the test (tests/lib/view_kit.h); what codes belong to which view is tests/unit/test_patroni.c's.
"""
import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from http_kit import SECONDS_MAX, Nodes, nodes_with_views

CTL = Path(os.environ["PGRAFT_BUILD_ROOT"]) / "ctl" / "pgraftctl"

PATHS = {"/": "primary", "/primary": "primary", "/master": "primary", "/read-write": "primary", "//leader": "primary",
         "/leader": "primary", "/standby-leader": "", "/replica": "replica", "/read-only": "primary replica",
         "/read-only-sync": "primary", "/synchronous": "", "/asynchronous": "replica", "/quorum": "",
         "/health": "primary replica witness", "/liveness": "primary replica witness",
         "/readiness": "primary replica witness", "/patroni": "primary replica witness",
         "/cluster": "primary replica witness", "/history": "primary replica witness"}


@pytest.fixture(scope="module", name="nodes")
def started():
    nodes = nodes_with_views()
    yield nodes
    nodes.close()


@pytest.fixture(scope="module", name="plain")
def started_without():
    nodes = Nodes(1)
    yield nodes[1]
    nodes.close()


@pytest.mark.parametrize("path", PATHS)
def test_every_path_with_every_method(nodes, path):
    for number, kind in ((1, "primary"), (2, "replica"), (3, "witness")):
        wanted = 200 if kind in PATHS[path].split() else 503
        for method in ("GET", "HEAD", "OPTIONS"):
            answer = nodes[number].ask(method, path, tcp=True)
            assert (answer.status, kind, method) == (wanted, kind, method)
            assert (answer.body == b"") == (method != "GET")


def test_other_methods_are_refused(nodes):
    answer = nodes[1].ask("POST", "/primary", "{}")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    answer = nodes[1].ask("OPTIONS", "/raft")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert nodes[1].get("/primary/x").status == 404


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "HEAD"])
def test_a_load_balancer_speaks_http_1_0(nodes, method):
    for number, line in ((1, b" 200 "), (2, b" 503 ")):
        with nodes[number].raw() as plain:
            plain.sendall(f"{method} / HTTP/1.0\r\n\r\n".encode())
            got = plain.makefile("rb").read()
        assert line in got.split(b"\r\n")[0]


def test_a_client_that_hangs_up_at_once_harms_nobody(nodes):
    for _ in range(20):
        plain = nodes[1].raw()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
        plain.sendall(b"GET /primary HTTP/1.0\r\n\r\n")
        plain.close()
    assert nodes[1].get("/primary").status == 200


def test_the_documents(nodes):
    assert nodes[1].get("/primary").json == nodes[1].get("/patroni/anything").json
    status = nodes[2].get("/replica?lag=1MB").json
    assert list(status)[:4] == ["state", "postmaster_start_time", "role", "server_version"]
    assert nodes[2].get("/replica?tag_zone=a").status == 503
    assert nodes[3].get("/patroni").json["role"] == "witness"
    cluster = nodes[3].get("/cluster").json
    assert [m["role"] for m in cluster["members"]] == ["leader", "replica", "replica"]
    everybody = nodes[3].get("/cluster?witness=1").json
    assert [m["name"] for m in everybody["members"]] == ["pg1", "pg2", "pg3", "w1"]
    assert nodes[3].get("/history").json[1] == [4, 67109024, "no recovery target specified",
                                                "2026-11-02T08:10:00.000000+00:00", "pg1"]


def test_our_own_paths(nodes):
    view = nodes[1].get("/pgraft/v1/view").json
    assert (view["supervised"], view["any_one_may_fail"], view["why_not"]) == (True, True, [])
    assert [d["node"] for d in view["decisions"]] == ["pg2", "pg1"]
    assert view["sites"] == {"w1": "fra"}
    events = nodes[1].get("/pgraft/v1/events?after=1").json
    assert (events["oldest"], events["newest"]) == (1, 2)
    assert [e["kind"] for e in events["events"]] == ["promoted"]
    for query in ("events?after=x", "events?after=1&after=2", "events?aftr=1", "events?after=", "view?x=1"):
        assert nodes[1].get("/pgraft/v1/" + query).code == "ERR_INVALID"


def test_a_database_that_knows_nothing_yet_is_no_witness():
    """Before the supervisor has published anything."""
    nodes = Nodes(1, "--views", "yes")
    status = nodes[1].get("/patroni")
    assert (status.status, status.json["state"], status.json["role"]) == (200, "unknown", "uninitialized")
    assert [nodes[1].get(path).status for path in ("/health", "/readiness", "/replica", "/primary")] == [503] * 4
    assert nodes[1].get("/liveness").status == 200
    assert nodes[1].get("/cluster").json["pgraft"] == {"quorum": False, "age_ms": None, "missing": []}
    nodes.close()


def test_a_node_without_a_postgresql_says_so(plain):
    for path in PATHS:
        answer = plain.get(path)
        if path in ("/health", "/liveness", "/readiness"):
            assert (answer.status, answer.json["role"]) == (200, "voter")
            assert "note" not in answer.json
        elif path in ("/cluster", "/history"):
            assert (answer.status, answer.code) == (503, "ERR_REFUSED")
            assert answer.message == "this node supervises no PostgreSQL"
        else:
            assert answer.status == (200 if path == "/patroni" else 503)
            assert answer.json["note"] == "this node supervises no PostgreSQL"
            assert answer.json["patroni"]["scope"] == "test"
    assert plain.get("/pgraft/v1/view").json["supervised"] is False
    assert plain.get("/pgraft/v1/events").json["supervised"] is False


def ctl(node, *words):
    done = subprocess.run([CTL, *words, "-e", node.path], capture_output=True, timeout=SECONDS_MAX, check=False,
                          env={"PATH": os.environ["PATH"]})
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_pgraftctl_reads_what_a_node_tells(nodes, plain):
    """Both sides of the same page: what tests/cli shows with a fake node comes of a real one."""
    assert ctl(nodes[3], "list", "--all") == (0, """\
+ Cluster: demo (7450012345678901234) ----+----+-------------+-----+------------+-----+------+
| Member | Host     | Role    | State     | TL | Receive LSN | Lag | Replay LSN | Lag | Site |
+--------+----------+---------+-----------+----+-------------+-----+------------+-----+------+
| pg1    | 10.0.0.1 | Leader  | running   |  5 |             |     |            |     |      |
| pg2    | 10.0.0.2 | Replica | streaming |  5 |   0/5000148 |   0 |  0/5000148 |   0 |      |
| pg3    | 10.0.0.3 | Replica | streaming |  5 |   0/5000148 |   0 |  0/5000148 |   0 |      |
| w1     |          | Witness | running   |    |             |     |            |     | fra  |
+--------+----------+---------+-----------+----+-------------+-----+------------+-----+------+
""", "")
    assert ctl(nodes[1], "dsn", "--read-write")[1] == \
        "host=10.0.0.1,10.0.0.2,10.0.0.3 port=5432,5432,5432 target_session_attrs=read-write\n"
    assert "| 67109024 | no recovery target specified |" in ctl(nodes[2], "history")[1]
    assert ctl(nodes[1], "why", "pg2")[1].endswith("  pg2: It streams from pg1. (steady: wait)\n")
    assert ctl(nodes[1], "events")[1].count("\n") == 2
    assert "\nAny one:   whichever node fails, writes go on\n" in ctl(nodes[1], "status")[1]
    assert ctl(plain, "list") == (1, "", f"pgraftctl: {plain.path} supervises no PostgreSQL: there is nothing to tell\n")
    assert "\nPostgres:  this node supervises none\n" in ctl(plain, "status")[1]


def test_pgraftctl_check_reads_it_too(nodes, plain):
    """What only a node knows of itself comes with the view; the addresses of the others lead nowhere here."""
    names = [word for name in ("quorum", "any-one", "lag", "sync", "pause", "disk") for word in ("--check", name)]
    own = nodes[1].get("/pgraft/v1/view").json["self"]
    assert (own["serves_writes"], own["too_slow"], own["is_full"]) == (True, {}, False)
    assert nodes[2].get("/pgraft/v1/view").json["self"]["serves_writes"] is False
    assert nodes[3].get("/pgraft/v1/view").json["self"] is None
    status, out, err = ctl(nodes[1], "check", "--timeout", "2", *names)
    assert (status, err) == (0, ""), out
    assert "✔ any-one    whichever node fails, writes go on\n" in out
    status, out, err = ctl(nodes[1], "check", "--nagios", "--timeout", "2", "--check", "primary")
    assert (status, err) == (0, ""), out
    assert out.startswith("PGRAFT OK - ") and ": primary: pg1 takes writes | lag=0B;" in out
    status, out, err = ctl(plain, "check", "--nagios")  # one voter
    assert (status, err) == (1, ""), out
    assert out.startswith("PGRAFT WARNING - test: any-one: the store has no vote to spare: ")
    assert "lag=" not in out and " can_lose=" in out


def test_no_parameter_does_harm(nodes):
    many = "&".join(f"tag_{i}={i}" for i in range(200))
    assert nodes[2].get("/replica?" + many).status == 503
    assert nodes[2].get("/replica?lag&lag=&tag_=&=x").status in (200, 503)
    assert json.loads(nodes[2].get("/patroni?x=%00%ff").body)["state"] == "running"
