/* base/when.h - a moment that a person wrote, for a command that is to be carried out later.
 *
 * ISO 8601 as people and Patroni's tools write it: "2026-12-01T04:00:00+01:00", "2026-12-01
 * 04:00Z", seconds and their fraction may be missing, of the zone the minutes and the colon. Pure.
 */
#ifndef BASE_WHEN_H_
#define BASE_WHEN_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct when {
    uint64_t wall_ms; /* since 1970 */
    int32_t zone_min; /* east of Greenwich, in minutes; 0 without a zone */
    bool has_zone;    /* without one @wall_ms is as if it were UTC */
};

/* ERR_INVALID: it is no moment from 1970 to 9999. */
int when_parse(const char *text, struct when *ret_when, struct err *err);

/* "2026-12-01T04:00:00+01:00": in the zone that it was written in. */
#define WHEN_TEXT_SIZE 26
void when_format(const struct when *when, char out[WHEN_TEXT_SIZE]);

#endif /* BASE_WHEN_H_ */
