/* storage/state.h - the rows of the state machine, in generations.
 *
 * All rows lie in one table under the number of their generation. One generation is current, one
 * may be the stage of an incoming snapshot; making the stage current is a change of the ledger, and
 * the rows of dead generations are garbage. */
#ifndef STORAGE_STATE_H_
#define STORAGE_STATE_H_

#include <stdint.h>

#include "base/err.h"
#include "storage/batch.h"
#include "storage/ledger.h"
#include "storage/record.h"

/* The generation in a key of this table; 0 if it is none. */
uint32_t state_key_generation(const struct record_key *key);
/* Before the first row of @generation. */
struct record_key state_key_start(uint32_t generation);

/* Put the row, or take it away if it has no value. */
int state_set(struct state_table *state, struct table *table, const struct store_row *row,
              struct err *err);

/* A new, empty stage; an old one is garbage. */
void state_stage_begin(struct ledger *ledger);
void state_stage_drop(struct ledger *ledger);
/* The stage becomes current. */
void state_stage_commit(struct ledger *ledger);

/* A walk over the rows of one generation that verifies them all. */
struct state_walk {
    struct state_table expected;
    struct state_table seen;
    struct record_walk records;
};
void state_walk_init(struct state_walk *walk, const struct state_table *state, struct table *table);
void state_walk_close(struct state_walk *walk);
/* 0 and a row that is valid until the next call; ERR_NOT_FOUND after the last, when all that should
 * be there was seen; ERR_CORRUPT otherwise. */
int state_walk_next(struct state_walk *walk, struct store_row *row, struct err *err);

#endif /* STORAGE_STATE_H_ */
