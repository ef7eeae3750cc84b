/* supervisor/pg_link.h - one connection to PostgreSQL on a loop, which never makes the loop wait.
 *
 *   IDLE --> CONNECTS --> READY <--> ASKS          a failure: --> WAITS, then CONNECTS again
 *
 * Everything has a deadline: to connect, and each query. A deadline that passes ends the
 * connection, since a server that does not answer one query will not answer the next either; the
 * server itself ends the query soon after, by statement_timeout. A connection that is gone is made
 * again after a pause that doubles up to a limit.
 *
 * No name is ever resolved: the place is an address or the directory of a unix socket. A password
 * comes from a passfile alone; it should lie where a read can not hang (/run), for libpq reads it
 * on the loop. One loop, one thread. The struct belongs to the caller, who frees it after
 * on_closed. */
#ifndef SUPERVISOR_PG_LINK_H_
#define SUPERVISOR_PG_LINK_H_

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "supervisor/pg_conninfo.h"
#include "supervisor/pg_rows.h"

enum pg_link_state {
    PG_LINK_IDLE,     /* nobody wants a connection */
    PG_LINK_WAITS,    /* for the next attempt */
    PG_LINK_CONNECTS, /* an attempt is under way */
    PG_LINK_READY,
    PG_LINK_ASKS, /* a query is under way */
    PG_LINK_CLOSED,
};

#define PG_SQLSTATE_SIZE 6

/* How the last attempt or query ended. */
struct pg_failure {
    struct err err;                  /* ERR_TIMEOUT: the deadline; ERR_CLOSED: nobody listens, or
                                        the connection broke; ERR_DENIED: refused; ERR_REFUSED */
    char sqlstate[PG_SQLSTATE_SIZE]; /* "": it was not PostgreSQL that said it */
};

struct pg_place {
    const char *host; /* "10.0.0.1", "::1", or the absolute path of a socket's directory */
    uint16_t port;
    const char *user;
    const char *database;
    const char *passfile;         /* NULL: none is looked at */
    const char *application_name; /* shown in pg_stat_activity */
    const struct pg_login *tls;   /* what is asked of the server, and shown to it; NULL, and what is
                                     not set: libpq's defaults */
    uint64_t connect_ms;          /* deadline of one attempt */
    uint64_t statement_ms;        /* when the server itself gives a statement up: above every
                                     deadline of a query */
    uint64_t pause_min_ms;        /* between attempts */
    uint64_t pause_max_ms;
    bool is_replication; /* a walsender, which takes no statement: to see whether it lets in */
};

struct pg_link;
typedef void (*pg_link_cb)(struct pg_link *link);
/* @rows, or @failure; neither outlives the call. */
typedef void (*pg_link_rows_cb)(struct pg_link *link, const struct pg_rows *rows,
                                const struct pg_failure *failure);

struct pg_link_words; /* the place, kept */

struct pg_link {
    enum pg_link_state state;
    struct pg_failure failure; /* of the last attempt; code 0: it succeeded */
    uint64_t attempts;         /* so far */
    void *owner;               /* the caller's */
    pg_link_cb on_change;      /* READY, or an attempt failed, or the connection broke */
    pg_link_cb on_closed;
    pg_link_rows_cb on_rows; /* of the query under way */
    uv_loop_t *loop;
    uv_timer_t timer; /* of the deadline, or of the pause */
    struct link_poll *poll;
    struct pg_link_words *words;
    void *connection; /* PGconn */
    void *result;     /* PGresult, the last of the query under way */
    uint64_t pause_ms;
};

/* Nothing is connected yet. ERR_INVALID: the host is a name, or something is missing. The caller
 * sets owner and on_change afterwards. */
int pg_link_open(struct pg_link *link, uv_loop_t *loop, const struct pg_place *place,
                 struct err *err);
/* Be connected from now on; on_change says when. From any state but CLOSED: a pause is cut short.
 */
void pg_link_connect(struct pg_link *link);
/* End the connection and make none. A query under way is answered with ERR_CANCELED first. */
void pg_link_drop(struct pg_link *link);
/* Ask one statement. ERR_CLOSED: not connected; ERR_BUSY: one is under way. Otherwise @on_rows is
 * called exactly once, never from in here. */
int pg_link_ask(struct pg_link *link, const char *sql, uint64_t deadline_ms,
                pg_link_rows_cb on_rows, struct err *err);
/* Give up the query under way, which is answered with ERR_CANCELED; ends the connection, and makes
 * another. The server's side of it ends by statement_timeout, at the latest at its deadline. */
void pg_link_cancel(struct pg_link *link);
/* @on_closed is called once, later. */
void pg_link_close(struct pg_link *link, pg_link_cb on_closed);

/* The SQLSTATE in a message of libpq of a failed attempt, "" if none: in any language. Pure. */
void pg_sqlstate_of(const char *message, char out[PG_SQLSTATE_SIZE]);
/* Whether the server asked for a password, and there was none: so it takes connections. Pure. */
bool pg_failure_lacks_password(const struct pg_failure *failure);
/* Whether @host is an address or an absolute path. Pure. */
bool pg_host_is_place(const char *host);

/* Forget the environment's PGHOST, PGPASSWORD and all the others that libpq would listen to. At the
 * start of a program, before its threads. */
void pg_link_forget_environment(void);

#endif /* SUPERVISOR_PG_LINK_H_ */
