"""tests/observe/conftest.py - one initdb a file, servers and observers of one test; what was said, when one fails."""
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "guard"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))

from kit import Template  # noqa: E402 (found through the lines above)
from rig import PROGRAMS, Rig  # noqa: E402


@pytest.fixture(scope="module")
def template():
    made = Template("observe", PROGRAMS)
    yield made
    made.close()


@pytest.fixture
def rig(template):
    made = Rig(template)
    yield made
    made.end()
