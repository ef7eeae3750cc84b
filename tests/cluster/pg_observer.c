/* tests/cluster/pg_observer.c - looks from each node itself whether its PostgreSQL commits, for
 * "two primaries".
 *
 * usage: pg_observer PERIOD_MS NODE CONNINFO [NODE CONNINFO]...
 *
 * Two threads a node, over its unix socket: one holds a session that it opened at the start, one
 * opens a new session for each sample. Each commits a row with the node's name and the epoch every
 * PERIOD_MS; writable is what has told that the commit is done, and nothing else. The epoch is told
 * by the timeline, which PostgreSQL itself knows at that moment: each grant of the role has one of
 * its own. A line is "NODE held|new TIMELINE SENT ACKED", with CLOCK_MONOTONIC in nanoseconds. It
 * ends with its standard input. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/must.h"
#include "tests/cluster/pg_session.h"

#define NODES_MAX 8
#define KINDS 2
#define NEW_WAIT_MS 1000 /* for a new session; one that is held waits as long as it takes */

static const char insert[] =
    "INSERT INTO seen (node, timeline) VALUES ($1, "
    "('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int) RETURNING "
    "timeline";

struct look {
    pthread_t thread;
    const char *node;
    const char *conninfo;
    bool holds;
    uint64_t period_ns;
    const atomic_bool *ends;
    struct pg_session session;
};

static void sample(struct look *l)
{
    PGresult *result = NULL;
    uint64_t sent_ns = pg_session_now_ns();
    enum pg_told told =
        pg_session_run(&l->session, insert, 1, &l->node, l->holds ? 0 : NEW_WAIT_MS, &result);
    if (told == PG_TOLD_DONE) {
        (void)printf("%s %s %s %" PRIu64 " %" PRIu64 "\n", l->node, l->holds ? "held" : "new",
                     PQgetvalue(result, 0, 0), sent_ns, pg_session_now_ns());
    }
    PQclear(result);
}

static void *work(void *argument)
{
    struct look *l = argument;
    for (uint64_t turn_ns = pg_session_now_ns(); !atomic_load(l->ends);) {
        if (l->session.conn != NULL || pg_session_open(&l->session, l->conninfo, l->ends)) {
            sample(l);
        }
        if (!l->holds) {
            pg_session_close(&l->session);
        }
        turn_ns = pg_session_next_turn(turn_ns, l->period_ns);
    }
    pg_session_close(&l->session);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct look looks[NODES_MAX * KINDS];
    atomic_bool ends = false;
    int count = argc - 2;
    if (count < 2 || count % 2 != 0 || count > NODES_MAX * 2) {
        (void)fprintf(stderr, "usage: pg_observer PERIOD_MS NODE CONNINFO [NODE CONNINFO]...\n");
        return 2;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < count; i++) { /* as many threads as words: two a node */
        int first = i / KINDS * 2 + 2;
        looks[i] = (struct look){.node = argv[first],
                                 .conninfo = argv[first + 1],
                                 .holds = i % KINDS == 0,
                                 .period_ns = strtoull(argv[1], NULL, 10) * NS_PER_MS,
                                 .ends = &ends};
        MUST(pthread_create(&looks[i].thread, NULL, work, &looks[i]) == 0);
    }
    pg_session_await_end_of_input();
    atomic_store(&ends, true);
    for (int i = 0; i < count; i++) {
        MUST(pthread_join(looks[i].thread, NULL) == 0);
    }
    return 0;
}
