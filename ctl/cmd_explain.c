/* ctl/cmd_explain.c - config explain: what a setting is on each node, and where it comes from. */
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/mem.h"
#include "base/must.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/explain.h"
#include "ctl/member_ask.h"
#include "ctl/output.h"
#include "ctl/patroni_rows.h"
#include "ctl/told.h"

static const struct output_column columns[] = OUTPUT_COLUMNS(
    {"node", NULL, OUTPUT_TEXT}, {"role", NULL, OUTPUT_TEXT}, {"name", NULL, OUTPUT_TEXT},
    {"kind", NULL, OUTPUT_TEXT}, {"value", NULL, OUTPUT_TEXT}, {"from", NULL, OUTPUT_TEXT},
    {"running", NULL, OUTPUT_TEXT}, {"pending_restart", NULL, OUTPUT_BOOL},
    {"change", NULL, OUTPUT_TEXT}, {"note", NULL, OUTPUT_TEXT}, {"trouble", NULL, OUTPUT_TEXT},
    {"layers", NULL, OUTPUT_NESTED});

static const struct output_column layer_columns[] = OUTPUT_COLUMNS(
    {"layer", "Layer", OUTPUT_TEXT}, {"value", "Value", OUTPUT_TEXT},
    {"state", "State", OUTPUT_TEXT}, {"where", "Where", OUTPUT_TEXT}, {"why", "Why", OUTPUT_TEXT});

struct explaining {
    const struct cli_call *call;
    struct ctl ctl;
    json_t *view;   /* NULL: nothing supervises a PostgreSQL there */
    json_t *rows;   /* one for each node that has answered */
    bool is_silent; /* one has not */
};

static void explaining_close(struct explaining *e)
{
    json_decref(e->rows);
    json_decref(e->view);
    ctl_close(&e->ctl);
}

int explain_ask(struct ask *ask, const char *name, json_t **ret_told, struct err *err)
{
    json_auto_t *body = json_object();
    json_auto_t *told = NULL;
    struct err why = {0};
    if (name != NULL) {
        cmd_set(body, "name", json_string(name));
    }
    int rc = ask_post(ask, ASK_READ, "/pgraft/v1/config/explain", body, &told, &why);
    if (rc == ERR_NOT_FOUND && strncmp(why.msg, "there is no setting", 19) != 0) {
        return err_set(err, ERR_REFUSED,
                       "%s is older than this program and can not tell where its settings come "
                       "from",
                       ask_node(ask));
    }
    if (rc < 0) {
        return err_set(err, rc, "%s", why.msg);
    }
    json_t *settings = json_object_get(told, "settings");
    if (!json_is_array(settings) || (name != NULL && json_array_size(settings) != 1)) {
        return err_set(err, ERR_PROTOCOL, "%s: its answer has no settings", ask_node(ask));
    }
    *ret_told = json_incref(told);
    return 0;
}

static void add(struct explaining *e, json_t *told)
{
    static const char *const of_node[][2] = {
        {"node", "name"}, {"role", "role"}, {"trouble", "trouble"}};
    json_t *setting = json_array_get(json_object_get(told, "settings"), 0);
    json_t *row = json_copy(setting);
    MUST(row != NULL);
    for (size_t i = 0; i < ARRAY_LEN(of_node); i++) {
        json_t *value = json_object_get(told, of_node[i][1]);
        cmd_set(row, of_node[i][0], value != NULL ? json_incref(value) : json_null());
    }
    int rc = json_array_append_new(e->rows, row);
    MUST(rc == 0);
}

/* ERR_NOT_FOUND: there is no such setting anywhere. */
static int ask_member(struct explaining *e, json_t *member, const char *name, struct err *err)
{
    CLEANUP(ask_closep) struct ask *ask = NULL;
    json_auto_t *told = NULL;
    struct err why = {0};
    int rc = member_ask_open(&e->ctl, e->view, member, e->ctl.timeout_ms, &ask, &why);
    bool is_open = rc == 0;
    rc = rc < 0 ? rc : explain_ask(ask, name, &told, &why);
    if (is_open && rc == ERR_NOT_FOUND) {
        return err_set(err, ERR_REFUSED, "%s", why.msg);
    }
    if (rc == ERR_REFUSED && patroni_is_witness(member)) {
        return 0; /* it has no PostgreSQL */
    }
    if (rc < 0) {
        cmd_warn(e->call, "%s: %s", view_text(member, "name"), why.msg);
        e->is_silent = true;
    } else {
        add(e, told);
    }
    return 0;
}

static int ask_all(struct explaining *e, const char *name, const char *only, struct err *err)
{
    json_t *members = told_members(e->view);
    bool is_known = only == NULL;
    for (size_t i = 0; i < json_array_size(members); i++) {
        json_t *member = json_array_get(members, i);
        bool is_meant = only == NULL || strcmp(view_text(member, "name"), only) == 0;
        is_known = is_known || is_meant;
        int rc = is_meant ? ask_member(e, member, name, err) : 0;
        if (rc < 0) {
            return rc;
        }
    }
    return is_known ? 0
                    : err_set(err, ERR_NOT_FOUND, "there is no member %s", cli_quoted(only).text);
}

/* A cluster without PostgreSQL: the node that was asked speaks for itself. */
static int ask_one(struct explaining *e, const char *name, struct err *err)
{
    json_auto_t *told = NULL;
    struct err why = {0};
    int rc = explain_ask(e->ctl.ask, name, &told, &why);
    if (rc == 0) {
        add(e, told);
        return 0;
    }
    return err_set(err, rc == ERR_NOT_FOUND ? ERR_REFUSED : rc, "%s", why.msg);
}

/* ---- for a person ---- */

static void put_sentence(struct buf *out, json_t *row)
{
    const char *value = view_text(row, "value");
    const char *running = view_text(row, "running");
    output_text(out, view_text(row, "node"));
    if (view_text(row, "role")[0] != '\0') {
        buf_str(out, ", ");
        output_text(out, view_text(row, "role"));
    }
    buf_str(out, ": ");
    output_text(out, view_text(row, "name"));
    buf_str(out, json_is_string(json_object_get(row, "value")) ? " = " : " is not set");
    output_text(out, value);
    if (view_text(row, "from")[0] != '\0') {
        buf_str(out, ", from: ");
        output_text(out, view_text(row, "from"));
    }
    if (json_is_true(json_object_get(row, "pending_restart"))) {
        buf_str(out, "; waits for a restart, PostgreSQL runs with ");
        output_text(out, running[0] != '\0' ? running : "another value");
    }
    buf_char(out, '\n');
}

/* What counts most comes first. */
static void put_layers(struct buf *out, json_t *row)
{
    json_t *layers = json_object_get(row, "layers");
    json_auto_t *turned = json_array();
    for (size_t i = json_array_size(layers); i > 0; i--) {
        int rc = json_array_append(turned, json_array_get(layers, i - 1));
        MUST(rc == 0);
    }
    if (json_array_size(turned) > 0) {
        output_list(out, OUTPUT_PRETTY, NULL, layer_columns, turned);
    }
}

static void put_line(struct buf *out, const char *before, const char *text)
{
    if (text[0] != '\0') {
        buf_str(out, before);
        output_text(out, text);
        buf_char(out, '\n');
    }
}

static void put_pretty(struct buf *out, json_t *rows)
{
    json_t *first = json_array_get(rows, 0);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        buf_str(out, i > 0 ? "\n" : "");
        put_sentence(out, row);
        put_layers(out, row);
        put_line(out, "PostgreSQL has not said what it runs with: ", view_text(row, "trouble"));
    }
    buf_str(out, first != NULL ? "\n" : "");
    put_line(out, "A change takes: ", view_text(first, "change"));
    put_line(out, "It means: ", view_text(first, "note"));
}

int cmd_config_explain(const struct cli_call *call, struct err *err)
{
    CLEANUP(explaining_close) struct explaining e = {.call = call};
    CLEANUP(buf_close) struct buf out = {0};
    struct err why = {0};
    const char *name = cli_argument(call, 0);
    e.rows = json_array();
    int rc = ctl_open(call, &e.ctl, err);
    if (rc < 0) {
        return rc;
    }
    rc = told_get(e.ctl.ask, &e.view, &why);
    if (rc == ERR_REFUSED) {
        rc = ask_one(&e, name, err);
    } else if (rc < 0) {
        rc = err_set(err, rc, "%s", why.msg);
    } else {
        rc = ask_all(&e, name, cli_value(call, "member"), err);
    }
    if (rc < 0) {
        return rc;
    }
    if (json_array_size(e.rows) == 0) {
        return err_set(err, ERR_REFUSED, "no node has told where %s comes from",
                       cli_quoted(name).text);
    }
    if (output_format(call) == OUTPUT_PRETTY) {
        put_pretty(&out, e.rows);
    } else {
        output_list(&out, output_format(call), NULL, columns, e.rows);
    }
    rc = cli_put(&out, err);
    if (rc == 0 && e.view != NULL) {
        rc = told_end(call, e.view);
    }
    return rc == 0 && e.is_silent ? 1 : rc;
}
