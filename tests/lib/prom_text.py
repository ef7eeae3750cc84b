"""tests/lib/prom_text.py - Prometheus's text format, read strictly: what Prometheus would let pass and is wrong is refused too.

A name has one block: HELP, TYPE, its samples. Comments stand in a head. No series comes twice, labels are escaped as the
format says, values are numbers; counters never go below zero, and the buckets of a histogram add up.
"""
import math
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|NaN|[+-]Inf")
TYPES = ("gauge", "counter", "histogram")
PARTS = ("_bucket", "_sum", "_count")


class Wrong(Exception):
    """What is no text for Prometheus, with the line."""


class Family:
    def __init__(self, name):
        self.name = name
        self.type = None
        self.comments = []
        self.samples = {}  # (name, ((label, value), ...)): number


def _unescape(text, line, also=""):
    if re.fullmatch(rf"([^\\]|\\[\\n{also}])*", text) is None:
        raise Wrong(f"an escape that there is not: {line}")
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text)


def _labels(text, line):
    """What stands between the braces."""
    found, at = [], 0
    while at < len(text):
        name = LABEL.match(text, at)
        if name is None or text[name.end():name.end() + 2] != '="':
            raise Wrong(f"a label is expected: {line}")
        value = re.compile(r'([^"\\\n]|\\.)*').match(text, name.end() + 2)
        if text[value.end():value.end() + 1] != '"':
            raise Wrong(f"the end of a label is missing: {line}")
        found.append((name[0], _unescape(value[0], line, '"')))
        at = value.end() + 1
        if at < len(text):
            if text[at] != "," or at + 1 == len(text):
                raise Wrong(f"a comma and another label are expected: {line}")
            at += 1
    if len({name for name, _ in found}) != len(found):
        raise Wrong(f"a label comes twice: {line}")
    return tuple(sorted(found))


def _sample(family, line):
    # The braces end at the last one: a value of a label may hold others, a number may not.
    parts = re.fullmatch(rf"({NAME.pattern})(\{{(.*)\}})? (\S+)", line)
    if parts is None or NUMBER.fullmatch(parts[4]) is None:
        raise Wrong(f"no sample: {line}")
    name, number = parts[1], float(parts[4])
    belongs = name == family.name
    if family.type == "histogram":
        belongs = name.startswith(family.name) and name[len(family.name):] in PARTS
    if not belongs:
        raise Wrong(f"not of {family.name}: {line}")
    if family.type != "gauge" and not 0 <= number < math.inf:
        raise Wrong(f"no count: {line}")
    key = (name, _labels(parts[3] or "", line))
    if key in family.samples:
        raise Wrong(f"a series comes twice: {line}")
    family.samples[key] = number


def _check_histogram(family):
    rows = {}
    for (name, labels), number in family.samples.items():
        plain = tuple(pair for pair in labels if pair[0] != "le")
        bound = dict(labels).get("le")
        if (bound is not None) != name.endswith("_bucket"):
            raise Wrong(f"le is of buckets alone: {name}{labels}")
        row = rows.setdefault(plain, {"buckets": []})
        if bound is None:
            row[name[len(family.name):]] = number
        else:
            row["buckets"].append((float(bound), number))
    for plain, row in rows.items():
        if row["buckets"] != sorted(row["buckets"]) or sorted(n for _, n in row["buckets"]) != [n for _, n in row["buckets"]]:
            raise Wrong(f"buckets do not add up: {family.name}{plain}")
        if not row["buckets"] or row["buckets"][-1] != (math.inf, row.get("_count")) or "_sum" not in row:
            raise Wrong(f"no bucket for all, no sum or no count: {family.name}{plain}")


def _finish(family):
    if family is None:
        return
    if family.type is None:
        raise Wrong(f"{family.name} has no TYPE")
    if family.type == "histogram":
        _check_histogram(family)


def read(body):
    """{name: Family} of the bytes of an answer."""
    text = body.decode("utf-8")
    families, family = {}, None
    if not text.endswith("\n"):
        raise Wrong("the last line has no end")
    if "\r" in text:
        raise Wrong("a carriage return")
    for line in text[:-1].split("\n"):
        head = re.fullmatch(rf"# (HELP|TYPE) ({NAME.pattern}) (.+)", line)
        if head is not None and head[1] == "HELP":
            _finish(family)
            if head[2] in families:
                raise Wrong(f"a second block: {line}")
            _unescape(head[3], line)
            family = families[head[2]] = Family(head[2])
        elif head is not None:
            if family is None or family.name != head[2] or family.type is not None or head[3] not in TYPES:
                raise Wrong(f"TYPE does not follow its HELP: {line}")
            family.type = head[3]
        elif re.match(r"#\s*(HELP|TYPE)\b", line):
            raise Wrong(f"no head: {line}")
        elif line.startswith("#"):
            if family is None or family.type is not None:
                raise Wrong(f"a comment outside of a head: {line}")
            family.comments.append(line)
        elif family is None or family.type is None:
            raise Wrong(f"a sample before its TYPE: {line}")
        else:
            _sample(family, line)
    _finish(family)
    return families


def samples_of(families):
    """{(name, labels): number} of all of them."""
    return {key: number for family in families.values() for key, number in family.samples.items()}
