/* supervisor/guard_seen.h - what the guard's events say of the guard, and of the processes it
 * holds.
 *
 * A pure book: events and times go in, facts come out. The guard tells every change by itself and
 * answers when it is asked for its state; silence after a question is a fact of its own, and so is
 * the end of its socket. */
#ifndef SUPERVISOR_GUARD_SEEN_H_
#define SUPERVISOR_GUARD_SEEN_H_

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/facts.h"
#include "supervisor/guard_wire.h"

struct guard_seen {
    enum guard_state state;
    uint64_t heard_at_ms; /* the last event */
    uint64_t asked_at_ms; /* the oldest question without any event after it; 0: none */
    uint64_t armed_epoch;
    uint64_t bound_epoch; /* for which it promotes, promoted, or restarted in place */
    uint64_t system_id;
    enum fact is_primary;
    enum fact signal_synced;
    enum pg_process process; /* STARTING also where only a door could tell more */
    bool is_adopted;         /* what the guard holds was there before, and would outlive it */
    bool is_foreign;         /* what runs was started by somebody else */
    bool may_run;            /* the postmaster is up: connections are worth a try */
    uint64_t starts;         /* grows with each start or end: what was seen before is old */
};

/* A guard is connected, or none is. */
void guard_seen_begin(struct guard_seen *seen);
void guard_seen_gone(struct guard_seen *seen);
void guard_seen_event(struct guard_seen *seen, const struct guard_event *event, uint64_t now_ms);
void guard_seen_asked(struct guard_seen *seen, uint64_t now_ms);
/* Notes silence longer than @deadline_ms after a question. True: that is new. */
bool guard_seen_tick(struct guard_seen *seen, uint64_t now_ms, uint64_t deadline_ms);
void guard_seen_fill(const struct guard_seen *seen, struct guard_facts *out);
bool guard_seen_is_same(const struct guard_facts *a, const struct guard_facts *b);

#endif /* SUPERVISOR_GUARD_SEEN_H_ */
