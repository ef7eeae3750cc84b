/* ctl/cmd_kv.h - which keys are meant, and how pairs are shown; for the kv commands. */
#ifndef CTL_CMD_KV_H_
#define CTL_CMD_KV_H_

#include <jansson.h>

#include "base/cli.h"
#include "base/err.h"
#include "ctl/ask.h"

/* The span off argument KEY and the options --prefix and --end. Needs both options in the table. */
int kv_span(const struct cli_call *call, json_t *body, struct err *err);
/* Print pairs as a list, or one as a record. */
int kv_print_pairs(const struct cli_call *call, const char *title, json_t *pairs, struct err *err);
int kv_print_pair(const struct cli_call *call, json_t *pair, struct err *err);
/* The lease off --lease, if it is given. */
int kv_lease_option(const struct cli_call *call, json_t *body, struct err *err);
/* Ask for a change, which is done once however often it has to be asked for, and say while it takes
 * its time that it does. */
int kv_change(const struct cli_call *call, struct ask *ask, const char *path, json_t *body,
              json_t **ret_answer, struct err *err);

#endif /* CTL_CMD_KV_H_ */
