/* supervisor/act_clone.c - a data directory made anew by the first of create_replica_methods that
 * can, verified, and made this node's own.
 *
 *   mark --> empty --> pg_basebackup --> pg_verifybackup --> complete --> hands on
 *     ^  '--> empty, or not --> an operator's command -------^    |
 *     '------------------ the next method <-----------------------'  one failed
 *
 * Where a copy that succeeded does not come to stream, the next one begins with the method behind
 * the one that has made it: a list is gone through before its first entry is tried again.
 *
 * pg_basebackup copies the primary, or of a standby that is tagged for it and streams from that
 * very primary (source.h); what a standby sent is looked at in the same way.
 *
 * The mark stands from before the first byte is removed until all is there: what is cut off is
 * cloned again. A primary that is deposed meanwhile may end the copy in peace; what it had and the
 * new one does not have is WAL of another timeline like any other, and the ladder finds it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/act_parts.h"
#include "supervisor/act_words.h"
#include "supervisor/history.h"
#include "supervisor/pg_file.h"
#include "supervisor/pg_lock.h"

static int work_begin_clone(struct act_order *o, struct err *err)
{
    if (o->home.bin_dir[0] == '\0') {
        return err_set(err, ERR_NOT_FOUND, "%s", o->home.why);
    }
    int code = pg_mark_set(o->setup->state_dir, o->setup->files.data_dir, PG_MARK_CLONE, err);
    return code != 0 ? code : work_put_passwords(o->setup, err);
}

static int work_make_room(struct act_order *o, struct err *err)
{
    return work_empty(o->setup, err);
}

/* What a program that restores in place goes by is left, but nothing says that it is running, or
 * whole. Nothing of PostgreSQL is left: the guard has said so. */
static int work_leave(struct act_order *o, struct err *err)
{
    const char *data_dir = o->setup->files.data_dir;
    CLEANUP(mem_freep) char *lock = mem_printf("%s/postmaster.pid", data_dir);
    CLEANUP(mem_freep) char *manifest = mem_printf("%s/backup_manifest", data_dir);
    if (mkdir(data_dir, 0700) != 0 && errno != EEXIST) {
        return err_errno(err, errno, "make %s", data_dir);
    }
    int code = pg_lock_clear(lock, data_dir, err);
    return code != 0 ? code : pg_file_remove(manifest, err);
}

/* ---- what was copied ---- */

/* As with Patroni, who asks for a copy of the leader asks for pg_basebackup. Who leads a standby
 * cluster copies the other one, and has no backup of it. */
static const struct pg_methods *methods_of(const struct act_order *o)
{
    static const struct pg_methods usual = {.count = 0};
    return o->from_leader || o->leads ? &usual : &o->setup->replica_methods;
}

static const struct pg_method *method_of(const struct act_order *o)
{
    return pg_methods_at(methods_of(o), o->method, true);
}

/* A restore may leave its own restore_command where ALTER SYSTEM leaves what it sets: it would win
 * over the configuration. Where that has none it is all that brings the WAL since the backup. */
static bool drops_recovery(const struct act_order *o)
{
    return !method_of(o)->is_basebackup && o->has_archive;
}

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
    code = code != 0 ? code : work_make_own(o, err);
    return code != 0 || !drops_recovery(o) ? code : pg_files_clean_recovery(&o->setup->files, err);
}

static void next_method(struct act *a);

/* To the one behind it; order->round counts those that have failed. False: that was the last. */
static bool go_on(struct act *a)
{
    struct act_order *o = &a->order;
    o->round++;
    if (o->round >= methods_of(o)->count) {
        return false;
    }
    log_warn("supervisor", "clone failed",
             LOG_STR("text", "the next of create_replica_methods is tried"),
             LOG_STR("method", method_of(o)->name), LOG_ERR(&a->err));
    o->method++;
    a->err = (struct err){.code = 0};
    return true;
}

static void method_failed(struct act *a)
{
    if (go_on(a)) {
        next_method(a);
    } else {
        act_end(a);
    }
}

static void completed(struct act *a)
{
    if (a->err.code != 0) {
        method_failed(a);
    } else {
        act_hands_on(a);
    }
}

static void verified(struct act *a)
{
    if (a->err.code != 0) {
        method_failed(a);
    } else {
        act_do(a, "complete", work_check_clone, completed);
    }
}

/* Every file of the backup is there in its size, and the WAL that it needs can be read from end to
 * end. What each page holds the primary has checked when it sent it. */
static void copied(struct act *a)
{
    if (a->err.code != 0) {
        method_failed(a);
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

static void has_room(struct act *a)
{
    if (a->err.code != 0) {
        method_failed(a);
        return;
    }
    CLEANUP(act_words_close) struct act_words words = {.count = 0};
    add_options(&a->order, &words);
    act_run(a, "clone", words.at, NULL, copied);
}

/* ---- an operator's way ---- */

/* Whoever is asked for a statement, too. */
static void method_conninfo(const struct act_order *o, struct buf *out)
{
    const struct pg_conninfo conninfo = {
        .major = o->home.major,
        .host = o->source.host,
        .port = o->source.port,
        .database = o->setup->database,
        .passfile = o->setup->passfile,
        .login = &o->setup->replication,
        .target_session_attrs = act_session_attrs(&o->source),
    };
    if (o->source.host[0] != '\0') {
        pg_conninfo_print(&conninfo, out);
    }
}

/* That its exit status is 0 says that it has done what it was to do; whose data these are, and
 * whether they lead to the primary, is looked at as of any copy. */
static void is_ready(struct act *a)
{
    if (a->err.code != 0) {
        method_failed(a);
        return;
    }
    const struct act_order *o = &a->order;
    const struct pg_method *m = method_of(o);
    CLEANUP(buf_close) struct buf conninfo = {0};
    CLEANUP(buf_close) struct buf text = {0};
    method_conninfo(o, &conninfo);
    const struct pg_method_told told = {.scope = o->setup->scope,
                                        .data_dir = o->setup->files.data_dir,
                                        .connstring = buf_text(&conninfo)};
    pg_method_text(m, &told, &text);
    act_run_method(a, m->name, buf_text(&text), verified);
}

/* ---- one after the other ---- */

/* False: it can not be tried, and act->err says why. */
static bool begin_method(struct act *a)
{
    struct act_order *o = &a->order;
    const struct pg_method *m = pg_methods_at(methods_of(o), o->method, o->source.host[0] != '\0');
    if (m == NULL) {
        (void)err_set(&a->err, ERR_NOT_FOUND, "%s: nobody to copy has said yet where he listens",
                      method_of(o)->name);
        return false;
    }
    if (!m->is_basebackup && m->command == NULL) {
        (void)err_set(&a->err, ERR_INVALID,
                      "create_replica_methods: %s has no section: postgresql.%s with command has "
                      "to say what makes the data",
                      m->name, m->name);
        return false;
    }
    log_info("supervisor", "clone", LOG_STR("of", o->leads ? o->source.host : o->source.name.text),
             LOG_STR("method", m->name));
    act_do(a, m->keep_data ? "leave data" : "empty", m->keep_data ? work_leave : work_make_room,
           m->is_basebackup ? has_room : is_ready);
    return true;
}

static void next_method(struct act *a)
{
    bool goes_on = true;
    while (goes_on && !begin_method(a)) {
        goes_on = go_on(a);
    }
    if (!goes_on) {
        act_end(a);
    }
}

static void begun(struct act *a)
{
    if (!act_failed(a)) {
        a->order.round = 0;
        next_method(a);
    }
}

/* Without anybody to copy only where a method needs nobody. */
void act_clone(struct act *a)
{
    if (pg_methods_need_nobody(methods_of(&a->order)) || act_has_upstream(a)) {
        act_do(a, "begin clone", work_begin_clone, begun);
    }
}
