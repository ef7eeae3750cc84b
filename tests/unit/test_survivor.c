/* tests/unit/test_survivor.c - what a disk says when it is all that is left: whose it is, how far
 * it goes, and which of two has more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "consensus/core_row.h"
#include "consensus/survivor.h"
#include "proto/kv_codec.h"
#include "tests/lib/kv_kit.h"

#define ME 0x11
#define OTHER 0x22

static struct store_image image;
static struct survivor survivor;
static struct err err;

static int setup(void **state)
{
    (void)state;
    image = (struct store_image){.formatted = true, .log_first = 1};
    image.content = store_batch_create(0);
    memset(image.identity.cluster_id, 0xc1, CLUSTER_ID_SIZE);
    image.identity.node_id = ME;
    err = (struct err){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    survivor_close(&survivor);
    store_image_close(&image);
    return 0;
}

/* ---- disks ---- */

static void encode_members(const uint64_t *ids, size_t count, struct buf *out)
{
    struct members members = {.count = count};
    char texts[MEMBERS_MAX][MEMBER_TEXT_SIZE];
    for (size_t i = 0; i < count; i++) {
        struct member_info info = {.kind = MEMBER_DATABASE, .id = ids[i]};
        (void)snprintf(info.name, sizeof(info.name), "pg%x", (unsigned)ids[i]);
        (void)snprintf(info.address, sizeof(info.address), "10.0.0.%u:7400", (unsigned)ids[i]);
        members.at[i] = (struct member){
            .id = ids[i], .role = MEMBER_VOTER, .info = member_info_encode(&info, texts[i])};
    }
    members_encode(&members, out);
}

static void add_entry(uint64_t term, uint8_t type, const struct buf *data)
{
    image.log_last++;
    struct store_entry entry = {.index = image.log_last,
                                .term = term,
                                .type = type,
                                .data = data->bytes,
                                .size = data->size};
    store_batch_add_entry(image.content, &entry);
    image.hard.term = term;
}

static void add_change(uint64_t term, const uint64_t *ids, size_t count)
{
    CLEANUP(buf_close) struct buf conf = {0};
    encode_members(ids, count, &conf);
    add_entry(term, ENTRY_CHANGE, &conf);
}

static void add_put(uint64_t term, const char *key, const char *value)
{
    CLEANUP(buf_close) struct buf bytes = {0};
    struct kv_command command = kv_put(key, value);
    assert_int_equal(kv_command_encode(&command, &bytes, NULL), 0);
    add_entry(term, ENTRY_COMMAND, &bytes);
}

static void expect_name(const char *name, size_t others)
{
    assert_int_equal(survivor_read(&image, &survivor, &err), 0);
    assert_string_equal(survivor.me.name, name);
    assert_int_equal(survivor.other_count, others);
}

/* ---- whose it is ---- */

static const uint64_t both[] = {ME, OTHER};
static const uint64_t other_alone[] = {OTHER};

static void a_disk_says_whose_it_is_and_how_far_it_goes(void **state)
{
    (void)state;
    add_change(1, both, 2);
    add_put(1, "a", "1");
    add_put(3, "b", "1");
    image.hard.term = 5; /* it voted since */
    expect_name("pg11", 1);
    assert_string_equal(survivor.others[0].name, "pg22");
    assert_int_equal(survivor.last_term, 3);
    assert_int_equal(survivor.last_index, 3);
    assert_int_equal(survivor.hard_term, 5);
    assert_int_equal(survivor.applied_index, 0);
    assert_int_equal(survivor.state.revision, 2);
    assert_int_equal(survivor.state.key_count, 2);
    assert_null(survivor.doubt);
}

static void entries_count_that_nobody_has_seen_committed(void **state)
{
    (void)state;
    struct kv_pair pair;
    struct kit kit;
    kit_init(&kit);
    kit_ok(&kit, kv_put("a", "1"));
    kit_ok(&kit, kv_put("a", "2"));
    kit_ok(&kit, kv_put("a", "3")); /* entry 3 of the machine, as the log below has them */
    (void)machine_flush(kit.machine, kit_disk_write, &kit.disk);
    for (size_t i = 0; i < kit.disk.count; i++) {
        struct store_row row = {.key = kit.disk.rows[i].key,
                                .key_size = kit.disk.rows[i].key_size,
                                .value = kit.disk.rows[i].value,
                                .value_size = kit.disk.rows[i].value_size};
        store_batch_add_row(image.content, &row);
    }
    kit_close(&kit);
    image.applied_index = 3;
    add_change(1, both, 2);
    add_put(1, "applied already", "1");
    add_put(1, "applied already", "1");
    add_put(2, "a", "4");
    expect_name("pg11", 1);
    assert_int_equal(survivor.state.revision, 4);
    assert_int_equal(survivor.state.key_count, 1);
    assert_true(machine_get(survivor.machine, kv_text("a"), &pair));
    assert_memory_equal(pair.value.bytes, "4", 1);
}

static void the_newest_membership_counts(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf conf = {0};
    encode_members(other_alone, 1, &conf);
    buf_append(&image.snapshot.conf, conf.bytes, conf.size); /* the disk before it joined */
    image.snapshot.index = 1;
    image.snapshot.term = 1;
    image.snapshot.conf_index = 1;
    image.log_first = 2;
    image.log_last = 1;
    assert_int_equal(survivor_read(&image, &survivor, &err), ERR_REFUSED);
    assert_non_null(strstr(err.msg, "no member of the cluster that its own disk knows"));

    CLEANUP(buf_close) struct buf newer = {0};
    encode_members(both, 2, &newer);
    struct core_row row = {
        .term = 1, .conf_index = 2, .conf = newer.bytes, .conf_size = newer.size};
    core_row_add(image.content, &row);
    expect_name("pg11", 1);
    survivor_close(&survivor);

    add_change(1, both, 1);
    expect_name("pg11", 0);
    survivor_close(&survivor);
    add_change(1, other_alone, 1); /* removed, whether that was committed or not */
    assert_int_equal(survivor_read(&image, &survivor, &err), ERR_REFUSED);
}

static void a_log_that_was_cut_ends_where_it_was_cut(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf conf = {0};
    encode_members(both, 2, &conf);
    buf_append(&image.snapshot.conf, conf.bytes, conf.size);
    image.snapshot.index = 90;
    image.snapshot.term = 4;
    image.snapshot.conf_index = 1;
    image.log_first = 91;
    image.log_last = 90;
    image.applied_index = 90;
    expect_name("pg11", 1);
    assert_int_equal(survivor.last_term, 4);
    assert_int_equal(survivor.last_index, 90);
}

static void what_belongs_to_nobody_or_is_damaged_is_said(void **state)
{
    (void)state;
    memset(image.identity.cluster_id, 0, CLUSTER_ID_SIZE);
    assert_int_equal(survivor_read(&image, &survivor, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.msg, "belongs to no cluster"));
    image.identity.cluster_id[0] = 1;
    assert_int_equal(survivor_read(&image, &survivor, &err), ERR_PROTOCOL); /* no membership */
    add_change(1, both, 2);
    struct store_row row = {.key = "kx", .key_size = 2, .value = "\1damaged", .value_size = 8};
    store_batch_add_row(image.content, &row);
    assert_int_equal(survivor_read(&image, &survivor, &err), ERR_CORRUPT);
}

static void a_copy_and_a_refused_disk_are_doubtful(void **state)
{
    (void)state;
    add_change(1, both, 2);
    image.moved = true;
    expect_name("pg11", 1);
    assert_non_null(strstr(survivor.doubt, "a copy"));
    survivor_close(&survivor);
    struct store_row row = {.key = "\0refused", .key_size = 8, .value = "x", .value_size = 1};
    store_batch_add_row(image.content, &row);
    expect_name("pg11", 1);
    assert_non_null(strstr(survivor.doubt, "refused it as an old copy"));
}

/* ---- which has more ---- */

static void the_higher_term_counts_then_the_higher_index(void **state)
{
    (void)state;
    static const struct {
        uint64_t a_term, a_index, b_term, b_index;
        int expected;
    } rows[] = {
        {3, 10, 3, 10, 0},   {3, 11, 3, 10, 1},
        {3, 10, 3, 11, -1},  {4, 10, 3, 900, 1}, /* a longer log of an older term is less */
        {3, 900, 4, 10, -1}, {4, 11, 4, 11, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct survivor a = {.last_term = rows[i].a_term, .last_index = rows[i].a_index};
        struct survivor b = {.last_term = rows[i].b_term, .last_index = rows[i].b_index};
        a.hard_term = 1;
        b.hard_term = 99; /* terms that were voted in hold nothing */
        assert_int_equal(survivor_compare(&a, &b), rows[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_disk_says_whose_it_is_and_how_far_it_goes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(entries_count_that_nobody_has_seen_committed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_newest_membership_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_that_was_cut_ends_where_it_was_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(what_belongs_to_nobody_or_is_damaged_is_said, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_copy_and_a_refused_disk_are_doubtful, setup, teardown),
        cmocka_unit_test(the_higher_term_counts_then_the_higher_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
