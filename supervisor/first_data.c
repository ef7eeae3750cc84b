/* supervisor/first_data.c - one line: the copy that this node has made for a new cluster, and how.
 */
#include "supervisor/first_data.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "supervisor/pg_file.h"
#include "supervisor/pg_rows.h"

#define RECORDED " recorded for "

static char *path_of(const char *state_dir)
{
    return mem_printf("%s/" FIRST_DATA_FILE, state_dir);
}

static int put(const char *state_dir, const char *word, uint64_t copy, uint64_t epoch,
               struct err *err)
{
    CLEANUP(mem_freep) char *path = path_of(state_dir);
    CLEANUP(buf_close) struct buf text = {0};
    buf_printf(&text, "%s %016" PRIx64, word, copy);
    if (epoch != 0) {
        buf_printf(&text, RECORDED "%" PRIu64, epoch);
    }
    buf_char(&text, '\n');
    return pg_file_put_synced(path, 0600, &text, err);
}

int first_data_put(const char *state_dir, uint64_t copy, struct err *err)
{
    return put(state_dir, "copy", copy, 0, err);
}

int first_data_put_restored(const char *state_dir, uint64_t copy, struct err *err)
{
    return put(state_dir, "restored", copy, 0, err);
}

/* The line is "WORD COPY" and @ret_rest behind it. */
static bool begins(const char *line, const char *word, uint64_t copy, const char **ret_rest)
{
    CLEANUP(mem_freep) char *wanted = mem_printf("%s %016" PRIx64, word, copy);
    size_t size = strlen(wanted);
    *ret_rest = line + size;
    return strncmp(line, wanted, size) == 0;
}

enum first_data first_data_look(const char *state_dir, uint64_t copy, uint64_t *ret_epoch)
{
    CLEANUP(mem_freep) char *path = path_of(state_dir);
    CLEANUP(buf_close) struct buf text = {0};
    const char *rest = NULL;
    *ret_epoch = 0;
    if (copy == 0 || pg_file_read(path, &text, NULL) != 0) {
        return FIRST_DATA_NONE;
    }
    if (begins(buf_text(&text), "copy", copy, &rest)) {
        return strcmp(rest, "\n") == 0 ? FIRST_DATA_MADE : FIRST_DATA_NONE;
    }
    if (!begins(buf_text(&text), "restored", copy, &rest)) {
        return FIRST_DATA_NONE;
    }
    size_t size = strlen(rest);
    char digits[24] = "";
    bool is_line = size > 0 && rest[size - 1] == '\n';
    bool is_recorded = is_line && strncmp(rest, RECORDED, sizeof(RECORDED) - 1) == 0 &&
                       size - sizeof(RECORDED) < sizeof(digits);
    if (is_recorded) {
        memcpy(digits, rest + sizeof(RECORDED) - 1, size - sizeof(RECORDED));
        is_recorded = pg_text_u64(digits, ret_epoch) && *ret_epoch != 0;
    }
    return is_recorded || (is_line && size == 1) ? FIRST_DATA_RESTORED : FIRST_DATA_NONE;
}

int first_data_record(const char *state_dir, uint64_t copy, uint64_t epoch, struct err *err)
{
    uint64_t before = 0;
    bool is_restored = first_data_look(state_dir, copy, &before) == FIRST_DATA_RESTORED;
    return is_restored && before != epoch ? put(state_dir, "restored", copy, epoch, err) : 0;
}

int first_data_settle(const char *state_dir, struct err *err)
{
    CLEANUP(mem_freep) char *path = path_of(state_dir);
    return pg_file_remove(path, err);
}
