"""tests/lint/size.py - no function over 70 lines or 4 blocks deep, no file over 1,000 lines.

One idea each. Depth is counted in C as it is written, the body included. What is longer stands in tests/lint/ratchet with its number and its reason. The list only shrinks: a
number above the real one, or an entry that nothing needs any more, fails too."""
import ast
import re
from typing import NamedTuple

import csource
from tree import Problem

FUNCTION_MAX = 70
FILE_MAX = 1000
DEPTH_MAX = 4
RATCHET = "tests/lint/ratchet"
LANGUAGES = ("c", "python", "shell", "meson", "proto", "markdown", "script")

SHELL_FUNCTION = re.compile(r"(?P<indent>\s*)(?:function\s+)?(?P<name>[\w:.-]+)\s*\(\)\s*(?P<open>[{(])?")
SHELL_HERE = re.compile(r"<<-?\s*\\?['\"]?(?P<end>[A-Za-z_]\w*)['\"]?")


class Size(NamedTuple):
    path: str
    line: int
    lines: int
    limit: int


def problems(tree):
    sizes = measure(tree)
    entries, found = read_ratchet(tree)
    found += too_deep(tree)
    for name, size in sizes.items():
        if size.lines > size.limit and name not in entries:
            found.append(Problem(size.path, size.line, f"{name} has {size.lines} lines, over {size.limit}",
                                 "split it where it holds a second idea"))
    for name, (line, number) in entries.items():
        wrong = _wrong_entry(name, number, sizes.get(name))
        if wrong:
            found.append(Problem(RATCHET, line, *wrong))
    return found


def too_deep(tree):
    return [Problem(path, function.first,
                    f"{path}:{function.name} nests {function.depth} blocks, over {DEPTH_MAX}",
                    "return early, or make the inner part a function")
            for path, text in tree.of_language("c") for function in csource.functions(text)
            if function.depth > DEPTH_MAX]


def _wrong_entry(name, number, size):
    if size is None:
        return f"{name} does not exist any more", "remove this line"
    if size.lines <= size.limit:
        return f"{name} has {size.lines} lines and needs no entry", "remove this line"
    if size.lines > number:
        return (f"{name} has grown from {number} to {size.lines} lines",
                "make it smaller: this list only shrinks")
    if size.lines < number:
        return f"{name} has shrunk to {size.lines} lines", f"write {size.lines} instead of {number}"
    return None


def read_ratchet(tree):
    """({name: (line, number)}, problems) of the list; a line is: path[:function] number reason."""
    entries, found = {}, []
    text = tree.text(RATCHET) if RATCHET in tree else ""
    for at, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        said = re.fullmatch(r"(?P<name>\S+)\s+(?P<number>\d+)\s+(?P<reason>\S.*)", line)
        if not said:
            found.append(Problem(RATCHET, at, "not an entry", "write: path[:function] number reason"))
        elif said["name"] in entries:
            found.append(Problem(RATCHET, at, f"{said['name']} stands here twice", "remove this line"))
        else:
            entries[said["name"]] = (at, int(said["number"]))
    return entries, found


def measure(tree):
    """{path: Size} of the files and {path:function: Size} of what they define, the longest by a name."""
    readers = {"c": csource.functions, "python": python_functions, "shell": shell_functions}
    sizes = {}
    for path, text in tree.of_language(*LANGUAGES):
        sizes[path] = Size(path, 1, text.count("\n"), FILE_MAX)
        for function in readers.get(tree.language(path), lambda _: [])(text):
            name = f"{path}:{function.name}"
            size = Size(path, function.first, function.last - function.first + 1, FUNCTION_MAX)
            if name not in sizes or sizes[name].lines < size.lines:
                sizes[name] = size
    return sizes


def python_functions(text):
    try:
        return list(_python_functions(ast.parse(text), ""))
    except SyntaxError:
        return []  # tests/lint/syntax.py tells


def _python_functions(node, prefix):
    for child in ast.iter_child_nodes(node):
        inside = prefix
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            inside = f"{prefix}{child.name}."
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield csource.Function(prefix + child.name, child.lineno, child.end_lineno)
        yield from _python_functions(child, inside)


def shell_functions(text):
    """Functions that end in a line with their closing sign alone, as deep as they began."""
    found, here_ends, open_ = [], [], None
    for at, line in enumerate(text.split("\n"), 1):
        if here_ends:
            if line.strip() == here_ends[0]:
                here_ends.pop(0)
            continue
        here_ends = [m["end"] for m in SHELL_HERE.finditer(line.replace("<<<", ""))]
        begins = SHELL_FUNCTION.match(line)
        if open_ is None and begins and not re.search(r"[})]\s*(?:#.*)?$", line[begins.end():]):
            open_ = (begins["name"], at, begins["indent"])
        elif open_ is not None and re.match(re.escape(open_[2]) + r"[})]", line):
            found.append(csource.Function(open_[0], open_[1], at))
            open_ = None
    if open_ is not None:
        found.append(csource.Function(open_[0], open_[1], text.count("\n")))
    return found
