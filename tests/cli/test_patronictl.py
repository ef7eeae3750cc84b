"""tests/cli/test_patronictl.py - the program called as patronictl: Patroni's commands, options and letters.

Claim: a line written for patronictl means the same here, or is refused, or it is said what is ignored; nothing is changed
in a cluster that may be another one than was meant. Method: a link of that name to pgraftctl, fake nodes, and the help.
"""
import os
import re
import subprocess
from pathlib import Path

import pytest

from fake_node import CTL, SECONDS_MAX, environment, told, without_progress
from test_ctl_config import Cluster
from test_programs import bash

SOURCE = Path(os.environ["PGRAFT_SOURCE_ROOT"])
IGNORED = "patronictl: {} is ignored: there is no store beside the nodes, which are asked\n"
COMMANDS = {"demote-cluster", "dsn", "edit-config", "failover", "flush", "history", "list", "pause", "promote-cluster", "query",
            "reinit", "reload", "remove", "restart", "resume", "show-config", "switchover", "topology", "version"}
TIMESTAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n"


class Host:
    """A host with patronictl on it, a node of the cluster orders, and a home."""

    def __init__(self, path):
        self.path, self.program = path, path / "bin" / "patronictl"
        for folder in ("bin", "run", "home/.config/patroni"):
            (path / folder).mkdir(parents=True)
        self.program.symlink_to(CTL)
        self.own = path / "home/.config/patroni/patronictl.yaml"
        self.settings = {"PGRAFTCTL_RUN_DIR": str(path / "run"), "HOME": str(path / "home")}

    def run(self, *words, data=b"", **settings):
        kept = {key: value for key, value in environment().items()
                if key not in ("DCS_URL", "XDG_CONFIG_HOME", "PATRONICTL_CONFIG_FILE")}
        done = subprocess.run([self.program, *map(str, words)], input=data, capture_output=True, timeout=SECONDS_MAX,
                              check=False, env={**kept, **self.settings, **settings})
        return done.returncode, done.stdout.decode(), without_progress(done.stderr.decode())

    def told(self, *words, **options):
        status, out, err = self.run(*words, **options)
        assert (status, err) == (0, "")
        return out

    def fails(self, status, *words, **options):
        got, out, err = self.run(*words, **options)
        assert (got, out, err.count("\n")) == (status, "", 1), (got, out, err)
        return err.removeprefix("patronictl: ").rstrip("\n")

    def file(self, name, text):
        (self.path / name).write_text(text)
        return self.path / name


@pytest.fixture(name="host")
def fixture_host(tmp_path):
    return Host(tmp_path)


@pytest.fixture(name="node")
def fixture_node(host):
    """The node on @host."""
    with Cluster({"ttl": 30}, path=host.path / "run" / "orders-db1.sock") as node:
        yield node


def commands(text):
    return set(re.findall(r"^  ([a-z-]+)  ", text.split("\ncommands:\n")[1].split("\n\n")[0], re.MULTILINE))


# --- What it is ---

def test_its_commands_are_patronis(host):
    text = host.told("--help")
    assert text.startswith("usage: patronictl ")
    assert commands(text) == COMMANDS | {"completion", "help"}
    for command in COMMANDS:
        text = host.told("help", command)
        assert re.search("^example: patronictl ", text, re.MULTILINE)
        assert "pgraftctl" not in text.replace("/run/pgraft", "")
    assert 'unknown command "status"' in host.fails(2, "status")
    assert host.told("version") == host.told("--version")
    assert re.fullmatch(r"patronictl \d+\.\d+\.\d+\n", host.told("version"))


def test_pgraftctl_itself_is_as_ever():
    text = told("--help")
    assert "  -e, --endpoint URL" in text and "  -t, --timeout SECONDS" in text
    assert "--dcs-url" not in text and commands(text) > COMMANDS


def test_the_letters_are_patronis(host, node):
    list_help = host.told("list", "--help")
    for line in ("  -e, --extended", "  -t, --timestamp", "  -c, --config, --config-file FILE", "  -f, --format FORMAT",
                 "  -d, --dcs-url, --dcs URL", "  -k, --insecure", "      --endpoint URL", "      --timeout SECONDS"):
        assert line in list_help
    plain = host.told("list")
    assert re.fullmatch(TIMESTAMP + re.escape(plain), host.told("list", "-t"))
    assert "Pending restart" in host.told("list", "-e") and "Pending restart" not in plain
    assert re.fullmatch(TIMESTAMP + ".*Pending restart.*", host.told("list", "-et"), re.DOTALL)
    assert host.told("list", "-f", "yml") == host.told("list", "--format", "yaml")
    query_help = host.told("query", "--help")
    for line in ("  -c, --command SQL", "  -f, --file FILE", "  -d, --dbname NAME", "      --config, --config-file FILE"):
        assert line in query_help
    assert len(node.seen) == 6


def test_row_config_file_of_version(host, node):
    """Whoever has "patronictl -c FILE" in an alias asks for the version by it, too; no node is asked."""
    own = host.told("version")
    for words in (["-c", "/etc/patroni.yml"], ["-k"], ["--timeout", "5"]):
        assert host.told(*words, "version") == own
    assert host.fails(2, "version", "-f", "json").startswith('"version" has no use for option "--format"')
    assert node.seen == []


def test_completion_is_for_this_name(host):
    script = host.told("completion", "bash")
    assert script.endswith("complete -F _patronictl patronictl\n") and "pgraftctl" not in script


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_bash_completes_every_option_of_a_command(host, command):
    listed = re.findall(r"^  (?:-\w, |    )(--.*?)(?:  |$)", host.told("help", command), re.MULTILINE)
    names = [name for line in listed for name in re.findall(r"--[\w-]+", line)]
    script = f"""source <({host.program} completion bash)
        COMP_WORDS=(patronictl {command} --) COMP_CWORD=2; _patronictl; printf '%s\\n' "${{COMPREPLY[@]}}" """
    assert len(names) >= 10 and sorted(bash(script).split()) == sorted(names)


# --- Which cluster ---

NODE = "scope: orders\nname: db1\nctl: {{socket: {}}}\n"


def test_row_config_file(host, node):
    path = host.file("patroni.yml", NODE.format(node.endpoint))
    host.settings["PGRAFTCTL_RUN_DIR"] = "/nonexistent"
    for words in (["-c", path, "list"], ["--config-file", path, "list"], ["list", "-c", path], ["list", f"--config-file={path}"]):
        assert "orders" in host.told(*words)
    assert "orders" in host.told("list", PATRONICTL_CONFIG_FILE=str(path))
    assert "No such file" in host.fails(2, "-c", "/nonexistent/patroni.yml", "list", PATRONICTL_CONFIG_FILE=str(path))
    assert host.fails(1, "list").startswith("no socket in /nonexistent; ")
    host.own.write_text(NODE.format(node.endpoint))
    assert "orders" in host.told("list")
    other = host.path / "home" / "other"
    (other / "patroni").mkdir(parents=True)
    assert host.fails(1, "list", XDG_CONFIG_HOME=str(other)).startswith("no socket in ")
    host.own.rename(other / "patroni" / "patronictl.yaml")
    assert "orders" in host.told("list", XDG_CONFIG_HOME=str(other))


def test_a_file_for_patronictl_alone_means_the_node_of_this_host(host, node):
    """It names a store and no node."""
    host.own.write_text("scope: orders\netcd3: {hosts: '10.0.0.1:2379'}\nctl: {insecure: true}\n")
    assert "orders" in host.told("list")
    host.own.write_text("scope: demo\netcd3: {hosts: '10.0.0.1:2379'}\n")
    line = host.fails(1, "list")
    assert line.endswith('is one of cluster "orders", and the configuration is of cluster "demo"')
    assert line in host.fails(1, "pause")
    assert [seen for seen in node.seen if seen[0] != "GET"] == []


def test_pgraftctl_does_not_read_it(host, node):
    host.own.write_text("scope: demo\netcd3: {hosts: '10.0.0.1:2379'}\n")
    host.program = CTL
    assert "orders" in host.told("list")
    assert "no socket" not in host.fails(2, "-c", host.own, "list")
    assert len(node.seen) == 1


# --- What makes no sense ---

@pytest.mark.parametrize("words, settings, what", [
    (["-d", "etcd3://10.0.0.1:2379"], {}, "--dcs-url"), (["--dcs", "zookeeper://10.0.0.1"], {}, "--dcs-url"),
    (["--dcs-url=etcd://10.0.0.1/other"], {}, "--dcs-url"), ([], {"DCS_URL": "etcd3://10.0.0.1:2379"}, "DCS_URL")])
def test_row_dcs_url_is_ignored_aloud_or_refused(host, node, words, settings, what):
    status, out, err = host.run(*words, "list", **settings)
    assert (status, err) == (0, IGNORED.format(what)) and "db1" in out
    for command in (["pause"], ["switchover", "--force"], ["restart", "orders", "--force"], ["edit-config", "-s", "ttl=20"],
                    ["query", "-c", "SELECT 1"], ["flush", "orders", "switchover"]):
        assert host.fails(1, *words, *command, **settings).startswith(f"{what} names a store, and there is none beside")
    assert [seen for seen in node.seen if seen[0] != "GET"] == []
    status, out, err = host.run(*words, "pause", "--endpoint", node.endpoint, **settings)
    assert (status, out, err) == (0, "Success: cluster management is paused\n", IGNORED.format(what))


def test_the_letter_d_of_query_is_its_database(host):
    """And no URL of a store."""
    assert "no socket in " in host.fails(1, "query", "-d", "shop", "-c", "SELECT 1")


def test_groups_of_citus_are_refused(host, node):
    assert host.fails(2, "list", "--group", "0").startswith('option "--group": pgraft has no groups of Citus')
    assert host.fails(2, "switchover", "--group=1").startswith('option "--group": ')
    assert node.seen == []


def test_lines_of_playbooks(host, node):
    """As they stand in books and scripts."""
    path = host.file("patroni.yml", NODE.format(node.endpoint))
    assert '"Role": "Leader"' in host.told("-c", path, "list", "orders", "-f", "json")
    assert host.told("-c", path, "show-config") == "ttl: 30\n"
    assert "ttl: 20" in host.told("-c", path, "edit-config", "orders", "-s", "ttl=20", "--force")
    assert host.told("-c", path, "dsn", "-r", "leader") == "host=127.0.0.1 port=5432\n"
    assert host.told("-c", path, "-k", "topology", "orders").startswith("+ Cluster: orders ")
    assert host.told("-c", path, "history", "-f", "tsv").startswith("TL\tLSN\t")


# --- How it is installed ---

def test_the_link_is_an_option_of_the_build(tmp_path):
    def meson(*words):
        return subprocess.run(["meson", *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=300, check=True).stdout
    meson("setup", "-Dpatronictl=true", "-Dtests=false", "-Dprefix=/usr", tmp_path / "build", SOURCE)
    link = tmp_path / "root" / "usr" / "bin" / "patronictl"
    link.parent.mkdir(parents=True)
    link.with_name("pgraftctl").touch()  # meson makes no link to what is not there
    meson("install", "-C", tmp_path / "build", "--no-rebuild", "--destdir", tmp_path / "root", "--tags", "patronictl")
    assert os.readlink(link) == "pgraftctl"
