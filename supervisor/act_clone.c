/* supervisor/act_clone.c - a data directory made anew by pg_basebackup, verified, and made this
 * node's own.
 *
 *   mark --> empty --> pg_basebackup --> pg_verifybackup --> complete --> hands on
 *
 * Of the primary, or of a standby that is tagged for it and streams from that very primary
 * (source.h); what a standby sent is looked at in the same way.
 *
 * The mark stands from before the first byte is removed until all is there: what is cut off is
 * cloned again. A primary that is deposed meanwhile may end the copy in peace; what it had and the
 * new one does not have is WAL of another timeline like any other, and the ladder finds it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/act_parts.h"
#include "supervisor/act_words.h"
#include "supervisor/history.h"
#include "supervisor/pg_file.h"

static int work_begin_clone(struct act_order *o, struct err *err)
{
    if (o->home.bin_dir[0] == '\0') {
        return err_set(err, ERR_NOT_FOUND, "%s", o->home.why);
    }
    int code = pg_mark_set(o->setup->state_dir, o->setup->files.data_dir, PG_MARK_CLONE, err);
    code = code != 0 ? code : work_empty(o->setup, err);
    code = code != 0 ? code : work_put_passwords(o->setup, err);
    return code;
}

/* ---- what was copied ---- */

static int work_check_clone(struct act_order *o, struct err *err)
{
    int code = work_look(o, err);
    uint64_t wanted = o->ask.system_id;
    if (code == 0 && o->home.system_id == 0) {
        return err_set(err, ERR_CORRUPT, "the copy has no control file that can be read");
    }
    if (code == 0 && wanted != 0 && o->home.system_id != wanted) {
        return err_set(err, ERR_REFUSED,
                       "the copy is of another PostgreSQL than this cluster's: its system "
                       "identifier is %llu, not %llu",
                       (unsigned long long)o->home.system_id, (unsigned long long)wanted);
    }
    bool is_remote = o->facts.store.grant_is_standby; /* whose timelines nobody records here */
    if (code == 0 && !is_remote && !history_may_hold(&o->facts.store, o->home.timeline)) {
        return err_set(err, ERR_REFUSED,
                       "the copy is on timeline %u, which does not lead to that of the primary",
                       (unsigned)o->home.timeline);
    }
    return code != 0 ? code : work_make_own(o, err);
}

static void verified(struct act *a)
{
    if (!act_failed(a)) {
        act_do(a, "complete", work_check_clone, act_hands_on);
    }
}

/* Every file of the backup is there in its size, and the WAL that it needs can be read from end to
 * end. What each page holds the primary has checked when it sent it. */
static void copied(struct act *a)
{
    if (act_failed(a)) {
        return;
    }
    const char *data_dir = a->order.setup->files.data_dir;
    CLEANUP(mem_freep) char *program = act_program_path(&a->order, "pg_verifybackup");
    CLEANUP(mem_freep) char *manifest = mem_printf("%s/backup_manifest", data_dir);
    CLEANUP(mem_freep) char *data = mem_strdup(data_dir);
    char sizes[] = "--skip-checksums";
    char quiet[] = "--quiet";
    char found[] = "--ignore=lost+found";
    if (access(program, X_OK) != 0 || access(manifest, F_OK) != 0) {
        verified(a); /* "no-manifest" was asked for, or an odd package: the rest is checked */
        return;
    }
    char *words[] = {program, quiet, sizes, found, data, NULL};
    act_run(a, "verify", words, NULL, verified);
}

/* ---- the copy ---- */

/* Never under a member's own name: what the copy's receiver has flushed must count for nobody's
 * acknowledgement. */
static void clone_conninfo(const struct act_order *o, struct buf *out)
{
    CLEANUP(mem_freep) char *name = mem_printf("pgraft_clone_of_%s", o->setup->name);
    const struct pg_conninfo conninfo = {
        .major = o->home.major,
        .host = o->source.host,
        .port = o->source.port,
        .application_name = name,
        .passfile = o->setup->passfile,
        .login = &o->setup->replication,
        .target_session_attrs = act_session_attrs(&o->source),
    };
    pg_conninfo_print(&conninfo, out);
    buf_str(out, ACT_CONNINFO_TIMES);
}

static void add_options(const struct act_order *o, struct act_words *words)
{
    const struct pg_setup *setup = o->setup;
    CLEANUP(buf_close) struct buf conninfo = {0};
    clone_conninfo(o, &conninfo);
    act_words_take(words, act_program_path(o, "pg_basebackup"));
    act_words_take(words, mem_printf("--pgdata=%s", setup->files.data_dir));
    act_words_take(words, mem_printf("--dbname=%s", buf_text(&conninfo)));
    act_words_take(words, mem_strdup("--wal-method=stream"));
    act_words_take(words, mem_strdup("--no-password"));
    act_words_take(words, mem_strdup("--progress"));
    act_words_take(words, mem_strdup("--checkpoint=fast"));
    act_words_options(words, &setup->basebackup);
}

static void emptied(struct act *a)
{
    if (act_failed(a)) {
        return;
    }
    CLEANUP(act_words_close) struct act_words words = {.count = 0};
    add_options(&a->order, &words);
    act_run(a, "clone", words.at, NULL, copied);
}

void act_clone(struct act *a)
{
    if (act_has_upstream(a)) {
        const struct act_upstream *from = &a->order.source;
        log_info("supervisor", "clone",
                 LOG_STR("of", a->order.leads ? from->host : from->name.text));
        act_do(a, "begin clone", work_begin_clone, emptied);
    }
}
