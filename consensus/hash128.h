/* consensus/hash128.h - 128 bits that differ when the state differs.
 *
 * For telling by accident apart: two nodes whose states have drifted, a row that was lost, a
 * snapshot that is not what it was. Not for keeping an attacker out. The same on every machine. The
 * state's hash is the sum of the hashes of its rows, so one changed row costs one subtraction and
 * one addition, and order does not matter. */
#ifndef CONSENSUS_HASH128_H_
#define CONSENSUS_HASH128_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash128 {
    uint64_t low;
    uint64_t high;
};

/* Feed a hash: start from hash128_start(), take numbers and bytes in an order of your own, finish.
 * Bytes carry their size, so that "ab" + "c" is not "a" + "bc". */
struct hash128 hash128_start(uint64_t seed);
void hash128_number(struct hash128 *hash, uint64_t number);
void hash128_bytes(struct hash128 *hash, const void *bytes, size_t size);
struct hash128 hash128_finish(const struct hash128 *hash);

/* A sum in which hashes can be put in and taken out in any order. */
static inline void hash128_add(struct hash128 *sum, const struct hash128 *hash)
{
    sum->low += hash->low;
    sum->high += hash->high;
}

static inline void hash128_subtract(struct hash128 *sum, const struct hash128 *hash)
{
    sum->low -= hash->low;
    sum->high -= hash->high;
}

static inline bool hash128_equal(const struct hash128 *a, const struct hash128 *b)
{
    return a->low == b->low && a->high == b->high;
}

/* 32 hexadecimal digits and the NUL, for people. */
#define HASH128_TEXT_SIZE 33
const char *hash128_text(const struct hash128 *hash, char out[HASH128_TEXT_SIZE]);

#endif /* CONSENSUS_HASH128_H_ */
