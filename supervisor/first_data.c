/* supervisor/first_data.c - one line: the copy that an initdb of this node has made. */
#include "supervisor/first_data.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "supervisor/pg_file.h"

static char *path_of(const char *state_dir)
{
    return mem_printf("%s/" FIRST_DATA_FILE, state_dir);
}

static void print(uint64_t copy, struct buf *out)
{
    buf_printf(out, "copy %016" PRIx64 "\n", copy);
}

int first_data_put(const char *state_dir, uint64_t copy, struct err *err)
{
    CLEANUP(mem_freep) char *path = path_of(state_dir);
    CLEANUP(buf_close) struct buf text = {0};
    print(copy, &text);
    return pg_file_put_synced(path, 0600, &text, err);
}

bool first_data_is(const char *state_dir, uint64_t copy)
{
    CLEANUP(mem_freep) char *path = path_of(state_dir);
    CLEANUP(buf_close) struct buf text = {0};
    CLEANUP(buf_close) struct buf wanted = {0};
    print(copy, &wanted);
    return copy != 0 && pg_file_read(path, &text, NULL) == 0 &&
           strcmp(buf_text(&text), buf_text(&wanted)) == 0;
}

int first_data_settle(const char *state_dir, struct err *err)
{
    CLEANUP(mem_freep) char *path = path_of(state_dir);
    return pg_file_remove(path, err);
}
