/* consensus/net/link_io.c - bytes of one connection between its socket and TLS, both ways.
 *
 * What is to be sent is gathered as plain frames and sealed when the loop is about to wait, so that
 * all frames of a turn share records and a write. Only as much is sealed as the socket is likely to
 * take: the queue's limit is on the plain frames, and a peer that does not read costs no more. */
#include <string.h>

#include "base/must.h"
#include "consensus/net/net_internal.h"

#define SEAL_BYTES_MAX ((size_t)128 * 1024)
/* A buffer that was needed for something large is not kept. */
#define KEEP_BYTES_MAX ((size_t)256 * 1024)

/* ---- in ---- */

static void alloc_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    (void)suggested;
    struct link *link = handle->data;
    /* libuv reads into it at once: one is enough for all links. */
    *ret = uv_buf_init(link->net->read_bytes, sizeof(link->net->read_bytes));
}

static bool begins_with(const char *bytes, size_t size, const char *text)
{
    size_t length = strlen(text);
    return size >= length && memcmp(bytes, text, length) == 0;
}

static bool is_http(const char *bytes, size_t size)
{
    static const char *const methods[] = {"GET ",     "HEAD ",   "POST ", "PUT ",
                                          "OPTIONS ", "DELETE ", "HTTP/", "CONNECT "};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (begins_with(bytes, size, methods[i])) {
            return true;
        }
    }
    return false;
}

/* A plain refusal to somebody who speaks plain text where TLS is wanted. */
static void answer_plain(struct link *link, const struct fault *fault)
{
    struct refusal refusal = {.reason = REFUSAL_PLAIN};
    memcpy(refusal.text, fault->text, sizeof(refusal.text) - 1);
    buf_append(&link->cipher, PREFACE_MAGIC, PREFACE_MAGIC_SIZE);
    size_t begun = frame_begin(&link->cipher);
    buf_char(&link->cipher, (char)LINK_FRAME_REFUSAL);
    refusal_encode(&refusal, &link->cipher);
    frame_end(&link->cipher, begun);
}

/* A plain refusal from a node that wants no TLS of ours. */
static bool is_plain_refusal(const char *bytes, size_t size)
{
    size_t at = PREFACE_MAGIC_SIZE + FRAME_HEADER_SIZE;
    return size > at && bytes[at] == (char)LINK_FRAME_REFUSAL;
}

/* The first bytes tell what the other side speaks: 0, or -1 with @fault. */
static int sniff(struct link *link, const char *bytes, size_t size, struct fault *fault)
{
    bool tls = bytes[0] == 0x16 || bytes[0] == 0x15;
    bool plain = bytes[0] == PREFACE_MAGIC[0];
    bool wants_tls = link->tls.session != NULL;
    if ((wants_tls && tls) || (!wants_tls && plain)) {
        return 0;
    }
    if (!wants_tls && bytes[0] == 0x16) {
        tls_say_plain(&link->cipher);
        return fault_set(
            fault, NET_NOT_TLS,
            "the other side speaks TLS, and this node plain text (raft.insecure): give "
            "both the same secret or certificates");
    }
    if (wants_tls && plain) {
        fault_set(fault, NET_NOT_TLS,
                  "one side speaks plain text (raft.insecure), the other one TLS: give both the "
                  "same secret or certificates");
        if (!is_plain_refusal(bytes, size)) {
            answer_plain(link, fault);
        }
        return -1;
    }
    if (is_http(bytes, size)) {
        return fault_set(fault, NET_NOT_TLS,
                         "HTTP on the port for peers: a health check or a browser wants "
                         "restapi.listen");
    }
    return fault_set(fault, NET_NOT_TLS,
                     "the other side speaks neither TLS nor pgraft: another program, or a scanner");
}

static void take_clear(struct link *link)
{
    struct fault fault;
    while (!link_is_over(link)) {
        ptrdiff_t size = tls_read(&link->tls, link->net->clear_bytes, &fault);
        if (size > 0) {
            link_stream(link, link->net->clear_bytes, (size_t)size);
            continue;
        }
        if (size < 0 && fault.kind == NET_DOWN) {
            link_end(link, link_state(link) == LINK_UP ? &fault : NULL);
        } else if (size < 0) {
            link_fail(link, &fault);
        }
        return;
    }
}

static void take(struct link *link, const char *bytes, size_t size)
{
    struct fault fault;
    if (!link->sniffed && sniff(link, bytes, size, &fault) != 0) {
        link_fail(link, &fault);
        return;
    }
    link->sniffed = true;
    tls_feed(&link->tls, bytes, size);
    if (link_state(link) == LINK_SECURE) {
        int done = tls_handshake(&link->tls, &fault);
        link_mark_dirty(link);
        if (done < 0) {
            link_fail(link, &fault);
        }
        if (done <= 0) {
            return;
        }
        if (net_link_has_old_keys(link, &fault)) { /* they were changed meanwhile */
            link_fail(link, &fault);
            return;
        }
        link_begin(link);
    }
    take_clear(link);
}

/* The connection is gone. */
static void lost(struct link *link, int status)
{
    struct fault fault;
    enum link_state state = link_state(link);
    if (state == LINK_UP) {
        fault_set(&fault, NET_DOWN, "the connection is lost: %s",
                  status == UV_EOF ? "closed by the other side" : uv_strerror(status));
        link_end(link, &fault);
    } else if (link->dialled && !link_is_over(link) && state != LINK_RETIRED) {
        fault_set(&fault, NET_UNREACHABLE, "%s: ends the connection before it is in use: %s",
                  link->address,
                  status == UV_EOF ? "closed by the other side" : uv_strerror(status));
        link_end(link, &fault);
    } else {
        link_end(link, NULL); /* somebody looked whether the port is open */
    }
}

static void read_cb(uv_stream_t *stream, ssize_t got, const uv_buf_t *bytes)
{
    struct link *link = stream->data;
    if (got < 0) {
        lost(link, (int)got);
        return;
    }
    if (got == 0 || link_is_over(link)) {
        return;
    }
    link->heard_ms = net_now_ms(link->net);
    if (link->remote != NULL) {
        link->remote->stats.bytes_in += (uint64_t)got;
    }
    take(link, bytes->base, (size_t)got);
}

int link_read_start(struct link *link)
{
    return uv_read_start((uv_stream_t *)&link->tcp, alloc_cb, read_cb);
}

/* ---- out ---- */

size_t link_queued(const struct link *link)
{
    return link->plain.size - link->sealed + link->flying.size;
}

void link_mark_dirty(struct link *link)
{
    if (list_empty(&link->dirty)) {
        list_push_back(&link->net->dirty, &link->dirty);
    }
}

static void drop(struct buf *b)
{
    if (b->room > KEEP_BYTES_MAX) {
        buf_close(b);
    } else {
        buf_clear(b);
    }
}

/* The next piece of the frames into records. */
static void seal(struct link *link)
{
    size_t left = link->plain.size - link->sealed;
    if (left == 0 || !link->tls.ready) {
        return;
    }
    struct fault fault;
    size_t size = left < SEAL_BYTES_MAX ? left : SEAL_BYTES_MAX;
    if (tls_write(&link->tls, link->plain.bytes + link->sealed, size, &fault) != 0) {
        link->broken = true;
        return;
    }
    link->sealed += size;
    if (link->sealed == link->plain.size) {
        drop(&link->plain);
        link->sealed = 0;
    }
}

/* Writing has failed: to be looked at from the loop, for we may be inside a call of the owner's. */
static void note_broken(struct link *link)
{
    link->broken = true;
    link->due_ms = net_now_ms(link->net);
    int rc = uv_timer_start(&link->timer, link->timer.timer_cb, 0, 0);
    MUST(rc == 0);
}

static void write_cb(uv_write_t *request, int status)
{
    struct link *link = request->data;
    link->writing = false;
    drop(&link->flying);
    if (link_state(link) == LINK_CLOSED) {
        return;
    }
    if (status != 0) {
        note_broken(link);
        return;
    }
    link_flush(link);
}

static void count_out(struct link *link, size_t size)
{
    if (link->remote != NULL) {
        link->remote->stats.bytes_out += size;
    }
}

/* What the socket did not take waits inside libuv, in a buffer that stays where it is. */
static int write_rest(struct link *link, size_t written)
{
    struct buf swap = link->flying;
    link->flying = link->cipher;
    link->cipher = swap;
    uv_buf_t rest =
        uv_buf_init(link->flying.bytes + written, (unsigned int)(link->flying.size - written));
    link->write.data = link;
    link->writing = true;
    int rc = uv_write(&link->write, (uv_stream_t *)&link->tcp, &rest, 1, write_cb);
    if (rc != 0) {
        link->writing = false;
    }
    return rc;
}

static void shutdown_cb(uv_shutdown_t *request, int status)
{
    (void)request; /* the other side's end of the stream, or the timer, comes next */
    (void)status;
}

static void shut(struct link *link)
{
    if (link->shut) {
        return;
    }
    link->shut = true;
    if (uv_shutdown(&link->shutdown, (uv_stream_t *)&link->tcp, shutdown_cb) != 0) {
        note_broken(link);
    }
}

void link_flush(struct link *link)
{
    list_remove(&link->dirty);
    if (!link->connected || link->writing || link->broken || link->shut ||
        link_state(link) == LINK_CLOSED) {
        return;
    }
    for (;;) {
        seal(link);
        if (link->cipher.size == 0) {
            break;
        }
        uv_buf_t all = uv_buf_init(link->cipher.bytes, (unsigned int)link->cipher.size);
        int written = uv_try_write((uv_stream_t *)&link->tcp, &all, 1);
        written = written == UV_EAGAIN ? 0 : written;
        if (link->broken || written < 0) {
            note_broken(link);
            return;
        }
        count_out(link, link->cipher.size);
        if ((size_t)written < link->cipher.size) {
            if (write_rest(link, (size_t)written) != 0) {
                note_broken(link);
            }
            return;
        }
        drop(&link->cipher);
    }
    if (link->broken) {
        note_broken(link);
    } else if (link->ends) {
        shut(link);
    }
}
