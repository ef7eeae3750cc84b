/* supervisor/weak.h - whose commits ask for less than the synchronous mode promises (safety I3,
 * C4).
 *
 * The promise is that of `synchronous_commit` on and remote_apply. What a session has set for
 * itself nobody else can see; seen are the server's own value and what is set for roles and
 * databases, which a session takes over when it begins. Pure: a text to ask, rows to read, a
 * sentence. */
#ifndef SUPERVISOR_WEAK_H_
#define SUPERVISOR_WEAK_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "supervisor/pg_rows.h"

#define WEAK_MAX 8
#define WEAK_NAME_SIZE 64

/* One setting that asks for less. */
struct weak_row {
    bool is_server;                /* the server's own value */
    char role[WEAK_NAME_SIZE];     /* "": of all */
    char database[WEAK_NAME_SIZE]; /* "": all of them */
    char value[24];                /* "off", "local", "remote_write" */
    uint64_t sessions;             /* that are there now, and for whom no closer setting stands */
};

struct weak_seen {
    uint64_t count; /* there may be more than fit here */
    uint32_t kept;
    struct weak_row at[WEAK_MAX];
};

/* One statement, on a primary. It reads tables, if small ones, and may have to wait for who has
 * locked them: not for a connection on which a lease depends. */
const char *weak_sql(void);
/* ERR_PROTOCOL: that is not what was asked. Nothing is written then. */
int weak_parse(const struct pg_rows *rows, struct weak_seen *ret_seen, struct err *err);

/* Append "role app (database shop): synchronous_commit=off, 3 sessions; all roles: ..."; nothing,
 * if nobody asks for less. @with_sessions: the numbers too, which change all the time. No longer
 * than @size - 1, in whole entries: what does not fit is counted. */
void weak_text(const struct weak_seen *seen, bool with_sessions, size_t size, struct buf *out);

#endif /* SUPERVISOR_WEAK_H_ */
