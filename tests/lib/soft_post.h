/* tests/lib/soft_post.h - messages of soft state that a test keeps as long as it likes. */
#ifndef TESTS_LIB_SOFT_POST_H_
#define TESTS_LIB_SOFT_POST_H_

#include "base/buf.h"
#include "consensus/soft.h"

struct post {
    struct peer_message message;
    struct buf bytes;
};

/* What @from tells the member @to now; that it is not too much is a MUST. */
void post_write(struct post *out, struct soft_table *from, uint64_t now_ms, uint64_t to);
void post_burn(struct post *post);
/* Of all states in it. */
size_t post_bytes(const struct post *post);

/* The voters @from to @to. */
struct members post_members(uint64_t from, uint64_t to);

#endif /* TESTS_LIB_SOFT_POST_H_ */
