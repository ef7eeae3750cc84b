"""tests/tools/test_setup.py - the setup script on made-up machines; meson's word on an old libraft.

Each machine is a folder: a root for the files that are read and written (SETUP_ROOT), and a PATH
that holds links to the few real programs the script may use and to fake_machine.py for apt, dpkg,
id and sudo. Nothing of the machine that runs the test is changed, and no network is used."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

SOURCE = Path(os.environ.get("PGRAFT_SOURCE_ROOT") or Path(__file__).resolve().parents[2])
TOOLS = SOURCE / "tools"
FAKE = Path(__file__).resolve().with_name("fake_machine.py")
# All of them are in packages that every Debian has.
REAL = ("bash", "sh", "awk", "cat", "chmod", "cmp", "cp", "dpkg", "find", "flock", "grep", "head",
        "mkdir", "mktemp", "mv", "rm", "rmdir", "sed", "setsid", "sleep", "stat", "tail", "wc")
FAKES = ("apt-get", "apt-cache", "dpkg-query", "id", "sudo")
PATIENCE_S = 20

BUILD_ALL = """gcc 4:12.2
libc6-dev 2.36
pkgconf 1.8.1
meson 1.0.1-5
ninja-build 1.11
liblmdb-dev 0.9.24-1
libuv1-dev 1.44.2
protobuf-c-compiler 1.4.1-1
libprotobuf-c-dev 1.4.1-1
libyaml-dev 0.2.5-1
libjansson-dev 2.14-2
libmicrohttpd-dev 0.9.75-6
libcurl4-gnutls-dev 7.88.1-10+deb12u15
libpq-dev 15.18-0+deb12u1
git 1:2.39.5-0
patch 2.7.6
strace 6.1
iproute2 6.1
postgresql 15+248
libgnutls28-dev 3.7.9-2
libraft-dev 0.22.1-1~bpo12+1
"""
BOOKWORM = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\n'
TRIXIE = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_CODENAME="trixie"\n'
DEB822 = """Types: deb
URIs: http://packages.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""
BOTH_RAFTS = "libraft-dev/bookworm-backports libraft0/bookworm-backports"
DERIVED = """Types: deb
URIs: http://packages.example/debian
Suites: bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""


class Machine:
    """One made-up machine; every program is there but the packages are not."""

    def __init__(self, folder):
        self.folder = folder
        self.root = folder / "root"
        self.bin = folder / "bin"
        for name in ("bin", "behave", "tmp", "root/usr/sbin", "root/etc/apt/sources.list.d",
                     "root/var/lib"):
            (folder / name).mkdir(parents=True)
        for name in REAL:
            (self.bin / name).symlink_to(shutil.which(name))
        for name in FAKES:
            (self.bin / name).symlink_to(FAKE)
        self.tools = folder / "tools"
        shutil.copytree(TOOLS, self.tools)
        self.installed = BUILD_ALL
        self.offers = ""
        self.os_release = BOOKWORM
        self.uid = 0
        self.policy = self.root / "usr/sbin/policy-rc.d"
        self.journal = self.root / "var/lib/pgraft-setup"
        self.sources = self.root / "etc/apt/sources.list.d"
        self.extra = {}
        self.runs = []

    def behave(self, *names):
        for name in names:
            (self.folder / "behave" / name).touch()

    def without(self, *packages):
        self.installed = "".join(line + "\n" for line in BUILD_ALL.splitlines()
                                 if line.split()[0] not in packages)

    def environment(self):
        return {"PATH": str(self.bin), "MACHINE": str(self.folder), "SETUP_ROOT": str(self.root),
                "FAKE_UID": str(self.uid), "TMPDIR": str(self.folder / "tmp"), **self.extra}

    def start(self, *groups):
        """Begins a run on the machine as the test has described it."""
        (self.folder / "installed").write_text(self.installed)
        (self.folder / "offers").write_text(self.offers)
        (self.folder / "calls").write_text("")
        (self.root / "etc/os-release").write_text(self.os_release)
        return self.start_another(*groups)

    def start_another(self, *groups):
        """Begins a run on the machine as earlier ones have left it."""
        script = f'set -euo pipefail; . "{self.tools}/setup.sh"; setup_require "$@"; echo returned'
        # A session of its own: there is no terminal, and a signal to the group is like a Ctrl-C.
        run = Run([shutil.which("bash"), "-c", script, "-", *(groups or ("build",))],
                  self.folder / f"run{len(self.runs)}", self.environment())
        self.runs.append(run)
        return run

    def run(self, *groups):
        return self.start(*groups).ended()

    def run_again(self, *groups):
        (self.folder / "calls").write_text("")
        return self.start_another(*groups).ended()

    def wait_until_blocked(self):
        wait_for((self.folder / "blocked").exists)

    def release(self):
        (self.folder / "release").touch()

    def calls(self, word="apt-get"):
        return [line for line in (self.folder / "calls").read_text().splitlines()
                if line.startswith(word)]

    def left_over(self):
        """What a run that has ended may not leave: drafts, a journal, half-placed files."""
        return [str(path) for path in [self.journal, *self.root.rglob("*.pgraft-new"),
                                       *(self.folder / "tmp").iterdir()] if path.exists()]


class Run:
    """A shell that sources the script. Its output goes to files, which nobody has to drain."""

    def __init__(self, command, folder, environment):
        folder.mkdir()
        self.folder = folder
        with open(folder / "out", "wb") as out, open(folder / "err", "wb") as err:
            self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=err, start_new_session=True)

    @property
    def out(self):
        return (self.folder / "out").read_text()

    @property
    def err(self):
        return (self.folder / "err").read_text()

    @property
    def status(self):
        return self.process.returncode

    def ended(self):
        self.process.wait(timeout=PATIENCE_S)
        return self

    def wait_until_it_says(self, text):
        wait_for(lambda: text in self.err or self.process.poll() is not None)
        assert text in self.err

    def signal(self, number):
        """To the whole group, as the terminal does it."""
        os.killpg(self.process.pid, number)


@pytest.fixture
def machine(tmp_path):
    # A blank in the path, as users have them.
    made = Machine(tmp_path / "a machine")
    yield made
    made.release()
    for run in made.runs:
        if run.process.poll() is None:  # once it is collected its number may be somebody else's
            with contextlib.suppress(ProcessLookupError):
                run.signal(signal.SIGKILL)
        run.process.wait()


def stays(holds):
    """A thing that must not happen gets a moment in which to happen."""
    until = time.monotonic() + 0.3
    while time.monotonic() < until:
        assert holds()
        time.sleep(0.01)


def wait_for(holds):
    until = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.01)


# --- what is asked of apt ------------------------------------------------------------------------


def test_all_there_asks_dpkg_once_and_says_nothing(machine):
    result = machine.run("build")
    assert (result.status, result.out, result.err) == (0, "returned\n", "")
    assert machine.calls("") == ["dpkg-query"]
    assert machine.left_over() == []


def test_missing_packages_are_named_with_the_reason_and_installed(machine):
    machine.without("gcc", "meson")
    machine.offers = "meson 1.0.1-5 bookworm\n"
    result = machine.run("build")
    assert result.status == 0, result.err
    assert machine.calls() == ["apt-get update", "apt-get install --download-only gcc meson",
                               "apt-get install gcc meson"]
    assert (machine.folder / "exact").read_text() == (
        "-q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends --no-remove "
        "-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold gcc meson")
    assert re.search(r"gcc +compiles the C code", result.err)
    assert "ninja" not in result.err
    assert machine.calls("!!") == []
    assert machine.left_over() == []


def test_a_second_run_installs_nothing(machine):
    machine.without("gcc")
    assert machine.run("build").status == 0
    result = machine.run_again("build")
    assert (result.status, result.err, machine.calls()) == (0, "", [])


def test_only_the_groups_asked_for(machine):
    machine.without("gcc")
    machine.offers = "libcmocka-dev 1.1.5-2.1 bookworm\n"
    assert machine.run("test").status == 0
    assert machine.calls()[-1] == "apt-get install libcmocka-dev python3-pytest"


def test_a_package_of_two_groups_is_asked_for_once(machine):
    with open(machine.tools / "packages", "a", encoding="utf-8") as packages:
        packages.write("again  gcc  -  compiles something else\n")
    machine.without("gcc")
    assert machine.run("build", "again").status == 0
    assert machine.calls()[-1] == "apt-get install gcc"


def test_every_group_of_the_table_has_a_reason_for_each_package(machine):
    for line in (machine.tools / "packages").read_text().splitlines():
        if line and not line.startswith("#"):
            group, package, least, *reason = line.split()
            assert reason, line
            assert re.fullmatch(r"-|[0-9][0-9.]*", least), line


def test_an_unknown_group_is_an_error_of_the_caller(machine):
    result = machine.run("build", "biuld")
    assert result.status == 1
    assert "no group 'biuld'" in result.err


def test_too_old_is_as_good_as_missing(machine):
    machine.installed = BUILD_ALL.replace("meson 1.0.1-5", "meson 0.56.2")
    machine.offers = "meson 1.7.0 trixie\n"
    machine.os_release = TRIXIE
    assert machine.run("build").status == 0
    assert machine.calls()[-1] == "apt-get install meson"


def test_a_version_nobody_offers_is_an_error_that_names_it(machine):
    machine.installed = BUILD_ALL.replace("meson 1.0.1-5", "meson 0.56.2")
    machine.offers = "meson 0.56.2 bullseye\n"
    machine.os_release = 'PRETTY_NAME="Debian GNU/Linux 11 (bullseye)"\nVERSION_CODENAME=bullseye\n'
    result = machine.run("build")
    assert result.status == 1
    assert "meson >= 1.0 is needed; Debian GNU/Linux 11 (bullseye) offers 0.56.2" in result.err
    assert "packages: meson (>= 1.0)" in result.err
    assert not any("install" in call for call in machine.calls())


def test_apt_that_installs_nothing_is_found_out(machine):
    machine.without("gcc")
    machine.behave("installs-nothing")
    result = machine.run("build")
    assert result.status == 1
    assert "left some missing or too old" in result.err
    assert "packages: gcc" in result.err


# --- when it cannot ------------------------------------------------------------------------------


def test_not_root_and_no_sudo(machine):
    machine.without("gcc", "libraft-dev")
    machine.uid = 1000
    (machine.bin / "sudo").unlink()
    result = machine.run("build")
    assert (result.status, result.out) == (1, "")
    assert "not root, and there is no sudo" in result.err
    assert "packages: gcc, libraft-dev (>= 0.22.1)" in result.err
    assert "tools/setup_install.sh build" in result.err
    assert ("apt-get install --no-install-recommends gcc libraft-dev/bookworm-backports "
            "libraft0/bookworm-backports") in result.err
    assert machine.calls() == []


def test_the_command_it_names_works_as_it_stands(machine):
    machine.without("gcc")
    machine.uid = 1000
    (machine.bin / "sudo").unlink()
    command = re.search(r"run as root: (.*)", machine.run("build").err)[1]
    machine.uid = 0
    done = subprocess.run([shutil.which("bash"), "-c", command], env=machine.environment(),
                          text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert machine.calls()[-1] == "apt-get install gcc"


def test_with_sudo_and_no_terminal_sudo_must_not_ask(machine):
    machine.without("gcc")
    machine.uid = 1000
    result = machine.run("build")
    assert result.status == 0, result.err
    assert machine.calls("sudo") == ["sudo -n"]
    assert machine.calls()[-1] == "apt-get install gcc"


def test_sudo_that_refuses(machine):
    machine.without("gcc")
    machine.uid = 1000
    machine.behave("sudo-refuses")
    result = machine.run("build")
    assert (result.status, result.out) == (1, "")
    assert "a password is required" in result.err
    assert "sudo did not run" in result.err
    assert "packages: gcc" in result.err


def test_no_apt_at_all(machine):
    (machine.bin / "apt-get").unlink()
    (machine.bin / "dpkg-query").unlink()
    result = machine.run("build")
    assert result.status == 1
    assert "no dpkg and apt" in result.err
    assert "gcc, libc6-dev, pkgconf, meson (>= 1.0)" in result.err
    assert "meson setup" in result.err


def test_apt_that_fails_gets_the_word_and_everything_is_put_back(machine):
    machine.without("gcc")
    machine.policy.write_bytes(b"#!/bin/sh\nexit 0 # mine\n")
    machine.policy.chmod(0o751)
    machine.behave("install-fails")
    result = machine.run("build")
    assert result.status == 1
    assert "| E: Unable to locate package nothing-like-it" in result.err
    assert "packages: gcc" in result.err
    assert "apt-get install --no-install-recommends gcc" in result.err
    assert machine.policy.read_bytes() == b"#!/bin/sh\nexit 0 # mine\n"
    assert machine.policy.stat().st_mode & 0o777 == 0o751
    assert machine.left_over() == []


def test_no_network_is_no_obstacle_when_apt_knows_enough(machine):
    machine.without("gcc")
    machine.behave("update-fails")
    result = machine.run("build")
    assert result.status == 0, result.err
    assert "apt-get update failed; trying with what apt knows" in result.err


def test_no_network_is_shown_when_it_is_the_reason(machine):
    machine.without("gcc")
    machine.behave("update-fails", "install-fails")
    result = machine.run("build")
    assert result.status == 1
    assert "| E: Failed to fetch: no network" in result.err


# --- other users of apt --------------------------------------------------------------------------


def test_waiting_for_dpkg_s_lock_is_said_at_once(machine):
    machine.without("gcc")
    machine.behave("lock-held")
    run = machine.start("build")
    run.wait_until_it_says("waiting up to 300 s")
    machine.release()
    assert run.ended().status == 0


def test_the_lists_lock_is_waited_for_too(machine):
    machine.without("gcc")
    machine.behave("update-locked")
    result = machine.run("build")
    assert result.status == 0, result.err
    assert machine.calls()[:2] == ["apt-get update", "apt-get update"]
    assert result.err.count("another program is using apt") == 1


def test_the_wait_for_the_lists_ends(machine):
    machine.without("gcc")
    machine.behave("update-locked")
    machine.extra = {"SETUP_LOCK_WAIT_S": "0"}
    result = machine.run("build")
    assert "apt-get update failed" in result.err
    assert machine.calls().count("apt-get update") == 1


def test_two_at_a_time_take_turns(machine):
    machine.without("gcc")
    machine.behave("block")
    first = machine.start("build")
    machine.wait_until_blocked()
    second = machine.start_another("build")
    second.wait_until_it_says("waiting for it")
    stays(machine.journal.exists)
    machine.release()
    assert first.ended().status == 0
    assert second.ended().status == 0
    # The second had nothing to do.
    assert machine.calls() == ["apt-get update", "apt-get install --download-only gcc",
                               "apt-get install gcc"]
    assert machine.left_over() == []


# --- starting nothing ----------------------------------------------------------------------------


def test_services_may_not_start_meanwhile_and_afterwards_nothing_is_left(machine):
    machine.without("gcc")
    assert machine.run("build").status == 0
    assert machine.calls("!!") == []
    assert not machine.policy.exists()


@pytest.mark.parametrize("content, mode", [
    (b"#!/bin/sh\nexit 0\n", 0o755),
    (b"#!/bin/sh\n[ $1 = ssh ] && exit 101\nexit 0\n", 0o700),
    (b"not even a script", 0o644),
    (b"", 0o755),
])
def test_a_policy_that_allows_is_set_aside_and_put_back_byte_for_byte(machine, content, mode):
    machine.without("gcc")
    machine.policy.write_bytes(content)
    machine.policy.chmod(mode)
    os.utime(machine.policy, (1000, 1000))
    assert machine.run("build").status == 0
    assert machine.calls("!!") == []
    assert machine.policy.read_bytes() == content
    assert machine.policy.stat().st_mode & 0o777 == mode
    assert machine.policy.stat().st_mtime == 1000


def test_a_policy_that_is_a_link_is_put_back_as_that_link(machine):
    machine.without("gcc")
    target = machine.root / "usr/sbin/real-policy"
    target.write_text("#!/bin/sh\nexit 0\n")
    machine.policy.symlink_to("real-policy")
    assert machine.run("build").status == 0
    assert machine.calls("!!") == []
    assert os.readlink(machine.policy) == "real-policy"
    assert target.read_text() == "#!/bin/sh\nexit 0\n"


def test_a_policy_that_denies_is_left_alone(machine):
    machine.without("gcc")
    machine.policy.write_text("#!/bin/sh\nexit 101\n")
    machine.policy.chmod(0o755)
    before = machine.policy.stat()
    assert machine.run("build").status == 0
    after = machine.policy.stat()
    assert (before.st_ino, before.st_ctime_ns) == (after.st_ino, after.st_ctime_ns)


def test_a_policy_that_a_package_brings_meanwhile_stays(machine):
    machine.without("gcc")
    machine.behave("block")
    run = machine.start("build")
    machine.wait_until_blocked()
    machine.policy.write_text("#!/bin/sh\nexit 0 # packaged\n")
    machine.release()
    result = run.ended()
    assert result.status == 0
    assert machine.policy.read_text() == "#!/bin/sh\nexit 0 # packaged\n"
    assert "is left as it is" in result.err


@pytest.mark.parametrize("before", [None, b"# mine\ncreate_main_cluster = true # yes\nssl = on\n"])
def test_postgresql_creates_no_cluster_and_its_file_is_put_back(machine, before):
    conf = machine.root / "etc/postgresql-common/createcluster.conf"
    with open(machine.tools / "packages", "a", encoding="utf-8") as packages:
        packages.write("postgres  postgresql-15  -  the server\n")
    if before is not None:
        conf.parent.mkdir()
        conf.write_bytes(before)
    result = machine.run("build", "postgres")
    assert result.status == 0, result.err
    assert machine.calls("!!") == []
    assert machine.calls()[1:] == ["apt-get install --download-only postgresql-15",
                                   "apt-get install postgresql-common",
                                   "apt-get install postgresql-15"]
    assert conf.read_bytes() == before if before else conf.read_text().startswith("# packaged\n#c")
    assert machine.left_over() == []


def test_a_client_of_postgresql_needs_none_of_that(machine):
    with open(machine.tools / "packages", "a", encoding="utf-8") as packages:
        packages.write("postgres  postgresql-client-15  -  psql\n")
    assert machine.run("postgres").status == 0
    assert "apt-get install postgresql-common" not in machine.calls()


# --- being stopped -------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_dpkg_works_waits_for_it_and_puts_back(machine, number):
    machine.without("gcc")
    machine.policy.write_bytes(b"#!/bin/sh\nexit 0\n")
    machine.behave("block")
    run = machine.start("build")
    machine.wait_until_blocked()
    assert machine.journal.exists()
    run.signal(number)
    # When the shell that sourced the script has no trap it ends here; the install goes on.
    wait_for(lambda: "stopping when dpkg has finished" in run.err)
    stays(machine.journal.exists)
    machine.release()
    result = run.ended()
    assert result.status == -number
    assert "returned" not in result.out
    wait_for(lambda: not machine.journal.exists())
    assert machine.policy.read_bytes() == b"#!/bin/sh\nexit 0\n"
    assert machine.calls()[-1] == "apt-get install gcc"
    wait_for(lambda: machine.left_over() == [])
    assert machine.calls("!!") == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_apt_loads_ends_apt_at_once(machine, number):
    machine.without("gcc")
    machine.behave("block-download")
    run = machine.start("build")
    machine.wait_until_blocked()
    run.signal(number)
    assert run.ended().status == -number
    wait_for(lambda: machine.left_over() == [])
    assert machine.calls()[-1] == "apt-get install --download-only gcc"
    assert not machine.policy.exists()


def test_a_signal_takes_the_new_source_entry_away_again(machine):
    machine.without("libraft-dev")
    (machine.sources / "debian.sources").write_text(DEB822)
    machine.behave("block-source")
    run = machine.start("build")
    machine.wait_until_blocked()
    assert (machine.sources / "pgraft-backports.sources").exists()
    run.signal(signal.SIGINT)
    assert run.ended().status == -signal.SIGINT
    wait_for(lambda: machine.left_over() == [])
    assert os.listdir(machine.sources) == ["debian.sources"]


@pytest.mark.parametrize("missing_again", [False, True])
@pytest.mark.parametrize("before", [None, b"#!/bin/sh\nexit 0 # mine\n"])
def test_what_kill_9_leaves_is_healed_by_the_next_run(machine, before, missing_again):
    machine.without("gcc")
    if before:
        machine.policy.write_bytes(before)
    machine.behave("block")
    run = machine.start("build")
    machine.wait_until_blocked()
    run.signal(signal.SIGKILL)
    run.ended()
    machine.release()  # apt-get lives on in its own session, and ends by itself
    wait_for(lambda: "gcc" in (machine.folder / "installed").read_text())
    assert b"exit 101" in machine.policy.read_bytes()
    (machine.folder / "behave/block").unlink()
    if missing_again:
        (machine.folder / "installed").write_text(machine.installed)
    result = machine.run_again("build")
    assert result.status == 0, result.err
    assert "killed install" in result.err
    assert machine.calls("!!") == []
    assert (machine.policy.read_bytes() if machine.policy.exists() else None) == before
    assert machine.journal.exists() is False
    assert len(machine.calls("apt-get install")) == (2 if missing_again else 0)


def test_a_source_entry_that_kill_9_leaves_is_made_again(machine):
    machine.without("libraft-dev")
    (machine.sources / "debian.sources").write_text(DEB822)
    machine.behave("block-source")
    run = machine.start("build")
    machine.wait_until_blocked()
    run.signal(signal.SIGKILL)
    run.ended()
    assert (machine.journal / "source").exists()
    machine.release()
    wait_for((machine.folder / "backports-known").exists)
    (machine.folder / "backports-known").unlink()  # as if apt-get had been killed with it
    result = machine.run_again("build")
    assert result.status == 0, result.err
    assert (machine.sources / "pgraft-backports.sources").read_text() == DERIVED
    assert not machine.journal.exists()


def test_a_leftover_that_only_root_can_heal_does_not_stop_the_work(machine):
    machine.journal.mkdir()
    machine.uid = 1000
    (machine.bin / "sudo").unlink()
    result = machine.run("build")
    assert (result.status, result.out) == (0, "returned\n")
    assert "a killed install left" in result.err
    assert "tools/setup_install.sh build" in result.err


def test_putting_back_that_fails_loses_nothing(machine):
    machine.without("gcc")
    machine.policy.write_bytes(b"#!/bin/sh\nexit 0 # mine\n")
    machine.behave("block")
    run = machine.start("build")
    machine.wait_until_blocked()
    # A folder in the way of the draft stands for a full disk.
    (machine.root / "usr/sbin/policy-rc.d.pgraft-new/full").mkdir(parents=True)
    machine.release()
    result = run.ended()
    assert result.status == 1
    assert "could not put back" in result.err
    shutil.rmtree(machine.root / "usr/sbin/policy-rc.d.pgraft-new")
    (machine.folder / "behave/block").unlink()
    assert machine.run_again("build").status == 0
    assert machine.policy.read_bytes() == b"#!/bin/sh\nexit 0 # mine\n"


# --- libraft -------------------------------------------------------------------------------------


def test_a_newer_system_just_installs_libraft(machine):
    machine.without("libraft-dev")
    machine.os_release = TRIXIE
    machine.offers = "libraft-dev 0.22.1-2 trixie\n"
    (machine.sources / "debian.sources").write_text(DEB822)
    assert machine.run("build").status == 0
    assert machine.calls()[-1] == "apt-get install libraft-dev"
    assert os.listdir(machine.sources) == ["debian.sources"]


def test_debian_12_gets_an_entry_derived_from_its_own_and_keeps_it(machine):
    machine.installed = BUILD_ALL.replace("libraft-dev 0.22.1-1~bpo12+1", "libraft-dev 0.15.0-1")
    machine.offers = "libraft-dev 0.15.0-1 bookworm\n"
    (machine.sources / "debian.sources").write_text(DEB822)
    result = machine.run("build")
    assert result.status == 0, result.err
    assert machine.calls() == [
        "apt-get update", "apt-get update Dir::Etc::sourcelist",
        f"apt-get install --download-only {BOTH_RAFTS}", f"apt-get install {BOTH_RAFTS}"]
    assert (machine.sources / "pgraft-backports.sources").read_text() == DERIVED
    assert "pgraft-backports.sources stays" in result.err
    assert machine.left_over() == []


def test_backports_that_are_there_are_used_as_they_are(machine):
    machine.without("libraft-dev")
    machine.offers = ("libraft-dev 0.15.0-1 bookworm\n"
                      "libraft-dev 0.22.1-1~bpo12+1 bookworm-backports\n")
    (machine.sources / "debian.sources").write_text(DEB822 + "\n" + DERIVED)
    assert machine.run("build").status == 0
    assert machine.calls()[-1] == f"apt-get install {BOTH_RAFTS}"
    assert os.listdir(machine.sources) == ["debian.sources"]


def test_backports_without_libraft_is_said_and_not_added_twice(machine):
    machine.without("libraft-dev")
    (machine.sources / "debian.sources").write_text(DEB822 + "\n" + DERIVED)
    result = machine.run("build")
    assert result.status == 1
    assert "bookworm-backports is among apt's sources, but" in result.err
    assert os.listdir(machine.sources) == ["debian.sources"]


def test_another_vendor_s_bookworm_is_tried_and_not_kept(machine):
    machine.without("libraft-dev")
    (machine.sources / "a-vendor.list").write_text("deb https://vendor.example/apt bookworm main\n")
    (machine.sources / "debian.sources").write_text(DEB822)
    result = machine.run("build")
    assert result.status == 0, result.err
    assert len(machine.calls("entry")) == 2
    assert sorted(os.listdir(machine.sources)) == ["a-vendor.list", "debian.sources",
                                                   "pgraft-backports.sources"]


def test_nothing_but_another_vendor_s_bookworm(machine):
    machine.without("libraft-dev")
    (machine.sources / "a-vendor.list").write_text("deb https://vendor.example/apt bookworm main\n")
    result = machine.run("build")
    assert result.status == 1
    assert "no Debian entry among apt's sources leads to a bookworm-backports" in result.err
    assert "| E: The repository does not have a Release file." in result.err
    assert os.listdir(machine.sources) == ["a-vendor.list"]


def test_no_entry_to_derive_from_says_what_to_add(machine):
    machine.without("libraft-dev")
    result = machine.run("build")
    assert result.status == 1
    assert "add one for suite bookworm-backports, component main" in result.err
    assert "packages: libraft-dev (>= 0.22.1)" in result.err
    assert os.listdir(machine.sources) == []


def test_an_install_that_fails_takes_the_entry_away_again(machine):
    machine.without("libraft-dev")
    (machine.sources / "debian.sources").write_text(DEB822)
    machine.behave("install-fails")
    result = machine.run("build")
    assert result.status == 1
    assert "stays" not in result.err
    assert os.listdir(machine.sources) == ["debian.sources"]


def test_an_install_that_fails_late_keeps_the_entry_that_libraft_came_from(machine):
    machine.without("gcc", "libraft-dev")
    (machine.sources / "debian.sources").write_text(DEB822)
    machine.behave("fails-late")
    assert machine.run("build").status == 1
    assert (machine.sources / "pgraft-backports.sources").read_text() == DERIVED
    assert machine.left_over() == []


def test_our_own_entry_of_an_earlier_time_is_renewed(machine):
    machine.without("libraft-dev")
    (machine.sources / "debian.sources").write_text(DEB822)
    (machine.sources / "pgraft-backports.sources").write_text(
        DERIVED.replace("packages.example", "gone.example"))
    assert machine.run("build").status == 0
    assert (machine.sources / "pgraft-backports.sources").read_text() == DERIVED


def test_a_password_in_an_uri_stays_unreadable(machine):
    machine.without("libraft-dev")
    own = machine.sources / "debian.sources"
    own.write_text(DEB822.replace("http://", "http://me:secret@"))
    own.chmod(0o600)
    assert machine.run("build").status == 0
    derived = machine.sources / "pgraft-backports.sources"
    assert "me:secret@packages.example" in derived.read_text()
    assert derived.stat().st_mode & 0o777 == 0o600


KEY = """Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEZ0000000
 -----END PGP PUBLIC KEY BLOCK-----
"""
STANZA = "Types: {}\nURIs: http://packages.example/debian\nSuites: {}\nComponents: {}\n"
OWN = STANZA.format("deb", "bookworm", "main")
OUT = STANZA.format("deb", "bookworm-backports", "main")
LIST_OUT = "deb http://packages.example/debian bookworm-backports main\n"

# (name, {file: content}, the entries derived from them; True if backports are enabled already)
CASES = [
    ("nothing at all", {}, []),
    ("one stanza", {"d.sources": OWN}, [OUT]),
    ("several suites, components and types",
     {"d.sources": STANZA.format("deb deb-src", "bookworm bookworm-updates", "main contrib")},
     [OUT]),
    ("lists over several lines",
     {"d.sources": "Types: deb\nURIs: http://packages.example/debian\n"
                   "Suites:\n bookworm\n bookworm-updates\nComponents: contrib\n main\n"}, [OUT]),
    ("several URIs",
     {"d.sources": OWN.replace("/debian\n", "/debian http://b.example/debian\n")},
     [OUT.replace("/debian\n", "/debian http://b.example/debian\n")]),
    ("comments before, between and inside of fields",
     {"d.sources": "# top\nTypes: deb\n# http://old.example\nURIs: http://packages.example/debian\n"
                   "Suites: bookworm\n# more\n bookworm-updates\n#Enabled: no\nComponents: main\n"},
     [OUT]),
    ("blank lines and a comment before the stanza", {"d.sources": "\n\n# hello\n\n" + OWN + "\n\n"},
     [OUT]),
    ("field names in any case",
     {"d.sources": OWN.replace("Types", "types").replace("URIs", "uris")},
     [OUT.replace("URIs", "uris")]),
    ("a second stanza",
     {"d.sources": STANZA.format("deb", "bookworm-security", "main").replace("debian", "security")
      + "\n" + OWN}, [OUT]),
    ("security and updates alone are not the release",
     {"d.sources": STANZA.format("deb", "bookworm-security bookworm-updates", "main")}, []),
    ("sources alone", {"d.sources": STANZA.format("deb-src", "bookworm", "main")}, []),
    ("not the component", {"d.sources": STANZA.format("deb", "bookworm", "contrib mainly")}, []),
    ("another release", {"d.sources": STANZA.format("deb", "trixie", "main")}, []),
    ("disabled", {"d.sources": OWN + "Enabled: no\n"}, []),
    ("disabled in other words", {"d.sources": "Enabled: FALSE\n" + OWN}, []),
    ("enabled in so many words", {"d.sources": "Enabled: yes\n" + OWN}, [OUT]),
    ("a disabled stanza before an enabled one",
     {"d.sources": "Enabled: no\n" + OWN.replace("packages", "off") + "\n" + OWN}, [OUT]),
    ("Signed-By with a path", {"d.sources": OWN + "Signed-By: /etc/apt/keyrings/own.gpg\n"},
     [OUT + "Signed-By: /etc/apt/keyrings/own.gpg\n"]),
    ("Signed-By with a key inside", {"d.sources": OWN + KEY}, [OUT + KEY]),
    ("a key before the suites", {"d.sources": KEY + OWN}, ["Types: deb\n" + KEY + OUT[11:]]),
    ("options", {"d.sources": OWN + "Architectures: amd64\nTrusted: yes\nX-Repolib-Name: Debian\n"},
     [OUT + "Architectures: amd64\nTrusted: yes\n"]),
    ("the release called stable", {"d.sources": STANZA.format("deb", "stable", "main")}, [OUT]),
    ("the release called oldstable",
     {"d.sources": STANZA.format("deb", "oldstable", "main")}, [OUT]),
    ("the release by name goes first",
     {"a.sources": STANZA.format("deb", "stable", "main").replace("packages", "alias"),
      "b.sources": OWN}, [OUT, OUT.replace("packages", "alias")]),
    ("backports in a stanza of their own",
     {"d.sources": OWN + "\n" + STANZA.format("deb", "bookworm-backports", "main")}, True),
    ("backports in the same stanza",
     {"d.sources": STANZA.format("deb", "bookworm bookworm-backports", "main contrib")}, True),
    ("backports called stable's",
     {"d.sources": STANZA.format("deb", "stable-backports", "main")}, True),
    ("backports disabled",
     {"d.sources": OWN + "\nEnabled: no\n" + STANZA.format("deb", "bookworm-backports", "main")},
     [OUT]),
    ("backports without main",
     {"d.sources": OWN + "\n" + STANZA.format("deb", "bookworm-backports", "contrib")}, [OUT]),
    ("backports of sources",
     {"d.sources": OWN + "\n" + STANZA.format("deb-src", "bookworm-backports", "main")}, [OUT]),
    ("files that apt does not read", {"d.sources.off": OWN, "a b.sources": OWN, "d.txt": OWN}, []),
    ("one line",
     {"../sources.list": "deb http://packages.example/debian bookworm main\n"}, [LIST_OUT]),
    ("one line without an end", {"d.list": "deb http://packages.example/debian bookworm main"},
     [LIST_OUT]),
    ("blanks and tabs, components, a comment behind",
     {"d.list": "  deb\thttp://packages.example/debian \t bookworm   contrib main # own\n"},
     [LIST_OUT]),
    ("main only in the comment",
     {"d.list": "deb http://packages.example/debian bookworm # main\n"}, []),
    ("options in brackets",
     {"d.list": "deb [arch=amd64 signed-by=/k.gpg] http://packages.example/debian bookworm main\n"},
     [LIST_OUT.replace("deb ", "deb [arch=amd64 signed-by=/k.gpg] ")]),
    ("blanks and a # in the brackets",
     {"d.list": "deb [ arch=amd64 lang=a#b ] http://packages.example/debian bookworm main\n"},
     [LIST_OUT.replace("deb ", "deb [ arch=amd64 lang=a#b ] ")]),
    ("commented, sources, other suites, a CD",
     {"d.list": "#deb http://packages.example/debian bookworm main\n"
                "# deb http://packages.example/debian bookworm main\n"
                "deb-src http://packages.example/debian bookworm main\n"
                "deb http://packages.example/debian bookworm-updates main\n"
                "deb http://packages.example/debian-security bookworm-security main\n"
                "deb cdrom:[Debian GNU/Linux 12 _Bookworm_ - amd64 NETINST]/ bookworm main\n"
                "deb cdrom:[Debian_12]/ bookworm main\n"}, []),
    ("a flat repository", {"d.list": "deb http://packages.example/flat ./\n"}, []),
    ("one line of backports",
     {"d.list": "deb http://packages.example/debian bookworm main\n"
                "deb http://packages.example/debian bookworm-backports main\n"}, True),
    ("one line of backports commented out",
     {"d.list": "deb http://packages.example/debian bookworm main\n"
                "#deb http://packages.example/debian bookworm-backports main\n"}, [LIST_OUT]),
    ("the release called stable in one line",
     {"d.list": "deb http://packages.example/debian stable main\n"}, [LIST_OUT]),
    ("both formats",
     {"d.list": "deb http://packages.example/debian bookworm main\n", "d.sources": OWN},
     [LIST_OUT, OUT]),
    ("our own entry does not count", {"d.sources": OWN, "pgraft-backports.sources": OUT}, [OUT]),
]


@pytest.mark.parametrize("files, expected", [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_derive(tmp_path, files, expected):
    parts = tmp_path / "apt/sources.list.d"
    drafts = tmp_path / "drafts"
    parts.mkdir(parents=True)
    drafts.mkdir()
    for name, content in files.items():
        (parts / name).write_text(content)
    status = subprocess.run(["bash", "-euc", '. "$1"; backports_read "$2" bookworm "$3"', "-",
                             TOOLS / "backports.sh", parts.parent, drafts]).returncode
    if expected is True:
        assert status == 0
    else:
        assert status == 1
        assert [path.read_text() for path in sorted(drafts.iterdir())] == expected


# --- what meson says -----------------------------------------------------------------------------

PC = "Name: raft\nDescription: made up\nVersion: {}\nLibs: -lraft\nCflags:\n"


@pytest.mark.parametrize("version", ["0.15.0", "0.22.0"])
def test_meson_refuses_an_old_libraft_and_says_what_to_do(tmp_path, version):
    (tmp_path / "raft.pc").write_text(PC.format(version))
    environment = dict(os.environ, PKG_CONFIG_PATH=str(tmp_path))
    done = subprocess.run(["meson", "setup", tmp_path / "build", SOURCE, "-Dtests=false"],
                          text=True, env=environment, capture_output=True)
    assert done.returncode != 0
    said = " ".join(done.stdout.split())
    assert f"libraft {version} will not do: pgraft needs 0.22.1" in said
    assert "run ./check or ./demo, which install it" in said
    assert "apt-get install libraft-dev/bookworm-backports libraft0/bookworm-backports" in said
