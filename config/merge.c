/* config/merge.c - maps by their keys, all else as a whole. */
#include "config/merge.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"

/* A double of a user's decimal number has 15 digits that are the user's; 0.9 stays 0.9. */
#define FLAGS (JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))

char *config_document_text(json_t *document)
{
    char *text = json_dumps(document, FLAGS);
    MUST(text != NULL); /* what was parsed can be written */
    return text;
}

static bool is_scalar(const json_t *value)
{
    return json_is_string(value) || json_is_number(value) || json_is_boolean(value);
}

char *config_scalar_text(json_t *scalar)
{
    return json_is_string(scalar) ? mem_strdup(json_string_value(scalar))
                                  : config_document_text(scalar);
}

static bool says_the_same(json_t *a, json_t *b)
{
    if (!is_scalar(a) || !is_scalar(b)) {
        return json_equal(a, b) == 1;
    }
    CLEANUP(mem_freep) char *x = config_scalar_text(a);
    CLEANUP(mem_freep) char *y = config_scalar_text(b);
    return strcmp(x, y) == 0;
}

static void set(json_t *target, const char *key, json_t *value)
{
    int rc = json_object_set_new(target, key, value);
    MUST(rc == 0);
}

/* NOLINTNEXTLINE(misc-no-recursion) as deep as the change, which whoever read it has bounded */
static bool merge_map(json_t *target, const char *key, json_t *change)
{
    json_t *there = json_object_get(target, key);
    if (json_is_object(there)) {
        return config_merge(there, change);
    }
    json_t *made = json_object();
    (void)config_merge(made, change);
    if (json_object_size(made) == 0 && json_object_size(change) > 0) {
        json_decref(made); /* nothing but deletions, of what is not there */
        return false;
    }
    set(target, key, made);
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion) as above */
bool config_merge(json_t *target, json_t *change)
{
    bool changed = false;
    const char *key = NULL;
    json_t *value = NULL;
    MUST(json_is_object(target));
    MUST(json_is_object(change));
    json_object_foreach(change, key, value)
    {
        json_t *there = json_object_get(target, key);
        if (json_is_null(value)) {
            changed |= json_object_del(target, key) == 0;
        } else if (json_is_object(value)) {
            changed |= merge_map(target, key, value);
        } else if (there == NULL || !says_the_same(there, value)) {
            set(target, key, json_deep_copy(value));
            changed = true;
        }
    }
    return changed;
}
