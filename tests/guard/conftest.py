"""tests/guard/conftest.py - one initdb a file, one node a test; what was said, when one fails."""
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))

from kit import PROGRAMS, Node, Template  # noqa: E402 (found through the lines above)


@pytest.fixture(scope="module")
def template():
    made = Template("guard", PROGRAMS)
    yield made
    made.close()


@pytest.fixture
def node(template):
    made = Node(template)
    yield made
    made.end()
    for driver in made.drivers:
        while not driver.lines.empty():
            driver.seen.append(driver.lines.get().line)
        print("driver:", *driver.seen, sep="\n  ")
    print((made.folder / "log").read_text(encoding="utf-8", errors="replace")[-8000:])
