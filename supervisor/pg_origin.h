/* supervisor/pg_origin.h - what a running PostgreSQL says of its parameters, and of the files that
 * they come from.
 *
 * Texts to ask, and rows to read; nothing here does I/O. It is for an operator's question, over a
 * connection of its own: reading the files may hang on a disk that hangs, so the probes do not. */
#ifndef SUPERVISOR_PG_ORIGIN_H_
#define SUPERVISOR_PG_ORIGIN_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "supervisor/pg_rows.h"

/* A line of a file, in the order in which PostgreSQL reads them: the last one counts. */
struct pg_origin_line {
    char *file;
    unsigned line;
    char *value;
    char *error; /* NULL: none; said also of one that waits for a restart */
};

struct pg_origin {
    char *name;
    char *running;  /* what the server as a whole goes by; NULL: sessions of ours have their own */
    char *built_in; /* as people write it: 128MB */
    char *context;  /* "postmaster", "sighup", "user", "internal" ... */
    char *source;   /* "default", "configuration file", "command line" ... */
    bool waits;     /* for a restart, as PostgreSQL itself has it */
    struct pg_origin_line *lines;
    size_t line_count;
};

struct pg_origins {
    unsigned version; /* 150018; 0: nothing was said */
    bool in_recovery;
    bool has_lines; /* it was allowed to look into the files */
    struct pg_origin *at;
    size_t count;
};

/* Append the question. @name NULL: all that are not as they are built in. @with_lines needs a right
 * that a superuser has. */
void pg_origin_sql(const char *name, bool with_lines, struct buf *out);
/* All names there are; one a row. */
const char *pg_origin_names_sql(void);

/* ERR_PROTOCOL: that is not what was asked. @out is zeroed, and to be closed in any case. */
int pg_origin_parse(const struct pg_rows *rows, bool with_lines, struct pg_origins *out,
                    struct err *err);
/* NULL: it is not among them. */
const struct pg_origin *pg_origin_of(const struct pg_origins *origins, const char *name);
void pg_origins_close(struct pg_origins *origins);

#endif /* SUPERVISOR_PG_ORIGIN_H_ */
