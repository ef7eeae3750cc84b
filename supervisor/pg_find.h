/* supervisor/pg_find.h - where PostgreSQL is, which one, and whose its data directory is.
 *
 * Looks at files, and asks a program for its version (a child with a deadline); for the start of a
 * program and for helpers, never for the loop: a disk that hangs would hold it. */
#ifndef SUPERVISOR_PG_FIND_H_
#define SUPERVISOR_PG_FIND_H_

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* The oldest and the newest that this program knows. */
#define PG_MAJOR_MIN 13
#define PG_MAJOR_MAX 18

struct pg_version {
    unsigned major; /* 15 */
    unsigned minor; /* 20; 0 in "16beta1" */
};

/* "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)", "18beta1", "15". False: none of these. */
bool pg_version_parse(const char *text, struct pg_version *ret_version);
/* 150020, as PostgreSQL counts in server_version_num. */
unsigned pg_version_number(struct pg_version version);

/* What `PROGRAM --version` says. ERR_TIMEOUT: not within @wait_ms. */
int pg_find_program_version(const char *program, unsigned wait_ms, struct pg_version *ret_version,
                            struct err *err);

/* ---- programs ---- */

struct pg_find {
    const char *given;    /* bin_dir of the configuration; NULL: look for it */
    const char *path;     /* $PATH; NULL: only the known places */
    const char *root;     /* what the known places are below; NULL or "": "/" */
    unsigned major;       /* of the data directory; 0: the newest that there is */
    const char *postgres; /* its name if it is another (bin_name), or NULL */
    unsigned wait_ms;     /* for each program that is asked */
};

/* Append the directory that holds postgres, initdb, pg_basebackup and the rest. The places are
 * Debian's /usr/lib/postgresql/N/bin, Red Hat's /usr/pgsql-N/bin, $PATH, /usr/local/pgsql/bin and
 * /usr/bin; the newest major version wins, and among equals the first. ERR_NOT_FOUND names where
 * was looked; ERR_VERSION: what was found is not what the data directory needs. */
int pg_find_bin_dir(const struct pg_find *find, struct buf *out, struct pg_version *ret_version,
                    struct err *err);

/* ---- data directories ---- */

enum pg_dir {
    PG_DIR_UNKNOWN, /* see the error */
    PG_DIR_MISSING, /* it, or the directory above it */
    PG_DIR_EMPTY,
    PG_DIR_DATA,  /* of PostgreSQL: a version and a control file are in it */
    PG_DIR_OTHER, /* other things are in it, and nobody may touch them */
};

struct pg_dir_found {
    enum pg_dir kind;
    unsigned major; /* of PG_DIR_DATA */
    bool is_open;   /* others may look into it: PostgreSQL refuses to start */
    uid_t owner;    /* unless missing */
    gid_t group;
};

/* Returns an error for PG_DIR_UNKNOWN only. */
int pg_find_dir(const char *data_dir, struct pg_dir_found *ret_found, struct err *err);

struct pg_owner {
    uid_t uid;
    gid_t gid;
    char name[64];
    char home[256]; /* "/": nobody knows of one */
};

/* Who has to run PostgreSQL: the owner of @data_dir, or where there is none yet of the directory
 * above it, unless that is root; else the user "postgres". ERR_REFUSED says what to do: the data
 * belongs to root, or there is no such user. */
int pg_find_owner(const char *data_dir, struct pg_owner *ret_owner, struct err *err);

/* ---- sockets ---- */

/* Does a living PostgreSQL of another data directory hold the socket of @port in @socket_dir?
 * ERR_LOCKED names it. */
int pg_find_socket_clash(const char *socket_dir, unsigned port, const char *data_dir,
                         struct err *err);

#endif /* SUPERVISOR_PG_FIND_H_ */
