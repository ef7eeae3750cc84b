"""tests/cli/test_ctl_config.py - show-config and edit-config.

Claim: what patronictl's users type and read is the same here; nothing is written that was not shown and confirmed,
nor over somebody else's change; the exit status says whether it was; the editor's file is nobody else's and gone
after, whatever happens. Method: a fake node that keeps a configuration as docs/http.md has it.
"""
import json
import os
import pty
import re
import signal
import stat
import subprocess
import time

import pytest

from fake_node import CTL, SECONDS_MAX, Error, Node, Tagged, ctl, environment, fails, told
from test_ctl_faces import TWO

FIRST = {"ttl": 30, "postgresql": {"parameters": {"work_mem": "4MB", "max_connections": 100}, "use_slots": True},
         "loop_wait": 10}
YAML = """\
loop_wait: 10
postgresql:
  parameters:
    max_connections: 100
    work_mem: "4MB"
  use_slots: true
ttl: 30
"""
DIFF = """\
---
+++
@@ -4,4 +4,4 @@
     max_connections: 100
     work_mem: "4MB"
   use_slots: true
-ttl: 30
+ttl: 20
"""
ASKED = "Apply these changes? [y/N]: "
CHANGED = "Configuration changed\n"


class Cluster(Node):
    """A node with a configuration."""

    def __init__(self, first=None, view=None, meanwhile=None, broken=None, tag='"{}"', path=None):
        super().__init__({"/config": self.config, "/pgraft/v1/view": view or TWO}, path=path)
        self.document = FIRST if first is None else first
        self.revision = 12
        self.meanwhile = meanwhile  # somebody else's change, between the read and the write
        self.broken = broken  # what a write is answered with
        self.tag = tag  # as what stands in between makes it
        self.puts = []

    def config(self, body):
        if body is None:
            return Tagged(self.document, self.tag.format(self.revision))
        method, _path, _body, headers = self.seen[-1]
        assert method == "PUT"
        self.puts.append(headers["If-Match"])
        if self.meanwhile is not None:
            self.document, self.meanwhile = self.meanwhile, None
            self.revision += 1
        if headers["If-Match"] != f'"{self.revision}"':
            return Error("ERR_CONFLICT", "the configuration is at another revision")
        if self.broken is not None:
            return self.broken
        self.document = body
        self.revision += 1
        return Tagged(body, f'"{self.revision}"')


@pytest.fixture(name="node")
def fixture_node():
    with Cluster() as one:
        yield one


def editor(tmp_path, script):
    path = tmp_path / "editor"
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)
    return {"EDITOR": str(path), "TMPDIR": str(tmp_path / "tmp")}


@pytest.fixture(name="empty", autouse=True)
def fixture_empty(tmp_path):
    """Where the editor's file is made: nothing is left there."""
    (tmp_path / "tmp").mkdir()
    yield tmp_path / "tmp"
    assert list((tmp_path / "tmp").iterdir()) == []


def take_kept(folder, text):
    """The one file there, which holds the text: away with it."""
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes() == text
    file.unlink()
    return file


# --- show-config ---

def test_row_show_config_is_sorted_block_yaml(node):
    assert told("show-config", node=node) == YAML
    assert told("show-config", "orders", "--format", "yaml", node=node) == YAML
    assert json.loads(told("show-config", "--format", "json", node=node)) == FIRST


def test_show_config_of_another_cluster(node):
    assert "the node that was asked is one of cluster \"orders\"" in fails(1, "show-config", "demo", node=node)
    assert "yaml or json only" in fails(2, "show-config", "--format", "tsv", node=node)


def test_show_config_keeps_fractions_and_quotes_what_could_be_something_else():
    first = {"a": 0.9, "b": 1.23456789012345, "c": "on", "d": "", "e": {}, "f": [{"g": None}], "1": "0700"}
    with Cluster(first) as node:
        text = told("show-config", node=node)
    assert text == '"1": "0700"\na: 0.9\nb: 1.23456789012345\nc: "on"\nd: ""\ne: {}\nf:\n  - g: null\n'


def test_show_config_without_a_quorum():
    with Cluster(view={**TWO, "quorum": False}) as node:
        status, out, err = ctl("show-config", node=node)
    assert (status, out) == (4, YAML)
    assert err.startswith("pgraftctl: no quorum: what is shown may be old")


def test_there_is_none():
    with Node({"/config": Error("ERR_NOT_FOUND", "no configuration is stored: the key config is not there", 502),
               "/pgraft/v1/view": TWO}) as node:
        for command in ("show-config", "edit-config"):
            assert fails(1, command, node=node) == "no configuration is stored: the key config is not there"


@pytest.mark.parametrize("tag", ["", '"' + 200 * "1" + '"'])
def test_without_a_revision_nothing_is_written(tag):
    with Cluster(tag=tag) as node:
        assert "answers without the revision of the configuration (ETag)" in fails(
            1, "edit-config", "--force", "-s", "ttl=20", node=node)
        assert (node.puts, told("show-config", node=node)) == ([], YAML)


@pytest.mark.parametrize("text", ["ttl: 1\nttl: 2\n", "pause: true\npostgresql:\n  use_slots: true\n  use_slots: false\n"])
def test_a_key_that_stands_twice_is_refused(node, tmp_path, text):
    file = tmp_path / "change.yml"
    file.write_text(text)
    line = len(text.splitlines())
    key = text.split()[-2]
    said = f"{file}:{line}:{1 + text.splitlines()[-1].index(key)}: {key} again, after line {line - 1}"
    for option in ("--apply", "--replace"):
        assert fails(2, "edit-config", option, file, "--force", node=node) == said
    status, _out, err = ctl("edit-config", "--force", node=node, env=editor(tmp_path, f"cp {file} $1\n"))
    err = "".join(err.splitlines(True)[-1:])
    take_kept(tmp_path / "tmp", file.read_bytes())
    assert (status, err.partition(": ")[2].replace("the edited text", str(file))) == (2, said + "\n")
    assert node.puts == []


def test_a_tag_that_was_called_weak_on_its_way():
    with Cluster(tag='W/"{}"') as node:
        told("edit-config", "--force", "-s", "ttl=20", node=node)
        assert node.puts == ['"12"']


# --- edit-config: by options ---

def test_row_edit_config_shows_asks_and_writes(node):
    assert told("edit-config", "-s", "ttl=20", node=node, data=b"y\n") == DIFF + ASKED + CHANGED
    assert node.document == {**FIRST, "ttl": 20}
    assert node.puts == ['"12"']


def test_the_order_of_keys_in_the_store_stays(node):
    told("edit-config", "--set", "ttl=20", "--force", "orders", node=node)
    assert list(node.document) == list(FIRST)
    assert "/config?timeout_ms=" in node.seen[-1][1]


@pytest.mark.parametrize("answer", [b"n\n", b"\n", b"", b"yess\n"])
def test_whoever_does_not_say_yes_changes_nothing(node, answer):
    status, out, err = ctl("edit-config", "-s", "ttl=20", node=node, data=answer)
    assert (status, out) == (1, DIFF + ASKED + ("\n" if answer == b"" else ""))
    assert err == "pgraftctl: not confirmed: nothing was changed\n"
    assert node.puts == []


def test_many_settings_and_parameters(node):
    told("edit-config", "-s", "ttl=", "-s", "synchronous_mode=on", "-p", "max_connections=200",
         "--pg", "auto_explain.log_min_duration='1s'", "-p", "work_mem=null", "--force", "-q", node=node)
    assert node.document == {"loop_wait": 10, "synchronous_mode": True, "postgresql": {
        "parameters": {"max_connections": 200, "auto_explain.log_min_duration": "1s"}, "use_slots": True}}


def test_quiet_shows_no_diff(node):
    assert told("edit-config", "-s", "ttl=20", "-q", "--force", node=node) == CHANGED
    assert told("edit-config", "-s", "ttl=20", "-q", "--force", node=node) == ""
    assert told("edit-config", "-s", "ttl=25", "-q", node=node, data=b"yes\n") == ASKED + CHANGED


def test_not_changed(node):
    assert told("edit-config", "-s", "ttl=30", node=node) == "Not changed\n"
    assert told("edit-config", "-s", "pause=", "--force", node=node) == "Not changed\n"
    assert node.puts == []


@pytest.mark.parametrize("words", [["-s", "ttl"], ["-p", "=5"], ["-s", "a..b=1"], ["-s", "a=[1"]])
def test_what_is_no_setting(node, words):
    assert fails(2, "edit-config", *words, node=node).startswith("Invalid parameter setting ")
    assert node.puts == []


# --- edit-config: files ---

def test_apply_merges_and_replace_replaces(node, tmp_path):
    file = tmp_path / "change.yml"
    file.write_text("ttl: null\npostgresql:\n  parameters: {max_connections: 200}\n")
    told("edit-config", "--apply", file, "--force", node=node)
    wanted = {"loop_wait": 10, "postgresql": {"parameters": {"work_mem": "4MB", "max_connections": 200},
                                              "use_slots": True}}
    assert node.document == wanted
    told("edit-config", "--replace", file, "--force", node=node)
    assert node.document == {"postgresql": {"parameters": {"max_connections": 200}}}


def test_all_of_them_one_after_the_other(node, tmp_path):
    (tmp_path / "whole.json").write_text('{"ttl": 20, "pause": true}')
    told("edit-config", "-s", "ttl=25", "--apply", "-", "--replace", tmp_path / "whole.json", "--force", node=node,
         data=b"{ttl: 22, loop_wait: 5, pause: ~}")
    assert node.document == {"ttl": 25, "loop_wait": 5}


@pytest.mark.parametrize("option", ["--apply", "--replace"])
def test_standard_input_needs_force(node, option):
    status, out, err = ctl("edit-config", option, "-", node=node, data=YAML.replace("30", "20").encode())
    assert (status, out, err) == (1, DIFF + "Use --force option to apply changes\n", "")
    assert node.puts == []
    assert told("edit-config", option, "-", "--force", node=node,
                data=YAML.replace("30", "20").encode()) == DIFF + CHANGED


def test_files_that_are_none(node, tmp_path):
    file = tmp_path / "wrong.yml"
    file.write_text("ttl: 20\n  loop_wait: 3\n")
    assert fails(2, "edit-config", "--apply", file, node=node).startswith(f"{file}:2:")
    for text in ("", "5", "[a]", "{}", "# nothing"):
        file.write_text(text)
        assert fails(2, "edit-config", "--replace", file, node=node) == (
            f"{file}: a map of settings is expected, with one at least")
    assert "No such file" in fails(1, "edit-config", "--apply", tmp_path / "none", node=node)
    assert fails(2, "edit-config", "--apply", "-", "--replace", "-", node=node).startswith(
        "one of --apply and --replace may be standard input")
    assert node.puts == []


# --- What the node says ---

def test_somebody_else_was_faster():
    with Cluster(meanwhile={"ttl": 99}) as node:
        status, out, err = ctl("edit-config", "-s", "ttl=20", "--force", node=node)
        assert (status, out) == (1, DIFF)
        assert err == "pgraftctl: Config modification aborted due to concurrent changes\n"
        assert node.document == {"ttl": 99}


def test_it_was_us():
    """An earlier attempt was carried out and its answer was lost: what is there is what was wanted."""
    with Cluster(meanwhile={**FIRST, "ttl": 20}) as node:
        assert told("edit-config", "-s", "ttl=20", "--force", node=node) == DIFF + CHANGED


@pytest.mark.parametrize(("answer", "status", "message"), [
    (Error("ERR_INVALID", "tttl: unknown key; did you mean ttl?"), 1, "tttl: unknown key; did you mean ttl?"),
    (Error("ERR_NO_QUORUM", "no majority of the voters can be reached: missing: w1"), 4,
     "no majority of the voters can be reached: missing: w1"),
    (Error("ERR_TIMEOUT", "timed out", may_have_applied=True), 3, "timed out"),
    (Error("ERR_DENIED", "a user and a password are needed", 401), 1, "a user and a password are needed")])
def test_what_a_node_refuses_is_told_with_its_status(answer, status, message):
    with Cluster(broken=answer) as node:
        got, out, err = ctl("edit-config", "-s", "ttl=20", "--force", node=node)
    assert (got, out, err) == (status, DIFF, f"pgraftctl: {message}\n")


def test_another_cluster_is_not_changed(node):
    assert "cluster \"orders\"" in fails(1, "edit-config", "demo", "-s", "ttl=20", "--force", node=node)
    assert fails(2, "edit-config", "--format", "json", node=node).startswith(
        '"edit-config" has no use for option "--format"')
    assert node.puts == []


# --- The editor ---

def test_the_editor_gets_a_file_of_our_own(node, tmp_path):
    env = editor(tmp_path, f'stat -c %a "$1" > {tmp_path}/mode\ncp "$1" {tmp_path}/seen\necho "$1" > {tmp_path}/name\n'
                           'sed -i s/30/20/ "$1"\n')
    assert told("edit-config", node=node, env=env, data=b"y\n") == DIFF + ASKED + CHANGED
    assert (tmp_path / "mode").read_text() == "600\n"
    assert (tmp_path / "seen").read_text() == YAML
    assert (tmp_path / "name").read_text().endswith(".yaml\n")
    assert node.document == {**FIRST, "ttl": 20}


def test_the_editor_may_have_options(node, tmp_path):
    env = {**editor(tmp_path, ""), "EDITOR": "sed -i -e 's/30/20/'"}
    assert told("edit-config", "--force", node=node, env=env) == DIFF + CHANGED


@pytest.mark.parametrize("script", ["", "touch \"$1\"", "echo '# a remark' >> \"$1\""])
def test_nothing_was_edited(node, tmp_path, script):
    assert told("edit-config", node=node, env=editor(tmp_path, script)) == "Not changed\n"
    assert node.puts == []


@pytest.mark.parametrize(("script", "status", "message"), [
    ("exit 3", 1, "Editor exited with return code 3: nothing was changed"),
    ("kill -9 $$", 1, "Editor ended by signal 9: nothing was changed"),
    (": > \"$1\"", 2, "the edited text: a map of settings is expected, with one at least"),
    ("rm \"$1\"", 1, "")])
def test_an_editor_that_fails(node, tmp_path, script, status, message):
    assert fails(status, "edit-config", "--force", node=node, env=editor(tmp_path, script)).startswith(message)
    assert node.puts == []


KEPT = re.compile(r"pgraftctl: the edited text is kept in (\S+\.yaml); edit-config --replace (\S+) shows what it would change by then, "
                  r"and asks\npgraftctl: ([^\n]+)\n")


@pytest.mark.parametrize("script, status, why, cluster", [
    ("echo '  x: [' >> \"$1\"", 2, "the edited text:", {}),
    ("sed -i s/30/20/ \"$1\"", 1, "Config modification aborted due to concurrent changes", {"meanwhile": {"ttl": 99}}),
    ("sed -i s/30/20/ \"$1\"", 1, "ttl: too small", {"broken": Error("ERR_INVALID", "ttl: too small")}),
    ("sed -i s/30/20/ \"$1\"", 3, "timed out", {"broken": Error("ERR_TIMEOUT", "timed out", may_have_applied=True)})],
    ids=["no YAML", "slower", "refused", "not known"])
def test_a_text_that_is_not_taken_is_kept(tmp_path, empty, script, status, why, cluster):
    env = editor(tmp_path, f'{script}\ncp "$1" {tmp_path}/typed\n')
    with Cluster(**cluster) as one:
        got, _out, err = ctl("edit-config", "--force", node=one, env=env)
        match = KEPT.fullmatch(err)
        assert match and match[3].startswith(why), err
        assert got == status
        kept = take_kept(empty, (tmp_path / "typed").read_bytes())
        assert match[1] == match[2] == str(kept)


def test_a_text_that_is_declined_or_too_large_to_be_read(node, tmp_path, empty):
    env = editor(tmp_path, 'sed -i s/30/20/ "$1"\n')
    assert ctl("edit-config", node=node, env=env, data=b"n\n")[2] == "pgraftctl: not confirmed: nothing was changed\n"
    assert list(empty.iterdir()) == []
    message = fails(1, "edit-config", node=node, env=editor(tmp_path, 'head -c 20000000 /dev/zero | tr "\\0" "#" > "$1"\n'))
    (kept,) = empty.iterdir()
    assert message.startswith(f"{kept}: larger than ") and kept.stat().st_size == 20000000
    kept.unlink()


def test_without_EDITOR_it_is_editor_then_vi(node, tmp_path):
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    env = {"EDITOR": "", "PATH": str(bin_dir), "TMPDIR": str(tmp_path / "tmp")}
    assert fails(1, "edit-config", node=node, env=env) == (
        "EDITOR environment variable is not set. editor or vi are not available")
    for name, ttl in (("vi", 20), ("editor", 25)):
        (bin_dir / name).write_text(f"#!/bin/sh\n/usr/bin/sed -i 's/^ttl.*/ttl: {ttl}/' \"$1\"\n")
        (bin_dir / name).chmod(0o755)
        told("edit-config", "--force", node=node, env=env)
        assert node.document["ttl"] == ttl


def wait_for(path):
    end = time.monotonic() + SECONDS_MAX
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.02)


def end_both(process, tmp_path):
    """Where a signal ended neither, the test fails and does not hang."""
    if process.poll() is None:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        process.kill()


def heard():
    """Who runs the tests may have been told to ignore it (nohup)."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_editor_and_removes_the_file(node, tmp_path, empty, number):
    env = editor(tmp_path, f"echo $$ > {tmp_path}/pid\ntouch {tmp_path}/begun\nexec sleep 600\n")
    words = [CTL, "edit-config", "--endpoint", node.endpoint]
    with subprocess.Popen(words, env=environment(**env), preexec_fn=heard) as process:
        wait_for(tmp_path / "begun")
        (file,) = empty.iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        process.send_signal(number)
        try:
            assert process.wait(SECONDS_MAX) == -number
        finally:
            end_both(process, tmp_path)
    assert not os.path.exists(f"/proc/{(tmp_path / 'pid').read_text().strip()}")
    assert node.puts == []


def test_ctrl_c_is_the_editors_affair_and_removes_the_file(node, tmp_path):
    """At a terminal both get it: the editor ends by it, and we say so."""
    env = editor(tmp_path, f"touch {tmp_path}/begun\nexec sleep 600\n")
    words = [CTL, "edit-config", "--endpoint", node.endpoint]
    with subprocess.Popen(words, env=environment(**env), stderr=subprocess.PIPE, start_new_session=True) as process:
        wait_for(tmp_path / "begun")
        os.killpg(process.pid, signal.SIGINT)
        _out, err = process.communicate(timeout=SECONDS_MAX)
    assert (process.returncode, err.decode()) == (1, "pgraftctl: Editor ended by signal 2: nothing was changed\n")


# --- A terminal ---

def at_a_terminal(node, **env):
    """What pgraftctl writes to a terminal, confirmed."""
    master, slave = pty.openpty()
    words = [CTL, "edit-config", "-s", "ttl=20", "--endpoint", node.endpoint]
    with subprocess.Popen(words, stdin=slave, stdout=slave, env=environment(**env)) as process:
        os.close(slave)
        os.write(master, b"y\n")
        seen = b""
        while True:
            try:
                piece = os.read(master, 4096)
            except OSError:
                break
            seen += piece
        assert process.wait(SECONDS_MAX) == 0
    os.close(master)
    return seen.decode().replace("\r\n", "\n")


def test_colours_at_a_terminal_alone(node):
    seen = at_a_terminal(node, NO_COLOR="")
    assert "\x1b[31m-ttl: 30\x1b[0m\n\x1b[32m+ttl: 20\x1b[0m\n" in seen
    assert ASKED in seen
    assert CHANGED in seen


def test_no_colours_for_who_wants_none(node):
    seen = at_a_terminal(node, NO_COLOR="1")
    assert "\x1b" not in seen
    assert "-ttl: 30\n+ttl: 20\n" in seen
