/* consensus/form_record.h - a proposal to form a cluster, and what a node keeps of it on disk.
 *
 * A proposal says everything about the cluster that may come of it: its id, its first members, and
 * so the bytes of entry 1. Who proposes is the first of the members by name. A node that promises
 * itself to a proposal keeps the whole of it in a row of the state table, so that it can form the
 * cluster by itself once it hears that it was formed.
 *
 * The row's key begins with a NUL, as the core's own does: no state of the machine, never part of a
 * snapshot for others (core_state.c). It goes away with the batch that forms the cluster. */
#ifndef CONSENSUS_FORM_RECORD_H_
#define CONSENSUS_FORM_RECORD_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "consensus/form_list.h"
#include "consensus/hash128.h"
#include "proto/member.h"
#include "storage/batch.h"

struct form_proposal {
    uint8_t cluster_id[CLUSTER_ID_SIZE];
    uint64_t number; /* the proposer's own count: a higher one supersedes all lower ones */
    size_t count;
    struct member_info at[FORM_LIST_MAX]; /* by name; the first is the proposer */
    struct form_list without;             /* listed, and left out by the operator's word */
};

/* Names one proposal. */
struct form_key {
    uint8_t cluster_id[CLUSTER_ID_SIZE];
    uint64_t proposer;
    uint64_t number;
    struct hash128 hash;
};

/* Draws the cluster id from @seed and all that the proposal says; everything else is there. */
void form_proposal_name(struct form_proposal *p, uint64_t seed);
void form_proposal_key(const struct form_proposal *p, struct form_key *out);
bool form_key_equal(const struct form_key *a, const struct form_key *b);
/* The member of that name; NULL: none. */
const struct member_info *form_proposal_find(const struct form_proposal *p, const char *name);
/* The list that the operator wrote: the members and those left out. */
void form_proposal_list(const struct form_proposal *p, struct form_list *out);

/* Appends. */
void form_proposal_encode(const struct form_proposal *p, struct buf *out);
/* Strict: ERR_VERSION or ERR_PROTOCOL. @out is untouched on failure. */
int form_proposal_decode(const void *bytes, size_t size, struct form_proposal *out,
                         struct err *err);

/* What is on disk. */
struct form_record {
    uint64_t floor; /* no proposal of this node with a lower number can ever be formed */
    bool promised;  /* to @promise; to a proposal of its own, too */
    struct form_proposal promise;
};

void form_record_write(const struct form_record *record, struct store_batch *batch);
/* No row: an empty record. */
int form_record_load(const struct store_image *image, struct form_record *out, struct err *err);

/* The batch that makes @identity's node a member of the cluster proposed: cluster id, term 1 and
 * entry 1, with every member a voter; the same bytes of entry 1 on all of them. */
void form_record_found(const struct form_proposal *p, const struct store_identity *identity,
                       struct store_batch *batch);

#endif /* CONSENSUS_FORM_RECORD_H_ */
