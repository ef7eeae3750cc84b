/* consensus/gone.h - ids that were members of this cluster and are none any more.
 *
 * An id is drawn at random for each data directory, so one that was removed must not come back: it
 * would be an old copy of a disk. The list is bounded, and the oldest removal makes room. Only
 * removals fill it, no stranger can; and what is forgotten is needed only for a disk that does not
 * remember itself that it was a member (docs/membership.md). Pure. */
#ifndef CONSENSUS_GONE_H_
#define CONSENSUS_GONE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One removal a week for ten years. */
#define GONE_MAX 512

struct gone {
    size_t count;
    uint64_t ids[GONE_MAX]; /* the oldest removal first */
};

bool gone_has(const struct gone *gone, uint64_t id);
/* True: that changed the list. */
bool gone_add(struct gone *gone, uint64_t id);
bool gone_take_back(struct gone *gone, uint64_t id);

#endif /* CONSENSUS_GONE_H_ */
