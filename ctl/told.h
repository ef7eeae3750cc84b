/* ctl/told.h - GET /pgraft/v1/view: what a node tells of PostgreSQL, and where nothing is told. */
#ifndef CTL_TOLD_H_
#define CTL_TOLD_H_

#include <stdbool.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cli.h"
#include "base/err.h"
#include "ctl/ask.h"
#include "ctl/config.h"

/* Of the first node that has a quorum; of the first that answers, if none has. ERR_REFUSED: nothing
 * supervises a PostgreSQL there. Its cluster's members are objects with names. The caller's. */
int told_get(struct ask *ask, json_t **ret_view, struct err *err);
/* ... once more, with the time of a command for it; in the place of what was told before. */
int told_again(struct ask *ask, json_t **view, struct err *err);
/* Like it, of the node that was asked last, for who can do without: NULL, if it tells nothing. */
json_t *told_try(struct ask *ask);

/* The members of @view; the names given on the command line have to be this cluster's. */
json_t *told_members(json_t *view);
int told_check_clusters(const struct cli_call *call, json_t *view, struct err *err);
/* The one of this name, if it is no witness; else NULL. */
json_t *told_member(json_t *view, const char *name);

bool told_has_quorum(json_t *view);
/* On stderr, where what is shown may be old; the exit status that says so. */
int told_end(const struct cli_call *call, json_t *view);

/* Can any one node be lost now, votes and PostgreSQL taken together? *ret_why: the reasons against
 * it, an array of texts, the caller's. False also where that is not known. @view may be NULL, where
 * no PostgreSQL is supervised: then it is about the votes alone. */
bool told_any_one(json_t *raft, json_t *view, json_t **ret_why);

/* "pg3: stopped; a clone of it is under way": what is not as it should be with the PostgreSQL of
 * @member, and what it says of itself; nothing, if all is well. */
void told_note(json_t *view, json_t *member, struct buf *out);

/* Of server_version: 150018 is "15.18", 90624 "9.6.24"; nothing for 0. */
void told_put_version(struct buf *out, json_int_t version);

/* Lines that say until when to look again: -w SECONDS, -W. */
#define TOLD_WATCH_OPTIONS                                                            \
    {.name = "refresh", .letter = 'W', .help = "print it again every 2 seconds"},     \
    {                                                                                 \
        .name = "watch", .letter = 'w', .value = "SECONDS", .help = "... or so often" \
    }
/* 0: once. */
int told_interval(const struct cli_call *call, uint64_t *ret_ms, struct err *err);
void told_wait(uint64_t interval_ms);
/* Print it with @once, with the time of a command for each; again and again if the call wants that,
 * and then what goes wrong is told, and it goes on until it is ended. */
typedef int (*told_once)(const struct cli_call *call, struct ctl *ctl, const void *wish,
                         struct err *err);
int told_repeat(const struct cli_call *call, told_once once, const void *wish, struct err *err);

#endif /* CTL_TOLD_H_ */
