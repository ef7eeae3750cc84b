/* supervisor/history.h - where the timelines of a cluster came from one another.
 *
 * Pure. The rows are those that primaries recorded before they acknowledged anything; a timeline
 * without a row never acknowledged a commit. */
#ifndef SUPERVISOR_HISTORY_H_
#define SUPERVISOR_HISTORY_H_

#include "supervisor/facts.h"

/* The newest on which anything may have been acknowledged: whoever recorded a later one has not
 * published anything yet (facts.h: heirs). NULL: there is none. */
const struct history_row *history_newest_used(const struct store_facts *store);

/* Up to which LSN @timeline has the WAL that the newest recorded timeline has too; UINT64_MAX where
 * it is the newest itself. False: it is no ancestor of it. */
bool history_common(const struct store_facts *store, uint32_t timeline, uint64_t *ret_lsn);

/* How much of WAL that ends at @end the newest timeline has too, from wherever they parted; 0 where
 * nobody can say. */
uint64_t history_shared_lsn(const struct store_facts *store, const struct position *end);

/* A primary on it has recorded where it came from; of the newest rows. */
bool history_is_recorded(const struct store_facts *store, uint32_t timeline);

/* How far @end is behind @to, in bytes of WAL that the newest timeline has too. Where @end is on a
 * later timeline that was never recorded nobody can say, and it is the difference of the LSNs. */
uint64_t history_lag(const struct store_facts *store, const struct position *end,
                     const struct position *to);

/* How much of the WAL that ends at @end may hold what was acknowledged: all of it. Where its
 * timeline was never recorded, only what is there of the newest recorded one, which it left at
 * @left; but where @left is not known, or is of another one, all of it.
 *
 * For an election: an order to seal stands. Nobody who was granted an epoch before it can record
 * anything any more (docs/supervisor.md). */
struct position history_counted(const struct store_facts *store, const struct position *end,
                                const struct position *left);

/* Data on @timeline may belong to this cluster's line: it leads to the newest timeline, or is a
 * later one, which was not recorded when @store was read. */
bool history_may_hold(const struct store_facts *store, uint32_t timeline);

/* WAL that the newest timeline does not have, or that nobody can say of. */
bool history_is_diverged(const struct store_facts *store, const struct position *end);

#endif /* SUPERVISOR_HISTORY_H_ */
