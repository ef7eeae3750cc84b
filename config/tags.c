/* config/tags.c - what the tags of a node mean, and how they are shown. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "config/scalar.h"
#include "config/settings.h"
#include "config/tags.h"
#include "config/tree_json.h"

const char *const tag_names[] = {
    "clonefrom", "nofailover",        "noloadbalance", "nosync",
    "nostream",  "failover_priority", "sync_priority", "replicatefrom",
};

static const enum tag_kind kinds[] = {
    TAG_BOOL, TAG_BOOL, TAG_BOOL, TAG_BOOL, TAG_BOOL, TAG_NUMBER, TAG_NUMBER, TAG_TEXT,
};

const size_t tag_names_count = ARRAY_LEN(tag_names);
_Static_assert(ARRAY_LEN(tag_names) == ARRAY_LEN(kinds), "each name has a kind");

enum tag_kind tag_kind_of(const char *name)
{
    for (size_t i = 0; i < tag_names_count; i++) {
        if (strcmp(tag_names[i], name) == 0) {
            return kinds[i];
        }
    }
    return TAG_OTHER;
}

const char *tag_value(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->tags.count; i++) {
        if (strcmp(config->tags.at[i].key, name) == 0) {
            return config->tags.at[i].value;
        }
    }
    return NULL;
}

bool tag_number(const char *text, int *ret_value)
{
    char *end = NULL;
    long value = strtol(text, &end, 10);
    bool fine = end != text && *end == '\0' && value >= -1000000 && value <= 1000000;
    *ret_value = fine ? (int)value : 0;
    return fine;
}

static bool is_on(const struct config *config, const char *name)
{
    const char *value = tag_value(config, name);
    bool flag = false;
    return value != NULL && scalar_bool(value, &flag, NULL) == 0 && flag;
}

/* The flag wins over the priority, if there is one. */
static int priority(const struct config *config, const char *flag, const char *number)
{
    const char *value = tag_value(config, number);
    int priority = 1;
    if (tag_value(config, flag) != NULL && is_on(config, flag)) {
        return 0;
    }
    if (value == NULL || !tag_number(value, &priority)) {
        return 1;
    }
    bool contradicts = tag_value(config, flag) != NULL && priority < 1;
    return contradicts ? 1 : priority;
}

void config_tags(const struct config *config, struct config_tags *ret_tags)
{
    const char *from = tag_value(config, "replicatefrom");
    *ret_tags = (struct config_tags){
        .failover_priority = priority(config, "nofailover", "failover_priority"),
        .sync_priority = priority(config, "nosync", "sync_priority"),
        .clonefrom = is_on(config, "clonefrom"),
        .noloadbalance = is_on(config, "noloadbalance"),
        .nostream = is_on(config, "nostream"),
        .replicatefrom = from != NULL && from[0] != '\0' ? from : NULL,
    };
    ret_tags->nofailover = ret_tags->failover_priority < 1;
    ret_tags->nosync = ret_tags->sync_priority < 1;
}

/* One of those that is off is shown where it explains another one. */
static bool is_shown(const struct config *config, const char *name)
{
    const char *beside = strcmp(name, "nofailover") == 0 ? "failover_priority"
                         : strcmp(name, "nosync") == 0   ? "sync_priority"
                                                         : NULL;
    return tag_kind_of(name) != TAG_BOOL || is_on(config, name) ||
           (beside != NULL && tag_value(config, beside) != NULL);
}

void config_tags_json(const struct config *config, struct buf *out)
{
    bool first = true;
    buf_char(out, '{');
    for (size_t i = 0; i < config->tags.count; i++) {
        const struct config_pair *tag = &config->tags.at[i];
        if (is_shown(config, tag->key)) {
            buf_str(out, first ? "" : ", ");
            tree_json_scalar(tag->key, false, out);
            buf_str(out, ": ");
            tree_json_scalar(tag->value, tag_kind_of(tag->key) != TAG_TEXT, out);
            first = false;
        }
    }
    buf_char(out, '}');
}
