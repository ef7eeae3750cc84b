/* config/show.h - values as YAML, for config/show.c and config/template.c. */
#ifndef CONFIG_SHOW_H_
#define CONFIG_SHOW_H_

#include "config/settings.h"

/* Append @text as one scalar that every reader of YAML takes for this text. */
void show_scalar(const char *text, struct buf *out);
/* Append the lines of the sections that begin at row @row: "raft:", "  authentication:". Returns
 * the indent of the row. */
size_t show_headings(size_t row, struct buf *out);
/* The last word of a row's path. */
const char *show_key(const struct setting *setting);

#endif /* CONFIG_SHOW_H_ */
