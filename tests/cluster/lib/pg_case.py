"""tests/cluster/lib/pg_case.py - one fault, seen from before it until all is well again: who wrote, who committed, what it came to."""
import time

from lib import wait
from lib.pg_load import NS_PER_MS

TAKEN_OVER_S = 60


class Case:
    """@pg is the stage with a cluster that is whole; clients write, and an observer sits on every database."""

    def __init__(self, pg):
        self.cluster = pg.clusters[0]
        self.primary = self.cluster.wait_well()
        self.writers, self.observer = pg.writers(), pg.observer()
        self.writers.go_on()
        self.moment = self.writers.acknowledged()[-1][0]
        self.struck = self.moment

    def is_struck(self):
        """What happens has happened: from now on nobody renews a lease any more. (To strike several takes a while itself.)"""
        self.struck = time.monotonic_ns()

    @property
    def others(self):
        return self.cluster.others(self.primary)

    def heir(self, everybody=True):
        """Another one commits, and so do clients, after the last commit of the old one."""
        found = wait.until(lambda: next((n for n in self.others if n.is_primary() and self.observer.sees(n)), None),
                           lambda: f"another one takes over\n{self.cluster.story()}", TAKEN_OVER_S)
        self.writers.go_on(self.observer.last_ns(self.primary), 50, everybody)
        return found

    def alone_ms(self):
        """How long the old primary committed after the fault."""
        return max(0.0, (self.observer.last_ns(self.primary) - self.struck) / NS_PER_MS)

    def over(self):
        """All is well again, and never did two commit: the primary, and the outage in ms."""
        primary = self.cluster.wait_well()
        outage = self.writers.outage(self.moment)
        print(f"outage {outage.ms:.0f} ms; with all hosts {self.writers.outage_multi(self.moment).ms:.0f} ms; the old one"
              f" committed for {self.alone_ms():.0f} ms; lost {len(self.writers.lost())}\n{self.observer.story()}")
        assert self.observer.overlap_ms() == 0, self.observer.story()
        return primary, outage.ms

    def nothing_lost(self):
        assert self.writers.lost() == []
