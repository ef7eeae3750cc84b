/* supervisor/act_life.c - PostgreSQL begins, becomes primary and ends: by the guard alone. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/act_parts.h"
#include "supervisor/pg_ask.h"
#include "supervisor/pg_claim.h"
#include "supervisor/pg_find.h"
#include "supervisor/pg_lock.h"
#include "supervisor/timing_profile.h"

#define ARGUMENTS_MAX 128
#define KILL_MS 300 /* for the guard to do it */
#define KILL_LOOK_MS 20
#define WANTED_LOOK_MS 50
#define WANTED_LOOKS 20
#define CHECKPOINT_FIRST_MS 15000   /* of the time that a stop may take */
#define CHECKPOINT_RESTART_MS 60000 /* no longer: the synchronous set does not change meanwhile */

/* ---- the epoch ---- */

void act_ask_arm(struct act *a, act_next next)
{
    const struct act_order *o = &a->order;
    struct timing_watchdog dog =
        timing_watchdog(o->facts.settings.times.lease_ms, o->setup->watchdog_margin_s);
    struct guard_request request = {.kind = GUARD_ARM,
                                    .epoch = o->decision.epoch,
                                    .watchdog_timeout_ns = dog.timeout_ms * NS_PER_MS,
                                    .watchdog_margin_ns = dog.margin_ms * NS_PER_MS};
    act_send(a, &request, GUARD_DONE, next);
}

/* ---- start ---- */

static void make_settings(const struct act_order *o, struct pg_settings *ret_settings)
{
    const struct pg_setup *setup = o->setup;
    bool is_primary = o->config.is_primary;
    struct pg_settings_input input = {.major = o->home.major,
                                      .is_primary = is_primary,
                                      .scope = setup->scope,
                                      .listen_addresses = setup->listen,
                                      .port = setup->port};
    if (!is_primary) {
        input.needs = o->home.needs;
    }
    memcpy(input.layers, act_role(o)->layers, sizeof(input.layers));
    *ret_settings = (struct pg_settings){.count = 0};
    pg_settings_make(&input, ret_settings);
}

/* Lock files that were left behind when the host died. */
static int clear_locks(const struct act_order *o, struct err *err)
{
    const char *data_dir = o->setup->files.data_dir;
    CLEANUP(mem_freep) char *path = mem_printf("%s/postmaster.pid", data_dir);
    CLEANUP(pg_settings_close) struct pg_settings settings;
    make_settings(o, &settings);
    int code = pg_lock_clear(path, data_dir, err);
    return code != 0 ? code
                     : pg_lock_clear_sockets(pg_settings_get(&settings, "unix_socket_directories"),
                                             o->setup->port, data_dir, err);
}

/* Files of a PostgreSQL that does not run. What was decided is for the copy that was looked at. */
static int work_prepare(struct act_order *o, struct err *err)
{
    o->config.has_sync = false;
    int code = pg_note_check_copy(o->setup->files.data_dir, o->facts.pg.copy, err);
    code = code != 0 ? code : work_put_config(o, err);
    code = code != 0 ? code : pg_files_clean_auto(&o->setup->files, NULL, err);
    code = code != 0 || o->home.timeline == 0
               ? code
               : pg_claim_clear(o->setup->files.data_dir, o->home.timeline, err);
    return code != 0 ? code : clear_locks(o, err);
}

/* Whom it is to follow from its first moment: one that was copied or rewound while a primary wrote
 * may need WAL of that primary before it is consistent, and takes no connection until then. */
static bool may_follow(const struct act_order *o)
{
    enum return_step step = return_plan(&o->facts).step;
    bool is_free = o->leads || (o->facts.lease.epoch == 0 && return_has_primary(&o->facts));
    return is_free && (step == RETURN_FOLLOW || step == RETURN_RESTORE) &&
           o->source.host[0] != '\0';
}

static struct pg_ask_place place_of(const struct act_order *o)
{
    return (struct pg_ask_place){.bin_dir = o->home.bin_dir,
                                 .data_dir = o->setup->files.data_dir,
                                 .config_dir = o->setup->files.config_dir};
}

/* It is tried all the same: the server's own log says more. */
static void check_config(struct act_order *o)
{
    const struct pg_ask_place place = place_of(o);
    struct err err = {.code = 0};
    int code = pg_ask_config(&place, &err);
    o->config_reads = code == 0 ? FACT_YES : code == ERR_REFUSED ? FACT_NO : FACT_UNKNOWN;
    if (code != 0) {
        memcpy(o->config_says, err.msg, sizeof(err.msg));
    }
}

static int check_sockets(struct act_order *o, struct err *err)
{
    const struct pg_setup *setup = o->setup;
    const struct pg_ask_place place = place_of(o);
    CLEANUP(buf_close) struct buf all = {0};
    if (pg_ask_setting(&place, "unix_socket_directories", &all, NULL) != 0) {
        check_config(o);
        return 0;
    }
    o->config_reads = FACT_YES;
    int code = 0;
    char *rest = NULL;
    char *text = buf_take(&all);
    for (char *one = strtok_r(text, ", \"", &rest); one != NULL && code == 0;
         one = strtok_r(NULL, ", \"", &rest)) {
        code = pg_find_socket_clash(one, setup->port, setup->files.data_dir, err);
        code = code == ERR_LOCKED ? code : 0;
    }
    mem_free(text);
    return code;
}

/* The last thing before it: what this program itself does in pg_wal is over. A start that can not
 * be watched is a start all the same. */
static void watch_start(struct act_order *o)
{
    const char *data_dir = o->setup->files.data_dir;
    o->is_start_watched =
        o->start_watch != NULL && start_watch_arm(o->start_watch, data_dir, &o->unwatched) == 0;
}

static int work_prepare_standby(struct act_order *o, struct err *err)
{
    o->config.is_primary = false;
    o->config.upstream = (struct act_upstream){.epoch = 0};
    if (may_follow(o)) {
        o->config.upstream = o->source;
    }
    (void)work_look(o, err); /* what it needs changes while it follows */
    int code = work_prepare(o, err);
    code = code != 0 ? code : pg_files_put_standby_signal(&o->setup->files, err);
    code = code != 0 ? code : check_sockets(o, err);
    /* Each start, in vain or not, makes its answer in an election one that has to be found anew. */
    bool is_election = o->facts.store.order_epoch > o->facts.store.grant_epoch;
    if (code == 0 && is_election && o->config_reads == FACT_NO) {
        return err_set(err, ERR_REFUSED, "%s", o->config_says);
    }
    if (code == 0) {
        watch_start(o);
    }
    return code;
}

static int work_prepare_primary(struct act_order *o, struct err *err)
{
    o->config.is_primary = true;
    o->config.upstream = (struct act_upstream){.epoch = 0};
    return work_prepare(o, err);
}

/* Those parameters that are given as arguments, where ALTER SYSTEM does not reach. */
static size_t add_settings(const struct act_order *o, struct buf *out)
{
    CLEANUP(pg_settings_close) struct pg_settings settings;
    make_settings(o, &settings);
    return pg_settings_arguments(&settings, out);
}

static bool add_variables(const struct act_order *o, struct guard_request *request)
{
    char *variables[ACT_VARIABLES_MAX];
    bool fits = true;
    act_environment(o, variables);
    for (size_t i = 0; variables[i] != NULL; i++) {
        fits = guard_request_add_variable(request, variables[i]) && fits;
    }
    return fits;
}

static void send_start(struct act *a, uint16_t kind, uint64_t epoch, act_next next)
{
    struct act_order *o = &a->order;
    struct guard_request request = {.kind = kind, .epoch = epoch};
    CLEANUP(mem_freep) char *program = act_program_path(o, "postgres");
    CLEANUP(mem_freep) char *data = mem_printf("--data-directory=%s", o->setup->files.data_dir);
    const struct pg_files *files = &o->setup->files;
    CLEANUP(mem_freep)
    char *config =
        mem_printf("-D%s", files->config_dir != NULL ? files->config_dir : files->data_dir);
    CLEANUP(buf_close) struct buf settings = {0};
    size_t count = add_settings(o, &settings);
    bool fits = guard_request_add_argument(&request, program) &&
                guard_request_add_argument(&request, config) &&
                guard_request_add_argument(&request, data);
    char *at = settings.bytes;
    for (size_t i = 0; i < count; i++) {
        fits = guard_request_add_argument(&request, at) && fits;
        at += strlen(at) + 1;
    }
    fits = add_variables(o, &request) && fits;
    MUST(fits); /* some dozens */
    act_send(a, &request, GUARD_STARTED, next);
}

static void ended(struct act *a)
{
    act_end(a);
}

static void standby_ready(struct act *a)
{
    if (!act_failed(a)) {
        send_start(a, GUARD_START, 0, ended);
    }
}

void act_start_standby(struct act *a)
{
    act_do(a, "prepare", work_prepare_standby, standby_ready);
}

static void primary_armed(struct act *a)
{
    if (!act_failed(a)) {
        send_start(a, GUARD_START_PRIMARY, a->order.decision.epoch, ended);
    }
}

static void primary_ready(struct act *a)
{
    if (!act_failed(a)) {
        act_ask_arm(a, primary_armed);
    }
}

void act_start_primary(struct act *a)
{
    act_do(a, "prepare", work_prepare_primary, primary_ready);
}

/* ---- promotion ---- */

void act_arm(struct act *a)
{
    act_ask_arm(a, ended);
}

static int work_claim_timelines(struct act_order *o, struct err *err)
{
    return pg_claim_put(o->setup->files.data_dir, o->facts.pg.end.timeline + 1,
                        o->facts.store.grant_timeline, err);
}

static void claimed(struct act *a)
{
    if (!act_failed(a)) {
        act_ask(a, GUARD_PROMOTE, a->order.decision.epoch, 0, GUARD_PROMOTED, ended);
    }
}

/* It is no standby any more, by its configuration too: nothing else differs, and the fence stays.
 */
void act_promote(struct act *a)
{
    act_do(a, "claim timelines", work_claim_timelines, claimed);
}

/* ---- the end ---- */

static void down_next(struct act *a)
{
    if (!act_failed(a)) {
        act_until_down(a, ended);
    }
}

static void stop_fast(struct act *a)
{
    a->asks_stop = true;
    act_ask(a, GUARD_STOP, 0, GUARD_FAST, GUARD_DONE, down_next);
}

/* Minutes may have passed: a candidate that has gone, a pause, a wish that was taken back. It is
 * looked for a moment whether that is over, for words may be late; then clients are spared an
 * outage for nothing. order->round counts the looks. */
static void if_wanted(struct act *a, act_next then, act_next again)
{
    if (a->is_wanted == NULL || a->is_wanted(a)) {
        a->order.round = 0;
        then(a);
    } else if (a->order.round < WANTED_LOOKS) {
        a->order.round++;
        act_pause(a, WANTED_LOOK_MS, again);
    } else {
        (void)err_set(&a->err, ERR_REFUSED, "what it was begun for can not be done any more");
        act_end(a);
    }
}

/* This program ends in any case; all else may have been taken back, or a pause have begun. */
static void stop_if_wanted(struct act *a)
{
    if (a->order.facts.wish.stop) {
        stop_fast(a);
    } else {
        if_wanted(a, stop_fast, stop_if_wanted);
    }
}

/* What the checkpoint did not write, the shutdown's own will. */
static void wrote_some(struct act *a)
{
    a->err = (struct err){.code = 0};
    act_before_stop(a, stop_if_wanted);
}

bool act_is_pressed(const struct facts *f)
{
    return f->lease.epoch != 0 && f->lease.remaining_ms <= f->settings.times.fast_stop_ms;
}

static bool is_free_to_stop(const struct facts *f)
{
    bool is_demoted = f->settings.is_standby_cluster && f->pg.role == ROLE_PRIMARY;
    bool is_wished = f->wish.stop || f->wish.restart || is_demoted;
    return is_wished && f->pg.process == PG_RUNNING && !act_is_pressed(f);
}

static bool writes_first(const struct facts *f)
{
    return is_free_to_stop(f) && f->pg.role == ROLE_PRIMARY && f->pg.answers == FACT_YES;
}

bool act_stop_has_time(const struct facts *f)
{
    return writes_first(f) && !f->wish.stop;
}

/* Of a primary that nothing presses, a checkpoint first, while clients still write: the shutdown's
 * own is short then, and so is the outage. What is on its way down already has had all that, and a
 * lease that is not renewed any more has no time for it. */
void act_stop(struct act *a)
{
    const struct facts *f = &a->order.facts;
    if (writes_first(f)) {
        act_query_long(a, "CHECKPOINT", f->wish.stop ? CHECKPOINT_FIRST_MS : CHECKPOINT_RESTART_MS,
                       wrote_some);
    } else if (is_free_to_stop(f)) {
        act_before_stop(a, stop_if_wanted);
    } else {
        stop_fast(a); /* somebody waits for it to be down */
    }
}

/* order->pid counts the looks. A guard that was heard of lately is let live. */
static void look_killed(struct act *a)
{
    const struct guard_seen *g = a->guard_seen;
    a->order.pid++;
    bool may_do_it = g->state != GUARD_SILENT && g->state != GUARD_GONE;
    if (g->process == PG_ABSENT) {
        act_end(a);
    } else if (may_do_it && a->order.pid <= KILL_MS / KILL_LOOK_MS) {
        act_pause_or_down(a, KILL_LOOK_MS, look_killed);
    } else {
        a->order.guard_pid = g->state == GUARD_WELL ? 0 : a->order.guard_pid;
        act_do_kill(a, work_kill, ended);
    }
}

/* A guard that answers does it, in some milliseconds; else this program itself, and soon: a lease
 * may have run out already. */
void act_kill(struct act *a)
{
    (void)guard_client_ask(a->guard, GUARD_STOP, 0, GUARD_KILL, NULL, NULL);
    a->order.pid = 0;
    look_killed(a);
}

static void has_drained(struct act *a)
{
    if_wanted(a, stop_fast, has_drained);
}

static void drain(struct act *a)
{
    act_before_stop(a, has_drained);
}

static void written_out(struct act *a)
{
    if (!act_failed(a)) {
        if_wanted(a, drain, written_out);
    }
}

/* The checkpoint first, while clients still write: the shutdown's own is short then. */
void act_hand_over(struct act *a)
{
    act_query_long(a, "CHECKPOINT", ACT_CHECKPOINT_MS, written_out);
}
