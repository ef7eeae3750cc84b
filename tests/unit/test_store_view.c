/* tests/unit/test_store_view.c - a node's picture of the store: unknown until it was read, followed
 * from then on, right again after it has lost the thread, and honest about whether a majority is
 * heard. Real nodes of the library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "supervisor/store_view.h"
#include "tests/lib/hosts.h"

#define CURRENT_MS 600

static struct hosts hosts;
static struct keys keys;
static struct store_view view;
static size_t told;

static void on_changed(void *ctx)
{
    (void)ctx;
    told++;
}

static struct store_facts facts_now(void)
{
    uint64_t now_ms = clock_boot_ms(clock_system());
    struct store_facts facts;
    memset(&facts, 0, sizeof(facts));
    store_view_tick(&view, now_ms);
    store_view_facts(&view, now_ms, CURRENT_MS, &facts);
    return facts;
}

static void open_view_with(size_t count,
                           void (*settings)(struct pgraft_settings *settings, size_t host))
{
    hosts_open(&hosts, count);
    hosts.settings = settings;
    for (size_t i = 0; i < count; i++) {
        hosts_start(&hosts, i);
    }
    struct store_view_owner owner = {.changed = on_changed};
    told = 0;
    assert_true(keys_init(&keys, "/service/", "test"));
    store_view_open(&view, hosts.at[0].store, &keys, &owner);
}

static int open_one(void **state)
{
    (void)state;
    open_view_with(1, NULL);
    return 0;
}

static int open_three(void **state)
{
    (void)state;
    open_view_with(3, NULL);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    hosts_close(&hosts);
    store_view_close(&view);
    return 0;
}

static bool is_read(void *arg)
{
    (void)arg;
    return facts_now().initialized != FACT_UNKNOWN && view.roster.count == hosts.count;
}
static bool is_current(void *arg)
{
    return facts_now().is_current == *(enum fact *)arg;
}
static bool has_order(void *arg)
{
    return facts_now().order_epoch == *(uint64_t *)arg;
}

static struct heard put_order(size_t host, uint64_t epoch)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "{\"version\":1,\"epoch\":%u}", (unsigned)epoch);
    return hosts_put(&hosts, host, "/service/test/pgraft/order", text);
}

static void nothing_is_known_before_it_was_read(void **state)
{
    (void)state;
    struct store_facts facts = facts_now();
    assert_int_equal(facts.initialized, FACT_UNKNOWN);
    assert_int_equal(facts.paused, FACT_UNKNOWN);
    assert_int_equal(facts.held, FACT_UNKNOWN);
    assert_int_not_equal(facts.is_current, FACT_YES);
    assert_int_equal(facts.level, 0);
    assert_true(hosts_until(&hosts, is_read, NULL));
    facts = facts_now();
    assert_int_equal(facts.initialized, FACT_NO);
    assert_int_equal(facts.paused, FACT_NO);
    assert_int_equal(facts.level, 1);
    assert_true(told > 0);
    assert_string_equal(view.roster.at[0].name.text, "n1");
    assert_true(view.roster.self == view.roster.at[0].id);
    assert_true(view.roster.at[0].is_database && view.roster.at[0].is_voter);
}

static bool has_fences(void *arg)
{
    (void)facts_now();
    return view.fences.count == *(uint32_t *)arg;
}

/* Those that are there when it is read, those that come, and those that go. */
static void fences_are_followed(void **state)
{
    (void)state;
    struct facts_name name = {.text = "pg2"};
    uint32_t count = 1;
    assert_int_equal(hosts_put(&hosts, 0, "/service/test/pgraft/fence/pg2", "{}").status, 0);
    assert_true(hosts_until(&hosts, has_fences, &count));
    assert_non_null(fence_of(&view.fences, &name));
    count = 2;
    assert_int_equal(hosts_put(&hosts, 0, "/service/test/pgraft/fence/pg3", "{}").status, 0);
    assert_true(hosts_until(&hosts, has_fences, &count));
    struct heard gone;
    struct pgraft_call call = hosts_call(&gone, 5000);
    struct pgraft_span span = {.kind = PGRAFT_KEY,
                               .key = text_slice("/service/test/pgraft/fence/pg2")};
    assert_int_equal(pgraft_delete(hosts.at[0].store, &span, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &gone);
    count = 1;
    assert_true(hosts_until(&hosts, has_fences, &count));
    assert_null(fence_of(&view.fences, &name));
}

static void changes_are_followed(void **state)
{
    (void)state;
    assert_true(hosts_until(&hosts, is_read, NULL));
    for (uint64_t epoch = 1; epoch <= 20; epoch++) {
        struct heard heard = put_order(0, epoch);
        assert_true(hosts_until(&hosts, has_order, &epoch));
        assert_true(view.revision >= heard.revision);
    }
    size_t before = told;
    uint64_t revision = view.revision;
    struct heard other = hosts_put(&hosts, 0, "elsewhere", "1"); /* seen as time that went on */
    while (view.revision < other.revision) {
        uint64_t same = 20;
        assert_true(hosts_until(&hosts, has_order, &same));
        (void)hosts_get(&hosts, 0, "elsewhere");
    }
    assert_true(view.revision > revision && told > before);
    assert_int_equal(hosts_put(&hosts, 0, "/service/test/initialize", "17").status, 0);
    uint64_t none = 0;
    struct heard gone;
    struct pgraft_call call = hosts_call(&gone, 5000);
    struct pgraft_span span = {.kind = PGRAFT_PREFIX, .key = text_slice("/service/test/")};
    assert_int_equal(pgraft_delete(hosts.at[0].store, &span, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &gone);
    assert_true(hosts_until(&hosts, has_order, &none));
    assert_int_equal(facts_now().initialized, FACT_NO);
}

/* Nobody dispatches while more is written than the history keeps. */
static void who_loses_the_thread_reads_again(void **state)
{
    (void)state;
    enum { SIZE = 700 * 1024, COUNT = 24 };
    assert_true(hosts_until(&hosts, is_read, NULL));
    uint64_t first_watch = view.watch;
    static struct heard heard[COUNT];
    char *large = mem_zalloc(SIZE);
    for (size_t i = 0; i < COUNT; i++) {
        struct pgraft_call call = hosts_call(&heard[i], 20000);
        struct pgraft_slice value = {large, SIZE};
        assert_int_equal(pgraft_put(hosts.at[0].store, text_slice("/service/test/large"), value, 0,
                                    &call, NULL, NULL),
                         0);
    }
    struct pgraft_figures figures = {.proposals = 0};
    uint64_t until_ms = clock_mono_ms(clock_system()) + 20000;
    while (figures.revision < COUNT && clock_mono_ms(clock_system()) < until_ms) {
        pgraft_figures(hosts.at[0].store, &figures);
    }
    mem_free(large);
    uint64_t epoch = 9;
    (void)put_order(0, epoch);
    assert_true(hosts_until(&hosts, has_order, &epoch));
    for (size_t i = 0; i < COUNT; i++) {
        hosts_wait(&hosts, &heard[i]);
    }
    assert_true(view.watch != first_watch); /* it had lost it */
    epoch = 10;
    (void)put_order(0, epoch); /* and it goes on from there */
    assert_true(hosts_until(&hosts, has_order, &epoch));
}

static void with_a_small_quota(struct pgraft_settings *settings, size_t host)
{
    (void)host;
    settings->quota_bytes = UINT64_C(1) << 20;
}

static int open_small(void **state)
{
    (void)state;
    open_view_with(1, with_a_small_quota);
    return 0;
}

static struct heard put_large(bool is_essential)
{
    static char large[400 * 1024];
    static unsigned number;
    char key[32];
    struct heard heard;
    struct pgraft_call call = hosts_call(&heard, 10000);
    (void)snprintf(key, sizeof(key), "large%u", number++);
    struct pgraft_op op = {.kind = PGRAFT_OP_PUT,
                           .span = {.kind = PGRAFT_KEY, .key = text_slice(key)},
                           .value = {large, sizeof(large)}};
    struct pgraft_txn txn = {.then_ops = &op, .then_count = 1, .is_essential = is_essential};
    assert_int_equal(pgraft_txn(hosts.at[0].store, &txn, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    return heard;
}

/* What clients store must not keep a new primary from recording its timeline. */
static void what_is_essential_passes_a_full_quota(void **state)
{
    (void)state;
    assert_true(hosts_until(&hosts, is_read, NULL));
    int status = 0;
    for (int i = 0; i < 200 && status == 0; i++) { /* the quota is proposed after the first look */
        status = put_large(false).status;
    }
    assert_int_equal(status, PGRAFT_ERR_QUOTA);
    assert_int_equal(put_large(true).status, 0);
}

static void without_a_majority_it_says_so(void **state)
{
    (void)state;
    enum fact yes = FACT_YES;
    enum fact no = FACT_NO;
    uint64_t epoch = 5;
    assert_true(hosts_until(&hosts, is_read, NULL));
    (void)put_order(1, epoch);
    assert_true(hosts_until(&hosts, has_order, &epoch));
    assert_true(hosts_until(&hosts, is_current, &yes));
    hosts_stop(&hosts, 1);
    hosts_stop(&hosts, 2);
    assert_true(hosts_until(&hosts, is_current, &no));
    assert_int_equal(facts_now().order_epoch, 5); /* what it had applied */
    assert_int_equal(facts_now().initialized, FACT_NO);
    hosts_start(&hosts, 1);
    assert_true(hosts_until(&hosts, is_current, &yes));
    epoch = 6;
    (void)put_order(1, epoch);
    assert_true(hosts_until(&hosts, has_order, &epoch));
    assert_int_equal(view.roster.count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_known_before_it_was_read, open_one, close_all),
        cmocka_unit_test_setup_teardown(fences_are_followed, open_one, close_all),
        cmocka_unit_test_setup_teardown(changes_are_followed, open_one, close_all),
        cmocka_unit_test_setup_teardown(who_loses_the_thread_reads_again, open_one, close_all),
        cmocka_unit_test_setup_teardown(what_is_essential_passes_a_full_quota, open_small,
                                        close_all),
        cmocka_unit_test_setup_teardown(without_a_majority_it_says_so, open_three, close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
