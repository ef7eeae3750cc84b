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

// clang-format off
static const struct {
    const char *body;
    unsigned status;
    const char *text;
    uint64_t timeout_ms;
} rows[] = {
    {"{}", 0, "", 0},
    {"{'role': 'primary'}", 0, "", 0},
    {"{'role': null, 'schedule': null}", 0, "", 0},
    {"{'role': 'replica'}", 503, NOT_SATISFIED, 0},
    {"{'role': 'standby_leader'}", 503, NOT_SATISFIED, 0},
    {"{'role': 'leader'}", 400, BAD_ROLE, 0},
    {"{'role': 1}", 400, BAD_ROLE, 0},
    {"{'postgres_version': '15.21'}", 0, "", 0},
    {"{'postgres_version': '16.0'}", 0, "", 0},
    {"{'postgres_version': '15.20'}", 503, NOT_SATISFIED, 0},
    {"{'postgres_version': '9.6.1'}", 503, NOT_SATISFIED, 0},
    {"{'postgres_version': '9.6'}", 400, BAD_VERSION "\"9.6\"", 0},
    {"{'postgres_version': '15.21.'}", 400, BAD_VERSION "\"15.21.\"", 0},
    {"{'postgres_version': '15.3.1.2'}", 400, BAD_VERSION "\"15.3.1.2\"", 0},
    {"{'postgres_version': '15x3'}", 400, BAD_VERSION "\"15x3\"", 0},
    {"{'postgres_version': ''}", 400, BAD_VERSION "\"\"", 0},
    {"{'postgres_version': 15}", 400, BAD_VERSION "no text", 0},
    {"{'restart_pending': false}", 0, "", 0},
    {"{'restart_pending': 'off'}", 0, "", 0},
    {"{'restart_pending': true}", 503, NOT_SATISFIED, 0},
    {"{'restart_pending': 'x'}", 400, "restart_pending: true or false is expected", 0},
    {"{'timeout': 10}", 0, "", 10000},
    {"{'timeout': '2min', 'timeout_ms': 900}", 0, "", 120000},
    {"{'timeout': -1}", 400, BAD_TIMEOUT, 0},
    {"{'timeout': 86401}", 400, BAD_TIMEOUT, 0},
    {"{'timeout': 1.5}", 400, BAD_TIMEOUT, 0},
    {"{'schedule': '2126-12-01T04:00+01:00'}", 501, "a restart can not be scheduled here: ask for it when it is due", 0},
    {"{'Role': 'primary'}", 400, "Unknown filter for the scheduled restart: '\"Role\"'", 0},
    {"{'role': 'replica', 'timeout': 'x'}", 503, NOT_SATISFIED, 0},
};
// clang-format on

/* With single quotes, as above. */
static json_t *parsed(const char *text)
{
    char json[200];
    size_t size = strlen(text);
    assert_true(size < sizeof(json));
    for (size_t i = 0; i <= size; i++) {
        json[i] = text[i] == '\'' ? '"' : text[i];
    }
    json_t *value = json_loads(json, 0, NULL);
    assert_non_null(value);
    return value;
}

static void every_body_has_its_verdict(void **state)
{
    static struct cluster_view view;
    (void)state;
    view_kit_fill(&view, "pg1");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct restart_verdict v;
        json_t *body = parsed(rows[i].body);
        restart_judge(body, &view, &v);
        json_decref(body);
        if (v.status != rows[i].status || strcmp(v.text, rows[i].text) != 0 ||
            (v.status == 0 && v.timeout_ms != rows[i].timeout_ms)) {
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
    restart_judge(body, &view, &v);
    json_decref(body);
    assert_int_equal(v.status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_body_has_its_verdict),
        cmocka_unit_test(a_pending_restart_satisfies_who_asks_for_one),
    };
    return cmocka_run_group_tests_name("patroni_restart", tests, NULL, NULL);
}
