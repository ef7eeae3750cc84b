/* tests/unit/test_core_own_rows.c - a row that is a node's own stays with it.
 *
 * A promise that was left on the disk of a member (consensus/form_record.h) is no state: the core
 * starts over it, the machine does not see it, no snapshot carries it to another node, and the
 * install of a snapshot takes it away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "tests/lib/core_kit.h"

#define KEY "\0form"
#define KEY_SIZE 5

static void leave_promise(struct core_kit *kit, uint64_t id)
{
    struct store_batch *batch = store_batch_create(1);
    struct store_row row = {.key = KEY, .key_size = KEY_SIZE, .value = "x", .value_size = 1};
    store_batch_add_row(batch, &row);
    store_double_submit(ck_node(kit, id)->disk, batch);
    (void)store_double_commit(ck_node(kit, id)->disk, 1);
}

static bool has_promise(struct core_kit *kit, uint64_t id)
{
    struct store_double *copy = store_double_clone(ck_node(kit, id)->disk);
    struct store_image image;
    store_double_load(copy, &image);
    struct store_row row;
    size_t at = 0;
    bool found = false;
    while (store_batch_next_row(image.content, &at, &row)) {
        found = found || (row.key_size == KEY_SIZE && memcmp(row.key, KEY, KEY_SIZE) == 0);
    }
    store_image_close(&image);
    store_double_destroy(copy);
    return found;
}

static void a_promise_is_not_shipped(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_prepare(&kit, "vvv");
    kit.tune = ck_small_log;
    for (uint64_t id = 1; id <= 3; id++) {
        leave_promise(&kit, id);
    }
    ck_boot(&kit, 1);
    ck_boot(&kit, 2);
    uint64_t leader = ck_elect(&kit);
    for (int i = 0; i < 100; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%d", i);
        (void)ck_put(&kit, leader, key, "some value that takes a little space");
        ck_run(&kit, 10);
    }
    assert_true(engine_first(core_engine(ck_core(&kit, leader))) > 50);
    ck_boot(&kit, 3);
    assert_true(has_promise(&kit, 3));
    ck_run(&kit, 10 * CK_ELECTION_MS);
    assert_true(kit.sent[PEER_CHUNK] > 0);
    assert_true(ck_has(&kit, 3, "k0", "some value that takes a little space"));
    assert_true(has_promise(&kit, leader));
    assert_false(has_promise(&kit, 3));
    ck_close(&kit);
}

static bool keep_result(const struct peer_message *m, void *ctx)
{
    if (m->kind == PEER_CHUNK_RESULT) {
        memcpy(ctx, m, sizeof(*m));
    }
    return false;
}

static void a_promise_from_elsewhere_is_refused(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    ck_lead(&kit, 1);
    struct peer_row row = {.key = KEY, .key_size = KEY_SIZE, .value = "x", .value_size = 1};
    struct peer_message m = {.kind = PEER_CHUNK,
                             .from = 1,
                             .to = 2,
                             .term = engine_term(core_engine(ck_core(&kit, 1))),
                             .chunk = {.ship = 9, .last = true, .count = 1, .rows = &row}};
    struct peer_message refused = {0};
    kit.is_lost = keep_result;
    kit.lost_ctx = &refused;
    ck_say(&kit, &m);
    ck_settle(&kit);
    assert_int_equal(kit.sent[PEER_CHUNK_RESULT], 1);
    assert_int_equal(refused.chunk_result.number, 0); /* it begins again, and this node says why */
    assert_int_equal(refused.chunk_result.ship, 9);
    struct core_event event = {0};
    while (event.kind != CORE_EVENT_SHIP) {
        assert_true(core_next_event(ck_core(&kit, 2), &event));
    }
    assert_non_null(strstr(event.text, "begins again"));
    ck_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_promise_is_not_shipped),
        cmocka_unit_test(a_promise_from_elsewhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
