/* ctl/moment.c - a time of the clock on the wall here, with its zone. */
#include "ctl/moment.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/clock.h"
#include "ctl/prompt.h"

#define S_PER_MIN 60
#define S_PER_HOUR 3600

/* As the clock on the wall here says it then. */
static void give_zone(struct when *when)
{
    time_t seconds = (time_t)(when->wall_ms / MS_PER_S);
    struct tm parts;
    (void)gmtime_r(&seconds, &parts);
    parts.tm_isdst = -1;
    (void)mktime(&parts); /* fills in which zone holds then */
    when->zone_min = (int32_t)(parts.tm_gmtoff / S_PER_MIN);
    when->wall_ms -= (uint64_t)((int64_t)when->zone_min * S_PER_MIN * (int64_t)MS_PER_S);
    when->has_zone = true;
}

int moment_take(const char *text, char at[WHEN_TEXT_SIZE], struct err *err)
{
    struct when when;
    at[0] = '\0';
    if (text[0] == '\0' || strcmp(text, "now") == 0) {
        return 0;
    }
    if (when_parse(text, &when, NULL) != 0) {
        return err_set(err, ERR_REFUSED,
                       "Unable to parse scheduled timestamp (%s). It should be in an unambiguous "
                       "format (e.g. ISO 8601)",
                       cli_quoted(text).text);
    }
    if (!when.has_zone) {
        give_zone(&when);
    }
    when_format(&when, at);
    return 0;
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
