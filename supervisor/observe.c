/* supervisor/observe.c - when to ask what; the answers go into the books.
 *
 * The door is a new session each time: connect, ask, and be gone. While it waits for a commit that
 * is to wait for ever (sync_force.h) it stays, until the watch has seen it waiting.
 *
 * To go in costs a password: thousands of hashes, a third of a percent of a core when it is done
 * each second. So while nothing asks for what a session that is new alone can show, the door is
 * entered once a lease, and between it is only rung at: who is asked for a password, and has none,
 * has seen that the postmaster takes connections. */
#include "supervisor/observe.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"

#define TICK_MS 100
#define HURRY_MS 20 /* the tick, and the least between two questions, in a hurry */
#define STARTING_MS 50
#define PROMOTED_MS 200
#define US_PER_MS 1000
#define FILES_MS 500 /* between two questions for what is wrong with them, at least */
#define FILES_AGAIN_MS 30000
/* Whatever is set for the server or for our role, this one is to wait. */
#define COMMIT_SQL                                          \
    "SELECT set_config('synchronous_commit', 'on', true), " \
    "pg_logical_emit_message(true, 'pgraft', '')"

struct observe_guard {
    uv_poll_t poll;
    struct observe *observe; /* NULL: on its way out */
};

void observe_times(struct observe_options *o, uint64_t lease_ms)
{
    o->watch_ms = lease_ms / 10;
    o->door_ms = lease_ms / 5;
    o->enter_ms = lease_ms;
    o->data_ms = lease_ms / 5;
    o->guard_ms = lease_ms / 5;
    o->answer_ms = lease_ms / 4;
    o->data_answer_ms = lease_ms / 4;
    o->guard_answer_ms = lease_ms / 4;
    o->read_answer_ms = lease_ms * 4;
    o->fresh_ms = lease_ms / 2;
    o->write_every_ms = lease_ms * 2;
    o->place.connect_ms = o->answer_ms;
    o->place.statement_ms = o->answer_ms * 2;
    o->place.pause_min_ms = STARTING_MS;
    o->place.pause_max_ms = o->watch_ms > STARTING_MS ? o->watch_ms : STARTING_MS;
}

void observe_retime(struct observe *o, uint64_t lease_ms)
{
    observe_times(&o->options, lease_ms);
    o->seen.fresh_ms = o->options.fresh_ms;
}

/* ---- changes ---- */

static void fill(const struct observe *o, struct pg_facts *pg, struct guard_facts *guard)
{
    pg_seen_fill(&o->seen, &o->guard_seen, &o->published, uv_now(o->loop), pg);
    guard_seen_fill(&o->guard_seen, guard);
}

static void tell_changes(struct observe *o)
{
    struct pg_facts pg = {.process = PG_UNKNOWN};
    struct guard_facts guard;
    if (o->is_closing) {
        return;
    }
    fill(o, &pg, &guard);
    bool is_new = !pg_seen_is_same(&pg, &o->last) || !guard_seen_is_same(&guard, &o->last_guard);
    o->last = pg;
    o->last_guard = guard;
    if (is_new && o->on_change != NULL) {
        o->on_change(o);
    }
}

static bool is_hurried(const struct observe *o)
{
    return uv_now(o->loop) < o->hurry_until_ms;
}

/* A hurry is for what a session that is new alone can show: each costs a process and a password. */
static bool wants_door(const struct observe *o)
{
    const struct pg_seen *seen = &o->seen;
    if (seen->reload.is_told || !seen->was_open || !seen->has_door || !seen->has_watch) {
        return true;
    }
    return sync_force_wants_commit(&seen->force) ||
           seen->watch.upstream.is_set != seen->door.upstream.is_set ||
           strcmp(seen->watch.sync_names, seen->door.sync_names) != 0;
}

/* Whether what was last asked at @asked_ms is to be asked again, every @every_ms. */
static bool is_due(const struct observe *o, uint64_t asked_ms, uint64_t every_ms)
{
    uint64_t least = is_hurried(o) && every_ms > HURRY_MS ? HURRY_MS : every_ms;
    return asked_ms == 0 || uv_now(o->loop) - asked_ms >= least;
}

static void look(struct observe *o);

/* ---- the watch ---- */

static void watch_rows_cb(struct pg_link *link, const struct pg_rows *rows,
                          const struct pg_failure *failure)
{
    struct observe *o = (struct observe *)link->owner;
    struct probe_watch watch;
    if (o->is_closing) {
        return;
    }
    o->watch_err = failure != NULL ? failure->err : (struct err){.code = 0};
    if (rows != NULL && probe_watch_parse(rows, &watch, &o->watch_err) == 0) {
        pg_seen_watch(&o->seen, &watch, o->watch_asked_doors, o->watch_asked_ms, uv_now(o->loop));
        if (watch.door_waits && o->committing_pid != 0) {
            o->committing_pid = 0;
            pg_link_drop(&o->door);
        }
        o->watch_is_due = o->watch_is_due || pg_seen_wants_watch(&o->seen);
    } else if (failure != NULL) {
        pg_seen_watch_failed(&o->seen, failure);
    }
    tell_changes(o);
    look(o);
}

static void ask_watch(struct observe *o)
{
    char sql[PROBE_SQL_SIZE];
    if (o->watch.state == PG_LINK_IDLE) {
        pg_link_connect(&o->watch);
    }
    bool is_time = o->watch_is_due || is_due(o, o->watch_asked_ms, o->options.watch_ms);
    if (o->watch.state == PG_LINK_READY && is_time &&
        pg_link_ask(&o->watch, probe_watch_sql(o->committing_pid, sql), o->options.answer_ms,
                    watch_rows_cb, NULL) == 0) {
        o->watch_asked_ms = uv_now(o->loop);
        o->watch_is_due = false;
        o->watch_asked_doors = o->seen.doors;
    }
}

/* Its end is news, and so is a connection that is ready to be asked. */
static void watch_change_cb(struct pg_link *link)
{
    struct observe *o = (struct observe *)link->owner;
    if (link->state == PG_LINK_READY) {
        o->watch_is_due = true;
        ask_watch(o);
    } else {
        pg_seen_watch_failed(&o->seen, &link->failure);
        o->door_asked_ms = 0; /* ask at once what is the matter */
        tell_changes(o);
        look(o);
    }
}

/* ---- the door ---- */

static void door_failed(struct observe *o, const struct pg_failure *failure)
{
    enum probe_door_state state = probe_door_state(failure);
    if (state != DOOR_UNKNOWN) {
        o->door_err = failure->err;
    }
    pg_seen_door_failed(&o->seen, state, uv_now(o->loop));
}

static void commit_rows_cb(struct pg_link *link, const struct pg_rows *rows,
                           const struct pg_failure *failure)
{
    struct observe *o = (struct observe *)link->owner;
    (void)rows; /* it did not wait: the next session tries again */
    (void)failure;
    if (!o->is_closing && o->committing_pid != 0) {
        o->committing_pid = 0;
        pg_link_drop(link);
    }
}

/* A session proves nothing of a refusal that began sooner: the machine may have been busy. */
static uint64_t patience_ms(const struct observe *o)
{
    return o->options.door_ms;
}

static void files_rows_cb(struct pg_link *link, const struct pg_rows *rows,
                          const struct pg_failure *failure)
{
    struct observe *o = (struct observe *)link->owner;
    char wrong[PG_CONFIG_WRONG_SIZE];
    if (o->is_closing) {
        return;
    }
    if (rows != NULL) {
        probe_files_parse(rows, wrong);
        reload_asked(&o->seen.reload, wrong, o->door_began_ms, patience_ms(o), uv_now(o->loop));
    } else if (failure != NULL) {
        o->files_again_ms = uv_now(o->loop) + FILES_AGAIN_MS;
    }
    pg_link_drop(link);
    tell_changes(o);
    look(o);
}

/* Each session that is entered is asked too what is wrong with the files; where many are, some. On
 * a disk that hangs each would stay behind. */
static bool ask_files(struct observe *o, struct pg_link *link, const struct probe_door *door)
{
    uint64_t now_ms = uv_now(o->loop);
    bool is_soon = o->files_asked_ms != 0 && now_ms - o->files_asked_ms < FILES_MS;
    bool is_proof = reload_wants_proof(&o->seen.reload, o->door_began_ms, patience_ms(o));
    bool hangs = o->seen.has_data && o->seen.data.answers == FACT_NO;
    if (!door->may_see_files || hangs || now_ms < o->files_again_ms || (is_soon && !is_proof) ||
        pg_link_ask(link, probe_files_sql(), o->options.answer_ms, files_rows_cb, NULL) != 0) {
        return false;
    }
    o->files_asked_ms = now_ms;
    return true;
}

static void door_rows_cb(struct pg_link *link, const struct pg_rows *rows,
                         const struct pg_failure *failure)
{
    struct observe *o = (struct observe *)link->owner;
    struct probe_door door;
    if (o->is_closing) {
        return;
    }
    bool is_read = rows != NULL && probe_door_parse(rows, &door, NULL) == 0;
    uint64_t wall_us = (clock_wall_ms(clock_system()) + 1) * US_PER_MS; /* in this millisecond */
    if (is_read && probe_door_is_its_own(&door, wall_us)) {
        pg_link_drop(link); /* the next one tells */
        look(o);
        return;
    }
    if (is_read) {
        pg_seen_door(&o->seen, &door, uv_now(o->loop));
        reload_not_seen(&o->seen.reload, o->door_began_ms, patience_ms(o));
    } else if (failure != NULL) {
        door_failed(o, failure);
    }
    if (is_read && sync_force_wants_commit(&o->seen.force) && !door.in_recovery &&
        pg_link_ask(link, COMMIT_SQL, o->options.answer_ms, commit_rows_cb, NULL) == 0) {
        o->committing_pid = door.pid;
    } else if (!is_read || !ask_files(o, link, &door)) {
        pg_link_drop(link);
    }
    if (is_hurried(o)) {
        o->watch_is_due = true; /* what is asked after the door counts */
    }
    tell_changes(o);
    look(o);
}

static void door_change_cb(struct pg_link *link)
{
    struct observe *o = (struct observe *)link->owner;
    if (link->state == PG_LINK_IDLE) {
        return; /* whoever was answered has closed it */
    }
    if (link->state == PG_LINK_READY) {
        if (pg_link_ask(link, probe_door_sql(), o->options.answer_ms, door_rows_cb, NULL) == 0) {
            return;
        }
    } else {
        door_failed(o, &link->failure);
    }
    o->committing_pid = 0;
    pg_link_drop(link); /* the tick tries again */
    tell_changes(o);
}

/* To be asked for a password is an answer, and so is to be let in without. */
static void bell_change_cb(struct pg_link *link)
{
    struct observe *o = (struct observe *)link->owner;
    if (link->state == PG_LINK_IDLE) {
        return;
    }
    if (link->state == PG_LINK_READY || pg_failure_lacks_password(&link->failure)) {
        pg_seen_bell(&o->seen, uv_now(o->loop));
    } else {
        door_failed(o, &link->failure);
    }
    pg_link_drop(link);
    tell_changes(o);
}

/* It was well when it was last entered, which is not long ago, and has answered since. */
static bool rings_only(const struct observe *o)
{
    return o->seen.door_state == DOOR_OPEN && o->seen.watch_answers == FACT_YES && !wants_door(o) &&
           uv_now(o->loop) - o->seen.door_at_ms < o->options.enter_ms;
}

static void knock(struct observe *o)
{
    bool is_starting = !o->seen.was_open && o->guard_seen.may_run;
    uint64_t every_ms = is_starting ? STARTING_MS : o->options.door_ms;
    bool is_pressing = wants_door(o) && !o->seen.reload.is_refused;
    bool is_time = o->door_asked_ms == 0 || uv_now(o->loop) - o->door_asked_ms >= every_ms ||
                   (is_pressing && is_due(o, o->door_asked_ms, every_ms));
    if (o->door.state == PG_LINK_IDLE && o->bell.state == PG_LINK_IDLE && is_time) {
        o->door_asked_ms = o->door_began_ms = uv_now(o->loop);
        pg_link_connect(rings_only(o) ? &o->bell : &o->door);
    }
}

/* ---- disks ---- */

static void data_seen_cb(struct data_probe *probe, const struct data_seen *seen)
{
    struct observe *o = (struct observe *)probe->owner;
    if (o->data_writes) {
        o->wrote_at_ms = uv_now(o->loop);
        o->wrote_lsn = o->seen.watch.insert_lsn;
    }
    pg_seen_data(&o->seen, seen, uv_now(o->loop));
    tell_changes(o);
}

/* It takes no connection yet, or is to become primary: whether it moves counts. */
static bool recovers(const struct observe *o)
{
    bool is_primary = o->seen.has_watch && !o->seen.watch.in_recovery;
    bool counts = !o->seen.was_open || o->guard_seen.bound_epoch != 0;
    return o->guard_seen.may_run && counts && !is_primary;
}

/* Who opens it now is looked for. */
static bool spares_wal(struct observe *o)
{
    return o->spares_wal != NULL && o->spares_wal(o);
}

/* A write that was asked for is one of pg_wal too. */
static void try_data(struct observe *o)
{
    bool is_spared = spares_wal(o);
    bool is_asked = o->data_is_asked && !is_spared;
    if (!is_asked && o->data_asked_ms != 0 &&
        uv_now(o->loop) - o->data_asked_ms < o->options.data_ms) {
        return;
    }
    bool is_primary = o->seen.has_watch && !o->seen.watch.in_recovery;
    struct data_probe_past past = {
        .now_ms = uv_now(o->loop),
        .wrote_at_ms = o->wrote_at_ms,
        .wrote_lsn = o->wrote_lsn,
        .lsn = is_primary ? o->seen.watch.insert_lsn : 0,
        .flush_stands = o->seen.flush_stands,
        .is_asked = is_asked,
        .write_every_ms = o->options.write_every_ms,
    };
    struct data_question question = {
        .writes = data_probe_writes(&past), .startup = recovers(o), .spares_wal = is_spared};
    if (data_probe_start(&o->data, &question, o->options.data_answer_ms, data_seen_cb, NULL) ==
        0) { /* else: the last one still waits */
        o->data_writes = question.writes;
        o->data_is_asked = o->data_is_asked && is_spared;
        o->data_asked_ms = uv_now(o->loop);
    }
}

static void wal_seen_cb(struct wal_end_read *read, const struct wal_end_seen *seen)
{
    struct observe *o = (struct observe *)read->owner;
    pg_seen_read(&o->seen, seen, &o->guard_seen);
    tell_changes(o);
}

static void read_wal(struct observe *o)
{
    uint64_t start;
    struct err err = {.code = 0};
    uint64_t pause_ms = pg_seen_read_pause_ms(&o->seen);
    bool is_new = o->read_asked_ms == 0 || o->seen.read_starts != o->guard_seen.starts;
    bool is_time = is_new || uv_now(o->loop) - o->read_asked_ms >= pause_ms ||
                   (is_hurried(o) && o->seen.read_failures == 0);
    if (!is_time || !pg_seen_wants_read(&o->seen, &o->guard_seen, &start) || spares_wal(o)) {
        return;
    }
    int code = wal_end_start(&o->wal, start, o->options.read_answer_ms, wal_seen_cb, &err);
    if (code == ERR_BUSY) {
        return; /* the one before has not come back */
    }
    o->read_asked_ms = uv_now(o->loop);
    pg_seen_read_began(&o->seen, &o->guard_seen);
    if (code != 0) {
        pg_seen_read_failed(&o->seen, &err);
    }
}

/* ---- the tick ---- */

/* Connections to a postmaster that is gone are of no use to the next. */
static void follow_starts(struct observe *o)
{
    if (o->starts == o->guard_seen.starts) {
        return;
    }
    o->starts = o->guard_seen.starts;
    o->committing_pid = 0;
    pg_link_drop(&o->watch);
    pg_link_drop(&o->door);
    pg_link_drop(&o->bell);
    pg_seen_restarted(&o->seen, uv_now(o->loop));
    o->watch_asked_ms = 0;
    o->door_asked_ms = 0;
}

static void look(struct observe *o)
{
    if (o->is_closing) {
        return;
    }
    follow_starts(o);
    if (o->guard_seen.may_run || o->guard_seen.process == PG_UNKNOWN) {
        knock(o);
        if (o->seen.was_open || o->guard_seen.process == PG_UNKNOWN) {
            ask_watch(o);
        }
    }
    try_data(o);
    read_wal(o);
}

static void ask_guard(struct observe *o)
{
    if (o->guard == NULL || !is_due(o, o->guard_asked_ms, o->options.guard_ms)) {
        return;
    }
    o->guard_asked_ms = uv_now(o->loop);
    /* A guard that takes no more questions has not answered the ones before. */
    (void)guard_client_ask(o->guard, GUARD_STATUS, 0, 0, NULL, NULL);
    guard_seen_asked(&o->guard_seen, uv_now(o->loop));
}

static void start_tick(struct observe *o);

static void tick_cb(uv_timer_t *timer)
{
    struct observe *o = CONTAINER_OF(timer, struct observe, tick);
    if (o->guard != NULL) {
        ask_guard(o);
        (void)guard_seen_tick(&o->guard_seen, uv_now(o->loop), o->options.guard_answer_ms);
    }
    look(o);
    tell_changes(o); /* by age alone something may be unknown by now */
    start_tick(o);
}

static void start_tick(struct observe *o)
{
    if (!o->is_closing) {
        bool is_starting = !o->seen.was_open && o->guard_seen.may_run;
        uint64_t after_ms = is_hurried(o) ? HURRY_MS : is_starting ? STARTING_MS : TICK_MS;
        int r = uv_timer_start(&o->tick, tick_cb, after_ms, 0);
        MUST(r == 0); /* fails only on a closing handle */
    }
}

/* ---- the guard ---- */

static void guard_poll_closed_cb(uv_handle_t *handle)
{
    mem_free(CONTAINER_OF(handle, struct observe_guard, poll));
}

static void leave_guard(struct observe *o)
{
    struct observe_guard *poll = o->guard_poll;
    o->guard_poll = NULL;
    o->guard = NULL;
    if (poll != NULL) {
        poll->observe = NULL;
        (void)uv_poll_stop(&poll->poll);
        uv_close((uv_handle_t *)&poll->poll, guard_poll_closed_cb);
    }
}

static void guard_ready_cb(uv_poll_t *handle, int status, int events)
{
    struct observe *o = CONTAINER_OF(handle, struct observe_guard, poll)->observe;
    struct guard_event event;
    int r = 0;
    (void)status;
    (void)events;
    while (o != NULL && o->guard != NULL &&
           (r = guard_client_receive(o->guard, &event, NULL)) > 0) {
        guard_seen_event(&o->guard_seen, &event, uv_now(o->loop));
        if (event.kind == GUARD_PROMOTED) { /* a session shows it in the same moment, or the next */
            o->watch_is_due = true;
            observe_hurry(o, PROMOTED_MS);
        }
        if (o->on_guard != NULL) {
            o->on_guard(o, &event);
        }
        o = CONTAINER_OF(handle, struct observe_guard, poll)->observe;
    }
    if (o == NULL || o->is_closing) {
        return;
    }
    if (r < 0) {
        leave_guard(o);
        guard_seen_gone(&o->guard_seen);
        if (o->on_guard != NULL) {
            o->on_guard(o, NULL);
        }
    }
    look(o);
    tell_changes(o);
}

void observe_guard(struct observe *o, struct guard_client *guard)
{
    leave_guard(o);
    if (guard == NULL) {
        guard_seen_gone(&o->guard_seen);
        return;
    }
    guard_seen_begin(&o->guard_seen);
    struct observe_guard *made = (struct observe_guard *)mem_zalloc(sizeof(*made));
    int r = uv_poll_init(o->loop, &made->poll, guard->fd);
    MUST(r == 0); /* a connected socket, watched by nobody else */
    made->observe = o;
    r = uv_poll_start(&made->poll, UV_READABLE, guard_ready_cb);
    MUST(r == 0);
    o->guard = guard;
    o->guard_poll = made;
    o->guard_asked_ms = 0;
}

/* ---- open and close ---- */

int observe_open(struct observe *o, uv_loop_t *loop, const struct observe_options *options,
                 struct err *err)
{
    *o = (struct observe){.options = *options, .loop = loop};
    int r = pg_link_open(&o->watch, loop, &options->place, err);
    if (r != 0) {
        return r;
    }
    r = pg_link_open(&o->door, loop, &options->place, err);
    MUST(r == 0); /* as the one before */
    struct pg_place outside = options->place;
    outside.passfile = NULL;
    r = pg_link_open(&o->bell, loop, &outside, err);
    MUST(r == 0); /* as well */
    o->watch.owner = o->door.owner = o->bell.owner = o;
    o->watch.on_change = watch_change_cb;
    o->door.on_change = door_change_cb;
    o->bell.on_change = bell_change_cb;
    struct helper_place place = {.program = options->helper, .data_dir = options->data_dir};
    data_probe_open(&o->data, loop, &place);
    wal_end_open(&o->wal, loop, &place);
    o->data.owner = o->wal.owner = o;
    pg_seen_begin(&o->seen, options->fresh_ms, uv_now(loop));
    guard_seen_begin(&o->guard_seen);
    o->starts = o->guard_seen.starts;
    r = uv_timer_init(loop, &o->tick);
    MUST(r == 0); /* never fails */
    start_tick(o);
    return 0;
}

static void part_closed(struct observe *o)
{
    if (--o->open_parts == 0 && o->on_closed != NULL) {
        o->on_closed(o);
    }
}

static void link_closed_cb(struct pg_link *link)
{
    part_closed((struct observe *)link->owner);
}

static void data_closed_cb(struct data_probe *probe, const struct data_seen *seen)
{
    (void)seen;
    part_closed((struct observe *)probe->owner);
}

static void wal_closed_cb(struct wal_end_read *read, const struct wal_end_seen *seen)
{
    (void)seen;
    part_closed((struct observe *)read->owner);
}

static void tick_closed_cb(uv_handle_t *handle)
{
    part_closed(CONTAINER_OF(handle, struct observe, tick));
}

void observe_close(struct observe *o, observe_cb on_closed)
{
    MUST(!o->is_closing);
    o->is_closing = true;
    o->on_closed = on_closed;
    o->open_parts = 6;
    leave_guard(o);
    pg_link_close(&o->watch, link_closed_cb);
    pg_link_close(&o->door, link_closed_cb);
    pg_link_close(&o->bell, link_closed_cb);
    data_probe_close(&o->data, data_closed_cb);
    wal_end_close(&o->wal, wal_closed_cb);
    uv_close((uv_handle_t *)&o->tick, tick_closed_cb);
}

/* ---- for the caller ---- */

void observe_hurry(struct observe *o, uint64_t for_ms)
{
    bool is_calm = !is_hurried(o);
    uint64_t until_ms = uv_now(o->loop) + for_ms;
    o->hurry_until_ms = until_ms > o->hurry_until_ms ? until_ms : o->hurry_until_ms;
    if (is_calm) { /* else it comes soon, and does not begin anew with every call */
        start_tick(o);
    }
}

uint64_t observe_loaded_us(const struct observe *o)
{
    return o->seen.reload.seen_us;
}

void observe_reloaded(struct observe *o, uint64_t loaded_us)
{
    reload_told(&o->seen.reload, uv_now(o->loop), loaded_us);
    o->door_asked_ms = 0;
    look(o);
}

bool observe_may_reload(const struct observe *o)
{
    return reload_may_tell(&o->seen.reload, uv_now(o->loop), patience_ms(o));
}

bool observe_owes_reload(const struct observe *o)
{
    return reload_is_owed(&o->seen.reload);
}

void observe_config_changed(struct observe *o)
{
    reload_changed(&o->seen.reload);
}

void observe_try_write(struct observe *o)
{
    o->data_is_asked = true;
}

bool observe_is_in_wal(const struct observe *o)
{
    return o->wal.helper.is_asked || (o->data.helper.is_asked && !o->data.spares_wal);
}

void observe_files_changed(struct observe *o)
{
    o->guard_seen.starts++; /* as if a server had run: what was read before is of another one */
    o->seen.has_read = false;
    o->seen.read_failures = 0;
    o->read_asked_ms = 0;
}

void observe_published(struct observe *o, const struct sync_value *published)
{
    o->published = *published;
}

void observe_wanted(struct observe *o, const struct sync_copy *copies, uint32_t count,
                    uint32_t needed)
{
    pg_seen_wanted(&o->seen, copies, count, needed, uv_now(o->loop));
}

void observe_assume_published(struct observe *o)
{
    struct sync_text texts[2 * SYNC_SETS_MAX + 2];
    uint32_t count = 0;
    if (!o->published.is_known || o->published.count == 0) {
        return; /* nothing is said of what may be in force */
    }
    for (uint32_t i = 0; i < o->published.count; i++) {
        char any[SYNC_TEXT_SIZE];
        char first[SYNC_TEXT_SIZE];
        if (!sync_text_of_set(&o->published.sets[i], false, any) ||
            !sync_text_of_set(&o->published.sets[i], true, first)) {
            return;
        }
        texts[count++] = sync_text_parse(any);
        texts[count++] = sync_text_parse(first);
    }
    texts[count++] = sync_text_parse(SYNC_FENCE_VALUE);
    texts[count++] = sync_text_parse(SYNC_BETWEEN_VALUE);
    sync_force_assume(&o->seen.force, texts, count);
}

void observe_fill(const struct observe *o, struct facts *f)
{
    fill(o, &f->pg, &f->guard);
    if (o->seen.watch.upstream.epoch != f->store.grant_epoch) {
        f->pg.upstream = (struct facts_name){.text = ""};
    }
    const struct history_row *newest = history_newest(&f->store);
    if (newest != NULL) {
        f->pg.left = pg_seen_left(&o->seen, &f->pg.end, newest->timeline);
    }
}

static uint64_t age(bool is_known, uint64_t now_ms, uint64_t at_ms)
{
    return is_known ? now_ms - at_ms : UINT64_MAX;
}

void observe_ages(const struct observe *o, struct observe_ages *ret_ages)
{
    uint64_t now_ms = uv_now(o->loop);
    *ret_ages = (struct observe_ages){
        .watch_ms = age(o->seen.has_watch, now_ms, o->seen.watch_at_ms),
        .door_ms = age(o->seen.has_door, now_ms, o->seen.door_at_ms),
        .data_ms = age(o->seen.has_data, now_ms, o->seen.data_at_ms),
        .guard_ms = age(o->guard_seen.state != GUARD_UNKNOWN, now_ms, o->guard_seen.heard_at_ms),
    };
}

const char *observe_door_reason(const struct observe *o)
{
    return o->seen.door_state == DOOR_OPEN ? o->watch_err.msg : o->door_err.msg;
}

const char *observe_data_reason(const struct observe *o)
{
    return o->seen.has_data ? o->seen.data.err.msg : "";
}
