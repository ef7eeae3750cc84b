"""tests/cluster/lib/database.py - nodes that are database hosts; the store is all that runs of them."""
import json

from lib.node import Node


class Database(Node):
    """pgraftd --voter, with the section that it asks for; a witness if its name begins with a w."""

    def arguments(self):
        words = super().arguments()
        if self.name.startswith("w"):
            return words
        path = self.cluster.folder / f"{self.name}.yml"  # JSON is YAML
        path.write_text(json.dumps({"postgresql": {
            "listen": f"{self.address}:5432", "connect_address": f"{self.address}:5432",
            "data_dir": str(self.cluster.folder / f"{self.name}.pgdata"),
            "authentication": {"superuser": {"username": "postgres"}, "replication": {"username": "replicator"}}}}))
        words[words.index("--witness")] = "--voter"
        return [*words, "-c", str(path)]
