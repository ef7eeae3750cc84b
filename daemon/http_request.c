/* daemon/http_request.c - one request from its first header to its last byte: who asks for what,
 * the body, and the wait for the store. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "daemon/http_internal.h"
#include "supervisor/keys.h"

#include <string.h>
#include <unistd.h>

/* What a request that is refused may bring: it is read and dropped, so that whoever sends it gets
 * to read the answer and the connection can go on. */
#define REFUSED_BODY_MAX ((size_t)16 * 1024 * 1024)
/* The store says itself when a request's time is over, a moment later. If it does not, its thread
 * hangs. */
#define OVERDUE_MS 1500
#define ARENA_MAX ((size_t)16 * 1024 * 1024)

/* ---- the life of it ---- */

static struct http_request *create(struct http *http, struct MHD_Connection *connection)
{
    struct http_request *r = mem_zalloc(sizeof(*r));
    r->http = http;
    r->mhd = connection;
    r->conn = http_conn_of(connection);
    r->conn->request = r;
    r->timeout_ms = HTTP_TIMEOUT_MS;
    arena_reset(&r->arena, ARENA_MAX);
    return r;
}

static void count_body(struct http_request *r, size_t size)
{
    r->http->body_bytes += size - r->body_size;
    r->body_size = size;
}

static void drop_input(struct http_request *r)
{
    json_decref(r->json);
    r->json = NULL;
    buf_close(&r->body);
    count_body(r, 0);
    arena_close(&r->arena);
}

static void free_request(struct http_request *r)
{
    MUST(r->pending == 0);
    if (r->free_state != NULL) {
        r->free_state(r->state);
    }
    if (r->stream != NULL) {
        buf_close(&r->stream->out);
        mem_free(r->stream);
    }
    drop_input(r);
    buf_close(&r->out);
    mem_free(r);
}

void http_request_completed(void *cls, struct MHD_Connection *connection, void **context,
                            enum MHD_RequestTerminationCode why)
{
    struct http *http = cls;
    struct http_request *r = *context;
    (void)why;
    struct http_conn *c = http_conn_of(connection);
    c->request = NULL;
    http_conn_phase(c, HTTP_RECEIVING);
    c->deadline_ms += HTTP_IDLE_MS - HTTP_RECEIVE_MS;
    if (http->stopping) {
        http_conn_kill(c);
    }
    if (r == NULL) {
        return;
    }
    *context = NULL;
    http_conn_unwatch(c);
    r->completed = true;
    r->conn = NULL;
    http->stream_count -= r->stream != NULL ? 1 : 0;
    if (r->ended != NULL) {
        r->ended(r);
    }
    if (r->pending > 0) {
        pgraft_cancel(http->store, r->asked); /* its answer frees it */
        return;
    }
    free_request(r);
}

/* ---- waiting ---- */

void http_suspend(struct http_request *r)
{
    MUST(!r->suspended);
    r->suspended = true;
    http_conn_phase(r->conn, HTTP_WORKING);
    if (r->stream == NULL) {
        r->conn->deadline_ms = r->began_ms + r->timeout_ms + OVERDUE_MS;
    }
    MHD_suspend_connection(r->mhd);
    http_conn_watch(r->conn, r);
}

void http_resume(struct http_request *r)
{
    if (!r->suspended) {
        return;
    }
    r->suspended = false;
    http_conn_unwatch(r->conn);
    http_conn_phase(r->conn, HTTP_SENDING);
    MHD_resume_connection(r->mhd);
    http_run_soon(r->conn->engine);
}

/* To nobody: it is over. */
static void fail_gone(struct http_request *r)
{
    http_fail(r, ERR_CANCELED, "the client went away");
}

void http_request_gone(struct http_request *r)
{
    if (r->stream != NULL) {
        http_stream_end(r, false);
    } else if (r->pending > 0) {
        r->gone = true;
        pgraft_cancel(r->http->store, r->asked);
    } else {
        fail_gone(r);
    }
}

void http_request_overdue(struct http_request *r)
{
    const struct pgraft_result none = {.status = ERR_TIMEOUT,
                                       .message = "the consensus thread of this node hangs"};
    if (r->answered || r->pending == 0) {
        return;
    }
    pgraft_cancel(r->http->store, r->asked);
    r->overdue = true;
    r->done(r, &none);
    if (!r->answered) {
        http_fail_result(r, &none);
    }
}

uint32_t http_left_ms(const struct http_request *r)
{
    uint64_t spent_ms = http_now_ms() - r->began_ms;
    return spent_ms < r->timeout_ms ? r->timeout_ms - (uint32_t)spent_ms : 1;
}

static void on_done(void *ctx, const struct pgraft_result *result)
{
    struct http_request *r = ctx;
    MUST(r->pending > 0);
    r->pending--;
    if (!r->completed && !r->overdue && !r->gone) {
        r->done(r, result);
    }
    if (!r->completed && !r->gone) {
        return;
    }
    if (result->dump != NULL && !result->dump->is_last) {
        pgraft_dump_end(r->http->store, result->dump->id); /* nobody is there to go on with it */
    }
    if (r->completed && r->pending == 0) {
        free_request(r);
    } else if (!r->completed && !r->answered) {
        fail_gone(r); /* also where the answer came first: nothing more is asked or waited for */
    }
}

struct pgraft_call http_call(struct http_request *r,
                             void (*done)(struct http_request *r,
                                          const struct pgraft_result *result))
{
    r->done = done;
    return (struct pgraft_call){.timeout_ms = http_left_ms(r),
                                .session = r->has_session ? &r->session : NULL,
                                .done = on_done,
                                .ctx = r};
}

const struct pgraft_pair *http_got(const struct pgraft_result *result, size_t op)
{
    return result->op_count > op && result->ops[op].pair_count > 0 ? &result->ops[op].pairs[0]
                                                                   : NULL;
}

void http_keys(const struct http_request *r, struct keys *out)
{
    bool fits = keys_init(out, r->http->settings.space, r->http->settings.scope);
    MUST(fits); /* else the store would not have been opened under these names */
}

void http_asked(struct http_request *r, int code, const struct pgraft_error *error)
{
    if (code == 0) {
        r->pending++;
    } else {
        http_fail(r, code, "%s", error->message);
    }
}

/* ---- who asks ---- */

static const char *header(struct http_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, name);
}

static bool is_owner(const struct http_conn *c)
{
    struct ucred peer = {0};
    socklen_t size = sizeof(peer);
    return getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

static void look_at_certificate(struct http_conn *c)
{
    if (!c->verified && c->engine->is_tls) {
        c->has_certificate = http_tls_has_certificate(c->mhd);
    }
    c->verified = true;
}

/* What is asked of who connects now. */
static enum http_verify verify_now(const struct http *http)
{
    return http->tls != NULL ? http->tls->verify : HTTP_VERIFY_NONE;
}

/* To look, the certificate that was asked for when the connection began does, or none; to change
 * something, a reload counts for those that stand, too. */
static bool needs_certificate(const struct http_request *r)
{
    const struct http_engine *began = r->conn->engine;
    return (began->is_tls && began->verify == HTTP_VERIFY_REQUIRED) ||
           (r->route->rule == HTTP_WRITE && verify_now(r->http) == HTTP_VERIFY_REQUIRED);
}

static void check_caller(struct http_request *r)
{
    const struct http_settings *s = &r->http->settings;
    struct http_conn *c = r->conn;
    const char *authorization = header(r, "Authorization");
    bool checks_password = s->user != NULL && s->password != NULL;
    bool verifies = c->engine->is_tls && c->engine->verify != HTTP_VERIFY_NONE;
    if (verifies) {
        look_at_certificate(c);
    }
    struct http_caller caller = {
        .is_control = c->door->is_control,
        .is_owner = c->door->is_control && is_owner(c),
        .needs_certificate = needs_certificate(r),
        .checks_certificate = verify_now(r->http) != HTTP_VERIFY_NONE,
        .has_certificate = verifies && c->has_certificate,
        .checks_password = checks_password,
        .has_password = authorization != NULL,
        .password_is_right =
            checks_password && http_password_is_right(authorization, s->user, s->password),
        .checks_address = http_allow_is_on(r->http->allow),
        .address_is_listed = http_allow_has(r->http->allow, (const struct sockaddr *)&c->peer),
        .door_is_loopback = c->door->is_loopback,
        .host_is_local = http_host_is_local(header(r, "Host")),
        .from_a_browser = header(r, "Origin") != NULL,
    };
    const char *reason = NULL;
    enum http_verdict verdict = http_judge(r->route->rule, &caller, &reason);
    if (verdict == HTTP_ASK_PASSWORD) {
        /* Programs look up their password by the realm, which is Patroni's. */
        r->challenge = "Basic realm=\"Patroni\", charset=\"UTF-8\"";
    }
    if (verdict != HTTP_MAY) {
        http_fail_status(r, verdict == HTTP_ASK_PASSWORD ? 401 : 403, ERR_DENIED, reason);
    }
}

/* ---- what is asked for ---- */

/* It brings an object. */
static bool takes_body(const struct http_route *route)
{
    return route->method != HTTP_GET && route->method != HTTP_DELETE;
}

/* Of these Patroni takes none for an empty object. */
static bool may_be_bare(const struct http_request *r)
{
    return r->face == PATRONI_RESTART || r->face == PATRONI_RELOAD ||
           r->face == PATRONI_REINITIALIZE;
}

/* What may be done with a path: @names for a person, Allow for a program. */
static void list_methods(struct http_request *r, const struct http_route *rows, size_t count,
                         struct buf *names)
{
    CLEANUP(buf_close) struct buf allow = {0};
    for (size_t i = 0; i < count; i++) {
        const char *name = http_method_name(rows[i].method);
        bool is_get = rows[i].method == HTTP_GET;
        bool takes_options = is_get && r->face != PATRONI_NONE;
        buf_printf(names, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " or ", name);
        buf_printf(&allow, "%s%s%s%s", i > 0 ? ", " : "", name, is_get ? ", HEAD" : "",
                   takes_options ? ", OPTIONS" : "");
    }
    MUST(allow.size < sizeof(r->allow));
    memcpy(r->allow, buf_text(&allow), allow.size + 1);
}

/* Of the @count rows of a path, the one that @method asks for. */
static void choose(struct http_request *r, const struct http_route *rows, size_t count,
                   const char *method)
{
    CLEANUP(buf_close) struct buf message = {0};
    r->is_head = strcmp(method, "HEAD") == 0;
    r->is_options = r->face != PATRONI_NONE && strcmp(method, "OPTIONS") == 0;
    const char *wanted = r->is_head || r->is_options ? "GET" : method;
    r->route = rows;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(http_method_name(rows[i].method), wanted) == 0) {
            r->route = &rows[i];
            return;
        }
    }
    buf_str(&message, "this is asked for with ");
    list_methods(r, rows, count, &message);
    http_fail_status(r, 405, ERR_INVALID, buf_text(&message));
}

struct lengths {
    size_t count;
    const char *value;
};

static enum MHD_Result count_length(void *cls, enum MHD_ValueKind kind, const char *key,
                                    const char *value)
{
    struct lengths *lengths = cls;
    (void)kind;
    if (strcasecmp(key, "Content-Length") == 0) {
        lengths->count++;
        lengths->value = value;
    }
    return MHD_YES;
}

/* How long the body is: SIZE_MAX when it can not be known, or not be read. */
static size_t check_length(struct http_request *r)
{
    struct lengths lengths = {0};
    uint64_t size = 0;
    (void)MHD_get_connection_values(r->mhd, MHD_HEADER_KIND, count_length, &lengths);
    bool chunked = header(r, "Transfer-Encoding") != NULL;
    bool good = lengths.count == 1 && !chunked && json_in_decimal(lengths.value, &size);
    if (lengths.count == 0 && !chunked) {
        if (r->route == NULL || (takes_body(r->route) && !may_be_bare(r))) {
            http_fail_status(r, 411, ERR_INVALID,
                             "a body with Content-Length is needed, at least {}");
        }
        return 0;
    }
    if (!good) {
        http_fail_status(r, chunked ? 411 : 400, ERR_INVALID,
                         "one Content-Length is needed, and no Transfer-Encoding");
        return SIZE_MAX;
    }
    if (size > 0 && r->route != NULL && !takes_body(r->route)) {
        http_fail(r, ERR_INVALID, "a %s has no body", http_method_name(r->route->method));
    }
    if (size > HTTP_BODY_MAX) {
        http_fail(r, ERR_TOO_LARGE, "the body has %llu bytes, at most %zu",
                  (unsigned long long)size, HTTP_BODY_MAX);
    }
    return size <= REFUSED_BODY_MAX ? (size_t)size : SIZE_MAX;
}

/* Headers alone. True: it is answered, and the body is not read. */
static bool begin(struct http_request *r, const char *url, const char *method)
{
    size_t count = 0;
    const struct http_route *rows = http_route_find(url, &count);
    r->face = patroni_path(url);
    if (r->http->stopping) {
        http_fail(r, ERR_CLOSED, "the node is stopping");
    } else if (rows == NULL) {
        http_fail(r, ERR_NOT_FOUND, "there is no such path");
    } else {
        choose(r, rows, count, method);
        if (!r->answered) {
            check_caller(r);
        }
    }
    size_t size = check_length(r);
    return size == SIZE_MAX;
}

static void take_body(struct http_request *r, const char *bytes, size_t size)
{
    if (r->answered) {
        return; /* it is refused, and read for the sake of the connection */
    }
    bool over = r->body.size + size > HTTP_BODY_MAX;
    if (over || r->http->body_bytes + size > HTTP_BODIES_MAX) {
        http_fail(r, over ? ERR_TOO_LARGE : ERR_BUSY,
                  over ? "the body is too large" : "too many requests send their bodies at once");
        buf_close(&r->body);
        count_body(r, 0);
        return;
    }
    buf_append(&r->body, bytes, size);
    count_body(r, r->body.room); /* which may be twice what has come */
}

/* Everything is there. */
static void run(struct http_request *r)
{
    struct err err = {0};
    r->ran = true;
    r->began_ms = http_now_ms();
    http_conn_phase(r->conn, HTTP_WORKING);
    if (r->answered) {
        return;
    }
    if (takes_body(r->route) && may_be_bare(r) && r->body.size == 0) {
        r->json = json_object();
        MUST(r->json != NULL);
    } else if (takes_body(r->route)) {
        r->json = json_in_parse(buf_text(&r->body), r->body.size, &err);
        buf_close(&r->body); /* what it says is in @json now, which is bounded by it */
        if (r->json == NULL) {
            http_fail(r, err.code, "%s", err.msg);
            return;
        }
    }
    r->route->run(r);
    MUST(r->answered || r->pending > 0 || r->waits);
    drop_input(r); /* the store has a copy of what it was asked */
}

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd says what it takes */
enum MHD_Result http_request_access(void *cls, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version, const char *upload,
                                    size_t *upload_size, void **context)
{
    struct http_request *r = *context;
    (void)version;
    if (r == NULL) {
        r = create(cls, connection);
        *context = r;
        return begin(r, url, method) ? http_send(r) : MHD_YES;
    }
    if (*upload_size > 0) {
        take_body(r, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    if (!r->ran) {
        run(r);
    }
    if (r->answered) {
        return http_send(r);
    }
    http_suspend(r);
    return MHD_YES;
}
