/* tests/unit/test_reload.c - told to read its configuration again: read, slow, or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "supervisor/reload.h"

#define PATIENCE_MS 1000
#define BAD "/data/postgresql.base.conf:7: syntax error"
#define WORSE "/data/postgresql.base.conf:9: syntax error"
#define BEFORE_US 500

static struct reload_book book;
static uint64_t now_ms;

static void begin(void)
{
    reload_restarted(&book);
    now_ms = 100000;
}

/* A session that begins after so long, and what it says. */
static void session(uint64_t after_ms, uint64_t loaded_us, const char *wrong)
{
    now_ms += after_ms;
    reload_seen(&book, loaded_us);
    reload_asked(&book, wrong, now_ms, PATIENCE_MS, now_ms);
}

static void tell(void)
{
    reload_told(&book, now_ms, BEFORE_US);
}

static bool may_tell(void)
{
    return reload_may_tell(&book, now_ms, PATIENCE_MS);
}

static void refused(void)
{
    begin();
    session(0, BEFORE_US, "");
    tell();
    session(PATIENCE_MS, BEFORE_US, BAD);
    assert_true(book.is_refused);
}

static void what_is_read_is_over(void **state)
{
    (void)state;
    begin();
    assert_true(may_tell());
    tell();
    assert_true(reload_is_owed(&book));
    assert_false(may_tell());
    session(5, BEFORE_US + 1, "");
    assert_false(reload_is_owed(&book));
    assert_true(may_tell());
}

static void a_clock_that_is_set_back_hides_nothing(void **state)
{
    (void)state;
    begin();
    session(0, BEFORE_US, "");
    tell();
    session(5, BEFORE_US, "");
    assert_true(reload_is_owed(&book));
    session(5, BEFORE_US - 1, "");
    assert_false(reload_is_owed(&book));
}

/* A sequence goes on for a while after the signal. */
static void what_was_read_before_its_sequence_has_ended_is_read(void **state)
{
    (void)state;
    begin();
    session(0, BEFORE_US, "");
    session(100, BEFORE_US + 1, BAD); /* somebody is in the middle of an edit */
    tell();
    assert_false(reload_is_owed(&book));
    assert_true(may_tell());
    session(PATIENCE_MS, BEFORE_US + 1, BAD);
    assert_false(book.is_refused);
    assert_string_equal(reload_wrong(&book), BAD); /* seen since it has read */
}

/* The first session came while the sequence ran, and may be older than the signal. */
static void what_was_not_known_before_proves_nothing(void **state)
{
    (void)state;
    begin();
    session(0, BEFORE_US, "");
    reload_told(&book, now_ms, 0);
    assert_true(reload_is_owed(&book));
    session(5, BEFORE_US + 1, "");
    assert_false(reload_is_owed(&book));
}

static void a_slow_machine_has_not_refused(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 20; i++) {
        tell();
        session(PATIENCE_MS / 2, BEFORE_US, "");
        assert_false(may_tell());
        session(PATIENCE_MS / 2, BEFORE_US, "");
        assert_true(may_tell());
    }
    assert_false(book.is_refused);
    assert_true(reload_is_owed(&book));
}

static void a_bad_line_and_an_old_configuration_are_a_refusal(void **state)
{
    (void)state;
    begin();
    session(0, BEFORE_US, "");
    tell();
    session(PATIENCE_MS - 1, BEFORE_US, BAD);
    assert_false(book.is_refused); /* it may be on its way still */
    session(1, BEFORE_US, BAD);
    assert_true(book.is_refused);
    assert_string_equal(reload_wrong(&book), BAD);
    assert_true(reload_is_owed(&book));
}

/* To be told once more, as soon as it may be, does not put off the proof. */
static void who_is_told_on_and_on_is_seen_to_refuse(void **state)
{
    (void)state;
    begin();
    session(0, BEFORE_US, "");
    tell();
    session(PATIENCE_MS - 1, BEFORE_US, BAD);
    now_ms++;
    assert_true(may_tell());
    tell();
    session(1, BEFORE_US, BAD);
    assert_true(book.is_refused);
    assert_false(may_tell());
}

static void who_refuses_is_told_again_less_and_less_often(void **state)
{
    (void)state;
    uint64_t pause_ms = 0;
    refused();
    for (int i = 0; i < 8; i++) {
        uint64_t waits_ms = book.again_ms - now_ms;
        assert_true(waits_ms > pause_ms || waits_ms == 8000);
        pause_ms = waits_ms;
        session(waits_ms - 1, BEFORE_US, BAD);
        assert_false(may_tell());
        session(1, BEFORE_US, BAD);
        assert_true(may_tell());
        tell();
        assert_true(book.is_refused); /* until it has read, or nothing is wrong */
        session(PATIENCE_MS, BEFORE_US, BAD);
    }
    assert_int_equal(pause_ms, 8000);
}

static void mended_files_are_told_of_at_once(void **state)
{
    (void)state;
    refused();
    session(10, BEFORE_US, "");
    assert_false(book.is_refused);
    assert_true(reload_is_owed(&book));
    assert_true(may_tell());
    tell();
    session(10, BEFORE_US + 1, "");
    assert_false(reload_is_owed(&book));
    assert_string_equal(reload_wrong(&book), "");
}

static void files_that_change_and_a_configuration_that_does_end_the_pause(void **state)
{
    (void)state;
    refused();
    session(10, BEFORE_US, WORSE);
    assert_true(book.is_refused && may_tell());
    tell();
    session(PATIENCE_MS, BEFORE_US, WORSE);
    assert_false(may_tell());
    reload_changed(&book);
    assert_true(may_tell());
}

/* Somebody else has told it, and it has read. */
static void what_it_has_read_it_does_not_refuse(void **state)
{
    (void)state;
    refused();
    session(10, BEFORE_US + 1, "");
    assert_false(book.is_refused || reload_is_owed(&book));
}

static void what_is_wrong_is_told_before_it_is_told_to_read(void **state)
{
    (void)state;
    begin();
    session(0, BEFORE_US, BAD);
    assert_false(book.is_refused || reload_is_owed(&book));
    assert_string_equal(reload_wrong(&book), BAD);
    tell();
    session(5, BEFORE_US + 1, BAD); /* for that session alone */
    assert_string_equal(reload_wrong(&book), "");
    session(5, BEFORE_US + 1, WORSE);
    assert_string_equal(reload_wrong(&book), WORSE);
}

/* A session that can not say what is wrong with the files. */
static void blind_session(uint64_t after_ms, uint64_t loaded_us)
{
    now_ms += after_ms;
    reload_seen(&book, loaded_us);
    reload_not_seen(&book, now_ms, PATIENCE_MS);
}

static void told_in_vain(void)
{
    begin();
    blind_session(0, BEFORE_US);
    for (int i = 0; i < 3; i++) {
        assert_false(book.is_in_vain);
        assert_true(may_tell());
        tell();
        blind_session(PATIENCE_MS - 1, BEFORE_US);
        assert_false(book.is_in_vain);
        blind_session(1, BEFORE_US);
    }
    assert_true(book.is_in_vain);
    assert_false(book.is_refused); /* that is not known */
}

static void where_no_refusal_can_be_seen_it_is_told_in_vain(void **state)
{
    (void)state;
    told_in_vain();
    tell();
    assert_true(book.is_in_vain);
    blind_session(5, BEFORE_US + 1);
    assert_false(book.is_in_vain || reload_is_owed(&book));
    told_in_vain();
    reload_restarted(&book);
    assert_false(book.is_in_vain);
}

static void who_was_told_a_few_times_or_shows_no_session_was_not_told_in_vain(void **state)
{
    (void)state;
    begin();
    blind_session(0, BEFORE_US);
    tell();
    blind_session(UINT64_C(100) * PATIENCE_MS, BEFORE_US); /* once: the signal may have been lost */
    assert_false(book.is_in_vain);
    for (int i = 0; i < 20; i++) { /* it hangs */
        tell();
        now_ms += PATIENCE_MS;
    }
    assert_false(book.is_in_vain);
}

static void what_was_mended_is_told_anew(void **state)
{
    (void)state;
    told_in_vain();
    reload_asked(&book, BAD, now_ms, PATIENCE_MS, now_ms);
    assert_true(book.is_in_vain && book.is_refused);
    session(10, BEFORE_US, "");
    assert_false(book.is_in_vain);
    blind_session(10, BEFORE_US);
    assert_false(book.is_in_vain);
}

static void another_server_has_refused_nothing(void **state)
{
    (void)state;
    refused();
    reload_restarted(&book);
    assert_false(book.is_refused || reload_is_owed(&book));
    assert_true(may_tell());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_is_over),
        cmocka_unit_test(a_clock_that_is_set_back_hides_nothing),
        cmocka_unit_test(what_was_read_before_its_sequence_has_ended_is_read),
        cmocka_unit_test(what_was_not_known_before_proves_nothing),
        cmocka_unit_test(a_slow_machine_has_not_refused),
        cmocka_unit_test(a_bad_line_and_an_old_configuration_are_a_refusal),
        cmocka_unit_test(who_is_told_on_and_on_is_seen_to_refuse),
        cmocka_unit_test(who_refuses_is_told_again_less_and_less_often),
        cmocka_unit_test(mended_files_are_told_of_at_once),
        cmocka_unit_test(files_that_change_and_a_configuration_that_does_end_the_pause),
        cmocka_unit_test(what_it_has_read_it_does_not_refuse),
        cmocka_unit_test(what_is_wrong_is_told_before_it_is_told_to_read),
        cmocka_unit_test(where_no_refusal_can_be_seen_it_is_told_in_vain),
        cmocka_unit_test(who_was_told_a_few_times_or_shows_no_session_was_not_told_in_vain),
        cmocka_unit_test(what_was_mended_is_told_anew),
        cmocka_unit_test(another_server_has_refused_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
