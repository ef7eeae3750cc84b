"""tests/cluster/test_with_files.py - the units and the logrotate file of deploy/, judged by systemd and logrotate.

Claim: systemd has nothing to say against the units, and finds them no more exposed than docs/systemd.md says; logrotate takes the
file, and a node goes on in a new log file."""
import datetime
import re
import subprocess

import pytest

from lib import wait
from lib.front import DEPLOY, PATH, SOURCE, program
from lib.node import PGRAFTD

SETTINGS = {"dynamic": {"synchronous_mode": "quorum"}}
UNITS = ("pgraftd.service", "pgraft-witness.service")


def run(*words):
    done = subprocess.run([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, check=False, env={"PATH": PATH})
    return done.returncode, done.stdout


def unit(name, tmp_path):
    """The unit @name, with a program that is there."""
    path = tmp_path / name
    text = (DEPLOY / "systemd" / name).read_text(encoding="utf-8")
    assert "/usr/sbin/pgraftd " in text
    path.write_text(text.replace("/usr/sbin/pgraftd ", f"{PGRAFTD} "), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", UNITS)
def test_systemd_has_nothing_against_it(name, tmp_path):
    assert run(program("systemd-analyze"), "verify", "--man=no", "--recursive-errors=no", unit(name, tmp_path)) == (0, "")


@pytest.mark.parametrize("name", UNITS)
def test_it_is_as_little_exposed_as_the_page_says(name, tmp_path):
    page = (SOURCE / "docs" / "systemd.md").read_text(encoding="utf-8")
    figure = re.search(rf"`{re.escape(name)}`[^|]*\| (\d\.\d) \|", page).group(1)
    status, said = run(program("systemd-analyze"), "security", "--offline=yes", "--no-pager",
                       f"--threshold={figure.replace('.', '')}", unit(name, tmp_path))
    if "option '--offline" in said:
        pytest.skip("this systemd judges no unit that is not loaded (before 250)")
    assert status == 0, said


def test_logrotate_takes_the_file(tmp_path):
    status, said = run(program("logrotate"), "-d", "-s", tmp_path / "state", DEPLOY / "logrotate" / "pgraft")
    assert status == 0 and "error" not in said.lower(), said


def test_a_node_goes_on_in_a_new_file(pg, front, tmp_path):
    node = pg.clusters[0]["w1"]
    folder = front.folder / "log"
    folder.mkdir(parents=True, mode=0o700)
    node.stop()
    node.environment["PGRAFT_LOG_DIR"] = str(folder)
    try:
        node.start()
        wait.until(node.is_member, lambda: f"it is there\n{node.log_tail()}")
        text = (DEPLOY / "logrotate" / "pgraft").read_text(encoding="utf-8").replace("/var/log/pgraft", str(folder))
        text = re.sub(r"\bpostgres\b", run("id", "-un")[1].strip(), text)
        path = tmp_path / "logrotate"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
        before = (folder / "pgraft.log").read_text(encoding="utf-8")
        status, said = run(program("logrotate"), "-f", "-s", tmp_path / "state", path)
        assert status == 0 and "error" not in said.lower(), said
        old = folder / f"pgraft.log-{datetime.date.today():%Y%m%d}"
        assert old.read_text(encoding="utf-8").startswith(before)
        wait.until((folder / "pgraft.log").exists, "it has made a new one")
        size = old.stat().st_size
        node.stop()
        assert "stops" in (folder / "pgraft.log").read_text(encoding="utf-8") and old.stat().st_size == size
    finally:
        del node.environment["PGRAFT_LOG_DIR"]
