/* supervisor/act_restore.c - the data of a new cluster, restored from a backup by an operator's
 * command (bootstrap.method), perhaps to a point in time.
 *
 *   mark, empty --> the command --> look --> a closed room: recovery to its end --> users -->
 * complete
 *
 * PostgreSQL ends a recovery to a target by itself: in a server that serves that would be a
 * promotion without an epoch. So it is recovered in a server that listens to a socket in the data
 * directory which lets nobody in, runs no program of anybody's but restore_command, archives
 * nothing, and is ended when it has come to the end (helper/room.c). What it leaves is like what
 * initdb leaves: data that were shut down in order, on a timeline of their own, that no standby
 * has. From there on all is as with initdb: the note, standby.signal, the fence, the guard, and a
 * promotion for the epoch (docs/decisions/0016). recovery_target_* is never seen by a server that
 * the guard starts.
 *
 * The mark stands from the first byte to the last, so what is cut off is begun anew: a restore that
 * is half done is never started. */
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
#include "supervisor/first_data.h"
#include "supervisor/pg_ask.h"
#include "supervisor/pg_file.h"
#include "supervisor/pg_find.h"
#include "supervisor/pg_lock.h"

#define ROOM_CONFIG "restore.conf" /* in pgraftd's own directory, both */
#define ROOM_HBA "restore-hba.conf"
#define VERSION_MS 30000

static char *state_path(const struct act_order *o, const char *name)
{
    return mem_printf("%s/%s", o->setup->state_dir, name);
}

static const char *config_dir(const struct act_order *o)
{
    const struct pg_files *files = &o->setup->files;
    return files->config_dir != NULL ? files->config_dir : files->data_dir;
}

/* ---- before ---- */

static int work_begin(struct act_order *o, struct err *err)
{
    int code = pg_mark_set(o->setup->state_dir, o->setup->files.data_dir, PG_MARK_INITDB, err);
    code = code != 0 ? code : work_empty(o->setup, err);
    return code != 0 ? code : work_put_passwords(o->setup, err);
}

/* ---- what was restored ---- */

/* Of whatever version it is: the programs for that one. */
static int find_programs(struct act_order *o, unsigned major, struct err *err)
{
    CLEANUP(buf_close) struct buf dir = {0};
    struct pg_version version = {0};
    const struct pg_find find = {.given = o->setup->bin_dir,
                                 .postgres = o->setup->programs.postgres,
                                 .major = major,
                                 .wait_ms = VERSION_MS};
    int code = pg_find_bin_dir(&find, &dir, &version, err);
    if (code == 0 && dir.size >= sizeof(o->home.bin_dir)) {
        code = err_set(err, ERR_TOO_LARGE, "postgresql.bin_dir: the path is too long");
    }
    if (code != 0) {
        return code;
    }
    memcpy(o->home.bin_dir, buf_text(&dir), dir.size + 1);
    o->home.major = version.major;
    return 0;
}

static int look_at_data(struct act_order *o, struct err *err)
{
    struct pg_dir_found found;
    const char *data_dir = o->setup->files.data_dir;
    int code = pg_find_dir(data_dir, &found, err);
    if (code == 0 && found.kind != PG_DIR_DATA) {
        code = err_set(err, ERR_NOT_FOUND,
                       "bootstrap.%s: the command has succeeded, and there is no data directory of "
                       "PostgreSQL in %s",
                       o->setup->bootstrap.name, data_dir);
    }
    if (code == 0 && found.is_open && chmod(data_dir, 0700) != 0) {
        code = err_errno(err, errno, "%s", data_dir);
    }
    return code != 0 ? code : find_programs(o, found.major, err);
}

/* ---- by what to recover ---- */

static bool is_there(const struct act_order *o, const char *name)
{
    CLEANUP(mem_freep) char *path = mem_printf("%s/%s", o->setup->files.data_dir, name);
    return access(path, F_OK) == 0;
}

/* What the command has left, as a server would read it: in postgresql.auto.conf, or wherever its
 * postgresql.conf has it. Where it has left no such file there is only the first. */
static int read_left(struct act_order *o, struct buf *out, struct err *err)
{
    static const char *const names[] = {"restore_command",           "recovery_end_command",
                                        "archive_cleanup_command",   "recovery_target",
                                        "recovery_target_name",      "recovery_target_time",
                                        "recovery_target_xid",       "recovery_target_lsn",
                                        "recovery_target_inclusive", "recovery_target_timeline"};
    const struct pg_ask_place place = {.bin_dir = o->home.bin_dir,
                                       .data_dir = o->setup->files.data_dir,
                                       .config_dir = o->setup->files.config_dir};
    CLEANUP(mem_freep) char *path = mem_printf("%s/postgresql.conf", config_dir(o));
    const struct buf nothing = {0};
    int code = access(path, F_OK) == 0 ? 0 : pg_file_put(path, 0600, &nothing, NULL, err);
    for (size_t i = 0; i < ARRAY_LEN(names) && code == 0; i++) {
        CLEANUP(buf_close) struct buf value = {0};
        code = pg_ask_setting(&place, names[i], &value, err);
        if (code == 0 && value.size > 0) {
            buf_printf(out, "%s = ", names[i]);
            pg_settings_quote(buf_text(&value), out);
            buf_char(out, '\n');
        }
    }
    return code;
}

/* restore.conf: this node's own configuration, and behind it the recovery. @left: lines of it. */
static int put_room_config(const struct act_order *o, const struct buf *left, struct err *err)
{
    const struct pg_bootstrap *b = &o->setup->bootstrap;
    const struct pg_pairs none = {.count = 0};
    CLEANUP(mem_freep) char *own = mem_printf("%s/postgresql.conf", config_dir(o));
    CLEANUP(mem_freep) char *path = state_path(o, ROOM_CONFIG);
    CLEANUP(mem_freep) char *hba = state_path(o, ROOM_HBA);
    CLEANUP(buf_close) struct buf text = {0};
    CLEANUP(buf_close) struct buf nobody = {0};
    pg_recovery_print(own, b->has_recovery ? &b->recovery : &none, buf_text(left), &text);
    buf_str(&nobody, "local all all reject\nlocal replication all reject\n");
    int code = pg_file_put(path, 0600, &text, NULL, err);
    return code != 0 ? code : pg_file_put(hba, 0600, &nobody, NULL, err);
}

/* With recovery.signal the recovery goes on into the archive, and ends on a new timeline; without
 * it only what is in the directory counts. standby.signal would have no end. */
static int put_signal(const struct act_order *o, bool recovers, struct err *err)
{
    CLEANUP(mem_freep) char *path = mem_printf("%s/recovery.signal", o->setup->files.data_dir);
    const struct buf nothing = {0};
    int code = pg_files_remove_signals(&o->setup->files, err);
    return code != 0 || !recovers ? code : pg_file_put_synced(path, 0600, &nothing, err);
}

/* Files of the configuration that are kept elsewhere where the backup comes from. */
static int fill_up(const struct act_order *o, struct err *err)
{
    int code = pg_files_restore(&o->setup->files, NULL, err);
    return code != ERR_NOT_FOUND
               ? code
               : err_set(err, ERR_NOT_FOUND,
                         "neither postgresql.pg_hba nor bootstrap.pg_hba says who may connect, and "
                         "no pg_hba.conf was restored");
}

/* What is asked for with recovery_conf counts before what the command has left, as with Patroni. */
static int work_prepare(struct act_order *o, struct err *err)
{
    const struct pg_bootstrap *b = &o->setup->bootstrap;
    CLEANUP(buf_close) struct buf left = {0};
    CLEANUP(mem_freep) char *lock = mem_printf("%s/postmaster.pid", o->setup->files.data_dir);
    int code = look_at_data(o, err);
    bool has_signal = is_there(o, "recovery.signal") || is_there(o, "standby.signal");
    bool takes_left = b->keeps_recovery && !b->has_recovery && has_signal;
    code = code != 0 || !takes_left ? code : read_left(o, &left, err);
    o->config = (struct act_config){.is_primary = false};
    code = code != 0 ? code : work_put_first_hba(o->setup, err);
    code = code != 0 ? code : work_put_config(o, err);
    code = code != 0 ? code : fill_up(o, err);
    code = code != 0 ? code : pg_files_clean_auto(&o->setup->files, NULL, err);
    code = code != 0 ? code : pg_files_clean_recovery(&o->setup->files, err);
    code = code != 0 ? code : pg_lock_clear(lock, o->setup->files.data_dir, err);
    code = code != 0 ? code : put_room_config(o, &left, err);
    return code != 0 ? code : put_signal(o, b->has_recovery || takes_left, err);
}

/* ---- its end ---- */

/* The data may be those of a cluster that had pgraft: what they remember of its epochs is below
 * everything that this one grants (safety D3). */
static int put_note(struct act_order *o, struct err *err)
{
    struct pg_note note;
    bool is_copy = false;
    const char *data_dir = o->setup->files.data_dir;
    int code = home_note(o->setup, &o->ask, o->decision.epoch, err);
    code = code != 0 ? code : pg_note_read(data_dir, &note, &is_copy, err);
    if (code != 0 || note.seen_epoch <= o->decision.epoch) {
        return code;
    }
    note.sealed_epoch = note.seen_epoch;
    return pg_note_write(data_dir, &note, err);
}

static int forget_room(const struct act_order *o, struct err *err)
{
    CLEANUP(mem_freep) char *config = state_path(o, ROOM_CONFIG);
    CLEANUP(mem_freep) char *hba = state_path(o, ROOM_HBA);
    int code = pg_file_remove(config, err);
    return code != 0 ? code : pg_file_remove(hba, err);
}

static int work_complete(struct act_order *o, struct err *err)
{
    const struct pg_setup *setup = o->setup;
    int code = forget_room(o, err);
    code = code != 0 ? code : pg_files_put_standby_signal(&setup->files, err);
    code = code != 0 ? code : put_note(o, err);
    code = code != 0 ? code : work_look(o, err);
    code = code != 0 ? code : work_owe_bootstrap(o, err);
    code = code != 0 ? code : first_data_put_restored(setup->state_dir, o->home.note.copy, err);
    code = code != 0 ? code : pg_mark_clear(setup->state_dir, err);
    return code != 0 ? code : work_look(o, err);
}

static void completed(struct act *a)
{
    if (!act_failed(a)) {
        log_info("supervisor", "restored", LOG_STR("method", a->order.setup->bootstrap.name),
                 LOG_U64("timeline", a->order.home.timeline));
        act_hands_on(a);
    }
}

static void has_users(struct act *a)
{
    if (!act_failed(a)) {
        act_do(a, "complete", work_complete, completed);
    }
}

/* Shut down in order, and with nothing left to recover: what was asked for was come to. */
static int work_check(struct act_order *o, struct err *err)
{
    int code = work_look(o, err);
    if (code != 0) {
        return code;
    }
    bool is_open = is_there(o, "recovery.signal") || is_there(o, "backup_label");
    bool is_clean = o->home.is_clean;
    return is_clean && !is_open
               ? look_at_data(o, err) /* below the mark no version counts: once more */
               : err_set(err, ERR_SYSTEM,
                         "the recovery of what was restored has ended before its end: %s",
                         is_open ? "it is not out of recovery" : "it was not shut down in order");
}

static void checked(struct act *a)
{
    if (act_failed(a)) {
        return;
    }
    CLEANUP(act_words_close) struct act_words words = {.count = 0};
    CLEANUP(mem_freep) char *config = state_path(&a->order, ROOM_CONFIG);
    CLEANUP(buf_wipe) struct buf sql = {0};
    act_single_words(&a->order, config, a->order.setup->database, &words);
    act_users_sql(a->order.setup, true, &sql);
    act_run(a, "users", words.at, &sql, has_users);
}

/* ---- the room ---- */

/* Above whatever a file says: it listens nowhere but at a socket that lets nobody in; nothing goes
 * out of it, and nobody's program runs in it once it has recovered. */
static const char *const room[] = {"--listen_addresses=",
                                   "--unix_socket_directories=.",
                                   "--unix_socket_permissions=0700",
                                   "--ssl=off",
                                   "--hot_standby=off",
                                   "--archive_mode=off",
                                   "--primary_conninfo=",
                                   "--restart_after_crash=off",
                                   "--autovacuum=off",
                                   "--max_worker_processes=0",
                                   "--logging_collector=off",
                                   "--log_destination=stderr",
                                   "--external_pid_file=",
                                   "--recovery_min_apply_delay=0",
                                   "--cluster_name=restore",
                                   "--archive_cleanup_command=",
                                   "--max_logical_replication_workers=0"};

static void recovered(struct act *a)
{
    if (!act_failed(a)) {
        act_do(a, "check", work_check, checked);
    }
}

static void prepared(struct act *a)
{
    if (act_failed(a)) {
        return;
    }
    const struct act_order *o = &a->order;
    CLEANUP(act_words_close) struct act_words words = {.count = 0};
    act_words_take(&words, act_program_path(o, "postgres"));
    act_words_take(&words, mem_printf("-D%s", o->setup->files.data_dir));
    act_words_take(&words, mem_printf("--data_directory=%s", o->setup->files.data_dir));
    act_words_take(&words, mem_printf("--config_file=%s/" ROOM_CONFIG, o->setup->state_dir));
    act_words_take(&words, mem_printf("--hba_file=%s/" ROOM_HBA, o->setup->state_dir));
    for (size_t i = 0; i < ARRAY_LEN(room); i++) {
        act_words_take(&words, mem_strdup(room[i]));
    }
    a->program_name = "recovery";
    act_run_room(a, "recovery", words.at, recovered);
}

/* ---- the command ---- */

static void filled(struct act *a)
{
    if (!act_failed(a)) {
        act_do(a, "prepare recovery", work_prepare, prepared);
    }
}

static void begun(struct act *a)
{
    if (act_failed(a)) {
        return;
    }
    const struct pg_setup *setup = a->order.setup;
    CLEANUP(buf_close) struct buf text = {0};
    const struct pg_method_told told = {
        .scope = setup->scope, .data_dir = setup->files.data_dir, .connstring = ""};
    pg_bootstrap_text(&setup->bootstrap, &told, &text);
    log_info("supervisor", "custom bootstrap", LOG_STR("method", setup->bootstrap.name),
             LOG_STR("command", setup->bootstrap.command));
    act_run_method(a, setup->bootstrap.name, buf_text(&text), filled);
}

void act_restore(struct act *a)
{
    if (!act_failed(a)) {
        act_do(a, "begin", work_begin, begun);
    }
}
