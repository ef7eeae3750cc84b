/* storage/pack.h - integers as bytes: big-endian in keys, so that they sort; little-endian in
 * values. */
#ifndef STORAGE_PACK_H_
#define STORAGE_PACK_H_

#include <stddef.h>
#include <stdint.h>

static inline void pack_be(uint8_t *to, uint64_t value, size_t size)
{
    for (size_t i = size; i > 0; i--) {
        to[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

static inline uint64_t unpack_be(const uint8_t *from, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | from[i];
    }
    return value;
}

static inline void pack_le(uint8_t *to, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        to[i] = (uint8_t)value;
        value >>= 8;
    }
}

static inline uint64_t unpack_le(const uint8_t *from, size_t size)
{
    uint64_t value = 0;
    for (size_t i = size; i > 0; i--) {
        value = value << 8 | from[i - 1];
    }
    return value;
}

/* Spread the bits of @value over all 64 (the finisher of splitmix64): sums and chains of such
 * values tell sets and sequences apart. Finds accidents, not attackers. */
static inline uint64_t mix64(uint64_t value)
{
    value += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

#endif /* STORAGE_PACK_H_ */
