/* tests/observe/driver.c - an observer with a loop around it: reads commands, one a line, and
 * prints the facts whenever they change, or when it is asked.
 *
 * usage: driver HOST PORT USER PASSFILE|- DATA_DIR HELPER LEASE_MS [GUARD POSTGRES SOCKET]
 *
 * Each answer is one line of NAME=VALUE. It plays pgraftd to a guard too, as far as observing one
 * needs that: a grant that it is told to keep is renewed every 50 ms. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/must.h"
#include "supervisor/observe.h"
#include "supervisor/sync_force.h"

#define NS_PER_MS UINT64_C(1000000)
#define RENEW_MS 50
#define WORDS_MAX 32

static uv_loop_t loop;
static uv_poll_t input;
static uv_timer_t renewal;
static struct observe observer;
static struct guard_client guard;
static struct guard_place place;
static struct guard_grant grant;
static uint64_t lease_ms; /* 0: nothing is renewed */
static struct sync_value published;
static uint64_t changes;
static bool is_wal_spared;

static void print_facts(const char *why)
{
    /* As the rig's conninfo says; and the first timeline is the newest recorded one. */
    static struct facts f = {
        .store = {.grant_epoch = 7, .history_count = 1, .history[0].timeline = 1}};
    struct observe_ages ages;
    observe_fill(&observer, &f);
    observe_ages(&observer, &ages);
    const struct pg_facts *pg = &f.pg;
    printf("%s process=%d role=%d answers=%d data_answers=%d end_known=%d end_timeline=%" PRIu32
           " end_lsn=%" PRIu64 " left=%" PRIu64 " end_after_seal=%d recovered=%" PRIu64
           " receiver=%d gone_twice=%d"
           " conninfo_empty=%d upstream=%s signal=%d",
           why, (int)pg->process, (int)pg->role, (int)pg->answers, (int)pg->data_answers,
           pg->end.is_known ? 1 : 0, pg->end.timeline, pg->end.lsn,
           pg->left.is_known ? pg->left.lsn : 0, pg->end_after_seal ? 1 : 0,
           pg->recovered.is_known ? pg->recovered.lsn : 0, (int)pg->receiver,
           pg->receiver_gone_twice ? 1 : 0, (int)pg->conninfo_empty, pg->upstream.text,
           (int)pg->signal_synced);
    printf(" force=%d needed=%" PRIu32 " in_force_lsn=%" PRIu64 " unsynced_ms=%" PRIu64
           " proof=%d guard=%d armed=%" PRIu64 " promoted=%" PRIu64 " promotion_seen=%d",
           (int)pg->force, pg->set_in_force.needed, pg->in_force_lsn, pg->unsynced_ms,
           (int)observer.seen.force.proof, (int)f.guard.state, f.guard.armed_epoch,
           f.guard.promoted_epoch, (int)f.guard.promotion_seen);
    printf(" door=%d door_why=\"%s\" sqlstate=%s data_why=\"%s\" full=%d wrote=%d changes=%" PRIu64
           " attempts=%" PRIu64 " pending=%" PRIu32 " follows=%" PRIu64 " watch_age=%" PRIu64
           " still_ms=%" PRIu64 " refused=%d in_vain=%d owes=%d may_reload=%d amiss=\"%s\"\n",
           (int)observer.seen.door_state, observe_door_reason(&observer),
           observer.door.failure.sqlstate, observe_data_reason(&observer),
           observer.seen.data.is_full ? 1 : 0, observer.seen.data.wrote ? 1 : 0, changes,
           observer.watch.attempts, observer.seen.door.pending_restart, pg->follows_epoch,
           ages.watch_ms, pg->still_ms, pg->reload_refused ? 1 : 0, pg->reload_in_vain ? 1 : 0,
           observe_owes_reload(&observer) ? 1 : 0, observe_may_reload(&observer) ? 1 : 0,
           pg->config_wrong);
    (void)fflush(stdout);
}

static void change_cb(struct observe *o)
{
    (void)o;
    changes++;
    print_facts("change");
}

static void guard_cb(struct observe *o, const struct guard_event *event)
{
    (void)o;
    if (event == NULL) {
        printf("guard-gone\n");
    } else if (event->kind != GUARD_STATE) {
        printf("guard kind=%s pid=%" PRIu64 " reason=%" PRIu64 "\n", guard_kind_text(event->kind),
               event->pid, event->reason);
    }
    (void)fflush(stdout);
}

/* ---- the guard ---- */

static uint64_t boot_ns(void)
{
    struct timespec now;
    MUST(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 * NS_PER_MS + (uint64_t)now.tv_nsec;
}

static void renew_cb(uv_timer_t *timer)
{
    (void)timer;
    if (lease_ms > 0) {
        grant.deadline_ns = boot_ns() + lease_ms * NS_PER_MS;
        guard_client_grant(&guard, &grant);
    }
}

static int start_postgres(char **words, struct err *err)
{
    static char path[] = "PATH=/usr/bin:/bin";
    static char locale[] = "LC_ALL=C";
    struct guard_request request = {.kind = GUARD_START};
    for (int i = 1; words[i] != NULL; i++) {
        MUST(guard_request_add_argument(&request, words[i]));
    }
    MUST(guard_request_add_variable(&request, path));
    MUST(guard_request_add_variable(&request, locale));
    return guard_client_send(&guard, &request, STDERR_FILENO, NULL, err);
}

static int command_guard(char **words, struct err *err)
{
    uint64_t number = words[1] != NULL ? strtoull(words[1], NULL, 10) : 0;
    if (strcmp(words[0], "spawn") == 0) {
        pid_t pid;
        int r = guard_client_spawn(&guard, &place, &pid, err);
        if (r == 0) {
            printf("spawned pid=%d\n", (int)pid);
            observe_guard(&observer, &guard);
        }
        return r;
    }
    if (strcmp(words[0], "start") == 0) {
        return start_postgres(words, err);
    }
    if (strcmp(words[0], "renew") == 0) {
        lease_ms = words[2] != NULL ? strtoull(words[2], NULL, 10) : 0;
        grant = (struct guard_grant){.epoch = number,
                                     .kill_budget_ns = 200 * NS_PER_MS,
                                     .promote_epoch = number,
                                     .promote_margin_ns = 100 * NS_PER_MS};
        renew_cb(&renewal);
        return 0;
    }
    uint16_t kind = strcmp(words[0], "arm") == 0       ? GUARD_ARM
                    : strcmp(words[0], "promote") == 0 ? GUARD_PROMOTE
                    : strcmp(words[0], "stop") == 0    ? GUARD_STOP
                                                       : 0;
    return kind != 0 ? guard_client_ask(&guard, kind, number, number, NULL, err)
                     : err_set(err, ERR_USAGE, "no such command: %s", words[0]);
}

/* ---- commands ---- */

/* published NEEDED NAME...: one more set in the store; alone: none. */
static void publish(char **words)
{
    struct sync_set set = {.needed = 0};
    published.is_known = true;
    if (words[1] == NULL) {
        published.count = 0;
    } else {
        set.needed = (uint32_t)strtoul(words[1], NULL, 10);
        for (int i = 2; words[i] != NULL && set.count < SYNC_NAMES_MAX; i++) {
            struct sync_copy *copy = &set.at[set.count++];
            (void)snprintf(copy->name.text, sizeof(copy->name.text), "%s", words[i]);
            copy->copy = 100 + set.count;
        }
        MUST(published.count < SYNC_SETS_MAX);
        published.sets[published.count++] = set;
    }
    observe_published(&observer, &published);
}

static void want(char **words)
{
    struct sync_copy copies[4] = {{.copy = 0}};
    uint32_t count = 0;
    for (int i = 2; words[1] != NULL && words[i] != NULL && count < ARRAY_LEN(copies); i++) {
        (void)snprintf(copies[count++].name.text, FACTS_NAME_SIZE, "%s", words[i]);
    }
    observe_wanted(&observer, copies, count,
                   words[1] != NULL ? (uint32_t)strtoul(words[1], NULL, 10) : 1);
}

static void closed_cb(struct observe *o)
{
    (void)o;
    guard_client_close(&guard);
    printf("closed\n");
}

static void leave(void)
{
    uv_close((uv_handle_t *)&input, NULL);
    uv_close((uv_handle_t *)&renewal, NULL);
    observe_close(&observer, closed_cb);
}

static bool spares_wal(struct observe *o)
{
    (void)o;
    return is_wal_spared;
}

static void take_line(char *line)
{
    char *words[WORDS_MAX + 1] = {0};
    char *rest = NULL;
    int count = 0;
    struct err err = {0};
    for (char *word = strtok_r(line, " \n", &rest); word != NULL && count < WORDS_MAX;
         word = strtok_r(NULL, " \n", &rest)) {
        words[count++] = word;
    }
    if (count == 0) {
        return;
    }
    if (strcmp(words[0], "facts") == 0) {
        print_facts("facts");
    } else if (strcmp(words[0], "hurry") == 0) {
        observe_hurry(&observer, words[1] != NULL ? strtoull(words[1], NULL, 10) : 1000);
    } else if (strcmp(words[0], "published") == 0) {
        publish(words);
    } else if (strcmp(words[0], "assume") == 0) {
        observe_assume_published(&observer);
    } else if (strcmp(words[0], "wanted") == 0) {
        want(words);
    } else if (strcmp(words[0], "reloaded") == 0) {
        observe_reloaded(&observer, observe_loaded_us(&observer));
    } else if (strcmp(words[0], "try-write") == 0) {
        observe_try_write(&observer);
    } else if (strcmp(words[0], "spare-wal") == 0 || strcmp(words[0], "open-wal") == 0) {
        is_wal_spared = words[0][0] == 's';
    } else if (strcmp(words[0], "quit") == 0) {
        leave();
    } else if (command_guard(words, &err) != 0) {
        printf("error code=%d why=%s\n", err.code, err.msg);
    }
    (void)fflush(stdout);
}

/* One write of a test is one line, or a few. */
static void input_cb(uv_poll_t *handle, int status, int events)
{
    static char text[8192];
    static size_t size;
    (void)status;
    (void)events;
    (void)handle;
    ssize_t got = read(STDIN_FILENO, text + size, sizeof(text) - 1 - size);
    if (got <= 0) {
        leave();
        return;
    }
    size += (size_t)got;
    for (char *end; (end = memchr(text, '\n', size)) != NULL;) {
        size_t length = (size_t)(end - text) + 1;
        char line[sizeof(text)];
        memcpy(line, text, length);
        line[length] = '\0';
        size -= length;
        memmove(text, text + length, size);
        take_line(line);
    }
}

int main(int count, char **words)
{
    struct err err = {0};
    if (count < 8 || guard_client_init(&guard, &err) != 0) {
        (void)fprintf(stderr, "driver: %s\n", count < 8 ? "too few words" : err.msg);
        return 2;
    }
    pg_link_forget_environment();
    MUST(uv_loop_init(&loop) == 0);
    struct observe_options options = {
        .place = {.host = words[1],
                  .port = (uint16_t)strtoul(words[2], NULL, 10),
                  .user = words[3],
                  .database = "postgres",
                  .passfile = strcmp(words[4], "-") == 0 ? NULL : words[4],
                  .application_name = "pgraft"},
        .data_dir = words[5],
        .helper = words[6]};
    observe_times(&options, strtoull(words[7], NULL, 10));
    if (count > 10) {
        place = (struct guard_place){
            .guard = words[8], .data_dir = words[5], .program = words[9], .socket = words[10]};
    }
    if (observe_open(&observer, &loop, &options, &err) != 0) {
        printf("error code=%d why=%s\n", err.code, err.msg);
        return 1;
    }
    observer.on_change = change_cb;
    observer.on_guard = guard_cb;
    observer.spares_wal = spares_wal;
    MUST(uv_poll_init(&loop, &input, STDIN_FILENO) == 0);
    MUST(uv_poll_start(&input, UV_READABLE, input_cb) == 0);
    MUST(uv_timer_init(&loop, &renewal) == 0);
    MUST(uv_timer_start(&renewal, renew_cb, RENEW_MS, RENEW_MS) == 0);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) == 0 ? 0 : 3;
}
