/* supervisor/callback_run.h - runs the programs of postgresql.callbacks, each in a session of its
 * own, beside whatever else is done.
 *
 *   idle --call--> runs --it ends, or its time is over--> told --> idle
 *                   '--call--> ended with all that it has started, then the newer one runs
 *
 * Nobody waits for one. There are two lanes: on_reload has its own, as in Patroni. In a lane one
 * runs at a time, and one at most waits for the end of the one before; a newer one takes its place.
 * The programs end with this one (act_program.h). */
#ifndef SUPERVISOR_CALLBACK_RUN_H_
#define SUPERVISOR_CALLBACK_RUN_H_

#include <uv.h>

#include "supervisor/act_program.h"
#include "supervisor/callbacks.h"

#define CALLBACK_LANES 2
#define CALLBACK_TEXT_SIZE 320

struct callback_run;

/* What is called, all of it copied. */
struct callback_order {
    struct callback_call call;
    const char *command; /* for a shell */
    const char *scope;
    const char *name; /* of this node */
    uint64_t epoch;   /* the newest that was granted */
    const char *helper;
    char **environment; /* "NAME=value"; NULL at the end; outlives all */
};

struct callback_lane {
    struct callback_run *run;
    struct act_program *program; /* NULL: none runs */
    uv_timer_t timer;            /* its time, or that of its end */
    uint64_t began_ms;
    const char *ended_for; /* why it was ended; NULL: it was not */
    char what[48];         /* "on_start replica", for people */
    struct callback_next *next;
};

struct callback_run {
    uv_loop_t *loop;
    void *owner;
    /* @text: what failed, for people. */
    void (*on_failed)(struct callback_run *run, const char *text);
    void (*on_closed)(struct callback_run *run);
    struct callback_lane lanes[CALLBACK_LANES];
    int open_handles;
    bool is_closing;
};

void callback_run_open(struct callback_run *run, uv_loop_t *loop);
void callback_run_call(struct callback_run *run, const struct callback_order *order);
/* Nothing runs or waits. */
bool callback_run_is_idle(const struct callback_run *run);
/* What runs is ended. On_closed is called once, later. */
void callback_run_close(struct callback_run *run, void (*on_closed)(struct callback_run *run));

#endif /* SUPERVISOR_CALLBACK_RUN_H_ */
