/* consensus/founding.h - a store on which a new cluster of one begins, with the state of an old one
 * (docs/decisions/0006); pure: batches for a new, empty store.
 *
 * Nothing of who the node was goes along: it has a new id in a new cluster, and no memory of peers.
 * So nothing that the old cluster's nodes know, have or were promised means anything to the new
 * one, and the other way round. Its log begins behind the state, far above where the old one can
 * have come to. Who joins gets the state as a snapshot. */
#ifndef CONSENSUS_FOUNDING_H_
#define CONSENSUS_FOUNDING_H_

#include <stdint.h>

#include "base/err.h"
#include "consensus/machine.h"
#include "proto/member.h"
#include "storage/batch.h"

/* What the old cluster may have counted to after the state that is left of it, be it in index,
 * revision or epoch: less than this. */
#define FOUNDING_LEAP UINT64_C(1000000000)

struct founding {
    uint8_t cluster_id[CLUSTER_ID_SIZE]; /* drawn at random */
    struct member_info me;               /* the only member; its id is drawn at random */
    uint64_t term;                       /* the highest term the old cluster is known to have had */
    uint64_t index;                      /* of the last entry that is in the state */
};

/* The state that goes on: @machine, whose rows are those of @image where it has not changed since.
 */
struct founding_state {
    const struct store_image *image;
    struct machine *machine;
};

/* What is done with each batch, in their order; it takes the batch over. */
typedef int (*founding_write_cb)(void *ctx, struct store_batch *batch, struct err *err);

/* Write the state, whose machine is of no use afterwards. Only the last batch makes a member of the
 * node: a store that has not got it belongs to nobody. */
int founding_write(const struct founding *f, const struct founding_state *state,
                   founding_write_cb write, void *ctx, struct err *err);

#endif /* CONSENSUS_FOUNDING_H_ */
