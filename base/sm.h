/* base/sm.h - the life of an operation as a table of legal moves.
 *
 *     enum state { ASK, WAIT, CLOSE };
 *     static const struct sm_state states[] = {
 *         [ASK]   = {"ask",   SM_TO(WAIT) | SM_TO(CLOSE)},
 *         [WAIT]  = {"wait",  SM_TO(WAIT) | SM_TO(CLOSE)},
 *         [CLOSE] = {"close", 0},
 *     };
 *     sm_init(&op->sm, "promote", states, ARRAY_LEN(states), ASK);
 *     sm_move(&op->sm, WAIT);
 *
 * A state changes through sm_move() alone, which checks the table and logs the step, so that no
 * transition is illegal or unseen. At most 32 states. */
#ifndef BASE_SM_H_
#define BASE_SM_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SM_STATES_MAX 32
#define SM_TO(state) (UINT32_C(1) << (state))

struct sm_state {
    const char *name;
    uint32_t to; /* SM_TO() of every state that may follow */
};

struct sm {
    const char *name; /* of the operation, for log lines and traces */
    const struct sm_state *states;
    uint32_t count;
    int now;
};

/* @states outlives @sm. */
void sm_init(struct sm *sm, const char *name, const struct sm_state *states, size_t count,
             int start);
/* Ends the process when the table does not allow the move; logs it at debug. */
void sm_move(struct sm *sm, int next);
bool sm_may_move(const struct sm *sm, int next);
/* The name of the current state. */
const char *sm_name(const struct sm *sm);
/* Nothing may follow the current state. */
bool sm_is_final(const struct sm *sm);

#endif /* BASE_SM_H_ */
