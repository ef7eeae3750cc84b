/* daemon/wire_tags.c - tags as JSON has them into a view. */
#include "daemon/wire_tags.h"

#include <string.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"

static enum view_tag_kind kind_of(const json_t *value)
{
    return json_is_boolean(value)  ? VIEW_TAG_BOOL
           : json_is_number(value) ? VIEW_TAG_NUMBER
                                   : VIEW_TAG_TEXT;
}

void wire_tags(const struct config *config, struct view_tags *ret_tags)
{
    CLEANUP(buf_close) struct buf text = {0};
    const char *key = NULL;
    json_t *value = NULL;
    config_tags_json(config, &text);
    json_t *all = json_loads(buf_text(&text), 0, NULL);
    MUST(all != NULL); /* it was written a moment ago */
    memset(ret_tags, 0, sizeof(*ret_tags));
    json_object_foreach(all, key, value)
    {
        if (ret_tags->count == VIEW_TAGS_MAX) {
            break;
        }
        struct view_tag *tag = &ret_tags->at[ret_tags->count++];
        CLEANUP(mem_freep)
        char *plain = json_is_string(value)
                          ? mem_strdup(json_string_value(value))
                          : json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
        MUST(plain != NULL);
        tag->kind = kind_of(value);
        view_text_set(tag->key, sizeof(tag->key), key);
        view_text_set(tag->value, sizeof(tag->value), plain);
    }
    json_decref(all);
}
