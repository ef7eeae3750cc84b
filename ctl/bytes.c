/* ctl/bytes.c - one value under one of two names. */
#include "ctl/bytes.h"

#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/utf8.h"

static char *name_base64(const char *name)
{
    return mem_printf("%s_base64", name);
}

void bytes_set(json_t *object, const char *name, const void *bytes, size_t size)
{
    int rc = 0;
    if (memchr(bytes, '\0', size) == NULL && utf8_is_text(bytes, size)) {
        rc = json_object_set_new(object, name, json_stringn(bytes, size));
    } else {
        CLEANUP(mem_freep) char *other = name_base64(name);
        CLEANUP(buf_close) struct buf text = {0};
        base64_encode(&text, bytes, size);
        rc = json_object_set_new(object, other, json_string(buf_text(&text)));
    }
    MUST(rc == 0);
}

bool bytes_get(json_t *object, const char *name, struct buf *out)
{
    json_t *text = json_object_get(object, name);
    if (json_is_string(text)) {
        buf_append(out, json_string_value(text), json_string_length(text));
        return true;
    }
    CLEANUP(mem_freep) char *other = name_base64(name);
    json_t *encoded = json_object_get(object, other);
    return json_is_string(encoded) &&
           base64_decode(out, json_string_value(encoded), json_string_length(encoded));
}

void bytes_copy(json_t *to, json_t *from, const char *name)
{
    CLEANUP(mem_freep) char *other = name_base64(name);
    const char *names[] = {name, other};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        json_t *value = json_object_get(from, names[i]);
        int rc =
            json_object_set_new(to, names[i], value != NULL ? json_incref(value) : json_null());
        MUST(rc == 0);
    }
}

void bytes_show(json_t *object, const char *name, struct buf *out)
{
    json_t *text = json_object_get(object, name);
    if (json_is_string(text)) {
        buf_append(out, json_string_value(text), json_string_length(text));
        return;
    }
    CLEANUP(mem_freep) char *other = name_base64(name);
    json_t *encoded = json_object_get(object, other);
    if (json_is_string(encoded)) {
        buf_printf(out, "base64:%s", json_string_value(encoded));
    }
}
