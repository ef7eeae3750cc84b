"""tests/cli/test_ctl_ops.py - pause, resume, restart, reload, reinit, flush, version, remove.

Claim: words, prompts and refusals are patronictl's; each member is asked itself, where it says that it listens; the exit
status says whether it was done. Method: fake nodes, one for each member.
"""
import contextlib
import json
import re

import pytest

from fake_node import Error, Node, Raw, ctl, fails, told
from test_ctl_config import Cluster
from test_ctl_faces import TWO, WITNESS, leader, replica, view

PAUSED = "Success: cluster management is paused\n"
RESUMED = "Success: cluster management is resumed\n"
SENT = "'{}' request sent, waiting until it is recognized by all nodes\n"


class Members(contextlib.ExitStack):
    """db1, the leader, and db2, each a node that can be asked, and the cluster that tells of them."""

    def __init__(self, answers=None, members=None):
        super().__init__()
        answers = answers or [{}, {}]
        self.nodes = [self.enter_context(Node(one)) for one in answers]
        rows = members or [leader(), replica()]
        for row, node in zip(rows, self.nodes):
            row["api_url"] = node.endpoint + "/patroni"
        self.cluster = self.enter_context(Cluster(view=view(rows, {"pause": False})))


# --- pause and resume ---

def test_row_pause_and_resume():
    with Cluster({"ttl": 30}) as node:
        assert told("pause", node=node) == PAUSED
        assert node.document == {"ttl": 30, "pause": True}
        assert fails(1, "pause", node=node) == "Cluster is already paused"
        assert told("resume", "orders", node=node) == RESUMED
        assert node.document == {"ttl": 30}
        assert fails(1, "resume", node=node) == "Cluster is not paused"


@pytest.mark.parametrize("text", ["true", "On", "yes"])
def test_a_pause_that_somebody_has_written_as_a_text_is_one(text):
    with Cluster({"pause": text}) as node:
        assert fails(1, "pause", node=node) == "Cluster is already paused"
        assert told("resume", node=node) == RESUMED
        assert node.document == {"pause": False}  # a node takes no empty configuration
        assert fails(1, "resume", node=node) == "Cluster is not paused"


def test_pause_beside_somebody_else_s_change():
    with Cluster({"ttl": 30}, meanwhile={"ttl": 20}) as node:
        assert told("pause", node=node) == PAUSED
        assert node.document == {"ttl": 20, "pause": True}


def test_pause_of_another_cluster_and_with_a_format():
    with Cluster() as node:
        assert "is one of cluster \"orders\"" in fails(1, "pause", "demo", node=node)
        assert "no use for option \"--format\"" in fails(2, "pause", "--format", "json", node=node)
        assert node.puts == []


def test_pause_wait_asks_every_member_until_it_knows():
    later = iter([{}, {"pause": True}])
    with Members([{"/patroni": {"pause": True}}, {"/patroni": lambda _body: next(later)}]) as m:
        assert told("pause", "--wait", node=m.cluster) == SENT.format("pause") + PAUSED
        assert len(m.nodes[1].seen) == 2


def test_resume_wait_names_who_does_not_say_so():
    with Members([{"/patroni": {}}, {"/patroni": {"pause": True}}]) as m:
        m.cluster.document = {"pause": True}
        status, out, err = ctl("resume", "--wait", "--timeout", "1", node=m.cluster)
    assert (status, out) == (3, SENT.format("resume"))  # written, and not known whether all go by it
    assert len(m.nodes[0].seen) == 1  # who has said so is not asked again, when there may be no time for an answer
    assert err.endswith("these nodes have not said within 1 s that they know of it: db2\n")


def test_list_tells_of_a_pause():
    with Node({"/pgraft/v1/view": view([leader()], {"pause": True})}) as node:
        assert told("list", node=node).endswith("+\n Maintenance mode: on\n")
    with Node({"/pgraft/v1/view": TWO}) as node:
        assert "Maintenance" not in told("list", node=node)


# --- restart ---


def words(status, text):
    """An answer in Patroni's words."""
    return lambda _body: (status, text.encode())


def bodies(node, path="/restart"):
    return [body for _method, seen, body, _headers in node.seen if seen == path]


DONE = {"/restart": words(200, "restarted successfully")}


def test_row_restart_asks_each_member_itself_the_primary_last():
    with Members([DONE, DONE]) as m:
        out = told("restart", "orders", "--force", node=m.cluster)
        assert out == "Success: restart on member db2\nSuccess: restart on member db1\n"
        assert [bodies(node) for node in m.nodes] == [[{}], [{}]]


def test_restart_s_questions():
    with Members([DONE, DONE]) as m:
        status, out, err = ctl("restart", "orders", node=m.cluster, data=b"\ny\n9.6.3\n")
        assert (status, err) == (0, "")
        assert out.startswith("+ Cluster: orders (7450012345678901234) ")
        assert re.search(r"When should the restart take place \(e\.g\. \S+ \)  \[now\]: "
                         r"Are you sure you want to restart members db2, db1\? \[y/N\]: ", out)
        assert "Restart if the PostgreSQL version is less than provided (e.g. 9.5.2)  []: " in out
        assert bodies(m.nodes[0]) == [{"postgres_version": "9.6.3"}]
        status, _out, err = ctl("restart", "orders", "--scheduled", "now", node=m.cluster, data=b"n\n")
        assert (status, err) == (1, "pgraftctl: Aborted restart\n")
        assert len(bodies(m.nodes[0])) == 1


@pytest.mark.parametrize("options, names", [
    (["-r", "leader"], ["db1"]), (["-r", "primary"], ["db1"]), (["-r", "replica"], ["db2"]), (["--role", "standby"], ["db2"]),
    (["db2"], ["db2"]), (["db1", "db2", "-r", "any"], ["db2", "db1"])])
def test_whom_restart_is_about(options, names):
    with Members([DONE, DONE]) as m:
        out = told("restart", "orders", "--force", *options, node=m.cluster)
    assert out == "".join(f"Success: restart on member {name}\n" for name in names)


def test_restart_any_is_one():
    with Members([DONE, DONE]) as m:
        assert told("restart", "orders", "--any", "--force", node=m.cluster).count("Success: restart on member db") == 1


def test_restart_s_conditions_are_the_member_s():
    with Members([DONE, DONE]) as m:
        told("restart", "orders", "db2", "--force", "--pending", "--pg-version", "16.4", "--timeout", "30", node=m.cluster)
        assert bodies(m.nodes[1]) == [{"restart_pending": True, "postgres_version": "16.4", "timeout": 30}]


def test_a_restart_that_fails_is_told_and_the_others_are_asked():
    no = {"/restart": words(503, "restart conditions are not satisfied")}
    with Members([DONE, no]) as m:
        status, out, err = ctl("restart", "orders", "--force", node=m.cluster)
    assert (status, err) == (1, "")
    assert out == ("Failed: restart for member db2, status code=503, (restart conditions are not satisfied)\n"
                   "Success: restart on member db1\n")


@pytest.mark.parametrize("condition", [["--pending"], ["--pg-version", "16.4"]])
def test_a_member_that_does_not_meet_the_condition_has_not_failed(condition):
    """Patroni's line says so; what was asked for, to restart where it holds, is done."""
    no = words(503, "restart conditions are not satisfied")
    line = "Failed: restart for member db2, status code=503, (restart conditions are not satisfied)\n"
    with Members([DONE, {"/restart": no}]) as m:
        status, out, err = ctl("restart", "orders", "--force", *condition, node=m.cluster)
        assert (status, out, err) == (0, line + "Success: restart on member db1\n", "")
        assert ctl("restart", "orders", "db2", "--force", *condition, node=m.cluster)[:2] == (0, line)
        for text in ("postgres is still starting", "restart failed"):
            m.nodes[1].answers["/restart"] = words(503, text)
            assert ctl("restart", "orders", "--force", *condition, node=m.cluster)[0] == 1
    with Members([{"/restart": words(503, "restart failed")}, {"/restart": no}]) as m:
        assert ctl("restart", "orders", "--force", *condition, node=m.cluster)[0] == 1


def test_who_is_no_member_and_what_is_no_role():
    with Members([DONE, DONE]) as m:
        assert fails(1, "restart", "orders", "db9", "--force", node=m.cluster) == '"db9" is not a member of cluster'
        assert "is one of cluster \"orders\"" in fails(1, "restart", "demo", "--force", node=m.cluster)
        assert fails(1, "restart", "orders", "db1", "-r", "replica", "--force", node=m.cluster) == (
            "No replica among provided members")
        assert fails(2, "restart", "orders", "-r", "master", "--force", node=m.cluster)
        assert fails(1, "restart", "orders", "--scheduled", "soon", "--force", node=m.cluster) == (
            'Unable to parse scheduled timestamp ("soon"). It should be in an unambiguous format (e.g. ISO 8601)')
        assert bodies(m.nodes[0]) == bodies(m.nodes[1]) == []


LATER = "2126-12-01T04:00:00+01:00"
TAKEN = {"/restart": words(202, "Restart scheduled")}


def test_row_restart_scheduled():
    with Members([TAKEN, TAKEN]) as m:
        status, out, err = ctl("restart", "orders", "-r", "replica", "--scheduled", "2126-12-01 04:00", "--pending", node=m.cluster,
                               data=b"y\n\n", env={"TZ": "Asia/Kolkata"})
        assert (status, err) == (0, "")
        assert "Are you sure you want to schedule restart of members db2 at 2126-12-01T04:00:00+05:30? [y/N]: " in out
        assert out.endswith("Success: restart scheduled on member db2\n")
        assert bodies(m.nodes[1]) == [{"restart_pending": True, "schedule": "2126-12-01T04:00:00+05:30"}]
        assert ctl("restart", "orders", node=m.cluster, data=f"{LATER}\nn\n".encode())[0] == 1
        assert bodies(m.nodes[0]) == []


def test_a_restart_that_is_scheduled_already():
    with Members([{"/restart": words(500, "Can't schedule restart in the paused state")},
                  {"/restart": words(409, "Another restart is already scheduled")}]) as m:
        status, out, _err = ctl("restart", "orders", "--scheduled", LATER, "--force", node=m.cluster)
        assert status == 1
        assert out == ("Failed: another restart is already scheduled on member db2\n"
                       "Failed: restart for member db1, status code=500, (Can't schedule restart in the paused state)\n")


def test_who_is_not_asked_replaces_what_was_scheduled():
    with Members([TAKEN, {}]) as m:
        m.nodes[1].answers["/restart"] = lambda body: (
            (202, b"Restart scheduled") if body else (200, b"scheduled restart deleted"))
        m.cluster.answers["/pgraft/v1/view"]["cluster"]["members"][1]["scheduled_restart"] = {"schedule": LATER}
        assert told("restart", "orders", "--scheduled", LATER, "--force", node=m.cluster) == (
            "Success: restart scheduled on member db2\nSuccess: restart scheduled on member db1\n")
        assert [(one[0], one[2]) for one in m.nodes[1].seen] == [("DELETE", None), ("POST", {"schedule": LATER})]
        assert [one[0] for one in m.nodes[0].seen] == ["POST"]


def test_a_member_that_is_not_there():
    with Members([DONE, DONE]) as m:
        m.cluster.answers["/pgraft/v1/view"]["cluster"]["members"][1]["api_url"] = "http://127.0.0.1:9/patroni"
        status, out, _err = ctl("restart", "orders", "db2", "--force", node=m.cluster)
    assert status == 1
    assert out.startswith("Failed: restart for member db2, ")


# --- restart --rolling ---

class Rolling(Members):
    """db1, db2 and db3; who is restarted, or switched over to, shows so when it is looked at next."""

    def __init__(self, pending=None, answers=None, **cluster):
        self.leader, self.done, self.pause = "db1", [], cluster
        names = ("db1", "db2", "db3")
        done = {name: {"/restart": lambda body, name=name: self.restarted(name, body)} for name in names}
        super().__init__([{**done[name], **(answers or {}).get(name, {})} for name in names],
                         [leader(), replica(), replica("db3", 5434)])
        for row in self.rows():
            row.update({"pending_restart": True, "pending_restart_reason": pending[row["name"]]}
                       if row["name"] in (pending or {}) else {})
        self.cluster.answers["/pgraft/v1/view"]["cluster"].update(cluster)
        self.seen = self.cluster.answers["/pgraft/v1/view"]
        self.cluster.answers["/switchover"] = self.switched

    def rows(self):
        return self.cluster.answers["/pgraft/v1/view"]["cluster"]["members"]

    def restarted(self, name, body):
        self.done.append((name, body))
        return 200, b"restarted successfully"

    def switched(self, body):
        assert body.pop("timeout_ms") > 1000
        self.done.append(("switchover", body))
        rows = {row["name"]: row for row in self.seen["cluster"]["members"]}
        rows["db1"].update(role="replica", state="streaming")
        rows["db2"].update(role="leader", state="running")
        self.seen["leader"] = "db2"
        return 200, b'Successfully switched over to "db2"'


def reason(old, new, name="max_connections"):
    return {name: {"old_value": str(old), "new_value": str(new)}}


PLAN = "  1. restart db2\n  2. restart db3\n  3. switchover from db1, which then starts as a standby\n"


def test_rolling_restarts_standbys_and_switches_over():
    with Rolling() as m:
        assert told("restart", "orders", "--rolling", "--dry-run", node=m.cluster) == PLAN
        assert m.done == []
        status, out, _err = ctl("restart", "--rolling", node=m.cluster, data=b"y\n")
        assert status == 0
        assert out == (PLAN + "Are you sure you want to restart them in this order? [y/N]: Success: restart on member db2\n"
                       'Success: restart on member db3\nSuccess: Successfully switched over to "db2"\n')
        assert m.done == [("db2", {}), ("db3", {}), ("switchover", {"leader": "db1"})]
    with Rolling() as m:
        assert ctl("restart", "--rolling", node=m.cluster, data=b"n\n")[0] == 1
        assert m.done == []


def test_rolling_begins_with_the_primary_where_something_is_lowered():
    with Rolling({"db1": reason(200, 100)}) as m:
        status, out, _err = ctl("restart", "--rolling", "--pending", "--force", "--timeout", "30", node=m.cluster)
        assert status == 0
        assert out.startswith("max_connections is lowered: the primary first\n  1. restart db1, the primary, in place\n"
                              "  2. restart db2\n")
        assert m.done == [("db1", {"timeout": 30}), ("db2", {"timeout": 30}), ("db3", {"timeout": 30})]


def test_rolling_pending_leaves_the_others_alone():
    with Rolling({"db3": reason(100, 200)}) as m:
        assert ctl("restart", "--rolling", "--pending", "--force", node=m.cluster)[1] == (
            "  1. restart db3\nSuccess: restart on member db3\n")
        assert m.done == [("db3", {})]
    with Rolling() as m:
        assert told("restart", "--rolling", "--pending", node=m.cluster) == "Nothing is to be restarted\n"
    with Rolling({"db1": reason(100, 200)}, pause=True) as m:
        assert told("restart", "--rolling", "--pending", "--dry-run", node=m.cluster) == (
            "max_connections is raised: standbys first\n  1. restart db1, the primary, in place\n")


def test_rolling_stops_at_the_first_that_fails():
    with Rolling(answers={"db3": {"/restart": words(503, "postgres is still starting")}}) as m:
        status, out, _err = ctl("restart", "--rolling", "--force", node=m.cluster)
        assert status == 1
        assert out.endswith("Failed: restart for member db3, status code=503, (postgres is still starting)\n"
                            "Left to do:\n" + PLAN.partition("\n")[2])
        assert m.done == [("db2", {})]
    with Rolling() as m:
        m.cluster.answers["/switchover"] = words(412, "switchover is not possible: no good candidates have been found")
        status, out, _err = ctl("restart", "--rolling", "--force", node=m.cluster)
        assert status == 1
        assert "Failed: switchover, status code=412, (switchover is not possible: no good candidates have been found)\n" in out
        assert out.endswith("Left to do:\n" + PLAN.splitlines(True)[2])


def test_rolling_goes_on_when_a_standby_streams_again():
    with Rolling() as m:
        looks = []

        def restarted(_body):
            m.rows()[1]["state"] = "starting"
            looks.append(len([one for one in m.cluster.seen if one[1] == "/pgraft/v1/view"]))
            return 200, b"restarted successfully"

        def next_one(_body):
            assert m.seen["cluster"]["members"][1]["state"] == "streaming"
            return 503, b"enough"

        m.nodes[1].answers["/restart"] = restarted
        m.nodes[2].answers["/restart"] = next_one
        shown = m.seen

        def show(_body):
            if looks and len([one for one in m.cluster.seen if one[1] == "/pgraft/v1/view"]) > looks[0] + 2:
                shown["cluster"]["members"][1]["state"] = "streaming"
            return shown

        m.cluster.answers["/pgraft/v1/view"] = show
        m.rows = lambda: shown["cluster"]["members"]
        assert ctl("restart", "--rolling", "--force", node=m.cluster)[1].endswith("(enough)\nLeft to do:\n" + PLAN.partition("\n")[2])


def test_the_order_of_a_rolling_restart_for_a_program():
    with Rolling({"db1": reason(100, 200)}) as m:
        line = ("restart", "--rolling", "--dry-run", "--format")
        assert json.loads(told(*line, "json", node=m.cluster)) == [
            {"step": 1, "member": "db2", "action": "restart"}, {"step": 2, "member": "db3", "action": "restart"},
            {"step": 3, "member": "db1", "action": "switchover"}]
        m.seen["cluster"]["pause"] = True
        assert told(*line, "tsv", "--pending", node=m.cluster) == "step\tmember\taction\n1\tdb1\trestart in place\n"
        assert "only --dry-run has use for" in fails(2, "restart", "--rolling", "--format", "json", node=m.cluster)
        assert m.done == []


@pytest.mark.parametrize("words_", [("--role", "replica"), ("--any",), ("--scheduled", "now"), ("--pg-version", "16.4")])
def test_rolling_is_about_all_and_now(words_):
    with Rolling() as m:
        assert "--rolling is about all members" in fails(2, "restart", "--rolling", *words_, node=m.cluster)
        assert "name none" in fails(2, "restart", "orders", "db2", "--rolling", node=m.cluster)
        assert "--dry-run is about" in fails(2, "restart", "orders", "--dry-run", node=m.cluster)
        assert "is one of cluster" in fails(1, "restart", "demo", "--rolling", node=m.cluster)
        assert m.done == []


# --- reload ---

def test_row_reload():
    done = {"/reload": words(202, "reload scheduled")}
    with Members([done, {"/reload": words(401, "not authenticated")}]) as m:
        status, out, _err = ctl("reload", "orders", "--force", node=m.cluster)
    assert status == 1
    assert out == ("Failed: reload for member db2, status code=401, (not authenticated)\n"
                   "Reload request received for member db1 and will be processed within 10 seconds\n")


# --- reinit ---

STARTED = words(200, "reinitialize started")


def patroni(start, state="running"):
    return {"state": state, "postmaster_start_time": start}


def test_row_reinit():
    with Members([{}, {"/reinitialize": STARTED, "/patroni": patroni("1")}]) as m:
        assert told("reinit", "orders", "db2", "--force", "--from-leader", node=m.cluster) == (
            "Success: reinitialize for member db2\n")
        assert bodies(m.nodes[1], "/reinitialize") == [{"force": True, "from_leader": True}]


def test_reinit_asks_which_and_whether():
    with Members([{}, {"/reinitialize": STARTED, "/patroni": patroni("1")}]) as m:
        status, out, _err = ctl("reinit", "orders", node=m.cluster, data=b"db2\ny\n")
        assert status == 0
        assert "Which member do you want to reinitialize [db2, db1]? []: " in out
        assert "Are you sure you want to reinitialize members db2? [y/N]: " in out
        assert bodies(m.nodes[1], "/reinitialize") == [{"force": False}]
        assert ctl("reinit", "orders", node=m.cluster, data=b"\n")[0] == 1
        assert fails(1, "reinit", "orders", "--force", node=m.cluster) == "name the members to reinitialize"


def test_reinit_anyway():
    answers = iter([(503, b"reinitialize already in progress"), (200, b"reinitialize started")])
    with Members([{}, {"/reinitialize": lambda _body: next(answers), "/patroni": patroni("1")}]) as m:
        status, out, _err = ctl("reinit", "orders", "db2", node=m.cluster, data=b"y\ny\n")
        assert status == 0
        assert "status code=503, (reinitialize already in progress)\n" in out
        assert out.endswith("Do you want to cancel it and reinitialize anyway? [y/N]: Success: reinitialize for member db2\n")
        assert bodies(m.nodes[1], "/reinitialize") == [{"force": False}, {"force": True}]


def test_reinit_wait_until_it_runs_again():
    seen = iter([patroni("1"), patroni("1"), patroni("", "creating replica"), patroni("2", "starting"), patroni("2")])
    with Members([{}, {"/reinitialize": STARTED, "/patroni": lambda _body: next(seen)}]) as m:
        out = ctl("reinit", "orders", "db2", "--force", "--wait", node=m.cluster)[1]
    assert out == ("Success: reinitialize for member db2\nWaiting for reinitialize to complete on: db2\n"
                   "Reinitialize is completed on: db2\n")


def tells(*tasks, note=None):
    """A member's own view, with its newest task, one look after the other: (id, kind, state, why)."""
    keys = "id", "kind", "state", "why"
    return [{"supervised": True, "notes": {"db2": note} if note else {},
             "self": {"task": dict(zip(keys, task)) if task else None}} for task in tasks]


CLONE = "reinitialize"
BEFORE = 40, CLONE, "done", None
BEGUN = 41, CLONE, "running", None
ANEW = ("its pgraftd was started anew meanwhile, and does not know of it: pgraftctl list and its log show whether it was "
        "cloned")


@pytest.mark.parametrize(("tasks", "why"), [
    ([BEFORE, BEFORE, BEGUN, (41, CLONE, "done", None)], None),  # the one before it is not taken for it
    ([None, None, BEGUN, (41, CLONE, "done", None)], None),
    ([BEFORE, (41, CLONE, "failed", "reinitialize canceled")], "reinitialize canceled"),
    ([BEFORE, BEGUN, (42, "restart", "done", None)], "another task took its place"),
    ([BEFORE, (41, "restart", "running", None)], "another task took its place"),
    ([BEFORE, BEGUN, None], ANEW),
], ids=["done", "first", "canceled", "replaced", "other", "anew"])
def test_reinit_wait_says_what_has_come_of_it(tasks, why):
    """That PostgreSQL runs, and was started since, is no new copy: the old one may have been started again."""
    views, started = iter(tells(*tasks)), iter(["1"] + ["2"] * 9)
    member = {"/reinitialize": STARTED, "/pgraft/v1/view": lambda _body: next(views),
              "/patroni": lambda _body: patroni(next(started))}
    with Members([{}, member]) as m:
        status, out, _err = ctl("reinit", "orders", "db2", "--force", "--wait", node=m.cluster)
    end = f"Failed: reinitialize for member db2, {why}\n" if why else "Reinitialize is completed on: db2\n"
    assert out == f"Success: reinitialize for member db2\nWaiting for reinitialize to complete on: db2\n{end}"
    assert status == (1 if why else 0)


def test_a_task_that_may_be_older_is_not_taken_for_it():
    """Before the order the member did not answer."""
    views = iter([Error("ERR_BUSY", "not now"), *tells(BEFORE, BEGUN, (41, CLONE, "failed", "no room"))])
    member = {"/reinitialize": STARTED, "/pgraft/v1/view": lambda _body: next(views), "/patroni": patroni("1")}
    with Members([{}, member]) as m:
        status, out, _err = ctl("reinit", "orders", "db2", "--force", "--wait", node=m.cluster)
    assert (status, out.splitlines()[-1]) == (1, "Failed: reinitialize for member db2, no room")


def test_after_a_clone_that_failed_no_other_member_is_told():
    views = iter(tells(BEFORE, (41, CLONE, "failed", "no room")))
    first = {"/reinitialize": STARTED, "/pgraft/v1/view": lambda _body: next(views), "/patroni": patroni("1")}
    with Members([{}, first, {"/reinitialize": STARTED}], [leader(), replica(), replica("db3")]) as m:
        status, out, _err = ctl("reinit", "orders", "db2", "db3", "--force", node=m.cluster)
        assert bodies(m.nodes[2], "/reinitialize") == []
    assert (status, out.splitlines()[-1]) == (1, "Failed: reinitialize for member db2, no room")


def test_reinit_wait_tells_how_far_it_is():
    copies = "clone: 45697/112000 kB (40%), 0/1 tablespace"
    views = iter(tells(BEFORE) + tells(*[BEGUN] * 5, note=copies) + tells((41, CLONE, "done", None)))
    member = {"/reinitialize": STARTED, "/pgraft/v1/view": lambda _body: next(views), "/patroni": patroni("1")}
    with Members([{}, member]) as m:
        status, _out, err = ctl("reinit", "orders", "db2", "--force", "--wait", node=m.cluster)
    assert status == 0
    assert f"db2: {copies}\n" in err


def test_reinit_of_the_primary_is_refused():
    no = {"/reinitialize": words(503, "I am the leader, can not reinitialize")}
    with Members([no, {}]) as m:
        status, out, _err = ctl("reinit", "orders", "db1", "--force", "--wait", node=m.cluster)
    assert (status, out) == (1, "Failed: reinitialize for member db1, status code=503, "
                                "(I am the leader, can not reinitialize)\n")


# --- flush ---

def test_row_flush():
    no = {"/restart": words(404, "no restarts are scheduled")}
    with Members([no, {"/restart": words(200, "scheduled restart deleted")}]) as m:
        assert told("flush", "orders", "restart", "--force", node=m.cluster) == (
            "Success: flush scheduled restart for member db2\nNo scheduled restart for member db1\n")
        assert {one[0] for node in m.nodes for one in node.seen} == {"DELETE"}
        m.cluster.answers["/switchover"] = words(200, "scheduled switchover deleted")
        assert told("flush", "orders", "switchover", node=m.cluster) == "Success: scheduled switchover deleted\n"
        m.cluster.answers["/switchover"] = words(200, "waiting failover deleted")
        assert told("flush", "orders", "switchover", "--force", node=m.cluster) == "Success: waiting failover deleted\n"
        m.cluster.answers["/switchover"] = words(404, "no switchover is scheduled")
        assert told("flush", "orders", "switchover", node=m.cluster) == "No pending scheduled switchover\n"
        m.cluster.answers["/switchover"] = words(409, "it has changed")
        assert fails(1, "flush", "orders", "switchover", node=m.cluster) == (
            "Failed deleting scheduled switchover, it has changed")
        m.cluster.answers["/switchover"] = words(503, "it is not known whether the switchover was deleted: timed out")
        assert fails(3, "flush", "orders", "switchover", node=m.cluster).startswith("Failed deleting scheduled switchover, it is not")
        m.cluster.answers["/switchover"] = words(503, "failed to write failover key into DCS: this node is not the leader")
        assert ctl("flush", "orders", "switchover", node=m.cluster)[0] == 1
        assert fails(2, "flush", "orders", node=m.cluster).startswith('argument TARGET can not be "orders" (restart, switchover)')
        assert fails(2, "flush", node=m.cluster).startswith("missing argument TARGET (restart, switchover)")


@pytest.mark.parametrize("line", [["orders", "switchover", "-r", "replica"], ["orders", "db2", "switchover"],
                                  ["orders", "db1", "db2", "switchover", "--force"]])
def test_flush_of_a_switchover_is_about_no_member(line):
    with Members([{}, {}]) as m:
        assert "name no member, and leave out --role" in fails(2, "flush", *line, node=m.cluster)
        assert 'no use for option "--format"' in fails(2, "flush", "switchover", "--format", "json", node=m.cluster)
        assert m.cluster.seen == []


@pytest.mark.parametrize("line", [["restart", "orders"], ["restart", "orders", "--rolling"], ["reload", "orders"],
                                  ["reinit", "orders", "db2"], ["flush", "orders", "restart"]])
def test_a_member_that_lets_no_other_host_command_it_says_what_to_set(line):
    """The longest of a node's reasons (http_auth.c) comes whole."""
    why = ("without restapi.authentication or client certificates this is only possible over the control socket, or where restapi "
           "listens on a loopback address: set one of them on all nodes and give --user or --cert, or ask on this node's host")
    path = {"reload": "/reload", "reinit": "/reinitialize"}.get(line[0], "/restart")
    with Members([{}, {path: Error("ERR_DENIED", why, 403)}]) as m:
        status, out, _err = ctl(*line, "--force", node=m.cluster)
    assert status == 1
    assert re.search(rf"^Failed: .* for member db2, {re.escape(why)}$", out, re.MULTILINE), out


# --- not known ---

@pytest.mark.parametrize("answer, status", [
    (words(503, "restart failed"), 1), (words(504, "<html>Gateway Time-out</html>"), 3), (Raw(), 3)])
@pytest.mark.parametrize("line", [["restart", "orders", "db2"], ["restart", "orders", "--rolling"], ["reload", "orders", "db2"],
                                  ["reinit", "orders", "db2"], ["flush", "orders", "db2", "restart"]])
def test_what_may_have_been_done_is_status_3(line, answer, status):
    """The first one that is asked has failed, or nobody knows."""
    path = {"reload": "/reload", "reinit": "/reinitialize"}.get(line[0], "/restart")
    with Members([{}, {path: answer}]) as m:
        got, out, _err = ctl(*line, "--force", node=m.cluster)
    assert got == status and "Failed: " in out, out


def test_a_switchover_of_a_rolling_restart_of_which_nobody_knows():
    with Members([DONE, DONE]) as m:
        m.cluster.answers["/switchover"] = words(503, "Switchover status unknown after 30 seconds; operation may still be in progress")
        status, out, _err = ctl("restart", "--rolling", "--force", node=m.cluster)
        assert (status, out.count("Left to do:")) == (3, 1)
        m.cluster.answers["/switchover"] = words(503, "Switchover failed")
        assert ctl("restart", "--rolling", "--force", node=m.cluster)[0] == 1


# --- version ---

def test_row_version():
    own = told("version")
    assert own.startswith("pgraftctl ")
    answers = [{"/patroni": {"server_version": 150018, "patroni": {"version": "0.1.0"}}},
               {"/patroni": {"patroni": {"version": "0.1.1"}}}]
    with Members(answers) as m:
        assert told("version", "orders", node=m.cluster) == own + "\ndb2: pgraft 0.1.1\ndb1: pgraft 0.1.0 PostgreSQL 15.18\n"
        assert told("version", "orders", "db1", node=m.cluster) == own + "\ndb1: pgraft 0.1.0 PostgreSQL 15.18\n"
        m.nodes[0].answers["/patroni"] = {"server_version": 90624, "patroni": {"version": "0.1.0"}}
        assert "PostgreSQL 9.6.24\n" in told("version", "orders", "db1", node=m.cluster)
        m.nodes[1].answers["/patroni"] = Error("ERR_DENIED", "not today")
        status, out, err = ctl("version", "orders", "db2", node=m.cluster)
        assert (status, out, err) == (1, own + "\ndb2: not today\n", "")
        known = {"feature_level": 1, "feature_level_known": 2, "members": [{"name": "db1"}, {"name": "db2"}]}
        m.cluster.answers["/raft"] = known
        m.cluster.answers["/pgraft/v1/view"]["levels"] = {"db1": 2}
        assert told("version", "orders", "db1", node=m.cluster).endswith("\nfeature level 1 until it is known by db2\n")


def test_version_for_a_program():
    answers = [{"/patroni": {"server_version": 150018, "patroni": {"version": "0.1.0"}}}, {"/patroni": Error("ERR_DENIED", "not\x1b today")}]
    own = told("version").split()[1]
    rows = [{"member": "db2", "pgraft": None, "postgresql": None, "error": "not\\x1b today"},
            {"member": "db1", "pgraft": "0.1.0", "postgresql": "15.18", "error": None}]
    with Members(answers) as m:
        m.cluster.answers["/raft"] = {"feature_level": 1, "feature_level_known": 2, "members": []}
        status, out, err = ctl("version", "orders", "--format", "json", node=m.cluster)
        assert (status, err) == (1, "")
        assert json.loads(out) == {"version": own, "scope": "orders", "members": rows, "feature_level": 1, "feature_level_known": 2}
        assert ctl("version", "orders", "--format", "yaml", node=m.cluster)[1].startswith(f'version: "{own}"\nscope: orders\nmembers:\n')
        del m.cluster.answers["/raft"]
        assert told("version", "orders", "db1", "--format", "tsv", node=m.cluster) == (
            "member\tpgraft\tpostgresql\terror\ndb1\t0.1.0\t15.18\t\\N\n")
        assert json.loads(told("version", "orders", "db1", "-f", "json", node=m.cluster))["feature_level"] is None
    assert 'no use for option "--format" without CLUSTER' in fails(2, "version", "--format", "json")


# --- remove ---

def test_row_remove_removes_nothing_and_says_how():
    with Cluster(view=view([leader(), replica(), WITNESS])) as node:
        status, out, err = ctl("remove", "orders", node=node, data=b"orders\nYes I am aware\ndb1\n")
        assert (status, err) == (1, (
            "pgraftctl: nothing was removed; \"db1\" leads it now: the cluster's state is in the raft.data_dir of each node; "
            "stop pgraftd on all of them, then delete that on each (docs/pgraftctl.md)\n"))
        assert out == told("list", "--all", node=node)
        assert 'is one of cluster "orders"' in fails(1, "remove", "demo", node=node)
        assert fails(2, "remove", node=node).startswith("missing argument CLUSTER")
        assert {seen[0] for seen in node.seen} == {"GET"}
    with Node({"/pgraft/v1/view": view([replica(), WITNESS])}) as node:
        assert ctl("remove", "orders", node=node)[2].startswith("pgraftctl: nothing was removed: the cluster's state ")
