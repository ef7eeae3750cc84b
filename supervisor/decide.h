/* supervisor/decide.h - what should this node do next?
 *
 * A pure function from what the node knows to one action: no I/O, no clock, no memory of earlier
 * calls. It is total: every combination of facts has an answer, and what is not known never allows
 * more than what is. The answer also says whether the lease is to be renewed, for an owner that is
 * not well must lose it. The executor carries the action out as a sequence that can be cancelled,
 * and looks again afterwards; every action may be begun twice. */
#ifndef SUPERVISOR_DECIDE_H_
#define SUPERVISOR_DECIDE_H_

#include "supervisor/facts.h"
#include "supervisor/return.h"
#include "supervisor/seal.h"
#include "supervisor/sync_set.h"

enum action {
    ACTION_WAIT,
    ACTION_KILL,        /* end every process of this PostgreSQL, now (safety B5) */
    ACTION_STOP,        /* fast shutdown */
    ACTION_RELEASE,     /* sign the release of the lease: not one process is left (A3) */
    ACTION_SEAL,        /* @seal says the step (C1) */
    ACTION_PRE_PROMOTE, /* ask postgresql.pre_promote whether it may be primary */
    ACTION_ARM,     /* epoch and deadline into the guard's page, and its word that it has them */
    ACTION_PROMOTE, /* ask the guard to, which looks at the deadline itself (B1) */
    ACTION_WRITE_SIGNAL,  /* standby.signal, synced (B3) */
    ACTION_RECORD,        /* the new timeline into the store, as the holder */
    ACTION_SYNC_SET,      /* @sync says the step (C3, C4) */
    ACTION_HAND_OVER,     /* a checkpoint, a fast shutdown, then release for the other one */
    ACTION_START_STANDBY, /* with standby.signal, the fence, and no primary_conninfo */
    ACTION_START_PRIMARY, /* in place, behind the fence (B3) */
    ACTION_START_GUARD,
    ACTION_ADOPT, /* write the note into a data directory, and take what runs there into care */
    ACTION_INITDB,
    ACTION_FOLLOW, /* primary_conninfo to the primary that was granted */
    ACTION_RETURN, /* @back says the rung of the ladder */
    ACTION_LEAVE,  /* what was adopted is let go: it runs on, without note, guard and lease (A7) */
};
#define ACTIONS (ACTION_LEAVE + 1)

struct decision {
    enum action action;
    bool renews;       /* the lease is to be kept alive */
    const char *rule;  /* a static string: the name of the rule that fired */
    const char *keeps; /* the rule of safety.md that it keeps, or "" */
    const char *why;   /* a static sentence */
    uint64_t epoch;    /* SEAL, ARM, PROMOTE, RELEASE, RECORD: for which */
    enum seal_step seal;
    struct sync_plan sync;
    struct return_plan back;
};

struct decision decide(const struct facts *f);

/* For GET /primary and whoever sends clients here: it holds the lease, and is out of recovery for
 * that very epoch; and the fence is lifted, so that its commits do not wait for nobody. */
bool serves_writes(const struct facts *f);

/* How the sentence below begins: the decision and why, without what changes all the time. */
void decide_reason(const struct facts *f, const struct decision *d, char *out, size_t size);
/* The decision and what it was made from, in a sentence for `pgraftctl why`. */
void decide_explain(const struct facts *f, const struct decision *d, char *out, size_t size);

const char *action_name(enum action action);

/* The rules in their order; NULL behind the last. */
const char *decide_rule(size_t at);

#endif /* SUPERVISOR_DECIDE_H_ */
