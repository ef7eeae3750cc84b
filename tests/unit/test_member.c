/* tests/unit/test_member.c - a member's line says one thing, and nothing else reads as one.
 *
 * Tables of what is allowed and what is not; every prefix of a good line and every change of one
 * byte in it is refused or says something else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "proto/member.h"

static const char line[] =
    "member/1 name=pg1 address=10.0.0.1:7400 kind=database site=fra id=00c0ffee00c0ffee";

static struct member_info pg1(void)
{
    struct member_info info = {.name = "pg1",
                               .address = "10.0.0.1:7400",
                               .kind = MEMBER_DATABASE,
                               .site = "fra",
                               .id = 0xc0ffee00c0ffee};
    return info;
}

static void there_and_back(void **state)
{
    (void)state;
    struct member_info info = pg1();
    char text[MEMBER_TEXT_SIZE];
    assert_string_equal(member_info_encode(&info, text), line);
    struct member_info again;
    assert_int_equal(member_info_decode(text, &again, NULL), 0);
    assert_string_equal(again.name, "pg1");
    assert_string_equal(again.address, "10.0.0.1:7400");
    assert_string_equal(again.site, "fra");
    assert_int_equal(again.kind, MEMBER_DATABASE);
    assert_int_equal(again.id, 0xc0ffee00c0ffee);

    info.kind = MEMBER_WITNESS;
    info.site[0] = '\0';
    info.id = UINT64_MAX;
    (void)snprintf(info.address, sizeof(info.address), "[fe80::1%%eth0]:1");
    assert_string_equal(
        member_info_encode(&info, text),
        "member/1 name=pg1 address=[fe80::1%eth0]:1 kind=witness site= id=ffffffffffffffff");
    assert_int_equal(member_info_decode(text, &again, NULL), 0);
    assert_int_equal(again.id, UINT64_MAX);
    assert_int_equal(again.kind, MEMBER_WITNESS);
    assert_string_equal(again.site, "");
}

static void the_longest_fits(void **state)
{
    (void)state;
    struct member_info info = pg1();
    memset(info.name, 'n', MEMBER_NAME_MAX);
    memset(info.address, 'a', MEMBER_ADDRESS_MAX);
    memcpy(info.address + MEMBER_ADDRESS_MAX - 6, ":65535", 7);
    memset(info.site, 's', MEMBER_SITE_MAX);
    info.name[MEMBER_NAME_MAX] = '\0';
    info.site[MEMBER_SITE_MAX] = '\0';
    char text[MEMBER_TEXT_SIZE];
    struct member_info again;
    assert_int_equal(member_info_decode(member_info_encode(&info, text), &again, NULL), 0);
    assert_string_equal(again.address, info.address);
}

static void what_may_be_a_name(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "pg1", "PG-1.example_x", "_x", "1"};
    static const char *const bad[] = {"",    "-a",  ".a",       "a b", "a=b",
                                      "a/b", "a,b", "\xc3\xa4", "a\n"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(member_name_check(good[i], NULL), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err;
        assert_int_equal(member_name_check(bad[i], &err), ERR_INVALID);
        assert_int_equal(strncmp(err.msg, "name: ", 6), 0);
    }
    char text[MEMBER_NAME_MAX + 2];
    memset(text, 'x', sizeof(text));
    text[MEMBER_NAME_MAX + 1] = '\0';
    assert_int_equal(member_name_check(text, NULL), ERR_INVALID);
    text[MEMBER_NAME_MAX] = '\0';
    assert_int_equal(member_name_check(text, NULL), 0);
}

static void what_may_be_an_address(void **state)
{
    (void)state;
    static const char *const good[] = {"h:1", "10.0.0.1:65535", "pg1.example.org:7400",
                                       "[::1]:7400", "[fe80::1%eth0]:7400"};
    static const char *const bad[] = {
        "",         "h",     "h:",   ":1",   "h:0",   "h:01",   "h:65536", "h:99999999999", "h:1x",
        "::1:7400", "[::1]", "[]:1", "-h:1", "h h:1", "[::1:7", "h=:1",    "h:+1"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(member_address_check(good[i], NULL), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err;
        assert_int_equal(member_address_check(bad[i], &err), ERR_INVALID);
        assert_int_equal(strncmp(err.msg, "address: ", 9), 0);
    }
}

static void what_is_not_a_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
    } table[] = {
        {"", ERR_PROTOCOL},
        {"n1", ERR_PROTOCOL},
        {"member/2 whatever", ERR_VERSION},
        {"member/1 name=pg1", ERR_PROTOCOL},
        {"member/1 address=h:1 name=pg1 kind=database site= id=0000000000000001", ERR_PROTOCOL},
        {"member/1 name=pg1 address=h:1 kind=primary site= id=0000000000000001", ERR_PROTOCOL},
        {"member/1 name=pg1 address=h:1 kind=database site= id=1", ERR_PROTOCOL},
        {"member/1 name=pg1 address=h:1 kind=database site= id=0000000000000000", ERR_PROTOCOL},
        {"member/1 name=pg1 address=h:1 kind=database site= id=000000000000000A", ERR_PROTOCOL},
        {"member/1 name=pg1 address=h:1 kind=database site= id=0000000000000001 ", ERR_PROTOCOL},
        {"member/1 name=pg1 address=h:1 kind=database site= id=0000000000000001 x=y", ERR_PROTOCOL},
        {"member/1 name= address=h:1 kind=database site= id=0000000000000001", ERR_PROTOCOL},
        {"member/1  name=pg1 address=h:1 kind=database site= id=0000000000000001", ERR_PROTOCOL},
        {"member/1 name=pg1 address=h kind=database site= id=0000000000000001", ERR_PROTOCOL},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct err err = {0};
        struct member_info info = pg1();
        assert_int_equal(member_info_decode(table[i].text, &info, &err), table[i].code);
        assert_int_equal(err.code, table[i].code);
        assert_string_equal(info.name, "pg1"); /* untouched */
    }
}

static void one_byte_less_or_another(void **state)
{
    (void)state;
    char text[MEMBER_TEXT_SIZE];
    char again[MEMBER_TEXT_SIZE];
    struct member_info info;
    for (size_t size = 0; size < strlen(line); size++) {
        memcpy(text, line, size);
        text[size] = '\0';
        assert_int_not_equal(member_info_decode(text, &info, NULL), 0);
    }
    for (size_t at = 0; at < strlen(line); at++) {
        for (int byte = 1; byte < 256; byte++) {
            memcpy(text, line, sizeof(line));
            text[at] = (char)byte;
            if (member_info_decode(text, &info, NULL) == 0) {
                assert_string_equal(member_info_encode(&info, again), text);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),     cmocka_unit_test(the_longest_fits),
        cmocka_unit_test(what_may_be_a_name), cmocka_unit_test(what_may_be_an_address),
        cmocka_unit_test(what_is_not_a_line), cmocka_unit_test(one_byte_less_or_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
