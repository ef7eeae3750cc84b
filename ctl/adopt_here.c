/* ctl/adopt_here.c - files alone: no program is asked.
 *
 * Patroni's unit counts as a starter as the distribution's do: it and pgraftd would start one
 * PostgreSQL at the next boot, and one of them knows of no lease (safety B3). Debian has
 * patroni.service, and patroni@NAME.service for the file NAME.yml. */
#include "ctl/adopt_here.h"

#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "ctl/file_put.h"
#include "supervisor/autostart.h"
#include "supervisor/pg_find.h"
#include "supervisor/pg_note.h"

#define PID_FILE_MAX 4096

static bool is_there(const char *path)
{
    struct stat st;
    return path != NULL && lstat(path, &st) == 0;
}

/* Its first line is the postmaster's process; one that is not ours to signal lives, too. */
static bool is_running(const char *data_dir)
{
    CLEANUP(mem_freep) char *path = mem_printf("%s/postmaster.pid", data_dir);
    CLEANUP(buf_close) struct buf text = {0};
    if (file_get(path, PID_FILE_MAX, &text, NULL) != 0) {
        return false;
    }
    long pid = strtol(buf_text(&text), NULL, 10);
    return pid > 1 && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

static bool is_enabled(const char *root, const char *unit)
{
    glob_t found = {.gl_pathc = 0};
    CLEANUP(mem_freep)
    char *pattern = mem_printf("%s/etc/systemd/system/*.wants/%s", root != NULL ? root : "", unit);
    bool is_one = glob(pattern, GLOB_NOSORT, NULL, &found) == 0;
    globfree(&found);
    return is_one;
}

static void look_at_units(const struct adopt_places *p, struct buf *out)
{
    const char *slash = strrchr(p->file, '/');
    const char *name = slash != NULL ? slash + 1 : p->file;
    CLEANUP(mem_freep)
    char *own = mem_printf("patroni@%.*s.service", (int)strcspn(name, "."), name);
    const char *const units[] = {"patroni.service", own};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (out->size == 0 && is_enabled(p->root, units[i])) {
            buf_printf(out,
                       "%s starts Patroni at boot: systemctl disable %s, which leaves it running",
                       units[i], units[i]);
        }
    }
}

void adopt_look(const struct adopt_places *p, struct adopt_here *out)
{
    struct pg_dir_found found = {.kind = PG_DIR_UNKNOWN};
    struct err err = {0};
    *out = (struct adopt_here){.has_secret = is_there(p->secret_file),
                               .has_output = is_there(p->output)};
    look_at_units(p, &out->starter);
    if (p->data_dir == NULL) {
        buf_str(&out->why, "postgresql.data_dir is not set");
        return;
    }
    if (pg_find_dir(p->data_dir, &found, &err) != 0) {
        buf_str(&out->why, err.msg);
        return;
    }
    out->is_data = found.kind == PG_DIR_DATA;
    if (!out->is_data) {
        buf_printf(&out->why, "%s: %s", p->data_dir,
                   found.kind == PG_DIR_OTHER ? "other things than a PostgreSQL are in it"
                                              : "no PostgreSQL is in it");
        return;
    }
    CLEANUP(mem_freep) char *note = mem_printf("%s/" PG_NOTE_FILE, p->data_dir);
    out->is_noted = is_there(note);
    out->runs = is_running(p->data_dir);
    if (out->starter.size == 0) {
        (void)autostart_find(p->root, p->data_dir, &out->starter);
    }
}

void adopt_here_close(struct adopt_here *here)
{
    buf_close(&here->starter);
    buf_close(&here->why);
}
