"""tests/cluster/lib/wait.py - waits for something to be true, with a limit, and says what it was."""
import time

PATIENCE_S = 30  # reached only when something is wrong; the machine may be busy
STEP_S = 0.02


def until(check, what, seconds=PATIENCE_S):
    """Wait for check() to be true and return what it returned; fail with @what, a text or a function."""
    limit = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() >= limit:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(STEP_S)


def stays(check, what, seconds):
    """check() is true all the time for @seconds: what must not happen is given the time to happen."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        assert check(), what() if callable(what) else what
        time.sleep(STEP_S)
