/* supervisor/pg_claim.h - timelines that a new primary passes over.
 *
 * PostgreSQL takes the number behind the newest history file that it finds. The role is granted
 * with a number above all that were ever seen, so those between, of promotions that came to
 * nothing, are claimed by files of their names. Each is a comment alone: with a parent in it, a
 * server that runs as a standby takes the file for its own future, turns to that timeline and finds
 * nobody who has it [tried]. A server does not even start with one that is newer than its data:
 * what a promotion left that never came is cleared before. Others fetch them from the primary, so
 * those below its own timeline stay. */
#ifndef SUPERVISOR_PG_CLAIM_H_
#define SUPERVISOR_PG_CLAIM_H_

#include <stdint.h>

#include "base/err.h"

/* Each number from @first to before @end that has no history file yet; durable. */
int pg_claim_put(const char *data_dir, uint32_t first, uint32_t end, struct err *err);
/* Remove those above @timeline, that of the data, and above every history file that is none. */
int pg_claim_clear(const char *data_dir, uint32_t timeline, struct err *err);

#endif /* SUPERVISOR_PG_CLAIM_H_ */
