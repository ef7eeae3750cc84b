/* supervisor/pg_files.c - postgresql.conf and its neighbours. */
#include "supervisor/pg_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/pg_file.h"
#include "supervisor/pg_methods.h"

#define MODE 0600U

static char *config_path(const struct pg_files *files, const char *name)
{
    return mem_printf("%s/%s", files->config_dir != NULL ? files->config_dir : files->data_dir,
                      name);
}

static char *data_path(const struct pg_files *files, const char *name)
{
    return mem_printf("%s/%s", files->data_dir, name);
}

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* --- postgresql.conf --- */

/* Is there a file @path, and was it written here? */
static int look_whose(const char *path, bool *ret_is_there, bool *ret_is_ours, struct err *err)
{
    CLEANUP(buf_close) struct buf text = {0};
    int rc = pg_file_read(path, &text, err);
    *ret_is_there = rc == 0;
    *ret_is_ours =
        rc == 0 && strncmp(buf_text(&text), PG_SETTINGS_HEAD, sizeof(PG_SETTINGS_HEAD) - 1) == 0;
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* The user's own has its other name. A file of ours never takes that name, and one that has it is
 * never replaced: there may be two that are not ours after somebody put a new postgresql.conf. */
static int keep_base(const struct pg_files *files, const char *path, struct err *err)
{
    CLEANUP(mem_freep) char *base = config_path(files, PG_FILES_BASE);
    bool is_file = false;
    bool is_ours = false;
    int rc = look_whose(path, &is_file, &is_ours, err);
    if (rc != 0) {
        return rc;
    }
    if (is_file && !is_ours && !is_there(base)) {
        return pg_file_move(path, base, err);
    }
    if (is_there(base)) {
        return 0;
    }
    const struct buf nothing = {0};
    return pg_file_put(base, MODE, &nothing, NULL, err);
}

/* One that is not ours, in the place of ours, where the user's own has its other name already: so
 * Patroni's stands there. It is kept for who takes this PostgreSQL back. */
static int keep_before(const struct pg_files *files, const char *path, struct err *err)
{
    CLEANUP(mem_freep) char *base = config_path(files, PG_FILES_BASE);
    CLEANUP(mem_freep) char *before = config_path(files, PG_FILES_BEFORE);
    CLEANUP(buf_close) struct buf text = {0};
    bool is_file = false;
    bool is_ours = false;
    int rc = look_whose(path, &is_file, &is_ours, err);
    if (rc != 0 || !is_file || is_ours || (files->custom_conf == NULL && !is_there(base))) {
        return rc;
    }
    rc = pg_file_read(path, &text, err);
    return rc != 0 ? rc : pg_file_put(before, MODE, &text, NULL, err);
}

int pg_files_give_back(const struct pg_files *files, struct err *err)
{
    CLEANUP(mem_freep) char *path = config_path(files, "postgresql.conf");
    CLEANUP(mem_freep) char *before = config_path(files, PG_FILES_BEFORE);
    CLEANUP(mem_freep) char *base = config_path(files, PG_FILES_BASE);
    CLEANUP(buf_close) struct buf text = {0};
    int rc = pg_file_read(is_there(before) ? before : base, &text, err);
    return rc != 0 ? rc : pg_file_put(path, MODE, &text, NULL, err);
}

int pg_files_put_settings(const struct pg_files *files, const struct pg_settings *settings,
                          bool *ret_changed, struct err *err)
{
    CLEANUP(mem_freep) char *path = config_path(files, "postgresql.conf");
    CLEANUP(buf_close) struct buf text = {0};
    const char *base = files->custom_conf != NULL ? files->custom_conf : PG_FILES_BASE;
    int rc = keep_before(files, path, err);
    rc = rc != 0 || files->custom_conf != NULL ? rc : keep_base(files, path, err);
    if (rc != 0) {
        return rc;
    }
    pg_settings_print(settings, base, &text);
    return pg_file_put(path, MODE, &text, ret_changed, err);
}

/* --- pg_hba.conf, pg_ident.conf --- */

static int put_lines(const char *path, const char *const *lines, size_t count, bool *ret_changed,
                     struct err *err)
{
    CLEANUP(buf_close) struct buf text = {0};
    if (ret_changed != NULL) {
        *ret_changed = false;
    }
    if (count == 0) {
        return 0;
    }
    buf_str(&text, PG_SETTINGS_HEAD);
    for (size_t i = 0; i < count; i++) {
        if (strpbrk(lines[i], "\r\n") != NULL) {
            return err_set(err, ERR_INVALID, "%s: entry %zu is more than one line", path, i + 1);
        }
        buf_printf(&text, "%s\n", lines[i]);
    }
    return pg_file_put(path, MODE, &text, ret_changed, err);
}

int pg_files_put_hba(const struct pg_files *files, const char *const *lines, size_t count,
                     bool *ret_changed, struct err *err)
{
    CLEANUP(mem_freep) char *path = config_path(files, "pg_hba.conf");
    return put_lines(path, lines, count, ret_changed, err);
}

int pg_files_put_ident(const struct pg_files *files, const char *const *lines, size_t count,
                       bool *ret_changed, struct err *err)
{
    CLEANUP(mem_freep) char *path = config_path(files, "pg_ident.conf");
    return put_lines(path, lines, count, ret_changed, err);
}

/* --- postgresql.auto.conf --- */

/* The line sets something that @is_it is true of. */
static bool sets(const char *line, size_t size, bool (*is_it)(const char *name))
{
    size_t start = 0;
    while (start < size && (line[start] == ' ' || line[start] == '\t')) {
        start++;
    }
    size_t end = start;
    while (end < size && strchr(" \t=#", line[end]) == NULL) {
        end++;
    }
    CLEANUP(mem_freep) char *name = mem_printf("%.*s", (int)(end - start), line + start);
    for (char *at = name; *at != '\0'; at++) {
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    }
    return is_it(name);
}

/* Without the lines that set something that @is_it is true of. */
static int clean_auto(const struct pg_files *files, bool (*is_it)(const char *name),
                      bool *ret_changed, struct err *err)
{
    CLEANUP(mem_freep) char *path = data_path(files, "postgresql.auto.conf");
    CLEANUP(buf_close) struct buf text = {0};
    CLEANUP(buf_close) struct buf kept = {0};
    if (ret_changed != NULL) {
        *ret_changed = false;
    }
    int rc = pg_file_read(path, &text, err);
    if (rc != 0) {
        return rc == ERR_NOT_FOUND ? 0 : rc;
    }
    for (const char *line = buf_text(&text); *line != '\0';) {
        size_t size = strcspn(line, "\n");
        size_t whole = size + (line[size] == '\n' ? 1 : 0);
        if (!sets(line, size, is_it)) {
            buf_append(&kept, line, whole);
        }
        line += whole;
    }
    return kept.size == text.size ? 0 : pg_file_put(path, MODE, &kept, ret_changed, err);
}

int pg_files_clean_auto(const struct pg_files *files, bool *ret_changed, struct err *err)
{
    return clean_auto(files, pg_settings_is_ours, ret_changed, err);
}

int pg_files_clean_recovery(const struct pg_files *files, struct err *err)
{
    return clean_auto(files, pg_recovery_is_parameter, NULL, err);
}

/* --- Passwords --- */

int pg_files_put_passfile(const char *path, const struct buf *text, bool *ret_changed,
                          struct err *err)
{
    CLEANUP(mem_freep) char *folder = mem_strdup(path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL && slash != folder) {
        *slash = '\0';
        if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
            return err_errno(err, errno, "%s", folder);
        }
    }
    return pg_file_put(path, MODE, text, ret_changed, err);
}

/* --- Signals --- */

int pg_files_put_standby_signal(const struct pg_files *files, struct err *err)
{
    CLEANUP(mem_freep) char *standby = data_path(files, "standby.signal");
    CLEANUP(mem_freep) char *recovery = data_path(files, "recovery.signal");
    const struct buf nothing = {0};
    int rc = pg_file_put_synced(standby, MODE, &nothing, err);
    return rc != 0 ? rc : pg_file_remove(recovery, err);
}

int pg_files_remove_signals(const struct pg_files *files, struct err *err)
{
    CLEANUP(mem_freep) char *standby = data_path(files, "standby.signal");
    CLEANUP(mem_freep) char *recovery = data_path(files, "recovery.signal");
    int rc = pg_file_remove(recovery, err);
    return rc != 0 ? rc : pg_file_remove(standby, err);
}

/* --- Copies --- */

static const char *const copied[] = {PG_FILES_BASE, "pg_hba.conf", "pg_ident.conf"};

static char *backup_path(const struct pg_files *files, const char *name)
{
    return mem_printf("%s/%s" PG_FILES_BACKUP, files->data_dir, name);
}

static int copy(const char *from, const char *to, bool *ret_changed, struct err *err)
{
    CLEANUP(buf_close) struct buf text = {0};
    bool changed = false;
    int rc = pg_file_read(from, &text, err);
    rc = rc != 0 ? rc : pg_file_put(to, MODE, &text, &changed, err);
    *ret_changed = *ret_changed || changed;
    return rc;
}

/* The base file may include others, and a custom_conf is no file of ours: they are not copied. */
int pg_files_backup(const struct pg_files *files, bool *ret_changed, struct err *err)
{
    bool changed = false;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(copied); i++) {
        CLEANUP(mem_freep) char *path = config_path(files, copied[i]);
        CLEANUP(mem_freep) char *backup = backup_path(files, copied[i]);
        rc = copy(path, backup, &changed, err);
        rc = rc == ERR_NOT_FOUND ? 0 : rc;
    }
    if (ret_changed != NULL) {
        *ret_changed = changed;
    }
    return rc;
}

int pg_files_restore(const struct pg_files *files, bool *ret_changed, struct err *err)
{
    const struct buf nothing = {0};
    bool changed = false;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(copied); i++) {
        CLEANUP(mem_freep) char *path = config_path(files, copied[i]);
        CLEANUP(mem_freep) char *backup = backup_path(files, copied[i]);
        if (is_there(path)) {
            continue;
        }
        rc = copy(backup, path, &changed, err);
        if (rc == ERR_NOT_FOUND && strcmp(copied[i], "pg_hba.conf") != 0) {
            rc = pg_file_put(path, MODE, &nothing, NULL, err);
            changed = true;
        }
    }
    if (ret_changed != NULL) {
        *ret_changed = changed;
    }
    return rc;
}
