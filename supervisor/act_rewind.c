/* supervisor/act_rewind.c - pg_rewind, with all that has to happen around it.
 *
 *   look --> crash recovery --> standby.signal --> archive what waits --> the rewind, dry
 *     |             ^                                                          |
 *     '--> it was shut down in order                                           v
 *                                       complete <-- the rewind, under a mark <--
 *
 * Up to the dry run the directory stays one that PostgreSQL can run with, whatever is cut off. The
 * dry run reads all that the real one reads: what keeps pg_rewind from its work (no connection, no
 * right, WAL that is gone) shows before the first byte is written. From the mark on there is no way
 * back: a rewind that was cut off leaves a directory that looks sound and is not, and is cloned
 * again (reliability, fact 9). */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/act_parts.h"
#include "supervisor/act_words.h"
#include "supervisor/pg_file.h"
#include "supervisor/pg_lock.h"

#define CONFIG_FILE_SINCE 15 /* pg_rewind --config-file */

static void look_at_state(struct act *a);

/* ---- crash recovery ---- */

/* That of a host that died names a number that may be another process by now: then no server would
 * start, and the rewind count as failed. */
static int clear_lock(const struct act_order *o, struct err *err)
{
    const char *data_dir = o->setup->files.data_dir;
    CLEANUP(mem_freep) char *path = mem_printf("%s/postmaster.pid", data_dir);
    return pg_lock_clear(path, data_dir, err);
}

static int work_begin_rewind(struct act_order *o, struct err *err)
{
    o->config = (struct act_config){.is_primary = false};
    int code = work_put_config(o, err); /* behind the fence, whatever happens from here on */
    code = code != 0 ? code : pg_files_clean_auto(&o->setup->files, NULL, err);
    code = code != 0 ? code : clear_lock(o, err);
    return code != 0 ? code : work_look(o, err);
}

/* A server without a network refuses to run with standby.signal. */
static int work_uncover(struct act_order *o, struct err *err)
{
    return pg_files_remove_signals(&o->setup->files, err);
}

static int work_cover(struct act_order *o, struct err *err)
{
    int code = pg_files_put_standby_signal(&o->setup->files, err);
    return code != 0 ? code : work_look(o, err);
}

/* What waits to be archived must not be removed by the checkpoint at its end, so it is to believe
 * that archiving is on, and fails. */
static void uncovered(struct act *a)
{
    if (act_failed(a)) {
        return;
    }
    const struct pg_files *files = &a->order.setup->files;
    CLEANUP(mem_freep) char *program = act_program_path(&a->order, "postgres");
    CLEANUP(mem_freep)
    char *config =
        mem_printf("-D%s", files->config_dir != NULL ? files->config_dir : files->data_dir);
    CLEANUP(mem_freep) char *data = mem_printf("--data_directory=%s", files->data_dir);
    char single[] = "--single";
    char on[] = "--archive_mode=on";
    char fails[] = "--archive_command=false";
    char database[] = "template1";
    char *words[] = {program, single, config, data, on, fails, database, NULL};
    act_run(a, "recover", words, NULL, look_at_state);
}

static void covered(struct act *a);

static void look_at_state(struct act *a)
{
    if (!act_failed(a)) {
        act_do(a, "standby.signal", work_cover, covered);
    }
}

/* ---- the rewind ---- */

/* As whom: its own user, in a database. */
static void rewind_conninfo(const struct act_order *o, struct buf *out)
{
    const struct pg_conninfo conninfo = {
        .major = o->home.major,
        .host = o->upstream.host,
        .port = o->upstream.port,
        .database = o->setup->database,
        .application_name = "pgraft_rewind",
        .passfile = o->setup->passfile,
        .login = o->setup->rewind.username != NULL ? &o->setup->rewind : &o->setup->superuser,
        .target_session_attrs = act_session_attrs(&o->upstream),
    };
    pg_conninfo_print(&conninfo, out);
    buf_str(out, ACT_CONNINFO_TIMES " options='-c statement_timeout=0'");
}

static void run_rewind(struct act *a, bool is_dry, act_next next)
{
    const struct act_order *o = &a->order;
    const struct pg_setup *setup = o->setup;
    const char *config_dir = setup->files.config_dir;
    CLEANUP(buf_close) struct buf conninfo = {0};
    CLEANUP(act_words_close) struct act_words words = {.count = 0};
    rewind_conninfo(o, &conninfo);
    act_words_take(&words, act_program_path(o, "pg_rewind"));
    act_words_take(&words, mem_printf("--target-pgdata=%s", setup->files.data_dir));
    act_words_take(&words, mem_printf("--source-server=%s", buf_text(&conninfo)));
    act_words_take(&words, mem_strdup("--no-ensure-shutdown"));
    act_words_take(&words, mem_strdup(is_dry ? "--dry-run" : "--progress"));
    if (o->has_archive) {
        act_words_take(&words, mem_strdup("--restore-target-wal"));
    }
    if (config_dir != NULL && strcmp(config_dir, setup->files.data_dir) != 0 &&
        o->home.major >= CONFIG_FILE_SINCE) {
        act_words_take(&words, mem_printf("--config-file=%s/postgresql.conf", config_dir));
    }
    act_words_options(&words, &setup->rewind_options);
    act_run(a, is_dry ? "rewind, dry" : "rewind", words.at, NULL, next);
}

static void rewound(struct act *a)
{
    if (!act_failed(a)) {
        act_do(a, "complete", work_make_own, act_hands_on);
    }
}

static void marked(struct act *a)
{
    if (!act_failed(a)) {
        run_rewind(a, false, rewound);
    }
}

static int work_mark(struct act_order *o, struct err *err)
{
    return pg_mark_set(o->setup->state_dir, o->setup->files.data_dir, PG_MARK_REWIND, err);
}

static void can_rewind(struct act *a)
{
    if (!act_failed(a)) {
        act_do(a, "mark", work_mark, marked);
    }
}

static void archived(struct act *a)
{
    MUST(a->err.code == 0); /* what could not be archived was said, and holds nobody up */
    run_rewind(a, true, can_rewind);
}

static void covered(struct act *a)
{
    if (act_failed(a)) {
        return;
    }
    if (!a->order.home.is_clean) {
        (void)err_set(&a->err, ERR_SYSTEM, "crash recovery has left it as it was: %s",
                      a->order.home.why);
        act_end(a);
        return;
    }
    act_archive(a, archived);
}

/* ---- its beginning ---- */

static void looked(struct act *a)
{
    if (act_failed(a)) {
        return;
    }
    if (a->order.home.bin_dir[0] == '\0') {
        (void)err_set(&a->err, ERR_NOT_FOUND, "%s", a->order.home.why);
        act_end(a);
    } else if (a->order.home.is_clean) {
        look_at_state(a);
    } else {
        act_do(a, "uncover", work_uncover, uncovered);
    }
}

void act_rewind(struct act *a)
{
    if (act_has_upstream(a)) {
        act_do(a, "look", work_begin_rewind, looked);
    }
}
