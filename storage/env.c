/* storage/env.c - open, lock, check, close. */
#include "storage/env.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "storage/lmdb_err.h"
#include "storage/verify.h"

#define LAYOUT 1
#define VERSION_TEXT "pgraft store "
/* Tables, then the first ledger: more were committed to stores only. */
#define TRANSACTIONS_TO_MAKE 2
_Static_assert(sizeof(size_t) == 8, "the map needs 64 bits of address space");

/* Our names, and what a fresh filesystem brings along. */
static bool is_ours(const char *name)
{
    static const char *const names[] = {".",        "..",       "LOCK",        "VERSION",
                                        "data.mdb", "lock.mdb", "VERSION.new", "lost+found"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void closedirp(DIR **dir)
{
    if (*dir != NULL) {
        (void)closedir(*dir); /* read only */
    }
}

/* A directory that is to become a store must be empty, but for what a crash left of one that was
 * being made: that has a LOCK, which comes before the database. */
static int refuse_foreign(const struct env *env, const char *path, struct err *err)
{
    int fd = openat(env->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(closedirp) DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        return err_errno(err, errno, "read %s", path);
    }
    const struct dirent *entry = NULL;
    bool has_lock = false;
    bool has_database = false;
    while ((entry = readdir(dir)) != NULL) {
        has_lock = has_lock || strcmp(entry->d_name, "LOCK") == 0;
        has_database = has_database || strstr(entry->d_name, ".mdb") != NULL;
        if (!is_ours(entry->d_name)) {
            return err_set(err, ERR_REFUSED,
                           "%s has a file \"%s\" and no VERSION: not a store; give an empty one",
                           path, entry->d_name);
        }
    }
    if (has_database && !has_lock) {
        return err_set(err, ERR_REFUSED,
                       "%s has an LMDB database of something else: not a store; give an empty one",
                       path);
    }
    return 0;
}

static int sync_fd(int fd, const char *what, struct err *err)
{
    return fsync(fd) != 0 ? err_errno(err, errno, "sync %s", what) : 0;
}

/* Make it if it is not there, so that a crash does not lose its name. */
static int open_directory(struct env *env, const char *path, struct err *err)
{
    bool made = mkdir(path, 0700) == 0;
    if (!made && errno != EEXIST) {
        return err_errno(err, errno, "make %s", path);
    }
    env->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (env->dir_fd < 0) {
        return err_errno(err, errno, "open %s", path);
    }
    if (!made) {
        return 0;
    }
    CLEANUP(closep) int parent = openat(env->dir_fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0) {
        return err_errno(err, errno, "open the directory above %s", path);
    }
    return sync_fd(parent, "the directory above the store", err);
}

/* The layout's number; 0 if there is no VERSION. */
static int read_version(const struct env *env, const char *path, long *ret_layout, struct err *err)
{
    CLEANUP(closep) int fd = openat(env->dir_fd, "VERSION", O_RDONLY | O_CLOEXEC);
    *ret_layout = 0;
    if (fd < 0) {
        return errno == ENOENT ? 0 : err_errno(err, errno, "open %s/VERSION", path);
    }
    char text[64];
    ssize_t got = read(fd, text, sizeof(text) - 1);
    if (got < 0) {
        return err_errno(err, errno, "read %s/VERSION", path);
    }
    text[got] = '\0';
    if (strncmp(text, VERSION_TEXT, strlen(VERSION_TEXT)) == 0) {
        *ret_layout = strtol(text + strlen(VERSION_TEXT), NULL, 10);
    }
    if (*ret_layout < 1) {
        return err_set(err, ERR_REFUSED, "%s/VERSION is not that of a store", path);
    }
    if (*ret_layout > LAYOUT) {
        return err_set(err, ERR_VERSION,
                       "%s was written by a newer version (layout %ld, this one knows %d)", path,
                       *ret_layout, LAYOUT);
    }
    return 0;
}

static int write_all(int fd, const char *text, struct err *err)
{
    size_t size = strlen(text);
    ssize_t wrote = write(fd, text, size);
    if (wrote != (ssize_t)size) {
        return err_errno(err, wrote < 0 ? errno : ENOSPC, "write");
    }
    return 0;
}

/* Hold LOCK for as long as the process lives or the store is open. */
static int lock(struct env *env, const char *path, struct err *err)
{
    env->lock_fd = openat(env->dir_fd, "LOCK", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (env->lock_fd < 0) {
        return err_errno(err, errno, "open %s/LOCK", path);
    }
    char pid[32] = "";
    if (flock(env->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) {
            return err_errno(err, errno, "lock %s", path);
        }
        ssize_t got = pread(env->lock_fd, pid, sizeof(pid) - 1, 0);
        pid[got > 0 ? got : 0] = '\0';
        pid[strcspn(pid, "\n")] = '\0';
        return err_set(err, ERR_LOCKED, "%s is in use by process %s", path,
                       pid[0] != '\0' ? pid : "(unknown)");
    }
    (void)snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    if (ftruncate(env->lock_fd, 0) != 0) {
        return err_errno(err, errno, "write %s/LOCK", path);
    }
    int r = write_all(env->lock_fd, pid, err);
    if (r != 0) {
        err_wrap(err, "%s/LOCK", path);
    }
    return r;
}

/* Nobody else may look at, or put in place, what decides about votes. */
static int check_mode(const struct env *env, const char *path, bool is_store, struct err *err)
{
    struct stat st;
    if (fstat(env->dir_fd, &st) != 0) {
        return err_errno(err, errno, "look at %s", path);
    }
    if ((st.st_mode & 077) == 0) {
        return 0;
    }
    if (!is_store) {
        return fchmod(env->dir_fd, 0700) != 0 ? err_errno(err, errno, "chmod %s", path) : 0;
    }
    return err_set(err, ERR_REFUSED, "%s is open to others (mode %03o); run: chmod 0700 %s", path,
                   (unsigned)st.st_mode & 0777u, path);
}

/* What a crash left of a store that was being made, and nothing else, goes away. */
static int clear_unfinished(const struct env *env, const char *path, struct err *err)
{
    CLEANUP(closep) int fd = openat(env->dir_fd, "data.mdb", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? 0 : err_errno(err, errno, "open %s/data.mdb", path);
    }
    uint64_t transaction = 0;
    int r = verify_newest(fd, &transaction, err);
    if (r != 0 || transaction > TRANSACTIONS_TO_MAKE) {
        return err_set(err, ERR_REFUSED, "%s has a data.mdb and no VERSION: not a store", path);
    }
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (unlinkat(env->dir_fd, names[i], 0) != 0 && errno != ENOENT) {
            return err_errno(err, errno, "remove %s/%s", path, names[i]);
        }
    }
    return 0;
}

static int verify(const struct env *env, const char *path, struct err *err)
{
    CLEANUP(closep) int fd = openat(env->dir_fd, "data.mdb", O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        return err_set(err, ERR_CORRUPT, "%s/data.mdb is gone", path);
    }
    if (fd < 0) {
        return err_errno(err, errno, "open %s/data.mdb", path);
    }
    int r = verify_file(fd, NULL, err);
    if (r == ERR_REFUSED && err != NULL) {
        err->code = ERR_CORRUPT; /* VERSION says that it was ours */
    }
    return r == ERR_REFUSED ? ERR_CORRUPT : r;
}

static int open_tables(struct env *env, struct err *err)
{
    static const char *const names[] = {
        [TABLE_META] = "meta", [TABLE_LOG] = "log", [TABLE_STATE] = "state"};
    CLEANUP(env_abortp) MDB_txn *txn = NULL;
    int r = env_begin(env, env->is_new, &txn, err);
    for (size_t i = 0; r == 0 && i < TABLE_COUNT; i++) {
        int rc = mdb_dbi_open(txn, names[i], env->is_new ? MDB_CREATE : 0, &env->tables[i]);
        if (rc == MDB_NOTFOUND) {
            r = err_set(err, ERR_CORRUPT, "table \"%s\" is missing", names[i]);
        } else if (rc != 0) {
            r = err_lmdb(err, rc, "open table \"%s\"", names[i]);
        }
    }
    return r == 0 ? env_commit(TAKE(txn), err) : r;
}

static int open_lmdb(struct env *env, const char *path, struct err *err)
{
    int rc = mdb_env_create(&env->mdb);
    rc = rc == 0 ? mdb_env_set_mapsize(env->mdb, ENV_MAP_SIZE) : rc;
    rc = rc == 0 ? mdb_env_set_maxreaders(env->mdb, ENV_READERS_MAX) : rc;
    rc = rc == 0 ? mdb_env_set_maxdbs(env->mdb, TABLE_COUNT) : rc;
    rc = rc == 0 ? mdb_env_open(env->mdb, path, MDB_NOTLS, 0600) : rc;
    rc = rc == 0 ? mdb_env_get_fd(env->mdb, &env->fd) : rc;
    if (rc != 0) {
        return err_lmdb(err, rc, "open the environment in %s", path);
    }
    /* The only descriptor of LMDB 0.9 that programs started by this one would get to see. */
    int flags = fcntl(env->fd, F_GETFD);
    if (flags < 0 || fcntl(env->fd, F_SETFD, flags | FD_CLOEXEC) != 0) {
        return err_errno(err, errno, "set close-on-exec");
    }
    MDB_stat stat;
    rc = mdb_env_stat(env->mdb, &stat);
    if (rc != 0) {
        return err_lmdb(err, rc, "look at the environment");
    }
    env->page_size = stat.ms_psize;
    return open_tables(env, err);
}

static int open_steps(struct env *env, const char *path, const char *machine_id_path,
                      struct err *err)
{
    int r = open_directory(env, path, err);
    long layout = 0;
    if (r == 0) {
        r = read_version(env, path, &layout, err);
    }
    if (r == 0 && layout == 0) {
        r = refuse_foreign(env, path, err);
    }
    if (r == 0) {
        r = check_mode(env, path, layout != 0, err);
    }
    if (r == 0) {
        r = lock(env, path, err);
    }
    if (r == 0 && layout == 0) {
        r = sync_fd(env->dir_fd, "the store's directory",
                    err); /* LOCK says that the rest is ours */
    }
    if (r == 0) {
        r = read_version(env, path, &layout, err); /* again: now nobody changes it */
    }
    env->is_new = layout == 0;
    if (r == 0) {
        r = env->is_new ? clear_unfinished(env, path, err) : verify(env, path, err);
    }
    if (r == 0) {
        r = open_lmdb(env, path, err);
    }
    return r == 0 ? origin_read(&env->origin, env->fd, machine_id_path, err) : r;
}

int env_open(struct env *env, const char *path, const char *machine_id_path, struct err *err)
{
    *env = (struct env){.dir_fd = -1, .lock_fd = -1, .fd = -1, .oldest_reader = UINT64_MAX};
    int r = open_steps(env, path, machine_id_path, err);
    if (r != 0) {
        env_close(env);
    }
    return r;
}

int env_finish(struct env *env, struct err *err)
{
    MUST(env->is_new);
    char text[64];
    (void)snprintf(text, sizeof(text), VERSION_TEXT "%d\n", LAYOUT);
    CLEANUP(closep)
    int fd = openat(env->dir_fd, "VERSION.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_errno(err, errno, "make VERSION");
    }
    int r = write_all(fd, text, err);
    if (r == 0) {
        r = sync_fd(fd, "VERSION", err);
    }
    if (r == 0 && renameat(env->dir_fd, "VERSION.new", env->dir_fd, "VERSION") != 0) {
        r = err_errno(err, errno, "rename VERSION");
    }
    if (r == 0) {
        r = sync_fd(env->dir_fd, "the store's directory", err);
    }
    env->is_new = r != 0;
    return r;
}

void env_close(struct env *env)
{
    if (env->mdb != NULL) {
        mdb_env_close(env->mdb);
        env->mdb = NULL;
    }
    if (env->lock_fd >= 0) {
        /* A child between its fork() and its exec() has the file open, too, and would hold it. */
        (void)flock(env->lock_fd, LOCK_UN);
    }
    closep(&env->lock_fd);
    closep(&env->dir_fd);
}

int env_begin(struct env *env, bool is_write, MDB_txn **ret_txn, struct err *err)
{
    int rc = mdb_txn_begin(env->mdb, NULL, is_write ? 0 : MDB_RDONLY, ret_txn);
    return rc != 0 ? err_lmdb(err, rc, "begin a transaction") : 0;
}

int env_commit(MDB_txn *txn, struct err *err)
{
    int rc = mdb_txn_commit(txn);
    return rc != 0 ? err_lmdb(err, rc, "commit") : 0;
}

void env_abortp(MDB_txn **txn)
{
    if (*txn != NULL) {
        mdb_txn_abort(*txn);
        *txn = NULL;
    }
}

int env_table(const struct env *env, MDB_txn *txn, enum env_table which, struct table *table,
              struct err *err)
{
    static const char letters[] = {[TABLE_META] = 'm', [TABLE_LOG] = 'l', [TABLE_STATE] = 's'};
    return table_open(table, txn, env->tables[which], letters[which], env->page_size, err);
}
