/* tests/unit/test_patroni_restart.c - the conditions of a restart, and each refusal in Patroni's
 * words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "daemon/patroni_restart.h"
#include "tests/lib/view_kit.h"

#define NOT_SATISFIED "restart conditions are not satisfied"
#define BAD_VERSION "Invalid PostgreSQL version format: X.Y or X.Y.Z is accepted: "
#define BAD_TIMEOUT "Timeout should be a positive number of seconds"
#define BAD_ROLE "PostgreSQL role should be either primary, standby_leader, or replica"

#define UNREAD \
    "Unable to parse scheduled timestamp. It should be in an unambiguous format, e.g. ISO 8601"
#define NO_ZONE "Timezone information is mandatory for the scheduled restart"
#define PAST "Cannot schedule restart in the past"
#define NOW_MS UINT64_C(1796094000000) /* 2026-12-01T04:00:00+01:00 */

// clang-format off
static const struct {
    const char *body;
    unsigned status;
    const char *text;
    struct restart_order order;
} rows[] = {
    {"{}", 0, "", {.at = ""}},
    {"{'role': 'primary'}", 0, "", {.role = "primary"}},
    {"{'role': null, 'schedule': null}", 0, "", {.at = ""}},
    {"{'role': 'replica'}", 503, NOT_SATISFIED, {.at = ""}},
    {"{'role': 'standby_leader'}", 503, NOT_SATISFIED, {.at = ""}},
    {"{'role': 'leader'}", 400, BAD_ROLE, {.at = ""}},
    {"{'role': 'demoted'}", 400, BAD_ROLE, {.at = ""}},
    {"{'role': 1}", 400, BAD_ROLE, {.at = ""}},
    {"{'postgres_version': '15.21'}", 0, "", {.version = "15.21"}},
    {"{'postgres_version': '16.0'}", 0, "", {.version = "16.0"}},
    {"{'postgres_version': '15.20'}", 503, NOT_SATISFIED, {.at = ""}},
    {"{'postgres_version': '9.6.1'}", 503, NOT_SATISFIED, {.at = ""}},
    {"{'postgres_version': '9.6'}", 400, BAD_VERSION "\"9.6\"", {.at = ""}},
    {"{'postgres_version': '15.21.'}", 400, BAD_VERSION "\"15.21.\"", {.at = ""}},
    {"{'postgres_version': '15.3.1.2'}", 400, BAD_VERSION "\"15.3.1.2\"", {.at = ""}},
    {"{'postgres_version': '15x3'}", 400, BAD_VERSION "\"15x3\"", {.at = ""}},
    {"{'postgres_version': ''}", 400, BAD_VERSION "\"\"", {.at = ""}},
    {"{'postgres_version': 15}", 400, BAD_VERSION "no text", {.at = ""}},
    {"{'restart_pending': false}", 0, "", {.at = ""}},
    {"{'restart_pending': 'off'}", 0, "", {.at = ""}},
    {"{'restart_pending': true}", 503, NOT_SATISFIED, {.at = ""}},
    {"{'restart_pending': 'x'}", 400, "restart_pending: true or false is expected", {.at = ""}},
    {"{'timeout': 10}", 0, "", {.timeout_ms = 10000}},
    {"{'timeout': '2min', 'timeout_ms': 900}", 0, "", {.timeout_ms = 120000}},
    {"{'timeout': -1}", 400, BAD_TIMEOUT, {.at = ""}},
    {"{'timeout': 86401}", 400, BAD_TIMEOUT, {.at = ""}},
    {"{'timeout': 1.5}", 400, BAD_TIMEOUT, {.at = ""}},
    {"{'Role': 'primary'}", 400, "Unknown filter for the scheduled restart: '\"Role\"'", {.at = ""}},
    {"{'role': 'replica', 'timeout': 'x'}", 400, BAD_TIMEOUT, {.at = ""}}, /* sense before conditions */
    /* for later: conditions are looked at then */
    {"{'schedule': '2026-12-01T04:00:01+01:00'}", 0, "", {.at = "2026-12-01T04:00:01+01:00"}},
    {"{'schedule': '2026-12-01 05:00Z', 'role': 'replica', 'postgres_version': '9.6.1', 'restart_pending': true}", 0, "",
     {.at = "2026-12-01T05:00:00+00:00", .role = "replica", .version = "9.6.1", .only_pending = true}},
    {"{'schedule': '2026-12-01T05:00:00'}", 400, NO_ZONE, {.at = ""}},
    {"{'schedule': '2026-12-01T04:00:00+01:00'}", 422, PAST, {.at = ""}},
    {"{'schedule': 'now'}", 422, UNREAD, {.at = ""}},
    {"{'schedule': ''}", 422, UNREAD, {.at = ""}},
    {"{'schedule': 7}", 422, UNREAD, {.at = ""}},
    {"{'schedule': '2026-12-02T04:00Z', 'role': 'leader'}", 400, BAD_ROLE, {.at = ""}},
};
// clang-format on

/* With single quotes, as above. */
static json_t *parsed(const char *text)
{
    char json[240];
    size_t size = strlen(text);
    assert_true(size < sizeof(json));
    for (size_t i = 0; i <= size; i++) {
        json[i] = text[i] == '\'' ? '"' : text[i];
    }
    json_t *value = json_loads(json, 0, NULL);
    assert_non_null(value);
    return value;
}

static bool is_same(const struct restart_order *a, const struct restart_order *b)
{
    return strcmp(a->at, b->at) == 0 && strcmp(a->role, b->role) == 0 &&
           strcmp(a->version, b->version) == 0 && a->only_pending == b->only_pending &&
           a->timeout_ms == b->timeout_ms;
}

static void every_body_has_its_verdict(void **state)
{
    static struct cluster_view view;
    (void)state;
    view_kit_fill(&view, "pg1");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct restart_verdict v;
        json_t *body = parsed(rows[i].body);
        restart_judge(body, &view, NOW_MS, &v);
        json_decref(body);
        if (v.status != rows[i].status || strcmp(v.text, rows[i].text) != 0 ||
            (v.status == 0 && !is_same(&v.order, &rows[i].order))) {
            fail_msg("%s: %u %s", rows[i].body, v.status, v.text);
        }
    }
}

static void a_pending_restart_satisfies_who_asks_for_one(void **state)
{
    static struct cluster_view view;
    struct restart_verdict v;
    (void)state;
    view_kit_fill(&view, "pg2");
    view.self.restart.is_pending = true;
    json_t *body = parsed("{'restart_pending': true, 'role': 'replica'}");
    restart_judge(body, &view, NOW_MS, &v);
    json_decref(body);
    assert_int_equal(v.status, 0);
}

static void during_a_pause_nothing_is_scheduled(void **state)
{
    static struct cluster_view view;
    struct restart_verdict v;
    (void)state;
    view_kit_fill(&view, "pg2");
    view.is_paused = true;
    json_t *body = parsed("{'role': 'leader', 'schedule': 'soon'}");
    restart_judge(body, &view, NOW_MS, &v);
    json_decref(body);
    assert_int_equal(v.status, 500);
    assert_string_equal(v.text, "Can't schedule restart in the paused state");
    body = parsed("{'role': 'replica', 'schedule': null}");
    restart_judge(body, &view, NOW_MS, &v);
    json_decref(body);
    assert_int_equal(v.status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_body_has_its_verdict),
        cmocka_unit_test(a_pending_restart_satisfies_who_asks_for_one),
        cmocka_unit_test(during_a_pause_nothing_is_scheduled),
    };
    return cmocka_run_group_tests_name("patroni_restart", tests, NULL, NULL);
}
