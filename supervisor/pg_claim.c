/* supervisor/pg_claim.c - history files that say nothing, written and taken away. */
#include "supervisor/pg_claim.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "supervisor/pg_file.h"

#define CLAIM "# never begun: pgraft\n"
#define DIGITS 8

static char *path_of(const char *data_dir, uint32_t timeline)
{
    return mem_printf("%s/pg_wal/%08X.history", data_dir, (unsigned)timeline);
}

int pg_claim_put(const char *data_dir, uint32_t first, uint32_t end, struct err *err)
{
    CLEANUP(buf_close) struct buf text = {0};
    buf_str(&text, CLAIM);
    int code = 0;
    for (uint32_t t = first; t < end && code == 0; t++) {
        CLEANUP(mem_freep) char *path = path_of(data_dir, t);
        code = access(path, F_OK) == 0 ? 0 : pg_file_put_synced(path, 0600, &text, err);
    }
    return code;
}

/* The timeline of a history file, 0: it is none. */
static uint32_t timeline_of(const char *name)
{
    if (strspn(name, "0123456789ABCDEF") != DIGITS || strcmp(name + DIGITS, ".history") != 0) {
        return 0;
    }
    return (uint32_t)strtoul(name, NULL, 16);
}

static bool is_claim(const char *data_dir, uint32_t timeline)
{
    CLEANUP(mem_freep) char *path = path_of(data_dir, timeline);
    CLEANUP(buf_close) struct buf text = {0};
    return pg_file_read(path, &text, NULL) == 0 && strcmp(buf_text(&text), CLAIM) == 0;
}

/* For each claim above @above, or for each history file that is none if @above is NULL. */
static int each(const char *data_dir, const uint32_t *above, uint32_t *ret_highest, struct err *err)
{
    CLEANUP(mem_freep) char *wal = mem_printf("%s/pg_wal", data_dir);
    DIR *dir = opendir(wal);
    int code = 0;
    if (dir == NULL) {
        return errno == ENOENT ? 0 : err_errno(err, errno, "%s", wal);
    }
    for (struct dirent *entry = readdir(dir); entry != NULL && code == 0; entry = readdir(dir)) {
        uint32_t timeline = timeline_of(entry->d_name);
        bool is_claimed = timeline != 0 && is_claim(data_dir, timeline);
        if (above == NULL && !is_claimed && timeline > *ret_highest) {
            *ret_highest = timeline;
        } else if (above != NULL && is_claimed && timeline > *above) {
            CLEANUP(mem_freep) char *path = path_of(data_dir, timeline);
            code = pg_file_remove(path, err);
        }
    }
    (void)closedir(dir);
    return code;
}

int pg_claim_clear(const char *data_dir, uint32_t timeline, struct err *err)
{
    uint32_t highest = timeline;
    int code = each(data_dir, NULL, &highest, err);
    return code != 0 ? code : each(data_dir, &highest, NULL, err);
}
