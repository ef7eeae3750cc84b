/* tests/storage/test_nomem.c - the n-th allocation fails, for n = 1, 2, ...: the process ends with
 * words, never with a crash or with half of something on disk.
 *
 * usage: test_nomem [STEP [SEED]]; a step of 1 leaves none out. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/storage/faults.h"
#include "tests/storage/life.h"

/* The names by which everybody allocates are taken over here; libc's own stand behind them. */
void *taken_malloc(size_t size) __asm__("malloc");
void *taken_calloc(size_t count, size_t size) __asm__("calloc");
void *taken_realloc(void *ptr, size_t size) __asm__("realloc");
void *libc_malloc(size_t size) __asm__("__libc_malloc");
void *libc_calloc(size_t count, size_t size) __asm__("__libc_calloc");
void *libc_realloc(void *ptr, size_t size) __asm__("__libc_realloc");

static atomic_ulong allocations;
static unsigned long fail_at; /* 0: none */

static bool may_allocate(void)
{
    if (fail_at == 0 || atomic_fetch_add(&allocations, 1) + 1 != fail_at) {
        return true;
    }
    errno = ENOMEM;
    return false;
}

__attribute__((visibility("default"))) void *taken_malloc(size_t size)
{
    return may_allocate() ? libc_malloc(size) : NULL;
}

__attribute__((visibility("default"))) void *taken_calloc(size_t count, size_t size)
{
    return may_allocate() ? libc_calloc(count, size) : NULL;
}

__attribute__((visibility("default"))) void *taken_realloc(void *ptr, size_t size)
{
    return may_allocate() ? libc_realloc(ptr, size) : NULL;
}

static void arm(void *ctx)
{
    const unsigned long *at = ctx;
    faults_arm(FAULT_COUNT, FAULT_ALL, 0, 0);
    (void)freopen("/dev/null", "w", stderr); /* the last words are many */
    fail_at = *at;
}

int main(int argc, char **argv)
{
    unsigned long step = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
    struct life life;
    life_init(&life, argc > 2 ? strtoul(argv[2], NULL, 10) : 1);
    unsigned long points = 0;
    unsigned long done = 0;
    unsigned long failures = 0;
    (void)printf("1..1\n");
    /* Some allocations of libc are not needed in the end, so one life that is not harmed says
     * nothing yet. */
    for (unsigned long at = 1; done < 20; at += step) {
        life_reset(&life);
        enum life_end end = life_run(&life, arm, &at);
        const char *wrong = end == LIFE_CRASHED || end == LIFE_KILLED ? "crashed" : NULL;
        wrong = wrong == NULL ? life_check(&life) : wrong;
        if (wrong != NULL) {
            (void)printf("# allocation %lu: %s (end %d) %s\n", at, wrong, (int)end,
                         life.progress->message);
            failures++;
        }
        done += end == LIFE_DONE ? 1 : 0;
        points++;
    }
    life_close(&life);
    (void)printf("# %lu allocations failed, one in a life\n", points);
    bool is_ok = failures == 0 && points * step > 500;
    (void)printf("%s 1 - a failed allocation loses nothing\n", is_ok ? "ok" : "not ok");
    return is_ok ? 0 : 1;
}
