/* supervisor/guard/decide.h - what does the guard do next?
 *
 * Pure: from facts to one action, with the name of the rule; no clock, no I/O, no memory. The rules
 * that end a PostgreSQL come before those that serve one. loop.c gathers the facts and acts. */
#ifndef SUPERVISOR_GUARD_DECIDE_H_
#define SUPERVISOR_GUARD_DECIDE_H_

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/guard_page.h"
#include "supervisor/guard_wire.h"

struct guard_facts {
    uint64_t now_ns; /* CLOCK_BOOTTIME */
    enum guard_phase phase;

    /* The epoch that this PostgreSQL serves, or is about to: the deadline applies to it, in
     * recovery or not (safety B1). 0: none, and no deadline applies. */
    uint64_t bound_epoch;
    uint64_t armed_epoch;    /* confirmed to pgraftd */
    uint64_t highest_epoch;  /* ever bound: epochs only grow */
    uint64_t deadline_ns;    /* of the bound epoch, or of the armed one; the newest known */
    uint64_t kill_budget_ns; /* ending begins so much before the deadline */

    bool has_grant; /* the page could be read */
    struct guard_grant grant;

    bool is_left;         /* out of recovery since it was last seen in it, or down */
    bool is_hands_off;    /* pgraftd works on the data directory: what happens there is its doing */
    bool is_signal_known; /* standby.signal is there and synced */
    bool is_signal_owed;  /* it was taken away, or PostgreSQL removes it */
    bool is_errand_busy;
    bool is_work_waiting;     /* a request waits for its first step */
    bool is_look_due;         /* something in the data directory has changed, or it was long ago */
    bool is_nudge_due;        /* a promotion was ordered a while ago and has not begun */
    bool is_order_written;    /* the promote file is there: the signal may be sent */
    uint64_t order_margin_ns; /* of the promotion that was ordered */
};

enum guard_action {
    GUARD_REST,
    GUARD_DO_END,         /* everything, at once */
    GUARD_DO_SWEEP,       /* go on with that */
    GUARD_DO_SIGNAL_FILE, /* write standby.signal */
    GUARD_DO_WORK,        /* the first step of a request */
    GUARD_DO_LOOK,        /* at the data directory */
    GUARD_DO_NUDGE,       /* signal the postmaster, which looks for the promote file */
};

struct guard_decision {
    enum guard_action action;
    enum guard_reason reason; /* of GUARD_DO_END */
    const char *rule;
};

struct guard_decision guard_decide(const struct guard_facts *facts);

/* Whether PostgreSQL may be made the primary under @epoch now, with @margin_ns of the lease to
 * spare; GUARD_FINE, or why not. */
enum guard_reason guard_may_serve(const struct guard_facts *facts, uint64_t epoch);
/* Whether @epoch can be confirmed: the page shows it, with time left. */
enum guard_reason guard_may_arm(const struct guard_facts *facts, uint64_t epoch);
/* Whether what was adopted may be let go now: what is to be ended is not. */
enum guard_reason guard_may_leave(const struct guard_facts *facts);
/* When ending has to begin; UINT64_MAX: no deadline applies. */
uint64_t guard_end_ns(const struct guard_facts *facts);

#endif /* SUPERVISOR_GUARD_DECIDE_H_ */
