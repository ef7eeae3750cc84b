"""tests/cli/test_programs.py - the two programs as a user meets them: help, wrong words, completion.

Claim: every command of the real tables explains itself; a mistake is one line on stderr, status 2 and
nothing on stdout; output that can not be written is told; bash completes what the programs take.
"""
import os
import pty
import re
import select
import shlex
import subprocess
import time
from pathlib import Path

import pytest

BUILD = Path(os.environ["PGRAFT_BUILD_ROOT"])
PATHS = {"pgraftctl": BUILD / "ctl" / "pgraftctl", "pgraftd": BUILD / "daemon" / "pgraftd"}
PROGRAMS = sorted(PATHS)
SECONDS_MAX = 60  # for one program or shell; reached only when something hangs


def run(program, *words, **options):
    """Run @program with @words; its status, stdout and stderr as bytes."""
    options.setdefault("stdin", subprocess.DEVNULL)
    done = subprocess.run([PATHS[program], *words], capture_output="stdout" not in options,
                          timeout=SECONDS_MAX, check=False, **options)
    return done.returncode, done.stdout, done.stderr


def told(program, *words):
    """The text that @program prints on success, with nothing on stderr."""
    status, out, err = run(program, *words)
    assert (status, err) == (0, b"")
    return out.decode()


def refusal(program, *words):
    """The one line with which @program refuses @words."""
    status, out, err = run(program, *words)
    assert (status, out) == (2, b"")
    assert err.endswith(b"\n")
    assert err.count(b"\n") == 1
    return err.decode().rstrip("\n")


def commands(program):
    """The names of all commands, out of the program's help."""
    listed = told(program, "--help").split("\ncommands:\n")[1].split("\n\n")[0]
    return [re.match(r"  (\S+( \S+)?)  ", line).group(1) for line in listed.splitlines()]


EVERY_COMMAND = [(program, command) for program in PROGRAMS for command in commands(program)]


# --- Options that a command has no use for ---

# Of the options that every command takes: what those that ask no node make something of.
USED = {"config generate": [], "config show": ["--config"], "plan --databases 3 --survive 1": ["--format"],
        "recover /nonexistent": ["--config", "--format"], "secret generate": [], "version": [],
        "snapshot restore /nonexistent": ["--config", "--format"], "snapshot status /nonexistent": ["--format"]}


def common_options():
    """The options that every command of pgraftctl takes, with a value for those that need one."""
    listed = told("pgraftctl", "--help").split("\noptions:\n")[1].split("\n\n")[0]
    found = re.findall(r"^  (?:-\w, |    )?(--[\w-]+)(?: (\S+))?", listed, re.MULTILINE)
    values = {"--format": "json", "--timeout": "5"}
    return {name: [name, values.get(name, "x")] if value else [name]
            for name, value in found if name not in ("--help", "--version")}


@pytest.mark.parametrize("command", sorted(USED))
def test_an_option_without_use_is_refused(command):
    options = common_options()
    assert len(options) >= 10
    assert set(USED[command]) <= set(options)
    for name, words in options.items():
        status, out, err = run("pgraftctl", *command.split(), *words)
        is_refused = status == 2 and out == b"" and b" has no use for option " in err
        assert is_refused != (name in USED[command]), (words, status, err)


# --- Help and version ---

@pytest.mark.parametrize("program", PROGRAMS)
def test_help_is_the_same_however_it_is_asked_for(program):
    text = told(program, "--help")
    assert text.startswith(f"usage: {program} ")
    assert "exit status: 0 done, " in text.splitlines()[-1]
    for words in (["-h"], ["help"], ["help", "--help"], ["--help", "-h"]):
        assert told(program, *words) == text


def test_help_of_pgraftctl_tells_its_exit_statuses():
    last = told("pgraftctl", "--help").splitlines()[-1]
    assert re.fullmatch("exit status: 0 done, 1 refused.*, 2 usage, 3 outcome unknown, 4 no quorum", last)


@pytest.mark.parametrize("program, command", EVERY_COMMAND)
def test_a_command_explains_itself(program, command):
    words = command.split()
    text = told(program, "help", *words)
    assert text.startswith(f"usage: {program} {command}")
    assert len(re.findall(f"^example: {program} ", text, re.MULTILINE)) == 1
    assert text.splitlines()[-1].startswith("exit status: 0 done, ")
    assert told(program, "--help", *words) == text
    if command != "help":  # "help --help" is asked once too often: the program's help
        assert told(program, *words, "--help") == text
        assert told(program, *words, "-h") == text
    summary = next(line for line in text.splitlines()[1:] if not line.startswith(" "))  # after the usage
    assert re.search(f"^  {command}  +{re.escape(summary[:40])}", told(program, "help"), re.MULTILINE)


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_fits_into_100_columns(program):
    texts = [told(program, "--help")] + [told(program, "help", *c.split()) for c in commands(program)]
    for line in "\n".join(texts).splitlines():
        assert len(line) <= 100
        assert line == line.rstrip()


def test_the_expected_commands_are_there():
    assert set(commands("pgraftctl")) >= {"completion", "config generate", "config show", "help", "version"}
    assert set(commands("pgraftd")) >= {"completion", "help"}


def test_pgraftd_says_honestly_that_nodes_come_later():
    text = " ".join(told("pgraftd", "--help").split())
    assert "Runs in the foreground until SIGTERM" in text


def test_version():
    header = (BUILD / "base" / "version.h").read_text()
    version = re.search(r'#define PGRAFT_VERSION "(\d+\.\d+\.\d+)"', header).group(1)
    for program in PROGRAMS:
        assert told(program, "--version") == f"{program} {version}\n"
        assert told(program, "completion", "--version") == f"{program} {version}\n"
    assert told("pgraftctl", "version") == f"pgraftctl {version}\n"


# --- Mistakes ---

NO_ROLE = ("pgraftd: what is this node? --voter, with a PostgreSQL, or --witness, without; try "
           "\"pgraftd --help\"")

MISTAKES = [
    ("pgraftctl", "", 'pgraftctl: no command given; try "pgraftctl --help"'),
    ("pgraftctl", "verison",
     'pgraftctl: unknown command "verison", did you mean "version"? try "pgraftctl --help"'),
    ("pgraftctl", "frobnicate", 'pgraftctl: unknown command "frobnicate"; try "pgraftctl --help"'),
    ("pgraftctl", "help verison",
     'pgraftctl: unknown command "verison", did you mean "version"? try "pgraftctl --help"'),
    ("pgraftctl", "--verison",
     'pgraftctl: unknown option "--verison", did you mean "--version"? try "pgraftctl --help"'),
    ("pgraftctl", "version -x", 'pgraftctl: unknown option "-x"; try "pgraftctl version --help"'),
    ("pgraftctl", "--help=all",
     'pgraftctl: option "--help" takes no value, not "all"; try "pgraftctl --help"'),
    ("pgraftctl", "secret generate 1",
     'pgraftctl: unexpected argument "1"; try "pgraftctl secret generate --help"'),
    ("pgraftctl", "completion",
     'pgraftctl: missing argument SHELL (bash); try "pgraftctl completion --help"'),
    ("pgraftctl", "completion zsh",
     'pgraftctl: argument SHELL can not be "zsh" (bash); try "pgraftctl completion --help"'),
    ("pgraftd", "", NO_ROLE),
    ("pgraftd", "--", NO_ROLE),
    ("pgraftd", "--voter --witness", 'pgraftd: a node is either --voter or --witness; try "pgraftd --help"'),
    ("pgraftd", "-c a --validate-config b",
     'pgraftd: --config and --validate-config both name a file; try "pgraftd --help"'),
    ("pgraftd", "--witness --lisen a",
     'pgraftd: unknown option "--lisen", did you mean "--listen"? try "pgraftd --help"'),
    ("pgraftd", "--witness --scope", 'pgraftd: option "--scope" needs a value: NAME; try "pgraftd --help"'),
    ("pgraftd", "node.yml", 'pgraftd: unknown command "node.yml"; try "pgraftd --help"'),
    ("pgraftd", "completion fish",
     'pgraftd: argument SHELL can not be "fish" (bash); try "pgraftd completion --help"'),
]


@pytest.mark.parametrize("program, words, line", MISTAKES)
def test_a_mistake_is_one_line(program, words, line):
    assert refusal(program, *words.split()) == line


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("word", [
    pytest.param(b"a\nb", id="newline"), pytest.param(b"\x1b]0;title\x07", id="escape"),
    pytest.param(b"\xff\xfe", id="no UTF-8"), pytest.param(b"\xc2\x9b31m", id="C1 control"),
    pytest.param(b"x" * 100_000, id="very long")])
def test_a_strange_word_can_not_harm_the_terminal(program, word):
    for words in ([word], [b"--" + word], [b"-" + word], [b"completion", word], [b"--help=" + word]):
        line = refusal(program, *words)
        assert line.isprintable()
        assert len(line) < 300


# --- Output that goes nowhere ---

@pytest.mark.parametrize("program, words", [
    ("pgraftctl", ["help"]), ("pgraftctl", ["version"]), ("pgraftctl", ["completion", "bash"]),
    ("pgraftd", ["--help"]), ("pgraftd", ["--version"]), ("pgraftd", ["completion", "bash"])])
def test_a_full_disk_is_told(program, words):
    with open("/dev/full", "wb") as full:
        status, _, err = run(program, *words, stdout=full, stderr=subprocess.PIPE)
    assert (status, err) == (1, f"{program}: standard output: No space left on device\n".encode())


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_closed_stdout_is_told(program):
    done = subprocess.run(["sh", "-c", f"{shlex.quote(str(PATHS[program]))} --help >&-"],
                          stderr=subprocess.PIPE, timeout=SECONDS_MAX, check=False)
    assert (done.returncode, done.stderr) == (1, f"{program}: standard output: Bad file descriptor\n".encode())


# --- The manual ---

def own_options(command):
    """As "-n, --name VALUE", without those that all commands take."""
    listed = [re.findall(r"^  (?:(-\w, )|    )(--[\w-]+(?: [A-Z]+)?)", told("pgraftctl", *words), re.MULTILINE)
              for words in (["help", *command.split()], ["--help"])]
    common = {name for _letter, name in listed[1]}
    return [letter + name for letter, name in listed[0] if name not in common]


def arguments(command):
    """As the usage has them, behind the options."""
    usage = re.match(r"usage: pgraftctl (.*?)\n(?! )", told("pgraftctl", "help", *command.split()), re.DOTALL).group(1)
    return re.sub(r"\[--[^]]*\](\.\.\.)? ?", "", " ".join(usage.split())).strip()


def test_the_manual_lists_every_command_and_option():
    text = (Path(os.environ["PGRAFT_SOURCE_ROOT"]) / "docs" / "pgraftctl.md").read_text(encoding="utf-8")
    rows = text.split("\n## Every command and option\n")[1].split("|---|---|\n")[1].splitlines()
    manual = {}
    for row in rows:
        command, listed = re.fullmatch(r"\| `([^`]+)` \|(.*)\|", row).groups()
        manual[command] = re.findall("`([^`]+)`", listed)
    program = {arguments(command): own_options(command) for command in commands("pgraftctl") if command != "help"}
    assert manual == {**program, "help [COMMAND...]": []}
    assert list(manual) == sorted(manual)


def test_the_manual_names_no_option_that_is_none():
    text = (Path(os.environ["PGRAFT_SOURCE_ROOT"]) / "docs" / "pgraftctl.md").read_text(encoding="utf-8")
    known = set().union(*(options(told("pgraftctl", "help", *command.split())) for command in commands("pgraftctl")))
    of_patronictl, of_pgraftd = {"--config-file", "--dcs", "--dcs-url", "--group"}, {"--listen"}
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]+", text)) <= known | of_patronictl | of_pgraftd


# --- Completion ---

def bash(script):
    """What a bash without any start file prints for @script."""
    done = subprocess.run(["bash", "--norc", "--noprofile", "-c", script], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=SECONDS_MAX, check=False, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def offers(program, *words):
    """What is offered after @words, of which the last one is being typed."""
    typed = " ".join(shlex.quote(w) for w in (program, *words))
    return bash(f"""
        set -u
        source <({shlex.quote(str(PATHS[program]))} completion bash)
        COMP_WORDS=({typed}) COMP_CWORD={len(words)}
        _{program}
        printf '%s\\n' "${{COMPREPLY[@]}}"
        """).split()


def options(text):
    """The long options that a help lists."""
    return re.findall(r"^  (?:-\w, |    )(--[\w-]+)", text, re.MULTILINE)


@pytest.mark.parametrize("program", PROGRAMS)
def test_bash_completes_commands_options_and_choices(program):
    first_words = list(dict.fromkeys(command.split()[0] for command in commands(program)))
    assert offers(program, "") == first_words
    assert offers(program, "help", "") == first_words
    assert offers(program, "comp") == ["completion"]
    assert offers(program, "completion", "") == ["bash"]
    assert offers(program, "completion", "bash", "") == []
    assert offers(program, "completion", "zsh", "") == []
    assert sorted(offers(program, "-")) == sorted(options(told(program, "--help")))
    assert offers(program, "completion", "--v") == ["--version"]
    assert offers(program, "--", "-") == []
    assert offers(program, "frobnicate", "") == []
    assert offers(program, "--help", "=", "") == []


@pytest.mark.parametrize("program, command", EVERY_COMMAND)
def test_bash_completes_every_option_of_a_command(program, command):
    # "help" is of no command yet: what may stand without one may stand with it.
    text = told(program, "help", *([] if command == "help" else command.split()))
    assert sorted(offers(program, *command.split(), "--")) == sorted(options(text))
    for word in command.split():
        assert word in offers(program, *command.split()[:command.split().index(word)], "")


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_script_registers_itself_and_leaves_the_shell_alone(program):
    source = f"source <({shlex.quote(str(PATHS[program]))} completion bash)"
    assert bash(f"{source}; complete -p") == f"complete -F _{program} {program}\n"
    assert bash(f"a=$(set -o; shopt; compgen -v); {source}; b=$(set -o; shopt; compgen -v)\n"
                "diff <(echo \"$a\" | grep -vx a) <(echo \"$b\" | grep -vx '[ab]')") == ""


def read_until(terminal, wanted):
    """What comes from @terminal up to and with @wanted."""
    got = b""
    deadline = time.monotonic() + SECONDS_MAX
    while wanted not in got:
        left = deadline - time.monotonic()
        assert left > 0 and select.select([terminal], [], [], left)[0], got
        got += os.read(terminal, 4096)
    return got.decode()


def test_the_tab_key():
    """The whole way once: a terminal, an interactive bash, a key."""
    ours, theirs = pty.openpty()
    environment = {"PATH": f"{PATHS['pgraftctl'].parent}:{os.environ['PATH']}", "TERM": "dumb",
                   "INPUTRC": "/dev/null", "PS1": "ready> ", "HISTFILE": ""}
    with subprocess.Popen(["bash", "--norc", "--noprofile", "-i"], stdin=theirs, stdout=theirs, stderr=theirs,
                          start_new_session=True, env=environment) as shell:
        os.close(theirs)
        read_until(ours, b"ready> ")
        os.write(ours, b"set -u; source <(pgraftctl completion bash)\n")
        read_until(ours, b"ready> ")
        os.write(ours, b"pgraftctl vers\t--vers\t\n")
        got = read_until(ours, b"ready> ")
        assert re.search(r"pgraftctl version --version\s+pgraftctl \d+\.\d+\.\d+", got)
        os.write(ours, b"exit\n")
        assert shell.wait(SECONDS_MAX) == 0
    os.close(ours)
