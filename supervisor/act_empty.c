/* supervisor/act_empty.c - empties a data directory that is to be made anew.
 *
 * Only below a mark (pg_note.h): whatever is cut off here leaves no directory that looks sound. The
 * folders that pg_wal and the tablespaces point to stay, but what is PostgreSQL's in them goes. */
#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "supervisor/act_parts.h"

/* The folder itself, and what a file system of its own has there. */
static bool stays(const FTSENT *entry)
{
    return entry->fts_level < FTS_ROOTLEVEL + 1 ||
           (entry->fts_level == FTS_ROOTLEVEL + 1 && strcmp(entry->fts_name, "lost+found") == 0);
}

static int gone(int result, const FTSENT *entry, struct err *err)
{
    return result == 0 || errno == ENOENT ? 0 : err_errno(err, errno, "remove %s", entry->fts_path);
}

/* A folder is met twice: before what is in it, and after. */
static int take_away(FTS *tree, FTSENT *entry, struct err *err)
{
    switch (entry->fts_info) {
        case FTS_D:
            if (stays(entry) && entry->fts_level > FTS_ROOTLEVEL) {
                (void)fts_set(tree, entry, FTS_SKIP);
            }
            return 0;
        case FTS_DP:
            return stays(entry) ? 0 : gone(rmdir(entry->fts_accpath), entry, err);
        case FTS_DNR:
        case FTS_ERR:
        case FTS_NS:
            return entry->fts_errno == ENOENT
                       ? 0
                       : err_errno(err, entry->fts_errno, "read %s", entry->fts_path);
        default:
            return stays(entry) ? 0 : gone(unlink(entry->fts_accpath), entry, err);
    }
}

/* All that is in @root, which may be a link to a folder; or was. */
static int empty_tree(const char *root, struct err *err)
{
    CLEANUP(mem_freep) char *path = mem_strdup(root);
    char *const roots[] = {path, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
    if (tree == NULL) {
        return err_errno(err, errno, "%s", path);
    }
    int code = 0;
    errno = 0;
    for (FTSENT *entry = fts_read(tree); entry != NULL && code == 0; entry = fts_read(tree)) {
        code = take_away(tree, entry, err);
        errno = 0;
    }
    code = code == 0 && errno != 0 ? err_errno(err, errno, "read %s", path) : code;
    (void)fts_close(tree);
    return code;
}

/* ---- what links in it point to ---- */

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_link(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* @each of the folders in @path; none where it can not be read. */
static int for_each(const char *path, int (*each)(const char *path, struct err *err),
                    struct err *err)
{
    DIR *dir = opendir(path);
    int code = 0;
    if (dir == NULL) {
        return 0;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL && code == 0; entry = readdir(dir)) {
        CLEANUP(mem_freep) char *inner = mem_printf("%s/%s", path, entry->d_name);
        code = entry->d_name[0] != '.' && is_folder(inner) ? each(inner, err) : 0;
    }
    (void)closedir(dir);
    return code;
}

/* What PostgreSQL has made in a tablespace, "PG_15_202209061"; nothing else there is ours. */
static int empty_version(const char *path, struct err *err)
{
    const char *name = strrchr(path, '/');
    if (name == NULL || strncmp(name, "/PG_", 4) != 0) {
        return 0;
    }
    int code = empty_tree(path, err);
    return code != 0 || rmdir(path) == 0 ? code : err_errno(err, errno, "remove %s", path);
}

static int empty_tablespace(const char *path, struct err *err)
{
    return is_link(path) ? for_each(path, empty_version, err) : 0;
}

/* pg_basebackup wants empty folders there, too. */
static int empty_links(const char *data_dir, struct err *err)
{
    CLEANUP(mem_freep) char *tablespaces = mem_printf("%s/pg_tblspc", data_dir);
    CLEANUP(mem_freep) char *wal = mem_printf("%s/pg_wal", data_dir);
    int code = for_each(tablespaces, empty_tablespace, err);
    return code == 0 && is_link(wal) && is_folder(wal) ? empty_tree(wal, err) : code;
}

int work_empty(const struct pg_setup *setup, struct err *err)
{
    const char *path = setup->files.data_dir;
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return err_errno(err, errno, "make %s", path);
    }
    int code = empty_links(path, err);
    return code != 0 ? code : empty_tree(path, err);
}
