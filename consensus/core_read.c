/* consensus/core_read.c - reads that see everything acknowledged before they were asked.
 *
 * On the leader a read takes the commit index of its arrival, waits until a majority has answered a
 * round that began after its arrival (consensus/stamp.h), and until the state has reached that
 * index. Elsewhere the leader is asked for the index and does the same waiting for it. No entry is
 * written. A read asked of a leadership that ended asks the next. */
#include "base/mem.h"
#include "base/must.h"
#include "consensus/core_internal.h"

/* An unanswered question is asked again after this many heartbeats. */
#define ASK_AGAIN_BEATS 3

/* Reads that wait, of this node and of others; beyond it ERR_BUSY, and others ask again. */
#define READINGS_MAX 16384

static struct core_reading *new_reading(struct core *c)
{
    struct core_reading *r = mem_zalloc(sizeof(*r));
    list_init(&r->link);
    list_push_back(&c->readings, &r->link);
    c->readings_count++;
    return r;
}

static void reading_free(struct core *c, struct core_reading *r)
{
    list_remove(&r->link);
    c->readings_count--;
    mem_free(r);
}

void core_read(struct core *c, uint64_t now_ms, uint64_t ticket)
{
    c->now_ms = now_ms > c->now_ms ? now_ms : c->now_ms;
    MUST(ticket != 0);
    if (core_refused(c, NULL) != CORE_WELCOME) {
        core_finish(c, CORE_READ, ticket, ERR_CLOSED, 0, NULL);
        return;
    }
    if (c->readings_count >= READINGS_MAX) {
        core_finish(c, CORE_READ, ticket, ERR_BUSY, 0, NULL);
        return;
    }
    new_reading(c)->ticket = ticket;
}

void core_read_forget(struct core *c, uint64_t ticket)
{
    LIST_FOR_EACH_SAFE (struct core_reading, r, &c->readings, link) {
        if (r->ticket == ticket) {
            reading_free(c, r);
        }
    }
}

/* The leadership has changed: what was proven or asked before proves nothing now. */
void core_read_term(struct core *c)
{
    uint64_t term = core_leads(c) ? engine_term(c->engine) : 0;
    if (c->stamps.term == term) {
        return;
    }
    if (c->stamps.term != 0) {
        core_propose_lost(c, ERR_LOST_LEADER);
    }
    stamp_reset(&c->stamps, term);
    core_lease_reset(c);
    LIST_FOR_EACH_SAFE (struct core_reading, r, &c->readings, link) {
        if (r->ticket == 0) {
            reading_free(c, r); /* the asker asks the next leader */
            continue;
        }
        r->term = 0; /* an index that was not confirmed is worth nothing */
        r->index = 0;
        r->asked_ms = 0;
    }
}

static void answer(struct core *c, const struct core_reading *r)
{
    if (r->ticket != 0) {
        core_finish(c, CORE_READ, r->ticket, 0, r->index, NULL);
        return;
    }
    struct peer_message m = {.kind = PEER_READ_INDEX_RESULT,
                             .from = c->settings.id,
                             .to = r->asker,
                             .term = engine_term(c->engine),
                             .read_index = {.question = r->question, .index = r->index}};
    core_send(c, &m);
}

/* --- on the leader --- */

static void begin_on_leader(struct core *c, struct core_reading *r)
{
    r->term = c->stamps.term;
    r->index = engine_known_commit(c->engine); /* others, with faster disks, may show it already */
    r->round =
        engine_round(c->engine); /* rounds up to here may have left before the read arrived */
    r->question = r->ticket != 0 ? 0 : r->question;
}

static void lead_reading(struct core *c, struct core_reading *r, const struct stamp_proof *proof)
{
    if (!engine_is_established(c->engine)) {
        return; /* a new leader does not know yet what is committed */
    }
    if (r->term != c->stamps.term) {
        begin_on_leader(c, r);
        return;
    }
    bool applied = r->ticket == 0 || c->applied.index >= r->index;
    if (proof->round > r->round && applied) {
        answer(c, r);
        reading_free(c, r);
        return;
    }
    /* Other messages may have left since, but not to everybody, and who gets entries writes them
     * before it answers. */
    c->beat_wanted = c->beat_wanted || engine_beaten(c->engine) <= r->round;
}

/* --- elsewhere --- */

static void ask_leader(struct core *c, struct core_reading *r)
{
    uint64_t leader = engine_leader(c->engine);
    bool lately = r->asked_ms != 0 &&
                  c->now_ms - r->asked_ms < (uint64_t)ASK_AGAIN_BEATS * c->settings.heartbeat_ms;
    if (leader == 0 || leader == c->settings.id || (lately && r->term == engine_term(c->engine))) {
        return;
    }
    c->questions++;
    r->question = c->questions;
    r->term = engine_term(c->engine);
    r->asked_ms = c->now_ms;
    r->round = 0;
    r->index = 0;
    struct peer_message m = {.kind = PEER_READ_INDEX,
                             .from = c->settings.id,
                             .to = leader,
                             .term = engine_term(c->engine),
                             .read_index = {.question = r->question}};
    core_send(c, &m);
}

static void follow_reading(struct core *c, struct core_reading *r)
{
    if (r->index == 0) {
        ask_leader(c, r);
        return;
    }
    if (c->applied.index >= r->index) {
        answer(c, r);
        reading_free(c, r);
    }
}

uint64_t core_followed_ms(const struct core *c, uint64_t now_ms)
{
    struct members members;
    if (c->stamps.term == 0 || c->stamps.term != engine_term(c->engine)) {
        return 0;
    }
    engine_members(c->engine, &members);
    return stamp_proven(&c->stamps, &members, c->settings.id, engine_round(c->engine), now_ms)
        .sent_ms;
}

void core_read_turn(struct core *c)
{
    c->beat_wanted = false;
    if (list_empty(&c->readings)) {
        return;
    }
    struct members members;
    engine_members(c->engine, &members);
    struct stamp_proof proof =
        stamp_proven(&c->stamps, &members, c->settings.id, engine_round(c->engine), c->now_ms);
    LIST_FOR_EACH_SAFE (struct core_reading, r, &c->readings, link) {
        if (c->stamps.term != 0) {
            lead_reading(c, r, &proof);
        } else {
            follow_reading(c, r);
        }
    }
    if (c->beat_wanted) { /* one after the other: what comes meanwhile shares the next */
        c->beat_wanted = !engine_beat(c->engine, c->now_ms, proof.round);
    }
}

void core_read_receive(struct core *c, const struct peer_message *m)
{
    core_read_term(c);
    if (m->kind == PEER_READ_INDEX) {
        if (c->stamps.term != 0 && c->readings_count < READINGS_MAX) {
            struct core_reading *r = new_reading(c);
            r->asker = m->from;
            r->question = m->read_index.question;
        }
        return;
    }
    LIST_FOR_EACH (struct core_reading, r, &c->readings, link) {
        bool is_answer =
            r->ticket != 0 && r->question == m->read_index.question && r->question != 0;
        if (is_answer && r->index == 0 && c->stamps.term == 0) {
            r->index = m->read_index.index;
            return; /* each question has its own name */
        }
    }
}

void core_read_end(struct core *c)
{
    LIST_FOR_EACH_SAFE (struct core_reading, r, &c->readings, link) {
        core_finish(c, CORE_READ, r->ticket, ERR_CLOSED, 0, NULL);
        reading_free(c, r);
    }
}

void core_read_close(struct core *c)
{
    LIST_FOR_EACH_SAFE (struct core_reading, r, &c->readings, link) {
        reading_free(c, r);
    }
}
