/* tests/unit/test_clock.c - three clocks that are never mixed up, and dates that stay right.
 *
 * The system's clock is tried on the machine, and with clock_gettime() replaced here: on a machine
 * that never slept, mono and boot cannot be told apart otherwise. Stamps are compared, day by day
 * to the end of 64 bits, with a calendar that counts. */
#include "tests/lib/death.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/clock.h"

static const struct timespec *made_up; /* indexed by the id; NULL: ask the kernel */
static int made_up_result;

/* Takes the place of the C library's in this program. */
int clock_gettime(clockid_t id, struct timespec *at)
{
    if (made_up == NULL) {
        return (int)syscall(SYS_clock_gettime, id, at);
    }
    *at = made_up[id];
    return made_up_result;
}

static void each_kind_asks_the_kernel_for_its_own_clock(void **state)
{
    (void)state;
    static const struct timespec answers[] = {
        [CLOCK_REALTIME] = {1795213023, 412000001},
        [CLOCK_MONOTONIC] = {5, 999999999},
        [CLOCK_BOOTTIME] = {3600, 0},
    };
    const struct clock *clock = clock_system();
    made_up = answers;
    uint64_t mono_ns = clock_ns(clock, CLOCK_MONO);
    uint64_t boot_ns = clock_ns(clock, CLOCK_BOOT);
    uint64_t wall_ns = clock_ns(clock, CLOCK_WALL);
    uint64_t mono_ms = clock_mono_ms(clock);
    uint64_t boot_ms = clock_boot_ms(clock);
    uint64_t wall_ms = clock_wall_ms(clock);
    made_up = NULL;
    assert_int_equal(mono_ns, UINT64_C(5999999999));
    assert_int_equal(boot_ns, UINT64_C(3600000000000));
    assert_int_equal(wall_ns, UINT64_C(1795213023412000001));
    assert_int_equal(mono_ms, 5999); /* cut, not rounded: never ahead */
    assert_int_equal(boot_ms, 3600000);
    assert_int_equal(wall_ms, UINT64_C(1795213023412));
}

static void a_clock_that_fails_or_is_negative_ends_the_process(void **state)
{
    (void)state;
    static const struct timespec before_1970[] = {[CLOCK_BOOTTIME] = {-1, 0}};
    const struct clock *clock = clock_system();
    ASSERT_DIES("at.tv_sec >= 0", made_up = before_1970; (void)clock_ns(clock, CLOCK_WALL);
                (void)clock_ns(clock, CLOCK_BOOT));
    ASSERT_DIES("rc == 0", made_up = before_1970; made_up_result = -1;
                (void)clock_ns(clock, CLOCK_WALL));
}

static void a_kind_that_does_not_exist_ends_the_process(void **state)
{
    (void)state;
    static volatile int none = CLOCK_WALL + 1;
    struct clock_manual manual;
    clock_manual_init(&manual, 1);
    ASSERT_DIES("every kind", (void)clock_ns(clock_system(), (enum clock_kind)none));
    ASSERT_DIES("every kind", (void)clock_ns(&manual.clock, (enum clock_kind)none));
}

static void the_machines_clocks_never_go_back(void **state)
{
    (void)state;
    const struct clock *clock = clock_system();
    assert_ptr_equal(clock, clock_system());
    uint64_t mono = 0;
    uint64_t boot = 0;
    for (int i = 0; i < 20000; i++) {
        uint64_t mono_now = clock_ns(clock, CLOCK_MONO);
        uint64_t boot_now = clock_ns(clock, CLOCK_BOOT);
        assert_true(mono_now >= mono);
        assert_true(boot_now >= boot);
        assert_true(boot_now >= mono_now); /* read later, and suspend counts */
        mono = mono_now;
        boot = boot_now;
    }
    assert_true(mono > 0);
}

static void the_machines_clocks_move_at_the_pace_of_the_kernels(void **state)
{
    (void)state;
    static const struct {
        enum clock_kind kind;
        clockid_t id;
    } rows[] = {{CLOCK_MONO, CLOCK_MONOTONIC}, {CLOCK_BOOT, CLOCK_BOOTTIME}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct timespec before;
        struct timespec after;
        assert_int_equal(clock_gettime(rows[i].id, &before), 0);
        uint64_t now = clock_ns(clock_system(), rows[i].kind);
        assert_int_equal(clock_gettime(rows[i].id, &after), 0);
        assert_true(now >= (uint64_t)before.tv_sec * 1000000000 + (uint64_t)before.tv_nsec);
        assert_true(now <= (uint64_t)after.tv_sec * 1000000000 + (uint64_t)after.tv_nsec);
    }
}

static void expect(const struct clock_manual *manual, uint64_t mono, uint64_t boot, uint64_t wall)
{
    assert_int_equal(clock_ns(&manual->clock, CLOCK_MONO), mono);
    assert_int_equal(clock_ns(&manual->clock, CLOCK_BOOT), boot);
    assert_int_equal(clock_ns(&manual->clock, CLOCK_WALL), wall);
}

static void a_manual_clock_stands_until_it_is_told(void **state)
{
    (void)state;
    struct clock_manual manual;
    memset(&manual, 0xee, sizeof(manual));
    clock_manual_init(&manual, 1000);
    expect(&manual, 0, 0, 1000);
    expect(&manual, 0, 0, 1000);
    clock_manual_advance(&manual, 7);
    expect(&manual, 7, 7, 1007);
    clock_manual_advance(&manual, 0);
    expect(&manual, 7, 7, 1007);
}

static void in_suspend_mono_stands_and_the_others_move_on(void **state)
{
    (void)state;
    struct clock_manual manual;
    clock_manual_init(&manual, 0);
    clock_manual_advance(&manual, 3 * NS_PER_S);
    clock_manual_suspend(&manual, 10 * NS_PER_S);
    expect(&manual, 3 * NS_PER_S, 13 * NS_PER_S, 13 * NS_PER_S);
    clock_manual_advance(&manual, 1);
    expect(&manual, 3 * NS_PER_S + 1, 13 * NS_PER_S + 1, 13 * NS_PER_S + 1);
    assert_int_equal(clock_mono_ms(&manual.clock), 3000);
    assert_int_equal(clock_boot_ms(&manual.clock), 13000);
}

static void the_wall_clock_may_jump_alone(void **state)
{
    (void)state;
    struct clock_manual manual;
    clock_manual_init(&manual, 5 * NS_PER_S);
    clock_manual_advance(&manual, NS_PER_S);
    manual.wall_ns = NS_PER_S;
    expect(&manual, NS_PER_S, NS_PER_S, NS_PER_S);
    manual.wall_ns = UINT64_MAX;
    expect(&manual, NS_PER_S, NS_PER_S, UINT64_MAX);
    assert_int_equal(clock_wall_ms(&manual.clock), UINT64_MAX / 1000000);
}

static void two_manual_clocks_know_nothing_of_each_other(void **state)
{
    (void)state;
    struct clock_manual a;
    struct clock_manual b;
    clock_manual_init(&a, 1);
    clock_manual_init(&b, 2);
    clock_manual_advance(&a, 10);
    expect(&a, 10, 10, 11);
    expect(&b, 0, 0, 2);
}

static void the_units_are_what_they_say(void **state)
{
    (void)state;
    assert_int_equal(NS_PER_MS * MS_PER_S, NS_PER_S);
    assert_int_equal(NS_PER_S, 1000000000);
}

static void a_stamp_is_right_where_calendars_are_odd(void **state)
{
    (void)state;
    static const struct {
        uint64_t wall_ns;
        const char *stamp;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1, "1970-01-01T00:00:00.000Z"},
        {999999, "1970-01-01T00:00:00.000Z"}, /* cut, not rounded */
        {1000000, "1970-01-01T00:00:00.001Z"},
        {99 * NS_PER_MS, "1970-01-01T00:00:00.099Z"},
        {NS_PER_S - 1, "1970-01-01T00:00:00.999Z"},
        {NS_PER_S, "1970-01-01T00:00:01.000Z"},
        {68169599 * NS_PER_S, "1972-02-28T23:59:59.000Z"},
        {68169600 * NS_PER_S, "1972-02-29T00:00:00.000Z"},
        {951782399 * NS_PER_S + 999999999, "2000-02-28T23:59:59.999Z"},
        {951782400 * NS_PER_S, "2000-02-29T00:00:00.000Z"},
        {1483228800 * NS_PER_S, "2017-01-01T00:00:00.000Z"}, /* no leap second before it */
        {1795213023 * NS_PER_S + 412 * NS_PER_MS, "2026-11-20T22:17:03.412Z"},
        {2147483648 * NS_PER_S, "2038-01-19T03:14:08.000Z"}, /* 2^31 s */
        {4107542399 * NS_PER_S, "2100-02-28T23:59:59.000Z"},
        {4107542400 * NS_PER_S, "2100-03-01T00:00:00.000Z"}, /* no leap year */
        {4294967296 * NS_PER_S, "2106-02-07T06:28:16.000Z"}, /* 2^32 s */
        {13574563200 * NS_PER_S, "2400-02-29T00:00:00.000Z"},
        {INT64_MAX, "2262-04-11T23:47:16.854Z"},
        {(uint64_t)INT64_MAX + 1, "2262-04-11T23:47:16.854Z"},
        {UINT64_MAX, "2554-07-21T23:34:33.709Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char stamp[CLOCK_STAMP_SIZE];
        memset(stamp, 'x', sizeof(stamp));
        assert_ptr_equal(clock_stamp(rows[i].wall_ns, stamp), stamp);
        assert_string_equal(stamp, rows[i].stamp);
    }
}

static bool is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static void every_day_has_its_date_to_the_end_of_time(void **state)
{
    (void)state;
    static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint64_t days = UINT64_MAX / NS_PER_S / 86400;
    unsigned year = 1970;
    unsigned month = 1;
    unsigned day = 1;
    for (uint64_t i = 0; i <= days; i++) {
        char expected[64];
        (void)snprintf(expected, sizeof(expected), "%04u-%02u-%02uT00:00:00.007Z", year, month,
                       day);
        char stamp[CLOCK_STAMP_SIZE];
        assert_string_equal(clock_stamp(i * 86400 * NS_PER_S + 7 * NS_PER_MS, stamp), expected);
        day++;
        if (day > lengths[month - 1] + (month == 2 && is_leap(year) ? 1 : 0)) {
            day = 1;
            month++;
        }
        if (month > 12) {
            month = 1;
            year++;
        }
    }
    assert_int_equal(year, 2554);
}

static void the_local_time_zone_is_of_no_interest(void **state)
{
    (void)state;
    static const char *const zones[] = {"Pacific/Kiritimati", "XYZ+11:30", "UTC"};
    for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
        assert_int_equal(setenv("TZ", zones[i], 1), 0);
        tzset();
        char stamp[CLOCK_STAMP_SIZE];
        assert_string_equal(clock_stamp(1795213023412 * NS_PER_MS, stamp),
                            "2026-11-20T22:17:03.412Z");
    }
    assert_int_equal(unsetenv("TZ"), 0);
    tzset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_asks_the_kernel_for_its_own_clock),
        cmocka_unit_test(a_clock_that_fails_or_is_negative_ends_the_process),
        cmocka_unit_test(a_kind_that_does_not_exist_ends_the_process),
        cmocka_unit_test(the_machines_clocks_never_go_back),
        cmocka_unit_test(the_machines_clocks_move_at_the_pace_of_the_kernels),
        cmocka_unit_test(a_manual_clock_stands_until_it_is_told),
        cmocka_unit_test(in_suspend_mono_stands_and_the_others_move_on),
        cmocka_unit_test(the_wall_clock_may_jump_alone),
        cmocka_unit_test(two_manual_clocks_know_nothing_of_each_other),
        cmocka_unit_test(the_units_are_what_they_say),
        cmocka_unit_test(a_stamp_is_right_where_calendars_are_odd),
        cmocka_unit_test(every_day_has_its_date_to_the_end_of_time),
        cmocka_unit_test(the_local_time_zone_is_of_no_interest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
