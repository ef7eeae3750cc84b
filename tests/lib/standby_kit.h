/* tests/lib/standby_kit.h - a standby cluster that is well, beside facts_kit.h, and what may be
 * different in it. */
#ifndef TESTS_LIB_STANDBY_KIT_H_
#define TESTS_LIB_STANDBY_KIT_H_

#include "tests/lib/facts_kit.h"

/* pg1 leads a standby cluster with epoch 5, on the timeline that its grant names; the others follow
 * it. */
static inline void kit_leader(struct facts *f)
{
    kit_node(f, 1);
    f->store.grant_is_standby = f->settings.is_standby_cluster = true;
    f->store.sync = (struct sync_value){.is_known = false};
    (void)snprintf(f->settings.remote.text, sizeof(f->settings.remote.text), "*1");
    f->pg.upstream = f->settings.remote;
    f->lease = (struct lease_facts){.epoch = KIT_EPOCH, .remaining_ms = 4900, .age_ms = 60000};
    f->members[0].role = ROLE_STANDBY;
    f->members[0].primary_epoch = 0;
    f->members[0].follows_epoch = KIT_EPOCH;
}

/* ... pg2 there. */
static inline void kit_follower(struct facts *f)
{
    kit_leader(f);
    f->self = kit_name(2);
    f->pg.copy = 102;
    f->pg.upstream = kit_name(1);
    f->lease = (struct lease_facts){.epoch = 0};
}

static inline void is_to_follow_another_cluster(struct facts *f)
{
    f->settings.is_standby_cluster = true;
}
static inline void level_of_before(struct facts *f)
{
    f->store.level = LEVEL_STANDBY - 1;
}
static inline void is_to_have_a_primary(struct facts *f)
{
    f->settings.is_standby_cluster = false;
    f->settings.remote.text[0] = '\0';
}
static inline void held_by_hand(struct facts *f)
{
    f->store.held = FACT_YES;
}
static inline void of_another_place(struct facts *f)
{
    (void)snprintf(f->settings.remote.text, sizeof(f->settings.remote.text), "*2");
}
static inline void from_an_archive_alone(struct facts *f)
{
    f->settings.remote.text[0] = '\0';
}
static inline void without_data(struct facts *f)
{
    f->pg.process = PG_ABSENT;
    f->pg.data = DATA_EMPTY;
    f->pg.copy = 0;
    f->pg.end.is_known = false;
}
static inline void never_recorded(struct facts *f)
{
    f->store.initialized = FACT_NO;
    f->store.history_count = 0;
}
static inline void guard_not_there_yet(struct facts *f)
{
    f->guard.state = GUARD_GONE;
}
static inline void half_copied(struct facts *f)
{
    without_data(f);
    f->pg.data = DATA_BROKEN;
}
static inline void never_streams(struct facts *f)
{
    f->pg.follows_epoch = 0;
    f->back.is_stuck = f->back.wal_kept = true;
}
static inline void lacks_what_is_gone_there(struct facts *f)
{
    f->pg.follows_epoch = 0;
    f->back.has_upstream_wal = FACT_NO;
}
static inline void never_comes_up(struct facts *f)
{
    f->back.damage = DAMAGE_NO_START;
}
static inline void streams_not_yet(struct facts *f)
{
    f->pg.follows_epoch = 0;
}
static inline void streams_since_before(struct facts *f)
{
    f->pg.follows_epoch = KIT_EPOCH - 1;
}
static inline void for_long(struct facts *f)
{
    f->pg.down_ms = f->pg.starting_ms = f->pg.still_ms = 600000;
    f->pg.starting_ms = 600000;
}
static inline void promoted_by_hand(struct facts *f)
{
    f->pg.role = ROLE_PRIMARY;
    f->guard.promotion_seen = FACT_YES;
}
static inline void with_the_guards_word(struct facts *f)
{
    f->guard.promoted_epoch = f->guard.armed_epoch = f->lease.epoch;
}
static inline void on_a_timeline_of_its_own(struct facts *f)
{
    f->pg.end = kit_at(KIT_TIMELINE + 7, 9000);
}

#endif /* TESTS_LIB_STANDBY_KIT_H_ */
