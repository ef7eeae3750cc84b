/* tests/unit/test_when.c - moments as people write them, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "base/when.h"

#define NONE UINT64_MAX

static const struct {
    const char *text;
    uint64_t wall_ms; /* NONE: it is refused */
    const char *again;
    bool has_zone;
} cases[] = {
    {"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00+00:00", true},
    {"1970-01-01T00:59:59+01:00", NONE, "", false},
    {"1970-01-01T01:00:00+01:00", 0, "1970-01-01T01:00:00+01:00", true},
    {"2026-12-01T04:00:00+01:00", 1796094000000, "2026-12-01T04:00:00+01:00", true},
    {"2026-12-01 04:00+0100", 1796094000000, "2026-12-01T04:00:00+01:00", true},
    {"2026-12-01T04:00 +01", 1796094000000, "2026-12-01T04:00:00+01:00", true},
    {"2026-11-30t23:00-04:00", 1796094000000, "2026-11-30T23:00:00-04:00", true},
    {"2026-12-01T08:45:00.25+05:45", 1796094000250, "2026-12-01T08:45:00+05:45", true},
    {"2026-12-01T03:00:00.0019UTC", 1796094000001, "2026-12-01T03:00:00+00:00", true},
    {"2026-12-01T03:00:00", 1796094000000, "2026-12-01T03:00:00+00:00", false},
    {"2024-02-29T12:00Z", 1709208000000, "2024-02-29T12:00:00+00:00", true},
    {"2000-02-29T00:00Z", 951782400000, "2000-02-29T00:00:00+00:00", true},
    {"9999-12-31T23:59:59Z", 253402300799000, "9999-12-31T23:59:59+00:00", true},
    {"2026-02-29T12:00Z", NONE, "", false},
    {"2100-02-29T12:00Z", NONE, "", false},
    {"1969-12-31T23:59Z", NONE, "", false},
    {"2026-13-01T00:00Z", NONE, "", false},
    {"2026-00-01T00:00Z", NONE, "", false},
    {"2026-04-31T00:00Z", NONE, "", false},
    {"2026-04-00T00:00Z", NONE, "", false},
    {"2026-04-01T24:00Z", NONE, "", false},
    {"2026-04-01T23:60Z", NONE, "", false},
    {"2026-04-01T23:59:60Z", NONE, "", false},
    {"2026-04-01T23:59:", NONE, "", false},
    {"2026-04-01T23:59:00.Z", NONE, "", false},
    {"2026-04-01T23:59 ", NONE, "", false},
    {"2026-04-01T23:59+", NONE, "", false},
    {"2026-04-01T23:59+1", NONE, "", false},
    {"2026-04-01T23:59+01:0", NONE, "", false},
    {"2026-04-01T23:59+14:01", NONE, "", false},
    {"2026-04-01T23:59+01:00x", NONE, "", false},
    {"2026-04-01T23:59CET", NONE, "", false},
    {"2026-04-01", NONE, "", false},
    {"20260401T2359Z", NONE, "", false},
    {"tomorrow", NONE, "", false},
    {"", NONE, "", false},
};

static void moments_are_read_and_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct when when = {.zone_min = 7};
        struct err err = {0};
        char again[WHEN_TEXT_SIZE];
        int code = when_parse(cases[i].text, &when, &err);
        bool is_right = cases[i].wall_ms == NONE
                            ? code == ERR_INVALID && strstr(err.msg, "2026-12-01T04:00") != NULL
                            : code == 0 && when.wall_ms == cases[i].wall_ms &&
                                  when.has_zone == cases[i].has_zone;
        if (!is_right) {
            fail_msg("\"%s\": %d, %llu", cases[i].text, code, (unsigned long long)when.wall_ms);
        }
        if (code == 0) {
            when_format(&when, again);
            assert_string_equal(again, cases[i].again);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_read_and_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
