"""tests/lint/clang_format.py - the layout of C is what clang-format makes of it, by .clang-format.

Version 14 is the reference: others lay out the same file differently."""
import re
import shutil
import subprocess

from tree import Problem

VERSION = 14


def program(name, version=VERSION):
    """(path, None) of @name in the major @version, or (None, why there is none)."""
    seen = []
    for candidate in (f"{name}-{version}", name):
        path = shutil.which(candidate)
        if path is None:
            continue
        says = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
        major = re.search(r"version (\d+)", says)
        if major and int(major[1]) == version:
            return path, None
        seen.append(f"{candidate} is version {major[1] if major else 'unknown'}")
    return None, f"needs {name} {version}: {', '.join(seen) or 'not installed'}"


def problems(tree, clang_format):
    paths = [path for path, _ in tree.of_language("c") if path.endswith((".c", ".h"))]
    if not paths:
        return []
    run = subprocess.run([clang_format, "--dry-run", "-Werror", *paths], cwd=tree.root,
                         capture_output=True, text=True, check=False)
    first = {}
    for match in re.finditer(r"^(?P<path>[^:\n]+):(?P<line>\d+):\d+: (?:error|warning):", run.stderr, re.M):
        if match["path"] in tree:
            first.setdefault(match["path"], int(match["line"]))
    if run.returncode != 0 and not first:
        return [Problem(".clang-format", 1, "clang-format failed: " + run.stderr.strip(), "mend it")]
    return [Problem(path, line, "not laid out as .clang-format says", f"run: clang-format -i {path}")
            for path, line in first.items()]
