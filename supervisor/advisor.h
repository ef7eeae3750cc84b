/* supervisor/advisor.h - elect() as the library's advisor: from the leader's state to one entry.
 *
 *   keys of the view, soft state --> elect_facts --> elect() --> one transaction, with its compares
 *
 * Every member registers it, witnesses too, for any of them may lead. What an election advises is
 * committed only if the order is still the one that was answered, nobody has been granted anything
 * since, no lease stands, and nobody has paused or held anything meanwhile, or fenced who is
 * chosen. The grant names the epoch and the member, and puts the leader's key on the lease: both,
 * or neither. Where an election has nothing to say the feature level may go up (level.h).
 *
 * advisor_advise() runs on the consensus thread and waits for nobody: settings and roster come from
 * the program's own thread (advisor_set()), and where that is just writing the answer is to be
 * asked again. */
#ifndef SUPERVISOR_ADVISOR_H_
#define SUPERVISOR_ADVISOR_H_

#include <pthread.h>

#include "supervisor/answer.h"
#include "supervisor/cluster_view.h"
#include "supervisor/fence.h"
#include "supervisor/level.h"
#include "supervisor/store_rows.h"
#include "supervisor/words.h"

struct advisor_input {
    struct supervisor_settings settings;
    struct roster roster;
};

/* What an election said, as it was: for `pgraftctl why`. */
struct advisor_told {
    uint64_t at_ms; /* CLOCK_BOOTTIME */
    const char *rule;
    enum elect_action action;
    uint64_t epoch;
    char text[VIEW_ELECTION_SIZE];
};

struct advisor {
    const struct keys *keys;
    /* shared, behind @lock */
    pthread_mutex_t lock;
    struct advisor_input input;
    bool has_input;
    struct advisor_told told; /* the newest; its rule is NULL before the first */
    /* of the thread that advises */
    struct store_rows rows;
    struct words_table words;
    struct answer_book answers;
    struct elect_facts facts;
    struct advisor_input known;
    uint64_t order_seen; /* epoch */
    uint64_t order_seen_ms;
    uint64_t first_ms; /* since when it has been asked without a longer break */
    uint64_t last_ms;
    struct level_wait level;
    const char *last_rule;
    uint64_t last_epoch;
};

void advisor_open(struct advisor *a, const struct keys *keys);
/* After pgraft_close(). */
void advisor_close(struct advisor *a);

/* By the program's own thread, whenever it has changed. Before the first time nothing is advised.
 */
void advisor_set(struct advisor *a, const struct advisor_input *input);

/* For pgraft_settings.advise. */
uint64_t advisor_advise(struct advisor *a, const struct pgraft_view *view,
                        struct pgraft_transaction *transaction);

/* False: nothing was said yet. */
bool advisor_explain(struct advisor *a, struct advisor_told *out);

/* ---- the pure parts ---- */

/* That a lease stands is what comes of a grant, and says less: the grant is told on. */
bool advisor_keeps_grant(const struct advisor_told *told, const struct elect_facts *f);

/* Epochs that others have used up since: an order goes above them, and nothing is granted below
 * (@given: the highest that the store has given). */
void advisor_lift(struct election *e, const struct elect_facts *f, uint64_t given);

/* A new cluster waits until all its databases have spoken, for one of them may have data to bring;
 * at most for the patient time. */
bool advisor_begins_early(const struct elect_facts *f, uint64_t asked_for_ms);

/* The settings are those of the key as it lies there: the lease of a grant, and what may be lost by
 * it, are what everybody can read there. */
bool advisor_is_configured(const struct supervisor_settings *settings,
                           const struct store_rows *rows);

#define ADVICE_COMPARES_MAX 10
#define ADVICE_OPS_MAX 5

struct advice {
    struct pgraft_compare compares[ADVICE_COMPARES_MAX];
    struct pgraft_op ops[ADVICE_OPS_MAX];
    struct pgraft_txn txn;
    struct buf value;
    char fence[KEYS_FENCE_SIZE];
    struct buf sync;
};
void advice_close(struct advice *advice);
/* For ELECT_ORDER and ELECT_GRANT; points into all of its arguments. */
void advice_make(const struct keys *keys, const struct store_rows *rows,
                 const struct elect_facts *f, const struct roster *roster, const struct election *e,
                 struct advice *out);

#endif /* SUPERVISOR_ADVISOR_H_ */
