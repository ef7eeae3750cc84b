/* tests/unit/decide_changes.h - what is different from a node that is well, where the rules of one
 * node are asked in more than one file. */
#ifndef TESTS_UNIT_DECIDE_CHANGES_H_
#define TESTS_UNIT_DECIDE_CHANGES_H_

#include "tests/lib/facts_kit.h"

#define SHARED(name) static inline void name(struct facts *f)

SHARED(lease_is_over)
{
    f->lease = (struct lease_facts){.epoch = 0};
}
SHARED(order_above)
{
    f->store.order_epoch = KIT_EPOCH + 1;
}
SHARED(config_is_unknown)
{
    f->settings.is_guess = true;
}
SHARED(crashed)
{
    f->pg.process = PG_ABSENT;
    f->pg.role = ROLE_UNKNOWN;
}
SHARED(loss_is_borne)
{
    f->settings.sync_mode = SYNC_OFF;
    f->store.sync.count = 0;
}
SHARED(never_restarted)
{
    f->settings.restart_max_ms = 0;
}
SHARED(starts_slowly)
{
    f->pg.process = PG_STARTING;
    f->pg.role = ROLE_UNKNOWN;
    f->guard.promotion_seen = FACT_UNKNOWN;
    f->pg.starting_ms = f->settings.restart_max_ms;
}
SHARED(starts_for_too_long)
{
    f->pg.starting_ms++;
}
SHARED(paused)
{
    f->store.paused = FACT_YES;
}
SHARED(pause_unread)
{
    f->store.paused = FACT_UNKNOWN;
}
SHARED(sealed_for_it)
{
    f->store.lease_stands = false;
    f->pg.sealed_epoch = KIT_EPOCH + 1;
    f->pg.receiver = RECEIVER_GONE;
    f->pg.conninfo_empty = FACT_YES;
    f->pg.receiver_gone_twice = f->pg.end_after_seal = true;
}
SHARED(down)
{
    f->pg.process = PG_ABSENT;
    f->pg.receiver = RECEIVER_GONE;
}
SHARED(too_late_to_promote)
{
    f->lease.remaining_ms = f->settings.times.promote_margin_ms;
}
SHARED(unrecorded)
{
    f->store.history_count = 1;
}
SHARED(shuts_down)
{
    f->pg.process = PG_STOPPING;
    f->pg.stopping_ms = 10000;
}
SHARED(to_be_cloned)
{
    f->wish.clone = true;
}
SHARED(to_be_restarted)
{
    f->wish.restart = true;
}
SHARED(no_commit_counts_on_it)
{
    f->store.sync.sets[0] = (struct sync_set){.needed = 1, .count = 1};
    f->store.sync.sets[0].at[0] = kit_copy(name_is(&f->self, &f->members[2].name) ? 2 : 3);
}
SHARED(ahead_of_the_fork)
{
    f->pg.end = kit_at(4, 4001);
}

#endif /* TESTS_UNIT_DECIDE_CHANGES_H_ */
