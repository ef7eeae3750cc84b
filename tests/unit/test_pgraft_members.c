/* tests/unit/test_pgraft_members.c - what members hold, tell each other and decide together: leases
 * and their page, soft state, the advisor, changes of the membership; and connections that break.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/lib/hosts.h"

static struct hosts hosts;

static int open_three(void **state)
{
    (void)state;
    hosts_open(&hosts, 3);
    return 0;
}

static void start_three(void)
{
    for (size_t i = 0; i < 3; i++) {
        hosts_start(&hosts, i);
    }
    for (size_t i = 0; i < 3; i++) {
        hosts_until_ready(&hosts, i, 3);
    }
}

static int close_all(void **state)
{
    (void)state;
    hosts_close(&hosts);
    return 0;
}

static uint64_t now_ms(void)
{
    return clock_boot_ms(clock_system());
}

/* ---- leases ---- */

static struct heard grant(size_t host, uint64_t ttl_ms)
{
    struct heard heard;
    struct pgraft_op op = {.kind = PGRAFT_OP_GRANT, .ttl_ms = ttl_ms, .is_protected = true};
    struct pgraft_txn txn = {.then_ops = &op, .then_count = 1};
    struct pgraft_call call = hosts_call(&heard, 20000);
    assert_int_equal(pgraft_txn(hosts.at[host].store, &txn, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.status, 0);
    return heard;
}

static int hold_for(size_t host, const struct heard *granted, uint32_t ms)
{
    struct pgraft_hold hold = {.lease = granted->lease,
                               .grant = granted->grant,
                               .epoch = granted->epoch,
                               .renew_for_ms = ms};
    return pgraft_lease_hold(hosts.at[host].store, &hold, NULL);
}

struct page_watch {
    size_t host;
    uint64_t epoch;
    uint64_t latest_ms; /* deadline that was seen */
};

static bool page_runs(void *arg)
{
    struct page_watch *w = arg;
    struct pgraft_lease_page page;
    pgraft_lease_page(hosts.at[w->host].store, &page);
    bool runs = page.epoch == w->epoch && page.deadline_ms != 0;
    if (runs && page.deadline_ms > w->latest_ms) {
        w->latest_ms = page.deadline_ms;
    }
    return runs;
}

static bool page_is_empty(void *arg)
{
    struct page_watch *w = arg;
    struct pgraft_lease_page page;
    (void)page_runs(w);
    pgraft_lease_page(hosts.at[w->host].store, &page);
    return page.deadline_ms == 0 && page.lease == 0;
}

struct gone {
    struct heard heard;
    uint64_t lease;
    bool asks;
};

static bool lease_is_gone(void *arg)
{
    struct gone *g = arg;
    if (g->asks && !g->heard.done) {
        return false;
    }
    if (g->asks && g->heard.status == PGRAFT_ERR_NOT_FOUND) {
        return true;
    }
    struct pgraft_call call = hosts_call(&g->heard, 20000);
    g->asks = true;
    assert_int_equal(pgraft_lease_show(hosts.at[1].store, g->lease, &call, NULL, NULL), 0);
    return false;
}

/* An owner that says once that it is there, and then no more: its time ends when it must. */
static void who_hangs_loses_its_lease(void **state)
{
    (void)state;
    start_three();
    struct heard granted = grant(0, 2000);
    assert_int_equal(hold_for(0, &granted, 1000), 0);
    uint64_t held_ms = now_ms();
    struct page_watch w = {.host = 0, .epoch = granted.epoch};
    assert_true(hosts_until(&hosts, page_runs, &w));
    assert_true(hosts_until(&hosts, page_is_empty, &w));
    assert_true(w.latest_ms <= held_ms + 1000 + 2000);
    struct gone gone = {.lease = granted.lease};
    assert_true(hosts_until(&hosts, lease_is_gone, &gone));
    assert_true(now_ms() >= w.latest_ms);
}

static void the_page_follows_the_newest_epoch(void **state)
{
    (void)state;
    start_three();
    struct heard first = grant(0, 60000);
    assert_int_equal(hold_for(0, &first, 60000), 0);
    struct page_watch w = {.host = 0, .epoch = first.epoch};
    assert_true(hosts_until(&hosts, page_runs, &w));
    struct heard second = grant(0, 60000);
    assert_true(second.epoch > first.epoch);
    assert_int_equal(hold_for(0, &second, 60000), 0);
    w.epoch = second.epoch;
    assert_true(hosts_until(&hosts, page_runs, &w));
    pgraft_lease_let_go(hosts.at[0].store, first.lease);
    assert_int_equal(hold_for(0, &first, 60000), 0); /* held later, it is no newer */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(hosts_get(&hosts, 0, "k").status, 0);
        assert_true(page_runs(&w));
    }
    /* Another process may map it, to read. */
    int fd = pgraft_lease_page_fd(hosts.at[0].store);
    struct pgraft_lease_page *page = mmap(NULL, sizeof(*page), PROT_READ, MAP_SHARED, fd, 0);
    assert_true(page != MAP_FAILED);
    assert_int_equal(page->epoch, second.epoch);
    assert_true(page->beat_ms != 0);
    (void)munmap(page, sizeof(*page));
    assert_true(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    assert_int_equal(ftruncate(fd, 0), -1);
    pgraft_lease_let_go(hosts.at[0].store, second.lease);
    w.epoch = first.epoch;
    assert_true(hosts_until(&hosts, page_runs, &w));
}

static bool is_warned_of(void *arg)
{
    return hosts.at[0].warnings[PGRAFT_EVENT_LEASE] == *(size_t *)arg;
}

static bool page_has_run_out(void *arg)
{
    struct pgraft_lease_page page;
    (void)arg;
    pgraft_lease_page(hosts.at[0].store, &page);
    return page.deadline_ms <= now_ms();
}

static bool page_goes_on(void *arg)
{
    struct pgraft_lease_page page;
    pgraft_lease_page(hosts.at[0].store, &page);
    return page.deadline_ms > *(uint64_t *)arg;
}

/* Nobody is left who could confirm it: the holder says so at half of its time, once a loss. */
static void a5_a_holder_that_is_not_confirmed_warns_at_half_of_its_time(void **state)
{
    (void)state;
    start_three();
    struct heard granted = grant(0, 3000);
    assert_int_equal(hold_for(0, &granted, 60000), 0);
    struct page_watch w = {.host = 0, .epoch = granted.epoch};
    assert_true(hosts_until(&hosts, page_runs, &w));
    size_t warnings = 0;
    while (warnings < 2) {
        assert_true(is_warned_of(&warnings));
        hosts_stop(&hosts, 1);
        hosts_stop(&hosts, 2);
        warnings++;
        assert_true(hosts_until(&hosts, is_warned_of, &warnings));
        struct pgraft_lease_page page;
        pgraft_lease_page(hosts.at[0].store, &page);
        assert_true(now_ms() - page.confirmed_ms >= (page.deadline_ms - page.confirmed_ms) / 2);
        assert_true(hosts_until(&hosts, page_has_run_out, NULL));
        hosts_start(&hosts, 1);
        hosts_start(&hosts, 2);
        assert_true(hosts_until(&hosts, page_goes_on, &page.deadline_ms));
    }
    assert_true(is_warned_of(&warnings));
}

static void a_lease_is_released_revoked_and_listed(void **state)
{
    (void)state;
    start_three();
    struct heard granted = grant(1, 60000);
    struct heard heard;
    struct pgraft_call call = hosts_call(&heard, 20000);
    assert_int_equal(pgraft_lease_list(hosts.at[2].store, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.lease, granted.lease);
    call = hosts_call(&heard, 20000);
    assert_int_equal(pgraft_lease_show(hosts.at[2].store, granted.lease, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.status, 0);
    assert_true(heard.left_ms > 0);
    for (size_t i = 1; i <= 2; i++) { /* it is protected: not even through its own node */
        call = hosts_call(&heard, 20000);
        assert_int_equal(pgraft_lease_keep(hosts.at[i].store, granted.lease, &call, NULL, NULL), 0);
        hosts_wait(&hosts, &heard);
        assert_int_equal(heard.status, PGRAFT_ERR_DENIED);
    }
    call = hosts_call(&heard, 20000);
    assert_int_equal(pgraft_lease_keep(hosts.at[1].store, 4711, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.status, PGRAFT_ERR_NOT_FOUND);
    const struct {
        uint64_t epoch, ttl_ms;
        int status;
    } changes[] = {{granted.epoch + 1, 90000, PGRAFT_ERR_CONFLICT},
                   {granted.epoch, 90000, 0},
                   {granted.epoch, 1, PGRAFT_ERR_INVALID}};
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        call = hosts_call(&heard, 20000);
        int code = pgraft_lease_change(hosts.at[1].store, granted.lease, changes[i].epoch,
                                       changes[i].ttl_ms, &call, NULL, NULL);
        if (code == 0) {
            hosts_wait(&hosts, &heard);
            code = heard.status;
        }
        assert_int_equal(code, changes[i].status);
    }
    call = hosts_call(&heard, 20000);
    assert_int_equal(
        pgraft_lease_release(hosts.at[1].store, granted.lease, granted.epoch, &call, NULL, NULL),
        0);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.status, 0);
    struct gone gone = {.lease = granted.lease};
    assert_true(hosts_until(&hosts, lease_is_gone, &gone));
}

/* ---- soft state ---- */

struct soft_view {
    size_t at;
    size_t members;
    const char *text; /* all are to say this */
    uint64_t age_ms;  /* one of them is at least so old */
};

static bool soft_is(void *arg)
{
    const struct soft_view *view = arg;
    size_t count = 0;
    bool old = view->age_ms == 0;
    char room[PGRAFT_SOFT_MAX];
    struct pgraft_soft soft = {.member = 0};
    while (pgraft_soft_next(hosts.at[view->at].store, soft.member, room, sizeof(room), &soft)) {
        bool same = soft.bytes.size == strlen(view->text) &&
                    memcmp(soft.bytes.bytes, view->text, soft.bytes.size) == 0;
        count += same ? 1 : 0;
        old = old || soft.age_ms >= view->age_ms;
    }
    return count == view->members && old;
}

static void what_is_published_is_seen_by_all_with_its_age(void **state)
{
    (void)state;
    start_three();
    static const char *const texts[] = {"first", "", "another"};
    for (size_t t = 0; t < 3; t++) {
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(pgraft_publish(hosts.at[i].store, text_slice(texts[t]), NULL), 0);
        }
        for (size_t i = 0; i < 3; i++) {
            struct soft_view view = {.at = i, .members = 3, .text = texts[t]};
            assert_true(hosts_until(&hosts, soft_is, &view));
        }
    }
    char room[3];
    struct pgraft_soft soft;
    assert_true(pgraft_soft_next(hosts.at[0].store, 0, room, sizeof(room), &soft));
    assert_int_equal(soft.bytes.size, 3); /* as much as there is room for */
    assert_memory_equal(room, "ano", 3);
    assert_false(pgraft_soft_next(hosts.at[0].store, UINT64_MAX, room, sizeof(room), &soft));
    hosts_stop(&hosts, 2);
    struct soft_view view = {.at = 0, .members = 3, .text = "another", .age_ms = 1500};
    assert_true(hosts_until(&hosts, soft_is, &view));
}

/* ---- the advisor ---- */

static atomic_uint advised;

/* When all members have said something: one key, with how many there are. */
static uint64_t advise(void *ctx, const struct pgraft_view *view,
                       struct pgraft_transaction *transaction)
{
    (void)ctx;
    size_t count = 0;
    struct pgraft_soft soft = {.member = 0};
    struct pgraft_pair pair;
    while (pgraft_view_soft_next(view, soft.member, &soft)) {
        count += soft.bytes.size > 0 ? 1 : 0;
    }
    if (count < 3 || pgraft_view_get(view, text_slice("advised"), &pair) ||
        pgraft_view_now_ms(view) == 0) {
        return 0;
    }
    struct pgraft_compare absent = {
        .key = text_slice("advised"), .target = PGRAFT_EXISTS, .relation = PGRAFT_EQUAL};
    struct pgraft_op put = {.kind = PGRAFT_OP_PUT,
                            .span = {.key = text_slice("advised")},
                            .value = text_slice("three")};
    struct pgraft_txn txn = {
        .compares = &absent, .compare_count = 1, .then_ops = &put, .then_count = 1};
    if (pgraft_advise_txn(transaction, &txn) == 0) {
        (void)atomic_fetch_add(&advised, 1);
    }
    return 0;
}

/* All three members, in the order of their ids: then the level goes up. */
static uint64_t advise_level(void *ctx, const struct pgraft_view *view,
                             struct pgraft_transaction *transaction)
{
    (void)ctx;
    size_t count = 0;
    uint64_t id = 0;
    uint64_t next = 0;
    while ((next = pgraft_view_member_next(view, id)) != 0) {
        count += next > id ? 1 : 0;
        id = next;
    }
    bool is_higher = pgraft_advise_level(transaction, PGRAFT_FEATURE_LEVEL + 1) == 0;
    bool is_due = count == 3 && pgraft_view_level(view) < PGRAFT_FEATURE_LEVEL && !is_higher;
    if (is_due && pgraft_advise_level(transaction, PGRAFT_FEATURE_LEVEL) == 0) {
        (void)atomic_fetch_add(&advised, 1);
    }
    return 0;
}

static void with_level(struct pgraft_settings *settings, size_t host)
{
    (void)host;
    settings->advise = advise_level;
}

static void with_advisor(struct pgraft_settings *settings, size_t host)
{
    (void)host;
    settings->advise = advise;
}

struct asked {
    struct heard heard;
    bool asks;
};

static bool key_is_there(void *arg)
{
    struct asked *a = arg;
    if (a->asks && !a->heard.done) {
        return false;
    }
    if (a->asks && a->heard.count == 1) {
        return true;
    }
    struct pgraft_call call = hosts_call(&a->heard, 20000);
    a->asks = true;
    assert_int_equal(pgraft_get(hosts.at[1].store, text_slice("advised"), &call, NULL, NULL), 0);
    return false;
}

static void the_leaders_advisor_commits_once(void **state)
{
    (void)state;
    hosts.settings = with_advisor;
    atomic_store(&advised, 0);
    start_three();
    assert_int_equal(hosts_get(&hosts, 0, "advised").count, 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pgraft_publish(hosts.at[i].store, text_slice("here"), NULL), 0);
    }
    struct asked asked = {.asks = false};
    assert_true(hosts_until(&hosts, key_is_there, &asked));
    assert_string_equal(asked.heard.value, "three");
    assert_true(atomic_load(&advised) >= 1);
    uint64_t revision = asked.heard.revision;
    assert_int_equal(hosts_put(&hosts, 2, "other", "x").revision, revision + 1);
}

static bool level_is_up(void *arg)
{
    const size_t *host = arg;
    return hosts_status(&hosts, *host, false).level == PGRAFT_FEATURE_LEVEL;
}

/* Safety A8. */
static void a8_the_leaders_advisor_raises_the_level_everywhere(void **state)
{
    (void)state;
    hosts.settings = with_level;
    atomic_store(&advised, 0);
    start_three();
    for (size_t i = 0; i < 3; i++) {
        assert_true(hosts_until(&hosts, level_is_up, &i));
    }
    assert_int_equal(atomic_load(&advised), 1);
    hosts_stop(&hosts, 2);
    hosts_start(&hosts, 2);
    size_t last = 2;
    assert_true(hosts_until(&hosts, level_is_up, &last));
}

/* ---- members ---- */

static struct heard change(size_t host, enum pgraft_change_kind kind, const char *name)
{
    struct heard heard;
    struct pgraft_call call = hosts_call(&heard, 25000);
    assert_int_equal(pgraft_member_change(hosts.at[host].store, kind, name, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    return heard;
}

struct phase_goal {
    struct heard heard;
    bool asks;
    size_t host;
    enum pgraft_phase phase;
};

static bool phase_is(void *arg)
{
    struct phase_goal *g = arg;
    if (g->asks && !g->heard.done) {
        return false;
    }
    if (g->asks && g->heard.phase == g->phase) {
        return true;
    }
    struct pgraft_call call = hosts_call(&g->heard, 20000);
    g->asks = true;
    assert_int_equal(pgraft_status(hosts.at[g->host].store, false, &call, NULL, NULL), 0);
    return false;
}

static void members_lose_and_get_votes_and_leave(void **state)
{
    (void)state;
    start_three();
    assert_int_equal(change(0, PGRAFT_MEMBER_REMOVE, "nobody").status, PGRAFT_ERR_NOT_FOUND);
    assert_int_equal(change(1, PGRAFT_MEMBER_REPLACE, "n3").status, PGRAFT_ERR_NOT_FOUND);
    struct heard s = hosts_status(&hosts, 0, false);
    size_t leader = s.leader_name[1] == '1' ? 0 : s.leader_name[1] == '2' ? 1 : 2;
    size_t other = (leader + 1) % 3;
    size_t asked = (leader + 2) % 3;
    assert_int_equal(change(asked, PGRAFT_MEMBER_REMOVE, hosts.at[other].name).status, 0);
    struct phase_goal goal = {.host = other, .phase = PGRAFT_REMOVED};
    assert_true(hosts_until(&hosts, phase_is, &goal));
    assert_true(goal.heard.text[0] != '\0');
    s = hosts_status(&hosts, leader, false);
    assert_int_equal(s.members, 2);
    struct heard last = change(leader, PGRAFT_MEMBER_REMOVE, hosts.at[asked].name);
    assert_int_equal(last.status, PGRAFT_ERR_REFUSED); /* it would leave one voter */
    assert_true(last.message[0] != '\0');
    assert_int_equal(hosts_put(&hosts, asked, "still", "there").status, 0);
}

static void health_is_asked_of_each(void **state)
{
    (void)state;
    start_three();
    struct heard heard;
    struct pgraft_call call = hosts_call(&heard, 20000);
    assert_int_equal(pgraft_health(hosts.at[0].store, 0, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.status, 0);
    struct heard s = hosts_status(&hosts, 0, false);
    call = hosts_call(&heard, 20000);
    assert_int_equal(pgraft_health(hosts.at[1].store, s.leader, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.status, 0);
    call = hosts_call(&heard, 20000);
    assert_int_equal(pgraft_health(hosts.at[1].store, 12345, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.status, PGRAFT_ERR_NOT_FOUND);
    call = hosts_call(&heard, 20000);
    assert_int_equal(pgraft_transfer(hosts.at[1].store, 12345, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_true(heard.status != 0);
}

/* ---- connections ---- */

struct tally {
    size_t answered;
    size_t stored;
    size_t added; /* compares that held */
};

static void on_tally(void *ctx, const struct pgraft_result *result)
{
    struct tally *t = ctx;
    t->answered++;
    t->stored += result->status == 0 ? 1 : 0;
    t->added += result->status == 0 && result->succeeded ? 1 : 0;
}

#define PUTS 200

static bool all_are_answered(void *arg)
{
    return ((const struct tally *)arg)->answered == PUTS;
}

/* Each key is made once: of what is sent again nothing is applied again, and nothing is lost. */
static void broken_connections_cost_no_request(void **state)
{
    (void)state;
    start_three();
    struct tally tally = {0};
    struct pgraft_call call = {.timeout_ms = 100000, .done = on_tally, .ctx = &tally};
    for (size_t i = 0; i < PUTS; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%zu", i);
        struct pgraft_compare absent = {
            .key = text_slice(key), .target = PGRAFT_EXISTS, .relation = PGRAFT_EQUAL};
        struct pgraft_op put = {
            .kind = PGRAFT_OP_PUT, .span = {.key = text_slice(key)}, .value = text_slice("v")};
        struct pgraft_txn txn = {
            .compares = &absent, .compare_count = 1, .then_ops = &put, .then_count = 1};
        assert_int_equal(pgraft_txn(hosts.at[i % 3].store, &txn, &call, NULL, NULL), 0);
        if (i % 40 == 20) {
            hosts_break_connections();
        }
        for (size_t host = 0; host < 3; host++) {
            (void)pgraft_dispatch(hosts.at[host].store);
        }
    }
    while (!all_are_answered(&tally)) {
        assert_true(hosts_until(&hosts, all_are_answered, &tally));
    }
    assert_int_equal(tally.stored, PUTS);
    assert_int_equal(tally.added, PUTS);
}

int main(void)
{
#define THREE(name) cmocka_unit_test_setup_teardown(name, open_three, close_all)
    const struct CMUnitTest tests[] = {
        THREE(who_hangs_loses_its_lease),
        THREE(the_page_follows_the_newest_epoch),
        THREE(a5_a_holder_that_is_not_confirmed_warns_at_half_of_its_time),
        THREE(a_lease_is_released_revoked_and_listed),
        THREE(what_is_published_is_seen_by_all_with_its_age),
        THREE(the_leaders_advisor_commits_once),
        THREE(a8_the_leaders_advisor_raises_the_level_everywhere),
        THREE(members_lose_and_get_votes_and_leave),
        THREE(health_is_asked_of_each),
        THREE(broken_connections_cost_no_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
