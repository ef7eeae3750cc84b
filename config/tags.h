/* config/tags.h - the names of tags and their values, for config/check_pg.c. */
#ifndef CONFIG_TAGS_H_
#define CONFIG_TAGS_H_

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

enum tag_kind { TAG_OTHER, TAG_BOOL, TAG_NUMBER, TAG_TEXT };

/* TAG_OTHER: one that means nothing here. */
enum tag_kind tag_kind_of(const char *name);
extern const char *const tag_names[];
extern const size_t tag_names_count;
/* As written, or NULL. */
const char *tag_value(const struct config *config, const char *name);
bool tag_number(const char *text, int *ret_value);

#endif /* CONFIG_TAGS_H_ */
