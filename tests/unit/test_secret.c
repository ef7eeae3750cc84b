/* tests/unit/test_secret.c - a secret is kept, compared, left out of core dumps and wiped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/secret.h"

static bool is_watching;
static size_t unmapped;
static size_t nonzero_at_unmap;

/* Stands before libc's: the last moment at which the pages of a secret can be looked at. */
int munmap(void *addr, size_t len)
{
    if (is_watching) {
        const char *bytes = addr;
        unmapped += len;
        for (size_t i = 0; i < len; i++) {
            nonzero_at_unmap += bytes[i] != 0;
        }
    }
    return (int)syscall(SYS_munmap, addr, len);
}

static void watch(void)
{
    unmapped = 0;
    nonzero_at_unmap = 0;
    is_watching = true;
}

static void zeroed_is_empty(void **state)
{
    (void)state;
    struct secret s = {0};
    assert_false(secret_is_set(&s));
    assert_int_equal(0, secret_size(&s));
    assert_string_equal("", secret_reveal(&s));
    secret_close(&s);
    secret_close(&s);
    secret_close(NULL);
}

static void keeps_any_bytes(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 7, 4095, 4096, 4097, 70000};
    CLEANUP(mem_freep) char *bytes = mem_alloc(70000);
    for (size_t i = 0; i < 70000; i++) {
        bytes[i] = (char)(i * 7);
    }
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        CLEANUP(secret_close) struct secret s = {0};
        secret_set(&s, bytes, sizes[i]);
        assert_true(secret_is_set(&s));
        assert_int_equal(sizes[i], secret_size(&s));
        assert_memory_equal(bytes, secret_reveal(&s), sizes[i]);
        assert_int_equal('\0', secret_reveal(&s)[sizes[i]]);
    }
}

static void set_replaces(void **state)
{
    (void)state;
    CLEANUP(secret_close) struct secret s = {0};
    secret_set(&s, "first one", 9);
    secret_set(&s, "two", 3);
    assert_string_equal("two", secret_reveal(&s));
    secret_set(&s, secret_reveal(&s) + 1, 2); /* out of itself */
    assert_string_equal("wo", secret_reveal(&s));
    secret_set(&s, "", 0);
    assert_false(secret_is_set(&s));
    assert_string_equal("", secret_reveal(&s));
}

static void equality(void **state)
{
    (void)state;
    static const struct {
        const char *a;
        const char *b;
        bool equal;
    } rows[] = {
        {"", "", true},
        {"", "x", false},
        {"x", "", false},
        {"secret", "secret", true},
        {"secret", "Secret", false},
        {"secret", "secreT", false},
        {"secret", "secret1", false},
        {"sEcret", "seCret", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(secret_close) struct secret a = {0};
        CLEANUP(secret_close) struct secret b = {0};
        secret_set(&a, rows[i].a, strlen(rows[i].a));
        secret_set(&b, rows[i].b, strlen(rows[i].b));
        if (secret_equals(&a, &b) != rows[i].equal) {
            fail_msg("\"%s\" and \"%s\"", rows[i].a, rows[i].b);
        }
    }
}

static void wiped_before_it_is_freed(void **state)
{
    (void)state;
    struct secret s = {0};
    secret_set(&s, "hunter2", 7);
    watch();
    secret_close(&s);
    is_watching = false;
    assert_true(unmapped >= 8);
    assert_int_equal(0, nonzero_at_unmap);
    assert_false(secret_is_set(&s));

    secret_set(&s, "hunter2", 7);
    watch();
    secret_set(&s, "hunter3", 7); /* the old one goes the same way */
    is_watching = false;
    assert_true(unmapped >= 8);
    assert_int_equal(0, nonzero_at_unmap);
    secret_close(&s);
}

/* The VmFlags line of the mapping that holds @ptr. */
static void mapping_flags(const void *ptr, char out[512])
{
    FILE *maps = fopen("/proc/self/smaps", "re");
    assert_non_null(maps);
    char line[512];
    bool is_here = false;
    out[0] = '\0';
    while (fgets(line, sizeof(line), maps) != NULL) {
        char *after = NULL;
        unsigned long long first = strtoull(line, &after, 16);
        if (after > line && *after == '-') { /* "7f00-7f08 rw-p ...": a mapping */
            is_here = (uintptr_t)ptr >= first && (uintptr_t)ptr < strtoull(after + 1, NULL, 16);
        } else if (is_here && strncmp(line, "VmFlags:", 8) == 0) {
            (void)snprintf(out, 512, "%s", line);
        }
    }
    (void)fclose(maps);
}

static void left_out_of_core_dumps(void **state)
{
    (void)state;
    CLEANUP(secret_close) struct secret s = {0};
    secret_set(&s, "hunter2", 7);
    char flags[512];
    mapping_flags(secret_reveal(&s), flags);
    if (flags[0] == '\0') {
        skip(); /* a kernel that does not tell */
    }
    assert_non_null(strstr(flags, " dd"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zeroed_is_empty),
        cmocka_unit_test(keeps_any_bytes),
        cmocka_unit_test(set_replaces),
        cmocka_unit_test(equality),
        cmocka_unit_test(wiped_before_it_is_freed),
        cmocka_unit_test(left_out_of_core_dumps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
