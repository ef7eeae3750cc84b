/* tests/unit/test_history.c - whole revisions fall out at the old end, by number and by bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "consensus/history.h"

static char value[1001];

static struct record *record_of(uint64_t number, size_t value_size)
{
    char key[32];
    (void)snprintf(key, sizeof(key), "%llu", (unsigned long long)number);
    return record_create(kv_text(key), kv_slice(value, value_size));
}

/* A revision with @events events of new keys. */
static void revise(struct history *history, uint64_t revision, size_t events, size_t value_size)
{
    for (size_t i = 0; i < events; i++) {
        struct record *record = record_of(revision, value_size);
        struct history_event event = {.revision = revision, .now = record};
        history_add(history, &event);
        record_unref(record); /* the history has its own reference */
    }
    history_trim(history);
}

static void the_number_is_bounded_by_whole_revisions(void **state)
{
    (void)state;
    struct history history;
    history_init(&history, 10, SIZE_MAX, 100);
    assert_int_equal(history.oldest_revision, 101);
    for (uint64_t revision = 101; revision < 301; revision++) {
        revise(&history, revision, 4, 10);
        size_t count = (size_t)(history.end - history.first);
        assert_true(count <= 10);
        assert_int_equal(count % 4, 0);
        uint64_t kept = revision == 101 ? 1 : 2;
        assert_int_equal(history.oldest_revision, revision - kept + 1);
        assert_int_equal(history_at(&history, history.first)->revision, history.oldest_revision);
    }
    history_close(&history);
}

static void the_bytes_are_bounded(void **state)
{
    (void)state;
    struct history history;
    history_init(&history, 1000000, 100000, 0);
    for (uint64_t revision = 1; revision < 500; revision++) {
        revise(&history, revision, 1, 1000);
        assert_true(history.bytes <= 100000);
    }
    assert_true(history.end - history.first > 50);
    history_close(&history);
    assert_int_equal(history.bytes, 0);
}

static void a_cut_gives_the_room_back(void **state)
{
    (void)state;
    struct history history;
    history_init(&history, 100000, SIZE_MAX, 0);
    for (uint64_t revision = 1; revision <= 10000; revision++) {
        revise(&history, revision, 1, 10);
    }
    size_t half = history.bytes / 2;
    history_cut(&history, 9999, half);
    assert_in_range(history.bytes, half - 200, half);
    assert_int_equal(history.room, 16384);
    history_cut(&history, 9900, 0);
    assert_int_equal(history.oldest_revision, 9901);
    assert_int_equal(history.end - history.first, 100);
    assert_int_equal(history.room, 256);
    for (uint64_t position = history.first; position < history.end; position++) {
        assert_int_equal(history_at(&history, position)->revision, position + 1);
    }
    revise(&history, 10001, 300, 10);
    assert_int_equal(history_at(&history, history_find(&history, 9950))->revision, 9950);
    history_close(&history);
}

static void the_newest_revision_always_stays(void **state)
{
    (void)state;
    struct history history;
    history_init(&history, 5, 1000, 0);
    revise(&history, 1, 100, 1000);
    assert_int_equal(history.end - history.first, 100);
    assert_int_equal(history.oldest_revision, 1);
    revise(&history, 2, 1, 10);
    assert_int_equal(history.end - history.first, 1);
    assert_int_equal(history.oldest_revision, 2);
    history_close(&history);
}

static void a_record_counts_once(void **state)
{
    (void)state;
    struct history history;
    history_init(&history, 1000, SIZE_MAX, 0);
    struct record *before = record_of(1, 500);
    struct record *after = record_of(1, 500);
    struct history_event event = {.revision = 1, .now = before};
    history_add(&history, &event);
    size_t once = history.bytes;
    event = (struct history_event){.revision = 2, .now = after, .before = before};
    history_add(&history, &event);
    assert_int_equal(history.bytes, 2 * once);
    assert_int_equal(before->references, 3);
    event = (struct history_event){.revision = 3, .before = after};
    history_add(&history, &event);
    assert_int_equal(history.bytes, 2 * once + sizeof(event));
    history_forget(&history, 1);
    assert_int_equal(before->references, 2);
    assert_int_equal(history.bytes, 2 * once);
    history_forget(&history, 2);
    assert_int_equal(before->references, 1);
    history_close(&history);
    assert_int_equal(after->references, 1);
    record_unref(before);
    record_unref(after);
}

static void revisions_are_found(void **state)
{
    (void)state;
    struct history history;
    history_init(&history, 1000, SIZE_MAX, 0);
    assert_int_equal(history_find(&history, 1), 0);
    for (uint64_t revision = 2; revision <= 200; revision += 2) {
        revise(&history, revision, 3, 1);
    }
    for (uint64_t revision = 1; revision <= 200; revision++) {
        uint64_t position = history_find(&history, revision);
        assert_int_equal(position, (revision + 1) / 2 * 3 - 3);
        assert_int_equal(history_at(&history, position)->revision, (revision + 1) / 2 * 2);
    }
    assert_int_equal(history_find(&history, 201), history.end);
    history_forget(&history, 300); /* also what never had an event */
    assert_int_equal(history.oldest_revision, 301);
    assert_int_equal(history.first, history.end);
    history_close(&history);
}

int main(void)
{
    memset(value, 'v', sizeof(value) - 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_number_is_bounded_by_whole_revisions),
        cmocka_unit_test(the_bytes_are_bounded),
        cmocka_unit_test(a_cut_gives_the_room_back),
        cmocka_unit_test(the_newest_revision_always_stays),
        cmocka_unit_test(a_record_counts_once),
        cmocka_unit_test(revisions_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
