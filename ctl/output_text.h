/* ctl/output_text.h - single values, for the eye, for a line of TSV or in JSON: what the printers
 * of whole answers are made of. */
#ifndef CTL_OUTPUT_TEXT_H_
#define CTL_OUTPUT_TEXT_H_

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"
#include "ctl/output.h"

/* Of a fraction: as many as a decimal number keeps on its way through a double. */
#define OUTPUT_REAL_DIGITS 15

/* As a person reads it; nothing for NULL and null. */
void output_cell(struct buf *out, json_t *value, enum output_kind kind);
/* As COPY reads it. */
void output_field(struct buf *out, json_t *value);
/* The columns that @text, which has no control characters, takes on a terminal. */
size_t output_width(const char *text);
/* As JSON without a byte that is not printable ASCII; @flags of jansson's say how else. */
void output_ascii(struct buf *out, json_t *value, size_t flags);
/* A value that is no text, as JSON in one line. */
void output_compact(struct buf *out, json_t *value);

/* The whole of an answer as block YAML. */
void output_yaml(struct buf *out, json_t *value);
/* The frame, the head, the rows. */
void output_table(struct buf *out, const char *title, const struct output_column *columns,
                  json_t *rows);

#endif /* CTL_OUTPUT_TEXT_H_ */
