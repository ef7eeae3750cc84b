/* config/merge.h - a change laid on the shared configuration, as `PATCH /config` and `edit-config`
 * mean it.
 *
 * Maps are merged key by key, a null deletes, anything else takes the place of what was there. What
 * is said already, be it as a number or as its text, is no change, and neither is to delete what is
 * not there. Pure. */
#ifndef CONFIG_MERGE_H_
#define CONFIG_MERGE_H_

#include <stdbool.h>

#include <jansson.h>

/* Both are objects; @change stays as it is. True: @target is another one now. */
bool config_merge(json_t *target, json_t *change);

/* A document as it is stored: the order of its keys, and decimal numbers, stay as they were. The
 * caller's, to be freed with mem_free(). */
char *config_document_text(json_t *document);
/* The same of one value, a string without its quotes. */
char *config_scalar_text(json_t *scalar);

#endif /* CONFIG_MERGE_H_ */
