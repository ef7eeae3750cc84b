/* consensus/core_ship.c - a snapshot on its way to a member that lags behind the log.
 *
 *   | leader:   want --> OPEN wish --> rows --> CHUNK --> (answer) --> NEXT wish --> ...
 *   |                                  last rows --> CHUNK --> (answer) --> PEER_SNAPSHOT
 *   |
 *   | member:   CHUNK --> stage (a batch) --> durable --> CHUNK_RESULT ...
 *   |           all is staged, PEER_SNAPSHOT --> install
 *
 * The rows are the leader's state table under one read transaction. The member puts them on a stage
 * beside its own state, and builds the machine of them as they come; the install is one small
 * batch. There is one ship per member (W13); what fails or falls silent is dropped, and libraft
 * asks again. Nothing here is trusted: the install itself is libraft's decision. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "consensus/core_internal.h"

static void wish(struct core *c, enum core_wish_kind kind, uint64_t ship)
{
    MUST(c->wishes_count < ARRAY_LEN(c->wishes));
    c->wishes[c->wishes_count] = (struct core_wish){.kind = kind, .ship = ship};
    c->wishes_count++;
}

bool core_next_wish(struct core *c, struct core_wish *out)
{
    if (c->wishes_count == 0) {
        return false;
    }
    *out = c->wishes[0];
    c->wishes_count--;
    memmove(c->wishes, c->wishes + 1, c->wishes_count * sizeof(c->wishes[0]));
    return true;
}

/* --- the leader's side --- */

static struct core_ship *find_ship(struct core *c, uint64_t name)
{
    for (size_t i = 0; i < SHIPS_MAX; i++) {
        if (c->ships[i].name == name) {
            return &c->ships[i];
        }
    }
    return NULL;
}

static void drop_ship(struct core *c, struct core_ship *s)
{
    wish(c, ROWS_CLOSE, s->name);
    buf_close(&s->applied.conf);
    *s = (struct core_ship){0};
}

void core_ship_want(struct core *c, uint64_t member)
{
    for (size_t i = 0; i < SHIPS_MAX; i++) {
        if (c->ships[i].name != 0 && c->ships[i].member == member) {
            return; /* W13: one at a time */
        }
    }
    struct core_ship *s = find_ship(c, 0);
    if (s == NULL || c->wishes_count + 2 > ARRAY_LEN(c->wishes) || core_disk_says_full(c, member)) {
        return; /* libraft asks again */
    }
    c->ship_names++;
    *s = (struct core_ship){.name = c->ship_names,
                            .member = member,
                            .term = engine_term(c->engine),
                            .heard_ms = c->now_ms,
                            .opened_ms = c->now_ms};
    s->reading = true;
    wish(c, ROWS_OPEN, s->name);
}

static void send_chunk(struct core *c, struct core_ship *s, struct store_batch *rows, bool last)
{
    struct peer_row *list = mem_array(rows->row_count, sizeof(*list));
    struct store_row row;
    size_t at = 0;
    size_t count = 0;
    while (store_batch_next_row(rows, &at, &row)) {
        if (core_state_row_is_ours(&row, &s->applied)) {
            continue; /* it travels with PEER_SNAPSHOT */
        }
        list[count] = (struct peer_row){row.key, row.key_size, row.value, row.value_size};
        count++;
    }
    struct peer_message m = {
        .kind = PEER_CHUNK,
        .from = c->settings.id,
        .to = s->member,
        .term = s->term,
        .chunk = {.ship = s->name, .number = s->next, .last = last, .count = count, .rows = list}};
    core_send(c, &m);
    mem_free(list);
}

/* The store cuts a reader that stays open too long, or holds too much (safety E2). */
static void ship_was_cut(struct core *c, const struct core_ship *s, int status)
{
    char why[120];
    (void)snprintf(why, sizeof(why), "it was cut after %u MiB in %u.%u s (%s)",
                   (unsigned)(s->bytes >> 20), (unsigned)((c->now_ms - s->opened_ms) / 1000),
                   (unsigned)((c->now_ms - s->opened_ms) % 1000 / 100), err_name(status));
    core_event_ship(c, s->member, "a snapshot for", why);
}

void core_rows_read(struct core *c, uint64_t now_ms, const struct core_rows *answer)
{
    c->now_ms = now_ms > c->now_ms ? now_ms : c->now_ms;
    struct core_ship *s = answer->ship != 0 ? find_ship(c, answer->ship) : NULL;
    if (s == NULL || !s->reading) {
        store_batch_destroy(answer->rows);
        return;
    }
    s->reading = false;
    if (answer->status != 0) {
        ship_was_cut(c, s, answer->status);
        drop_ship(c, s);
        return;
    }
    s->bytes += answer->rows->bytes;
    s->applied.index = answer->applied_index;
    s->complete = answer->last;
    send_chunk(c, s, answer->rows, answer->last);
    store_batch_destroy(answer->rows);
}

static void send_snapshot(struct core *c, const struct core_ship *s)
{
    CLEANUP(buf_close) struct buf gone = {0};
    core_hello_tell_gone(c, &gone);
    struct peer_message m = {.kind = PEER_SNAPSHOT,
                             .from = c->settings.id,
                             .to = s->member,
                             .term = s->term,
                             .snapshot = {.index = s->applied.index,
                                          .term = s->applied.term,
                                          .conf_index = s->applied.conf_index,
                                          .conf = s->applied.conf.bytes,
                                          .conf_size = s->applied.conf.size,
                                          .staged = s->name,
                                          .gone = gone.bytes,
                                          .gone_size = gone.size}};
    engine_stamp(c->engine, c->now_ms, &m.stamp);
    core_send(c, &m);
}

static void chunk_answered(struct core *c, const struct peer_message *m)
{
    struct core_ship *s = m->chunk_result.ship != 0 ? find_ship(c, m->chunk_result.ship) : NULL;
    if (s == NULL || s->member != m->from || s->reading || s->landing) {
        return;
    }
    if (m->chunk_result.number == 0) {
        if (c->wishes_count < ARRAY_LEN(c->wishes)) {
            drop_ship(c, s); /* it has no room now; libraft asks again */
        }
        return;
    }
    if (m->chunk_result.number != s->next + 1) {
        return;
    }
    if (!core_leads(c) || engine_term(c->engine) != s->term) {
        return; /* the end of the turn drops it; a stamp of now would not be of its leadership */
    }
    s->heard_ms = c->now_ms;
    s->next++;
    if (s->complete) {
        send_snapshot(c, s);
        s->landing = true;
        return;
    }
    s->reading = true;
    wish(c, ROWS_NEXT, s->name);
}

void core_ship_turn(struct core *c)
{
    uint64_t patience = (uint64_t)ENGINE_SNAPSHOT_PATIENCE * c->settings.election_timeout_ms;
    struct members members;
    engine_members(c->engine, &members);
    for (size_t i = 0; i < SHIPS_MAX; i++) {
        struct core_ship *s = &c->ships[i];
        if (s->name == 0) {
            continue;
        }
        bool left = members_find(&members, s->member) == NULL;
        bool landed = s->landing && engine_match(c->engine, s->member) >= s->applied.index;
        bool stale = !core_leads(c) || engine_term(c->engine) != s->term ||
                     c->now_ms - s->heard_ms > patience;
        if ((landed || stale || left) && c->wishes_count < ARRAY_LEN(c->wishes)) {
            drop_ship(c, s);
        }
    }
}

uint64_t core_ship_needs_from(const struct core *c)
{
    uint64_t from = UINT64_MAX;
    for (size_t i = 0; i < SHIPS_MAX; i++) {
        const struct core_ship *s = &c->ships[i];
        bool known = s->name != 0 && s->applied.index != 0;
        from = known && s->applied.index < from ? s->applied.index : from;
    }
    return from;
}

/* --- the member's side --- */

static void drop_staging(struct core *c)
{
    core_state_retire(c, c->staging.machine);
    c->staging = (struct core_staging){0};
}

static bool stage_rows(struct core *c, const struct peer_chunk *chunk, struct err *err)
{
    core_close_batch(c); /* rows of the stage do not share a batch with rows of the state */
    struct store_batch *batch = core_batch(c);
    batch->stage = chunk->number == 0 ? STAGE_BEGIN : STAGE_ROWS;
    for (size_t i = 0; i < chunk->count; i++) {
        const struct peer_row *in = &chunk->rows[i];
        struct store_row row = {in->key, in->key_size, in->value, in->value_size};
        if (machine_load_row(c->staging.machine, &row, err) != 0) {
            drop_staging(c); /* what is in the batch is forgotten with the next stage */
            core_close_batch(c);
            return false;
        }
        store_batch_add_row(batch, &row);
    }
    c->staging.sequence = batch->sequence;
    core_close_batch(c);
    return true;
}

/* The sender need not wait in vain until it gives up. */
static void refuse_chunk(struct core *c, const struct peer_message *m)
{
    struct peer_message answer = {.kind = PEER_CHUNK_RESULT,
                                  .from = c->settings.id,
                                  .to = m->from,
                                  .term = engine_term(c->engine),
                                  .chunk_result = {.ship = m->chunk.ship, .number = 0}};
    core_send(c, &answer);
}

static void receive_chunk(struct core *c, const struct peer_message *m)
{
    const struct peer_chunk *chunk = &m->chunk;
    if (c->install_sequence != 0 || m->term < engine_term(c->engine)) {
        return; /* whoever sends the rows begins again */
    }
    if (c->disk.is_full) {
        refuse_chunk(c, m);
        return;
    }
    if (chunk->number == 0) {
        drop_staging(c);
        c->staging = (struct core_staging){.from = m->from, .ship = chunk->ship};
        c->staging.machine = machine_create(&c->settings.machine);
    }
    struct core_staging *s = &c->staging;
    if (s->machine == NULL || s->from != m->from || s->ship != chunk->ship ||
        s->next != chunk->number || s->answer != 0) {
        return;
    }
    s->next++;
    s->answer = s->next;
    s->complete = chunk->last;
    struct err err = {0};
    if (!stage_rows(c, chunk, &err)) {
        refuse_chunk(c, m); /* it begins again: a newer version may be on its way to this node */
        core_event_ship(c, m->from, "a snapshot from", err.msg);
    }
}

void core_ship_durable(struct core *c)
{
    struct core_staging *s = &c->staging;
    if (s->answer == 0 || c->durable < s->sequence) {
        return;
    }
    struct peer_message m = {.kind = PEER_CHUNK_RESULT,
                             .from = c->settings.id,
                             .to = s->from,
                             .term = engine_term(c->engine),
                             .chunk_result = {.ship = s->ship, .number = s->answer}};
    s->answer = 0;
    core_send(c, &m);
}

void core_ship_receive(struct core *c, const struct peer_message *m)
{
    if (m->kind == PEER_CHUNK) {
        receive_chunk(c, m);
    } else {
        chunk_answered(c, m);
    }
}

/* Only what is staged completely, and durable, can become the state. */
bool core_ship_may_install(struct core *c, const struct peer_message *m)
{
    const struct core_staging *s = &c->staging;
    return s->complete && s->answer == 0 && s->from == m->from && s->ship == m->snapshot.staged &&
           c->install_sequence == 0;
}

struct machine *core_ship_take_machine(struct core *c)
{
    struct machine *machine = c->staging.machine;
    MUST(machine != NULL); /* core_ship_may_install() stood before the install, and nothing is
                              staged during one */
    c->staging.machine = NULL;
    drop_staging(c);
    return machine;
}

void core_ship_close(struct core *c)
{
    for (size_t i = 0; i < SHIPS_MAX; i++) {
        buf_close(&c->ships[i].applied.conf);
    }
    drop_staging(c);
}
