/* tests/lib/random.h - the only source of chance in tests: one 64-bit seed, one sequence
 * (splitmix64). */
#ifndef TESTS_LIB_RANDOM_H_
#define TESTS_LIB_RANDOM_H_

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

struct test_random {
    uint64_t state;
};

static inline uint64_t random_u64(struct test_random *r)
{
    r->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = r->state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Of [0, below). */
static inline uint64_t random_below(struct test_random *r, uint64_t below)
{
    return below > 0 ? random_u64(r) % below : 0;
}

static inline bool random_percent(struct test_random *r, uint64_t percent)
{
    return random_below(r, 100) < percent;
}

static inline double random_unit(struct test_random *r)
{
    return (double)(random_u64(r) >> 11) * 0x1.0p-53;
}

static inline bool random_chance(struct test_random *r, double probability)
{
    return random_unit(r) < probability;
}

/* Exponentially distributed with this mean. */
static inline double random_exp(struct test_random *r, double mean)
{
    return -mean * log(1.0 - random_unit(r));
}

#endif /* TESTS_LIB_RANDOM_H_ */
