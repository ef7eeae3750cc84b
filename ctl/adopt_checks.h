/* ctl/adopt_checks.h - may a cluster of Patroni's be taken over, as it is now? Each condition, with
 * how to mend it. Pure. */
#ifndef CTL_ADOPT_CHECKS_H_
#define CTL_ADOPT_CHECKS_H_

#include <stdbool.h>

#include <jansson.h>

#include "base/buf.h"
#include "config/config.h"
#include "config/problems.h"
#include "consensus/form_list.h"
#include "ctl/adopt_here.h"
#include "ctl/patroni_ask.h"

struct adopt_plan {
    const char *file;             /* Patroni's */
    const char *output;           /* ours */
    const char *secret_file;      /* of the section raft */
    const struct config *old;     /* what Patroni's file says */
    const struct form_list *list; /* raft.peers; may be empty */
    const struct patroni_told *told;
    const char *silent; /* Patroni was asked, and this is why it does not answer; or NULL */
    bool is_offline;    /* nobody was asked, for the configuration came from a file */
    struct adopt_here *here;
};

/* Conditions (ctl/conditions.h), each with a "warning", too; the caller's. A warning is good:
 * somebody should know it. */
json_t *adopt_checks(const struct adopt_plan *plan);
/* ... with what is wrong with the file that was made. */
void adopt_checks_file(json_t *checks, const char *output, const struct problems *problems);
/* ... with the configuration of all nodes. False: nobody should make a file of it. */
bool adopt_checks_dynamic(json_t *checks, json_t *dynamic);

#endif /* CTL_ADOPT_CHECKS_H_ */
