/* supervisor/pg_methods.h - an operator's own ways to new data: commands that restore a backup.
 *
 * Pure: what a command is told, as Patroni tells it, so that a script made for that runs as it is.
 * supervisor/act_clone.c and act_restore.c run them. */
#ifndef SUPERVISOR_PG_METHODS_H_
#define SUPERVISOR_PG_METHODS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "supervisor/pg_settings.h"

/* One entry of postgresql.create_replica_methods. */
struct pg_method {
    const char *name;
    bool is_basebackup;
    const char *command; /* NULL: pg_basebackup, or nobody has said */
    struct pg_pairs arguments;
    bool no_params;             /* it is told nothing but its own arguments */
    bool no_leader;             /* it works without a primary, too */
    bool keep_data;             /* what is in the data directory stays: the command sees to it */
    const char *said_no_leader; /* as written; or NULL */
    const char *said_keep_data;
};

struct pg_methods {
    const struct pg_method *at; /* none: pg_basebackup */
    size_t count;
};

/* bootstrap.method. */
struct pg_bootstrap {
    const char *name;
    const char *command; /* NULL: initdb */
    struct pg_pairs arguments;
    bool no_params;
    bool keeps_recovery; /* it leaves behind by what to recover */
    bool has_recovery;   /* else it is recovered by these; ... */
    struct pg_pairs recovery;
};

struct pg_method_told {
    const char *scope;
    const char *data_dir;
    const char *connstring; /* of the primary, or of whom to copy; "": there is nobody */
};

/* Append the text for a shell: the command as it was written, and behind it, quoted, the words
 * "--opt=value" of its own arguments, then --scope, --role, --datadir and --connstring. */
void pg_method_text(const struct pg_method *method, const struct pg_method_told *told,
                    struct buf *out);
/* ... --scope and --datadir, then its own. */
void pg_bootstrap_text(const struct pg_bootstrap *bootstrap, const struct pg_method_told *told,
                       struct buf *out);

/* Some of them work without a primary. */
bool pg_methods_need_nobody(const struct pg_methods *methods);
/* The one at @at of the list, which is a ring; NULL: it needs somebody to copy, and there is
 * nobody. */
const struct pg_method *pg_methods_at(const struct pg_methods *methods, uint32_t at,
                                      bool has_upstream);

/* What recovery from a backup goes by, and what no server of a cluster may keep of it. */
bool pg_recovery_is_parameter(const char *name);
/* Append the lines of a configuration by which a restored directory is recovered to the end: @base
 * is included, and what that says of a recovery undone; behind it @recovery, and @lines as they
 * are. */
void pg_recovery_print(const char *base, const struct pg_pairs *recovery, const char *lines,
                       struct buf *out);

#endif /* SUPERVISOR_PG_METHODS_H_ */
