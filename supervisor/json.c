/* supervisor/json.c - JSON in and out. */
#include "supervisor/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_bound.h"
#include "base/must.h"

/* ---- the text as a whole ---- */

json_t *json_read(const void *bytes, size_t size, size_t size_max, json_type type, struct err *err)
{
    json_error_t wrong;
    if (size > size_max || !json_is_bounded(bytes, size, JSON_DEPTH_MAX, JSON_VALUES_MAX)) {
        err_set(err, ERR_TOO_LARGE, "more than %zu bytes or %d values, or nested over %d deep",
                size_max, JSON_VALUES_MAX, JSON_DEPTH_MAX);
        return NULL;
    }
    json_t *json = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &wrong);
    if (json == NULL) {
        err_set(err, ERR_INVALID, "no JSON: line %d, column %d", wrong.line, wrong.column);
        return NULL;
    }
    if (json_typeof(json) != type) {
        json_decref(json);
        err_set(err, ERR_INVALID, "%s is expected", type == JSON_OBJECT ? "an object" : "an array");
        return NULL;
    }
    return json;
}

void json_closep(json_t **json)
{
    json_decref(*json);
    *json = NULL;
}

static int append(const char *bytes, size_t size, void *out)
{
    buf_append(out, bytes, size);
    return 0;
}

void json_write(json_t *json, struct buf *out)
{
    int rv = json_dump_callback(json, append, out, JSON_COMPACT);
    MUST(rv == 0);
    json_decref(json);
}

/* ---- in ---- */

void json_take_begin(struct json_take *t, const json_t *object, const char *what)
{
    *t = (struct json_take){.object = object, .what = what};
    if (!json_is_object(object)) {
        err_set(&t->err, ERR_INVALID, "%s: an object is expected", what);
    }
}

void json_take_fail(struct json_take *t, const char *name, const char *why)
{
    if (t->err.code == 0) {
        err_set(&t->err, ERR_INVALID, "%s: %s: %s", t->what, name, why);
    }
}

static const json_t *member(struct json_take *t, const char *name, json_type type, const char *kind)
{
    const json_t *value = t->err.code == 0 ? json_object_get(t->object, name) : NULL;
    bool is_bool = type == JSON_TRUE && json_is_boolean(value);
    if (value == NULL || (json_typeof(value) != type && !is_bool)) {
        json_take_fail(t, name, kind);
        return NULL;
    }
    return value;
}

void json_take_number(struct json_take *t, const char *name, uint64_t max, uint64_t *out)
{
    const json_t *value = member(t, name, JSON_INTEGER, "a number is expected");
    if (value == NULL) {
        return;
    }
    json_int_t number = json_integer_value(value);
    if (number < 0 || (uint64_t)number > max) {
        json_take_fail(t, name, "out of its range");
        return;
    }
    *out = (uint64_t)number;
}

void json_take_bool(struct json_take *t, const char *name, bool *out)
{
    const json_t *value = member(t, name, JSON_TRUE, "true or false is expected");
    if (value != NULL) {
        *out = json_is_true(value);
    }
}

void json_take_text(struct json_take *t, const char *name, char *out, size_t size)
{
    const json_t *value = member(t, name, JSON_STRING, "a text is expected");
    if (value == NULL) {
        return;
    }
    size_t length = json_string_length(value);
    if (length >= size || strlen(json_string_value(value)) != length) {
        json_take_fail(t, name, "too long");
        return;
    }
    (void)snprintf(out, size, "%s", json_string_value(value));
}

void json_take_id(struct json_take *t, const char *name, uint64_t *out)
{
    char text[17] = "";
    json_take_text(t, name, text, sizeof(text));
    if (t->err.code != 0) {
        return;
    }
    if (strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16) {
        json_take_fail(t, name, "16 hexadecimal digits are expected");
        return;
    }
    *out = strtoull(text, NULL, 16);
}

void json_take_word(struct json_take *t, const char *name, const char *const *words, size_t count,
                    size_t *out)
{
    char text[32] = "";
    json_take_text(t, name, text, sizeof(text));
    for (size_t i = 0; t->err.code == 0 && i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = i;
            return;
        }
    }
    json_take_fail(t, name, "not one of the known words");
}

const json_t *json_take_any(struct json_take *t, const char *name)
{
    const json_t *value = t->err.code == 0 ? json_object_get(t->object, name) : NULL;
    return json_is_null(value) ? NULL : value;
}

/* ---- out ---- */

static void put(json_t *object, const char *name, json_t *value)
{
    MUST(value != NULL);
    int rv = json_object_set_new(object, name, value);
    MUST(rv == 0);
}

void json_put_u64(json_t *object, const char *name, uint64_t number)
{
    MUST(number <= INT64_MAX);
    put(object, name, json_integer((json_int_t)number));
}

void json_put_hex(json_t *object, const char *name, uint64_t id)
{
    char text[17];
    (void)snprintf(text, sizeof(text), "%016" PRIx64, id);
    put(object, name, json_string(text));
}

void json_put_string(json_t *object, const char *name, const char *text)
{
    json_t *value = json_string(text);
    put(object, name, value != NULL ? value : json_string(""));
}
