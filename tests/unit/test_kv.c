/* tests/unit/test_kv.c - the order of keys and which of them a span holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/must.h"
#include "proto/kv.h"
#include "tests/lib/kv_kit.h"

static void keys_sort_as_bytes_shorter_first(void **state)
{
    (void)state;
    const struct kv_slice sorted[] = {
        kv_slice(NULL, 0),   kv_slice("\0", 1),   kv_slice("\0\0", 2), kv_slice("A", 1),
        kv_slice("a", 1),    kv_slice("a\0", 2),  kv_slice("a\0b", 3), kv_slice("aa", 2),
        kv_slice("\x7f", 1), kv_slice("\x80", 1), kv_slice("\xff", 1), kv_slice("\xff\0", 2),
    };
    for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
        for (size_t j = 0; j < ARRAY_LEN(sorted); j++) {
            int order = kv_slice_compare(sorted[i], sorted[j]);
            assert_int_equal(order < 0, i < j);
            assert_int_equal(order > 0, i > j);
            assert_int_equal(kv_slice_equal(sorted[i], sorted[j]), i == j);
        }
    }
}

static void spans_hold_what_they_say(void **state)
{
    (void)state;
    static const struct {
        enum kv_span_kind kind;
        const char *key;
        const char *end;
        const char *asked;
        bool holds;
    } cases[] = {
        {KV_SPAN_KEY, "/a", "", "/a", true},     {KV_SPAN_KEY, "/a", "", "/a/b", false},
        {KV_SPAN_KEY, "/a", "", "/", false},     {KV_SPAN_PREFIX, "/a", "", "/a", true},
        {KV_SPAN_PREFIX, "/a", "", "/ab", true}, {KV_SPAN_PREFIX, "/a", "", "/b", false},
        {KV_SPAN_PREFIX, "/a", "", "/", false},  {KV_SPAN_PREFIX, "", "", "anything", true},
        {KV_SPAN_RANGE, "b", "d", "b", true},    {KV_SPAN_RANGE, "b", "d", "czz", true},
        {KV_SPAN_RANGE, "b", "d", "d", false},   {KV_SPAN_RANGE, "b", "d", "a", false},
        {KV_SPAN_RANGE, "b", "", "zzz", true},   {KV_SPAN_RANGE, "b", "", "a", false},
        {KV_SPAN_RANGE, "", "b", "a", true},     {KV_SPAN_RANGE, "", "b", "b", false},
        {KV_SPAN_RANGE, "", "", "x", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kv_span span = {
            .kind = cases[i].kind, .key = kv_text(cases[i].key), .end = kv_text(cases[i].end)};
        assert_int_equal(kv_span_holds(&span, kv_text(cases[i].asked)), cases[i].holds);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_sort_as_bytes_shorter_first),
        cmocka_unit_test(spans_hold_what_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
