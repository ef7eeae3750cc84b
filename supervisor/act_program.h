/* supervisor/act_program.h - one program that runs beside us: initdb, pg_basebackup, pg_rewind, or
 * an operator's.
 *
 * pgraft-helper starts it, so that it is ended when this program dies: an operator's with all that
 * it has started in its session. What it says goes to the log, line by line. */
#ifndef SUPERVISOR_ACT_PROGRAM_H_
#define SUPERVISOR_ACT_PROGRAM_H_

#include <uv.h>

#include "base/buf.h"
#include "base/err.h"

struct act_program;
/* It was waited for. @last: the last line it said. ERR_SYSTEM: it failed, and said why. */
typedef void (*act_program_cb)(struct act_program *program, void *owner, const char *last,
                               const struct err *err);

struct act_program_order {
    const char *helper;
    char *const *words;      /* the program first; NULL at the end */
    bool is_script;          /* an operator's */
    bool is_room;            /* a server in a closed room (supervisor/helper/room.c) */
    bool is_filler;          /* killed, it is gone when all are that have its output */
    const char *name;        /* for people; NULL: that of the program's file */
    char **environment;      /* "NAME=value"; NULL at the end */
    const struct buf *input; /* for its standard input; NULL: nothing */
};

/* @on_end is called exactly once, unless it is abandoned, and never from in here. */
int act_program_start(uv_loop_t *loop, const struct act_program_order *order, act_program_cb on_end,
                      void *owner, struct act_program **ret_program, struct err *err);
/* The last line that it has said. */
const char *act_program_last(const struct act_program *program);
/* With all that it has started. Of an operator's nobody waits for what hangs in the kernel. */
void act_program_kill(struct act_program *program);
/* Kill it; nobody waits for it any more, and it holds no loop up. */
void act_program_abandon(struct act_program *program);

#endif /* SUPERVISOR_ACT_PROGRAM_H_ */
