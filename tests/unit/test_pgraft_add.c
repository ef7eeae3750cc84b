/* tests/unit/test_pgraft_add.c - nodes that an operator adds, and members that are removed more
 * than once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/hosts.h"

static struct hosts hosts;
static char lists[HOSTS_MAX][256];

/* Each of its own list, where one is given. */
static void own_list(struct pgraft_settings *settings, size_t host)
{
    settings->peers = lists[host][0] != '\0' ? lists[host] : settings->peers;
    settings->kind = host == 3 ? PGRAFT_WITNESS : PGRAFT_DATABASE;
}

static int open_four(void **state)
{
    (void)state;
    memset(lists, 0, sizeof(lists));
    hosts_open(&hosts, 4);
    hosts.settings = own_list;
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    hosts_close(&hosts);
    return 0;
}

/* Lists itself, and somebody who is nowhere: it waits for ever. */
static void start_lost(size_t host)
{
    (void)snprintf(lists[host], sizeof(lists[host]), "%s=%s,n9=127.99.99.99:7400",
                   hosts.at[host].name, hosts.at[host].address);
    hosts_start(&hosts, host);
}

static void start_alone(size_t host)
{
    (void)snprintf(lists[host], sizeof(lists[host]), "%s=%s", hosts.at[host].name,
                   hosts.at[host].address);
    hosts_start(&hosts, host);
    hosts_until_ready(&hosts, host, 1);
}

static struct heard add(size_t asked, const char *name, const char *address, enum pgraft_kind kind,
                        uint32_t timeout_ms)
{
    struct heard heard;
    struct pgraft_newcomer newcomer = {.name = name, .address = address, .kind = kind};
    struct pgraft_call call = hosts_call(&heard, timeout_ms);
    assert_int_equal(pgraft_member_add(hosts.at[asked].store, &newcomer, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    return heard;
}

static void a_node_that_finds_nobody_is_called(void **state)
{
    (void)state;
    const struct host *n2 = &hosts.at[1];
    const struct host *n3 = &hosts.at[2];
    start_alone(0);
    start_lost(1);
    start_lost(2);
    struct heard s = hosts_status(&hosts, 1, false);
    assert_int_equal(s.phase, PGRAFT_FORMING);
    struct heard told = add(0, "n2", n2->address, PGRAFT_DATABASE, 20000);
    assert_string_equal(told.message, "");
    assert_int_equal(told.status, 0);
    hosts_until_ready(&hosts, 1, 2);
    assert_int_equal(hosts_status(&hosts, 0, false).voters, 2);
    assert_int_equal(add(0, "n2", n2->address, 0, 20000).status, 0); /* as it is */
    /* By way of a member that does not lead. */
    s = hosts_status(&hosts, 0, false);
    size_t follower = s.leader_name[1] == '1' ? 1 : 0;
    told = add(follower, "n3", n3->address, 0, 20000);
    assert_string_equal(told.message, "");
    assert_int_equal(told.status, 0);
    hosts_until_ready(&hosts, 2, 3);
    assert_int_equal(hosts_put(&hosts, 2, "k", "v").status, 0);
    /* Its name is its own. */
    told = add(0, "n3", "127.99.99.99:7400", 0, 20000);
    assert_int_equal(told.status, PGRAFT_ERR_EXISTS);
    assert_non_null(strstr(told.message, n3->address));
}

static void a_witness_is_none_that_votes_with_data(void **state)
{
    (void)state;
    const struct host *n4 = &hosts.at[3];
    start_alone(0);
    start_lost(3);
    struct heard told = add(0, "n4", n4->address, PGRAFT_DATABASE, 20000);
    assert_int_equal(told.status, PGRAFT_ERR_REFUSED);
    assert_non_null(strstr(told.message, "runs as a witness"));
    assert_int_equal(hosts_status(&hosts, 0, false).members, 1);
    told = add(0, "n4", n4->address, PGRAFT_WITNESS, 20000);
    assert_int_equal(told.status, 0);
    hosts_until_ready(&hosts, 3, 2);
}

static void who_is_not_there_is_not_added(void **state)
{
    (void)state;
    start_alone(0);
    struct heard told = add(0, "n2", hosts.at[1].address, 0, 1500);
    assert_int_equal(told.status, PGRAFT_ERR_REFUSED);
    assert_non_null(strstr(told.message, hosts.at[1].address));
    assert_non_null(strstr(told.message, "raft.peers"));
    start_lost(1);
    told = add(0, "n5", hosts.at[1].address, 0, 3000);
    assert_int_equal(told.status, PGRAFT_ERR_REFUSED);
    assert_non_null(strstr(told.message, "is called n2"));
    start_alone(2); /* another cluster */
    told = add(0, "n3", hosts.at[2].address, 0, 3000);
    assert_int_equal(told.status, PGRAFT_ERR_REFUSED);
    assert_non_null(strstr(told.message, "belongs to cluster"));
    assert_int_equal(hosts_status(&hosts, 0, false).members, 1);
    struct heard heard;
    struct pgraft_newcomer nonsense = {.name = "n2", .address = "nowhere"};
    struct pgraft_call call = hosts_call(&heard, 1000);
    assert_int_equal(pgraft_member_add(hosts.at[0].store, &nonsense, &call, NULL, NULL),
                     PGRAFT_ERR_INVALID);
}

/* ---- removing ---- */

static struct heard remove_id(size_t asked, uint64_t id)
{
    struct heard heard;
    struct pgraft_call call = hosts_call(&heard, 25000);
    assert_int_equal(pgraft_member_remove(hosts.at[asked].store, id, &call, NULL, NULL), 0);
    hosts_wait(&hosts, &heard);
    return heard;
}

static size_t start_all(void)
{
    for (size_t i = 0; i < hosts.count; i++) {
        hosts_start(&hosts, i);
    }
    for (size_t i = 0; i < hosts.count; i++) {
        hosts_until_ready(&hosts, i, hosts.count);
    }
    return (size_t)(hosts_status(&hosts, 0, false).leader_name[1] - '1');
}

static void an_id_is_removed_as_often_as_it_is_asked(void **state)
{
    (void)state;
    size_t leader = start_all();
    size_t asked = (leader + 1) % 4;
    struct heard s = hosts_status(&hosts, (leader + 2) % 4, false);
    assert_int_equal(remove_id(asked, s.self).status, 0);
    assert_int_equal(remove_id(asked, s.self).status, 0);
    assert_int_equal(remove_id(leader, s.self).status, 0);
    assert_int_equal(remove_id(asked, 12345).status, PGRAFT_ERR_NOT_FOUND);
    hosts_until_ready(&hosts, asked, 3);
    assert_int_equal(
        pgraft_member_remove(hosts.at[0].store, 0, &(struct pgraft_call){0}, NULL, NULL),
        PGRAFT_ERR_INVALID);
}

struct strike {
    struct heard heard;
    size_t blows;
};

static bool is_answered(void *arg)
{
    struct strike *s = arg;
    if (!s->heard.done && s->blows < 12) {
        s->blows++;
        hosts_break_connections();
    }
    return s->heard.done;
}

/* The leader has done it, and its answer is lost: the node asks again, and it is done. */
static void a_removal_whose_answer_is_lost_is_done_once(void **state)
{
    (void)state;
    size_t leader = start_all();
    size_t asked = (leader + 1) % 4;
    struct strike strike = {.blows = 0};
    struct pgraft_call call = hosts_call(&strike.heard, 25000);
    const char *victim = hosts.at[(leader + 2) % 4].name;
    assert_int_equal(pgraft_member_change(hosts.at[asked].store, PGRAFT_MEMBER_REMOVE, victim,
                                          &call, NULL, NULL),
                     0);
    assert_true(hosts_until(&hosts, is_answered, &strike));
    assert_string_equal(strike.heard.message, "");
    assert_int_equal(strike.heard.status, 0);
    hosts_until_ready(&hosts, asked, 3); /* it hears of it as a follower, perhaps later */
}

int main(void)
{
#define FOUR(name) cmocka_unit_test_setup_teardown(name, open_four, close_all)
    const struct CMUnitTest tests[] = {
        FOUR(a_node_that_finds_nobody_is_called),
        FOUR(a_witness_is_none_that_votes_with_data),
        FOUR(who_is_not_there_is_not_added),
        FOUR(an_id_is_removed_as_often_as_it_is_asked),
        FOUR(a_removal_whose_answer_is_lost_is_done_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
