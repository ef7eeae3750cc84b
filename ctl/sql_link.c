/* ctl/sql_link.c - libpq, held to one server, and its words made fit for a line. */
#include "ctl/sql_link.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/must.h"
#include "ctl/output.h"

#define NUMBER_SIZE 24
#define HAS_CONNECTION_CHECK 140000

/* ---- what the server says ---- */

/* The first line, which says it; the others are hints of libpq's. */
static void put_first_line(struct buf *out, const char *text)
{
    CLEANUP(buf_close) struct buf line = {0};
    buf_append(&line, text, strcspn(text, "\n"));
    output_text(out, buf_text(&line));
}

static int not_connected(const struct sql_place *place, const PGconn *link, struct err *err)
{
    CLEANUP(buf_close) struct buf text = {0};
    put_first_line(&text, PQerrorMessage(link));
    return err_set(err, ERR_CLOSED, "%s: %s", cli_quoted(place->name).text, buf_text(&text));
}

/* "relation ... does not exist (SQLSTATE 42P01); HINT" */
static int refused(const char *name, const PGresult *result, struct err *err)
{
    static const int more[] = {PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT};
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    CLEANUP(buf_close) struct buf text = {0};
    output_text(&text, message != NULL ? message : PQresultErrorMessage(result));
    if (state != NULL) {
        buf_str(&text, " (SQLSTATE ");
        output_text(&text, state);
        buf_char(&text, ')');
    }
    for (size_t i = 0; i < ARRAY_LEN(more); i++) {
        const char *field = PQresultErrorField(result, more[i]);
        if (field != NULL) {
            buf_str(&text, "; ");
            output_text(&text, field);
        }
    }
    return err_set(err, ERR_REFUSED, "%s: %s", cli_quoted(name).text, buf_text(&text));
}

static int lost(const char *name, const PGconn *link, struct err *err)
{
    CLEANUP(buf_close) struct buf text = {0};
    put_first_line(&text, PQerrorMessage(link));
    return err_set(err, ERR_CANCELED,
                   "%s: the connection was lost, and whether it was done is not known: %s",
                   cli_quoted(name).text, buf_text(&text));
}

/* Notices and warnings: a line each. */
static void notice_cb(void *arg, const char *message)
{
    (void)arg;
    while (*message != '\0') {
        CLEANUP(buf_close) struct buf line = {0};
        put_first_line(&line, message);
        (void)fprintf(stderr, "%s\n", buf_text(&line));
        message += strcspn(message, "\n");
        message += *message == '\n' ? 1 : 0;
    }
}

/* ---- connecting ---- */

/* What is asked while nobody waits for it any more ends at the server, too (14 and later; where its
 * system can not do that it says so, and that is that). */
static void end_with_us(PGconn *link)
{
    if (PQserverVersion(link) >= HAS_CONNECTION_CHECK) {
        PQclear(PQexec(link, "SET client_connection_check_interval = '2s'"));
    }
}

int sql_connect(const struct sql_place *place, PGconn **ret_link, struct err *err)
{
    char port[NUMBER_SIZE];
    char seconds[NUMBER_SIZE];
    bool has_password = place->password != NULL && secret_is_set(place->password);
    (void)snprintf(port, sizeof(port), "%" PRId64, place->port);
    (void)snprintf(seconds, sizeof(seconds), "%" PRIu64, (place->timeout_ms + 999) / 1000);
    /* Both can name another server than the one that is meant, and no parameter is above them. */
    (void)unsetenv("PGHOSTADDR");
    (void)unsetenv("PGSERVICE");
    const char *const keys[] = {"host",
                                "port",
                                "user",
                                "password",
                                "dbname",
                                "connect_timeout",
                                "fallback_application_name",
                                "client_encoding",
                                "target_session_attrs",
                                "keepalives_idle",
                                "keepalives_interval",
                                "keepalives_count",
                                NULL};
    const char *const values[] = {place->host,
                                  port,
                                  place->user,
                                  has_password ? secret_reveal(place->password) : NULL,
                                  place->database,
                                  seconds,
                                  "pgraftctl",
                                  "UTF8",
                                  "any",
                                  "5",
                                  "2",
                                  "3",
                                  NULL};
    /* 0: the name of a database is a name, and no string with a host or a password in it. */
    PGconn *link = PQconnectdbParams(keys, values, 0);
    MUST(link != NULL);
    if (PQstatus(link) != CONNECTION_OK) {
        int rc = not_connected(place, link, err);
        PQfinish(link);
        return rc;
    }
    (void)PQsetNoticeProcessor(link, notice_cb, NULL);
    end_with_us(link);
    *ret_link = link;
    return 0;
}

void sql_closep(PGconn **link)
{
    PQfinish(*link);
    *link = NULL;
}

/* ---- asking ---- */

int sql_in_recovery(PGconn *link, const char *name, bool *ret_in_recovery, struct err *err)
{
    PGresult *result = PQexec(link, "SELECT pg_catalog.pg_is_in_recovery()");
    int rc = 0;
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1) {
        *ret_in_recovery = PQgetvalue(result, 0, 0)[0] == 't';
    } else {
        rc = refused(name, result, err);
    }
    PQclear(result);
    return rc;
}

static int take(PGconn *link, const char *name, PGresult *result, sql_result_cb cb, void *arg,
                struct err *err)
{
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        return cb(result, arg, err);
    }
    if (status == PGRES_EMPTY_QUERY) {
        return 0;
    }
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
        return err_set(err, ERR_REFUSED, "%s: COPY from and to this program can not be",
                       cli_quoted(name).text);
    }
    return PQstatus(link) == CONNECTION_BAD ? lost(name, link, err) : refused(name, result, err);
}

int sql_run(PGconn *link, const char *name, const char *sql, sql_result_cb cb, void *arg,
            struct err *err)
{
    if (PQsendQuery(link, sql) == 0) {
        return lost(name, link, err);
    }
    int rc = 0;
    PGresult *result = NULL;
    /* After a failure the rest is of no interest: closing the connection ends what is under way. */
    while (rc == 0 && (result = PQgetResult(link)) != NULL) {
        rc = take(link, name, result, cb, arg, err);
        PQclear(result);
    }
    return rc;
}
