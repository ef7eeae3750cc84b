/* tests/unit/test_machine_read.c - ranges in pieces, counts, keys alone, earlier revisions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "tests/lib/kv_kit.h"

static struct kit kit;
static struct arena arena;

static int setup(void **state)
{
    (void)state;
    kit_init(&kit);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    kit_close(&kit);
    arena_close(&arena);
    return 0;
}

static struct kv_op_result range(struct kv_range range)
{
    struct kv_op_result result;
    arena_reset(&arena, MACHINE_RANGE_ARENA);
    machine_range(kit.machine, &range, &arena, &result);
    assert_int_equal(result.kind, KV_OP_RANGE);
    return result;
}

static void fill(size_t count, size_t value_size)
{
    static char value[KV_VALUE_MAX];
    for (size_t i = 0; i < count; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "/k/%06zu", i);
        struct kv_command put = kv_put(key, "");
        put.op.put.value = kv_slice(value, value_size);
        kit_ok(&kit, put);
    }
}

/* Each request goes on behind the last key of the one before. */
static size_t fetch_in_pieces(struct kv_range request, size_t *ret_requests)
{
    size_t fetched = 0;
    char from[64];
    bool more = true;
    *ret_requests = 0;
    while (more) {
        struct kv_op_result result = range(request);
        (*ret_requests)++;
        for (size_t i = 0; i < result.pair_count; i++) {
            char key[32];
            (void)snprintf(key, sizeof(key), "/k/%06zu", fetched);
            assert_true(kv_slice_equal(result.pairs[i].key, kv_text(key)));
            fetched++;
        }
        more = result.more;
        assert_true(!more || result.pair_count > 0);
        if (more) {
            struct kv_slice last = result.pairs[result.pair_count - 1].key;
            memcpy(from, last.bytes, last.size);
            from[last.size] = '\0';
            request.span.kind = KV_SPAN_RANGE;
            request.span.key = kv_slice(from, last.size + 1);
            request.span.end = kv_text("/k0");
        }
    }
    return fetched;
}

static void a_limit_leaves_the_rest_for_later(void **state)
{
    (void)state;
    fill(250, 10);
    kit_ok(&kit, kv_put("/j", ""));
    kit_ok(&kit, kv_put("/l", ""));
    size_t requests = 0;
    struct kv_range request = {.span = kv_prefix("/k/"), .limit = 100};
    assert_int_equal(fetch_in_pieces(request, &requests), 250);
    assert_int_equal(requests, 3);
    request.limit = 250;
    assert_int_equal(fetch_in_pieces(request, &requests), 250);
    assert_int_equal(requests, 1);
    struct kv_op_result result = range((struct kv_range){.span = kv_prefix("/k/"), .limit = 1});
    assert_int_equal(result.count, 250);
    assert_int_equal(result.pair_count, 1);
}

static void bytes_leave_the_rest_for_later(void **state)
{
    (void)state;
    fill(50, (size_t)200 * 1024);
    size_t requests = 0;
    struct kv_range request = {.span = kv_prefix("/k/")};
    assert_int_equal(fetch_in_pieces(request, &requests), 50);
    assert_int_equal(requests, 5); /* ten of 200 KiB fit into 2 MiB */
    request.keys_only = true;
    assert_int_equal(fetch_in_pieces(request, &requests), 50);
    assert_int_equal(requests, 1);
}

static void keys_alone_and_counts(void **state)
{
    (void)state;
    fill(200, 10);
    struct kv_op_result result =
        range((struct kv_range){.span = kv_prefix("/k/00001"), .keys_only = true});
    assert_int_equal(result.pair_count, 10);
    assert_int_equal(result.pairs[0].value.size, 0);
    assert_int_equal(result.pairs[0].create_revision, 11);
    result = range((struct kv_range){.span = kv_prefix("/k/"), .count_only = true});
    assert_int_equal(result.count, 200);
    assert_int_equal(result.pair_count, 0);
    assert_false(result.more);
    static const struct {
        struct kv_span span;
        uint64_t count;
    } cases[] = {
        {{.kind = KV_SPAN_PREFIX}, 200},
        {{.kind = KV_SPAN_RANGE}, 200},
        {{.kind = KV_SPAN_PREFIX, .key = {"/k/0001", 7}}, 100},
        {{.kind = KV_SPAN_RANGE, .key = {"/k/000010", 9}, .end = {"/k/000150", 9}}, 140},
        {{.kind = KV_SPAN_RANGE, .key = {"/k/000150", 9}}, 50},
        {{.kind = KV_SPAN_RANGE, .end = {"/k/000150", 9}}, 150},
        {{.kind = KV_SPAN_RANGE, .key = {"/l", 2}}, 0},
        {{.kind = KV_SPAN_PREFIX, .key = {"\xff\xff", 2}}, 0},
        {{.kind = KV_SPAN_KEY, .key = {"/k/000150", 9}}, 1},
        {{.kind = KV_SPAN_KEY, .key = {"/k/", 3}}, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        result = range((struct kv_range){.span = cases[i].span, .count_only = true});
        assert_int_equal(result.count, cases[i].count);
        result = range((struct kv_range){.span = cases[i].span});
        assert_int_equal(result.pair_count, cases[i].count);
    }
}

static void a_prefix_of_0xff_has_an_end_all_the_same(void **state)
{
    (void)state;
    kit_ok(&kit, kv_put("a\xff", "1"));
    kit_ok(&kit, kv_put("a\xff\xff", "1"));
    kit_ok(&kit, kv_put("a\xff\xff\x01", "1"));
    kit_ok(&kit, kv_put("b", "1"));
    kit_ok(&kit, kv_put("\xff", "1"));
    kit_ok(&kit, kv_put("\xff\xff", "1"));
    struct kv_range request = {.span = kv_prefix("a\xff\xff")};
    assert_int_equal(range(request).count, 2);
    request.span = kv_prefix("\xff");
    assert_int_equal(range(request).count, 2);
    request.span = kv_prefix("\xff\xff");
    assert_int_equal(range(request).count, 1);
}

static void value_at(uint64_t revision, int code, const char *value)
{
    struct kv_pair pair;
    assert_string_equal(err_name(machine_get_at(kit.machine, kv_text("k"), revision, &pair)),
                        err_name(code));
    if (code == 0) {
        assert_true(kv_slice_equal(pair.value, kv_text(value)));
    }
}

static void earlier_revisions_are_read_from_the_history(void **state)
{
    (void)state;
    kit_ok(&kit, kv_put("other", ""));
    kit_ok(&kit, kv_put("k", "two"));
    kit_ok(&kit, kv_put("other", ""));
    kit_ok(&kit, kv_put("k", "four"));
    kit_ok(&kit, kv_delete("k"));
    kit_ok(&kit, kv_put("k", "six"));
    kit_ok(&kit, kv_put("other", ""));
    value_at(0, ERR_NOT_FOUND, NULL);
    value_at(1, ERR_NOT_FOUND, NULL);
    value_at(2, 0, "two");
    value_at(3, 0, "two");
    value_at(4, 0, "four");
    value_at(5, ERR_NOT_FOUND, NULL);
    value_at(6, 0, "six");
    value_at(7, 0, "six");
    value_at(8, ERR_INVALID, NULL);
    kit_ok(&kit, kv_compact(4));
    value_at(3, ERR_COMPACTED, NULL);
    value_at(4, 0, "four");
    kit_reload(&kit);
    value_at(6, ERR_COMPACTED, NULL);
    value_at(7, 0, "six");
}

#define KIT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(a_limit_leaves_the_rest_for_later),
        KIT_TEST(bytes_leave_the_rest_for_later),
        KIT_TEST(keys_alone_and_counts),
        KIT_TEST(a_prefix_of_0xff_has_an_end_all_the_same),
        KIT_TEST(earlier_revisions_are_read_from_the_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
