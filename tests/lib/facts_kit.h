/* tests/lib/facts_kit.h - three nodes that are well, for tests of the supervisor's policy that
 * change one thing. pg1 is primary with epoch 5 on timeline 6; pg2 and pg3 stream from it. */
#ifndef TESTS_LIB_FACTS_KIT_H_
#define TESTS_LIB_FACTS_KIT_H_

#include <stdio.h>

#include "supervisor/facts.h"
#include "supervisor/level.h"
#include "supervisor/timing_profile.h"

#define KIT_EPOCH 5
#define KIT_TIMELINE 6
#define KIT_LSN 5000
#define KIT_NODES 3

static inline struct facts_name kit_name(unsigned node)
{
    struct facts_name name = {.text = ""};
    (void)snprintf(name.text, sizeof(name.text), "pg%u", node);
    return name;
}

/* The copy on pg1 is 101, and so on. */
static inline struct sync_copy kit_copy(unsigned node)
{
    return (struct sync_copy){.name = kit_name(node), .copy = 100 + node};
}

static inline struct position kit_at(uint32_t timeline, uint64_t lsn)
{
    return (struct position){.is_known = true, .timeline = timeline, .lsn = lsn};
}

/* ANY 1 (pg2, pg3) */
static inline struct sync_set kit_set(void)
{
    struct sync_set set = {.needed = 1, .count = 2};
    set.at[0] = kit_copy(2);
    set.at[1] = kit_copy(3);
    return set;
}

static inline struct store_facts kit_store(void)
{
    struct store_facts s;
    memset(&s, 0, sizeof(s));
    s.is_current = s.initialized = FACT_YES;
    s.paused = s.held = FACT_NO;
    s.level = LEVEL_STANDBY;
    s.grant_epoch = KIT_EPOCH;
    s.lease_stands = true;
    s.holder = kit_name(1);
    s.holder_copy = 101;
    s.grant_timeline = KIT_TIMELINE;
    s.order_epoch = KIT_EPOCH;
    s.sync = (struct sync_value){
        .is_known = true, .epoch = KIT_EPOCH, .primary = kit_copy(1), .count = 1};
    s.sync.sets[0] = kit_set();
    s.history_count = 2;
    s.history[0] = (struct history_row){.epoch = 3, .timeline = 4, .parent = 2, .switch_lsn = 2000};
    s.history[1] = (struct history_row){
        .epoch = KIT_EPOCH, .timeline = KIT_TIMELINE, .parent = 4, .switch_lsn = 4000};
    return s;
}

static inline struct member_facts kit_member(unsigned node)
{
    struct member_facts m;
    memset(&m, 0, sizeof(m));
    m.name = kit_name(node);
    m.is_database = m.is_voter = m.is_fresh = m.is_recent = m.has_data = true;
    m.copy = 100 + node;
    m.process = PG_RUNNING;
    m.role = node == 1 ? ROLE_PRIMARY : ROLE_STANDBY;
    m.can_start = FACT_YES;
    m.follows_epoch = node == 1 ? 0 : KIT_EPOCH;
    m.primary_epoch = node == 1 ? KIT_EPOCH : 0;
    m.end = kit_at(KIT_TIMELINE, KIT_LSN);
    m.seen = m.end;
    m.failover_priority = 1;
    return m;
}

static inline struct supervisor_settings kit_settings(void)
{
    struct timing_wish wish = {.profile = FAILOVER_BALANCED};
    return (struct supervisor_settings){.times = timing_from(&wish).times,
                                        .sync_mode = SYNC_QUORUM,
                                        .sync_nodes = 1,
                                        .lag_bytes_max = 1048576,
                                        .check_timeline = true,
                                        .may_rewind = true,
                                        .may_clone = true,
                                        .crashes_max = 3,
                                        .restart_max_ms = 300000};
}

static inline void kit_node(struct facts *f, unsigned node)
{
    memset(f, 0, sizeof(*f));
    f->self = kit_name(node);
    f->store = kit_store();
    f->settings = kit_settings();
    f->member_count = KIT_NODES;
    for (unsigned i = 0; i < KIT_NODES; i++) {
        f->members[i] = kit_member(i + 1);
    }
    f->guard.state = GUARD_WELL;
    f->guard.promotion_seen = FACT_NO;
    f->pg = (struct pg_facts){.process = PG_RUNNING,
                              .role = ROLE_STANDBY,
                              .data = DATA_USABLE,
                              .is_noted = FACT_YES,
                              .answers = FACT_YES,
                              .data_answers = FACT_YES,
                              .copy = 100 + node,
                              .end = kit_at(KIT_TIMELINE, KIT_LSN),
                              .had = kit_at(KIT_TIMELINE, KIT_LSN),
                              .sealed_epoch = KIT_EPOCH,
                              .signal_synced = FACT_YES,
                              .receiver = RECEIVER_LIVES,
                              .conninfo_empty = FACT_NO,
                              .upstream = kit_name(1),
                              .follows_epoch = KIT_EPOCH,
                              .force = FORCE_FENCE};
    f->back.primary_ready = FACT_YES;
    f->back.has_upstream_wal = FACT_YES;
}

static inline void kit_standby(struct facts *f)
{
    kit_node(f, 2);
}

static inline void kit_primary(struct facts *f)
{
    kit_node(f, 1);
    f->pg.role = ROLE_PRIMARY;
    f->pg.receiver = RECEIVER_GONE;
    f->pg.conninfo_empty = FACT_YES;
    f->pg.upstream = (struct facts_name){.text = ""};
    f->pg.follows_epoch = 0;
    f->pg.recovered = kit_at(KIT_TIMELINE, 4001);
    f->pg.force = FORCE_OURS;
    f->pg.is_fence_lifted = true;
    f->pg.set_in_force = kit_set();
    f->pg.in_force_lsn = 4100;
    f->guard.armed_epoch = f->guard.promoted_epoch = KIT_EPOCH;
    f->guard.promotion_seen = FACT_YES;
    f->lease = (struct lease_facts){.epoch = KIT_EPOCH, .remaining_ms = 4900, .age_ms = 60000};
    f->members[0].primary_epoch = 0; /* of itself a node hears nothing */
}

/* pg2, sealed and chosen for epoch 6; pg1 is gone. */
static inline void kit_chosen(struct facts *f)
{
    kit_node(f, 2);
    f->store.grant_epoch = f->store.order_epoch = KIT_EPOCH + 1;
    f->store.grant_timeline = KIT_TIMELINE + 1;
    f->store.holder = kit_name(2);
    f->store.holder_copy = 102;
    f->members[0].is_fresh = false;
    f->pg.sealed_epoch = KIT_EPOCH + 1;
    f->pg.receiver = RECEIVER_GONE;
    f->pg.receiver_gone_twice = f->pg.end_after_seal = true;
    f->pg.conninfo_empty = FACT_YES;
    f->pg.upstream = (struct facts_name){.text = ""};
    f->pg.follows_epoch = 0;
    f->guard.armed_epoch = KIT_EPOCH + 1;
    f->lease = (struct lease_facts){.epoch = KIT_EPOCH + 1, .remaining_ms = 4900, .age_ms = 100};
}

/* What a row of a table is about: changes of what is well, one after the other. */
typedef void (*kit_change)(struct facts *f);
#define KIT_CHANGES_MAX 4

static inline void kit_change_all(struct facts *f, const kit_change changes[KIT_CHANGES_MAX])
{
    for (size_t i = 0; i < KIT_CHANGES_MAX && changes[i] != NULL; i++) {
        changes[i](f);
    }
}

#endif /* TESTS_LIB_FACTS_KIT_H_ */
