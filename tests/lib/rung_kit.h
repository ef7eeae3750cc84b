/* tests/lib/rung_kit.h - a standby that follows nobody, and what must keep its copy as it is.
 *
 * damage.c and stuck.c each find that following will not help, so that a rung of the ladder is next
 * that takes the copy apart. Each has reasons of its own not to; those of the kit hold for both. */
#ifndef TESTS_LIB_RUNG_KIT_H_
#define TESTS_LIB_RUNG_KIT_H_

#include <string.h>

#include "tests/lib/facts_kit.h"

/* A change of what is well, under the name that a message tells. */
struct rung_kit_change {
    const char *name;
    kit_change make;
};

#define RUNG_KIT_CHANGE(change)           \
    {                                     \
        .name = #change, .make = (change) \
    }

/* pg2 does not stream from pg1, and its copy is listed nowhere. */
void rung_kit_standby(struct facts *f);

/* Hand @check each of @own, and then each of the kit's. */
typedef void (*rung_kit_check)(const struct rung_kit_change *change);
void rung_kit_each(const struct rung_kit_change *own, size_t count, rung_kit_check check);

#endif /* TESTS_LIB_RUNG_KIT_H_ */
