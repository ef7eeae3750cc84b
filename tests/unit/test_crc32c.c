/* tests/unit/test_crc32c.c - both ways of computing a CRC-32C give the published values, always.
 *
 * Published vectors (RFC 3720, B.4), and a third implementation that works bit by bit from the
 * polynomial as it is written, for every size and alignment. Each block ends where its allocation
 * ends: a byte read beyond it is the sanitizer's to find. Nothing here depends on the byte order.
 */
#include "tests/lib/death.h"

#include <pthread.h>

#include "base/cleanup.h"
#include "base/crc32c.h"
#include "base/mem.h"

typedef uint32_t (*extend_fn)(uint32_t crc, const void *bytes, size_t size);

/* The instruction is left out where the machine has none. */
static size_t ways(const extend_fn **ret_ways)
{
    static const extend_fn all[] = {crc32c_extend, crc32c_extend_by_table,
                                    crc32c_extend_by_instruction};
    *ret_ways = all;
    return crc32c_has_instruction() ? 3 : 2;
}

static uint32_t reversed(uint32_t word, int bits)
{
    uint32_t result = 0;
    for (int i = 0; i < bits; i++) {
        result = result << 1 | (word >> i & 1);
    }
    return result;
}

/* The definition: a division by 0x1edc6f41, each byte with its lowest bit first. */
static uint32_t by_definition(const uint8_t *bytes, size_t size)
{
    uint32_t rest = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        rest ^= reversed(bytes[i], 8) << 24;
        for (int bit = 0; bit < 8; bit++) {
            rest = rest << 1 ^ ((rest & UINT32_C(0x80000000)) != 0 ? UINT32_C(0x1edc6f41) : 0);
        }
    }
    return ~reversed(rest, 32);
}

/* Different at every place, and no period that a table could hide behind. */
static void fill(uint8_t *bytes, size_t size)
{
    uint32_t word = 20261120;
    for (size_t i = 0; i < size; i++) {
        word ^= word << 13;
        word ^= word >> 17;
        word ^= word << 5;
        bytes[i] = (uint8_t)(word >> 11);
    }
}

static void *first_use(void *ret_crc)
{
    uint32_t crc = crc32c_extend_by_table(0, "123456789", 9);
    memcpy(ret_crc, &crc, sizeof(crc));
    return NULL;
}

/* Stands first, while the tables are still empty. */
static void the_tables_are_ready_for_every_thread_that_comes_first(void **state)
{
    (void)state;
    pthread_t threads[8];
    uint32_t crcs[ARRAY_LEN(threads)] = {0};
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, first_use, &crcs[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(crcs[i], 0xe3069283);
    }
}

static void the_published_vectors_come_out(void **state)
{
    (void)state;
    uint8_t zeros[32] = {0};
    uint8_t ones[32];
    uint8_t up[32];
    uint8_t down[32];
    memset(ones, 0xff, sizeof(ones));
    for (size_t i = 0; i < 32; i++) {
        up[i] = (uint8_t)i;
        down[i] = (uint8_t)(31 - i);
    }
    static const uint8_t read_command[48] = {
        0x01, 0xc0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, 0x28, [40] = 0x02};
    const struct {
        const void *bytes;
        size_t size;
        uint32_t crc;
    } rows[] = {
        {zeros, 32, 0x8a9136aa},      {ones, 32, 0x62a8ab43},         {up, 32, 0x46dd794e},
        {down, 32, 0x113fdb5c},       {read_command, 48, 0xd9963a56}, /* an iSCSI SCSI Read (10)
                                                                         command */
        {"123456789", 9, 0xe3069283}, {"a", 1, 0xc1d04330},           {"", 0, 0},
    };
    const extend_fn *extend = NULL;
    size_t count = ways(&extend);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(by_definition(rows[i].bytes, rows[i].size), rows[i].crc);
        assert_int_equal(crc32c(rows[i].bytes, rows[i].size), rows[i].crc);
        for (size_t way = 0; way < count; way++) {
            assert_int_equal(extend[way](0, rows[i].bytes, rows[i].size), rows[i].crc);
        }
    }
}

static void every_way_agrees_for_every_size_and_alignment(void **state)
{
    (void)state;
    const extend_fn *extend = NULL;
    size_t count = ways(&extend);
    for (size_t size = 0; size <= 300; size++) {
        for (size_t alignment = 0; alignment < 8; alignment++) {
            CLEANUP(mem_freep) uint8_t *block = mem_alloc(alignment + size);
            fill(block, alignment + size);
            const uint8_t *bytes = block + alignment;
            uint32_t crc = by_definition(bytes, size);
            assert_int_equal(crc32c(bytes, size), crc);
            for (size_t way = 0; way < count; way++) {
                assert_int_equal(extend[way](0, bytes, size), crc);
            }
        }
    }
}

static void a_crc_can_be_continued_at_any_place(void **state)
{
    (void)state;
    const extend_fn *extend = NULL;
    size_t count = ways(&extend);
    uint8_t bytes[80];
    fill(bytes, sizeof(bytes));
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        uint32_t whole = by_definition(bytes, size);
        for (size_t split = 0; split <= size; split++) {
            uint32_t head = crc32c(bytes, split);
            for (size_t way = 0; way < count; way++) {
                assert_int_equal(extend[way](head, bytes + split, size - split), whole);
            }
        }
    }
}

static void byte_by_byte_is_the_same_as_at_once(void **state)
{
    (void)state;
    const extend_fn *extend = NULL;
    size_t count = ways(&extend);
    uint8_t bytes[300];
    fill(bytes, sizeof(bytes));
    for (size_t way = 0; way < count; way++) {
        uint32_t crc = 0;
        for (size_t i = 0; i < sizeof(bytes); i++) {
            crc = extend[way](crc, bytes + i, 1);
        }
        assert_int_equal(crc, crc32c(bytes, sizeof(bytes)));
    }
}

static void nothing_changes_nothing_even_at_null(void **state)
{
    (void)state;
    static const uint32_t crcs[] = {0, 1, 0xe3069283, UINT32_MAX};
    const extend_fn *extend = NULL;
    size_t count = ways(&extend);
    for (size_t i = 0; i < ARRAY_LEN(crcs); i++) {
        for (size_t way = 0; way < count; way++) {
            assert_int_equal(extend[way](crcs[i], NULL, 0), crcs[i]);
        }
    }
    assert_int_equal(crc32c(NULL, 0), 0);
}

static void every_single_bit_counts(void **state)
{
    (void)state;
    uint8_t bytes[61];
    fill(bytes, sizeof(bytes));
    uint32_t good = crc32c(bytes, sizeof(bytes));
    for (size_t bit = 0; bit < sizeof(bytes) * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_not_equal(crc32c(bytes, sizeof(bytes)), good);
        assert_int_not_equal(crc32c_extend_by_table(0, bytes, sizeof(bytes)), good);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void a_megabyte_agrees_too(void **state)
{
    (void)state;
    const size_t size = (1 << 20) + 3;
    CLEANUP(mem_freep) uint8_t *bytes = mem_alloc(size);
    fill(bytes, size);
    uint32_t crc = by_definition(bytes, size);
    const extend_fn *extend = NULL;
    size_t count = ways(&extend);
    for (size_t way = 0; way < count; way++) {
        assert_int_equal(extend[way](0, bytes, size), crc);
    }
}

/* Where the kernel lists what the processor can do. */
#if defined(__x86_64__)
#define CPUINFO_LINE "flags"
#define CPUINFO_WORD " sse4_2"
#elif defined(__aarch64__)
#define CPUINFO_LINE "Features"
#define CPUINFO_WORD " crc32"
#endif

static void the_instruction_is_used_where_the_processor_has_it(void **state)
{
    (void)state;
#if defined(CPUINFO_LINE)
    CLEANUP(fclosep) FILE *file = fopen("/proc/cpuinfo", "re");
    assert_non_null(file);
    char line[8192];
    while (fgets(line, sizeof(line), file) != NULL) {
        /* no such line: an emulator shows the file of another processor */
        if (strncmp(line, CPUINFO_LINE, strlen(CPUINFO_LINE)) == 0) {
            assert_int_equal(crc32c_has_instruction(), strstr(line, CPUINFO_WORD) != NULL);
        }
    }
#else
    assert_false(crc32c_has_instruction());
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_are_ready_for_every_thread_that_comes_first),
        cmocka_unit_test(the_published_vectors_come_out),
        cmocka_unit_test(every_way_agrees_for_every_size_and_alignment),
        cmocka_unit_test(a_crc_can_be_continued_at_any_place),
        cmocka_unit_test(byte_by_byte_is_the_same_as_at_once),
        cmocka_unit_test(nothing_changes_nothing_even_at_null),
        cmocka_unit_test(every_single_bit_counts),
        cmocka_unit_test(a_megabyte_agrees_too),
        cmocka_unit_test(the_instruction_is_used_where_the_processor_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
