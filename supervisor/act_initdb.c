/* supervisor/act_initdb.c - the data of a new cluster: initdb, its users, its note.
 *
 * Nothing listens meanwhile: the users are made by a server without a network, from its standard
 * input. A mark outside of the directory stands from the first byte to the last, so what is cut off
 * is begun anew. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/act_parts.h"
#include "supervisor/act_words.h"
#include "supervisor/first_data.h"
#include "supervisor/pg_file.h"
#include "supervisor/pg_sql.h"

#define PASSWORD_FILE "initdb-password"

static char *password_path(const struct act_order *o)
{
    return mem_printf("%s/" PASSWORD_FILE, o->setup->state_dir);
}

/* ---- before ---- */

static int put_password(const struct act_order *o, struct err *err)
{
    const char *password = o->setup->superuser.password;
    CLEANUP(mem_freep) char *path = password_path(o);
    CLEANUP(buf_wipe) struct buf text = {0};
    if (password == NULL) {
        return pg_file_remove(path, err);
    }
    buf_printf(&text, "%s\n", password);
    return pg_file_put(path, 0600, &text, NULL, err);
}

/* What an initdb left that was killed, or a pgraftd that was: none runs any more when this does. */
static void forget_password(const struct act_order *o)
{
    CLEANUP(mem_freep) char *path = password_path(o);
    CLEANUP(mem_freep) char *draft = mem_printf("%s" PG_FILE_DRAFT, path);
    struct err err = {.code = 0};
    int code = pg_file_remove(draft, &err);
    code = code != 0 ? code : pg_file_remove(path, &err);
    if (code != 0) {
        log_warn("supervisor", "the password file of an initdb is left behind", LOG_ERR(&err));
    }
}

int work_look_anew(struct act_order *o, struct err *err)
{
    forget_password(o);
    return work_look(o, err);
}

static int work_begin(struct act_order *o, struct err *err)
{
    if (o->home.bin_dir[0] == '\0') {
        return err_set(err, ERR_NOT_FOUND, "%s", o->home.why);
    }
    int code = pg_mark_set(o->setup->state_dir, o->setup->files.data_dir, PG_MARK_INITDB, err);
    code = code != 0 ? code : work_empty(o->setup, err);
    return code != 0 ? code : put_password(o, err);
}

/* ---- its end ---- */

int work_put_first_hba(const struct pg_setup *setup, struct err *err)
{
    bool has_own = setup->standby.hba.count > 0;
    return has_own ? 0
                   : pg_files_put_hba(&setup->files, setup->first_hba.at, setup->first_hba.count,
                                      NULL, err);
}

static int work_complete(struct act_order *o, struct err *err)
{
    CLEANUP(mem_freep) char *path = password_path(o);
    const struct pg_setup *setup = o->setup;
    o->config = (struct act_config){.is_primary = false};
    int code = pg_file_remove(path, err);
    code = code != 0 ? code : work_put_first_hba(setup, err);
    code = code != 0 ? code : work_put_config(o, err);
    code = code != 0 ? code : pg_files_put_standby_signal(&setup->files, err);
    code = code != 0 ? code : home_note(setup, &o->ask, o->decision.epoch, err);
    code = code != 0 ? code : work_look(o, err);
    code = code != 0 ? code : work_owe_bootstrap(o, err);
    code = code != 0 ? code : first_data_put(setup->state_dir, o->home.note.copy, err);
    code = code != 0 ? code : pg_mark_clear(setup->state_dir, err);
    return code != 0 ? code : work_look(o, err);
}

static void ended(struct act *a)
{
    act_end(a);
}

static void completed(struct act *a)
{
    if (!act_failed(a)) {
        act_ask(a, GUARD_WATCH, 0, 1, GUARD_DONE, ended);
    }
}

static void has_users(struct act *a)
{
    if (!act_failed(a)) {
        act_do(a, "complete", work_complete, completed);
    }
}

/* ---- users ---- */

/* As the configuration has password_encryption: a user whom pg_hba lets in by md5 alone, with a
 * client that knows nothing else, needs a password of that kind. */
static const char *encryption(const struct pg_setup *setup)
{
    const char *value = "";
    for (size_t layer = 0; layer < PG_LAYER_COUNT; layer++) {
        const struct pg_pairs *pairs = &setup->primary.layers[layer];
        for (size_t i = 0; i < pairs->count; i++) {
            bool is_it = strcasecmp(pairs->at[i].name, "password_encryption") == 0;
            value = is_it ? pairs->at[i].value : value;
        }
    }
    return strcasecmp(value, "md5") == 0 ? "md5" : "scram-sha-256";
}

static void put_role(struct buf *out, const char *verb, const char *name, const char *password,
                     const char *may)
{
    buf_printf(out, "%s ROLE ", verb);
    pg_sql_name(out, name);
    buf_printf(out, " %s", may);
    if (password != NULL) {
        buf_str(out, " PASSWORD ");
        pg_sql_literal(out, password);
    }
    buf_char(out, ';');
}

/* Where statements go to, and whether the data may have such a user already: restored ones. */
struct roles {
    struct buf *out;
    bool is_restored;
};

/* With -j a statement ends with a semicolon and an empty line. */
static void need_role(const struct roles *r, const char *name, const char *password,
                      const char *may)
{
    if (r->is_restored) {
        buf_str(r->out,
                "DO $pgraft_role$BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE "
                "rolname = ");
        pg_sql_literal(r->out, name);
        buf_str(r->out, ") THEN ");
        put_role(r->out, "ALTER", name, password, may);
        buf_str(r->out, " ELSE ");
    }
    put_role(r->out, "CREATE", name, password, may);
    buf_str(r->out, r->is_restored ? " END IF; END$pgraft_role$;\n\n" : "\n\n");
}

static bool is_another(const struct pg_login *login, const struct pg_login *than)
{
    return login->username != NULL &&
           (than->username == NULL || strcmp(login->username, than->username) != 0);
}

static bool is_own(const struct pg_setup *setup, const char *name)
{
    const struct pg_login *const own[] = {&setup->superuser, &setup->replication, &setup->rewind};
    bool is_it = false;
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        is_it = is_it || (own[i]->username != NULL && strcmp(own[i]->username, name) == 0);
    }
    return is_it;
}

/* bootstrap.users. They log in unless they are told not to, as with Patroni. */
static void put_users(const struct pg_setup *setup, const struct roles *r)
{
    for (size_t i = 0; i < setup->first_users.count; i++) {
        const struct pg_account *user = &setup->first_users.at[i];
        CLEANUP(buf_close) struct buf may = {0};
        if (is_own(setup, user->name)) {
            continue;
        }
        buf_str(&may, strstr(user->options, "LOGIN") != NULL ? "" : "LOGIN ");
        for (const char *at = user->options; *at != '\0'; at++) {
            if (*at != ',') {
                buf_char(&may, *at);
            }
        }
        need_role(r, user->name, user->password, buf_text(&may));
    }
}

void act_users_sql(const struct pg_setup *setup, bool is_restored, struct buf *out)
{
    const struct roles r = {.out = out, .is_restored = is_restored};
    static const char *const needed[] = {"pg_ls_dir(text, boolean, boolean)",
                                         "pg_stat_file(text, boolean)", "pg_read_binary_file(text)",
                                         "pg_read_binary_file(text, bigint, bigint, boolean)"};
    if (is_restored) { /* else initdb has made him */
        need_role(&r, setup->superuser.username, setup->superuser.password, "LOGIN SUPERUSER");
    }
    if (is_another(&setup->replication, &setup->superuser)) {
        need_role(&r, setup->replication.username, setup->replication.password,
                  "LOGIN REPLICATION");
    }
    put_users(setup, &r);
    if (!is_another(&setup->rewind, &setup->superuser) ||
        !is_another(&setup->rewind, &setup->replication)) {
        return;
    }
    need_role(&r, setup->rewind.username, setup->rewind.password, "LOGIN");
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        buf_printf(out, "GRANT EXECUTE ON FUNCTION pg_catalog.%s TO ", needed[i]);
        pg_sql_name(out, setup->rewind.username);
        buf_str(out, ";\n\n");
    }
}

/* No statement goes to a log, for there are passwords in them. */
static const char *const single_words[] = {"--single", "-j",
                                           "-c",       "exit_on_error=on",
                                           "-c",       "log_min_error_statement=panic",
                                           "-c",       "log_statement=none"};

void act_single_words(const struct act_order *o, const char *config_file, const char *database,
                      struct act_words *words)
{
    act_words_take(words, act_program_path(o, "postgres"));
    for (size_t i = 0; i < ARRAY_LEN(single_words); i++) {
        act_words_take(words, mem_strdup(single_words[i]));
    }
    act_words_take(words, mem_strdup("-c"));
    act_words_take(words, mem_strdup("synchronous_commit=local")); /* whatever the fence is */
    act_words_take(words, mem_strdup("-c"));
    act_words_take(words, mem_printf("password_encryption=%s", encryption(o->setup)));
    if (config_file != NULL) {
        act_words_take(words, mem_strdup("-c"));
        act_words_take(words, mem_printf("config_file=%s", config_file));
    }
    act_words_take(words, mem_printf("-D%s", o->setup->files.data_dir));
    act_words_take(words, mem_strdup(database));
}

static void made(struct act *a)
{
    if (act_failed(a)) {
        return;
    }
    CLEANUP(act_words_close) struct act_words words = {.count = 0};
    act_single_words(&a->order, NULL, "postgres", &words);
    CLEANUP(buf_wipe) struct buf sql = {0};
    act_users_sql(a->order.setup, false, &sql);
    act_run(a, "users", words.at, &sql, has_users);
}

/* ---- initdb ---- */

static bool has_option(const struct pg_setup *setup, const char *name)
{
    for (size_t i = 0; i < setup->initdb.count; i++) {
        if (strcmp(setup->initdb.at[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void add_options(const struct act_order *o, struct act_words *words)
{
    const struct pg_setup *setup = o->setup;
    const char *password = setup->superuser.password;
    act_words_take(words, act_program_path(o, "initdb"));
    act_words_take(words, mem_printf("--pgdata=%s", setup->files.data_dir));
    act_words_take(words, mem_printf("--username=%s", setup->superuser.username));
    if (password != NULL) {
        act_words_take(words, mem_printf("--pwfile=%s/" PASSWORD_FILE, setup->state_dir));
    }
    if (!has_option(setup, "auth-host") && !has_option(setup, "auth")) {
        act_words_take(words, mem_printf("--auth-host=%s", encryption(setup)));
    }
    if (!has_option(setup, "auth-local") && !has_option(setup, "auth")) {
        act_words_take(
            words, mem_printf("--auth-local=%s", password != NULL ? encryption(setup) : "peer"));
    }
    if (!has_option(setup, "data-checksums") && !has_option(setup, "no-data-checksums")) {
        act_words_take(words, mem_strdup("--data-checksums"));
    }
    for (size_t i = 0; i < setup->initdb.count; i++) {
        const struct pg_pair *option = &setup->initdb.at[i];
        if (strcmp(option->name, "no-data-checksums") == 0 && o->home.major < 18) {
            continue; /* what it is without the word */
        }
        act_words_option(words, option);
    }
}

static void begun(struct act *a)
{
    if (act_failed(a)) {
        return;
    }
    CLEANUP(act_words_close) struct act_words words = {.count = 0};
    add_options(&a->order, &words);
    act_run(a, "initdb", words.at, NULL, made);
}

static void hands_off(struct act *a)
{
    if (!act_failed(a)) {
        act_do(a, "begin", work_begin, begun);
    }
}

void act_initdb(struct act *a)
{
    bool is_restore = a->order.setup->bootstrap.command != NULL;
    act_ask(a, GUARD_WATCH, 0, 0, GUARD_DONE, is_restore ? act_restore : hands_off);
}
