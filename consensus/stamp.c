/* consensus/stamp.c - the newest echo of every member, and what the middle one proves. */
#include "consensus/stamp.h"

#include "base/must.h"

void stamp_reset(struct stamp_book *book, uint64_t term)
{
    *book = (struct stamp_book){.term = term};
}

void stamp_note(struct stamp_book *book, uint64_t from, uint64_t answer_term,
                const struct peer_stamp *stamp)
{
    if (book->term == 0 || answer_term != book->term || stamp->term != book->term) {
        return; /* of another leadership, or given when the member had left ours already */
    }
    size_t at = 0;
    while (at < book->count && book->seen[at].member != from) {
        at++;
    }
    if (at == MEMBERS_MAX) {
        return; /* more members came and went in one term than can be: forget the newcomer, not a
                   voter */
    }
    if (at == book->count) {
        book->seen[at].member = from;
        book->seen[at].round = 0;
        book->count++;
    }
    if (stamp->round > book->seen[at].round) { /* answers may overtake each other */
        book->seen[at].round = stamp->round;
        book->seen[at].sent_ms = stamp->sent_ms;
    }
}

static struct stamp_proof newest_of(const struct stamp_book *book, uint64_t member)
{
    for (size_t i = 0; i < book->count; i++) {
        if (book->seen[i].member == member) {
            return (struct stamp_proof){book->seen[i].round, book->seen[i].sent_ms};
        }
    }
    return (struct stamp_proof){0, 0};
}

struct stamp_proof stamp_proven(const struct stamp_book *book, const struct members *members,
                                uint64_t self, uint64_t now_round, uint64_t now_ms)
{
    struct stamp_proof sorted[MEMBERS_MAX]; /* newest first, voters only */
    size_t voters = 0;
    bool self_votes = false;
    for (size_t i = 0; i < members->count; i++) {
        if (members->at[i].role != MEMBER_VOTER) {
            continue; /* only voters elect, so only they can testify that nobody else was elected */
        }
        uint64_t id = members->at[i].id;
        self_votes = self_votes || id == self;
        struct stamp_proof newest =
            id == self ? (struct stamp_proof){now_round, now_ms} : newest_of(book, id);
        size_t at = voters;
        while (at > 0 && sorted[at - 1].round < newest.round) {
            sorted[at] = sorted[at - 1];
            at--;
        }
        sorted[at] = newest;
        voters++;
    }
    if (book->term == 0 || voters == 0) {
        return (struct stamp_proof){0, 0};
    }
    if (voters == 1 && self_votes) {
        return (struct stamp_proof){UINT64_MAX, now_ms}; /* the only voter has nobody to ask */
    }
    return sorted[voters / 2]; /* voters / 2 + 1 of them are at least as new */
}
