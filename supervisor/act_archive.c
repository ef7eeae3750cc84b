/* supervisor/act_archive.c - WAL that waits for its archive_command is archived before a rewind,
 * which would remove it.
 *
 *   is there a command? --> the oldest that waits --> the command --> it is done --> the next
 *                                   '--> none is left: go on
 *
 * The primary that was may be the only one that has these segments whole: a standby archives
 * nothing that it has received, so without this there would be a gap in the archive. A command that
 * fails, or does not end, keeps nobody from coming back: what waits was put aside (act_keep.c), and
 * the log says so. It is tried as often as PostgreSQL itself would. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "supervisor/act_parts.h"
#include "supervisor/pg_ask.h"
#include "supervisor/pg_file.h"

#define READY ".ready"
#define NAME_CHARS "0123456789ABCDEF.abcdefghijklmnopqrstuvwxyz"

#define TRIES 3
#define AGAIN_MS 1000
#define ONE_MS 60000  /* an archive that does not take one segment in this time does not answer */
#define ALL_MS 600000 /* the others lack a standby meanwhile */

static void next_segment(struct act *a);
static void has_segment(struct act *a);

static int ask(const struct act_order *o, const char *name, struct buf *out, struct err *err)
{
    const struct pg_ask_place place = {.bin_dir = o->home.bin_dir,
                                       .data_dir = o->setup->files.data_dir,
                                       .config_dir = o->setup->files.config_dir};
    return pg_ask_setting(&place, name, out, err);
}

/* order->archive: the command, or "". */
static int work_find_command(struct act_order *o, struct err *err)
{
    CLEANUP(buf_close) struct buf mode = {0};
    CLEANUP(buf_close) struct buf command = {0};
    o->archive[0] = '\0';
    int code = ask(o, "archive_mode", &mode, err);
    if (code != 0 || strcmp(buf_text(&mode), "off") == 0) {
        return code;
    }
    code = ask(o, "archive_command", &command, err);
    bool is_set = code == 0 && strcmp(buf_text(&command), "(disabled)") != 0;
    if (is_set && command.size >= sizeof(o->archive)) {
        return err_set(err, ERR_TOO_LARGE, "archive_command is longer than this program takes");
    }
    if (is_set) {
        memcpy(o->archive, buf_text(&command), command.size + 1);
    }
    return code;
}

/* order->segment: the first by name that waits, or "". */
static int work_find_segment(struct act_order *o, struct err *err)
{
    CLEANUP(mem_freep)
    char *path = mem_printf("%s/pg_wal/archive_status", o->setup->files.data_dir);
    o->segment[0] = '\0';
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return errno == ENOENT ? 0 : err_errno(err, errno, "%s", path);
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        size_t size = strlen(entry->d_name);
        size_t tail = sizeof(READY) - 1;
        if (size <= tail || size - tail >= sizeof(o->segment) ||
            strcmp(entry->d_name + size - tail, READY) != 0) {
            continue;
        }
        entry->d_name[size - tail] = '\0';
        bool is_name = strspn(entry->d_name, NAME_CHARS) == size - tail; /* a shell will see it */
        if (is_name && (o->segment[0] == '\0' || strcmp(entry->d_name, o->segment) < 0)) {
            memcpy(o->segment, entry->d_name, size - tail + 1);
        }
    }
    (void)closedir(dir);
    return 0;
}

static int work_is_archived(struct act_order *o, struct err *err)
{
    const char *data_dir = o->setup->files.data_dir;
    CLEANUP(mem_freep)
    char *from = mem_printf("%s/pg_wal/archive_status/%s" READY, data_dir, o->segment);
    CLEANUP(mem_freep)
    char *to = mem_printf("%s/pg_wal/archive_status/%s.done", data_dir, o->segment);
    return pg_file_move(from, to, err);
}

/* ---- the sequence ---- */

/* What failed is said, and no more. */
static void go_on(struct act *a)
{
    if (a->err.code != 0) {
        log_warn("supervisor", "not archived", LOG_STR("segment", a->order.segment),
                 LOG_ERR(&a->err));
        a->err = (struct err){.code = 0};
    }
    act_next then = a->then;
    a->then = NULL;
    then(a);
}

static void is_archived(struct act *a)
{
    a->order.round++;
    if (a->err.code != 0 && a->err.code != ERR_TIMEOUT && a->order.round < TRIES) {
        act_pause(a, AGAIN_MS, has_segment);
        return;
    }
    if (a->err.code != 0) {
        go_on(a);
        return;
    }
    log_info("supervisor", "archived", LOG_STR("segment", a->order.segment));
    act_do(a, "note archived", work_is_archived, next_segment);
}

/* As PostgreSQL does it: %p is the path, %f the name, %% a percent sign; within the data directory.
 */
void act_archive_command(const char *command, const char *segment, struct buf *out)
{
    for (const char *at = command; *at != '\0'; at++) {
        if (at[0] == '%' && at[1] == 'p') {
            buf_printf(out, "pg_wal/%s", segment);
            at++;
        } else if (at[0] == '%' && at[1] == 'f') {
            buf_str(out, segment);
            at++;
        } else if (at[0] == '%' && at[1] == '%') {
            buf_char(out, '%');
            at++;
        } else {
            buf_char(out, *at);
        }
    }
}

static void has_segment(struct act *a)
{
    if (a->err.code == 0 && a->order.segment[0] != '\0' &&
        uv_now(a->loop) >= a->archives_until_ms) {
        (void)err_set(&a->err, ERR_TIMEOUT,
                      "the archive takes too long for this one and those after it");
    }
    if (a->err.code != 0 || a->order.segment[0] == '\0') {
        go_on(a);
        return;
    }
    CLEANUP(buf_close) struct buf command = {0};
    act_archive_command(a->order.archive, a->order.segment, &command);
    CLEANUP(mem_freep) char *words_of = mem_strdup(buf_text(&command));
    CLEANUP(mem_freep) char *data_dir = mem_strdup(a->order.setup->files.data_dir);
    char shell[] = "/bin/sh";
    char option[] = "-c";
    char script[] = "cd \"$0\" && eval \"$1\"";
    char *words[] = {shell, option, script, data_dir, words_of, NULL};
    act_run_script(a, "archive", words, ONE_MS, is_archived);
}

static void next_segment(struct act *a)
{
    if (a->err.code != 0) {
        go_on(a);
        return;
    }
    a->order.round = 0;
    act_do(a, "find WAL to archive", work_find_segment, has_segment);
}

static void has_command(struct act *a)
{
    if (a->err.code != 0 || a->order.archive[0] == '\0') {
        go_on(a);
        return;
    }
    next_segment(a);
}

void act_archive(struct act *a, act_next then)
{
    a->then = then;
    a->archives_until_ms = uv_now(a->loop) + ALL_MS;
    act_do(a, "archive_command", work_find_command, has_command);
}
