/* tests/storage/test_crash.c - the process is killed at every system call that touches a file,
 * before and after it; the next start must find every batch that was reported durable, no half of
 * one, and nothing that was never asked for.
 *
 * Not sampled: calls 1, 2, 3, ... until a life ends by itself. usage: test_crash [SEEDS [FIRST]] */
#include <stdio.h>
#include <stdlib.h>

#include "tests/storage/faults.h"
#include "tests/storage/life.h"

struct plan {
    enum fault fault;
    unsigned long at;
};

static void arm(void *ctx)
{
    const struct plan *plan = ctx;
    faults_arm(plan->fault, FAULT_ALL, plan->at, 0);
}

/* True when the life ended before the call came. */
static bool try_one(struct life *life, struct plan *plan, unsigned long *failures)
{
    life_reset(life);
    enum life_end end = life_run(life, arm, plan);
    const char *wrong = end != LIFE_KILLED && end != LIFE_DONE ? "ended in another way" : NULL;
    wrong = wrong == NULL ? life_check(life) : wrong;
    if (wrong != NULL) {
        (void)printf("# seed %llu, killed %s call %lu: %s (end %d) %s\n",
                     (unsigned long long)life->seed,
                     plan->fault == FAULT_KILL_BEFORE ? "before" : "after", plan->at, wrong,
                     (int)end, life->progress->message);
        *failures += 1;
    }
    return end != LIFE_KILLED;
}

int main(int argc, char **argv)
{
    unsigned long seeds = argc > 1 ? strtoul(argv[1], NULL, 10) : 2;
    unsigned long first = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    unsigned long points = 0;
    unsigned long failures = 0;
    (void)printf("1..1\n");
    for (unsigned long seed = first; seed < first + seeds; seed++) {
        struct life life;
        life_init(&life, seed);
        bool is_over = false;
        for (unsigned long at = 1; !is_over; at++) {
            struct plan before = {FAULT_KILL_BEFORE, at};
            struct plan after = {FAULT_KILL_AFTER, at};
            is_over = try_one(&life, &before, &failures);
            is_over = try_one(&life, &after, &failures) || is_over;
            points += is_over ? 0 : 2;
        }
        life_close(&life);
    }
    (void)printf("# %lu seeds, killed at %lu points\n", seeds, points);
    bool is_ok = failures == 0 && points > 200 * seeds;
    (void)printf("%s 1 - nothing that was reported durable is lost\n", is_ok ? "ok" : "not ok");
    return is_ok ? 0 : 1;
}
