/* supervisor/supervisor_guard.c - the guard is found or started, its page written, its words
 * heard. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "supervisor/supervisor_parts.h"

#define SOCKET_NAME "guard.sock"
#define CRASH_WINDOW_MS 600000

static int start_guard(struct supervisor *s, const char *socket, struct err *err)
{
    CLEANUP(mem_freep) char *program = mem_printf("%s/postgres", s->home.bin_dir);
    CLEANUP(mem_freep) char *guard = mem_strdup(s->setup->guard);
    const struct guard_place place = {.guard = guard,
                                      .data_dir = s->setup->files.data_dir,
                                      .program = program,
                                      .socket = socket,
                                      .more = s->setup->guard_options};
    pid_t pid = 0;
    if (s->home.bin_dir[0] == '\0') {
        return err_set(err, ERR_NOT_FOUND, "%s", s->home.why);
    }
    int code = guard_client_spawn(&s->guard, &place, &pid, err);
    s->guard_pid = code == 0 ? (uint64_t)pid : 0;
    return code;
}

/* Of a guard that somebody else has started: it is ended by this number, should it fall silent. */
static uint64_t pid_behind(int fd)
{
    struct ucred peer = {.pid = 0};
    socklen_t size = sizeof(peer);
    bool is_told = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    return is_told && peer.pid > 0 ? (uint64_t)peer.pid : 0;
}

/* It was this program's child. */
static void reap_guard(struct supervisor *s)
{
    if (s->guard_pid != 0 && waitpid((pid_t)s->guard_pid, NULL, WNOHANG) == (pid_t)s->guard_pid) {
        s->guard_pid = 0;
    }
}

void supervisor_meet_guard(struct supervisor *s, bool may_start)
{
    CLEANUP(mem_freep) char *socket = mem_printf("%s/" SOCKET_NAME, s->setup->state_dir);
    struct err err = {.code = 0};
    closep(&s->guard.fd);
    reap_guard(s);
    s->is_guard_greeted = false;
    int code = guard_client_attach(&s->guard, socket, &err);
    bool is_first = !s->is_guard_asked;
    s->is_guard_asked = true;
    s->is_guard_found = code == 0 && is_first;
    if (code == 0) {
        s->guard_pid = pid_behind(s->guard.fd);
    } else {
        closep(&s->guard.fd);
    }
    if (code == ERR_NOT_FOUND && may_start) {
        code = start_guard(s, socket, &err);
    }
    observe_guard(&s->observe, code == 0 ? &s->guard : NULL);
    if (code != 0 && may_start) {
        s->is_home_stale = true; /* perhaps there is a PostgreSQL by now */
        if (strcmp(s->trouble, err.msg) != 0) {
            log_error("supervisor", "no guard", LOG_ERR(&err));
        }
        (void)snprintf(s->trouble, sizeof(s->trouble), "%s", err.msg);
        s->trouble_of = ACTION_WAIT;
    }
}

/* What an earlier life told it holds on: the guard outlives a restart of this program. What that
 * life had begun in the data directory has ended with it: the guard need not keep its hands off any
 * more, or nothing could ever be started. */
static void greet(struct supervisor *s, const struct guard_event *e)
{
    s->is_guard_greeted = true;
    bool is_nobodys = s->has_home && s->home.data == DATA_USABLE && s->home.is_noted == FACT_NO;
    if (e->is_adopted != 0 && is_nobodys && !s->adopts) {
        s->adopts = true;
        log_info("supervisor", "an adoption that an earlier start was asked for goes on",
                 LOG_U64("pid", e->pid));
    }
    if (e->is_hands_off != 0 && !s->act.is_running) {
        (void)guard_client_ask(&s->guard, GUARD_WATCH, 0, 1, NULL, NULL);
    }
    if (s->is_guard_found && e->deadline_ns != 0) {
        const struct supervisor_times *times = &s->settings.times;
        struct guard_grant grant = {.epoch = e->epoch,
                                    .deadline_ns = e->deadline_ns,
                                    .kill_budget_ns = times->kill_budget_ms * NS_PER_MS};
        lease_hold_adopt(&s->side.hold, &grant);
    }
}

static void describe_end(int status, enum fact has_read, char *out, size_t size)
{
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    const char *when = has_read == FACT_NO ? " before it read its data" : "";
    if (number != 0) {
        (void)snprintf(out, size, "it was ended by SIG%s%s", sigabbrev_np(number), when);
    } else {
        (void)snprintf(out, size, "it ended with status %d%s, and its log says why",
                       WEXITSTATUS(status), when);
    }
}

/* Its exec succeeded, and that was no start yet. Once for each reason. */
static void tell_in_vain(struct supervisor *s, int status, enum fact has_read)
{
    char text[ERR_MSG_MAX] = "";
    char how[96] = "";
    describe_end(status, has_read, how, sizeof(how));
    (void)snprintf(text, sizeof(text), "PostgreSQL does not come up: %.200s",
                   s->config_reads == FACT_NO ? s->config_says : how);
    bool is_known = strcmp(text, s->start_trouble) == 0;
    enum log_level level = is_known ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN;
    memcpy(s->start_trouble, text, sizeof(text));
    if (log_is_on(level, "supervisor")) {
        const struct log_field fields[] = {LOG_STR("text", text),
                                           LOG_U64("starts", s->starts.in_vain), LOG_END};
        log_event(level, "supervisor", "started in vain", fields);
    }
}

/* It is told once, and what else opens pg_wal is not told after it. */
static bool has_start_read(struct supervisor *s)
{
    s->has_start_read = s->has_start_read || start_watch_take(&s->start_watch);
    return s->has_start_read;
}

bool supervisor_wants_quiet(const struct supervisor *s, uint64_t now_ms)
{
    return s->decision.action == ACTION_START_STANDBY && s->start_watch.is_open &&
           starts_wants_quiet(&s->starts, now_ms);
}

bool supervisor_spares_wal(struct observe *observe)
{
    struct supervisor *s = (struct supervisor *)observe->owner;
    const struct act_order *o = &s->act.order;
    if (supervisor_wants_quiet(s, supervisor_now_ms())) {
        return true;
    }
    bool is_begun = s->act.is_running || s->act.start_asked != 0;
    bool is_to_come =
        is_begun && o->decision.action == ACTION_START_STANDBY && o->start_watch != NULL;
    return is_to_come || (s->is_start_watched && !has_start_read(s));
}

static void note_end(struct supervisor *s, const struct guard_event *e, bool is_asked)
{
    int status = (int)e->wait_status;
    bool is_on_purpose = is_asked || e->phase != GUARD_RUN;
    enum starts_end how = is_on_purpose ? STARTS_ON_PURPOSE : starts_end_of(status);
    enum fact has_read = !s->is_start_watched ? FACT_UNKNOWN
                         : has_start_read(s)  ? FACT_YES
                                              : FACT_NO;
    s->is_start_watched = false;
    if (starts_ended(&s->starts, how, has_read, supervisor_now_ms())) {
        tell_in_vain(s, status, has_read);
    }
}

/* A stop in order asks the guard at last, after a checkpoint and before_stop: until then it ends by
 * itself. */
static bool is_end_asked(const struct supervisor *s)
{
    enum action action = s->act.order.decision.action;
    bool is_sealed = action == ACTION_SEAL && s->act.order.decision.seal == SEAL_STOP;
    bool is_stop = action == ACTION_STOP || action == ACTION_HAND_OVER;
    bool is_end = action == ACTION_KILL || action == ACTION_RETURN || is_sealed;
    return s->act.is_running && (is_end || (is_stop && s->act.asks_stop));
}

/* By itself: what the guard ends at a deadline has not crashed. */
static void note_crash(struct supervisor *s, const struct guard_event *e)
{
    bool is_asked = is_end_asked(s);
    s->died = !is_asked;
    s->scripts.was_stopped =
        (is_asked && s->act.order.decision.action != ACTION_KILL) || s->is_stopping;
    note_end(s, e, is_asked);
    if (!is_asked) {
        task_died(&s->task, "PostgreSQL ended while it started");
    }
    /* A sequence does not wait for ever for a shutdown that it has asked for. */
    bool is_ours = is_asked || (s->stop_asked_of != 0 && s->stop_asked_of == s->postmaster);
    s->ended_epoch = is_ours ? e->epoch : 0;
    if (e->epoch != 0 && e->phase == GUARD_RUN && !is_asked) {
        s->crashed_ms[s->crash_next] = supervisor_now_ms();
        s->crash_next = (s->crash_next + 1) % CRASHES_KEPT;
    }
}

uint32_t supervisor_crashes(const struct supervisor *s, uint64_t now_ms)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < CRASHES_KEPT; i++) {
        uint64_t at_ms = s->crashed_ms[i];
        count += at_ms != 0 && now_ms - at_ms < CRASH_WINDOW_MS ? 1 : 0;
    }
    return count;
}

static void log_guard(const struct guard_event *e)
{
    if (e->kind == GUARD_STATE || e->kind == GUARD_DONE) {
        return;
    }
    bool is_waited_out =
        e->kind == GUARD_REFUSED && e->reason == GUARD_IN_WORK; /* who asked says it */
    enum log_level level = is_waited_out                                          ? LOG_LEVEL_DEBUG
                           : e->kind == GUARD_WARNING || e->kind == GUARD_REFUSED ? LOG_LEVEL_WARN
                                                                                  : LOG_LEVEL_INFO;
    if (log_is_on(level, "guard")) {
        const struct log_field fields[] = {LOG_STR("what", guard_kind_text(e->kind)),
                                           LOG_STR("reason", guard_reason_text(e->reason)),
                                           LOG_U64("pid", e->pid),
                                           LOG_U64("epoch", e->epoch),
                                           LOG_U64("timeline", e->timeline),
                                           LOG_U64("error", e->error),
                                           LOG_U64("took_ms", e->took_ns / NS_PER_MS),
                                           LOG_END};
        log_event(level, "guard", "tells", fields);
    }
}

/* Of files it warns for this one alone, once for each reason; that it could is told by what hangs
 * on it. */
static void note_signal(struct supervisor *s, const struct guard_event *e)
{
    if (e->kind == GUARD_WARNING && e->reason == GUARD_FILES) {
        const char *why = strerrordesc_np((int)e->error);
        s->signal_error = why != NULL ? why : "unknown error";
        log_warn("guard", "standby.signal can not be written, and is tried again",
                 LOG_STR("error", s->signal_error));
    } else if (e->kind == GUARD_STARTED || e->kind == GUARD_PROMOTED || e->is_signal_synced != 0) {
        s->signal_error = NULL;
    }
}

void supervisor_tell_unwatched(struct supervisor *s, const struct err *err)
{
    if (strcmp(s->unwatched, err->msg) != 0) {
        memcpy(s->unwatched, err->msg, sizeof(s->unwatched));
        log_warn("supervisor", "whether PostgreSQL comes as far as its data is not seen",
                 LOG_ERR(err));
    }
}

static void note_start(struct supervisor *s)
{
    const struct act_order *o = &s->act.order;
    bool is_standby = o->decision.action == ACTION_START_STANDBY;
    starts_began(&s->starts, supervisor_now_ms());
    s->is_start_watched = is_standby && o->is_start_watched;
    s->has_start_read = false;
    if (s->is_start_watched) {
        s->unwatched[0] = '\0';
    } else if (is_standby && o->unwatched.code != 0) {
        supervisor_tell_unwatched(s, &o->unwatched);
    }
    s->died = s->was_up = false;
    s->stop_asked_of = s->ended_epoch = 0;
    s->scripts.was_stopped = false;
}

void supervisor_guard_event(struct supervisor *s, const struct guard_event *e)
{
    act_guard_event(&s->act, e);
    if (e == NULL) {
        log_warn("guard", "gone", LOG_U64("pid", s->guard_pid));
        s->scripts.was_stopped = s->scripts.was_stopped && s->postmaster == 0;
        s->ended_epoch = s->postmaster == 0 ? s->ended_epoch : 0;
        s->postmaster = 0;
        s->is_guard_greeted = false;
        s->is_swept = false;
        s->signal_error = NULL;
        s->is_start_watched = false; /* of its end nobody tells */
        supervisor_soon(s);
        return;
    }
    log_guard(e);
    note_signal(s, e);
    supervisor_guard_renewed(s, e);
    if (e->kind == GUARD_STATE && !s->is_guard_greeted) {
        greet(s, e);
    }
    if (e->kind == GUARD_ENDED) {
        kill_budget_note(&s->ends, e->took_ns, e->ended_count);
    }
    if (e->kind == GUARD_DIED) {
        note_crash(s, e);
    } else if (e->kind == GUARD_STARTED) {
        note_start(s);
    }
    if (e->kind == GUARD_DIED || e->kind == GUARD_ENDED) {
        s->postmaster = 0;
    } else if (e->pid != 0 && e->kind != GUARD_FOREIGN) {
        s->postmaster = e->pid;
    }
    supervisor_soon(s);
}

static bool makes_primary(const struct decision *d)
{
    return d->action == ACTION_PROMOTE || d->action == ACTION_START_PRIMARY ||
           d->action == ACTION_ADOPT;
}

/* Only to a guard that has said what it knows: until then its own deadline holds. */
void supervisor_write_page(struct supervisor *s)
{
    const struct decision *d = &s->decision;
    bool may =
        makes_primary(d) || (s->act.is_running && makes_primary(&s->act.order.decision) &&
                             s->act.order.decision.epoch == d->epoch && d->action != ACTION_KILL);
    struct guard_grant grant;
    if (!s->is_guard_greeted) {
        return;
    }
    lease_hold_grant(&s->side.hold, &s->settings.times, may ? d->epoch : 0, &grant);
    guard_client_grant(&s->guard, &grant);
}
