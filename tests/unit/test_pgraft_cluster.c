/* tests/unit/test_pgraft_cluster.c - the library as its users see it: nodes that find each other,
 * store, read, watch, hold leases, and survive the loss of one. Real threads, sockets and disks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/lib/hosts.h"

static struct hosts hosts;

static int open_one(void **state)
{
    (void)state;
    hosts_open(&hosts, 1);
    hosts_start(&hosts, 0);
    hosts_until_ready(&hosts, 0, 1);
    return 0;
}

static int open_three(void **state)
{
    (void)state;
    hosts_open(&hosts, 3);
    for (size_t i = 0; i < 3; i++) {
        hosts_start(&hosts, i);
    }
    for (size_t i = 0; i < 3; i++) {
        hosts_until_ready(&hosts, i, 3);
    }
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    hosts_close(&hosts);
    return 0;
}

static void one_node_stores_and_remembers(void **state)
{
    (void)state;
    struct heard put = hosts_put(&hosts, 0, "a", "1");
    assert_int_equal(put.status, 0);
    assert_string_equal(hosts_get(&hosts, 0, "a").value, "1");
    hosts_stop(&hosts, 0);
    hosts_start(&hosts, 0);
    assert_string_equal(hosts_get(&hosts, 0, "a").value, "1");
    assert_int_equal(hosts_get(&hosts, 0, "b").count, 0);
}

static void every_node_takes_every_request(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char key[8];
        (void)snprintf(key, sizeof(key), "k%zu", i);
        struct heard put = hosts_put(&hosts, i, key, "v");
        assert_int_equal(put.status, 0);
        for (size_t j = 0; j < 3; j++) {
            assert_string_equal(hosts_get(&hosts, j, key).value, "v");
        }
    }
}

static void all_members_say_how_they_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct heard all = hosts_status(&hosts, i, true);
        assert_int_equal(all.status, 0);
        assert_int_equal(all.members, 3);
        assert_int_equal(all.answered, 3);
        assert_int_equal(all.voters, 3);
        assert_int_equal(all.can_lose, 1);
        assert_true(all.leader != 0);
    }
}

/* A majority is one that answers now: neither what an election left behind, nor a guess. */
static void a_leader_knows_its_majority_for_long(void **state)
{
    (void)state;
    struct timespec pause = {.tv_sec = 2, .tv_nsec = 500 * (long)NS_PER_MS};
    (void)nanosleep(&pause, NULL); /* more than the patience of the status */
    for (size_t i = 0; i < 3; i++) {
        struct heard s = hosts_status(&hosts, i, false);
        assert_true(s.has_quorum);
        assert_int_equal(s.can_lose, 1);
    }
}

static size_t leader_of(void)
{
    for (;;) {
        struct heard s = hosts_status(&hosts, hosts.at[0].store != NULL ? 0 : 1, false);
        for (size_t i = 0; i < hosts.count; i++) {
            if (strcmp(hosts.at[i].name, s.leader_name) == 0) {
                return i;
            }
        }
    }
}

static void a_lost_leader_costs_no_write(void **state)
{
    (void)state;
    assert_int_equal(hosts_put(&hosts, 0, "before", "1").status, 0);
    size_t leader = leader_of();
    size_t other = (leader + 1) % 3;
    hosts_stop(&hosts, leader);
    assert_int_equal(hosts_put(&hosts, other, "after", "2").status, 0);
    assert_string_equal(hosts_get(&hosts, other, "before").value, "1");
    hosts_start(&hosts, leader);
    assert_string_equal(hosts_get(&hosts, leader, "after").value, "2");
}

static void without_a_majority_there_is_an_answer(void **state)
{
    (void)state;
    hosts_stop(&hosts, 1);
    hosts_stop(&hosts, 2);
    struct heard heard;
    struct pgraft_call call = hosts_call(&heard, 3000);
    assert_int_equal(
        pgraft_put(hosts.at[0].store, text_slice("x"), text_slice("y"), 0, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_true(heard.status == PGRAFT_ERR_NO_QUORUM || heard.status == PGRAFT_ERR_TIMEOUT);
    struct heard status = hosts_status(&hosts, 0, true);
    assert_int_equal(status.can_lose, -1);
    assert_int_equal(status.answered, 1);
    hosts_start(&hosts, 1);
    assert_int_equal(hosts_put(&hosts, 0, "x", "z").status, 0);
}

static void leadership_is_handed_over(void **state)
{
    (void)state;
    size_t leader = leader_of();
    struct heard heard;
    struct pgraft_call call = hosts_call(&heard, 8000);
    assert_int_equal(pgraft_transfer(hosts.at[(leader + 1) % 3].store, 0, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_string_equal(heard.message, "");
    assert_int_not_equal(leader_of(), leader);
}

/* ---- watches ---- */

struct seen {
    size_t count;
    uint64_t revision;
    char last[64];
    int status;
};

static void on_changes(void *ctx, const struct pgraft_changes *changes)
{
    struct seen *seen = ctx;
    seen->status = changes->status;
    for (size_t i = 0; i < changes->count; i++) {
        assert_true(changes->changes[i].revision > seen->revision);
        seen->revision = changes->changes[i].revision;
        seen->count++;
        const struct pgraft_pair *pair = &changes->changes[i].pair;
        (void)snprintf(seen->last, sizeof(seen->last), "%.*s", (int)pair->value.size,
                       (const char *)pair->value.bytes);
    }
}

static bool saw_fifty(void *arg)
{
    return ((const struct seen *)arg)->count >= 50;
}

static void a_watch_on_any_node_sees_every_change(void **state)
{
    (void)state;
    struct seen seen[3] = {{0}};
    uint64_t ids[3];
    for (size_t i = 0; i < 3; i++) {
        struct pgraft_watch watch = {.span = {.kind = PGRAFT_PREFIX, .key = text_slice("w/")},
                                     .from_revision = 1,
                                     .changed = on_changes,
                                     .ctx = &seen[i]};
        assert_int_equal(pgraft_watch(hosts.at[i].store, &watch, &ids[i], NULL), 0);
    }
    for (size_t i = 0; i < 50; i++) {
        char value[16];
        (void)snprintf(value, sizeof(value), "%zu", i);
        assert_int_equal(hosts_put(&hosts, i % 3, "w/key", value).status, 0);
        assert_int_equal(hosts_put(&hosts, i % 3, "other", value).status, 0);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_true(hosts_until(&hosts, saw_fifty, &seen[i]));
        assert_int_equal(seen[i].count, 50);
        assert_string_equal(seen[i].last, "49");
        pgraft_unwatch(hosts.at[i].store, ids[i]);
    }
}

/* ---- leases ---- */

static void a_lease_lives_as_long_as_it_is_held(void **state)
{
    (void)state;
    struct heard heard;
    struct pgraft_op grant = {.kind = PGRAFT_OP_GRANT, .ttl_ms = 3000};
    struct pgraft_txn txn = {.then_ops = &grant, .then_count = 1};
    struct pgraft_call call = hosts_call(&heard, 5000);
    assert_int_equal(pgraft_txn(hosts.at[1].store, &txn, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.status, 0);
    uint64_t lease = heard.lease;
    assert_true(lease != 0);
    call = hosts_call(&heard, 5000);
    assert_int_equal(pgraft_put(hosts.at[1].store, text_slice("held"), text_slice("1"), lease,
                                &call, NULL, NULL),
                     0);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.status, 0);
    for (int i = 0; i < 8; i++) {
        call = hosts_call(&heard, 5000);
        assert_int_equal(pgraft_lease_keep(hosts.at[2].store, lease, &call, NULL, NULL), 0);
        hosts_wait(&hosts, &heard);
        assert_int_equal(heard.status, 0);
    }
    call = hosts_call(&heard, 5000);
    assert_int_equal(pgraft_lease_show(hosts.at[0].store, lease, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.status, 0);
    assert_int_equal(heard.lease, lease);
    struct heard got = hosts_get(&hosts, 0, "held");
    assert_int_equal(got.count, 1);
    while (got.count == 1) { /* nobody holds it any more */
        got = hosts_get(&hosts, 0, "held");
    }
}

static bool page_runs(void *arg)
{
    struct pgraft_lease_page page;
    pgraft_lease_page(arg, &page);
    return page.deadline_ms != 0;
}

static void the_page_tells_the_deadline_of_a_protected_lease(void **state)
{
    (void)state;
    struct heard heard;
    struct pgraft_op grant = {.kind = PGRAFT_OP_GRANT, .ttl_ms = 2000, .is_protected = true};
    struct pgraft_txn txn = {.then_ops = &grant, .then_count = 1};
    struct pgraft_call call = hosts_call(&heard, 5000);
    assert_int_equal(pgraft_txn(hosts.at[2].store, &txn, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    assert_int_equal(heard.status, 0);
    assert_int_equal(heard.epoch, 1);
    struct pgraft_hold hold = {
        .lease = heard.lease, .grant = heard.grant, .epoch = heard.epoch, .renew_for_ms = 20000};
    assert_int_equal(pgraft_lease_hold(hosts.at[2].store, &hold, NULL), 0);
    assert_true(hosts_until(&hosts, page_runs, hosts.at[2].store));
    struct pgraft_lease_page page;
    pgraft_lease_page(hosts.at[2].store, &page);
    assert_int_equal(page.epoch, 1);
    assert_int_equal(page.lease, heard.lease);
}

/* Each is alone by its list; the second has a database whose note names the first. */
static void alone_with_a_note(struct pgraft_settings *settings, size_t host)
{
    static char own[2][64];
    (void)snprintf(own[host], sizeof(own[host]), "%s=%s", settings->name, settings->listen);
    settings->peers = own[host];
    if (host == 1) {
        settings->data = PGRAFT_DATA_NOTED;
        settings->data_peers = own[0];
    }
}

/* Safety D2: whoever lost its store, and not its database, comes back by what that remembers. */
static void a_host_comes_back_by_the_note_in_its_data(void **state)
{
    (void)state;
    hosts_open(&hosts, 2);
    hosts.settings = alone_with_a_note;
    hosts_start(&hosts, 0);
    hosts_until_ready(&hosts, 0, 1);
    assert_int_equal(hosts_put(&hosts, 0, "a", "1").status, 0);
    hosts_start(&hosts, 1);
    hosts_until_ready(&hosts, 1, 2);
    assert_string_equal(hosts_get(&hosts, 1, "a").value, "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_node_stores_and_remembers, open_one, close_all),
        cmocka_unit_test_setup_teardown(every_node_takes_every_request, open_three, close_all),
        cmocka_unit_test_setup_teardown(all_members_say_how_they_are, open_three, close_all),
        cmocka_unit_test_setup_teardown(a_leader_knows_its_majority_for_long, open_three,
                                        close_all),
        cmocka_unit_test_setup_teardown(a_lost_leader_costs_no_write, open_three, close_all),
        cmocka_unit_test_setup_teardown(without_a_majority_there_is_an_answer, open_three,
                                        close_all),
        cmocka_unit_test_setup_teardown(leadership_is_handed_over, open_three, close_all),
        cmocka_unit_test_setup_teardown(a_watch_on_any_node_sees_every_change, open_three,
                                        close_all),
        cmocka_unit_test_setup_teardown(a_lease_lives_as_long_as_it_is_held, open_three, close_all),
        cmocka_unit_test_setup_teardown(the_page_tells_the_deadline_of_a_protected_lease,
                                        open_three, close_all),
        cmocka_unit_test_teardown(a_host_comes_back_by_the_note_in_its_data, close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
