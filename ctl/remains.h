/* ctl/remains.h - the data directories that are left of a cluster, read side by side; and whether
 * one of them may go on as another cluster. */
#ifndef CTL_REMAINS_H_
#define CTL_REMAINS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "consensus/survivor.h"
#include "storage/offline.h"

struct remains {
    const char *dir;
    char *store;
    struct offline *held; /* NULL: not opened */
    struct store_image image;
    struct survivor survivor;
    uint64_t written_ns;
    struct err failure; /* code 0: all of it was read */
};

/* Read @dir, and keep it from everybody else until remains_close(). Never fails: @failure. */
void remains_open(struct remains *out, const char *dir);
void remains_close(struct remains *remains);

/* Its row in what is shown. */
json_t *remains_row(const struct remains *remains);

/* What the operator answers for. */
struct remains_word {
    bool accept_loss;          /* another one may hold more */
    const char *const *fenced; /* names of members whose PostgreSQL is down for good */
    size_t fenced_count;
};

/* May @chosen go on? 0, or why not: it can not be read, is of another cluster than one of @others,
 * holds less than one, or a database of the old cluster may still be running. Pure. */
int remains_check(const struct remains *chosen, const struct remains *others, size_t count,
                  const struct remains_word *word, struct err *err);

#endif /* CTL_REMAINS_H_ */
