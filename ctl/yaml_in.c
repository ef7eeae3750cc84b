/* ctl/yaml_in.c - the tree of the configuration's parser, written as JSON and read again. */
#include "ctl/yaml_in.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/must.h"
#include "config/tree_json.h"
#include "config/yaml_tree.h"

/* Which of two values was meant nobody knows; a node refuses it, too. */
/* NOLINTNEXTLINE(misc-no-recursion) as deep as the tree */
static void tell_repeated(const struct tree_node *node, struct problems *problems)
{
    for (size_t i = 0; i < node->count; i++) {
        const struct tree_entry *entry = &node->entries[i];
        const struct tree_entry *first = node->kind == TREE_MAP ? tree_repeated(node, i) : NULL;
        if (first != NULL) {
            problems_add(problems, PROBLEM_ERROR, &entry->place, "%s: again, after line %u",
                         problems_word(entry->key).text, first->place.line);
        }
        tell_repeated(entry->value, problems);
    }
}

int yaml_in_parse(const char *source, const char *text, size_t size, json_t **ret_value,
                  struct err *err)
{
    CLEANUP(tree_close) struct tree tree = {0};
    CLEANUP(problems_close) struct problems problems = {0};
    CLEANUP(buf_close) struct buf json = {0};
    const struct tree_node *root = tree_parse_value(&tree, source, text, size, &problems);
    if (root != NULL) {
        tell_repeated(root, &problems);
    }
    if (problems_count(&problems, PROBLEM_ERROR) > 0) {
        return problems_err(&problems, err);
    }
    tree_json(root, &json);
    json_t *value = json_loadb(buf_text(&json), json.size, JSON_DECODE_ANY, NULL);
    MUST(value != NULL); /* it was written as JSON, of bounded depth */
    *ret_value = value;
    return 0;
}

int yaml_in_map(const char *source, const char *text, size_t size, json_t **ret_value,
                struct err *err)
{
    json_auto_t *value = NULL;
    int rc = yaml_in_parse(source, text, size, &value, err);
    if (rc == 0 && json_object_size(value) == 0) {
        rc = err_set(err, ERR_INVALID, "%s: a map of settings is expected, with one at least",
                     source);
    }
    if (rc == 0) {
        *ret_value = json_incref(value);
    }
    return rc;
}
