/* tests/lib/linear_memo.c - a set of fingerprints with open addressing, at most half full. */
#include "tests/lib/linear_memo.h"

#include <string.h>

#include "base/mem.h"

#define ROOM_AT_FIRST 256
#define ROOM_KEPT 4096 /* to clear more takes longer than to begin anew */

/* The finalizer of SplitMix64. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t mix_all(uint64_t seed, const uint64_t numbers[4])
{
    for (size_t i = 0; i < 4; i++) {
        seed = mix(seed + numbers[i] + UINT64_C(0x9e3779b97f4a7c15));
    }
    return seed;
}

struct linear_print linear_memo_print(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const uint64_t numbers[4] = {a, b, c, d};
    return (struct linear_print){mix_all(UINT64_C(0x243f6a8885a308d3), numbers),
                                 mix_all(UINT64_C(0x13198a2e03707344), numbers)};
}

/* The slot that holds @print or is free for it. */
static struct linear_print *slot_of(const struct linear_memo *memo, struct linear_print print)
{
    size_t at = (size_t)print.a & (memo->room - 1);
    for (;;) {
        struct linear_print *slot = &memo->slots[at];
        bool is_free = slot->a == 0 && slot->b == 0;
        if (is_free || (slot->a == print.a && slot->b == print.b)) {
            return slot;
        }
        at = (at + 1) & (memo->room - 1);
    }
}

static void grow(struct linear_memo *memo)
{
    struct linear_memo larger = {.room = memo->room == 0 ? ROOM_AT_FIRST : 2 * memo->room,
                                 .count = memo->count};
    larger.slots = mem_array(larger.room, sizeof(*larger.slots));
    for (size_t i = 0; i < memo->room; i++) {
        if (memo->slots[i].a != 0 || memo->slots[i].b != 0) {
            *slot_of(&larger, memo->slots[i]) = memo->slots[i];
        }
    }
    mem_free(memo->slots);
    *memo = larger;
}

bool linear_memo_add(struct linear_memo *memo, struct linear_print print)
{
    if (2 * (memo->count + 1) > memo->room) {
        grow(memo);
    }
    print.b |= print.a == 0 && print.b == 0; /* that one marks free slots */
    struct linear_print *slot = slot_of(memo, print);
    if (slot->a != 0 || slot->b != 0) {
        return false;
    }
    *slot = print;
    memo->count++;
    return true;
}

void linear_memo_clear(struct linear_memo *memo)
{
    if (memo->room > ROOM_KEPT) {
        linear_memo_close(memo);
    } else if (memo->count > 0) {
        memset(memo->slots, 0, memo->room * sizeof(*memo->slots));
        memo->count = 0;
    }
}

void linear_memo_close(struct linear_memo *memo)
{
    mem_free(memo->slots);
    *memo = (struct linear_memo){0};
}
