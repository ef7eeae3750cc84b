/* ctl/member_ask.h - one member of the cluster, asked itself, where it says that it listens. */
#ifndef CTL_MEMBER_ASK_H_
#define CTL_MEMBER_ASK_H_

#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "ctl/ask.h"
#include "ctl/config.h"

/* @member is one of told_members(@view). The node that told @view through its control socket is
 * asked there. ERR_NOT_FOUND: it has not said where it listens. @ctl lives as long as *ret_ask,
 * which is the caller's. */
int member_ask_open(const struct ctl *ctl, json_t *view, json_t *member, uint64_t timeout_ms,
                    struct ask **ret_ask, struct err *err);

#endif /* CTL_MEMBER_ASK_H_ */
