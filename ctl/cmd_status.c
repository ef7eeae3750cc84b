/* ctl/cmd_status.c - status: one screen on which the first line is the answer. */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/output.h"
#include "ctl/output_text.h"

static const struct output_column status_columns[] = OUTPUT_COLUMNS(
    {"scope", NULL, OUTPUT_TEXT}, {"cluster_id", NULL, OUTPUT_TEXT}, {"healthy", NULL, OUTPUT_BOOL},
    {"status", NULL, OUTPUT_TEXT}, {"quorum", NULL, OUTPUT_BOOL}, {"leader", NULL, OUTPUT_TEXT},
    {"term", NULL, OUTPUT_NUMBER}, {"voters", NULL, OUTPUT_NUMBER},
    {"majority", NULL, OUTPUT_NUMBER}, {"can_lose", NULL, OUTPUT_NUMBER},
    {"missing", NULL, OUTPUT_NESTED}, {"revision", NULL, OUTPUT_NUMBER},
    {"used_bytes", NULL, OUTPUT_BYTES}, {"quota_bytes", NULL, OUTPUT_BYTES},
    {"quota_alarm", NULL, OUTPUT_BOOL}, {"asked", NULL, OUTPUT_TEXT});

static const struct output_column member_columns[] = OUTPUT_COLUMNS(
    {"name", "Member", OUTPUT_TEXT}, {"role", "Role", OUTPUT_TEXT}, {"site", "Site", OUTPUT_TEXT},
    {"address", "Address", OUTPUT_TEXT}, {"leader", "Leader", OUTPUT_BOOL},
    {"lag", "Lag", OUTPUT_NUMBER}, {"wrong", "Trouble", OUTPUT_TEXT});

static void put_votes(struct buf *out, json_t *raft)
{
    json_int_t can_lose = view_number(raft, "can_lose");
    buf_printf(out, "Votes:     %" JSON_INTEGER_FORMAT ", a majority is %" JSON_INTEGER_FORMAT "\n",
               view_number(raft, "voters"), view_number(raft, "majority"));
    if (!json_is_true(json_object_get(raft, "quorum"))) {
        buf_str(out, "May fail:  nothing can be written until more of them are back\n");
    } else if (can_lose == 0) {
        buf_str(out, "May fail:  none; the next one lost stops all writes\n");
    } else {
        buf_printf(out, "May fail:  %" JSON_INTEGER_FORMAT " more\n", can_lose);
    }
}

static void put_store(struct buf *out, json_t *raft)
{
    buf_printf(out, "Store:     revision %" JSON_INTEGER_FORMAT ", ",
               view_number(raft, "revision"));
    output_cell(out, json_object_get(raft, "used_bytes"), OUTPUT_BYTES);
    buf_str(out, " of ");
    output_cell(out, json_object_get(raft, "quota_bytes"), OUTPUT_BYTES);
    buf_printf(out, " used%s\n",
               json_is_true(json_object_get(raft, "quota_alarm")) ? "; writes are refused" : "");
}

static void put_members(struct buf *out, json_t *raft)
{
    json_t *members = json_object_get(raft, "members");
    for (size_t i = 0; i < json_array_size(members); i++) {
        CLEANUP(buf_close) struct buf wrong = {0};
        view_member(json_array_get(members, i), &wrong);
        cmd_set(json_array_get(members, i), "wrong", json_string(buf_text(&wrong)));
    }
    buf_char(out, '\n');
    output_list(out, OUTPUT_PRETTY, "Members", member_columns, members);
}

static void print_status(struct buf *out, json_t *raft, const char *state, const char *node)
{
    buf_str(out, "Cluster ");
    output_text(out, view_text(raft, "scope"));
    buf_str(out, ": ");
    output_text(out, state);
    buf_char(out, '\n');
    if (view_number(raft, "voters") > 0) { /* else it knows of no cluster, or has no place in it */
        buf_str(out, "Leader:    ");
        const char *leader = view_text(raft, "leader");
        output_text(out, leader[0] != '\0' ? leader : "none");
        buf_printf(out, ", term %" JSON_INTEGER_FORMAT "\n", view_number(raft, "term"));
        put_votes(out, raft);
        put_store(out, raft);
    }
    buf_str(out, "Asked:     ");
    output_text(out, view_text(raft, "name"));
    buf_str(out, " at ");
    output_text(out, node);
    buf_char(out, '\n');
    put_members(out, raft);
}

int cmd_status(const struct cli_call *call, struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    json_auto_t *raft = NULL;
    int rc = ctl_open(call, &ctl, err);
    if (rc == 0) {
        rc = view_get(ctl.ask, &raft, err);
    }
    if (rc < 0) {
        return rc;
    }
    CLEANUP(buf_close) struct buf state = {0};
    CLEANUP(buf_close) struct buf out = {0};
    view_state(raft, &state);
    if (output_format(call) == OUTPUT_PRETTY) {
        print_status(&out, raft, buf_text(&state), ask_node(ctl.ask));
    } else {
        cmd_set(raft, "healthy", json_boolean(view_is_healthy(raft)));
        cmd_set(raft, "status", json_string(buf_text(&state)));
        cmd_set(raft, "asked", json_string(view_text(raft, "name")));
        output_record(&out, output_format(call), NULL, status_columns, raft);
    }
    rc = cli_put(&out, err);
    return rc < 0 || json_is_true(json_object_get(raft, "quorum")) ? rc : CMD_NO_QUORUM;
}
