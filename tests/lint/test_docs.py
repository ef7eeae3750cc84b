"""tests/lint/test_docs.py - the papers' links lead somewhere and README's tables keep up; a planted dead
link, a folder without a row and a row without a folder are caught."""
import pytest

import docs

README = "| folder | holds |\n|---|---|\n| `base/` | words |\n| `docs/`, `tools/` | words |\n"
PACKAGES = "\n| package | for |\n|:--|---|\n| `gcc` | words |\n| `libuv1-dev` | words |\n"
TREE = {"README.md": README + PACKAGES, "base/a.c": "", "docs/a.md": "", "docs/decisions/0001-x.md": "",
        "tools/packages": "# words\n\nbuild  gcc  -  words\nbuild  libuv1-dev  1.44  words\n", ".ci/run": ""}


def found_in(plant, **files):
    return docs.problems(plant({**TREE, **files}))


def test_the_tree(real, clean):
    clean(docs.problems(real))


@pytest.mark.parametrize("link", [
    "[a](decisions/0001-x.md)", "[a](decisions/)", "[a](../README.md#tests)", "[a](../base/a.c \"words\")", "[a](..)",
    "[a](https://example.org/x)", "[a](mailto:a@example.org)", "[a](#here)", "`[a](gone.md)`", "[a]: ../base",
    "```\n[a](gone.md)\n```"])
def test_links_that_lead_somewhere(plant, link):
    assert found_in(plant, **{"docs/a.md": f"one\n{link}\n"}) == []


@pytest.mark.parametrize("link", [
    "[a](gone.md)", "![a](a.png)", "[a](../docs/gone.md#x)", "[a](/base/a.c)", "[a](../../x)", "[a]: gone.md",
    "[a](decisions/0001-X.md)", "[ok](a.md) [a](gone.md)"])
def test_dead_links(plant, places, link):
    assert places(found_in(plant, **{"docs/a.md": f"one\n{link}\n"})) == ["docs/a.md:2"]


def test_folders(plant):
    assert found_in(plant) == []
    found = found_in(plant, **{"bench/a.c": "", "README.md": TREE["README.md"].replace("base", "bass")})
    assert [str(p).split(";")[0] for p in found] == [
        "README.md:1: the table of folders does not name base/",
        "README.md:1: the table of folders does not name bench/",
        "README.md:3: there is no folder bass/"]


def test_packages(plant):
    found = found_in(plant, **{"README.md": TREE["README.md"].replace("gcc", "tcc")})
    assert [str(p).split(";")[0] for p in found] == [
        "README.md:6: the table of packages does not name gcc of tools/packages",
        "README.md:8: tcc is not in tools/packages"]


def test_no_readme_and_no_tables(plant):
    assert [p.what for p in docs.problems(plant({"base/a.c": ""}))] == ["README.md is missing"]
    assert [p.what for p in found_in(plant, **{"README.md": "words\n"})] == [
        "no table of the folders", "no table of the packages"]
