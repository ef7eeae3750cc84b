/* supervisor/pg_link.c - drives libpq by the readiness of its socket.
 *
 * libpq may close its socket and open another one while it connects, under the same number. So the
 * watch on the socket is ended before libpq is let on and made anew after: a new handle for each
 * step of an attempt, a handful in all. */
#include "supervisor/pg_link.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"

#define OPTIONS_SIZE 128
#define NO_FILE "/nonexistent" /* libpq finds no password there and says nothing about it */

#define TLS_WORDS 9

struct link_poll {
    uv_poll_t poll;
    struct pg_link *link; /* NULL: on its way out */
};

struct pg_link_words {
    char *host;
    char port[8];
    char *user;
    char *database;
    char *passfile;
    char *application_name;
    char *tls[TLS_WORDS];
    uint64_t connect_ms;
    uint64_t statement_ms;
    uint64_t pause_min_ms;
    uint64_t pause_max_ms;
    bool is_replication;
};

static void advance(struct pg_link *link);

/* ---- what is pure ---- */

bool pg_host_is_place(const char *host)
{
    struct in6_addr bytes;
    return host != NULL && (host[0] == '/' || inet_pton(AF_INET, host, &bytes) == 1 ||
                            inet_pton(AF_INET6, host, &bytes) == 1);
}

/* With PQERRORS_VERBOSE: "FATAL:  28P01: password ...", where FATAL may be in any language. */
void pg_sqlstate_of(const char *message, char out[PG_SQLSTATE_SIZE])
{
    const size_t digits = PG_SQLSTATE_SIZE - 1;
    out[0] = '\0';
    for (const char *at = strstr(message, ":  "); at != NULL; at = strstr(at + 1, ":  ")) {
        const char *code = at + 3;
        size_t count = 0;
        while (count < digits && (isdigit((unsigned char)code[count]) != 0 ||
                                  isupper((unsigned char)code[count]) != 0)) {
            count++;
        }
        if (count == digits && code[digits] == ':') {
            memcpy(out, code, digits);
            out[digits] = '\0';
            return;
        }
    }
}

bool pg_failure_lacks_password(const struct pg_failure *failure)
{
    return failure->err.code == ERR_DENIED && failure->sqlstate[0] == '\0';
}

/* What the caller can do about it. */
static int code_of(const char *sqlstate)
{
    if (sqlstate[0] == '\0') {
        return ERR_CLOSED;
    }
    bool is_denied = strncmp(sqlstate, "28", 2) == 0 || strcmp(sqlstate, "42501") == 0;
    bool is_gone = strncmp(sqlstate, "57P", 3) == 0 || strncmp(sqlstate, "08", 2) == 0;
    return is_denied ? ERR_DENIED : is_gone ? ERR_CLOSED : ERR_REFUSED;
}

static void set_failure(struct pg_failure *failure, int code, const char *sqlstate,
                        const char *message)
{
    *failure = (struct pg_failure){.err.code = code};
    (void)snprintf(failure->sqlstate, sizeof(failure->sqlstate), "%s", sqlstate);
    /* The first line says it; the others are a hint and a place in PostgreSQL's source. */
    int length = (int)strcspn(message, "\n");
    (void)err_set(&failure->err, code, "%.*s", length, message);
}

/* ---- the watch on the socket ---- */

static void poll_closed_cb(uv_handle_t *handle)
{
    mem_free(CONTAINER_OF(handle, struct link_poll, poll));
}

static void unwatch(struct pg_link *link)
{
    if (link->poll != NULL) {
        link->poll->link = NULL;
        (void)uv_poll_stop(&link->poll->poll);
        uv_close((uv_handle_t *)&link->poll->poll, poll_closed_cb);
        link->poll = NULL;
    }
}

static void poll_cb(uv_poll_t *handle, int status, int events)
{
    struct pg_link *link = CONTAINER_OF(handle, struct link_poll, poll)->link;
    (void)status; /* libpq finds out by itself what is wrong with its socket */
    (void)events;
    if (link != NULL) {
        advance(link);
    }
}

/* False: there is no socket to watch. */
static bool watch(struct pg_link *link, int events)
{
    int fd = PQsocket((PGconn *)link->connection);
    if (fd < 0) {
        return false;
    }
    if (link->poll == NULL) {
        struct link_poll *made = (struct link_poll *)mem_zalloc(sizeof(*made));
        if (uv_poll_init(link->loop, &made->poll, fd) != 0) {
            mem_free(made);
            return false;
        }
        made->link = link;
        link->poll = made;
    }
    return uv_poll_start(&link->poll->poll, events, poll_cb) == 0;
}

/* ---- ends ---- */

static void disconnect(struct pg_link *link)
{
    unwatch(link);
    (void)uv_timer_stop(&link->timer);
    PQclear((PGresult *)link->result);
    link->result = NULL;
    PQfinish((PGconn *)link->connection);
    link->connection = NULL;
}

static void answer(struct pg_link *link, const struct pg_rows *rows,
                   const struct pg_failure *failure)
{
    pg_link_rows_cb on_rows = TAKE(link->on_rows);
    if (on_rows != NULL) {
        on_rows(link, rows, failure);
    }
}

static void pause_cb(uv_timer_t *timer);
static void deadline_cb(uv_timer_t *timer);

static void start_timer(struct pg_link *link, uv_timer_cb cb, uint64_t after_ms)
{
    int r = uv_timer_start(&link->timer, cb, after_ms, 0);
    MUST(r == 0); /* fails only on a closing handle */
}

/* The connection, or the attempt, is over; another one follows after the pause. */
static void fail(struct pg_link *link, const struct pg_failure *failure)
{
    struct pg_failure kept = *failure;
    disconnect(link);
    link->failure = kept;
    link->state = PG_LINK_WAITS;
    start_timer(link, pause_cb, link->pause_ms);
    link->pause_ms = link->pause_ms * 2 < link->words->pause_max_ms ? link->pause_ms * 2
                                                                    : link->words->pause_max_ms;
    answer(link, NULL, &kept);
    if (link->state != PG_LINK_CLOSED && link->on_change != NULL) {
        link->on_change(link);
    }
}

static void fail_as(struct pg_link *link, int code, const char *message)
{
    struct pg_failure failure;
    set_failure(&failure, code, "", message);
    fail(link, &failure);
}

static void fail_by_libpq(struct pg_link *link)
{
    const char *message = PQerrorMessage((PGconn *)link->connection);
    char sqlstate[PG_SQLSTATE_SIZE];
    struct pg_failure failure;
    pg_sqlstate_of(message, sqlstate);
    bool lacks_password = PQconnectionNeedsPassword((PGconn *)link->connection) != 0;
    set_failure(&failure, lacks_password ? ERR_DENIED : code_of(sqlstate), sqlstate, message);
    fail(link, &failure);
}

static void deadline_cb(uv_timer_t *timer)
{
    struct pg_link *link = CONTAINER_OF(timer, struct pg_link, timer);
    fail_as(link, ERR_TIMEOUT,
            link->state == PG_LINK_ASKS ? "the query was not answered in time"
                                        : "PostgreSQL did not take the connection in time");
}

/* ---- connecting ---- */

/* Environment and service files are out of the game: what is not given here has its default. */
static PGconn *start_attempt(const struct pg_link_words *w)
{
    char options[OPTIONS_SIZE];
    bool is_socket = w->host[0] == '/';
    (void)snprintf(options, sizeof(options),
                   "-c DateStyle=ISO -c search_path=pg_catalog -c statement_timeout=%" PRIu64,
                   w->statement_ms);
    const char *const keys[] = {"host",
                                is_socket ? "port" : "hostaddr",
                                "port",
                                "user",
                                "dbname",
                                "passfile",
                                "options",
                                "application_name",
                                "sslmode",
                                "sslkey",
                                "sslpassword",
                                "sslcert",
                                "sslrootcert",
                                "sslcrl",
                                "sslcrldir",
                                "sslnegotiation",
                                "channel_binding",
                                "gssencmode",
                                "client_encoding",
                                "replication",
                                NULL};
    const char *const values[] = {
        w->host,
        is_socket ? w->port : w->host,
        w->port,
        w->user,
        w->database,
        w->passfile,
        w->is_replication ? NULL : options, /* it is in no database that they could be of */
        w->application_name,
        w->tls[0], /* a library that does not know one passes over it where it is empty */
        w->tls[1],
        w->tls[2],
        w->tls[3],
        w->tls[4],
        w->tls[5],
        w->tls[6],
        w->tls[7],
        w->tls[8],
        "disable",
        w->is_replication ? NULL : "UTF8",
        w->is_replication ? "true" : NULL,
        NULL};
    _Static_assert(ARRAY_LEN(keys) == ARRAY_LEN(values), "one value for each key");
    return PQconnectStartParams(keys, values, 0);
}

static void begin(struct pg_link *link)
{
    link->attempts++;
    link->state = PG_LINK_CONNECTS;
    PGconn *connection = start_attempt(link->words);
    link->connection = connection;
    if (connection == NULL) {
        fail_as(link, ERR_SYSTEM, "no memory for a connection");
        return;
    }
    (void)PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
    start_timer(link, deadline_cb, link->words->connect_ms);
    if (PQstatus(connection) == CONNECTION_BAD || !watch(link, UV_WRITABLE)) {
        fail_by_libpq(link);
    }
}

static void pause_cb(uv_timer_t *timer)
{
    begin(CONTAINER_OF(timer, struct pg_link, timer));
}

/* A notice is nobody's business here: libpq would print it. */
static void no_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

static void become_ready(struct pg_link *link)
{
    PGconn *connection = (PGconn *)link->connection;
    (void)uv_timer_stop(&link->timer);
    (void)PQsetnonblocking(connection, 1);
    (void)PQsetNoticeReceiver(connection, no_notice, NULL);
    link->state = PG_LINK_READY;
    link->failure = (struct pg_failure){.err.code = 0};
    link->pause_ms = link->words->pause_min_ms;
    if (!watch(link, UV_READABLE)) { /* so that the end of the server is seen at once */
        fail_as(link, ERR_SYSTEM, "the connection's socket can not be watched");
        return;
    }
    if (link->on_change != NULL) {
        link->on_change(link);
    }
}

static void advance_attempt(struct pg_link *link)
{
    unwatch(link);
    switch (PQconnectPoll((PGconn *)link->connection)) {
        case PGRES_POLLING_READING:
            if (!watch(link, UV_READABLE)) {
                fail_as(link, ERR_SYSTEM, "the connection's socket can not be watched");
            }
            return;
        case PGRES_POLLING_WRITING:
            if (!watch(link, UV_WRITABLE)) {
                fail_as(link, ERR_SYSTEM, "the connection's socket can not be watched");
            }
            return;
        case PGRES_POLLING_OK:
            become_ready(link);
            return;
        case PGRES_POLLING_FAILED:
        case PGRES_POLLING_ACTIVE:
            break;
    }
    fail_by_libpq(link);
}

/* ---- asking ---- */

static void answer_with_result(struct pg_link *link, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        struct pg_failure failure;
        sqlstate = sqlstate != NULL ? sqlstate : "";
        set_failure(&failure, code_of(sqlstate), sqlstate,
                    message != NULL ? message : PQresultErrorMessage(result));
        answer(link, NULL, &failure);
        return;
    }
    struct pg_rows rows = {.count = (uint32_t)PQntuples(result),
                           .columns = (uint32_t)PQnfields(result)};
    size_t count = (size_t)rows.count * rows.columns;
    CLEANUP(mem_freep) const char **cells = (const char **)mem_array(count, sizeof(*cells));
    for (size_t i = 0; i < count; i++) {
        int row = (int)(i / rows.columns);
        int column = (int)(i % rows.columns);
        cells[i] = PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
    }
    rows.cells = cells;
    answer(link, &rows, NULL);
}

/* The link may be anything afterwards: its owner was called. */
static void finish_query(struct pg_link *link)
{
    PGresult *result = (PGresult *)TAKE(link->result);
    (void)uv_timer_stop(&link->timer);
    link->state = PG_LINK_READY;
    if (result == NULL) {
        fail_by_libpq(link);
        return;
    }
    answer_with_result(link, result);
    PQclear(result);
}

static void advance_query(struct pg_link *link)
{
    PGconn *connection = (PGconn *)link->connection;
    int left = PQflush(connection);
    if (left < 0 || PQconsumeInput(connection) == 0) {
        fail_by_libpq(link);
        return;
    }
    if (left > 0) {
        (void)watch(link, UV_READABLE | UV_WRITABLE);
        return;
    }
    (void)watch(link, UV_READABLE);
    while (PQisBusy(connection) == 0) {
        PGresult *result = PQgetResult(connection);
        if (result == NULL) {
            if (PQstatus(connection) == CONNECTION_BAD) {
                PQclear((PGresult *)TAKE(link->result));
            }
            finish_query(link);
            return;
        }
        PQclear((PGresult *)link->result);
        link->result = result;
    }
}

/* What comes without a question is a notice, a changed setting, or the end. */
static void advance_rest(struct pg_link *link)
{
    PGconn *connection = (PGconn *)link->connection;
    bool is_read = PQconsumeInput(connection) != 0;
    while (is_read && PQisBusy(connection) == 0) {
        PGresult *result = PQgetResult(connection);
        if (result == NULL) {
            break;
        }
        PQclear(result);
    }
    if (!is_read || PQstatus(connection) == CONNECTION_BAD || !watch(link, UV_READABLE)) {
        fail_by_libpq(link);
    }
}

static void advance(struct pg_link *link)
{
    switch (link->state) {
        case PG_LINK_CONNECTS:
            advance_attempt(link);
            return;
        case PG_LINK_ASKS:
            advance_query(link);
            return;
        case PG_LINK_READY:
            advance_rest(link);
            return;
        case PG_LINK_IDLE:
        case PG_LINK_WAITS:
        case PG_LINK_CLOSED:
            break;
    }
}

static void broken_cb(uv_timer_t *timer)
{
    fail_by_libpq(CONTAINER_OF(timer, struct pg_link, timer));
}

int pg_link_ask(struct pg_link *link, const char *sql, uint64_t deadline_ms,
                pg_link_rows_cb on_rows, struct err *err)
{
    if (link->state == PG_LINK_ASKS) {
        return err_set(err, ERR_BUSY, "a query is under way on this connection");
    }
    if (link->state != PG_LINK_READY) {
        return err_set(err, ERR_CLOSED, "not connected to PostgreSQL");
    }
    if (PQsendQuery((PGconn *)link->connection, sql) == 0 ||
        !watch(link, UV_READABLE | UV_WRITABLE)) {
        start_timer(link, broken_cb,
                    0); /* from the loop: the owner is in the middle of something */
        return err_set(err, ERR_CLOSED, "the query could not be sent");
    }
    link->state = PG_LINK_ASKS;
    link->on_rows = on_rows;
    start_timer(link, deadline_cb, deadline_ms);
    return 0;
}

/* ---- what the owner does ---- */

void pg_link_connect(struct pg_link *link)
{
    MUST(link->state != PG_LINK_CLOSED);
    if (link->state == PG_LINK_IDLE || link->state == PG_LINK_WAITS) {
        /* From the loop, so that nothing is called back from in here. */
        link->state = PG_LINK_WAITS;
        start_timer(link, pause_cb, 0);
    }
}

static void end_query(struct pg_link *link, enum pg_link_state next)
{
    struct pg_failure failure;
    set_failure(&failure, ERR_CANCELED, "", "the query was given up");
    disconnect(link);
    link->state = next;
    answer(link, NULL, &failure);
}

void pg_link_drop(struct pg_link *link)
{
    MUST(link->state != PG_LINK_CLOSED);
    end_query(link, PG_LINK_IDLE);
    link->pause_ms = link->words->pause_min_ms;
}

void pg_link_cancel(struct pg_link *link)
{
    if (link->state == PG_LINK_ASKS) {
        end_query(link, PG_LINK_IDLE);
        if (link->state == PG_LINK_IDLE) {
            pg_link_connect(link);
        }
    }
}

static void free_words(struct pg_link_words *w)
{
    mem_free(w->host);
    mem_free(w->user);
    mem_free(w->database);
    mem_free(w->passfile);
    mem_free(w->application_name);
    for (size_t i = 0; i < TLS_WORDS; i++) {
        mem_free(w->tls[i]);
    }
    mem_free(w);
}

/* In the order of start_attempt(). A version of the server says nothing here: it is not known yet.
 */
static void keep_tls(const struct pg_login *login, char *out[TLS_WORDS])
{
    static const struct pg_login nothing = {.username = NULL};
    const struct pg_login *l = login != NULL ? login : &nothing;
    const char *const words[] = {l->sslmode,   l->sslkey,         l->sslpassword,
                                 l->sslcert,   l->sslrootcert,    l->sslcrl,
                                 l->sslcrldir, l->sslnegotiation, l->channel_binding};
    _Static_assert(ARRAY_LEN(words) == TLS_WORDS, "each is kept");
    for (size_t i = 0; i < TLS_WORDS; i++) {
        out[i] = mem_strdup(words[i] != NULL ? words[i] : "");
    }
}

int pg_link_open(struct pg_link *link, uv_loop_t *loop, const struct pg_place *place,
                 struct err *err)
{
    if (!pg_host_is_place(place->host)) {
        return err_set(err, ERR_INVALID,
                       "PostgreSQL's host \"%s\" is neither an address nor the absolute path of a "
                       "socket's directory",
                       place->host != NULL ? place->host : "");
    }
    if (place->user == NULL || place->database == NULL || place->port == 0) {
        return err_set(err, ERR_INVALID, "user, database and port of PostgreSQL are needed");
    }
    *link = (struct pg_link){.loop = loop, .pause_ms = place->pause_min_ms};
    struct pg_link_words *w = (struct pg_link_words *)mem_zalloc(sizeof(*w));
    w->host = mem_strdup(place->host);
    (void)snprintf(w->port, sizeof(w->port), "%u", place->port);
    w->user = mem_strdup(place->user);
    w->database = mem_strdup(place->database);
    w->passfile = mem_strdup(place->passfile != NULL ? place->passfile : NO_FILE);
    w->application_name =
        mem_strdup(place->application_name != NULL ? place->application_name : "");
    keep_tls(place->tls, w->tls);
    w->connect_ms = place->connect_ms;
    w->statement_ms = place->statement_ms;
    w->pause_min_ms = place->pause_min_ms;
    w->pause_max_ms = place->pause_max_ms;
    w->is_replication = place->is_replication;
    link->words = w;
    int r = uv_timer_init(loop, &link->timer);
    MUST(r == 0); /* never fails */
    return 0;
}

static void timer_closed_cb(uv_handle_t *handle)
{
    struct pg_link *link = CONTAINER_OF(handle, struct pg_link, timer);
    free_words(link->words);
    link->words = NULL;
    if (link->on_closed != NULL) {
        link->on_closed(link);
    }
}

void pg_link_close(struct pg_link *link, pg_link_cb on_closed)
{
    MUST(link->state != PG_LINK_CLOSED);
    link->on_change = NULL;
    link->on_closed = on_closed;
    end_query(link, PG_LINK_CLOSED);
    uv_close((uv_handle_t *)&link->timer, timer_closed_cb);
}

void pg_link_forget_environment(void)
{
    PQconninfoOption *options = PQconndefaults();
    for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL; o++) {
        if (o->envvar != NULL) {
            (void)unsetenv(o->envvar);
        }
    }
    PQconninfoFree(options);
}
