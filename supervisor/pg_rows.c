/* supervisor/pg_rows.c - reads PostgreSQL's own notations. */
#include "supervisor/pg_rows.h"

#include <string.h>

#define LSN_HALF_DIGITS 8

const char *pg_rows_text(const struct pg_rows *rows, uint32_t row, uint32_t column)
{
    if (row >= rows->count || column >= rows->columns) {
        return NULL;
    }
    return rows->cells[(size_t)row * rows->columns + column];
}

bool pg_text_bool(const char *text, bool *ret_value)
{
    if (text == NULL || (strcmp(text, "t") != 0 && strcmp(text, "f") != 0)) {
        return false;
    }
    *ret_value = text[0] == 't';
    return true;
}

bool pg_text_u64(const char *text, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (text == NULL || text[0] == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(*text - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *ret_value = value;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'A' && c <= 'F') {
        return c - 'A' + 10;
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One to eight hex digits; returns how many there are, 0: none, or too many. */
static size_t read_half(const char *text, uint32_t *ret_value)
{
    uint32_t value = 0;
    size_t count = 0;
    for (int digit; (digit = hex_digit(text[count])) >= 0; count++) {
        if (count == LSN_HALF_DIGITS) {
            return 0;
        }
        value = value << 4 | (uint32_t)digit;
    }
    *ret_value = value;
    return count;
}

bool pg_text_lsn(const char *text, uint64_t *ret_value)
{
    uint32_t high;
    uint32_t low;
    if (text == NULL) {
        return false;
    }
    size_t used = read_half(text, &high);
    if (used == 0 || text[used] != '/') {
        return false;
    }
    const char *rest = text + used + 1;
    used = read_half(rest, &low);
    if (used == 0 || rest[used] != '\0') {
        return false;
    }
    *ret_value = (uint64_t)high << 32 | low;
    return true;
}

bool pg_text_timeline(const char *text, uint32_t *ret_timeline)
{
    uint32_t value;
    if (text == NULL || strlen(text) != LSN_HALF_DIGITS || read_half(text, &value) == 0 ||
        strlen(text) != read_half(text, &value) || value == 0) {
        return false;
    }
    *ret_timeline = value;
    return true;
}
