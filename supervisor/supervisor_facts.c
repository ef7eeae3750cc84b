/* supervisor/supervisor_facts.c - from everything that is known to the facts of one look. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "supervisor/card.h"
#include "supervisor/supervisor_parts.h"
#include "supervisor/wish.h"

#define HEARING_FRESH 2
#define UNREAD_TOLD 2 /* reads that failed */

/* What this program is just taking apart is not whole, whatever it was when it was looked at. */
static void gather_home(const struct supervisor *s, struct pg_facts *pg)
{
    const struct home *home = &s->home;
    pg->data = s->has_home ? home->data : DATA_UNKNOWN;
    pg->is_noted = s->has_home ? home->is_noted : FACT_UNKNOWN;
    pg->restored = s->has_home ? home->restored : RESTORED_NOT;
    bool is_ours = pg->data == DATA_USABLE && pg->is_noted == FACT_YES;
    pg->copy = is_ours ? home->note.copy : 0;
    pg->sealed_epoch = is_ours ? home->note.sealed_epoch : 0;
    bool is_torn = s->act.is_running && !s->is_looking_home &&
                   act_is_work_inside(&s->act.order.decision) &&
                   s->act.order.decision.action == ACTION_RETURN;
    if (is_torn) {
        pg->data = DATA_BROKEN;
        pg->copy = 0;
        pg->end = (struct position){.is_known = false};
    }
    if (supervisor_is_home_doubtful(s)) {
        pg->data = DATA_UNKNOWN;
        pg->copy = 0;
    }
}

/* The time for a promotion begins when there is something to promote. */
static void gather_making(struct supervisor *s, uint64_t now_ms, struct facts *f)
{
    f->pg.is_made =
        s->act.is_running && !s->is_looking_home && s->act.order.decision.action == ACTION_INITDB;
    s->made_ms = f->pg.is_made ? now_ms : s->made_ms;
    uint64_t since_ms = now_ms - s->made_ms;
    f->lease.age_ms = f->lease.age_ms < since_ms ? f->lease.age_ms : since_ms;
}

static void gather_wanted(struct supervisor *s)
{
    struct sync_copy copies[FACTS_MEMBERS_MAX];
    uint32_t count = 0;
    const struct facts *f = &s->facts;
    for (uint32_t i = 0; i < f->member_count; i++) {
        const struct member_facts *m = &f->members[i];
        if (m->is_database && !m->nosync && !name_is(&m->name, &f->self)) {
            copies[count++] = (struct sync_copy){.name = m->name, .copy = m->copy};
        }
    }
    observe_wanted(&s->observe, copies, count, s->settings.sync_nodes);
}

/* Of one read that failed nothing is said: a server may just have begun or ended. */
static void tell_unread(struct supervisor *s, const struct pg_facts *pg)
{
    const struct pg_seen *seen = &s->observe.seen;
    if (pg->end.is_known || pg->data != DATA_USABLE) {
        s->unread_trouble[0] = '\0';
    } else if (seen->read_failures >= UNREAD_TOLD &&
               strcmp(s->unread_trouble, seen->read_err.msg) != 0) {
        memcpy(s->unread_trouble, seen->read_err.msg, sizeof(s->unread_trouble));
        log_warn("supervisor", "the end of its WAL can not be read", LOG_ERR(&seen->read_err));
    }
}

static void gather_starts(struct supervisor *s, const struct pg_facts *pg)
{
    starts_look(&s->starts, pg->copy, pg->process == PG_RUNNING);
    if (pg->process == PG_RUNNING || pg->data != DATA_USABLE) {
        s->start_trouble[0] = '\0';
    }
}

/* What the rules see of it is that nothing answers, and a start that stands still. */
static void gather_door(struct supervisor *s, uint64_t now_ms, struct pg_facts *pg)
{
    const struct door_seen seen = {.process = pg->process,
                                   .down_ms = pg->down_ms,
                                   .state = s->observe.seen.door_state,
                                   .reason = observe_door_reason(&s->observe)};
    bool is_new = door_trouble_look(&s->door, &seen, now_ms);
    memcpy(pg->unreachable, s->door.text, sizeof(pg->unreachable));
    if (!is_new) {
        return;
    }
    if (s->door.text[0] != '\0') {
        log_warn("supervisor", "no connection", LOG_STR("text", s->door.text));
    } else {
        log_info("supervisor", "no connection is over");
    }
    s->has_news = true;
}

/* Once, until it may be seen. */
static void tell_blind(struct supervisor *s)
{
    const struct pg_seen *seen = &s->observe.seen;
    if (!seen->has_door) {
        return;
    }
    if (!seen->door.may_see_files && !s->is_blind_told) {
        log_warn("config", "not seen",
                 LOG_STR("text",
                         "the role of pgraft may not see whether PostgreSQL would refuse to "
                         "load its configuration: GRANT EXECUTE ON FUNCTION "
                         "pg_catalog.pg_show_all_file_settings() to it, in its database"));
    }
    s->is_blind_told = !seen->door.may_see_files;
}

/* One bad line in any of its files, and it goes on by all that it had before. That counts only if
 * it was seen to refuse; what is wrong with the files is told before, for whoever has changed them.
 */
static void gather_config(struct supervisor *s, const struct pg_facts *pg)
{
    char text[ERR_MSG_MAX] = "";
    if (pg->process == PG_RUNNING) {
        s->config_reads = pg->reload_refused ? FACT_NO : FACT_YES;
    }
    if (pg->config_wrong[0] != '\0') {
        (void)snprintf(text, sizeof(text), "%s: %s",
                       pg->reload_refused ? "PostgreSQL refuses to load its configuration"
                                          : "PostgreSQL would refuse to load its configuration",
                       pg->config_wrong);
    }
    if (pg->reload_refused) {
        memcpy(s->config_says, text, sizeof(text));
    }
    if (text[0] != '\0' && strcmp(text, s->load_trouble) != 0) {
        log_warn("config", "not loaded", LOG_STR("text", text));
    }
    memcpy(s->load_trouble, text, sizeof(text));
}

/* It is read after every end: a restart in place and a release wait for it (rule end-unread). */
static void gather_end(struct supervisor *s, uint64_t now_ms, struct pg_facts *pg)
{
    tell_unread(s, pg);
    bool is_unread = pg->process == PG_ABSENT && pg->data == DATA_USABLE && !pg->end.is_known;
    if (pg->end.is_known && pg->copy != 0) {
        s->had = pg->end;
        s->had_copy = pg->copy;
    }
    if (pg->copy != 0 && pg->copy == s->had_copy) {
        pg->had = s->had;
    }
    if (!is_unread) {
        s->unread_since_ms = 0;
        return;
    }
    s->unread_since_ms = s->unread_since_ms != 0 ? s->unread_since_ms : now_ms;
    pg->end_unread_ms = now_ms - s->unread_since_ms;
}

/* What was seen once stays true for this copy, also while nothing answers. */
static void gather_primary(struct supervisor *s, struct facts *f)
{
    bool is_primary = f->pg.role == ROLE_PRIMARY || f->guard.promotion_seen == FACT_YES;
    if (is_primary && f->lease.epoch != 0 && f->guard.promoted_epoch == f->lease.epoch &&
        f->pg.copy != 0) {
        s->primary_epoch = f->lease.epoch;
        s->primary_copy = f->pg.copy;
    }
    f->pg.primary_epoch = f->pg.copy == s->primary_copy ? s->primary_epoch : 0;
}

/* As the last look decided. */
static void gather_killing(struct supervisor *s, uint64_t now_ms, struct pg_facts *pg)
{
    bool is_killing =
        s->has_decision && s->decision.action == ACTION_KILL && pg->process != PG_ABSENT;
    if (!is_killing) {
        s->killing_since_ms = 0;
        return;
    }
    s->killing_since_ms = s->killing_since_ms != 0 ? s->killing_since_ms : now_ms;
    pg->killing_ms = now_ms - s->killing_since_ms;
}

/* As the last look decided. */
static void gather_signal(struct supervisor *s, uint64_t now_ms, struct pg_facts *pg)
{
    if (!s->has_decision || s->decision.action != ACTION_WRITE_SIGNAL) {
        s->signal_since_ms = 0;
        return;
    }
    s->signal_since_ms = s->signal_since_ms != 0 ? s->signal_since_ms : now_ms;
    pg->signal_ms = now_ms - s->signal_since_ms;
}

/* The guard counts as one that starts it also what ends with its files. */
static void gather_restart(struct supervisor *s, uint64_t now_ms, struct facts *f)
{
    bool is_begun = s->has_decision && s->decision.action == ACTION_START_PRIMARY;
    if (f->pg.process == PG_RUNNING || f->lease.epoch == 0 || f->lease.epoch != s->restart_epoch) {
        s->restart_since_ms = 0;
    }
    if (is_begun && s->restart_since_ms == 0) {
        s->restart_since_ms = now_ms;
        s->restart_epoch = f->lease.epoch;
    }
    f->pg.restart_ms = s->restart_since_ms != 0 ? now_ms - s->restart_since_ms : 0;
}

static void gather_stopping(struct supervisor *s, uint64_t now_ms, struct pg_facts *pg)
{
    if (s->act.is_running && s->act.asks_stop) {
        s->stop_asked_of = s->postmaster;
    } else if (pg->process == PG_RUNNING && !s->act.is_running) {
        s->stop_asked_of = 0; /* it was asked in vain */
    }
    pg->ended_epoch = pg->process == PG_ABSENT ? s->ended_epoch : 0;
    if (pg->process != PG_STOPPING) {
        s->stopping_since_ms = 0;
        return;
    }
    s->stopping_since_ms = s->stopping_since_ms != 0 ? s->stopping_since_ms : now_ms;
    pg->stopping_ms = now_ms - s->stopping_since_ms;
}

void supervisor_gather_waits(struct supervisor *s, uint64_t now_ms, struct facts *f)
{
    gather_stopping(s, now_ms, &f->pg);
    gather_killing(s, now_ms, &f->pg);
    gather_signal(s, now_ms, &f->pg);
    gather_restart(s, now_ms, f);
}

#define WISH_HURRY_MS 500

/* One that was given up is not begun again: each try costs an outage. */
static void gather_switchover(struct supervisor *s, uint64_t now_ms, struct facts *f)
{
    const struct store_row *row = &s->side.view.rows.row[KEY_FAILOVER];
    if (row->is_there && row->mod_revision != s->wish_seen) {
        s->wish_seen = row->mod_revision;
        s->wish_seen_ms = now_ms;
    }
    if (f->wish.accepts_loss && f->store.paused != FACT_NO) {
        s->wish_seen_ms = now_ms; /* it is for when the pause is over */
    }
    bool is_due = row->is_there && !s->side.view.rows.failover.is_scheduled;
    if (is_due && now_ms - s->wish_seen_ms < WISH_MAX_MS) {
        observe_hurry(&s->observe, WISH_HURRY_MS); /* how far a standby is counts in moments */
    }
    if (row->is_there && name_is_set(&f->wish.candidate)) {
        s->wish_epoch = f->store.grant_epoch;
    }
    if (f->wish.switchover) {
        s->wish_epoch = f->store.grant_epoch;
        f->wish.switchover = row->mod_revision != s->wish_refused;
    }
    const struct wish_seen seen = {.is_begun = supervisor_hands_over(s),
                                   .is_answered = supervisor_answers_wish(s),
                                   .seen_ms = now_ms - s->wish_seen_ms};
    f->wish.is_over = row->is_there && wish_is_over(&seen);
}

#define HASTE_MAX_MS 10000 /* an election, or a fence, may stand for days */

bool supervisor_is_in_haste(const struct supervisor *s)
{
    const struct facts *f = &s->facts;
    bool is_fenced = f->pg.role == ROLE_PRIMARY && f->pg.force == FORCE_FENCE &&
                     f->lease.epoch != 0 && f->lease.age_ms < HASTE_MAX_MS;
    return s->supervises && (is_fenced || store_view_is_turning(&s->side.view));
}

/* By the newest tags: others are told of them at the same time. */
static void gather_source(struct supervisor *s, uint64_t now_ms, struct facts *f)
{
    const struct own_tags *tags = &supervisor_newest(s)->tags;
    f->source =
        (struct source_facts){.replicatefrom = tags->replicatefrom, .nostream = tags->nostream};
    f->source.is_settled = source_settle(&s->source, f, now_ms);
}

bool supervisor_is_new_here(const struct supervisor *s, uint64_t now_ms)
{
    return now_ms - s->assumed_ms < HEARING_FRESH * s->settings.times.fresh_ms;
}

static void gather_postgresql(struct supervisor *s, uint64_t now_ms)
{
    struct facts *f = &s->facts;
    observe_published(&s->observe, &f->store.sync);
    if (!s->has_assumed && s->side.view.is_read) {
        observe_assume_published(&s->observe);
        s->has_assumed = true;
        s->assumed_ms = now_ms;
    }
    if (supervisor_is_new_here(s, now_ms)) {
        f->store.sync_pending = true; /* whoever was not heard yet by this life is not away */
    }
    gather_wanted(s);
    observe_fill(&s->observe, f);
    f->guard.owes_start = act_owes_start(&s->act, s->observe.options.guard_answer_ms);
    if (f->pg.role == ROLE_PRIMARY && f->pg.force == FORCE_FENCE) {
        answer_follows(&s->side.view.answers, &f->store, now_ms, f->members, f->member_count);
    }
    f->pg.crashes = supervisor_crashes(s, now_ms);
    gather_home(s, &f->pg);
    gather_making(s, now_ms, f);
    gather_end(s, now_ms, &f->pg);
    gather_starts(s, &f->pg);
    tell_blind(s);
    gather_config(s, &f->pg);
    supervisor_gather_back(s, now_ms);
    gather_source(s, now_ms, f);
    f->wish.stop = s->is_stopping;
    f->wish.is_leaving = s->act.is_running && s->act.is_leaving;
    f->wish.has_left = !s->act.is_running && s->act.is_leaving;
    f->wish.adopt = s->adopts;
    gather_switchover(s, now_ms, f);
    supervisor_gather_scripts(s, now_ms, f);
    s->was_up = s->was_up || f->pg.process == PG_RUNNING;
    s->absent_ms = f->pg.process != PG_ABSENT ? 0 : s->absent_ms != 0 ? s->absent_ms : now_ms;
    f->pg.down_ms = s->absent_ms != 0 ? now_ms - s->absent_ms + 1 : 0;
    gather_door(s, now_ms, &f->pg);
    gather_primary(s, f);
    supervisor_gather_waits(s, now_ms, f);
    f->pg.starting_ms = s->starting_ms != 0 ? now_ms - s->starting_ms : 0;
    supervisor_gather_task(s, now_ms, f);
}

void supervisor_gather(struct supervisor *s, uint64_t now_ms)
{
    memset(&s->facts, 0, sizeof(s->facts));
    store_side_facts(&s->side, now_ms, &s->settings, &s->facts);
    if (s->supervises) {
        if (s->ask.cluster[0] == '\0') { /* which cluster's store it is was not heard yet */
            s->facts.store.initialized = FACT_UNKNOWN;
        }
        gather_postgresql(s, now_ms);
    }
}

bool supervisor_place_of(const struct supervisor *s, const struct facts_name *name,
                         struct act_upstream *out)
{
    const struct roster *roster = &s->side.view.roster;
    const struct pg_setup *setup = s->setup;
    if (name_is_set(name) && name_is(name, &setup->settings.remote)) {
        view_text_set(out->host, sizeof(out->host), setup->remote.host);
        out->port = setup->remote.port;
        return true;
    }
    for (uint32_t i = 0; i < roster->count; i++) {
        const struct words_heard *heard = words_table_of(&s->side.table, roster->at[i].id);
        if (heard == NULL || !heard->is_sound || !name_is(&roster->at[i].name, name)) {
            continue;
        }
        struct view_member member;
        memset(&member, 0, sizeof(member));
        if (card_decode(heard->words.card, &member) && member.host[0] != '\0') {
            view_text_set(out->host, sizeof(out->host), member.host);
            out->port = member.port;
            return true;
        }
    }
    return false;
}
