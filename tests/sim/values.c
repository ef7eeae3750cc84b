/* tests/sim/values.c - the texts of the numbers that clients write: mostly short, and in some lives
 * now and then as long as a value may be.
 *
 * How long follows from the number, so that whoever reads it knows every byte of it. */
#include <string.h>

#include "tests/sim/sim.h"

#define LIVES_PERCENT 6
#define ONE_OF 40

bool value_is_long(const struct sim *sim, uint64_t value)
{
    uint64_t mixed = value * UINT64_C(0x9e3779b97f4a7c15) >> 32;
    return sim->use.long_values && value != 0 && value != HISTORY_ABSENT &&
           mixed % (sim->use.has_quota ? ONE_OF / 4 : ONE_OF) == 0;
}

static size_t size_of(uint64_t value)
{
    uint64_t mixed = value * UINT64_C(0xd6e8feb86659fd93) >> 32;
    const size_t less[] = {0, mixed % 400, 30000 + mixed % 70000, mixed % 400000};
    return KV_VALUE_MAX - less[mixed % 4];
}

/* The long ones share one room: none is looked at beside another. */
struct kv_slice value_text(struct sim *sim, uint64_t value, char room[VALUE_ROOM])
{
    int length = snprintf(room, VALUE_ROOM, "v%llu", (unsigned long long)value);
    if (!value_is_long(sim, value)) {
        return kv_slice(room, (size_t)length);
    }
    struct buf *b = &sim->use.long_text;
    if (b->size == 0) {
        memset(buf_extend(b, KV_VALUE_MAX), '.', KV_VALUE_MAX);
    }
    memset(b->bytes, '.', VALUE_ROOM);
    memcpy(b->bytes, room, (size_t)length);
    return kv_slice(b->bytes, size_of(value));
}

uint64_t value_number(struct sim *sim, struct kv_slice text)
{
    const char *digits = text.bytes;
    uint64_t value = 0;
    size_t i = 1;
    for (; i < text.size && i < VALUE_ROOM && digits[i] != '.'; i++) {
        value = value * 10 + (uint64_t)(digits[i] - '0');
    }
    if (text.size < 2 || digits[0] != 'v' || value == 0 || value > sim->use.values) {
        return 0;
    }
    bool is_long = value_is_long(sim, value);
    if (!is_long) {
        return i == text.size ? value : 0;
    }
    char room[VALUE_ROOM];
    return kv_slice_equal(text, value_text(sim, value, room)) ? value : 0;
}

void values_draw(struct sim *sim)
{
    struct test_random own = {sim->seed * UINT64_C(0x8bb84b93962eacc9)};
    sim->use.long_values = random_percent(&own, LIVES_PERCENT);
    sim->use.has_quota = sim->use.long_values && random_percent(&own, 80);
}
