/* base/get.h - numbers in this machine's byte order out of bytes, wherever they stand. */
#ifndef BASE_GET_H_
#define BASE_GET_H_

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t get16(const uint8_t *bytes, size_t at)
{
    uint16_t value;
    memcpy(&value, bytes + at, sizeof(value));
    return value;
}

static inline uint32_t get32(const uint8_t *bytes, size_t at)
{
    uint32_t value;
    memcpy(&value, bytes + at, sizeof(value));
    return value;
}

static inline uint64_t get64(const uint8_t *bytes, size_t at)
{
    uint64_t value;
    memcpy(&value, bytes + at, sizeof(value));
    return value;
}

#endif /* BASE_GET_H_ */
