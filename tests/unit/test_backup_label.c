/* tests/unit/test_backup_label.c - where the recovery of a restored backup begins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/backup_label.h"

static const struct {
    const char *text;
    uint64_t lsn; /* 0: it is none */
    uint32_t timeline;
} rows[] = {
    {"START WAL LOCATION: 1/2000028 (file 000000030000000100000002)\n"
     "CHECKPOINT LOCATION: 1/2000060\nBACKUP METHOD: streamed\nBACKUP FROM: primary\n"
     "START TIME: 2026-11-02 10:00:00 UTC\nLABEL: START TIMELINE: 9\nSTART TIMELINE: 3\n",
     UINT64_C(0x102000028), 3},
    {"START WAL LOCATION: 0/2000028 (file x)\nSTART TIMELINE: 1", UINT64_C(0x2000028), 1},
    {"START WAL LOCATION: 0/2000028 (file x)\n", 0, 0}, /* before version 11 */
    {"START WAL LOCATION: 0/0 (file x)\nSTART TIMELINE: 1\n", 0, 0},
    {"START WAL LOCATION: here\nSTART TIMELINE: 1\n", 0, 0},
    {"START WAL LOCATION: 0/2000028\nSTART TIMELINE: 0\n", 0, 0},
    {"START WAL LOCATION: 0/2000028\nSTART TIMELINE: 99999999999\n", 0, 0},
    {"", 0, 0},
};

static void it_says_where_and_on_which_timeline(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct backup_label label = {.start_lsn = 0};
        assert_int_equal(backup_label_parse(rows[i].text, &label), rows[i].lsn != 0);
        assert_true(label.start_lsn == rows[i].lsn && label.timeline == rows[i].timeline);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_says_where_and_on_which_timeline)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
