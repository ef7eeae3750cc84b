"""tests/tools/test_demo.py - ./demo on a copy of the tree: it builds, shows, mends its build tree.

The packages of group build are there when this runs (they built the tests), so nothing is
installed; test_setup.py covers that part. The copy is built once, then each case breaks a thing."""
import fcntl
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

SOURCE = Path(os.environ.get("PGRAFT_SOURCE_ROOT") or Path(__file__).resolve().parents[2])
PATIENCE_S = 60


def run(tree, *args, cwd="/"):
    return subprocess.run([tree / "demo", *args], cwd=cwd, text=True, capture_output=True,
                          timeout=PATIENCE_S, start_new_session=True, check=False)


def copy(folder):
    shutil.copytree(SOURCE, folder, symlinks=True, ignore_dangling_symlinks=True,
                    ignore=shutil.ignore_patterns(".git", "build", "__pycache__", ".pytest_cache"))
    return folder


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = copy(tmp_path_factory.mktemp("demo") / "a tree")
    done = run(folder)
    assert done.returncode == 0, done.stderr
    return folder


def is_shown(done):
    """Whether @done is a whole show, of which nothing went wrong."""
    return (done.returncode == 0 and done.stderr == ""
            and "$ build/demo/daemon/pgraftd --version\npgraftd " in done.stdout
            and "$ build/demo/ctl/pgraftctl --version\npgraftctl " in done.stdout
            and "$ build/demo/ctl/pgraftctl --help\nusage: pgraftctl " in done.stdout
            and "five nodes" in done.stdout)


def builds_again(done):
    return "building into build/demo" in done.stdout


@pytest.mark.parametrize("args", [["--bogus"], ["now"], ["--help", "now"], [""]])
def test_a_wrong_argument_is_one_line_on_stderr_and_changes_nothing(tmp_path, args):
    (tmp_path / "demo").write_bytes((SOURCE / "demo").read_bytes())
    (tmp_path / "demo").chmod(0o755)
    done = run(tmp_path, *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert os.listdir(tmp_path) == ["demo"]


def test_help_says_what_it_installs(tree):
    done = run(tree, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ./demo")
    assert "installed with apt" in done.stdout


def test_it_shows_both_programs_from_anywhere_and_builds_nothing_twice(tree, tmp_path):
    first = (tree / "build/demo/build.ninja").stat().st_mtime_ns
    (tmp_path / "link").symlink_to(tree / "demo")
    for program, cwd in ((tree / "demo", "/"), ("./demo", tree), (tmp_path / "link", tmp_path)):
        done = subprocess.run([program], cwd=cwd, text=True, capture_output=True, check=False)
        assert is_shown(done), done.stderr
        assert not builds_again(done)
    assert (tree / "build/demo/build.ninja").stat().st_mtime_ns == first


@pytest.mark.parametrize("damage", ["a bad build.ninja", "half configured", "no meson-private",
                                    "no build folder", "a file in its place"])
def test_a_broken_build_folder_is_made_anew(tree, damage):
    build = tree / "build/demo"
    if damage == "a bad build.ninja":
        (build / "build.ninja").write_text("no such thing\n")
    elif damage == "half configured":
        (build / "build.ninja").unlink()
    elif damage == "no meson-private":
        shutil.rmtree(build / "meson-private")
        os.utime(tree / "meson.build")
    elif damage == "no build folder":
        shutil.rmtree(tree / "build")
    else:
        shutil.rmtree(build)
        build.write_text("")
    done = run(tree)
    assert is_shown(done), done.stderr
    assert builds_again(done)
    assert not builds_again(run(tree))


def test_a_copy_of_the_tree_is_built_anew_and_leaves_the_first_alone(tree, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(tree, other, symlinks=True)
    os.utime(other / "meson.build")
    first = (tree / "build/demo/build.ninja").stat().st_mtime_ns
    done = run(other)
    assert is_shown(done), done.stderr
    assert builds_again(done)
    assert (tree / "build/demo/build.ninja").stat().st_mtime_ns == first


def test_a_file_that_does_not_compile_is_shown_and_throws_nothing_away(tree):
    main = tree / "ctl/main.c"
    before = main.read_text()
    main.write_text(before + "\nint nonsense\n")
    configured = (tree / "build/demo/build.ninja").stat().st_mtime_ns
    done = run(tree)
    main.write_text(before)
    assert done.returncode == 1
    assert "$ build/demo" not in done.stdout
    assert "main.c" in done.stderr and "error:" in done.stderr
    assert done.stderr.endswith("the build failed; its output is above and in build/demo.log\n")
    assert (tree / "build/demo/build.ninja").stat().st_mtime_ns == configured
    assert is_shown(run(tree))


def test_what_meson_refuses_is_shown(tree):
    top = tree / "meson.build"
    before = top.read_text()
    top.write_text(before + "\nerror('refused on purpose')\n")
    done = run(tree)
    top.write_text(before)
    assert done.returncode == 1
    assert "refused on purpose" in done.stderr
    assert is_shown(run(tree))


def test_it_waits_for_another_build_in_the_folder_and_ctrl_c_ends_it(tree):
    folder = os.open(tree / "build", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    started = subprocess.Popen([tree / "demo"], text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, start_new_session=True)
    assert "waiting for it" in started.stderr.readline()
    os.killpg(started.pid, signal.SIGINT)
    out, _ = started.communicate(timeout=PATIENCE_S)
    assert (started.returncode, out) == (-signal.SIGINT, "")
    os.close(folder)
    assert is_shown(run(tree))


def test_ctrl_c_in_the_middle_of_a_build_ends_it_and_the_next_run_goes_on(tree):
    shutil.rmtree(tree / "build")
    started = subprocess.Popen([tree / "demo"], text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, start_new_session=True)
    until = time.monotonic() + PATIENCE_S
    while not list((tree / "build").rglob("*.o")):
        assert time.monotonic() < until
        time.sleep(0.01)
    os.killpg(started.pid, signal.SIGINT)
    out, err = started.communicate(timeout=PATIENCE_S)
    assert started.returncode == -signal.SIGINT
    assert "$ build/demo" not in out
    assert "failed" not in err
    assert is_shown(run(tree))
