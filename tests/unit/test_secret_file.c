/* tests/unit/test_secret_file.c - what stands in the secret's file becomes keys that are the same
 * on every node, or one clear error that does not hold the secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/must.h"
#include "consensus/net/secret_file.h"
#include "tests/lib/scratch.h"

static int parse(const char *text, struct secret_keys *keys, struct err *err)
{
    return secret_file_parse(text, strlen(text), "secret file F", keys, err);
}

static void a_line_is_a_secret(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count;
    } rows[] = {
        {"0123456789abcdef", 1},
        {"0123456789abcdef\n", 1},
        {"  0123456789abcdef \t\r\n\n", 1},
        {"# of 2026\n0123456789abcdef\n# of 2025\nfedcba9876543210\n", 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct secret_keys keys = {0};
        assert_int_equal(parse(rows[i].text, &keys, NULL), 0);
        assert_int_equal(keys.count, rows[i].count);
        struct secret_keys plain = {0};
        assert_int_equal(parse("0123456789abcdef", &plain, NULL), 0);
        assert_string_equal(keys.at[0].name, plain.at[0].name);
        assert_true(secret_equals(&keys.at[0].key, &plain.at[0].key));
        assert_int_equal(secret_size(&keys.at[0].key), SECRET_KEY_SIZE);
        if (keys.count == 2) {
            assert_string_not_equal(keys.at[0].name, keys.at[1].name);
            assert_false(secret_equals(&keys.at[0].key, &keys.at[1].key));
        }
        secret_keys_close(&keys);
        secret_keys_close(&plain);
    }
}

/* Nodes of different versions have to derive the same. The values are RFC 5869's HKDF-SHA256 with
 * salt "pgraft peers 1" and info "key" or "name", computed by another program. */
static void the_keys_are_fixed(void **state)
{
    (void)state;
    static const unsigned char key[SECRET_KEY_SIZE] = {
        0x56, 0xd7, 0xc3, 0x81, 0xed, 0xa5, 0xcd, 0x89, 0x50, 0x4f, 0x6f,
        0x1b, 0x6a, 0x5a, 0xcd, 0x45, 0x69, 0x24, 0xde, 0x3c, 0xd4, 0x45,
        0x52, 0xcc, 0xd6, 0x0f, 0x54, 0x7d, 0x8e, 0x7f, 0xf3, 0x1f,
    };
    struct secret_keys keys = {0};
    assert_int_equal(parse("0123456789abcdef", &keys, NULL), 0);
    assert_memory_equal(secret_reveal(&keys.at[0].key), key, sizeof(key));
    assert_string_equal(keys.at[0].name, "pgraft1-07b07ba871342c70");
    secret_keys_close(&keys);
}

static void what_is_no_secret_is_refused(void **state)
{
    (void)state;
    static char long_line[2000];
    memset(long_line, 'x', sizeof(long_line) - 1);
    const struct {
        const char *text;
        const char *says;
    } rows[] = {
        {"", "no secret"},
        {"\n \n# a comment\n", "no secret"},
        {"too-short-by-1!", "at least 16"},
        {long_line, "at most 1024"},
        {"0123456789abcdef\n0123456789abcdeg\n0123456789abcdeh\n", "more than 2"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct secret_keys keys = {0};
        struct err err = {0};
        assert_int_equal(parse(rows[i].text, &keys, &err), ERR_INVALID);
        assert_non_null(strstr(err.msg, rows[i].says));
        assert_non_null(strstr(err.msg, "secret file F"));
        assert_null(strstr(err.msg, "too-short"));
        assert_int_equal(keys.count, 0);
    }
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "we");
    MUST(file != NULL);
    (void)fputs(text, file);
    int rc = fclose(file);
    MUST(rc == 0);
    rc = chmod(path, mode);
    MUST(rc == 0);
}

static void a_file_is_read_and_its_mode_is_looked_at(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        bool warns;
    } rows[] = {{0600, false}, {0400, false}, {0640, false}, {0644, true}, {0660, true}};
    struct scratch scratch;
    scratch_init(&scratch);
    const char *path = scratch_path(&scratch, "secret");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct secret_keys keys = {0};
        struct buf warnings = {0};
        write_file(path, "0123456789abcdef\n", rows[i].mode);
        assert_int_equal(secret_file_read(path, &keys, &warnings, NULL), 0);
        assert_int_equal(keys.count, 1);
        assert_int_equal(warnings.size > 0, rows[i].warns);
        secret_keys_close(&keys);
        buf_close(&warnings);
        assert_int_equal(unlink(path), 0);
    }
    scratch_close(&scratch);
}

static void a_file_that_is_none_is_refused(void **state)
{
    (void)state;
    struct scratch scratch;
    scratch_init(&scratch);
    struct secret_keys keys = {0};
    struct err err = {0};
    const char *path = scratch_path(&scratch, "secret");
    assert_int_equal(secret_file_read(path, &keys, NULL, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, path));
    assert_int_equal(secret_file_read(scratch.dir, &keys, NULL, &err), ERR_INVALID);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(secret_file_read(path, &keys, NULL, &err),
                     ERR_INVALID); /* and does not wait */
    assert_int_equal(unlink(path), 0);
    FILE *file = fopen(path, "we");
    MUST(file != NULL);
    for (unsigned int i = 0; i < 300; i++) {
        (void)fputs("# 0123456789abcdef\n", file);
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(secret_file_read(path, &keys, NULL, &err), ERR_INVALID);
    assert_non_null(strstr(err.msg, "4096"));
    scratch_close(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_a_secret),
        cmocka_unit_test(the_keys_are_fixed),
        cmocka_unit_test(what_is_no_secret_is_refused),
        cmocka_unit_test(a_file_is_read_and_its_mode_is_looked_at),
        cmocka_unit_test(a_file_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
