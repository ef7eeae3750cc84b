/* supervisor/supervisor.c - the loop: one look after the other, and what begins and ends it. */
#include "supervisor/supervisor.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/act_parts.h"
#include "supervisor/supervisor_parts.h"

#define TICK_MS 50
#define HASTE_MS 10 /* the tick, while clients wait for a new primary */
#define ID_AGAIN_MS 200
#define STOP_MAX_MS 90000
#define RELEASE_MAX_MS 3000  /* for a majority to hear of it */
#define FAREWELL_MAX_MS 1000 /* for the next primary to be chosen, with this node's word */

uint64_t supervisor_now_ms(void)
{
    return clock_boot_ms(clock_system());
}

/* ---- which cluster ---- */

static void id_cb(void *ctx, const struct pgraft_result *result)
{
    struct supervisor *s = (struct supervisor *)ctx;
    s->is_asking_id = false;
    const struct pgraft_status *state = result->status == 0 ? result->state : NULL;
    if (state != NULL && state->phase == PGRAFT_MEMBER) {
        (void)snprintf(s->ask.cluster, sizeof(s->ask.cluster), "%s", state->cluster_id);
        s->is_home_stale = true;
    }
}

static void ask_id(struct supervisor *s, uint64_t now_ms)
{
    if (s->ask.cluster[0] != '\0' || s->is_asking_id || now_ms < s->id_again_ms) {
        return;
    }
    struct pgraft_call call = {.timeout_ms = 1000, .done = id_cb, .ctx = s};
    s->id_again_ms = now_ms + ID_AGAIN_MS;
    s->is_asking_id = pgraft_status(s->store, false, &call, NULL, NULL) == 0;
}

/* ---- one look ---- */

/* It was the primary, and another node is there that can be: it takes some moments, and without
 * this node's word nobody would know whether something is lost. */
static bool is_farewell_awaited(const struct facts *f)
{
    bool is_heir_there = false;
    for (uint32_t i = 0; i < f->member_count; i++) {
        const struct member_facts *m = &f->members[i];
        is_heir_there =
            is_heir_there || (!name_is(&m->name, &f->self) && m->is_database && m->is_fresh &&
                              m->has_data && !m->leaves && !m->nofailover);
    }
    return is_heir_there && name_is(&f->self, &f->store.holder) && f->store.paused == FACT_NO &&
           f->store.held == FACT_NO;
}

static void stop_if_down(struct supervisor *s, uint64_t now_ms)
{
    const struct facts *f = &s->facts;
    if (!s->is_stopping || s->on_stopped == NULL) {
        return;
    }
    bool is_noted = s->home.is_noted == FACT_YES && s->home.data != DATA_FOREIGN;
    bool is_ours = is_noted || s->postmaster != 0; /* else it is left alone, also now */
    bool has_left = f->wish.has_left;
    bool is_down =
        has_left || f->pg.process == PG_ABSENT || !s->is_guard_asked || !s->supervises || !is_ours;
    if (!is_down) {
        s->down_ms = now_ms;
    }
    uint64_t down_ms = now_ms - (s->down_ms > s->stopping_ms ? s->down_ms : s->stopping_ms);
    /* What was signed has to arrive: else the others wait for the end of the lease. */
    bool is_given_back = f->lease.epoch == 0 && !holder_is_pending(&s->side.holder);
    bool is_said = !is_farewell_awaited(f) || down_ms > FAREWELL_MAX_MS;
    bool is_over = is_down &&
                   ((is_given_back && is_said) || has_left || down_ms > RELEASE_MAX_MS) &&
                   supervisor_scripts_are_over(s, down_ms);
    if (is_over || now_ms - s->stopping_ms > STOP_MAX_MS) {
        if (is_down && s->is_guard_greeted) {
            (void)guard_client_ask(&s->guard, GUARD_QUIT, 0, 0, NULL, NULL);
        }
        supervisor_cb on_stopped = s->on_stopped;
        s->on_stopped = NULL;
        on_stopped(s->stop_owner);
    }
}

static bool look_at_postgresql(struct supervisor *s, uint64_t now_ms)
{
    struct decision d = decide(&s->facts);
    bool is_new =
        !s->has_decision || !act_is_same(&d, &s->decision) || strcmp(d.rule, s->decision.rule) != 0;
    s->decision = d;
    s->has_decision = true;
    if (is_new) {
        log_debug("supervisor", "decides", LOG_STR("action", action_name(d.action)),
                  LOG_STR("rule", d.rule), LOG_U64("epoch", d.epoch), LOG_STR("why", d.why));
    }
    if (d.renews) {
        lease_hold_renew(&s->side.hold, now_ms, s->settings.times.renew_ms);
    }
    supervisor_write_page(s);
    supervisor_look_upstream(s, now_ms);
    supervisor_look_refused(s, now_ms);
    supervisor_keep_house(s, now_ms);
    supervisor_keep_wish(s, now_ms);
    supervisor_later_tick(s, now_ms);
    ask_id(s, now_ms);
    if (s->facts.wish.has_left) {
        return is_new; /* no guard is started for what is none of ours */
    }
    if (s->has_home && !s->is_guard_asked) {
        supervisor_meet_guard(s, false);
    } else {
        supervisor_carry_out(s, now_ms);
        supervisor_renew_guard(s);
    }
    return is_new;
}

static void look(struct supervisor *s)
{
    uint64_t now_ms = supervisor_now_ms();
    bool is_new = false;
    store_side_tick(&s->side, now_ms, &s->wanted);
    supervisor_follow_config(s, now_ms);
    supervisor_gather(s, now_ms);
    if (s->supervises) {
        is_new = look_at_postgresql(s, now_ms);
        supervisor_call_due(s);
    }
    supervisor_measure_tick(s, now_ms);
    supervisor_tell(s, now_ms, is_new);
    supervisor_upgrade_tick(s, now_ms);
    stop_if_down(s, now_ms);
}

static void tick_cb(uv_timer_t *timer)
{
    struct supervisor *s = CONTAINER_OF(timer, struct supervisor, tick);
    uint64_t after_ms = supervisor_is_in_haste(s) ? HASTE_MS : TICK_MS;
    supervisor_tick_ran(s);
    supervisor_tick_due(s, after_ms);
    int r = uv_timer_start(&s->tick, tick_cb, after_ms, 0);
    MUST(r == 0); /* fails only on a closing handle */
    look(s);
}

void supervisor_soon(struct supervisor *s)
{
    s->has_news = true;
    if (s->is_open && !s->is_closing) {
        supervisor_tick_due(s, 0);
        int r = uv_timer_start(&s->tick, tick_cb, 0, 0);
        MUST(r == 0);
    }
}

static void store_changed(void *ctx)
{
    supervisor_soon((struct supervisor *)ctx);
}

static void observe_changed(struct observe *observe)
{
    supervisor_soon((struct supervisor *)observe->owner);
}

static void guard_told(struct observe *observe, const struct guard_event *event)
{
    supervisor_guard_event((struct supervisor *)observe->owner, event);
}

/* ---- the beginning ---- */

struct supervisor *supervisor_create(const struct pg_setup *setup, const char *space)
{
    struct supervisor *s = (struct supervisor *)mem_zalloc(sizeof(*s));
    s->setup = setup;
    s->wanted = s->settings = setup->settings;
    s->supervises = setup->tags.is_database;
    s->guard.fd = s->guard.page_fd = -1;
    s->view = (struct cluster_view *)mem_zalloc(sizeof(*s->view));
    if (!store_side_init(&s->side, space, setup->scope, setup->name)) {
        supervisor_destroy(s);
        return NULL;
    }
    /* Elections may be asked for before the first look. */
    return s;
}

void supervisor_adopt(struct supervisor *s)
{
    s->adopts = true;
}

uint64_t supervisor_advise(struct supervisor *s, const struct pgraft_view *view,
                           struct pgraft_transaction *transaction)
{
    return store_side_advise(&s->side, view, transaction);
}

static void place_of(const struct pg_setup *setup, struct pg_place *out)
{
    *out = (struct pg_place){.host = setup->reach_host,
                             .port = (uint16_t)setup->port,
                             .user = setup->superuser.username,
                             .database = setup->database,
                             .passfile = setup->passfile,
                             .application_name = "pgraft",
                             .tls = &setup->superuser};
}

static int open_postgresql(struct supervisor *s, struct err *err)
{
    if (s->adopts && work_put_passwords(s->setup, err) != 0) {
        return err->code; /* what runs could not even be asked what it is */
    }
    s->data_dir = mem_strdup(s->setup->files.data_dir);
    s->helper = mem_strdup(s->setup->helper);
    struct observe_options options = {.data_dir = s->data_dir, .helper = s->helper};
    place_of(s->setup, &options.place);
    observe_times(&options, s->settings.times.lease_ms);
    struct err unwatched = {.code = 0};
    if (start_watch_open(&s->start_watch, &unwatched) != 0) {
        supervisor_tell_unwatched(s, &unwatched);
    }
    int code = guard_client_init(&s->guard, err);
    code = code != 0 ? code : observe_open(&s->observe, s->loop, &options, err);
    if (code != 0) {
        return code;
    }
    s->open_parts++;
    s->observe.owner = s;
    s->observe.on_change = observe_changed;
    s->observe.on_guard = guard_told;
    s->observe.spares_wal = supervisor_spares_wal;
    options.place.statement_ms = UPKEEP_CHECKPOINT_MS + ACT_STATEMENT_MS; /* theirs are above it */
    code = act_open(&s->act, s->loop, &options.place, err);
    MUST(code == 0); /* the place is that of the observer */
    s->open_parts++;
    code = upkeep_open(&s->upkeep, s->loop, &options.place, err);
    MUST(code == 0);
    s->open_parts++;
    s->upkeep.owner = s;
    s->act.owner = s;
    s->act.on_done = supervisor_act_done;
    s->act.is_wanted = supervisor_act_is_wanted;
    s->act.guard = &s->guard;
    s->act.guard_seen = &s->observe.guard_seen;
    supervisor_scripts_open(s);
    s->open_parts++;
    return 0;
}

int supervisor_open(struct supervisor *s, uv_loop_t *loop, struct pgraft *store,
                    struct view_board *board, struct err *err)
{
    const struct store_view_owner owner = {.changed = store_changed, .ctx = s};
    s->loop = loop;
    s->store = store;
    s->board = board;
    store_side_open(&s->side, store, &owner);
    supervisor_keep_open(s);
    supervisor_later_open(s);
    config_key_open(&s->config_key, store, &s->side.keys, s->setup->first_config);
    if (s->supervises) {
        int code = open_postgresql(s, err);
        if (code != 0) {
            return code;
        }
    }
    int r = uv_timer_init(loop, &s->tick);
    MUST(r == 0); /* never fails */
    s->open_parts++;
    s->is_open = true;
    supervisor_soon(s);
    return 0;
}

/* ---- the end ---- */

void supervisor_stop(struct supervisor *s, supervisor_cb on_stopped, void *owner)
{
    s->is_stopping = true;
    s->stopping_ms = supervisor_now_ms();
    s->on_stopped = on_stopped;
    s->stop_owner = owner;
    supervisor_soon(s);
}

static void part_closed(struct supervisor *s)
{
    if (--s->open_parts == 0 && s->on_closed != NULL) {
        guard_client_close(&s->guard);
        s->on_closed(s->close_owner);
    }
}

static void tick_closed_cb(uv_handle_t *handle)
{
    part_closed(CONTAINER_OF(handle, struct supervisor, tick));
}

static void observe_closed_cb(struct observe *observe)
{
    part_closed((struct supervisor *)observe->owner);
}

static void act_closed_cb(struct act *act)
{
    part_closed((struct supervisor *)act->owner);
}

static void upkeep_closed_cb(struct upkeep *upkeep)
{
    part_closed((struct supervisor *)upkeep->owner);
}

static void scripts_closed_cb(struct callback_run *run)
{
    part_closed((struct supervisor *)run->owner);
}

static void refused_closed_cb(struct refused_look *look)
{
    mem_free(look);
}

static void look_closed_cb(struct upstream_look *look)
{
    mem_free(look);
}

void supervisor_close(struct supervisor *s, supervisor_cb on_closed, void *owner)
{
    MUST(s->is_open && !s->is_closing);
    s->is_closing = true;
    s->on_closed = on_closed;
    s->close_owner = owner;
    if (s->look != NULL) {
        upstream_look_close(s->look, look_closed_cb);
        s->look = NULL;
    }
    supervisor_resolve_close(s);
    supervisor_keep_close(s);
    supervisor_later_close(s);
    if (s->refused_look != NULL) {
        refused_look_close(s->refused_look, refused_closed_cb);
        s->refused_look = NULL;
    }
    if (s->supervises) {
        upkeep_close(&s->upkeep, upkeep_closed_cb);
        observe_close(&s->observe, observe_closed_cb);
        act_close(&s->act, act_closed_cb);
        callback_run_close(&s->scripts.run, scripts_closed_cb);
    }
    uv_close((uv_handle_t *)&s->tick, tick_closed_cb);
}

void supervisor_destroy(struct supervisor *s)
{
    if (s == NULL) {
        return;
    }
    if (s->store != NULL) {
        store_side_close(&s->side);
        config_key_close(&s->config_key);
    }
    start_watch_close(&s->start_watch);
    mem_free(s->data_dir);
    mem_free(s->helper);
    mem_free(s->view);
    mem_free(s);
}
