/* supervisor/restart_order.h - a restart as an operator asks for it: under which conditions, and
 * when; and what becomes of one that is for later.
 *
 * Pure. The conditions are Patroni's. Of one for later they are looked at when its time has come;
 * what can not be done then is dropped: else it would be done at a moment when nobody thinks of it
 * any more. It belongs to the node that took it, whatever its role is by then. */
#ifndef SUPERVISOR_RESTART_ORDER_H_
#define SUPERVISOR_RESTART_ORDER_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/when.h"
#include "supervisor/cluster_view.h"

#define RESTART_WORD_SIZE 24
#define RESTART_LATE_MS 15000 /* one that was to be begun so long ago is dropped */

struct restart_order {
    char at[WHEN_TEXT_SIZE];         /* with its zone; "": now */
    char role[RESTART_WORD_SIZE];    /* only if it has this one; "": always */
    char version[RESTART_WORD_SIZE]; /* only if PostgreSQL is older; "": always */
    bool only_pending;               /* only if a restart is pending */
    uint64_t timeout_ms; /* of its start, for the primary; 0: as the configuration says */
};

/* The node that it is for. */
struct restart_seen {
    bool is_running;
    enum view_role role;
    uint32_t version; /* of PostgreSQL; 0: not known */
    enum fact pending;
    uint64_t started_us; /* when this PostgreSQL started; 0: not known */
};

/* "16.4" is 160004, "9.6.1" 90601; 0: it is no version. */
uint32_t restart_version(const char *text);
/* The word of a condition; VIEW_ROLE_UNKNOWN: there is no such. */
enum view_role restart_role(const char *text);
/* NULL: the conditions hold, by what is known; else which one does not. */
const char *restart_unmet(const struct restart_order *order, const struct restart_seen *seen);

struct restart_later {
    struct restart_order order; /* its time is "": there is none */
    uint64_t started_us;        /* of the PostgreSQL that it was asked for; 0: it was not known */
};

struct restart_moment {
    struct restart_seen node;
    bool is_paused; /* or nobody knows */
    uint64_t wall_ms;
    const char *refused; /* why it could not be begun when it was tried; NULL: it was not */
};

enum restart_step {
    RESTART_WAIT,
    RESTART_BEGIN,
    RESTART_DROP,
};

struct restart_plan {
    enum restart_step step;
    const char *why; /* of a drop */
};

struct restart_plan restart_plan(const struct restart_later *later,
                                 const struct restart_moment *now);

#endif /* SUPERVISOR_RESTART_ORDER_H_ */
