/* tests/unit/test_pgraft_requests.c - requests by the thousand and from many threads, their
 * deadlines, cancelling, and that each is applied once while leaders come and go. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/lib/hosts.h"

static struct hosts hosts;

static void open_some(size_t count)
{
    hosts_open(&hosts, count);
    for (size_t i = 0; i < count; i++) {
        hosts_start(&hosts, i);
    }
    for (size_t i = 0; i < count; i++) {
        hosts_until_ready(&hosts, i, count);
    }
}

static int open_one(void **state)
{
    (void)state;
    open_some(1);
    return 0;
}

static int open_three(void **state)
{
    (void)state;
    open_some(3);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    hosts_close(&hosts);
    return 0;
}

/* ---- transactions ---- */

static void a_transaction_is_one_change(void **state)
{
    (void)state;
    struct pgraft *store = hosts.at[0].store;
    struct pgraft_op puts[] = {
        {.kind = PGRAFT_OP_PUT, .span = {.key = text_slice("a")}, .value = text_slice("1")},
        {.kind = PGRAFT_OP_PUT, .span = {.key = text_slice("b")}, .value = text_slice("2")},
        {.kind = PGRAFT_OP_GET,
         .span = {.kind = PGRAFT_PREFIX, .key = text_slice("")},
         .count_only = true},
    };
    struct pgraft_op gone = {.kind = PGRAFT_OP_DELETE,
                             .span = {.kind = PGRAFT_PREFIX, .key = text_slice("")},
                             .want_previous = true};
    struct pgraft_compare absent = {
        .key = text_slice("a"), .target = PGRAFT_EXISTS, .relation = PGRAFT_EQUAL, .number = 0};
    struct pgraft_txn txn = {.compares = &absent,
                             .compare_count = 1,
                             .then_ops = puts,
                             .then_count = 3,
                             .else_ops = &gone,
                             .else_count = 1};
    struct heard heard;
    struct pgraft_call call = hosts_call(&heard, 10000);
    assert_int_equal(pgraft_txn(store, &txn, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.status, 0);
    assert_true(heard.succeeded);
    uint64_t revision = heard.revision;
    call = hosts_call(&heard, 10000);
    assert_int_equal(pgraft_txn(store, &txn, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_false(heard.succeeded);
    assert_int_equal(heard.revision, revision + 1);
    assert_int_equal(heard.count, 2);
    assert_string_equal(heard.value, "1");
    assert_int_equal(hosts_get(&hosts, 0, "a").count, 0);
    /* As it was. */
    call = hosts_call(&heard, 10000);
    assert_int_equal(pgraft_get_at(store, text_slice("b"), revision, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_string_equal(heard.value, "2");
    call = hosts_call(&heard, 10000);
    assert_int_equal(pgraft_compact(store, revision + 1, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.status, 0);
    call = hosts_call(&heard, 10000);
    assert_int_equal(pgraft_get_at(store, text_slice("b"), revision, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.status, PGRAFT_ERR_COMPACTED);
    call = hosts_call(&heard, 10000);
    assert_int_equal(pgraft_get_at(store, text_slice("b"), revision + 100, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.status, PGRAFT_ERR_INVALID);
}

static void what_makes_no_sense_is_refused_at_once(void **state)
{
    (void)state;
    struct pgraft *store = hosts.at[0].store;
    struct pgraft_error error = {0};
    struct heard heard;
    struct pgraft_call call = hosts_call(&heard, 1000);
    static char large[3 * 1024 * 1024];
    struct pgraft_op ops[200];
    memset(ops, 0, sizeof(ops));
    assert_int_equal(pgraft_put(store, text_slice(""), text_slice("v"), 0, &call, NULL, &error),
                     PGRAFT_ERR_INVALID);
    assert_true(error.message[0] != '\0');
    assert_int_equal(pgraft_put(store, text_slice("k"), (struct pgraft_slice){large, sizeof(large)},
                                0, &call, NULL, NULL),
                     PGRAFT_ERR_TOO_LARGE);
    assert_int_equal(pgraft_put(store, (struct pgraft_slice){large, 2000}, text_slice("v"), 0,
                                &call, NULL, NULL),
                     PGRAFT_ERR_TOO_LARGE);
    struct pgraft_txn many = {.then_ops = ops, .then_count = 200};
    assert_int_equal(pgraft_txn(store, &many, &call, NULL, NULL), PGRAFT_ERR_TOO_LARGE);
    ops[0].kind = (enum pgraft_op_kind)77;
    many.then_count = 1;
    assert_int_equal(pgraft_txn(store, &many, &call, NULL, NULL), PGRAFT_ERR_INVALID);
    struct pgraft_compare compare = {.key = text_slice("k"), .target = (enum pgraft_target)9};
    many = (struct pgraft_txn){.compares = &compare, .compare_count = 1};
    assert_int_equal(pgraft_txn(store, &many, &call, NULL, NULL), PGRAFT_ERR_INVALID);
    struct pgraft_span span = {.kind = (enum pgraft_span_kind)9, .key = text_slice("k")};
    assert_int_equal(pgraft_range(store, &span, 0, &call, NULL, NULL), PGRAFT_ERR_INVALID);
    struct pgraft_watch watch = {.span = span};
    assert_int_equal(pgraft_watch(store, &watch, NULL, NULL), PGRAFT_ERR_INVALID);
    struct pgraft_slice soft = {large, PGRAFT_SOFT_MAX + 1};
    assert_int_equal(pgraft_publish(store, soft, NULL), PGRAFT_ERR_TOO_LARGE);
    struct pgraft_hold hold = {.lease = 0};
    assert_int_equal(pgraft_lease_hold(store, &hold, NULL), PGRAFT_ERR_INVALID);
    assert_int_equal(pgraft_member_change(store, PGRAFT_MEMBER_REMOVE, "a b", &call, NULL, NULL),
                     PGRAFT_ERR_INVALID);
    assert_false(heard.done);
    assert_int_equal(hosts_put(&hosts, 0, "still", "here").status, 0);
}

/* ---- many ---- */

#define MANY 6000

struct tally {
    size_t answered;
    size_t stored;
    size_t failed;
};

static void on_tally(void *ctx, const struct pgraft_result *result)
{
    struct tally *t = ctx;
    t->answered++;
    t->stored += result->status == 0 ? 1 : 0;
    t->failed += result->status != 0 ? 1 : 0;
}

static bool all_answered(void *arg)
{
    return ((const struct tally *)arg)->answered == MANY;
}

static void thousands_are_on_their_way_together(void **state)
{
    (void)state;
    struct tally tally = {0};
    struct pgraft_call call = {.timeout_ms = 120000, .done = on_tally, .ctx = &tally};
    for (size_t i = 0; i < MANY; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "many/%05zu", i);
        assert_int_equal(pgraft_put(hosts.at[i % 3].store, text_slice(key), text_slice("v"), 0,
                                    &call, NULL, NULL),
                         0);
    }
    while (!all_answered(&tally)) {
        assert_true(hosts_until(&hosts, all_answered, &tally));
    }
    assert_int_equal(tally.stored, MANY);
    struct heard heard;
    struct pgraft_span span = {.kind = PGRAFT_PREFIX, .key = text_slice("many/")};
    call = hosts_call(&heard, 10000);
    assert_int_equal(pgraft_range(hosts.at[1].store, &span, 1, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.count, MANY);
}

static void too_many_are_told_to_wait(void **state)
{
    (void)state;
    struct pgraft *store = hosts.at[0].store;
    struct tally tally = {0};
    struct pgraft_call call = {.timeout_ms = 60000, .done = on_tally, .ctx = &tally};
    size_t taken = 0;
    int code = 0;
    while (code == 0) { /* nobody dispatches: they wait to be delivered */
        code = pgraft_get(store, text_slice("k"), &call, NULL, NULL);
        taken += code == 0 ? 1 : 0;
    }
    assert_int_equal(code, PGRAFT_ERR_BUSY);
    assert_true(pgraft_may_retry(code));
    uint64_t until_ms = clock_mono_ms(clock_system()) + 60000;
    while (tally.answered < taken && clock_mono_ms(clock_system()) < until_ms) {
        (void)pgraft_dispatch(store);
    }
    assert_int_equal(tally.answered, taken);
    assert_int_equal(tally.stored, taken);
    assert_int_equal(hosts_put(&hosts, 0, "k", "v").status, 0);
}

static void a_thousand_deadlines_pass_together(void **state)
{
    (void)state;
    hosts_stop(&hosts, 1);
    hosts_stop(&hosts, 2);
    struct tally tally = {0};
    struct pgraft_call call = {.timeout_ms = 500, .done = on_tally, .ctx = &tally};
    for (size_t i = 0; i < MANY; i++) {
        int code = i % 2 == 0 ? pgraft_get(hosts.at[0].store, text_slice("k"), &call, NULL, NULL)
                              : pgraft_put(hosts.at[0].store, text_slice("k"), text_slice("v"), 0,
                                           &call, NULL, NULL);
        assert_int_equal(code, 0);
    }
    assert_true(hosts_until(&hosts, all_answered, &tally));
    assert_int_equal(tally.failed, MANY);
    struct pgraft_figures figures;
    pgraft_figures(hosts.at[0].store, &figures);
    hosts_start(&hosts, 1);
    assert_int_equal(hosts_put(&hosts, 0, "k", "w").status, 0);
    assert_string_equal(hosts_get(&hosts, 1, "k").value, "w");
}

/* ---- cancel and deadlines ---- */

static void a_request_is_cancelled(void **state)
{
    (void)state;
    hosts_stop(&hosts, 1);
    hosts_stop(&hosts, 2);
    struct heard heard;
    uint64_t request = 0;
    struct pgraft_call call = hosts_call(&heard, 60000);
    assert_int_equal(
        pgraft_put(hosts.at[0].store, text_slice("k"), text_slice("v"), 0, &call, &request, NULL),
        0);
    pgraft_cancel(hosts.at[0].store, request);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.status, PGRAFT_ERR_CANCELED);
    assert_true(pgraft_may_be_applied(heard.status));
    pgraft_cancel(hosts.at[0].store, request); /* no harm in that */
    pgraft_cancel(hosts.at[0].store, 0);
    hosts_start(&hosts, 1);
    assert_int_equal(hosts_put(&hosts, 0, "k", "w").status, 0);
    assert_string_equal(hosts_get(&hosts, 0, "k").value, "w");
}

static void a_deadline_is_kept(void **state)
{
    (void)state;
    hosts_stop(&hosts, 1);
    hosts_stop(&hosts, 2);
    for (int i = 0; i < 3; i++) {
        struct heard heard;
        struct pgraft_call call = hosts_call(&heard, 20);
        uint64_t begin_ms = clock_mono_ms(clock_system());
        int code = i == 0   ? pgraft_put(hosts.at[0].store, text_slice("k"), text_slice("v"), 0,
                                         &call, NULL, NULL)
                   : i == 1 ? pgraft_get(hosts.at[0].store, text_slice("k"), &call, NULL, NULL)
                            : pgraft_lease_list(hosts.at[0].store, &call, NULL, NULL);
        assert_int_equal(code, 0);
        hosts_wait(&hosts, &heard);
        bool said = heard.status == PGRAFT_ERR_NO_QUORUM || heard.status == PGRAFT_ERR_TIMEOUT;
        assert_true(said);
        assert_true(clock_mono_ms(clock_system()) - begin_ms >= 20);
    }
    /* What this node has is there all the same. */
    struct heard heard;
    struct pgraft_call call = hosts_call(&heard, 20000);
    call.local = true;
    assert_int_equal(pgraft_get(hosts.at[0].store, text_slice("k"), &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.status, 0);
}

/* ---- threads ---- */

#define CALLERS 4
#define EACH 150

struct caller {
    pthread_t thread;
    size_t number;
    atomic_size_t answered;
    atomic_size_t stored;
};

static void on_threaded(void *ctx, const struct pgraft_result *result)
{
    struct caller *caller = ctx;
    (void)atomic_fetch_add(&caller->stored, result->status == 0 ? 1 : 0);
    (void)atomic_fetch_add(&caller->answered, 1);
}

static void on_nothing(void *ctx, const struct pgraft_changes *changes)
{
    (void)ctx;
    (void)changes;
}

/* Everything that may be called from any thread, on one store or another. */
static void *run_caller(void *arg)
{
    struct caller *caller = arg;
    struct pgraft_call call = {.timeout_ms = 120000, .done = on_threaded, .ctx = caller};
    for (size_t i = 0; i < EACH; i++) {
        struct pgraft *store = hosts.at[(caller->number + i) % 3].store;
        struct pgraft_watch watch = {.span = {.kind = PGRAFT_PREFIX}, .changed = on_nothing};
        struct pgraft_figures figures;
        struct pgraft_lease_page page;
        struct pgraft_soft soft;
        char key[32];
        char room[16];
        uint64_t id = 0;
        (void)snprintf(key, sizeof(key), "caller/%zu/%zu", caller->number, i);
        assert_int_equal(pgraft_put(store, text_slice(key), text_slice("v"), 0, &call, NULL, NULL),
                         0);
        assert_int_equal(pgraft_get(store, text_slice(key), &call, &id, NULL), 0);
        if (i % 7 == 0) {
            pgraft_cancel(store, id);
        }
        assert_int_equal(pgraft_watch(store, &watch, &id, NULL), 0);
        assert_int_equal(pgraft_publish(store, text_slice(key), NULL), 0);
        pgraft_figures(store, &figures);
        pgraft_lease_page(store, &page);
        (void)pgraft_soft_next(store, 0, room, sizeof(room), &soft);
        pgraft_allow_moves(store, i % 2 == 0);
        pgraft_unwatch(store, id);
    }
    return NULL;
}

static atomic_bool dispatching;

static void *run_dispatcher(void *arg)
{
    struct pgraft *store = arg;
    while (atomic_load(&dispatching)) {
        struct pollfd fd = {.fd = pgraft_fd(store), .events = POLLIN};
        (void)poll(&fd, 1, 10);
        (void)pgraft_dispatch(store);
    }
    return NULL;
}

static bool callers_have_answers(void *arg)
{
    struct caller *callers = arg;
    size_t answered = 0;
    for (size_t i = 0; i < CALLERS; i++) {
        answered += atomic_load(&callers[i].answered);
    }
    return answered == (size_t)CALLERS * EACH * 2;
}

static void every_thread_may_ask_and_any_dispatch(void **state)
{
    (void)state;
    struct caller callers[CALLERS];
    pthread_t dispatchers[6];
    atomic_store(&dispatching, true);
    for (size_t i = 0; i < 6; i++) { /* two for each store: one waits for the other */
        assert_int_equal(
            pthread_create(&dispatchers[i], NULL, run_dispatcher, hosts.at[i % 3].store), 0);
    }
    for (size_t i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.number = i};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, run_caller, &callers[i]), 0);
    }
    for (size_t i = 0; i < CALLERS; i++) {
        (void)pthread_join(callers[i].thread, NULL);
    }
    while (!callers_have_answers(callers)) {
        assert_true(hosts_until(&hosts, callers_have_answers, callers));
    }
    atomic_store(&dispatching, false);
    for (size_t i = 0; i < 6; i++) {
        (void)pthread_join(dispatchers[i], NULL);
    }
    struct heard heard;
    struct pgraft_span span = {.kind = PGRAFT_PREFIX, .key = text_slice("caller/")};
    struct pgraft_call call = hosts_call(&heard, 20000);
    assert_int_equal(pgraft_range(hosts.at[0].store, &span, 1, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.count, CALLERS * EACH);
}

/* ---- once ---- */

#define INCREMENTS 300
#define ADDERS 6

/* Adds one to a counter by compare and swap, again and again; and knows what became of each. */
struct adder {
    size_t host;
    uint64_t value;    /* as it was read */
    uint64_t revision; /* of the key then */
    bool reads;        /* else it writes */
    bool busy;
    size_t acknowledged;
    size_t unknown;
    size_t failed; /* these among them */
};

static size_t acknowledged_of(const struct adder *adders)
{
    size_t sum = 0;
    for (size_t i = 0; i < ADDERS; i++) {
        sum += adders[i].acknowledged;
    }
    return sum;
}

static void on_added(void *ctx, const struct pgraft_result *result)
{
    struct adder *a = ctx;
    a->busy = false;
    if (result->status != 0) {
        a->failed++;
        a->unknown += !a->reads && pgraft_may_be_applied(result->status) ? 1 : 0;
        a->reads = true;
        return;
    }
    if (!a->reads) {
        a->acknowledged += result->succeeded ? 1 : 0;
        a->reads = true;
        return;
    }
    const struct pgraft_op_result *op = &result->ops[0];
    char text[32] = "0";
    a->revision = 0;
    if (op->pair_count > 0) {
        (void)snprintf(text, sizeof(text), "%.*s", (int)op->pairs[0].value.size,
                       (const char *)op->pairs[0].value.bytes);
        a->revision = op->pairs[0].mod_revision;
    }
    a->value = strtoull(text, NULL, 10);
    a->reads = false;
}

static void step(struct adder *a)
{
    struct pgraft *store = hosts.at[a->host].store;
    if (a->busy || store == NULL) {
        return;
    }
    char text[32];
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)a->value + 1);
    struct pgraft_compare compare = {.key = text_slice("counter"),
                                     .target = PGRAFT_MOD_REVISION,
                                     .relation = PGRAFT_EQUAL,
                                     .number = a->revision};
    struct pgraft_op get = {.kind = PGRAFT_OP_GET, .span = {.key = text_slice("counter")}};
    struct pgraft_op put = {
        .kind = PGRAFT_OP_PUT, .span = {.key = text_slice("counter")}, .value = text_slice(text)};
    struct pgraft_txn txn = {.compares = &compare,
                             .compare_count = a->reads ? 0 : 1,
                             .then_ops = a->reads ? &get : &put,
                             .then_count = 1};
    struct pgraft_call call = {.timeout_ms = 30000, .done = on_added, .ctx = a};
    a->busy = true;
    assert_int_equal(pgraft_txn(store, &txn, &call, NULL, NULL), 0);
}

static bool added_more(void *arg)
{
    struct adder *adders = arg;
    for (size_t i = 0; i < ADDERS; i++) {
        step(&adders[i]);
    }
    return acknowledged_of(adders) >= INCREMENTS;
}

struct until_count {
    struct adder *adders;
    size_t count;
};

static bool reached(void *arg)
{
    struct until_count *u = arg;
    (void)added_more(u->adders);
    return acknowledged_of(u->adders) >= u->count;
}

static bool nobody_waits(void *arg)
{
    const struct adder *adders = arg;
    for (size_t i = 0; i < ADDERS; i++) {
        if (adders[i].busy) {
            return false;
        }
    }
    return true;
}

/* Leadership is handed over, and leaders are stopped and come back, while six add to one number:
 * in the end it is what was acknowledged, and no outcome was left open. */
static void each_is_applied_once_whoever_leads(void **state)
{
    (void)state;
    struct adder adders[ADDERS];
    for (size_t i = 0; i < ADDERS; i++) {
        adders[i] = (struct adder){.host = i % 3, .reads = true};
    }
    for (size_t i = 0; i < 6; i++) {
        struct until_count until = {adders, (i + 1) * INCREMENTS / 6};
        assert_true(hosts_until(&hosts, reached, &until));
        struct heard heard;
        struct pgraft_call call = hosts_call(&heard, 20000);
        assert_int_equal(pgraft_transfer(hosts.at[i % 3].store, 0, &call, NULL, NULL), 0);
        hosts_wait(&hosts, &heard);
    }
    assert_true(hosts_until(&hosts, nobody_waits, adders));
    size_t unknown = 0;
    for (size_t i = 0; i < ADDERS; i++) {
        unknown += adders[i].unknown;
    }
    char text[32];
    (void)snprintf(text, sizeof(text), "%zu", acknowledged_of(adders));
    assert_int_equal(unknown, 0);
    assert_string_equal(hosts_get(&hosts, 0, "counter").value, text);
}

/* The members are closed and opened again, one after the other, while the clients of the others
 * go on: nobody of these is told of anything but success. */
static void a_rolling_restart_costs_no_request(void **state)
{
    (void)state;
    struct adder adders[ADDERS];
    for (size_t i = 0; i < ADDERS; i++) {
        adders[i] = (struct adder){.host = i % 3, .reads = true};
    }
    size_t failed = 0;
    for (size_t i = 0; i < 3; i++) {
        struct until_count until = {adders, acknowledged_of(adders) + 30};
        assert_true(hosts_until(&hosts, reached, &until));
        hosts_stop(&hosts, i);
        until.count = acknowledged_of(adders) + 30;
        assert_true(hosts_until(&hosts, reached, &until));
        hosts_start(&hosts, i);
        until.count = acknowledged_of(adders) + 30;
        assert_true(hosts_until(&hosts, reached, &until));
        for (size_t k = 0; k < ADDERS; k++) {
            failed += adders[k].host != i ? adders[k].failed : 0;
        }
        assert_int_equal(failed, 0);
        for (size_t k = 0; k < ADDERS; k++) {
            adders[k].failed = 0;
        }
        hosts_until_ready(&hosts, i, 3);
    }
    assert_true(hosts_until(&hosts, nobody_waits, adders));
}

#define BURST 1000

static bool burst_is_answered(void *arg)
{
    return ((const struct tally *)arg)->answered == BURST;
}

/* A leader is closed while hundreds of requests of others are on their way to it: whatever it does
 * not answer any more the next one does. */
static void who_asks_a_leader_that_leaves_is_served(void **state)
{
    (void)state;
    for (size_t round = 0; round < 3; round++) {
        size_t leader = 0;
        struct pgraft_figures figures = {.is_leader = false};
        while (!figures.is_leader) {
            leader = (leader + 1) % 3;
            hosts_until_ready(&hosts, leader, 3);
            pgraft_figures(hosts.at[leader].store, &figures);
        }
        struct tally tally = {0};
        struct pgraft_call call = {.timeout_ms = 100000, .done = on_tally, .ctx = &tally};
        for (size_t i = 0; i < BURST; i++) {
            struct pgraft *store = hosts.at[(leader + 1 + i % 2) % 3].store;
            assert_int_equal(
                pgraft_put(store, text_slice("k"), text_slice("v"), 0, &call, NULL, NULL), 0);
        }
        hosts_stop(&hosts, leader);
        while (!burst_is_answered(&tally)) {
            assert_true(hosts_until(&hosts, burst_is_answered, &tally));
        }
        assert_int_equal(tally.failed, 0);
        hosts_start(&hosts, leader);
    }
}

int main(void)
{
#define ONE(name) cmocka_unit_test_setup_teardown(name, open_one, close_all)
#define THREE(name) cmocka_unit_test_setup_teardown(name, open_three, close_all)
    const struct CMUnitTest tests[] = {
        ONE(a_transaction_is_one_change),
        ONE(what_makes_no_sense_is_refused_at_once),
        ONE(too_many_are_told_to_wait),
        THREE(thousands_are_on_their_way_together),
        THREE(a_thousand_deadlines_pass_together),
        THREE(a_request_is_cancelled),
        THREE(a_deadline_is_kept),
        THREE(every_thread_may_ask_and_any_dispatch),
        THREE(each_is_applied_once_whoever_leads),
        THREE(a_rolling_restart_costs_no_request),
        THREE(who_asks_a_leader_that_leaves_is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
