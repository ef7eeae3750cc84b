/* tests/unit/test_peer_memory.c - whether a hello fits what is remembered, one row per situation
 * (safety D5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "consensus/peer_memory.h"

#define LIFE(incarnation) ((uint64_t)(incarnation) << 32 | 7)
#define OTHER_LIFE(incarnation) ((uint64_t)(incarnation) << 32 | 8)

struct row {
    const char *what;
    struct peer_memory memory;
    uint64_t life;
    struct peer_hello hello;
    enum hello_verdict verdict;
};

// clang-format off
static const struct row rows[] = {
    {"nobody remembers a new member",
     {0}, LIFE(1), {.start_term = 1}, HELLO_FINE},
    {"a life that is known already may say hello again, whatever was told since",
     {1, LIFE(2), 9, 5, 1, 9, 0}, LIFE(2), {.start_term = 1}, HELLO_FINE},
    {"a restart that has all it told is fine",
     {1, LIFE(2), 9, 5, 1, 9, 0}, LIFE(3), {.start_term = 5, .start_vote = 1, .start_last = 9, .start_counter = 9}, HELLO_FINE},
    {"... and may have more",
     {1, LIFE(2), 9, 5, 1, 9, 0}, LIFE(3), {.start_term = 6, .start_vote = 2, .start_last = 12, .start_counter = 20}, HELLO_FINE},
    {"an earlier start is an old copy",
     {1, LIFE(3), 9, 5, 1, 9, 0}, LIFE(2), {.start_term = 5, .start_vote = 1, .start_last = 9, .start_counter = 9}, HELLO_OLD_LIFE},
    {"two starts of one copy are told apart: the second is not listened to",
     {1, LIFE(3), 9, 5, 1, 9, 0}, OTHER_LIFE(3), {.start_term = 5, .start_vote = 1, .start_last = 9, .start_counter = 9}, HELLO_OLD_LIFE},
    {"fewer batches than it told of",
     {1, LIFE(2), 9, 5, 1, 9, 0}, LIFE(3), {.start_term = 5, .start_vote = 1, .start_last = 9, .start_counter = 8}, HELLO_OLD_COUNTER},
    {"a term lower than it told",
     {1, LIFE(2), 9, 5, 1, 9, 0}, LIFE(3), {.start_term = 4, .start_last = 9, .start_counter = 9}, HELLO_OLD_TERM},
    {"the vote it gave in this term is missing",
     {1, LIFE(2), 9, 5, 1, 9, 0}, LIFE(3), {.start_term = 5, .start_last = 9, .start_counter = 9}, HELLO_OLD_TERM},
    {"... or another",
     {1, LIFE(2), 9, 5, 1, 9, 0}, LIFE(3), {.start_term = 5, .start_vote = 2, .start_last = 9, .start_counter = 9}, HELLO_OLD_TERM},
    {"a vote that was not told to us says nothing",
     {1, LIFE(2), 9, 5, 0, 9, 0}, LIFE(3), {.start_term = 5, .start_vote = 2, .start_last = 9, .start_counter = 9}, HELLO_FINE},
    {"entries that it acknowledged in this term are missing",
     {1, LIFE(2), 9, 5, 1, 9, 0}, LIFE(3), {.start_term = 5, .start_vote = 1, .start_last = 8, .start_counter = 9}, HELLO_OLD_LOG},
    {"... but a later term's leader may have taken them away",
     {1, LIFE(2), 9, 5, 1, 9, 0}, LIFE(3), {.start_term = 6, .start_last = 8, .start_counter = 9}, HELLO_FINE},
    {"a life that may vote is on the disk of all later ones",
     {1, LIFE(3), 9, 5, 1, 9, LIFE(3)}, LIFE(4), {.start_term = 5, .start_vote = 1, .start_last = 9, .start_counter = 9, .clear_life = LIFE(3)}, HELLO_FINE},
    {"... or a later one that may",
     {1, LIFE(3), 9, 5, 1, 9, LIFE(3)}, LIFE(6), {.start_term = 5, .start_vote = 1, .start_last = 9, .start_counter = 9, .clear_life = LIFE(5)}, HELLO_FINE},
    {"without it a disk is an old copy, however often it has started",
     {1, LIFE(3), 9, 5, 1, 9, LIFE(3)}, LIFE(99), {.start_term = 5, .start_vote = 1, .start_last = 9, .start_counter = 99, .clear_life = LIFE(2)}, HELLO_OLD_LIFE},
    {"... and with another one of the same number",
     {1, LIFE(3), 9, 5, 1, 9, LIFE(3)}, LIFE(99), {.start_term = 5, .start_vote = 1, .start_last = 9, .start_counter = 99, .clear_life = OTHER_LIFE(3)}, HELLO_OLD_LIFE},
};
// clang-format on

static void hellos_are_judged(void **state)
{
    (void)state;
    bool seen[HELLO_OLD_LOG + 1] = {false};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct peer_message m = {.kind = PEER_HELLO, .life = rows[i].life, .hello = rows[i].hello};
        enum hello_verdict verdict = peer_memory_judge(&rows[i].memory, &m);
        if (verdict != rows[i].verdict) {
            fail_msg("%s: %s", rows[i].what, peer_verdict_text(verdict));
        }
        seen[verdict] = true;
    }
    for (int v = HELLO_OLD_LIFE; v <= HELLO_OLD_LOG; v++) {
        assert_true(seen[v]);
    }
}

static struct peer_memory greeted(void)
{
    struct peer_memory memory = {.id = 1};
    struct peer_message hello = {
        .kind = PEER_HELLO,
        .life = LIFE(1),
        .hello = {.start_term = 3, .start_vote = 2, .start_last = 7, .counter = 4}};
    assert_true(peer_memory_greeted(&memory, &hello));
    assert_false(peer_memory_greeted(&memory, &hello));
    return memory;
}

static void a_life_that_may_vote_is_remembered(void **state)
{
    (void)state;
    struct peer_memory memory = greeted();
    assert_int_equal(memory.clear_life, 0);
    struct peer_message hello = {
        .kind = PEER_HELLO, .life = LIFE(1), .hello = {.start_term = 3, .clear_life = LIFE(1)}};
    assert_true(peer_memory_greeted(&memory, &hello)); /* by word ... */
    assert_int_equal(memory.clear_life, LIFE(1));
    memory = greeted();
    struct peer_message stored = {.kind = PEER_APPEND_RESULT,
                                  .from = 1,
                                  .life = LIFE(1),
                                  .term = 2, /* late, but said */
                                  .append_result = {.last_index = 20}};
    assert_true(peer_memory_hear(&memory, &stored, 5)); /* ... or by deed */
    assert_int_equal(memory.clear_life, LIFE(1));
    assert_int_equal(memory.acked, 0);
}

static void what_is_told_is_remembered(void **state)
{
    (void)state;
    struct peer_memory memory = greeted();
    struct peer_message vote = {.kind = PEER_VOTE, .from = 1, .life = LIFE(1), .term = 4};
    assert_true(peer_memory_hear(&memory, &vote, 5));
    assert_int_equal(memory.term, 4);
    assert_int_equal(memory.vote, 1); /* for itself */
    struct peer_message granted = {.kind = PEER_VOTE_RESULT,
                                   .from = 1,
                                   .life = LIFE(1),
                                   .term = 6,
                                   .vote_result = {.granted = true}};
    assert_true(peer_memory_hear(&memory, &granted, 5));
    assert_int_equal(memory.vote, 5);
    struct peer_message stored = {.kind = PEER_APPEND_RESULT,
                                  .from = 1,
                                  .life = LIFE(1),
                                  .term = 6,
                                  .append_result = {.last_index = 20}};
    assert_true(peer_memory_hear(&memory, &stored, 5));
    assert_false(peer_memory_hear(&memory, &stored, 5));
    assert_int_equal(memory.acked, 20);
    stored.term = 5;
    stored.append_result.last_index = 30;
    assert_false(peer_memory_hear(&memory, &stored, 5)); /* late */
    assert_int_equal(memory.acked, 20);
    struct peer_message later = {.kind = PEER_APPEND, .from = 1, .life = LIFE(1), .term = 7};
    assert_true(peer_memory_hear(&memory, &later, 5));
    assert_int_equal(memory.acked, 0);
    assert_int_equal(memory.vote, 0);
    later.append.stored = 25; /* as a leader, which counts itself */
    assert_true(peer_memory_hear(&memory, &later, 5));
    assert_int_equal(memory.acked, 25);
}

static void a_pre_vote_tells_nothing(void **state)
{
    (void)state;
    struct peer_memory memory = greeted();
    struct peer_message ask = {
        .kind = PEER_VOTE, .from = 1, .life = LIFE(1), .term = 9, .vote = {.pre_vote = true}};
    assert_false(peer_memory_hear(&memory, &ask, 5));
    assert_int_equal(memory.term, 3);
}

static struct peer_book a_book(void)
{
    return (struct peer_book){.count = 2,
                              .memories = {{1, 2, 3, 4, 5, 6, 7}, {UINT64_MAX, 1, 0, 9, 0, 1, 0}},
                              .gone = {.count = 2, .ids = {77, UINT64_MAX - 1}}};
}

static int decode(const struct buf *bytes, size_t size, struct err *err)
{
    struct peer_book out;
    return peer_book_decode(bytes->bytes, size, &out, err);
}

static void a_book_becomes_bytes_and_comes_back(void **state)
{
    (void)state;
    struct peer_book in = a_book();
    struct peer_book out;
    struct buf bytes = {0};
    struct err err = {0};
    peer_book_encode(&in, &bytes);
    assert_int_equal(peer_book_decode(bytes.bytes, bytes.size, &out, &err), 0);
    assert_memory_equal(&in, &out, sizeof(in));
    for (size_t size = 0; size < bytes.size; size++) {
        bool ends_well =
            size == bytes.size - 8 || size == bytes.size - 16; /* fewer that are gone */
        assert_int_equal(decode(&bytes, size, &err), ends_well ? 0 : ERR_CORRUPT);
    }
    buf_close(&bytes);
}

static void a_full_book_comes_back(void **state)
{
    (void)state;
    struct peer_book in = {.count = PEER_MEMORIES_MAX};
    for (size_t i = 0; i < PEER_MEMORIES_MAX; i++) {
        in.memories[i].id = i + 1;
    }
    for (uint64_t id = 1; id <= GONE_MAX; id++) {
        (void)gone_add(&in.gone, 1000 + id);
    }
    struct peer_book out;
    struct buf bytes = {0};
    struct err err = {0};
    peer_book_encode(&in, &bytes);
    assert_int_equal(peer_book_decode(bytes.bytes, bytes.size, &out, &err), 0);
    assert_memory_equal(&in, &out, sizeof(in));
    buf_append(&bytes, "12345678", 8);
    assert_int_equal(decode(&bytes, bytes.size, &err),
                     ERR_CORRUPT); /* one more than there can be */
    buf_close(&bytes);
}

/* Formats 1 and 2 were never released: they are refused like one to come. */
static void another_format_is_refused_with_what_to_do(void **state)
{
    (void)state;
    struct buf bytes = {0};
    for (char format = 1; format <= 4; format = (char)(format == 2 ? 4 : format + 1)) {
        buf_clear(&bytes);
        buf_char(&bytes, format);
        for (int i = 0; i < 48; i++) {
            buf_char(&bytes, 1);
        }
        struct err err = {0};
        assert_int_equal(decode(&bytes, bytes.size, &err), ERR_VERSION);
        assert_non_null(strstr(err.msg, "join as a new member"));
    }
    buf_close(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hellos_are_judged),
        cmocka_unit_test(what_is_told_is_remembered),
        cmocka_unit_test(a_life_that_may_vote_is_remembered),
        cmocka_unit_test(a_pre_vote_tells_nothing),
        cmocka_unit_test(a_book_becomes_bytes_and_comes_back),
        cmocka_unit_test(a_full_book_comes_back),
        cmocka_unit_test(another_format_is_refused_with_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
