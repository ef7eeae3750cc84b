/* tests/unit/test_client_table.c - a request is applied once, and what is remembered for that has
 * bounds; whoever falls out of them is told so and never applied again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "consensus/client_table.h"
#include "proto/kv_codec.h"
#include "tests/lib/kv_kit.h"

static struct client_table table;
static struct rowbook book;
static uint64_t next_index;

static int fresh_table(void **state)
{
    (void)state;
    client_table_init(&table);
    rowbook_init(&book);
    next_index = 1;
    return 0;
}

static int close_table(void **state)
{
    (void)state;
    client_table_close(&table);
    return 0;
}

static struct kv_command request(uint64_t client, uint64_t sequence)
{
    return by_client(kv_put("k", "v"), client, sequence);
}

static enum client_verdict look(struct kv_command command)
{
    struct client_result *result = NULL;
    return client_table_look(&table, &command, &result);
}

static void apply_as(struct kv_command command, struct kv_result result)
{
    result.index = next_index;
    next_index++;
    client_table_remember(&table, &book, &command, &result);
    /* Nothing is on disk, so what leaves leaves at once. */
    assert_int_equal(list_count(&book.dirty), table.clients.count + table.result_count);
}

static void apply(struct kv_command command)
{
    assert_int_equal(look(command), CLIENT_FRESH);
    apply_as(command, (struct kv_result){.revision = command.sequence * 10});
}

static void a_retry_gets_what_the_first_one_got(void **state)
{
    (void)state;
    const struct kv_op_result op = {.kind = KV_OP_DELETE, .count = 3};
    struct kv_command command = request(5, 1);
    assert_int_equal(look(command), CLIENT_FRESH);
    apply_as(command,
             (struct kv_result){.code = ERR_CONFLICT, .revision = 77, .ops = &op, .op_count = 1});
    struct client_result *kept = NULL;
    assert_int_equal(client_table_look(&table, &command, &kept), CLIENT_REPLAY);
    assert_int_equal(kept->result.code, ERR_CONFLICT);
    assert_int_equal(kept->result.index, 1);
    assert_int_equal(kept->result.revision, 77);
    assert_int_equal(kept->op.count, 3);
    assert_int_equal(look(request(5, 2)), CLIENT_FRESH);
    assert_int_equal(look(request(6, 1)), CLIENT_FRESH);
    assert_int_equal(look(request(0, 0)), CLIENT_FRESH);
}

static void requests_may_come_out_of_order(void **state)
{
    (void)state;
    const uint64_t order[] = {5, 1, 9, 3, 2, 8};
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        apply(request(1, order[i]));
    }
    for (uint64_t sequence = 1; sequence <= 10; sequence++) {
        struct client_result *kept = NULL;
        struct kv_command command = request(1, sequence);
        enum client_verdict verdict = client_table_look(&table, &command, &kept);
        bool applied = sequence != 4 && sequence != 6 && sequence != 7 && sequence != 10;
        assert_int_equal(verdict, applied ? CLIENT_REPLAY : CLIENT_FRESH);
        if (applied) {
            assert_int_equal(kept->result.revision, sequence * 10);
        }
    }
}

static void what_the_client_has_is_forgotten(void **state)
{
    (void)state;
    for (uint64_t sequence = 1; sequence <= 10; sequence++) {
        apply(request(1, sequence));
    }
    struct kv_command command = request(1, 11);
    command.acked = 8;
    apply(command);
    assert_int_equal(table.result_count, 4);
    assert_int_equal(look(request(1, 7)), CLIENT_EXPIRED);
    assert_int_equal(look(request(1, 8)), CLIENT_REPLAY);
    command = request(1, 12);
    command.acked = 3; /* an older word, come late, takes nothing back */
    apply(command);
    assert_int_equal(look(request(1, 7)), CLIENT_EXPIRED);
}

static void a_client_has_a_number_of_results(void **state)
{
    (void)state;
    for (uint64_t sequence = 1; sequence <= CLIENT_RESULTS_MAX + 10; sequence++) {
        apply(request(1, sequence));
    }
    assert_int_equal(table.result_count, CLIENT_RESULTS_MAX);
    assert_int_equal(look(request(1, 10)), CLIENT_EXPIRED);
    assert_int_equal(look(request(1, 11)), CLIENT_REPLAY);
}

/* A gap in the sequences is not held against the client, but what is dropped takes all below it. */
static void a_dropped_result_takes_the_older_ones_with_it(void **state)
{
    (void)state;
    apply(request(1, 3));
    for (uint64_t sequence = 10; sequence < CLIENT_RESULTS_MAX + 10; sequence++) {
        apply(request(1, sequence));
    }
    assert_int_equal(look(request(1, 3)), CLIENT_EXPIRED);
    assert_int_equal(look(request(1, 2)), CLIENT_EXPIRED);
    assert_int_equal(look(request(1, 4)),
                     CLIENT_FRESH); /* never applied, and not below the floor */
}

static struct kv_result large_result(struct kv_op_result *op, struct kv_pair *pair, size_t size)
{
    static char value[KV_VALUE_MAX];
    *pair = (struct kv_pair){.key = kv_text("k"), .value = kv_slice(value, size)};
    *op = (struct kv_op_result){.kind = KV_OP_PUT, .pairs = pair, .pair_count = 1};
    return (struct kv_result){.revision = 9, .ops = op, .op_count = 1};
}

static void bytes_are_bounded_oldest_first(void **state)
{
    (void)state;
    struct kv_op_result op;
    struct kv_pair pair;
    size_t size = (size_t)60 * 1024;
    apply(request(7, 1));
    for (uint64_t i = 1; i <= 200; i++) {
        apply_as(request(1 + i % 3, i), large_result(&op, &pair, size));
        assert_true(table.result_bytes <= CLIENT_BYTES_MAX);
    }
    assert_true(table.result_count > CLIENT_BYTES_MAX / size - 3);
    assert_int_equal(look(request(7, 1)), CLIENT_EXPIRED);
    for (uint64_t i = 1; i <= 200; i++) {
        bool kept = i > 200 - table.result_count;
        assert_int_equal(look(request(1 + i % 3, i)), kept ? CLIENT_REPLAY : CLIENT_EXPIRED);
    }
}

static void a_result_too_long_is_remembered_as_applied(void **state)
{
    (void)state;
    struct kv_op_result op;
    struct kv_pair pair;
    apply_as(request(1, 1), large_result(&op, &pair, CLIENT_RESULT_BYTES_MAX - 64));
    apply_as(request(1, 2), large_result(&op, &pair, CLIENT_RESULT_BYTES_MAX));
    struct client_result *kept = NULL;
    struct kv_command command = request(1, 1);
    assert_int_equal(client_table_look(&table, &command, &kept), CLIENT_REPLAY);
    assert_false(kept->is_cut);
    struct kv_decoder decoder = {0};
    struct kv_result back;
    assert_int_equal(kv_result_decode(&decoder, kept->bytes, kept->size, &back, NULL), 0);
    assert_int_equal(back.ops[0].pairs[0].value.size, CLIENT_RESULT_BYTES_MAX - 64);
    kv_decoder_close(&decoder);
    command = request(1, 2);
    assert_int_equal(client_table_look(&table, &command, &kept), CLIENT_REPLAY);
    assert_true(kept->is_cut);
    assert_int_equal(kept->size, 0);
    assert_int_equal(kept->result.revision, 9);
}

/* The one silent longest goes; whoever may be it can not come back, whoever is new can. */
static void forgotten_clients_do_not_come_back(void **state)
{
    (void)state;
    for (uint64_t client = 1; client <= CLIENTS_MAX; client++) {
        apply(request(client, 1));
    }
    apply(request(1, 2)); /* so 2 is the one silent longest, since index 2 */
    assert_int_equal(table.horizon, 0);
    struct kv_command newcomer = request(5000, 1);
    newcomer.since = 1000;
    apply(newcomer);
    assert_int_equal(table.clients.count, CLIENTS_MAX);
    assert_int_equal(table.horizon, 2);
    assert_int_equal(look(request(1, 2)), CLIENT_REPLAY);
    struct kv_command retry = request(2, 1);
    assert_int_equal(look(retry), CLIENT_EXPIRED);
    retry = request(2, 2);
    assert_int_equal(look(retry), CLIENT_EXPIRED);
    /* Any client whatever that may be older than the horizon. */
    struct kv_command unknown = request(6000, 1);
    unknown.since = 1;
    assert_int_equal(look(unknown), CLIENT_EXPIRED);
    unknown.since = 2;
    assert_int_equal(look(unknown), CLIENT_FRESH);
}

static void loading_brings_the_same_order_back(void **state)
{
    (void)state;
    const uint64_t clients[] = {3, 1, 2};
    struct client_result *results[9];
    for (size_t i = 0; i < 9; i++) {
        results[i] = client_result_create(1 + i * 7 % 9, 0);
        results[i]->client_id = clients[i % 3];
        results[i]->result.index = 100 + i * 4 % 9;
        assert_true(client_table_load_result(&table, &book, results[i]));
    }
    assert_false(client_table_load_done(&table)); /* their clients are missing */
    for (size_t i = 0; i < 3; i++) {
        assert_true(client_table_load_client(&table, &book, clients[i], 1, 103 - clients[i]));
        assert_false(client_table_load_client(&table, &book, clients[i], 1, 9));
    }
    assert_true(client_table_load_done(&table));
    assert_true(list_empty(&book.dirty));
    uint64_t index = 100;
    LIST_FOR_EACH (struct client_result, result, &table.results_by_age, by_age) {
        assert_int_equal(result->result.index, index);
        index++;
    }
    assert_int_equal(index, 109);
    uint64_t id = 3;
    LIST_FOR_EACH (struct client, client, &table.by_age, by_age) {
        assert_int_equal(client->id, id);
        assert_int_equal(client->result_count, 3);
        uint64_t sequence = 0;
        LIST_FOR_EACH (struct client_result, result, &client->results, link) {
            assert_true(result->sequence > sequence);
            sequence = result->sequence;
        }
        id--;
    }
    struct client_result *again = client_result_create(results[0]->sequence, 0);
    again->client_id = results[0]->client_id;
    assert_false(client_table_load_result(&table, &book, again));
    client_result_free(again);
}

static void every_field_is_in_the_hash(void **state)
{
    (void)state;
    struct client_result base = {.client_id = 1};
    struct client_result other[16];
    for (size_t i = 0; i < ARRAY_LEN(other); i++) {
        other[i] = base;
    }
    other[0].client_id = 2;
    other[1].sequence = 1;
    other[2].result.code = -1;
    other[3].result.index = 1;
    other[4].result.revision = 1;
    other[5].result.succeeded = true;
    other[6].result.failed_op = 1;
    other[7].result.marked_lease = 1;
    other[8].result.op_count = 1;
    other[9].is_cut = true;
    other[10].op.kind = KV_OP_LEASE;
    other[11].op.count = 1;
    other[12].op.more = true;
    other[13].op.lease = 1;
    other[14].op.lease_generation = 1;
    other[15].op.lease_epoch = 1;
    struct hash128 hash = client_result_hash(&base);
    for (size_t i = 0; i < ARRAY_LEN(other); i++) {
        struct hash128 differs = client_result_hash(&other[i]);
        assert_false(hash128_equal(&hash, &differs));
        for (size_t j = 0; j < i; j++) {
            struct hash128 third = client_result_hash(&other[j]);
            assert_false(hash128_equal(&third, &differs));
        }
    }
}

#define TABLE_TEST(name) cmocka_unit_test_setup_teardown(name, fresh_table, close_table)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TABLE_TEST(a_retry_gets_what_the_first_one_got),
        TABLE_TEST(requests_may_come_out_of_order),
        TABLE_TEST(what_the_client_has_is_forgotten),
        TABLE_TEST(a_client_has_a_number_of_results),
        TABLE_TEST(a_dropped_result_takes_the_older_ones_with_it),
        TABLE_TEST(bytes_are_bounded_oldest_first),
        TABLE_TEST(a_result_too_long_is_remembered_as_applied),
        TABLE_TEST(forgotten_clients_do_not_come_back),
        TABLE_TEST(loading_brings_the_same_order_back),
        TABLE_TEST(every_field_is_in_the_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
