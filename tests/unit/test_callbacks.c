/* tests/unit/test_callbacks.c - which callback is due: lives as rows of looks, and what each look
 * has called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/callbacks.h"

#define LOOKS_MAX 6

struct look {
    struct callbacks_seen seen;
    const char *calls; /* "on_start replica"; with commas */
};

// clang-format off
#define BEFORE     {.pg = CALLBACKS_PG_UP, .role = CALLBACK_AS_REPLICA, .postmaster = 7}
#define REPLICA    {.is_begun = true, .pg = CALLBACKS_PG_UP, .role = CALLBACK_AS_REPLICA, .postmaster = 7}
#define PROMOTES   {.is_begun = true, .pg = CALLBACKS_PG_UP, .is_holder = true, .postmaster = 7}
#define PRIMARY    {.is_begun = true, .pg = CALLBACKS_PG_UP, .role = CALLBACK_AS_PRIMARY, .is_holder = true, .postmaster = 7}
#define LEADS      {.is_begun = true, .pg = CALLBACKS_PG_UP, .role = CALLBACK_AS_STANDBY_LEADER, .is_holder = true, .postmaster = 7}
#define STARTS     {.is_begun = true, .pg = CALLBACKS_PG_UNKNOWN}
#define STOPPED    {.is_begun = true, .pg = CALLBACKS_PG_DOWN}
#define RESTARTS   {.is_begun = true, .pg = CALLBACKS_PG_DOWN, .is_holder = true, .restarts = true}
#define CRASHED    {.is_begun = true, .pg = CALLBACKS_PG_DOWN, .is_holder = true, .has_crashed = true}
#define GIVEN_AWAY {.is_begun = true, .pg = CALLBACKS_PG_DOWN, .has_crashed = true}
#define TOLD       {.is_begun = true, .pg = CALLBACKS_PG_UP, .role = CALLBACK_AS_REPLICA, .postmaster = 7, .reloads = 1}
#define TOLD_DOWN  {.is_begun = true, .pg = CALLBACKS_PG_DOWN, .reloads = 1}
#define ANOTHER    {.is_begun = true, .pg = CALLBACKS_PG_UP, .role = CALLBACK_AS_REPLICA, .postmaster = 8}
#define NAMELESS   {.is_begun = true, .pg = CALLBACKS_PG_UP, .role = CALLBACK_AS_REPLICA}

static const struct {
    const char *text;
    struct look looks[LOOKS_MAX];
} lives[] = {
    {"who runs when this program begins is told as one that starts",
        {{REPLICA, "on_start replica"}, {REPLICA, ""}}},
    {"... also a primary", {{PRIMARY, "on_start primary"}, {PRIMARY, ""}}},
    {"while the cluster begins nothing is told, and then its first primary",
        {{BEFORE, ""}, {PROMOTES, ""}, {PRIMARY, "on_start primary"}}},
    {"a promotion is told when writes are served, and once",
        {{REPLICA, "on_start replica"}, {PROMOTES, ""}, {PRIMARY, "on_role_change primary"}, {PRIMARY, ""}}},
    {"who leads a standby cluster is told so, and when it does not any more",
        {{REPLICA, "on_start replica"}, {LEADS, "on_role_change standby_leader"}, {LEADS, ""}, {REPLICA, "on_role_change replica"}}},
    {"a planned end is told with the role that it had",
        {{PRIMARY, "on_start primary"}, {STARTS, ""}, {STOPPED, "on_stop primary"}, {STOPPED, ""}}},
    {"... and the start in another role as a change of it alone",
        {{PRIMARY, "on_start primary"}, {STOPPED, "on_stop primary"}, {STARTS, ""}, {REPLICA, "on_role_change replica"}}},
    {"a start in the same role is a start",
        {{REPLICA, "on_start replica"}, {STOPPED, "on_stop replica"}, {REPLICA, "on_start replica"}}},
    {"a restart is told as that, when it is up again",
        {{PRIMARY, "on_start primary"}, {RESTARTS, ""}, {PRIMARY, "on_restart primary"}, {STOPPED, "on_stop primary"}}},
    {"... unless the role is another one then",
        {{PRIMARY, "on_start primary"}, {RESTARTS, ""}, {REPLICA, "on_role_change replica"}}},
    {"a primary that crashed and goes on in place has started",
        {{PRIMARY, "on_start primary"}, {CRASHED, ""}, {STARTS, ""}, {PRIMARY, "on_start primary"}}},
    {"... one that loses the role by it is told so at once, and what it becomes later",
        {{PRIMARY, "on_start primary"}, {CRASHED, ""}, {GIVEN_AWAY, "on_role_change demoted"}, {GIVEN_AWAY, ""},
         {REPLICA, "on_role_change replica"}}},
    {"... a replica has no role to lose",
        {{REPLICA, "on_start replica"}, {GIVEN_AWAY, ""}, {REPLICA, "on_start replica"}}},
    {"a reload is told once", {{REPLICA, "on_start replica"}, {TOLD, "on_reload replica"}, {TOLD, ""}}},
    {"... to whom it was told, not to who starts with it",
        {{REPLICA, "on_start replica"}, {TOLD_DOWN, "on_stop replica"}, {TOLD, "on_start replica"}}},
    {"... beside the start, if both are news", {{TOLD, "on_start replica, on_reload replica"}}},
    {"another PostgreSQL between two looks has started",
        {{REPLICA, "on_start replica"}, {ANOTHER, "on_start replica"}, {NAMELESS, ""}, {ANOTHER, ""}}},
    {"what is not seen for a moment tells nothing",
        {{REPLICA, "on_start replica"}, {STARTS, ""}, {REPLICA, ""}}},
};
// clang-format on

static void look(struct callbacks_past *past, const struct callbacks_seen *seen, char out[128])
{
    struct callbacks_due due = callbacks_next(past, seen);
    out[0] = '\0';
    for (uint32_t i = 0; i < due.count; i++) {
        size_t size = strlen(out);
        (void)snprintf(out + size, 128 - size, "%s%s %s", i > 0 ? ", " : "",
                       callback_name(due.at[i].what), callback_role_name(due.at[i].role));
    }
}

static void each_life_calls_what_is_due(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
        struct callbacks_past past = {.is_up = false};
        for (size_t k = 0; k < LOOKS_MAX && lives[i].looks[k].calls != NULL; k++) {
            char calls[128];
            look(&past, &lives[i].looks[k].seen, calls);
            if (strcmp(calls, lives[i].looks[k].calls) != 0) {
                fail_msg("\"%s\", look %zu: \"%s\"", lives[i].text, k + 1, calls);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_life_calls_what_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
