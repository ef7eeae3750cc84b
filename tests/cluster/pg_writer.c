/* tests/cluster/pg_writer.c - clients that write a row again and again, and print what they were
 * told.
 *
 * usage: pg_writer PERIOD_MS CONNINFO...
 *
 * Each client has a thread, and a number: that of its CONNINFO. It writes (client, number) into the
 * table rows, a new number every PERIOD_MS whatever became of the last one, and connects again when
 * the connection is lost. Numbers begin with the milliseconds of CLOCK_MONOTONIC, so that none is
 * used twice, also by the writers of the next test. A line is "ok CLIENT NUMBER SENT ACKED", with
 * CLOCK_MONOTONIC in nanoseconds, or "unknown CLIENT NUMBER SENT" for a row of which nobody told
 * whether it is there. A row that was refused is not printed. It ends with its standard input. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "tests/cluster/pg_session.h"

#define CLIENTS_MAX 8
#define WAIT_MS 2000 /* then the client gives the connection up */
#define NUMBER_SIZE 24

static const char insert[] = "INSERT INTO rows VALUES ($1, $2)";

struct client {
    pthread_t thread;
    const char *conninfo;
    int index;
    uint64_t period_ns;
    const atomic_bool *ends;
    struct pg_session session;
    uint64_t number;
};

/* Of several hosts the one that was written to; who does not write any more is left. */
static bool is_choosy(const struct client *c)
{
    return strstr(c->conninfo, "target_session_attrs") != NULL;
}

static void write_row(struct client *c)
{
    char index[NUMBER_SIZE];
    char number[NUMBER_SIZE];
    const char *const values[] = {index, number};
    c->number++;
    (void)snprintf(index, sizeof(index), "%d", c->index);
    (void)snprintf(number, sizeof(number), "%" PRIu64, c->number);
    uint64_t sent_ns = pg_session_now_ns();
    enum pg_told told = pg_session_run(&c->session, insert, 2, values, WAIT_MS, NULL);
    if (told == PG_TOLD_DONE) {
        (void)printf("ok %d %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", c->index, c->number, sent_ns,
                     pg_session_now_ns());
    } else if (told == PG_TOLD_UNKNOWN) {
        (void)printf("unknown %d %" PRIu64 " %" PRIu64 "\n", c->index, c->number, sent_ns);
    } else if (is_choosy(c)) {
        pg_session_close(&c->session);
    }
}

static void *work(void *argument)
{
    struct client *c = argument;
    for (uint64_t turn_ns = pg_session_now_ns(); !atomic_load(c->ends);) {
        if (c->session.conn != NULL || pg_session_open(&c->session, c->conninfo, c->ends)) {
            write_row(c);
        }
        turn_ns = pg_session_next_turn(turn_ns, c->period_ns);
    }
    pg_session_close(&c->session);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct client clients[CLIENTS_MAX];
    atomic_bool ends = false;
    int count = argc - 2;
    if (count < 1 || count > CLIENTS_MAX) {
        (void)fprintf(stderr, "usage: pg_writer PERIOD_MS CONNINFO...\n");
        return 2;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < count; i++) {
        clients[i] = (struct client){.conninfo = argv[i + 2],
                                     .index = i,
                                     .period_ns = strtoull(argv[1], NULL, 10) * NS_PER_MS,
                                     .ends = &ends,
                                     .number = pg_session_now_ns() / NS_PER_MS};
        MUST(pthread_create(&clients[i].thread, NULL, work, &clients[i]) == 0);
    }
    pg_session_await_end_of_input();
    atomic_store(&ends, true);
    for (int i = 0; i < count; i++) {
        MUST(pthread_join(clients[i].thread, NULL) == 0);
    }
    return 0;
}
