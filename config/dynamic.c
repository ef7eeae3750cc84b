/* config/dynamic.c - reading the key `config`. */
#include "config/dynamic.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/assign.h"
#include "config/dynamic_slots.h"
#include "config/dynamic_standby.h"
#include "config/keys.h"
#include "config/methods.h"
#include "config/scalar.h"
#include "config/settings.h"

/* Of a choice that was a yes or no once. */
static const struct tree_node *as_choice(struct tree *tree, const struct setting *setting,
                                         const struct tree_node *node)
{
    bool flag = false;
    bool is_flag = setting->kind == SETTING_CHOICE && node->kind == TREE_SCALAR &&
                   strcmp(setting->path, "synchronous_mode") == 0 &&
                   scalar_bool(node->text, &flag, NULL) == 0;
    if (!is_flag) {
        return node;
    }
    struct tree_node *word = tree_node_new(tree, TREE_SCALAR, node->place);
    word->text = flag ? "on" : "off";
    return word;
}

static void read_own(const struct assign *a, const struct tree_node *root)
{
    for (size_t i = 0; i < dynamic_settings_count; i++) {
        const struct setting *setting = &dynamic_settings[i];
        const struct tree_node *node = setting_find(setting, root);
        bool fine = node != NULL && assign_value(a, setting, as_choice(a->tree, setting, node));
        if (!fine && setting->fallback != NULL) {
            fine = assign_value(a, setting, tree_scalar(a->tree, "default", setting->fallback));
            MUST(fine); /* the table is right */
        }
    }
}

/* What is not given keeps no value, and its origin says so. */
static void read_postgresql(const struct assign *a, const struct tree_node *root)
{
    for (size_t i = 0; i < settings_count; i++) {
        const struct tree_node *node =
            settings[i].dynamic ? setting_find(&settings[i], root) : NULL;
        if (node != NULL && assign_value(a, &settings[i], node)) {
            a->config->origins[i] = (struct config_origin){
                .kind = CONFIG_GIVEN,
                .source = node->place.source != NULL ? mem_strdup(node->place.source) : NULL,
                .line = node->place.line,
                .column = node->place.column};
        }
    }
}

int config_dynamic_read(struct tree *tree, const struct tree_node *root, struct config *out,
                        struct problems *problems)
{
    size_t before = problems_count(problems, PROBLEM_ERROR);
    const struct assign assign = {.tree = tree, .config = out, .problems = problems};
    if (root->kind != TREE_MAP) {
        problems_add(problems, PROBLEM_ERROR, &root->place, "has to be a map of settings");
        root = tree_node_new(tree, TREE_MAP, root->place);
    }
    memset(out, 0, sizeof(*out));
    read_own(&assign, root);
    read_postgresql(&assign, root);
    methods_read_dynamic(root, out, problems);
    dynamic_check_slots(root, problems);
    dynamic_check_standby(root, &out->dynamic, problems);
    return problems_count(problems, PROBLEM_ERROR) == before ? 0 : ERR_INVALID;
}

/* NULL and "" are an empty map; so is what is not even YAML, and stands in @problems. */
static const struct tree_node *parse(struct tree *tree, const char *source, const char *text,
                                     struct problems *problems)
{
    const char *bytes = text != NULL ? text : "";
    const struct tree_node *root = tree_parse(tree, source, bytes, strlen(bytes), problems);
    return root != NULL ? root
                        : tree_node_new(tree, TREE_MAP, (struct tree_place){.source = source});
}

int config_dynamic_load(const char *source, const char *text, struct config *out,
                        struct problems *problems)
{
    CLEANUP(tree_close) struct tree tree = {0};
    size_t before = problems_count(problems, PROBLEM_ERROR);
    const struct tree_node *root = parse(&tree, source, text, problems);
    keys_check_dynamic(root, problems);
    (void)config_dynamic_read(&tree, root, out, problems);
    return problems_count(problems, PROBLEM_ERROR) == before ? 0 : ERR_INVALID;
}

int config_dynamic_check(const char *text, const char *before, struct problems *problems)
{
    CLEANUP(tree_close) struct tree tree = {0};
    CLEANUP(config_close) struct config read = {0};
    CLEANUP(problems_close) struct problems old = {0}; /* what is wrong with that is no news */
    size_t count = problems_count(problems, PROBLEM_ERROR);
    const struct tree_node *root = parse(&tree, NULL, text, problems);
    keys_check_change(root, parse(&tree, NULL, before, &old), problems);
    (void)config_dynamic_read(&tree, root, &read, problems);
    return problems_count(problems, PROBLEM_ERROR) == count ? 0 : ERR_INVALID;
}
