/* ctl/switch_checks.h - what a switchover or failover needs, by what a node tells: each with how to
 * mend it. Pure.
 *
 * It is what the node that is asked would say (daemon/patroni_switch.h), and what the primary looks
 * at before it begins, one after the other; both look again when it is asked for. */
#ifndef CTL_SWITCH_CHECKS_H_
#define CTL_SWITCH_CHECKS_H_

#include <stdbool.h>

#include <jansson.h>

struct switch_plan {
    bool is_failover;
    const char *leader;    /* of a switchover: who was named; NULL: nobody was */
    const char *candidate; /* "": whoever is able */
};

/* Conditions (ctl/conditions.h); the caller's. */
json_t *switch_checks(json_t *view, const struct switch_plan *plan);

/* Members that may be made primary in the place of @leader, by name: ['n2', 'n3']. */
json_t *switch_candidates(json_t *view, const char *leader);
/* By an operator: it is nobody's candidate. */
bool switch_is_fenced(json_t *view, const char *name);
/* Nothing is promised to be on this member, while commits wait for others. */
bool switch_is_asynchronous(json_t *view, const char *name);

#endif /* CTL_SWITCH_CHECKS_H_ */
