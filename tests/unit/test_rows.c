/* tests/unit/test_rows.c - values of the store: what is written is read again, what is spoilt is
 * refused as a whole, and what can not be read is never taken for what is absent. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "supervisor/store_rows.h"
#include "tests/lib/facts_kit.h"
#include "tests/lib/random.h"

static struct row_grant a_grant(void)
{
    struct row_grant row;
    memset(&row, 0, sizeof(row));
    row.epoch = 7;
    row.timeline = 9;
    row.holder = kit_name(2);
    row.member = UINT64_C(0xfedcba9876543210);
    row.copy = UINT64_C(0xffffffffffffffff);
    row.lease_ms = 5000;
    (void)snprintf(row.rule, sizeof(row.rule), "chosen");
    row.floor = kit_at(8, 123456789);
    row.loss = LOSS_BOUNDED;
    row.loss_bytes = 17;
    row.loss_age_ms = 230;
    return row;
}

static struct row_history a_history(uint32_t count)
{
    static struct row_history all;
    memset(&all, 0, sizeof(all));
    for (uint32_t i = 0; i < count; i++) {
        struct row_timeline entry;
        memset(&entry, 0, sizeof(entry));
        entry.row = (struct history_row){.epoch = 10 + i,
                                         .timeline = 3 + i,
                                         .parent = 2 + i,
                                         .switch_lsn = UINT64_C(1000) * (i + 1)};
        (void)snprintf(entry.reason, sizeof(entry.reason), "no recovery \"target\" %u", i);
        (void)snprintf(entry.stamp, sizeof(entry.stamp), "2026-11-21T15:00:%02uZ", i % 60);
        entry.node = kit_name(1 + i % 3);
        row_history_add(&all, &entry);
    }
    return all;
}

static struct sync_value a_sync(void)
{
    struct sync_value value;
    memset(&value, 0, sizeof(value));
    value.is_known = true;
    value.epoch = 7;
    value.primary = kit_copy(1);
    value.count = 2;
    value.sets[0] = kit_set();
    value.sets[1] = (struct sync_set){.needed = 1, .count = 1};
    value.sets[1].at[0] = kit_copy(3);
    return value;
}

static struct sync_value a_sync_with_heirs(void)
{
    struct sync_value value = a_sync();
    value.heir_count = 2;
    value.heirs[0] = kit_copy(3);
    value.heirs[1] = kit_copy(2);
    return value;
}

static bool holds(const struct buf *text, const char *part)
{
    return strstr(buf_text(text), part) != NULL;
}

static void a_grant_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct row_grant row = a_grant();
    struct row_grant again;
    struct buf text = {0};
    memset(&again, 0, sizeof(again));
    row_grant_encode(&row, &text);
    assert_int_equal(row_grant_decode(text.bytes, text.size, &again, NULL), 0);
    assert_memory_equal(&row, &again, sizeof(row));
    row.floor = (struct position){.is_known = false};
    buf_clear(&text);
    row_grant_encode(&row, &text);
    assert_int_equal(row_grant_decode(text.bytes, text.size, &again, NULL), 0);
    assert_false(again.floor.is_known);
    buf_close(&text);
}

/* Who holds it is never promoted: a program that would do that does not read it. */
static void the_grant_of_a_standby_leader_is_another_version(void **state)
{
    (void)state;
    struct row_grant row = a_grant();
    struct row_grant again;
    struct buf text = {0};
    struct err err = {0};
    memset(&again, 0, sizeof(again));
    row.is_standby = true;
    row_grant_encode(&row, &text);
    assert_int_equal(row_grant_decode(text.bytes, text.size, &again, NULL), 0);
    assert_memory_equal(&row, &again, sizeof(row));
    char *version = strstr(buf_text(&text), "\"version\":2");
    assert_non_null(version);
    version[strlen("\"version\":")] = '3';
    assert_int_equal(row_grant_decode(text.bytes, text.size, &again, &err), ERR_VERSION);
    buf_close(&text);
}

static void a_wish_is_read_as_it_was_written_and_patroni_reads_it(void **state)
{
    (void)state;
    struct row_failover row;
    struct row_failover again;
    CLEANUP(buf_close) struct buf text = {0};
    memset(&row, 0, sizeof(row));
    memset(&again, 0, sizeof(again));
    row.candidate = kit_name(1);
    row_failover_encode(&row, &text);
    assert_string_equal(buf_text(&text), "{\"member\":\"pg1\"}");
    row.accepts_loss = true;
    buf_clear(&text);
    row_failover_encode(&row, &text);
    assert_int_equal(row_failover_decode(text.bytes, text.size, &again, NULL), 0);
    assert_memory_equal(&row, &again, sizeof(row));
}

static void a_sync_value_is_read_as_it_was_written_and_patroni_reads_it(void **state)
{
    (void)state;
    struct sync_value value = a_sync();
    struct sync_value again;
    struct buf text = {0};
    memset(&again, 0, sizeof(again));
    row_sync_encode(&value, &text);
    assert_int_equal(row_sync_decode(text.bytes, text.size, &again, NULL), 0);
    assert_memory_equal(&value, &again, sizeof(value));
    assert_true(holds(&text, "{\"leader\":\"pg1\",\"sync_standby\":\"pg2,pg3\",\"quorum\":1,"));
    assert_false(holds(&text, "heirs")); /* as it was written by who knew of none */
    value = a_sync_with_heirs();
    buf_clear(&text);
    row_sync_encode(&value, &text);
    assert_int_equal(row_sync_decode(text.bytes, text.size, &again, NULL), 0);
    assert_memory_equal(&value, &again, sizeof(value));
    assert_true(holds(&text, "{\"leader\":\"pg2\","));
    value.heir_count = SYNC_HEIRS_MAX;
    for (unsigned i = 0; i < SYNC_HEIRS_MAX; i++) {
        value.heirs[i] = kit_copy(1 + i);
    }
    buf_clear(&text);
    row_sync_encode(&value, &text);
    assert_int_equal(row_sync_decode(text.bytes, text.size, &again, NULL), 0);
    assert_memory_equal(&value, &again, sizeof(value));
    memset(&value, 0, sizeof(value)); /* nothing was ever acknowledged: said, not left out */
    buf_clear(&text);
    row_sync_encode(&value, &text);
    assert_int_equal(row_sync_decode(text.bytes, text.size, &again, NULL), 0);
    assert_false(again.is_known);
    value.is_known = true; /* no set: only the primary's own copy proves anything */
    value.primary = kit_copy(2);
    buf_clear(&text);
    row_sync_encode(&value, &text);
    assert_int_equal(row_sync_decode(text.bytes, text.size, &again, NULL), 0);
    assert_memory_equal(&value, &again, sizeof(value));
    buf_close(&text);
}

static void a_history_is_read_as_it_was_written_and_so_is_patronis(void **state)
{
    (void)state;
    struct row_history all = a_history(5);
    static struct row_history again;
    struct buf text = {0};
    memset(&again, 0, sizeof(again));
    row_history_encode(&all, &text);
    assert_int_equal(row_history_decode(text.bytes, text.size, &again, NULL), 0);
    assert_memory_equal(&all, &again, sizeof(all));
    assert_true(holds(&text,
                      "[[2,1000,\"no recovery \\\"target\\\" 0\",\"2026-11-21T15:00:00Z\","
                      "\"pg1\",{"));
    static const char patronis[] =
        "[[1,25623960,\"no recovery target specified\","
        "\"2019-09-23T16:57:57+00:00\",\"n2\"],[2,25624344,\"x\"]]";
    assert_int_equal(row_history_decode(patronis, strlen(patronis), &again, NULL), 0);
    assert_int_equal(again.count, 2);
    assert_int_equal(again.at[0].row.timeline, 2);
    assert_int_equal(again.at[1].row.parent, 2);
    assert_int_equal(again.at[1].row.epoch, 0);
    assert_string_equal(again.at[0].node.text, "n2");
    buf_close(&text);
}

static void the_oldest_timelines_make_room(void **state)
{
    (void)state;
    struct row_history all = a_history(ROW_HISTORY_MAX + 3);
    assert_int_equal(all.count, ROW_HISTORY_MAX);
    assert_int_equal(all.at[0].row.timeline, 3 + 3);
    struct buf text = {0};
    row_history_encode(&all, &text);
    assert_true(text.size < ROW_BYTES_MAX);
    buf_close(&text);
}

struct wrong {
    const char *text;
    int (*read)(const char *text);
};

static int read_grant(const char *text)
{
    struct row_grant row = a_grant();
    struct row_grant before = row;
    int code = row_grant_decode(text, strlen(text), &row, NULL);
    if (code != 0) {
        assert_memory_equal(&row, &before, sizeof(row));
    }
    return code;
}
static int read_order(const char *text)
{
    struct row_order row = {.epoch = 3};
    return row_order_decode(text, strlen(text), &row, NULL);
}
static int read_sync(const char *text)
{
    struct sync_value value;
    return row_sync_decode(text, strlen(text), &value, NULL);
}
static int read_history(const char *text)
{
    static struct row_history row;
    return row_history_decode(text, strlen(text), &row, NULL);
}
static int read_initialize(const char *text)
{
    uint64_t id = 0;
    return row_initialize_decode(text, strlen(text), &id, NULL);
}
static int read_config(const char *text)
{
    enum fact paused = FACT_UNKNOWN;
    return row_config_decode(text, strlen(text), &paused, NULL);
}
static int read_failover(const char *text)
{
    struct row_failover row;
    return row_failover_decode(text, strlen(text), &row, NULL);
}

#define COPY "{\"name\":\"pg2\",\"copy\":\"0000000000000066\"}"
#define PRIMARY "\"primary\":" COPY
#define FOUR_COPIES COPY "," COPY "," COPY "," COPY
#define SYNC_WITH(heirs) \
    "{\"pgraft\":{\"version\":1,\"epoch\":1," PRIMARY ",\"sets\":[],\"heirs\":" heirs "}}"

static const struct wrong wrongs[] = {
    {"", read_grant},
    {"[]", read_grant},
    {"{\"version\":1}", read_grant},
    {"{\"version\":2,\"epoch\":4}", read_order},
    {"{\"version\":1,\"epoch\":-4}", read_order},
    {"{\"version\":1,\"epoch\":4.0}", read_order},
    {"{\"version\":1,\"epoch\":\"4\"}", read_order},
    {"{\"version\":1,\"epoch\":4,\"epoch\":5}", read_order},
    {"{\"version\":1,\"epoch\":4} x", read_order},
    {"{\"version\":1,\"epoch\":99999999999999999999}", read_order},
    {"[[[[[[[[[[[[[[[[[[[[", read_order},
    {"{}", read_sync},
    {"{\"leader\":\"pg1\",\"sync_standby\":\"pg2\"}", read_sync},
    {"{\"pgraft\":{\"version\":1,\"epoch\":1,\"sets\":[]}}", read_sync},
    {"{\"pgraft\":{\"version\":1,\"epoch\":1," PRIMARY ",\"sets\":{}}}", read_sync},
    {"{\"pgraft\":{\"version\":1,\"epoch\":1," PRIMARY ",\"sets\":[{\"needed\":2,\"copies\":[" COPY
     "]}]}}",
     read_sync},
    {"{\"pgraft\":{\"version\":1,\"epoch\":1," PRIMARY
     ",\"sets\":[{\"needed\":1,\"copies\":[{\"name\":\"pg2\"}]}]}}",
     read_sync},
    {SYNC_WITH("{}"), read_sync},
    {SYNC_WITH("[7]"), read_sync},
    {SYNC_WITH("[{\"name\":\"pg2\"}]"), read_sync},
    {SYNC_WITH("[" COPY "," COPY ",{}]"), read_sync},
    {SYNC_WITH("[" FOUR_COPIES "," FOUR_COPIES "," FOUR_COPIES "," FOUR_COPIES "," COPY "]"),
     read_sync},
    {"{}", read_history},
    {"[[1,2]]", read_history},
    {"[[1,-2,\"\"]]", read_history},
    {"[[1,2,\"\",\"\",\"\",{\"version\":9}]]", read_history},
    {"12x", read_initialize},
    {"99999999999999999999", read_initialize},
    {"184467440737095516150", read_initialize},
    {"[1]", read_config},
    {"{\"pause\":\"perhaps\"}", read_config},
    {"{\"pause\":1}", read_config},
    {"{\"member\":7}", read_failover},
    {"{\"member\":\"pg1\",\"accept_data_loss\":\"yes\"}", read_failover},
};

static void what_is_spoilt_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrongs); i++) {
        if (wrongs[i].read(wrongs[i].text) == 0) {
            fail_msg("taken: %s", wrongs[i].text);
        }
    }
    assert_int_equal(read_order("{\"version\":1,\"epoch\":4,\"later\":[1,{}]}"), 0);
    assert_int_equal(read_sync(SYNC_WITH("null")), 0);
    assert_int_equal(read_sync(SYNC_WITH("[]")), 0);
    assert_int_equal(read_sync(SYNC_WITH("[" FOUR_COPIES "]")), 0);
    assert_int_equal(read_initialize(""), 0);
    assert_int_equal(read_initialize("18446744073709551615"), 0);
    assert_int_equal(read_config("{\"ttl\":30,\"pause\":null}"), 0);
    assert_int_equal(read_failover("{\"leader\":\"a\",\"member\":null,\"scheduled_at\":\"2026\"}"),
                     0);
}

static enum fact paused_by(const char *text)
{
    enum fact paused = FACT_UNKNOWN;
    assert_int_equal(row_config_decode(text, strlen(text), &paused, NULL), 0);
    return paused;
}

/* It was stored as it was sent, so it has to mean what it says. */
static void a_pause_that_is_written_as_a_text_is_one_if_it_says_so(void **state)
{
    (void)state;
    assert_int_equal(paused_by("{\"pause\":\"true\"}"), FACT_YES);
    assert_int_equal(paused_by("{\"pause\":\"On\"}"), FACT_YES);
    assert_int_equal(paused_by("{\"pause\":\"false\"}"), FACT_NO);
    assert_int_equal(paused_by("{\"pause\":false}"), FACT_NO);
    assert_int_equal(paused_by("{}"), FACT_NO);
}

/* Every change of one byte, and every cut: refused, or read as something that can be written. */
static void nothing_wild_does_harm(void **state)
{
    (void)state;
    struct test_random chance = {7};
    struct buf texts[3] = {{0}};
    struct row_grant grant = a_grant();
    struct sync_value value = a_sync_with_heirs();
    struct row_history history = a_history(3);
    row_grant_encode(&grant, &texts[0]);
    row_sync_encode(&value, &texts[1]);
    row_history_encode(&history, &texts[2]);
    static int (*const reads[])(const char *text) = {read_grant, read_sync, read_history};
    uint64_t taken = 0;
    for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
        for (size_t i = 0; i < texts[t].size; i++) {
            char kept = texts[t].bytes[i];
            texts[t].bytes[i] = (char)random_below(&chance, 256);
            taken += reads[t](texts[t].bytes) == 0 ? 1 : 0;
            texts[t].bytes[i] = '\0';
            assert_int_not_equal(reads[t](texts[t].bytes), 0);
            texts[t].bytes[i] = kept;
        }
        buf_close(&texts[t]);
    }
    assert_true(taken > 0); /* within a text, a name */
}

/* ---- facts ---- */

struct store_double {
    struct store_rows rows;
    uint64_t revision;
};

static void put(struct store_double *s, enum key key, const char *value, uint64_t lease)
{
    s->revision++;
    struct pgraft_pair pair = {.value = {value, strlen(value)},
                               .create_revision = s->revision,
                               .mod_revision = s->revision,
                               .lease = lease};
    assert_true(store_rows_take(&s->rows, key, &pair));
    assert_false(store_rows_take(&s->rows, key, &pair));
}

static struct store_facts facts_of(const struct store_double *s)
{
    struct store_facts facts;
    store_rows_facts(&s->rows, &facts);
    return facts;
}

static void open_double(struct store_double *s)
{
    memset(s, 0, sizeof(*s));
    for (int i = 0; i < KEYS; i++) {
        assert_false(store_rows_take(&s->rows, (enum key)i, NULL));
    }
}

static void fill_double(struct store_double *s)
{
    struct buf text = {0};
    struct row_grant grant = a_grant();
    struct sync_value value = a_sync();
    struct row_history history = a_history(40);
    open_double(s);
    row_grant_encode(&grant, &text);
    put(s, KEY_GRANT, buf_text(&text), 0);
    buf_clear(&text);
    row_sync_encode(&value, &text);
    put(s, KEY_SYNC, buf_text(&text), 0);
    buf_clear(&text);
    row_history_encode(&history, &text);
    put(s, KEY_HISTORY, buf_text(&text), 0);
    put(s, KEY_INITIALIZE, "7450012345678901234", 0);
    put(s, KEY_LEADER, "pg2", KEYS_PRIMARY_LEASE);
    buf_close(&text);
}

static void an_empty_store_is_a_cluster_that_begins(void **state)
{
    (void)state;
    struct store_double s;
    open_double(&s);
    struct store_facts f = facts_of(&s);
    assert_int_equal(f.initialized, FACT_NO);
    assert_int_equal(f.paused, FACT_NO);
    assert_int_equal(f.held, FACT_NO);
    assert_false(f.lease_stands);
    assert_false(f.sync.is_known);
}

static void rows_become_facts(void **state)
{
    (void)state;
    struct store_double s;
    fill_double(&s);
    put(&s, KEY_ORDER, "{\"version\":1,\"epoch\":8}", 0);
    put(&s, KEY_CONFIG, "{\"pause\":true}", 0);
    put(&s, KEY_HOLD, "{}", 0);
    struct store_facts f = facts_of(&s);
    assert_int_equal(f.initialized, FACT_YES);
    assert_int_equal(f.paused, FACT_YES);
    assert_int_equal(f.held, FACT_YES);
    assert_true(f.lease_stands);
    assert_int_equal(f.grant_epoch, 7);
    assert_int_equal(f.grant_timeline, 9);
    assert_string_equal(f.holder.text, "pg2");
    assert_true(f.holder_copy == UINT64_MAX);
    assert_int_equal(f.order_epoch, 8);
    assert_int_equal(f.sync.count, 2);
    assert_int_equal(f.sync_revision, 2);
    assert_int_equal(f.history_count, FACTS_HISTORY_MAX);
    assert_int_equal(f.history[FACTS_HISTORY_MAX - 1].timeline, 3 + 39);
    assert_string_equal(s.rows.trouble, "");
    assert_true(store_rows_take(&s.rows, KEY_LEADER, NULL));
    assert_false(facts_of(&s).lease_stands);
    assert_int_equal(facts_of(&s).grant_epoch, 7); /* what was granted last is still known */
    store_rows_close(&s.rows);
}

static void c4_what_can_not_be_read_is_not_absent(void **state)
{
    (void)state;
    static const enum key all[] = {KEY_GRANT, KEY_ORDER, KEY_HISTORY, KEY_INITIALIZE};
    struct store_double s;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        fill_double(&s);
        put(&s, all[i], "spoilt", 0);
        assert_int_equal(facts_of(&s).initialized, FACT_UNKNOWN);
        assert_true(store_rows_is_spoilt(&s.rows));
        assert_non_null(strstr(s.rows.trouble, keys_name(all[i])));
    }
    fill_double(&s); /* nothing is provable any more, which is not: nothing was acknowledged */
    put(&s, KEY_SYNC, "{}", 0);
    assert_true(facts_of(&s).sync.is_known);
    assert_int_equal(facts_of(&s).sync.count, 0);
    assert_int_equal(facts_of(&s).sync.primary.copy, 0);
    assert_true(store_rows_take(&s.rows, KEY_SYNC, NULL));
    assert_true(facts_of(&s).sync.is_known);
    assert_non_null(strstr(s.rows.trouble, "sync was deleted"));
    fill_double(&s); /* the cluster does not begin a second time */
    assert_true(store_rows_take(&s.rows, KEY_INITIALIZE, NULL));
    assert_int_equal(facts_of(&s).initialized, FACT_UNKNOWN);
    assert_non_null(strstr(s.rows.trouble, "initialize was deleted"));
    fill_double(&s);
    put(&s, KEY_CONFIG, "{\"pause\":", 0);
    assert_int_equal(facts_of(&s).paused, FACT_UNKNOWN);
    store_rows_close(&s.rows);
    fill_double(&s); /* by hand: on no lease */
    put(&s, KEY_LEADER, "pg1", 0);
    assert_false(facts_of(&s).lease_stands);
    assert_int_equal(facts_of(&s).initialized, FACT_UNKNOWN);
    fill_double(&s); /* mended */
    put(&s, KEY_ORDER, "spoilt", 0);
    put(&s, KEY_ORDER, "{\"version\":1,\"epoch\":8}", 0);
    assert_int_equal(facts_of(&s).initialized, FACT_YES);
    assert_string_equal(s.rows.trouble, "");
}

/* Patroni's words: from whom, to whom. */
static void a_wish_is_of_the_primary_that_it_names(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *wanted;
        bool switches; /* pg2, which has the role */
    } rows[] = {
        {"{\"leader\":\"pg2\",\"member\":\"pg3\"}", "pg3", true},
        {"{\"leader\":\"pg2\"}", "", true},
        {"{\"member\":\"pg3\"}", "pg3", true},
        {"{\"member\":\"pg2\"}", "pg2", false},
        {"{\"leader\":\"pg1\",\"member\":\"pg3\"}", "", false},
        {"{\"member\":\"pg3\",\"scheduled_at\":\"2026-12-01T04:00:00+01:00\"}", "", false},
        {"{\"member\":3}", "", false},
    };
    struct facts_name self = kit_name(2);
    struct facts_name other = kit_name(3);
    struct store_double s;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fill_double(&s);
        put(&s, KEY_FAILOVER, rows[i].text, 0);
        struct facts_name wanted = store_rows_wanted(&s.rows);
        assert_string_equal(wanted.text, rows[i].wanted);
        assert_int_equal(store_rows_wants_switchover(&s.rows, &self), rows[i].switches);
        assert_false(store_rows_wants_switchover(&s.rows, &other));
    }
    assert_true(store_rows_take(&s.rows, KEY_FAILOVER, NULL));
    assert_false(store_rows_wants_switchover(&s.rows, &self));
}

static void keys_have_patronis_names(void **state)
{
    (void)state;
    static const char *const spaces[] = {"/service/", "service", "/service", "//service//"};
    struct keys keys;
    enum key key = KEY_LEADER;
    for (size_t i = 0; i < ARRAY_LEN(spaces); i++) {
        assert_true(keys_init(&keys, spaces[i], "demo"));
        assert_string_equal(keys.text[KEY_LEADER], "/service/demo/leader");
        assert_string_equal(keys.text[KEY_GRANT], "/service/demo/pgraft/grant");
    }
    assert_true(keys_find(&keys, keys_slice(&keys, KEY_SYNC), &key));
    assert_int_equal(key, KEY_SYNC);
    assert_false(keys_find(&keys, (struct pgraft_slice){"/service/demo/syn", 17}, &key));
    assert_true(keys_init(&keys, "/", "demo"));
    assert_string_equal(keys.prefix, "/demo/");
    char lengthy[400];
    memset(lengthy, 'x', sizeof(lengthy));
    lengthy[sizeof(lengthy) - 1] = '\0';
    assert_false(keys_init(&keys, "/service/", lengthy));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grant_is_read_as_it_was_written),
        cmocka_unit_test(the_grant_of_a_standby_leader_is_another_version),
        cmocka_unit_test(a_wish_is_read_as_it_was_written_and_patroni_reads_it),
        cmocka_unit_test(a_sync_value_is_read_as_it_was_written_and_patroni_reads_it),
        cmocka_unit_test(a_history_is_read_as_it_was_written_and_so_is_patronis),
        cmocka_unit_test(the_oldest_timelines_make_room),
        cmocka_unit_test(what_is_spoilt_is_refused),
        cmocka_unit_test(a_pause_that_is_written_as_a_text_is_one_if_it_says_so),
        cmocka_unit_test(nothing_wild_does_harm),
        cmocka_unit_test(an_empty_store_is_a_cluster_that_begins),
        cmocka_unit_test(rows_become_facts),
        cmocka_unit_test(c4_what_can_not_be_read_is_not_absent),
        cmocka_unit_test(a_wish_is_of_the_primary_that_it_names),
        cmocka_unit_test(keys_have_patronis_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
