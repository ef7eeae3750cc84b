/* tests/unit/test_pg_control.c - PostgreSQL's control file in its layouts of 13 to 18, whole and
 * damaged.
 *
 * The files are made here, byte by byte; tests/guard compares what is read of the installed
 * version's with what its own pg_controldata says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/crc32c.h"
#include "base/must.h"
#include "supervisor/pg_control.h"

static void put32(uint8_t *bytes, size_t at, uint32_t value)
{
    memcpy(bytes + at, &value, sizeof(value));
}

static void put64(uint8_t *bytes, size_t at, uint64_t value)
{
    memcpy(bytes + at, &value, sizeof(value));
}

/* The checksum stands right after the 32 bytes of the nonce, at the next multiple of four. */
static void make(uint8_t bytes[PG_CONTROL_BYTES], uint32_t version, size_t at_sum)
{
    memset(bytes, 0, PG_CONTROL_BYTES);
    memset(bytes + 50, 0xa5, at_sum - 50); /* what nobody asks for */
    put64(bytes, 0, UINT64_C(7300000000000000001));
    put32(bytes, 8, version);
    put32(bytes, 12, 202209061);
    put32(bytes, 16, PG_CONTROL_IN_PRODUCTION);
    put64(bytes, 32, 0x3000028);
    put64(bytes, 40, 0x3000000);
    put32(bytes, 48, 4);
    put64(bytes, 136, 0x2fff000);
    put32(bytes, 144, 5);
    put32(bytes, at_sum, crc32c(bytes, at_sum));
}

static const struct {
    uint32_t version;
    size_t at_sum;
} layouts[] = {{1300, 288}, {1700, 288}, {1800, 292}};

static void every_layout_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        uint8_t bytes[PG_CONTROL_BYTES];
        struct pg_control control;
        make(bytes, layouts[i].version, layouts[i].at_sum);
        assert_int_equal(pg_control_parse(bytes, sizeof(bytes), &control), PG_CONTROL_OK);
        assert_int_equal(control.system_id, UINT64_C(7300000000000000001));
        assert_int_equal(control.version, layouts[i].version);
        assert_int_equal(control.catalog_version, 202209061);
        assert_int_equal(control.state, PG_CONTROL_IN_PRODUCTION);
        assert_int_equal(control.timeline, 5);
        assert_int_equal(control.checkpoint_lsn, 0x3000028);
        assert_int_equal(control.redo_lsn, 0x3000000);
        assert_int_equal(control.min_recovery_lsn, 0x2fff000);
    }
}

static void the_newer_timeline_counts(void **state)
{
    (void)state;
    uint8_t bytes[PG_CONTROL_BYTES];
    struct pg_control control;
    make(bytes, 1300, 288);
    put32(bytes, 48, 9);
    put32(bytes, 288, crc32c(bytes, 288));
    assert_int_equal(pg_control_parse(bytes, sizeof(bytes), &control), PG_CONTROL_OK);
    assert_int_equal(control.timeline, 9);
}

static void no_flipped_bit_is_believed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        uint8_t bytes[PG_CONTROL_BYTES];
        make(bytes, layouts[i].version, layouts[i].at_sum);
        for (size_t bit = 0; bit < (layouts[i].at_sum + 4) * 8; bit++) {
            struct pg_control control;
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
            assert_int_not_equal(pg_control_parse(bytes, sizeof(bytes), &control), PG_CONTROL_OK);
            bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        }
    }
}

static void the_mark_changes_with_the_file(void **state)
{
    (void)state;
    uint8_t bytes[PG_CONTROL_BYTES];
    struct pg_control before;
    struct pg_control after;
    make(bytes, 1300, 288);
    assert_int_equal(pg_control_parse(bytes, sizeof(bytes), &before), PG_CONTROL_OK);
    put64(bytes, 24, 1);
    put32(bytes, 288, crc32c(bytes, 288));
    assert_int_equal(pg_control_parse(bytes, sizeof(bytes), &after), PG_CONTROL_OK);
    assert_int_not_equal(before.mark, after.mark);
}

static void a_short_or_foreign_file_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[PG_CONTROL_BYTES];
    struct pg_control control;
    make(bytes, 1300, 288);
    for (size_t size = 0; size < 292; size++) {
        assert_int_equal(pg_control_parse(bytes, size, &control), PG_CONTROL_SHORT);
    }
    assert_int_equal(pg_control_parse(bytes, 292, &control), PG_CONTROL_OK);
    const uint32_t others[] = {0, 942, 1201, 1900, 0x14050000};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        make(bytes, others[i], 288);
        assert_int_equal(pg_control_parse(bytes, sizeof(bytes), &control), PG_CONTROL_UNKNOWN);
    }
}

static void states_and_errors_have_texts(void **state)
{
    (void)state;
    assert_string_equal(pg_control_state_text(PG_CONTROL_ARCHIVE_RECOVERY), "in archive recovery");
    assert_string_equal(pg_control_state_text(7), "unrecognized status code");
    assert_string_equal(pg_control_error_text(PG_CONTROL_TORN), "fails its checksum");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout_is_read),
        cmocka_unit_test(the_newer_timeline_counts),
        cmocka_unit_test(no_flipped_bit_is_believed),
        cmocka_unit_test(the_mark_changes_with_the_file),
        cmocka_unit_test(a_short_or_foreign_file_is_refused),
        cmocka_unit_test(states_and_errors_have_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
