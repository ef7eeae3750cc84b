/* supervisor/restart_note.c - "at 2026-12-01T04:00:00+01:00 role replica version - pending 0 ...
 * sum 1a2b3c4d", one line. */
#include "supervisor/restart_note.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "supervisor/pg_file.h"

#define NONE "-"
#define WORDS "at %s role %s version %s pending %d timeout %" PRIu64 " started %" PRIu64

static char *path_of(const char *state_dir)
{
    return mem_printf("%s/" RESTART_NOTE_FILE, state_dir);
}

static const char *word(const char *text)
{
    return text[0] != '\0' ? text : NONE;
}

static void print(const struct restart_later *later, struct buf *out)
{
    const struct restart_order *order = &later->order;
    buf_printf(out, WORDS, word(order->at), word(order->role), word(order->version),
               order->only_pending ? 1 : 0, order->timeout_ms, later->started_us);
    buf_printf(out, " sum %08" PRIx32 "\n", crc32c(buf_text(out), out->size));
}

static void clear_none(char *text)
{
    if (strcmp(text, NONE) == 0) {
        text[0] = '\0';
    }
}

/* What was printed is the file again: nothing in it is another. */
static bool parse(const struct buf *bytes, struct restart_later *later)
{
    CLEANUP(buf_close) struct buf again = {0};
    struct restart_order *order = &later->order;
    int pending = 0;
    unsigned long long timeout_ms = 0;
    unsigned long long started_us = 0;
    /* NOLINTNEXTLINE(cert-err34-c): what it makes of a number is printed again and compared */
    int taken = sscanf(buf_text(bytes),
                       "at %25s role %23s version %23s pending %1d timeout %20llu started %20llu ",
                       order->at, order->role, order->version, &pending, &timeout_ms, &started_us);
    order->only_pending = pending != 0;
    order->timeout_ms = timeout_ms;
    later->started_us = started_us;
    clear_none(order->at);
    clear_none(order->role);
    clear_none(order->version);
    print(later, &again);
    return taken == 6 && again.size == bytes->size &&
           memcmp(buf_text(&again), buf_text(bytes), again.size) == 0;
}

int restart_note_read(const char *state_dir, struct restart_later *later, struct err *err)
{
    CLEANUP(mem_freep) char *path = path_of(state_dir);
    CLEANUP(buf_close) struct buf bytes = {0};
    memset(later, 0, sizeof(*later));
    int code = pg_file_read(path, &bytes, err);
    if (code == ERR_NOT_FOUND) {
        return 0;
    }
    if (code == 0 && !parse(&bytes, later)) {
        memset(later, 0, sizeof(*later));
        return err_set(err, ERR_CORRUPT, "%s: damaged", path);
    }
    return code;
}

int restart_note_write(const char *state_dir, const struct restart_later *later, struct err *err)
{
    CLEANUP(mem_freep) char *path = path_of(state_dir);
    CLEANUP(buf_close) struct buf bytes = {0};
    if (later->order.at[0] == '\0') {
        return pg_file_remove(path, err);
    }
    print(later, &bytes);
    return pg_file_put_synced(path, 0600, &bytes, err);
}
