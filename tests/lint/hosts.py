"""tests/lint/hosts.py - nothing in the tree knows whose machine it was written on.

No home of a developer, no place of this checkout, no scratch build, and no host that packages come
from: neither the well-known ones nor those of the machine that runs this test. The patterns stand in
pieces, so that this file keeps its own rule. Names under example.org and the like are free."""
import re
from pathlib import Path
from urllib.parse import urlsplit

from tree import Problem

# Before a path: nothing that would make it the tail of a longer one; -I and -L of a compiler may stand.
START = r"(?:(?<![\w.}/~])|(?<=-[IL])|(?<=//))"
PATHS = [
    (START + r"/(?:ho" r"me|Us" r"ers)/[\w$<{][\w.-]*", "a home directory"),
    (START + r"/ro" r"ot(?![\w-])(?!:)", "the home directory of the superuser"),
    (r"[A-Za-z]:\\+Us" r"ers\\", "a home directory"),
    (START + r"(?:/private)?/var/fol" r"ders/", "a scratch folder of one machine"),
    (START + r"/tmp/(?:b|bld|bu" r"ild|pytest-of)[-_./]", "a scratch folder of one machine"),
]
HOSTS = [
    r"(?:deb|ftp[\w.]*|http|httpredir|security|archive|snapshot|cdn-fastly\.deb)\.deb" r"ian\.(?:org|net)",
    r"(?:[\w-]+\.)*(?:archive|security|ports|old-releases)\.ub" r"untu\.com",
    r"(?:registry|skimdb)\.np" r"mjs\.(?:org|com)",
    r"registry\.yar" r"npkg\.com",
    r"(?:[\w-]+\.)*np" r"mmirror\.com",
    r"files\.pythonho" r"sted\.org",
    r"(?:[\w-]+\.)*mirr" r"ors?\.[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}",
    r"mirr" r"ors?(?:\.[\w-]+)+\.[a-z]{2,}",
]
FREE = re.compile(r"(?:.*\.)?(?:example\.(?:org|com|net)|example|invalid|test)$", re.I)
LOCAL = ("localhost", "127.0.0.1", "::1")
# Where a checkout may lie and a file may still speak of the same folder.
COMMON_TOPS = ("bin", "dev", "etc", "lib", "media", "mnt", "opt", "proc", "run", "sbin", "srv", "sys",
               "tmp", "usr", "var")


def problems(tree, apt="/etc/apt"):
    rules = [(re.compile(p), what, "use a relative path, a setting or mktemp -d")
             for p, what in PATHS + checkout_paths(tree.root)]
    host = _host_pattern(HOSTS + [re.escape(name) for name in apt_hosts(apt)])
    found = []
    for path, text in tree.texts():
        for number, line in enumerate(text.split("\n"), 1):
            for pattern, what, remedy in rules:
                for match in pattern.finditer(line):
                    found.append(Problem(path, number, f'"{match.group()}" is {what}', remedy))
            for match in host.finditer(line):
                if not FREE.match(match.group()):
                    found.append(Problem(path, number, f"{match.group()} is a host that packages come from",
                                         "take it from the machine's own sources, or say example.org"))
    return found


def _host_pattern(patterns):
    return re.compile(r"(?<![\w.-])(?:" + "|".join(patterns) + r")(?![\w-]|\.\w)", re.I)


def checkout_paths(root):
    """The folder @root and the one it lies in, unless every machine has a folder of that name."""
    root = Path(root).resolve()
    if len(root.parts) < 3 or root.parts[1] in COMMON_TOPS:
        return []
    end = r"(?![\w.-])"
    return [(START + re.escape(str(place)) + (end if place == root else "/"), "the place of one checkout")
            for place in (root, root.parent)]


def apt_hosts(apt):
    """The hosts in the apt sources under @apt, both formats."""
    apt = Path(apt)
    hosts = set()
    for source in [apt / "sources.list", *sorted(apt.glob("sources.list.d/*"))]:
        try:
            text = source.read_text(errors="replace")
        except OSError:
            continue
        for uri in _uris(text, deb822=source.suffix == ".sources"):
            host = urlsplit(uri.removeprefix("mirror+").removeprefix("tor+")).hostname
            if host and host not in LOCAL and not FREE.match(host) and "." in host:
                hosts.add(host)
    return sorted(hosts)


def _uris(text, deb822):
    field = ""
    for line in text.split("\n"):
        if line.lstrip().startswith("#"):
            continue
        if not deb822:
            words = re.sub(r"\[[^\]]*\]", "", line.split("#")[0]).split()
            yield from words[1:2] if words[:1] in (["deb"], ["deb-src"]) else []
            continue
        if line[:1] not in (" ", "\t"):
            field, _, line = line.partition(":")
        if field.strip().lower() == "uris":
            yield from line.split()
