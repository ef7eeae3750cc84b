/* supervisor/level.c - the lowest of all, for long enough. */
#include "supervisor/level.h"

static const struct member_facts *heard_as(const struct roster *roster,
                                           const struct member_facts *members, uint64_t id)
{
    for (uint32_t i = 0; i < roster->count; i++) {
        if (roster->at[i].id == id) {
            return members[i].is_fresh ? &members[i] : NULL;
        }
    }
    return NULL;
}

uint64_t level_of_all(const struct roster *roster, const struct member_facts *members,
                      const uint64_t *ids, uint32_t count)
{
    uint64_t lowest = count > 0 ? UINT64_MAX : 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct member_facts *m = heard_as(roster, members, ids[i]);
        uint64_t level = m != NULL ? m->level : 0;
        lowest = level < lowest ? level : lowest;
    }
    return lowest;
}

uint64_t level_due(struct level_wait *wait, uint64_t now_ms, uint64_t in_force, uint64_t of_all)
{
    uint64_t level = of_all > in_force ? of_all : 0;
    if (level != wait->level) {
        *wait = (struct level_wait){.level = level, .since_ms = now_ms};
    }
    bool is_settled = level != 0 && now_ms - wait->since_ms >= LEVEL_SETTLE_MS;
    return is_settled ? level : 0;
}
