/* consensus/node/keep.c - how much of the past stays in memory: of a small state that is used
 * little, little.
 *
 * The log is kept for members that were away for a moment, the history of events for watches that
 * come back. Both grow as they come, up to the limits of the core and of the hub, so that a burst
 * is remembered whole. Every few seconds what is older than the look before is let go, down to
 * about the size of the state: beyond that, whoever was away does as well by reading the state
 * anew. */
#include <malloc.h>

#include "consensus/node/node.h"

#define LOOK_MS UINT64_C(5000)
#define LOG_MIN UINT64_C(500)
#define HISTORY_MIN ((size_t)256 * 1024)
#define ENTRY_BYTES 256 /* what an entry takes, about */
/* To give memory back means to walk over it: a part of a millisecond, of a state as small as this.
 */
#define GIVE_BACK_STATE_MAX (UINT64_C(8) << 20)

uint64_t keep_entries(uint64_t lately, uint64_t state_bytes)
{
    uint64_t state = state_bytes / ENTRY_BYTES;
    uint64_t most = lately > state ? lately : state;
    return most > LOG_MIN ? most : LOG_MIN;
}

size_t keep_history(uint64_t state_bytes)
{
    return state_bytes > HISTORY_MIN ? (size_t)state_bytes : HISTORY_MIN;
}

void keep_turn(struct node *n, uint64_t now_ms)
{
    struct node_keep *k = &n->keep;
    if (k->at_ms != 0 && now_ms - k->at_ms < LOOK_MS) {
        return;
    }
    struct machine_status machine;
    machine_status(core_machine(n->core), &machine);
    uint64_t applied = core_applied(n->core);
    uint64_t first = engine_first(core_engine(n->core));
    if (k->at_ms != 0) {
        uint64_t lately = applied > k->applied ? applied - k->applied : 0;
        core_cut_log(n->core, keep_entries(lately, machine.used_bytes));
        size_t cut = watch_hub_cut(n->hub, k->revision, keep_history(machine.used_bytes));
        if ((cut > 0 || first > k->first) && machine.used_bytes <= GIVE_BACK_STATE_MAX) {
            (void)malloc_trim(0);
        }
    }
    k->at_ms = now_ms;
    k->applied = applied;
    k->revision = machine.revision;
    k->first = first;
}
