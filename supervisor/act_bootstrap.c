/* supervisor/act_bootstrap.c - bootstrap.post_bootstrap: run once, by the first primary of a new
 * cluster, before the cluster is declared to be one.
 *
 *   initdb: "due" --> the first primary: "begun", RUN --> done: nothing is owed any more
 *                                             '-> failed, or cut off: the data are discarded
 *
 * It runs behind the fence, so its session does not wait for standbys; nobody else's writes are
 * acknowledged yet, for the timeline is recorded, and the key `initialize` written, only when it
 * has succeeded. What a script has done halfway nobody can take back: so the data of a failed one
 * are marked as those of an initdb that was cut off, and made anew. A word in pgraftd's own
 * directory says how far it is; it names the copy, so adopted data, or a clone, owe nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/act_parts.h"
#include "supervisor/pg_file.h"

#define STATE_FILE "post-bootstrap"

static char *state_path(const struct act_order *o)
{
    return mem_printf("%s/" STATE_FILE, o->setup->state_dir);
}

static void state_print(const struct act_order *o, const char *word, struct buf *out)
{
    buf_printf(out, "%s %016" PRIx64 "\n", word, o->home.note.copy);
}

static int put_state(const struct act_order *o, const char *word, struct err *err)
{
    CLEANUP(mem_freep) char *path = state_path(o);
    CLEANUP(buf_close) struct buf text = {0};
    state_print(o, word, &text);
    return pg_file_put_synced(path, 0600, &text, err);
}

int work_owe_bootstrap(struct act_order *o, struct err *err)
{
    CLEANUP(mem_freep) char *path = state_path(o);
    return o->setup->post_bootstrap != NULL ? put_state(o, "due", err) : pg_file_remove(path, err);
}

static bool says(const struct act_order *o, const char *word, const struct buf *text)
{
    CLEANUP(buf_close) struct buf wanted = {0};
    state_print(o, word, &wanted);
    return strcmp(buf_text(&wanted), buf_text(text)) == 0;
}

/* Out: whether it is to be run now. */
static int work_begin(struct act_order *o, struct err *err)
{
    CLEANUP(mem_freep) char *path = state_path(o);
    CLEANUP(buf_close) struct buf text = {0};
    int code = work_look(o, err);
    code = code != 0 ? code : pg_file_read(path, &text, err);
    if (code == ERR_NOT_FOUND) {
        err->code = 0; /* nothing is owed */
        return 0;
    }
    if (code == 0 && says(o, "begun", &text)) {
        o->owes_bootstrap = true;
        return err_set(err, ERR_SYSTEM, "it was cut off before it had ended");
    }
    if (code != 0 || !says(o, "due", &text)) {
        return code;
    }
    o->owes_bootstrap = true;
    return put_state(o, "begun", err);
}

static int work_done(struct act_order *o, struct err *err)
{
    CLEANUP(mem_freep) char *path = state_path(o);
    o->owes_bootstrap = false;
    return pg_file_remove(path, err);
}

/* ---- failure ---- */

static int work_discard(struct act_order *o, struct err *err)
{
    CLEANUP(mem_freep) char *path = state_path(o);
    int code = pg_mark_set(o->setup->state_dir, o->setup->files.data_dir, PG_MARK_INITDB, err);
    return code != 0 ? code : pg_file_remove(path, err);
}

static void down(struct act *a)
{
    if (!act_failed(a)) {
        (void)err_set(&a->err, ERR_SYSTEM, "post_bootstrap: %s", a->reason);
        act_end(a);
    }
}

static void stopped(struct act *a)
{
    if (!act_failed(a)) {
        act_until_down(a, down);
    }
}

static void discarded(struct act *a)
{
    if (!act_failed(a)) {
        act_ask(a, GUARD_STOP, 0, GUARD_KILL, GUARD_DONE, stopped);
    }
}

static void give_up(struct act *a)
{
    (void)snprintf(a->reason, sizeof(a->reason), "%.150s", a->err.msg);
    log_error("supervisor", "post_bootstrap failed",
              LOG_STR("text", "the new cluster is discarded, and begun again in a while"),
              LOG_ERR(&a->err));
    a->err.code = 0;
    act_do(a, "discard", work_discard, discarded);
}

/* ---- the script ---- */

static void marked(struct act *a)
{
    act_next next = a->after_bootstrap;
    if (!act_failed(a)) {
        next(a);
    }
}

static void has_run(struct act *a)
{
    if (a->err.code == 0) {
        act_do(a, "done", work_done, marked);
    } else if (a->err.code == ERR_CANCELED) {
        act_end(a);
    } else {
        give_up(a);
    }
}

static void put_word(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "%s%s='", out->size > 0 ? " " : "", name);
    for (const char *at = value; *at != '\0'; at++) {
        buf_str(out, *at == '\'' || *at == '\\' ? "\\" : "");
        buf_char(out, *at);
    }
    buf_char(out, '\'');
}

/* By a shell, as people write it: "/path/script --with words". */
static void run_script(struct act *a)
{
    const struct pg_setup *setup = a->order.setup;
    CLEANUP(buf_close) struct buf dsn = {0};
    char port[8];
    (void)snprintf(port, sizeof(port), "%u", setup->port);
    put_word(&dsn, "host", setup->reach_host);
    put_word(&dsn, "port", port);
    put_word(&dsn, "dbname", setup->database);
    put_word(&dsn, "user", setup->superuser.username);
    char *words[] = {mem_strdup("/usr/bin/env"),
                     mem_printf("PGPASSFILE=%s", setup->passfile),
                     mem_strdup("PGOPTIONS=-c synchronous_commit=local"),
                     mem_strdup("/bin/sh"),
                     mem_strdup("-c"),
                     mem_printf("%s \"$1\"", setup->post_bootstrap),
                     mem_strdup("post_bootstrap"),
                     mem_strdup(buf_text(&dsn)),
                     NULL};
    act_run_script(a, "post_bootstrap", words, 0, has_run);
    for (size_t i = 0; words[i] != NULL; i++) {
        mem_free(words[i]);
    }
}

static void begun(struct act *a)
{
    if (a->err.code != 0 && a->order.owes_bootstrap) {
        give_up(a);
        return;
    }
    if (act_failed(a)) {
        return;
    }
    if (!a->order.owes_bootstrap) {
        a->after_bootstrap(a);
        return;
    }
    log_info("supervisor", "post_bootstrap begins",
             LOG_STR("command", a->order.setup->post_bootstrap));
    run_script(a);
}

void act_post_bootstrap(struct act *a, act_next next)
{
    a->after_bootstrap = next;
    act_do(a, "post_bootstrap", work_begin, begun);
}
