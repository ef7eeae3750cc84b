/* config/assign_users.c - bootstrap.users: who is made beside the users of PostgreSQL's own
 * section.
 *
 *     users: {admin: {password: x, options: [createrole, createdb]}, reader: }
 *
 * PostgreSQL makes them before anybody can look, and a word that it does not know would end each
 * initdb: so options are read here, word by word. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/assign.h"

#define NAME_SIZE_MAX 63 /* PostgreSQL cuts what is longer */
#define USERS_MAX 100

/* --- Options --- */

static const char *const flags[] = {
    "SUPERUSER",    "NOSUPERUSER",   "CREATEDB",  "NOCREATEDB",  "CREATEROLE",
    "NOCREATEROLE", "INHERIT",       "NOINHERIT", "LOGIN",       "NOLOGIN",
    "REPLICATION",  "NOREPLICATION", "BYPASSRLS", "NOBYPASSRLS",
};

/* @text after @words, in any case and with single spaces; NULL: it begins with others. */
static const char *after(const char *text, const char *words)
{
    size_t size = strlen(words);
    return strncasecmp(text, words, size) == 0 && text[size] == ' ' ? text + size + 1 : NULL;
}

static bool is_made_of(const char *text, const char *allowed)
{
    return text[0] != '\0' && text[strspn(text, allowed)] == '\0';
}

/* What stands in quotes; NULL: nothing does, or more than a date needs. */
static bool is_date(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 :./+-";
    size_t size = strlen(text);
    return size > 2 && text[0] == '\'' && text[size - 1] == '\'' &&
           strspn(text + 1, allowed) == size - 2;
}

/* Append it as CREATE ROLE takes it. False: it does not. */
static bool put_option(const char *text, struct buf *out)
{
    static const char word[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    const char *rest = NULL;
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        if (strcasecmp(flags[i], text) == 0) {
            buf_printf(out, "%s%s", out->size > 0 ? ", " : "", flags[i]);
            return true;
        }
    }
    bool is_limit = (rest = after(text, "CONNECTION LIMIT")) != NULL &&
                    is_made_of(rest + (rest[0] == '-' ? 1 : 0), "0123456789");
    bool is_until = !is_limit && (rest = after(text, "VALID UNTIL")) != NULL && is_date(rest);
    bool is_in = !is_limit && !is_until && (rest = after(text, "IN ROLE")) != NULL &&
                 is_made_of(rest, word) && (rest[0] < '0' || rest[0] > '9');
    if (!is_limit && !is_until && !is_in) {
        return false;
    }
    buf_printf(out, "%s%s %s", out->size > 0 ? ", " : "",
               is_limit   ? "CONNECTION LIMIT"
               : is_until ? "VALID UNTIL"
                          : "IN ROLE",
               rest);
    return true;
}

static bool add_option(const struct assign *a, const struct setting *setting, const char *name,
                       const char *text, const struct tree_place *place, struct buf *out)
{
    if (put_option(text, out)) {
        return true;
    }
    return assign_fail(a, setting, place,
                       "%s: %s is no option that is taken: createdb, createrole, superuser, login, "
                       "inherit, replication, bypassrls, each with \"no\" before it, connection "
                       "limit N, valid until 'DATE', in role NAME",
                       problems_word(name).text, cli_quoted(text).text);
}

/* "createdb, createrole", as a variable has it. */
static bool add_option_text(const struct assign *a, const struct setting *setting, const char *name,
                            const struct tree_node *node, struct buf *out)
{
    bool fine = true;
    for (const char *at = node->text; *at != '\0';) {
        size_t start = strspn(at, " ");
        size_t size = strcspn(at, ",");
        size_t end = size;
        while (end > start && at[end - 1] == ' ') {
            end--;
        }
        CLEANUP(mem_freep)
        char *part = mem_printf("%.*s", end > start ? (int)(end - start) : 0, at + start);
        fine = (part[0] == '\0' || add_option(a, setting, name, part, &node->place, out)) && fine;
        at += size + (at[size] != '\0' ? 1 : 0);
    }
    return fine;
}

static bool add_options(const struct assign *a, const struct setting *setting, const char *name,
                        const struct tree_node *node, struct buf *out)
{
    bool fine = true;
    if (node == NULL || tree_is_null(node)) {
        return true;
    }
    if (node->kind == TREE_SCALAR) {
        return add_option_text(a, setting, name, node, out);
    }
    if (node->kind == TREE_MAP) {
        return assign_fail(a, setting, &node->place, "%s: options: has to be a list, not a map",
                           problems_word(name).text);
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct tree_node *item = node->entries[i].value;
        fine = assign_is_scalar(a, setting, item, "a list of options") &&
               add_option(a, setting, name, item->text, &item->place, out) && fine;
    }
    return fine;
}

/* --- Users --- */

static bool check_name(const struct assign *a, const struct setting *setting,
                       const struct tree_entry *entry)
{
    const char *name = entry->key;
    if (!assign_is_printable(name) || strlen(name) > NAME_SIZE_MAX) {
        return assign_fail(a, setting, &entry->place, "%s is no name of a user",
                           cli_quoted(name).text);
    }
    if (strncmp(name, "pg_", 3) == 0 || strcmp(name, "public") == 0 || strcmp(name, "none") == 0) {
        return assign_fail(a, setting, &entry->place,
                           "%s: PostgreSQL keeps names like this for itself", name);
    }
    return true;
}

static bool check_keys(const struct assign *a, const struct setting *setting, const char *name,
                       const struct tree_node *user)
{
    if (user->kind != TREE_MAP) {
        return tree_is_null(user) ||
               assign_fail(a, setting, &user->place,
                           "%s: has to be a map, as in {password: x, options: [createdb]}",
                           problems_word(name).text);
    }
    for (size_t i = 0; i < user->count; i++) {
        const char *key = user->entries[i].key;
        if (strcmp(key, "password") != 0 && strcmp(key, "options") != 0) {
            problems_add(a->problems, PROBLEM_WARNING, &user->entries[i].place,
                         "%s.%s.%s: unknown key, ignored; a user has password and options",
                         setting->path, problems_word(name).text, problems_word(key).text);
        }
    }
    return true;
}

static bool add_user(const struct assign *a, const struct setting *setting,
                     const struct tree_entry *entry)
{
    CLEANUP(buf_close) struct buf options = {0};
    struct config_accounts *all = setting_member(setting, a->config);
    const struct tree_node *password = tree_get(entry->value, "password");
    bool has_password = password != NULL && !tree_is_null(password);
    if (!check_name(a, setting, entry) || !check_keys(a, setting, entry->key, entry->value) ||
        !add_options(a, setting, entry->key, tree_get(entry->value, "options"), &options)) {
        return false;
    }
    if (has_password && (password->kind != TREE_SCALAR || password->text[0] == '\0')) {
        return assign_fail(a, setting, &password->place, "%s: password: has to be one text",
                           problems_word(entry->key).text);
    }
    if (all->count == USERS_MAX) {
        return assign_fail(a, setting, &entry->place, "more than %d users", USERS_MAX);
    }
    all->at = mem_grow(all->at, all->count + 1, sizeof(*all->at));
    struct config_account *user = &all->at[all->count++];
    *user = (struct config_account){.name = mem_strdup(entry->key),
                                    .options = mem_strdup(buf_text(&options))};
    if (has_password) {
        secret_set(&user->password, password->text, strlen(password->text));
    }
    return true;
}

bool assign_users(const struct assign *a, const struct setting *setting,
                  const struct tree_node *node)
{
    const struct tree_node *inside = node->kind == TREE_SCALAR ? assign_unfold(a, node) : node;
    if (inside == NULL || inside->kind != TREE_MAP) {
        return assign_fail(a, setting, &node->place,
                           "has to be a map of users, as in {admin: {password: x}}");
    }
    return assign_entries(a, setting, inside, add_user);
}
