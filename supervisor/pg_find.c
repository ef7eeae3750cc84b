/* supervisor/pg_find.c - the places where distributions put PostgreSQL, and its versions. */
#include "supervisor/pg_find.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/pg_ask.h"

/* --- Versions --- */

bool pg_version_parse(const char *text, struct pg_version *ret_version)
{
    static const char head[] = "(PostgreSQL) ";
    const char *at = strstr(text, head);
    at = at != NULL ? at + sizeof(head) - 1 : text;
    if (!isdigit((unsigned char)at[0])) {
        return false;
    }
    char *end = NULL;
    unsigned long major = strtoul(at, &end, 10);
    unsigned long minor = 0;
    if (end[0] == '.' && isdigit((unsigned char)end[1])) {
        minor = strtoul(end + 1, NULL, 10);
    }
    if (major < 8 || major > 999 || minor > 9999) {
        return false;
    }
    *ret_version = (struct pg_version){.major = (unsigned)major, .minor = (unsigned)minor};
    return true;
}

unsigned pg_version_number(struct pg_version version)
{
    return version.major * 10000 + version.minor;
}

int pg_find_program_version(const char *program, unsigned wait_ms, struct pg_version *ret_version,
                            struct err *err)
{
    char option[] = "--version";
    CLEANUP(mem_freep) char *name = mem_strdup(program);
    char *const words[] = {name, option, NULL};
    CLEANUP(buf_close) struct buf text = {0};
    int rc = pg_ask(words, wait_ms, &text, err);
    if (rc == ERR_SYSTEM || (rc == 0 && !pg_version_parse(buf_text(&text), ret_version))) {
        return err_set(err, ERR_VERSION, "%s --version: this is no PostgreSQL", program);
    }
    return rc;
}

/* --- Places --- */

struct hunt {
    const struct pg_find *find;
    struct buf *best; /* empty: nothing fits yet */
    struct pg_version version;
    struct pg_version other; /* the newest that does not fit; major 0: none */
    struct buf looked;
};

static const char *program_name(const struct pg_find *find)
{
    return find->postgres != NULL ? find->postgres : "postgres";
}

static void look_in(struct hunt *hunt, const char *dir)
{
    CLEANUP(mem_freep) char *program = mem_printf("%s/%s", dir, program_name(hunt->find));
    struct pg_version version = {0};
    if (access(program, X_OK) != 0 ||
        pg_find_program_version(program, hunt->find->wait_ms, &version, NULL) != 0) {
        return;
    }
    bool fits = hunt->find->major != 0
                    ? version.major == hunt->find->major
                    : version.major >= PG_MAJOR_MIN && version.major <= PG_MAJOR_MAX;
    if (!fits) {
        hunt->other = version.major > hunt->other.major ? version : hunt->other;
    } else if (hunt->best->size == 0 || version.major > hunt->version.major) {
        buf_clear(hunt->best);
        buf_str(hunt->best, dir);
        hunt->version = version;
    }
}

/* All PARENT/PREFIXnTAIL with a number n. */
static void look_in_numbered(struct hunt *hunt, const char *parent, const char *prefix,
                             const char *tail)
{
    const char *root = hunt->find->root != NULL ? hunt->find->root : "";
    CLEANUP(mem_freep) char *folder = mem_printf("%s%s", root, parent);
    struct dirent **names = NULL;
    int count = scandir(folder, &names, NULL, versionsort);
    buf_printf(&hunt->looked, "%s%s/%sN%s", hunt->looked.size > 0 ? ", " : "", folder, prefix,
               tail);
    for (int i = count - 1; i >= 0; i--) {
        const char *name = names[i]->d_name;
        size_t size = strlen(prefix);
        if (strncmp(name, prefix, size) == 0 && isdigit((unsigned char)name[size])) {
            CLEANUP(mem_freep) char *dir = mem_printf("%s/%s%s", folder, name, tail);
            look_in(hunt, dir);
        }
        mem_free(names[i]);
    }
    mem_free(names);
}

static void look_along(struct hunt *hunt, const char *path)
{
    while (path != NULL && *path != '\0') {
        size_t size = strcspn(path, ":");
        CLEANUP(mem_freep) char *dir = mem_printf("%.*s", (int)size, path);
        if (dir[0] == '/') {
            look_in(hunt, dir);
        }
        path += size + (path[size] == ':' ? 1 : 0);
    }
}

static void look_everywhere(struct hunt *hunt)
{
    static const char *const plain[] = {"/usr/local/pgsql/bin", "/usr/bin"};
    const char *root = hunt->find->root != NULL ? hunt->find->root : "";
    look_in_numbered(hunt, "/usr/lib/postgresql", "", "/bin");
    look_in_numbered(hunt, "/usr", "pgsql-", "/bin");
    buf_str(&hunt->looked, hunt->find->path != NULL ? ", $PATH" : "");
    look_along(hunt, hunt->find->path);
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        CLEANUP(mem_freep) char *dir = mem_printf("%s%s", root, plain[i]);
        buf_printf(&hunt->looked, ", %s", dir);
        look_in(hunt, dir);
    }
}

static int tell(const struct hunt *hunt, struct err *err)
{
    const struct pg_find *find = hunt->find;
    const char *where = find->given != NULL ? find->given : buf_text(&hunt->looked);
    if (hunt->other.major != 0 && find->major != 0) {
        return err_set(err, ERR_VERSION,
                       "the data directory is of PostgreSQL %u; install postgresql-%u or set "
                       "postgresql.bin_dir: only %u is in %s",
                       find->major, find->major, hunt->other.major, where);
    }
    if (hunt->other.major != 0) {
        return err_set(err, ERR_VERSION,
                       "PostgreSQL %u is not known to this program, %d to %d are; looked in %s",
                       hunt->other.major, PG_MAJOR_MIN, PG_MAJOR_MAX, where);
    }
    return err_set(err, ERR_NOT_FOUND,
                   "no %s is found; install PostgreSQL or set postgresql.bin_dir; looked in %s",
                   program_name(find), where);
}

int pg_find_bin_dir(const struct pg_find *find, struct buf *out, struct pg_version *ret_version,
                    struct err *err)
{
    CLEANUP(buf_close) struct buf best = {0};
    struct hunt hunt = {.find = find, .best = &best};
    if (find->given != NULL) {
        look_in(&hunt, find->given);
    } else {
        look_everywhere(&hunt);
    }
    int rc = best.size > 0 ? 0 : tell(&hunt, err);
    if (rc == 0) {
        buf_str(out, buf_text(&best));
        *ret_version = hunt.version;
    }
    buf_close(&hunt.looked);
    return rc;
}
