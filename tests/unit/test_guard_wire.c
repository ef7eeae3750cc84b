/* tests/unit/test_guard_wire.c - the messages between pgraftd and the guard, whole, cut, wild, and
 * of other versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/must.h"
#include "supervisor/guard_client.h"
#include "supervisor/guard_wire.h"
#include "tests/lib/random.h"

static char words[4][32] = {"/usr/bin/postgres", "-D", "", "LC_ALL=C"};

static struct guard_request start_request(void)
{
    struct guard_request request = {.kind = GUARD_START_PRIMARY, .id = 7, .epoch = 9, .how = 3};
    for (size_t i = 0; i < 3; i++) {
        assert_true(guard_request_add_argument(&request, words[i]));
    }
    assert_true(guard_request_add_variable(&request, words[3]));
    return request;
}

static void a_request_arrives_as_it_was(void **state)
{
    (void)state;
    struct guard_request request = start_request();
    struct guard_request got;
    char bytes[GUARD_MESSAGE_MAX];
    size_t size = guard_request_encode(&request, bytes, sizeof(bytes));
    assert_true(size > 0);
    assert_true(guard_request_decode(bytes, size, &got));
    assert_int_equal(got.kind, GUARD_START_PRIMARY);
    assert_int_equal(got.id, 7);
    assert_int_equal(got.epoch, 9);
    assert_int_equal(got.how, 3);
    assert_int_equal(got.argument_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(got.words[i], words[i]);
    }
    assert_null(got.words[3]);
    assert_string_equal(got.words[4], words[3]);
    assert_null(got.words[5]);
}

static void an_arming_tells_the_watchdog_and_an_older_one_does_not(void **state)
{
    (void)state;
    struct guard_request request = {
        .kind = GUARD_ARM, .epoch = 4, .watchdog_timeout_ns = 300, .watchdog_margin_ns = 20};
    struct guard_request got;
    char bytes[GUARD_MESSAGE_MAX];
    size_t size = guard_request_encode(&request, bytes, sizeof(bytes));
    assert_true(guard_request_decode(bytes, size, &got));
    assert_int_equal(got.watchdog_timeout_ns, 300);
    assert_int_equal(got.watchdog_margin_ns, 20);
    uint32_t numbers = 4; /* of the pgraftd of before */
    memcpy(bytes + 8, &numbers, sizeof(numbers));
    assert_true(guard_request_decode(bytes, size - 2 * sizeof(uint64_t), &got));
    assert_int_equal(got.epoch, 4);
    assert_int_equal(got.watchdog_timeout_ns, 0);
    assert_int_equal(got.watchdog_margin_ns, 0);
}

static void an_event_arrives_as_it_was(void **state)
{
    (void)state;
    struct guard_event event;
    struct guard_event got = {0};
    memset(&event, 0x5a, sizeof(event));
    event.kind = GUARD_ENDED;
    event.id = 12;
    event.took_ns = 99;
    uint8_t bytes[512];
    size_t size = guard_event_encode(&event, bytes, sizeof(bytes));
    assert_true(size > 0);
    assert_true(guard_event_decode(bytes, size, &got));
    assert_int_equal(got.kind, GUARD_ENDED);
    assert_int_equal(got.id, 12);
    assert_memory_equal(&got.at_ns, &event.at_ns,
                        sizeof(event) - offsetof(struct guard_event, at_ns));
}

static void a_message_that_is_cut_is_refused(void **state)
{
    (void)state;
    struct guard_request request = start_request();
    char bytes[GUARD_MESSAGE_MAX];
    size_t size = guard_request_encode(&request, bytes, sizeof(bytes));
    for (size_t cut = 0; cut < size; cut++) {
        char copy[512];
        MUST(size <= sizeof(copy));
        memcpy(copy, bytes, size);
        struct guard_request got;
        assert_false(guard_request_decode(copy, cut, &got));
        assert_int_equal(guard_request_encode(&request, copy, cut), 0);
    }
}

static void one_more_byte_is_refused(void **state)
{
    (void)state;
    struct guard_request request = start_request();
    char bytes[GUARD_MESSAGE_MAX] = {0};
    size_t size = guard_request_encode(&request, bytes, sizeof(bytes));
    struct guard_request got;
    assert_false(guard_request_decode(bytes, size + 1, &got));
}

static void wild_bytes_are_refused_or_read_within_bounds(void **state)
{
    (void)state;
    struct test_random chance = {1};
    for (int i = 0; i < 200000; i++) {
        struct guard_request request = start_request();
        struct guard_request got;
        struct guard_event event;
        char bytes[256];
        size_t size = guard_request_encode(&request, bytes, sizeof(bytes));
        for (uint64_t changes = random_below(&chance, 6); changes > 0; changes--) {
            bytes[random_below(&chance, size)] = (char)random_u64(&chance);
        }
        if (guard_request_decode(bytes, size, &got)) {
            for (size_t w = 0; w < got.argument_count; w++) {
                MUST(got.words[w] > bytes && got.words[w] + strlen(got.words[w]) < bytes + size);
            }
        }
        (void)guard_event_decode(bytes, size, &event);
    }
}

/* Head of 16 bytes, the count of numbers at 8. */
static void a_newer_version_may_say_more_and_an_older_less(void **state)
{
    (void)state;
    struct guard_event event = {.kind = GUARD_DIED, .at_ns = 5, .is_signal_synced = 6};
    uint8_t bytes[512] = {0};
    size_t size = guard_event_encode(&event, bytes, sizeof(bytes));
    uint32_t numbers;
    memcpy(&numbers, bytes + 8, sizeof(numbers));
    struct guard_event got = {0};
    uint32_t more = numbers + 2;
    memcpy(bytes + 8, &more, sizeof(more));
    assert_true(guard_event_decode(bytes, size + 16, &got));
    assert_int_equal(got.is_signal_synced, 6);
    uint32_t less = numbers - 1;
    memcpy(bytes + 8, &less, sizeof(less));
    assert_true(guard_event_decode(bytes, size - 8, &got));
    assert_int_equal(got.at_ns, 5);
    assert_int_equal(got.is_signal_synced, 0);
}

static void requests_are_no_events(void **state)
{
    (void)state;
    struct guard_request request = {.kind = GUARD_STATUS};
    struct guard_event event;
    char bytes[256];
    size_t size = guard_request_encode(&request, bytes, sizeof(bytes));
    assert_false(guard_event_decode(bytes, size, &event));
}

static void too_many_words_are_refused(void **state)
{
    (void)state;
    struct guard_request request = {.kind = GUARD_START};
    for (size_t i = 0; i < GUARD_WORDS_MAX; i++) {
        assert_true(guard_request_add_argument(&request, words[1]));
    }
    assert_false(guard_request_add_argument(&request, words[1]));
    assert_false(guard_request_add_variable(&request, words[1]));
    char bytes[GUARD_MESSAGE_MAX];
    struct guard_request got;
    size_t size = guard_request_encode(&request, bytes, sizeof(bytes));
    assert_true(guard_request_decode(bytes, size, &got));
    assert_int_equal(got.argument_count, GUARD_WORDS_MAX);
    uint64_t count = GUARD_WORDS_MAX + 1;
    memcpy(bytes + 16 + 16, &count, sizeof(count));
    assert_false(guard_request_decode(bytes, size, &got));
}

static void everything_has_a_text(void **state)
{
    (void)state;
    assert_string_equal(guard_kind_text(GUARD_HELLO), "hello");
    assert_string_equal(guard_kind_text(GUARD_PROMOTED), "promoted");
    assert_string_equal(guard_kind_text(999), "unknown");
    assert_string_equal(guard_reason_text(GUARD_BY_DEADLINE), "the deadline has passed");
    assert_string_equal(guard_reason_text(999), "a reason of a newer version");
    assert_string_equal(guard_phase_text(GUARD_END), "ending");
    assert_string_equal(guard_phase_text(99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_arrives_as_it_was),
        cmocka_unit_test(an_arming_tells_the_watchdog_and_an_older_one_does_not),
        cmocka_unit_test(an_event_arrives_as_it_was),
        cmocka_unit_test(a_message_that_is_cut_is_refused),
        cmocka_unit_test(one_more_byte_is_refused),
        cmocka_unit_test(wild_bytes_are_refused_or_read_within_bounds),
        cmocka_unit_test(a_newer_version_may_say_more_and_an_older_less),
        cmocka_unit_test(requests_are_no_events),
        cmocka_unit_test(too_many_words_are_refused),
        cmocka_unit_test(everything_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
