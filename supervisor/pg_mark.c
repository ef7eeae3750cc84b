/* supervisor/pg_mark.c - the mark of a clone, rewind or initdb that was begun: three lines outside
 * of the data directory. Whatever the file holds, that it is there says that the data is not
 * sound. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/pg_file.h"
#include "supervisor/pg_note.h"

static const char *const works[] = {
    [PG_MARK_NONE] = "none",
    [PG_MARK_INITDB] = "initdb",
    [PG_MARK_CLONE] = "clone",
    [PG_MARK_REWIND] = "rewind",
};

const char *pg_mark_text(enum pg_mark_work work)
{
    MUST((size_t)work < ARRAY_LEN(works));
    return works[work];
}

/* @inner is @outer or below it. */
static bool is_within(const char *inner, const char *outer)
{
    size_t size = strlen(outer);
    while (size > 1 && outer[size - 1] == '/') {
        size--;
    }
    return strncmp(inner, outer, size) == 0 && (inner[size] == '\0' || inner[size] == '/');
}

/* The rest of the line at @text that begins with @key; NULL: it does not. */
static const char *value_of(const char *text, const char *key)
{
    size_t size = strlen(key);
    return strncmp(text, key, size) == 0 ? text + size : NULL;
}

static const char *next_line(const char *text)
{
    size_t size = strcspn(text, "\n");
    return text + size + (text[size] == '\n' ? 1 : 0);
}

/* "work clone\nattempts 2\ndata_dir /path\n"; the path comes last, for it may hold anything. */
static bool parse(const char *text, struct pg_mark *out)
{
    const char *work = value_of(text, "work ");
    const char *attempts = value_of(next_line(text), "attempts ");
    const char *data_dir = value_of(next_line(next_line(text)), "data_dir ");
    if (work == NULL || attempts == NULL || data_dir == NULL) {
        return false;
    }
    for (size_t i = PG_MARK_INITDB; i < ARRAY_LEN(works); i++) {
        size_t size = strlen(works[i]);
        bool same = strncmp(work, works[i], size) == 0 && work[size] == '\n';
        out->work = same ? (enum pg_mark_work)i : out->work;
    }
    char *end = NULL;
    out->attempts = strtoull(attempts, &end, 10);
    size_t size = strlen(data_dir);
    if (*end != '\n' || size < 2 || size > sizeof(out->data_dir) || data_dir[size - 1] != '\n') {
        return false;
    }
    (void)snprintf(out->data_dir, sizeof(out->data_dir), "%.*s", (int)size - 1, data_dir);
    return out->work != PG_MARK_NONE;
}

int pg_mark_read(const char *state_dir, struct pg_mark *ret_mark, struct err *err)
{
    CLEANUP(mem_freep) char *path = mem_printf("%s/" PG_MARK_FILE, state_dir);
    CLEANUP(buf_close) struct buf text = {0};
    *ret_mark = (struct pg_mark){.work = PG_MARK_NONE};
    int rc = pg_file_read(path, &text, err);
    if (rc == ERR_NOT_FOUND) {
        return 0;
    }
    if (rc != 0 && rc != ERR_TOO_LARGE && rc != ERR_REFUSED) {
        return rc;
    }
    if (rc != 0 || !parse(buf_text(&text), ret_mark)) {
        *ret_mark = (struct pg_mark){.work = PG_MARK_CLONE, .attempts = 1};
    }
    return 0;
}

int pg_mark_set(const char *state_dir, const char *data_dir, enum pg_mark_work work,
                struct err *err)
{
    MUST(work != PG_MARK_NONE);
    if (is_within(state_dir, data_dir)) {
        return err_set(
            err, ERR_REFUSED,
            "raft.data_dir, %s, is inside of postgresql.data_dir, %s: what is known of a "
            "copy must outlive it",
            state_dir, data_dir);
    }
    if (strlen(data_dir) >= PG_MARK_PATH_SIZE) {
        return err_set(err, ERR_TOO_LARGE, "%.40s...: a longer path than %d bytes", data_dir,
                       PG_MARK_PATH_SIZE - 1);
    }
    struct pg_mark old;
    int rc = pg_mark_read(state_dir, &old, err);
    if (rc != 0) {
        return rc;
    }
    CLEANUP(mem_freep) char *path = mem_printf("%s/" PG_MARK_FILE, state_dir);
    CLEANUP(buf_close) struct buf text = {0};
    buf_printf(&text, "work %s\nattempts %" PRIu64 "\ndata_dir %s\n", pg_mark_text(work),
               old.work == work ? old.attempts + 1 : 1, data_dir);
    return pg_file_put_synced(path, 0600, &text, err);
}

int pg_mark_clear(const char *state_dir, struct err *err)
{
    CLEANUP(mem_freep) char *path = mem_printf("%s/" PG_MARK_FILE, state_dir);
    return pg_file_remove(path, err);
}
