/* consensus/start_note.c - what a disk says of its starts, as bytes:
 *
 *   u8 format   u64 clear_life   u8 is_open   u64 term, vote, last, counter   (little-endian) */
#include "consensus/start_note.h"

#include "consensus/cursor.h"

#define FORMAT 1

void start_note_encode(const struct start_note *note, struct buf *out)
{
    buf_char(out, FORMAT);
    put_u64(out, note->clear_life);
    buf_char(out, note->is_open ? 1 : 0);
    put_u64(out, note->term);
    put_u64(out, note->vote);
    put_u64(out, note->last);
    put_u64(out, note->counter);
}

int start_note_decode(const void *bytes, size_t size, struct start_note *out, struct err *err)
{
    struct cursor c = {bytes, size};
    struct start_note note = {0};
    uint8_t format = 0;
    uint8_t is_open = 0;
    if (take_u8(&c, &format) && format != FORMAT) {
        return err_set(err, ERR_VERSION,
                       "what this disk says of its starts is in format %u, and this version reads "
                       "%u: start the version that wrote it, or put the directory away and let the "
                       "node join as a new member",
                       (unsigned)format, (unsigned)FORMAT);
    }
    bool whole = format == FORMAT && take_u64(&c, &note.clear_life) && take_u8(&c, &is_open) &&
                 take_u64(&c, &note.term) && take_u64(&c, &note.vote) && take_u64(&c, &note.last) &&
                 take_u64(&c, &note.counter);
    if (!whole || c.left != 0 || is_open > 1) {
        return err_set(err, ERR_CORRUPT,
                       "what this disk says of its starts is malformed: put the directory away and "
                       "start again, the node joins as a new member");
    }
    note.is_open = is_open == 1;
    *out = note;
    return 0;
}
