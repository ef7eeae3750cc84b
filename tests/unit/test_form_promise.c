/* tests/unit/test_form_promise.c - safety D1 where two proposals race: what a promise is worth.
 *
 * On the nodes of lib/form_net.h, which says in net->broken when there are two clusters, or when a
 * promise changes without its proposer's word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/lib/form_net.h"

/* For @ms; nothing goes between the nodes @a and @b. */
static void run_without(struct net *net, size_t a, size_t b, uint64_t ms)
{
    uint64_t until_ms = net->now_ms + ms;
    while (net->now_ms < until_ms) {
        net_step(net);
        for (size_t i = net->letters_count; i > 0; i--) {
            const struct net_letter *l = &net->letters[i - 1];
            if ((l->to == a && l->message.from == net->nodes[b].id) ||
                (l->to == b && l->message.from == net->nodes[a].id)) {
                net_letter_lose(net, i - 1);
            }
        }
    }
}

/* pg1 and pg2 do not hear each other, and on both an operator says to form without the other one.
 * Each has two of three; the promise of pg3 is what keeps them from being two clusters. */
static void d1_one_promise_at_a_time(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct net net;
        net_open(&net, 3, NULL);
        net.seed = seed;
        for (size_t i = 0; i < 3; i++) {
            net_start(&net, i);
        }
        run_without(&net, 0, 1, 3000);
        const char *pg1[] = {"pg1"};
        const char *pg2[] = {"pg2"};
        assert_int_equal(form_without(net.nodes[0].form, net.now_ms, pg2, 1, NULL), 0);
        assert_int_equal(form_without(net.nodes[1].form, net.now_ms, pg1, 1, NULL), 0);
        net_after(&net, 0);
        net_after(&net, 1);
        run_without(&net, 0, 1, 3000);
        assert_int_equal(net.clusters, 1);
        assert_string_equal(net.broken, "");
        net_close(&net);
    }
}

/* pg3 is started anew with another list while the proposal is on its way to it. */
static void d1_a_promise_is_for_the_own_list(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, 3, NULL);
    for (size_t i = 0; i < 3; i++) {
        net_start(&net, i);
    }
    bool on_its_way = false;
    while (!on_its_way) {
        net_step(&net);
        for (size_t i = 0; i < net.letters_count; i++) {
            const struct net_letter *l = &net.letters[i];
            on_its_way = on_its_way || (l->to == 2 && l->message.kind == PEER_FORM_PROPOSAL);
        }
        assert_true(net.now_ms < 10000);
    }
    net.nodes[2].list = "pg1=h1:1,pg3=h3:1";
    net_crash(&net, 2, true, false, 0);
    net_run(&net, 3000);
    assert_false(net.nodes[2].durable.promised);
    assert_int_equal(net.clusters, 0);
    assert_string_equal(net.broken, "");
    net_close(&net);
}

/* pg2 is a cluster of its own, which pg1 does not hear of and pg3 does. */
static void d1_no_promise_beside_another_cluster(void **state)
{
    (void)state;
    struct net net;
    net_open(&net, 3, NULL);
    net.nodes[1].list = "pg2=h2:1";
    net_start(&net, 1);
    net_run(&net, 1000);
    assert_true(net.nodes[1].member);
    net_start(&net, 0);
    net_start(&net, 2);
    run_without(&net, 0, 1, 3000);
    const char *pg2[] = {"pg2"};
    assert_int_equal(form_without(net.nodes[0].form, net.now_ms, pg2, 1, NULL), 0);
    net_after(&net, 0);
    run_without(&net, 0, 1, 3000);
    assert_false(net.nodes[2].durable.promised);
    assert_int_equal(net.clusters, 1);
    assert_string_equal(net.broken, "");
    net_close(&net);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(d1_one_promise_at_a_time),
        cmocka_unit_test(d1_a_promise_is_for_the_own_list),
        cmocka_unit_test(d1_no_promise_beside_another_cluster),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
