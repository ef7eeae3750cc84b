/* bench/store/samples.h - how long each request took, and what that comes to. */
#ifndef BENCH_STORE_SAMPLES_H_
#define BENCH_STORE_SAMPLES_H_

#include <stddef.h>
#include <stdint.h>

struct samples {
    uint32_t *us;
    size_t count;
    size_t room;
};

void samples_add(struct samples *samples, uint64_t ns);
/* Sorts them. */
void samples_sort(struct samples *samples);
/* The one that @percent of them do not exceed, after samples_sort(); 0 if there are none. */
uint32_t samples_percentile(const struct samples *samples, double percent);
/* All of them as they are in memory, for a program that adds up several generators. 0, or -1. */
int samples_write(const struct samples *samples, const char *path);
void samples_close(struct samples *samples);

#endif /* BENCH_STORE_SAMPLES_H_ */
