/* base/crc32c.c - CRC-32C eight bytes at a time, by instruction or by tables.
 *
 * The tables (slicing by eight) are computed at the first use: 8 KiB that would be noise as source.
 * The polynomial 0x1edc6f41 is used with its bits reversed, as the processors do. */
#include "base/crc32c.h"

#include <pthread.h>
#include <string.h>

#include "base/must.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#define HAVE_INSTRUCTION 1
#define TARGET_CRC __attribute__((target("sse4.2")))
#define CRC_U8(crc, byte) _mm_crc32_u8((crc), (byte))
#define CRC_U64(crc, word) (uint32_t) _mm_crc32_u64((crc), (word))
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#define HAVE_INSTRUCTION 1
#if defined(__clang__) /* 14 knows neither "+crc" nor, without it, the functions of arm_acle.h */
#define TARGET_CRC __attribute__((target("crc")))
#define CRC_U8(crc, byte) __builtin_arm_crc32cb((crc), (byte))
#define CRC_U64(crc, word) __builtin_arm_crc32cd((crc), (word))
#else
#define TARGET_CRC __attribute__((target("+crc")))
#define CRC_U8(crc, byte) __crc32cb((crc), (byte))
#define CRC_U64(crc, word) __crc32cd((crc), (word))
#endif
#define HWCAP_CRC32_BIT (1UL << 7)
#else
#define HAVE_INSTRUCTION 0
#endif

#define POLYNOMIAL_REVERSED UINT32_C(0x82f63b78)
#define SLICES 8

static uint32_t tables[SLICES][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void tables_fill(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? POLYNOMIAL_REVERSED : 0);
        }
        tables[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++) {
        for (int slice = 1; slice < SLICES; slice++) {
            uint32_t before = tables[slice - 1][byte];
            tables[slice][byte] = (before >> 8) ^ tables[0][before & 0xff];
        }
    }
}

/* The next eight bytes as a little-endian number, whatever this machine's order is. */
static uint64_t load_le64(const uint8_t *at)
{
    uint64_t word = 0;
    memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

uint32_t crc32c_extend_by_table(uint32_t crc, const void *bytes, size_t size)
{
    int rc = pthread_once(&tables_once, tables_fill);
    MUST(rc == 0);
    const uint8_t *at = bytes;
    crc = ~crc;
    while (size >= 8) {
        uint64_t word = load_le64(at) ^ crc;
        crc = 0;
        for (int slice = 0; slice < SLICES; slice++) {
            crc ^= tables[SLICES - 1 - slice][(word >> (8 * slice)) & 0xff];
        }
        at += 8;
        size -= 8;
    }
    while (size > 0) {
        crc = (crc >> 8) ^ tables[0][(crc ^ *at) & 0xff];
        at++;
        size--;
    }
    return ~crc;
}

#if HAVE_INSTRUCTION

TARGET_CRC uint32_t crc32c_extend_by_instruction(uint32_t crc, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    crc = ~crc;
    while (size >= 8) {
        crc = CRC_U64(crc, load_le64(at));
        at += 8;
        size -= 8;
    }
    while (size > 0) {
        crc = CRC_U8(crc, *at);
        at++;
        size--;
    }
    return ~crc;
}

bool crc32c_has_instruction(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("sse4.2") != 0;
#else
    return (getauxval(AT_HWCAP) & HWCAP_CRC32_BIT) != 0;
#endif
}

#else

uint32_t crc32c_extend_by_instruction(uint32_t crc, const void *bytes, size_t size)
{
    return crc32c_extend_by_table(crc, bytes, size);
}

bool crc32c_has_instruction(void)
{
    return false;
}

#endif

uint32_t crc32c_extend(uint32_t crc, const void *bytes, size_t size)
{
    return crc32c_has_instruction() ? crc32c_extend_by_instruction(crc, bytes, size)
                                    : crc32c_extend_by_table(crc, bytes, size);
}

uint32_t crc32c(const void *bytes, size_t size)
{
    return crc32c_extend(0, bytes, size);
}
