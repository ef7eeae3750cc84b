/* ctl/edit_set.c - down along the path, and up again for what is empty. */
#include "ctl/edit_set.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/mem.h"
#include "base/must.h"
#include "ctl/yaml_in.h"

#define BLANKS " \t"
#define DEPTH_MAX 16

struct path {
    char *keys[DEPTH_MAX];
    size_t count;
};

static void path_close(struct path *path)
{
    for (size_t i = 0; i < path->count; i++) {
        mem_free(path->keys[i]);
    }
}

/* postgresql.parameters, and those for a role. */
static bool holds_parameters(const struct path *path)
{
    return path->count == 2 && strcmp(path->keys[0], "postgresql") == 0 &&
           strncmp(path->keys[1], "parameters", strlen("parameters")) == 0;
}

/* False: an empty key, or too many. */
static bool split(const char *text, struct path *out)
{
    for (;;) {
        size_t size = holds_parameters(out) ? strlen(text) : strcspn(text, ".");
        if (size == 0 || out->count == DEPTH_MAX) {
            return false;
        }
        out->keys[out->count++] = mem_printf("%.*s", (int)size, text);
        if (text[size] == '\0') {
            return true;
        }
        text += size + 1;
    }
}

/* NOLINTNEXTLINE(misc-no-recursion) as deep as the path */
static void put(json_t *map, const struct path *path, size_t at, json_t *value)
{
    const char *key = path->keys[at];
    int rc = 0;
    if (at + 1 < path->count) {
        if (!json_is_object(json_object_get(map, key))) {
            rc = json_object_set_new(map, key, json_object());
            MUST(rc == 0);
        }
        json_t *below = json_object_get(map, key);
        put(below, path, at + 1, value);
        if (json_object_size(below) == 0) {
            (void)json_object_del(map, key);
        }
    } else if (json_is_null(value)) {
        (void)json_object_del(map, key); /* it may not be there */
    } else {
        rc = json_object_set(map, key, value);
        MUST(rc == 0);
    }
}

int edit_set(json_t *document, const char *prefix, const char *pair, struct err *err)
{
    CLEANUP(path_close) struct path path = {.count = 0};
    json_auto_t *value = NULL;
    struct err why = {0};
    const char *begin = pair + strspn(pair, BLANKS);
    size_t size = strcspn(begin, "=");
    bool has_value = begin[size] == '=';
    const char *text = begin + size + (has_value ? 1 : 0);
    while (size > 0 && strchr(BLANKS, begin[size - 1]) != NULL) {
        size--;
    }
    CLEANUP(mem_freep) char *name = mem_printf("%s%.*s", prefix, (int)size, begin);
    json_auto_t *is_text = json_string(name); /* NULL for what is no UTF-8 */
    if (!has_value || size == 0 || is_text == NULL || !split(name, &path)) {
        return err_set(err, ERR_USAGE, "Invalid parameter setting %s: key.path=value is expected",
                       cli_quoted(pair).text);
    }
    if (yaml_in_parse(name, text, strlen(text), &value, &why) != 0) {
        return err_set(err, ERR_USAGE, "Invalid parameter setting %s: %s", cli_quoted(pair).text,
                       why.msg);
    }
    put(document, &path, 0, value);
    return 0;
}
