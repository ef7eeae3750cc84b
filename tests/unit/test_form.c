/* tests/unit/test_form.c - blank nodes become one cluster, or say for whom they wait.
 *
 * Directed scenarios on the nodes of lib/form_net.h, which checks after every step that there are
 * never two clusters nor two entries 1. test_form_kill.c does the same to every step of it. An
 * argument is a pattern: '*list*'. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "consensus/form_record.h"
#include "tests/lib/form_net.h"

static void start(struct net *net)
{
    for (size_t i = 0; i < net->count; i++) {
        net_start(net, i);
    }
}

static void end(struct net *net)
{
    assert_string_equal(net->broken, "");
    net_close(net);
}

static void expect_state(const struct net *net, size_t node, enum form_state state)
{
    assert_non_null(net->nodes[node].form);
    assert_string_equal(form_state_name(form_state(net->nodes[node].form)), form_state_name(state));
}

static void expect_said(const struct net *net, size_t node, const char *part)
{
    CLEANUP(buf_close) struct buf said = {0};
    form_say(net->nodes[node].form, &said);
    if (strstr(buf_text(&said), part) == NULL) {
        fail_msg("pg%zu says \"%s\", nothing of \"%s\"", node + 1, buf_text(&said), part);
    }
}

static void expect_waits(const struct net *net, size_t node, const char *name)
{
    const char *names[FORM_LIST_MAX];
    assert_int_equal(form_waits_for(net->nodes[node].form, names), 1);
    assert_string_equal(names[0], name);
}

static void run_to_promise(struct net *net)
{
    net_open(net, 3, NULL);
    start(net);
    while (net->nodes[2].form == NULL || form_state(net->nodes[2].form) != FORM_BOUND) {
        net_step(net);
        assert_true(net->now_ms < 10000);
    }
}

static void lose_all(struct net *net)
{
    while (net->letters_count > 0) {
        net_letter_lose(net, 0);
    }
}

/* --- all is well --- */

static void everybody_forms(void **state)
{
    (void)state;
    for (size_t count = 1; count <= NET_NODES; count++) {
        struct net net;
        net_open(&net, count, NULL);
        start(&net);
        assert_true(net_run_formed(&net, 3000));
        assert_int_equal(net.clusters, 1);
        assert_int_equal(net.nodes[0].members.count, count);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(net.nodes[0].members.at[i].role, MEMBER_VOTER);
            assert_int_equal(net.nodes[0].members.at[i].id, net.nodes[i].id);
        }
        assert_int_equal(net.batches, count == 1 ? 3 : 3 * count); /* id, promise, cluster */
        end(&net);
    }
}

static void a_member_starts_as_one(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, 3, NULL);
    start(&net);
    assert_true(net_run_formed(&net, 3000));
    net_crash(&net, 1, true, false, 0);
    assert_true(net.nodes[1].member);
    struct store_image image;
    store_double_load(net.nodes[1].disk, &image);
    struct form_settings s = form_settings_default();
    memcpy(s.name, "pg2", 4);
    s.node_id = 5;
    assert_int_equal(form_list_parse("pg2=h2:1", &s.list, NULL), 0);
    struct form *f = NULL;
    assert_int_equal(form_create(&s, 0, &image, &f, NULL), 0);
    assert_int_equal(form_state(f), FORM_FORMED);
    assert_int_equal(form_node_id(f), net.nodes[1].id);
    form_tick(f, 1000);
    assert_null(form_next_batch(f));
    form_destroy(f);
    store_image_close(&image);
    end(&net);
}

static void a_witness_is_written_down_as_one(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, 3, NULL);
    net.nodes[2].kind = MEMBER_WITNESS;
    start(&net);
    assert_true(net_run_formed(&net, 3000));
    struct member_info info;
    assert_int_equal(member_info_decode(net.nodes[0].members.at[2].info, &info, NULL), 0);
    assert_int_equal(info.kind, MEMBER_WITNESS);
    assert_string_equal(info.name, "pg3");
    assert_string_equal(info.address, "h3:1");
    end(&net);
}

/* --- somebody is missing --- */

static void it_waits_for_who_is_missing(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, 3, NULL);
    net_start(&net, 0);
    net_start(&net, 1);
    net_run(&net, 20000);
    expect_state(&net, 0, FORM_WAITING);
    expect_waits(&net, 0, "pg3");
    expect_said(&net, 0, "pg3 (h3:1) was not heard yet");
    expect_waits(&net, 1, "pg3");
    assert_int_equal(net.batches, 2); /* the two ids */
    net_start(&net, 2);
    assert_true(net_run_formed(&net, 3000));
    end(&net);
}

static void one_that_was_heard_once_is_not_there(void **state)
{
    (void)state;
    struct net net;
    struct err err;
    net_open(&net, 3, NULL);
    net_start(&net, 0);
    net_start(&net, 2);
    net_run(&net, 2000);
    net.nodes[2].cut = true;
    net_run(&net, 5000);
    net_start(&net, 1);
    net_run(&net, 5000);
    expect_waits(&net, 0, "pg3");
    expect_said(&net, 0, "pg3 (h3:1) was last heard");
    const char *pg2[] = {"pg2"};
    assert_int_equal(form_without(net.nodes[0].form, net.now_ms, pg2, 1, &err), ERR_REFUSED);
    assert_non_null(strstr(err.msg, "pg2 is there"));
    net.nodes[2].cut = false;
    assert_true(net_run_formed(&net, 3000));
    end(&net);
}

static void without_one_that_never_comes(void **state)
{
    (void)state;
    struct net net;
    const char *pg3[] = {"pg3"};
    struct err err;
    net_open(&net, 3, NULL);
    net_start(&net, 0);
    net_start(&net, 1);
    net_run(&net, 3000);
    assert_int_equal(form_without(net.nodes[1].form, net.now_ms, pg3, 1, &err), ERR_REFUSED);
    assert_non_null(strstr(err.msg, "pg1 is the first"));
    assert_int_equal(form_without(net.nodes[0].form, net.now_ms, pg3, 1, NULL), 0);
    net_after(&net, 0);
    net_run(&net, 3000);
    assert_true(net.nodes[0].member);
    assert_true(net.nodes[1].member);
    assert_int_equal(net.nodes[0].members.count, 2);
    /* It comes after all: it is to join, and the members do not list it. */
    net_start(&net, 2);
    net_run(&net, 3000);
    expect_state(&net, 2, FORM_JOIN);
    struct form_found found;
    assert_true(form_found(net.nodes[2].form, &found));
    assert_memory_equal(found.cluster_id, net.nodes[0].me.cluster_id, CLUSTER_ID_SIZE);
    end(&net);
}

/* The proposer's being a member of another cluster is its word that the first will never be. */
static void left_out_after_its_promise(void **state)
{
    (void)state;
    struct net net;
    const char *pg3[] = {"pg3"};
    run_to_promise(&net);
    net.nodes[2].cut = true;
    net.nodes[1].cut = true;
    lose_all(&net);
    net_run(&net, 5000);
    assert_int_equal(form_without(net.nodes[0].form, net.now_ms, pg3, 1, NULL), 0);
    net_after(&net, 0);
    net.nodes[1].cut = false;
    net_run(&net, 3000);
    assert_true(net.nodes[0].member);
    assert_true(net.nodes[1].member);
    assert_int_equal(net.nodes[0].members.count, 2);
    expect_state(&net, 2, FORM_BOUND);
    net.nodes[2].cut = false;
    net_run(&net, 3000);
    expect_state(&net, 2, FORM_JOIN);
    assert_false(net.nodes[2].durable.promised);
    end(&net);
}

static void without_the_first(void **state)
{
    (void)state;
    struct net net;
    const char *pg1[] = {"pg1"};
    net_open(&net, 3, NULL);
    net_start(&net, 1);
    net_start(&net, 2);
    net_run(&net, 3000);
    expect_waits(&net, 1, "pg1");
    assert_int_equal(form_without(net.nodes[1].form, net.now_ms, pg1, 1, NULL), 0);
    net_after(&net, 1);
    net_run(&net, 3000);
    assert_true(net.nodes[1].member);
    assert_true(net.nodes[2].member);
    net_start(&net, 0);
    net_run(&net, 3000);
    expect_state(&net, 0, FORM_JOIN);
    end(&net);
}

static void without_is_refused_where_two_could_do_it(void **state)
{
    (void)state;
    struct net net;
    const char *two[] = {"pg3", "pg4"};
    const char *us[] = {"pg1"};
    const char *twice[] = {"pg4", "pg4"};
    struct err err;
    net_open(&net, 4, NULL);
    net_start(&net, 0);
    struct form *f = net.nodes[0].form;
    assert_int_equal(form_without(f, net.now_ms, two, 2, &err), ERR_REFUSED);
    assert_non_null(strstr(err.msg, "2 of 4 would be left"));
    assert_int_equal(form_without(f, net.now_ms, us, 1, &err), ERR_NOT_FOUND);
    assert_int_equal(form_without(f, net.now_ms, twice, 2, &err), ERR_INVALID);
    net_run(&net, 1000);
    assert_int_equal(net.batches, 1);
    end(&net);
}

static void without_can_be_taken_back(void **state)
{
    (void)state;
    struct net net;
    const char *pg3[] = {"pg3"};
    net_open(&net, 3, NULL);
    net_start(&net, 0);
    net_start(&net, 1);
    net_run(&net, 3000);
    net.nodes[1].cut = true;
    assert_int_equal(form_without(net.nodes[0].form, net.now_ms, pg3, 1, NULL), 0);
    net_after(&net, 0);
    net_run(&net, 600);
    expect_state(&net, 0, FORM_PROPOSING);
    expect_waits(&net, 0, "pg2");
    net_crash(&net, 0, true, false, 0); /* the word is in the proposal, and outlives the process */
    net_run(&net, 1000);
    expect_state(&net, 0, FORM_PROPOSING);
    assert_int_equal(form_without(net.nodes[0].form, net.now_ms, NULL, 0, NULL), 0);
    net.nodes[1].cut = false;
    net_run(&net, 3000);
    expect_waits(&net, 0, "pg3");
    net_start(&net, 2);
    assert_true(net_run_formed(&net, 5000));
    assert_int_equal(net.nodes[0].members.count, 3);
    end(&net);
}

/* --- how many there are --- */

static void what_a_number_of_voters_means(void **state)
{
    (void)state;
    static const struct {
        size_t voters;
        const char *part; /* NULL: nothing is said */
    } table[] = {{1, "no copy"}, {2, "nothing can be replaced"},
                 {3, NULL},      {4, "no more than with 3"},
                 {5, NULL},      {6, "no more than with 5"}};
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        CLEANUP(buf_close) struct buf said = {0};
        form_advise(table[i].voters, &said);
        if (table[i].part == NULL) {
            assert_string_equal(buf_text(&said), "");
        } else {
            assert_non_null(strstr(buf_text(&said), table[i].part));
        }
    }
}

/* --- what the operator wrote --- */

static void lists_that_differ(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, 3, NULL);
    net.nodes[1].list = "pg1=h1:1,pg2=h2:1";
    start(&net);
    net_run(&net, 5000);
    for (size_t i = 0; i < 3; i++) {
        assert_false(net.nodes[i].member);
    }
    expect_state(&net, 0, FORM_REFUSED);
    expect_said(&net, 0, "the lists differ: pg3 is in ours and not in pg2's");
    expect_state(&net, 1, FORM_REFUSED);
    expect_said(&net, 1, "the lists differ: pg3 is in pg1's and not in ours");
    expect_said(&net, 1, "pg3 (h3:1) has us in its list and is not in ours");
    net.nodes[1].list = "pg3=h3:1,pg1=h1:1,pg2=h2:1"; /* in any order */
    net_crash(&net, 1, true, false, 0);
    assert_true(net_run_formed(&net, 5000));
    end(&net);
}

static void addresses_that_differ(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, 2, NULL);
    net.nodes[1].list = "pg1=h1:2,pg2=h2:1";
    start(&net);
    net_run(&net, 5000);
    expect_said(&net, 0, "the lists differ: pg1 is h1:1 in ours and h1:2 in pg2's");
    expect_state(&net, 1, FORM_REFUSED);
    end(&net);
}

static void a_node_the_others_do_not_list(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, 3, NULL);
    net.nodes[0].list = "pg1=h1:1,pg2=h2:1";
    net.nodes[1].list = "pg1=h1:1,pg2=h2:1";
    net_start(&net, 2);
    net_start(&net, 0);
    net_run(&net, 2000);
    expect_state(&net, 2, FORM_REFUSED);
    expect_said(&net, 2, "pg3 is in ours and not in pg1's");
    net_start(&net, 1);
    net_run(&net, 3000);
    assert_true(net.nodes[0].member);
    assert_true(net.nodes[1].member);
    expect_state(&net, 2, FORM_JOIN);
    end(&net);
}

static void what_is_refused_at_the_start(void **state)
{
    (void)state;
    struct store_double *disk = store_double_create();
    struct store_image image;
    store_double_load(disk, &image);
    struct form_settings s = form_settings_default();
    struct form *f = NULL;
    struct err err;
    s.node_id = 1;
    memcpy(s.name, "pg9", 4);
    assert_int_equal(form_create(&s, 0, &image, &f, &err), ERR_INVALID);
    assert_non_null(strstr(err.msg, "empty"));
    assert_int_equal(form_list_parse("pg1=h1:1,pg2=h2:1", &s.list, NULL), 0);
    assert_int_equal(form_create(&s, 0, &image, &f, &err), ERR_INVALID);
    assert_non_null(strstr(err.msg, "pg9 is not in its own list"));
    memcpy(s.name, "pg2", 4);
    image.moved = true;
    assert_int_equal(form_create(&s, 0, &image, &f, &err), ERR_REFUSED);
    assert_non_null(strstr(err.msg, "copied or restored"));
    image.moved = false;
    image.log_last = image.log_first;
    assert_int_equal(form_create(&s, 0, &image, &f, &err), ERR_REFUSED);
    assert_non_null(strstr(err.msg, "has a log"));
    assert_null(f);
    store_image_close(&image);
    store_double_destroy(disk);
}

static void lists_as_text(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "pg1",  "pg1=h:1,",         "=h:1",
        "pg1=", "pg1=h:1,pg1=h:2",  "pg1=h:1,pg2=h:1",
        ",",    "pg1=h:1,,pg2=h:2", "a=h:1,b=h:2,c=h:3,d=h:4,e=h:5,f=h:6,g=h:7,h=h:8,i=h:9,j=h:10"};
    struct form_list list;
    CLEANUP(buf_close) struct buf text = {0};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(form_list_parse(bad[i], &list, NULL), ERR_INVALID);
    }
    assert_int_equal(form_list_parse("b=h:2,a=h:1,c=h:3", &list, NULL), 0);
    form_list_text(&list, &text);
    assert_string_equal(buf_text(&text), "a=h:1,b=h:2,c=h:3");
    assert_int_equal(form_list_parse("", &list, NULL), 0);
    assert_int_equal(list.count, 0);
}

/* --- PGDATA (safety D2) --- */

static void a_list_of_one_with_a_pgdata(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, 1, NULL);
    net.nodes[0].pgdata = FORM_PGDATA_FOREIGN;
    start(&net);
    net_run(&net, 5000);
    expect_state(&net, 0, FORM_REFUSED);
    expect_said(&net, 0, "word to adopt it");
    net.nodes[0].adopt = true;
    net_crash(&net, 0, true, false, 0);
    assert_true(net_run_formed(&net, 1000));
    end(&net);
}

static void a_noted_pgdata_never_forms(void **state)
{
    (void)state;
    for (size_t noted = 0; noted < 2; noted++) {
        struct net net;
        net_open(&net, 2, NULL);
        net.nodes[noted].pgdata = FORM_PGDATA_NOTED;
        net.nodes[noted].adopt = true;
        start(&net);
        net_run(&net, 5000);
        expect_state(&net, noted, FORM_REFUSED);
        expect_said(&net, noted, "PGDATA belongs to a cluster");
        expect_state(&net, 1 - noted, FORM_REFUSED);
        expect_said(&net, 1 - noted, "forms no cluster");
        end(&net);
    }
}

/* A host that lost its store: its list may be of one, but the note in PGDATA names the others. */
static void the_peers_of_the_note_are_asked(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, 2, NULL);
    net.nodes[0].list = "pg1=h1:1";
    net_start(&net, 0);
    net_run(&net, 1000);
    assert_true(net.nodes[0].member);
    net.nodes[1].list = "pg2=h2:1";
    net.nodes[1].pgdata = FORM_PGDATA_NOTED;
    net.nodes[1].asks = "pg1=h1:1";
    net_start(&net, 1);
    net_run(&net, 1000);
    expect_state(&net, 1, FORM_JOIN);
    end(&net);
}

/* --- wiped, copied, lost --- */

static void a_member_wiped_after_its_promise(void **state)
{
    (void)state;
    struct net net;
    run_to_promise(&net);
    net.nodes[2].cut = true; /* nobody hears of the promises */
    net.nodes[1].cut = true;
    lose_all(&net);
    net_run(&net, 1000);
    net_crash(&net, 2, false, true, 0);
    net.nodes[2].cut = false;
    net_run(&net, 5000);
    expect_state(&net, 0, FORM_PROPOSING);
    expect_state(&net, 1, FORM_BOUND);
    net.nodes[1].cut = false;
    assert_true(net_run_formed(&net, 10000));
    assert_int_equal(net.nodes[0].members.at[2].id, net.nodes[2].id);
    assert_int_equal(net.clusters, 1);
    end(&net);
}

static void the_proposer_is_lost(void **state)
{
    (void)state;
    struct net net;
    struct err err;
    run_to_promise(&net);
    assert_int_equal(form_forget(net.nodes[2].form, net.now_ms, &err), ERR_REFUSED);
    net_crash(&net, 0, false, true, 0);
    net_run(&net, 10000);
    for (size_t i = 1; i < 3; i++) {
        expect_state(&net, i, FORM_BOUND);
        expect_waits(&net, i, "pg1");
        expect_said(&net, i, "pg1 came back as another node");
        expect_said(&net, i, "forget");
    }
    expect_state(&net, 0, FORM_WAITING);
    expect_said(&net, 0, "pg2 is promised to another proposal");
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(form_forget(net.nodes[i].form, net.now_ms, &err), 0);
        net.nodes[i].forgets = true;
        net_after(&net, i);
    }
    assert_true(net_run_formed(&net, 5000));
    assert_int_equal(net.nodes[0].members.at[0].id, net.nodes[0].id);
    end(&net);
}

static void an_old_copy_of_the_proposer(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, 3, NULL);
    net_start(&net, 0);
    net_run(&net, 1000);
    struct store_double *old = store_double_clone(net.nodes[0].disk);
    net_start(&net, 1);
    net_start(&net, 2);
    while (form_state(net.nodes[1].form) != FORM_BOUND) {
        net_step(&net);
    }
    lose_all(&net);
    net_crash(&net, 0, false, false, 60000);
    store_double_destroy(net.nodes[0].disk);
    net.nodes[0].disk = old;
    memset(&net.nodes[0].durable, 0, sizeof(net.nodes[0].durable));
    net.nodes[0].up_at_ms = net.now_ms + 1000;
    net_run(&net, 5000);
    expect_state(&net, 0, FORM_REFUSED);
    expect_said(&net, 0, "pg2 has promised to a proposal of this node that its disk does not know");
    assert_int_equal(net.clusters, 0);
    end(&net);
}

static void nothing_to_forget(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, 3, NULL);
    net_start(&net, 0);
    net_run(&net, 1000);
    assert_int_equal(form_forget(net.nodes[0].form, net.now_ms, NULL), ERR_NOT_FOUND);
    end(&net);
}

static void another_list_ends_a_proposal(void **state)
{
    (void)state;
    struct net net;
    run_to_promise(&net);
    net.nodes[1].cut = true;
    net.nodes[2].cut = true;
    lose_all(&net);
    net_run(&net, 1000);
    /* The first of the list is another now: pg1 cancels, in its own list or in nobody's. */
    for (size_t i = 0; i < 3; i++) {
        net.nodes[i].list = "a=h9:1,pg1=h1:1,pg2=h2:1,pg3=h3:1";
        net.nodes[i].cut = false;
        net_crash(&net, i, true, false, 0);
    }
    net_run(&net, 5000);
    for (size_t i = 0; i < 3; i++) {
        expect_state(&net, i, FORM_WAITING);
        expect_waits(&net, i, "a");
    }
    for (size_t i = 0; i < 3; i++) {
        net.nodes[i].list = "pg1=h1:1,pg2=h2:1,pg3=h3:1";
        net_crash(&net, i, true, false, 0);
    }
    assert_true(net_run_formed(&net, 5000));
    assert_int_equal(net.clusters, 1);
    end(&net);
}

static void two_nodes_with_one_id(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, 3, NULL);
    net.nodes[2].id = net.nodes[1].id;
    start(&net);
    net_run(&net, 5000);
    expect_state(&net, 0, FORM_REFUSED);
    expect_said(&net, 0, "has the id of another node");
    expect_state(&net, 1, FORM_REFUSED);
    end(&net);
}

static void two_nodes_with_one_name(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, 4, "pg1=h1:1,pg2=h2:1,pg3=h3:1");
    memcpy(net.nodes[3].name, "pg2", 4);
    net_start(&net, 0);
    net_start(&net, 1);
    net_start(&net, 3);
    net_run(&net, 2000);
    net_start(&net, 2);
    net_run(&net, 5000);
    expect_state(&net, 0, FORM_REFUSED);
    expect_said(&net, 0, "two nodes use the name pg2");
    net_crash(&net, 3, true, false, 60000);
    net_run(&net, 10000);
    assert_true(net.nodes[0].member);
    assert_true(net.nodes[1].member);
    assert_true(net.nodes[2].member);
    end(&net);
}

static void peers_of_two_clusters(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, 3, NULL);
    net.nodes[0].list = "pg1=h1:1";
    net.nodes[1].list = "pg2=h2:1";
    net_start(&net, 0);
    net_run(&net, 1000);
    assert_true(net.nodes[0].member);
    net_start(&net, 1);
    net_run(&net, 1000);
    assert_string_not_equal(net.broken, ""); /* as the operator wished */
    net.broken[0] = '\0';
    assert_true(net.nodes[1].member);
    net_start(&net, 2);
    net_run(&net, 2000);
    expect_state(&net, 2, FORM_REFUSED);
    expect_said(&net, 2, "different clusters");
    net.broken[0] = '\0';
    net_close(&net);
}

/* --- an operator's word --- */

/* What pg1, a member, says to pg2 by @form_call; pg2 is node 1. */
static void call(struct net *net, uint64_t to)
{
    struct peer_message m;
    struct buf keep = {0};
    form_call(&net->nodes[0].me, to, &m, &keep);
    form_receive(net->nodes[1].form, net->now_ms, &m);
    net_after(net, 1);
    buf_close(&keep);
}

static void a_member_that_is_not_listed_calls(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, 2, NULL);
    net.nodes[0].list = "pg1=h1:1";
    net.nodes[1].list = "pg2=h2:1,pg9=h9:1";
    net_start(&net, 0);
    net_start(&net, 1);
    net_run(&net, 1000);
    assert_true(net.nodes[0].member);
    call(&net, 0);
    expect_state(&net, 1, FORM_WAITING); /* its list is its own, and the call only a question */
    uint64_t id = form_node_id(net.nodes[1].form);
    call(&net, id);
    expect_state(&net, 1, FORM_WAITING); /* the cluster does not list it yet */
    struct members *listed = &net.nodes[0].members;
    listed->at[listed->count] = (struct member){.id = id, .role = MEMBER_SPARE, .info = ""};
    listed->count++;
    call(&net, id);
    expect_state(&net, 1, FORM_JOIN);
    struct form_found found;
    assert_true(form_found(net.nodes[1].form, &found));
    assert_memory_equal(found.cluster_id, net.nodes[0].me.cluster_id, CLUSTER_ID_SIZE);
    assert_string_equal(found.peer.name, "pg1");
    net.now_ms += 60000; /* and who is silent since then is not there */
    form_tick(net.nodes[1].form, net.now_ms);
    expect_state(&net, 1, FORM_WAITING);
    net_close(&net);
}

/* --- the wire and the disk --- */

static void proposals_as_bytes(void **state)
{
    (void)state;
    struct form_proposal p = {.number = 7, .count = 2};
    p.at[0] = (struct member_info){
        .name = "a", .address = "h:1", .kind = MEMBER_DATABASE, .site = "x", .id = 5};
    p.at[1] = (struct member_info){
        .name = "b", .address = "h:2", .kind = MEMBER_WITNESS, .site = "", .id = 6};
    assert_int_equal(form_list_add(&p.without, "c", "h:3", NULL), 0);
    form_proposal_name(&p, 99);
    CLEANUP(buf_close) struct buf bytes = {0};
    CLEANUP(buf_close) struct buf again = {0};
    form_proposal_encode(&p, &bytes);
    struct form_proposal q;
    struct form_key a;
    struct form_key b;
    assert_int_equal(form_proposal_decode(bytes.bytes, bytes.size, &q, NULL), 0);
    form_proposal_key(&p, &a);
    form_proposal_key(&q, &b);
    assert_true(form_key_equal(&a, &b));
    for (size_t size = 0; size < bytes.size; size++) {
        assert_int_not_equal(form_proposal_decode(bytes.bytes, size, &q, NULL), 0);
    }
    for (size_t at = 0; at < bytes.size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes.bytes[at] = (char)(bytes.bytes[at] ^ (1 << bit));
            if (form_proposal_decode(bytes.bytes, bytes.size, &q, NULL) == 0) {
                buf_clear(&again);
                form_proposal_encode(&q, &again);
                assert_int_equal(again.size, bytes.size);
                assert_memory_equal(again.bytes, bytes.bytes, bytes.size);
                form_proposal_key(&q, &b);
                assert_false(form_key_equal(&a, &b));
            }
            bytes.bytes[at] = (char)(bytes.bytes[at] ^ (1 << bit));
        }
    }
    form_proposal_name(&q, 98);
    assert_memory_not_equal(p.cluster_id, q.cluster_id, CLUSTER_ID_SIZE);
}

static void contradictions_are_refused(void **state)
{
    (void)state;
    struct form_proposal good = {.number = 1, .count = 2};
    good.at[0] =
        (struct member_info){.name = "a", .address = "h:1", .kind = MEMBER_DATABASE, .id = 5};
    good.at[1] =
        (struct member_info){.name = "b", .address = "h:2", .kind = MEMBER_DATABASE, .id = 6};
    form_proposal_name(&good, 1);
    for (int what = 0; what < 6; what++) {
        struct form_proposal p = good;
        p.at[1].id = what == 0 ? 5 : p.at[1].id;
        p.at[1].name[0] = what == 1 ? 'a' : p.at[1].name[0];
        p.at[0].name[0] = what == 2 ? 'c' : p.at[0].name[0];
        p.at[1].address[2] = what == 3 ? '1' : p.at[1].address[2];
        p.number = what == 4 ? 0 : p.number;
        if (what == 5) {
            assert_int_equal(form_list_add(&p.without, "a", "h:9", NULL), 0);
        }
        CLEANUP(buf_close) struct buf bytes = {0};
        form_proposal_encode(&p, &bytes);
        struct form_proposal q;
        assert_int_equal(form_proposal_decode(bytes.bytes, bytes.size, &q, NULL), ERR_PROTOCOL);
    }
}

static void records_on_disk(void **state)
{
    (void)state;
    struct net net;
    run_to_promise(&net);
    struct store_double *copy = store_double_clone(net.nodes[2].disk);
    struct store_image image;
    store_double_load(copy, &image);
    struct form_record record;
    assert_int_equal(form_record_load(&image, &record, NULL), 0);
    assert_true(record.promised);
    assert_int_equal(record.promise.count, 3);
    assert_int_equal(record.promise.at[0].id, net.nodes[0].id);
    store_image_close(&image);
    struct store_batch *batch = store_batch_create(99);
    struct store_row row = {
        .key = "\0form", .key_size = 5, .value = "\x02zzzzzzzz\0", .value_size = 10};
    store_batch_add_row(batch, &row);
    store_double_submit(copy, batch);
    (void)store_double_commit(copy, 1);
    store_double_load(copy, &image);
    assert_int_equal(form_record_load(&image, &record, NULL), ERR_VERSION);
    store_image_close(&image);
    store_double_destroy(copy);
    end(&net);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_forms),
        cmocka_unit_test(a_member_starts_as_one),
        cmocka_unit_test(a_witness_is_written_down_as_one),
        cmocka_unit_test(it_waits_for_who_is_missing),
        cmocka_unit_test(one_that_was_heard_once_is_not_there),
        cmocka_unit_test(without_one_that_never_comes),
        cmocka_unit_test(left_out_after_its_promise),
        cmocka_unit_test(without_the_first),
        cmocka_unit_test(without_is_refused_where_two_could_do_it),
        cmocka_unit_test(without_can_be_taken_back),
        cmocka_unit_test(what_a_number_of_voters_means),
        cmocka_unit_test(lists_that_differ),
        cmocka_unit_test(addresses_that_differ),
        cmocka_unit_test(a_node_the_others_do_not_list),
        cmocka_unit_test(what_is_refused_at_the_start),
        cmocka_unit_test(lists_as_text),
        cmocka_unit_test(a_list_of_one_with_a_pgdata),
        cmocka_unit_test(a_noted_pgdata_never_forms),
        cmocka_unit_test(the_peers_of_the_note_are_asked),
        cmocka_unit_test(a_member_wiped_after_its_promise),
        cmocka_unit_test(the_proposer_is_lost),
        cmocka_unit_test(an_old_copy_of_the_proposer),
        cmocka_unit_test(nothing_to_forget),
        cmocka_unit_test(another_list_ends_a_proposal),
        cmocka_unit_test(two_nodes_with_one_id),
        cmocka_unit_test(two_nodes_with_one_name),
        cmocka_unit_test(peers_of_two_clusters),
        cmocka_unit_test(a_member_that_is_not_listed_calls),
        cmocka_unit_test(proposals_as_bytes),
        cmocka_unit_test(contradictions_are_refused),
        cmocka_unit_test(records_on_disk),
    };
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
