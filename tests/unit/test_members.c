/* tests/unit/test_members.c - memberships as bytes: what goes in comes out, and nothing else does.
 *
 * The form is libraft's, and libraft's decoder trusts the lengths in it; so every byte that could
 * lead it astray is tried here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/engine_internal.h"

static void expect_same(const struct members *a, const struct members *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        assert_int_equal(a->at[i].id, b->at[i].id);
        assert_int_equal(a->at[i].role, b->at[i].role);
        assert_string_equal(a->at[i].info, b->at[i].info);
    }
}

/* Decode from memory of exactly this size, so that reading on is seen. */
static int decode(const void *bytes, size_t size, struct members *out, struct buf *keep)
{
    struct err err = {0};
    void *exact = mem_dup(bytes, size);
    int code = members_decode(exact, size, out, keep, &err);
    assert_int_equal(members_bytes_valid(exact, size), code == 0);
    mem_free(exact);
    assert_int_equal(err.code, code);
    return code;
}

static const struct members three = {
    .count = 3,
    .at = {{.id = 1, .role = MEMBER_VOTER, .info = "n1 10.0.0.1:7000"},
           {.id = UINT64_MAX, .role = MEMBER_STANDBY, .info = ""},
           {.id = 0x0123456789abcdef, .role = MEMBER_SPARE, .info = "n3"}}};

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    struct buf bytes = {0};
    struct buf keep = {0};
    struct members out;
    members_encode(&three, &bytes);
    assert_int_equal(decode(bytes.bytes, bytes.size, &out, &keep), 0);
    expect_same(&out, &three);
    /* The same buffer again, with a full house. */
    static char names[MEMBERS_MAX][8];
    struct members full = {.count = MEMBERS_MAX};
    for (size_t i = 0; i < MEMBERS_MAX; i++) {
        names[i][0] = (char)('a' + i);
        full.at[i] = (struct member){.id = i + 1, .role = MEMBER_VOTER, .info = names[i]};
    }
    buf_clear(&bytes);
    members_encode(&full, &bytes);
    assert_int_equal(decode(bytes.bytes, bytes.size, &out, &keep), 0);
    expect_same(&out, &full);
    buf_close(&bytes);
    buf_close(&keep);
}

static void the_bytes_are_the_same_for_ever(void **state)
{
    (void)state;
    // clang-format off
    static const unsigned char kept[] = {
        1,                                          /* format */
        2, 0, 0, 0, 0, 0, 0, 0,                     /* members */
        7, 0, 0, 0, 0, 0, 0, 0, 'n', '7', 0, 1,     /* a voter */
        16, 1, 0, 0, 0, 0, 0, 0, 'x', 'y', 0, 0,    /* a standby */
        0, 0, 0, 0, 0, 0, 0};                       /* up to a multiple of eight */
    // clang-format on
    const struct members two = {.count = 2,
                                .at = {{.id = 7, .role = MEMBER_VOTER, .info = "n7"},
                                       {.id = 0x110, .role = MEMBER_STANDBY, .info = "xy"}}};
    struct buf bytes = {0};
    members_encode(&two, &bytes);
    assert_int_equal(bytes.size, sizeof(kept));
    assert_memory_equal(bytes.bytes, kept, sizeof(kept));
    buf_close(&bytes);
}

static void every_part_of_the_bytes_alone_is_refused(void **state)
{
    (void)state;
    struct buf bytes = {0};
    struct buf keep = {0};
    struct members out;
    members_encode(&three, &bytes);
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_equal(decode(bytes.bytes, size, &out, &keep), ERR_PROTOCOL);
    }
    buf_append(&bytes, "\0\0\0\0\0\0\0\0", 8); /* and more is too much */
    assert_int_equal(decode(bytes.bytes, bytes.size, &out, &keep), ERR_PROTOCOL);
    assert_int_equal(decode(NULL, 0, &out, &keep), ERR_PROTOCOL);
    buf_close(&bytes);
    buf_close(&keep);
}

/* One byte of a good membership replaced. */
static int decode_with(size_t at, unsigned char value)
{
    struct buf bytes = {0};
    struct buf keep = {0};
    struct members out;
    const struct members two = {.count = 2,
                                .at = {{.id = 7, .role = MEMBER_VOTER, .info = "a"},
                                       {.id = 8, .role = MEMBER_SPARE, .info = "b"}}};
    members_encode(&two, &bytes);
    MUST(at < bytes.size);
    bytes.bytes[at] = (char)value;
    int code = decode(bytes.bytes, bytes.size, &out, &keep);
    buf_close(&bytes);
    buf_close(&keep);
    return code;
}

static void wrong_bytes_are_refused(void **state)
{
    (void)state;
    /* format 0, count 1 to 8, id 9 to 16, text 17 and its end 18, role 19, then the second one */
    const struct {
        size_t at;
        unsigned char value;
        int code;
    } rows[] = {
        {0, 2, ERR_PROTOCOL},    /* another format */
        {1, 0, ERR_PROTOCOL},    /* nobody */
        {1, 1, ERR_PROTOCOL},    /* a whole member behind the last */
        {1, 3, ERR_PROTOCOL},    /* one more than there is */
        {1, 17, ERR_PROTOCOL},   /* more than can be */
        {8, 1, ERR_PROTOCOL},    /* 2 to the 56th more: libraft would read on for ever */
        {9, 0, ERR_PROTOCOL},    /* id 0 is nobody */
        {9, 8, ERR_PROTOCOL},    /* the id of the other */
        {9, 9, 0},               /* an id of its own */
        {17, 'b', ERR_PROTOCOL}, /* the text of the other */
        {17, 'c', 0},            /* a text of its own */
        {18, 'x', ERR_PROTOCOL}, /* text without an end: all that follows is shifted */
        {19, 0, 0},              /* a standby */
        {19, 2, 0},              /* a spare */
        {19, 3, ERR_PROTOCOL},   /* no role */
        {19, 255, ERR_PROTOCOL},
        {31, 1, ERR_PROTOCOL}, /* the padding is of zeros */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (decode_with(rows[i].at, rows[i].value) != rows[i].code) {
            fail_msg("byte %zu as %u: not %d", rows[i].at, rows[i].value, rows[i].code);
        }
    }
}

static void more_members_than_can_be_are_refused(void **state)
{
    (void)state;
    struct buf bytes = {0};
    struct buf keep = {0};
    struct members out;
    buf_append(&bytes, "\1\0\0\0\0\0\0\0\0", 9);
    for (unsigned char count = 1; count <= 2 * MEMBERS_MAX; count++) {
        const char member[] = {(char)count, 0, 0, 0, 0, 0, 0, 0, (char)('@' + count), 0, 1};
        buf_append(&bytes, member, sizeof(member));
        bytes.bytes[1] = (char)count;
        size_t unpadded = bytes.size;
        buf_append(&bytes, "\0\0\0\0\0\0\0", (8 - unpadded % 8) % 8);
        int code = decode(bytes.bytes, bytes.size, &out, &keep);
        bytes.size = unpadded;
        assert_int_equal(code, count <= MEMBERS_MAX ? 0 : ERR_PROTOCOL);
    }
    buf_close(&bytes);
    buf_close(&keep);
}

static void what_passes_here_passes_in_libraft(void **state)
{
    (void)state;
    struct buf bytes = {0};
    members_encode(&three, &bytes);
    uint32_t random = 1;
    int passed = 0;
    for (int i = 0; i < 20000; i++) {
        random = random * 1664525 + 1013904223;
        size_t at = (random >> 8) % bytes.size;
        char before = bytes.bytes[at];
        bytes.bytes[at] = (char)(random >> 24);
        if (members_bytes_valid(bytes.bytes, bytes.size)) {
            struct raft_configuration conf;
            struct raft_buffer in = {.base = bytes.bytes, .len = bytes.size};
            assert_int_equal(raft_configuration_decode(&in, &conf), 0);
            struct members out;
            members_from_raft(&conf, &out);
            assert_int_equal(out.count, 3);
            raft_configuration_close(&conf);
            passed++;
        }
        bytes.bytes[at] = before;
    }
    assert_true(passed > 1000); /* ids and texts may be anything */
    assert_true(passed < 19000);
    buf_close(&bytes);
}

static void members_clash_by_id_or_by_text(void **state)
{
    (void)state;
    assert_true(members_clash(&three, 1, "new"));
    assert_true(members_clash(&three, 2, "n3"));
    assert_true(members_clash(&three, 2, ""));
    assert_false(members_clash(&three, 2, "n"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(the_bytes_are_the_same_for_ever),
        cmocka_unit_test(every_part_of_the_bytes_alone_is_refused),
        cmocka_unit_test(wrong_bytes_are_refused),
        cmocka_unit_test(more_members_than_can_be_are_refused),
        cmocka_unit_test(what_passes_here_passes_in_libraft),
        cmocka_unit_test(members_clash_by_id_or_by_text),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
