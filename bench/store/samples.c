/* bench/store/samples.c - how long each request took, and what that comes to. */
#include "bench/store/samples.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define NS_PER_US UINT64_C(1000)

void samples_add(struct samples *samples, uint64_t ns)
{
    if (samples->count == samples->room) {
        samples->room = samples->room > 0 ? 2 * samples->room : 4096;
        samples->us = mem_grow(samples->us, samples->room, sizeof(*samples->us));
    }
    uint64_t us = ns / NS_PER_US;
    samples->us[samples->count] = us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
    samples->count++;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void samples_sort(struct samples *samples)
{
    if (samples->count > 1) {
        qsort(samples->us, samples->count, sizeof(*samples->us), compare);
    }
}

uint32_t samples_percentile(const struct samples *samples, double percent)
{
    if (samples->count == 0) {
        return 0;
    }
    size_t at = (size_t)((double)samples->count * percent / 100.0);
    return samples->us[at < samples->count ? at : samples->count - 1];
}

int samples_write(const struct samples *samples, const char *path)
{
    FILE *file = fopen(path, "wbe");
    if (file == NULL) {
        return -1;
    }
    size_t written = fwrite(samples->us, sizeof(*samples->us), samples->count, file);
    int closed = fclose(file);
    return written == samples->count && closed == 0 ? 0 : -1;
}

void samples_close(struct samples *samples)
{
    mem_free(samples->us);
    *samples = (struct samples){0};
}
