/* base/clock.c - the machine's clocks, and one that stands until it is told. */
#include "base/clock.h"

#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include "base/must.h"

static clockid_t system_id(enum clock_kind kind)
{
    switch (kind) {
        case CLOCK_MONO:
            return CLOCK_MONOTONIC;
        case CLOCK_BOOT:
            return CLOCK_BOOTTIME;
        case CLOCK_WALL:
            return CLOCK_REALTIME;
    }
    UNREACHABLE("every kind has a row");
}

static uint64_t system_now_ns(const struct clock *clock, enum clock_kind kind)
{
    (void)clock; /* the machine has one of each */
    struct timespec at;
    int rc = clock_gettime(system_id(kind), &at);
    MUST(rc == 0); /* all three exist since Linux 2.6.39 */
    MUST(at.tv_sec >= 0);
    return (uint64_t)at.tv_sec * NS_PER_S + (uint64_t)at.tv_nsec;
}

const struct clock *clock_system(void)
{
    static const struct clock machine = {system_now_ns};
    return &machine;
}

static uint64_t manual_now_ns(const struct clock *clock, enum clock_kind kind)
{
    const struct clock_manual *manual =
        (const struct clock_manual *)(const void *)clock; /* the clock is its first member */
    switch (kind) {
        case CLOCK_MONO:
            return manual->mono_ns;
        case CLOCK_BOOT:
            return manual->boot_ns;
        case CLOCK_WALL:
            return manual->wall_ns;
    }
    UNREACHABLE("every kind has a row");
}
_Static_assert(offsetof(struct clock_manual, clock) == 0, "manual_now_ns() relies on it");

void clock_manual_init(struct clock_manual *manual, uint64_t wall_ns)
{
    *manual = (struct clock_manual){.clock = {manual_now_ns}, .wall_ns = wall_ns};
}

void clock_manual_advance(struct clock_manual *manual, uint64_t by_ns)
{
    manual->mono_ns += by_ns;
    manual->boot_ns += by_ns;
    manual->wall_ns += by_ns;
}

void clock_manual_suspend(struct clock_manual *manual, uint64_t for_ns)
{
    manual->boot_ns += for_ns;
    manual->wall_ns += for_ns;
}

const char *clock_stamp(uint64_t wall_ns, char out[CLOCK_STAMP_SIZE])
{
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    struct tm utc;
    struct tm *done = gmtime_r(&seconds, &utc);
    MUST(done != NULL); /* 2^64 ns end in the year 2554 */
    size_t length = strftime(out, CLOCK_STAMP_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(out + length, CLOCK_STAMP_SIZE - length, ".%03uZ",
                   (unsigned)(wall_ns % NS_PER_S / NS_PER_MS));
    return out;
}
