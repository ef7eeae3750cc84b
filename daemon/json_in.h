/* daemon/json_in.h - JSON as it is taken in: strictly.
 *
 * A member that nobody asked for is refused, with the nearest name, as is a repeated one or one of
 * another type: a misspelt "prefix" must not delete everything (docs/http.md). What may come is
 * bounded before anything is built of it. */
#ifndef DAEMON_JSON_IN_H_
#define DAEMON_JSON_IN_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/err.h"
#include "proto/arena.h"

#define JSON_IN_VALUES_MAX 16384 /* of one text */
#define JSON_IN_DEPTH_MAX 12

enum json_in_kind {
    JSON_IN_BYTES,  /* struct json_in_bytes: "name" or "name_base64" */
    JSON_IN_TEXT,   /* const char * */
    JSON_IN_BOOL,   /* bool */
    JSON_IN_NUMBER, /* uint64_t */
    JSON_IN_ID,     /* uint64_t: 16 hexadecimal digits */
    JSON_IN_OBJECT, /* json_t * */
    JSON_IN_ARRAY,  /* json_t * */
};

struct json_in_bytes {
    const void *bytes;
    size_t size;
    bool given;
};

/* One member that may be there; @out is written only if it is. */
struct json_in_field {
    const char *name;
    enum json_in_kind kind;
    void *out;
    bool *given; /* may be NULL */
};

/* One object, and nothing behind it; NULL and ERR_INVALID, ERR_TOO_LARGE. */
json_t *json_in_parse(const char *text, size_t size, struct err *err);
/* The same of what was let in by somebody else's bounds. */
json_t *json_in_parse_within(const char *text, size_t size, size_t depth_max, size_t values_max,
                             struct err *err);

/* Fills in the fields from @object; what @out points to lives as long as @object and @arena.
 * @where: "" or "then[2].put", for messages. */
int json_in_take(json_t *object, const struct json_in_field *fields, size_t count,
                 const char *where, struct arena *arena, struct err *err);

/* "1f" of 16 digits in lower case. */
bool json_in_id(const char *text, uint64_t *ret);
/* Digits alone, below 2^63. */
bool json_in_decimal(const char *text, uint64_t *ret);
/* Puts "; did you mean prefix?" behind the message if a field comes near @name. */
void json_in_hint(const struct json_in_field *fields, size_t count, const char *name,
                  struct err *err);

#endif /* DAEMON_JSON_IN_H_ */
