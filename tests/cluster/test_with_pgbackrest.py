"""tests/cluster/test_with_pgbackrest.py - pgBackRest, with the files of deploy/pgbackrest.

Claim: a cluster archives, is backed up, and has standbys made of the backup and the archive instead of the primary; where the
backup is not to be had the next method makes them. A new cluster begins with the backup, at the point in time that was asked for:
what was committed before is there and what was committed after is not, no server of it has a target, and its timeline is recorded
for its epoch. Where two nodes have restored the same backup for it, only one of the two is in it. A node that is restored by hand,
to a point in time, is told of, and the cluster goes on with it by an operator's word, also by one that was said in a pause."""
import json
import re
import shutil
import subprocess

import pytest

from lib import wait
from lib.front import DEPLOY, PATH, program
from lib.pg_cluster import FORMED_S, PgCluster
from lib.pg_node import BIN, PG_PORT, owner, seeming
from lib.tool import ctl

STANZA = "demo"
OTHERS = ("pg6", "pg7", "w6")  # of a cluster that begins with a backup of the first one
HELD = "touch {folder}/begun; while test -e {folder}/held; do sleep 0.1; done; "


def put(path, text):
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)


def replaced(text, pairs):
    """@text with each first word of @pairs, which has to be there, as the second."""
    for before, after in pairs:
        assert before in text, before
        text = text.replace(before, after)
    return text


class Repository:
    """Where the backups are, and pgBackRest for each node of @clusters' stage."""

    def __init__(self, folder):
        self.folder = folder
        self.program = program("pgbackrest")
        folder.mkdir(parents=True)
        self.give(folder)

    @staticmethod
    def give(path):
        if owner():
            shutil.chown(path, owner(), owner())

    def config(self, node):
        """deploy's file with the places of @node: what it says of the rest is left. Its path."""
        path = node.folder / "pgbackrest.conf"
        for part in ("spool", "lock", "backrest-log"):
            (node.folder / part).mkdir(exist_ok=True)
        text = replaced((DEPLOY / "pgbackrest" / "pgbackrest.conf").read_text(encoding="utf-8"), [
            ("repo1-path=/var/lib/pgbackrest", f"repo1-path={self.folder}"),
            ("spool-path=/var/spool/pgbackrest", f"spool-path={node.folder}/spool\nlock-path={node.folder}/lock\n"
                                                 f"log-path={node.folder}/backrest-log"),
            ("pg1-path=/var/lib/postgresql/15/main", f"pg1-path={node.pgdata}\npg1-socket-path={node.sockets}"),
            ("pg1-port=5432", f"pg1-port={PG_PORT}")])
        put(path, text)
        return path

    def uses(self, node, name, pairs=()):
        """The configuration of @node is its own with deploy/pgbackrest/@name laid on it."""
        config = self.config(node)
        text = (DEPLOY / "pgbackrest" / name).read_text(encoding="utf-8")
        # PostgreSQL runs what it has of that in the data directory, and what is shared has no place of one node.
        text = re.sub(r"((?:archive|restore)_command: )pgbackrest", rf"\1{self.program} --config=$(dirname $PWD)/{config.name}", text)
        text = replaced(re.sub(r"\bcommand: pgbackrest", f"command: {self.program} --config={config}", text), pairs)
        folder = node.folder / "conf"
        folder.mkdir(exist_ok=True)
        put(folder / f"20-{name}", text)
        usual = type(node).arguments

        def arguments():
            words = usual(node)
            shutil.copy(words[-1], folder / "10-node.yml")
            node.give()
            return [*words[:-1], str(folder)]
        node.arguments = arguments

    def run(self, node, *words):
        """What pgBackRest says on the host of @node, as the user that PostgreSQL runs as."""
        done = subprocess.run([*seeming(), self.program, f"--config={node.folder}/pgbackrest.conf", f"--stanza={STANZA}", *words],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                              env={"PATH": PATH}, timeout=120, user=owner())
        assert done.returncode == 0, f"{words}: {done.stdout}\n{node.log_tail()}"
        return done.stdout


def insert(node, word):
    assert node.sql(f"INSERT INTO seen VALUES ('{word}', 0) RETURNING 'committed'") == "committed"


def seen(node, word):
    return node.sql(f"SELECT count(*) FROM seen WHERE node = '{word}'")


def archive(primary):
    """All that is committed is in the archive."""
    name = primary.sql("SELECT pg_walfile_name(pg_switch_wal())")
    wait.until(lambda: (primary.sql("SELECT last_archived_wal FROM pg_stat_archiver") or "") >= name,
               lambda: f"{name} is archived\n{primary.log_tail()}")


@pytest.fixture(name="backed_up")
def backed_up_fixture(pg_stage):
    """A cluster that archives, with a backup: its primary, it, and the repository."""
    cluster = pg_stage.cluster()
    repository = Repository(cluster.folder / "repository")
    for node in cluster.databases:
        repository.uses(node, "pgraft.yml")
    primary = cluster.form_whole()
    repository.run(primary, "stanza-create")
    insert(primary, "in the backup")
    repository.run(primary, "backup")
    return cluster, primary, repository


def clone_anew(cluster, node):
    """@node loses its data, and comes back. What its log says of that."""
    node.stop()
    shutil.rmtree(node.pgdata)
    mark = node.mark()
    node.start()
    cluster.wait_well(FORMED_S)
    return node.log_since(mark)


def test_a_standby_is_made_of_the_backup_and_the_archive(backed_up):
    cluster, primary, _repository = backed_up
    insert(primary, "in the archive")
    archive(primary)
    insert(primary, "with the primary")
    standby = cluster.others(primary)[0]
    said = clone_anew(cluster, standby)
    assert "method=pgbackrest" in said and "method=basebackup" not in said, said
    assert "name=pg_basebackup" not in said, said
    for word in ("in the backup", "in the archive", "with the primary"):
        assert seen(standby, word) == "1", word
    assert standby.sql("SHOW primary_conninfo") != ""
    auto = (standby.pgdata / "postgresql.auto.conf").read_text(encoding="utf-8")
    assert not re.search(r"^(restore_command|recovery_target)", auto, re.MULTILINE), auto
    insert(primary, "and it may take over")
    standby_before = cluster.others(primary)
    primary.stop()
    heir = cluster.wait_primary(other_than=primary)
    assert heir in standby_before
    primary.start()
    cluster.wait_well()
    archive(cluster.primary())  # on its own timeline


def test_where_there_is_no_backup_the_primary_is_copied(backed_up):
    cluster, primary, repository = backed_up
    (repository.folder / "backup").rename(repository.folder / "elsewhere")
    said = clone_anew(cluster, cluster.others(primary)[0])
    assert "clone failed" in said and "method=basebackup" in said, said
    assert seen(cluster.others(primary)[0], "in the backup") == "1"


def test_a_backup_of_another_cluster_is_refused(backed_up, pg_stage):
    """Its own copy is made by the next method; nothing of the other's was ever started."""
    cluster, primary, repository = backed_up
    other = PgCluster(pg_stage.net, pg_stage.folder / "other", OTHERS)
    pg_stage.clusters.append(other)
    for node in other.databases:
        repository.uses(node, "pgraft.yml", [('archive_mode: "on"', 'archive_mode: "off"')])
    first = other.form_whole()
    standby = other.others(first)[0]
    assert standby.count("the copy is of another PostgreSQL than this cluster's") >= 1, standby.log()
    system = "SELECT system_identifier FROM pg_control_system()"
    assert standby.sql(system) == first.sql(system) != primary.sql(system)
    assert cluster.primary() is primary


# --- A new cluster ---


def restored(pg_stage, repository, moment, before=""):
    """A new cluster that begins with the backup, at @moment; nothing runs yet. @before is what its first node does first."""
    cluster = PgCluster(pg_stage.net, pg_stage.folder / "restored", OTHERS, dynamic={"failover": "fast"})
    pg_stage.clusters.append(cluster)
    for node in cluster.databases:
        held = before.format(folder=node.folder) if node is cluster.databases[0] else ""
        command = f"command: {repository.program} --config={repository.config(node)} --stanza={STANZA} --archive-mode=off restore"
        repository.uses(node, "pgraft-from-backup.yml", [
            ("2026-11-02 10:00:00+00", moment), (command, command.replace("command: ", f"command: {held}"))])
    return cluster


def first_primary(cluster, nodes):
    return wait.until(lambda: next((node for node in nodes if node.is_primary() and cluster.grant(node)["holder"] == node.name), None),
                      lambda: f"a first primary\n{cluster.story()}", FORMED_S)


def point_in_time(cluster, primary, repository):
    """Something is committed after a moment. That; and the cluster is gone, but for its repository."""
    insert(primary, "before")
    moment = primary.sql("SELECT clock_timestamp()")
    primary.sql("SELECT pg_sleep(0.1)")
    insert(primary, "after")
    archive(primary)
    system = primary.sql("SELECT system_identifier FROM pg_control_system()")
    for node in cluster:
        node.kill_all()
    return moment, system


def is_as_of(cluster, system):
    """Every node has what was committed before, and no other."""
    primary = cluster.wait_well(FORMED_S)
    for node in cluster.databases:
        assert (seen(node, "before"), seen(node, "after")) == ("1", "0"), node.name
        assert node.sql("SELECT system_identifier FROM pg_control_system()") == system
        assert node.sql("SHOW recovery_target_time") == ""
        assert not (node.data / "first-data").exists() and not (node.data / "restore.conf").exists()
    return primary


def test_a_cluster_begins_at_a_point_in_time(backed_up, pg_stage):
    cluster, primary, repository = backed_up
    moment, system = point_in_time(cluster, primary, repository)
    made = restored(pg_stage, repository, moment)
    made.start()
    first = first_primary(made, made.databases)
    assert is_as_of(made, system) is first
    said = first.log()
    assert said.count("custom bootstrap: method=pgbackrest") == 1 and "restored: method=pgbackrest" in said, said
    assert "recovery stopping before commit" in said, said
    rows = json.loads(first.client.value(made.key("history")))
    assert [row[5]["epoch"] for row in rows] == [made.grant()["epoch"]]
    assert str(rows[0][5]["timeline"]) == first.sql("SELECT timeline_id FROM pg_control_checkpoint()")
    insert(first, "and it goes on")
    first.stop()
    heir = made.wait_primary(other_than=first)
    first.start()
    made.wait_well()
    assert seen(heir, "and it goes on") == "1"


def test_what_another_node_has_restored_meanwhile_is_discarded(backed_up, pg_stage):
    """Both have the same system identifier, and timelines of the same number that left at different places."""
    if not pg_stage.net.can_break:
        pytest.skip("no namespaces here: neither root nor unshare --user")
    cluster, primary, repository = backed_up
    moment, system = point_in_time(cluster, primary, repository)
    made = restored(pg_stage, repository, moment, HELD)
    slow = made.databases[0]
    (slow.folder / "held").touch()
    slow.give()
    made.start()
    wait.until((slow.folder / "begun").exists, lambda: f"its restore begins\n{slow.log_tail()}", FORMED_S)
    pg_stage.net.part([slow.name], [node.name for node in made if node is not slow])
    first = first_primary(made, made.others(slow))
    (slow.folder / "held").unlink()
    wait.until((slow.data / "first-data").exists, lambda: f"its data are made\n{slow.log_tail()}", FORMED_S)
    pg_stage.net.heal()
    assert is_as_of(made, system) is first
    assert slow.count("the cluster began with the data of another node") >= 1, slow.log()
    assert slow.count("clone: of=") >= 1, slow.log()


def test_a_recovery_that_does_not_come_to_its_target_is_begun_anew(backed_up, pg_stage):
    """The archive ends before the moment that was asked for: nothing of it is ever started."""
    cluster, primary, repository = backed_up
    point_in_time(cluster, primary, repository)
    made = restored(pg_stage, repository, "2099-01-01 00:00:00+00")
    made.start()
    wait.until(lambda: any(node.count("recovery: exit status") >= 2 for node in made.databases),
               lambda: f"it fails, twice\n{made.story()}", FORMED_S)
    assert all(node.count("does: action=start-") == 0 for node in made.databases), made.story()
    assert not any(node.postgres() and node.is_primary() for node in made.databases)


# --- By hand, as docs/pgbackrest.md has it ---


def pg_ctl(node, *words):
    """On its host, as whom PostgreSQL runs as."""
    at = node.cluster.net.command(node.host)
    who = ["setpriv", f"--reuid={owner()}", f"--regid={owner()}", "--clear-groups"] if owner() else seeming()
    done = subprocess.run([*at, *who, BIN / "pg_ctl", "-D", node.pgdata, "-w", "-t", "60", *words], cwd="/", check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert done.returncode == 0, f"{words}\n{node.log_tail()}"


def restore_by_hand(repository, node, moment):
    """Its pgraftd does not run. Recovered to @moment, out of recovery, and stopped."""
    label = json.loads(repository.run(node, "info", "--output=json"))[0]["backup"][-1]["label"]  # it may have ended in that very second
    repository.run(node, "--delta", f"--set={label}", "--type=time", f"--target={moment}", "--target-action=promote", "restore")
    pg_ctl(node, "-l", node.folder / "by-hand.log", "start")
    wait.until(lambda: node.sql("SELECT pg_is_in_recovery()") == "f", "it leaves recovery", FORMED_S)
    pg_ctl(node, "-m", "fast", "stop")


def is_told(node, asked):
    """By both, and @asked has heard that it may be had."""
    command = f"pgraftctl failover --candidate {node.name} --accept-data-loss"
    for one in (node, asked):
        wait.until(lambda one=one: command in ctl(one, "status")[0], lambda one=one: f"it is told\n{ctl(one, 'status')[0]}\n{node.log_tail()}")
    assert "restored-data: " in ctl(node, "why")[0]


def goes_on_with(cluster, node):
    """All have what was committed before the moment, and nothing of what was after; and it is a cluster as any other."""
    assert cluster.wait_well(FORMED_S) is node
    assert cluster.grant()["rule"] == "loss-accepted"
    insert(node, "and it goes on")
    for one in cluster.databases:
        wait.until(lambda one=one: seen(one, "and it goes on") == "1", f"{one.name} follows")
        assert (seen(one, "before"), seen(one, "after")) == ("1", "0"), one.name
        assert one.sql("SHOW recovery_target_time") == ""
    archive(node)  # on its own timeline


def two_moments(primary):
    """Something is committed before a moment, and something after it. That moment."""
    insert(primary, "before")
    moment = primary.sql("SELECT clock_timestamp()")
    primary.sql("SELECT pg_sleep(0.1)")
    insert(primary, "after")
    archive(primary)
    return moment


def test_a_restored_node_is_the_primary_by_an_operator_s_word(backed_up):
    """Another one serves meanwhile, and goes on until it is said."""
    cluster, primary, repository = backed_up
    moment = two_moments(primary)
    primary.stop()
    heir = cluster.wait_primary(other_than=primary)
    archive(heir)  # that its timeline is known there
    restore_by_hand(repository, primary, moment)
    primary.start()
    is_told(primary, heir)
    assert cluster.wait_primary() is heir
    said, status = ctl(heir, "failover", "--candidate", primary.name, "--accept-data-loss", "--force")
    assert status == 0, f"{said}\n{cluster.story()}"
    goes_on_with(cluster, primary)


def test_a_restored_node_is_the_primary_when_the_pause_is_over(backed_up):
    cluster, primary, repository = backed_up
    moment = two_moments(primary)
    asked = cluster.others(primary)[0]
    assert ctl(asked, "pause", "--wait")[1] == 0
    primary.stop()
    restore_by_hand(repository, primary, moment)
    primary.start()
    is_told(primary, asked)
    said, status = ctl(asked, "failover", "--candidate", primary.name, "--accept-data-loss", "--force")
    assert status == 0 and "Failover is carried out when the cluster is resumed" in said, said
    assert not any(node.is_primary() for node in cluster.databases)
    assert ctl(asked, "resume", "--wait")[1] == 0
    goes_on_with(cluster, primary)
