/* tests/sim/spans.c - questions about several keys of a window: ranges, page by page, and deletes.
 *
 * A span is a prefix, or a range of keys with its end. A range with a limit goes on behind the last
 * key it has: at once, from the same state, or as the client's next question. */
#include <string.h>

#include "tests/sim/sim.h"

static uint64_t base_of(const struct sim_ask *ask)
{
    return ask->key - ask->key % SIM_KEYS;
}

void span_draw(struct sim *sim, struct sim_client *c)
{
    struct test_random *r = &sim->random;
    struct sim_ask *ask = &c->ask;
    ask->span = random_chance(r, 0.4) ? KV_SPAN_PREFIX : KV_SPAN_RANGE;
    ask->upto = SIM_KEYS;
    if (ask->span == KV_SPAN_RANGE) {
        ask->from = random_below(r, SIM_KEYS);
        ask->upto = ask->from + 1 + random_below(r, SIM_KEYS - ask->from);
    }
    if (ask->kind == ASK_DELETE_SPAN) {
        bool older = random_chance(r, 0.2) && ask->key >= SIM_KEYS;
        ask->key -= older ? SIM_KEYS : 0;
        return;
    }
    ask->limit = random_chance(r, 0.4) ? 1 + random_below(r, SIM_KEYS) : 0;
    if (c->rest.kind == ASK_RANGE && random_chance(r, 0.7)) {
        *ask = c->rest; /* the next page */
        sim->counts.ranges_continued++;
    }
    c->rest.kind = ASK_GET;
}

void span_fill(const struct sim_ask *ask, struct span_texts *t, struct kv_span *out)
{
    uint64_t base = base_of(ask);
    ask_key_text(base + ask->from, t->key);
    size_t size = strlen(t->key);
    (void)snprintf(t->end, sizeof(t->end), "k%u.%u", (unsigned)(base / SIM_KEYS),
                   (unsigned)ask->upto); /* one digit behind the point: it is behind all before */
    if (ask->span == KV_SPAN_PREFIX && !ask->goes_on) {
        *out = (struct kv_span){.kind = KV_SPAN_PREFIX, .key = kv_slice(t->key, size - 1)};
        return;
    }
    if (ask->goes_on) { /* behind the last key: that key and a zero byte */
        ask_key_text(base + ask->from - 1, t->key);
        size = strlen(t->key) + 1;
    }
    *out = (struct kv_span){
        .kind = KV_SPAN_RANGE, .key = kv_slice(t->key, size), .end = kv_text(t->end)};
}

/* --- reads --- */

/* The pairs of one page as reads; the slot behind the last key that it speaks for. */
static uint64_t note_page(struct sim *sim, const struct sim_ask *ask, struct history_op *op,
                          const struct kv_op_result *page)
{
    uint64_t base = base_of(ask);
    size_t at = 0;
    uint64_t slot = ask->from;
    for (; slot < ask->upto && !(at == page->pair_count && page->more); slot++) {
        char text[SIM_KEY_SIZE];
        ask_key_text(base + slot, text);
        bool here = at < page->pair_count && kv_slice_equal(page->pairs[at].key, kv_text(text));
        op->key = base + slot;
        ask_found(sim, op, here ? &page->pairs[at] : NULL);
        history_note(&sim->use.history, op);
        at += here ? 1 : 0;
    }
    if (at != page->pair_count) {
        sim_violation(sim, "a range has a key that nobody wrote, or keys out of order");
    }
    return slot;
}

static void look(struct sim *sim, const struct sim_ask *ask, const struct machine *machine,
                 bool count_only, struct kv_op_result *ret)
{
    struct span_texts texts;
    struct kv_range range = {.limit = ask->limit, .count_only = count_only};
    span_fill(ask, &texts, &range.span);
    sim->counts.ranges_bounded += range.span.kind == KV_SPAN_RANGE ? 1 : 0;
    arena_reset(&sim->use.arena, MACHINE_RANGE_ARENA);
    *ret = (struct kv_op_result){0};
    machine_range(machine, &range, &sim->use.arena, ret);
}

void span_note_range(struct sim *sim, struct sim_client *c, const struct history_op *all,
                     const struct machine *machine)
{
    struct sim_ask ask = c->ask;
    struct history_op op = *all;
    sim->use.txns++;
    op.txn = sim->use.txns;
    struct kv_op_result page;
    look(sim, &ask, machine, true, &page);
    uint64_t expected = page.count;
    bool more = true;
    while (more && sim->violation[0] == '\0') {
        look(sim, &ask, machine, false, &page);
        if (page.count != expected || (ask.limit != 0 && page.pair_count > ask.limit) ||
            page.more != (page.pair_count < page.count)) {
            sim_violation(sim, "a range of %u keys counts %u, %u of them here", (unsigned)expected,
                          (unsigned)page.count, (unsigned)page.pair_count);
        }
        more = page.more && page.pair_count > 0;
        expected -= page.pair_count;
        ask.from = note_page(sim, &ask, &op, &page);
        ask.goes_on = true;
        if (more && random_chance(&sim->random, 0.5)) {
            c->rest = ask;
            break;
        }
        sim->counts.ranges_continued += more ? 1 : 0;
    }
    sim->counts.ranges++;
}

/* --- deletes --- */

void span_note_delete(struct sim *sim, const struct sim_ask *ask, const struct history_op *all,
                      const struct kv_result *result)
{
    const struct kv_op_result *gone = result != NULL ? &result->ops[0] : NULL;
    bool told = gone != NULL && !gone->more;
    size_t at = 0;
    sim->use.txns++;
    for (uint64_t slot = ask->from; slot < ask->upto; slot++) {
        struct history_op op = *all;
        char text[SIM_KEY_SIZE];
        op.key = base_of(ask) + slot;
        op.kind = HISTORY_DELETE;
        ask_key_text(op.key, text);
        if (!told) { /* each may have been there, or not */
            op.status = HISTORY_UNKNOWN;
            op.revision = HISTORY_NOT_TOLD;
            history_note(&sim->use.history, &op);
            continue;
        }
        op.txn = sim->use.txns;
        op.changed = at < gone->pair_count && kv_slice_equal(gone->pairs[at].key, kv_text(text));
        op.kind = op.changed ? HISTORY_DELETE : HISTORY_READ;
        ask_found(sim, &op, op.changed ? &gone->pairs[at] : NULL);
        at += op.changed ? 1 : 0;
        history_note(&sim->use.history, &op);
    }
    if (told && (at != gone->pair_count || gone->count != gone->pair_count)) {
        sim_violation(sim, "a delete of %u keys took others", (unsigned)gone->count);
    }
    sim->counts.span_deletes += told && at > 0 ? 1 : 0;
}
