/* tests/unit/test_pg_note.c - the note of a data directory, the mark outside of it, and the files
 * that they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "supervisor/pg_file.h"
#include "supervisor/pg_note.h"
#include "tests/lib/scratch_kit.h"

static struct pg_note note;
static bool is_copy;

static int setup(void **state)
{
    (void)scratch_setup(state);
    note = (struct pg_note){.cluster = "0123456789abcdef0123456789abcdef",
                            .scope = "demo",
                            .system_id = UINT64_C(7300000000000000001),
                            .copy = UINT64_C(0xfedcba9876543210),
                            .sealed_epoch = 4,
                            .seen_epoch = 7,
                            .peers = "pg1=10.0.0.1:7400,w1=[fd00::1]:7400"};
    return 0;
}

/* --- Files --- */

static void a_file_is_written_once(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf text = {0};
    CLEANUP(buf_close) struct buf back = {0};
    bool changed = false;
    struct stat before;
    struct stat after;
    const char *path = scratch_path(&scratch, "a");
    buf_str(&text, "one\n");
    assert_int_equal(pg_file_put(path, 0640, &text, &changed, &err), 0);
    assert_true(changed);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(before.st_mode & 07777, 0640);
    assert_int_equal(pg_file_put(path, 0640, &text, &changed, &err), 0);
    assert_false(changed);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(pg_file_put(path, 0600, &text, &changed, &err), 0);
    assert_true(changed); /* the mode was another */
    buf_clear(&text);
    assert_int_equal(pg_file_put(path, 0600, &text, &changed, &err), 0);
    assert_true(changed);
    assert_int_equal(pg_file_read(path, &back, &err), 0);
    assert_int_equal(back.size, 0);
    assert_int_equal(scratch_count(&scratch), 1); /* no draft is left */
}

static void what_a_crash_left_is_in_nobodys_way(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf back = {0};
    scratch_put(&scratch, "a" PG_FILE_DRAFT, "half");
    scratch_put(&scratch, "b", "elsewhere");
    assert_int_equal(symlink("b", scratch_path(&scratch, "a")), 0);
    CLEANUP(buf_close) struct buf whole = {0};
    buf_str(&whole, "whole");
    assert_int_equal(pg_file_put(scratch_path(&scratch, "a"), 0600, &whole, NULL, &err), 0);
    assert_true(scratch_read(&scratch, "a", &back));
    assert_string_equal(buf_text(&back), "whole");
    buf_clear(&back);
    assert_true(scratch_read(&scratch, "b", &back)); /* the link was replaced, not followed */
    assert_string_equal(buf_text(&back), "elsewhere");
    assert_int_equal(scratch_count(&scratch), 2);
}

static void files_go_and_move(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf back = {0};
    CLEANUP(mem_freep) char *a = mem_strdup(scratch_path(&scratch, "a"));
    CLEANUP(mem_freep) char *b = mem_strdup(scratch_path(&scratch, "b"));
    scratch_put(&scratch, "a", "one");
    assert_int_equal(pg_file_move(a, b, &err), 0);
    assert_int_equal(pg_file_read(a, &back, &err), ERR_NOT_FOUND);
    assert_int_equal(pg_file_read(b, &back, &err), 0);
    assert_int_equal(pg_file_remove(b, &err), 0);
    assert_int_equal(pg_file_remove(b, &err), 0);
    assert_int_equal(pg_file_read(scratch.dir, &back, &err), ERR_REFUSED);
}

static void a_place_that_can_not_be_written_is_an_error(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf text = {0};
    buf_str(&text, "one");
    int rc = pg_file_put(scratch_path(&scratch, "none/a"), 0600, &text, NULL, &err);
    assert_int_equal(rc, ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "/none/a"));
    assert_int_equal(mkdir(scratch_path(&scratch, "d"), 0700), 0);
    rc = pg_file_put(scratch_path(&scratch, "d"), 0600, &text, NULL, &err);
    assert_true(rc < 0);
    assert_int_equal(scratch_count(&scratch), 1);
}

/* --- Notes --- */

static void a_note_comes_back(void **state)
{
    (void)state;
    struct pg_note back;
    assert_int_equal(pg_note_read(scratch.dir, &back, &is_copy, &err), ERR_NOT_FOUND);
    assert_int_equal(pg_note_write(scratch.dir, &note, &err), 0);
    assert_int_equal(pg_note_read(scratch.dir, &back, &is_copy, &err), 0);
    assert_false(is_copy);
    assert_memory_equal(&back, &note, sizeof(note));
    struct stat st;
    assert_int_equal(stat(scratch_path(&scratch, PG_NOTE_FILE), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void every_damage_is_seen(void **state)
{
    (void)state;
    struct pg_note back;
    CLEANUP(buf_close) struct buf whole = {0};
    assert_int_equal(pg_note_write(scratch.dir, &note, &err), 0);
    assert_true(scratch_read(&scratch, PG_NOTE_FILE, &whole));
    for (size_t i = 0; i < whole.size; i++) {
        CLEANUP(buf_close) struct buf bad = {0};
        buf_append(&bad, whole.bytes, whole.size);
        bad.bytes[i] = (char)(bad.bytes[i] ^ 4);
        scratch_put(&scratch, PG_NOTE_FILE, buf_text(&bad));
        assert_int_equal(pg_note_read(scratch.dir, &back, &is_copy, &err), ERR_CORRUPT);
        CLEANUP(mem_freep) char *cut = mem_printf("%.*s", (int)i, whole.bytes);
        scratch_put(&scratch, PG_NOTE_FILE, cut);
        assert_int_equal(pg_note_read(scratch.dir, &back, &is_copy, &err), ERR_CORRUPT);
    }
}

/* The text @lines with a checksum that is right. */
static void put_note(const char *lines)
{
    CLEANUP(mem_freep)
    char *text = mem_printf("%ssum %08x\n", lines, crc32c(lines, strlen(lines)));
    scratch_put(&scratch, PG_NOTE_FILE, text);
}

static void another_version_is_not_guessed(void **state)
{
    (void)state;
    struct pg_note back;
    put_note("pgraft note 2\ncopy 0000000000000001\n");
    assert_int_equal(pg_note_read(scratch.dir, &back, &is_copy, &err), ERR_VERSION);
    put_note("pgraft note 1\ncopy 0000000000000001\nfuture x y\nsealed_epoch 3\n");
    assert_int_equal(pg_note_read(scratch.dir, &back, &is_copy, &err), 0);
    assert_int_equal(back.sealed_epoch, 3);
    put_note("pgraft note 1\nsealed_epoch 3\n"); /* of no copy */
    assert_int_equal(pg_note_read(scratch.dir, &back, &is_copy, &err), ERR_CORRUPT);
    put_note("pgraft note 1\ncopy 0000000000000001\nsealed_epoch -3\n");
    assert_int_equal(pg_note_read(scratch.dir, &back, &is_copy, &err), ERR_CORRUPT);
    put_note("something else\n");
    assert_int_equal(pg_note_read(scratch.dir, &back, &is_copy, &err), ERR_CORRUPT);
    assert_int_equal(unlink(scratch_path(&scratch, PG_NOTE_FILE)), 0);
    assert_int_equal(mkdir(scratch_path(&scratch, PG_NOTE_FILE), 0700), 0);
    assert_int_equal(pg_note_read(scratch.dir, &back, &is_copy, &err), ERR_CORRUPT);
}

/* C3: pg_basebackup and pg_rewind bring the note of another directory along. */
static void c3_a_note_that_was_copied_is_of_another_copy(void **state)
{
    (void)state;
    struct pg_note back;
    CLEANUP(buf_close) struct buf text = {0};
    assert_int_equal(pg_note_write(scratch.dir, &note, &err), 0);
    assert_int_equal(mkdir(scratch_path(&scratch, "other"), 0700), 0);
    assert_true(scratch_read(&scratch, PG_NOTE_FILE, &text));
    scratch_put(&scratch, "other/" PG_NOTE_FILE, buf_text(&text));
    CLEANUP(mem_freep) char *other = mem_strdup(scratch_path(&scratch, "other"));
    assert_int_equal(pg_note_read(other, &back, &is_copy, &err), 0);
    assert_true(is_copy);
    assert_int_equal(pg_note_seal(other, 9, &err), ERR_REFUSED);
    assert_int_equal(pg_note_new_copy(&back.copy, &err), 0);
    assert_int_not_equal(back.copy, note.copy);
    assert_int_not_equal(back.copy, 0);
    back.sealed_epoch = 0; /* what the other promised binds this one not ... */
    assert_int_equal(pg_note_write(other, &back, &err), 0);
    assert_int_equal(pg_note_read(other, &back, &is_copy, &err), 0);
    assert_false(is_copy);
    assert_int_equal(back.seen_epoch, note.seen_epoch); /* ... and what it saw was there */
}

/* C3: all of it is removed, and a backup into the same directory brings the note along. What it had
 * acknowledged since is gone, so it is not that copy any more. */
static void c3_a_backup_restored_into_the_same_directory_is_another_copy(void **state)
{
    (void)state;
    struct pg_note back;
    assert_int_equal(mkdir(scratch_path(&scratch, "global"), 0700), 0);
    scratch_put(&scratch, "global/pg_control", "one");
    assert_int_equal(pg_note_write(scratch.dir, &note, &err), 0);
    scratch_put(&scratch, "global/pg_control", "two"); /* as PostgreSQL does it, in place */
    assert_int_equal(pg_note_read(scratch.dir, &back, &is_copy, &err), 0);
    assert_false(is_copy);
    scratch_put(&scratch, "global/draft", "two");
    CLEANUP(mem_freep) char *draft = mem_strdup(scratch_path(&scratch, "global/draft"));
    assert_int_equal(rename(draft, scratch_path(&scratch, "global/pg_control")), 0);
    assert_int_equal(pg_note_read(scratch.dir, &back, &is_copy, &err), 0);
    assert_true(is_copy);
    assert_int_equal(pg_note_seal(scratch.dir, 9, &err), ERR_REFUSED);
    assert_int_equal(pg_note_check_copy(scratch.dir, note.copy, &err), ERR_REFUSED);
}

/* Between a look and a start somebody may have put another directory there. */
static void c3_what_was_replaced_is_not_started(void **state)
{
    (void)state;
    assert_int_equal(pg_note_check_copy(scratch.dir, note.copy, &err), ERR_REFUSED);
    assert_non_null(strstr(err.msg, "replaced"));
    assert_int_equal(pg_note_write(scratch.dir, &note, &err), 0);
    assert_int_equal(pg_note_check_copy(scratch.dir, note.copy, &err), 0);
    assert_int_equal(pg_note_check_copy(scratch.dir, note.copy + 1, &err), ERR_REFUSED);
    assert_int_equal(unlink(scratch_path(&scratch, PG_NOTE_FILE)), 0);
    scratch_put(&scratch, PG_NOTE_FILE, "no note");
    assert_int_equal(pg_note_check_copy(scratch.dir, note.copy, &err), ERR_CORRUPT);
}

static void d3_epochs_only_grow(void **state)
{
    (void)state;
    struct pg_note back;
    assert_int_equal(pg_note_seal(scratch.dir, 5, &err), ERR_NOT_FOUND);
    assert_int_equal(pg_note_write(scratch.dir, &note, &err), 0);
    assert_int_equal(pg_note_seal(scratch.dir, 3, &err), ERR_REFUSED);
    assert_int_equal(pg_note_seal(scratch.dir, 4, &err), 0);
    assert_int_equal(pg_note_seal(scratch.dir, 9, &err), 0);
    assert_int_equal(pg_note_read(scratch.dir, &back, &is_copy, &err), 0);
    assert_int_equal(back.sealed_epoch, 9);
    assert_int_equal(back.seen_epoch, 9);
    assert_int_equal(back.copy, note.copy);
    assert_string_equal(back.peers, note.peers);
    note.seen_epoch = 8;
    assert_int_equal(pg_note_write(scratch.dir, &note, &err), ERR_REFUSED);
    note.seen_epoch = 12;
    assert_int_equal(pg_note_write(scratch.dir, &note, &err), ERR_REFUSED); /* the seal */
    note.sealed_epoch = 13;
    assert_int_equal(pg_note_write(scratch.dir, &note, &err), ERR_REFUSED); /* above all seen */
    note.sealed_epoch = 12;
    assert_int_equal(pg_note_write(scratch.dir, &note, &err), 0);
}

static void what_would_not_come_back_is_refused(void **state)
{
    (void)state;
    (void)snprintf(note.scope, sizeof(note.scope), "a\nsealed_epoch 99");
    assert_int_equal(pg_note_write(scratch.dir, &note, &err), ERR_INVALID);
    (void)snprintf(note.scope, sizeof(note.scope), "demo");
    note.copy = 0;
    assert_int_equal(pg_note_write(scratch.dir, &note, &err), ERR_INVALID);
    assert_int_equal(scratch_count(&scratch), 0);
}

/* --- The mark --- */

static void a_mark_stands_outside_until_it_is_cleared(void **state)
{
    (void)state;
    struct pg_mark mark;
    assert_int_equal(pg_mark_read(scratch.dir, &mark, &err), 0);
    assert_int_equal(mark.work, PG_MARK_NONE);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(pg_mark_set(scratch.dir, "/data/a b", PG_MARK_CLONE, &err), 0);
        assert_int_equal(pg_mark_read(scratch.dir, &mark, &err), 0);
        assert_int_equal(mark.work, PG_MARK_CLONE);
        assert_string_equal(mark.data_dir, "/data/a b");
        assert_int_equal(mark.attempts, i);
    }
    assert_int_equal(pg_mark_set(scratch.dir, "/data/a b", PG_MARK_REWIND, &err), 0);
    assert_int_equal(pg_mark_read(scratch.dir, &mark, &err), 0);
    assert_int_equal(mark.work, PG_MARK_REWIND);
    assert_int_equal(mark.attempts, 1);
    assert_int_equal(pg_mark_clear(scratch.dir, &err), 0);
    assert_int_equal(pg_mark_clear(scratch.dir, &err), 0);
    assert_int_equal(pg_mark_read(scratch.dir, &mark, &err), 0);
    assert_int_equal(mark.work, PG_MARK_NONE);
}

static void a_mark_of_any_text_is_a_mark(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "work",
                                        "work none\nattempts 1\ndata_dir /a\n",
                                        "work clone\nattempts 1\ndata_dir /a",
                                        "\n\n",
                                        "work clone\nattempts x\ndata_dir /a\n"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct pg_mark mark;
        scratch_put(&scratch, PG_MARK_FILE, texts[i]);
        assert_int_equal(pg_mark_read(scratch.dir, &mark, &err), 0);
        assert_int_equal(mark.work, PG_MARK_CLONE);
        assert_string_equal(mark.data_dir, "");
    }
}

static void a_mark_inside_of_the_data_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *state;
        const char *data;
        int rc;
    } rows[] = {
        {"/data/pg/pgraft", "/data/pg", ERR_REFUSED},
        {"/data/pg", "/data/pg/", ERR_REFUSED},
        {"/data/pg2", "/data/pg", ERR_NOT_FOUND}, /* fine, and not there */
        {"/data", "/data/pg", ERR_NOT_FOUND},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int rc = pg_mark_set(rows[i].state, rows[i].data, PG_MARK_CLONE, &err);
        assert_int_equal(rc, rows[i].rc);
    }
    assert_string_equal(pg_mark_text(PG_MARK_REWIND), "rewind");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_written_once, setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(what_a_crash_left_is_in_nobodys_way, setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(files_go_and_move, setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_place_that_can_not_be_written_is_an_error, setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(a_note_comes_back, setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(every_damage_is_seen, setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(another_version_is_not_guessed, setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(c3_a_note_that_was_copied_is_of_another_copy, setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(
            c3_a_backup_restored_into_the_same_directory_is_another_copy, setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(c3_what_was_replaced_is_not_started, setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(d3_epochs_only_grow, setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(what_would_not_come_back_is_refused, setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(a_mark_stands_outside_until_it_is_cleared, setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(a_mark_of_any_text_is_a_mark, setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_mark_inside_of_the_data_is_refused, setup,
                                        scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
