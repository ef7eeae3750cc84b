/* ctl/bytes.h - keys and values in JSON: text where they are text, base64 where not (docs/http.md).
 */
#ifndef CTL_BYTES_H_
#define CTL_BYTES_H_

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/buf.h"

/* Set member @name, or "@name_base64" when the bytes are no text. */
void bytes_set(json_t *object, const char *name, const void *bytes, size_t size);
/* Append the bytes of member @name; false when there is none, or none that is right. */
bool bytes_get(json_t *object, const char *name, struct buf *out);
/* The member under either name goes to @to, under the name of its kind; null when there is none. */
void bytes_copy(json_t *to, json_t *from, const char *name);
/* Append the member for the eye: the text, or base64:TEXT. */
void bytes_show(json_t *object, const char *name, struct buf *out);

#endif /* CTL_BYTES_H_ */
