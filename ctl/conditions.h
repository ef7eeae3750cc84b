/* ctl/conditions.h - what has to be so before something is done, each with how to mend it: an array
 * of {"check", "good", "remedy"} for a program, lines for a person. Pure. */
#ifndef CTL_CONDITIONS_H_
#define CTL_CONDITIONS_H_

#include <stdarg.h>
#include <stdbool.h>

#include <jansson.h>

#include "base/buf.h"

/* One more, whose words are fit for a terminal; @remedy may be NULL. The object is @list's. */
json_t *conditions_add(json_t *list, bool good, const char *remedy, const char *fmt, va_list args)
    __attribute__((format(printf, 4, 0)));
bool conditions_are_good(json_t *list);
/* A line each, with what to do below it; one that is good, and has a "warning", too. */
void conditions_put(struct buf *out, json_t *list);

#endif /* CTL_CONDITIONS_H_ */
