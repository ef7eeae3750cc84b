"""tests/tools/test_demo.py - ./demo on a copy of the tree: it builds, mends its build tree, tells its story.

The packages that it needs are there when this runs (they built the tests, and run them), so nothing is
installed; test_setup.py covers that part. The copy is built once, then each case breaks a thing.
The five nodes have their fixed addresses in a network of their own, where the kernel lets us make one:
another demo on this machine is not disturbed, and does not disturb."""
import fcntl
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

SOURCE = Path(os.environ.get("PGRAFT_SOURCE_ROOT") or Path(__file__).resolve().parents[2])
PATIENCE_S = 60
BUILD_S = 300  # for all of the programs, on a busy machine


def run(tree, *args, cwd="/"):
    """./demo with @args."""
    return subprocess.run([tree / "demo", *args], cwd=cwd, text=True, capture_output=True,
                          timeout=BUILD_S, start_new_session=True, check=False)


def copy(folder):
    shutil.copytree(SOURCE, folder, symlinks=True, ignore_dangling_symlinks=True,
                    ignore=shutil.ignore_patterns(".git", "build", "__pycache__", ".pytest_cache"))
    return folder


RUNNING = []


def start(words, **more):
    """A program in a session of its own, which does not outlive the test that began it."""
    RUNNING.append(subprocess.Popen(words, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, start_new_session=True, **more))
    return RUNNING[-1]


@pytest.fixture(autouse=True)
def nothing_goes_on():
    """A test that has failed in the middle leaves nothing to the next one."""
    yield
    while RUNNING:
        left = RUNNING.pop()
        if left.poll() is None:
            os.killpg(left.pid, signal.SIGINT)
            left.communicate(timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = copy(tmp_path_factory.mktemp("demo") / "a tree")
    done = run(folder, "--build")
    assert done.returncode == 0, done.stderr
    return folder


def is_built(done, tree):
    """Whether @done is a whole build, of which nothing went wrong."""
    programs = [tree / "build/demo" / name for name in ("daemon/pgraftd", "ctl/pgraftctl")]
    return (done.returncode == 0 and done.stderr == "" and "$ " not in done.stdout
            and all(os.access(program, os.X_OK) for program in programs))


def builds_again(done):
    return "building into build/demo" in done.stdout


@pytest.mark.parametrize("args", [["--bogus"], ["now"], ["--help", "now"], [""], ["kill"], ["start", "pg1", "pg2"], ["stop", "now"], ["status", "--build"]])
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


def test_it_builds_from_anywhere_and_nothing_twice(tree, tmp_path):
    first = (tree / "build/demo/build.ninja").stat().st_mtime_ns
    (tmp_path / "link").symlink_to(tree / "demo")
    for program, cwd in ((tree / "demo", "/"), ("./demo", tree), (tmp_path / "link", tmp_path)):
        done = subprocess.run([program, "--build"], cwd=cwd, text=True, capture_output=True, check=False)
        assert is_built(done, tree), done.stderr
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
    done = run(tree, "--build")
    assert is_built(done, tree), done.stderr
    assert builds_again(done)
    assert not builds_again(run(tree, "--build"))


def test_a_copy_of_the_tree_is_built_anew_and_leaves_the_first_alone(tree, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(tree, other, symlinks=True)
    os.utime(other / "meson.build")
    first = (tree / "build/demo/build.ninja").stat().st_mtime_ns
    done = run(other, "--build")
    assert is_built(done, other), done.stderr
    assert builds_again(done)
    assert (tree / "build/demo/build.ninja").stat().st_mtime_ns == first


def test_a_file_that_does_not_compile_is_shown_and_throws_nothing_away(tree):
    main = tree / "ctl/main.c"
    before = main.read_text()
    main.write_text(before + "\nint nonsense\n")
    configured = (tree / "build/demo/build.ninja").stat().st_mtime_ns
    done = run(tree, "--build")
    main.write_text(before)
    assert done.returncode == 1
    assert "main.c" in done.stderr and "error:" in done.stderr
    assert done.stderr.endswith("the build failed; its output is above and in build/demo.log\n")
    assert (tree / "build/demo/build.ninja").stat().st_mtime_ns == configured
    assert is_built(run(tree, "--build"), tree)


def test_what_meson_refuses_is_shown(tree):
    top = tree / "meson.build"
    before = top.read_text()
    top.write_text(before + "\nerror('refused on purpose')\n")
    done = run(tree, "--build")
    top.write_text(before)
    assert done.returncode == 1
    assert "refused on purpose" in done.stderr
    assert is_built(run(tree, "--build"), tree)


def test_it_waits_for_another_build_in_the_folder_and_ctrl_c_ends_it(tree):
    folder = os.open(tree / "build", os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    started = start([tree / "demo", "--build"])
    assert "waiting for it" in started.stderr.readline()
    os.killpg(started.pid, signal.SIGINT)
    out, _ = started.communicate(timeout=PATIENCE_S)
    assert (started.returncode, out) == (-signal.SIGINT, "")
    os.close(folder)
    assert is_built(run(tree, "--build"), tree)


def has_objects(folder):
    """Whether something is compiled in @folder, where folders may go at any moment (which rglob() dies of)."""
    return any(name.endswith(".o") for _, _, names in os.walk(folder) for name in names)


def test_ctrl_c_in_the_middle_of_a_build_ends_it_and_the_next_run_goes_on(tree):
    shutil.rmtree(tree / "build")
    started = start([tree / "demo", "--build"])
    until = time.monotonic() + PATIENCE_S
    while not has_objects(tree / "build"):
        assert time.monotonic() < until
        time.sleep(0.01)
    os.killpg(started.pid, signal.SIGINT)
    out, err = started.communicate(timeout=PATIENCE_S)
    assert started.returncode == -signal.SIGINT
    assert "failed" not in err
    assert is_built(run(tree, "--build"), tree)


# --- The five nodes ---

def has_networks(words):
    return subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0


ALONE = ["unshare", "--net", "--ipc", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
UP = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
# Where we only seem to be root PostgreSQL would not run: another user again, in the same network.
AGAIN = [] if os.geteuid() == 0 else ["unshare", "--user", f"--map-user={os.geteuid()}", f"--map-group={os.getegid()}", "--"]


@pytest.fixture(scope="module")
def network():
    """What a command is put behind to have 127.0.1.1 to 127.0.1.5 for itself."""
    return [*ALONE, *UP, *AGAIN] if has_networks([*ALONE, *UP, *AGAIN]) else []


@pytest.fixture
def place():
    """A folder for what a demo writes, that its PostgreSQL's user may reach."""
    folder = Path(tempfile.mkdtemp(prefix="pgraft-test-"))
    folder.chmod(0o755)
    yield folder
    for pid in processes_in(folder):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def surroundings(place):
    return os.environ | {"TMPDIR": str(place)}


def begin(network, tree, place, *args):
    """./demo with @args, its files in @place."""
    return start([*network, tree / "demo", *args], env=surroundings(place))


def processes_in(folder):
    """The ids of what runs with something of @folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes() + os.readlink(path / "cwd").encode()
        except OSError:
            continue
        if str(folder).encode() in words and "Z" not in (path / "stat").read_text(errors="replace").rpartition(")")[2][:3]:
            found.append(int(path.name))
    return found


def left_in(folder):
    """What a demo has left behind."""
    return processes_in(folder) + os.listdir(folder)


def in_order(story, text):
    """All of @story stands in @text, one behind the other."""
    at = 0
    for words in story:
        at = text.find(words, at)
        assert at >= 0, f"{words!r} is missing, or out of order, in\n{text}"


STORY = ["$ cat ", "/pg1/pgraft.yml", "password: ***", "$ pgraftd --voter -c ", "$ pgraftd --witness", "$ pgraftctl list --all",
         "| Leader ", "| Witness", "$ psql -c 'CREATE TABLE visits", "CREATE TABLE", "INSERT 0 1", "is_standby", "| t",
         "is the primary. While a client writes", "$ ./demo kill pg", "The client could not write for ", " ms.", "$ pgraftctl list",
         "$ ./demo start pg", "$ pgraftctl list", "rows that they are safe", "$ pgraftctl history", "failover",
         "psql 'postgresql://postgres@127.0.1.", "./demo stop"]

# In one network: the demo, what it says is to be typed, and each of its commands.
PLAY = r"""
    set -e
    cd '{tree}'
    ./demo > '{place}/out'
    sed -n '/^    export/s/^ *//p' '{place}/out' > '{place}/talk'
    . '{place}/talk'
    sed -n '/^    psql/{{s/^ *//;p;q}}' '{place}/out' > '{place}/connect'
    (. '{place}/connect') <<< 'SELECT count(*) > 1 AS played FROM visits'
    ./demo && exit 9
    ./demo kill w1
    ./demo kill w1 && exit 9
    ./demo status
    ./demo start w1
    ./demo start w1 && exit 9
    ./demo start w9 && exit 9
    ./demo stop
    ./demo stop && exit 9
    true
"""


def test_the_story_and_what_can_be_done_after_it(tree, network, place):
    script = PLAY.format(tree=tree, place=place)
    began = time.monotonic()
    done = subprocess.run([*network, "bash", "-c", script], text=True, capture_output=True, timeout=BUILD_S,
                          env=surroundings(place), check=False)
    out = (place / "out").read_text()
    assert done.returncode == 0, done.stderr + out
    in_order(STORY, out)
    lost = re.search(r"was told of (\d+) rows that they are safe; (\d+) are there", out)
    assert int(lost[1]) <= int(lost[2])
    in_order(["played", "t\n", "pg1 runs", "w1 does not run; ./demo start w1", "w2 runs", "| Leader "], done.stdout)
    said = [line for line in done.stderr.splitlines() if line.startswith("demo: ")]
    in_order(["it runs already", "w1 does not run", "w1 runs already", "there is no node 'w9'", "nothing runs; ./demo starts it"],
             "\n".join(said))
    assert sorted(os.listdir(place)) == ["connect", "out", "talk"]
    assert processes_in(place) == []
    assert time.monotonic() - began < 120


@pytest.mark.parametrize("moment", ["$ pgraftd --witness", "$ ./demo kill "])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_in_the_middle_leaves_nothing(tree, network, place, moment, number):
    demo = begin(network, tree, place)
    for line in demo.stdout:
        if line.startswith(moment):
            break
    os.killpg(demo.pid, number)
    demo.communicate(timeout=PATIENCE_S)
    assert demo.returncode == -number
    until = time.monotonic() + PATIENCE_S
    while left_in(place) and time.monotonic() < until:  # a client's last question
        time.sleep(0.05)
    assert left_in(place) == []


HOLD = """import socket, subprocess, sys
held = socket.create_server(("127.0.1.3", int(sys.argv[1])))
sys.exit(subprocess.run(sys.argv[2:]).returncode)
"""


@pytest.mark.parametrize("port", [5432, 7400, 8008])
def test_a_port_in_use_is_told_and_leaves_nothing(tree, network, place, port):
    done = subprocess.run([*network, "/usr/bin/python3", "-c", HOLD, str(port), tree / "demo"], text=True,
                          capture_output=True, timeout=PATIENCE_S, check=False, env=surroundings(place))
    assert done.returncode == 1
    assert done.stderr == (f"demo: 127.0.1.3:{port}, where pg3 is to listen, is in use: by another demo on this machine, or by "
                           "a server that listens everywhere\n")
    assert left_in(place) == []
