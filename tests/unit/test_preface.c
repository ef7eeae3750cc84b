/* tests/unit/test_preface.c - what two ends say of themselves arrives as it was said, and what no
 * end says does no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "proto/preface.h"
#include "tests/lib/random.h"

static struct preface sample(void)
{
    struct preface p = {.protocol = 1, .oldest = 1, .node_id = 7, .instance = UINT64_MAX};
    (void)snprintf(p.namespace, sizeof(p.namespace), "/service/");
    (void)snprintf(p.scope, sizeof(p.scope), "d\xc3\xa4mo \"1\"");
    (void)snprintf(p.name, sizeof(p.name), "pg1");
    (void)snprintf(p.address, sizeof(p.address), "[2001:db8::1]:7400");
    memset(p.cluster_id, 0xab, sizeof(p.cluster_id));
    return p;
}

static void it_arrives_as_it_was_said(void **state)
{
    (void)state;
    struct preface in = sample();
    struct preface out;
    memset(&out, 0x55, sizeof(out));
    struct buf bytes = {0};
    preface_encode(&in, &bytes);
    assert_int_equal(preface_decode(bytes.bytes, bytes.size, &out, NULL), 0);
    assert_memory_equal(&in, &out, sizeof(in));
    /* The longest there can be is no larger than what is read before it is known who speaks. */
    memset(in.namespace, 'n', sizeof(in.namespace) - 1);
    memset(in.scope, 's', sizeof(in.scope) - 1);
    memset(in.name, 'n', sizeof(in.name) - 1);
    memset(in.address, 'a', sizeof(in.address) - 1);
    memcpy(in.address + sizeof(in.address) - 6, ":7400", 5);
    in.node_id = UINT64_MAX;
    buf_clear(&bytes);
    preface_encode(&in, &bytes);
    assert_true(bytes.size < PREFACE_BODY_MAX);
    assert_int_equal(preface_decode(bytes.bytes, bytes.size, &out, NULL), 0);
    assert_memory_equal(&in, &out, sizeof(in));
    buf_close(&bytes);
}

static void what_a_node_can_not_say_is_refused(void **state)
{
    (void)state;
    const struct {
        const char *where;
        size_t at; /* of a byte in the struct ... */
        size_t size;
        int byte; /* ... that these bytes are set to */
    } rows[] = {
        {"protocol", offsetof(struct preface, protocol), sizeof(uint32_t), 0},
        {"protocol", offsetof(struct preface, oldest), sizeof(uint32_t), 0},
        {"protocol", offsetof(struct preface, oldest), sizeof(uint32_t), 2},
        {"node_id", offsetof(struct preface, node_id), sizeof(uint64_t), 0},
        {"instance", offsetof(struct preface, instance), sizeof(uint64_t), 0},
        {"namespace", offsetof(struct preface, namespace), 1, '\n'},
        {"scope", offsetof(struct preface, scope), 1, 0},
        {"scope", offsetof(struct preface, scope), 1, 0x7f},
        {"name", offsetof(struct preface, name), 1, 0},
        {"name", offsetof(struct preface, name), 1, ' '},
        {"address", offsetof(struct preface, address), 1, ']'},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct preface p = sample();
        struct err err = {0};
        memset((char *)&p + rows[i].at, rows[i].byte, rows[i].size);
        assert_int_equal(preface_check(&p, &err), ERR_INVALID);
        assert_non_null(strstr(err.msg, rows[i].where));
    }
}

static void an_unknown_field_is_refused_but_of_a_newer_protocol(void **state)
{
    (void)state;
    static const char field_15[] = "\x78\x01";
    struct preface in = sample();
    struct preface out;
    struct buf bytes = {0};
    preface_encode(&in, &bytes);
    buf_append(&bytes, field_15, 2);
    assert_int_equal(preface_decode(bytes.bytes, bytes.size, &out, NULL), ERR_VERSION);
    in.protocol = PREFACE_PROTOCOL + 1;
    buf_clear(&bytes);
    preface_encode(&in, &bytes);
    buf_append(&bytes, field_15, 2);
    assert_int_equal(preface_decode(bytes.bytes, bytes.size, &out, NULL), 0);
    assert_int_equal(out.protocol, PREFACE_PROTOCOL + 1);
    buf_close(&bytes);
}

static void a_refusal_arrives(void **state)
{
    (void)state;
    struct refusal in = {.reason = 4711};
    struct refusal out;
    struct buf bytes = {0};
    (void)snprintf(in.text, sizeof(in.text), "two\nlines");
    refusal_encode(&in, &bytes);
    assert_int_equal(refusal_decode(bytes.bytes, bytes.size, &out, NULL), 0);
    assert_int_equal(out.reason, 4711);
    assert_string_equal(out.text, "two?lines");
    memset(in.text, 'x', sizeof(in.text) - 1);
    buf_clear(&bytes);
    refusal_encode(&in, &bytes);
    assert_int_equal(refusal_decode(bytes.bytes, bytes.size, &out, NULL), 0);
    assert_string_equal(out.text, in.text);
    bytes.bytes[bytes.size - 1] = '\n';
    assert_int_equal(refusal_decode(bytes.bytes, bytes.size, &out, NULL), ERR_PROTOCOL);
    buf_close(&bytes);
}

/* Cut, changed, and noise: it is refused, or makes sense. */
static void noise_does_no_harm(void **state)
{
    (void)state;
    struct test_random chance = {4711};
    struct preface in = sample();
    struct buf good = {0};
    preface_encode(&in, &good);
    for (unsigned int round = 0; round < 20000; round++) {
        struct buf bytes = {0};
        struct preface out;
        struct refusal refusal;
        buf_append(&bytes, good.bytes, random_below(&chance, good.size + 1));
        for (uint64_t i = random_below(&chance, 4); i > 0 && bytes.size > 0; i--) {
            bytes.bytes[random_below(&chance, bytes.size)] = (char)random_u64(&chance);
        }
        int rv = preface_decode(bytes.bytes, bytes.size, &out, NULL);
        assert_true(rv != 0 || preface_check(&out, NULL) == 0);
        (void)refusal_decode(bytes.bytes, bytes.size, &refusal, NULL);
        buf_close(&bytes);
    }
    static char large[PREFACE_BODY_MAX];
    struct preface out;
    struct refusal refusal;
    assert_int_equal(preface_decode(large, sizeof(large), &out, NULL), ERR_TOO_LARGE);
    assert_int_equal(refusal_decode(large, sizeof(large), &refusal, NULL), ERR_TOO_LARGE);
    buf_close(&good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_arrives_as_it_was_said),
        cmocka_unit_test(what_a_node_can_not_say_is_refused),
        cmocka_unit_test(an_unknown_field_is_refused_but_of_a_newer_protocol),
        cmocka_unit_test(a_refusal_arrives),
        cmocka_unit_test(noise_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
