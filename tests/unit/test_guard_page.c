/* tests/unit/test_guard_page.c - the guard's page is never read torn, wherever its writer stops.
 *
 * A writer is stopped after each of its stores in turn, by mixing the page before and the page
 * after; and a thread writes as fast as it can while another reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/must.h"
#include "supervisor/guard_page.h"

static struct guard_grant grant_of(uint64_t n)
{
    return (struct guard_grant){n, n, n, n, n};
}

static void read_is(const struct guard_page *page, uint64_t n)
{
    struct guard_grant got = {0};
    assert_true(guard_page_read(page, &got));
    struct guard_grant want = grant_of(n);
    assert_memory_equal(&got, &want, sizeof(got));
}

static void a_fresh_page_grants_nothing(void **state)
{
    (void)state;
    struct guard_page page = {0};
    struct guard_grant got;
    assert_false(guard_page_is_known(&page));
    guard_page_init(&page);
    assert_true(guard_page_is_known(&page));
    assert_false(guard_page_read(&page, &got));
    page.version++;
    assert_false(guard_page_is_known(&page));
}

static void the_newest_is_read(void **state)
{
    (void)state;
    struct guard_page page = {0};
    guard_page_init(&page);
    for (uint64_t n = 1; n < 100; n++) {
        struct guard_grant grant = grant_of(n);
        guard_page_write(&page, &grant);
        read_is(&page, n);
    }
}

/* The slot's members in the order in which they are written. */
static void a_writer_stopped_after_any_store_leaves_the_last_grant(void **state)
{
    (void)state;
    const size_t stores = sizeof(struct guard_slot) / sizeof(uint64_t);
    for (uint64_t before = 1; before <= 4; before++) {
        struct guard_page old = {0};
        guard_page_init(&old);
        for (uint64_t n = 1; n <= before; n++) {
            struct guard_grant grant = grant_of(n);
            guard_page_write(&old, &grant);
        }
        struct guard_page new = old;
        struct guard_grant grant = grant_of(before + 1);
        guard_page_write(&new, &grant);
        for (size_t done = 0; done <= stores; done++) {
            struct guard_page torn = old;
            size_t slot = (before + 1) % 2;
            memcpy(&torn.slots[slot], &new.slots[slot], done * sizeof(uint64_t));
            read_is(&torn, done == stores ? before + 1 : before);
            struct guard_grant next = grant_of(77); /* who takes over goes on */
            guard_page_write(&torn, &next);
            read_is(&torn, 77);
        }
    }
}

static void a_flipped_bit_is_not_believed(void **state)
{
    (void)state;
    struct guard_page page = {0};
    guard_page_init(&page);
    struct guard_grant grant = grant_of(1);
    guard_page_write(&page, &grant);
    for (size_t bit = 0; bit < sizeof(page.slots[1]) * 8; bit++) {
        struct guard_page hurt = page;
        ((uint8_t *)&hurt.slots[1])[bit / 8] ^= (uint8_t)(1U << bit % 8);
        struct guard_grant got;
        assert_false(guard_page_read(&hurt, &got));
    }
}

#define WRITES 200000

static void *write_all(void *arg)
{
    struct guard_page *page = (struct guard_page *)arg;
    for (uint64_t n = 1; n <= WRITES; n++) {
        struct guard_grant grant = grant_of(n);
        guard_page_write(page, &grant);
    }
    return NULL;
}

static void a_reader_beside_a_writer_sees_whole_grants_that_only_grow(void **state)
{
    (void)state;
    static struct guard_page page;
    guard_page_init(&page);
    struct guard_grant first = grant_of(1);
    guard_page_write(&page, &first);
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_all, &page), 0);
    uint64_t last = 0;
    while (last < WRITES) {
        struct guard_grant got;
        if (!guard_page_read(&page, &got)) {
            continue; /* overtaken in every one of its tries */
        }
        struct guard_grant want = grant_of(got.epoch);
        MUST(memcmp(&got, &want, sizeof(got)) == 0);
        MUST(got.epoch >= last);
        last = got.epoch;
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_page_grants_nothing),
        cmocka_unit_test(the_newest_is_read),
        cmocka_unit_test(a_writer_stopped_after_any_store_leaves_the_last_grant),
        cmocka_unit_test(a_flipped_bit_is_not_believed),
        cmocka_unit_test(a_reader_beside_a_writer_sees_whole_grants_that_only_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
