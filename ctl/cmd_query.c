/* ctl/cmd_query.c - query: SQL, run on one member that is chosen by role or name.
 *
 *   the view --> members that fit, those that run first --> the first that can be connected, and
 *       is what it was chosen for --> the SQL --> its rows; with --watch: all of it again
 *
 * Options and formats are patronictl's. No password stands on a command line: libpq looks for one
 * where it always does, --password asks. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/must.h"
#include "ctl/chosen.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/file_put.h"
#include "ctl/output.h"
#include "ctl/patroni_rows.h"
#include "ctl/progress.h"
#include "ctl/prompt.h"
#include "ctl/sql_link.h"
#include "ctl/sql_print.h"
#include "ctl/told.h"

#define SQL_SIZE_MAX (16u << 20)

struct query {
    const struct cli_call *call;
    struct ctl ctl;
    struct secret password;
    struct buf sql;
    const char *role; /* of CHOSEN_ROLES */
    const char *member;
    enum output_format format;
    size_t documents; /* printed for this run */
};

static void query_close(struct query *q)
{
    buf_close(&q->sql);
    secret_close(&q->password);
    ctl_close(&q->ctl);
}

/* ---- what is asked ---- */

static int read_sql(struct query *q, struct err *err)
{
    const char *command = cli_value(q->call, "command");
    const char *file = cli_value(q->call, "file");
    if (command != NULL && file != NULL) {
        return cli_usage(q->call, err, "--file and --command are mutually exclusive options");
    }
    if (command == NULL && file == NULL) {
        return cli_usage(q->call, err, "You need to specify either --command or --file");
    }
    if (command != NULL) {
        buf_str(&q->sql, command);
        return 0;
    }
    bool is_stdin = strcmp(file, "-") == 0;
    int rc = is_stdin ? file_get_fd(0, "standard input", SQL_SIZE_MAX, &q->sql, err)
                      : file_get(file, SQL_SIZE_MAX, &q->sql, err);
    if (rc == 0 && strlen(buf_text(&q->sql)) < q->sql.size) {
        return err_set(err, ERR_REFUSED, "%s: a byte of zero is in it", cli_quoted(file).text);
    }
    return rc;
}

static int read_options(struct query *q, struct err *err)
{
    q->member = cli_value(q->call, "member");
    q->role = cli_value(q->call, "role");
    if (q->member != NULL && q->role != NULL) {
        return cli_usage(q->call, err, "--role and --member are mutually exclusive options");
    }
    q->role = q->member != NULL ? "any" : q->role != NULL ? q->role : "leader";
    q->format = cli_given(q->call, "format") ? output_format(q->call) : OUTPUT_TSV;
    return read_sql(q, err);
}

/* ---- whom ---- */

static bool fits(const struct query *q, json_t *member)
{
    bool is_named = q->member == NULL || strcmp(view_text(member, "name"), q->member) == 0;
    return is_named && !patroni_is_witness(member) && view_text(member, "host")[0] != '\0' &&
           view_number(member, "port") > 0 && chosen_has_role(member, q->role);
}

/* An array: those that run first. */
static json_t *find_members(const struct query *q, json_t *view)
{
    json_t *members = told_members(view);
    json_t *found = json_array();
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < json_array_size(members); i++) {
            json_t *member = json_array_get(members, i);
            if (fits(q, member) && patroni_runs(member) == (turn == 0)) {
                json_array_append(found, member);
            }
        }
    }
    return found;
}

/* What a member was when it was chosen it may be no more. */
static int check_role(const struct query *q, PGconn *link, const char *name, struct err *err)
{
    bool is_any = strcmp(q->role, "any") == 0 || strcmp(q->role, "leader") == 0;
    bool in_recovery = false;
    int rc = is_any ? 0 : sql_in_recovery(link, name, &in_recovery, err);
    if (rc < 0 || is_any || in_recovery == (strcmp(q->role, "primary") != 0)) {
        return rc;
    }
    return err_set(err, ERR_REFUSED, "%s: it is %s", cli_quoted(name).text,
                   in_recovery ? "in recovery" : "not in recovery");
}

static int connect_one(const struct query *q, json_t *member, PGconn **ret_link, struct err *err)
{
    const struct sql_place place = {.name = view_text(member, "name"),
                                    .host = view_text(member, "host"),
                                    .port = view_number(member, "port"),
                                    .user = cli_value(q->call, "username"),
                                    .password = &q->password,
                                    .database = cli_value(q->call, "dbname"),
                                    .timeout_ms = q->ctl.timeout_ms};
    CLEANUP(sql_closep) PGconn *link = NULL;
    int rc = sql_connect(&place, &link, err);
    rc = rc < 0 ? rc : check_role(q, link, place.name, err);
    if (rc == 0) {
        *ret_link = link;
        link = NULL;
    }
    return rc;
}

/* *ret_name: of the member that it is, as long as @view lives. */
static int connect_any(const struct query *q, json_t *view, PGconn **ret_link,
                       const char **ret_name, struct err *err)
{
    json_auto_t *members = find_members(q, view);
    size_t count = json_array_size(members);
    const char *with = q->member != NULL ? "to member " : "to role ";
    const char *whom = q->member != NULL ? q->member : q->role;
    struct err why = {0};
    for (size_t i = 0; i < count; i++) {
        json_t *member = json_array_get(members, i);
        *ret_name = view_text(member, "name");
        int rc = connect_one(q, member, ret_link, &why);
        if (rc == 0) {
            return 0;
        }
        if (i + 1 < count) {
            cmd_warn(q->call, "%s; trying the next one", why.msg);
        }
    }
    return err_set(err, ERR_REFUSED, "No connection %s%s is available%s%s", with,
                   cli_quoted(whom).text, count > 0 ? ": " : "", why.msg);
}

/* ---- the rows ---- */

static int put_result(PGresult *result, void *arg, struct err *err)
{
    struct query *q = arg;
    const char *delimiter = cli_value(q->call, "delimiter");
    bool is_document = q->format == OUTPUT_JSON || q->format == OUTPUT_YAML;
    CLEANUP(buf_close) struct buf out = {0};
    if (PQnfields(result) > 0) {
        buf_str(&out, q->format == OUTPUT_YAML && q->documents > 0 ? "---\n" : "");
        sql_print(&out, q->format, delimiter != NULL ? delimiter : "\t", result);
        q->documents++;
    } else if (!is_document) {
        output_text(&out, PQcmdStatus(result)); /* "UPDATE 3" */
        buf_char(&out, '\n');
    }
    return cli_put(&out, err);
}

static int query_once(struct query *q, struct err *err)
{
    json_auto_t *view = NULL;
    CLEANUP(sql_closep) PGconn *link = NULL;
    CLEANUP(buf_close) struct buf nothing = {0};
    const char *name = "";
    bool is_document = q->format == OUTPUT_JSON || q->format == OUTPUT_YAML;
    ask_restart_clock(q->ctl.ask);
    int rc = told_get(q->ctl.ask, &view, err);
    rc = rc < 0 ? rc : told_check_clusters(q->call, view, err);
    rc = rc < 0 ? rc : connect_any(q, view, &link, &name, err);
    if (rc < 0) {
        return rc;
    }
    (void)told_end(q->call, view); /* the statement is carried out: its status is what counts */
    q->documents = 0;
    progress_begin(NULL,
                   "what has not committed yet is ended within two seconds by PostgreSQL 14 "
                   "and later; an older one notices when it has something to say");
    rc = sql_run(link, name, buf_text(&q->sql), put_result, q, err);
    progress_end();
    if (rc == 0 && is_document && q->documents == 0) {
        buf_str(&nothing, "[]\n"); /* a program gets a document in any case */
        rc = cli_put(&nothing, err);
    }
    return rc;
}

int cmd_query(const struct cli_call *call, struct err *err)
{
    CLEANUP(query_close) struct query q = {.call = call};
    uint64_t interval_ms = 0;
    int rc = told_interval(call, &interval_ms, err);
    rc = rc < 0 ? rc : read_options(&q, err);
    rc = rc < 0 ? rc : ctl_open(call, &q.ctl, err);
    if (rc == 0 && cli_given(call, "password")) {
        rc = prompt_secret("Password", &q.password, err);
    }
    rc = rc < 0 ? rc : query_once(&q, err);
    while (rc >= 0 && interval_ms > 0) { /* until it is ended */
        struct err why = {0};
        told_wait(interval_ms);
        if (query_once(&q, &why) < 0) {
            cmd_warn(call, "%s", why.msg);
        }
    }
    return rc;
}
