/* ctl/chosen.h - which members a command is about: CLUSTER [MEMBER...] and a role, as patronictl
 * chooses them; and whether that is wanted. */
#ifndef CTL_CHOSEN_H_
#define CTL_CHOSEN_H_

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/cli.h"
#include "base/err.h"

#define CHOSEN_ROLES "leader", "primary", "standby-leader", "replica", "standby", "any"

struct choice {
    const struct cli_call *call;
    json_t *view;          /* of told.h */
    size_t argument_count; /* of the call's, from the first on: CLUSTER, then members */
    const char *action;    /* "restart" */
    const char *role;      /* NULL: any */
    bool names_needed;     /* all of them at once are never meant */
    bool asks;             /* which, and whether they are */
};

/* Whether @member has one of CHOSEN_ROLES. */
bool chosen_has_role(json_t *member, const char *role);

/* An array of members, standbys first; the caller's. ERR_REFUSED: there is none. */
int chosen_members(const struct choice *choice, json_t **ret_members, struct err *err);
/* ERR_REFUSED: it is not wanted after all. @at: when; "" is now. */
int chosen_confirm(const struct choice *choice, json_t *members, const char *at, struct err *err);

#endif /* CTL_CHOSEN_H_ */
