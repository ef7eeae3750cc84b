/* consensus/hash128.c - two lanes, each a bijective step per 8 bytes, mixed at the end.
 *
 * A step can not lose what was fed before: xor or add a word, multiply by an odd number, rotate.
 * The lanes differ in all three, so that what one confuses the other does not. */
#include "consensus/hash128.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

/* Odd numbers with their bits spread: fractional parts of roots of 2, 3, 5, 7. */
#define LOW_FACTOR UINT64_C(0x6a09e667f3bcc909)
#define HIGH_FACTOR UINT64_C(0xbb67ae8584caa73b)
#define LOW_START UINT64_C(0x3c6ef372fe94f82b)
#define HIGH_START UINT64_C(0xa54ff53a5f1d36f1)

static inline uint64_t rotate(uint64_t word, unsigned by)
{
    return (word << by) | (word >> (64 - by));
}

static inline void feed(struct hash128 *hash, uint64_t word)
{
    hash->low = rotate((hash->low ^ word) * LOW_FACTOR, 29);
    hash->high = rotate((hash->high + word) * HIGH_FACTOR, 37);
}

struct hash128 hash128_start(uint64_t seed)
{
    struct hash128 hash = {.low = LOW_START, .high = HIGH_START};
    feed(&hash, seed);
    return hash;
}

void hash128_number(struct hash128 *hash, uint64_t number)
{
    feed(hash, number);
}

void hash128_bytes(struct hash128 *hash, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    size_t left = size;
    uint64_t word = 0;
    struct hash128 running = *hash; /* in registers */
    feed(&running, size);
    for (; left >= sizeof(word); left -= sizeof(word), at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        feed(&running, le64toh(word));
    }
    if (left > 0) {
        word = 0;
        memcpy(&word, at, left);
        feed(&running, le64toh(word));
    }
    *hash = running;
}

/* Every bit of the input reaches every bit of the output. */
static uint64_t spread(uint64_t word)
{
    word ^= word >> 32;
    word *= HIGH_FACTOR;
    word ^= word >> 29;
    word *= LOW_FACTOR;
    word ^= word >> 32;
    return word;
}

struct hash128 hash128_finish(const struct hash128 *hash)
{
    uint64_t low = spread(hash->low ^ rotate(hash->high, 32));
    uint64_t high = spread(hash->high + low);
    return (struct hash128){.low = low, .high = high};
}

const char *hash128_text(const struct hash128 *hash, char out[HASH128_TEXT_SIZE])
{
    (void)snprintf(out, HASH128_TEXT_SIZE, "%016llx%016llx", (unsigned long long)hash->high,
                   (unsigned long long)hash->low);
    return out;
}
