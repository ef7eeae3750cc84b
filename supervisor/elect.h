/* supervisor/elect.h - who becomes primary, as the raft leader's advisor sees it.
 *
 * A pure function of the store, the members' soft state and two ages. It asks for an order to seal
 * when nobody has the lease, reads the sealed answers, and names one node once no acknowledged
 * commit can be elsewhere (safety C1 to C5); or it says for whom it waits. There is no race: the
 * answer becomes one transaction, whose compares are that the order is still this one and that
 * nobody has been granted anything since. Every member has this function, witnesses too, for any of
 * them may lead. */
#ifndef SUPERVISOR_ELECT_H_
#define SUPERVISOR_ELECT_H_

#include "supervisor/facts.h"

enum elect_action {
    ELECT_NOTHING,
    ELECT_ORDER, /* commit: seal for @epoch */
    ELECT_WAIT,
    ELECT_GRANT, /* commit: the primary is @chosen, with @epoch and @timeline */
};

/* Acknowledged commits that are lost by this choice. */
enum elect_loss { LOSS_NONE, LOSS_BOUNDED, LOSS_UNKNOWN };

struct elect_facts {
    struct store_facts store;
    struct supervisor_settings settings;
    uint64_t order_age_ms;      /* since this advisor first saw the order that stands */
    struct facts_name wanted;   /* by an operator; "": nobody */
    bool accepts_loss;          /* ... and whatever is lost by that */
    struct facts_name unwanted; /* who is to give the role up for anybody else; "": nobody */
    uint32_t member_count;
    struct member_facts members[FACTS_MEMBERS_MAX];
};

struct election {
    enum elect_action action;
    const char *rule; /* a static string */
    const char *why;  /* a static sentence */
    uint64_t epoch;
    uint32_t timeline;
    bool is_standby;    /* ELECT_GRANT: of the lead of a standby cluster; nobody is promoted */
    bool is_accepted;   /* ELECT_GRANT: what it lacks of that was acknowledged is lost, and nobody
                           else's copy proves anything any more */
    uint32_t chosen;    /* ELECT_GRANT: its place among the members */
    uint32_t answers;   /* a bit for each member whose sealed answer was counted */
    uint32_t waits_for; /* a bit for each member */
    struct position floor;
    enum elect_loss loss;
    uint64_t loss_bytes;  /* LOSS_BOUNDED: behind the primary's last known position, ... */
    uint64_t loss_age_ms; /* ... which is this old; what it wrote since is lost too */
};

struct election elect(const struct elect_facts *f);

/* The whole of it in a sentence for `pgraftctl why`; cut where @size ends. */
void elect_explain(const struct elect_facts *f, const struct election *e, char *out, size_t size);

/* The rules, for tests and for whoever explains them; NULL behind the last. */
const char *elect_rule(size_t at);

#endif /* SUPERVISOR_ELECT_H_ */
