/* daemon/patroni_restart.c - role, postgres_version, restart_pending, timeout and schedule. */
#include "daemon/patroni_restart.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cli.h"
#include "base/clock.h"
#include "base/must.h"
#include "config/scalar.h"

#define TIMEOUT_MS_MAX UINT64_C(86400000)
#define BAD_TIMEOUT "Timeout should be a positive number of seconds"
#define BAD_VERSION "Invalid PostgreSQL version format: X.Y or X.Y.Z is accepted: %s"
#define PARTS_MAX 3
#define OLD_STYLE 10 /* before it, three numbers make a version */

struct judging {
    struct restart_verdict *verdict;
    const struct cluster_view *view;
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

static void refuse_condition(struct judging *j)
{
    refuse(j, 503, "restart conditions are not satisfied");
}

/* ---- one word each ---- */

static void judge_role(struct judging *j, const json_t *value)
{
    static const char *const words[] = {"primary", "standby_leader", "replica"};
    static const enum view_role roles[] = {VIEW_PRIMARY, VIEW_STANDBY_LEADER, VIEW_REPLICA};
    const char *text = json_string_value(value);
    for (size_t i = 0; text != NULL && i < ARRAY_LEN(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            if (j->view->self.role != roles[i]) {
                refuse_condition(j);
            }
            return;
        }
    }
    refuse(j, 400, "PostgreSQL role should be either primary, standby_leader, or replica");
}

/* "16.4" is 160004, "9.6.1" 90601; 0: it is no version. */
static uint32_t version_of(const char *text)
{
    uint32_t parts[PARTS_MAX] = {0};
    size_t count = 0;
    for (const char *at = text; count < PARTS_MAX && *at >= '0' && *at <= '9';) {
        char *end = NULL;
        unsigned long number = strtoul(at, &end, 10);
        if (number > 99 || (*end != '.' && *end != '\0')) {
            return 0;
        }
        parts[count++] = (uint32_t)number;
        if (*end == '\0') {
            bool is_good = count == PARTS_MAX || (count == 2 && parts[0] >= OLD_STYLE);
            uint32_t minor = count == 2 ? parts[1] : parts[1] * 100 + parts[2];
            return is_good ? parts[0] * 10000 + minor : 0;
        }
        at = end + 1;
    }
    return 0;
}

static void judge_version(struct judging *j, const json_t *value)
{
    const char *text = json_string_value(value);
    uint32_t wanted = text != NULL ? version_of(text) : 0;
    if (wanted == 0) {
        refuse(j, 400, BAD_VERSION, text != NULL ? cli_quoted(text).text : "no text");
    } else if (j->view->self.server_version >= wanted) {
        refuse_condition(j);
    }
}

/* Patroni looks at nothing but whether it is there; who writes "false" means it. */
static void judge_pending(struct judging *j, const json_t *value)
{
    const char *text = json_string_value(value);
    bool wanted = json_is_true(value);
    if (text != NULL ? scalar_bool(text, &wanted, NULL) != 0 : !json_is_boolean(value)) {
        refuse(j, 400, "restart_pending: true or false is expected");
    } else if (wanted && !j->view->self.restart.is_pending) {
        refuse_condition(j);
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
    j->verdict->timeout_ms = ms;
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
        refuse(j, 501, "a restart can not be scheduled here: ask for it when it is due");
    } else {
        refuse(j, 400, "Unknown filter for the scheduled restart: '%s'", cli_quoted(name).text);
    }
}

void restart_judge(json_t *body, const struct cluster_view *view,
                   struct restart_verdict *ret_verdict)
{
    struct judging j = {.verdict = ret_verdict, .view = view};
    const char *name = NULL;
    json_t *value = NULL;
    *ret_verdict = (struct restart_verdict){.status = 0};
    json_object_foreach(body, name, value)
    {
        judge_word(&j, name, value);
    }
}
