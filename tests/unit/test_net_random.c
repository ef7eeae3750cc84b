/* tests/unit/test_net_random.c - whatever happens to four nodes, they find each other again.
 *
 * Random steps from fixed seeds: nodes stop and start, change their wishes and secrets, come back
 * as somebody else, send, and are spoken to by strangers; then all is put right, and there is one
 * connection between any two, over which everything arrives. Sockets are real, so that two runs of
 * a seed are not the same; net_kit.c and the sanitizers watch every step. */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "tests/lib/net_kit.h"
#include "tests/lib/random.h"

#define ROUNDS 40
#define STEPS 150
#define STRANGERS 8

static struct kit kit;
static struct test_random chance;
static const char *secrets[3];
static struct kit_stranger strangers[STRANGERS];
static bool here[STRANGERS];

static void reload(struct kit_node *node)
{
    struct net_keys *keys = NULL;
    int rv = net_keys_load(&node->security, &keys, NULL, NULL);
    MUST(rv == 0);
    net_keys_take(node->net, keys);
}

static void say_noise(void)
{
    static char noise[600];
    size_t at = random_below(&chance, STRANGERS);
    const struct kit_node *node = &kit.nodes[random_below(&chance, KIT_NODES_MAX)];
    if (here[at]) {
        stranger_close(&strangers[at]);
        here[at] = false;
        return;
    }
    if (node->net == NULL) {
        return;
    }
    for (size_t i = 0; i < sizeof(noise); i++) {
        noise[i] = (char)random_u64(&chance);
    }
    memcpy(noise, "\x16\x03\x01\x02\x00", 5);
    stranger_connect(&kit, &strangers[at], node->listen);
    here[at] = true;
    size_t skip = random_chance(&chance, 0.5) ? 0 : 5;
    if (strangers[at].connected) {
        stranger_say(&strangers[at], noise + skip, random_below(&chance, sizeof(noise) - skip));
    }
}

static void stop_or_start(struct kit_node *node)
{
    if (node->net != NULL) {
        kit_stop(node);
        return;
    }
    if (random_percent(&chance, 20)) { /* wiped: another id */
        node->settings.self.node_id = 1 + random_below(&chance, 1000000);
    }
    kit_start(node);
    kit_peers(node, (unsigned int)random_below(&chance, 16), random_chance(&chance, 0.5));
}

static void step(void)
{
    struct kit_node *node = &kit.nodes[random_below(&chance, KIT_NODES_MAX)];
    struct kit_node *other = &kit.nodes[random_below(&chance, KIT_NODES_MAX)];
    uint64_t what = random_below(&chance, 100);
    if (what < 8) {
        stop_or_start(node);
    } else if (what < 14) {
        say_noise();
    } else if (node->net == NULL) {
        return;
    } else if (what < 24) {
        kit_peers(node, (unsigned int)random_below(&chance, 16), random_chance(&chance, 0.5));
    } else if (what < 27) {
        node->security.secret_file = secrets[random_below(&chance, ARRAY_LEN(secrets))];
        reload(node);
    } else if (what < 30) {
        node->gives_up = !node->gives_up && random_percent(&chance, 20);
    } else if (what < 70) {
        (void)kit_send_bytes(node, other, 1, random_below(&chance, 300000));
    } else if (what < 75) {
        net_flush(node->net);
    } else {
        (void)uv_run(&kit.loop, UV_RUN_NOWAIT);
    }
}

static bool all_is_well(void)
{
    for (unsigned int i = 0; i < KIT_NODES_MAX; i++) {
        const struct kit_node *node = &kit.nodes[i];
        if (node->ids_up_count != KIT_NODES_MAX - 1 ||
            net_stats(node->net).links != KIT_NODES_MAX - 1) {
            return false;
        }
    }
    return true;
}

static void put_right(void)
{
    for (size_t i = 0; i < STRANGERS; i++) {
        if (here[i]) {
            stranger_close(&strangers[i]);
            here[i] = false;
        }
    }
    for (unsigned int i = 0; i < KIT_NODES_MAX; i++) {
        struct kit_node *node = &kit.nodes[i];
        node->gives_up = false;
        node->security.secret_file = secrets[0];
        if (node->net == NULL) {
            kit_start(node);
        } else {
            reload(node);
        }
    }
    for (unsigned int i = 0; i < KIT_NODES_MAX; i++) {
        kit_peers(&kit.nodes[i], 15U & ~(1U << i), true);
    }
    KIT_WAIT(&kit, all_is_well());
}

static void everything_arrives(void)
{
    for (unsigned int i = 0; i < KIT_NODES_MAX; i++) {
        kit.nodes[i].messages = 0;
    }
    for (unsigned int from = 0; from < KIT_NODES_MAX; from++) {
        for (unsigned int to = 0; to < KIT_NODES_MAX; to++) {
            int rv = from == to ? 0 : kit_send(&kit.nodes[from], &kit.nodes[to], 1);
            assert_int_equal(rv, 0);
        }
    }
    for (unsigned int i = 0; i < KIT_NODES_MAX; i++) {
        KIT_WAIT(&kit, kit.nodes[i].messages >= KIT_NODES_MAX - 1);
    }
}

static void one_life(uint64_t seed)
{
    chance.state = seed;
    kit_open(&kit);
    secrets[0] = kit.nodes[0].security.secret_file;
    secrets[1] = kit_file(&kit, "both", "the next secret, long enough\n" KIT_SECRET "\n");
    secrets[2] = kit_file(&kit, "next", "the next secret, long enough\n");
    for (unsigned int i = 0; i < KIT_NODES_MAX; i++) {
        struct net_limits *limits = &kit.nodes[i].settings.limits;
        limits->redial_min_ms = 1;
        limits->redial_max_ms = 20;
        limits->redial_refused_ms = 20;
        limits->probe_ms = 20;
        limits->strangers_of_host_max = 60;
        limits->send_bytes_max = 1000000;
    }
    for (unsigned int i = 0; i < STEPS; i++) {
        step();
    }
    put_right();
    everything_arrives();
    kit_close(&kit);
}

static void they_find_each_other_again(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        one_life(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(they_find_each_other_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
