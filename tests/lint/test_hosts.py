"""tests/lint/test_hosts.py - the tree names no developer's machine and no host of packages; planted
ones are caught, and the paths that every machine has are left alone."""
import re

import pytest

import hosts

DEB = "deb" "ian.org"


def found_in(plant, text, apt=()):
    plant(dict(apt))
    return hosts.problems(plant({"docs/a.md": "one\n" + text + "\n"}), apt=plant({}).root / "apt")


def test_the_tree(real, clean):
    clean(hosts.problems(real))


@pytest.mark.parametrize("text", [
    "cd /ho" "me/alice/pgraft", "gcc -I/ho" "me/alice/include", "x=/Us" "ers/alice", "(/ro" "ot/.cache)",
    "cd /ro" "ot", "file:///ho" "me/a/b", r"C:\Us" r"ers\alice", "/tmp/b" "-alice/x", "/tmp/bu" "ild/x",
    "/tmp/pytest" "-of-alice/", "/var/fol" "ders/zz/", f"deb http://deb.{DEB}/debian bookworm main",
    f"ftp.de.{DEB}", f"security.{DEB}/x", f"https://SNAPSHOT.{DEB}", "de.archive.ub" "untu.com",
    "registry.np" "mjs.org", "https://registry.yar" "npkg.com/x", "np" "mmirror.com", "files.pythonho" "sted.org",
    "http://mirr" "or.yandex.ru/debian", "http://ftp.mirr" "ors.cern.ch/x", "mirr" "ors.aliyun.com"])
def test_caught(plant, places, text):
    assert places(found_in(plant, text)) == ["docs/a.md:2"]


@pytest.mark.parametrize("text", [
    "#!/usr/bin/python3", "/etc/pgraft /var/lib/pgraft /run/pgraft /tmp/x /tmp/pgraft.sock",
    "ls $HOME/x ~/x sub/ho" "me/x srv/ro" "ot/y /ro" "otfs", "GET /ho" "me HTTP/1.1", "ProtectHo" "me=yes",
    "https://www." + DEB + "/ https://packages." + DEB, "mirr" "or.example.org", "http://deb.example.org/debian",
    "a mirr" "or. It is", "mirr" "ors.c", "https://www.postgresql.org/docs", "chroot /ro" "ot-fs", "0:0:ro" "ot:/ro" "ot:x"])
def test_near_misses(plant, text):
    assert found_in(plant, text) == []


def test_the_hosts_of_this_machine_in_both_formats(plant):
    apt = {"apt/sources.list": "# deb http://old.acme.io/debian x main\n"
                               "deb [arch=amd64 signed-by=/a] http://one.acme.io:3142/debian x main\n"
                               "deb-src https://user:pass@two.acme.io/x y z # tail\ndeb cdrom:[x]/ y z\n",
           "apt/sources.list.d/a.sources": "Types: deb\n# URIs: http://old.acme.io\nURIs: http://three.acme.io/x\n"
                                           "  mirr" "or+https://four.acme.io/y\nSuites: x\n",
           "apt/sources.list.d/b.list": "deb http://localhost:3142/x y z\ndeb http://deb.example.org/ y z\n"}
    plant(apt)
    assert hosts.apt_hosts(plant({}).root / "apt") == [
        "four.acme.io", "one.acme.io", "three.acme.io", "two.acme.io"]
    text = "http://one.acme.io/x, old.acme.io\nthree.acme.io.\nnot-two.acme.io two.acme.io.example"
    found = found_in(plant, text, apt)
    assert [(p.line, p.what.split()[0]) for p in found] == [(2, "one.acme.io"), (3, "three.acme.io")]


def test_the_place_of_the_planted_tree_itself(plant, monkeypatch):
    monkeypatch.setattr(hosts, "COMMON_TOPS", ())
    root = plant({}).root
    found = found_in(plant, f"cd {root}/base")
    assert [p.what for p in found if "checkout" in p.what] == [
        f'"{root}" is the place of one checkout', f'"{root.parent}/" is the place of one checkout']


@pytest.mark.parametrize("root, caught, free", [
    ("/work9/main", ["/work9/main", "x=/work9/main/base", "/work9/other/x"], ["/work9", "net/work9/main-x", "/work9/"[:-1]]),
    ("/data/src/pgraft", ["/data/src/pgraft/x", "/data/src/other"], ["/data/srcx/y", "a/data/src/pgraft"]),
    ("/pgraft", [], ["/pgraft/x"]), ("/tmp/pgraft", [], ["/tmp/pgraft"]), ("/opt/ci/pgraft", [], ["/opt/ci/pgraft"])])
def test_the_place_of_the_checkout(root, caught, free):
    patterns = [pattern for pattern, _ in hosts.checkout_paths(root)]

    def is_caught(text):
        return any(re.search(pattern, text) for pattern in patterns)
    assert [text for text in caught if not is_caught(text)] == []
    assert [text for text in free if is_caught(text)] == []
