/* supervisor/autostart_text.h - the words of three kinds of files that say who starts a PostgreSQL:
 * Debian's start.conf, postgresql.conf, a unit of systemd.
 *
 * Pure, and total: what is not understood says nothing. */
#ifndef SUPERVISOR_AUTOSTART_TEXT_H_
#define SUPERVISOR_AUTOSTART_TEXT_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* What postgresql-common does with a cluster: at boot it starts "auto", pg_ctlcluster starts
 * "manual" as well, and nobody starts "disabled". */
enum start_word { START_UNKNOWN, START_AUTO, START_MANUAL, START_DISABLED };
enum start_word start_word_of(const char *text);

/* One setting of a postgresql.conf. */
struct conf_setting {
    char name[64];
    char value[4096];
};
/* The next one of the text at *@at, which is moved on; false: there is none left. What is longer
 * than its place is passed over. */
bool conf_next(const char **at, struct conf_setting *ret_setting);

/* What the lines Environment= of a unit's @text make of the variable @name, whose value @value is
 * before: systemd reads the unit first, then its drop-ins. @instance: what stands for %i, or "". */
void unit_environment(const char *text, const char *name, const char *instance, struct buf *value);

#endif /* SUPERVISOR_AUTOSTART_TEXT_H_ */
