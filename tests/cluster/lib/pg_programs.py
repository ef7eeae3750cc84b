"""tests/cluster/lib/pg_programs.py - PostgreSQL's programs as one node finds them, some of them in a test's own version."""
from lib.pg_node import BIN

SCRIPT = """#!/bin/sh
{text}
exec {program} "$@"
"""


class Programs:
    """A bin_dir of @node alone: links to the real ones. It counts from the node's next start on."""

    def __init__(self, node):
        self.node = node
        self.folder = node.folder / "programs"
        self.folder.mkdir()
        for program in BIN.iterdir():
            (self.folder / program.name).symlink_to(program)
        self.whole = node.configuration

        def configuration():
            made = self.whole()
            made["postgresql"]["bin_dir"] = str(self.folder)
            return made
        node.configuration = configuration

    def before(self, name, text):
        """@text, lines of a shell, runs before the real program called @name does."""
        script = self.folder / name
        script.unlink()
        script.write_text(SCRIPT.format(text=text, program=BIN / name), encoding="ascii")
        script.chmod(0o755)
        self.node.give()

    def undo(self):
        """From the node's next start on it finds what everybody finds."""
        self.node.configuration = self.whole
        for path in self.folder.iterdir():
            path.unlink()
        self.folder.rmdir()
