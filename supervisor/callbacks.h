/* supervisor/callbacks.h - which of postgresql.callbacks is due, and with which word for the role.
 *
 * Pure: what one look sees, and what is remembered of those before. As Patroni calls them: a change
 * of the role is told instead of a start, not beside it; an end is told if somebody asked for it; a
 * PostgreSQL that runs when this program begins is told as a start. "primary" is told when the node
 * serves writes, not before. Nothing is told before the cluster has had its first primary. */
#ifndef SUPERVISOR_CALLBACKS_H_
#define SUPERVISOR_CALLBACKS_H_

#include <stdbool.h>
#include <stdint.h>

enum callback {
    CALLBACK_ON_START,
    CALLBACK_ON_STOP,
    CALLBACK_ON_RESTART,
    CALLBACK_ON_RELOAD,
    CALLBACK_ON_ROLE_CHANGE,
};
#define CALLBACKS (CALLBACK_ON_ROLE_CHANGE + 1)

/* CALLBACK_AS_NOTHING: not known, or on its way from one to another. */
enum callback_role {
    CALLBACK_AS_NOTHING,
    CALLBACK_AS_REPLICA,
    CALLBACK_AS_PRIMARY,
    CALLBACK_AS_STANDBY_LEADER,
    CALLBACK_AS_DEMOTED, /* it was the primary, has crashed, and the role is not its own any more */
};

enum callbacks_pg { CALLBACKS_PG_UNKNOWN, CALLBACKS_PG_DOWN, CALLBACKS_PG_UP };

struct callbacks_seen {
    bool is_begun; /* the cluster has had a primary */
    enum callbacks_pg pg;
    enum callback_role role; /* UP: as what it serves */
    bool has_crashed;        /* DOWN: nobody asked for it */
    bool is_holder;          /* the primary's role is this node's */
    bool restarts;           /* whatever is down is to come up again at once: a restart */
    uint64_t postmaster;     /* UP: its pid; 0: not known */
    uint32_t reloads;        /* so often it was told of a new configuration */
};

/* Zeroed when this program begins. */
struct callbacks_past {
    bool is_up;
    bool restarts;
    enum callback_role role; /* as it was told last, or would have been */
    uint64_t postmaster;
    uint32_t reloads;
};

struct callbacks_due {
    uint32_t count;
    struct callback_call {
        enum callback what;
        enum callback_role role;
    } at[2]; /* in their order */
};

struct callbacks_due callbacks_next(struct callbacks_past *past, const struct callbacks_seen *now);

/* "on_start", "primary": as its program is given them. */
const char *callback_name(enum callback what);
const char *callback_role_name(enum callback_role role);

#endif /* SUPERVISOR_CALLBACKS_H_ */
