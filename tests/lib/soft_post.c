/* tests/lib/soft_post.c - messages of soft state that a test keeps as long as it likes. */
#include "tests/lib/soft_post.h"

#include "base/must.h"

size_t post_bytes(const struct post *post)
{
    const struct peer_soft *m = &post->message.soft;
    size_t sum = 0;
    for (size_t i = 0; i < m->count; i++) {
        sum += m->states[i].has_bytes ? m->states[i].size : 0;
    }
    return sum;
}

void post_write(struct post *out, struct soft_table *from, uint64_t now_ms, uint64_t to)
{
    struct peer_soft_state states[SOFT_STATES_MAX];
    struct peer_message m = {.kind = PEER_SOFT, .from = from->self, .to = to};
    soft_tell(from, now_ms, to, &m.soft, states);
    MUST(m.soft.count <= SOFT_STATES_MAX);
    *out = (struct post){.bytes = {0}};
    peer_message_copy(&out->message, &m, &out->bytes);
    MUST(post_bytes(out) <= SOFT_MESSAGE_BYTES_MAX);
}

void post_burn(struct post *post)
{
    buf_close(&post->bytes);
}

struct members post_members(uint64_t from, uint64_t to)
{
    struct members m = {.count = 0};
    for (uint64_t id = from; id <= to; id++) {
        m.at[m.count] = (struct member){.id = id, .role = MEMBER_VOTER, .info = ""};
        m.count++;
    }
    return m;
}
