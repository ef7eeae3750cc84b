/* tests/unit/test_scalar.c - values read from text: what is taken, what is refused, and printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "config/scalar.h"

static void test_bool(void **state)
{
    (void)state;
    static const char *const yes[] = {"true", "True", "YES", "on"};
    static const char *const no[] = {"false", "no", "Off"};
    bool value = false;
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        assert_int_equal(scalar_bool(yes[i], &value, NULL), 0);
        assert_true(value);
    }
    for (size_t i = 0; i < ARRAY_LEN(no); i++) {
        assert_int_equal(scalar_bool(no[i], &value, NULL), 0);
        assert_false(value);
    }
    struct err err;
    assert_int_equal(scalar_bool("1", &value, &err), ERR_INVALID);
    assert_string_equal(err.msg, "\"1\" is neither true nor false");
}

static const struct {
    const char *text;
    bool fine;
    uint64_t ms;
    const char *printed;
} durations[] = {
    {"30", true, 30000, "30s"},
    {"0.5", true, 500, "500ms"},
    {"500ms", true, 500, "500ms"},
    {"1.5s", true, 1500, "1500ms"},
    {"2min", true, 120000, "2min"},
    {"0.25min", true, 15000, "15s"},
    {"36h", true, 129600000, "36h"},
    {"2d", true, 172800000, "2d"},
    {"0", true, 0, "0ms"},
    {"0.001", true, 1, "1ms"},
    {"0.0001", false, 0, ""},
    {"1.5ms", false, 0, ""},
    {"5m", false, 0, ""},
    {"", false, 0, ""},
    {"-1", false, 0, ""},
    {"1.", false, 0, ""},
    {".5", false, 0, ""},
    {"1 s", false, 0, ""},
    {"1e3", false, 0, ""},
    {"99999999999999999999", false, 0, ""},
    {"18446744073709551615", false, 0, ""},
};

static void test_durations(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(durations); i++) {
        uint64_t ms = 77;
        assert_int_equal(scalar_duration_ms(durations[i].text, &ms, NULL) == 0, durations[i].fine);
        assert_int_equal(ms, durations[i].fine ? durations[i].ms : 77);
        CLEANUP(buf_close) struct buf printed = {0};
        scalar_print_duration(ms, &printed);
        assert_string_equal(buf_text(&printed), durations[i].fine ? durations[i].printed : "77ms");
    }
    struct err err;
    uint64_t ms = 0;
    assert_int_equal(scalar_duration_ms("5m", &ms, &err), ERR_INVALID);
    assert_string_equal(err.msg,
                        "\"5m\" is no duration; write seconds, or a number with ms, s, min, h or "
                        "d: 500ms");
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool fine;
        uint64_t bytes;
        const char *printed;
    } sizes[] = {
        {"67108864", true, UINT64_C(64) << 20, "64MiB"},
        {"64MiB", true, UINT64_C(64) << 20, "64MiB"},
        {"1.5KiB", true, 1536, "1536"},
        {"1GiB", true, UINT64_C(1) << 30, "1GiB"},
        {"25000000", true, 25000000, "25000000"},
        {"12B", true, 12, "12"},
        {"0", true, 0, "0"},
        {"64MB", false, 0, ""},
        {"64M", false, 0, ""},
        {"64mib", false, 0, ""},
        {"0.5", false, 0, ""},
        {"18446744073709551615KiB", false, 0, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        uint64_t bytes = 0;
        assert_int_equal(scalar_size_bytes(sizes[i].text, &bytes, NULL) == 0, sizes[i].fine);
        assert_int_equal(bytes, sizes[i].bytes);
        CLEANUP(buf_close) struct buf printed = {0};
        scalar_print_size(bytes, &printed);
        assert_string_equal(buf_text(&printed), sizes[i].fine ? sizes[i].printed : "0");
    }
}

static void test_numbers_and_modes(void **state)
{
    (void)state;
    uint64_t value = 0;
    struct err err;
    assert_int_equal(scalar_number("18446744073709551615", &value, NULL), 0);
    assert_true(value == UINT64_MAX);
    assert_int_equal(scalar_number("18446744073709551616", &value, &err), ERR_INVALID);
    assert_string_equal(err.msg, "\"18446744073709551616\" is no whole number");
    assert_int_equal(scalar_number("1_000", &value, NULL), ERR_INVALID);
    assert_int_equal(scalar_mode("0640", &value, NULL), 0);
    assert_int_equal(value, 0640);
    assert_int_equal(scalar_mode("0o600", &value, NULL), 0);
    assert_int_equal(value, 0600);
    static const char *const wrong[] = {"640", "416", "0", "00", "0980", "0x10", "064000", ""};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(scalar_mode(wrong[i], &value, NULL), ERR_INVALID);
    }
}

static const struct {
    const char *text;
    bool wildcard;
    const char *address; /* NULL: refused */
    const char *says;
} addresses[] = {
    {"10.0.0.1:7400", false, "10.0.0.1:7400", ""},
    {"10.0.0.1", false, "10.0.0.1:7400", ""},
    {"pg1.example.org", false, "pg1.example.org:7400", ""},
    {"[::1]:1", false, "[::1]:1", ""},
    {"[fe80::1%eth0]", false, "[fe80::1%eth0]:7400", ""},
    {"*", true, "*:7400", ""},
    {"*:80", true, "*:80", ""},
    {"0.0.0.0:80", false, "0.0.0.0:80", ""},
    {"*:80", false, NULL, "\"*:80\": nobody can connect to \"*\""},
    {"::1", false, NULL, "\"::1\" is no address; an IPv6 address stands in brackets: [::1]:7400"},
    {"a:0", false, NULL,
     "\"a:0\" is no address: has to end in a port from 1 to 65535: \"host:7400\""},
    {"a:65536", false, NULL,
     "\"a:65536\" is no address: has to end in a port from 1 to 65535: \"host:7400\""},
    {"*:65536", true, NULL,
     "\"*:65536\" is no address: has to end in a port from 1 to 65535: \"host:7400\""},
    {"*x:1", true, NULL,
     "\"*x:1\" is no address: before the port stands a host name, an IPv4 address or, in brackets, "
     "an IPv6 address"},
    {"", false, NULL,
     "\"\" is no address: before the port stands a host name, an IPv4 address or, in brackets, an "
     "IPv6 address"},
};

static void test_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        CLEANUP(buf_close) struct buf out = {0};
        struct err err = {0};
        int rc = scalar_address(addresses[i].text, 7400, addresses[i].wildcard, &out, &err);
        assert_int_equal(rc, addresses[i].address != NULL ? 0 : ERR_INVALID);
        assert_string_equal(err.msg, addresses[i].says);
        assert_string_equal(buf_text(&out),
                            addresses[i].address != NULL ? addresses[i].address : "");
    }
}

static void test_kinds_of_addresses(void **state)
{
    (void)state;
    static const char *const everywhere[] = {"*:1", "0.0.0.0:1", "[::]:1"};
    static const char *const loopback[] = {"127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "localhost:1"};
    static const char *const others[] = {"10.0.0.1:1", "[::2]:1", "127.example.org:1", "pg1:1"};
    for (size_t i = 0; i < ARRAY_LEN(everywhere); i++) {
        assert_true(scalar_is_wildcard(everywhere[i]));
        assert_false(scalar_is_loopback(everywhere[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(loopback); i++) {
        assert_true(scalar_is_loopback(loopback[i]));
        assert_false(scalar_is_wildcard(loopback[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_false(scalar_is_loopback(others[i]));
        assert_false(scalar_is_wildcard(others[i]));
    }
}

static void test_hosts_and_networks(void **state)
{
    (void)state;
    static const char *const fine[] = {"10.0.0.1",  "::1",      "pg1.example.org", "10.0.0.0/8",
                                       "0.0.0.0/0", "fd00::/8", "::/128",          "a-b_c"};
    static const char *const wrong[] = {"",    "10.0.0.0/33", "fd00::/129", "10.0.0/8",
                                        "a/8", "10.0.0.1:80", "[::1]",      "10.0.0.256",
                                        "a b", "-a",          "10.0.0.0/",  "10.0.0.0/-1"};
    for (size_t i = 0; i < ARRAY_LEN(fine); i++) {
        assert_int_equal(scalar_host_or_network(fine[i], NULL), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(scalar_host_or_network(wrong[i], NULL), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bool),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_numbers_and_modes),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_kinds_of_addresses),
        cmocka_unit_test(test_hosts_and_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
