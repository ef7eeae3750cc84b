"""tests/cli/test_install.py - what "meson install" leaves behind, and a stranger's program that uses it.

Claim: the programs, the library, its header, its pkg-config file and the completion scripts arrive where
Debian looks for them; the library shows pgraft.h and nothing else; a program that knows only pkg-config
builds against it and runs. Method: install this build tree below a temporary directory. A plain program
can not load a sanitized library, so from a sanitized build tree the library is built once more without.
"""
import json
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(os.environ["PGRAFT_SOURCE_ROOT"])
BUILD = Path(os.environ["PGRAFT_BUILD_ROOT"])
SECONDS_MAX = 100


def run(*words, **options):
    """The stdout of a command that has to succeed."""
    done = subprocess.run([str(w) for w in words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=SECONDS_MAX, check=False, **options)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def build_options(build):
    return {o["name"]: o["value"] for o in json.loads(run("meson", "introspect", "--buildoptions", build))}


class Installed:
    """A build tree, installed below @root."""

    def __init__(self, build, root):
        run("meson", "install", "-C", build, "--no-rebuild", "--destdir", root)
        options = build_options(build)
        self.prefix = root / options["prefix"].lstrip("/")
        self.bin = self.prefix / options["bindir"]
        self.sbin = self.prefix / options["sbindir"]
        self.lib = self.prefix / options["libdir"]
        self.libexec = self.prefix / options["libexecdir"]
        self.include = self.prefix / options["includedir"]
        self.data = self.prefix / options["datadir"]

    def pkg_config(self, *words):
        environment = dict(os.environ, PKG_CONFIG_PATH=str(self.lib / "pkgconfig"))
        return run("pkg-config", f"--define-variable=prefix={self.prefix}", *words, "pgraft",
                   env=environment).split()


@pytest.fixture(scope="module", name="here")
def fixture_here(tmp_path_factory):
    """This build tree, installed."""
    return Installed(BUILD, tmp_path_factory.mktemp("here"))


@pytest.fixture(scope="module", name="plain")
def fixture_plain(here, tmp_path_factory):
    """An installation that a plain program can use."""
    if build_options(BUILD)["b_sanitize"] == "none":
        return here
    build = tmp_path_factory.mktemp("plain-build")
    run("meson", "setup", "-Dtests=false", "-Dbuildtype=debug", "-Dwerror=false", build, SOURCE)
    run("ninja", "-C", build, "-j2")
    return Installed(build, tmp_path_factory.mktemp("plain"))


def version():
    return re.search(r'"(.+)"', (BUILD / "base" / "version.h").read_text().split("PGRAFT_VERSION ")[1]).group(1)


def cc():
    return os.environ.get("CC", "cc").split()


# --- What is there ---

def test_everything_is_installed(here):
    major = version().split(".", maxsplit=1)[0]
    assert os.access(here.bin / "pgraftctl", os.X_OK)
    assert os.access(here.sbin / "pgraftd", os.X_OK)
    assert os.access(here.libexec / "pgraft/pgraft-guard", os.X_OK)
    assert (here.lib / f"libpgraft.so.{version()}").is_file()
    assert os.readlink(here.lib / f"libpgraft.so.{major}") == f"libpgraft.so.{version()}"
    assert os.readlink(here.lib / "libpgraft.so") == f"libpgraft.so.{major}"
    assert (here.lib / "pkgconfig" / "pgraft.pc").is_file()
    assert (here.include / "pgraft.h").read_bytes() == (SOURCE / "consensus" / "pgraft.h").read_bytes()


def test_nothing_else_is_installed(here):
    """Above all no static archive of a layer and no second header."""
    found = {str(path.relative_to(here.prefix)) for path in here.prefix.rglob("*") if not path.is_dir()}
    libdir, libexec = here.lib.relative_to(here.prefix), here.libexec.relative_to(here.prefix)
    major = version().split(".", maxsplit=1)[0]
    assert found == {
        "bin/pgraftctl", "sbin/pgraftd", f"{libexec}/pgraft/pgraft-guard", f"{libexec}/pgraft/pgraft-helper",
        "include/pgraft.h", f"{libdir}/pkgconfig/pgraft.pc",
        f"{libdir}/libpgraft.so", f"{libdir}/libpgraft.so.{major}", f"{libdir}/libpgraft.so.{version()}",
        "share/bash-completion/completions/pgraftctl.bash", "share/bash-completion/completions/pgraftd.bash",
    }


@pytest.mark.parametrize("folder, program", [("bin", "pgraftctl"), ("sbin", "pgraftd")])
def test_the_installed_programs_run_and_completion_is_theirs(here, folder, program):
    path = getattr(here, folder) / program
    assert run(path, "--version") == f"{program} {version()}\n"
    script = here.data / "bash-completion" / "completions" / f"{program}.bash"
    assert script.read_text() == run(path, "completion", "bash")


# --- The library ---

def test_the_library_has_its_soname(here):
    dynamic = run("readelf", "--dynamic", here.lib / "libpgraft.so")
    assert re.search(r"\(SONAME\).*\[libpgraft\.so\.0\]", dynamic)


def test_the_library_shows_the_public_functions_and_nothing_else(here):
    header = (here.include / "pgraft.h").read_text()
    declared = set(re.findall(r"^PGRAFT_API [^;]*?(\w+)\(", header, re.MULTILINE))
    assert "pgraft_version" in declared
    shown = run("nm", "-D", "--defined-only", here.lib / "libpgraft.so").splitlines()
    symbols = {line.split()[-1] for line in shown}
    assert {s for s in symbols if not s.startswith("PGRAFT_")} == {f"{name}@@PGRAFT_0" for name in declared}
    assert {s for s in symbols if s.startswith("PGRAFT_")} == {"PGRAFT_0"}


def test_pkg_config_says_what_is_needed(here):
    assert here.pkg_config("--modversion") == [version()]
    assert f"-I{here.include}" in here.pkg_config("--cflags")
    libs = here.pkg_config("--libs")
    assert f"-L{here.lib}" in libs
    assert [word for word in libs if word.startswith("-l")] == ["-lpgraft"]  # raft and LMDB are our own affair


STRANGER = r"""
#include <pgraft.h>
#include <stdio.h>

int main(void)
{
    printf("%d.%d.%d %s\n", PGRAFT_VERSION_MAJOR, PGRAFT_VERSION_MINOR, PGRAFT_VERSION_PATCH, pgraft_version());
    return 0;
}
"""


def test_a_program_of_a_stranger_builds_and_runs(plain, tmp_path):
    (tmp_path / "stranger.c").write_text(STRANGER)
    run(*cc(), "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", *plain.pkg_config("--cflags"),
        tmp_path / "stranger.c", "-o", tmp_path / "stranger", *plain.pkg_config("--libs"))
    said = run(tmp_path / "stranger", env=dict(os.environ, LD_LIBRARY_PATH=str(plain.lib)))
    assert said == f"{version()} {version()}\n"


# --- The example: a program with a replicated store in it ---

def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def test_the_example_is_a_cluster_in_under_100_lines(plain, tmp_path):
    source = SOURCE / "examples" / "embed.c"
    assert len(source.read_text().splitlines()) < 100
    run(*cc(), "-std=gnu11", "-Wall", "-Wextra", "-Werror", *plain.pkg_config("--cflags"), source,
        "-o", tmp_path / "embed", *plain.pkg_config("--libs"))
    names = ["n1", "n2", "n3"]
    listen = {name: f"127.0.0.1:{port}" for name, port in zip(names, free_ports(3))}
    peers = ",".join(f"{name}={address}" for name, address in listen.items())
    nodes = [subprocess.Popen([tmp_path / "embed", name, listen[name], peers, tmp_path / name], text=True, bufsize=1,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              env=dict(os.environ, LD_LIBRARY_PATH=str(plain.lib))) for name in names]
    try:
        nodes[2].stdin.write("colour green\n")
        for node in nodes:
            assert re.fullmatch(r"\d+ colour=green\n", node.stdout.readline())
        nodes[0].stdin.close()
        assert nodes[0].wait(SECONDS_MAX) == 0
        nodes[1].stdin.write("colour blue\n")
        for node in nodes[1:]:
            assert re.fullmatch(r"\d+ colour=blue\n", node.stdout.readline())
    finally:
        for node in nodes:
            node.kill()
            node.wait()
            node.stdin.close()
            node.stdout.close()


def test_the_header_is_fine_on_its_own_in_c(here, tmp_path):
    (tmp_path / "alone.c").write_text("#include <pgraft.h>\n#include <pgraft.h>\n")
    for standard in ("c99", "c11", "gnu17"):
        run(*cc(), f"-std={standard}", "-Wall", "-Wextra", "-Wstrict-prototypes", "-Werror", "-fsyntax-only",
            f"-I{here.include}", tmp_path / "alone.c")


def cplusplus():
    """A command that checks C++; None where there is no compiler for it (a gcc without g++ has none)."""
    for compiler in ("c++", "g++", "clang++", "clang"):
        if shutil.which(compiler):
            return [compiler, "-x", "c++", "-fsyntax-only"]
    return None


def test_the_header_is_fine_in_cplusplus(here, tmp_path):
    source = tmp_path / "stranger.cc"
    source.write_text(STRANGER)
    if cplusplus() is not None:
        run(*cplusplus(), "-std=c++11", "-Wall", "-Wextra", "-Werror", f"-I{here.include}", source)
    # What a C++ compiler would see, seen through the preprocessor of C: C linkage around every declaration.
    seen = run(*cc(), "-E", "-P", "-D__cplusplus=201103L", here.include / "pgraft.h").strip()
    assert seen.endswith("}")
    assert seen.index("pgraft_version") > seen.index('extern "C" {')
