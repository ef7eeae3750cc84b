/* config/scalar.c - values read and written, one rule for each kind. */
#include "config/scalar.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/mem.h"
#include "base/must.h"
#include "proto/member.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* The largest first, for printing; "B" is never printed. */
static const struct unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1},
};
static const struct unit size_units[] = {
    {"GiB", UINT64_C(1) << 30},
    {"MiB", UINT64_C(1) << 20},
    {"KiB", UINT64_C(1) << 10},
    {"B", 1},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* --- Yes, no, numbers --- */

int scalar_bool(const char *text, bool *ret_value, struct err *err)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *ret_value = i % 2 == 1;
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, "%s is neither true nor false", cli_quoted(text).text);
}

/* The digits at *@at, which moves behind them; false when they are none or too many. */
static bool take_digits(const char **at, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (!is_digit(**at)) {
        return false;
    }
    for (; is_digit(**at); (*at)++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(**at - '0'), &value)) {
            return false;
        }
    }
    *ret_value = value;
    return true;
}

bool scalar_is_null(const char *text)
{
    static const char *const words[] = {"", "~", "null", "Null", "NULL"};
    bool is_it = false;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        is_it = is_it || strcmp(words[i], text) == 0;
    }
    return is_it;
}

int scalar_number(const char *text, uint64_t *ret_value, struct err *err)
{
    const char *at = text;
    uint64_t value = 0;
    if (!take_digits(&at, &value) || *at != '\0') {
        return err_set(err, ERR_INVALID, "%s is no whole number", cli_quoted(text).text);
    }
    *ret_value = value;
    return 0;
}

int scalar_mode(const char *text, uint64_t *ret_mode, struct err *err)
{
    const char *digits = text;
    digits += strncmp(digits, "0o", 2) == 0 ? 2 : 0;
    size_t size = strspn(digits, "01234567");
    if (text[0] != '0' || size < 3 || size > 4 || digits[size] != '\0') {
        return err_set(err, ERR_INVALID, "%s is no mode of a file; write it as 0640",
                       cli_quoted(text).text);
    }
    uint64_t mode = 0;
    for (const char *at = digits; *at != '\0'; at++) {
        mode = mode * 8 + (uint64_t)(*at - '0');
    }
    *ret_mode = mode;
    return 0;
}

/* --- Numbers with a unit --- */

/* @value.@fraction times @factor, where only a whole result counts. @fraction has up to 3 digits
 * and is in thousandths. */
static bool multiply(uint64_t value, uint64_t thousandths, uint64_t factor, uint64_t *ret_value)
{
    uint64_t whole = 0;
    if (__builtin_mul_overflow(value, factor, &whole) || thousandths * factor % 1000 != 0) {
        return false;
    }
    return !__builtin_add_overflow(whole, thousandths * factor / 1000, ret_value);
}

/* "12", "0.5s", "64MiB"; without a unit it is in @plain_factor. */
static bool take_amount(const char *text, const struct unit *units, size_t count,
                        uint64_t plain_factor, uint64_t *ret_value)
{
    uint64_t value = 0;
    uint64_t thousandths = 0;
    const char *at = text;
    if (!take_digits(&at, &value)) {
        return false;
    }
    if (*at == '.') {
        uint64_t place = 100;
        for (at++; is_digit(*at) && place > 0; at++, place /= 10) {
            thousandths += (uint64_t)(*at - '0') * place;
        }
        if (!is_digit(at[-1])) {
            return false;
        }
    }
    if (*at == '\0') {
        return multiply(value, thousandths, plain_factor, ret_value);
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(at, units[i].name) == 0) {
            return multiply(value, thousandths, units[i].factor, ret_value);
        }
    }
    return false;
}

int scalar_duration_ms(const char *text, uint64_t *ret_ms, struct err *err)
{
    if (take_amount(text, duration_units, ARRAY_LEN(duration_units), 1000, ret_ms)) {
        return 0;
    }
    return err_set(err, ERR_INVALID,
                   "%s is no duration; write seconds, or a number with ms, s, min, h or d: 500ms",
                   cli_quoted(text).text);
}

int scalar_size_bytes(const char *text, uint64_t *ret_bytes, struct err *err)
{
    if (take_amount(text, size_units, ARRAY_LEN(size_units), 1, ret_bytes)) {
        return 0;
    }
    return err_set(err, ERR_INVALID,
                   "%s is no size; write bytes, or a number with KiB, MiB or GiB: 64MiB",
                   cli_quoted(text).text);
}

static void print_amount(uint64_t value, const struct unit *units, size_t count, struct buf *out)
{
    size_t i = 0;
    while (i + 1 < count && (value == 0 || value % units[i].factor != 0)) {
        i++;
    }
    const char *name = strcmp(units[i].name, "B") == 0 ? "" : units[i].name;
    buf_printf(out, "%llu%s", (unsigned long long)(value / units[i].factor), name);
}

void scalar_print_duration(uint64_t ms, struct buf *out)
{
    print_amount(ms, duration_units, ARRAY_LEN(duration_units), out);
}

void scalar_print_size(uint64_t bytes, struct buf *out)
{
    print_amount(bytes, size_units, ARRAY_LEN(size_units), out);
}

/* --- Addresses --- */

static size_t count_colons(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += *text == ':' ? 1 : 0;
    }
    return count;
}

/* Everything before the port, which is the whole text when it has none. */
static size_t host_size(const char *text)
{
    const char *colon = text[0] == '[' ? strstr(text, "]:") : strrchr(text, ':');
    if (colon == NULL) {
        return strlen(text);
    }
    return (size_t)(colon - text) + (text[0] == '[' ? 1 : 0);
}

/* What member_address_check() says, without the name of its field. */
static const char *without_field(const char *message)
{
    static const char field[] = "address: ";
    size_t size = sizeof(field) - 1;
    return strncmp(message, field, size) == 0 ? message + size : message;
}

int scalar_address(const char *text, unsigned port, bool wildcard, struct buf *out, struct err *err)
{
    size_t host = host_size(text);
    bool star = host == 1 && text[0] == '*';
    if (text[0] != '[' && count_colons(text) > 1) {
        return err_set(err, ERR_INVALID,
                       "%s is no address; an IPv6 address stands in brackets: [::1]:%u",
                       cli_quoted(text).text, port);
    }
    if (star && !wildcard) {
        return err_set(err, ERR_INVALID, "%s: nobody can connect to \"*\"", cli_quoted(text).text);
    }
    CLEANUP(buf_close) struct buf full = {0};
    buf_str(&full, star ? "h" : ""); /* in place of the star, for the check alone */
    buf_str(&full, star ? text + 1 : text);
    if (text[host] == '\0') {
        buf_printf(&full, ":%u", port);
    }
    struct err why;
    if (member_address_check(buf_text(&full), &why) != 0) {
        return err_set(err, ERR_INVALID, "%s is no address: %s", cli_quoted(text).text,
                       without_field(why.msg));
    }
    buf_str(out, star ? "*" : "");
    buf_str(out, buf_text(&full) + (star ? 1 : 0));
    return 0;
}

static bool host_is(const char *address, const char *host)
{
    size_t size = host_size(address);
    return strlen(host) == size && strncasecmp(address, host, size) == 0;
}

bool scalar_is_wildcard(const char *address)
{
    return host_is(address, "*") || host_is(address, "0.0.0.0") || host_is(address, "[::]");
}

bool scalar_is_loopback(const char *address)
{
    return host_is(address, "localhost") || host_is(address, "[::1]") ||
           (strncmp(address, "127.", 4) == 0 &&
            strspn(address, "0123456789.") == host_size(address));
}

/* --- Hosts and networks --- */

static bool is_ip(int family, const char *text)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(family, text, bytes) == 1;
}

static bool is_host_name(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t size = strlen(text);
    bool number = strspn(text, "0123456789.") == size; /* an address that is none */
    return size > 0 && size <= 255 && strspn(text, allowed) == size && !number && text[0] != '-';
}

static bool is_network(const char *text)
{
    const char *slash = strchr(text, '/');
    if (slash == NULL) {
        return false;
    }
    uint64_t bits = 0;
    CLEANUP(mem_freep) char *host = mem_printf("%.*s", (int)(slash - text), text);
    return scalar_number(slash + 1, &bits, NULL) == 0 &&
           ((is_ip(AF_INET, host) && bits <= 32) || (is_ip(AF_INET6, host) && bits <= 128));
}

int scalar_host_or_network(const char *text, struct err *err)
{
    if (is_ip(AF_INET, text) || is_ip(AF_INET6, text) || is_host_name(text) || is_network(text)) {
        return 0;
    }
    return err_set(err, ERR_INVALID, "%s is neither a host nor a network such as 10.0.0.0/8",
                   cli_quoted(text).text);
}
