/* ctl/sql_print.h - the rows of a query, as patronictl prints them.
 *
 * Values are as PostgreSQL writes them; in pretty and tsv a boolean is True or False and NULL is
 * None, as scripts for patronictl expect. In json and yaml booleans, numbers, NULL and documents
 * are what they are, and a number keeps all its digits. Pure. */
#ifndef CTL_SQL_PRINT_H_
#define CTL_SQL_PRINT_H_

#include <libpq-fe.h>

#include "base/buf.h"
#include "ctl/output.h"

/* @result has columns. @delimiter: between the fields of tsv. */
void sql_print(struct buf *out, enum output_format format, const char *delimiter,
               const PGresult *result);

#endif /* CTL_SQL_PRINT_H_ */
