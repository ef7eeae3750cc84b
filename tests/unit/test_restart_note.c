/* tests/unit/test_restart_note.c - a restart for later, in a file: it comes back as it was or not
 * at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/pg_file.h"
#include "supervisor/restart_note.h"
#include "tests/lib/scratch_kit.h"

#define AT "2026-12-01T04:00:00+01:00"

static const struct restart_later all[] = {
    {.order = {.at = AT}},
    {.order = {.at = AT, .role = "standby_leader", .version = "16.4", .only_pending = true},
     .started_us = UINT64_MAX},
    {.order = {.at = AT, .version = "9.6.24", .timeout_ms = 86400000}, .started_us = 1},
};

static void assert_same(const struct restart_later *a, const struct restart_later *b)
{
    assert_string_equal(a->order.at, b->order.at);
    assert_string_equal(a->order.role, b->order.role);
    assert_string_equal(a->order.version, b->order.version);
    assert_int_equal(a->order.only_pending, b->order.only_pending);
    assert_int_equal(a->order.timeout_ms, b->order.timeout_ms);
    assert_int_equal(a->started_us, b->started_us);
}

static void it_comes_back_as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct restart_later back;
        memset(&back, 0xff, sizeof(back));
        assert_int_equal(restart_note_write(scratch.dir, &all[i], &err), 0);
        assert_int_equal(restart_note_read(scratch.dir, &back, &err), 0);
        assert_same(&back, &all[i]);
    }
}

static void none_is_no_file(void **state)
{
    (void)state;
    CLEANUP(mem_freep) char *path = mem_printf("%s/" RESTART_NOTE_FILE, scratch.dir);
    const struct restart_later none = {.started_us = 0};
    struct restart_later back;
    struct buf bytes = {0};
    memset(&back, 0xff, sizeof(back));
    assert_int_equal(restart_note_read(scratch.dir, &back, &err), 0);
    assert_same(&back, &none);
    assert_int_equal(restart_note_write(scratch.dir, &all[0], &err), 0);
    assert_int_equal(restart_note_write(scratch.dir, &none, &err), 0);
    assert_int_equal(pg_file_read(path, &bytes, &err), ERR_NOT_FOUND);
    assert_int_equal(restart_note_write(scratch.dir, &none, &err), 0);
}

/* Each byte in turn is another one, or the end. */
static void a_damaged_one_is_none(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf whole = {0};
    CLEANUP(mem_freep) char *path = mem_printf("%s/" RESTART_NOTE_FILE, scratch.dir);
    assert_int_equal(restart_note_write(scratch.dir, &all[1], &err), 0);
    assert_int_equal(pg_file_read(path, &whole, &err), 0);
    for (size_t i = 0; i < 2 * whole.size; i++) {
        CLEANUP(buf_close) struct buf spoilt = {0};
        struct restart_later back;
        size_t at = i / 2;
        buf_append(&spoilt, buf_text(&whole), i % 2 == 0 ? whole.size : at);
        if (i % 2 == 0) {
            spoilt.bytes[at] ^= 1;
        }
        assert_int_equal(pg_file_put(path, 0600, &spoilt, NULL, &err), 0);
        assert_int_equal(restart_note_read(scratch.dir, &back, &err), ERR_CORRUPT);
        assert_string_equal(back.order.at, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_comes_back_as_it_was, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(none_is_no_file, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_one_is_none, scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
