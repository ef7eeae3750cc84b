/* supervisor/supervisor_do.c - carries a decision out: at once, or as a sequence, never two. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/backoff.h"
#include "supervisor/supervisor_parts.h"

#define AGAIN_MS 50 /* before the very same is done again, until its effect can be seen */
#define FAILED_MS 100
#define FAILED_MAX_MS 5000
#define COPY_AGAIN_MAX_MS 60000
#define LOOK_AGAIN_MS 5000
#define FORGET_MS 10000 /* with nothing to do: then a failure counts no more */
#define HURRY_MS 2000
#define SEAL_HURRY_MS 100    /* asked for with every look, until it is done */
#define BEGIN_AGAIN_MS 30000 /* a cluster whose post_bootstrap failed */
#define STOPS_MAX 1          /* fast shutdowns that did not end, before it is killed */

/* ---- sequences ---- */

/* What was seen to be in force counts, not what this life remembers to have written: a sequence may
 * have been cut off, or an earlier life have written it. Neither is a set that was not published.
 */
static void know_sync(const struct pg_facts *pg, struct act_config *config)
{
    if (pg->force == FORCE_OURS || pg->force == FORCE_FENCE) {
        config->has_sync = pg->force == FORCE_OURS;
        config->sync = pg->set_in_force;
    }
}

/* Whom it follows, or copies. */
static void fill_source(struct supervisor *s, struct act_order *o)
{
    const struct decision *d = &o->decision;
    bool is_copy = d->action == ACTION_RETURN && d->back.step == RETURN_CLONE;
    const struct facts_name *name =
        is_copy && o->leads ? &s->facts.settings.remote
        : is_copy
            ? source_for_clone(&s->facts, clock_ns(clock_system(), CLOCK_BOOT), s->failures > 0)
            : source_of(&s->facts);
    o->source.name = *name;
    o->source.epoch = o->upstream.epoch;
    bool is_placed = name_is_set(name) && supervisor_place_of(s, name, &o->source);
    bool is_told = is_copy && s->facts.wish.clone && s->task.from_leader;
    o->from_leader = is_told;
    if (is_told || (is_copy && !is_placed)) {
        o->source = o->upstream;
    }
}

/* 0: it has no lease of the epoch that it was decided for. */
static uint64_t lease_until_ms(const struct supervisor *s)
{
    struct lease_facts lease;
    uint64_t now_ms = supervisor_now_ms();
    lease_hold_facts(&s->side.hold, now_ms, &lease);
    bool is_it = lease.epoch != 0 && lease.epoch == s->decision.epoch;
    return is_it ? now_ms + lease.remaining_ms : 0;
}

/* What somebody restores and lets out of recovery by hand may have a number that was given. */
static uint32_t timeline_max(const struct facts *f)
{
    const struct history_row *newest = history_newest(&f->store);
    uint32_t most = f->store.grant_timeline;
    most = newest != NULL && newest->timeline > most ? newest->timeline : most;
    for (uint32_t i = 0; i < f->member_count; i++) {
        const struct member_facts *m = &f->members[i];
        bool is_other = !name_is(&m->name, &f->self) && m->end.is_known;
        most = is_other && m->end.timeline > most ? m->end.timeline : most;
    }
    return most;
}

void supervisor_fill_order(struct supervisor *s, struct act_order *o)
{
    memset(o, 0, sizeof(*o));
    o->setup = s->setup;
    o->decision = s->decision;
    o->facts = s->facts;
    o->ask = s->ask;
    o->ask.system_id = s->side.view.rows.system_id;
    const struct row_history *history = &s->side.view.rows.history;
    o->ask.first_epoch = history->count > 0 ? history->at[0].row.epoch : 0;
    o->ask.has_first = history->count < ROW_HISTORY_MAX;
    o->ask.timeline_max = timeline_max(&s->facts);
    o->lease_until_ms = lease_until_ms(s);
    o->home = s->home;
    o->config = s->config;
    o->loaded_us = observe_loaded_us(&s->observe);
    know_sync(&s->facts.pg, &o->config);
    o->postmaster = s->postmaster;
    o->guard_pid = s->facts.guard.state == GUARD_SILENT ? s->guard_pid : 0;
    o->force = s->observe.seen.force;
    o->leads = facts_leads_standby(&s->facts) && s->facts.settings.is_standby_cluster;
    o->has_archive = supervisor_has_archive(s);
    bool is_quiet = s->start_watch.is_open && !observe_is_in_wal(&s->observe);
    o->start_watch = is_quiet ? &s->start_watch : NULL;
    o->failures = s->failures;
    o->upstream.name = s->facts.store.holder;
    o->upstream.epoch = s->facts.store.grant_epoch;
    bool is_remote =
        o->leads || (s->facts.store.grant_is_standby && o->decision.action == ACTION_RETURN &&
                     o->decision.back.step == RETURN_REWIND);
    if (is_remote) { /* all that there is came from there */
        o->upstream.name = s->facts.settings.remote;
    }
    (void)supervisor_place_of(s, &o->upstream.name, &o->upstream);
    fill_source(s, o);
    o->method = s->method_epoch == s->facts.store.grant_epoch ? s->method_next : 0;
}

static bool knows_more(const struct supervisor *s)
{
    uint64_t wanted = s->side.view.rows.system_id;
    return s->has_home && s->home.system_id != 0 && wanted != 0 && s->home.asked != wanted;
}

bool supervisor_is_home_doubtful(const struct supervisor *s)
{
    return knows_more(s) && s->home.data == DATA_USABLE && s->home.is_noted == FACT_YES &&
           s->home.system_id != s->side.view.rows.system_id;
}

/* ... or that they are these. */
static bool is_home_settled(const struct supervisor *s)
{
    return knows_more(s) && s->home.is_first;
}

/* Nothing runs and nothing is to be done: somebody may put another directory in its place, or mend
 * what is amiss with it, and waits to be told. */
static bool is_to_look_again(const struct supervisor *s, uint64_t now_ms)
{
    const struct pg_facts *pg = &s->facts.pg;
    bool is_down = pg->process == PG_ABSENT ||
                   (pg->process == PG_UNKNOWN && pg->data == DATA_FOREIGN); /* without a guard */
    bool is_idle = s->decision.action == ACTION_WAIT && is_down && s->facts.lease.epoch == 0 &&
                   !s->is_stopping;
    return is_idle && s->has_home && now_ms - s->home_looked_ms >= LOOK_AGAIN_MS;
}

static void look_home(struct supervisor *s)
{
    s->home_looked_ms = supervisor_now_ms();
    supervisor_fill_order(s, &s->act.order);
    s->act.order.decision = (struct decision){.action = ACTION_WAIT};
    s->is_looking_home = true;
    s->is_home_stale = false;
    act_look(&s->act);
}

/* What it does is to be seen soon; of a promotion the guard tells. Every look costs a little of
 * what others need just then. */
static uint64_t hurry_ms(const struct decision *d)
{
    bool is_told = d->action == ACTION_SEAL || d->action == ACTION_ARM ||
                   d->action == ACTION_PROMOTE || d->action == ACTION_RECORD;
    return is_told ? SEAL_HURRY_MS : HURRY_MS;
}

/* Once, however often it is done again. */
static void tell_done(const struct supervisor *s)
{
    const struct decision *d = &s->decision;
    bool sweeps = d->action == ACTION_KILL && s->facts.guard.state == GUARD_GONE &&
                  s->facts.pg.process == PG_UNKNOWN;
    if (act_is_same(&s->done, d)) {
        return;
    }
    if (sweeps) {
        log_info("supervisor", "looks for what an earlier guard may have left",
                 LOG_STR("rule", d->rule));
    } else {
        log_info("supervisor", "does", LOG_STR("action", action_name(d->action)),
                 LOG_STR("rule", d->rule), LOG_U64("epoch", d->epoch));
    }
}

static void begin(struct supervisor *s)
{
    const struct decision *d = &s->decision;
    supervisor_fill_order(s, &s->act.order);
    tell_done(s);
    if (d->action == ACTION_START_PRIMARY && s->facts.wish.switchover) {
        s->wish_refused = s->side.view.rows.row[KEY_FAILOVER].mod_revision; /* supervisor_wish.c */
    }
    s->done = *d;
    observe_hurry(&s->observe, hurry_ms(d));
    act_carry_out(&s->act);
}

/* ---- what came of one ---- */

static const char *reason_of(const struct supervisor *s)
{
    const struct history_row *newest = history_newest(&s->facts.store);
    bool was_wanted = newest != NULL && newest->epoch == s->wish_epoch;
    return s->facts.store.initialized != FACT_YES ? "new cluster"
           : was_wanted                           ? "switchover"
                                                  : "failover";
}

static void record(struct supervisor *s, const struct act_order *o)
{
    char stamp[CLOCK_STAMP_SIZE];
    const struct holder_timeline what = {
        .row = o->row,
        .system_id = o->home.note.system_id,
        .copy = o->home.note.copy,
        .inherited = sync_inherit(&s->facts),
        .reason = reason_of(s),
        .stamp = clock_stamp(clock_ns(clock_system(), CLOCK_WALL), stamp),
    };
    if (facts_leads_standby(&o->facts)) {
        (void)holder_remote(&s->side.holder, &s->side.view, supervisor_now_ms(),
                            o->home.note.system_id);
        return;
    }
    if (what.row.epoch == s->facts.lease.epoch) {
        (void)holder_timeline(&s->side.holder, &s->side.view, supervisor_now_ms(), &what);
    }
}

/* What the guard does not do yet, or a thread has not come back from, is waited out: once it is
 * news. Nothing was begun, so it counts as no failure of what was to be done. */
static bool is_waited_out(const struct supervisor *s, const struct act *a)
{
    bool is_known = strcmp(s->trouble, a->err.msg) == 0;
    enum log_level level = is_known ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN;
    if (a->err.code != ERR_BUSY) {
        return false;
    }
    if (log_is_on(level, "supervisor")) {
        const struct log_field fields[] = {LOG_STR("action", action_name(a->order.decision.action)),
                                           LOG_ERR(&a->err), LOG_END};
        log_event(level, "supervisor", "has to wait", fields);
    }
    return true;
}

static bool is_start(const struct decision *d)
{
    return d->action == ACTION_START_STANDBY || d->action == ACTION_START_PRIMARY;
}

/* A start that failed may have come so far as to look at the configuration. */
static void take_config_reads(struct supervisor *s, const struct act_order *o)
{
    if (is_start(&o->decision) && o->config_reads != FACT_UNKNOWN) {
        s->config_reads = o->config_reads;
        memcpy(s->config_says, o->config_says, sizeof(s->config_says));
    }
}

/* A configuration that can not be read is tried until somebody has mended it: once it is news. */
static void log_failure(const struct act *a, bool is_known)
{
    const struct decision *d = &a->order.decision;
    bool is_told = is_known && is_start(d) && a->order.config_reads == FACT_NO;
    enum log_level level = is_told ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN;
    if (log_is_on(level, "supervisor")) {
        const struct log_field fields[] = {LOG_STR("action", action_name(d->action)),
                                           LOG_ERR(&a->err), LOG_END};
        log_event(level, "supervisor", "failed", fields);
    }
}

/* Nothing is stopped without a checkpoint before. */
static void note_hand_over(struct supervisor *s, const struct act *a)
{
    if (a->order.decision.action == ACTION_HAND_OVER && !a->asks_stop &&
        a->err.code != ERR_CANCELED) {
        s->wish_failed = s->side.view.rows.row[KEY_FAILOVER].mod_revision;
        (void)snprintf(s->wish_why, sizeof(s->wish_why), "%s", a->err.msg);
    }
}

static void failed(struct supervisor *s, const struct act *a, uint64_t now_ms)
{
    bool is_copy = act_is_work_inside(&a->order.decision);
    note_hand_over(s, a);
    uint64_t max_ms = is_copy ? COPY_AGAIN_MAX_MS : FAILED_MAX_MS;
    s->not_before_ms = now_ms + backoff_ms(FAILED_MS, s->failures, max_ms);
    /* What was not stopped because nobody wants it any more is no shutdown that does not end. */
    s->failures += a->order.decision.action == ACTION_STOP && !a->asks_stop ? 0 : 1;
    if (a->order.owes_bootstrap) {
        s->begin_after_ms = now_ms + BEGIN_AGAIN_MS;
        (void)snprintf(s->trouble, sizeof(s->trouble), "post_bootstrap: %s", a->reason);
        s->trouble_of = a->order.decision.action;
    }
    if (a->err.code == ERR_CANCELED) {
        s->not_before_ms = now_ms;
        return;
    }
    bool waits = is_waited_out(s, a);
    bool is_known = strcmp(s->trouble, a->err.msg) == 0;
    (void)snprintf(s->trouble, sizeof(s->trouble), "%s", a->err.msg);
    s->trouble_of = a->order.decision.action;
    if (waits) {
        return;
    }
    take_config_reads(s, &a->order);
    log_failure(a, is_known);
    if (is_start(&a->order.decision) && s->facts.store.paused == FACT_NO) {
        task_died(&s->task, a->err.msg); /* others are not kept from it: in a pause nobody could */
    }
    if (a->order.decision.action != ACTION_RETURN) {
        return;
    }
    if (a->order.decision.back.step == RETURN_REWIND) {
        s->back.rewind_failures++;
    } else if (a->order.decision.back.step == RETURN_KEEP_WAL) {
        if (s->stuck.is_stuck) {
            stuck_forgive(&s->stuck); /* it can be read from until there is room */
        }
        starts_forgive(&s->starts); /* that may be what keeps it down */
    }
}

static void succeeded(struct supervisor *s, const struct act *a, uint64_t now_ms)
{
    const struct decision *d = &a->order.decision;
    s->failures = 0;
    s->trouble[0] = '\0';
    s->done = *d; /* as far as it came */
    s->again_ms = now_ms + AGAIN_MS;
    s->home = a->order.home;
    s->config = a->order.config;
    if (is_start(d)) {
        s->config_reads = a->order.config_reads;
        memcpy(s->config_says, a->order.config_says, sizeof(s->config_says));
        s->is_reload_due = s->next_setup != NULL; /* it has just read what there is */
        s->scripts.has_news = s->scripts.has_news && s->is_reload_due;
    }
    bool is_sync_set = d->action == ACTION_SYNC_SET && a->order.is_reloaded;
    bool is_cut = d->action == ACTION_SEAL && d->seal == SEAL_EMPTY_CONNINFO;
    if (is_cut || d->action == ACTION_FOLLOW || is_sync_set) {
        observe_reloaded(&s->observe, a->order.loaded_us);
    }
    if (d->action == ACTION_KILL) {
        s->is_swept = s->facts.guard.state == GUARD_GONE;
    } else if (d->action == ACTION_RECORD) {
        record(s, &a->order);
    } else if (d->action == ACTION_RETURN && d->back.step == RETURN_KEEP_WAL) {
        s->kept_copy = a->order.home.note.copy;
        s->kept_epoch = a->order.facts.store.grant_epoch;
    } else if (d->action == ACTION_RETURN) {
        /* A rewind that succeeds and does not help counts as one that failed: until it streams. */
        uint32_t rewinds = d->back.step == RETURN_REWIND ? s->back.rewind_failures + 1 : 0;
        s->back = (struct return_facts){.rewind_failures = rewinds};
        if (d->back.step == RETURN_CLONE) {
            /* If these data do not come to stream, the next copy is made in another way. */
            s->method_epoch = s->facts.store.grant_epoch;
            s->method_next = a->order.method + 1;
            task_cloned(&s->task, now_ms);
        }
        s->look_again_ms = now_ms;
    }
}

/* A PostgreSQL that no pgraft has made or taken over. */
static bool is_nobodys(const struct supervisor *s)
{
    return s->has_home && s->home.data == DATA_USABLE && s->home.is_noted == FACT_NO;
}

/* ... or that somebody has restored, and an operator may want. */
static bool home_is_fit(const struct supervisor *s)
{
    return s->has_home && s->home.data == DATA_FOREIGN && s->home.restored == RESTORED_FIT;
}

static bool is_left_alone(const struct supervisor *s)
{
    return s->home.data == DATA_FOREIGN || (is_nobodys(s) && !s->adopts);
}

void supervisor_home_amiss(const struct supervisor *s, char out[ERR_MSG_MAX])
{
    if (is_left_alone(s) && s->home.data != DATA_FOREIGN) {
        (void)snprintf(out, ERR_MSG_MAX,
                       "its data directory carries no note of pgraft, and is left alone with all "
                       "that runs on it: start pgraftd once with --adopt to take it over, or empty "
                       "it to have it cloned");
    } else {
        (void)snprintf(out, ERR_MSG_MAX, "%s%.215s",
                       is_left_alone(s) ? "its data directory is left alone: " : "", s->home.why);
    }
}

/* Once: it is looked at again and again. */
static void tell_home(struct supervisor *s)
{
    char amiss[ERR_MSG_MAX];
    supervisor_home_amiss(s, amiss);
    if (amiss[0] != '\0' && strcmp(amiss, s->home_told) != 0) {
        const struct log_field fields[] = {LOG_STR("text", amiss),
                                           LOG_STR("directory", s->setup->files.data_dir), LOG_END};
        log_event(is_left_alone(s) ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN, "supervisor",
                  "data directory", fields);
    }
    memcpy(s->home_told, amiss, sizeof(amiss));
}

void supervisor_act_done(struct act *a)
{
    struct supervisor *s = (struct supervisor *)a->owner;
    uint64_t now_ms = supervisor_now_ms();
    if (s->is_looking_home) {
        s->is_looking_home = false;
        s->has_home = s->has_home || a->err.code == 0;
        s->home = a->err.code == 0 ? a->order.home : s->home;
        s->is_home_stale = a->err.code != 0 || strcmp(a->order.ask.cluster, s->ask.cluster) != 0;
        if (a->err.code != 0 && s->not_before_ms < now_ms + FAILED_MS) {
            s->not_before_ms =
                now_ms + FAILED_MS; /* what has failed before waits as long as it did */
        }
        tell_home(s);
        supervisor_soon(s);
        return;
    }
    if (s->is_reloading) {
        supervisor_reloaded(s, now_ms);
        supervisor_soon(s);
        return;
    }
    if (supervisor_pre_promoted(s, now_ms)) {
        supervisor_soon(s);
        return;
    }
    if (a->order.decision.action == ACTION_INITDB || a->order.decision.action == ACTION_RETURN) {
        observe_files_changed(&s->observe);
    }
    if (a->err.code == 0) {
        succeeded(s, a, now_ms);
    } else {
        failed(s, a, now_ms);
        s->is_home_stale = true;
        if (act_is_work_inside(&a->order.decision) || a->order.decision.action == ACTION_RETURN) {
            /* It may have been told to keep its hands off; if it was not, nothing changes. */
            (void)guard_client_ask(&s->guard, GUARD_WATCH, 0, 1, NULL, NULL);
        }
    }
    supervisor_soon(s);
}

bool supervisor_act_is_wanted(const struct act *a)
{
    const struct supervisor *s = (const struct supervisor *)a->owner;
    return act_is_same(&a->order.decision, &s->decision);
}

/* ---- decisions ---- */

/* Done at once. */
static void do_now(struct supervisor *s, uint64_t now_ms)
{
    const struct decision *d = &s->decision;
    if (d->action == ACTION_START_GUARD) {
        supervisor_meet_guard(s, true);
        s->not_before_ms = now_ms + FAILED_MS;
    } else if (d->action == ACTION_RELEASE) {
        if (lease_hold_let_go(&s->side.hold)) {
            supervisor_write_page(s);
            (void)lease_hold_release(&s->side.hold, now_ms);
            tell_done(s);
            s->done = *d;
        }
        s->not_before_ms = now_ms + AGAIN_MS;
    } else if (d->action == ACTION_SYNC_SET && d->sync.step == SYNC_STEP_PUBLISH) {
        (void)holder_sync(&s->side.holder, &s->side.view, now_ms, &d->sync.publish,
                          d->sync.revision);
    } else if (d->action == ACTION_SYNC_SET || d->action == ACTION_WRITE_SIGNAL ||
               d->action == ACTION_SEAL) {
        const struct pg_facts *pg = &s->facts.pg;
        bool is_unseen = pg->force == FORCE_UNKNOWN ||
                         (pg->force == FORCE_OURS && pg->in_force_lsn == IN_FORCE_UNSEEN);
        if (d->action != ACTION_SYNC_SET || is_unseen) { /* else who follows says so himself */
            observe_hurry(&s->observe, hurry_ms(d));     /* somebody else does it: look for it */
        }
    }
}

/* With a guard goes what it held, but a new one believes at first that nothing runs: what is left
 * is ended by this program before it is asked (safety A3, B6). */
static bool kills_without_guard(const struct supervisor *s)
{
    return s->decision.action == ACTION_KILL && s->facts.guard.state == GUARD_GONE;
}

static bool wants_new_guard(const struct supervisor *s)
{
    return kills_without_guard(s) && (s->is_swept || !s->has_home);
}

/* Its checkpoint may take minutes, and nothing is interrupted before it is over: a pause, a wish
 * that has gone, or nobody who could take over any more, and PostgreSQL is not stopped. That it is
 * busy and does not say how it is, is no reason. */
static bool is_called_off(const struct supervisor *s)
{
    const struct facts *f = &s->facts;
    bool is_known = f->pg.role == ROLE_PRIMARY || f->store.paused != FACT_NO || !f->wish.switchover;
    return s->act.order.decision.action == ACTION_HAND_OVER && s->act.sql != NULL &&
           s->decision.action != ACTION_HAND_OVER && is_known;
}

/* An operator has it restarted, and it still runs: before_stop may take its time, and an election
 * that waits for this node's word waits for that. It is restarted after. */
static bool is_before_stop(const struct supervisor *s)
{
    return s->act.order.decision.action == ACTION_STOP && !s->act.asks_stop;
}

/* What runs gives way to what is more urgent; another program that works in the data directory only
 * to the end of it all. */
static bool gives_way(const struct supervisor *s)
{
    const struct decision *old = &s->act.order.decision;
    const struct decision *d = &s->decision;
    if (s->is_looking_home) {
        /* A disk may hold it up. What has to wait for a look all the same does not end it: then the
         * next one would be ended as well, and so on. */
        return s->has_home && d->action == ACTION_KILL && !kills_without_guard(s);
    }
    if (act_is_same(old, d)) {
        /* Asked for a stop in order, and the last of the lease has come meanwhile; or for a
         * restart, whose checkpoint has more time than there is at the end of this program. */
        bool is_end_new = s->facts.wish.stop && !s->act.order.facts.wish.stop;
        return d->action == ACTION_STOP && !s->act.asks_stop &&
               (act_is_pressed(&s->facts) || is_end_new);
    }
    if (is_before_stop(s) && d->action == ACTION_SEAL) {
        return true;
    }
    if (old->action == ACTION_SEAL && old->seal == SEAL_STOP && d->action == ACTION_SEAL) {
        return false; /* it is on its way down, and what is seen of it is less with each moment */
    }
    /* A promotion is with the guard, which looks at lease and epoch itself; what is withdrawn from
     * it half way ends PostgreSQL. */
    bool is_promotion = (old->action == ACTION_PROMOTE || old->action == ACTION_PRE_PROMOTE) &&
                        old->epoch == d->epoch && s->facts.pg.process != PG_ABSENT;
    bool is_end = d->action == ACTION_KILL || d->action == ACTION_STOP || s->is_stopping;
    /* What follows a change of the set is no hurry: the sequence still wakes commits that wait. */
    bool is_next = d->action == ACTION_SYNC_SET && old->action == ACTION_SYNC_SET &&
                   d->sync.step != SYNC_STEP_APPLY;
    bool is_in_vain = (old->action == ACTION_INITDB && s->facts.store.initialized == FACT_YES) ||
                      (old->action == ACTION_PRE_PROMOTE && old->epoch != s->facts.lease.epoch);
    bool is_else = d->action != ACTION_WAIT && !is_next && old->action != ACTION_STOP &&
                   old->action != ACTION_KILL && old->action != ACTION_HAND_OVER;
    return is_end || is_in_vain || is_called_off(s) ||
           (is_else && !is_promotion && !act_is_work_inside(old));
}

/* Something else to do is done at once. To have to wait is nothing else: what has failed makes
 * facts unknown for a moment, and would be tried again with each of them that comes back. */
static void forget_failures(struct supervisor *s, uint64_t now_ms)
{
    bool is_other = !act_is_same(&s->done, &s->decision);
    bool is_calm = s->decision.action == ACTION_WAIT;
    if (s->failures > 0 && is_other && (!is_calm || now_ms >= s->not_before_ms + FORGET_MS)) {
        s->failures = 0;
        s->not_before_ms = now_ms;
    }
}

/* By files that PostgreSQL has to read again: it is told no more often than it may be. */
static bool has_to_wait_for_reload(const struct supervisor *s)
{
    const struct decision *d = &s->decision;
    bool is_cut = d->action == ACTION_SEAL && d->seal == SEAL_EMPTY_CONNINFO;
    bool reloads = is_cut || d->action == ACTION_FOLLOW || d->action == ACTION_SYNC_SET;
    return reloads && !observe_may_reload(&s->observe);
}

void supervisor_carry_out(struct supervisor *s, uint64_t now_ms)
{
    struct decision *d = &s->decision;
    if (s->act.is_running) {
        if (gives_way(s)) {
            act_cancel(&s->act);
        }
        return;
    }
    forget_failures(s, now_ms);
    if (now_ms < s->not_before_ms) {
        return;
    }
    if (d->action == ACTION_RECORD && holder_is_pending(&s->side.holder)) {
        return; /* it is on its way */
    }
    if (d->action == ACTION_HAND_OVER && supervisor_answers_wish(s)) {
        return; /* it was dropped in this very look */
    }
    if (d->action == ACTION_INITDB && now_ms < s->begin_after_ms) {
        return;
    }
    if (is_start(d) && now_ms < s->starts.not_before_ms) {
        return; /* those before have ended at once */
    }
    if (supervisor_wants_quiet(s, now_ms) && observe_is_in_wal(&s->observe)) {
        return; /* how far it comes is to be seen */
    }
    bool is_copy = d->action == ACTION_RETURN && d->back.step == RETURN_CLONE;
    if (is_copy && supervisor_is_new_here(s, now_ms)) {
        return; /* whom to copy depends on who is there */
    }
    bool is_to_be_taken = (is_nobodys(s) && s->adopts) || home_is_fit(s);
    if (is_to_be_taken && s->facts.guard.state == GUARD_GONE) {
        supervisor_meet_guard(s, true); /* it tells whether something runs, and takes that over */
        s->not_before_ms = now_ms + FAILED_MS;
        return;
    }
    s->is_home_stale = s->is_home_stale || supervisor_is_home_doubtful(s) || is_home_settled(s) ||
                       is_to_look_again(s, now_ms);
    bool is_urgent =
        (d->action == ACTION_KILL && !kills_without_guard(s)) || d->action == ACTION_STOP;
    if (!s->has_home || (s->is_home_stale && !is_urgent)) {
        look_home(s); /* whatever runs: whose it is comes first */
    } else if (wants_new_guard(s)) {
        supervisor_meet_guard(s, true);
        s->not_before_ms = now_ms + FAILED_MS;
    } else if (d->action == ACTION_STOP && s->failures > STOPS_MAX) {
        d->action = ACTION_KILL;
        begin(s);
    } else if (act_has_sequence(d)) {
        bool is_due = now_ms >= s->again_ms || !act_is_same(&s->done, d);
        if (is_due && !has_to_wait_for_reload(s)) {
            begin(s);
        }
    } else if (!supervisor_reload(s, now_ms)) {
        do_now(s, now_ms);
    }
}
