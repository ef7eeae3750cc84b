/* ctl/shared_config.c - /config of whichever node answers. */
#include "ctl/shared_config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "ctl/progress.h"
#include "ctl/told.h"

#define CONFIG_PATH "/config"

int shared_config_get(const struct cli_call *call, struct ask *ask, struct ask_version *ret_version,
                      json_t **ret_view, struct err *err)
{
    json_auto_t *view = NULL;
    int rc = told_get(ask, &view, err);
    rc = rc < 0 ? rc : told_check_clusters(call, view, err);
    rc = rc < 0 ? rc : ask_get_version(ask, CONFIG_PATH, ret_version, err);
    if (rc == 0 && ret_view != NULL) {
        *ret_view = json_incref(view);
    }
    return rc;
}

int shared_config_check_version(const struct ask *ask, const struct ask_version *version,
                                struct err *err)
{
    return version->tag[0] != '\0'
               ? 0
               : err_set(
                     err, ERR_PROTOCOL,
                     "%s answers without the revision of the configuration (ETag), or something "
                     "in between drops it: a change of somebody else would be lost",
                     ask_node(ask));
}

/* An earlier attempt was carried out, and its answer was lost. */
static bool is_there(struct ask *ask, json_t *document)
{
    struct ask_version now = {.value = NULL};
    bool same =
        ask_get_version(ask, CONFIG_PATH, &now, NULL) == 0 && json_equal(now.value, document) == 1;
    json_decref(now.value);
    return same;
}

int shared_config_put(struct ask *ask, const struct ask_version *version, json_t *document,
                      struct err *err)
{
    struct err why = {0};
    json_auto_t *answer = NULL;
    int rc = shared_config_check_version(ask, version, err);
    if (rc < 0) {
        return rc;
    }
    ask_restart_clock(ask); /* nobody knows how long the user took */
    progress_begin("the change of the configuration",
                   "whether it is written is not known: pgraftctl show-config tells");
    rc = ask_put(ask, CONFIG_PATH, document, version->tag, &answer, &why);
    progress_end();
    if (rc == ERR_CONFLICT) {
        return is_there(ask, document)
                   ? 0
                   : err_set(err, rc, "Config modification aborted due to concurrent changes");
    }
    /* What a node does not take is refused: the words on the command line were all right. */
    return rc == 0 ? 0 : err_set(err, rc == ERR_INVALID ? ERR_REFUSED : rc, "%s", why.msg);
}

bool shared_config_is_paused(json_t *document)
{
    static const char *const words[] = {"true", "yes", "on"};
    json_t *pause = json_object_get(document, "pause");
    const char *text = json_string_value(pause);
    bool is = json_is_true(pause);
    for (size_t i = 0; text != NULL && i < ARRAY_LEN(words); i++) {
        is = is || strcasecmp(text, words[i]) == 0;
    }
    return is;
}

/* ---- showing ---- */

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static json_t *sorted(json_t *value);

/* NOLINTNEXTLINE(misc-no-recursion) as deep as the value, which jansson bounds */
static json_t *sorted_map(json_t *map)
{
    json_t *out = json_object();
    size_t count = 0;
    const char *key = NULL;
    json_t *value = NULL;
    CLEANUP(mem_freep) const char **keys = mem_array(json_object_size(map) + 1, sizeof(*keys));
    json_object_foreach(map, key, value)
    {
        keys[count++] = key;
    }
    qsort(keys, count, sizeof(*keys), compare);
    for (size_t i = 0; i < count; i++) {
        int rc = json_object_set_new(out, keys[i], sorted(json_object_get(map, keys[i])));
        MUST(rc == 0);
    }
    return out;
}

/* A copy. */
/* NOLINTNEXTLINE(misc-no-recursion) as above */
static json_t *sorted(json_t *value)
{
    if (json_is_object(value)) {
        return sorted_map(value);
    }
    if (!json_is_array(value)) {
        return json_incref(value);
    }
    json_t *out = json_array();
    for (size_t i = 0; i < json_array_size(value); i++) {
        int rc = json_array_append_new(out, sorted(json_array_get(value, i)));
        MUST(rc == 0);
    }
    return out;
}

void shared_config_print(struct buf *out, enum output_format format, json_t *document)
{
    json_auto_t *in_order = sorted(document);
    output_document(out, format == OUTPUT_JSON ? OUTPUT_JSON : OUTPUT_YAML, in_order);
}
