/* supervisor/guard_page.c - writes and reads the two slots of the guard's page.
 *
 * The order of the stores is the point. A reader that saw any word of a new slot also sees its new
 * first sequence (release, acquire), and one that saw the new last sequence sees all its words. */
#include "supervisor/guard_page.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/must.h"

/* A slot that is being written is read again: what the other one says may be two grants old by
 * then. After so many tries its writer has died half way, and the other one is the newest. */
#define READS_MAX 64

static uint64_t sum_of(uint64_t sequence, const uint64_t words[GUARD_GRANT_WORDS])
{
    uint32_t crc = crc32c(&sequence, sizeof(sequence));
    return crc32c_extend(crc, words, GUARD_GRANT_WORDS * sizeof(words[0]));
}

/* False: torn. A slot that was never written has the sequence 0. */
static bool slot_read(const struct guard_slot *slot, uint64_t words[GUARD_GRANT_WORDS],
                      uint64_t *ret_sequence)
{
    uint64_t last = atomic_load_explicit(&slot->last, memory_order_acquire);
    for (size_t i = 0; i < GUARD_GRANT_WORDS; i++) {
        words[i] = atomic_load_explicit(&slot->words[i], memory_order_acquire);
    }
    uint64_t sum = atomic_load_explicit(&slot->sum, memory_order_acquire);
    uint64_t first = atomic_load_explicit(&slot->first, memory_order_relaxed);
    if (first != last || (last != 0 && sum != sum_of(last, words))) {
        return false;
    }
    *ret_sequence = last;
    return true;
}

static void slot_write(struct guard_slot *slot, uint64_t sequence,
                       const uint64_t words[GUARD_GRANT_WORDS])
{
    atomic_store_explicit(&slot->first, sequence, memory_order_relaxed);
    for (size_t i = 0; i < GUARD_GRANT_WORDS; i++) {
        atomic_store_explicit(&slot->words[i], words[i], memory_order_release);
    }
    atomic_store_explicit(&slot->sum, sum_of(sequence, words), memory_order_release);
    atomic_store_explicit(&slot->last, sequence, memory_order_release);
}

/* The highest sequence of a whole slot, and what it says; 0: none. */
static uint64_t newest(const struct guard_page *page, uint64_t words[GUARD_GRANT_WORDS])
{
    uint64_t best = 0;
    bool is_whole = false;
    for (int i = 0; i < READS_MAX && !is_whole; i++) {
        is_whole = true;
        for (size_t slot = 0; slot < ARRAY_LEN(page->slots); slot++) {
            uint64_t said[GUARD_GRANT_WORDS];
            uint64_t sequence = 0;
            is_whole = slot_read(&page->slots[slot], said, &sequence) && is_whole;
            if (sequence > best) {
                best = sequence;
                memcpy(words, said, sizeof(said));
            }
        }
    }
    return best;
}

void guard_page_init(struct guard_page *page)
{
    page->magic = GUARD_PAGE_MAGIC;
    page->version = GUARD_PAGE_VERSION;
}

bool guard_page_is_known(const struct guard_page *page)
{
    return page->magic == GUARD_PAGE_MAGIC && page->version == GUARD_PAGE_VERSION;
}

void guard_page_write(struct guard_page *page, const struct guard_grant *grant)
{
    MUST(guard_page_is_known(page));
    MUST(grant->deadline_ns == 0 || grant->epoch != 0);
    uint64_t words[GUARD_GRANT_WORDS];
    uint64_t sequence = newest(page, words) + 1;
    memcpy(words, grant, sizeof(words));
    slot_write(&page->slots[sequence % 2], sequence, words);
}

bool guard_page_read(const struct guard_page *page, struct guard_grant *ret_grant)
{
    uint64_t words[GUARD_GRANT_WORDS];
    if (newest(page, words) == 0) {
        return false;
    }
    memcpy(ret_grant, words, sizeof(words));
    return true;
}
