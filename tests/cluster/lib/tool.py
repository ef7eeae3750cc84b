"""tests/cluster/lib/tool.py - pgraftctl, as an operator types it."""
import os
import subprocess
from pathlib import Path

CTL = Path(os.environ["PGRAFT_BUILD_ROOT"]) / "ctl" / "pgraftctl"
PATIENCE_S = 30


def ctl(node, *words):
    """What `pgraftctl @words`, asking @node, says on both streams; its exit status."""
    done = subprocess.run([CTL, *words, "-e", node.socket], capture_output=True, text=True, check=False,
                          timeout=PATIENCE_S, env={"PATH": os.environ["PATH"]})
    return done.stdout + done.stderr, done.returncode
