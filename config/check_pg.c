/* config/check_pg.c - rules of the sections for PostgreSQL. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/nearest.h"
#include "config/check.h"
#include "config/scalar.h"
#include "config/tags.h"
#include "supervisor/pg_settings.h"
#include "supervisor/sync_names.h"

/* --- Names and places --- */

/* PostgreSQL compares the names of standbys without regard to case. */
static void check_name(const struct check *c)
{
    static const char *const nobodys[] = {SYNC_FENCE_NAME, SYNC_BETWEEN_NAME};
    for (size_t i = 0; c->config->name != NULL && i < ARRAY_LEN(nobodys); i++) {
        if (strcasecmp(c->config->name, nobodys[i]) == 0) {
            check_tell(
                c, PROBLEM_ERROR, "name",
                "%s is the name that no standby may have: commits wait for it in vain until a new "
                "primary is ready",
                nobodys[i]);
        }
    }
}

/* @inner is @outer or below it. */
static bool is_within(const char *inner, const char *outer)
{
    size_t size = strlen(outer);
    while (size > 1 && outer[size - 1] == '/') {
        size--;
    }
    return strncmp(inner, outer, size) == 0 && (inner[size] == '\0' || inner[size] == '/');
}

static void check_places(const struct check *c)
{
    const struct config_postgresql *pg = &c->config->postgresql;
    const char *store = c->config->raft.data_dir;
    if (pg->data_dir != NULL && store != NULL && is_within(store, pg->data_dir)) {
        check_tell(
            c, PROBLEM_ERROR, "postgresql.data_dir",
            "raft.data_dir, %s, is inside of it, and would be lost when a standby is cloned again",
            store);
    }
    if (pg->connect_address != NULL && scalar_is_wildcard(pg->connect_address)) {
        check_tell(c, PROBLEM_ERROR, "postgresql.connect_address",
                   "nobody can connect to %s; name one address", pg->connect_address);
    }
}

/* --- Users --- */

static void check_word(const struct check *c, const char *user, const char *key, const char *value,
                       const char *const *words)
{
    size_t count = 0;
    CLEANUP(buf_close) struct buf all = {0};
    for (; words[count] != NULL; count++) {
        if (value == NULL || strcmp(value, words[count]) == 0) {
            return;
        }
        buf_printf(&all, "%s%s", count > 0 ? ", " : "", words[count]);
    }
    CLEANUP(mem_freep) char *path = mem_printf("postgresql.authentication.%s.%s", user, key);
    check_tell(c, PROBLEM_ERROR, path, "can not be %s; choose one of %s", cli_quoted(value).text,
               buf_text(&all));
}

static void check_users(const struct check *c)
{
    static const char *const ssl[] = {"disable",   "allow",       "prefer", "require",
                                      "verify-ca", "verify-full", NULL};
    static const char *const three[] = {"disable", "prefer", "require", NULL};
    static const char *const negotiation[] = {"postgres", "direct", NULL};
    const struct config_postgresql *pg = &c->config->postgresql;
    const struct {
        const char *name;
        const struct config_user *user;
    } users[] = {{"superuser", &pg->superuser},
                 {"replication", &pg->replication},
                 {"rewind", &pg->rewind_user}};
    for (size_t i = 0; i < ARRAY_LEN(users); i++) {
        const struct config_user *user = users[i].user;
        check_word(c, users[i].name, "sslmode", user->sslmode, ssl);
        check_word(c, users[i].name, "gssencmode", user->gssencmode, three);
        check_word(c, users[i].name, "channel_binding", user->channel_binding, three);
        check_word(c, users[i].name, "sslnegotiation", user->sslnegotiation, negotiation);
    }
}

/* --- Options of programs --- */

/* Take those out that are given anyway, as Patroni does. */
static void drop_options(const struct check *c, const char *path, struct config_pairs *options,
                         const char *const *ours)
{
    size_t kept = 0;
    for (size_t i = 0; i < options->count; i++) {
        struct config_pair option = options->at[i];
        size_t n = 0;
        while (ours[n] != NULL && strcmp(ours[n], option.key) != 0) {
            n++;
        }
        if (ours[n] == NULL) {
            options->at[kept++] = option;
            continue;
        }
        check_tell(c, PROBLEM_WARNING, path, "%s is what pgraft decides, ignored", option.key);
        mem_free(option.key);
        mem_free(option.value);
    }
    options->count = kept;
}

static void check_options(const struct check *c)
{
    static const char *const initdb[] = {"pgdata",    "nosync",  "no-sync",  "pwfile",
                                         "sync-only", "version", "username", NULL};
    static const char *const basebackup[] = {
        "pgdata", "format",   "wal-method",  "gzip",     "compress", "version",
        "dbname", "host",     "port",        "username", "password", "write-recovery-conf",
        "slot",   "no-clean", "create-slot", NULL};
    static const char *const rewind[] = {"target-pgdata",
                                         "source-pgdata",
                                         "source-server",
                                         "write-recovery-conf",
                                         "dry-run",
                                         "restore-target-wal",
                                         "config-file",
                                         "no-ensure-shutdown",
                                         "version",
                                         "no-sync",
                                         NULL};
    drop_options(c, "bootstrap.initdb", &c->config->bootstrap.initdb, initdb);
    drop_options(c, "postgresql.basebackup", &c->config->postgresql.basebackup, basebackup);
    drop_options(c, "postgresql.rewind", &c->config->postgresql.rewind, rewind);
}

/* Those of postgresql.authentication are made anyway, with what they need. */
static void check_own_users(const struct check *c)
{
    const struct config_postgresql *pg = &c->config->postgresql;
    const struct config_accounts *users = &c->config->bootstrap.users;
    const char *const names[] = {pg->superuser.username, pg->replication.username,
                                 pg->rewind_user.username};
    for (size_t i = 0; i < users->count; i++) {
        for (size_t n = 0; n < ARRAY_LEN(names); n++) {
            if (names[n] != NULL && strcmp(names[n], users->at[i].name) == 0) {
                check_tell(c, PROBLEM_NOTE, "bootstrap.users",
                           "%s: ignored; postgresql.authentication has it",
                           problems_word(names[n]).text);
                break;
            }
        }
    }
}

/* --- Tags --- */

static void check_pair_of_tags(const struct check *c, const char *flag, const char *number)
{
    const char *off = tag_value(c->config, flag);
    const char *text = tag_value(c->config, number);
    bool is_off = false;
    int priority = 1;
    if (off == NULL || text == NULL || scalar_bool(off, &is_off, NULL) != 0 ||
        !tag_number(text, &priority)) {
        return;
    }
    if (is_off != (priority < 1)) {
        check_tell(c, PROBLEM_WARNING, "tags", "%s: %s contradicts %s: %s, and counts", flag, off,
                   number, text);
    }
}

static void check_tag(const struct check *c, const struct config_pair *tag)
{
    bool flag = false;
    int number = 0;
    const char *guess = NULL;
    switch (tag_kind_of(tag->key)) {
        case TAG_BOOL:
            if (scalar_bool(tag->value, &flag, NULL) != 0) {
                check_tell(c, PROBLEM_ERROR, "tags", "%s: has to be true or false, not %s",
                           tag->key, cli_quoted(tag->value).text);
            }
            return;
        case TAG_NUMBER:
            if (!tag_number(tag->value, &number)) {
                check_tell(c, PROBLEM_ERROR, "tags", "%s: has to be a number, not %s", tag->key,
                           cli_quoted(tag->value).text);
            }
            return;
        case TAG_TEXT:
            if (c->config->name != NULL && strcmp(tag->value, c->config->name) == 0) {
                check_tell(c, PROBLEM_WARNING, "tags", "%s: %s is this node itself", tag->key,
                           tag->value);
            }
            return;
        case TAG_OTHER:
            guess = nearest(tag->key, tag_names, tag_names_count);
            if (guess != NULL) {
                check_tell(c, PROBLEM_WARNING, "tags",
                           "%s: a tag that means nothing; did you mean %s?",
                           problems_word(tag->key).text, guess);
            }
            return;
    }
    UNREACHABLE("every kind has a case");
}

void check_pg(const struct check *c)
{
    check_name(c);
    if (c->config->role == CONFIG_WITNESS) {
        return;
    }
    check_places(c);
    check_users(c);
    check_options(c);
    check_own_users(c);
    for (size_t i = 0; i < c->config->tags.count; i++) {
        check_tag(c, &c->config->tags.at[i]);
    }
    check_pair_of_tags(c, "nofailover", "failover_priority");
    check_pair_of_tags(c, "nosync", "sync_priority");
}
