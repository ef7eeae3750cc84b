/* supervisor/pg_ask.h - asks a program of PostgreSQL for a few words: its version, a setting.
 *
 * Blocks, for a thread of its own: a program may be on a disk that hangs. */
#ifndef SUPERVISOR_PG_ASK_H_
#define SUPERVISOR_PG_ASK_H_

#include "base/buf.h"
#include "base/err.h"

/* Append what @words[0], run with @words, says on its standard output, the first kilobyte of it.
 * It sees no environment but LC_ALL=C. @wait_ms 0: five seconds. ERR_TIMEOUT: it was killed;
 * ERR_SYSTEM: it failed. */
int pg_ask(char *const *words, unsigned wait_ms, struct buf *out, struct err *err);

struct pg_ask_place {
    const char *bin_dir;
    const char *data_dir;
    const char *config_dir; /* NULL: in the data directory */
};

/* Append the value that a server of this place would start with, by `postgres -C`, without the line
 * end. The server need not run. */
int pg_ask_setting(const struct pg_ask_place *place, const char *name, struct buf *out,
                   struct err *err);

/* Whether a server of this place could read its configuration; only that, no more is looked at.
 * ERR_REFUSED: it could not, and @err has the server's own words; else it is not known. */
int pg_ask_config(const struct pg_ask_place *place, struct err *err);

/* Pure: what is amiss, out of the lines that a server has said before it gave up: the first of the
 * worse kinds, without time, number and kind. Borrowed of @said, which is written to. */
const char *pg_ask_complaint(char *said);

#endif /* SUPERVISOR_PG_ASK_H_ */
