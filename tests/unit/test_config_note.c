/* tests/unit/test_config_note.c - the last good value of the key config, in a file: it comes back
 * as it was or not at all, and counts only where no good one can have come in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "supervisor/config_note.h"
#include "supervisor/pg_file.h"
#include "tests/lib/scratch_kit.h"

#define TEXT "{\"ttl\": 30,\n \"failover\": \"fast\"}"

static struct config_note note;
static struct config_note back;

static int setup(void **state)
{
    (void)scratch_setup(state);
    note = (struct config_note){.revision = 12, .seen = 12};
    back = (struct config_note){.revision = 0};
    buf_str(&note.text, TEXT);
    return 0;
}

static int teardown(void **state)
{
    config_note_close(&note);
    config_note_close(&back);
    return scratch_teardown(state);
}

static void it_comes_back_as_it_was(void **state)
{
    (void)state;
    note.seen = 15;
    assert_int_equal(config_note_write(scratch.dir, &note, &err), 0);
    assert_int_equal(config_note_read(scratch.dir, &back, &err), 0);
    assert_int_equal(back.revision, 12);
    assert_int_equal(back.seen, 15);
    assert_string_equal(buf_text(&back.text), TEXT);
}

static void none_is_a_note_of_nothing(void **state)
{
    (void)state;
    assert_int_equal(config_note_read(scratch.dir, &back, &err), 0);
    assert_int_equal(back.revision, 0);
    assert_false(config_note_fits(&back, 0));
    assert_false(config_note_fits(&back, 12));
}

static void it_is_the_last_good_one_of_the_revision_that_was_seen(void **state)
{
    (void)state;
    note.seen = 15;
    assert_true(config_note_fits(&note, 15));
    assert_false(config_note_fits(&note, 12)); /* the key has gone on since */
    assert_false(config_note_fits(&note, 14));
    assert_false(config_note_fits(&note, 16)); /* perhaps a good one came before it */
}

/* Each byte in turn is another one, or the end. */
static void a_damaged_one_is_none(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf whole = {0};
    CLEANUP(mem_freep) char *path = mem_printf("%s/" CONFIG_NOTE_FILE, scratch.dir);
    assert_int_equal(config_note_write(scratch.dir, &note, &err), 0);
    assert_int_equal(pg_file_read(path, &whole, &err), 0);
    for (size_t i = 0; i < 2 * whole.size; i++) {
        CLEANUP(buf_close) struct buf spoilt = {0};
        size_t at = i / 2;
        buf_append(&spoilt, buf_text(&whole), i % 2 == 0 ? whole.size : at);
        if (i % 2 == 0) {
            spoilt.bytes[at] ^= 1;
        }
        assert_int_equal(pg_file_put(path, 0600, &spoilt, NULL, &err), 0);
        assert_int_equal(config_note_read(scratch.dir, &back, &err), ERR_CORRUPT);
        assert_int_equal(back.revision, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_comes_back_as_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(none_is_a_note_of_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(it_is_the_last_good_one_of_the_revision_that_was_seen,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_one_is_none, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
