/* tests/lib/rung_kit.c - facts under which no copy is taken apart, one change each. */
#include "tests/lib/rung_kit.h"

#include "base/must.h"

#define CHANGE(name) static void name(struct facts *f)

CHANGE(it_starts)
{
    f->pg.process = PG_STARTING;
}
CHANGE(the_lease_is_gone)
{
    f->store.lease_stands = false;
}
CHANGE(the_primary_is_not_heard)
{
    f->members[0].is_fresh = false;
}
CHANGE(the_primary_has_not_recorded_itself)
{
    f->store.history_count = 1;
}
CHANGE(it_is_sealed_above)
{
    f->pg.sealed_epoch = KIT_EPOCH + 1;
}
CHANGE(an_order_stands)
{
    f->store.order_epoch = KIT_EPOCH + 1;
}
CHANGE(the_store_is_old)
{
    f->store.is_current = FACT_NO;
}
CHANGE(the_cluster_is_paused)
{
    f->store.paused = FACT_YES;
}
CHANGE(it_may_be_paused)
{
    f->store.paused = FACT_UNKNOWN;
}
CHANGE(no_set_of_now_is_known)
{
    f->store.sync.epoch = KIT_EPOCH - 1;
}
CHANGE(the_sets_were_not_read)
{
    f->store.sync.is_known = false;
}

static const struct rung_kit_change common[] = {
    RUNG_KIT_CHANGE(it_starts),
    RUNG_KIT_CHANGE(the_lease_is_gone),
    RUNG_KIT_CHANGE(the_primary_is_not_heard),
    RUNG_KIT_CHANGE(the_primary_has_not_recorded_itself),
    RUNG_KIT_CHANGE(it_is_sealed_above),
    RUNG_KIT_CHANGE(an_order_stands),
    RUNG_KIT_CHANGE(the_store_is_old),
    RUNG_KIT_CHANGE(the_cluster_is_paused),
    RUNG_KIT_CHANGE(it_may_be_paused),
    RUNG_KIT_CHANGE(no_set_of_now_is_known),
    RUNG_KIT_CHANGE(the_sets_were_not_read),
};

void rung_kit_standby(struct facts *f)
{
    kit_standby(f);
    f->pg.follows_epoch = 0;
    f->store.sync.sets[0] = (struct sync_set){.needed = 1, .count = 1};
    f->store.sync.sets[0].at[0] = kit_copy(3);
}

void rung_kit_each(const struct rung_kit_change *own, size_t count, rung_kit_check check)
{
    for (size_t i = 0; i < count; i++) {
        check(&own[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(common); i++) {
        check(&common[i]);
    }
}
