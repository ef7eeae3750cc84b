/* consensus/core.c - the way of the data through the core, and its ends.
 *
 *   propose --> core_propose --> engine --> batch --> (disk) --> core_durable --> engine
 *                                  |  \                                             |
 *                              (peers) message, held until its term is durable   commit
 *                                                                                   |
 *   done <-- core_propose <-- core_state: the machine applies  <--------------------'
 *
 * This file owns the batches and the messages that wait for them. What it never does: decide. */
#include "consensus/core.h"

#include "base/mem.h"
#include "base/must.h"
#include "consensus/core_internal.h"
#include "storage/store.h"

#define MIB ((size_t)1024 * 1024)

/* A batch that has grown to this is closed, so that nothing waits long behind it (safety E1). */
#define BATCH_CLOSE_BYTES (STORE_BATCH_BYTES_MAX / 2)

struct core_settings core_settings_default(uint64_t id, uint32_t seed)
{
    return (struct core_settings){.id = id,
                                  .seed = seed,
                                  .election_timeout_ms = 500,
                                  .heartbeat_ms = 100,
                                  .inflight_entries_max = 1024,
                                  .propose_queue_max = 10000,
                                  .propose_bytes_max = 16 * MIB,
                                  .flush_after_ms = 1000,
                                  .flush_bytes = MIB / 2,
                                  .compact_entries = 20000,
                                  .compact_bytes = 32 * MIB,
                                  .replace_after_ms = 30000,
                                  .trailing_entries = 5000,
                                  .wants_vote = true,
                                  .voters_max = 7,
                                  .full_bytes_max = STORE_RESERVE_BYTES / 4};
}

static struct timing timing_with(const struct core_settings *settings, const struct timing *known)
{
    struct timing timing = *known;
    timing.election_timeout_ms = settings->election_timeout_ms;
    timing.heartbeat_ms = settings->heartbeat_ms;
    timing.lease_ms = settings->lease_ms;
    return timing;
}

int core_settings_check(const struct core_settings *settings, const struct timing *known,
                        struct err *err)
{
    struct timing timing = timing_with(settings, known);
    return timing_check(&timing, err);
}

static void set_now(struct core *c, uint64_t now_ms)
{
    c->now_ms = now_ms > c->now_ms ? now_ms : c->now_ms;
}

/* A sole voter is elected by its own start; it leads nobody before it is clear that its disk is no
 * old copy. */
bool core_leads(const struct core *c)
{
    return engine_role(c->engine) == ENGINE_LEADER && c->hello.may_vote;
}

/* --- towards the disk --- */

struct store_batch *core_batch(struct core *c)
{
    if (c->open == NULL) {
        c->sequence++;
        c->open = store_batch_create(c->sequence);
    }
    return c->open;
}

void core_close_batch(struct core *c)
{
    if (c->open == NULL || (store_batch_is_empty(c->open) && !c->open->essential)) {
        return;
    }
    list_push_back(&c->batches, &c->open->link);
    c->open = NULL;
}

static void sink_write_hard(void *ctx, const struct store_hard *hard)
{
    struct core *c = ctx;
    struct store_batch *batch = core_batch(c);
    batch->has_hard = true;
    batch->hard = *hard;
    c->hard_sequence = batch->sequence;
}

static uint64_t sink_write_entries(void *ctx, uint64_t from, const struct store_entry *entries,
                                   size_t count)
{
    struct core *c = ctx;
    if (core_batch(c)->entry_count > 0) {
        core_close_batch(c); /* one truncation a batch */
    }
    struct store_batch *batch = core_batch(c);
    batch->truncate_from = from;
    batch->essential = core_disk_must_write(c, entries, count) || batch->essential;
    for (size_t i = 0; i < count; i++) {
        store_batch_add_entry(batch, &entries[i]);
    }
    if (batch->bytes >= BATCH_CLOSE_BYTES) {
        core_close_batch(c);
    }
    return batch->sequence;
}

static uint64_t sink_install(void *ctx, const struct peer_snapshot *snapshot)
{
    struct core *c = ctx;
    core_close_batch(c); /* the install stands alone: what is before it is superseded, what follows
                            builds on it */
    core_state_install(c, snapshot);
    uint64_t sequence = c->sequence;
    core_close_batch(c);
    return sequence;
}

static void on_lease(void *ctx, enum machine_lease_event event, const struct machine_lease *lease)
{
    struct core *c = ctx;
    core_lease_event(c, event, lease);
    if (c->owner_lease_cb != NULL) {
        c->owner_lease_cb(c->owner_context, event, lease);
    }
}

static void sink_want_snapshot(void *ctx, uint64_t member)
{
    core_ship_want(ctx, member);
}

void core_fail(struct core *c, const struct err *err)
{
    if (!c->failed) {
        c->failed = true;
        c->fatal(c->fatal_ctx, err);
    }
}

static void sink_fatal(void *ctx, const struct err *err)
{
    core_fail(ctx, err);
}

/* --- messages --- */

static void out_free(struct core_out *out)
{
    if (out != NULL) {
        buf_close(&out->bytes);
        mem_free(out);
    }
}

void core_send(struct core *c, const struct peer_message *message)
{
    if (c->hello.refusal != CORE_WELCOME) {
        return; /* this node has nothing more to say */
    }
    if (c->out_count >= OUT_COUNT_MAX || c->out_bytes >= OUT_BYTES_MAX) {
        return; /* lost, like any message may be */
    }
    struct core_out *out = mem_alloc(sizeof(*out));
    list_init(&out->link);
    out->bytes = (struct buf){0};
    /* What a message says is true once the term and vote it speaks for are durable; entries it
     * acknowledges already are, and entries it carries need not be (docs/consensus.md). */
    out->after = c->hard_sequence;
    peer_message_copy(&out->message, message, &out->bytes);
    out->message.life = c->hello.life;
    list_push_back(&c->out, &out->link);
    c->out_count++;
    c->out_bytes += out->bytes.size;
}

/* The oldest message leaves the queue; the caller frees it. */
static struct core_out *take_out(struct core *c)
{
    struct core_out *out = CONTAINER_OF(c->out.next, struct core_out, link);
    list_remove(&out->link);
    c->out_count--;
    c->out_bytes -= out->bytes.size;
    return out;
}

void core_drop_messages(struct core *c)
{
    while (!list_empty(&c->out)) {
        out_free(take_out(c));
    }
}

static void sink_send(void *ctx, const struct peer_message *message)
{
    struct core *c = ctx;
    struct peer_message out = *message;
    if (!c->hello.may_vote) {
        return; /* all that counts with others is said here: lost, like any message may be */
    }
    core_disk_outgoing(c, &out);
    core_send(c, &out);
}

bool core_next_message(struct core *c, struct peer_message *message)
{
    out_free(c->lent);
    c->lent = NULL;
    if (list_empty(&c->out)) {
        return false;
    }
    if (CONTAINER_OF(c->out.next, struct core_out, link)->after > c->durable) {
        return false; /* those behind it wait for as much or more */
    }
    c->lent = take_out(c);
    *message = c->lent->message;
    return true;
}

struct store_batch *core_next_batch(struct core *c)
{
    struct list *link = list_pop_front(&c->batches);
    if (link == NULL) {
        return NULL;
    }
    struct store_batch *batch = CONTAINER_OF(link, struct store_batch, link);
    core_disk_handed_out(c, batch);
    core_hello_handed_out(c, batch);
    return batch;
}

/* --- answers --- */

void core_finish(struct core *c, enum core_request request, uint64_t ticket, int status,
                 uint64_t index, const struct kv_result *result)
{
    if (ticket == 0) {
        return; /* forgotten */
    }
    struct core_finished *f = mem_zalloc(sizeof(*f));
    list_init(&f->link);
    f->done =
        (struct core_done){.request = request, .ticket = ticket, .status = status, .index = index};
    if (result != NULL) {
        f->done.revision = result->revision;
        kv_result_encode(result, &f->done.result);
    }
    if (request == CORE_PROPOSE && ticket == CORE_TICKET_ADVICE) {
        core_advise_finished(c, &f->done);
        mem_free(f);
        return;
    }
    list_push_back(&c->done, &f->link);
}

bool core_next_done(struct core *c, struct core_done *out)
{
    struct list *link = list_pop_front(&c->done);
    if (link == NULL) {
        return false;
    }
    struct core_finished *f = CONTAINER_OF(link, struct core_finished, link);
    *out = f->done;
    mem_free(f);
    return true;
}

/* --- life --- */

struct core *core_create(const struct core_settings *settings, uint64_t now_ms,
                         const struct store_image *image,
                         void (*fatal)(void *ctx, const struct err *err), void *ctx)
{
    struct timing beats = timing_with(settings, &(struct timing){0});
    MUST(timing_check_beats(&beats, NULL) == 0); /* core_settings_check() says more */
    struct core *c = mem_zalloc(sizeof(*c));
    c->settings = *settings;
    c->fatal = fatal;
    c->fatal_ctx = ctx;
    set_now(c, now_ms);
    list_init(&c->batches);
    list_init(&c->out);
    list_init(&c->done);
    list_init(&c->waiting);
    list_init(&c->proposed);
    list_init(&c->readings);
    list_init(&c->leases.asked);
    list_init(&c->leases.endings);
    c->hold_next_ms = UINT64_MAX;
    c->owner_lease_cb = settings->machine.lease_cb;
    c->owner_context = settings->machine.context;
    c->settings.machine.lease_cb = on_lease;
    c->settings.machine.context = c;
    /* W14: names that an earlier life may have given, too; a late answer to that one must not fit.
     */
    c->questions = (uint64_t)settings->seed << 32;
    c->ship_names = c->questions;
    struct engine_settings es = {.id = settings->id,
                                 .seed = settings->seed,
                                 .election_timeout_ms = settings->election_timeout_ms,
                                 .heartbeat_ms = settings->heartbeat_ms,
                                 .inflight_entries_max = settings->inflight_entries_max};
    struct engine_sink sink = {.ctx = c,
                               .write_hard = sink_write_hard,
                               .write_entries = sink_write_entries,
                               .install = sink_install,
                               .send = sink_send,
                               .want_snapshot = sink_want_snapshot,
                               .fatal = sink_fatal};
    c->engine = engine_create(&es, &sink);
    core_hello_start(c, image);
    core_soft_open(c, c->hello.identity.incarnation);
    core_placement_open(c);
    core_state_load(c, image);
    core_start_begin(c, image);
    struct store_hard hard;
    if (engine_hard_before_start(image, settings->id, &hard)) {
        sink_write_hard(c, &hard); /* W7: nothing leaves before it is durable */
    }
    engine_start(c->engine, c->now_ms, image, &hard);
    core_admit_start(c);
    return c;
}

void core_destroy(struct core *c)
{
    if (c == NULL) {
        return;
    }
    core_propose_close(c);
    core_read_close(c);
    core_lease_reset(c);
    core_hold_close(c);
    core_ship_close(c);
    core_state_close(c);
    core_soft_close(c);
    core_advise_close(c);
    engine_destroy(c->engine);
    store_batch_destroy(c->open);
    for (struct store_batch *b = core_next_batch(c); b != NULL; b = core_next_batch(c)) {
        store_batch_destroy(b);
    }
    core_drop_messages(c);
    out_free(c->lent);
    struct core_done done;
    while (core_next_done(c, &done)) {
        buf_close(&done.result);
    }
    mem_free(c);
}

/* --- events --- */

uint64_t core_next_tick_ms(const struct core *c, uint64_t now_ms)
{
    if (c->hello.refusal != CORE_WELCOME) {
        return now_ms + c->settings.election_timeout_ms;
    }
    uint64_t next = engine_next_tick_ms(c->engine, now_ms);
    if (c->dirty_since_ms != 0 && !c->disk.is_full) {
        uint64_t flush = c->dirty_since_ms + c->settings.flush_after_ms;
        next = flush < next ? flush : next;
    }
    if (c->beat_wanted || c->retired != NULL) {
        next = now_ms + 1;
    }
    uint64_t lease = core_lease_next_ms(c);
    next = lease < next ? lease : next;
    next = c->hold_next_ms < next ? c->hold_next_ms : next;
    uint64_t admit = core_admit_next_ms(c);
    next = admit < next ? admit : next;
    uint64_t advise = core_advise_next_ms(c);
    next = advise < next ? advise : next;
    uint64_t hello = core_hello_next_ms(c);
    next = hello < next ? hello : next;
    return next > now_ms ? next : now_ms + 1;
}

/* Asked before the engine's tick, which sets the next beat. */
static bool beat_is_due(const struct core *c)
{
    return core_leads(c) && c->now_ms > 0 &&
           engine_next_tick_ms(c->engine, c->now_ms - 1) <= c->now_ms;
}

void core_tick(struct core *c, uint64_t now_ms)
{
    set_now(c, now_ms);
    bool beat = beat_is_due(c);
    if (c->hello.refusal != CORE_WELCOME) {
        return;
    }
    core_disk_look(c);
    engine_tick(c->engine, c->now_ms);
    if (beat) {
        core_soft_beat(c);
        core_placement_beat(c);
    }
}

void core_receive(struct core *c, uint64_t now_ms, const struct peer_message *message)
{
    set_now(c, now_ms);
    if (core_hello_receive(c, message)) {
        return;
    }
    core_disk_look(c);
    struct peer_message taken;
    switch (message->kind) {
        case PEER_CHUNK:
        case PEER_CHUNK_RESULT:
            core_ship_receive(c, message);
            return;
        case PEER_READ_INDEX:
        case PEER_READ_INDEX_RESULT:
            core_read_receive(c, message);
            return;
        case PEER_KEEP_ALIVE:
        case PEER_KEEP_ALIVE_RESULT:
            core_lease_receive(c, message);
            return;
        case PEER_SOFT:
        case PEER_SOFT_RESULT:
            core_soft_receive(c, message);
            return;
        case PEER_SNAPSHOT:
            if (!core_ship_may_install(c, message)) {
                return;
            }
            core_hello_hear_gone(c, message);
            break;
        case PEER_APPEND_RESULT:
            core_read_term(c);
            stamp_note(&c->stamps, message->from, message->term, &message->stamp);
            core_disk_heard(c, message);
            break;
        case PEER_TIMEOUT_NOW:
            core_placement_moved(c);
            break;
        case PEER_FORM_HELLO:
        case PEER_FORM_PROPOSAL:
        case PEER_ASK:
        case PEER_ANSWER:
        case PEER_HELLO:
        case PEER_HELLO_RESULT:
            return; /* the owner's to answer: form_answer(); or taken by core_hello_receive() */
        case PEER_APPEND:
            message = core_disk_take(c, message, &taken);
            break;
        case PEER_VOTE:
        case PEER_VOTE_RESULT:
            break;
        case PEER_JOIN:
        case PEER_JOIN_RESULT:
            core_admit_receive(c, message);
            return;
    }
    engine_receive(c->engine, c->now_ms, message);
    if (message->kind == PEER_APPEND) {
        core_soft_heard_leader(c, message);
    }
}

void core_durable(struct core *c, uint64_t now_ms, uint64_t sequence)
{
    set_now(c, now_ms);
    MUST(sequence >= c->durable);
    MUST(sequence <= c->sequence);
    c->durable = sequence;
    core_disk_look(c);
    core_state_durable(c);
    core_ship_durable(c);
    if (c->hello.may_vote) { /* else a sole voter would commit what it has written */
        engine_written(c->engine, c->now_ms, sequence);
    }
}

int core_change(struct core *c, uint64_t now_ms, enum member_change change, uint64_t id,
                const char *info, struct err *err)
{
    set_now(c, now_ms);
    return engine_change(c->engine, c->now_ms, change, id, info, err);
}

int core_catch_up(struct core *c, uint64_t now_ms, uint64_t id, struct err *err)
{
    set_now(c, now_ms);
    return engine_catch_up(c->engine, c->now_ms, id, err);
}

int core_transfer(struct core *c, uint64_t now_ms, uint64_t id, struct err *err)
{
    set_now(c, now_ms);
    int code = engine_transfer(c->engine, c->now_ms, id, err);
    if (code == 0) {
        core_placement_moved(c); /* also when the owner does it: not straight back again */
    }
    return code;
}

void core_turn(struct core *c, uint64_t now_ms)
{
    set_now(c, now_ms);
    core_hello_turn(c);
    if (c->hello.refusal != CORE_WELCOME) {
        return;
    }
    core_read_term(c);
    core_disk_turn(c);
    core_propose_turn(c);
    core_read_turn(c);
    core_state_turn(c);
    core_read_turn(c);           /* what was applied just now may answer reads */
    if (c->waiting_count == 0) { /* else entries follow, which tell it as well */
        engine_spread(c->engine, c->now_ms);
    }
    core_hold_turn(c);
    core_lease_turn(c);
    core_admit_turn(c);
    core_ship_turn(c);
    core_soft_turn(c);
    core_advise_turn(c);
    core_events_turn(c);
    core_close_batch(c);
}

/* --- questions --- */

const struct engine *core_engine(const struct core *c)
{
    return c->engine;
}

const struct machine *core_machine(const struct core *c)
{
    return c->machine;
}

uint64_t core_applied(const struct core *c)
{
    return c->applied.index;
}
