/* daemon/http_internal.h - what the files of the HTTP side share: the server, its connections,
 * their requests.
 *
 *   accept --> connection: RECEIVING --> request: begin (route, door, who may) --> body --> run
 *                 ^                         run answers at once, or asks the store and is suspended
 *                 |                         until it has an answer
 *                 +--------- sent <-- SENDING <-- answer, or a stream of pieces
 *
 * libmicrohttpd reads and writes; which connections there are, and for how long, is decided here
 * (http_conn.c), since its own limits are inactivity and numbers alone (safety E4). */
#ifndef DAEMON_HTTP_INTERNAL_H_
#define DAEMON_HTTP_INTERNAL_H_

#include <sys/socket.h>

#include <jansson.h>
#include <microhttpd.h>

#include "base/buf.h"
#include "base/list.h"
#include "daemon/http.h"
#include "daemon/http_allow.h"
#include "daemon/http_auth.h"
#include "daemon/json_in.h"
#include "daemon/json_put.h"
#include "daemon/patroni.h"
#include "proto/arena.h"

#define HTTP_BODY_MAX ((size_t)4 * 1024 * 1024)
#define HTTP_BODIES_MAX ((size_t)32 * 1024 * 1024) /* of all requests together */
#define HTTP_RECEIVE_MS 10000 /* headers and body, from the first byte or the connection on */
#define HTTP_IDLE_MS 30000    /* between two requests of one connection */
#define HTTP_READ_MS 10000    /* in which a client has to take some of an answer, */
#define HTTP_READ_BYTES 16384 /* at least this much, or what is left of it */
#define HTTP_TIMEOUT_MS 5000
#define HTTP_TIMEOUT_MS_MAX 600000
#define HTTP_DOORS_MAX 8
#define HTTP_CONNECTIONS 256        /* of @listen, unless set */
#define HTTP_CONTROL_CONNECTIONS 64 /* of the control socket, beside those of @listen */

struct http_conn;
struct http_request;

/* Where connections come in. */
struct http_door {
    struct http *http;
    int fd;
    bool is_control;
    bool is_loopback;
    bool is_open; /* the handle is */
    uv_poll_t poll;
};

/* One daemon of libmicrohttpd, without a socket of its own. */
struct http_engine {
    struct list link;
    struct http *http;
    struct MHD_Daemon *daemon;
    size_t connections;
    bool is_tls;
    enum http_verify verify;
    bool retired; /* its certificates are old: it ends with its last connection */
    int handles;
    uv_poll_t poll;
    uv_timer_t again;
};

enum http_phase {
    HTTP_RECEIVING,
    HTTP_WORKING, /* the request has its own deadline */
    HTTP_SENDING,
};

struct http_conn {
    struct list link; /* oldest first */
    struct http *http;
    struct http_engine *engine;
    struct http_door *door;
    struct MHD_Connection *mhd;
    int fd;
    struct sockaddr_storage peer;
    struct http_request *request; /* NULL: none */
    bool verified;                /* its certificate was looked at */
    bool has_certificate;
    enum http_phase phase;
    uint64_t deadline_ms; /* SENDING: end of the window; WORKING: when nobody answers */
    size_t taken;         /* SENDING: in this window */
    uv_poll_t *gone;      /* while suspended: does the client go away? */
};

struct http {
    struct http_settings settings;
    uv_loop_t *loop;
    struct pgraft *store;
    struct http_door doors[HTTP_DOORS_MAX];
    size_t door_count;
    char *socket_path;
    uint16_t port;
    struct list engines;
    struct http_engine *plain;
    struct http_engine *tls; /* NULL: @listen is plain */
    struct list conns;
    size_t conn_count;
    size_t control_count;
    size_t stream_count;
    size_t body_bytes;
    struct http_conn *accepting;
    struct http_allow *allow;
    uv_timer_t tick;
    bool stopping;
    bool closing;
    int handles; /* open ones of libuv; the last one frees it all */
    struct buf api_url;
};

/* ---- routes (http_routes.c) ---- */

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE };

struct http_route {
    const char *path;
    enum http_method method;
    bool is_write; /* takes "request" (docs/http.md: writes, once) */
    enum http_rule rule;
    bool any_parameters; /* those that are not known are passed over */
    void (*run)(struct http_request *r);
};

/* All that can be done with a path: its rows stand together, so many of them. NULL: no such path.
 */
const struct http_route *http_route_find(const char *path, size_t *ret_count);
const char *http_method_name(enum http_method method);

/* ---- requests (http_request.c) ---- */

struct http_stream {
    struct buf out;
    size_t at;                               /* what was taken of it */
    bool ended;                              /* nothing more comes */
    bool is_broken;                          /* it ends here, and not in order */
    bool waits;                              /* suspended until there is something */
    void (*drained)(struct http_request *r); /* everything was taken; may be NULL */
};

struct http_request {
    struct http *http;
    struct http_conn *conn;
    struct MHD_Connection *mhd;
    const struct http_route *route;
    bool is_head;
    bool is_options;        /* answered as GET, without the body */
    enum patroni_path face; /* one of Patroni's paths, or none */
    bool ran;
    bool suspended;
    bool overdue;   /* the store did not answer in time: it was done without */
    bool gone;      /* the client is, while the store was asked: its answer is for nobody */
    bool completed; /* libmicrohttpd is done with it */
    struct buf body;
    size_t body_size; /* counted in http->body_bytes */
    json_t *json;     /* of one with a body */
    struct arena arena;
    uint32_t timeout_ms;
    uint64_t began_ms; /* the last byte was there */
    bool has_session;
    struct pgraft_session session;

    bool waits; /* for something else than the store; @ended is to end that */

    /* What was asked of the store. */
    size_t pending;
    uint64_t asked;
    void (*done)(struct http_request *r, const struct pgraft_result *result);

    /* The answer. */
    bool answered;
    unsigned status;
    const char *type;
    char allow[64];        /* of a 405; "" */
    const char *challenge; /* of a 401 */
    uint64_t etag;         /* the revision of what is told; 0: none */
    struct buf out;
    struct http_stream *stream;

    /* The handler's own. */
    uint64_t lease; /* the only one that it names; 0: none, or several */
    void *state;
    void (*ended)(struct http_request *r); /* nobody is there any more; may be NULL */
    void (*free_state)(void *state);
};

enum MHD_Result http_request_access(void *cls, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version, const char *upload,
                                    size_t *upload_size, void **context);
void http_request_completed(void *cls, struct MHD_Connection *connection, void **context,
                            enum MHD_RequestTerminationCode why);
/* The store has not even said that the time is over. */
void http_request_overdue(struct http_request *r);
/* The client of a suspended connection went away. */
void http_request_gone(struct http_request *r);
uint64_t http_now_ms(void);

/* How the store is to answer: @done is called with it, unless nobody is there any more. */
struct pgraft_call http_call(struct http_request *r,
                             void (*done)(struct http_request *r,
                                          const struct pgraft_result *result));
/* What a function of the store returned, right after the call: counts it, or fails. */
void http_asked(struct http_request *r, int code, const struct pgraft_error *error);
/* What operation @op of the transaction has read; NULL: there is none. */
const struct pgraft_pair *http_got(const struct pgraft_result *result, size_t op);
/* Under which the supervisor's own words stand in the store. */
struct keys;
void http_keys(const struct http_request *r, struct keys *out);
/* Of the request's time; at least 1. */
uint32_t http_left_ms(const struct http_request *r);

/* Until there is something to say. */
void http_suspend(struct http_request *r);
void http_resume(struct http_request *r);

/* ---- answers (http_answer.c) ---- */

/* @r->out holds one object: it is the answer. */
void http_answer(struct http_request *r, unsigned status);
void http_answer_text(struct http_request *r, unsigned status, const char *type);
/* In Patroni's words, which are no JSON; nothing where an answer is on its way already. */
void http_say(struct http_request *r, unsigned status, const char *text);
void http_fail(struct http_request *r, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void http_fail_status(struct http_request *r, unsigned status, int code, const char *message);
/* With what the store said of it. */
void http_fail_result(struct http_request *r, const struct pgraft_result *result);
/* Does its message say no more than its code? */
bool http_is_bare(const struct pgraft_result *result);
/* By why this node is in no cluster. ERR_CLOSED: it is out for good; ERR_NO_QUORUM: it waits. */
void http_fail_no_member(struct http_request *r);
unsigned http_status_of(int code);
/* Append the object that is the value of "error". */
void http_put_error(struct buf *out, const char *name, int code, const char *message,
                    const struct pgraft_result *result);
/* Hand the answer over to libmicrohttpd. */
enum MHD_Result http_send(struct http_request *r);

/* ---- streams (http_stream.c) ---- */

/* Streams leave some of the connections to others. */
bool http_stream_has_room(const struct http_request *r);
/* The answer is a stream; @drained is called whenever everything was taken. */
void http_stream_begin(struct http_request *r, const char *type,
                       void (*drained)(struct http_request *r));
/* What waits to be taken; append to it, then call http_stream_go(). */
struct buf *http_stream_out(struct http_request *r);
size_t http_stream_size(const struct http_request *r);
void http_stream_go(struct http_request *r);
void http_stream_end(struct http_request *r, bool in_order);
struct MHD_Response *http_stream_make(struct http_request *r);

/* ---- connections (http_conn.c) ---- */

void http_conn_accept(struct http_door *door, int fd, const struct sockaddr_storage *peer,
                      socklen_t peer_size);
struct http_conn *http_conn_of(struct MHD_Connection *connection);
void http_conn_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
                      enum MHD_ConnectionNotificationCode code);
void http_conn_phase(struct http_conn *c, enum http_phase phase);
void http_conn_took(struct http_conn *c, size_t bytes);
/* While it is suspended: look for its end. */
void http_conn_watch(struct http_conn *c, struct http_request *r);
void http_conn_unwatch(struct http_conn *c);
void http_conn_kill(struct http_conn *c);
/* Whose time is over. */
void http_conn_tick(struct http *http);

/* ---- the loop's handles (http.c) ---- */

void http_handle_opened(struct http *http);
void http_handle_closed(struct http *http);
/* For uv_close(): of one that mem_free() frees, and whose data is the struct http. */
void http_free_handle(uv_handle_t *handle);
void http_run_engine(struct http_engine *engine);
/* In the next turn of the loop: libmicrohttpd does not notice by itself that a connection was
 * resumed. */
void http_run_soon(struct http_engine *engine);
/* It runs while there are connections. */
void http_tick_start(struct http *http);

/* ---- TLS (http_tls.c) ---- */

struct http_tls_files {
    struct buf cert;
    struct buf key;
    struct buf ca;
};
int http_tls_read(const struct http_settings *settings, struct http_tls_files *out,
                  struct err *err);
/* Do they fit together? An error names the file that does not. */
int http_tls_check(const struct http_tls_files *files, const struct http_settings *settings,
                   struct err *err);
void http_tls_close(struct http_tls_files *files);
/* The client has a certificate that the configured authority has signed. */
bool http_tls_has_certificate(struct MHD_Connection *connection);

/* ---- sockets (http_listen.c) ---- */

/* "host:port", everything that it resolves to. */
int http_listen_tcp(struct http *http, const char *address, struct err *err);
/* The first of the paths that can be made. */
int http_listen_control(struct http *http, struct err *err);

/* ---- the members of a request ---- */

/* Of a POST: @fields, and those that all have; false: it was refused. */
bool http_take(struct http_request *r, const struct json_in_field *fields, size_t count);
/* Of a request that has none but timeout_ms; false: it was refused. */
bool http_take_parameters(struct http_request *r);

/* ---- keys and values in requests (http_kv_in.c) and answers (http_kv_out.c) ---- */

struct http_span_in {
    struct json_in_bytes key;
    struct json_in_bytes prefix;
    struct json_in_bytes from;
    struct json_in_bytes end;
    struct json_in_bytes after;
};
/* The fields of a span, without "after": so many of them are written to @out. */
#define HTTP_SPAN_FIELDS 4
void http_span_fields(struct http_span_in *span, struct json_in_field *out);
/* @ret_empty: nothing can be in it. */
int http_span_make(const struct http_span_in *in, const char *where, struct arena *arena,
                   struct pgraft_span *out, bool *ret_empty, struct err *err);
struct pgraft_slice http_slice(const struct json_in_bytes *in);
/* "if", "then" and "else"; lives as long as the request's arena. */
int http_txn_take(struct http_request *r, json_t *compares, json_t *then_ops, json_t *else_ops,
                  struct pgraft_txn *out, struct err *err);

void http_put_pair(struct buf *out, const char *name, const struct pgraft_pair *pair,
                   bool without_value);
/* The members of the answer to one operation. */
void http_put_op(struct buf *out, const struct pgraft_op_result *op, bool keys_only);

/* ---- what can be asked for: one function for each route ---- */

void http_kv_get(struct http_request *r);
void http_kv_range(struct http_request *r);
void http_kv_put(struct http_request *r);
void http_kv_delete(struct http_request *r);
void http_kv_txn(struct http_request *r);
void http_kv_compact(struct http_request *r);
void http_watch(struct http_request *r);
void http_snapshot(struct http_request *r);
void http_lease_grant(struct http_request *r);
void http_lease_keepalive(struct http_request *r);
void http_lease_revoke(struct http_request *r);
void http_lease_list(struct http_request *r);
void http_lease_show(struct http_request *r);
void http_member_add(struct http_request *r);
void http_member_remove(struct http_request *r);
void http_member_promote(struct http_request *r);
void http_member_demote(struct http_request *r);
void http_member_replace(struct http_request *r);
void http_transfer(struct http_request *r);
void http_form(struct http_request *r);
void http_upgrade(struct http_request *r);
void http_life(struct http_request *r);
void http_explain(struct http_request *r);
void http_forget(struct http_request *r);
void http_raft(struct http_request *r);
void http_store_health(struct http_request *r);
void http_since(struct http_request *r);
void http_node_health(struct http_request *r);
void http_liveness(struct http_request *r);
void http_readiness(struct http_request *r);
void http_metrics(struct http_request *r);
void http_patroni(struct http_request *r);
void http_config_get(struct http_request *r);
void http_config_patch(struct http_request *r);
void http_config_put(struct http_request *r);
void http_fence(struct http_request *r);
void http_unfence(struct http_request *r);
void http_switchover(struct http_request *r);
void http_switchover_delete(struct http_request *r);
void http_failover(struct http_request *r);
void http_restart(struct http_request *r);
void http_restart_delete(struct http_request *r);
void http_reload_node(struct http_request *r);
void http_reinitialize(struct http_request *r);
void http_reinitialize_delete(struct http_request *r);
void http_failsafe(struct http_request *r);
void http_failsafe_post(struct http_request *r);
void http_view(struct http_request *r);
void http_events(struct http_request *r);

/* A node without PostgreSQL, with a @note if that is not NULL. */
void http_put_node(struct http_request *r, const char *state, const char *note);

/* ---- a PostgreSQL behind the node's own health (http_patroni.c) ---- */

/* The newest view; NULL: nobody publishes any. */
const struct cluster_view *http_patroni_view(const struct http_request *r);
bool http_patroni_supervises(const struct http_request *r);
/* Its supervisor stands still. */
bool http_patroni_stalls(const struct http_request *r);
void http_patroni_health(struct http_request *r, enum patroni_path path);

#endif /* DAEMON_HTTP_INTERNAL_H_ */
