/* tests/sim/ask_notes.c - what a client was told, as operations of a history. */
#include "tests/sim/sim.h"

/* The number of a value of ours. */
static uint64_t value_of(struct sim *sim, const struct kv_pair *pair)
{
    uint64_t value = value_number(sim, pair->value);
    if (value == 0) {
        int shown = pair->value.size < 40 ? (int)pair->value.size : 40;
        sim_violation(sim, "a value that nobody wrote, of %u bytes: %.*s",
                      (unsigned)pair->value.size, shown, (const char *)pair->value.bytes);
        return HISTORY_ABSENT;
    }
    return value;
}

static void know(struct sim *sim, uint64_t key, uint64_t value, uint64_t revision)
{
    sim->use.known[key % SIM_KEYS] = (struct sim_known){key, value, revision};
}

void ask_found(struct sim *sim, struct history_op *op, const struct kv_pair *pair)
{
    op->found = pair == NULL ? HISTORY_ABSENT : value_of(sim, pair);
    op->found_revision = op->found == HISTORY_ABSENT ? 0 : pair->mod_revision;
    if (pair != NULL) {
        truth_check_pair(sim, pair);
    }
}

static void looked_up(struct sim *sim, struct history_op *op, const struct kv_op_result *result)
{
    ask_found(sim, op, result->pair_count > 0 ? &result->pairs[0] : NULL);
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
        if (ask->kind == ASK_LEASE && result != NULL) {
            sim->use.lease = result->ops[0].lease;
        }
        sim->counts.store_compactions += ask->kind == ASK_COMPACT && result != NULL ? 1 : 0;
        return;
    }
    sim->use.moments++;
    struct history_op op = {.client = (uint64_t)(c - sim->use.clients) + 1,
                            .invoked = c->invoked,
                            .returned = sim->use.moments,
                            .status = result != NULL ? HISTORY_OK : HISTORY_UNKNOWN,
                            .revision = result != NULL ? result->revision : 0};
    sim->counts.leased_puts += result != NULL && ask->lease != 0 ? 1 : 0;
    if (ask->kind == ASK_DELETE_SPAN) {
        span_note_delete(sim, ask, &op, result);
    } else if (ask->kind == ASK_IF) {
        compare_note(sim, ask, &op, result);
    } else if (ask->kind == ASK_TWO_PUTS || ask->kind == ASK_TWO_IF) {
        sim->counts.transactions += result != NULL ? 1 : 0;
        note_two(sim, ask, &op, result);
    } else {
        note_one(sim, ask, &op, result);
    }
}

/* --- reads --- */

void ask_note_read(struct sim *sim, struct sim_client *c, const struct sim_node *n, bool stale)
{
    const struct machine *machine = core_machine(n->core);
    struct machine_status status;
    machine_status(machine, &status);
    truth_follow(sim, n); /* what the pairs are judged by */
    sim->use.moments++;
    struct history_op op = {.client = (uint64_t)(c - sim->use.clients) + 1,
                            .invoked = c->invoked,
                            .returned = sim->use.moments,
                            .kind = stale ? HISTORY_STALE_READ : HISTORY_READ,
                            .revision = status.revision};
    if (c->ask.kind == ASK_RANGE && !stale) {
        span_note_range(sim, c, &op, machine);
        return;
    }
    char text[SIM_KEY_SIZE];
    ask_key_text(c->ask.key, text);
    struct kv_pair pair;
    bool there = machine_get(machine, kv_text(text), &pair);
    op.key = c->ask.key;
    ask_found(sim, &op, there ? &pair : NULL);
    history_note(&sim->use.history, &op);
    if (!stale) {
        know(sim, op.key, op.found, op.found_revision);
    }
}
