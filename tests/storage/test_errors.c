/* tests/storage/test_errors.c - the n-th system call that touches a file fails, for n = 1, 2, ...
 * until a life needs fewer.
 *
 * A broken disk (EIO, a write cut short) must end the life with a message, never be swallowed; a
 * full one (ENOSPC) must not end it: it stalls and goes on. But for the write of a meta page, after
 * which LMDB takes no more: that ends it, and the next start finds all. What is found afterwards is
 * what was reported, whatever happened, so that no end tells to throw it away. usage: test_errors
 * [SEEDS [FIRST]] */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/storage/faults.h"
#include "tests/storage/life.h"

struct kind {
    const char *name;
    enum fault fault;
    unsigned calls;
    int error;
    unsigned ends; /* that are right when the fault was met: a bit for each enum life_end */
};

#define BIT(end) (1u << (end))
#define BROKEN (BIT(LIFE_OPEN_FAILED) | BIT(LIFE_FATAL))
#define FULL (BIT(LIFE_DONE) | BIT(LIFE_STALLED) | BIT(LIFE_OPEN_FAILED))

static const struct kind kinds[] = {
    {"EIO from a write", FAULT_ERROR, FAULT_WRITES | FAULT_META_WRITES, EIO, BROKEN},
    {"EIO from a sync", FAULT_ERROR, FAULT_SYNCS, EIO, BROKEN},
    {"a write cut short", FAULT_SHORT, FAULT_WRITES | FAULT_META_WRITES, 0, BROKEN},
    {"EIO when allocating", FAULT_ERROR, FAULT_SPACE, EIO, BROKEN},
    /* The machine's id may be missing: that one open() is not an error. */
    {"EIO from a name", FAULT_ERROR, FAULT_NAMES, EIO, BROKEN | BIT(LIFE_DONE)},
    {"ENOSPC from a write", FAULT_ERROR, FAULT_WRITES, ENOSPC, FULL},
    {"ENOSPC from a sync", FAULT_ERROR, FAULT_SYNCS, ENOSPC, FULL},
    {"ENOSPC from a meta write", FAULT_ERROR, FAULT_META_WRITES, ENOSPC, BROKEN},
    {"ENOSPC when allocating", FAULT_ERROR, FAULT_SPACE, ENOSPC, FULL},
};

struct plan {
    const struct kind *kind;
    unsigned long at;
};

static void arm(void *ctx)
{
    const struct plan *plan = ctx;
    faults_arm(plan->kind->fault, plan->kind->calls, plan->at, plan->kind->error);
}

struct totals {
    unsigned long points;
    unsigned long failures;
    unsigned long ends[8];
};

/* False when the life was over before. */
static bool try_one(struct life *life, struct plan *plan, struct totals *totals)
{
    life_reset(life);
    enum life_end end = life_run(life, arm, plan);
    bool fired = life->progress->fault_fired;
    bool is_right = fired ? end < 8 && (plan->kind->ends & BIT(end)) != 0 : end == LIFE_DONE;
    const char *wrong = is_right ? life_check(life) : "ended in another way";
    if (wrong == NULL && fired && strstr(life->progress->message, "remove") != NULL) {
        wrong = "tells to remove a store that is sound"; /* as life_check() has found */
    }
    if (wrong != NULL) {
        (void)printf("# seed %llu, %s, call %lu (%s): %s (end %d) %s\n",
                     (unsigned long long)life->seed, plan->kind->name, plan->at,
                     life->progress->fault_name, wrong, (int)end, life->progress->message);
        totals->failures++;
    }
    if (fired && end < 8) {
        totals->ends[end]++;
        totals->points++;
    }
    return fired;
}

int main(int argc, char **argv)
{
    unsigned long seeds = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    unsigned long first = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    bool all_ok = true;
    size_t count = sizeof(kinds) / sizeof(kinds[0]);
    (void)printf("1..%zu\n", count);
    for (size_t i = 0; i < count; i++) {
        struct totals totals = {0};
        for (unsigned long seed = first; seed < first + seeds; seed++) {
            struct life life;
            life_init(&life, seed);
            struct plan plan = {&kinds[i], 1};
            while (try_one(&life, &plan, &totals)) {
                plan.at++;
            }
            life_close(&life);
        }
        bool is_ok = totals.failures == 0 && totals.points > 0;
        all_ok = all_ok && is_ok;
        (void)printf("# %lu points: %lu done, %lu stalled and done, %lu not opened, %lu ended\n",
                     totals.points, totals.ends[LIFE_DONE], totals.ends[LIFE_STALLED],
                     totals.ends[LIFE_OPEN_FAILED], totals.ends[LIFE_FATAL]);
        (void)printf("%s %zu - %s\n", is_ok ? "ok" : "not ok", i + 1, kinds[i].name);
    }
    return all_ok ? 0 : 1;
}
