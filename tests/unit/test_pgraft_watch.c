/* tests/unit/test_pgraft_watch.c - watches: nothing is missed, whoever keeps up or does not. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/lib/hosts.h"

static struct hosts hosts;

static int open_two(void **state)
{
    (void)state;
    hosts_open(&hosts, 2);
    for (size_t i = 0; i < 2; i++) {
        hosts_start(&hosts, i);
    }
    for (size_t i = 0; i < 2; i++) {
        hosts_until_ready(&hosts, i, 2);
    }
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    hosts_close(&hosts);
    return 0;
}

/* What a watch of the series has told. The pair's version counts its puts; the number in its value
 * is no measure, for what is under way while the leader changes may arrive in another order. */
struct seen {
    size_t count;
    uint64_t newest; /* version of the pair */
    bool has_gap;    /* one was left out, or came twice */
    uint64_t revision;
    uint64_t oldest;
    int status;
    size_t ends;
    size_t notices; /* calls without a change */
};

static void on_changes(void *ctx, const struct pgraft_changes *changes)
{
    struct seen *seen = ctx;
    assert_int_equal(seen->ends, 0);
    for (size_t i = 0; i < changes->count; i++) {
        const struct pgraft_change *change = &changes->changes[i];
        uint64_t version = change->pair.version;
        seen->has_gap = seen->has_gap || (seen->count > 0 && version != seen->newest + 1);
        seen->newest = version;
        seen->count++;
    }
    seen->notices += changes->count == 0 && changes->status == 0 ? 1 : 0;
    seen->revision = changes->status == 0 ? changes->revision : seen->revision;
    seen->oldest = changes->oldest_revision;
    seen->status = changes->status;
    seen->ends += changes->status != 0 ? 1 : 0;
}

static uint64_t watch_from(size_t host, uint64_t revision, uint32_t progress_ms, struct seen *seen)
{
    uint64_t id = 0;
    struct pgraft_watch watch = {.span = {.kind = PGRAFT_KEY, .key = text_slice("series")},
                                 .from_revision = revision,
                                 .progress_ms = progress_ms,
                                 .changed = on_changes,
                                 .ctx = seen};
    *seen = (struct seen){.status = 0}; /* @watch has what it needs of it */
    assert_int_equal(pgraft_watch(hosts.at[host].store, &watch, &id, NULL), 0);
    return id;
}

/* ---- writing, while only host 0 dispatches ---- */

static size_t stored;

static void on_stored(void *ctx, const struct pgraft_result *result)
{
    (void)ctx;
    assert_int_equal(result->status, 0);
    stored++;
}

static void dispatch_first(void)
{
    struct pollfd fd = {.fd = pgraft_fd(hosts.at[0].store), .events = POLLIN};
    (void)poll(&fd, 1, 100);
    (void)pgraft_dispatch(hosts.at[0].store);
}

/* The versions @from .. @to - 1: numbers, each with @size bytes behind it. */
static void write_series(size_t from, size_t to, size_t size)
{
    static char value[8192];
    struct pgraft_call call = {.timeout_ms = 120000, .done = on_stored};
    memset(value, '.', sizeof(value));
    stored = from;
    for (size_t i = from; i < to; i++) {
        int digits = snprintf(value, 16, "%zu", i);
        value[digits] = ' ';
        assert_int_equal(pgraft_put(hosts.at[0].store, text_slice("series"),
                                    (struct pgraft_slice){value, 16 + size}, 0, &call, NULL, NULL),
                         0);
        while (i + 1 - stored >= 200) { /* not more than that at once */
            dispatch_first();
        }
    }
    while (stored < to) {
        dispatch_first();
    }
}

/* ---- until ---- */

struct goal {
    struct seen *seen;
    uint64_t version;
};

static bool has_seen(void *arg)
{
    const struct goal *goal = arg;
    return goal->seen->newest >= goal->version;
}

static bool has_ended(void *arg)
{
    return ((const struct seen *)arg)->ends > 0;
}

static bool has_seen_or_ended(void *arg)
{
    const struct goal *goal = arg;
    return has_seen(arg) || has_ended(goal->seen);
}

static bool is_noticed(void *arg)
{
    return ((const struct seen *)arg)->notices >= 3;
}

static void all_is_told_to_who_dispatches_late(void **state)
{
    (void)state;
    static struct seen seen;
    (void)watch_from(1, 1, 0, &seen);
    write_series(1, 1001, 2000); /* more than the batches that wait for it hold, and remembered */
    struct goal goal = {&seen, 1000};
    assert_true(hosts_until(&hosts, has_seen, &goal));
    assert_int_equal(seen.count, 1000);
    assert_false(seen.has_gap);
}

/* More than the history holds is written while nobody dispatches: the watch ends with the revision
 * from which on it can be had, and another one goes on from there. */
static void who_falls_behind_is_told(void **state)
{
    (void)state;
    static struct seen seen;
    uint64_t id = watch_from(1, 1, 0, &seen);
    write_series(1, 1501, 8000);
    assert_true(hosts_until(&hosts, has_ended, &seen));
    assert_int_equal(seen.status, PGRAFT_ERR_COMPACTED);
    assert_false(seen.has_gap); /* up to there */
    assert_true(seen.oldest > seen.revision + 1);
    pgraft_unwatch(hosts.at[1].store, id); /* it is none any more, and that is no harm */
    assert_int_equal(hosts_get(&hosts, 1, "series").status, 0); /* this copy has all by now */
    struct goal goal = {&seen, 1500};
    do { /* what was the oldest then may be gone, too: it was still being written */
        (void)watch_from(1, seen.oldest, 0, &seen);
        assert_true(hosts_until(&hosts, has_seen_or_ended, &goal));
    } while (seen.status == PGRAFT_ERR_COMPACTED);
    assert_true(has_seen(&goal));
    assert_false(seen.has_gap);
    static struct seen other;
    (void)watch_from(1, 1, 0, &other); /* that is gone */
    assert_true(hosts_until(&hosts, has_ended, &other));
    assert_int_equal(other.status, PGRAFT_ERR_COMPACTED);
    struct pgraft_figures figures;
    pgraft_figures(hosts.at[1].store, &figures);
    assert_true(figures.watches <= 2); /* those that ended are gone */
}

static void a_watch_goes_on_where_another_one_ended(void **state)
{
    (void)state;
    static struct seen first;
    static struct seen second;
    uint64_t id = watch_from(1, 1, 0, &first);
    write_series(1, 101, 10);
    struct goal goal = {&first, 50};
    assert_true(hosts_until(&hosts, has_seen, &goal));
    pgraft_unwatch(hosts.at[1].store, id);
    uint64_t newest = first.newest;
    write_series(101, 201, 10);
    (void)watch_from(1, first.revision + 1, 0, &second);
    goal = (struct goal){&second, 200};
    assert_true(hosts_until(&hosts, has_seen, &goal));
    assert_int_equal(first.newest, newest); /* nothing was told after it was given up */
    assert_int_equal(second.count, 200 - newest);
    assert_false(second.has_gap);
}

/* One of many, each with news at once: every one of them is told. */
static void hundreds_are_told(void **state)
{
    (void)state;
    static struct seen seen[600];
    for (size_t i = 0; i < 600; i++) {
        (void)watch_from(1, 0, 0, &seen[i]);
    }
    assert_int_equal(hosts_put(&hosts, 1, "other", "x").status, 0); /* they are all open by now */
    write_series(1, 2, 10);
    for (size_t i = 0; i < 600; i++) {
        struct goal goal = {&seen[i], 1};
        assert_true(hosts_until(&hosts, has_seen, &goal));
        assert_int_equal(seen[i].count, 1);
    }
}

static void progress_is_told_without_a_change(void **state)
{
    (void)state;
    static struct seen seen;
    (void)watch_from(0, 0, 50, &seen);
    assert_true(hosts_until(&hosts, is_noticed, &seen));
    struct heard put = hosts_put(&hosts, 0, "other", "x");
    seen.notices = 0;
    while (seen.revision < put.revision) {
        assert_true(hosts_until(&hosts, is_noticed, &seen));
        seen.notices = 0;
    }
    assert_int_equal(seen.count, 0);
}

/* Whoever wants to be told often and does not listen costs no processor. */
static void who_does_not_listen_costs_nothing(void **state)
{
    (void)state;
    static struct seen seen;
    (void)watch_from(1, 0, 1, &seen);
    struct timespec begin;
    struct timespec end;
    struct timespec pause = {.tv_nsec = 600 * (long)NS_PER_MS};
    (void)nanosleep(&pause, NULL); /* it is behind by now */
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    (void)nanosleep(&pause, NULL);
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    int64_t used_ns =
        (int64_t)(end.tv_sec - begin.tv_sec) * (int64_t)NS_PER_S + end.tv_nsec - begin.tv_nsec;
    assert_true(used_ns < 300 * (int64_t)NS_PER_MS);
    assert_true(hosts_until(&hosts, is_noticed, &seen));
}

int main(void)
{
#define TWO(name) cmocka_unit_test_setup_teardown(name, open_two, close_all)
    const struct CMUnitTest tests[] = {
        TWO(all_is_told_to_who_dispatches_late),      TWO(who_falls_behind_is_told),
        TWO(a_watch_goes_on_where_another_one_ended), TWO(hundreds_are_told),
        TWO(progress_is_told_without_a_change),       TWO(who_does_not_listen_costs_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
