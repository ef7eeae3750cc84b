/* tests/unit/test_core_soft.c - soft state in clusters moved by hand: what one publishes all read,
 * and neither log nor disk nor state know of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "tests/lib/core_kit.h"

/* Beats until everybody has what was published, and how old it may seem then. */
#define FEW_MS (5 * CK_BEAT_MS)

static uint64_t now_of(struct core_kit *kit, uint64_t id)
{
    return kit->now_ms + ck_node(kit, id)->offset_ms;
}

static void publish(struct core_kit *kit, uint64_t id, const char *text)
{
    assert_int_equal(core_publish(ck_core(kit, id), now_of(kit, id), text, strlen(text)), 0);
    ck_turn(kit, id);
}

static bool reads(struct core_kit *kit, uint64_t reader, uint64_t member, struct soft_view *out)
{
    return core_soft_get(ck_core(kit, reader), now_of(kit, reader), member, out);
}

static void expect(struct core_kit *kit, uint64_t reader, uint64_t member, const char *text)
{
    struct soft_view view;
    assert_true(reads(kit, reader, member, &view));
    assert_int_equal(view.size, strlen(text));
    assert_memory_equal(view.bytes, text, view.size);
}

static uint64_t age(struct core_kit *kit, uint64_t reader, uint64_t member)
{
    struct soft_view view;
    assert_true(reads(kit, reader, member, &view));
    return view.age_ms;
}

static void what_one_publishes_is_read_everywhere_within_a_few_beats(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_prepare(&kit, "vvvs");
    for (uint64_t id = 1; id <= 4; id++) {
        ck_node(&kit, id)->offset_ms = id * id * 1000000; /* clocks have nothing in common */
        ck_boot(&kit, id);
    }
    (void)ck_elect(&kit);
    static const char *words[] = {"", "one", "two", "three", "four"};
    for (uint64_t id = 1; id <= 4; id++) {
        publish(&kit, id, words[id]);
    }
    ck_run(&kit, FEW_MS);
    for (unsigned beats = 0; beats < 30; beats++) {
        for (uint64_t reader = 1; reader <= 4; reader++) {
            for (uint64_t id = 1; id <= 4; id++) {
                expect(&kit, reader, id, words[id]);
                assert_true(age(&kit, reader, id) <= (reader == id ? 0 : FEW_MS));
            }
        }
        ck_run(&kit, CK_BEAT_MS);
    }
    publish(&kit, 4, "else");
    ck_run(&kit, FEW_MS);
    for (uint64_t reader = 1; reader <= 4; reader++) {
        expect(&kit, reader, 4, "else");
    }
    ck_close(&kit);
}

static void a_new_leader_knows_and_the_last_ones_words_grow_old(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    uint64_t last = ck_elect(&kit);
    publish(&kit, last, "last");
    publish(&kit, last % 3 + 1, "next");
    ck_run(&kit, FEW_MS);
    ck_crash(&kit, last);
    uint64_t dead_ms = kit.now_ms;
    uint64_t leader = ck_elect(&kit);
    expect(&kit, leader, last, "last");
    expect(&kit, leader, last % 3 + 1, "next");
    ck_run(&kit, 20 * CK_BEAT_MS);
    for (uint64_t id = 1; id <= 3; id++) {
        if (id != last) {
            expect(&kit, id, last, "last");
            uint64_t true_ms = kit.now_ms - dead_ms;
            assert_in_range(age(&kit, id, last), true_ms, true_ms + FEW_MS);
            assert_true(age(&kit, id, last % 3 + 1) <= FEW_MS);
        }
    }
    ck_close(&kit);
}

static void a_node_that_starts_anew_is_heard(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    uint64_t id = ck_elect(&kit) % 3 + 1;
    for (unsigned life = 0; life < 5; life++) {
        char text[] = "life ?";
        text[5] = (char)('0' + life);
        publish(&kit, id, text);
        ck_run(&kit, 2 * FEW_MS);
        for (uint64_t reader = 1; reader <= 3; reader++) {
            expect(&kit, reader, id, text);
        }
        ck_crash(&kit, id);
        ck_boot(&kit, id);
        (void)ck_elect(&kit);
    }
    ck_close(&kit);
}

static void a_member_that_is_removed_is_forgotten(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvvs");
    uint64_t leader = ck_elect(&kit);
    publish(&kit, 4, "four");
    ck_run(&kit, FEW_MS);
    expect(&kit, leader, 4, "four");
    int code = core_change(ck_core(&kit, leader), kit.now_ms, CHANGE_REMOVE, 4, NULL, NULL);
    assert_int_equal(code, 0);
    ck_turn(&kit, leader);
    ck_settle(&kit); /* before anybody says more of it */
    for (uint64_t reader = 1; reader <= 3; reader++) {
        struct soft_view view;
        assert_false(reads(&kit, reader, 4, &view));
    }
    ck_close(&kit);
}

/* With the disks stopped, a batch of anybody's would be seen waiting. */
static void neither_log_nor_disk_nor_state_know_of_it(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    uint64_t leader = ck_elect(&kit);
    (void)ck_put(&kit, leader, "a", "1");
    ck_run(&kit, 50 * CK_BEAT_MS);
    struct machine_status before[4];
    uint64_t last = engine_last(core_engine(ck_core(&kit, leader)));
    for (uint64_t id = 1; id <= 3; id++) {
        machine_status(core_machine(ck_core(&kit, id)), &before[id]);
        ck_node(&kit, id)->disk_stopped = true;
    }
    char text[] = "?";
    for (unsigned beat = 0; beat < 50; beat++) {
        text[0] = (char)('!' + beat);
        for (uint64_t id = 1; id <= 3; id++) {
            publish(&kit, id, text);
        }
        ck_run(&kit, CK_BEAT_MS);
    }
    for (uint64_t id = 1; id <= 3; id++) {
        assert_int_equal(store_double_waiting(ck_node(&kit, id)->disk), 0);
        assert_int_equal(engine_last(core_engine(ck_core(&kit, id))), last);
        struct machine_status after;
        machine_status(core_machine(ck_core(&kit, id)), &after);
        assert_int_equal(after.index, before[id].index);
        assert_int_equal(after.revision, before[id].revision);
        assert_memory_equal(&after.hash, &before[id].hash, sizeof(after.hash));
        assert_memory_equal(&after.chain, &before[id].chain, sizeof(after.chain));
        assert_true(age(&kit, leader, id) <= FEW_MS); /* it did travel */
    }
    ck_close(&kit);
}

static void nobody_says_anything_while_there_is_nothing_to_say(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "vvv");
    uint64_t leader = ck_elect(&kit);
    ck_run(&kit, 20 * CK_BEAT_MS);
    assert_int_equal(kit.sent[PEER_SOFT] + kit.sent[PEER_SOFT_RESULT], 0);
    publish(&kit, leader % 3 + 1, "something");
    ck_run(&kit, 20 * CK_BEAT_MS);
    /* One round a beat, and the first word of the member that was not asked. */
    assert_in_range(kit.sent[PEER_SOFT], 2 * 18, 2 * 20);
    assert_in_range(kit.sent[PEER_SOFT_RESULT], 2 * 18, 2 * 20 + 1);
    ck_close(&kit);
}

static void more_than_fits_is_refused(void **state)
{
    (void)state;
    struct core_kit kit;
    ck_open(&kit, "v");
    static const char bytes[SOFT_BYTES_MAX + 1];
    struct core *c = ck_core(&kit, 1);
    assert_int_equal(core_publish(c, kit.now_ms, bytes, SOFT_BYTES_MAX + 1), ERR_TOO_LARGE);
    struct soft_view view;
    assert_false(reads(&kit, 1, 1, &view));
    assert_int_equal(core_publish(c, kit.now_ms, bytes, SOFT_BYTES_MAX), 0);
    assert_true(core_soft_next(c, kit.now_ms, 0, &view));
    assert_int_equal(view.size, SOFT_BYTES_MAX);
    assert_false(core_soft_next(c, kit.now_ms, 1, &view));
    ck_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_publishes_is_read_everywhere_within_a_few_beats),
        cmocka_unit_test(a_new_leader_knows_and_the_last_ones_words_grow_old),
        cmocka_unit_test(a_node_that_starts_anew_is_heard),
        cmocka_unit_test(a_member_that_is_removed_is_forgotten),
        cmocka_unit_test(neither_log_nor_disk_nor_state_know_of_it),
        cmocka_unit_test(nobody_says_anything_while_there_is_nothing_to_say),
        cmocka_unit_test(more_than_fits_is_refused),
    };
    return cmocka_run_group_tests_name("core_soft", tests, NULL, NULL);
}
