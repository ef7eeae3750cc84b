/* ctl/tasking.h - members that are told to do something with their PostgreSQL, each asked itself,
 * and what is said of that: what restart, reload, reinit and flush have in common. */
#ifndef CTL_TASKING_H_
#define CTL_TASKING_H_

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cli.h"
#include "base/err.h"
#include "base/when.h"
#include "ctl/chosen.h"
#include "ctl/config.h"

struct tasking {
    const struct cli_call *call;
    struct ctl ctl;
    json_t *view;
    json_t *members; /* the chosen ones */
    struct choice choice;
    char at[WHEN_TEXT_SIZE]; /* "": now */
    const char *what;        /* "restart": what each is told to do */
    bool lasts;              /* it takes a while, and goes on without us */
    size_t current;          /* of @members, who is asked now */
    bool has_failed;
    bool is_unknown; /* of one that has: whether it was done */
};

/* For CLEANUP(). */
void tasking_close(struct tasking *t);
/* --force is not given. */
bool tasking_asks(const struct tasking *t);
/* The exit status, or an error. */
int tasking_end(const struct tasking *t, int rc);

struct tasking_answer {
    int status;      /* 0: none came, and the text says why */
    bool is_unknown; /* it may have been done, or may still be */
    struct buf text;
};
void tasking_answer_close(struct tasking_answer *a);

/* @body: of a POST; NULL: a DELETE. What does not come is told like what is refused: the others are
 * asked all the same. */
void tasking_ask(struct tasking *t, json_t *member, const char *path, json_t *body,
                 uint64_t timeout_ms, struct tasking_answer *a);

/* --timeout, if it is given, into the body of a restart: in seconds. */
void tasking_put_timeout(const struct tasking *t, json_t *body);
/* POST /restart with @body, until its end, and a line of what came of it. A member that does not
 * meet a condition of @body has not failed. */
int tasking_restart(struct tasking *t, json_t *member, json_t *body, struct err *err);

/* What goes on without us, if we are ended now, and whom nobody has asked yet. */
void tasking_put_after(const struct tasking *t, struct buf *out);

/* For the terminal: it is what a node says. */
void tasking_put_name(json_t *member, struct buf *out);

/* A line each. */
int tasking_succeeded(const char *what, json_t *member, struct err *err);
int tasking_failed(struct tasking *t, const char *action, json_t *member,
                   const struct tasking_answer *a, struct err *err);

#endif /* CTL_TASKING_H_ */
