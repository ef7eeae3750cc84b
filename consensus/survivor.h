/* consensus/survivor.h - what is left of a cluster on one disk, and which of several disks has
 * more; pure. For `pgraftctl recover`, when no majority will ever come back. */
#ifndef CONSENSUS_SURVIVOR_H_
#define CONSENSUS_SURVIVOR_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "consensus/engine.h"
#include "consensus/machine.h"
#include "proto/member.h"
#include "storage/batch.h"

struct survivor {
    uint8_t cluster_id[CLUSTER_ID_SIZE];
    struct member_info me;                  /* as the newest membership on this disk has it */
    struct member_info others[MEMBERS_MAX]; /* the other members */
    size_t other_count;
    uint64_t hard_term;          /* the highest term this disk knows of */
    uint64_t last_term;          /* of the last entry ... */
    uint64_t last_index;         /* ... committed or not */
    uint64_t applied_index;      /* known to be committed up to here, at least */
    struct machine_status state; /* with every entry applied */
    const char
        *doubt; /* why this disk may hold less than it once promised; NULL: no reason known */
    struct machine *machine; /* that state */
};

/* ERR_NOT_FOUND: this disk belongs to no cluster; ERR_REFUSED: it is no member of its own; or what
 * can not be read. @out is to be closed after success, and may outlive @image. */
int survivor_read(const struct store_image *image, struct survivor *out, struct err *err);
/* Accepts a zeroed one. */
void survivor_close(struct survivor *s);

/* Above zero: @a has what @b has not. The entry with the higher term counts, then the higher index:
 * not the longer log (safety D6). */
int survivor_compare(const struct survivor *a, const struct survivor *b);

/* The state that @image holds when every entry of its log is applied. */
int survivor_machine(const struct store_image *image, struct machine **ret, struct err *err);

#endif /* CONSENSUS_SURVIVOR_H_ */
