/* tests/unit/test_guard_watchdog.c - when the machine's watchdog is fed, and what it sees on a
 * FIFO.
 *
 * The device itself needs a kernel with one; the FIFO takes the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "supervisor/guard/watchdog.h"
#include "tests/lib/scratch.h"

static struct watchdog open_dog(uint64_t last_ns)
{
    return (struct watchdog){
        .mode = WATCHDOG_REQUIRED, .timeout_ns = 300, .margin_ns = 50, .fd = 1, .last_ns = last_ns};
}

static void it_is_fed_at_once_then_three_times_in_each_timeout(void **state)
{
    (void)state;
    struct watchdog dog = open_dog(0);
    assert_int_equal(watchdog_next_ns(&dog, 1000, 5000), 1000);
    dog = open_dog(1000);
    assert_int_equal(watchdog_next_ns(&dog, 1000, 5000), 1100);
    assert_int_equal(watchdog_next_ns(&dog, 1200, 5000), 1200); /* late: now */
}

static void no_feed_reaches_beyond_the_deadline_less_the_margin(void **state)
{
    (void)state;
    for (uint64_t now = 1000; now < 6000; now += 7) {
        struct watchdog dog = open_dog(now > 1100 ? now - 100 : 0);
        uint64_t next = watchdog_next_ns(&dog, now, 5000);
        assert_true(next == WATCHDOG_NEVER || next + 300 + 50 <= 5000);
        assert_true(next >= now);
        assert_true(now > 4650 || next != WATCHDOG_NEVER);
    }
}

static void the_last_moment_is_used_once(void **state)
{
    (void)state;
    struct watchdog dog = open_dog(4600);
    assert_int_equal(watchdog_next_ns(&dog, 4610, 5000), 4650);
    dog = open_dog(4650);
    assert_int_equal(watchdog_next_ns(&dog, 4650, 5000), WATCHDOG_NEVER);
    assert_int_equal(watchdog_next_ns(&dog, 4700, 5000), WATCHDOG_NEVER);
}

static void a_closed_one_or_a_short_lease_is_never_fed(void **state)
{
    (void)state;
    struct watchdog dog = open_dog(0);
    assert_int_equal(watchdog_next_ns(&dog, 0, 349), WATCHDOG_NEVER);
    assert_int_equal(watchdog_next_ns(&dog, 0, 350), 0);
    dog.fd = -1;
    assert_int_equal(watchdog_next_ns(&dog, 1000, 5000), WATCHDOG_NEVER);
}

static void it_fits_where_the_machine_would_be_reset_before_the_deadline(void **state)
{
    (void)state;
    const struct watchdog dog = open_dog(0);
    assert_true(watchdog_fits(&dog, 1000, 1350));
    assert_false(watchdog_fits(&dog, 1001, 1350));
    assert_false(watchdog_fits(&dog, 2000, 1350));
    struct watchdog wild = dog;
    wild.margin_ns = UINT64_MAX;
    assert_false(watchdog_fits(&wild, 1000, 5000));
    assert_int_equal(watchdog_next_ns(&wild, 1000, 5000), WATCHDOG_NEVER);
    wild = dog;
    wild.timeout_ns = UINT64_MAX;
    assert_false(watchdog_fits(&wild, 1000, 5000));
}

/* A renewal wakes nobody: after the last feed that fitted it is asked for three times. */
static void the_deadline_is_looked_at_after_the_last_feed_too(void **state)
{
    (void)state;
    struct watchdog dog = open_dog(4650);
    assert_int_equal(watchdog_look_ns(&dog, 4650), 4750);
    assert_int_equal(watchdog_look_ns(&dog, 4749), 4750);
    assert_int_equal(watchdog_look_ns(&dog, 4750), 4850);
    assert_int_equal(watchdog_look_ns(&dog, 4600), WATCHDOG_NEVER); /* no such clock */
    dog.last_ns = 0;
    assert_int_equal(watchdog_look_ns(&dog, 4750), WATCHDOG_NEVER);
    dog = open_dog(4650);
    dog.fd = -1;
    assert_int_equal(watchdog_look_ns(&dog, 4750), WATCHDOG_NEVER);
}

static void another_lease_is_fed_for_at_once(void **state)
{
    (void)state;
    struct scratch dir;
    scratch_init(&dir);
    const char *path = scratch_path(&dir, "dog");
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    struct watchdog dog = {
        .mode = WATCHDOG_AUTOMATIC, .device = path, .timeout_ns = 4000, .fd = -1};
    assert_int_equal(watchdog_retime(&dog, 2000, 10, 1), 0); /* closed: for the next time */
    assert_int_equal(dog.last_ns, 0);
    assert_int_equal(watchdog_arm(&dog), 0);
    assert_int_equal(watchdog_next_ns(&dog, 1, 2010), WATCHDOG_NEVER);
    assert_int_equal(watchdog_next_ns(&dog, 1, 2011), 1);
    assert_int_equal(watchdog_retime(&dog, 300, 50, 1000), 0);
    assert_int_equal(watchdog_next_ns(&dog, 1000, 5000), 1100);
    assert_int_equal(watchdog_next_ns(&dog, 1000, 1390), 1040);
    watchdog_disarm(&dog);
    char said[8] = {0};
    assert_int_equal(read(reader, said, sizeof(said)), 2);
    assert_string_equal(said, "1V");
    (void)close(reader);
    scratch_close(&dir);
}

static void a_fifo_sees_the_feeds_and_the_end(void **state)
{
    (void)state;
    struct scratch dir;
    scratch_init(&dir);
    const char *path = scratch_path(&dir, "dog");
    assert_int_equal(mkfifo(path, 0600), 0);
    struct watchdog dog = {
        .mode = WATCHDOG_REQUIRED, .device = path, .timeout_ns = UINT64_C(1000000000), .fd = -1};
    assert_int_equal(watchdog_arm(&dog), ENXIO); /* nobody reads */
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    assert_int_equal(watchdog_arm(&dog), 0);
    assert_int_equal(watchdog_feed(&dog, 7), 0);
    assert_int_equal(dog.last_ns, 7);
    watchdog_disarm(&dog);
    watchdog_disarm(&dog);
    char said[8] = {0};
    assert_int_equal(read(reader, said, sizeof(said)), 2);
    assert_string_equal(said, "1V");
    (void)close(reader);
    scratch_close(&dir);
}

static void off_is_always_fine_and_a_missing_one_is_not(void **state)
{
    (void)state;
    struct watchdog dog = {.mode = WATCHDOG_OFF, .device = "/nonexistent/dog", .fd = -1};
    assert_int_equal(watchdog_arm(&dog), 0);
    assert_int_equal(dog.fd, -1);
    dog.mode = WATCHDOG_AUTOMATIC;
    assert_int_equal(watchdog_arm(&dog), ENOENT);
}

static void modes_have_names(void **state)
{
    (void)state;
    enum watchdog_mode mode;
    assert_true(watchdog_mode_of("required", &mode));
    assert_int_equal(mode, WATCHDOG_REQUIRED);
    assert_true(watchdog_mode_of("off", &mode));
    assert_int_equal(mode, WATCHDOG_OFF);
    assert_false(watchdog_mode_of("on", &mode));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_fed_at_once_then_three_times_in_each_timeout),
        cmocka_unit_test(no_feed_reaches_beyond_the_deadline_less_the_margin),
        cmocka_unit_test(the_last_moment_is_used_once),
        cmocka_unit_test(a_closed_one_or_a_short_lease_is_never_fed),
        cmocka_unit_test(it_fits_where_the_machine_would_be_reset_before_the_deadline),
        cmocka_unit_test(the_deadline_is_looked_at_after_the_last_feed_too),
        cmocka_unit_test(another_lease_is_fed_for_at_once),
        cmocka_unit_test(a_fifo_sees_the_feeds_and_the_end),
        cmocka_unit_test(off_is_always_fine_and_a_missing_one_is_not),
        cmocka_unit_test(modes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
