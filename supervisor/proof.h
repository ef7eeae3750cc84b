/* supervisor/proof.h - which WAL must a new primary have so that no acknowledged commit is lost?
 *
 * Pure arithmetic on what the store says of synchronous_standby_names (safety C3, C4). A commit was
 * acknowledged when W of the N copies of a set had flushed it, so of any R = N - W + 1 of them one
 * has it: the furthest of R sealed answers is the floor. Where several sets may have been in force
 * each must be proved. The primary's own copy has every commit and proves alone, and so does the
 * copy of each heir. An answer counts from the very copy that is listed, never from its name alone;
 * and a timeline that was never recorded, on which nothing was acknowledged, raises no floor. */
#ifndef SUPERVISOR_PROOF_H_
#define SUPERVISOR_PROOF_H_

#include "supervisor/facts.h"

struct proof {
    bool holds;
    bool by_primary;       /* by the answer of the primary's own copy, or an heir's */
    struct position floor; /* what a candidate must reach, if @holds */
};

/* How many of a set's copies must answer; 0: no number of them proves anything. */
uint32_t proof_answers_needed(const struct sync_set *set);

/* Something may have been acknowledged that no other copy has. */
bool proof_is_lossy(const struct sync_value *value);

/* By the members that are sealed for @epoch, with what counts of their WAL (history_counted()). */
struct proof proof_by_seals(const struct store_facts *store, const struct member_facts *members,
                            uint32_t count, uint64_t epoch);

/* Whether the listed copies that stream from the primary of @epoch now would be enough, if it ended
 * (and each of them may be chosen, since nobody knows yet which one is ahead). */
bool proof_is_foreseen(const struct sync_value *value, const struct member_facts *members,
                       uint32_t count, uint64_t epoch);

/* ... to prove what was acknowledged, whoever of all would then be chosen. */
bool proof_would_hold(const struct sync_value *value, const struct member_facts *members,
                      uint32_t count, uint64_t epoch);

/* Now that this node's PostgreSQL has ended. Who streamed from it until then may have said already
 * that it does not any more. It has WAL of the timeline that was named for this grant alone, and
 * will be asked where that ends. */
bool proof_is_foreseen_after_end(const struct facts *f);

/* Where a set waits for nobody, and all together prove nothing: what was acknowledged by waiting,
 * if another of them was the one in force. */
struct proof proof_of_waits(const struct store_facts *store, const struct member_facts *members,
                            uint32_t count, uint64_t epoch);

/* Of the sets, is this copy listed in one? */
bool proof_lists(const struct sync_value *value, const struct facts_name *name, uint64_t copy);

/* Has it everything, as the primary's own copy or an heir's? */
bool proof_is_alone(const struct sync_value *value, const struct facts_name *name, uint64_t copy);

/* This node's copy may be asked for to prove that the WAL which was acknowledged in the epoch of
 * now is whole: it is not to be discarded. One that has nothing of the newest timeline on which
 * anything may have been acknowledged proves nothing of it, whatever lists it; one whose end nobody
 * knows may. */
bool proof_asks_for(const struct facts *f);

bool sync_set_equal(const struct sync_set *a, const struct sync_set *b);

#endif /* SUPERVISOR_PROOF_H_ */
