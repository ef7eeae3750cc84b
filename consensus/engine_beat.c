/* consensus/engine_beat.c - what a leader says between two beats of its grid.
 *
 * Ours, not libraft's: each of its beats takes what is on its way for lost and sends it again. An
 * APPEND of nothing, behind what the member is known to have, changes nothing there but how much it
 * takes for committed, and its answer nothing here but the stamps. What is lost of these is made up
 * for by the next beat. */
#include "base/must.h"
#include "consensus/engine_internal.h"

static struct engine_heard *heard_of(struct engine *e, uint64_t member)
{
    for (size_t i = 0; i < ARRAY_LEN(e->heard); i++) {
        if (e->heard[i].member == member) {
            return &e->heard[i];
        }
    }
    return NULL;
}

static void say(struct engine *e, uint64_t member, const struct peer_stamp *stamp)
{
    uint64_t match = engine_match(e, member);
    uint64_t match_term = tail_term(&e->tail, match);
    struct engine_heard *heard = heard_of(e, member);
    if (match == 0 || match_term == 0 || heard == NULL) {
        return; /* it has not answered yet in this term: the ordinary beat reaches it */
    }
    uint64_t commit = raft_commit_index(&e->raft);
    struct peer_message beat = {.kind = PEER_APPEND,
                                .from = e->settings.id,
                                .to = member,
                                .term = raft_current_term(&e->raft),
                                .stamp = *stamp,
                                .append = {.prev_index = match,
                                           .prev_term = match_term,
                                           .commit = commit,
                                           .stored = engine_stored(e)}};
    e->sink.send(e->sink.ctx, &beat);
    heard->told = commit < match ? commit : match; /* it takes no more than that from this */
}

bool engine_beat(struct engine *e, uint64_t now_ms, uint64_t answered)
{
    engine_set_now(e, now_ms);
    bool waits = e->beaten_ms == e->now_ms && e->beaten > answered;
    if (!e->leading || e->failed || waits) {
        return false;
    }
    struct members members;
    engine_members(e, &members);
    struct peer_stamp stamp;
    engine_stamp(e, e->now_ms, &stamp);
    e->beaten_ms = e->now_ms;
    e->beaten = stamp.round;
    for (size_t i = 0; i < members.count; i++) {
        if (members.at[i].role == MEMBER_VOTER && members.at[i].id != e->settings.id) {
            say(e, members.at[i].id, &stamp);
        }
    }
    return true;
}

uint64_t engine_beaten(const struct engine *e)
{
    return e->beaten;
}

void engine_spread(struct engine *e, uint64_t now_ms)
{
    engine_set_now(e, now_ms);
    uint64_t last = tail_last(&e->tail);
    if (!e->leading || e->failed || raft_commit_index(&e->raft) < last) {
        return;
    }
    struct peer_stamp stamp = {0};
    for (size_t i = 0; i < ARRAY_LEN(e->heard); i++) {
        const struct engine_heard *heard = &e->heard[i];
        if (heard->member == 0 || heard->told >= last || engine_match(e, heard->member) < last) {
            continue; /* who lacks entries hears of it with them */
        }
        if (stamp.round == 0) {
            engine_stamp(e, e->now_ms, &stamp);
        }
        say(e, heard->member, &stamp);
    }
}
