/* ctl/patroni_rows.h - the members of a cluster as patronictl lists them. Pure. */
#ifndef CTL_PATRONI_ROWS_H_
#define CTL_PATRONI_ROWS_H_

#include <stdbool.h>

#include <jansson.h>

#include "base/buf.h"
#include "ctl/output.h"

struct patroni_list {
    json_t *view; /* of ctl/told.h */
    enum output_format format;
    bool topology; /* the leader first, the others below whom they replicate from */
    bool extended;
    bool all; /* witnesses, too */
};

void patroni_list_put(struct buf *out, const struct patroni_list *list);

/* Columns TL, LSN, Reason, Timestamp, New Leader. */
void patroni_history_put(struct buf *out, enum output_format format, json_t *view);

bool patroni_is_leader(json_t *member);
bool patroni_is_witness(json_t *member);
bool patroni_streams(json_t *member);
/* As /cluster has it: a leader is "running"; a standby how it replicates, if that is known. */
bool patroni_runs(json_t *member);

#endif /* CTL_PATRONI_ROWS_H_ */
