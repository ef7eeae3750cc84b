/* ctl/cmd.h - what the commands of pgraftctl have in common; each cmd_*.c runs a few of them. */
#ifndef CTL_CMD_H_
#define CTL_CMD_H_

#include <stdint.h>

#include <jansson.h>

#include "base/cli.h"
#include "base/err.h"
#include "ctl/output.h"

/* The value of an option as a decimal number from @min to @max; *ret_value is left alone when the
 * option is not given. */
int cmd_number(const struct cli_call *call, const char *option, uint64_t min, uint64_t max,
               uint64_t *ret_value, struct err *err);
/* A decimal number; ERR_INVALID says what it has to be. */
int cmd_count(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value, struct err *err);
/* "30" and "0.5" are seconds; "500ms", "30s", "5min", "2h", "1d". ERR_INVALID, and @ret_ms is left
 * alone, when it is none of these or not from @min to @max. */
int cmd_duration(const char *text, uint64_t min, uint64_t max, uint64_t *ret_ms, struct err *err);
/* A lease's id, in hexadecimal digits as it was shown; filled up with zeros in front. */
#define CMD_ID_SIZE 17
int cmd_id(const struct cli_call *call, const char *text, char ret_id[CMD_ID_SIZE],
           struct err *err);

/* ERR_USAGE when an option of the program, one that all commands take, is given for a command that
 * has no use for it: @used names those that it has, and ends with NULL. */
int cmd_uses_only(const struct cli_call *call, const char *const *used, struct err *err);
#define CMD_USES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define CMD_USES_NONE ((const char *const[]){NULL})

/* Set a member; the value's reference is handed over. */
void cmd_set(json_t *object, const char *key, json_t *value);
/* Print a list or a record, as --format says. */
int cmd_print(const struct cli_call *call, const char *title, const struct output_column *columns,
              json_t *value, struct err *err);
/* A line for a person; nothing in the other formats, which get @document as it is. */
int cmd_say(const struct cli_call *call, json_t *document, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* A line for a person, where there is no other format. */
int cmd_line(const char *line, struct err *err);
/* To stderr, as the program's own line, when the command goes on. */
void cmd_warn(const struct cli_call *call, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#define CMD_NO_QUORUM 4 /* the exit status */

int cmd_check(const struct cli_call *call, struct err *err);
int cmd_check_misused(int argc, char *const *argv, struct err *err); /* as cli.h has it */
int cmd_adopt(const struct cli_call *call, struct err *err);
int cmd_config_explain(const struct cli_call *call, struct err *err);
int cmd_config_generate(const struct cli_call *call, struct err *err);
int cmd_config_show(const struct cli_call *call, struct err *err);
int cmd_demote_cluster(const struct cli_call *call, struct err *err);
int cmd_dsn(const struct cli_call *call, struct err *err);
int cmd_edit_config(const struct cli_call *call, struct err *err);
int cmd_events(const struct cli_call *call, struct err *err);
int cmd_form(const struct cli_call *call, struct err *err);
int cmd_failover(const struct cli_call *call, struct err *err);
int cmd_fence(const struct cli_call *call, struct err *err);
int cmd_flush(const struct cli_call *call, struct err *err);
int cmd_forget(const struct cli_call *call, struct err *err);
int cmd_history(const struct cli_call *call, struct err *err);
int cmd_kv_compact(const struct cli_call *call, struct err *err);
int cmd_kv_delete(const struct cli_call *call, struct err *err);
int cmd_kv_get(const struct cli_call *call, struct err *err);
int cmd_kv_put(const struct cli_call *call, struct err *err);
int cmd_kv_range(const struct cli_call *call, struct err *err);
int cmd_kv_txn(const struct cli_call *call, struct err *err);
int cmd_kv_watch(const struct cli_call *call, struct err *err);
int cmd_lease_grant(const struct cli_call *call, struct err *err);
int cmd_lease_keepalive(const struct cli_call *call, struct err *err);
int cmd_lease_list(const struct cli_call *call, struct err *err);
int cmd_lease_revoke(const struct cli_call *call, struct err *err);
int cmd_lease_show(const struct cli_call *call, struct err *err);
int cmd_list(const struct cli_call *call, struct err *err);
int cmd_member_add(const struct cli_call *call, struct err *err);
int cmd_member_change(const struct cli_call *call, struct err *err); /* demote, promote, replace */
int cmd_member_list(const struct cli_call *call, struct err *err);
int cmd_member_remove(const struct cli_call *call, struct err *err);
int cmd_member_transfer(const struct cli_call *call, struct err *err);
int cmd_pause(const struct cli_call *call, struct err *err);
int cmd_promote_cluster(const struct cli_call *call, struct err *err);
int cmd_plan(const struct cli_call *call, struct err *err);
int cmd_query(const struct cli_call *call, struct err *err);
int cmd_raft(const struct cli_call *call, struct err *err);
int cmd_recover(const struct cli_call *call, struct err *err);
int cmd_reinit(const struct cli_call *call, struct err *err);
int cmd_reload(const struct cli_call *call, struct err *err);
int cmd_remove(const struct cli_call *call, struct err *err);
int cmd_restart(const struct cli_call *call, struct err *err);
int cmd_restart_rolling(const struct cli_call *call, struct err *err); /* of it */
int cmd_report(const struct cli_call *call, struct err *err);
int cmd_resume(const struct cli_call *call, struct err *err);
int cmd_secret_generate(const struct cli_call *call, struct err *err);
int cmd_show_config(const struct cli_call *call, struct err *err);
int cmd_snapshot_restore(const struct cli_call *call, struct err *err);
int cmd_snapshot_save(const struct cli_call *call, struct err *err);
int cmd_snapshot_status(const struct cli_call *call, struct err *err);
int cmd_status(const struct cli_call *call, struct err *err);
int cmd_switchover(const struct cli_call *call, struct err *err);
int cmd_topology(const struct cli_call *call, struct err *err);
int cmd_unfence(const struct cli_call *call, struct err *err);
int cmd_upgrade(const struct cli_call *call, struct err *err);
int cmd_version(const struct cli_call *call, struct err *err);
int cmd_why(const struct cli_call *call, struct err *err);

#endif /* CTL_CMD_H_ */
