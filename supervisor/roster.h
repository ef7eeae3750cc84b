/* supervisor/roster.h - who the members of the store are, in the words of the supervisor. */
#ifndef SUPERVISOR_ROSTER_H_
#define SUPERVISOR_ROSTER_H_

#include "supervisor/facts.h"

struct roster_member {
    uint64_t id;
    struct facts_name name;
    bool is_database; /* false: a witness */
    bool is_voter;
};

struct roster {
    uint64_t self; /* 0: this node has no place yet */
    uint32_t count;
    struct roster_member at[FACTS_MEMBERS_MAX];
};

static inline const struct roster_member *roster_of(const struct roster *roster, uint64_t id)
{
    for (uint32_t i = 0; i < roster->count; i++) {
        if (roster->at[i].id == id) {
            return &roster->at[i];
        }
    }
    return NULL;
}

#endif /* SUPERVISOR_ROSTER_H_ */
