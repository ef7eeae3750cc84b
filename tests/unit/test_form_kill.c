/* tests/unit/test_form_kill.c - formation survives whatever happens between two of its steps.
 *
 * Claim: never two clusters, never two entries 1; once all is well again everybody is a member of
 * one cluster, or, if the proposer lost its disk, says that it waits for it, and the operator's
 * word frees it. Method: the formation of three nodes is run again and again, and at every one of
 * its steps everything that can happen happens: each node dies, with and without the write that is
 * on its way, at once back or late, with its disk or without; the next message is lost, doubled,
 * late. Then every pair of deaths, and lives drawn at random with many misfortunes and orders of
 * events.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "tests/lib/form_net.h"

#define NODES 3
#define HEAL_MS 20000

/* What happens before a step. Numbered, so that one can be named. */
struct blow {
    uint64_t step; /* 0: nothing happens */
    unsigned what;
};
#define CRASHES (NODES * 8)
#define BLOWS (CRASHES + 5)

static bool is_wipe(unsigned what)
{
    return what < CRASHES && (what / NODES & 2) != 0;
}

static void strike(struct net *net, unsigned what)
{
    if (what < CRASHES) {
        unsigned how = what / NODES;
        net_crash(net, what % NODES, (how & 1) != 0, (how & 2) != 0, (how & 4) != 0 ? 6000 : 0);
        return;
    }
    switch (what - CRASHES) {
        case 0:
            net_letter_lose(net, 0);
            return;
        case 1:
            net_letter_double(net, 0, 0);
            return;
        case 2:
            net_letter_double(net, 0, 5000);
            return;
        case 3:
            net_letter_hold(net, 0, 5000);
            return;
        default:
            while (net->letters_count > 0) {
                net_letter_lose(net, 0);
            }
            return;
    }
}

/* Everybody is a member of the one cluster, or knows that it is to join it. */
static bool all_are_home(const struct net *net)
{
    const struct net_node *member = NULL;
    for (size_t i = 0; i < net->count; i++) {
        member = net->nodes[i].member ? &net->nodes[i] : member;
    }
    for (size_t i = 0; member != NULL && i < net->count; i++) {
        struct form_found found = {{0}, {.id = 0}};
        const struct net_node *n = &net->nodes[i];
        bool home = n->member;
        if (!home && n->form != NULL && form_state(n->form) == FORM_JOIN &&
            form_found(n->form, &found)) {
            home = memcmp(found.cluster_id, member->me.cluster_id, CLUSTER_ID_SIZE) == 0;
        }
        if (!home) {
            return false;
        }
    }
    return member != NULL;
}

/* Who is bound to what a lost proposer said waits for it, says so, and is freed. */
static void forget_all(struct net *net, const char *life)
{
    size_t freed = 0;
    for (size_t i = 0; i < net->count; i++) {
        struct form *f = net->nodes[i].form;
        const char *names[FORM_LIST_MAX];
        struct buf said = {0};
        if (f == NULL || form_state(f) != FORM_BOUND) {
            continue;
        }
        form_say(f, &said);
        bool lost = strstr(buf_text(&said), "pg1 came back as another node") != NULL;
        assert_int_equal(form_waits_for(f, names), 1);
        assert_string_equal(names[0], "pg1");
        assert_int_equal(form_forget(f, net->now_ms, NULL), lost ? 0 : ERR_REFUSED);
        freed += lost ? 1 : 0;
        net->nodes[i].forgets = lost;
        net_after(net, i);
        buf_close(&said);
    }
    if (freed == 0) {
        fail_msg("%s: nobody says that a lost node is in the way", life);
    }
}

static void judge(struct net *net, bool first_wiped, const char *life)
{
    net->seed = 0;
    uint64_t end_ms = net->now_ms + HEAL_MS;
    while (!all_are_home(net) && net->now_ms < end_ms && net->broken[0] == '\0') {
        net_step(net);
    }
    if (first_wiped && !all_are_home(net) && net->broken[0] == '\0') {
        if (net->clusters > 1) {
            fail_msg("%s: two clusters", life);
        }
        forget_all(net, life);
        net_run(net, HEAL_MS);
    } else if (net->clusters > 1) {
        fail_msg("%s: two clusters", life);
    }
    if (net->broken[0] != '\0') {
        fail_msg("%s: %s", life, net->broken);
    }
    if (!all_are_home(net)) {
        fail_msg("%s: not all are members of one cluster", life);
    }
}

/* True: the life was over before both had struck. */
static bool live(struct blow a, struct blow b)
{
    struct net net;
    char life[100];
    (void)snprintf(life, sizeof(life), "blow %u before step %llu, %u before %llu", a.what,
                   (unsigned long long)a.step, b.what, (unsigned long long)b.step);
    net_open(&net, NODES, NULL);
    for (size_t i = 0; i < NODES; i++) {
        net_start(&net, i);
    }
    while (net.broken[0] == '\0' && net.steps < (a.step > b.step ? a.step : b.step) &&
           (net.steps < a.step || !net_all_formed(&net))) {
        if (net.steps + 1 == a.step) {
            strike(&net, a.what);
        }
        if (net.steps + 1 == b.step) {
            strike(&net, b.what);
        }
        net_step(&net);
    }
    bool over = net_all_formed(&net);
    bool first_wiped = (is_wipe(a.what) && a.step != 0 && a.what % NODES == 0) ||
                       (is_wipe(b.what) && b.step != 0 && b.what % NODES == 0);
    judge(&net, first_wiped, life);
    net_close(&net);
    return over;
}

static uint64_t steps_to_form(void)
{
    struct net net;
    net_open(&net, NODES, NULL);
    for (size_t i = 0; i < NODES; i++) {
        net_start(&net, i);
    }
    assert_true(net_run_formed(&net, HEAL_MS));
    uint64_t steps = net.steps;
    net_close(&net);
    return steps;
}

static void one_blow(void **state)
{
    (void)state;
    uint64_t steps = steps_to_form();
    assert_true(steps > 20);
    for (uint64_t step = 1; step <= steps + 1; step++) {
        for (unsigned what = 0; what < BLOWS; what++) {
            (void)live((struct blow){step, what}, (struct blow){0, 0});
        }
    }
}

/* How many lives: this blow, and then each death that keeps the disk at every fifth step after it.
 */
static uint64_t and_another(struct blow first)
{
    uint64_t lives = 0;
    bool over = false;
    for (uint64_t step = first.step + 1; !over && step < first.step + 100; step += 5) {
        for (unsigned what = 0; what < 2 * NODES; what++) {
            over = live(first, (struct blow){step, what});
            lives++;
        }
    }
    return lives;
}

static void two_blows(void **state)
{
    (void)state;
    uint64_t steps = steps_to_form();
    uint64_t lives = 0;
    for (uint64_t step = 1; step <= steps; step++) {
        for (unsigned what = 0; what < 4 * NODES; what++) { /* deaths, at once back */
            lives += and_another((struct blow){step, what});
        }
    }
    assert_true(lives > 3000);
}

static uint64_t draw(uint64_t *seed, uint64_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*seed >> 33) % below;
}

static void random_lives(void **state)
{
    (void)state;
    uint64_t wiped = 0;
    uint64_t formed = 0;
    for (uint64_t life = 1; life <= 3000; life++) {
        struct net net;
        uint64_t seed = life;
        bool first_wiped = false;
        bool wipe_done = false;
        uint64_t every = 3 + draw(&seed, 40);
        net_open(&net, NODES, NULL);
        net.seed = life * UINT64_C(0x9e3779b97f4a7c15);
        for (size_t i = 0; i < NODES; i++) {
            net_start(&net, i);
        }
        for (uint64_t step = 0; step < 400 && net.broken[0] == '\0'; step++) {
            unsigned what = (unsigned)draw(&seed, BLOWS);
            bool now = draw(&seed, every) == 0;
            if (now && (!is_wipe(what) || !wipe_done)) { /* one disk is lost, or none */
                wipe_done = wipe_done || is_wipe(what);
                first_wiped = first_wiped || (is_wipe(what) && what % NODES == 0);
                strike(&net, what);
            }
            net_step(&net);
        }
        wiped += wipe_done ? 1 : 0;
        formed += net_all_formed(&net) ? 1 : 0;
        char name[40];
        (void)snprintf(name, sizeof(name), "life %llu", (unsigned long long)life);
        judge(&net, first_wiped, name);
        net_close(&net);
    }
    assert_true(wiped > 300);
    assert_true(formed > 300);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_blow),
        cmocka_unit_test(two_blows),
        cmocka_unit_test(random_lives),
    };
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
