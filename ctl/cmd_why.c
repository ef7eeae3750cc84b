/* ctl/cmd_why.c - why: what each node and the election decided last, in sentences. */
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/must.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/output.h"
#include "ctl/told.h"

static const struct output_column columns[] = OUTPUT_COLUMNS(
    {"at", NULL, OUTPUT_TEXT}, {"node", NULL, OUTPUT_TEXT}, {"rule", NULL, OUTPUT_TEXT},
    {"action", NULL, OUTPUT_TEXT}, {"text", NULL, OUTPUT_TEXT});

static void add(json_t *rows, json_t *decision, const char *only)
{
    const char *node = view_text(decision, "node");
    if (json_is_object(decision) && (only == NULL || strcmp(only, node) == 0)) {
        int rc = json_array_append(rows, decision);
        MUST(rc == 0);
    }
}

/* The election's first, then those of the nodes. */
static json_t *decisions_of(json_t *view, const char *only)
{
    json_t *rows = json_array();
    MUST(rows != NULL);
    json_t *election = json_object_get(view, "election");
    json_t *decisions = json_object_get(view, "decisions");
    if (json_is_object(election)) {
        cmd_set(election, "node", json_string("election"));
    }
    add(rows, election, only);
    for (size_t i = 0; i < json_array_size(decisions); i++) {
        add(rows, json_array_get(decisions, i), only);
    }
    return rows;
}

/* "2026-11-20T22:17:03.412Z  pg1: It holds the lease ... (lease-held: promote)"; the rule, where
 * the sentence does not begin with it. */
static void put_line(struct buf *out, json_t *decision)
{
    static const struct {
        const char *before;
        const char *key;
    } parts[] = {{"", "at"}, {"  ", "node"}, {": ", "text"}, {" (", "rule"}, {": ", "action"}};
    const char *rule = view_text(decision, "rule");
    bool says_it = rule[0] != '\0' && strncmp(view_text(decision, "text"), rule, strlen(rule)) == 0;
    for (size_t i = 0; i < (says_it ? 3 : ARRAY_LEN(parts)); i++) {
        buf_str(out, parts[i].before);
        output_text(out, view_text(decision, parts[i].key));
    }
    buf_str(out, says_it ? "\n" : ")\n");
}

static int check_node(json_t *view, const char *only, json_t *rows, struct err *err)
{
    json_t *members = told_members(view);
    bool known = only == NULL || strcmp(only, "election") == 0 || json_array_size(rows) > 0;
    for (size_t i = 0; i < json_array_size(members); i++) {
        known = known || strcmp(view_text(json_array_get(members, i), "name"), only) == 0;
    }
    return known ? 0 : err_set(err, ERR_NOT_FOUND, "there is no member %s", cli_quoted(only).text);
}

static int why_once(const struct cli_call *call, struct ctl *ctl, const void *wish, struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    json_auto_t *view = NULL;
    const char *only = cli_argument(call, 0);
    (void)wish; /* it has none */
    int rc = told_get(ctl->ask, &view, err);
    if (rc < 0) {
        return rc;
    }
    json_auto_t *rows = decisions_of(view, only);
    rc = check_node(view, only, rows, err);
    if (rc < 0) {
        return rc;
    }
    if (output_format(call) != OUTPUT_PRETTY) {
        output_list(&out, output_format(call), NULL, columns, rows);
    }
    for (size_t i = 0; output_format(call) == OUTPUT_PRETTY && i < json_array_size(rows); i++) {
        put_line(&out, json_array_get(rows, i));
    }
    if (output_format(call) == OUTPUT_PRETTY && json_array_size(rows) == 0) {
        buf_str(&out, "nothing was decided yet\n");
    }
    rc = cli_put(&out, err);
    return rc < 0 ? rc : told_end(call, view);
}

int cmd_why(const struct cli_call *call, struct err *err)
{
    return told_repeat(call, why_once, NULL, err);
}
