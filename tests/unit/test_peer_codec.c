/* tests/unit/test_peer_codec.c - what members say to each other arrives as it was said, and what
 * they never say does no harm.
 *
 * Random messages of every kind go through bytes and back, field by field; then their bytes are
 * cut, changed and padded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/must.h"
#include "proto/peer_codec.h"
#include "tests/lib/random.h"

#define LIST_MAX 5

static const enum peer_kind kinds[] = {
    PEER_APPEND,      PEER_APPEND_RESULT,
    PEER_VOTE,        PEER_VOTE_RESULT,
    PEER_TIMEOUT_NOW, PEER_SNAPSHOT,
    PEER_CHUNK,       PEER_CHUNK_RESULT,
    PEER_READ_INDEX,  PEER_READ_INDEX_RESULT,
    PEER_KEEP_ALIVE,  PEER_KEEP_ALIVE_RESULT,
    PEER_SOFT,        PEER_SOFT_RESULT,
    PEER_HELLO,       PEER_HELLO_RESULT,
    PEER_JOIN,        PEER_JOIN_RESULT,
    PEER_FORM_HELLO,  PEER_FORM_PROPOSAL,
    PEER_ASK,         PEER_ANSWER,
};

static struct test_random chance;
static char text[64];
static struct peer_entry entries[LIST_MAX];
static struct peer_row rows[LIST_MAX];
static struct peer_soft_state states[LIST_MAX];

/* Of every length that a number can have on the wire. */
static uint64_t number(void)
{
    return random_u64(&chance) >> random_below(&chance, 64);
}

static bool coin(void)
{
    return random_chance(&chance, 0.5);
}

static const void *bytes(size_t *ret_size, size_t min)
{
    *ret_size = min + random_below(&chance, sizeof(text) - min);
    return text;
}

static const char *words(void)
{
    static const char *const some[] = {"", "pg1", "a member = with all that \xc3\xa4 line has"};
    return some[random_below(&chance, ARRAY_LEN(some))];
}

static void draw_id(uint8_t id[PEER_CLUSTER_ID_SIZE])
{
    for (size_t i = 0; i < PEER_CLUSTER_ID_SIZE; i++) {
        id[i] = (uint8_t)number();
    }
}

static void draw_numbers(uint64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        numbers[i] = number();
    }
}

static void draw_append(struct peer_append *a)
{
    *a = (struct peer_append){.prev_index = number(), .prev_term = number(), .commit = number()};
    a->urgent = number();
    a->stored = number();
    a->count = random_below(&chance, LIST_MAX + 1);
    a->entries = a->count > 0 ? entries : NULL;
    for (size_t i = 0; i < a->count; i++) {
        entries[i].term = number();
        entries[i].type = (uint8_t)random_below(&chance, 256);
        entries[i].data = bytes(&entries[i].size, 0);
    }
}

static void draw_chunk(struct peer_chunk *c)
{
    *c = (struct peer_chunk){.ship = number(), .number = number(), .last = coin()};
    c->count = random_below(&chance, LIST_MAX + 1);
    c->rows = c->count > 0 ? rows : NULL;
    for (size_t i = 0; i < c->count; i++) {
        rows[i].key = bytes(&rows[i].key_size, 1);
        rows[i].value = bytes(&rows[i].value_size, 0);
    }
}

static void draw_soft(struct peer_soft *soft)
{
    *soft = (struct peer_soft){.token = number(), .sent_ms = number(), .echo_token = number()};
    soft->echo_ms = number();
    soft->slow_disk = coin();
    soft->moved = coin();
    soft->moved_age_ms = number();
    soft->count = random_below(&chance, LIST_MAX + 1);
    soft->states = soft->count > 0 ? states : NULL;
    for (size_t i = 0; i < soft->count; i++) {
        states[i] = (struct peer_soft_state){.member = number(), .life = number()};
        states[i].token = number();
        states[i].counter = number();
        states[i].age_ms = number();
        states[i].has_bytes = coin();
        states[i].bytes = bytes(&states[i].size, 0);
    }
}

static void draw_form_hello(struct peer_form_hello *h)
{
    *h = (struct peer_form_hello){.info = words(), .list = words(), .answer = coin()};
    h->standing = (enum peer_form_standing)(1 + random_below(&chance, FORM_MEMBER));
    h->may_form = coin();
    h->lists_you = coin();
    h->floor = number();
    draw_id(h->cluster_id);
    h->proposer = number();
    h->number = number();
    h->hash_low = number();
    h->hash_high = number();
}

static void draw_membership(enum peer_kind kind, struct peer_message *m)
{
    switch ((int)kind) {
        case PEER_HELLO:
            m->hello = (struct peer_hello){.name = words(), .start_term = number()};
            draw_id(m->hello.cluster_id);
            m->hello.start_vote = number();
            m->hello.start_last = number();
            m->hello.start_counter = number();
            m->hello.counter = number();
            m->hello.conf_index = number();
            m->hello.clear_life = number();
            return;
        case PEER_HELLO_RESULT:
            m->hello_result = (struct peer_hello_result){.life = number()};
            m->hello_result.verdict = (uint8_t)random_below(&chance, HELLO_OLD_LOG + 1);
            draw_id(m->hello_result.cluster_id);
            return;
        case PEER_JOIN:
            m->join = (struct peer_join){.subject = number(), .wisher = number()};
            m->join.wish = (uint8_t)(1 + random_below(&chance, JOIN_DEMOTE));
            m->join.wants_vote = coin();
            m->join.at_once = coin();
            m->join.passed_on = coin();
            m->join.text = words();
            return;
        default:
            m->join_result = (struct peer_join_result){.subject = number(), .wisher = number()};
            m->join_result.wish = (uint8_t)(1 + random_below(&chance, JOIN_DEMOTE));
            draw_id(m->join_result.cluster_id);
            m->join_result.done = coin();
            m->join_result.status = (int)random_below(&chance, 60) - 30;
            m->join_result.reason = words();
            return;
    }
}

static void draw_lease(enum peer_kind kind, struct peer_message *m)
{
    if (kind == PEER_KEEP_ALIVE) {
        m->keep_alive = (struct peer_keep_alive){number(), number(), number(), number(),
                                                 number(), coin(),   coin()};
        return;
    }
    m->keep_alive_result = (struct peer_keep_alive_result){
        number(), number(), number(), (int)random_below(&chance, 60) - 30, number()};
}

static void draw_snapshot(struct peer_snapshot *s)
{
    *s = (struct peer_snapshot){.index = number(), .term = number()};
    s->conf_index = number();
    s->staged = number();
    s->conf = bytes(&s->conf_size, 0);
    s->gone = bytes(&s->gone_size, 0);
}

static void draw_question(enum peer_kind kind, struct peer_message *m)
{
    if (kind == PEER_ASK) {
        m->ask = (struct peer_ask){.question = number(), .what = (uint32_t)number()};
        m->ask.wait_ms = (uint32_t)number();
        m->ask.number_count = random_below(&chance, PEER_NUMBERS_MAX + 1);
        draw_numbers(m->ask.numbers, m->ask.number_count);
        m->ask.bytes = bytes(&m->ask.size, 0);
        return;
    }
    m->answer = (struct peer_answer){.question = number()};
    m->answer.number_count = random_below(&chance, PEER_NUMBERS_MAX + 1);
    draw_numbers(m->answer.numbers, m->answer.number_count);
    m->answer.status = -(int)random_below(&chance, 40);
    m->answer.reason = words();
    m->answer.bytes = bytes(&m->answer.size, 0);
}

static void draw(enum peer_kind kind, struct peer_message *m)
{
    memset(m, 0, sizeof(*m));
    m->kind = kind;
    m->from = number();
    m->to = number();
    m->term = number();
    m->life = 1 + number() / 2;
    if (coin()) {
        m->stamp = (struct peer_stamp){.term = 1 + number() / 2, .round = number()};
        m->stamp.sent_ms = number();
    }
    switch (kind) {
        case PEER_APPEND:
            draw_append(&m->append);
            return;
        case PEER_APPEND_RESULT:
            m->append_result = (struct peer_append_result){
                number(), number(), (enum peer_disk)random_below(&chance, PEER_DISK_FULL + 1)};
            return;
        case PEER_VOTE:
            m->vote = (struct peer_vote){number(), number(), coin(), coin()};
            return;
        case PEER_VOTE_RESULT:
            m->vote_result = (struct peer_vote_result){coin(), coin(), number()};
            return;
        case PEER_TIMEOUT_NOW:
            m->timeout_now = (struct peer_timeout_now){number(), number()};
            return;
        case PEER_SNAPSHOT:
            draw_snapshot(&m->snapshot);
            return;
        case PEER_CHUNK:
            draw_chunk(&m->chunk);
            return;
        case PEER_CHUNK_RESULT:
            m->chunk_result = (struct peer_chunk_result){number(), number()};
            return;
        case PEER_READ_INDEX:
        case PEER_READ_INDEX_RESULT:
            m->read_index = (struct peer_read_index){number(), number()};
            return;
        case PEER_KEEP_ALIVE:
        case PEER_KEEP_ALIVE_RESULT:
            draw_lease(kind, m);
            return;
        case PEER_SOFT:
        case PEER_SOFT_RESULT:
            draw_soft(&m->soft);
            return;
        case PEER_HELLO:
        case PEER_HELLO_RESULT:
        case PEER_JOIN:
        case PEER_JOIN_RESULT:
            draw_membership(kind, m);
            return;
        case PEER_FORM_HELLO:
            draw_form_hello(&m->form_hello);
            return;
        case PEER_FORM_PROPOSAL:
            m->form_proposal.bytes = bytes(&m->form_proposal.size, 0);
            return;
        case PEER_ASK:
        case PEER_ANSWER:
            draw_question(kind, m);
            return;
    }
    UNREACHABLE("every kind is drawn");
}

#define SAME(field) assert_true(a->field == b->field)

static void same_bytes(const void *a, size_t a_size, const void *b, size_t b_size)
{
    assert_int_equal(a_size, b_size);
    assert_true(a_size == 0 || memcmp(a, b, a_size) == 0);
}

static void same_append(const struct peer_append *a, const struct peer_append *b)
{
    SAME(prev_index);
    SAME(prev_term);
    SAME(commit);
    SAME(urgent);
    SAME(stored);
    SAME(count);
    for (size_t i = 0; i < a->count; i++) {
        SAME(entries[i].term);
        SAME(entries[i].type);
        same_bytes(a->entries[i].data, a->entries[i].size, b->entries[i].data, b->entries[i].size);
    }
}

static void same_chunk(const struct peer_chunk *a, const struct peer_chunk *b)
{
    SAME(ship);
    SAME(number);
    SAME(last);
    SAME(count);
    for (size_t i = 0; i < a->count; i++) {
        same_bytes(a->rows[i].key, a->rows[i].key_size, b->rows[i].key, b->rows[i].key_size);
        same_bytes(a->rows[i].value, a->rows[i].value_size, b->rows[i].value,
                   b->rows[i].value_size);
        assert_non_null(b->rows[i].value); /* NULL would be a row that goes away */
    }
}

static void same_soft(const struct peer_soft *a, const struct peer_soft *b)
{
    SAME(token);
    SAME(sent_ms);
    SAME(echo_token);
    SAME(echo_ms);
    SAME(slow_disk);
    SAME(moved);
    SAME(moved_age_ms);
    SAME(count);
    for (size_t i = 0; i < a->count; i++) {
        SAME(states[i].member);
        SAME(states[i].life);
        SAME(states[i].token);
        SAME(states[i].counter);
        SAME(states[i].age_ms);
        SAME(states[i].has_bytes);
        same_bytes(a->states[i].bytes, a->states[i].size, b->states[i].bytes, b->states[i].size);
    }
}

#define SAME_TEXT(field) assert_string_equal(a->field, b->field)
#define SAME_ID(field) assert_memory_equal(a->field, b->field, PEER_CLUSTER_ID_SIZE)

static void same_form_hello(const struct peer_form_hello *a, const struct peer_form_hello *b)
{
    SAME_TEXT(info);
    SAME_TEXT(list);
    SAME(standing);
    SAME(answer);
    SAME(may_form);
    SAME(lists_you);
    SAME(floor);
    SAME_ID(cluster_id);
    SAME(proposer);
    SAME(number);
    SAME(hash_low);
    SAME(hash_high);
}

static void same_membership(const struct peer_message *a, const struct peer_message *b)
{
    switch ((int)a->kind) {
        case PEER_HELLO:
            SAME_ID(hello.cluster_id);
            SAME_TEXT(hello.name);
            SAME(hello.start_term);
            SAME(hello.start_vote);
            SAME(hello.start_last);
            SAME(hello.start_counter);
            SAME(hello.counter);
            SAME(hello.conf_index);
            SAME(hello.clear_life);
            return;
        case PEER_HELLO_RESULT:
            SAME_ID(hello_result.cluster_id);
            SAME(hello_result.life);
            SAME(hello_result.verdict);
            return;
        case PEER_JOIN:
            SAME(join.subject);
            SAME(join.wisher);
            SAME(join.wish);
            SAME(join.wants_vote);
            SAME(join.at_once);
            SAME(join.passed_on);
            SAME_TEXT(join.text);
            return;
        default:
            SAME(join_result.subject);
            SAME(join_result.wisher);
            SAME(join_result.wish);
            SAME_ID(join_result.cluster_id);
            SAME(join_result.done);
            SAME(join_result.status);
            SAME_TEXT(join_result.reason);
            return;
    }
}

_Static_assert(sizeof(struct peer_timeout_now) == 16, "two numbers");
_Static_assert(sizeof(struct peer_chunk_result) == 16, "two numbers");
_Static_assert(sizeof(struct peer_read_index) == 16, "two numbers");

static void same_small(const struct peer_message *a, const struct peer_message *b)
{
    switch ((int)a->kind) {
        case PEER_VOTE:
            SAME(vote.last_index);
            SAME(vote.last_term);
            SAME(vote.disrupt_leader);
            SAME(vote.pre_vote);
            return;
        case PEER_VOTE_RESULT:
            SAME(vote_result.granted);
            SAME(vote_result.pre_vote);
            SAME(vote_result.silence_ms);
            return;
        case PEER_KEEP_ALIVE:
            SAME(keep_alive.holder);
            SAME(keep_alive.name);
            SAME(keep_alive.lease);
            SAME(keep_alive.grant);
            SAME(keep_alive.epoch);
            SAME(keep_alive.passed_on);
            SAME(keep_alive.urgent);
            return;
        case PEER_KEEP_ALIVE_RESULT:
            SAME(keep_alive_result.holder);
            SAME(keep_alive_result.name);
            SAME(keep_alive_result.lease);
            SAME(keep_alive_result.status);
            SAME(keep_alive_result.ttl_ms);
            return;
        case PEER_SNAPSHOT:
            SAME(snapshot.index);
            SAME(snapshot.term);
            SAME(snapshot.conf_index);
            SAME(snapshot.staged);
            same_bytes(a->snapshot.conf, a->snapshot.conf_size, b->snapshot.conf,
                       b->snapshot.conf_size);
            same_bytes(a->snapshot.gone, a->snapshot.gone_size, b->snapshot.gone,
                       b->snapshot.gone_size);
            return;
        case PEER_APPEND_RESULT:
            SAME(append_result.rejected);
            SAME(append_result.last_index);
            SAME(append_result.disk);
            return;
        case PEER_FORM_PROPOSAL:
            same_bytes(a->form_proposal.bytes, a->form_proposal.size, b->form_proposal.bytes,
                       b->form_proposal.size);
            return;
        case PEER_ASK:
            SAME(ask.question);
            SAME(ask.what);
            SAME(ask.wait_ms);
            SAME(ask.number_count);
            assert_memory_equal(a->ask.numbers, b->ask.numbers, sizeof(a->ask.numbers));
            same_bytes(a->ask.bytes, a->ask.size, b->ask.bytes, b->ask.size);
            return;
        case PEER_ANSWER:
            SAME(answer.question);
            SAME(answer.status);
            SAME(answer.number_count);
            assert_memory_equal(a->answer.numbers, b->answer.numbers, sizeof(a->answer.numbers));
            SAME_TEXT(answer.reason);
            same_bytes(a->answer.bytes, a->answer.size, b->answer.bytes, b->answer.size);
            return;
        default: /* those of two numbers */
            assert_memory_equal(&a->timeout_now, &b->timeout_now, 16);
            return;
    }
}

static void same(const struct peer_message *a, const struct peer_message *b)
{
    SAME(kind);
    SAME(from);
    SAME(to);
    SAME(term);
    SAME(life);
    SAME(stamp.term);
    SAME(stamp.round);
    SAME(stamp.sent_ms);
    if (a->kind == PEER_APPEND) {
        same_append(&a->append, &b->append);
    } else if (a->kind == PEER_CHUNK) {
        same_chunk(&a->chunk, &b->chunk);
    } else if (a->kind == PEER_SOFT || a->kind == PEER_SOFT_RESULT) {
        same_soft(&a->soft, &b->soft);
    } else if (a->kind == PEER_FORM_HELLO) {
        same_form_hello(&a->form_hello, &b->form_hello);
    } else if (a->kind >= PEER_HELLO && a->kind <= PEER_JOIN_RESULT) {
        same_membership(a, b);
    } else {
        same_small(a, b);
    }
}

static void every_message_arrives_as_it_was_said(void **state)
{
    (void)state;
    struct peer_decoder decoder = {0};
    for (unsigned i = 0; i < 400 * ARRAY_LEN(kinds); i++) {
        struct peer_message in;
        struct peer_message out;
        struct buf wire = {0};
        draw(kinds[i % ARRAY_LEN(kinds)], &in);
        assert_int_equal(peer_encode(&in, &wire, NULL), 0);
        assert_int_equal(peer_decode(&decoder, wire.bytes, wire.size, &out, NULL), 0);
        same(&in, &out);
        buf_close(&wire);
    }
    peer_decoder_close(&decoder);
}

/* In memory of its own size, so that a sanitizer sees a byte too far. */
static int decode_exactly(struct peer_decoder *decoder, const void *from, size_t size)
{
    struct peer_message out;
    struct err err = {0};
    void *exact = mem_dup(from, size);
    int rv = peer_decode(decoder, exact, size, &out, &err);
    assert_true(rv == 0 || rv == ERR_PROTOCOL || rv == ERR_VERSION || rv == ERR_TOO_LARGE);
    assert_true(rv == 0 || err.msg[0] != '\0');
    if (rv == 0) {
        struct buf again = {0};
        assert_int_equal(peer_encode(&out, &again, NULL), 0); /* what came in can go out */
        buf_close(&again);
    }
    mem_free(exact);
    return rv;
}

static void bytes_that_were_never_sent_do_no_harm(void **state)
{
    (void)state;
    struct peer_decoder decoder = {0};
    for (unsigned i = 0; i < 40 * ARRAY_LEN(kinds); i++) {
        struct peer_message in;
        struct buf wire = {0};
        draw(kinds[i % ARRAY_LEN(kinds)], &in);
        assert_int_equal(peer_encode(&in, &wire, NULL), 0);
        for (size_t size = 0; size < wire.size; size += 1 + size / 40) {
            (void)decode_exactly(&decoder, wire.bytes, size);
        }
        for (int change = 0; change < 50; change++) {
            wire.bytes[random_below(&chance, wire.size)] = (char)random_u64(&chance);
            (void)decode_exactly(&decoder, wire.bytes, wire.size);
        }
        buf_close(&wire);
    }
    peer_decoder_close(&decoder);
}

static void what_a_newer_version_says_is_told_apart(void **state)
{
    (void)state;
    struct peer_decoder decoder = {0};
    struct peer_message in;
    struct buf wire = {0};
    draw(PEER_VOTE, &in);
    assert_int_equal(peer_encode(&in, &wire, NULL), 0);
    buf_append(&wire, "\xf8\x06\x01", 3); /* field 111 = 1 */
    assert_int_equal(decode_exactly(&decoder, wire.bytes, wire.size), ERR_VERSION);
    assert_int_equal(decode_exactly(&decoder, "\x08\x01\x10\x02", 4), ERR_PROTOCOL); /* no kind */
    assert_int_equal(decode_exactly(&decoder, "", 0), ERR_PROTOCOL);
    buf_clear(&wire);
    in.life = 0; /* nobody's: what was told of lives could not be compared */
    assert_int_equal(peer_encode(&in, &wire, NULL), 0);
    assert_int_equal(decode_exactly(&decoder, wire.bytes, wire.size), ERR_PROTOCOL);
    buf_close(&wire);
    peer_decoder_close(&decoder);
}

static void what_is_too_large_is_not_sent_and_not_taken(void **state)
{
    (void)state;
    struct peer_decoder decoder = {0};
    struct buf wire = {0};
    size_t size = PEER_MESSAGE_BYTES_MAX;
    char *much = mem_zalloc(size);
    struct peer_entry entry = {.term = 1, .type = 1, .data = much, .size = size};
    struct peer_message in = {.kind = PEER_APPEND, .from = 1, .to = 2, .life = 1, .term = 1};
    in.append = (struct peer_append){.count = 1, .entries = &entry};
    assert_int_equal(peer_encode(&in, &wire, NULL), ERR_TOO_LARGE);
    assert_int_equal(wire.size, 0);
    entry.size = size - 100;
    assert_int_equal(peer_encode(&in, &wire, NULL), 0);
    struct peer_message out;
    assert_int_equal(peer_decode(&decoder, wire.bytes, wire.size, &out, NULL), 0);
    assert_int_equal(out.append.entries[0].size, size - 100);
    assert_int_equal(peer_decode(&decoder, much, size + 1, &out, NULL), ERR_TOO_LARGE);
    buf_close(&wire);
    /* As many entries as fit into the bytes, each of nothing: bounded before they are believed. */
    for (size_t i = 0; i < size / 2; i++) {
        much[2 * i] = 0x22; /* append.entries, of no bytes */
    }
    char head[16] = {'\x82', 1};
    buf_append(&wire, head, 2);
    buf_append(&wire, "\xf0\xff\xff\x01", 4); /* 4194288 */
    buf_append(&wire, much, 4194288 - 4);
    assert_int_not_equal(decode_exactly(&decoder, wire.bytes, wire.size), 0);
    buf_close(&wire);
    mem_free(much);
    peer_decoder_close(&decoder);
}

static int setup(void **state)
{
    (void)state;
    chance.state = 4711;
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)(i * 37);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_arrives_as_it_was_said),
        cmocka_unit_test(bytes_that_were_never_sent_do_no_harm),
        cmocka_unit_test(what_a_newer_version_says_is_told_apart),
        cmocka_unit_test(what_is_too_large_is_not_sent_and_not_taken),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
