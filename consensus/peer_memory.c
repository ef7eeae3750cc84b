/* consensus/peer_memory.c - the comparison of what was told with what a disk says. */
#include "consensus/peer_memory.h"

#include "base/must.h"
#include "consensus/cursor.h"

uint64_t peer_life(uint64_t incarnation, uint32_t random)
{
    MUST(incarnation > 0);
    MUST(incarnation <= UINT32_MAX);
    return incarnation << 32 | random;
}

bool peer_life_is_later(uint64_t life, uint64_t than)
{
    return life >> 32 > than >> 32;
}

enum hello_verdict peer_memory_judge(const struct peer_memory *memory,
                                     const struct peer_message *message)
{
    const struct peer_hello *hello = &message->hello;
    if (memory->life == 0 || memory->life == message->life) {
        return HELLO_FINE; /* nothing is known, or it was judged before */
    }
    if (!peer_life_is_later(message->life, memory->life)) {
        return HELLO_OLD_LIFE;
    }
    bool same_clear = hello->clear_life == memory->clear_life;
    if (memory->clear_life != 0 && !same_clear &&
        !peer_life_is_later(hello->clear_life, memory->clear_life)) {
        return HELLO_OLD_LIFE; /* however many starts there were since */
    }
    if (hello->start_counter < memory->counter) {
        return HELLO_OLD_COUNTER;
    }
    bool same_term = hello->start_term == memory->term;
    bool other_vote = same_term && memory->vote != 0 && hello->start_vote != memory->vote;
    if (hello->start_term < memory->term || other_vote) {
        return HELLO_OLD_TERM;
    }
    /* In a term a log that has matched the leader's only grows; a later term may take entries away.
     */
    return same_term && hello->start_last < memory->acked ? HELLO_OLD_LOG : HELLO_FINE;
}

static bool raise_to(uint64_t *known, uint64_t told)
{
    bool news = told > *known;
    *known = news ? told : *known;
    return news;
}

static bool hear_term(struct peer_memory *memory, uint64_t term)
{
    if (!raise_to(&memory->term, term)) {
        return false;
    }
    memory->vote = 0;
    memory->acked = 0;
    return true;
}

bool peer_memory_greeted(struct peer_memory *memory, const struct peer_message *message)
{
    const struct peer_hello *hello = &message->hello;
    bool news = memory->life != message->life;
    memory->life = message->life;
    news = raise_to(&memory->counter, hello->counter) || news;
    news = raise_to(&memory->clear_life, hello->clear_life) || news;
    news = hear_term(memory, hello->start_term) || news;
    if (memory->term == hello->start_term && memory->vote == 0 && hello->start_vote != 0) {
        memory->vote = hello->start_vote;
        news = true;
    }
    return news;
}

bool peer_memory_hear(struct peer_memory *memory, const struct peer_message *message, uint64_t self)
{
    MUST(message->life == memory->life);
    uint64_t vote = 0;
    uint64_t acked = 0;
    if (message->kind == PEER_APPEND_RESULT) {
        acked = message->append_result.rejected == 0 ? message->append_result.last_index : 0;
    } else if (message->kind == PEER_VOTE && !message->vote.pre_vote) {
        vote = message->from;
    } else if (message->kind == PEER_VOTE_RESULT && !message->vote_result.pre_vote) {
        vote = message->vote_result.granted ? self : 0;
    } else if (message->kind == PEER_APPEND) {
        acked = message->append.stored; /* a leader that commits counts itself, too */
    } else {
        return false; /* the term of a pre-vote is one that nobody is in */
    }
    /* Nobody says such a thing before it is clear. */
    bool news = raise_to(&memory->clear_life, message->life);
    news = hear_term(memory, message->term) || news;
    if (message->term != memory->term) {
        return news; /* late */
    }
    if (vote != 0 && memory->vote == 0) {
        memory->vote = vote;
        news = true;
    }
    return raise_to(&memory->acked, acked) || news;
}

const char *peer_verdict_text(enum hello_verdict verdict)
{
    switch (verdict) {
        case HELLO_FINE:
            return "fine";
        case HELLO_STRANGER:
            return "not known";
        case HELLO_OTHER_CLUSTER:
            return "of another cluster";
        case HELLO_REMOVED:
            return "removed from the cluster";
        case HELLO_OLD_LIFE:
            return "an old copy of the disk: a later start of this node was seen";
        case HELLO_OLD_COUNTER:
            return "an old copy of the disk: more had been written to it";
        case HELLO_OLD_TERM:
            return "an old copy of the disk: it had been told of a later term or vote";
        case HELLO_OLD_LOG:
            return "an old copy of the disk: entries that it acknowledged are missing";
    }
    return "refused for a reason that only a newer version knows";
}

/* --- bytes ---
 *
 *   u8 format   u8 count   for each memory its numbers   the ids that are gone
 *
 * Format 1 had neither count nor ids, format 2 no clear life; they were never released. */

#define FORMAT 3
#define NUMBERS 7

void peer_book_encode(const struct peer_book *book, struct buf *out)
{
    MUST(book->count <= PEER_MEMORIES_MAX);
    buf_char(out, FORMAT);
    buf_char(out, (char)book->count);
    for (size_t i = 0; i < book->count; i++) {
        const struct peer_memory *m = &book->memories[i];
        const uint64_t numbers[NUMBERS] = {m->id,   m->life,  m->counter,   m->term,
                                           m->vote, m->acked, m->clear_life};
        for (size_t n = 0; n < NUMBERS; n++) {
            put_u64(out, numbers[n]);
        }
    }
    for (size_t i = 0; i < book->gone.count; i++) {
        put_u64(out, book->gone.ids[i]);
    }
}

static bool take_memory(struct cursor *c, struct peer_memory *m)
{
    return take_u64(c, &m->id) && m->id != 0 && take_u64(c, &m->life) && take_u64(c, &m->counter) &&
           take_u64(c, &m->term) && take_u64(c, &m->vote) && take_u64(c, &m->acked) &&
           take_u64(c, &m->clear_life);
}

static bool take_book(struct cursor *c, struct peer_book *out)
{
    uint8_t count = 0;
    if (!take_u8(c, &count) || count > PEER_MEMORIES_MAX) {
        return false;
    }
    for (out->count = 0; out->count < count; out->count++) {
        if (!take_memory(c, &out->memories[out->count])) {
            return false;
        }
    }
    uint64_t id = 0;
    while (c->left > 0) {
        if (out->gone.count == GONE_MAX || !take_u64(c, &id) || id == 0 ||
            !gone_add(&out->gone, id)) {
            return false;
        }
    }
    return true;
}

int peer_book_decode(const void *bytes, size_t size, struct peer_book *out, struct err *err)
{
    struct cursor c = {bytes, size};
    uint8_t format = 0;
    *out = (struct peer_book){0};
    if (take_u8(&c, &format) && format != FORMAT) {
        return err_set(
            err, ERR_VERSION,
            "what this disk remembers of the peers is in format %u, and this version "
            "reads %u: start the version that wrote it, or discard the directory and let "
            "the node join as a new member",
            (unsigned)format, (unsigned)FORMAT);
    }
    if (format != FORMAT || !take_book(&c, out)) {
        return err_set(err, ERR_CORRUPT, "what is remembered of the peers is malformed");
    }
    return 0;
}
