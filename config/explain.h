/* config/explain.h - what one setting is at this node, and where that comes from.
 *
 * Pure: out of this node's configuration, the shared one, and what PostgreSQL says of itself. A
 * name is one of PostgreSQL's parameters ("max_connections"), of the shared configuration ("ttl"),
 * or of a node's own ("restapi.listen"). Its layers come lowest first: each hides those before it.
 * No secret comes out of here: they are ***, also inside of other values (base/redact.h). */
#ifndef CONFIG_EXPLAIN_H_
#define CONFIG_EXPLAIN_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"
#include "supervisor/pg_origin.h"

enum explain_kind {
    EXPLAIN_POSTGRESQL,
    EXPLAIN_SHARED, /* by the shared configuration alone */
    EXPLAIN_NODE,   /* of this node; the shared one may say it for nodes that say nothing */
};

struct explain_layer {
    const char *layer; /* "built in", "postgresql.base.conf", "shared", "ALTER SYSTEM", ... */
    char *where;       /* "/etc/pgraft/pgraft.yml:12"; or NULL */
    char *value;       /* NULL: not told */
    const char *state; /* "counts", "hidden", "ignored" */
    char *why;         /* of what is ignored, or is otherwise not as one would think; or NULL */
};

struct explained {
    enum explain_kind kind;
    char *name;
    char *value;        /* what counts, perhaps not before a restart */
    char *running;      /* of PostgreSQL now; NULL: not known, or no parameter of its */
    bool waits;         /* for a restart of PostgreSQL */
    const char *from;   /* the layer that counts */
    const char *change; /* what a change of it takes */
    char *note;         /* what it does, or NULL */
    struct explain_layer *layers;
    size_t layer_count;
};

struct explain_input {
    const struct config *local;
    const struct config *dynamic; /* config_dynamic_load() of @shared */
    const char *shared;           /* JSON, or NULL: nothing */
    uint64_t revision;            /* of it */
    bool is_guess;                /* it is bootstrap.dcs: what is in the store is not known yet */
    bool has_postgresql;          /* this node supervises one */
    bool is_primary;
    const struct pg_origins *origins; /* NULL: PostgreSQL was not asked, or did not answer */
    uint64_t lease_ms;                /* what comes of ttl, failover and lease_ms */
};

struct explain_names {
    const char *const *at;
    size_t count;
};

/* Fill @out, which is zeroed, and to be closed in any case. ERR_NOT_FOUND: nothing is called @name,
 * and @err has what comes near, of ours and of @known, which are PostgreSQL's. ERR_REFUSED: it is
 * PostgreSQL's, and there is none here. */
int explain_setting(const struct explain_input *input, const char *name,
                    const struct explain_names *known, struct explained *out, struct err *err);
/* It is none of PostgreSQL's: that need not be asked. */
bool explain_is_ours(const char *name);
/* Append the names of all that is said somewhere, each with a NUL behind it: in this node's
 * configuration, in the shared one, or to PostgreSQL. */
size_t explain_all(const struct explain_input *input, struct buf *out);
void explained_close(struct explained *explained);

#endif /* CONFIG_EXPLAIN_H_ */
