/* ctl/checks.h - is anything amiss with a cluster? One verdict for each thing that an operator
 * wants to be woken for, with the remedy. Pure.
 *
 * Nothing is found out here: it is what status, list and why tell (told.h, cluster_view.h,
 * patroni_rows.h), and what each node says of itself, held against a few limits. */
#ifndef CTL_CHECKS_H_
#define CTL_CHECKS_H_

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"

/* As a plugin of Nagios ends. */
enum check_state { CHECK_OK, CHECK_WARNING, CHECK_CRITICAL, CHECK_UNKNOWN };
/* "OK", "WARNING", ... */
const char *check_state_name(enum check_state state);
/* The one that counts more: critical, warning, unknown, well. */
enum check_state check_state_worse(enum check_state one, enum check_state other);

/* For CLI_CHOICES(), in the order in which they are told. */
#define CHECK_NAMES                                                                          \
    "quorum", "primary", "any-one", "members", "databases", "lag", "sync", "pause", "fence", \
        "restart", "timing", "disk", "version"

struct check_limits {
    uint64_t lag_warning, lag_critical;   /* bytes: as far behind, or more */
    uint64_t free_warning, free_critical; /* bytes: less than that */
};

struct check_facts {
    json_t *raft;         /* GET /raft */
    json_t *view;         /* GET /pgraft/v1/view; NULL: no PostgreSQL is supervised */
    const char *view_why; /* NULL, or why @view could not be had: then it is NULL too */
    /* By name of a member: "self" of its own view; a text: why it could not be asked. Of others
     * nothing is known. */
    json_t *selves;
    struct check_limits limits;
};

/* An array of {"check", "state", "text", "remedy"}, of those that @is_wanted; the caller's. What
 * needs a PostgreSQL is left out where none is supervised, and unknown where @view_why says why. */
json_t *checks_of(const struct check_facts *facts, bool (*is_wanted)(const char *name, void *arg),
                  void *arg);
enum check_state checks_state(json_t *checks);

/* For a person: a line each, and below what is amiss how to mend it. */
void checks_put(struct buf *out, json_t *checks);
/* One line: "PGRAFT OK - demo: ... | lag=0B;...". */
void checks_put_nagios(struct buf *out, const struct check_facts *facts, json_t *checks);
/* The same with nothing but a reason. */
void checks_put_nagios_failed(struct buf *out, enum check_state state, const char *why);

#endif /* CTL_CHECKS_H_ */
