/* supervisor/pg_settings.h - the exact set of parameters that a PostgreSQL of ours runs with.
 *
 * Pure: from the shared configuration, this node's own, its role and what the supervisor decided,
 * to names and values. In order of precedence, the later ones winning:
 *
 *   parameters of the shared configuration          PG_LAYER_SHARED
 *   parameters of this node's file                  PG_LAYER_LOCAL
 *   parameters_<role> of the shared configuration   PG_LAYER_SHARED_ROLE
 *   parameters_<role> of this node's file           PG_LAYER_LOCAL_ROLE
 *   recovery_conf of the shared one, then the local PG_LAYER_SHARED_RECOVERY, _LOCAL_RECOVERY
 *   what is ours                                    the rest of the input
 *
 * What somebody set and may not is left out, with one warning for each name; so are names that this
 * version does not have, for a server does not start over them. Parameters that standbys need at
 * least as large as the primary come from the shared configuration alone, and one that is no good
 * there gets its default. A standby always has the fence of safety B2; a zeroed input has it too.
 */
#ifndef SUPERVISOR_PG_SETTINGS_H_
#define SUPERVISOR_PG_SETTINGS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "supervisor/facts.h"
#include "supervisor/pg_names.h"

#define PG_PORT 5432

struct pg_pair {
    const char *name; /* in any case */
    const char *value;
};

struct pg_pairs {
    const struct pg_pair *at;
    size_t count;
};

enum pg_layer {
    PG_LAYER_SHARED,
    PG_LAYER_LOCAL,
    PG_LAYER_SHARED_ROLE,
    PG_LAYER_LOCAL_ROLE,
    PG_LAYER_SHARED_RECOVERY,
    PG_LAYER_LOCAL_RECOVERY,
    PG_LAYER_COUNT,
};

/* What the control file of a standby asks for: with less than the primary had, it does not start.
 * 0: not known. */
struct pg_needs {
    uint64_t max_connections;
    uint64_t max_worker_processes;
    uint64_t max_wal_senders;
    uint64_t max_prepared_transactions;
    uint64_t max_locks_per_transaction;
};

struct pg_settings_input {
    unsigned major; /* 13 to 18 */
    bool is_primary;
    struct pg_pairs layers[PG_LAYER_COUNT];
    const struct pg_known *known; /* NULL: only what pg_names.c knows */
    const char *scope;            /* becomes cluster_name */
    const char *listen_addresses; /* "10.0.0.1,127.0.0.1", "*" */
    unsigned port;                /* 0: PG_PORT */
    const char *primary_conninfo; /* NULL: follows nobody; a sealed node, and a primary */
    const char *primary_slot_name;
    const char *hba_file; /* unless the configuration names one; NULL: the base file decides */
    const char *ident_file;
    const struct sync_set *sync; /* of a primary; NULL, or nobody to name: the fence */
    bool sync_first;             /* synchronous_mode on: the first ones, in their order, not any */
    bool feedback;               /* logical slots are kept: hot_standby_feedback */
    struct pg_needs needs;
};

struct pg_setting {
    char *name;
    char *value;
    bool is_argument; /* also given to the postmaster as --name=value: ALTER SYSTEM loses */
    bool is_raised;   /* to what the control file asks for; the shared configuration says less */
};

struct pg_settings {
    struct pg_setting *at; /* in the order of names */
    size_t count;
    struct pg_warning {
        char *name;
        char *text; /* "max_connections: ..." */
    } * warnings;
    size_t warning_count;
};

/* Fill @out, which is zeroed. Total: there is no input without an answer. */
void pg_settings_make(const struct pg_settings_input *input, struct pg_settings *out);
/* The value, or NULL. */
const char *pg_settings_get(const struct pg_settings *settings, const char *name);
void pg_settings_close(struct pg_settings *settings);

/* Append the file. @base: the user's own, included first; NULL: there is none. */
void pg_settings_print(const struct pg_settings *settings, const char *base, struct buf *out);
/* The first line of every such file, with its end. */
#define PG_SETTINGS_HEAD "# Written by pgraft, again and again: what is changed here is lost.\n"
/* Append "--port=5432" and so on, each followed by a NUL byte; returns how many. */
size_t pg_settings_arguments(const struct pg_settings *settings, struct buf *out);
/* Append @value in the quotes of such a file. */
void pg_settings_quote(const char *value, struct buf *out);

/* Nobody but us sets it, in a configuration or with ALTER SYSTEM. */
bool pg_settings_is_ours(const char *name);

#endif /* SUPERVISOR_PG_SETTINGS_H_ */
