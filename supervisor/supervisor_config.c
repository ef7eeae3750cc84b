/* supervisor/supervisor_config.c - what the key `config` says is followed, and PostgreSQL told.
 *
 *   the key changes --> owner: sound? --> supervisor_configure() --> settings count at once
 *                            '-> no: the last good one stays     '-> the setup, when no sequence
 *                                                                    reads the old one
 *                                                                    '-> files written, reload
 *
 * What a reload does not change waits for a restart, and is told; nothing is restarted by itself.
 *
 * The lease. A changed time counts with the next grant: the raft leader grants with what the key
 * says at that moment (advisor.h compares it), and what a node does under a lease that stands goes
 * by the time of that very grant, which lies in the store beside it. Else a node that heard of a
 * longer lease would take the short one that it has for one that is at its end. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "supervisor/pg_pending.h"
#include "supervisor/supervisor_parts.h"
#include "supervisor/timing_profile.h"

#define RELOAD_AGAIN_MS 2000
#define KEY_ABSENT UINT64_MAX /* in place of a revision */

const struct pg_setup *supervisor_newest(const struct supervisor *s)
{
    return s->next_setup != NULL ? s->next_setup : s->setup;
}

const char *supervisor_config_amiss(const struct supervisor *s)
{
    const struct pg_setup *newest = supervisor_newest(s);
    bool is_known = !newest->settings.is_guess && newest->times_warning != NULL;
    return s->config_trouble[0] != '\0' ? s->config_trouble : is_known ? newest->times_warning : "";
}

/* ---- the key ---- */

static void release(struct supervisor *s, const struct pg_setup *setup)
{
    if (s->config_owner.released != NULL) {
        s->config_owner.released(s->config_owner.ctx, setup);
    }
}

void supervisor_follow(struct supervisor *s, const struct supervisor_config_owner *owner)
{
    s->config_owner = *owner;
}

static void log_lease(const struct supervisor_settings *old, const struct supervisor_settings *now)
{
    if (!old->is_guess && old->times.lease_ms != now->times.lease_ms) {
        log_info("config", "the lease changes with the next grant",
                 LOG_U64("from_ms", old->times.lease_ms), LOG_U64("to_ms", now->times.lease_ms));
    }
}

void supervisor_configure(struct supervisor *s, const struct pg_setup *setup)
{
    if (s->next_setup != NULL) {
        release(s, s->next_setup); /* nobody came to read it */
    }
    bool is_news = setup->settings.config_revision != s->wanted.config_revision;
    s->scripts.has_news = s->scripts.has_news || !s->wanted.is_guess;
    log_lease(&s->wanted, &setup->settings);
    s->next_setup = setup;
    s->wanted = setup->settings;
    if (s->config_seen == KEY_ABSENT) {
        s->wanted.config_revision = 0;
    }
    s->is_reload_due = !setup->settings.is_guess;
    s->reload_again_ms = 0;
    observe_config_changed(&s->observe);
    if (is_news) {
        s->config_trouble[0] = '\0';
    }
    supervisor_soon(s);
}

void supervisor_refuse_config(struct supervisor *s, uint64_t revision, const char *why)
{
    s->wanted.config_revision = revision;
    (void)snprintf(s->config_trouble, sizeof(s->config_trouble), "%s; %s", why,
                   s->wanted.is_guess ? "without it this node takes no part in elections"
                                      : "the last good one stays in force");
    log_error("config", "the key config can not be used", LOG_STR("text", s->config_trouble),
              LOG_U64("revision", revision));
}

void supervisor_note_reload(struct supervisor *s, const char *trouble)
{
    view_text_set(s->reload_trouble, sizeof(s->reload_trouble), trouble);
    supervisor_soon(s);
}

/* Deleted, or not made yet. */
static void missing(struct supervisor *s, const struct store_rows *rows)
{
    bool has_begun = rows->row[KEY_HISTORY].is_there || rows->row[KEY_INITIALIZE].is_there;
    if (!s->wanted.is_guess) {
        s->wanted.config_revision = 0;
    } else if (has_begun) {
        (void)snprintf(s->config_trouble, sizeof(s->config_trouble),
                       "the key config was deleted, and this node does not know what was in it: "
                       "put it back; until then it takes no part in elections");
        log_error("config", "unknown", LOG_STR("text", s->config_trouble));
    }
}

/* A life that knew a good one goes on by it. One that was started since goes by what was kept, if
 * it is certain that this was the last good one. */
static void bad(struct supervisor *s, uint64_t revision)
{
    if (!s->wanted.is_guess) {
        supervisor_keep_bad(s, revision);
        return;
    }
    if (!config_note_fits(&s->kept, revision) || s->config_owner.changed == NULL) {
        return;
    }
    s->config_owner.changed(s->config_owner.ctx, buf_text(&s->kept.text), revision);
    if (s->wanted.is_guess) {
        return; /* this version can not read what an earlier one has kept */
    }
    config_key_good(&s->config_key, buf_text(&s->kept.text));
    (void)snprintf(s->config_trouble, sizeof(s->config_trouble),
                   "the key config can not be used; the last good value, of revision %llu, which "
                   "was kept in " CONFIG_NOTE_FILE ", is in force",
                   (unsigned long long)s->kept.revision);
    log_warn("config", "kept", LOG_STR("text", s->config_trouble), LOG_U64("revision", revision));
}

static void look_at_key(struct supervisor *s)
{
    const struct store_view *view = &s->side.view;
    const struct store_row *row = &view->rows.row[KEY_CONFIG];
    uint64_t revision = row->is_there ? row->mod_revision : KEY_ABSENT;
    if (!view->is_read || revision == s->config_seen) {
        return;
    }
    s->config_seen = revision;
    if (!row->is_there) {
        missing(s, &view->rows);
    } else if (!row->is_sound) {
        supervisor_refuse_config(s, revision, view->rows.trouble);
    } else if (s->config_owner.changed != NULL) {
        const char *text = buf_text(&view->rows.config);
        s->config_owner.changed(s->config_owner.ctx, text, revision);
        if (s->config_trouble[0] == '\0') {
            config_key_good(&s->config_key, text);
            supervisor_keep_good(s, text, revision);
        }
    }
    if (row->is_there && s->config_trouble[0] != '\0') {
        bad(s, revision);
    }
}

/* ---- what is in force ---- */

static void take_setup(struct supervisor *s)
{
    bool is_read = s->act.is_running || act_is_stuck(&s->act);
    if (s->next_setup == NULL || is_read) {
        return;
    }
    const struct pg_setup *old = s->setup;
    s->setup = s->next_setup;
    s->next_setup = NULL;
    release(s, old);
}

/* What ending PostgreSQL took counts under the lease that stands. */
static void settle_budget(struct supervisor *s)
{
    char text[KILL_BUDGET_TEXT_SIZE];
    bool fits = kill_budget_apply(&s->ends, &s->settings.times, text);
    if (!fits && strcmp(s->ends_trouble, text) != 0) {
        log_warn("supervisor", "the lease is short for what was measured", LOG_STR("text", text));
    }
    memcpy(s->ends_trouble, text, sizeof(text));
}

static void settle(struct supervisor *s)
{
    const struct store_rows *rows = &s->side.view.rows;
    const struct store_row *row = &rows->row[KEY_GRANT];
    uint64_t before_ms = s->settings.times.lease_ms;
    s->settings = s->wanted;
    if (row->is_there && row->is_sound && rows->grant.lease_ms != 0) {
        s->settings.times = timing_for_lease(&s->wanted.times, rows->grant.lease_ms);
    } else if (s->wanted.is_guess) {
        s->settings.times.fast_stop_ms = 0; /* how long the lease is is not known yet */
    }
    settle_budget(s);
    if (s->supervises && s->settings.times.lease_ms != before_ms) {
        observe_retime(&s->observe, s->settings.times.lease_ms);
    }
}

void supervisor_follow_config(struct supervisor *s, uint64_t now_ms)
{
    const struct store_view *view = &s->side.view;
    look_at_key(s);
    take_setup(s);
    settle(s);
    if (view->is_read) {
        struct store_facts facts = {.sync_pending = false};
        store_view_facts(view, now_ms, s->settings.times.fresh_ms, &facts);
        supervisor_keep_tick(s, now_ms);
        config_key_tick(&s->config_key, view, facts.is_current == FACT_YES, now_ms);
    }
}

/* ---- PostgreSQL ---- */

/* What its files have to say beside the setup: what is in force now, by what was seen of it. False:
 * that is not clear, or on its way. But files that are mended just when it is told may be read by
 * some of its processes, and refused by the postmaster: what is in force is not clear then until
 * all are told once more what they were told. */
static bool in_force(const struct supervisor *s, struct act_config *out)
{
    const struct pg_facts *pg = &s->facts.pg;
    bool is_ours = s->config.is_primary && s->config.has_sync;
    if (pg->role == ROLE_PRIMARY && pg->force == FORCE_UNKNOWN && is_ours &&
        observe_owes_reload(&s->observe)) {
        *out = s->config;
        return true;
    }
    memset(out, 0, sizeof(*out));
    out->is_primary = pg->role == ROLE_PRIMARY;
    if (out->is_primary) {
        out->has_sync = pg->force == FORCE_OURS;
        out->sync = pg->set_in_force;
        return pg->force == FORCE_OURS || pg->force == FORCE_FENCE;
    }
    if (pg->role != ROLE_STANDBY || pg->conninfo_empty == FACT_UNKNOWN) {
        return false;
    }
    if (pg->conninfo_empty == FACT_YES) {
        return true;
    }
    out->upstream.name = pg->upstream; /* of this very grant, or "" */
    out->upstream.epoch = s->facts.store.grant_epoch;
    return name_is_set(&pg->upstream) && supervisor_place_of(s, &pg->upstream, &out->upstream);
}

/* A standby without its fence (safety B2): somebody has set another value. */
static bool is_bare(const struct supervisor *s)
{
    return s->facts.pg.role == ROLE_STANDBY && s->facts.pg.force == FORCE_FOREIGN;
}

bool supervisor_reload(struct supervisor *s, uint64_t now_ms)
{
    bool is_ours = s->has_home && s->home.data == DATA_USABLE && s->home.is_noted == FACT_YES &&
                   s->home.bin_dir[0] != '\0';
    const struct decision *d = &s->decision;
    bool waits = d->action == ACTION_WAIT ||
                 (d->action == ACTION_SYNC_SET && d->sync.step == SYNC_STEP_WAIT);
    bool is_calm =
        waits && s->facts.pg.process == PG_RUNNING && s->postmaster != 0 && s->next_setup == NULL;
    struct act_config config;
    bool is_wanted = s->is_reload_due || is_bare(s) || observe_owes_reload(&s->observe);
    if (!is_wanted || now_ms < s->reload_again_ms || !is_ours || !is_calm ||
        !observe_may_reload(&s->observe) || !in_force(s, &config)) {
        return false;
    }
    if (is_bare(s)) {
        log_warn("supervisor", "somebody has changed synchronous_standby_names of this standby",
                 LOG_STR("text", "it is put back: a standby waits for nobody that exists"));
        s->reload_again_ms = now_ms + RELOAD_AGAIN_MS; /* until a new session shows it */
    }
    supervisor_fill_order(s, &s->act.order);
    s->act.order.decision = (struct decision){.action = ACTION_WAIT};
    s->act.order.config = config;
    s->is_reloading = true;
    s->scripts.tells_reload = s->is_reload_due && s->scripts.has_news;
    s->scripts.has_news = false;
    s->is_reload_due = false;
    act_reload(&s->act);
    return true;
}

/* Whether it does is seen later (reload.h). Once, however often it is told. */
static void log_told(const struct supervisor *s)
{
    enum log_level level = observe_owes_reload(&s->observe) ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
    if (log_is_on(level, "config")) {
        const struct log_field fields[] = {LOG_U64("revision", s->setup->settings.config_revision),
                                           LOG_END};
        log_event(level, "config", "PostgreSQL is told to read its configuration again", fields);
    }
}

void supervisor_reloaded(struct supervisor *s, uint64_t now_ms)
{
    const struct act *a = &s->act;
    s->is_reloading = false;
    if (a->err.code == 0) {
        s->config = a->order.config;
        s->scripts.reloads += s->scripts.tells_reload ? 1 : 0;
        log_told(s);
        observe_reloaded(&s->observe, a->order.loaded_us);
        return;
    }
    s->is_reload_due = true;
    s->scripts.has_news = s->scripts.has_news || s->scripts.tells_reload;
    s->reload_again_ms = now_ms + RELOAD_AGAIN_MS;
    if (a->err.code != ERR_CANCELED) {
        (void)snprintf(s->trouble, sizeof(s->trouble), "%s", a->err.msg);
        s->trouble_of = ACTION_WAIT;
        log_warn("config", "PostgreSQL could not be told", LOG_ERR(&a->err));
    }
}

/* ---- what waits for a restart ---- */

static void log_pending(const struct view_restart *restart)
{
    for (uint32_t i = 0; i < restart->reason_count; i++) {
        const struct view_reason *r = &restart->reasons[i];
        log_info("config", "waits for a restart of PostgreSQL", LOG_STR("parameter", r->parameter),
                 LOG_STR("from", r->old_value), LOG_STR("to", r->new_value));
    }
}

void supervisor_find_pending(struct supervisor *s)
{
    const struct pg_seen *seen = &s->observe.seen;
    if (!s->supervises || s->facts.pg.process != PG_RUNNING || !seen->has_door ||
        s->home.major == 0 || s->wanted.is_guess) {
        if (s->facts.pg.process == PG_ABSENT) {
            s->restart.is_pending = false;
            s->restart.reason_count = 0;
        }
        return;
    }
    if (seen->door_at_ms == s->restart_door_ms && s->setup == s->restart_setup) {
        return;
    }
    s->restart_door_ms = seen->door_at_ms;
    s->restart_setup = s->setup;
    struct view_restart before = s->restart;
    bool is_primary = s->facts.pg.role == ROLE_PRIMARY;
    struct pg_settings_input input = {.major = s->home.major,
                                      .is_primary = is_primary,
                                      .scope = s->setup->scope,
                                      .listen_addresses = s->setup->listen,
                                      .port = s->setup->port};
    if (!is_primary) {
        input.needs = s->home.needs;
    }
    bool leads = facts_leads_standby(&s->facts) && s->facts.settings.is_standby_cluster;
    const struct pg_setup_role *role = is_primary ? &s->setup->primary
                                       : leads    ? &s->setup->leader
                                                  : &s->setup->standby;
    memcpy(input.layers, role->layers, sizeof(input.layers));
    struct pg_settings wanted = {.count = 0};
    pg_settings_make(&input, &wanted);
    pg_pending_find(&wanted, seen->door.running, &s->restart);
    pg_settings_close(&wanted);
    if (memcmp(before.reasons, s->restart.reasons, sizeof(before.reasons)) != 0 ||
        before.reason_count != s->restart.reason_count) {
        log_pending(&s->restart);
    }
}
