/* tests/lib/history_random.c - clients, moments at which operations take effect, and a model. */
#include "tests/lib/history_random.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"

/* One operation or transaction before it is carried out. */
struct plan {
    uint64_t client;
    uint64_t invoked;
    uint64_t effect; /* the moment */
    uint64_t returned;
    uint64_t tie; /* decides between equal moments */
    enum history_status status;
    bool lost; /* unknown, and never takes effect */
};

struct model_key {
    uint64_t value;
    uint64_t revision;
};

struct model {
    const struct history_shape *shape;
    struct test_random *r;
    struct history *h;
    struct model_key keys[HISTORY_RANDOM_KEYS_MAX];
    uint64_t revision;
    uint64_t values;
    uint64_t txns;
};

static int compare_plans(const void *left, const void *right)
{
    const struct plan *a = left;
    const struct plan *b = right;
    if (a->effect != b->effect) {
        return a->effect < b->effect ? -1 : 1;
    }
    return a->tie < b->tie ? -1 : a->tie > b->tie;
}

static void plan_all(const struct history_shape *shape, struct test_random *r, struct plan *plans)
{
    uint64_t *idle_from = mem_array(shape->clients, sizeof(*idle_from));
    for (size_t i = 0; i < shape->operations; i++) {
        uint64_t client = random_below(r, shape->clients);
        struct plan *p = &plans[i];
        p->client = client + 1;
        p->invoked = idle_from[client] + random_below(r, shape->pause + 1);
        p->returned = p->invoked + random_below(r, shape->duration + 1);
        p->effect = p->invoked + random_below(r, p->returned - p->invoked + 1);
        p->tie = random_u64(r);
        p->status = HISTORY_OK;
        idle_from[client] = p->returned;
        if (random_percent(r, shape->unknown)) {
            p->status = HISTORY_UNKNOWN;
            p->lost = random_percent(r, 50);
            p->effect += random_below(r, 4 * shape->duration + 1);
        } else if (random_percent(r, shape->failed)) {
            p->status = HISTORY_FAILED;
        }
    }
    mem_free(idle_from);
    qsort(plans, shape->operations, sizeof(*plans), compare_plans);
}

static uint64_t new_value(struct model *m)
{
    m->values++;
    return m->shape->values == 0 ? m->values : 1 + random_below(m->r, m->shape->values);
}

/* What to do with a key: reads, and writes of all kinds, that mostly fit what is there. */
static void choose(struct model *m, const struct model_key *key, struct history_op *op)
{
    struct test_random *r = m->r;
    if (!random_percent(r, m->shape->writes)) {
        op->kind = HISTORY_READ;
        return;
    }
    static const enum history_kind kinds[] = {
        HISTORY_PUT,       HISTORY_PUT,          HISTORY_PUT,         HISTORY_DELETE,
        HISTORY_CAS_VALUE, HISTORY_CAS_REVISION, HISTORY_CAS_REVISION};
    op->kind = kinds[random_below(r, ARRAY_LEN(kinds))];
    if (op->kind == HISTORY_CAS_REVISION && m->shape->by_value) {
        op->kind = HISTORY_CAS_VALUE;
    }
    op->argument = op->kind == HISTORY_DELETE ? 0 : new_value(m);
    bool fits = random_percent(r, 65);
    if (op->kind == HISTORY_CAS_VALUE) {
        op->expected = fits ? key->value : 1 + random_below(r, m->values);
    }
    if (op->kind == HISTORY_CAS_REVISION) {
        op->expected = fits ? key->revision : random_below(r, m->revision + 2);
    }
}

static bool holds(const struct model_key *key, const struct history_op *op)
{
    switch (op->kind) {
        case HISTORY_READ:
        case HISTORY_STALE_READ:
            return false;
        case HISTORY_PUT:
            return true;
        case HISTORY_DELETE:
            return key->value != HISTORY_ABSENT;
        case HISTORY_CAS_VALUE:
            return key->value == op->expected;
        case HISTORY_CAS_REVISION:
            return key->revision == op->expected;
    }
    UNREACHABLE("every kind has answered");
}

/* What the client is told of the state before. */
static void answer(struct model *m, const struct model_key *key, struct history_op *op)
{
    bool is_mute = random_percent(m->r, m->shape->mute);
    if (op->kind == HISTORY_READ || random_percent(m->r, m->shape->previous)) {
        op->found = is_mute ? HISTORY_NOT_TOLD : key->value;
        if (key->value != HISTORY_ABSENT && random_percent(m->r, m->shape->found)) {
            op->found_revision = key->revision;
        }
    }
    op->changed = op->kind != HISTORY_PUT && holds(key, op);
}

/* Carry out @plan, which has one or two parts. */
static void carry_out(struct model *m, const struct plan *plan)
{
    struct test_random *r = m->r;
    size_t parts = m->shape->keys > 1 && random_percent(r, m->shape->transactions) ? 2 : 1;
    uint64_t first = random_below(r, m->shape->keys);
    struct history_op ops[2] = {0};
    bool all_hold = true;
    bool changes = false;
    m->txns += parts == 2;
    for (size_t i = 0; i < parts; i++) {
        ops[i] = (struct history_op){.client = plan->client,
                                     .invoked = plan->invoked,
                                     .returned = plan->returned,
                                     .status = plan->status,
                                     .key = (first + i) % m->shape->keys,
                                     .txn = parts == 2 ? m->txns : 0};
        const struct model_key *key = &m->keys[ops[i].key];
        choose(m, key, &ops[i]);
        all_hold = all_hold && (ops[i].kind == HISTORY_READ || ops[i].kind == HISTORY_DELETE ||
                                holds(key, &ops[i]));
        changes = changes || holds(key, &ops[i]);
        if (plan->status == HISTORY_OK) {
            answer(m, key, &ops[i]);
        }
    }
    bool takes_effect = changes && (plan->status == HISTORY_OK ||
                                    (plan->status == HISTORY_UNKNOWN && all_hold && !plan->lost));
    if (takes_effect) {
        m->revision += 1 + random_percent(r, m->shape->hidden);
    }
    bool told = plan->status == HISTORY_OK && random_percent(r, m->shape->told);
    bool never = plan->status == HISTORY_OK && changes && random_percent(r, m->shape->never);
    for (size_t i = 0; i < parts; i++) {
        struct model_key *key = &m->keys[ops[i].key];
        if (takes_effect && holds(key, &ops[i])) {
            key->value = history_leaves(&ops[i]);
            key->revision = key->value == HISTORY_ABSENT ? 0 : m->revision;
        }
        ops[i].revision = told ? m->revision : HISTORY_NOT_TOLD;
        ops[i].returned = never ? HISTORY_NEVER : ops[i].returned;
        history_note(m->h, &ops[i]);
    }
}

void history_random_model(struct history *h, const struct history_shape *shape,
                          struct test_random *r)
{
    MUST(shape->keys > 0 && shape->keys <= HISTORY_RANDOM_KEYS_MAX);
    struct model m = {.shape = shape, .r = r, .h = h, .revision = 1, .values = 1};
    for (size_t i = 0; i < shape->keys; i++) {
        m.keys[i].value = HISTORY_ABSENT;
    }
    struct plan *plans = mem_array(shape->operations, sizeof(*plans));
    plan_all(shape, r, plans);
    for (size_t i = 0; i < shape->operations; i++) {
        carry_out(&m, &plans[i]);
    }
    mem_free(plans);
}

/* --- lies --- */

static struct history_op *any(const struct history *h, struct test_random *r)
{
    return &h->ops[random_below(r, h->count)];
}

static bool lie_swap(struct history *h, struct test_random *r)
{
    struct history_op *a = any(h, r);
    struct history_op *b = any(h, r);
    if (a == b || a->key != b->key || a->status != HISTORY_OK || b->status != HISTORY_OK ||
        history_changes(a) != history_changes(b)) {
        return false;
    }
    struct history_op old = *a;
    a->found = b->found;
    a->found_revision = b->found_revision;
    a->revision = b->revision;
    b->found = old.found;
    b->found_revision = old.found_revision;
    b->revision = old.revision;
    return old.found != a->found || old.found_revision != a->found_revision ||
           old.revision != a->revision;
}

static bool lie_drop(struct history *h, struct test_random *r)
{
    struct history_op *op = any(h, r);
    if (op->status != HISTORY_OK || !history_changes(op)) {
        return false;
    }
    size_t at = (size_t)(op - h->ops);
    memmove(op, op + 1, (h->count - at - 1) * sizeof(*op));
    h->count--;
    return true;
}

static bool lie_stale(struct history *h, struct test_random *r)
{
    struct history_op *op = any(h, r);
    const struct history_op *earlier = any(h, r);
    if (op->status != HISTORY_OK || op->found == HISTORY_NOT_TOLD || earlier->key != op->key) {
        return false;
    }
    struct history_op old = *op;
    if (history_changes(earlier) && earlier->status != HISTORY_FAILED && earlier != op) {
        op->found = history_leaves(earlier);
        op->found_revision =
            op->found == HISTORY_ABSENT || op->found_revision == 0 ? 0 : earlier->revision;
    } else {
        op->found = HISTORY_ABSENT;
        op->found_revision = 0;
    }
    return op->found != old.found || op->found_revision != old.found_revision;
}

static bool lie_flip(struct history *h, struct test_random *r)
{
    struct history_op *op = any(h, r);
    if (op->status != HISTORY_OK || op->kind == HISTORY_READ || op->kind == HISTORY_PUT ||
        op->kind == HISTORY_STALE_READ) {
        return false;
    }
    op->changed = !op->changed;
    return true;
}

static bool lie_revision(struct history *h, struct test_random *r)
{
    struct history_op *op = any(h, r);
    uint64_t by = 1 + random_below(r, 2);
    bool up = random_percent(r, 50);
    bool found = op->found_revision != HISTORY_NOT_TOLD && random_percent(r, 50);
    uint64_t *revision = found ? &op->found_revision : &op->revision;
    if (op->status != HISTORY_OK || *revision == HISTORY_NOT_TOLD || (!up && *revision <= by)) {
        return false;
    }
    *revision = up ? *revision + by : *revision - by;
    for (size_t i = 0; i < h->count && op->txn != 0; i++) {
        if (h->ops[i].txn == op->txn) {
            h->ops[i].revision = op->revision;
        }
    }
    return true;
}

static bool lie_time(struct history *h, struct test_random *r)
{
    struct history_op *op = any(h, r);
    if (op->status != HISTORY_OK || op->returned == op->invoked) {
        return false;
    }
    uint64_t length = op->returned == HISTORY_NEVER ? 4 : op->returned - op->invoked;
    struct history_op quick = *op;
    quick.invoked += random_below(r, length + 1);
    quick.returned = quick.invoked + random_below(r, op->invoked + length - quick.invoked + 1);
    for (size_t i = 0; i < h->count; i++) {
        if (&h->ops[i] == op || (op->txn != 0 && h->ops[i].txn == op->txn)) {
            h->ops[i].invoked = quick.invoked;
            h->ops[i].returned = quick.returned;
        }
    }
    return true;
}

static bool lie_certain(struct history *h, struct test_random *r)
{
    struct history_op *op = any(h, r);
    if (op->status != HISTORY_UNKNOWN) {
        return false;
    }
    bool changed = random_percent(r, 70);
    for (size_t i = 0; i < h->count; i++) {
        struct history_op *part = &h->ops[i];
        if (part == op || (op->txn != 0 && part->txn == op->txn)) {
            part->status = HISTORY_OK;
            part->changed = part->kind != HISTORY_READ && part->kind != HISTORY_PUT && changed;
        }
    }
    return true;
}

bool history_random_lie(struct history *h, enum history_lie lie, struct test_random *r)
{
    static bool (*const lies[HISTORY_LIES])(struct history *, struct test_random *) = {
        [LIE_SWAP] = lie_swap,      [LIE_DROP] = lie_drop,         [LIE_STALE] = lie_stale,
        [LIE_FLIP] = lie_flip,      [LIE_REVISION] = lie_revision, [LIE_TIME] = lie_time,
        [LIE_CERTAIN] = lie_certain};
    if (h->count == 0) {
        return false;
    }
    size_t count = h->count;
    struct history_op *before = mem_dup(h->ops, count * sizeof(*before));
    bool told = lies[lie](h, r) && history_verify(h, NULL) == 0;
    if (!told) {
        memcpy(h->ops, before, count * sizeof(*before));
        h->count = count;
    }
    mem_free(before);
    return told;
}
