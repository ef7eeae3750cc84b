/* config/assign_many.c - values that are several: lists, peers, headers, levels of modules.
 *
 * A list may stand in one text, "a,b"; so a variable and a flag can say what a file can. */
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/assign.h"
#include "config/scalar.h"
#include "proto/member.h"

/* The next of @text's parts between commas, without the spaces and quotes around it; "" is a part
 * too. NULL after the last. */
static char *next_part(const char **text)
{
    if (*text == NULL) {
        return NULL;
    }
    const char *start = *text;
    size_t size = strcspn(start, ",");
    *text = start[size] == ',' ? start + size + 1 : NULL;
    while (size > 0 && start[0] == ' ') {
        start++;
        size--;
    }
    while (size > 0 && start[size - 1] == ' ') {
        size--;
    }
    bool quoted = size > 1 && (start[0] == '\'' || start[0] == '"') && start[size - 1] == start[0];
    return mem_printf("%.*s", (int)(quoted ? size - 2 : size), start + (quoted ? 1 : 0));
}

/* --- Lists --- */

bool assign_add_text(const struct assign *a, const struct setting *setting, const char *text)
{
    struct config_list *list = setting_member(setting, a->config);
    list->at = mem_grow(list->at, list->count + 1, sizeof(*list->at));
    list->at[list->count++] = mem_strdup(text);
    return true;
}

static bool add_to_list(const struct assign *a, const struct setting *setting, const char *text,
                        const struct tree_place *place)
{
    struct err err;
    if (scalar_host_or_network(text, &err) != 0) {
        return assign_fail(a, setting, place, "%s", err.msg);
    }
    return assign_add_text(a, setting, text);
}

bool assign_items(const struct assign *a, const struct setting *setting,
                  const struct tree_node *list, const char *expected, assign_item_cb add)
{
    bool fine = true;
    for (size_t i = 0; i < list->count; i++) {
        const struct tree_node *item = list->entries[i].value;
        fine = assign_is_scalar(a, setting, item, expected) &&
               add(a, setting, item->text, &item->place) && fine;
    }
    return fine;
}

bool assign_list(const struct assign *a, const struct setting *setting,
                 const struct tree_node *node)
{
    if (node->kind == TREE_LIST) {
        return assign_items(a, setting, node, "a list of hosts", add_to_list);
    }
    bool fine = assign_is_scalar(a, setting, node, "a list");
    const char *text = fine && node->text[0] != '\0' ? node->text : NULL;
    for (char *part = next_part(&text); part != NULL; part = next_part(&text)) {
        fine = add_to_list(a, setting, part, &node->place) && fine;
        mem_free(part);
    }
    return fine;
}

/* --- Pairs --- */

static struct config_pair *find_key(const struct config_pairs *pairs, const char *key)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->at[i].key, key) == 0) {
            return &pairs->at[i];
        }
    }
    return NULL;
}

bool assign_add_pair(const struct assign *a, const struct setting *setting, const char *key,
                     const char *value)
{
    struct config_pairs *pairs = setting_member(setting, a->config);
    pairs->at = mem_grow(pairs->at, pairs->count + 1, sizeof(*pairs->at));
    pairs->at[pairs->count++] =
        (struct config_pair){.key = mem_strdup(key), .value = mem_strdup(value)};
    return true;
}

/* A peer's name and address; names and addresses are compared as written, so the port is added. */
static bool add_peer(const struct assign *a, const struct setting *setting, const char *name,
                     const char *address, const struct tree_place *place)
{
    const struct config_pairs *peers = setting_value(setting, a->config);
    CLEANUP(buf_close) struct buf full = {0};
    struct err err;
    if (member_name_check(name, &err) != 0) {
        return assign_fail(a, setting, place, "%s: %s", cli_quoted(name).text, err.msg);
    }
    if (scalar_address(address, setting->port, false, &full, &err) != 0) {
        return assign_fail(a, setting, place, "%s: %s", name, err.msg);
    }
    if (scalar_is_wildcard(buf_text(&full))) {
        return assign_fail(a, setting, place, "%s: nobody can connect to %s", name,
                           buf_text(&full));
    }
    if (find_key(peers, name) != NULL) {
        return assign_fail(a, setting, place, "%s is there twice", name);
    }
    for (size_t i = 0; i < peers->count; i++) {
        if (strcmp(peers->at[i].value, buf_text(&full)) == 0) {
            return assign_fail(a, setting, place, "%s and %s have the same address, %s",
                               peers->at[i].key, name, buf_text(&full));
        }
    }
    if (peers->count == CONFIG_PEERS_MAX) {
        return assign_fail(a, setting, place,
                           "more than %d; others join the cluster when it is there",
                           CONFIG_PEERS_MAX);
    }
    return assign_add_pair(a, setting, name, buf_text(&full));
}

/* "pg1=10.0.0.1:7400" */
static bool add_peer_text(const struct assign *a, const struct setting *setting, const char *text,
                          const struct tree_place *place)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL) {
        return assign_fail(a, setting, place, "%s is not NAME=ADDRESS, as in pg1=10.0.0.1:7400",
                           cli_quoted(text).text);
    }
    CLEANUP(mem_freep) char *name = mem_printf("%.*s", (int)(equals - text), text);
    return add_peer(a, setting, name, equals + 1, place);
}

static bool add_header(const struct assign *a, const struct setting *setting, const char *name,
                       const char *value, const struct tree_place *place)
{
    static const char token[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";
    if (name[0] == '\0' || name[strspn(name, token)] != '\0') {
        return assign_fail(a, setting, place, "%s is no name of a header", cli_quoted(name).text);
    }
    if (!assign_is_printable(value)) {
        return assign_fail(a, setting, place, "%s: a header is one line", name);
    }
    return assign_add_pair(a, setting, name, value);
}

/* Patroni's own files name modules of Python, which is no reason not to start, and none to warn. */
static bool is_pythons(const char *module)
{
    static const char *const packages[] = {
        "patroni",  "urllib3", "etcd",     "consul",    "kazoo",   "kubernetes", "botocore",
        "requests", "psycopg", "psycopg2", "pysyncobj", "asyncio", "root"};
    for (size_t i = 0; i < ARRAY_LEN(packages); i++) {
        size_t size = strlen(packages[i]);
        if (strncmp(module, packages[i], size) == 0 &&
            (module[size] == '\0' || module[size] == '.')) {
            return true;
        }
    }
    return false;
}

static bool add_logger(const struct assign *a, const struct setting *setting, const char *module,
                       const char *text, const struct tree_place *place)
{
    enum log_level level = LOG_LEVEL_INFO;
    struct err err;
    if (log_level_parse(text, &level, &err) != 0) {
        return assign_fail(a, setting, place, "%s: %s", problems_word(module).text, err.msg);
    }
    size_t size = strspn(module, "abcdefghijklmnopqrstuvwxyz0123456789_-.");
    if (is_pythons(module)) {
        problems_add(a->problems, PROBLEM_NOTE, place,
                     "%s: %s: no effect: a module of Patroni's, or of a library that it uses",
                     setting->path, problems_word(module).text);
        return true;
    }
    if (size == 0 || size >= LOG_MODULE_SIZE || module[size] != '\0') {
        problems_add(a->problems, PROBLEM_WARNING, place,
                     "%s: %s: no module has this name, ignored", setting->path,
                     problems_word(module).text);
        return true;
    }
    const struct config_pairs *loggers = setting_value(setting, a->config);
    if (loggers->count == LOG_OVERRIDES_MAX) {
        return assign_fail(a, setting, place, "more than %d modules", LOG_OVERRIDES_MAX);
    }
    return assign_add_pair(a, setting, module, log_level_name(level));
}

static bool add_entry(const struct assign *a, const struct setting *setting,
                      const struct tree_entry *entry)
{
    const struct tree_node *value = entry->value;
    if (value->kind != TREE_SCALAR || tree_is_null(value)) {
        return assign_fail(a, setting, &entry->place, "%s: has to be one value",
                           problems_word(entry->key).text);
    }
    if (setting->kind == SETTING_PEERS) {
        return add_peer(a, setting, entry->key, value->text, &entry->place);
    }
    if (setting->kind == SETTING_HEADERS) {
        return add_header(a, setting, entry->key, value->text, &entry->place);
    }
    return add_logger(a, setting, entry->key, value->text, &entry->place);
}

bool assign_entries(const struct assign *a, const struct setting *setting,
                    const struct tree_node *map, assign_entry_cb add)
{
    bool fine = true;
    for (size_t i = 0; i < map->count; i++) {
        if (setting->kind == SETTING_PEERS ||
            tree_get(map, map->entries[i].key) == map->entries[i].value) {
            fine = add(a, setting, &map->entries[i]) && fine;
        }
    }
    return fine;
}

/* A list of peers: texts, or maps of one name each. */
static bool add_peers(const struct assign *a, const struct setting *setting,
                      const struct tree_node *list)
{
    bool fine = true;
    for (size_t i = 0; i < list->count; i++) {
        const struct tree_node *item = list->entries[i].value;
        if (item->kind == TREE_MAP) {
            fine = assign_entries(a, setting, item, add_entry) && fine;
        } else {
            fine = assign_is_scalar(a, setting, item, "a list of NAME=ADDRESS") &&
                   add_peer_text(a, setting, item->text, &item->place) && fine;
        }
    }
    return fine;
}

static bool add_peers_text(const struct assign *a, const struct setting *setting,
                           const struct tree_node *node)
{
    bool fine = true;
    const char *text = node->text;
    for (char *part = next_part(&text); part != NULL; part = next_part(&text)) {
        fine = add_peer_text(a, setting, part, &node->place) && fine;
        mem_free(part);
    }
    return fine;
}

/* "{a: b}" or "a: b" in one text, as Patroni's variables have it. */
static bool add_map_text(const struct assign *a, const struct setting *setting,
                         const struct tree_node *node)
{
    bool braces = node->text[0] == '{';
    CLEANUP(mem_freep)
    char *text = mem_printf("%s%s%s", braces ? "" : "{", node->text, braces ? "" : "}");
    struct problems ignored = {0};
    const struct tree_node *map = tree_parse(a->tree, "", text, strlen(text), &ignored);
    problems_close(&ignored);
    bool fine = map != NULL && map->kind == TREE_MAP;
    for (size_t i = 0; fine && i < map->count; i++) {
        struct tree_entry entry = map->entries[i];
        entry.place = node->place;
        fine = add_entry(a, setting, &entry);
    }
    if (map == NULL || map->kind != TREE_MAP) {
        return assign_fail(a, setting, &node->place, "has to be a map, as in {a: b}");
    }
    return fine;
}

bool assign_pairs(const struct assign *a, const struct setting *setting,
                  const struct tree_node *node)
{
    bool is_peers = setting->kind == SETTING_PEERS;
    if (node->kind == TREE_MAP) {
        return assign_entries(a, setting, node, add_entry);
    }
    if (node->kind == TREE_LIST && is_peers) {
        return add_peers(a, setting, node);
    }
    if (!assign_is_scalar(a, setting, node, is_peers ? "a list" : "a map")) {
        return false;
    }
    return is_peers ? add_peers_text(a, setting, node) : add_map_text(a, setting, node);
}
