/* supervisor/pg_sql.h - names and values in the middle of a statement. */
#ifndef SUPERVISOR_PG_SQL_H_
#define SUPERVISOR_PG_SQL_H_

#include "base/buf.h"

/* "a ""name""" */
void pg_sql_name(struct buf *out, const char *name);
/* E'it''s a \\ ...', which is the same whatever standard_conforming_strings says. */
void pg_sql_literal(struct buf *out, const char *text);

#endif /* SUPERVISOR_PG_SQL_H_ */
