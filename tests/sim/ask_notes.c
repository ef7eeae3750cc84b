/* tests/sim/ask_notes.c - what a client was told, as operations of a history. */
#include "tests/sim/sim.h"

/* The number of a value of ours. */
static uint64_t value_of(struct sim *sim, const struct kv_pair *pair)
{
    uint64_t value = ask_value(pair->value);
    if (value == 0 || value > sim->use.values) {
        sim_violation(sim, "a value that nobody wrote: %.*s", (int)pair->value.size,
                      (const char *)pair->value.bytes);
        return HISTORY_ABSENT;
    }
    return value;
}

static void know(struct sim *sim, uint64_t key, uint64_t value, uint64_t revision)
{
    sim->use.known[key % SIM_KEYS] = (struct sim_known){key, value, revision};
}

/* @pair NULL: there was none. */
static void found(struct sim *sim, struct history_op *op, const struct kv_pair *pair)
{
    op->found = pair == NULL ? HISTORY_ABSENT : value_of(sim, pair);
    op->found_revision = op->found == HISTORY_ABSENT ? 0 : pair->mod_revision;
}

static void looked_up(struct sim *sim, struct history_op *op, const struct kv_op_result *result)
{
    found(sim, op, result->pair_count > 0 ? &result->pairs[0] : NULL);
}

/* --- writes --- */

static void note_one(struct sim *sim, const struct sim_ask *ask, struct history_op *op,
                     const struct kv_result *result)
{
    op->key = ask->key;
    op->argument = ask->value;
    op->expected = ask->expected;
    switch ((int)ask->kind) {
        case ASK_PUT:
            op->kind = HISTORY_PUT;
            if (result != NULL && ask->want_previous) {
                looked_up(sim, op, &result->ops[0]);
            }
            break;
        case ASK_DELETE:
            op->kind = HISTORY_DELETE;
            op->argument = 0;
            op->changed = result != NULL && result->ops[0].count > 0;
            if (op->changed && ask->want_previous) {
                looked_up(sim, op, &result->ops[0]);
            }
            break;
        default:
            op->kind = ask->kind == ASK_CAS_VALUE ? HISTORY_CAS_VALUE : HISTORY_CAS_REVISION;
            op->changed = result != NULL && result->succeeded;
            if (result != NULL && !result->succeeded) {
                sim->counts.cas_missed++;
                looked_up(sim, op, &result->ops[0]);
            }
            break;
    }
    history_note(&sim->use.history, op);
    if (result != NULL && history_changes(op)) {
        know(sim, op->key, history_leaves(op), op->revision);
    }
}

static void note_two(struct sim *sim, const struct sim_ask *ask, const struct history_op *both,
                     const struct kv_result *result)
{
    sim->use.txns++;
    struct history_op first = *both;
    struct history_op second = *both;
    first.txn = second.txn = sim->use.txns;
    first.key = ask->key;
    first.argument = ask->value;
    second.key = ask->other_key;
    second.argument = ask->other_value;
    first.kind = second.kind = HISTORY_PUT;
    if (ask->kind == ASK_TWO_IF) {
        first.kind = HISTORY_CAS_VALUE;
        first.expected = ask->expected;
        first.changed = result != NULL && result->succeeded;
    }
    if (result != NULL && !result->succeeded) {
        sim->counts.cas_missed++;
        second.kind = HISTORY_READ;
        second.argument = 0;
        looked_up(sim, &first, &result->ops[0]);
        looked_up(sim, &second, &result->ops[1]);
    }
    history_note(&sim->use.history, &first);
    history_note(&sim->use.history, &second);
}

void ask_note_write(struct sim *sim, const struct sim_client *c, const struct kv_result *result)
{
    const struct sim_ask *ask = &c->ask;
    if (ask->kind == ASK_COMPACT || ask->kind == ASK_LEASE) {
        sim->counts.store_compactions += ask->kind == ASK_COMPACT && result != NULL ? 1 : 0;
        return;
    }
    sim->use.moments++;
    struct history_op op = {.client = (uint64_t)(c - sim->use.clients) + 1,
                            .invoked = c->invoked,
                            .returned = sim->use.moments,
                            .status = result != NULL ? HISTORY_OK : HISTORY_UNKNOWN,
                            .revision = result != NULL ? result->revision : 0};
    if (ask->kind == ASK_TWO_PUTS || ask->kind == ASK_TWO_IF) {
        sim->counts.transactions += result != NULL ? 1 : 0;
        note_two(sim, ask, &op, result);
    } else {
        note_one(sim, ask, &op, result);
    }
}

/* --- reads --- */

static void note_range(struct sim *sim, const struct sim_ask *ask, const struct history_op *all,
                       const struct machine *machine)
{
    uint64_t base = ask->key - ask->key % SIM_KEYS;
    char prefix[SIM_KEY_SIZE];
    int length = snprintf(prefix, sizeof(prefix), "k%u.", (unsigned)(base / SIM_KEYS));
    struct kv_range range = {
        .span = {.kind = KV_SPAN_PREFIX, .key = kv_slice(prefix, (size_t)length)},
        .limit = ask->limit};
    struct kv_op_result result = {0};
    arena_reset(&sim->use.arena, MACHINE_RANGE_ARENA);
    machine_range(machine, &range, &sim->use.arena, &result);
    struct history_op op = *all;
    sim->use.txns++;
    op.txn = sim->use.txns;
    size_t at = 0;
    for (uint64_t key = base; key < base + SIM_KEYS; key++) {
        char text[SIM_KEY_SIZE];
        ask_key_text(key, text);
        bool here = at < result.pair_count && kv_slice_equal(result.pairs[at].key, kv_text(text));
        if (!here && at == result.pair_count && result.more) {
            break; /* beyond the limit */
        }
        op.key = key;
        found(sim, &op, here ? &result.pairs[at] : NULL);
        history_note(&sim->use.history, &op);
        at += here ? 1 : 0;
    }
    if (at != result.pair_count) {
        sim_violation(sim, "a range has a key that nobody wrote, or keys out of order");
    }
    sim->counts.ranges++;
}

void ask_note_read(struct sim *sim, const struct sim_client *c, const struct sim_node *n,
                   bool stale)
{
    const struct machine *machine = core_machine(n->core);
    struct machine_status status;
    machine_status(machine, &status);
    sim->use.moments++;
    struct history_op op = {.client = (uint64_t)(c - sim->use.clients) + 1,
                            .invoked = c->invoked,
                            .returned = sim->use.moments,
                            .kind = stale ? HISTORY_STALE_READ : HISTORY_READ,
                            .revision = status.revision};
    if (c->ask.kind == ASK_RANGE && !stale) {
        note_range(sim, &c->ask, &op, machine);
        return;
    }
    char text[SIM_KEY_SIZE];
    ask_key_text(c->ask.key, text);
    struct kv_pair pair;
    bool there = machine_get(machine, kv_text(text), &pair);
    op.key = c->ask.key;
    found(sim, &op, there ? &pair : NULL);
    history_note(&sim->use.history, &op);
    if (!stale) {
        know(sim, op.key, op.found, op.found_revision);
    }
}
