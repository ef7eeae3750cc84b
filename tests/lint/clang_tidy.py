"""tests/lint/clang_tidy.py - the known mistakes that clang-tidy finds, by .clang-tidy.

Slow, so what it said of a file is kept under a key of everything it depends on: the bytes of the file
and of each header it includes, comments too (NOLINT), the compiler's arguments, the configuration and
the version. The key is computed anew in every run; only clang-tidy itself is saved."""
import fnmatch
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tree import Problem

PROCESSES = 2
KEEP_S = 14 * 24 * 3600  # entries that nobody asked for this long are deleted
CONFIG = ".clang-tidy"
DROP = ("-c", "-MD", "-MMD")
DROP_WITH_VALUE = ("-o", "-MF", "-MQ", "-MT")
FOUND = re.compile(r"^(?P<path>/[^:\n]+):(?P<line>\d+):\d+: (?:warning|error): (?P<what>.*)$", re.M)


class Unit(NamedTuple):
    path: str  # relative to the tree
    folder: str  # where the compiler runs
    args: tuple


class Tools(NamedTuple):
    tidy: str
    clang: str


def tools(version):
    """(Tools, None), or (None, why they are missing)."""
    from clang_format import program
    tidy, why = program("clang-tidy", version)
    clang = shutil.which(f"clang-{version}") or shutil.which("clang")
    if tidy is None or clang is None:
        return None, why or f"needs clang {version}: not installed"
    return Tools(tidy, clang), None


def problems(tree, database, tools, cache):
    """What clang-tidy says of every file of the tree that the compilation @database names."""
    cache = Path(cache)
    cache.mkdir(parents=True, exist_ok=True)
    version = subprocess.run([tools.tidy, "--version"], capture_output=True, text=True, check=True).stdout
    base = hashlib.sha256((version + tree.text(CONFIG)).encode()).hexdigest()
    with ThreadPoolExecutor(PROCESSES) as pool:
        said = list(pool.map(lambda unit: _ask(tree, unit, tools, base, cache), units(tree, database)))
    _forget_old(cache)
    return sorted({problem for found in said for problem in found})


def units(tree, database):
    """One for every way in which a file of the tree is compiled; generated code is not asked about."""
    top = tree.root.resolve()
    found = set()
    for entry in json.loads(Path(database).read_text()):
        file = Path(os.path.normpath(Path(entry["directory"]) / entry["file"])).resolve()
        path = os.path.relpath(file, top)
        if path in tree:
            words = shlex.split(entry["command"]) if "command" in entry else entry["arguments"]
            found.add(Unit(path, entry["directory"], _arguments(words, entry["file"])))
    return sorted(found)


def _arguments(words, file):
    kept, skip = [], True  # the first word is the compiler
    for word in words:
        if skip:
            skip = False
        elif word in DROP_WITH_VALUE:
            skip = True
        elif word not in DROP and word != file:
            kept.append(word)
    return tuple(kept)


def _ask(tree, unit, tools, base, cache):
    file = tree.root.resolve() / unit.path
    headers = subprocess.run([tools.clang, *unit.args, "-M", "-MT", "x", str(file)], cwd=unit.folder,
                             capture_output=True, text=True, check=False)
    if headers.returncode != 0:
        return [Problem(unit.path, 1, "clang can not read it: " + headers.stderr.strip(), "mend it")]
    remembered = cache / _key(unit, base, headers.stdout)
    if remembered.exists():
        os.utime(remembered)
        return _parse(tree, remembered.read_text())
    run = subprocess.run([tools.tidy, "--quiet", f"--config-file={tree.root / CONFIG}", str(file),
                          "--", *unit.args], cwd=unit.folder,
                         capture_output=True, text=True, check=False)
    found = _parse(tree, run.stdout)
    if run.returncode != 0 and not found:
        return [Problem(unit.path, 1, "clang-tidy failed: " + (run.stdout + run.stderr).strip(), "mend it")]
    scratch = remembered.with_suffix(f".{os.getpid()}")
    scratch.write_text(run.stdout)
    scratch.replace(remembered)
    return found


def _key(unit, base, rule):
    """A name for everything the answer depends on; @rule is make's "x: file header header ..."."""
    key = hashlib.sha256(base.encode())
    key.update("\0".join((unit.path, *(a.replace(unit.folder, "@") for a in unit.args))).encode())
    for name in shlex.split(rule.replace("\\\n", " "))[1:]:
        content = (Path(unit.folder) / name).read_bytes()
        key.update(f"\0{os.path.basename(name)}\0{len(content)}\0".encode() + content)
    return key.hexdigest()


def _parse(tree, output):
    top = str(tree.root.resolve())
    found = []
    for match in FOUND.finditer(output):
        path = os.path.relpath(os.path.realpath(match["path"]), top)
        what = match["what"].replace(",-warnings-as-errors", "")
        found.append(Problem(path, int(match["line"]), what,
                             "mend it, or say why not: NOLINTNEXTLINE(check) after a reason"))
    return found


def unknown_names(tree, tools):
    """What the configuration names and clang-tidy does not know: it passes over that in silence."""
    run = subprocess.run([tools.tidy, "--list-checks", "--checks=*"], capture_output=True, text=True, check=True)
    known = {line.strip() for line in run.stdout.split("\n")}
    text = re.sub(r"^\s*#.*", "", tree.text(CONFIG), flags=re.M)
    globs = re.search(r"^Checks:(.*?)^[A-Z]", text + "A", re.M | re.S)[1].strip(" >'\"\n").split(",")
    options = re.findall(r"key:\s*['\"]?([\w.-]+)\.\w+", text)
    return [name for name in [glob.strip().removeprefix("-") for glob in globs] + options
            if not fnmatch.filter(known, name)]


def _forget_old(cache):
    for entry in cache.iterdir():
        if time.time() - entry.stat().st_mtime > KEEP_S:
            entry.unlink(missing_ok=True)


def database(tree, build_root):
    """The compile_commands.json of the clang build beside @build_root, or of one made for the purpose."""
    beside = Path(build_root).parent / "clang"
    own = Path(build_root) / "clang-for-lint"
    folder = next((f for f in (beside, own) if _is_current(tree, f)), None)
    if folder is None:
        folder = own
        shutil.rmtree(own, ignore_errors=True)
        subprocess.run(["meson", "setup", str(own), str(tree.root)], check=True, capture_output=True,
                       env={**os.environ, "CC": "clang"})
    _make_headers(folder)
    return folder / "compile_commands.json"


def _is_current(tree, folder):
    """No build file has changed since the build tree at @folder was last configured."""
    written = folder / "build.ninja"
    if not written.exists():
        return False
    made = written.stat().st_mtime
    return all((tree.root / path).stat().st_mtime <= made
               for path in tree.paths if tree.language(path) == "meson")


def _make_headers(folder):
    """Generate the headers that our own code includes."""
    targets = json.loads((folder / "meson-info" / "intro-targets.json").read_text())
    headers = [os.path.relpath(output, folder) for target in targets if target["type"] == "custom"
               for output in target["filename"] if output.endswith(".h")]
    if headers:
        subprocess.run(["ninja", "-C", str(folder), *headers], check=True, capture_output=True)


def cache_folder(source_root, build_root):
    """Shared by the build trees under build/, else inside the one build tree."""
    build = Path(source_root) / "build"
    return (build if build in Path(build_root).parents else Path(build_root)) / "clang-tidy-cache"
