/* supervisor/pg_lock.c - see pg_lock.h.
 *
 * Both kinds of file have the number of the postmaster in their first line and the data directory
 * in the second. A process that has ended and that nobody has waited for works nowhere: it counts
 * as gone, though kill() finds it. */
#include "supervisor/pg_lock.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "supervisor/pg_file.h"

#define DEFAULT_DIRS "/var/run/postgresql,/tmp"

static bool is_same_dir(const char *a, const char *b)
{
    struct stat one;
    struct stat other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

/* It works in @data_dir, as every process of its PostgreSQL does. */
static bool works_in(long pid, const char *data_dir)
{
    CLEANUP(mem_freep) char *place = mem_printf("/proc/%ld/cwd", pid);
    return is_same_dir(place, data_dir);
}

int pg_lock_clear(const char *path, const char *data_dir, struct err *err)
{
    CLEANUP(buf_close) struct buf text = {0};
    char *rest = NULL;
    int rc = pg_file_read(path, &text, err);
    if (rc != 0) {
        return rc == ERR_NOT_FOUND ? 0 : rc;
    }
    long pid = strtol(buf_text(&text), &rest, 10);
    if (*rest != '\n') {
        return 0; /* it says nothing: PostgreSQL says what it makes of that */
    }
    rest++;
    rest[strcspn(rest, "\n")] = '\0';
    bool is_stale = is_same_dir(rest, data_dir) && !works_in(pid, data_dir);
    return is_stale ? pg_file_remove(path, err) : 0;
}

int pg_lock_clear_sockets(const char *socket_dirs, unsigned port, const char *data_dir,
                          struct err *err)
{
    static const char between[] = ", ";
    int rc = 0;
    for (const char *at = socket_dirs != NULL ? socket_dirs : DEFAULT_DIRS; rc == 0;) {
        at += strspn(at, between);
        int size = (int)strcspn(at, between);
        if (size == 0) {
            break;
        }
        CLEANUP(mem_freep) char *path = mem_printf("%.*s/.s.PGSQL.%u.lock", size, at, port);
        rc = *at == '@' ? 0 : pg_lock_clear(path, data_dir, err); /* '@': no file */
        at += size;
    }
    return rc;
}
