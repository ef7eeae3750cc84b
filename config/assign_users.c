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

/* Each with its opposite behind it. */
static const char *const flags[] = {
    "SUPERUSER",    "NOSUPERUSER",   "CREATEDB",  "NOCREATEDB",  "CREATEROLE",
    "NOCREATEROLE", "INHERIT",       "NOINHERIT", "LOGIN",       "NOLOGIN",
    "REPLICATION",  "NOREPLICATION", "BYPASSRLS", "NOBYPASSRLS",
};

/* What stands once in CREATE ROLE: a flag or its opposite, or one of these. */
enum once { LIMIT = ARRAY_LEN(flags) / 2, UNTIL, IN_ROLE };

/* Of one user. */
struct options {
    struct buf text; /* as CREATE ROLE takes it */
    unsigned taken;  /* a bit for each that stands once */
};

static void options_close(struct options *options)
{
    buf_close(&options->text);
}

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

/* As many connections as PostgreSQL can count, or -1 for all. */
static bool is_limit(const char *text)
{
    static const char largest[] = "2147483647";
    size_t size = strlen(text);
    bool is_number =
        is_made_of(text, "0123456789") &&
        (size < sizeof(largest) - 1 || (size == sizeof(largest) - 1 && strcmp(text, largest) <= 0));
    return is_number || strcmp(text, "-1") == 0;
}

static bool is_role(const char *text)
{
    return is_made_of(text, "abcdefghijklmnopqrstuvwxyz0123456789_") &&
           (text[0] < '0' || text[0] > '9');
}

/* *ret_words and *ret_rest: as CREATE ROLE takes it. False: it does not. */
static bool read_option(const char *text, unsigned *ret_once, const char **ret_words,
                        const char **ret_rest)
{
    static const struct {
        const char *words;
        bool (*is_good)(const char *rest);
    } valued[] = {
        {"CONNECTION LIMIT", is_limit},
        {"VALID UNTIL", is_date},
        {"IN ROLE", is_role},
    };
    for (unsigned i = 0; i < ARRAY_LEN(flags); i++) {
        if (strcasecmp(flags[i], text) == 0) {
            *ret_once = i / 2;
            *ret_words = flags[i];
            *ret_rest = NULL;
            return true;
        }
    }
    for (unsigned i = 0; i < ARRAY_LEN(valued); i++) {
        *ret_rest = after(text, valued[i].words);
        if (*ret_rest != NULL) {
            *ret_once = LIMIT + i;
            *ret_words = valued[i].words;
            return valued[i].is_good(*ret_rest);
        }
    }
    return false;
}

static bool add_option(const struct assign *a, const struct setting *setting, const char *name,
                       const char *text, const struct tree_place *place, struct options *out)
{
    unsigned once = 0;
    const char *words = NULL;
    const char *rest = NULL;
    if (!read_option(text, &once, &words, &rest)) {
        return assign_fail(
            a, setting, place,
            "%s: %s is no option that is taken: createdb, createrole, superuser, login, "
            "inherit, replication, bypassrls, each with \"no\" before it, connection "
            "limit N, valid until 'DATE', in role NAME",
            problems_word(name).text, cli_quoted(text).text);
    }
    if ((out->taken & 1U << once) != 0) {
        return assign_fail(a, setting, place, "%s: %s: said already, or its opposite was",
                           problems_word(name).text, cli_quoted(text).text);
    }
    out->taken |= 1U << once;
    buf_printf(&out->text, "%s%s%s%s", out->text.size > 0 ? ", " : "", words,
               rest != NULL ? " " : "", rest != NULL ? rest : "");
    return true;
}

/* "createdb, createrole", as a variable has it. */
static bool add_option_text(const struct assign *a, const struct setting *setting, const char *name,
                            const struct tree_node *node, struct options *out)
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
                        const struct tree_node *node, struct options *out)
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
    CLEANUP(options_close) struct options options = {.taken = 0};
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
    if (has_password && !assign_is_printable(password->text)) {
        /* An empty line in it would end the statement, and initdb with it. */
        return assign_fail(a, setting, &password->place, "%s: password: has to be one line",
                           problems_word(entry->key).text);
    }
    if (all->count == USERS_MAX) {
        return assign_fail(a, setting, &entry->place, "more than %d users", USERS_MAX);
    }
    all->at = mem_grow(all->at, all->count + 1, sizeof(*all->at));
    struct config_account *user = &all->at[all->count++];
    *user = (struct config_account){.name = mem_strdup(entry->key),
                                    .options = mem_strdup(buf_text(&options.text))};
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
