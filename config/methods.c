/* config/methods.c - sections of methods, key by key. */
#include "config/methods.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/nearest.h"
#include "config/assign.h"
#include "config/scalar.h"
#include "config/settings.h"
#include "config/show.h"

#define TARGET "recovery_target"

struct reading {
    const char *heading; /* "postgresql", "bootstrap" */
    struct config_method *method;
    struct problems *problems;
};

/* --- One key --- */

static void add(struct config_pairs *pairs, const char *key, const char *value)
{
    pairs->at = mem_grow(pairs->at, pairs->count + 1, sizeof(*pairs->at));
    pairs->at[pairs->count++] =
        (struct config_pair){.key = mem_strdup(key), .value = mem_strdup(value)};
}

static bool is_bootstrap(const struct reading *r)
{
    return strcmp(r->heading, "bootstrap") == 0;
}

/* Patroni's own examples have 1, too. */
static void read_flag(const struct reading *r, const struct tree_entry *entry, bool *ret_flag)
{
    const char *text = entry->value->text;
    bool is_digit = (text[0] == '0' || text[0] == '1') && text[1] == '\0';
    struct err err;
    if (is_digit) {
        *ret_flag = text[0] == '1';
    } else if (scalar_bool(text, ret_flag, &err) != 0) {
        problems_add(r->problems, PROBLEM_ERROR, &entry->value->place, "%s.%s.%s: %s", r->heading,
                     r->method->name, entry->key, err.msg);
    }
}

/* What a restored cluster recovers by. Who follows whom, and when it is promoted, is ours. */
static const char *const recovery_names[] = {"restore_command",
                                             "recovery_end_command",
                                             "archive_cleanup_command",
                                             TARGET,
                                             TARGET "_name",
                                             TARGET "_time",
                                             TARGET "_xid",
                                             TARGET "_lsn",
                                             TARGET "_inclusive",
                                             TARGET "_timeline",
                                             TARGET "_action"};
#define TARGETS_FIRST 3 /* of which there is one at most, in that table ... */
#define TARGETS_END 8

static size_t recovery_index(const char *name)
{
    size_t i = 0;
    while (i < ARRAY_LEN(recovery_names) && strcmp(recovery_names[i], name) != 0) {
        i++;
    }
    return i;
}

static void check_targets(const struct reading *r, const struct tree_node *map)
{
    const char *first = NULL;
    for (size_t i = 0; i < map->count; i++) {
        const struct tree_entry *entry = &map->entries[i];
        size_t row = recovery_index(entry->key);
        if (row < TARGETS_FIRST || row >= TARGETS_END || tree_is_null(entry->value)) {
            continue;
        }
        if (first != NULL && strcmp(first, entry->key) != 0) {
            problems_add(r->problems, PROBLEM_ERROR, &entry->place,
                         "%s.%s.recovery_conf: %s and %s: there is one target at most", r->heading,
                         r->method->name, first, entry->key);
        }
        first = first != NULL ? first : entry->key;
    }
}

static void read_recovery_entry(const struct reading *r, const struct tree_entry *entry)
{
    size_t row = recovery_index(entry->key);
    if (row == ARRAY_LEN(recovery_names)) {
        const char *guess = nearest(entry->key, recovery_names, ARRAY_LEN(recovery_names));
        problems_add(r->problems, PROBLEM_WARNING, &entry->place,
                     "%s.%s.recovery_conf.%s: no parameter that a recovery from a backup goes by, "
                     "ignored%s%s%s",
                     r->heading, r->method->name, problems_word(entry->key).text,
                     guess != NULL ? "; did you mean " : "", guess != NULL ? guess : "",
                     guess != NULL ? "?" : "");
    } else if (entry->value->kind != TREE_SCALAR || !assign_is_printable(entry->value->text)) {
        problems_add(r->problems, PROBLEM_ERROR, &entry->place,
                     "%s.%s.recovery_conf.%s: has to be one value, on one line", r->heading,
                     r->method->name, entry->key);
    } else if (strcmp(entry->key, TARGET "_action") == 0) {
        bool is_usual = strcmp(entry->value->text, "promote") == 0;
        if (!is_usual) {
            problems_add(r->problems, PROBLEM_WARNING, &entry->place,
                         "%s.%s.recovery_conf.%s: %s is not done: the recovery ends at its target, "
                         "and pgraft promotes what came of it",
                         r->heading, r->method->name, entry->key,
                         problems_word(entry->value->text).text);
        }
    } else if (!tree_is_null(entry->value)) {
        add(&r->method->recovery, entry->key, entry->value->text);
    }
}

static void read_recovery(const struct reading *r, const struct tree_entry *entry)
{
    const struct tree_node *map = entry->value;
    if (map->kind != TREE_MAP) {
        problems_add(r->problems, PROBLEM_ERROR, &map->place,
                     "%s.%s.recovery_conf: has to be a map, as in {restore_command: ...}",
                     r->heading, r->method->name);
        return;
    }
    r->method->has_recovery = true;
    check_targets(r, map);
    for (size_t i = 0; i < map->count; i++) {
        if (tree_get(map, map->entries[i].key) == map->entries[i].value) {
            read_recovery_entry(r, &map->entries[i]);
        }
    }
}

static bool is_word(const char *text)
{
    return text[0] != '\0' && text[0] != '-' && strpbrk(text, " =\t\n") == NULL &&
           assign_is_printable(text);
}

/* An argument of the command. Patroni takes some out before, and overwrites others. */
static void read_argument(const struct reading *r, const struct tree_entry *entry)
{
    static const char *const ours[] = {"scope", "datadir", "role", "connstring"};
    bool is_ours = false;
    for (size_t i = 0; i < (is_bootstrap(r) ? 2 : ARRAY_LEN(ours)); i++) {
        is_ours = is_ours || strcmp(entry->key, ours[i]) == 0;
    }
    if (is_ours) {
        problems_add(r->problems, PROBLEM_WARNING, &entry->place,
                     "%s.%s.%s: is what pgraft tells the command, ignored", r->heading,
                     r->method->name, entry->key);
    } else if (!is_word(entry->key) || !assign_is_printable(entry->value->text)) {
        problems_add(r->problems, PROBLEM_ERROR, &entry->place,
                     "%s.%s: %s is no argument of a command; write it without \"--\", on one line",
                     r->heading, r->method->name, cli_quoted(entry->key).text);
    } else {
        add(&r->method->arguments, entry->key, entry->value->text);
    }
}

static void read_command(const struct reading *r, const struct tree_entry *entry)
{
    if (entry->value->text[0] == '\0' || !assign_is_printable(entry->value->text)) {
        problems_add(r->problems, PROBLEM_ERROR, &entry->value->place,
                     "%s.%s.command: %s is no command", r->heading, r->method->name,
                     cli_quoted(entry->value->text).text);
        return;
    }
    r->method->command = mem_strdup(entry->value->text);
}

static void read_entry(const struct reading *r, const struct tree_entry *entry)
{
    struct config_method *m = r->method;
    if (is_bootstrap(r) && strcmp(entry->key, "recovery_conf") == 0) {
        if (!tree_is_null(entry->value)) {
            read_recovery(r, entry);
        }
        return;
    }
    if (entry->value->kind != TREE_SCALAR) {
        problems_add(r->problems, PROBLEM_ERROR, &entry->value->place,
                     "%s.%s.%s: has to be one value", r->heading, m->name,
                     problems_word(entry->key).text);
        return;
    }
    if (tree_is_null(entry->value)) {
        return;
    }
    if (strcmp(entry->key, "command") == 0) {
        read_command(r, entry);
    } else if (strcmp(entry->key, "no_params") == 0) {
        read_flag(r, entry, &m->no_params);
    } else if (!is_bootstrap(r) && strcmp(entry->key, "no_leader") == 0) {
        read_flag(r, entry, &m->no_leader);
        m->said_no_leader = mem_strdup(entry->value->text);
    } else if (!is_bootstrap(r) && strcmp(entry->key, "keep_data") == 0) {
        read_flag(r, entry, &m->keep_data);
        m->said_keep_data = mem_strdup(entry->value->text);
    } else if (is_bootstrap(r) && strcmp(entry->key, "keep_existing_recovery_conf") == 0) {
        read_flag(r, entry, &m->keeps_recovery);
    } else {
        read_argument(r, entry);
    }
}

/* --- One section --- */

static void read_section(const char *heading, const char *name, const struct tree_node *node,
                         bool is_named, struct config_methods *out, struct problems *problems)
{
    if (node->kind != TREE_MAP) {
        problems_add(problems, PROBLEM_ERROR, &node->place,
                     "%s.%s: has to be a map with command, as in {command: /path/program}", heading,
                     name);
        return;
    }
    out->at = mem_grow(out->at, out->count + 1, sizeof(*out->at));
    out->at[out->count] = (struct config_method){.name = mem_strdup(name)};
    const struct reading r = {
        .heading = heading, .method = &out->at[out->count++], .problems = problems};
    for (size_t i = 0; i < node->count; i++) {
        if (tree_get(node, node->entries[i].key) == node->entries[i].value) {
            read_entry(&r, &node->entries[i]);
        }
    }
    const struct tree_node *command = tree_get(node, "command");
    if (is_named && (command == NULL || tree_is_null(command))) {
        problems_add(problems, PROBLEM_ERROR, &node->place,
                     "%s.%s.command: missing: what makes the data", heading, name);
    }
}

bool methods_is_section(const struct tree_node *node)
{
    return node->kind == TREE_MAP && tree_get(node, "command") != NULL;
}

static bool is_setting(const char *heading, const char *name)
{
    CLEANUP(mem_freep) char *path = mem_printf("%s.%s", heading, name);
    size_t size = strlen(path);
    for (size_t i = 0; i < settings_count; i++) {
        const char *known = settings[i].path;
        if (strncmp(known, path, size) == 0 && (known[size] == '.' || known[size] == '\0')) {
            return true;
        }
    }
    return false;
}

/* --- The sections of replicas --- */

static bool is_listed(const struct config_list *list, const char *name)
{
    bool is_there = false;
    for (size_t i = 0; i < list->count; i++) {
        is_there = is_there || strcmp(list->at[i], name) == 0;
    }
    return is_there;
}

static void read_replicas(const struct tree_node *section, struct config *config,
                          struct problems *problems)
{
    const struct config_list *list = &config->postgresql.create_replica_methods;
    for (size_t i = 0; section != NULL && section->kind == TREE_MAP && i < section->count; i++) {
        const struct tree_entry *entry = &section->entries[i];
        bool is_named = is_listed(list, entry->key);
        bool is_last = tree_get(section, entry->key) == entry->value;
        if (!is_last || tree_is_null(entry->value) || is_setting("postgresql", entry->key) ||
            (!is_named && !methods_is_section(entry->value))) {
            continue;
        }
        read_section("postgresql", entry->key, entry->value, is_named, &config->postgresql.methods,
                     problems);
    }
}

/* Where the name stands in the list; the list itself where it is one text. */
static const struct tree_place *place_of(const struct tree_node *list, const char *name)
{
    for (size_t i = 0; list->kind == TREE_LIST && i < list->count; i++) {
        const struct tree_node *item = list->entries[i].value;
        if (item->kind == TREE_SCALAR && strcmp(item->text, name) == 0) {
            return &item->place;
        }
    }
    return &list->place;
}

static void check_listed(const struct tree_node *root, const struct config *config,
                         struct problems *problems)
{
    const struct setting *row = &settings[setting_index("postgresql.create_replica_methods")];
    const struct tree_node *list = setting_find(row, root);
    const struct config_list *names = &config->postgresql.create_replica_methods;
    for (size_t i = 0; list != NULL && i < names->count; i++) {
        const char *name = names->at[i];
        CLEANUP(mem_freep) char *shared = mem_printf("bootstrap.dcs.postgresql.%s", name);
        if (strcmp(name, METHOD_BASEBACKUP) == 0 || is_setting("postgresql", name) ||
            tree_get(tree_get(root, "postgresql"), name) != NULL ||
            tree_find(root, shared) != NULL) {
            continue;
        }
        problems_add(problems, PROBLEM_ERROR, place_of(list, name),
                     "%s: %s has no section: postgresql.%s with command has to say what makes the "
                     "data",
                     row->path, problems_word(name).text, problems_word(name).text);
    }
}

/* --- The section of a bootstrap --- */

static void read_bootstrap(const struct tree_node *root, struct config *config,
                           struct problems *problems)
{
    const char *name = config->bootstrap.method;
    const struct tree_node *bootstrap = tree_get(root, "bootstrap");
    const struct tree_node *given = tree_get(bootstrap, "method");
    if (name == NULL || given == NULL || strcmp(name, METHOD_INITDB) == 0) {
        return;
    }
    const struct tree_node *section = tree_get(bootstrap, name);
    if (section == NULL || tree_is_null(section) || is_setting("bootstrap", name)) {
        problems_add(problems, PROBLEM_ERROR, &given->place,
                     "bootstrap.method: %s has no section: bootstrap.%s with command has to say "
                     "what makes the data",
                     problems_word(name).text, problems_word(name).text);
        return;
    }
    read_section("bootstrap", name, section, true, &config->bootstrap.methods, problems);
}

void methods_read(const struct tree_node *root, struct config *config, struct problems *problems)
{
    read_replicas(tree_get(root, "postgresql"), config, problems);
    check_listed(root, config, problems);
    read_bootstrap(root, config, problems);
}

void methods_read_dynamic(const struct tree_node *root, struct config *config,
                          struct problems *problems)
{
    read_replicas(tree_get(root, "postgresql"), config, problems);
}

const struct config_method *methods_find(const struct config_methods *methods, const char *name)
{
    for (size_t i = 0; i < methods->count; i++) {
        if (strcmp(methods->at[i].name, name) == 0) {
            return &methods->at[i];
        }
    }
    return NULL;
}

void methods_close(struct config_methods *methods)
{
    for (size_t i = 0; i < methods->count; i++) {
        struct config_method *m = &methods->at[i];
        mem_free(m->name);
        mem_free(m->command);
        mem_free(m->said_no_leader);
        mem_free(m->said_keep_data);
        setting_clear_pairs(&m->arguments);
        setting_clear_pairs(&m->recovery);
    }
    mem_free(methods->at);
    *methods = (struct config_methods){0};
}

/* --- What a user sees of them --- */

static void show_pair(const char *key, const char *value, size_t indent, struct buf *out)
{
    buf_printf(out, "%*s", (int)indent, "");
    show_scalar(key, out);
    buf_str(out, ": ");
    show_scalar(value, out);
    buf_char(out, '\n');
}

static void show_flag(const char *key, bool is_set, size_t indent, struct buf *out)
{
    if (is_set) {
        buf_printf(out, "%*s%s: true\n", (int)indent, "", key);
    }
}

static void show_one(const struct config_method *m, size_t indent, struct buf *out)
{
    buf_printf(out, "%*s", (int)indent, "");
    show_scalar(m->name, out);
    buf_str(out, ":\n");
    size_t inside = indent + 2;
    if (m->command != NULL) {
        show_pair("command", m->command, inside, out);
    }
    show_flag("no_params", m->no_params, inside, out);
    if (m->said_no_leader != NULL) {
        show_pair("no_leader", m->said_no_leader, inside, out);
    }
    if (m->said_keep_data != NULL) {
        show_pair("keep_data", m->said_keep_data, inside, out);
    }
    show_flag("keep_existing_recovery_conf", m->keeps_recovery, inside, out);
    for (size_t i = 0; i < m->arguments.count; i++) {
        show_pair(m->arguments.at[i].key, m->arguments.at[i].value, inside, out);
    }
    if (m->has_recovery) {
        buf_printf(out, "%*srecovery_conf:%s\n", (int)inside, "",
                   m->recovery.count == 0 ? " {}" : "");
    }
    for (size_t i = 0; i < m->recovery.count; i++) {
        show_pair(m->recovery.at[i].key, m->recovery.at[i].value, inside + 2, out);
    }
}

void methods_show(const struct config_methods *methods, size_t indent, struct buf *out)
{
    for (size_t i = 0; i < methods->count; i++) {
        show_one(&methods->at[i], indent, out);
    }
}

bool methods_equal(const struct config_methods *a, const struct config_methods *b)
{
    CLEANUP(buf_close) struct buf one = {0};
    CLEANUP(buf_close) struct buf other = {0};
    methods_show(a, 0, &one);
    methods_show(b, 0, &other);
    return strcmp(buf_text(&one), buf_text(&other)) == 0;
}

void methods_swap(struct config_methods *a, struct config_methods *b)
{
    struct config_methods kept = *a;
    *a = *b;
    *b = kept;
}
