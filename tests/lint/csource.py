"""tests/lint/csource.py - C source as tokens, so that no check mistakes a comment for code.

Knows the surface of C only: comments, strings, words, numbers, preprocessor lines, the includes and
where a function begins and ends. It expands no macro and follows no include."""
import functools
import re
from typing import NamedTuple

TOKEN = re.compile(r"""
    (?P<comment> /\*.*?(?:\*/|\Z) | //(?:\\\r?\n|[^\n])* )
  | (?P<string> (?:u8|[uUL])?"(?:\\.|[^"\\\n])*" )
  | (?P<char> [uUL]?'(?:\\.|[^'\\\n])*' )
  | (?P<word> [A-Za-z_]\w* )
  | (?P<number> \.?\d(?:[eEpP][+-]|[\w.])* )
  | (?P<newline> \n )
  | (?P<space> (?:[^\S\n]|\\\r?\n)+ )
  | (?P<sign> -> | \#\# | . )
""", re.S | re.X)

TYPES_AND_KEYWORDS = frozenset("""
    void char short int long float double signed unsigned const volatile struct union enum if for
    while switch return sizeof _Bool _Alignas _Alignof _Static_assert _Generic __typeof__
    __attribute__ __declspec""".split())


class Token(NamedTuple):
    kind: str  # comment, string, char, word, number or sign
    text: str
    line: int
    directive: int  # the line on which the preprocessor's line begins, 0 in plain code


class Include(NamedTuple):
    line: int
    name: str
    quoted: bool  # "name", not <name>


class Function(NamedTuple):
    name: str
    first: int  # the line of its first word
    last: int  # the line of its closing brace
    depth: int = 0  # of blocks as they are written: 1 is the body alone; C only


def tokens(text):
    """Every token of @text with its comments, in order."""
    line, directive, line_is_empty = 1, 0, True
    for match in TOKEN.finditer(text):
        kind, found = match.lastgroup, match.group()
        if kind == "newline":
            directive, line_is_empty = 0, True
        elif kind != "space":
            if found == "#" and line_is_empty:
                directive = line
            if kind != "comment":
                line_is_empty = False
            yield Token(kind, found, line, directive)
        line += found.count("\n")


def code(text):
    """The tokens that the compiler sees: no comments."""
    return [t for t in tokens(text) if t.kind != "comment"]


def directives(text):
    """The tokens of each preprocessor line, without the '#'."""
    lines = {}
    for token in code(text):
        if token.directive:
            lines.setdefault(token.directive, []).append(token)
    return [found[1:] for found in lines.values()]


def includes(text):
    found = []
    for words in directives(text):
        if not words or words[0].text not in ("include", "include_next"):
            continue
        rest = words[1:]
        if rest and rest[0].kind == "string":
            found.append(Include(rest[0].line, rest[0].text[1:-1], True))
        elif rest and rest[0].text == "<":
            found.append(Include(rest[0].line, "".join(t.text for t in rest).strip("<>"), False))
    return found


def without_attributes(found):
    """The tokens @found without __attribute__((...)), whose words are not calls."""
    kept, depth, inside = [], 0, False
    for token in found:
        if not inside and token.text == "__attribute__":
            inside, depth = True, 0
        elif not inside:
            kept.append(token)
        elif token.text in "()":
            depth += 1 if token.text == "(" else -1
            inside = depth > 0
    return kept


@functools.lru_cache(maxsize=None)
def functions(text):
    """The functions that @text defines. Both sides of an #if count, each from the same start."""
    reader = _FunctionReader()
    branches = []
    words = code(text)
    for at, token in enumerate(words):
        if not token.directive:
            reader.read(token)
        elif token.text == "#" and token.line == token.directive and at + 1 < len(words):
            _follow_branch(words[at + 1].text, branches, reader)
    return reader.found


def _follow_branch(directive, branches, reader):
    if directive in ("if", "ifdef", "ifndef"):
        branches.append(reader.state())
    elif directive in ("else", "elif") and branches:
        reader.restore(branches[-1])
    elif directive == "endif" and branches:
        branches.pop()


class _FunctionReader:
    def __init__(self):
        self.found = []
        self.braces = ()  # of those open: is it a block of statements, or an initializer?
        self.parens = ()  # of those open: what stands before it
        self.before = ("", "")  # the last token, and if that is ')', what stands before its '('
        self.head = ()  # what stands before the brace: a declaration so far
        self.open = None  # (name, first line, depth so far) of the function we are in

    def state(self):
        return self.braces, self.parens, self.before, self.head, self.open

    def restore(self, state):
        self.braces, self.parens, self.before, self.head, self.open = state

    def read(self, token):
        if token.text == "{":
            self._enter()
        elif token.text == "}":
            self._leave(token)
        elif not self.braces:
            self.head = () if token.text == ";" else self.head + (token,)
        opened = ""
        if token.text == "(":
            self.parens += (self.before[0],)
        elif token.text == ")" and self.parens:
            opened, self.parens = self.parens[-1], self.parens[:-1]
        self.before = (token.text, opened)

    def _enter(self):
        if [t.text for t in self.head] == ["extern", '"C"']:
            self.head = ()
            return
        if not self.braces and self.open is None:
            name = function_name(self.head)
            self.open = (name, self.head[0].line, 0) if name else None
            self.braces = (name is not None,)
        else:
            self.braces += (self._is_block(),)
        if self.open is not None:
            name, first, depth = self.open
            self.open = (name, first, max(depth, sum(self.braces)))

    def _leave(self, token):
        self.braces = self.braces[:-1]
        if not self.braces and self.open is not None:
            name, first, depth = self.open
            self.found.append(Function(name, first, token.line, depth))
            self.open, self.head = None, ()

    def _is_block(self):
        """A brace after if (...), else, another statement or ({; not one after = or (struct x)."""
        last, before_paren = self.before
        if last == ")":
            return re.fullmatch(r"[A-Za-z_]\w*", before_paren) is not None and \
                before_paren not in ("return", "sizeof")
        return last in ("else", "do", ";", ":", "(", "}") or (last == "{" and self.braces[-1])


def function_name(head):
    """The name of the function whose definition begins with the tokens @head, or None."""
    words = without_attributes(head)
    called, depth = [], 0
    for at, token in enumerate(words):
        if token.text == "(":
            before = words[at - 1] if at else None
            if before and before.kind == "word" and before.text not in TYPES_AND_KEYWORDS:
                called.append((depth, before.text))
            depth += 1
        elif token.text == ")":
            depth -= 1
        elif token.text == "=" and depth == 0:
            return None
    outer = [name for level, name in called if level == 0]
    plain = [name for name in outer if not name.isupper()]
    return (plain or outer or [name for _, name in called] or [None])[-1 if outer else 0]
