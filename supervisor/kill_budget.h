/* supervisor/kill_budget.h - how long before its deadline a PostgreSQL is ended: as the last ends
 * took, never later than what is assumed (proto/timing.c).
 *
 * It only grows by what was measured. An end on a calm host says nothing of the one that counts,
 * when a host that is overloaded or starved has lost its lease; less than what is assumed would win
 * some tenths of a second for the lease, and risk that processes are left at the deadline. It grows
 * no further than the lease allows: the loss of a raft leader still has to fit before it (safety
 * A5), and so has the margin of a promotion, or a slow end would cost a healthy primary its role.
 * What does not fit is told, with the cause.
 *
 * Ends are measured while nothing is served, so the budget never changes under a primary, except
 * that a pgraftd that was started anew has measured nothing yet. Pure. */
#ifndef SUPERVISOR_KILL_BUDGET_H_
#define SUPERVISOR_KILL_BUDGET_H_

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/facts.h"

#define KILL_BUDGET_ENDS 8 /* that are remembered */
#define KILL_BUDGET_TEXT_SIZE 384

struct kill_end {
    uint64_t took_ms;   /* from the first signal until none was left, rounded up */
    uint64_t processes; /* 0: nothing is remembered here */
};

struct kill_budget {
    struct kill_end ends[KILL_BUDGET_ENDS];
    uint32_t next;
};

/* One that had @processes to end; 0, as after a shutdown in order, tells nothing. */
void kill_budget_note(struct kill_budget *budget, uint64_t took_ns, uint64_t processes);

/* @times, which holds what is assumed, gets the budget. False: an end took longer than the lease
 * allows for; @out says so, else it is "". */
bool kill_budget_apply(const struct kill_budget *budget, struct supervisor_times *times,
                       char out[KILL_BUDGET_TEXT_SIZE]);

#endif /* SUPERVISOR_KILL_BUDGET_H_ */
