/* supervisor/guard_page.h - the page through which pgraftd tells the guard how long this node may
 * be primary.
 *
 * A sealed memfd of one page: pgraftd writes, the guard maps it read only and looks whenever it has
 * to know. Two slots are written in turn, each with a sequence at both ends and a checksum: a torn
 * read is impossible, and a writer that is killed or frozen half way leaves the other slot whole.
 * Nothing wakes the guard: it looks when its timer for the deadline it knows has run out. All times
 * are CLOCK_BOOTTIME. */
#ifndef SUPERVISOR_GUARD_PAGE_H_
#define SUPERVISOR_GUARD_PAGE_H_

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define GUARD_PAGE_SIZE 4096
#define GUARD_PAGE_MAGIC UINT64_C(0x7067726166742d67) /* "pgraft-g" */
#define GUARD_PAGE_VERSION UINT64_C(1)

/* What one slot says. */
struct guard_grant {
    uint64_t epoch;             /* of the lease that the deadline belongs to; 0: none is held */
    uint64_t deadline_ns;       /* everything has to be gone by then */
    uint64_t kill_budget_ns;    /* what ending everything may take: it begins so much earlier */
    uint64_t promote_epoch;     /* PostgreSQL may become primary under this epoch; 0: it may not */
    uint64_t promote_margin_ns; /* ... while so much of the lease is left */
};

#define GUARD_GRANT_WORDS 5

struct guard_slot {
    _Atomic uint64_t first; /* sequence, written before the words */
    _Atomic uint64_t words[GUARD_GRANT_WORDS];
    _Atomic uint64_t sum;  /* over sequence and words */
    _Atomic uint64_t last; /* sequence, written after the words */
};

struct guard_page {
    uint64_t magic;
    uint64_t version;
    struct guard_slot slots[2];
};

_Static_assert(sizeof(struct guard_page) <= GUARD_PAGE_SIZE, "one page");
_Static_assert(sizeof(struct guard_grant) == GUARD_GRANT_WORDS * sizeof(uint64_t), "no padding");

/* Make a zeroed page one that can be read; it grants nothing. */
void guard_page_init(struct guard_page *page);
/* Whether a page is one that this version reads. */
bool guard_page_is_known(const struct guard_page *page);
/* One writer at a time. A writer that takes over goes on where the former one stopped. */
void guard_page_write(struct guard_page *page, const struct guard_grant *grant);
/* The newest whole slot. False: nothing was ever written, or nothing in the page is whole. */
bool guard_page_read(const struct guard_page *page, struct guard_grant *ret_grant);

#endif /* SUPERVISOR_GUARD_PAGE_H_ */
