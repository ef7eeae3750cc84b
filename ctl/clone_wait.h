/* ctl/clone_wait.h - until a member that was told to clone its data anew has done so, or has not.
 *
 * It is asked itself. A node tells what has become of the task, by a number that no other task has;
 * one of an older version does not, and then what counts is that its PostgreSQL runs, and was
 * started since. */
#ifndef CTL_CLONE_WAIT_H_
#define CTL_CLONE_WAIT_H_

#include <jansson.h>

#include "base/buf.h"
#include "ctl/tasking.h"

struct clone_wait {
    struct tasking *tasking;
    json_t *member;
    struct buf started; /* its PostgreSQL, before; "": it did not run, or nobody said so */
    json_int_t before;  /* the task before it; 0: none, or ... */
    bool is_sure;       /* ... false: nobody said so */
    json_int_t id;      /* 0: not told yet */
    unsigned missed;    /* so often it was told of no new task */
};

/* Before it is told. @member lives as long. */
void clone_wait_begin(struct clone_wait *w, struct tasking *tasking, json_t *member);
void clone_wait_close(struct clone_wait *w);
/* 0: it is done; 1: it is not, and @why says so. */
int clone_wait_until_over(struct clone_wait *w, struct buf *why);

#endif /* CTL_CLONE_WAIT_H_ */
