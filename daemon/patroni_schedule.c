/* daemon/patroni_schedule.c - a moment, with its zone, that is to come. */
#include "daemon/patroni_schedule.h"

#include <stdio.h>

unsigned schedule_judge(const char *text, const char *action, uint64_t wall_ms,
                        char at[WHEN_TEXT_SIZE], char *why, size_t why_size)
{
    struct when when;
    if (text == NULL || when_parse(text, &when, NULL) != 0) {
        (void)snprintf(why, why_size,
                       "Unable to parse scheduled timestamp. It should be in an unambiguous "
                       "format, e.g. ISO 8601");
        return 422;
    }
    if (!when.has_zone) {
        (void)snprintf(why, why_size, "Timezone information is mandatory for the scheduled %s",
                       action);
        return 400;
    }
    if (when.wall_ms <= wall_ms) {
        (void)snprintf(why, why_size, "Cannot schedule %s in the past", action);
        return 422;
    }
    when_format(&when, at);
    return 0;
}
