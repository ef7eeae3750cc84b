/* tests/sim/asks.c - what clients think of asking, and how it is said to the store. */
#include <stdlib.h>

#include "base/must.h"
#include "proto/kv_codec.h"
#include "tests/sim/sim.h"

#define WINDOW_ASKS 900 /* on all keys of a window */

bool ask_reads(const struct sim_ask *ask)
{
    return ask->kind == ASK_GET || ask->kind == ASK_RANGE;
}

void ask_key_text(uint64_t key, char text[SIM_KEY_SIZE])
{
    (void)snprintf(text, SIM_KEY_SIZE, "k%u.%u", (unsigned)(key / SIM_KEYS),
                   (unsigned)(key % SIM_KEYS));
}

bool ask_key_read(const char *text, uint64_t *ret_window, uint64_t *ret_slot)
{
    if (text[0] != 'k' || text[1] < '0' || text[1] > '9') {
        return false;
    }
    char *end = NULL;
    *ret_window = strtoull(text + 1, &end, 10);
    *ret_slot = *end == '.' ? strtoull(end + 1, NULL, 10) : 0;
    return *end == '.';
}

static enum sim_ask_kind draw_kind(struct test_random *r)
{
    static const struct {
        enum sim_ask_kind kind;
        unsigned weight;
    } kinds[] = {
        {ASK_GET, 28},         {ASK_RANGE, 9},    {ASK_PUT, 25},        {ASK_DELETE, 7},
        {ASK_CAS_VALUE, 7},    {ASK_TWO_PUTS, 4}, {ASK_TWO_IF, 5},      {ASK_COMPACT, 1},
        {ASK_CAS_REVISION, 5}, {ASK_LEASE, 3},    {ASK_DELETE_SPAN, 2}, {ASK_IF, 4},
    };
    uint64_t at = random_below(r, 100);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (at < kinds[i].weight) {
            return kinds[i].kind;
        }
        at -= kinds[i].weight;
    }
    UNREACHABLE("the weights make 100");
}

/* What a compare hopes for: mostly what was seen last, so that some hold and some do not. */
static uint64_t draw_expected(struct sim *sim, const struct sim_ask *ask)
{
    const struct sim_known *known = &sim->use.known[ask->key % SIM_KEYS];
    bool by_revision = ask->kind == ASK_CAS_REVISION;
    bool fresh = known->key == ask->key && known->value != HISTORY_NOT_TOLD;
    if (!fresh || random_chance(&sim->random, 0.1)) {
        return by_revision ? 0 : HISTORY_ABSENT;
    }
    return by_revision ? known->revision : known->value;
}

/* Long values are for plain puts: two of them are more than a command holds. */
static void draw_put(struct sim *sim, struct sim_ask *ask)
{
    struct sim_use *use = &sim->use;
    while ((ask->kind != ASK_PUT && value_is_long(sim, ask->value)) ||
           value_is_long(sim, ask->other_value)) {
        ask->value = use->values + 1;
        ask->other_value = use->values + 2;
        use->values += 2;
    }
    bool leased = (ask->kind == ASK_PUT || ask->kind == ASK_IF) && use->lease != 0 &&
                  random_chance(&sim->random, 0.3);
    ask->lease = leased ? use->lease : 0;
}

void ask_draw(struct sim *sim, struct sim_client *c, const struct sim_node *n)
{
    struct test_random *r = &sim->random;
    struct sim_use *use = &sim->use;
    use->window_asks++;
    if (use->window_asks > WINDOW_ASKS) {
        use->window_asks = 0;
        use->window++;
    }
    uint64_t slot = random_below(r, SIM_KEYS);
    uint64_t other = (slot + 1 + random_below(r, SIM_KEYS - 1)) % SIM_KEYS;
    struct sim_ask *ask = &c->ask;
    *ask = (struct sim_ask){.kind = draw_kind(r),
                            .key = use->window * SIM_KEYS + slot,
                            .other_key = use->window * SIM_KEYS + other,
                            .value = use->values + 1,
                            .other_value = use->values + 2,
                            .want_previous = random_chance(r, 0.5)};
    use->values += 2;
    draw_put(sim, ask);
    if (ask->kind == ASK_CAS_VALUE || ask->kind == ASK_CAS_REVISION || ask->kind == ASK_TWO_IF) {
        ask->expected = draw_expected(sim, ask);
    } else if (ask->kind == ASK_RANGE || ask->kind == ASK_DELETE_SPAN) {
        span_draw(sim, c);
    } else if (ask->kind == ASK_IF) {
        compare_draw(sim, ask);
    } else if (ask->kind == ASK_COMPACT) {
        struct machine_status status;
        machine_status(core_machine(n->core), &status);
        uint64_t back = random_below(r, random_chance(r, 0.5) ? 5 : 100);
        ask->limit = status.revision > back ? status.revision - back : 0;
    }
}

/* --- as a command --- */

struct texts {
    char key[SIM_KEY_SIZE], other_key[SIM_KEY_SIZE];
    char rooms[3][VALUE_ROOM];
    struct kv_slice value, other_value, expected;
    struct span_texts span;
};

static struct kv_op put(const char *key, struct kv_slice value, bool want_previous)
{
    return (struct kv_op){
        .kind = KV_OP_PUT,
        .put = {.key = kv_text(key), .value = value, .want_previous = want_previous}};
}

static struct kv_op look(const char *key)
{
    return (struct kv_op){.kind = KV_OP_RANGE,
                          .range = {.span = {.kind = KV_SPAN_KEY, .key = kv_text(key)}}};
}

static struct kv_compare hope(const struct sim_ask *ask, const struct texts *t)
{
    if (ask->kind == ASK_IF) {
        struct kv_compare compare = ask->compare;
        compare.key = kv_text(t->key);
        return compare;
    }
    if (ask->kind == ASK_CAS_REVISION) {
        return (struct kv_compare){
            .key = kv_text(t->key), .target = KV_TARGET_MOD_REVISION, .number = ask->expected};
    }
    if (ask->expected == HISTORY_ABSENT) {
        return (struct kv_compare){.key = kv_text(t->key), .target = KV_TARGET_EXISTS};
    }
    return (struct kv_compare){
        .key = kv_text(t->key), .target = KV_TARGET_VALUE, .value = t->expected};
}

/* The lists of a transaction, as long as it is looked at. */
struct lists {
    struct kv_compare compare;
    struct kv_op then_ops[2];
    struct kv_op else_ops[2];
};

static void fill_txn(struct kv_txn *txn, const struct sim_ask *ask, const struct texts *t,
                     struct lists *lists)
{
    bool two = ask->kind == ASK_TWO_PUTS || ask->kind == ASK_TWO_IF;
    lists->compare = hope(ask, t);
    lists->then_ops[0] = put(t->key, t->value, ask->kind == ASK_IF);
    lists->then_ops[0].put.lease = ask->lease;
    lists->then_ops[1] = put(t->other_key, t->other_value, false);
    lists->else_ops[0] = look(t->key);
    lists->else_ops[1] = look(t->other_key);
    *txn = (struct kv_txn){.compares = &lists->compare,
                           .compare_count = ask->kind == ASK_TWO_PUTS ? 0 : 1,
                           .then_ops = lists->then_ops,
                           .then_count = two ? 2 : 1,
                           .else_ops = lists->else_ops,
                           .else_count = two ? 2 : 1};
}

static void fill_command(struct kv_command *command, const struct sim_ask *ask, struct texts *t,
                         struct lists *lists)
{
    command->kind = KV_OP;
    switch (ask->kind) {
        case ASK_PUT:
            command->op = put(t->key, t->value, ask->want_previous);
            command->op.put.lease = ask->lease;
            return;
        case ASK_DELETE:
            command->op = (struct kv_op){.kind = KV_OP_DELETE};
            command->op.remove =
                (struct kv_delete){.span = {.kind = KV_SPAN_KEY, .key = kv_text(t->key)},
                                   .want_previous = ask->want_previous};
            return;
        case ASK_DELETE_SPAN:
            command->op = (struct kv_op){.kind = KV_OP_DELETE, .remove = {.want_previous = true}};
            span_fill(ask, &t->span, &command->op.remove.span);
            return;
        case ASK_LEASE:
            command->op = (struct kv_op){.kind = KV_OP_LEASE,
                                         .grant = {.ttl_ms = 300 + ask->value * 97 % 5000}};
            return;
        case ASK_COMPACT:
            command->kind = KV_COMPACT;
            command->compact_revision = ask->limit;
            return;
        case ASK_CAS_VALUE:
        case ASK_CAS_REVISION:
        case ASK_TWO_PUTS:
        case ASK_TWO_IF:
        case ASK_IF:
            command->kind = KV_TXN;
            fill_txn(&command->txn, ask, t, lists);
            return;
        case ASK_GET:
        case ASK_RANGE:
            break;
    }
    UNREACHABLE("a read is no command");
}

void ask_encode(struct sim *sim, struct sim_client *c)
{
    struct texts t;
    ask_key_text(c->ask.key, t.key);
    ask_key_text(c->ask.other_key, t.other_key);
    t.value = value_text(sim, c->ask.value, t.rooms[0]);
    t.other_value = value_text(sim, c->ask.other_value, t.rooms[1]);
    t.expected = value_text(sim, c->ask.expected, t.rooms[2]);
    sim->counts.long_values += value_is_long(sim, c->ask.value) ? 1 : 0;
    c->sequence++;
    struct kv_command command = {.client = c->session, .sequence = c->sequence, .since = c->since};
    command.acked = random_chance(&sim->random, 0.5) ? c->sequence : 0;
    struct lists lists;
    fill_command(&command, &c->ask, &t, &lists);
    struct err err = {0};
    buf_clear(&c->command);
    if (kv_command_encode(&command, &c->command, &err) != 0) {
        sim_violation(sim, "a command of the test does not encode: %s", err.msg);
    }
}
