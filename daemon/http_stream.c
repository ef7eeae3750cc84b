/* daemon/http_stream.c - answers without an end: pieces leave as the client takes them.
 *
 * While there is nothing to send the connection is suspended; whoever has more appends it and wakes
 * it up. What waits is bounded by who appends: it stops at a limit of its own, and is called again
 * when everything was taken. */
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "daemon/http_internal.h"

#define PIECE ((size_t)32 * 1024)

bool http_stream_has_room(const struct http_request *r)
{
    uint32_t most = r->http->settings.connections_max;
    size_t limit = ((most != 0 ? most : HTTP_CONNECTIONS) + HTTP_CONTROL_CONNECTIONS) * 3 / 4;
    return r->http->stream_count < limit;
}

void http_stream_begin(struct http_request *r, const char *type,
                       void (*drained)(struct http_request *r))
{
    MUST(!r->answered && r->stream == NULL);
    r->stream = mem_zalloc(sizeof(*r->stream));
    r->stream->drained = drained;
    r->http->stream_count++;
    http_answer_text(r, 200, type);
}

struct buf *http_stream_out(struct http_request *r)
{
    return &r->stream->out;
}

size_t http_stream_size(const struct http_request *r)
{
    return r->stream->out.size - r->stream->at;
}

void http_stream_go(struct http_request *r)
{
    if (r->stream->waits) {
        r->stream->waits = false;
        http_resume(r);
    }
}

void http_stream_end(struct http_request *r, bool in_order)
{
    r->stream->ended = true;
    r->stream->is_broken = r->stream->is_broken || !in_order;
    http_stream_go(r);
}

static ssize_t take(struct http_request *r, char *room, size_t room_size)
{
    struct http_stream *s = r->stream;
    size_t left = s->out.size - s->at;
    size_t size = left < room_size ? left : room_size;
    memcpy(room, s->out.bytes + s->at, size);
    s->at += size;
    if (s->at == s->out.size) {
        buf_clear(&s->out);
        s->at = 0;
    }
    http_conn_took(r->conn, size);
    return (ssize_t)size;
}

static ssize_t on_take(void *cls, uint64_t at, char *room, size_t room_size)
{
    struct http_request *r = cls;
    struct http_stream *s = r->stream;
    (void)at;
    if (http_stream_size(r) > 0) {
        return take(r, room, room_size);
    }
    if (!s->ended && s->drained != NULL) {
        s->drained(r);
    }
    if (http_stream_size(r) > 0) {
        return take(r, room, room_size);
    }
    if (s->ended) {
        return s->is_broken ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
    }
    s->waits = true;
    http_suspend(r);
    return 0;
}

struct MHD_Response *http_stream_make(struct http_request *r)
{
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE, on_take, r, NULL);
}
