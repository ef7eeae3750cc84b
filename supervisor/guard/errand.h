/* supervisor/guard/errand.h - what has to touch the data directory is done by a child.
 *
 * A disk that hangs must not hang the guard: it would miss the deadline. So every read, write and
 * fsync below the data directory runs in a forked child, one at a time, which reports through a
 * pipe and ends. A child that hangs is a fact that the guard can see. */
#ifndef SUPERVISOR_GUARD_ERRAND_H_
#define SUPERVISOR_GUARD_ERRAND_H_

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervisor/guard/scan.h"
#include "supervisor/pg_control.h"

enum errand_kind {
    ERRAND_NONE,
    ERRAND_LOOK,            /* only what every errand does at its end: see the report */
    ERRAND_PREPARE_STANDBY, /* no promote file, and a synced standby.signal */
    ERRAND_PREPARE_PRIMARY, /* neither of the two files */
    ERRAND_PROMOTE_FILE,    /* PostgreSQL promotes when it finds it and is signalled */
    ERRAND_WRITE_SIGNAL,    /* standby.signal, synced with its folder */
    ERRAND_CHECK_PROGRAM,   /* whether the new guard reads our state: its exit status */
};

/* Where errands are done; all of it outlives them. */
struct errand_place {
    const char *data_dir;
    const char *program; /* the postgres that is started */
    char *new_guard;     /* of ERRAND_CHECK_PROGRAM */
    char *state_word;    /* ... and what it is asked for */
    int inotify_fd;      /* gets watches on the folder and on the control file */
};

#define ERRAND_CUT_OFF ECANCELED

struct errand_report {
    uint32_t kind;
    int32_t error; /* errno of what could not be done, 0: done, ERRAND_CUT_OFF: errand_kill() */
    uint32_t has_signal;
    uint32_t control_error; /* enum pg_control_error; or one of the file, then error says which */
    struct file_id data;
    struct file_id program;
    struct pg_control control;
    uint32_t is_control_known;
    int32_t noted_pid; /* of postmaster.pid; 0: there is none, negative: a single-user server */
};

struct errand {
    enum errand_kind kind; /* ERRAND_NONE: none is under way */
    pid_t pid;
    int fd;
    uint64_t began_ns;
    bool is_killed;
    bool is_reaped;
    int wait_status;
};

/* -1: no child can be made (errno). */
int errand_start(struct errand *errand, enum errand_kind kind, const struct errand_place *place,
                 uint64_t now_ns);
/* When its descriptor is readable or its child was reaped: true and the report once it is over,
 * whatever became of it. The child of ERRAND_CHECK_PROGRAM reports by its exit status alone. */
bool errand_collect(struct errand *errand, struct errand_report *ret_report);
/* Some child of the guard has ended. */
void errand_reaped(struct errand *errand, pid_t pid, int wait_status);
/* Kill it; it is over when errand_collect() says so. */
void errand_kill(struct errand *errand);

/* In a child: close everything but these two, and standard input, output and error. */
void close_all_but(int a, int b);

#endif /* SUPERVISOR_GUARD_ERRAND_H_ */
