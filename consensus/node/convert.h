/* consensus/node/convert.h - between the words of pgraft.h and those of proto/kv.h. */
#ifndef CONSENSUS_NODE_CONVERT_H_
#define CONSENSUS_NODE_CONVERT_H_

#include "base/err.h"
#include "consensus/pgraft.h"
#include "proto/arena.h"
#include "proto/kv.h"

struct kv_slice convert_slice(struct pgraft_slice in);
struct kv_span convert_span(const struct pgraft_span *in);
/* 0, or ERR_INVALID: of no kind that there is. */
int convert_span_check(const struct pgraft_span *in, struct err *err);
/* The lists come from @arena, which is reset; bytes stay the caller's. Fills in all but the
 * client's part. */
int convert_txn(const struct pgraft_txn *in, struct arena *arena, struct kv_command *out,
                struct err *err);
/* It has reads alone and no condition. */
bool convert_is_read(const struct pgraft_txn *in);

void convert_pair(const struct kv_pair *in, struct pgraft_pair *out);
/* Lists come from @arena, which is reset; bytes stay where they are. */
void convert_result(const struct kv_result *in, struct arena *arena, struct pgraft_result *out);

#endif /* CONSENSUS_NODE_CONVERT_H_ */
