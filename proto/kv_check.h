/* proto/kv_check.h - is this command one that may be asked for?
 *
 * What can be said without knowing the state: sizes, counts, contradictions. The same check runs
 * where a command is taken in and where it is read back from the log, so that the two never differ.
 */
#ifndef PROTO_KV_CHECK_H_
#define PROTO_KV_CHECK_H_

#include "base/err.h"
#include "proto/kv.h"

/* 0, or ERR_TOO_LARGE, ERR_INVALID or ERR_VERSION (a feature level of the future) with a message
 * that names the place, as in "then[2]: put.key: 1025 bytes, at most 1024". */
int kv_command_check(const struct kv_command *command, struct err *err);
/* A feature level that this program knows; else ERR_VERSION, and what to do. */
int kv_level_check(uint64_t level, struct err *err);
int kv_range_check(const struct kv_range *range, struct err *err);

#endif /* PROTO_KV_CHECK_H_ */
