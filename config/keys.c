/* config/keys.c - the known keys, level by level, and the hunt for the others. */
#include "config/keys.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/nearest.h"
#include "config/methods.h"
#include "config/patroni.h"
#include "config/settings.h"

/* --- What is known at a level --- */

/* Words that live as long as this, with their copies. */
struct words {
    char **at;
    size_t count;
};

static void words_add(struct words *words, const char *text, size_t size)
{
    words->at = mem_grow(words->at, words->count + 1, sizeof(*words->at));
    words->at[words->count++] = mem_printf("%.*s", (int)size, text);
}

static void words_close(struct words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        mem_free(words->at[i]);
    }
    mem_free(words->at);
    *words = (struct words){0};
}

static bool words_have(const struct words *words, const char *word)
{
    for (size_t i = 0; i < words->count; i++) {
        if (strcmp(words->at[i], word) == 0) {
            return true;
        }
    }
    return false;
}

/* What follows "@path." in @full; NULL when @full is not below @path. */
static const char *below(const char *full, const char *path)
{
    size_t size = strlen(path);
    if (size == 0) {
        return full;
    }
    return strncmp(full, path, size) == 0 && full[size] == '.' ? full + size + 1 : NULL;
}

/* Something is said about what may stand at @path. */
static bool is_level(const char *path)
{
    for (size_t i = 0; i < patroni_levels_count; i++) {
        if (strcmp(patroni_levels[i].path, path) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < settings_count; i++) {
        if (below(settings[i].path, path) != NULL) {
            return true;
        }
    }
    return false;
}

/* All keys that may stand at @path. */
static void collect(const char *path, struct words *words)
{
    for (size_t i = 0; i < settings_count; i++) {
        const char *rest = below(settings[i].path, path);
        if (rest != NULL) {
            words_add(words, rest, strcspn(rest, "."));
        }
    }
    for (size_t i = 0; i < patroni_levels_count; i++) {
        const char *at = strcmp(patroni_levels[i].path, path) == 0 ? patroni_levels[i].keys : "";
        while (*at != '\0') {
            size_t size = strcspn(at, " ");
            words_add(words, at, size);
            at += size + strspn(at + size, " ");
        }
    }
}

/* A list of names, or one name. */
static void add_names(const struct tree_node *node, struct words *words)
{
    if (node != NULL && node->kind == TREE_SCALAR) {
        words_add(words, node->text, strlen(node->text));
    }
    for (size_t i = 0; node != NULL && node->kind == TREE_LIST && i < node->count; i++) {
        const char *text = node->entries[i].value->text; /* "" if it is none */
        words_add(words, text, strlen(text));
    }
}

/* --- The hunt --- */

struct hunt {
    const struct tree_node *root;
    bool is_dynamic;
    bool is_change;                 /* of what somebody is about to store, */
    const struct tree_node *before; /* in the place of this; NULL: of nothing */
    struct problems *problems;
    size_t *guessed; /* so often, by level: an array of PROBLEM_NOTE */
};

#define WORDS_COMPARED_MAX 200 /* ours are fewer, and come first */

/* Of a setting whose inside is known too: the first value of the shared configuration. */
#define DYNAMIC "bootstrap.dcs"

/* The shared configuration is judged as if it stood in a file, and has no such heading itself. */
static const char *shown(const struct hunt *hunt, const char *path)
{
    size_t size = strlen(DYNAMIC);
    if (!hunt->is_dynamic || strncmp(path, DYNAMIC, size) != 0) {
        return path;
    }
    return path[size] == '.' ? path + size + 1 : path + size;
}

/* Sections that other keys name: where the methods are listed, the sections may stand too. */
static void collect_named(const struct hunt *hunt, const char *path, struct words *words)
{
    static const char *const methods[] = {
        "postgresql.create_replica_methods",
        "postgresql.create_replica_method",
        DYNAMIC ".standby_cluster.create_replica_methods",
        DYNAMIC ".postgresql.create_replica_methods",
    };
    bool lists = strcmp(path, "postgresql") == 0 || strcmp(path, DYNAMIC ".postgresql") == 0;
    for (size_t i = 0; lists && i < ARRAY_LEN(methods); i++) {
        add_names(tree_find(hunt->root, shown(hunt, methods[i])), words);
    }
    if (strcmp(path, "bootstrap") == 0) {
        add_names(tree_find(hunt->root, "bootstrap.method"), words);
    }
}

/* It was let in once, and whoever changes another key is not asked about it. */
static bool stood_before(const struct hunt *hunt, const char *path, const char *key)
{
    return tree_get(tree_find(hunt->before, shown(hunt, path)), key) != NULL;
}

static bool is_ours(const char *path)
{
    return strcmp(path, "raft") == 0;
}

/* What was meant; NULL: nobody knows. A guess takes its time, and who sends a configuration may
 * send thousands of keys and of names to compare them with: of the keys that are not shown nothing
 * is guessed. At the top of a file it decides what is an error. */
static const char *guess_of(const struct hunt *hunt, const char *path, const char *key,
                            const struct words *words, enum problem_level level)
{
    if (path[0] != '\0' && hunt->guessed[level]++ >= PROBLEMS_SHOWN_MAX) {
        return NULL;
    }
    size_t count = words->count < WORDS_COMPARED_MAX ? words->count : WORDS_COMPARED_MAX;
    return nearest(key, (const char *const *)words->at, count);
}

static void tell_unknown(const struct hunt *hunt, const char *path, const struct tree_entry *entry,
                         const struct words *words)
{
    bool error = is_ours(path) || (hunt->is_change && !stood_before(hunt, path, entry->key));
    const char *guess =
        guess_of(hunt, path, entry->key, words, error ? PROBLEM_ERROR : PROBLEM_WARNING);
    error = error || (path[0] == '\0' && guess != NULL && is_ours(guess));
    CLEANUP(mem_freep)
    char *meant = guess != NULL ? mem_printf("; did you mean %s?", guess) : mem_strdup("");
    problems_add(hunt->problems, error ? PROBLEM_ERROR : PROBLEM_WARNING, &entry->place,
                 "%s%s%s: unknown key%s%s", shown(hunt, path),
                 shown(hunt, path)[0] != '\0' ? "." : "", problems_word(entry->key).text,
                 error ? "" : ", ignored", meant);
}

static void tell_repeated(const struct hunt *hunt, const char *path, const struct tree_node *map,
                          size_t index)
{
    const struct tree_entry *entry = &map->entries[index];
    const struct tree_entry *first = tree_repeated(map, index);
    if (first == NULL) {
        return;
    }
    bool error = is_ours(path) || path[0] == '\0';
    problems_add(hunt->problems, error ? PROBLEM_ERROR : PROBLEM_WARNING, &entry->place,
                 "%s%s%s: again, after line %u%s", shown(hunt, path),
                 shown(hunt, path)[0] != '\0' ? "." : "", problems_word(entry->key).text,
                 first->place.line, error ? "" : "; this one counts");
}

static bool is_store(const char *key)
{
    for (size_t i = 0; i < patroni_stores_count; i++) {
        if (strcmp(patroni_stores[i], key) == 0) {
            return true;
        }
    }
    return false;
}

static bool tell_store(const struct hunt *hunt, const char *path, const struct tree_entry *entry)
{
    bool raft = strcmp(entry->key, "raft") == 0 && keys_raft_is_patronis(hunt->root);
    if (path[0] != '\0' || (!is_store(entry->key) && !raft)) {
        return false;
    }
    problems_add(hunt->problems, PROBLEM_NOTE, &entry->place,
                 raft
                     ? "%s: a section of Patroni's own Raft, ignored; pgraft's has listen and peers"
                     : "%s: ignored; the store is part of pgraft, see section raft",
                 entry->key);
    return true;
}

static void check_map(const struct hunt *hunt, const char *path, const struct tree_node *map);

/* What stands below @entry, where that is known. */
/* NOLINTNEXTLINE(misc-no-recursion) as deep as the levels of the table */
static void check_below(const struct hunt *hunt, const char *path, const struct tree_entry *entry)
{
    CLEANUP(mem_freep)
    char *full = mem_printf("%s%s%s", path, path[0] != '\0' ? "." : "", entry->key);
    bool is_row = setting_index(full) < settings_count && strcmp(full, DYNAMIC) != 0;
    if (is_row || !is_level(full) || tree_is_null(entry->value)) {
        return;
    }
    if (entry->value->kind == TREE_MAP) {
        check_map(hunt, full, entry->value);
        return;
    }
    problems_add(hunt->problems, PROBLEM_ERROR, &entry->value->place,
                 "%s: has to be a map of keys, not %s", shown(hunt, full),
                 entry->value->kind == TREE_LIST ? "a list" : "one value");
}

/* NOLINTNEXTLINE(misc-no-recursion) as deep as the levels of the table */
static void check_map(const struct hunt *hunt, const char *path, const struct tree_node *map)
{
    CLEANUP(words_close) struct words words = {0};
    collect(path, &words);
    collect_named(hunt, path, &words);
    for (size_t i = 0; i < map->count; i++) {
        const struct tree_entry *entry = &map->entries[i];
        tell_repeated(hunt, path, map, i);
        bool shelf = path[0] == '\0' && strncmp(entry->key, "x-", 2) == 0; /* of anchors */
        bool is_method = strcmp(path, "postgresql") == 0 && methods_is_section(entry->value);
        if (shelf || is_method || tell_store(hunt, path, entry)) {
            continue;
        }
        if (words_have(&words, entry->key)) {
            check_below(hunt, path, entry);
        } else if (tree_repeated(map, i) == NULL) {
            tell_unknown(hunt, path, entry, &words);
        }
    }
}

void keys_check(const struct tree_node *root, struct problems *problems)
{
    size_t guessed[PROBLEM_NOTE] = {0};
    const struct hunt hunt = {.root = root, .problems = problems, .guessed = guessed};
    check_map(&hunt, "", root);
}

void keys_check_dynamic(const struct tree_node *root, struct problems *problems)
{
    size_t guessed[PROBLEM_NOTE] = {0};
    const struct hunt hunt = {
        .root = root, .is_dynamic = true, .problems = problems, .guessed = guessed};
    if (root->kind == TREE_MAP) {
        check_map(&hunt, DYNAMIC, root);
    }
}

void keys_check_change(const struct tree_node *root, const struct tree_node *before,
                       struct problems *problems)
{
    size_t guessed[PROBLEM_NOTE] = {0};
    const struct hunt hunt = {.root = root,
                              .is_dynamic = true,
                              .is_change = true,
                              .before = before,
                              .problems = problems,
                              .guessed = guessed};
    if (root->kind == TREE_MAP) {
        check_map(&hunt, DYNAMIC, root);
    }
}

bool keys_raft_is_patronis(const struct tree_node *root)
{
    const struct tree_node *raft = tree_get(root, "raft");
    bool theirs = tree_get(raft, "self_addr") != NULL || tree_get(raft, "partner_addrs") != NULL ||
                  tree_get(raft, "bind_addr") != NULL;
    return theirs && tree_get(raft, "listen") == NULL && tree_get(raft, "peers") == NULL;
}
