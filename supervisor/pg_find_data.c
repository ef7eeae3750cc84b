/* supervisor/pg_find_data.c - what is in a data directory, whose it is, who holds a socket. */
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "supervisor/pg_file.h"
#include "supervisor/pg_find.h"

/* ---- data directories ---- */

/* Whether anything but "lost+found" is in it; < 0: it can not be read. */
static int count_entries(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return -1;
    }
    int count = 0;
    errno = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        const char *name = entry->d_name;
        bool none = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
        count += none || strcmp(name, "lost+found") == 0 ? 0 : 1;
    }
    count = errno != 0 ? -1 : count;
    (void)closedir(dir);
    return count;
}

/* A control file and a version. */
static bool is_data(const char *data_dir, unsigned *ret_major)
{
    CLEANUP(mem_freep) char *version = mem_printf("%s/PG_VERSION", data_dir);
    CLEANUP(mem_freep) char *control = mem_printf("%s/global/pg_control", data_dir);
    CLEANUP(buf_close) struct buf text = {0};
    struct pg_version found = {0};
    if (pg_file_read(version, &text, NULL) != 0 || access(control, F_OK) != 0 ||
        !pg_version_parse(buf_text(&text), &found)) {
        return false;
    }
    *ret_major = found.major;
    return true;
}

int pg_find_dir(const char *data_dir, struct pg_dir_found *ret_found, struct err *err)
{
    struct stat st;
    *ret_found = (struct pg_dir_found){.kind = PG_DIR_UNKNOWN};
    if (stat(data_dir, &st) != 0) {
        if (errno != ENOENT) {
            return err_errno(err, errno, "%s", data_dir);
        }
        ret_found->kind = PG_DIR_MISSING;
        return 0;
    }
    ret_found->owner = st.st_uid;
    ret_found->group = st.st_gid;
    ret_found->is_open = (st.st_mode & (S_IWGRP | S_IRWXO)) != 0;
    if (!S_ISDIR(st.st_mode)) {
        ret_found->kind = PG_DIR_OTHER;
        return 0;
    }
    int count = count_entries(data_dir);
    if (count < 0) {
        return err_errno(err, errno, "%s", data_dir);
    }
    ret_found->kind = count == 0                             ? PG_DIR_EMPTY
                      : is_data(data_dir, &ret_found->major) ? PG_DIR_DATA
                                                             : PG_DIR_OTHER;
    return 0;
}

/* ---- owners ---- */

/* The owner of @path, or of the nearest directory above it that is there. False: it can not be
 * said. */
static bool owner_of(const char *path, bool *ret_is_there, struct stat *ret_stat)
{
    CLEANUP(mem_freep) char *at = mem_strdup(path);
    *ret_is_there = true;
    while (stat(at, ret_stat) != 0) {
        char *slash = strrchr(at, '/');
        if (errno != ENOENT || slash == NULL) {
            return false;
        }
        *ret_is_there = false;
        slash[slash == at ? 1 : 0] = '\0';
    }
    return true;
}

static int set_owner(const struct passwd *user, struct pg_owner *ret_owner)
{
    ret_owner->uid = user->pw_uid;
    ret_owner->gid = user->pw_gid;
    (void)snprintf(ret_owner->name, sizeof(ret_owner->name), "%s", user->pw_name);
    bool has_home = user->pw_dir != NULL && user->pw_dir[0] == '/';
    (void)snprintf(ret_owner->home, sizeof(ret_owner->home), "%s", has_home ? user->pw_dir : "/");
    return 0;
}

int pg_find_owner(const char *data_dir, struct pg_owner *ret_owner, struct err *err)
{
    struct stat st;
    bool is_there = false;
    if (!owner_of(data_dir, &is_there, &st)) {
        return err_errno(err, errno, "%s", data_dir);
    }
    if (is_there && st.st_uid == 0) {
        struct pg_dir_found found;
        int rc = pg_find_dir(data_dir, &found, err);
        if (rc != 0 || found.kind != PG_DIR_EMPTY) {
            return rc != 0 ? rc
                           : err_set(err, ERR_REFUSED,
                                     "%s belongs to root, as whom PostgreSQL does not run; "
                                     "chown -R postgres: %s",
                                     data_dir, data_dir);
        }
    }
    if (st.st_uid != 0) {
        struct passwd *user = getpwuid(st.st_uid);
        if (user != NULL) {
            return set_owner(user, ret_owner);
        }
        *ret_owner = (struct pg_owner){.uid = st.st_uid, .gid = st.st_gid, .home = "/"};
        (void)snprintf(ret_owner->name, sizeof(ret_owner->name), "%u", (unsigned)st.st_uid);
        return 0;
    }
    struct passwd *postgres = getpwnam("postgres");
    if (postgres == NULL || postgres->pw_uid == 0) {
        return err_set(err, ERR_REFUSED,
                       "PostgreSQL does not run as root, and there is no user postgres; start "
                       "pgraftd as the user that is to own %s",
                       data_dir);
    }
    return set_owner(postgres, ret_owner);
}

/* ---- sockets ---- */

/* A lock file has the pid in its first line and the data directory in the second. */
int pg_find_socket_clash(const char *socket_dir, unsigned port, const char *data_dir,
                         struct err *err)
{
    CLEANUP(mem_freep) char *path = mem_printf("%s/.s.PGSQL.%u.lock", socket_dir, port);
    CLEANUP(buf_close) struct buf text = {0};
    int rc = pg_file_read(path, &text, err);
    if (rc != 0) {
        return rc == ERR_NOT_FOUND ? 0 : rc;
    }
    char *rest = NULL;
    long pid = strtol(buf_text(&text), &rest, 10);
    if (rest == NULL || *rest != '\n' || pid <= 1 || (kill((pid_t)pid, 0) != 0 && errno == ESRCH)) {
        return 0;
    }
    rest++;
    rest[strcspn(rest, "\n")] = '\0';
    struct stat ours;
    struct stat theirs;
    bool same = strcmp(rest, data_dir) == 0 ||
                (stat(data_dir, &ours) == 0 && stat(rest, &theirs) == 0 &&
                 ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev);
    if (same) {
        return 0;
    }
    return err_set(err, ERR_LOCKED,
                   "socket %s/.s.PGSQL.%u is held by the PostgreSQL of %s (process %ld); give each "
                   "node its own port, or its own unix_socket_directories",
                   socket_dir, port, rest, pid);
}
