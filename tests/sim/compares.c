/* tests/sim/compares.c - transactions that look at one of a key's numbers, by any relation.
 *
 * If the compare holds the key is written, and the answer shows what was there; else the key is
 * looked at. Either way it is known what the compare saw, and it is judged here anew. */
#include "base/must.h"
#include "tests/sim/sim.h"

void compare_draw(struct sim *sim, struct sim_ask *ask)
{
    struct test_random *r = &sim->random;
    const struct sim_known *known = &sim->use.known[ask->key % SIM_KEYS];
    bool fresh = known->key == ask->key;
    static const enum kv_target targets[] = {
        KV_TARGET_CREATE_REVISION, KV_TARGET_MOD_REVISION, KV_TARGET_VERSION,
        KV_TARGET_LEASE,           KV_TARGET_EXISTS,
    };
    struct kv_compare *compare = &ask->compare;
    compare->target = targets[random_below(r, ARRAY_LEN(targets))];
    compare->relation = (enum kv_relation)random_below(r, 4);
    uint64_t near = fresh ? known->revision + random_below(r, 3) : random_below(r, 3);
    near = near > 0 ? near - 1 : 0;
    if (compare->target == KV_TARGET_EXISTS) {
        compare->number = random_below(r, 2);
        compare->relation = random_chance(r, 0.5) ? KV_EQUAL : KV_NOT_EQUAL;
    } else if (compare->target == KV_TARGET_LEASE) {
        compare->number = random_chance(r, 0.5) ? 0 : sim->use.lease;
    } else if (compare->target == KV_TARGET_VERSION) {
        compare->number = random_below(r, 6);
    } else {
        compare->number = near;
    }
}

static uint64_t number_of(const struct kv_pair *pair, enum kv_target target)
{
    static const struct kv_pair nothing;
    bool is_there = pair != NULL;
    pair = is_there ? pair : &nothing;
    switch (target) {
        case KV_TARGET_CREATE_REVISION:
            return pair->create_revision;
        case KV_TARGET_MOD_REVISION:
            return pair->mod_revision;
        case KV_TARGET_VERSION:
            return pair->version;
        case KV_TARGET_LEASE:
            return pair->lease;
        case KV_TARGET_EXISTS:
            return is_there ? 1 : 0;
        case KV_TARGET_VALUE:
            break;
    }
    UNREACHABLE("values are compared elsewhere");
}

static bool holds(const struct kv_compare *compare, const struct kv_pair *pair)
{
    uint64_t number = number_of(pair, compare->target);
    switch (compare->relation) {
        case KV_EQUAL:
            return number == compare->number;
        case KV_NOT_EQUAL:
            return number != compare->number;
        case KV_LESS:
            return number < compare->number;
        case KV_GREATER:
            return number > compare->number;
    }
    UNREACHABLE("there are four relations");
}

static void count(struct sim *sim, const struct kv_compare *compare)
{
    sim->counts.compares_version += compare->target == KV_TARGET_VERSION ? 1 : 0;
    sim->counts.compares_existence += compare->target == KV_TARGET_EXISTS ? 1 : 0;
    sim->counts.compares_lease += compare->target == KV_TARGET_LEASE ? 1 : 0;
    sim->counts.compares_revision +=
        compare->target == KV_TARGET_CREATE_REVISION || compare->target == KV_TARGET_MOD_REVISION
            ? 1
            : 0;
}

void compare_note(struct sim *sim, const struct sim_ask *ask, struct history_op *op,
                  const struct kv_result *result)
{
    op->key = ask->key;
    op->kind = HISTORY_PUT;
    op->argument = ask->value;
    if (result != NULL) {
        const struct kv_op_result *seen = &result->ops[0];
        const struct kv_pair *pair = seen->pair_count > 0 ? &seen->pairs[0] : NULL;
        if (holds(&ask->compare, pair) != result->succeeded) {
            sim_violation(sim, "a compare of kind %d by relation %d with %u %s, and saw %u",
                          (int)ask->compare.target, (int)ask->compare.relation,
                          (unsigned)ask->compare.number, result->succeeded ? "held" : "failed",
                          (unsigned)number_of(pair, ask->compare.target));
        }
        op->kind = result->succeeded ? HISTORY_PUT : HISTORY_READ;
        op->argument = result->succeeded ? ask->value : 0;
        ask_found(sim, op, pair);
        count(sim, &ask->compare);
    }
    history_note(&sim->use.history, op);
}
