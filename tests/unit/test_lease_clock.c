/* tests/unit/test_lease_clock.c - the leader's clock of leases, against a plain list; and the two
 * spans, against every reading that clocks within their rate can give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "consensus/lease_clock.h"
#include "consensus/lease_span.h"
#include "proto/kv.h"
#include "tests/lib/random.h"

#define IDS 40

struct model {
    bool there;
    uint64_t until_ms;
    uint64_t ending;
};

static const struct model *first_of(const struct model *model, uint64_t *ret_id)
{
    const struct model *best = NULL;
    for (uint64_t id = 1; id <= IDS; id++) {
        const struct model *m = &model[id];
        if (m->there && m->ending == 0 && (best == NULL || m->until_ms < best->until_ms)) {
            best = m;
            *ret_id = id;
        }
    }
    return best;
}

static void agree(const struct lease_clock *clock, const struct model *model)
{
    uint64_t id = 0;
    const struct model *wanted = first_of(model, &id);
    const struct lease_time *first = lease_clock_first(clock);
    assert_int_equal(first != NULL, wanted != NULL);
    if (first != NULL && wanted != NULL) {
        assert_int_equal(first->id, id);
        assert_int_equal(first->until_ms, wanted->until_ms);
    }
    for (id = 1; id <= IDS; id++) {
        const struct lease_time *time = lease_clock_find(clock, id);
        assert_int_equal(time != NULL, model[id].there);
        if (time != NULL) {
            assert_int_equal(time->until_ms, model[id].until_ms);
            assert_int_equal(time->ending_index, model[id].ending);
        }
    }
}

static void run(struct lease_clock *clock, struct model *m, uint64_t id, uint64_t until_ms)
{
    lease_clock_run(clock, id, 7, until_ms);
    m->until_ms = m->there && m->until_ms > until_ms ? m->until_ms : until_ms;
    m->there = true;
}

/* An entry of the right index, or of another, says that the lease goes on. */
static void go_on(struct lease_clock *clock, struct model *m, uint64_t id, uint64_t index)
{
    if (index != 0) {
        lease_clock_go_on(clock, id, index);
        m->ending = m->ending == index ? 0 : m->ending;
    }
}

static void a_clock_does_what_a_list_does(void **state)
{
    (void)state;
    struct test_random chance = {4711};
    struct lease_clock clock = {0};
    struct model model[IDS + 1] = {{0}};
    for (uint64_t i = 1; i <= 20000; i++) {
        uint64_t id = 1 + random_below(&chance, IDS);
        struct model *m = &model[id];
        switch (random_below(&chance, 5)) {
            case 0:
                lease_clock_remove(&clock, id);
                *m = (struct model){0};
                break;
            case 1:
                lease_clock_end(&clock, id, i);
                m->ending = m->there ? i : 0;
                break;
            case 2:
                go_on(&clock, m, id, random_chance(&chance, 0.8) ? m->ending : i);
                break;
            default:
                run(&clock, m, id, random_below(&chance, 500));
                break;
        }
        agree(&clock, model);
    }
    lease_clock_clear(&clock);
    assert_null(lease_clock_first(&clock));
}

/* The holder's clock runs slow and the leader's fast, as much as they may; what is cut off of a
 * reading falls out as badly as it can. */
static void the_spans_leave_no_overlap(void **state)
{
    (void)state;
    const double rate = LEASE_RATE_PPM / 1e6;
    for (uint64_t ttl = KV_LEASE_TTL_MS_MIN; ttl < KV_LEASE_TTL_MS_MAX; ttl += 1 + ttl / 50) {
        double holder_ms = (double)lease_holder_ms(ttl) / (1 - rate);
        double direct_ms = ((double)lease_leader_ms(ttl) - 1) / (1 + rate);
        /* A4: the receipt of a vote, less the age it tells; see docs/leases.md. */
        double voted_ms = ((double)lease_leader_ms(ttl) - 3) / (1 + rate);
        assert_true(holder_ms < (double)ttl);
        assert_true(direct_ms > (double)ttl);
        assert_true(voted_ms > (double)ttl);
        assert_true(lease_holder_ms(ttl) >= ttl - ttl / 100 - 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_does_what_a_list_does),
        cmocka_unit_test(the_spans_leave_no_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
