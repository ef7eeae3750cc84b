"""tests/cluster/test_pg_callbacks.py - an operator's programs: callbacks, pre_promote and before_stop.

Claim: each is called once, with Patroni's words, when what it is for has happened: a start, a change of the role when writes are
served, a planned stop, a restart, a reload; a before_stop that hangs keeps nobody from taking the switchover back; a pre_promote that fails keeps its node from becoming primary, and gives the role back, so that
another one takes it as soon as it can."""
import json
import signal

from lib import wait
from lib.tool import ctl

NAMES = ("pg1", "pg2", "w1")
CALL = """#!/bin/sh
echo "$*" >> {folder}/calls
"""
ASK = """#!/bin/sh
echo "pre_promote $PGRAFT_NAME" >> {folder}/calls
test ! -e {folder}/forbidden || {{ echo "not on this host"; exit 1; }}
"""
STOP = """#!/bin/sh
echo before_stop >> {folder}/calls
test ! -e {folder}/hangs || sleep 1000
exit 1
"""
ALL = ("on_start", "on_stop", "on_restart", "on_role_change")


def equip(node):
    """@node writes down what is called; its settings can be changed by the dict that is returned."""
    scripts = {}
    for name, text in (("call", CALL), ("ask", ASK), ("stop", STOP)):
        path = node.folder / name
        path.write_text(text.format(folder=node.folder), encoding="ascii")
        path.chmod(0o755)
        scripts[name] = str(path)
    node.give()
    more = {"callbacks": {name: scripts["call"] for name in ALL}, "pre_promote": scripts["ask"], "before_stop": scripts["stop"]}
    whole = node.configuration

    def configuration():
        made = whole()
        made["postgresql"].update(more)
        return made
    node.configuration = configuration
    return more


def calls(node):
    path = node.folder / "calls"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def has_called(node, wanted):
    """... these and nothing else since the last time."""
    wait.until(lambda: len(calls(node)) >= len(wanted), lambda: f"{node.name}: {calls(node)}\n{node.log_tail()}", 30)
    assert calls(node) == wanted, node.log_tail()
    (node.folder / "calls").unlink()


def formed(pg_stage):
    """A cluster of two databases: it, its primary, the other one, and what can be changed of that one's settings."""
    cluster = pg_stage.cluster(names=NAMES, dynamic={"failover": "fast"})
    more = {node.name: equip(node) for node in cluster.databases}
    first = cluster.form_whole()
    second = cluster.others(first)[0]
    return cluster, first, second, more[second.name]


def is_given_up_in_a_pause(cluster, first, second):
    """A switchover that has come to its before_stop, which hangs: clients still write, and go on."""
    cluster.wait_well()
    before, key = first.postmaster(), cluster.key("failover")
    (first.folder / "hangs").touch()
    first.client.put(key, json.dumps({"leader": first.name, "member": second.name}))
    has_called(first, ["before_stop"])
    assert ctl(second, "pause")[1] == 0
    wait.until(lambda: first.client.value(key) is None, lambda: f"it is given up\n{first.log_tail()}", 60)
    assert (first.postmaster(), first.is_primary()) == (before, True)
    events = first.client.get("/pgraft/v1/events")["events"]
    assert f"the switchover to {second.name} was given up: nobody is made primary during a pause" in [
        e["text"] for e in events if e["kind"] == "switchover"]
    (first.folder / "hangs").unlink()
    assert ctl(second, "resume")[1] == 0


def test_programs_are_called_as_patroni_calls_them(pg_stage):
    cluster, first, second, more = formed(pg_stage)
    has_called(first, ["on_start primary demo"])
    has_called(second, ["on_start replica demo"])

    more["callbacks"]["on_reload"] = more["callbacks"]["on_start"]  # a reload takes it over, and is the first to call it
    second.arguments()  # writes its file
    second.signal(signal.SIGHUP)
    has_called(second, ["on_reload replica demo"])

    for node, role in ((second, "replica"), (first, "primary")):
        out, status = ctl(node, "restart", "demo", node.name, "--force")
        assert status == 0, out
        has_called(node, ["before_stop", f"on_restart {role} demo"])
    is_given_up_in_a_pause(cluster, first, second)
    has_called(second, 2 * ["on_reload replica demo"])  # a pause is a change of the shared configuration, and so is its end

    mark = first.mark()
    first.stop()
    has_called(first, ["before_stop", "on_stop primary demo"])
    assert first.count("before_stop failed", mark) == 1, first.log_since(mark)
    has_called(second, [f"pre_promote {second.name}", "on_role_change primary demo"])
    first.start()
    assert cluster.wait_well() is second
    has_called(first, ["on_start replica demo"])

    # The primary's host dies, and the only one that could take over must not.
    (first.folder / "forbidden").touch()
    mark = first.mark()
    second.kill_all()
    first.says("pre_promote: text=.*given up.*not on this host", mark, 30)
    first.says("rule=pre-promote-release ", mark)
    second.start()
    assert cluster.wait_well() is second
    wait.until(lambda: "on_role_change primary demo" in calls(second), lambda: f"{calls(second)}\n{second.log_tail()}", 30)
    assert calls(second)[-1] == "on_role_change primary demo"  # which ends the one before, where that is still under way
    assert set(calls(second)[:-1]) - {"on_start replica demo"} == {f"pre_promote {second.name}"}
    assert first.count("action=promote ", mark) == 0, first.log_since(mark)
    assert set(calls(first)) <= {f"pre_promote {first.name}", "on_stop replica demo", "on_start replica demo"}, calls(first)
