/* tests/sim/wire_same.c - is the message that came out the one that went in?
 *
 * Field by field, whatever the codec makes of them: a field that it forgets would at best be missed
 * much later. Every field of proto/peer.h has its place here. */
#include <string.h>

#include "tests/sim/sim.h"

#define SAME(field) (a->field == b->field)
#define SAME_ID(field) (memcmp(a->field, b->field, sizeof(a->field)) == 0)
#define SAME_TEXT(field) (strcmp(a->field, b->field) == 0)

static bool same_bytes(const void *a, size_t a_size, const void *b, size_t b_size)
{
    return a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0);
}

static bool same_append(const struct peer_append *a, const struct peer_append *b)
{
    bool same = SAME(prev_index) && SAME(prev_term) && SAME(commit) && SAME(urgent) && SAME(count);
    for (size_t i = 0; same && i < a->count; i++) {
        const struct peer_entry *x = &a->entries[i];
        const struct peer_entry *y = &b->entries[i];
        same = x->term == y->term && x->type == y->type &&
               same_bytes(x->data, x->size, y->data, y->size);
    }
    return same;
}

static bool same_append_result(const struct peer_append_result *a,
                               const struct peer_append_result *b)
{
    return SAME(rejected) && SAME(last_index) && SAME(disk);
}

static bool same_vote(const struct peer_vote *a, const struct peer_vote *b)
{
    return SAME(last_index) && SAME(last_term) && SAME(disrupt_leader) && SAME(pre_vote);
}

static bool same_vote_result(const struct peer_vote_result *a, const struct peer_vote_result *b)
{
    return SAME(granted) && SAME(pre_vote) && SAME(silence_ms);
}

static bool same_timeout_now(const struct peer_timeout_now *a, const struct peer_timeout_now *b)
{
    return SAME(last_index) && SAME(last_term);
}

static bool same_snapshot(const struct peer_snapshot *a, const struct peer_snapshot *b)
{
    return SAME(index) && SAME(term) && SAME(conf_index) && SAME(staged) &&
           same_bytes(a->conf, a->conf_size, b->conf, b->conf_size) &&
           same_bytes(a->gone, a->gone_size, b->gone, b->gone_size);
}

static bool same_chunk(const struct peer_chunk *a, const struct peer_chunk *b)
{
    bool same = SAME(ship) && SAME(number) && SAME(last) && SAME(count);
    for (size_t i = 0; same && i < a->count; i++) {
        const struct peer_row *x = &a->rows[i];
        const struct peer_row *y = &b->rows[i];
        same = same_bytes(x->key, x->key_size, y->key, y->key_size) &&
               same_bytes(x->value, x->value_size, y->value, y->value_size);
    }
    return same;
}

static bool same_chunk_result(const struct peer_chunk_result *a, const struct peer_chunk_result *b)
{
    return SAME(ship) && SAME(number);
}

static bool same_read_index(const struct peer_read_index *a, const struct peer_read_index *b)
{
    return SAME(question) && SAME(index);
}

static bool same_keep_alive(const struct peer_keep_alive *a, const struct peer_keep_alive *b)
{
    return SAME(holder) && SAME(name) && SAME(lease) && SAME(grant) && SAME(epoch) &&
           SAME(passed_on) && SAME(urgent);
}

static bool same_keep_alive_result(const struct peer_keep_alive_result *a,
                                   const struct peer_keep_alive_result *b)
{
    return SAME(holder) && SAME(name) && SAME(lease) && SAME(status) && SAME(ttl_ms);
}

static bool same_state(const struct peer_soft_state *a, const struct peer_soft_state *b)
{
    return SAME(member) && SAME(life) && SAME(token) && SAME(counter) && SAME(age_ms) &&
           SAME(has_bytes) && same_bytes(a->bytes, a->size, b->bytes, b->size);
}

static bool same_soft(const struct peer_soft *a, const struct peer_soft *b)
{
    bool same = SAME(token) && SAME(sent_ms) && SAME(echo_token) && SAME(echo_ms) &&
                SAME(slow_disk) && SAME(moved) && SAME(moved_age_ms) && SAME(count);
    for (size_t i = 0; same && i < a->count; i++) {
        same = same_state(&a->states[i], &b->states[i]);
    }
    return same;
}

static bool same_hello(const struct peer_hello *a, const struct peer_hello *b)
{
    return SAME_ID(cluster_id) && SAME_TEXT(name) && SAME(start_term) && SAME(start_vote) &&
           SAME(start_last) && SAME(start_counter) && SAME(counter) && SAME(conf_index) &&
           SAME(clear_life);
}

static bool same_hello_result(const struct peer_hello_result *a, const struct peer_hello_result *b)
{
    return SAME_ID(cluster_id) && SAME(life) && SAME(verdict);
}

static bool same_join(const struct peer_join *a, const struct peer_join *b)
{
    return SAME(subject) && SAME(wisher) && SAME(wish) && SAME(wants_vote) && SAME(at_once) &&
           SAME(passed_on) && SAME_TEXT(text);
}

static bool same_join_result(const struct peer_join_result *a, const struct peer_join_result *b)
{
    return SAME(subject) && SAME(wisher) && SAME(wish) && SAME_ID(cluster_id) && SAME(done) &&
           SAME(status) && SAME_TEXT(reason);
}

static bool same_form_hello(const struct peer_form_hello *a, const struct peer_form_hello *b)
{
    return SAME_TEXT(info) && SAME_TEXT(list) && SAME(standing) && SAME(answer) && SAME(may_form) &&
           SAME(lists_you) && SAME(floor) && SAME_ID(cluster_id) && SAME(proposer) &&
           SAME(number) && SAME(hash_low) && SAME(hash_high);
}

static bool same_form_proposal(const struct peer_form_proposal *a,
                               const struct peer_form_proposal *b)
{
    return same_bytes(a->bytes, a->size, b->bytes, b->size);
}

#define SAME_PART(part) same_##part(&a->part, &b->part)

static bool same_raft_part(const struct peer_message *a, const struct peer_message *b)
{
    switch ((int)a->kind) {
        case PEER_APPEND:
            return SAME_PART(append);
        case PEER_APPEND_RESULT:
            return SAME_PART(append_result);
        case PEER_VOTE:
            return SAME_PART(vote);
        case PEER_VOTE_RESULT:
            return SAME_PART(vote_result);
        case PEER_TIMEOUT_NOW:
            return SAME_PART(timeout_now);
        case PEER_SNAPSHOT:
            return SAME_PART(snapshot);
        case PEER_CHUNK:
            return SAME_PART(chunk);
        default:
            return SAME_PART(chunk_result);
    }
}

bool wire_same(const struct peer_message *a, const struct peer_message *b)
{
    if (!(SAME(kind) && SAME(from) && SAME(to) && SAME(life) && SAME(term) && SAME(stamp.term) &&
          SAME(stamp.round) && SAME(stamp.sent_ms))) {
        return false;
    }
    switch (a->kind) {
        case PEER_APPEND:
        case PEER_APPEND_RESULT:
        case PEER_VOTE:
        case PEER_VOTE_RESULT:
        case PEER_TIMEOUT_NOW:
        case PEER_SNAPSHOT:
        case PEER_CHUNK:
        case PEER_CHUNK_RESULT:
            return same_raft_part(a, b);
        case PEER_READ_INDEX:
        case PEER_READ_INDEX_RESULT:
            return SAME_PART(read_index);
        case PEER_KEEP_ALIVE:
            return SAME_PART(keep_alive);
        case PEER_KEEP_ALIVE_RESULT:
            return SAME_PART(keep_alive_result);
        case PEER_SOFT:
        case PEER_SOFT_RESULT:
            return SAME_PART(soft);
        case PEER_HELLO:
            return SAME_PART(hello);
        case PEER_HELLO_RESULT:
            return SAME_PART(hello_result);
        case PEER_JOIN:
            return SAME_PART(join);
        case PEER_JOIN_RESULT:
            return SAME_PART(join_result);
        case PEER_FORM_HELLO:
            return SAME_PART(form_hello);
        case PEER_FORM_PROPOSAL:
            return SAME_PART(form_proposal);
        case PEER_ASK:
        case PEER_ANSWER:
            break; /* of a layer above: no core says it */
    }
    return false;
}
