/* daemon/patroni_restart.c - role, postgres_version, restart_pending, timeout and schedule. */
#include "daemon/patroni_restart.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cli.h"
#include "base/clock.h"
#include "config/scalar.h"
#include "daemon/patroni_schedule.h"

#define TIMEOUT_MS_MAX UINT64_C(86400000)
#define BAD_TIMEOUT "Timeout should be a positive number of seconds"
#define BAD_VERSION "Invalid PostgreSQL version format: X.Y or X.Y.Z is accepted: %s"
#define BAD_ROLE "PostgreSQL role should be either primary, standby_leader, or replica"

struct judging {
    struct restart_verdict *verdict;
    const struct cluster_view *view;
    uint64_t wall_ms;
};

static void refuse(struct judging *j, unsigned status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void refuse(struct judging *j, unsigned status, const char *fmt, ...)
{
    va_list args;
    if (j->verdict->status != 0) {
        return; /* the first counts */
    }
    j->verdict->status = status;
    va_start(args, fmt);
    (void)vsnprintf(j->verdict->text, sizeof(j->verdict->text), fmt, args);
    va_end(args);
}

/* ---- one word each ---- */

static void judge_role(struct judging *j, const json_t *value)
{
    const char *text = json_string_value(value);
    if (text == NULL || restart_role(text) == VIEW_ROLE_UNKNOWN) {
        refuse(j, 400, BAD_ROLE);
    } else {
        view_text_set(j->verdict->order.role, RESTART_WORD_SIZE, text);
    }
}

static void judge_version(struct judging *j, const json_t *value)
{
    const char *text = json_string_value(value);
    if (text == NULL || restart_version(text) == 0) {
        refuse(j, 400, BAD_VERSION, text != NULL ? cli_quoted(text).text : "no text");
    } else {
        view_text_set(j->verdict->order.version, RESTART_WORD_SIZE, text);
    }
}

/* Patroni looks at nothing but whether it is there; who writes "false" means it. */
static void judge_pending(struct judging *j, const json_t *value)
{
    const char *text = json_string_value(value);
    bool wanted = json_is_true(value);
    if (text != NULL ? scalar_bool(text, &wanted, NULL) != 0 : !json_is_boolean(value)) {
        refuse(j, 400, "restart_pending: true or false is expected");
    } else {
        j->verdict->order.only_pending = wanted;
    }
}

static void judge_timeout(struct judging *j, const json_t *value)
{
    uint64_t ms = 0;
    const char *text = json_string_value(value);
    if (json_is_integer(value) && json_integer_value(value) > 0 &&
        (uint64_t)json_integer_value(value) <= TIMEOUT_MS_MAX / MS_PER_S) {
        ms = (uint64_t)json_integer_value(value) * MS_PER_S;
    } else if (text != NULL && scalar_duration_ms(text, &ms, NULL) != 0) {
        ms = 0;
    }
    if (ms == 0 || ms > TIMEOUT_MS_MAX) {
        refuse(j, 400, BAD_TIMEOUT);
    }
    j->verdict->order.timeout_ms = ms;
}

static void judge_time(struct judging *j, const json_t *value)
{
    char at[WHEN_TEXT_SIZE];
    char why[sizeof(j->verdict->text)];
    unsigned status =
        schedule_judge(json_string_value(value), "restart", j->wall_ms, at, why, sizeof(why));
    if (status != 0) {
        refuse(j, status, "%s", why);
    } else {
        memcpy(j->verdict->order.at, at, sizeof(at));
    }
}

static void judge_word(struct judging *j, const char *name, const json_t *value)
{
    if (json_is_null(value) || strcmp(name, "timeout_ms") == 0) {
        return; /* ours, of every request */
    }
    if (strcmp(name, "role") == 0) {
        judge_role(j, value);
    } else if (strcmp(name, "postgres_version") == 0) {
        judge_version(j, value);
    } else if (strcmp(name, "restart_pending") == 0) {
        judge_pending(j, value);
    } else if (strcmp(name, "timeout") == 0) {
        judge_timeout(j, value);
    } else if (strcmp(name, "schedule") == 0) {
        judge_time(j, value);
    } else {
        refuse(j, 400, "Unknown filter for the scheduled restart: '%s'", cli_quoted(name).text);
    }
}

/* Of one for later they are looked at when it is due. */
static void judge_conditions(struct judging *j)
{
    const struct view_self *self = &j->view->self;
    const struct restart_seen seen = {
        .is_running = true,
        .role = self->role,
        .version = self->server_version,
        .pending = self->restart.is_pending ? FACT_YES : FACT_NO,
    };
    if (j->verdict->order.at[0] == '\0' && restart_unmet(&j->verdict->order, &seen) != NULL) {
        refuse(j, 503, "restart conditions are not satisfied");
    }
}

void restart_judge(json_t *body, const struct cluster_view *view, uint64_t wall_ms,
                   struct restart_verdict *ret_verdict)
{
    struct judging j = {.verdict = ret_verdict, .view = view, .wall_ms = wall_ms};
    const json_t *schedule = json_object_get(body, "schedule");
    const char *name = NULL;
    json_t *value = NULL;
    *ret_verdict = (struct restart_verdict){.status = 0};
    if (view->is_paused && schedule != NULL && !json_is_null(schedule)) {
        refuse(&j, 500, "Can't schedule restart in the paused state");
    }
    json_object_foreach(body, name, value)
    {
        judge_word(&j, name, value);
    }
    judge_conditions(&j);
}
