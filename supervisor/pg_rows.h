/* supervisor/pg_rows.h - what a query answered, as plain text.
 *
 * Made by pg_link.c out of libpq's result, or by a test out of literals; whoever reads it knows
 * neither. The readers below take what PostgreSQL prints and believe nothing that is not exactly
 * that. */
#ifndef SUPERVISOR_PG_ROWS_H_
#define SUPERVISOR_PG_ROWS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pg_rows {
    uint32_t count;
    uint32_t columns;
    const char *const *cells; /* row by row; NULL: SQL's null */
};

/* The text of a cell, or NULL: null, or no such cell. */
const char *pg_rows_text(const struct pg_rows *rows, uint32_t row, uint32_t column);

/* False: @text is NULL, or not such a value; nothing is written then. */
bool pg_text_bool(const char *text, bool *ret_value);            /* t, f */
bool pg_text_u64(const char *text, uint64_t *ret_value);         /* decimal */
bool pg_text_lsn(const char *text, uint64_t *ret_value);         /* 1/2A0000F8 */
bool pg_text_timeline(const char *text, uint32_t *ret_timeline); /* of a WAL file's name: hex */

#endif /* SUPERVISOR_PG_ROWS_H_ */
