/* tests/cluster/pg_session.c - see pg_session.h. */
#include "tests/cluster/pg_session.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"

#define LOOK_MS 100 /* how soon a wait notices that the program ends */

uint64_t pg_session_now_ns(void)
{
    return clock_ns(clock_system(), CLOCK_MONO);
}

/* ... or not at all. */
static void sleep_until(uint64_t at_ns)
{
    struct timespec at = {.tv_sec = (time_t)(at_ns / NS_PER_S),
                          .tv_nsec = (long)(at_ns % NS_PER_S)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR) {
    }
}

uint64_t pg_session_next_turn(uint64_t turn_ns, uint64_t period_ns)
{
    uint64_t now_ns = pg_session_now_ns();
    uint64_t next_ns = turn_ns + period_ns;
    next_ns = next_ns < now_ns ? now_ns : next_ns;
    sleep_until(next_ns);
    return next_ns;
}

void pg_session_await_end_of_input(void)
{
    char dropped[64];
    ssize_t n = 0;
    do {
        n = read(STDIN_FILENO, dropped, sizeof(dropped));
    } while (n > 0 || (n < 0 && errno == EINTR));
}

static void on_notice(void *owner, const PGresult *result)
{
    struct pg_session *s = owner;
    (void)result;
    s->warned = true;
}

bool pg_session_open(struct pg_session *s, const char *conninfo, const atomic_bool *ends)
{
    *s = (struct pg_session){.conn = PQconnectdb(conninfo), .ends = ends};
    if (PQstatus(s->conn) != CONNECTION_OK) {
        pg_session_close(s);
        return false;
    }
    (void)PQsetNoticeReceiver(s->conn, on_notice, s);
    return true;
}

void pg_session_close(struct pg_session *s)
{
    PQfinish(s->conn);
    s->conn = NULL;
}

/* False: too late, or the program ends. */
static bool await_answer(struct pg_session *s, uint64_t until_ns)
{
    while (PQisBusy(s->conn) != 0) {
        struct pollfd fd = {.fd = PQsocket(s->conn), .events = POLLIN};
        if (atomic_load(s->ends) || pg_session_now_ns() >= until_ns) {
            return false;
        }
        if (poll(&fd, 1, LOOK_MS) > 0 && PQconsumeInput(s->conn) == 0) {
            return false;
        }
    }
    return true;
}

/* The answer whole: @ret_result is NULL if there was none. */
static bool take_answer(struct pg_session *s, uint64_t until_ns, PGresult **ret_result)
{
    *ret_result = NULL;
    for (;;) {
        if (!await_answer(s, until_ns)) {
            return false;
        }
        PGresult *next = PQgetResult(s->conn);
        if (next == NULL) {
            return *ret_result != NULL;
        }
        PQclear(*ret_result);
        *ret_result = next;
    }
}

enum pg_told pg_session_run(struct pg_session *s, const char *sql, int count,
                            const char *const *values, uint64_t wait_ms, PGresult **ret_result)
{
    PGresult *result = NULL;
    uint64_t until_ns = wait_ms != 0 ? pg_session_now_ns() + wait_ms * NS_PER_MS : UINT64_MAX;
    MUST(s->conn != NULL);
    s->warned = false;
    bool is_whole = PQsendQueryParams(s->conn, sql, count, NULL, values, NULL, NULL, 0) == 1 &&
                    take_answer(s, until_ns, &result);
    ExecStatusType status = PQresultStatus(result);
    enum pg_told told = PG_TOLD_UNKNOWN;
    if (is_whole && (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)) {
        told = s->warned ? PG_TOLD_UNKNOWN : PG_TOLD_DONE;
    } else if (is_whole && PQstatus(s->conn) == CONNECTION_OK) {
        told = PG_TOLD_REFUSED;
    }
    if (told == PG_TOLD_UNKNOWN) {
        pg_session_close(s);
    }
    if (ret_result != NULL) {
        *ret_result = result;
    } else {
        PQclear(result);
    }
    return told;
}
