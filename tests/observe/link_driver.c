/* tests/observe/link_driver.c - one connection on a loop that does what it is told, one command a
 * line: connect, drop, ask MS SQL, cancel, upstream LSN, quit. A timer ticks beside it, to
 * show that the loop goes on.
 *
 * usage: link_driver HOST PORT USER PASSFILE|- CONNECT_MS */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/must.h"
#include "supervisor/pg_link.h"
#include "supervisor/upstream.h"

#define TICK_MS 5

static uv_loop_t loop;
static uv_poll_t input;
static uv_timer_t tick;
static uint64_t ticks; /* in the middle of attempts */
static struct pg_link subject;
static struct pg_place place;
static struct upstream_look look;
static struct position end;

/* A loop that waits for an attempt does not tick. */
static void tick_cb(uv_timer_t *timer)
{
    (void)timer;
    if (subject.state == PG_LINK_CONNECTS) {
        ticks++;
    }
}

static void print_failure(const char *what, const struct pg_failure *failure)
{
    printf("%s code=%d sqlstate=%s state=%d attempts=%" PRIu64 " ticks=%" PRIu64 " why=\"%s\"\n",
           what, -failure->err.code, failure->sqlstate, (int)subject.state, subject.attempts, ticks,
           failure->err.msg);
    (void)fflush(stdout);
}

static void change_cb(struct pg_link *l)
{
    print_failure("state", &l->failure);
}

static void rows_cb(struct pg_link *l, const struct pg_rows *rows, const struct pg_failure *failure)
{
    (void)l;
    if (failure != NULL) {
        print_failure("failed", failure);
        return;
    }
    const char *first = pg_rows_text(rows, 0, 0);
    printf("rows count=%" PRIu32 " columns=%" PRIu32 " size=%zu first=%.20s\n", rows->count,
           rows->columns, first != NULL ? strlen(first) : 0, first != NULL ? first : "-");
    (void)fflush(stdout);
}

static void look_closed_cb(struct upstream_look *l)
{
    (void)l;
    printf("looked\n");
    (void)fflush(stdout);
}

static void upstream_seen_cb(struct upstream_look *l, const struct upstream_seen *seen,
                             const struct pg_failure *failure)
{
    struct return_facts back = {.rewind_failures = 0};
    if (seen == NULL) {
        print_failure("failed", failure);
    } else {
        upstream_fill(seen, &end, &back);
        printf("upstream is_primary=%d timeline=%" PRIu32 " checkpoint=%" PRIu32
               " ready=%d has_wal=%d\n",
               seen->is_primary ? 1 : 0, seen->timeline, seen->checkpoint_timeline,
               (int)back.primary_ready, (int)back.has_upstream_wal);
    }
    (void)fflush(stdout);
    upstream_look_close(l, look_closed_cb);
}

static void link_closed_cb(struct pg_link *l)
{
    (void)l;
    printf("closed\n");
}

static void leave(void)
{
    uv_close((uv_handle_t *)&input, NULL);
    uv_close((uv_handle_t *)&tick, NULL);
    pg_link_close(&subject, link_closed_cb);
}

static void take_line(char *line)
{
    struct err err = {0};
    char *rest = NULL;
    const char *word = strtok_r(line, " \n", &rest);
    int r = 0;
    if (word == NULL) {
        return;
    }
    if (strcmp(word, "connect") == 0) {
        pg_link_connect(&subject);
    } else if (strcmp(word, "drop") == 0) {
        pg_link_drop(&subject);
    } else if (strcmp(word, "cancel") == 0) {
        pg_link_cancel(&subject);
    } else if (strcmp(word, "quit") == 0) {
        leave();
    } else if (strcmp(word, "upstream") == 0) {
        end.is_known = pg_text_lsn(strtok_r(NULL, " \n", &rest), &end.lsn);
        r = upstream_look_start(&look, &loop, &place, NULL, upstream_seen_cb, &err);
    } else if (strcmp(word, "ask") == 0) {
        uint64_t deadline_ms = strtoull(strtok_r(NULL, " \n", &rest), NULL, 10);
        r = pg_link_ask(&subject, strtok_r(NULL, "\n", &rest), deadline_ms, rows_cb, &err);
    }
    if (r != 0) {
        printf("error code=%d why=\"%s\"\n", -err.code, err.msg);
    }
    (void)fflush(stdout);
}

/* A test writes one line and waits for what comes of it. */
static void input_cb(uv_poll_t *handle, int status, int events)
{
    char text[4096];
    (void)status;
    (void)events;
    (void)handle;
    ssize_t size = read(STDIN_FILENO, text, sizeof(text) - 1);
    if (size <= 0) {
        leave();
        return;
    }
    text[size] = '\0';
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        take_line(line);
    }
}

int main(int count, char **words)
{
    struct err err = {0};
    MUST(count == 6);
    pg_link_forget_environment();
    MUST(uv_loop_init(&loop) == 0);
    place = (struct pg_place){.host = words[1],
                              .port = (uint16_t)strtoul(words[2], NULL, 10),
                              .user = words[3],
                              .database = "postgres",
                              .passfile = strcmp(words[4], "-") == 0 ? NULL : words[4],
                              .application_name = "pgraft",
                              .connect_ms = strtoull(words[5], NULL, 10),
                              .statement_ms = 2000,
                              .pause_min_ms = 50,
                              .pause_max_ms = 400};
    if (pg_link_open(&subject, &loop, &place, &err) != 0) {
        printf("error code=%d why=\"%s\"\n", -err.code, err.msg);
        return 1;
    }
    subject.on_change = change_cb;
    MUST(uv_poll_init(&loop, &input, STDIN_FILENO) == 0);
    MUST(uv_poll_start(&input, UV_READABLE, input_cb) == 0);
    MUST(uv_timer_init(&loop, &tick) == 0);
    MUST(uv_timer_start(&tick, tick_cb, TICK_MS, TICK_MS) == 0);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) == 0 ? 0 : 3;
}
