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
    size_t silent; /* that have not said */
};

static void versions_close(struct versions *v)
{
    json_decref(v->members);
    json_decref(v->view);
    ctl_close(&v->ctl);
}

static void put_member(struct versions *v, json_t *member, struct buf *out)
{
    CLEANUP(ask_closep) struct ask *ask = NULL;
    json_auto_t *told = NULL;
    struct err why = {0};
    int rc = member_ask_open(&v->ctl, v->view, member, v->ctl.timeout_ms, &ask, &why);
    rc = rc < 0 ? rc : ask_get(ask, "/patroni", &told, &why);
    output_text(out, view_text(member, "name"));
    if (rc < 0) {
        buf_str(out, ": ");
        output_text(out, why.msg);
        v->silent++;
    } else {
        buf_str(out, ": pgraft ");
        output_text(out, view_text(json_object_get(told, "patroni"), "version"));
        json_int_t server = view_number(told, "server_version");
        buf_str(out, server > 0 ? " PostgreSQL " : "");
        told_put_version(out, server);
    }
    buf_char(out, '\n');
}

/* What all of them may use; nothing where the node that was asked is older than that. */
static void put_level(struct versions *v, struct buf *out)
{
    json_auto_t *raft = NULL;
    CLEANUP(buf_close) struct buf level = {0};
    if (view_get(v->ctl.ask, &raft, NULL) < 0) {
        return;
    }
    view_level(raft, json_object_get(v->view, "levels"), &level);
    if (level.size > 0) {
        buf_printf(out, "feature level %s\n", buf_text(&level));
    }
}

static int tell_members(const struct cli_call *call, struct err *err)
{
    CLEANUP(versions_close) struct versions v = {.silent = 0};
    CLEANUP(buf_close) struct buf out = {0};
    int rc = ctl_open(call, &v.ctl, err);
    rc = rc < 0 ? rc : told_get(v.ctl.ask, &v.view, err);
    const struct choice choice = {
        .call = call, .view = v.view, .argument_count = call->argument_count, .action = "version"};
    rc = rc < 0 ? rc : chosen_members(&choice, &v.members, err);
    if (rc < 0) {
        return rc;
    }
    buf_char(&out, '\n');
    for (size_t i = 0; i < json_array_size(v.members); i++) {
        put_member(&v, json_array_get(v.members, i), &out);
    }
    put_level(&v, &out);
    rc = cli_put(&out, err);
    return rc == 0 && v.silent > 0 ? 1 : rc;
}

int cmd_version(const struct cli_call *call, struct err *err)
{
    int rc = 0;
    if (cli_given(call, "format")) {
        rc = cli_usage(call, err, "\"version\" has no use for option \"--format\"");
    } else if (call->argument_count == 0 && !ctl_is_patronictl(call)) {
        rc = cmd_uses_only(call, CMD_USES_NONE, err); /* many call patronictl with -c always */
    }
    rc = rc < 0 ? rc : cli_run_version(call, err);
    return rc < 0 || call->argument_count == 0 ? rc : tell_members(call, err);
}
