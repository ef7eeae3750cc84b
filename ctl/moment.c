/* ctl/moment.c - a time of the clock on the wall here, with its zone. */
#include "ctl/moment.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/clock.h"
#include "base/must.h"
#include "ctl/prompt.h"

#define S_PER_MIN 60
#define S_PER_HOUR 3600
#define S_PER_DAY 86400

/* By how much a clock on the wall here is ahead of Greenwich then, in seconds. */
static int64_t offset_at(int64_t seconds)
{
    time_t then = (time_t)seconds;
    struct tm parts = {0};
    (void)localtime_r(&then, &parts);
    return parts.tm_gmtoff;
}

/* As the clock on the wall here says it then: unless it never does, or does so twice, in the night
 * in which it is changed. */
static int give_zone(struct when *when, const char *text, struct err *err)
{
    int64_t wall = (int64_t)(when->wall_ms / MS_PER_S);
    const int64_t offsets[] = {offset_at(wall - S_PER_DAY), offset_at(wall + S_PER_DAY)};
    int64_t offset = 0;
    unsigned found = 0;
    for (size_t i = 0; i < ARRAY_LEN(offsets); i++) {
        bool holds = offset_at(wall - offsets[i]) == offsets[i];
        if (holds && (found == 0 || offsets[i] != offset)) {
            offset = offsets[i];
            found++;
        }
    }
    if (found != 1 || wall < offset) {
        return err_set(err, ERR_REFUSED,
                       "The clocks here show %s %s: give it with a zone (e.g. %s+01:00)",
                       cli_quoted(text).text, found > 1 ? "twice" : "never", text);
    }
    when->zone_min = (int32_t)(offset / S_PER_MIN);
    when->wall_ms -= (uint64_t)(offset * (int64_t)MS_PER_S);
    when->has_zone = true;
    return 0;
}

int moment_take(const char *text, char at[WHEN_TEXT_SIZE], struct err *err)
{
    struct when when;
    at[0] = '\0';
    if (strcmp(text, "now") == 0) {
        return 0;
    }
    if (when_parse(text, &when, NULL) != 0) {
        return err_set(err, ERR_REFUSED,
                       "Unable to parse scheduled timestamp (%s). It should be in an unambiguous "
                       "format (e.g. ISO 8601)",
                       cli_quoted(text).text);
    }
    int rc = when.has_zone ? 0 : give_zone(&when, text, err);
    if (rc == 0) {
        when_format(&when, at);
    }
    return rc;
}

int moment_ask(const char *action, char at[WHEN_TEXT_SIZE], struct err *err)
{
    CLEANUP(buf_close) struct buf answer = {0};
    char question[128];
    char example[32];
    struct tm parts = {0};
    time_t later = time(NULL) + S_PER_HOUR;
    (void)localtime_r(&later, &parts);
    (void)strftime(example, sizeof(example), "%Y-%m-%dT%H:%M", &parts);
    (void)snprintf(question, sizeof(question), "When should the %s take place (e.g. %s ) ", action,
                   example);
    int rc = prompt_text(question, "now", &answer, err);
    return rc < 0 ? rc : moment_take(buf_text(&answer), at, err);
}
