"""tests/lint/conftest.py - what every lint test is handed: the real tree, planted ones, a verdict."""
import os
from pathlib import Path

import pytest

import tree as trees


@pytest.fixture(scope="session")
def root():
    """The top of the checkout under test."""
    return Path(os.environ.get("PGRAFT_SOURCE_ROOT") or Path(__file__).resolve().parents[2])


@pytest.fixture(scope="session")
def build_root():
    """The build tree that runs us."""
    if not os.environ.get("PGRAFT_BUILD_ROOT"):
        pytest.skip("PGRAFT_BUILD_ROOT is not set: run this one with meson test")
    return Path(os.environ["PGRAFT_BUILD_ROOT"])


@pytest.fixture(scope="session")
def real(root):
    """The checkout under test."""
    return trees.checkout(root)


@pytest.fixture
def plant(tmp_path):
    """plant({path: text}) makes a small tree of its own, with nothing else in it."""
    def make(files):
        for path, content in files.items():
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return trees.Tree(tmp_path, files)
    return make


@pytest.fixture(scope="session")
def clean():
    """clean(problems) fails the test with one line for each of them."""
    def verdict(problems):
        if problems:
            pytest.fail("\n".join(str(p) for p in problems), pytrace=False)
    return verdict


@pytest.fixture(scope="session")
def places():
    """places(problems): the "path:line" of each, in order."""
    def where(problems):
        return [f"{p.path}:{p.line}" for p in problems]
    return where


def pytest_make_parametrize_id(val, argname):
    """A case is named by its values as long as they are short enough to read."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > 60) else None
