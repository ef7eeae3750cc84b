/* tests/unit/test_restart_order.c - the conditions of a restart, and what becomes of one for later
 * as its time comes and goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "supervisor/restart_order.h"

#define AT "2026-12-01T04:00:00+01:00"
#define AT_MS UINT64_C(1796094000000)
#define ROLE "this node has another role"
#define NOT_OLDER "PostgreSQL is not older than the version that was named"
#define NOT_PENDING "no restart is pending"
#define ANEW "PostgreSQL was started anew meanwhile"
#define MISSED "its time was missed"
#define PAUSED "its time came during a pause"
#define UNREAD "its time can not be read, or has no zone"

// clang-format off
static const struct {
    struct restart_order order;
    struct restart_seen seen;
    const char *unmet;
} conditions[] = {
    {{.role = ""}, {.role = VIEW_REPLICA}, NULL},
    {{.role = "replica"}, {.role = VIEW_REPLICA}, NULL},
    {{.role = "replica"}, {.role = VIEW_PRIMARY}, ROLE},
    {{.role = "primary"}, {.role = VIEW_REPLICA}, ROLE},
    {{.role = "standby_leader"}, {.role = VIEW_REPLICA}, ROLE},
    {{.role = "replica"}, {.role = VIEW_DEMOTED}, ROLE},
    {{.version = "16.4"}, {.version = 160003}, NULL},
    {{.version = "16.4"}, {.version = 160004}, NOT_OLDER},
    {{.version = "9.6.1"}, {.version = 90600}, NULL},
    {{.version = "9.6.1"}, {.version = 160004}, NOT_OLDER},
    {{.only_pending = true}, {.pending = FACT_YES}, NULL},
    {{.only_pending = true}, {.pending = FACT_NO}, NOT_PENDING},
    {{.only_pending = true}, {.pending = FACT_UNKNOWN}, NOT_PENDING},
    {{.role = "primary", .version = "16.4"}, {.role = VIEW_PRIMARY, .version = 160004}, NOT_OLDER},
};

static const struct {
    const char *text;
    uint32_t version;
} versions[] = {
    {"16.4", 160004}, {"15.21", 150021}, {"9.6.1", 90601}, {"10.0", 100000}, {"16.0.1", 160001},
    {"9.6", 0}, {"16", 0}, {"", 0}, {"16.", 0}, {".4", 0}, {"16.4.1.2", 0}, {"16.4x", 0}, {"16.100", 0},
    {" 16.4", 0}, {"-16.4", 0}, {"0000000000000000000000016.4", 0},
};
// clang-format on

static void the_conditions_of_a_restart(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
        const char *unmet = restart_unmet(&conditions[i].order, &conditions[i].seen);
        if ((unmet == NULL) != (conditions[i].unmet == NULL) ||
            (unmet != NULL && strcmp(unmet, conditions[i].unmet) != 0)) {
            fail_msg("row %zu: %s", i, unmet != NULL ? unmet : "met");
        }
    }
}

static void what_is_a_version(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        if (restart_version(versions[i].text) != versions[i].version) {
            fail_msg("%s: %u", versions[i].text, restart_version(versions[i].text));
        }
    }
}

/* A standby at the right moment, and what differs from it. */
#define WELL .is_running = true, .role = VIEW_REPLICA, .version = 150018
#define LATER(...)                                        \
    {                                                     \
        .order = {.at = AT, __VA_ARGS__}, .started_us = 7 \
    }

// clang-format off
static const struct {
    struct restart_later later;
    struct restart_moment now;
    enum restart_step step;
    const char *why;
} rows[] = {
    {LATER(), {{WELL}, .wall_ms = 1}, RESTART_WAIT, NULL},
    {LATER(), {{WELL}, .wall_ms = AT_MS - 1}, RESTART_WAIT, NULL},
    {LATER(), {{WELL}, .wall_ms = AT_MS}, RESTART_BEGIN, NULL},
    {LATER(), {{WELL}, .wall_ms = AT_MS + 15000}, RESTART_BEGIN, NULL},
    {LATER(), {{WELL}, .wall_ms = AT_MS + 15001}, RESTART_DROP, MISSED},
    {LATER(), {{WELL}, .wall_ms = AT_MS, .refused = "x"}, RESTART_BEGIN, NULL},
    {LATER(), {{WELL}, .wall_ms = AT_MS + 15001, .refused = "x"}, RESTART_DROP, "x"},
    {LATER(), {{WELL}, .wall_ms = AT_MS, .is_paused = true}, RESTART_WAIT, NULL},
    {LATER(), {{WELL}, .wall_ms = AT_MS + 15001, .is_paused = true}, RESTART_DROP, PAUSED},
    {LATER(), {{WELL, .started_us = 7}, .wall_ms = AT_MS}, RESTART_BEGIN, NULL},
    {LATER(), {{WELL, .started_us = 8}, .wall_ms = AT_MS}, RESTART_DROP, ANEW},
    {LATER(), {{WELL, .started_us = 8}, .wall_ms = 1}, RESTART_DROP, ANEW},
    {LATER(), {{WELL, .started_us = 8}, .wall_ms = 1, .is_paused = true}, RESTART_DROP, ANEW},
    {{.order = {.at = AT}}, {{WELL, .started_us = 8}, .wall_ms = AT_MS}, RESTART_BEGIN, NULL},
    /* not known yet, or PostgreSQL is down */
    {LATER(), {{.role = VIEW_REPLICA, .version = 150018}, .wall_ms = AT_MS}, RESTART_WAIT, NULL},
    {LATER(), {{.is_running = true, .version = 150018}, .wall_ms = AT_MS}, RESTART_WAIT, NULL},
    {LATER(), {{.is_running = true, .role = VIEW_REPLICA}, .wall_ms = AT_MS}, RESTART_WAIT, NULL},
    {LATER(), {{.role = VIEW_REPLICA}, .wall_ms = AT_MS + 15001}, RESTART_DROP, MISSED},
    {LATER(.only_pending = true), {{WELL}, .wall_ms = AT_MS}, RESTART_WAIT, NULL},
    /* conditions, when it is due and not before */
    {LATER(.only_pending = true), {{WELL, .pending = FACT_YES}, .wall_ms = AT_MS}, RESTART_BEGIN, NULL},
    {LATER(.only_pending = true), {{WELL, .pending = FACT_NO}, .wall_ms = AT_MS}, RESTART_DROP, NOT_PENDING},
    {LATER(.only_pending = true), {{WELL, .pending = FACT_NO}, .wall_ms = AT_MS - 1}, RESTART_WAIT, NULL},
    {LATER(.role = "primary"), {{WELL}, .wall_ms = AT_MS}, RESTART_DROP, ROLE},
    {LATER(.role = "primary"), {{WELL}, .wall_ms = AT_MS - 1}, RESTART_WAIT, NULL},
    {LATER(.version = "15.18"), {{WELL}, .wall_ms = AT_MS}, RESTART_DROP, NOT_OLDER},
    {LATER(.version = "15.19"), {{WELL}, .wall_ms = AT_MS}, RESTART_BEGIN, NULL},
    {{.order = {.at = "2026-12-01T04:00:00"}}, {{WELL}, .wall_ms = 1}, RESTART_DROP, UNREAD},
    {{.order = {.at = "soon"}}, {{WELL}, .wall_ms = 1}, RESTART_DROP, UNREAD},
};
// clang-format on

static void each_moment_has_its_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct restart_plan plan = restart_plan(&rows[i].later, &rows[i].now);
        bool is_same = (plan.why == NULL) == (rows[i].why == NULL) &&
                       (plan.why == NULL || strcmp(plan.why, rows[i].why) == 0);
        if (plan.step != rows[i].step || !is_same) {
            fail_msg("row %zu: %d %s", i, (int)plan.step, plan.why != NULL ? plan.why : "");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_conditions_of_a_restart),
        cmocka_unit_test(what_is_a_version),
        cmocka_unit_test(each_moment_has_its_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
