/* supervisor/helper.h - pgraft-helper: a process of its own that asks a disk, one question at a
 * time.
 *
 * A read that hangs hangs the helper, never the loop. It is started for its first question and
 * stays, since to start a program may hang on a disk as well. A question has a deadline; after it
 * the caller is told, and the helper is left waiting for its disk: until it has answered no other
 * question is taken, and no second helper is started beside it. One that dies is waited for by
 * libuv, and another one is started with the next question. */
#ifndef SUPERVISOR_HELPER_H_
#define SUPERVISOR_HELPER_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"

#define HELPER_SAID_MAX 16896 /* every timeline with its place (wal_end.c) */

struct helper;
/* @said: its answer, one line; or NULL with @err: ERR_TIMEOUT, ERR_SYSTEM (it died). */
typedef void (*helper_cb)(struct helper *helper, const char *said, const struct err *err);
typedef void (*helper_closed_cb)(struct helper *helper);

struct helper_place {
    const char *program; /* path of pgraft-helper; both outlive the helper */
    const char *data_dir;
};

struct helper {
    uv_loop_t *loop;
    struct helper_place place;
    bool is_kept;           /* it stays after an answer */
    uv_timer_t timer;       /* of the deadline */
    struct helper_run *run; /* the process; NULL: none */
    bool is_asked;          /* it has not answered yet, late as it may be */
    helper_cb on_done;      /* NULL: nobody waits for the answer */
    helper_closed_cb on_closed;
    bool is_closing;
};

void helper_open(struct helper *helper, uv_loop_t *loop, const struct helper_place *place,
                 bool is_kept);
/* Ask @question, one line. ERR_BUSY: an earlier one is not answered yet. Otherwise @on_done is
 * called exactly once, never from in here. */
int helper_ask(struct helper *helper, const char *question, uint64_t deadline_ms, helper_cb on_done,
               struct err *err);
/* A helper that does not end does not hold this up. @on_closed is called once, later; nobody is
 * answered any more. */
void helper_close(struct helper *helper, helper_closed_cb on_closed);

/* The number of "NAME=VALUE" among the words of @said. False: it is not there, or no number. */
bool helper_said_u64(const char *said, const char *name, uint64_t *ret_value);

#endif /* SUPERVISOR_HELPER_H_ */
