/* tests/unit/test_core_ship.c - snapshots that are on their way to a member, and the log that is
 * kept for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/core_kit.h"

static size_t open_readers(struct core_kit *kit, uint64_t id)
{
    size_t count = 0;
    for (size_t i = 0; i < CK_READERS; i++) {
        count += ck_node(kit, id)->ships[i] != 0 ? 1 : 0;
    }
    return count;
}

static void put_many(struct core_kit *kit, int count)
{
    for (int i = 0; i < count; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%d", i);
        (void)ck_put(kit, 1, key, "some value that takes a little space");
        ck_run(kit, 10);
    }
}

/* 4 hears nothing of it: not even the first chunk is answered. */
static bool chunks_get_lost(const struct peer_message *m, void *ctx)
{
    (void)ctx;
    return m->kind == PEER_CHUNK;
}

static void open_tuned(struct core_kit *kit, void (*tune)(struct core_settings *, void *))
{
    ck_prepare(kit, "vvvv");
    kit->tune = tune;
    for (uint64_t id = 1; id <= 4; id++) {
        ck_boot(kit, id);
    }
    ck_lead(kit, 1);
    ck_node(kit, 4)->cut_off = true;
    put_many(kit, 100);
    kit->is_lost = chunks_get_lost;
    ck_node(kit, 4)->cut_off = false;
    for (int i = 0; i < 100 && open_readers(kit, 1) == 0; i++) {
        ck_run(kit, 10);
    }
    assert_int_equal(open_readers(kit, 1), 1);
}

static void open_with_a_ship_to_4(struct core_kit *kit)
{
    open_tuned(kit, ck_small_log);
}

/* It would stay open for ten election timeouts more, and the log behind it with it. */
static void a_member_that_left_gets_no_more_of_it(void **state)
{
    (void)state;
    struct core_kit kit;
    open_with_a_ship_to_4(&kit);
    ck_node(&kit, 4)->cut_off = true;
    struct err err = {0};
    int code = ERR_BUSY;
    for (int i = 0; i < 30 && code != 0; i++) {
        code = core_change(ck_core(&kit, 1), kit.now_ms, CHANGE_REMOVE, 4, NULL, &err);
        ck_turn(&kit, 1);
        ck_run(&kit, 10);
    }
    assert_int_equal(code, 0);
    assert_int_equal(open_readers(&kit, 1), 0);
    ck_close(&kit);
}

/* ... while one that is only silent has its time. */
static void a_silent_member_is_waited_for(void **state)
{
    (void)state;
    struct core_kit kit;
    open_with_a_ship_to_4(&kit);
    ck_run(&kit, (ENGINE_SNAPSHOT_PATIENCE - 2) * CK_ELECTION_MS);
    assert_int_equal(open_readers(&kit, 1), 1);
    kit.is_lost = NULL;
    ck_run(&kit, 10 * CK_ELECTION_MS);
    assert_int_equal(open_readers(&kit, 1), 0);
    assert_true(ck_has(&kit, 4, "k99", "some value that takes a little space"));
    ck_close(&kit);
}

/* A new leader does not know yet whose disk is full: the first chunk tells it, and the snapshot
 * goes as soon as there is room, not ten election timeouts later. */
static void a_full_member_says_so_at_once(void **state)
{
    (void)state;
    struct core_kit kit;
    open_with_a_ship_to_4(&kit);
    kit.is_lost = NULL;
    core_space(ck_core(&kit, 4), kit.now_ms, ERR_NO_SPACE);
    ck_node(&kit, 4)->cut_off = true;
    ck_run(&kit, (ENGINE_SNAPSHOT_PATIENCE + 1) * CK_ELECTION_MS); /* the lost one is given up */
    ck_node(&kit, 4)->cut_off = false;
    ck_run(&kit, 2 * CK_ELECTION_MS);
    assert_int_equal(open_readers(&kit, 1), 0);
    core_space(ck_core(&kit, 4), kit.now_ms, 0);
    ck_run(&kit, 3 * CK_ELECTION_MS);
    assert_true(ck_has(&kit, 4, "k99", "some value that takes a little space"));
    ck_close(&kit);
}

static bool says_ship(struct core_kit *kit, uint64_t id, const char *text)
{
    struct core_event event;
    bool says = false;
    while (core_next_event(ck_core(kit, id), &event)) {
        says = says || (event.kind == CORE_EVENT_SHIP && strstr(event.text, text) != NULL);
    }
    return says;
}

/* The store cuts a reader that takes too long: that is said, and another ship begins. */
static void a_reader_that_is_cut_begins_again(void **state)
{
    (void)state;
    struct core_kit kit;
    open_with_a_ship_to_4(&kit);
    ck_run(&kit, (ENGINE_SNAPSHOT_PATIENCE - 1) * CK_ELECTION_MS);
    kit.is_lost = NULL;
    ck_node(&kit, 1)->reads_cut = 1;
    for (int i = 0; i < 500 && ck_node(&kit, 1)->reads_cut > 0; i++) {
        ck_run(&kit, 20);
    }
    assert_int_equal(ck_node(&kit, 1)->reads_cut, 0);
    assert_true(says_ship(&kit, 1, "begins again: it was cut after 0 MiB in"));
    ck_run(&kit, 4 * CK_ELECTION_MS);
    assert_true(ck_has(&kit, 4, "k99", "some value that takes a little space"));
    assert_int_equal(open_readers(&kit, 1), 0);
    ck_close(&kit);
}

/* Else the member needs another snapshot as soon as it has this one. */
static void the_log_behind_a_ship_is_kept(void **state)
{
    (void)state;
    struct core_kit kit;
    open_with_a_ship_to_4(&kit);
    uint64_t first = engine_first(core_engine(ck_core(&kit, 1)));
    uint64_t last = engine_last(core_engine(ck_core(&kit, 1)));
    put_many(&kit, 60); /* three times what the log holds else */
    ck_run(&kit, 1500);
    assert_int_equal(open_readers(&kit, 1), 1);
    assert_true(engine_first(core_engine(ck_core(&kit, 1))) >= first);
    assert_true(engine_first(core_engine(ck_core(&kit, 1))) <= last + 1);
    ck_close(&kit);
}

static void few_bytes(struct core_settings *settings, void *ctx)
{
    ck_small_log(settings, ctx);
    settings->compact_entries = 100000;
    settings->compact_bytes = 1000;
}

/* ... but not without end: a log that grows behind a ship fills memory and disk. */
static void the_log_behind_a_ship_is_bounded(void **state)
{
    (void)state;
    struct core_kit kit;
    open_tuned(&kit, ck_small_log);
    put_many(&kit, 300); /* in less time than a silent member has */
    assert_int_equal(open_readers(&kit, 1), 1);
    const struct engine *e = core_engine(ck_core(&kit, 1));
    assert_in_range(engine_last(e) + 1 - engine_first(e), 0, 8 * 20 + 10);
    ck_close(&kit);
    open_tuned(&kit, few_bytes);
    put_many(&kit, 300);
    assert_int_equal(open_readers(&kit, 1), 1);
    assert_in_range(engine_bytes(core_engine(ck_core(&kit, 1))), 0, 8 * 1000 + 1000);
    ck_close(&kit);
}

struct caught_chunk {
    struct peer_message message;
    struct buf bytes;
};

static bool catch_chunk(const struct peer_message *m, void *ctx)
{
    struct caught_chunk *caught = ctx;
    if (m->kind != PEER_CHUNK || caught->message.kind != 0) {
        return false;
    }
    peer_message_copy(&caught->message, m, &caught->bytes);
    return true;
}

/* A state that does not hold together is no state: the node ends instead of serving it. */
static void rows_that_are_no_whole_state_end_the_node(void **state)
{
    (void)state;
    struct core_kit kit;
    struct caught_chunk caught = {.message = {.kind = 0}};
    ck_prepare(&kit, "vvv");
    kit.tune = ck_small_log;
    ck_boot(&kit, 1);
    ck_boot(&kit, 2);
    ck_lead(&kit, 1);
    put_many(&kit, 50);
    for (int i = 0; i < 50; i++) {
        (void)ck_put(&kit, 1, "k", "v");
        ck_run(&kit, 10);
    }
    kit.is_lost = catch_chunk;
    kit.lost_ctx = &caught;
    ck_boot(&kit, 3);
    ck_node(&kit, 3)->may_fail = true;
    ck_run(&kit, CK_ELECTION_MS);
    assert_int_equal(caught.message.kind, PEER_CHUNK);
    caught.message.chunk.count--;
    ck_say(&kit, &caught.message);
    ck_run(&kit, 2 * CK_ELECTION_MS);
    assert_int_equal(ck_node(&kit, 3)->fatal.code, ERR_CORRUPT);
    assert_int_equal(core_applied(ck_core(&kit, 3)), 1);
    buf_close(&caught.bytes);
    ck_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_that_is_cut_begins_again),
        cmocka_unit_test(the_log_behind_a_ship_is_kept),
        cmocka_unit_test(the_log_behind_a_ship_is_bounded),
        cmocka_unit_test(rows_that_are_no_whole_state_end_the_node),
        cmocka_unit_test(a_member_that_left_gets_no_more_of_it),
        cmocka_unit_test(a_silent_member_is_waited_for),
        cmocka_unit_test(a_full_member_says_so_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
