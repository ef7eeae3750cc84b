/* daemon/http_conn.c - which connections there are, and for how long.
 *
 * A connection has HTTP_RECEIVE_MS for headers and body, from its beginning or from the first line
 * of the request; it may rest for HTTP_IDLE_MS between two of them; and it has to take some of an
 * answer every HTTP_READ_MS. When there are too many, the one that has rested longest makes place;
 * if all are at work, the new one is sent away. */
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "daemon/http_internal.h"

uint64_t http_now_ms(void)
{
    return clock_mono_ms(clock_system());
}

struct http_conn *http_conn_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    MUST(info != NULL && info->socket_context != NULL);
    return info->socket_context;
}

/* ---- the beginning and the end ---- */

/* The oldest one that nothing would be lost with. */
static struct http_conn *dispensable(struct http *http, bool is_control)
{
    LIST_FOR_EACH (struct http_conn, c, &http->conns, link) {
        if (c->door->is_control == is_control && c->phase == HTTP_RECEIVING && c->request == NULL &&
            c->deadline_ms != 0) {
            return c;
        }
    }
    return NULL;
}

static bool has_room(struct http *http, const struct http_door *door)
{
    uint32_t most =
        http->settings.connections_max != 0 ? http->settings.connections_max : HTTP_CONNECTIONS;
    size_t count = door->is_control ? http->control_count : http->conn_count - http->control_count;
    if (count < (door->is_control ? HTTP_CONTROL_CONNECTIONS : most)) {
        return true;
    }
    struct http_conn *old = dispensable(http, door->is_control);
    if (old != NULL) {
        http_conn_kill(old); /* it is still counted, until it has ended */
        old->deadline_ms = 0;
    }
    return old != NULL;
}

void http_conn_accept(struct http_door *door, int fd, const struct sockaddr_storage *peer,
                      socklen_t peer_size)
{
    struct http *http = door->http;
    if (http->stopping || !has_room(http, door)) {
        (void)close(fd);
        return;
    }
    struct http_conn *c = mem_zalloc(sizeof(*c));
    list_init(&c->link);
    c->http = http;
    c->door = door;
    c->fd = fd;
    c->peer = *peer;
    c->engine = door->is_control || http->tls == NULL ? http->plain : http->tls;
    c->phase = HTTP_RECEIVING;
    c->deadline_ms = http_now_ms() + HTTP_RECEIVE_MS;
    http->accepting = c;
    http_tick_start(http);
    struct http_engine *engine = c->engine;
    (void)MHD_add_connection(engine->daemon, fd, (const struct sockaddr *)peer, peer_size);
    http_run_engine(engine); /* it begins here, and may even end */
    if (http->accepting != NULL) {
        mem_free(http->accepting); /* it was not taken, and the socket is closed */
        http->accepting = NULL;
    }
}

void http_conn_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
                      enum MHD_ConnectionNotificationCode code)
{
    struct http *http = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        struct http_conn *c = http->accepting;
        MUST(c != NULL);
        http->accepting = NULL;
        c->mhd = connection;
        *socket_context = c;
        list_push_back(&http->conns, &c->link);
        http->conn_count++;
        http->control_count += c->door->is_control ? 1 : 0;
        c->engine->connections++;
        return;
    }
    struct http_conn *c = *socket_context;
    *socket_context = NULL;
    http_conn_unwatch(c);
    http->conn_count--;
    http->control_count -= c->door->is_control ? 1 : 0;
    c->engine->connections--;
    list_remove(&c->link);
    mem_free(c);
}

void http_conn_kill(struct http_conn *c)
{
    (void)shutdown(c->fd, SHUT_RDWR);
}

/* ---- time ---- */

void http_conn_phase(struct http_conn *c, enum http_phase phase)
{
    static const uint64_t times_ms[] = {
        [HTTP_RECEIVING] = HTTP_RECEIVE_MS, [HTTP_WORKING] = 0, [HTTP_SENDING] = HTTP_READ_MS};
    c->phase = phase;
    c->taken = 0;
    c->deadline_ms = times_ms[phase] != 0 ? http_now_ms() + times_ms[phase] : 0;
}

void http_conn_took(struct http_conn *c, size_t bytes)
{
    c->taken += bytes;
}

void http_conn_tick(struct http *http)
{
    uint64_t now_ms = http_now_ms();
    LIST_FOR_EACH_SAFE (struct http_conn, c, &http->conns, link) {
        if (c->deadline_ms == 0 || now_ms < c->deadline_ms) {
            continue;
        }
        if (c->phase == HTTP_WORKING) {
            c->deadline_ms = 0;
            http_request_overdue(c->request);
            continue;
        }
        if (c->phase == HTTP_SENDING && c->taken >= HTTP_READ_BYTES) {
            http_conn_phase(c, HTTP_SENDING);
            continue;
        }
        c->deadline_ms = 0;
        http_conn_kill(c);
    }
}

/* ---- does the client go away? ---- */

static void on_gone(uv_poll_t *poll, int status, int events)
{
    struct http_request *r = poll->data;
    (void)status;
    (void)events;
    http_conn_unwatch(r->conn);
    http_request_gone(r);
}

void http_conn_watch(struct http_conn *c, struct http_request *r)
{
    MUST(c->gone == NULL);
    uv_poll_t *poll = mem_zalloc(sizeof(*poll));
    if (uv_poll_init(c->http->loop, poll, c->fd) != 0) {
        mem_free(poll); /* then it is noticed when something is written */
        return;
    }
    http_handle_opened(c->http);
    poll->data = r;
    c->gone = poll;
    (void)uv_poll_start(poll, UV_DISCONNECT, on_gone);
}

void http_conn_unwatch(struct http_conn *c)
{
    if (c->gone == NULL) {
        return;
    }
    uv_poll_t *poll = c->gone;
    c->gone = NULL;
    (void)uv_poll_stop(poll);
    poll->data = c->http;
    uv_close((uv_handle_t *)poll, http_free_handle);
}
