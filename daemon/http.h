/* daemon/http.h - the HTTP side of a node (docs/http.md): on a loop of libuv, in its thread.
 *
 *     http_open(&settings, loop, store, &http, &err);      listens
 *     ... the loop runs; somebody calls pgraft_dispatch() when pgraft_fd() is readable ...
 *     http_stop(http);          takes nothing new, ends streams; what runs goes on
 *     pgraft_close(store);      answers everything that still waits
 *     http_close(http);         a last moment for answers to leave; then the loop has to run until
 *                               it has nothing left to do
 *
 * Nothing here blocks, and of PostgreSQL nothing is known but what a view says. What a client can
 * make the process hold is bounded: connections, streams, bytes of bodies, time
 * (daemon/http_conn.c). */
#ifndef DAEMON_HTTP_H_
#define DAEMON_HTTP_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"
#include "consensus/pgraft.h"
#include "supervisor/restart_order.h"

struct http;
struct view_board;

enum http_verify { HTTP_VERIFY_NONE, HTTP_VERIFY_OPTIONAL, HTTP_VERIFY_REQUIRED };

struct http_header {
    const char *name;
    const char *value;
};

/* The program itself, for `pgraftctl upgrade`. */
struct http_upgrade {
    int (*begin)(void *ctx, struct err *err); /* NULL: it can not be upgraded */
    void (*tell)(void *ctx, struct buf *out); /* members of an object */
    void *ctx;
};

/* What an operator has this node do with its PostgreSQL (supervisor/supervisor.h says what each
 * returns), and with its own configuration; NULL, all of them: nothing. */
struct http_tasks {
    int (*restart)(void *ctx, uint64_t timeout_ms, uint64_t *ret_id, struct err *err);
    int (*ended)(void *ctx, uint64_t id, struct err *err);
    int (*restart_later)(void *ctx, const struct restart_order *order, uint64_t *ret_id,
                         struct err *err);
    int (*restart_never)(void *ctx, uint64_t *ret_id, struct err *err);
    int (*kept)(void *ctx, uint64_t id, struct err *err); /* of these two */
    int (*reinitialize)(void *ctx, bool force, bool from_leader, struct err *err);
    int (*keep_copy)(void *ctx, struct err *err);
    void (*reload)(void *ctx); /* later, not from in here */
    void *ctx;
};

/* Where the settings of this node come from. @done is called once, perhaps in here, unless the
 * owner was forgotten: @err, or the members of an object. */
typedef void (*http_explain_cb)(void *owner, const struct err *err, const struct buf *answer);
struct http_explain {
    /* @name NULL: all of them. NULL: nobody knows. */
    int (*begin)(void *ctx, const char *name, http_explain_cb done, void *owner, struct err *err);
    void (*forget)(void *ctx, void *owner);
    void *ctx;
};

/* What it points to lives until http_close(), or until http_reload() has brought other settings.
 * Texts that are not set are NULL. */
struct http_settings {
    /* Where. Both may be missing: then nobody can ask. */
    const char *listen;     /* "host:port", "[::1]:port", "*:port" */
    const char *sockets[2]; /* the control socket: the first of these that can be made */

    const char *certfile; /* with it: TLS on @listen */
    const char *keyfile;  /* NULL: it is in @certfile */
    const struct secret *key_password;
    const char *cafile;
    const char *priorities; /* of GnuTLS; NULL: TLS 1.2 and 1.3 as GnuTLS thinks best */
    enum http_verify verify;

    /* Who may POST (docs/http.md). */
    const char *user;
    const struct secret *password;
    const char *const *allowlist; /* addresses, networks, names; of @allowlist_count */
    size_t allowlist_count;
    bool allow_members;                /* and the members of the cluster */
    const char *server;                /* the header Server; NULL: none */
    const struct http_header *headers; /* added to every answer in plain text */
    size_t header_count;
    const struct http_header *tls_headers; /* ... and to those over TLS */
    size_t tls_header_count;

    /* Who this node is. */
    const char *scope;
    const char *space; /* "/service/" */
    const char *name;
    bool is_witness;
    uint32_t voters_max;
    uint32_t connections_max; /* of @listen; 0: 256 */

    /* What is told of PostgreSQL, read in this thread; NULL: this node supervises none and hears of
     * none. */
    struct view_board *board;
    struct http_upgrade upgrade;
    struct http_tasks tasks;
    struct http_explain explain;
};

/* Does GnuTLS take it? For who wants to know before anything is opened. */
int http_check_priorities(const char *priorities, struct err *err);

/* Listens at once. ERR_INVALID, ERR_NOT_FOUND, ERR_SYSTEM...: nothing is left behind. */
int http_open(const struct http_settings *settings, uv_loop_t *loop, struct pgraft *store,
              struct http **ret_http, struct err *err);
/* From now on @settings. Certificates are read again, for connections that come; those that stand
 * go on by the certificates and the @verify that they began with. Where it listens does not change.
 * On an error certfile, keyfile, cafile, priorities and verify stay in force as they were, with
 * what was in the files then; all else is that of @settings, and the old ones are not needed any
 * more. */
int http_reload(struct http *http, const struct http_settings *settings, struct err *err);
/* The path of the control socket, NULL if there is none. */
const char *http_socket(const struct http *http);
/* The port of @listen, for tests that asked for port 0; 0: none. */
uint16_t http_port(const struct http *http);

void http_stop(struct http *http);
/* Accepts NULL. */
void http_close(struct http *http);

#endif /* DAEMON_HTTP_H_ */
