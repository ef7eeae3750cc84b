"""tests/runner/__main__.py - lets ./check start the runner by its folder's name."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from runner.main import main  # noqa: E402 (found through the line above)

sys.exit(main(sys.argv[1:]))
