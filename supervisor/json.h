/* supervisor/json.h - JSON of the store and of soft state: read strictly, written shortly.
 *
 * What is read may have been written by anybody: it is bounded before anything is built of it,
 * repeated members are refused, and a member of another type is an error. Members that nobody asks
 * for are passed over, for a newer version may have written them; what they say decides nothing.
 * Pure. */
#ifndef SUPERVISOR_JSON_H_
#define SUPERVISOR_JSON_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"

#define JSON_DEPTH_MAX 16
#define JSON_VALUES_MAX 16384

/* NULL and @err: no JSON, too large, or not of @type (JSON_OBJECT, JSON_ARRAY). */
json_t *json_read(const void *bytes, size_t size, size_t size_max, json_type type, struct err *err);
/* Frees; for CLEANUP(). */
void json_closep(json_t **json);
/* Writes @json in its shortest form behind @out, and frees it. */
void json_write(json_t *json, struct buf *out);

/* An object whose members are taken one by one. The first that is missing or wrong is remembered,
 * and what is asked for after it is not written any more. */
struct json_take {
    const json_t *object;
    const char *what; /* for messages: "grant" */
    struct err err;   /* code 0: all was well so far */
};

void json_take_begin(struct json_take *t, const json_t *object, const char *what);
void json_take_fail(struct json_take *t, const char *name, const char *why);
/* Up to @max. */
void json_take_number(struct json_take *t, const char *name, uint64_t max, uint64_t *out);
void json_take_bool(struct json_take *t, const char *name, bool *out);
/* At most @size - 1 bytes, none of them a NUL. */
void json_take_text(struct json_take *t, const char *name, char *out, size_t size);
/* 16 hexadecimal digits. */
void json_take_id(struct json_take *t, const char *name, uint64_t *out);
/* One of @words: its place. */
void json_take_word(struct json_take *t, const char *name, const char *const *words, size_t count,
                    size_t *out);
/* Is there; NULL where it is not, or is null. */
const json_t *json_take_any(struct json_take *t, const char *name);

/* A number above INT64_MAX is none that JSON's readers agree on: it is a mistake of the caller. */
void json_put_u64(json_t *object, const char *name, uint64_t number);
void json_put_hex(json_t *object, const char *name, uint64_t id);
/* What is no UTF-8 becomes "". */
void json_put_string(json_t *object, const char *name, const char *text);

#endif /* SUPERVISOR_JSON_H_ */
