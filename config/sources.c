/* config/sources.c - reading what there is, in order: files, Patroni's variables, ours, flags.
 *
 * A value of a variable or a flag replaces what the files say at its path; files of a directory are
 * merged, the later ones winning. A variable that is set to nothing counts as not set. */
#include "config/sources.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/keys.h"
#include "config/settings.h"
#include "config/variables.h"

struct reading {
    struct tree *tree;
    struct problems *problems;
};

/* --- Documents --- */

/* The key of the first password in @node; NULL when there is none. */
/* NOLINTNEXTLINE(misc-no-recursion) as deep as the tree */
static const struct tree_entry *find_password(const struct tree_node *node)
{
    for (size_t i = 0; i < node->count; i++) {
        const struct tree_entry *entry = &node->entries[i];
        const char *tail = entry->key != NULL ? strstr(entry->key, "password") : NULL;
        bool holds = tail != NULL && strcmp(tail, "password") == 0 &&
                     entry->value->kind == TREE_SCALAR && !tree_is_null(entry->value);
        const struct tree_entry *found = holds ? entry : find_password(entry->value);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

static void check_privacy(const struct reading *r, const struct tree_node *root, mode_t mode)
{
    const struct tree_entry *password = find_password(root);
    if (password != NULL && (mode & S_IROTH) != 0) {
        problems_add(r->problems, PROBLEM_WARNING, &password->place,
                     "%s: everybody on this host may read this file (mode %04o); chmod o-rwx",
                     problems_word(password->key).text, (unsigned)mode & 07777);
    }
}

/* @root is one whole document, or NULL after a failure. */
static const struct tree_node *accept(const struct reading *r, const struct tree_node *root)
{
    if (root == NULL) {
        return NULL;
    }
    if (root->kind != TREE_MAP) {
        problems_add(r->problems, PROBLEM_ERROR, &root->place,
                     "a configuration is a map of sections, not %s",
                     root->kind == TREE_LIST ? "a list" : "one value");
        return NULL;
    }
    keys_check(root, r->problems);
    if (keys_raft_is_patronis(root)) {
        const struct tree_node *none = tree_node_new(r->tree, TREE_MAP, root->place);
        return tree_put(r->tree, root, "raft", none);
    }
    return root;
}

static const struct tree_node *read_file(const struct reading *r, const char *path)
{
    const struct tree_node *root = accept(r, tree_parse_file(r->tree, path, r->problems));
    struct stat st;
    if (root != NULL && stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
        check_privacy(r, root, st.st_mode);
    }
    return root;
}

static int is_yaml(const struct dirent *entry)
{
    return fnmatch("*.yml", entry->d_name, FNM_PERIOD) == 0 ||
                   fnmatch("*.yaml", entry->d_name, FNM_PERIOD) == 0
               ? 1
               : 0;
}

/* In the order of bytes, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static const struct tree_node *read_directory(const struct reading *r, const char *path)
{
    const struct tree_place place = {.source = path};
    struct dirent **names = NULL;
    int count = scandir(path, &names, is_yaml, by_name);
    if (count <= 0) {
        problems_add(r->problems, PROBLEM_ERROR, &place, "can not be read: %s",
                     count < 0 ? strerrordesc_np(errno)
                               : "no file in this directory is named *.yml or *.yaml");
    }
    const struct tree_node *all = NULL;
    bool failed = count <= 0;
    for (int i = 0; i < count; i++) {
        CLEANUP(mem_freep) char *file = mem_printf("%s/%s", path, names[i]->d_name);
        const struct tree_node *root = read_file(r, file);
        failed = failed || root == NULL;
        all = tree_overlay(r->tree, all, root);
        mem_free(names[i]);
    }
    mem_free(names);
    return failed ? NULL : all;
}

static const char *variable_value(const char *const *environment, const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
        if (strncmp(environment[i], name, size) == 0 && environment[i][size] == '=') {
            const char *value = environment[i] + size + 1;
            return value[0] != '\0' ? value : NULL;
        }
    }
    return NULL;
}

static const struct tree_node *nothing(const struct reading *r)
{
    return tree_node_new(r->tree, TREE_MAP, (struct tree_place){.source = NULL});
}

static const struct tree_node *read_documents(const struct reading *r,
                                              const struct config_input *input)
{
    static const char *const variables[] = {"PGRAFT_CONFIGURATION", "PATRONI_CONFIGURATION"};
    struct stat st;
    const char *path = input->path;
    for (size_t i = 0; path == NULL && i < ARRAY_LEN(variables); i++) {
        const char *text = variable_value(input->environment, variables[i]);
        if (text != NULL) {
            return accept(r, tree_parse(r->tree, variables[i], text, strlen(text), r->problems));
        }
    }
    if (path == NULL && stat(CONFIG_FILE_DEFAULT, &st) != 0 && errno == ENOENT) {
        return nothing(r);
    }
    path = path != NULL ? path : CONFIG_FILE_DEFAULT;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? read_directory(r, path)
                                                       : read_file(r, path);
}

/* --- Variables and flags --- */

static const struct tree_node *lay(const struct reading *r, const struct tree_node *root,
                                   const char *path, const char *source, const char *value)
{
    return tree_put(r->tree, root, path, tree_scalar(r->tree, source, value));
}

static const struct tree_node *lay_variables(const struct reading *r, const struct tree_node *root,
                                             const char *const *environment)
{
    static const char *const prefixes[] = {"PATRONI_", "PGRAFT_"}; /* the later one wins */
    for (size_t i = 0; i < settings_count; i++) {
        for (size_t p = settings[i].patroni ? 0 : 1; p < ARRAY_LEN(prefixes); p++) {
            char name[SETTINGS_VARIABLE_MAX];
            (void)setting_variable(&settings[i], prefixes[p], name);
            const char *value = variable_value(environment, name);
            root = value != NULL ? lay(r, root, settings[i].path, name, value) : root;
        }
    }
    return root;
}

/* PATRONI_admin_PASSWORD and PATRONI_admin_OPTIONS: a user of bootstrap.users. */
static const struct tree_node *lay_users(const struct reading *r, const struct tree_node *root,
                                         const char *const *environment)
{
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
        CLEANUP(mem_freep) char *path = variables_user_path(environment[i]);
        const char *value = path != NULL ? strchr(environment[i], '=') : NULL;
        if (value != NULL && value[1] != '\0') {
            CLEANUP(mem_freep)
            char *name = mem_printf("%.*s", (int)(value - environment[i]), environment[i]);
            root = lay(r, root, path, name, value + 1);
        }
    }
    return root;
}

static const struct tree_node *lay_flags(const struct reading *r, const struct tree_node *root,
                                         const struct config_input *input)
{
    for (size_t i = 0; i < settings_count; i++) {
        for (size_t f = 0; f < input->flag_count; f++) {
            const struct config_flag *flag = &input->flags[f];
            if (settings[i].flag != NULL && strcmp(settings[i].flag, flag->name) == 0) {
                CLEANUP(mem_freep) char *source = mem_printf("--%s", flag->name);
                root = lay(r, root, settings[i].path, source, flag->value);
            }
        }
    }
    return root;
}

const struct tree_node *sources_read(const struct config_input *input, struct tree *tree,
                                     struct problems *problems)
{
    const struct reading r = {.tree = tree, .problems = problems};
    const struct tree_node *root = read_documents(&r, input);
    variables_check(input->environment, problems);
    if (root == NULL) {
        return NULL;
    }
    root = lay_variables(&r, root, input->environment);
    root = lay_users(&r, root, input->environment);
    return lay_flags(&r, root, input);
}
