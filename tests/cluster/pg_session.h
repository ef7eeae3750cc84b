/* tests/cluster/pg_session.h - one connection to a PostgreSQL that may be gone, hang, or refuse to
 * write.
 *
 * Blocking, for one thread. All waits end when @ends is set, and at the moment that is given. */
#ifndef TESTS_CLUSTER_PG_SESSION_H_
#define TESTS_CLUSTER_PG_SESSION_H_

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What became of a statement. A commit that was told with a warning was not told without doubt: a
 * wait for a synchronous standby that was cancelled looks like that. */
enum pg_told { PG_TOLD_DONE, PG_TOLD_REFUSED, PG_TOLD_UNKNOWN };

struct pg_session {
    PGconn *conn; /* NULL: none */
    bool warned;  /* since the statement was sent */
    const atomic_bool *ends;
};

/* Until it is connected or the server says no; a hanging one takes as long as @conninfo has it. */
bool pg_session_open(struct pg_session *s, const char *conninfo, const atomic_bool *ends);
void pg_session_close(struct pg_session *s);
/* Run @sql with @count text values. After PG_TOLD_UNKNOWN the session is closed. @ret_result, which
 * the caller clears, may be NULL. @wait_ms 0: as long as it takes. */
enum pg_told pg_session_run(struct pg_session *s, const char *sql, int count,
                            const char *const *values, uint64_t wait_ms, PGresult **ret_result);

uint64_t pg_session_now_ns(void);
/* Sleep for the rest of the turn that began at @turn_ns; when the next one began. One that took
 * longer than its period is not made up for. */
uint64_t pg_session_next_turn(uint64_t turn_ns, uint64_t period_ns);
/* Return when standard input has ended: whoever started this program wants it to end, or is gone.
 */
void pg_session_await_end_of_input(void);

#endif /* TESTS_CLUSTER_PG_SESSION_H_ */
