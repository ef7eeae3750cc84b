/* ctl/patroni_table.h - rows printed as patronictl prints them: in a frame, as TSV, JSON or YAML.
 *
 * Differs from ctl/output.h in what scripts and eyes are used to: the title in the frame is cut to
 * it, cells may have several lines, TSV is not escaped beyond what could hurt a terminal, and JSON
 * is one line. */
#ifndef CTL_PATRONI_TABLE_H_
#define CTL_PATRONI_TABLE_H_

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"
#include "ctl/output.h"

#define PATRONI_COLUMNS_MAX 1664 /* as many as a query of PostgreSQL has at most */

struct patroni_table {
    const char *title; /* between the first corner and the edge; NULL: none */
    size_t count;
    const char *keys[PATRONI_COLUMNS_MAX];   /* of a row, and in json, yaml and tsv */
    const char *titles[PATRONI_COLUMNS_MAX]; /* pretty; NULL: not shown there */
    bool right[PATRONI_COLUMNS_MAX];
    json_t *rows;     /* objects; what is missing is empty */
    bool omits_empty; /* json and yaml: without what is "" or missing */
};

void patroni_table_put(struct buf *out, enum output_format format, const struct patroni_table *t);

#endif /* CTL_PATRONI_TABLE_H_ */
