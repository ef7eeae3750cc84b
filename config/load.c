/* config/load.c - from the sources to a whole configuration: values, defaults, what follows from
 * them, and the checks. */
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/assign.h"
#include "config/check.h"
#include "config/config.h"
#include "config/dynamic.h"
#include "config/methods.h"
#include "config/settings.h"
#include "config/sources.h"
#include "config/yaml_tree.h"

/* What the sources below have said. */
static void set_hidden(const struct setting *setting, const struct tree_node *node,
                       struct config_origin *origin)
{
    for (const struct tree_node *at = node->hides; at != NULL; at = at->hides) {
        size_t count = origin->hidden_count;
        bool shows = at->kind == TREE_SCALAR && setting->kind != SETTING_SECRET;
        origin->hidden = mem_grow(origin->hidden, count + 1, sizeof(*origin->hidden));
        origin->hidden[count] = (struct config_hidden){
            .value = shows ? mem_strdup(at->text) : NULL,
            .source = at->place.source != NULL ? mem_strdup(at->place.source) : NULL,
            .line = at->place.line};
        origin->hidden_count++;
    }
}

static void set_origin(const struct setting *setting, const struct tree_node *node,
                       struct config_origin *origin)
{
    origin->kind = CONFIG_GIVEN;
    origin->source = node->place.source != NULL ? mem_strdup(node->place.source) : NULL;
    origin->line = node->place.line;
    origin->column = node->place.column;
    set_hidden(setting, node, origin);
}

static void close_origin(struct config_origin *origin)
{
    mem_free(origin->source);
    for (size_t i = 0; i < origin->hidden_count; i++) {
        mem_free(origin->hidden[i].value);
        mem_free(origin->hidden[i].source);
    }
    mem_free(origin->hidden);
}

static void set_default(const struct assign *a, size_t row)
{
    const struct setting *setting = &settings[row];
    if (setting->fallback == NULL) {
        return;
    }
    bool fine = assign_value(a, setting, tree_scalar(a->tree, "default", setting->fallback));
    MUST(fine); /* the table is right */
    a->config->origins[row].kind = CONFIG_DEFAULT;
}

/* Every row from @root or its default; @failed: it is there and can not be used. */
static void set_all(const struct assign *a, const struct tree_node *root, bool *failed)
{
    for (size_t i = 0; i < settings_count; i++) {
        const struct tree_node *node = setting_find(&settings[i], root);
        bool foreign = settings[i].database && a->config->role == CONFIG_WITNESS;
        bool is_there = node != NULL && !foreign;
        if (is_there && assign_value(a, &settings[i], node)) {
            set_origin(&settings[i], node, &a->config->origins[i]);
            continue;
        }
        failed[i] = is_there;
        set_default(a, i);
    }
}

/* What is wrong with the first value of the shared configuration. */
static void check_dcs(struct tree *tree, const struct tree_node *root, enum config_role role,
                      struct problems *problems)
{
    struct config ignored;
    const struct tree_node *dcs = tree_find(root, "bootstrap.dcs");
    if (role != CONFIG_WITNESS && dcs != NULL && dcs->kind == TREE_MAP) {
        (void)config_dynamic_read(tree, dcs, &ignored, problems);
        config_close(&ignored);
    }
}

int config_load(const struct config_input *input, struct config *out, struct problems *problems)
{
    CLEANUP(tree_close) struct tree tree = {0};
    bool failed[CONFIG_ROWS_MAX] = {false};
    memset(out, 0, sizeof(*out));
    out->role = input->role;
    const struct assign assign = {.tree = &tree, .config = out, .problems = problems};
    const struct tree_node *root = sources_read(input, &tree, problems);
    set_all(&assign, root, failed);
    if (root == NULL) {
        return ERR_INVALID;
    }
    const struct tree_node *postgresql = tree_get(root, "postgresql");
    out->has_postgresql = postgresql != NULL && postgresql->count > 0;
    if (out->role != CONFIG_WITNESS) {
        methods_read(root, out, problems);
    }
    if (input->guess_role && out->role == CONFIG_ROLE_UNKNOWN) {
        out->role = out->has_postgresql ? CONFIG_VOTER : CONFIG_WITNESS;
    }
    const struct check check = {.config = out,
                                .problems = problems,
                                .root = root,
                                .failed = failed,
                                .source = root->place.line > 0 ? root->place.source : input->path};
    check_derive(&check);
    check_all(&check);
    check_dcs(&tree, root, out->role, problems);
    return problems_count(problems, PROBLEM_ERROR) == 0 ? 0 : ERR_INVALID;
}

void config_close(struct config *config)
{
    for (size_t i = 0; i < settings_count; i++) {
        setting_clear(&settings[i], config);
        close_origin(&config->origins[i]);
    }
    for (size_t i = 0; i < dynamic_settings_count; i++) {
        setting_clear(&dynamic_settings[i], config);
    }
    methods_close(&config->postgresql.methods);
    methods_close(&config->bootstrap.methods);
    memset(config, 0, sizeof(*config));
}
