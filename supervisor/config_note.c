/* supervisor/config_note.c - "revision 12 seen 15 size 48 sum 1a2b3c4d", and then the value. */
#include "supervisor/config_note.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "supervisor/pg_file.h"

#define HEAD "revision %" PRIu64 " seen %" PRIu64 " size %zu sum %08" PRIx32 "\n"

static char *path_of(const char *state_dir)
{
    return mem_printf("%s/" CONFIG_NOTE_FILE, state_dir);
}

static void print(const struct config_note *note, struct buf *out)
{
    const uint64_t numbers[] = {note->revision, note->seen};
    uint32_t sum = crc32c(numbers, sizeof(numbers));
    sum = crc32c_extend(sum, buf_text(&note->text), note->text.size);
    buf_printf(out, HEAD, note->revision, note->seen, note->text.size, sum);
    buf_append(out, buf_text(&note->text), note->text.size);
}

void config_note_close(struct config_note *note)
{
    buf_close(&note->text);
    memset(note, 0, sizeof(*note));
}

/* What was printed is the file again: nothing in it is another. */
static bool parse(const struct buf *bytes, struct config_note *note)
{
    CLEANUP(buf_close) struct buf again = {0};
    const char *text = buf_text(bytes);
    const char *end = strchr(text, '\n');
    unsigned long long revision = 0;
    unsigned long long seen = 0;
    /* NOLINTNEXTLINE(cert-err34-c): what it makes of a number is printed again and compared */
    if (end == NULL || sscanf(text, "revision %20llu seen %20llu ", &revision, &seen) != 2) {
        return false;
    }
    note->revision = revision;
    note->seen = seen;
    size_t head = (size_t)(end + 1 - text);
    buf_append(&note->text, end + 1, bytes->size - head);
    print(note, &again);
    return again.size == bytes->size && memcmp(buf_text(&again), text, again.size) == 0;
}

int config_note_read(const char *state_dir, struct config_note *note, struct err *err)
{
    CLEANUP(mem_freep) char *path = path_of(state_dir);
    CLEANUP(buf_close) struct buf bytes = {0};
    memset(note, 0, sizeof(*note));
    int code = pg_file_read(path, &bytes, err);
    if (code == ERR_NOT_FOUND) {
        return 0;
    }
    if (code == 0 && !parse(&bytes, note)) {
        config_note_close(note);
        return err_set(err, ERR_CORRUPT, "%s: damaged", path);
    }
    return code;
}

int config_note_write(const char *state_dir, const struct config_note *note, struct err *err)
{
    CLEANUP(mem_freep) char *path = path_of(state_dir);
    CLEANUP(buf_close) struct buf bytes = {0};
    print(note, &bytes);
    return pg_file_put_synced(path, 0600, &bytes, err);
}

bool config_note_fits(const struct config_note *note, uint64_t revision)
{
    return note->revision != 0 && note->seen == revision;
}
