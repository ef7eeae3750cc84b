/* supervisor/refused.h - why a standby can not replicate: one replication connection to the
 * primary, and what its refusal means for whoever has to allow it. */
#ifndef SUPERVISOR_REFUSED_H_
#define SUPERVISOR_REFUSED_H_

#include <stdbool.h>
#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "supervisor/pg_conninfo.h"
#include "supervisor/pg_link.h"

struct refused_who {
    const char *primary;          /* its name */
    const struct pg_login *login; /* by which is replicated */
    const char *own_host;         /* where this node is, as far as it knows */
};

/* Pure. Append a sentence: "pg1 refuses the replication of ...; add to its pg_hba: host replication
 * ..."; nothing, if it was not refused. */
void refused_text(const struct pg_failure *failure, const struct refused_who *who, struct buf *out);

struct refused_look;
/* @failure NULL: it was let in. */
typedef void (*refused_cb)(struct refused_look *look, const struct pg_failure *failure);

struct refused_look {
    void *owner;
    struct pg_link link;
    refused_cb on_seen;
    void (*on_closed)(struct refused_look *look);
};

/* @place->is_replication. @on_seen is called exactly once, and never from in here, unless the look
 * is closed first. */
int refused_look_start(struct refused_look *look, uv_loop_t *loop, const struct pg_place *place,
                       refused_cb on_seen, struct err *err);
void refused_look_close(struct refused_look *look, void (*on_closed)(struct refused_look *look));

#endif /* SUPERVISOR_REFUSED_H_ */
