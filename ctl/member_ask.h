/* ctl/member_ask.h - one member of the cluster, asked itself, where it says that it listens. */
#ifndef CTL_MEMBER_ASK_H_
#define CTL_MEMBER_ASK_H_

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "ctl/ask.h"
#include "ctl/config.h"

/* @member is one of told_members(). ERR_NOT_FOUND: it has not said where. @ctl lives as long as
 * *ret_ask, which is the caller's. */
int member_ask_open(const struct ctl *ctl, json_t *member, uint64_t timeout_ms,
                    struct ask **ret_ask, struct err *err);
/* It has a PostgreSQL: it is no witness. */
bool member_is_database(json_t *member);

#endif /* CTL_MEMBER_ASK_H_ */
