/* ctl/cmd_version.c - version: of this program; with CLUSTER [MEMBER...] also of what runs there.
 */
#include "base/cleanup.h"
#include "base/cli.h"
#include "ctl/chosen.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/member_ask.h"
#include "ctl/output.h"
#include "ctl/told.h"

struct versions {
    struct ctl ctl;
    json_t *view;
    json_t *members;
    json_t *rows;  /* what they say, one each: "member", "pgraft", "postgresql", "error" */
    size_t silent; /* that have not said */
};

static const struct output_column columns[] =
    OUTPUT_COLUMNS({"member", NULL, OUTPUT_TEXT}, {"pgraft", NULL, OUTPUT_TEXT},
                   {"postgresql", NULL, OUTPUT_TEXT}, {"error", NULL, OUTPUT_TEXT});

static void versions_close(struct versions *v)
{
    json_decref(v->rows);
    json_decref(v->members);
    json_decref(v->view);
    ctl_close(&v->ctl);
}

/* ---- asking ---- */

static json_t *text_or_null(const char *text)
{
    return text[0] != '\0' ? json_string(text) : json_null();
}

static void ask_member(struct versions *v, json_t *member)
{
    CLEANUP(ask_closep) struct ask *ask = NULL;
    CLEANUP(buf_close) struct buf server = {0};
    json_auto_t *told = NULL;
    struct err why = {0};
    int rc = member_ask_open(&v->ctl, v->view, member, v->ctl.timeout_ms, &ask, &why);
    rc = rc < 0 ? rc : ask_get(ask, "/patroni", &told, &why);
    json_t *row = json_object();
    told_put_version(&server, view_number(told, "server_version"));
    cmd_set(row, "member", json_string(view_text(member, "name")));
    cmd_set(row, "pgraft", text_or_null(view_text(json_object_get(told, "patroni"), "version")));
    cmd_set(row, "postgresql", text_or_null(buf_text(&server)));
    cmd_set(row, "error", rc < 0 ? json_string(why.msg) : json_null());
    json_array_append_new(v->rows, row);
    v->silent += rc < 0 ? 1 : 0;
}

/* ---- telling ---- */

static void put_member(json_t *row, struct buf *out)
{
    const char *error = view_text(row, "error");
    const char *server = view_text(row, "postgresql");
    output_text(out, view_text(row, "member"));
    buf_str(out, json_is_string(json_object_get(row, "error")) ? ": " : ": pgraft ");
    output_text(out, error[0] != '\0' ? error : view_text(row, "pgraft"));
    if (server[0] != '\0') {
        buf_str(out, " PostgreSQL ");
        output_text(out, server);
    }
    buf_char(out, '\n');
}

/* What all of them may use; nothing where the node that was asked is older than that. */
static void put_level(struct versions *v, json_t *raft, struct buf *out)
{
    CLEANUP(buf_close) struct buf level = {0};
    view_level(raft, json_object_get(v->view, "levels"), &level);
    if (level.size > 0) {
        buf_printf(out, "feature level %s\n", buf_text(&level));
    }
}

static void put_text(struct versions *v, json_t *raft, struct buf *out)
{
    size_t i = 0;
    json_t *row = NULL;
    buf_char(out, '\n');
    json_array_foreach(v->rows, i, row)
    {
        put_member(row, out);
    }
    put_level(v, raft, out);
}

static json_t *number_or_null(json_t *raft, const char *key)
{
    json_t *value = json_object_get(raft, key);
    return json_is_integer(value) ? json_incref(value) : json_null();
}

/* For a program. The level is of the cluster, and has no place in a line of a member. */
static void put_document(const struct cli_call *call, struct versions *v, json_t *raft,
                         struct buf *out)
{
    enum output_format format = output_format(call);
    json_auto_t *document = json_object();
    if (format == OUTPUT_TSV) {
        output_list(out, format, NULL, columns, v->rows);
        return;
    }
    cmd_set(document, "version", json_string(call->program->version));
    cmd_set(document, "scope", json_string(view_text(v->view, "scope")));
    cmd_set(document, "members", json_incref(v->rows));
    cmd_set(document, "feature_level", number_or_null(raft, "feature_level"));
    cmd_set(document, "feature_level_known", number_or_null(raft, "feature_level_known"));
    output_document(out, format, document);
}

static int tell_members(const struct cli_call *call, struct err *err)
{
    CLEANUP(versions_close) struct versions v = {.rows = json_array()};
    CLEANUP(buf_close) struct buf out = {0};
    json_auto_t *raft = NULL;
    int rc = ctl_open(call, &v.ctl, err);
    rc = rc < 0 ? rc : told_get(v.ctl.ask, &v.view, err);
    const struct choice choice = {
        .call = call, .view = v.view, .argument_count = call->argument_count, .action = "version"};
    rc = rc < 0 ? rc : chosen_members(&choice, &v.members, err);
    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; i < json_array_size(v.members); i++) {
        ask_member(&v, json_array_get(v.members, i));
    }
    (void)view_get(v.ctl.ask, &raft, NULL); /* without it there is no level to be told */
    if (output_format(call) == OUTPUT_PRETTY) {
        put_text(&v, raft, &out);
    } else {
        put_document(call, &v, raft, &out);
    }
    rc = cli_put(&out, err);
    return rc == 0 && v.silent > 0 ? 1 : rc;
}

int cmd_version(const struct cli_call *call, struct err *err)
{
    int rc = 0;
    bool has_cluster = call->argument_count > 0;
    if (cli_given(call, "format") && !has_cluster) {
        rc = cli_usage(call, err, "\"version\" has no use for option \"--format\" without CLUSTER");
    } else if (!has_cluster && !ctl_is_patronictl(call)) {
        rc = cmd_uses_only(call, CMD_USES_NONE, err); /* many call patronictl with -c always */
    }
    if (rc == 0 && (!has_cluster || output_format(call) == OUTPUT_PRETTY)) {
        rc = cli_run_version(call, err);
    }
    return rc < 0 || !has_cluster ? rc : tell_members(call, err);
}
