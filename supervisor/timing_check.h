/* supervisor/timing_check.h - do the times of a node fit what it measures? A verdict, and a book of
 * what was measured lately.
 *
 * Pure. The times follow from one knob (timing_profile.h), and nobody asked the host, its disk and
 * its network whether they are fast enough for it. A single outlier is no news, so the second
 * longest of the last samples counts; and what was told once is told again only after it was well
 * for a while. */
#ifndef SUPERVISOR_TIMING_CHECK_H_
#define SUPERVISOR_TIMING_CHECK_H_

#include "supervisor/timing_profile.h"

/* In this order: what may be the reason of those behind it comes first. */
enum timing_cause { TIMING_SCHEDULING, TIMING_FSYNC, TIMING_ROUND_TRIP };
#define TIMING_CAUSES 3
/* "fsync", for a log. */
const char *timing_cause_name(enum timing_cause cause);

/* Of one look. */
struct timing_measured {
    bool knows[TIMING_CAUSES]; /* it was measured */
    uint64_t ms[TIMING_CAUSES];
};

/* True: these times bear @ms of @cause. Else @out says for which of them it is too long, and what
 * to do. */
bool timing_fits(const struct supervisor_times *times, enum timing_cause cause, uint64_t ms,
                 char out[TIMING_SENTENCE_SIZE]);

#define TIMING_SAMPLES 12
#define TIMING_FORGOTTEN_MS 600000 /* a sample that is older, and a warning */

/* Zeroed at the beginning. */
struct timing_book {
    struct {
        struct {
            uint64_t at_ms; /* 0: none */
            uint64_t ms;
        } samples[TIMING_SAMPLES];
        uint32_t next;
        uint64_t amiss_ms;              /* when it last did not fit; 0: never */
        char why[TIMING_SENTENCE_SIZE]; /* as it was when it began; "": it fits */
    } of[TIMING_CAUSES];
};

/* Note what was measured, and judge. Returns a bit for each cause (1 << cause) of which people have
 * to be told now; its sentence is in the book. @now_ms is not 0. */
unsigned timing_take(struct timing_book *book, const struct supervisor_times *times,
                     const struct timing_measured *measured, uint64_t now_ms);
/* By what it judges: the second longest of the last samples; 0: fewer than two lately. */
uint64_t timing_value(const struct timing_book *book, enum timing_cause cause, uint64_t now_ms);
/* What does not fit now, the first cause of all; "" if all does. */
const char *timing_amiss(const struct timing_book *book);

#endif /* SUPERVISOR_TIMING_CHECK_H_ */
