/* daemon/json_in.c - JSON as it is taken in: strictly. */
#include "daemon/json_in.h"

#include <string.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/cli.h"
#include "base/json_bound.h"
#include "base/must.h"
#include "base/nearest.h"

#define FIELDS_MAX 24
#define BASE64 "_base64"

/* ---- the text as a whole ---- */

json_t *json_in_parse_within(const char *text, size_t size, size_t depth_max, size_t values_max,
                             struct err *err)
{
    json_error_t wrong;
    if (!json_is_bounded(text, size, depth_max, values_max)) {
        err_set(err, ERR_TOO_LARGE, "JSON: more than %zu values, or nested over %zu deep",
                values_max, depth_max);
        return NULL;
    }
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &wrong);
    if (root == NULL) {
        err_set(err, ERR_INVALID, "JSON: line %d, column %d: %s", wrong.line, wrong.column,
                cli_quoted(wrong.text).text);
        return NULL;
    }
    if (!json_is_object(root)) {
        json_decref(root);
        err_set(err, ERR_INVALID, "JSON: an object is expected");
        return NULL;
    }
    return root;
}

json_t *json_in_parse(const char *text, size_t size, struct err *err)
{
    return json_in_parse_within(text, size, JSON_IN_DEPTH_MAX, JSON_IN_VALUES_MAX, err);
}

/* ---- values ---- */

bool json_in_id(const char *text, uint64_t *ret)
{
    uint64_t id = 0;
    if (strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16) {
        return false;
    }
    for (size_t i = 0; i < 16; i++) {
        char c = text[i];
        id = id << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *ret = id;
    return true;
}

bool json_in_decimal(const char *text, uint64_t *ret)
{
    uint64_t number = 0;
    size_t size = strlen(text);
    if (size == 0 || size > 19 || strspn(text, "0123456789") != size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    if (number > INT64_MAX) {
        return false;
    }
    *ret = number;
    return true;
}

static int decode(const struct json_in_field *field, const char *text, size_t size,
                  struct arena *arena, const char *where, struct err *err)
{
    CLEANUP(buf_close) struct buf bytes = {0};
    if (!base64_decode(&bytes, text, size)) {
        return err_set(err, ERR_INVALID, "%s%s%s: not base64 with padding (RFC 4648)", where,
                       field->name, BASE64);
    }
    char *copy = arena_alloc(arena, bytes.size + 1);
    if (copy == NULL) {
        return err_set(err, ERR_TOO_LARGE, "%s%s%s: too large", where, field->name, BASE64);
    }
    memcpy(copy, buf_text(&bytes), bytes.size + 1);
    *(struct json_in_bytes *)field->out =
        (struct json_in_bytes){.bytes = copy, .size = bytes.size, .given = true};
    return 0;
}

static int take_bytes(const struct json_in_field *field, json_t *value, bool is_base64,
                      struct arena *arena, const char *where, struct err *err)
{
    struct json_in_bytes *out = field->out;
    if (out->given) {
        return err_set(err, ERR_INVALID, "%s%s and %s%s: one of them", where, field->name,
                       field->name, BASE64);
    }
    const char *text = json_string_value(value);
    size_t size = json_string_length(value);
    if (is_base64) {
        return decode(field, text, size, arena, where, err);
    }
    *out = (struct json_in_bytes){.bytes = text, .size = size, .given = true};
    return 0;
}

static const char *expected(enum json_in_kind kind)
{
    switch (kind) {
        case JSON_IN_BYTES:
        case JSON_IN_TEXT:
            return "a text";
        case JSON_IN_BOOL:
            return "true or false";
        case JSON_IN_NUMBER:
            return "an integer, not negative";
        case JSON_IN_ID:
            return "a text of 16 hexadecimal digits in lower case";
        case JSON_IN_OBJECT:
            return "an object";
        case JSON_IN_ARRAY:
            return "an array";
    }
    UNREACHABLE("every kind has a row");
}

/* Everything but bytes; false: another type. */
static bool take_plain(const struct json_in_field *field, json_t *value)
{
    switch (field->kind) {
        case JSON_IN_BYTES:
            return false;
        case JSON_IN_TEXT:
            *(const char **)field->out = json_string_value(value);
            return json_is_string(value);
        case JSON_IN_BOOL:
            *(bool *)field->out = json_is_true(value);
            return json_is_boolean(value);
        case JSON_IN_NUMBER:
            *(uint64_t *)field->out = (uint64_t)json_integer_value(value);
            return json_is_integer(value) && json_integer_value(value) >= 0;
        case JSON_IN_ID:
            return json_is_string(value) && json_in_id(json_string_value(value), field->out);
        case JSON_IN_OBJECT:
            *(json_t **)field->out = value;
            return json_is_object(value);
        case JSON_IN_ARRAY:
            *(json_t **)field->out = value;
            return json_is_array(value);
    }
    UNREACHABLE("every kind has a row");
}

/* ---- an object ---- */

static const struct json_in_field *find(const struct json_in_field *fields, size_t count,
                                        const char *name, bool *ret_is_base64)
{
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(fields[i].name);
        bool begins = strncmp(name, fields[i].name, size) == 0;
        *ret_is_base64 =
            begins && fields[i].kind == JSON_IN_BYTES && strcmp(name + size, BASE64) == 0;
        if ((begins && name[size] == '\0') || *ret_is_base64) {
            return &fields[i];
        }
    }
    return NULL;
}

void json_in_hint(const struct json_in_field *fields, size_t count, const char *name,
                  struct err *err)
{
    const char *names[FIELDS_MAX];
    MUST(count <= FIELDS_MAX);
    for (size_t i = 0; i < count; i++) {
        names[i] = fields[i].name;
    }
    const char *near = nearest(name, names, count);
    if (near != NULL && err != NULL) {
        size_t used = strlen(err->msg);
        (void)snprintf(err->msg + used, sizeof(err->msg) - used, "; did you mean %s?", near);
    }
}

int json_in_take(json_t *object, const struct json_in_field *fields, size_t count,
                 const char *where, struct arena *arena, struct err *err)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(object, name, value)
    {
        bool is_base64 = false;
        const struct json_in_field *field = find(fields, count, name, &is_base64);
        if (field == NULL) {
            err_set(err, ERR_INVALID, "%s%s: there is no such member here", where,
                    cli_quoted(name).text);
            json_in_hint(fields, count, name, err);
            return ERR_INVALID;
        }
        bool good = field->kind == JSON_IN_BYTES ? json_is_string(value) : take_plain(field, value);
        if (!good) {
            return err_set(err, ERR_INVALID, "%s%s: must be %s", where, name,
                           expected(field->kind));
        }
        int code = field->kind == JSON_IN_BYTES
                       ? take_bytes(field, value, is_base64, arena, where, err)
                       : 0;
        if (code != 0) {
            return code;
        }
        if (field->given != NULL) {
            *field->given = true;
        }
    }
    return 0;
}
