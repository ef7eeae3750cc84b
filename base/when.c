/* base/when.c - a moment that a person wrote: read and written without the C library's calendar,
 * whose answers depend on the process's own zone. */
#include "base/when.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define YEAR_MIN 1970
#define S_PER_MIN 60
#define S_PER_HOUR 3600
#define S_PER_DAY 86400
#define MIN_PER_HOUR 60
#define ZONE_MAX_MIN (14 * MIN_PER_HOUR) /* none is further */

/* Reads exactly @digits of them, up to @most. */
static bool take(const char **at, int digits, uint32_t most, uint32_t *out)
{
    uint32_t number = 0;
    for (int i = 0; i < digits; i++) {
        if (isdigit((unsigned char)(*at)[i]) == 0) {
            return false;
        }
        number = number * 10 + (uint32_t)((*at)[i] - '0');
    }
    *at += digits;
    *out = number;
    return number <= most;
}

static bool skip(const char **at, char what)
{
    bool is_it = **at == what;
    *at += is_it ? 1 : 0;
    return is_it;
}

static bool is_leap(uint32_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static uint32_t days_of_month(uint32_t year, uint32_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year) ? 1U : 0U);
}

static uint64_t days_since_1970(uint32_t year, uint32_t month, uint32_t day)
{
    uint64_t days = 0;
    for (uint32_t y = YEAR_MIN; y < year; y++) {
        days += is_leap(y) ? 366 : 365;
    }
    for (uint32_t m = 1; m < month; m++) {
        days += days_of_month(year, m);
    }
    return days + day - 1;
}

/* "2026-12-01". */
static bool take_date(const char **at, uint64_t *ret_days)
{
    uint32_t year = 0;
    uint32_t month = 0;
    uint32_t day = 0;
    bool is_date = take(at, 4, 9999, &year) && skip(at, '-') && take(at, 2, 12, &month) &&
                   skip(at, '-') && take(at, 2, 31, &day) && year >= YEAR_MIN && month > 0 &&
                   day > 0 && day <= days_of_month(year, month);
    *ret_days = is_date ? days_since_1970(year, month, day) : 0;
    return is_date;
}

/* ".5" and ".500" are half a second; what is finer than a millisecond is cut off. */
static bool take_fraction(const char **at, uint32_t *ret_ms)
{
    uint32_t weight = 100;
    if (!skip(at, '.')) {
        return true;
    }
    if (isdigit((unsigned char)**at) == 0) {
        return false;
    }
    for (; isdigit((unsigned char)**at) != 0; (*at)++) {
        *ret_ms += weight * (uint32_t)(**at - '0');
        weight /= 10;
    }
    return true;
}

/* "04:00", "04:00:00", "04:00:00.5". */
static bool take_time(const char **at, uint64_t *ret_ms)
{
    uint32_t hour = 0;
    uint32_t minute = 0;
    uint32_t second = 0;
    uint32_t ms = 0;
    bool is_time = take(at, 2, 23, &hour) && skip(at, ':') && take(at, 2, 59, &minute);
    if (is_time && skip(at, ':')) {
        is_time = take(at, 2, 59, &second) && take_fraction(at, &ms);
    }
    *ret_ms = ((uint64_t)hour * S_PER_HOUR + (uint64_t)minute * S_PER_MIN + second) * MS_PER_S + ms;
    return is_time;
}

/* "", "Z", "UTC", "+01", "+0100", "+01:00". */
static bool take_zone(const char *at, struct when *when)
{
    uint32_t hours = 0;
    uint32_t minutes = 0;
    const char sign = *at;
    while (*at == ' ') {
        at++;
    }
    if (*at == '\0') {
        return sign == '\0';
    }
    when->has_zone = true;
    if (strcmp(at, "Z") == 0 || strcmp(at, "z") == 0 || strcmp(at, "UTC") == 0) {
        return true;
    }
    bool is_west = *at == '-';
    bool is_zone = (skip(&at, '+') || skip(&at, '-')) && take(&at, 2, 14, &hours);
    if (is_zone && *at != '\0') {
        (void)skip(&at, ':');
        is_zone = take(&at, 2, 59, &minutes);
    }
    int32_t zone = (int32_t)(hours * MIN_PER_HOUR + minutes);
    when->zone_min = is_west ? -zone : zone;
    return is_zone && *at == '\0' && zone <= ZONE_MAX_MIN;
}

int when_parse(const char *text, struct when *ret_when, struct err *err)
{
    struct when when = {.has_zone = false};
    const char *at = text;
    uint64_t days = 0;
    uint64_t ms = 0;
    bool is_moment = take_date(&at, &days) &&
                     (skip(&at, 'T') || skip(&at, 't') || skip(&at, ' ')) && take_time(&at, &ms) &&
                     take_zone(at, &when);
    int64_t zone_ms = (int64_t)when.zone_min * S_PER_MIN * (int64_t)MS_PER_S;
    int64_t wall_ms = (int64_t)(days * S_PER_DAY * MS_PER_S + ms) - zone_ms;
    if (!is_moment || wall_ms < 0) {
        return err_set(err, ERR_INVALID, "a moment is expected, such as 2026-12-01T04:00:00+01:00");
    }
    when.wall_ms = (uint64_t)wall_ms;
    *ret_when = when;
    return 0;
}

void when_format(const struct when *when, char out[WHEN_TEXT_SIZE])
{
    int64_t local_s = (int64_t)(when->wall_ms / MS_PER_S) + (int64_t)when->zone_min * S_PER_MIN;
    uint64_t s = local_s > 0 ? (uint64_t)local_s : 0;
    uint64_t days = s / S_PER_DAY;
    uint32_t year = YEAR_MIN;
    uint32_t month = 1;
    uint32_t zone = (uint32_t)(when->zone_min < 0 ? -when->zone_min : when->zone_min);
    while (year < 9999 && days >= (is_leap(year) ? 366U : 365U)) {
        days -= is_leap(year) ? 366 : 365;
        year++;
    }
    while (month < 12 && days >= days_of_month(year, month)) {
        days -= days_of_month(year, month);
        month++;
    }
    (void)snprintf(out, WHEN_TEXT_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u%c%02u:%02u", year % 10000,
                   month % 100, (unsigned)(days + 1) % 100, (unsigned)(s % S_PER_DAY / S_PER_HOUR),
                   (unsigned)(s % S_PER_HOUR / S_PER_MIN), (unsigned)(s % S_PER_MIN),
                   when->zone_min < 0 ? '-' : '+', zone / MIN_PER_HOUR % 100, zone % MIN_PER_HOUR);
}
