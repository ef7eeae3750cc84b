/* base/sm.c - the only place where the state of an operation changes. */
#include "base/sm.h"

#include "base/log.h"
#include "base/must.h"

void sm_init(struct sm *sm, const char *name, const struct sm_state *states, size_t count,
             int start)
{
    MUST(count > 0);
    MUST(count <= SM_STATES_MAX);
    MUST(start >= 0);
    MUST((size_t)start < count);
    uint32_t known = count == SM_STATES_MAX ? UINT32_MAX : SM_TO(count) - 1;
    for (size_t i = 0; i < count; i++) {
        MUST(states[i].name != NULL);       /* a hole in the designated array */
        MUST((states[i].to & ~known) == 0); /* a move to a state that does not exist */
    }
    *sm = (struct sm){.name = name, .states = states, .count = (uint32_t)count, .now = start};
}

bool sm_may_move(const struct sm *sm, int next)
{
    return next >= 0 && (uint32_t)next < sm->count && (sm->states[sm->now].to & SM_TO(next)) != 0;
}

void sm_move(struct sm *sm, int next)
{
    MUST(sm_may_move(sm, next));
    log_debug("sm", "move", LOG_STR("of", sm->name), LOG_STR("from", sm->states[sm->now].name),
              LOG_STR("to", sm->states[next].name));
    sm->now = next;
}

const char *sm_name(const struct sm *sm)
{
    return sm->states[sm->now].name;
}

bool sm_is_final(const struct sm *sm)
{
    return sm->states[sm->now].to == 0;
}
