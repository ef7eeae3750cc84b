/* daemon/http.c - opening and closing the HTTP side, and libmicrohttpd as a guest of libuv's loop.
 *
 * libmicrohttpd watches its sockets with an epoll descriptor of its own; this descriptor is what
 * libuv watches. It never sleeps and never listens: connections are accepted here and handed to
 * it. */
#include "daemon/http_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"

#define TICK_MS 500
/* A client that reads fast must not keep the loop to itself. */
#define RUNS_AT_ONCE 8
/* What one connection may take inside of libmicrohttpd: headers, above all. */
#define CONNECTION_MEMORY ((size_t)24 * 1024)
/* How long answers may take to leave when everything ends. */
#define LAST_MOMENT_MS 300

/* ---- the loop's handles ---- */

static void free_engine(struct http_engine *engine)
{
    list_remove(&engine->link);
    mem_free(engine);
}

void http_handle_opened(struct http *http)
{
    http->handles++;
}

void http_handle_closed(struct http *http)
{
    http->handles--;
    if (!http->closing || http->handles > 0) {
        return;
    }
    LIST_FOR_EACH_SAFE (struct http_engine, engine, &http->engines, link) {
        free_engine(engine);
    }
    buf_close(&http->api_url);
    mem_free(http->socket_path);
    mem_free(http);
}

void http_free_handle(uv_handle_t *handle)
{
    http_handle_closed(handle->data);
    mem_free(handle);
}

static void on_engine_closed(uv_handle_t *handle)
{
    struct http_engine *engine = handle->data;
    struct http *http = engine->http;
    engine->handles--;
    if (engine->handles == 0) {
        free_engine(engine);
    }
    http_handle_closed(http);
}

static void on_closed(uv_handle_t *handle)
{
    http_handle_closed(handle->data);
}

/* ---- libmicrohttpd ---- */

static void run_again(uv_timer_t *timer)
{
    http_run_engine(timer->data);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    http_run_engine(poll->data);
}

static void end_engine(struct http_engine *engine)
{
    if (engine->daemon == NULL) {
        return;
    }
    if (engine->handles > 0) {
        (void)uv_poll_stop(&engine->poll);
        uv_close((uv_handle_t *)&engine->poll, on_engine_closed);
        uv_close((uv_handle_t *)&engine->again, on_engine_closed);
    }
    struct MHD_Daemon *daemon = engine->daemon;
    engine->daemon = NULL;
    MHD_stop_daemon(daemon);
}

void http_run_soon(struct http_engine *engine)
{
    (void)uv_timer_start(&engine->again, run_again, 0, 0);
}

void http_run_engine(struct http_engine *engine)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    bool more = true;
    for (int i = 0; more && i < RUNS_AT_ONCE; i++) {
        (void)MHD_run(engine->daemon);
        more = MHD_get_timeout(engine->daemon, &wait_ms) == MHD_YES && wait_ms == 0;
    }
    if (more) {
        http_run_soon(engine);
    }
    if (engine->retired && engine->connections == 0 && !engine->http->closing) {
        end_engine(engine);
    }
}

__attribute__((format(printf, 2, 0))) static void on_log(void *cls, const char *fmt, va_list args)
{
    char line[256];
    (void)cls;
    (void)vsnprintf(line, sizeof(line), fmt, args);
    line[strcspn(line, "\n")] = '\0';
    log_debug("http", "libmicrohttpd says", LOG_STR("text", line));
}

static void *on_request_line(void *cls, const char *uri, struct MHD_Connection *connection)
{
    (void)cls;
    (void)uri;
    http_conn_phase(http_conn_of(connection), HTTP_RECEIVING);
    return NULL;
}

static struct http_engine *create_engine(struct http *http, const struct http_tls_files *tls,
                                         struct err *err)
{
    struct http_engine *engine = mem_zalloc(sizeof(*engine));
    list_init(&engine->link);
    engine->http = http;
    engine->is_tls = tls != NULL;
    engine->verify = http->settings.verify;
    const struct http_settings *s = &http->settings;
    struct MHD_OptionItem options[6];
    size_t count = 0;
    if (tls != NULL) {
        const char *priorities =
            s->priorities != NULL ? s->priorities : "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
        options[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, tls->cert.bytes};
        options[count++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, tls->key.bytes};
        options[count++] =
            (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)priorities};
        if (s->key_password != NULL && secret_is_set(s->key_password)) {
            options[count++] =
                (struct MHD_OptionItem){MHD_OPTION_HTTPS_KEY_PASSWORD, 0,
                                        (void *)(uintptr_t)secret_reveal(s->key_password)};
        }
        if (s->verify != HTTP_VERIFY_NONE) {
            options[count++] =
                (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0, tls->ca.bytes};
        }
    }
    options[count] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET |
                     MHD_USE_ERROR_LOG | (tls != NULL ? MHD_USE_TLS : 0U);
    engine->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, http_request_access, http, MHD_OPTION_EXTERNAL_LOGGER, on_log, http,
        MHD_OPTION_NOTIFY_COMPLETED, http_request_completed, http, MHD_OPTION_NOTIFY_CONNECTION,
        http_conn_notify, http, MHD_OPTION_URI_LOG_CALLBACK, on_request_line, http,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_CONNECTION_LIMIT, 4096U, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
    if (engine->daemon == NULL) {
        mem_free(engine);
        err_set(err, ERR_INVALID,
                tls != NULL ? "restapi.certfile: the HTTP server can not be started with it"
                            : "the HTTP server can not be started");
        return NULL;
    }
    list_push_back(&http->engines, &engine->link);
    return engine;
}

static void open_engine(struct http_engine *engine)
{
    struct http *http = engine->http;
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(engine->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    MUST(info != NULL);
    int rc = uv_poll_init(http->loop, &engine->poll, info->listen_fd);
    MUST(rc == 0);
    rc = uv_timer_init(http->loop, &engine->again);
    MUST(rc == 0);
    engine->poll.data = engine;
    engine->again.data = engine;
    engine->handles = 2;
    http_handle_opened(http);
    http_handle_opened(http);
    rc = uv_poll_start(&engine->poll, UV_READABLE, on_readable);
    MUST(rc == 0);
}

static int create_tls(struct http *http, struct http_engine **ret, struct err *err)
{
    struct http_tls_files files = {0};
    *ret = NULL;
    if (http->settings.certfile == NULL) {
        return 0;
    }
    int code = http_tls_read(&http->settings, &files, err);
    if (code == 0 && http->settings.priorities != NULL) {
        code = http_check_priorities(http->settings.priorities, err);
    }
    code = code != 0 ? code : http_tls_check(&files, &http->settings, err);
    if (code == 0) {
        *ret = create_engine(http, &files, err);
        code = *ret == NULL ? ERR_INVALID : 0;
    }
    http_tls_close(&files);
    return code;
}

/* ---- doors ---- */

static void on_knock(uv_poll_t *poll, int status, int events)
{
    struct http_door *door = poll->data;
    (void)events;
    for (int i = 0; status == 0 && i < 32; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t size = sizeof(peer);
        int fd = accept4(door->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            http_conn_accept(door, fd, &peer, size);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            (void)uv_poll_stop(&door->poll); /* the tick opens it again */
            http_tick_start(door->http);
        }
        return;
    }
}

static void open_door(struct http_door *door)
{
    int rc = uv_poll_init(door->http->loop, &door->poll, door->fd);
    MUST(rc == 0);
    door->poll.data = door;
    door->is_open = true;
    http_handle_opened(door->http);
    rc = uv_poll_start(&door->poll, UV_READABLE, on_knock);
    MUST(rc == 0);
}

static void on_door_closed(uv_handle_t *handle)
{
    struct http_door *door = handle->data;
    http_handle_closed(door->http);
}

static void close_doors(struct http *http)
{
    for (size_t i = 0; i < http->door_count; i++) {
        struct http_door *door = &http->doors[i];
        if (door->is_open) {
            (void)uv_poll_stop(&door->poll);
            uv_close((uv_handle_t *)&door->poll, on_door_closed);
            door->is_open = false;
        }
        if (door->fd >= 0) {
            (void)close(door->fd);
            door->fd = -1;
        }
    }
    if (http->socket_path != NULL) {
        (void)unlink(http->socket_path);
        mem_free(http->socket_path);
        http->socket_path = NULL;
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct http *http = timer->data;
    for (size_t i = 0; i < http->door_count; i++) {
        if (http->doors[i].is_open && !uv_is_active((uv_handle_t *)&http->doors[i].poll)) {
            (void)uv_poll_start(&http->doors[i].poll, UV_READABLE, on_knock);
        }
    }
    http_conn_tick(http);
    if (http->conn_count == 0) {
        (void)uv_timer_stop(timer);
    }
}

void http_tick_start(struct http *http)
{
    if (!uv_is_active((uv_handle_t *)&http->tick)) {
        (void)uv_timer_start(&http->tick, on_tick, TICK_MS, TICK_MS);
    }
}

/* ---- opening and closing ---- */

static void drop(struct http *http)
{
    close_doors(http);
    LIST_FOR_EACH_SAFE (struct http_engine, engine, &http->engines, link) {
        MHD_stop_daemon(engine->daemon);
        free_engine(engine);
    }
    mem_free(http);
}

int http_open(const struct http_settings *settings, uv_loop_t *loop, struct pgraft *store,
              struct http **ret_http, struct err *err)
{
    struct http *http = mem_zalloc(sizeof(*http));
    http->settings = *settings;
    http->loop = loop;
    http->store = store;
    list_init(&http->engines);
    list_init(&http->conns);
    int code = create_tls(http, &http->tls, err);
    if (code == 0) {
        http->plain = create_engine(http, NULL, err);
        code = http->plain == NULL ? ERR_SYSTEM : 0;
    }
    code = code != 0 ? code : http_listen_control(http, err);
    code =
        code != 0 || settings->listen == NULL ? code : http_listen_tcp(http, settings->listen, err);
    if (code != 0) {
        drop(http);
        return code;
    }
    LIST_FOR_EACH (struct http_engine, engine, &http->engines, link) {
        open_engine(engine);
    }
    for (size_t i = 0; i < http->door_count; i++) {
        open_door(&http->doors[i]);
    }
    int rc = uv_timer_init(loop, &http->tick);
    MUST(rc == 0);
    http->tick.data = http;
    http_handle_opened(http);
    http->allow = http_allow_open(http);
    *ret_http = http;
    return 0;
}

/* Connections that come are those of @fresh, or plain; the others end with the engine they have. */
static void take_over(struct http *http, struct http_engine *fresh)
{
    struct http_engine *retired = http->tls;
    http->tls = fresh;
    if (fresh != NULL) {
        open_engine(fresh);
    }
    if (retired != NULL) {
        retired->retired = true;
        http_run_engine(retired);
    }
}

int http_reload(struct http *http, const struct http_settings *settings, struct err *err)
{
    struct http_engine *fresh = NULL;
    http->settings = *settings;
    if (http->stopping) {
        return 0;
    }
    int code = create_tls(http, &fresh, err);
    if (code == 0) {
        take_over(http, fresh);
    }
    http_allow_reload(http->allow);
    return code;
}

const char *http_socket(const struct http *http)
{
    return http->socket_path;
}

uint16_t http_port(const struct http *http)
{
    return http->port;
}

void http_stop(struct http *http)
{
    if (http->stopping) {
        return;
    }
    http->stopping = true;
    close_doors(http);
    LIST_FOR_EACH_SAFE (struct http_conn, c, &http->conns, link) {
        bool idle = c->phase == HTTP_RECEIVING && c->request == NULL;
        if (idle) {
            http_conn_kill(c);
        }
    }
}

/* What was answered leaves, if whoever asked takes it. */
static void last_moment(struct http *http)
{
    uint64_t until_ms = http_now_ms() + LAST_MOMENT_MS;
    while (http->conn_count > 0 && http_now_ms() < until_ms) {
        LIST_FOR_EACH_SAFE (struct http_engine, engine, &http->engines, link) {
            if (engine->daemon != NULL) {
                http_run_engine(engine);
            }
        }
        http_stop(http);
        struct timespec pause = {.tv_nsec = 1000000};
        (void)nanosleep(&pause, NULL);
    }
}

void http_close(struct http *http)
{
    if (http == NULL) {
        return;
    }
    http_stop(http);
    last_moment(http);
    http->closing = true;
    http_allow_close(http->allow);
    (void)uv_timer_stop(&http->tick);
    uv_close((uv_handle_t *)&http->tick, on_closed);
    LIST_FOR_EACH_SAFE (struct http_engine, engine, &http->engines, link) {
        end_engine(engine);
    }
}
