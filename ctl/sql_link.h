/* ctl/sql_link.h - one connection to one PostgreSQL, for what a person wants to ask it.
 *
 * Blocks. A password goes from a struct secret to libpq and nowhere else. What the server says is
 * escaped before it reaches a terminal. */
#ifndef CTL_SQL_LINK_H_
#define CTL_SQL_LINK_H_

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "base/err.h"
#include "base/secret.h"

struct sql_place {
    const char *name; /* for messages */
    const char *host;
    int64_t port;
    const char *user;              /* NULL: libpq's default, as of PGUSER */
    const struct secret *password; /* not set: libpq's, as of PGPASSFILE */
    const char *database;          /* NULL: libpq's default */
    uint64_t timeout_ms;           /* to connect */
};

/* That server and no other, whatever the environment says. ERR_CLOSED: it can not be reached, or
 * does not let us in. PQfinish() closes. */
int sql_connect(const struct sql_place *place, PGconn **ret_link, struct err *err);
/* For CLEANUP(). */
void sql_closep(PGconn **link);

int sql_in_recovery(PGconn *link, const char *name, bool *ret_in_recovery, struct err *err);

/* What came of one statement, rows or not; < 0 ends it all. */
typedef int (*sql_result_cb)(PGresult *result, void *arg, struct err *err);

/* All statements of @sql, in one message to the server. ERR_REFUSED: the server refuses one;
 * ERR_CANCELED: the connection is lost, and nobody knows whether it was done. */
int sql_run(PGconn *link, const char *name, const char *sql, sql_result_cb cb, void *arg,
            struct err *err);

#endif /* CTL_SQL_LINK_H_ */
