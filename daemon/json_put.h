/* daemon/json_put.h - JSON as it is written, straight into a buffer.
 *
 *     json_put_open(out, NULL, '{');
 *     json_put_text(out, "name", "pg1");
 *     json_put_open(out, "members", '[');  json_put_number(out, NULL, 3);  json_put_close(out,
 * ']'); json_put_close(out, '}');
 *
 * A name of NULL: a value of an array, or the outermost. Commas are set by looking at what is there
 * already, so the buffer holds nothing but one piece of JSON, or whole lines of it. */
#ifndef DAEMON_JSON_PUT_H_
#define DAEMON_JSON_PUT_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

void json_put_open(struct buf *out, const char *name, char bracket);
void json_put_close(struct buf *out, char bracket);

/* NULL is null. What is no UTF-8 in it is replaced. */
void json_put_text(struct buf *out, const char *name, const char *text);
void json_put_number(struct buf *out, const char *name, uint64_t number);
void json_put_signed(struct buf *out, const char *name, int64_t number);
/* @thousandths of one: 1250 is 1.25. */
void json_put_fraction(struct buf *out, const char *name, uint64_t thousandths);
void json_put_bool(struct buf *out, const char *name, bool value);
void json_put_null(struct buf *out, const char *name);
/* What is JSON already. */
void json_put_raw(struct buf *out, const char *name, const char *json);
/* 16 hexadecimal digits; 0 is null. */
void json_put_id(struct buf *out, const char *name, uint64_t id);
/* As text where it is text, else as base64 under "@name_base64" (docs/http.md). */
void json_put_bytes(struct buf *out, const char *name, const void *bytes, size_t size);

#endif /* DAEMON_JSON_PUT_H_ */
