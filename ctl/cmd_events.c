/* ctl/cmd_events.c - events: what has happened at a node, and with --follow what happens.
 *
 * A node keeps the last events in memory and counts them from its start on. Who follows asks for
 * those behind the last one it has seen; a count that has gone back is a node that was started
 * anew, and all it tells is new. When another node has to be asked, its past is passed over. */
#include <inttypes.h>
#include <poll.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/mem.h"
#include "base/must.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/output.h"

#define PAUSE_MS 500
#define EVENTS_MAX UINT64_C(1000)

static const struct output_column columns[] = OUTPUT_COLUMNS(
    {"sequence", NULL, OUTPUT_NUMBER}, {"at", NULL, OUTPUT_TEXT}, {"node", NULL, OUTPUT_TEXT},
    {"kind", NULL, OUTPUT_TEXT}, {"text", NULL, OUTPUT_TEXT});

struct follow {
    const struct cli_call *call;
    enum output_format format;
    uint64_t after; /* the last one that was seen */
    bool is_cut_off;
    char *node; /* whose events they are */
};

static int get(struct ask *ask, uint64_t after, json_t **ret_answer, struct err *err)
{
    CLEANUP(mem_freep) char *path = mem_printf("/pgraft/v1/events?after=%" PRIu64, after);
    json_auto_t *answer = NULL;
    int rc = ask_get(ask, path, &answer, err);
    if (rc == ERR_NOT_FOUND || (rc == 0 && !json_is_true(json_object_get(answer, "supervised")))) {
        return err_set(err, ERR_REFUSED, "%s supervises no PostgreSQL: there is nothing to tell",
                       ask_node(ask));
    }
    if (rc == 0 && !json_is_array(json_object_get(answer, "events"))) {
        return err_set(err, ERR_PROTOCOL, "%s: its answer has no events", ask_node(ask));
    }
    if (rc == 0) {
        *ret_answer = json_incref(answer);
    }
    return rc;
}

static int print(struct follow *f, json_t *events, size_t first, struct err *err)
{
    CLEANUP(buf_close) struct buf out = {0};
    for (size_t i = first; i < json_array_size(events); i++) {
        json_t *event = json_array_get(events, i);
        if (f->format != OUTPUT_PRETTY) {
            output_stream_row(&out, f->format, columns, event);
            continue;
        }
        output_text(&out, view_text(event, "at"));
        buf_str(&out, "  ");
        output_text(&out, view_text(event, "node"));
        buf_str(&out, "  ");
        output_text(&out, view_text(event, "kind"));
        buf_str(&out, ": ");
        output_text(&out, view_text(event, "text"));
        buf_char(&out, '\n');
    }
    return out.size > 0 ? cli_put(&out, err) : 0;
}

/* What is new since the last look. */
static int look(struct follow *f, struct ask *ask, struct err *err)
{
    json_auto_t *answer = NULL;
    struct err why = {0};
    ask_restart_clock(ask);
    int rc = get(ask, f->after, &answer, &why);
    if (rc == 0 && (uint64_t)view_number(answer, "newest") < f->after) {
        f->after = 0;
        json_decref(answer);
        answer = NULL;
        rc = get(ask, 0, &answer, &why);
    }
    if (rc < 0) {
        if (!f->is_cut_off) {
            cmd_warn(f->call, "%s; asking again", why.msg);
        }
        f->is_cut_off = true;
        return 0;
    }
    bool is_other = strcmp(ask_node(ask), f->node) != 0;
    size_t skipped = is_other ? json_array_size(json_object_get(answer, "events")) : 0;
    if (is_other) {
        mem_free(f->node);
        f->node = mem_strdup(ask_node(ask));
        cmd_warn(f->call, "goes on with what happens at %s", f->node);
    }
    f->is_cut_off = false;
    f->after = (uint64_t)view_number(answer, "newest");
    return print(f, json_object_get(answer, "events"), skipped, err);
}

int cmd_events(const struct cli_call *call, struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    json_auto_t *answer = NULL;
    uint64_t limit = EVENTS_MAX;
    int rc = cmd_number(call, "limit", 0, EVENTS_MAX, &limit, err);
    rc = rc < 0 ? rc : ctl_open(call, &ctl, err);
    rc = rc < 0 ? rc : get(ctl.ask, 0, &answer, err);
    if (rc < 0) {
        return rc;
    }
    struct follow f = {
        .call = call, .format = output_format(call), .node = mem_strdup(ask_node(ctl.ask))};
    json_t *events = json_object_get(answer, "events");
    size_t count = json_array_size(events);
    CLEANUP(buf_close) struct buf head = {0};
    output_stream_head(&head, f.format, columns);
    rc = head.size > 0 ? cli_put(&head, err) : 0;
    rc = rc < 0 ? rc : print(&f, events, count > limit ? count - limit : 0, err);
    f.after = (uint64_t)view_number(answer, "newest");
    while (rc == 0 && cli_given(call, "follow")) {
        (void)poll(NULL, 0, PAUSE_MS);
        rc = look(&f, ctl.ask, err);
    }
    mem_free(f.node);
    return rc;
}
