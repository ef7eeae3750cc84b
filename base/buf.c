/* base/buf.c - a buffer that doubles when it is full. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"

#define ROOM_MIN 64

/* Make room for @more bytes and the NUL behind them. */
static void buf_reserve(struct buf *b, size_t more)
{
    MUST(more < SIZE_MAX / 4);
    MUST(b->size < SIZE_MAX / 4);
    size_t need = b->size + more + 1;
    if (need <= b->room) {
        return;
    }
    size_t room = b->room > 0 ? b->room : ROOM_MIN;
    while (room < need) {
        room *= 2;
    }
    b->bytes = mem_grow(b->bytes, room, 1);
    b->room = room;
}

void *buf_extend(struct buf *b, size_t size)
{
    buf_reserve(b, size);
    char *place = b->bytes + b->size;
    b->size += size;
    b->bytes[b->size] = '\0';
    return place;
}

void buf_append(struct buf *b, const void *bytes, size_t size)
{
    void *place = buf_extend(b, size);
    if (size > 0) {
        memcpy(place, bytes, size);
    }
}

void buf_str(struct buf *b, const char *text)
{
    buf_append(b, text, strlen(text));
}

void buf_char(struct buf *b, char c)
{
    buf_append(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    MUST(fmt != NULL); /* gcc with UBSan warns of the NULL that it tests for itself */
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    MUST(length >= 0);
    buf_reserve(b, (size_t)length);
    (void)vsnprintf(b->bytes + b->size, (size_t)length + 1, fmt, again);
    va_end(again);
    b->size += (size_t)length;
}

const char *buf_text(const struct buf *b)
{
    return b->bytes != NULL ? b->bytes : "";
}

char *buf_take(struct buf *b)
{
    buf_reserve(b, 0);
    char *bytes = b->bytes;
    bytes[b->size] = '\0';
    *b = (struct buf){0};
    return bytes;
}

void buf_clear(struct buf *b)
{
    b->size = 0;
    if (b->bytes != NULL) {
        b->bytes[0] = '\0';
    }
}

void buf_close(struct buf *b)
{
    mem_free(b->bytes);
    *b = (struct buf){0};
}

void buf_wipe(struct buf *b)
{
    if (b->bytes != NULL) {
        explicit_bzero(b->bytes, b->room);
    }
    buf_close(b);
}
