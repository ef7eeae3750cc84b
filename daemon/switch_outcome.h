/* daemon/switch_outcome.h - what has come of a wish for another primary, by what the store tells.
 * Pure.
 *
 * The role is elsewhere when another one holds the lease and has recorded its timeline, which it
 * does before it acknowledges anything: so whoever is told so can write. (Patroni tells it when the
 * lock has changed hands.) A wish that is gone while nothing has changed was dropped. */
#ifndef DAEMON_SWITCH_OUTCOME_H_
#define DAEMON_SWITCH_OUTCOME_H_

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/rows.h"

struct switch_progress {
    bool is_failover;
    struct facts_name from;      /* who held the lease when the wish was put; "": nobody */
    struct facts_name candidate; /* "": anybody */
    struct facts_name leader;    /* who holds it now; "": nobody */
    struct facts_name recorded;  /* who has recorded a timeline since; "": nobody */
    bool is_gone;                /* the wish is */
    bool is_standby;             /* it is the lead of a standby cluster, which records nothing */
};

/* A key that belongs to it has changed; @bytes NULL: it was deleted. */
void switch_leader_changed(struct switch_progress *p, const void *bytes, size_t size);
void switch_history_changed(struct switch_progress *p, const void *bytes, size_t size);
void switch_wish_changed(struct switch_progress *p, const void *bytes);

struct switch_outcome {
    unsigned status; /* 0: nothing has come of it yet */
    char text[256];
};
/* After all changes of one revision. */
void switch_judge_progress(const struct switch_progress *p, struct switch_outcome *ret_outcome);
/* ... and nothing has in this time. */
void switch_judge_late(const struct switch_progress *p, uint64_t waited_s,
                       struct switch_outcome *ret_outcome);

/* How long Patroni waits: twice loop_wait, at least 20 s, and here at most 10 min. @config: the
 * key; NULL: none. */
uint64_t switch_wait_s(const void *config, size_t size);

#endif /* DAEMON_SWITCH_OUTCOME_H_ */
