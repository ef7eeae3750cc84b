/* tests/unit/test_soft_clocks.c - soft state among nodes whose clocks disagree about everything,
 * in lives drawn from seeds; true time knows better.
 *
 * Messages are lost, doubled, late and out of order; leaders change, nodes fall silent and start
 * anew. No reader may take a state for younger than it is, or go back to older words; and in peace
 * everybody reads everybody's newest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/must.h"
#include "tests/lib/random.h"
#include "tests/lib/soft_post.h"

#define AGAIN_MS UINT64_C(300)
enum { NODES = 5, WIRE = 256, WORDS = 4000, BEAT_US = 100000 };
#define SEEDS 40
/* Clocks run wrong by up to 10 %: far more than real ones. */
#define RATE_OFF 0.1

struct flying {
    bool used;
    struct post post;
    uint64_t made_us;
    uint64_t word; /* the newest of the sender's own; 0: none */
    uint64_t due_us;
};

struct life {
    struct test_random random;
    uint64_t now_us;
    bool rough; /* messages are lost, doubled and late, nodes speak, start anew and fall silent */
    double rate[NODES];
    double offset_ms[NODES];
    uint64_t lives;
    struct soft_table tables[NODES];
    bool up[NODES];
    uint64_t own[NODES];         /* the newest word of each */
    uint64_t seen[NODES][NODES]; /* [reader][speaker]: the newest word read in this life */
    uint64_t words;
    uint64_t proof_us[WORDS]; /* when the newest message with this word, from its speaker,
                                 was made that arrived anywhere */
    struct flying wire[WIRE];
};

static uint64_t clock_ms(const struct life *l, size_t node)
{
    return (uint64_t)(l->offset_ms[node] + (double)l->now_us / 1000.0 * l->rate[node]);
}

static void start(struct life *l, size_t node)
{
    l->lives++;
    soft_init(&l->tables[node], node + 1, l->lives, 1 + random_below(&l->random, 1000), AGAIN_MS);
    memset(l->seen[node], 0, sizeof(l->seen[node]));
    l->own[node] = 0;
    l->up[node] = true;
}

static void speak(struct life *l, size_t node)
{
    uint64_t text[SOFT_BYTES_MAX / sizeof(uint64_t)] = {0};
    l->words++;
    MUST(l->words < WORDS);
    text[0] = l->words;
    size_t size = sizeof(uint64_t) * (1 + random_below(&l->random, ARRAY_LEN(text)));
    assert_int_equal(soft_publish(&l->tables[node], clock_ms(l, node), text, size), 0);
    l->own[node] = l->words;
}

static uint64_t word_in(const struct soft_view *view)
{
    uint64_t word = 0;
    memcpy(&word, view->bytes, sizeof(word));
    return word;
}

/* What @reader reads is no younger than the truth, and never older words than before. */
static void check(struct life *l, size_t reader)
{
    struct soft_view view = {.member = 0};
    while (soft_next(&l->tables[reader], clock_ms(l, reader), view.member, &view)) {
        uint64_t word = word_in(&view);
        uint64_t *seen = &l->seen[reader][view.member - 1];
        assert_true(word >= *seen);
        *seen = word;
        if (view.member == reader + 1 && word == l->own[reader]) {
            assert_int_equal(view.age_ms, 0);
            continue;
        }
        assert_true(l->proof_us[word] != 0);
        double true_ms = (double)(l->now_us - l->proof_us[word]) / 1000.0;
        assert_true((double)view.age_ms >= true_ms * (1.0 - RATE_OFF));
    }
}

static void put_on_wire(struct life *l, size_t from, size_t to)
{
    size_t copies = !l->rough ? 1 : random_below(&l->random, 4); /* none: lost */
    for (size_t i = 0; i < copies; i++) {
        struct flying *f = l->wire;
        while (f->used) {
            f++;
            MUST(f < l->wire + WIRE);
        }
        uint64_t delay_us = random_below(&l->random, 5000);
        if (l->rough && random_chance(&l->random, 0.3)) {
            delay_us = random_below(&l->random, 2000000);
        }
        *f = (struct flying){.used = true,
                             .made_us = l->now_us,
                             .word = l->own[from],
                             .due_us = l->now_us + delay_us};
        post_write(&f->post, &l->tables[from], clock_ms(l, from), to + 1);
    }
}

static void arrive(struct life *l, struct flying *f, size_t leader)
{
    size_t from = f->post.message.from - 1;
    size_t to = f->post.message.to - 1;
    if (l->up[to]) {
        if (f->word != 0 && f->made_us > l->proof_us[f->word]) {
            l->proof_us[f->word] = f->made_us;
        }
        struct members all = post_members(1, NODES);
        soft_hear(&l->tables[to], clock_ms(l, to), from + 1, &all, &f->post.message.soft);
        check(l, to);
        if (from == leader) {
            put_on_wire(l, to, from);
        }
    }
    post_burn(&f->post);
    f->used = false;
}

static void mishap(struct life *l)
{
    size_t node = random_below(&l->random, NODES);
    switch (random_below(&l->random, 8)) {
        case 0:
            if (l->up[node]) {
                soft_close(&l->tables[node]);
                l->up[node] = false;
            }
            return;
        case 1:
        case 2:
            if (!l->up[node]) {
                start(l, node);
            }
            return;
        default:
            if (l->up[node]) {
                speak(l, node);
            }
            return;
    }
}

static void deliver(struct life *l, size_t leader)
{
    for (struct flying *f = l->wire; f < l->wire + WIRE; f++) {
        if (f->used && f->due_us <= l->now_us) {
            arrive(l, f, leader);
        }
    }
}

static void run(struct life *l, unsigned beats)
{
    size_t leader = random_below(&l->random, NODES);
    for (unsigned beat = 0; beat < beats; beat++) {
        bool changes = random_chance(&l->random, 0.05);
        leader = l->rough && changes ? random_below(&l->random, NODES) : leader;
        for (size_t to = 0; to < NODES && l->up[leader]; to++) {
            if (to != leader) {
                put_on_wire(l, leader, to);
            }
        }
        if (l->rough && random_chance(&l->random, 0.5)) {
            mishap(l);
        }
        for (unsigned step = 0; step < 50; step++) {
            l->now_us += BEAT_US / 50;
            deliver(l, leader);
        }
        for (size_t node = 0; node < NODES; node++) {
            if (l->up[node]) {
                check(l, node);
            }
        }
    }
}

/* In peace everybody reads everybody's newest words, and they are fresh. */
static void expect_all(struct life *l)
{
    for (size_t reader = 0; reader < NODES; reader++) {
        for (size_t member = 0; member < NODES; member++) {
            struct soft_view view;
            assert_true(soft_get(&l->tables[reader], clock_ms(l, reader), member + 1, &view));
            assert_int_equal(word_in(&view), l->own[member]);
            assert_true(view.age_ms < 500);
        }
    }
}

static void live(struct life *l, uint64_t seed)
{
    *l = (struct life){.random = {.state = seed}, .rough = true, .now_us = 1000000};
    for (size_t node = 0; node < NODES; node++) {
        l->rate[node] = 1.0 + RATE_OFF * (2.0 * random_unit(&l->random) - 1.0);
        l->offset_ms[node] = (double)random_below(&l->random, 1000000000);
        start(l, node);
    }
    run(l, 600);
    l->rough = false;
    for (size_t node = 0; node < NODES; node++) {
        if (!l->up[node]) {
            start(l, node);
        }
        speak(l, node);
    }
    run(l, 60);
    expect_all(l);
    for (struct flying *f = l->wire; f < l->wire + WIRE; f++) {
        if (f->used) {
            post_burn(&f->post);
        }
    }
    for (size_t node = 0; node < NODES; node++) {
        soft_close(&l->tables[node]);
    }
}

static void no_clock_makes_a_state_younger_than_it_is(void **state)
{
    (void)state;
    struct life *l = mem_zalloc(sizeof(*l));
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        (void)printf("# seed %u\n", (unsigned)seed);
        live(l, seed);
    }
    mem_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_clock_makes_a_state_younger_than_it_is),
    };
    return cmocka_run_group_tests_name("soft_clocks", tests, NULL, NULL);
}
