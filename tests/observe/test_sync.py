"""tests/observe/test_sync.py - synchronous_standby_names in force: proved, or not (C4); what each proof rests on."""
import os
import signal
import time

import pytest
import rig as r
from kit import Session

ANY_ONE = 'ANY 1 ("pg2","pg3")'
ANY_TWO = 'ANY 2 ("pg2","pg3")'


def trio(rig, value):
    """A primary with two standbys that stream, and its observer, to whom @value is no news."""
    primary = rig.server()
    primary.sql("CREATE TABLE t (a text)")
    standbys = [rig.standby(primary, name) for name in ("pg2", "pg3")]
    primary.stop()
    primary.set(synchronous_standby_names=value)
    primary.start()
    wait_streaming(primary, 2)
    observer = rig.observer(primary)
    observer.is_well(r.PRIMARY)
    observer.wait("a start proves it", lambda f: f["proof"] == r.HOLDS)
    return primary, standbys, observer


def wait_streaming(primary, count):
    query = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND flush_lsn IS NOT NULL"
    r.wait_until("they stream", lambda: primary.sql(query) == str(count))


def sender(primary, name):
    return int(primary.sql(f"SELECT pid FROM pg_stat_replication WHERE application_name = '{name}'"))


def test_c4_value_of_the_start_holds_and_is_told_apart(rig):
    primary = rig.server(synchronous_standby_names=r.FENCE_VALUE)
    observer = rig.observer(primary)
    observer.say("published")
    seen = observer.wait("the fence holds", lambda f: f["force"] == r.FENCE)
    assert (seen["proof"], seen["needed"]) == (r.HOLDS, 0)
    observer.say("published", 1, "pg2", "pg3")
    assert observer.now()["force"] == r.FENCE
    primary.reload(synchronous_standby_names="FIRST 1 (somebody)")
    observer.wait("it is not ours", lambda f: f["force"] == r.FOREIGN)
    observer.quit()


def test_c4_lifted_fence_is_proved_by_the_priorities(rig):
    primary, _, observer = trio(rig, r.FENCE_VALUE)
    observer.say("published", 1, "pg2", "pg3")
    observer.say("hurry", 3000)
    primary.reload(synchronous_standby_names=ANY_ONE)
    seen = observer.wait("it is in force", lambda f: f["force"] == r.OURS)
    assert (seen["needed"], seen["proof"]) == (1, r.HOLDS)
    assert seen["in_force_lsn"] > 0
    observer.quit()


def test_c4_walsender_that_has_not_read_the_new_value_proves_nothing(rig):
    """It goes on to release by the old one: here a standby that is no longer listed."""
    primary, _, observer = trio(rig, ANY_ONE)
    observer.say("published", 1, "pg2")
    observer.say("hurry", 6000)
    stopped = sender(primary, "pg3")
    os.kill(stopped, signal.SIGSTOP)
    primary.reload(synchronous_standby_names='ANY 1 ("pg2")')
    observer.wait("it was noticed", lambda f: f["proof"] == r.WAIT)
    time.sleep(0.6)
    assert observer.now()["force"] == r.UNKNOWN
    os.kill(stopped, signal.SIGCONT)
    observer.wait("it is in force", lambda f: f["force"] == r.OURS)
    observer.quit()


def test_c4_more_acknowledgements_go_by_the_step_between(rig):
    """ANY 1 and ANY 2 of the same names look alike from outside: under the step between they do not."""
    primary, _, observer = trio(rig, ANY_ONE)
    observer.say("published", 2, "pg2", "pg3")
    observer.say("hurry", 6000)
    primary.reload(synchronous_standby_names=ANY_TWO)
    seen = observer.wait("it can not be told", lambda f: f["proof"] == r.BETWEEN)
    assert seen["force"] == r.HALFWAY
    primary.reload(synchronous_standby_names=r.BETWEEN_VALUE)
    seen = observer.wait("the step between holds", lambda f: f["proof"] == r.HOLDS)
    assert seen["force"] == r.HALFWAY
    primary.reload(synchronous_standby_names=ANY_TWO)
    seen = observer.wait("it is in force", lambda f: f["force"] == r.OURS)
    assert seen["needed"] == 2
    observer.quit()


def test_c4_fewer_acknowledgements_need_no_step(rig):
    primary, _, observer = trio(rig, ANY_TWO)
    observer.say("published", 1, "pg2", "pg3")
    observer.say("hurry", 3000)
    primary.reload(synchronous_standby_names=ANY_ONE)
    observer.wait("it is in force", lambda f: f["force"] == r.OURS)
    observer.quit()


def test_c4_switching_on_is_proved_by_a_commit_that_waits(rig):
    primary, _, observer = trio(rig, "")
    observer.say("published", 1, "pg2", "pg3")
    observer.say("hurry", 8000)
    checkpointer = primary.child("checkpointer")
    os.kill(checkpointer, signal.SIGSTOP)
    primary.reload(synchronous_standby_names=ANY_ONE)
    observer.wait("it can not be told", lambda f: f["proof"] == r.BETWEEN)
    primary.reload(synchronous_standby_names=r.BETWEEN_VALUE)
    time.sleep(0.6)
    assert observer.now()["proof"] == r.WAIT
    assert primary.sql("INSERT INTO t SELECT 'acknowledged by nobody' RETURNING 'ok'") == "ok"  # so it is right to wait
    os.kill(checkpointer, signal.SIGCONT)
    observer.wait("the step between holds", lambda f: f["proof"] == r.HOLDS)
    primary.reload(synchronous_standby_names=ANY_ONE)
    observer.wait("it is in force", lambda f: f["force"] == r.OURS)
    observer.quit()


def test_c4_switching_on_is_proved_where_the_server_asks_for_less(rig):
    """The commit that is to be seen waiting asks for `on` itself."""
    primary, _, observer = trio(rig, "")
    observer.say("published", 1, "pg2", "pg3")
    observer.say("hurry", 8000)
    primary.reload(synchronous_commit="off", synchronous_standby_names=r.BETWEEN_VALUE)
    observer.wait("the step between holds", lambda f: (f["force"], f["proof"]) == (r.HALFWAY, r.HOLDS))
    primary.reload(synchronous_standby_names=ANY_ONE)
    observer.wait("it is in force", lambda f: f["force"] == r.OURS)
    observer.quit()


def test_c4_session_of_before_waits_all_the_same(rig):
    """The flag in shared memory decides, not what a session has read: one command commits before and after."""
    primary, _, observer = trio(rig, "")
    session = Session(primary)
    session.say("DO $$ BEGIN FOR i IN 1..100000 LOOP INSERT INTO t VALUES ('loop'); COMMIT; PERFORM pg_sleep(0.01); "
                "END LOOP; END $$;")
    time.sleep(0.2)
    primary.reload(synchronous_standby_names=r.BETWEEN_VALUE)
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE 'DO%'"
    try:
        r.wait_until("it waits", lambda: primary.sql(query) == "1")
    finally:
        session.end()
    observer.quit()


@pytest.mark.parametrize("assumes", [True, False])
def test_c4_after_a_restart_of_the_observer(rig, assumes):
    """Only who knows what was published may take what is there for proved."""
    primary, _, observer = trio(rig, r.FENCE_VALUE)
    primary.reload(synchronous_standby_names=ANY_ONE)
    observer.wait("it holds", lambda f: f["proof"] == r.HOLDS)
    observer.quit()
    other = rig.observer(primary)
    other.say("published", 1, "pg2", "pg3")
    if assumes:
        other.say("assume")
    other.is_well(r.PRIMARY)
    if assumes:
        other.wait("it is in force", lambda f: f["force"] == r.OURS)
    else:
        assert other.wait("it can not be told", lambda f: f["proof"] == r.BETWEEN)["force"] == r.HALFWAY
    other.quit()


def test_standbys_that_stream_are_counted(rig):
    primary, standbys, observer = trio(rig, ANY_ONE)
    observer.say("wanted", 2, "pg2", "pg3")
    observer.wait("both stream", lambda f: f["unsynced_ms"] < r.LEASE_MS / 2)
    standbys[1].stop()
    observer.wait("one is missing", lambda f: f["unsynced_ms"] > r.LEASE_MS / 2)
    observer.say("wanted", 1, "pg2", "pg3")
    observer.wait("one is enough", lambda f: f["unsynced_ms"] < r.LEASE_MS / 2)
    observer.quit()
