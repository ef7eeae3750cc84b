/* tests/unit/test_err.c - every code means one thing, for ever, and no message outgrows its place.
 *
 * The values, flags and exit statuses stand here a second time: they are on the wire and in
 * people's scripts, so that changing one has to be done twice, with open eyes. */
#include "tests/lib/death.h"

#include <ctype.h>
#include <limits.h>

#include "base/err.h"

// clang-format off
static const struct {
    int value;
    const char *name;
    bool retry;
    bool applied;
    int exit_status;
} promised[] = {
    { -1, "ERR_INVALID",     false, false, 2},
    { -2, "ERR_NOT_FOUND",   false, false, 1},
    { -3, "ERR_CONFLICT",    false, false, 1},
    { -4, "ERR_NOT_LEADER",  true,  false, 1},
    { -5, "ERR_TIMEOUT",     true,  true,  3},
    { -6, "ERR_IO",          false, false, 1},
    { -7, "ERR_NO_QUORUM",   true,  false, 4},
    { -8, "ERR_BUSY",        true,  false, 1},
    { -9, "ERR_CORRUPT",     false, false, 1},
    {-10, "ERR_NO_SPACE",    true,  false, 1},
    {-11, "ERR_QUOTA",       false, false, 1},
    {-12, "ERR_EXISTS",      false, false, 1},
    {-13, "ERR_EXPIRED",     false, true,  3},
    {-14, "ERR_COMPACTED",   false, false, 1},
    {-15, "ERR_REFUSED",     false, false, 1},
    {-16, "ERR_DENIED",      false, false, 1},
    {-17, "ERR_CANCELED",    false, true,  3},
    {-18, "ERR_CLOSED",      true,  false, 1},
    {-19, "ERR_PROTOCOL",    false, false, 1},
    {-20, "ERR_VERSION",     false, false, 1},
    {-21, "ERR_LOCKED",      false, false, 1},
    {-22, "ERR_SYSTEM",      false, false, 1},
    {-23, "ERR_TOO_LARGE",   false, false, 1},
    {-24, "ERR_LOST_LEADER", true,  true,  3},
    {-25, "ERR_USAGE",       false, false, 2},
};

static const int codes[] = {
#define CODE_OF_ROW(code, value, retry, applied, exit, text) code,
    ERR_MAP(CODE_OF_ROW)
#undef CODE_OF_ROW
};
// clang-format on

static void the_codes_run_from_minus_one_without_a_hole(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        assert_int_equal(codes[i], -(int)i - 1);
    }
}

static void every_code_is_what_was_promised(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_LEN(codes), ARRAY_LEN(promised)); /* a new code is promised here too */
    for (size_t i = 0; i < ARRAY_LEN(promised); i++) {
        int value = promised[i].value;
        assert_string_equal(err_name(value), promised[i].name);
        assert_int_equal(err_may_retry(value), promised[i].retry);
        assert_int_equal(err_may_be_applied(value), promised[i].applied);
        assert_int_equal(err_exit_status(value), promised[i].exit_status);
    }
}

static void the_columns_of_a_row_agree_with_each_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        int code = codes[i];
        int status = err_exit_status(code);
        assert_in_range(status, 1, 4);
        /* "outcome unknown" is told to the operator exactly when it is unknown */
        assert_int_equal(status == 3, err_may_be_applied(code));
        assert_int_equal(status == 4, code == ERR_NO_QUORUM);
        if (status == 2) {
            assert_false(err_may_retry(code)); /* wrong usage stays wrong */
        }
    }
}

static void names_and_texts_are_unique_and_fit_into_a_log_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        const char *name = err_name(codes[i]);
        const char *text = err_text(codes[i]);
        assert_int_equal(strncmp(name, "ERR_", 4), 0);
        assert_true(strlen(text) > 0 && strlen(text) < 80);
        assert_true(islower((unsigned char)text[0]));
        assert_true(text[strlen(text) - 1] != '.');
        for (const char *at = text; *at != '\0'; at++) {
            assert_true(isprint((unsigned char)*at));
        }
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(name, err_name(codes[j]));
            assert_string_not_equal(text, err_text(codes[j]));
        }
    }
}

static void zero_is_success(void **state)
{
    (void)state;
    assert_string_equal(err_name(0), "OK");
    assert_string_equal(err_text(0), "done");
    assert_false(err_may_retry(0));
    assert_false(err_may_be_applied(0));
    assert_int_equal(err_exit_status(0), 0);
}

static void an_unknown_code_counts_as_an_unknown_outcome(void **state)
{
    (void)state;
    const int unknown[] = {-(int)ARRAY_LEN(codes) - 1, -1000, INT_MIN, INT_MIN + 1, 1, INT_MAX};
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        assert_string_equal(err_name(unknown[i]), "ERR_UNKNOWN");
        assert_string_equal(err_text(unknown[i]), "an error this version does not know");
        assert_false(err_may_retry(unknown[i]));
        assert_true(err_may_be_applied(unknown[i]));
        assert_int_equal(err_exit_status(unknown[i]), 3);
    }
}

static void set_fills_code_and_message_and_returns_the_code(void **state)
{
    (void)state;
    struct err err;
    memset(&err, 0xee, sizeof(err));
    assert_int_equal(err_set(&err, ERR_IO, "commit %s: %d", "env", 5), ERR_IO);
    assert_int_equal(err.code, ERR_IO);
    assert_string_equal(err.msg, "commit env: 5");
    assert_int_equal(err_set(&err, ERR_BUSY, "%s", ""), ERR_BUSY); /* the new one counts */
    assert_int_equal(err.code, ERR_BUSY);
    assert_string_equal(err.msg, "");
    assert_int_equal(err_set(&err, -999, "from a newer peer"), -999);
    assert_int_equal(err.code, -999);
}

static void nobody_has_to_want_the_message(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, ERR_IO, "%s", "x"), ERR_IO);
    assert_int_equal(err_errno(NULL, ENOENT, "open %s", "x"), ERR_NOT_FOUND);
    err_wrap(NULL, "open %s", "x");
}

static void success_is_no_error(void **state)
{
    (void)state;
    struct err err = {0};
    ASSERT_DIES("code < 0", (void)err_set(&err, 0, "fine"));
    ASSERT_DIES("code < 0", (void)err_set(&err, 1, "fine"));
    ASSERT_DIES("code < 0", (void)err_set(NULL, 0, "fine"));
    ASSERT_DIES("code < 0", err_wrap(&err, "there is none"));
}

static void fill(char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        text[i] = (char)('a' + i % 26);
    }
    text[length] = '\0';
}

static void a_message_is_whole_or_ends_in_dots(void **state)
{
    (void)state;
    char text[ERR_MSG_MAX * 4];
    for (size_t length = 0; length < sizeof(text); length++) {
        fill(text, length);
        struct {
            struct err err;
            char guard[8];
        } in;
        memset(&in, 0x55, sizeof(in));
        assert_int_equal(err_set(&in.err, ERR_INVALID, "%s", text), ERR_INVALID);
        if (length < ERR_MSG_MAX) {
            assert_string_equal(in.err.msg, text);
        } else {
            assert_int_equal(strlen(in.err.msg), ERR_MSG_MAX - 1);
            assert_memory_equal(in.err.msg, text, ERR_MSG_MAX - 4);
            assert_string_equal(in.err.msg + ERR_MSG_MAX - 4, "...");
        }
        assert_memory_equal(in.guard, "\x55\x55\x55\x55\x55\x55\x55\x55", 8);
    }
}

static void a_message_may_be_made_of_itself(void **state)
{
    (void)state;
    struct err err;
    (void)err_set(&err, ERR_IO, "inner");
    (void)err_set(&err, ERR_CORRUPT, "outer: %s: %s", err.msg, err.msg);
    assert_string_equal(err.msg, "outer: inner: inner");
    err_wrap(&err, "read %s", err.msg);
    assert_string_equal(err.msg, "read outer: inner: inner: outer: inner: inner");
    assert_int_equal(err.code, ERR_CORRUPT);
    (void)err_errno(&err, EIO, "%.4s", err.msg);
    assert_string_equal(err.msg, "read: Input/output error");
}

static void wrapping_puts_context_before_the_message_and_keeps_the_code(void **state)
{
    (void)state;
    struct err err;
    (void)err_set(&err, ERR_NO_SPACE, "MDB_MAP_FULL 100%% of %s", "map"); /* %% becomes % ... */
    err_wrap(&err, "commit revision %d", 7);
    err_wrap(&err, "put"); /* ... and is no conversion later */
    assert_int_equal(err.code, ERR_NO_SPACE);
    assert_string_equal(err.msg, "put: commit revision 7: MDB_MAP_FULL 100% of map");
}

static void wrapping_a_long_message_cuts_its_end_not_the_context(void **state)
{
    (void)state;
    char text[ERR_MSG_MAX * 2];
    fill(text, sizeof(text) - 1);
    struct err err;
    (void)err_set(&err, ERR_IO, "%s", text);
    err_wrap(&err, "load snapshot");
    assert_int_equal(strncmp(err.msg, "load snapshot: abcdef", 21), 0);
    assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
    assert_string_equal(err.msg + ERR_MSG_MAX - 4, "...");
    err_wrap(&err, "%s", text); /* a context that fills the message alone */
    assert_int_equal(err.code, ERR_IO);
    assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
    assert_memory_equal(err.msg, text, ERR_MSG_MAX - 4);
    assert_string_equal(err.msg + ERR_MSG_MAX - 4, "...");
}

static void an_errno_becomes_the_code_that_says_what_to_do(void **state)
{
    (void)state;
    static const struct {
        int errnum;
        int code;
        const char *msg;
    } rows[] = {
        {ENOSPC, ERR_NO_SPACE, "open x: No space left on device"},
        {EDQUOT, ERR_NO_SPACE, "open x: Disk quota exceeded"},
        {EACCES, ERR_DENIED, "open x: Permission denied"},
        {EPERM, ERR_DENIED, "open x: Operation not permitted"},
        {ENOENT, ERR_NOT_FOUND, "open x: No such file or directory"},
        {EEXIST, ERR_EXISTS, "open x: File exists"},
        {EIO, ERR_IO, "open x: Input/output error"},
        {EAGAIN, ERR_SYSTEM, "open x: Resource temporarily unavailable"},
        {ENOMEM, ERR_SYSTEM, "open x: Cannot allocate memory"},
        {0, ERR_SYSTEM, "open x: Success"},
        {4095, ERR_SYSTEM, "open x: error 4095"},
        {-2, ERR_SYSTEM, "open x: error -2"}, /* a negated errno is none */
        {INT_MIN, ERR_SYSTEM, "open x: error -2147483648"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};
        assert_int_equal(err_errno(&err, rows[i].errnum, "open %s", "x"), rows[i].code);
        assert_int_equal(err.code, rows[i].code);
        assert_string_equal(err.msg, rows[i].msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_codes_run_from_minus_one_without_a_hole),
        cmocka_unit_test(every_code_is_what_was_promised),
        cmocka_unit_test(the_columns_of_a_row_agree_with_each_other),
        cmocka_unit_test(names_and_texts_are_unique_and_fit_into_a_log_line),
        cmocka_unit_test(zero_is_success),
        cmocka_unit_test(an_unknown_code_counts_as_an_unknown_outcome),
        cmocka_unit_test(set_fills_code_and_message_and_returns_the_code),
        cmocka_unit_test(nobody_has_to_want_the_message),
        cmocka_unit_test(success_is_no_error),
        cmocka_unit_test(a_message_is_whole_or_ends_in_dots),
        cmocka_unit_test(a_message_may_be_made_of_itself),
        cmocka_unit_test(wrapping_puts_context_before_the_message_and_keeps_the_code),
        cmocka_unit_test(wrapping_a_long_message_cuts_its_end_not_the_context),
        cmocka_unit_test(an_errno_becomes_the_code_that_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
