/* tests/lib/scratch_kit.h - for a program whose tests each have a directory, and an error, of their
 * own: hand scratch_setup and scratch_teardown to cmocka, or call them from one's own. */
#ifndef TESTS_LIB_SCRATCH_KIT_H_
#define TESTS_LIB_SCRATCH_KIT_H_

#include "base/err.h"
#include "tests/lib/scratch.h"

static struct scratch scratch;
static struct err err;

static inline int scratch_setup(void **state)
{
    (void)state;
    err = (struct err){0};
    scratch_init(&scratch);
    return 0;
}

static inline int scratch_teardown(void **state)
{
    (void)state;
    scratch_close(&scratch);
    return 0;
}

#endif /* TESTS_LIB_SCRATCH_KIT_H_ */
