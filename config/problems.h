/* config/problems.h - what is wrong with a configuration, all of it at once, each with its place.
 *
 *     pgraft.yml:7:3: raft.lisen: unknown key; did you mean listen?
 *     pgraft.yml:12:5: warning: postgresql.lisen: unknown key, ignored; did you mean listen?
 *     PGRAFT_RAFT_QUOTA: raft.quota: ...
 *
 * Nothing here prints; a program does, once. Texts never hold a secret: whoever adds one sees to
 * it. */
#ifndef CONFIG_PROBLEMS_H_
#define CONFIG_PROBLEMS_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/cli.h"
#include "base/err.h"

/* Where something was written. */
struct tree_place {
    const char *source; /* a file, the name of a variable, "--listen"; NULL: nowhere */
    unsigned line;      /* from 1; 0: the source has no lines */
    unsigned column;
};

enum problem_level {
    PROBLEM_ERROR,   /* nothing runs with this */
    PROBLEM_WARNING, /* it runs, and is hardly what was meant: --validate-config fails */
    PROBLEM_NOTE,    /* good to know */
};

struct problem;

/* A zeroed struct has none. */
struct problems {
    struct problem *at;
    size_t count;
};

#define PROBLEMS_SHOWN_MAX 20

void problems_add(struct problems *p, enum problem_level level, const struct tree_place *place,
                  const char *fmt, ...) __attribute__((format(printf, 4, 5)));
size_t problems_count(const struct problems *p, enum problem_level level);
/* Append a line for each, errors first, in the order of their places; of more than
 * PROBLEMS_SHOWN_MAX the first ones and how many follow. */
void problems_print(const struct problems *p, struct buf *out);
/* Those of one level alone. */
void problems_print_level(const struct problems *p, enum problem_level level, struct buf *out);
/* ERR_INVALID with the first of the errors. */
int problems_err(const struct problems *p, struct err *err);
void problems_close(struct problems *p);

/* A word of the user: as it is when it is plain, else quoted and cut. */
struct cli_quoted problems_word(const char *word);

#endif /* CONFIG_PROBLEMS_H_ */
