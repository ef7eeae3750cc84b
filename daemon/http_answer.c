/* daemon/http_answer.c - answers and errors, and how they leave. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "daemon/http_internal.h"

#define JSON_TYPE "application/json"
#define PIECE ((size_t)32 * 1024)
#define ETAG_SIZE 24

/* ---- errors ---- */

unsigned http_status_of(int code)
{
    static const struct {
        int code;
        unsigned status;
    } rows[] = {
        {ERR_INVALID, 400},   {ERR_USAGE, 400},      {ERR_DENIED, 403},      {ERR_NOT_FOUND, 404},
        {ERR_CONFLICT, 409},  {ERR_EXISTS, 409},     {ERR_REFUSED, 409},     {ERR_LOCKED, 409},
        {ERR_COMPACTED, 410}, {ERR_EXPIRED, 410},    {ERR_TOO_LARGE, 413},   {ERR_BUSY, 429},
        {ERR_NO_QUORUM, 503}, {ERR_NOT_LEADER, 503}, {ERR_LOST_LEADER, 503}, {ERR_CLOSED, 503},
        {ERR_CANCELED, 503},  {ERR_TIMEOUT, 504},    {ERR_NO_SPACE, 507},    {ERR_QUOTA, 507},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].code == code) {
            return rows[i].status;
        }
    }
    return 500;
}

void http_put_error(struct buf *out, const char *name, int code, const char *message,
                    const struct pgraft_result *result)
{
    json_put_open(out, name, '{');
    json_put_text(out, "code", err_name(code));
    json_put_text(out, "message", message[0] != '\0' ? message : err_text(code));
    json_put_bool(out, "retry", err_may_retry(code));
    json_put_bool(out, "may_have_applied", err_may_be_applied(code));
    if (result != NULL && code == ERR_COMPACTED) {
        json_put_number(out, "oldest_revision", result->oldest_revision);
    }
    if (result != NULL && result->decided && result->status != 0) {
        json_put_number(out, "failed_op", result->failed_op);
    }
    if (result != NULL && result->marked_lease != 0) {
        json_put_id(out, "marked_lease", result->marked_lease);
    }
    json_put_close(out, '}');
}

static void fail(struct http_request *r, unsigned status, int code, const char *message,
                 const struct pgraft_result *result)
{
    if (r->answered) {
        return; /* the first reason counts */
    }
    buf_clear(&r->out);
    json_put_open(&r->out, NULL, '{');
    http_put_error(&r->out, "error", code, message, result);
    json_put_close(&r->out, '}');
    http_answer(r, status);
}

void http_fail(struct http_request *r, int code, const char *fmt, ...)
{
    char message[ERR_MSG_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);
    fail(r, http_status_of(code), code, message, NULL);
}

void http_fail_status(struct http_request *r, unsigned status, int code, const char *message)
{
    fail(r, status, code, message, NULL);
}

/* ---- a node that is in no cluster: why ---- */

static void stood(struct http_request *r, const struct pgraft_result *result)
{
    const struct pgraft_status *s = result->state;
    if (result->status != 0 || s->phase == PGRAFT_MEMBER) {
        http_fail(r, ERR_CLOSED, "%s", err_text(ERR_CLOSED));
        return;
    }
    /* To wait does not help the one that is out; who forms or joins has no majority yet. */
    bool is_out = s->phase == PGRAFT_REMOVED || s->phase == PGRAFT_REFUSED;
    http_fail(r, is_out ? ERR_CLOSED : ERR_NO_QUORUM, "this node is no member of a cluster: %s",
              s->text);
}

void http_fail_no_member(struct http_request *r)
{
    struct pgraft_error error = {0};
    struct pgraft_call call = http_call(r, stood);
    http_asked(r, pgraft_status(r->http->store, false, &call, &r->asked, &error), &error);
}

bool http_is_bare(const struct pgraft_result *result)
{
    return result->message[0] == '\0' || strcmp(result->message, err_text(result->status)) == 0;
}

void http_fail_result(struct http_request *r, const struct pgraft_result *result)
{
    bool is_bare = http_is_bare(result);
    if (is_bare && result->status == ERR_CLOSED && !r->http->stopping && !r->answered) {
        http_fail_no_member(r);
        return;
    }
    if (is_bare && result->status == ERR_NOT_FOUND && r->lease != 0) {
        char message[ERR_MSG_MAX];
        (void)snprintf(message, sizeof(message), "there is no lease %" PRIx64, r->lease);
        fail(r, http_status_of(ERR_NOT_FOUND), ERR_NOT_FOUND, message, result);
        return;
    }
    fail(r, http_status_of(result->status), result->status, result->message, result);
}

/* ---- answers ---- */

void http_answer_text(struct http_request *r, unsigned status, const char *type)
{
    MUST(!r->answered);
    r->answered = true;
    r->status = status;
    r->type = type;
    http_resume(r);
}

void http_answer(struct http_request *r, unsigned status)
{
    buf_char(&r->out, '\n');
    http_answer_text(r, status, JSON_TYPE);
}

void http_say(struct http_request *r, unsigned status, const char *text)
{
    if (!r->answered) {
        buf_str(&r->out, text);
        http_answer_text(r, status, "text/html");
    }
}

/* ---- on the way out ---- */

static ssize_t take_piece(void *cls, uint64_t at, char *room, size_t room_size)
{
    struct http_request *r = cls;
    size_t left = at < r->out.size ? r->out.size - (size_t)at : 0;
    size_t size = left < room_size ? left : room_size;
    memcpy(room, r->out.bytes + at, size);
    http_conn_took(r->conn, size);
    return size > 0 ? (ssize_t)size : MHD_CONTENT_READER_END_OF_STREAM;
}

/* A short one leaves as a whole, a long one piece by piece, so that it is seen whether somebody
 * takes it. The bytes are the request's and live as long as it. */
static struct MHD_Response *make(struct http_request *r)
{
    if (r->out.size <= PIECE) {
        return MHD_create_response_from_buffer(r->out.size, r->out.bytes, MHD_RESPMEM_PERSISTENT);
    }
    return MHD_create_response_from_callback(r->out.size, PIECE, take_piece, r, NULL);
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (value != NULL) {
        (void)MHD_add_response_header(response, name, value);
    }
}

static const char *etag_of(uint64_t revision, char out[ETAG_SIZE])
{
    (void)snprintf(out, ETAG_SIZE, "\"%" PRIu64 "\"", revision);
    return out;
}

enum MHD_Result http_send(struct http_request *r)
{
    if (r->is_options) {
        buf_clear(&r->out);
    }
    struct MHD_Response *response = r->stream != NULL ? http_stream_make(r) : make(r);
    if (response == NULL) {
        return MHD_NO;
    }
    const struct http_settings *s = &r->http->settings;
    char etag[ETAG_SIZE];
    add_header(response, "Content-Type", r->type);
    add_header(response, "Cache-Control", "no-store");
    add_header(response, "Allow", r->allow[0] != '\0' ? r->allow : NULL);
    add_header(response, "ETag", r->etag != 0 ? etag_of(r->etag, etag) : NULL);
    add_header(response, "WWW-Authenticate", r->challenge);
    add_header(response, "Server", s->server);
    add_header(response, "Connection", r->http->stopping ? "close" : NULL);
    bool is_tls = r->conn->engine->is_tls;
    const struct http_header *more = is_tls ? s->tls_headers : s->headers;
    size_t count = is_tls ? s->tls_header_count : s->header_count;
    for (size_t i = 0; i < count; i++) {
        add_header(response, more[i].name, more[i].value);
    }
    http_conn_phase(r->conn, HTTP_SENDING);
    enum MHD_Result rv = MHD_queue_response(r->mhd, r->status, response);
    MHD_destroy_response(response);
    return rv;
}
