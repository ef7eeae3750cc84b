/* ctl/cmd_status.c - status: one screen on which the first line is the answer. */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/mem.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/output.h"
#include "ctl/output_text.h"
#include "ctl/told.h"

static const struct output_column status_columns[] = OUTPUT_COLUMNS(
    {"scope", NULL, OUTPUT_TEXT}, {"cluster_id", NULL, OUTPUT_TEXT}, {"healthy", NULL, OUTPUT_BOOL},
    {"status", NULL, OUTPUT_TEXT}, {"quorum", NULL, OUTPUT_BOOL}, {"leader", NULL, OUTPUT_TEXT},
    {"term", NULL, OUTPUT_NUMBER}, {"voters", NULL, OUTPUT_NUMBER},
    {"majority", NULL, OUTPUT_NUMBER}, {"can_lose", NULL, OUTPUT_NUMBER},
    {"missing", NULL, OUTPUT_NESTED}, {"postgres", NULL, OUTPUT_BOOL},
    {"any_one_may_fail", NULL, OUTPUT_BOOL}, {"why_not", NULL, OUTPUT_NESTED},
    {"weaker", NULL, OUTPUT_TEXT}, {"fenced", NULL, OUTPUT_NESTED},
    {"revision", NULL, OUTPUT_NUMBER}, {"used_bytes", NULL, OUTPUT_BYTES},
    {"quota_bytes", NULL, OUTPUT_BYTES}, {"quota_alarm", NULL, OUTPUT_BOOL},
    {"feature_level", NULL, OUTPUT_NUMBER}, {"feature_level_known", NULL, OUTPUT_NUMBER},
    {"asked", NULL, OUTPUT_TEXT});

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

static void put_level(struct buf *out, json_t *raft, json_t *view)
{
    CLEANUP(buf_close) struct buf level = {0};
    view_level(raft, json_object_get(view, "levels"), &level);
    if (level.size > 0) {
        buf_printf(out, "Level:     %s\n", buf_text(&level));
    }
}

/* Who is the primary, and can any one node be lost now? */
static void put_postgres(struct buf *out, json_t *raft, json_t *view)
{
    json_auto_t *why = NULL;
    const char *leader = view_text(view, "leader");
    if (view == NULL) {
        buf_str(out, "Postgres:  this node supervises none\n");
        return;
    }
    buf_str(out, "Primary:   ");
    output_text(out, leader[0] != '\0' ? leader : "none");
    buf_printf(out, ", epoch %" JSON_INTEGER_FORMAT "\n", view_number(view, "epoch"));
    if (view_text(view, "loss")[0] != '\0') {
        buf_str(out, "Lost:      ");
        output_text(out, view_text(view, "loss"));
        buf_char(out, '\n');
    }
    if (view_text(view, "weaker")[0] != '\0') {
        buf_str(out, "Weaker:    ");
        output_text(out, view_text(view, "weaker"));
        buf_str(out, "; what these commit may be lost by a failover\n");
    }
    bool any_one = told_any_one(raft, view, &why);
    buf_printf(out, "Any one:   %s\n", any_one ? "whichever node fails, writes go on" : "no");
    for (size_t i = 0; i < json_array_size(why); i++) {
        buf_str(out, "           ");
        output_text(out, json_string_value(json_array_get(why, i)));
        buf_char(out, '\n');
    }
}

/* On purpose, and by whom. */
static void put_fenced(struct buf *out, json_t *view)
{
    const char *name = NULL;
    json_t *text = NULL;
    const char *head = "Fenced:    ";
    json_object_foreach(json_object_get(view, "fenced"), name, text)
    {
        buf_str(out, head);
        output_text(out, name);
        buf_str(out, ", ");
        output_text(out, json_string_value(text) != NULL ? json_string_value(text) : "");
        buf_char(out, '\n');
        head = "           ";
    }
}

/* Whose PostgreSQL is not what it should be, and what the members say of themselves: why one does
 * not replicate, how far a clone is. */
static void put_notes(struct buf *out, json_t *view)
{
    json_t *members = told_members(view);
    for (size_t i = 0; i < json_array_size(members); i++) {
        CLEANUP(buf_close) struct buf note = {0};
        told_note(view, json_array_get(members, i), &note);
        if (note.size > 0) {
            buf_printf(out, "           %s\n", buf_text(&note));
        }
    }
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
    output_list(out, OUTPUT_PRETTY,
                view_is_out(raft) ? "Members, as this node last heard" : "Members", member_columns,
                members);
}

static void print_status(struct buf *out, json_t *raft, json_t *view, const char *state,
                         const char *node)
{
    buf_str(out, "Cluster ");
    output_text(out, view_text(raft, "scope"));
    buf_str(out, ": ");
    output_text(out, state);
    buf_char(out, '\n');
    if (view_number(raft, "voters") > 0 && !view_is_out(raft)) { /* else it knows of no cluster, or
                                                                    has no place in it */
        buf_str(out, "Leader:    ");
        const char *leader = view_text(raft, "leader");
        output_text(out, leader[0] != '\0' ? leader : "none");
        buf_printf(out, ", term %" JSON_INTEGER_FORMAT "\n", view_number(raft, "term"));
        put_votes(out, raft);
        put_store(out, raft);
        put_level(out, raft, view);
        put_postgres(out, raft, view);
        put_fenced(out, view);
        put_notes(out, view);
    }
    buf_str(out, "Asked:     ");
    output_text(out, view_text(raft, "name"));
    buf_str(out, " at ");
    output_text(out, node);
    buf_char(out, '\n');
    put_members(out, raft);
}

/* null: not known, since no PostgreSQL is supervised. */
static void set_postgres(json_t *raft, json_t *view)
{
    json_t *why = json_null();
    bool any_one = view != NULL && told_any_one(raft, view, &why);
    cmd_set(raft, "postgres", json_boolean(view != NULL));
    cmd_set(raft, "any_one_may_fail", view != NULL ? json_boolean(any_one) : json_null());
    cmd_set(raft, "why_not", why);
    const char *weaker = view_text(view, "weaker");
    cmd_set(raft, "weaker", weaker[0] != '\0' ? json_string(weaker) : json_null());
    json_t *fenced = json_object_get(view, "fenced");
    cmd_set(raft, "fenced", fenced != NULL ? json_incref(fenced) : json_null());
}

static int status_once(const struct cli_call *call, struct ctl *ctl, const void *wish,
                       struct err *err)
{
    json_auto_t *raft = NULL;
    (void)wish; /* it has none */
    int rc = view_get(ctl->ask, &raft, err);
    if (rc < 0) {
        return rc;
    }
    CLEANUP(mem_freep) char *node = mem_strdup(ask_node(ctl->ask));
    json_auto_t *view = told_try(ctl->ask);
    CLEANUP(buf_close) struct buf state = {0};
    CLEANUP(buf_close) struct buf out = {0};
    view_state(raft, &state);
    if (output_format(call) == OUTPUT_PRETTY) {
        print_status(&out, raft, view, buf_text(&state), node);
    } else {
        cmd_set(raft, "healthy", json_boolean(view_is_healthy(raft)));
        cmd_set(raft, "status", json_string(buf_text(&state)));
        set_postgres(raft, view);
        cmd_set(raft, "asked", json_string(view_text(raft, "name")));
        output_record(&out, output_format(call), NULL, status_columns, raft);
    }
    rc = cli_put(&out, err);
    return rc < 0 || json_is_true(json_object_get(raft, "quorum")) ? rc : CMD_NO_QUORUM;
}

int cmd_status(const struct cli_call *call, struct err *err)
{
    return told_repeat(call, status_once, NULL, err);
}
