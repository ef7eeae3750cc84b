/* daemon/patroni_view.c - what pgraftctl asks for beyond Patroni: the whole view, and the events.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/json_put.h"
#include "daemon/patroni.h"

static void put_time(struct buf *out, const char *name, uint64_t wall_ms)
{
    char stamp[CLOCK_STAMP_SIZE];
    json_put_text(out, name, clock_stamp(wall_ms * NS_PER_MS, stamp));
}

static void put_name(struct buf *out, const char *key, const struct facts_name *name)
{
    json_put_text(out, key, name_is_set(name) ? name->text : NULL);
}

struct said {
    const char *name; /* NULL: in an array */
    uint64_t wall_ms;
    const struct facts_name *node; /* NULL: nobody's */
    const char *rule, *action, *text;
};

static void put_said(struct buf *out, const struct said *said)
{
    if (said->wall_ms == 0) {
        json_put_null(out, said->name);
        return;
    }
    json_put_open(out, said->name, '{');
    put_time(out, "at", said->wall_ms);
    json_put_text(out, "node", said->node != NULL ? said->node->text : NULL);
    json_put_text(out, "rule", said->rule);
    json_put_text(out, "action", said->action);
    json_put_text(out, "text", said->text);
    json_put_close(out, '}');
}

static void put_decision(struct buf *out, const struct view_decision *d)
{
    put_said(out, &(struct said){.wall_ms = d->wall_ms,
                                 .node = &d->node,
                                 .rule = d->rule,
                                 .action = d->action,
                                 .text = d->text});
}

static void put_election(struct buf *out, const struct view_election *e)
{
    put_said(out, &(struct said){.name = "election",
                                 .wall_ms = e->wall_ms,
                                 .rule = e->rule,
                                 .action = e->action,
                                 .text = e->text});
}

/* Of each other node the last one that was heard, then those of this node. */
static void put_decisions(struct buf *out, const struct cluster_view *view)
{
    json_put_open(out, "decisions", '[');
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct view_member *m = &view->members[i];
        if (m->decision.wall_ms != 0 && !name_is(&m->name, &view->name)) {
            put_decision(out, &m->decision);
        }
    }
    for (uint32_t i = 0; i < view->decision_count; i++) {
        put_decision(out, &view->decisions[i]);
    }
    json_put_close(out, ']');
}

static void put_loss(struct buf *out, const struct cluster_view *view, uint64_t boot_ms)
{
    CLEANUP(buf_close) struct buf why = {0};
    enum view_loss loss = view_any_one_may_fail(view, boot_ms, &why);
    if (loss == VIEW_LOSS_UNKNOWN) {
        json_put_null(out, "any_one_may_fail");
    } else {
        json_put_bool(out, "any_one_may_fail", loss == VIEW_LOSS_BEARABLE);
    }
    json_put_open(out, "why_not", '[');
    char *rest = NULL;
    char *line = why.size > 0 ? strtok_r(why.bytes, "\n", &rest) : NULL;
    while (line != NULL) {
        json_put_text(out, NULL, line);
        line = strtok_r(NULL, "\n", &rest);
    }
    json_put_close(out, ']');
}

static void put_identifier(struct buf *out, const struct cluster_view *view)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRIu64, view->system_identifier);
    bool is_set = view->system_identifier != 0;
    json_put_text(out, "initialize", is_set ? text : view->is_initializing ? "" : NULL);
}

/* The sites of members, which Patroni has no word for. */
static void put_sites(struct buf *out, const struct cluster_view *view)
{
    json_put_open(out, "sites", '{');
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct view_member *m = &view->members[i];
        if (m->site[0] != '\0') {
            json_put_text(out, m->name.text, m->site);
        }
    }
    json_put_close(out, '}');
}

/* Which feature level each member's program knows. */
static void put_levels(struct buf *out, const struct cluster_view *view)
{
    json_put_open(out, "levels", '{');
    for (uint32_t i = 0; i < view->member_count; i++) {
        if (view->members[i].level != 0) {
            json_put_number(out, view->members[i].name.text, view->members[i].level);
        }
    }
    json_put_close(out, '}');
}

/* Of each that is fenced by whom, when and why. */
static void put_fences(struct buf *out, const struct cluster_view *view)
{
    json_put_open(out, "fenced", '{');
    for (uint32_t i = 0; i < view->member_count; i++) {
        if (view->members[i].is_fenced) {
            json_put_text(out, view->members[i].name.text, view->members[i].fence);
        }
    }
    json_put_close(out, '}');
}

/* What is amiss with a member's PostgreSQL, or how far it has come with a clone. */
static void put_notes(struct buf *out, const struct cluster_view *view)
{
    json_put_open(out, "notes", '{');
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct view_member *m = &view->members[i];
        if (m->note[0] != '\0') {
            json_put_text(out, m->name.text, m->note);
        }
    }
    json_put_close(out, '}');
}

/* Whose commits may be lost although the mode is synchronous; told by the primary alone. */
static void put_weaker(struct buf *out, const struct cluster_view *view)
{
    const struct view_member *leader =
        name_is_set(&view->leader) ? view_member_named(view, view->leader.text) : NULL;
    if (leader != NULL && leader->weaker[0] != '\0') {
        json_put_text(out, "weaker", leader->weaker);
    }
}

/* What an operator has this node do with its PostgreSQL. */
static void put_task(struct buf *out, const struct view_task *task)
{
    bool has_failed = task->why[0] != '\0';
    if (task->id == 0) {
        json_put_null(out, "task");
        return;
    }
    json_put_open(out, "task", '{');
    json_put_number(out, "id", task->id);
    json_put_text(out, "kind", task->is_clone ? "reinitialize" : "restart");
    json_put_text(out, "state", !task->is_over ? "running" : has_failed ? "failed" : "done");
    json_put_text(out, "why", has_failed ? task->why : NULL);
    json_put_close(out, '}');
}

/* What the others do not hear of this node, or not all of it. */
static void put_self(struct buf *out, const struct cluster_view *view, uint64_t boot_ms)
{
    const struct view_self *self = &view->self;
    const struct patroni_query nothing = {.count = 0};
    if (!self->supervises) {
        json_put_null(out, "self");
        return;
    }
    json_put_open(out, "self", '{');
    json_put_text(out, "version", view->version);
    json_put_number(out, "server_version", self->server_version);
    json_put_bool(out, "serves_writes",
                  patroni_code(PATRONI_PRIMARY, &nothing, view, boot_ms) == 200);
    if (self->room.is_known) {
        json_put_number(out, "free_bytes", self->room.free_kib * 1024);
    } else {
        json_put_null(out, "free_bytes");
    }
    json_put_bool(out, "is_full", self->room.is_full);
    json_put_open(out, "too_slow", '{');
    for (unsigned i = 0; i < TIMING_CAUSES; i++) {
        if (self->timing[i].is_amiss) {
            json_put_number(out, timing_cause_name((enum timing_cause)i), self->timing[i].ms);
        }
    }
    json_put_close(out, '}');
    put_task(out, &self->task);
    json_put_close(out, '}');
}

static const char *mode_name(enum sync_mode mode)
{
    static const char *const names[] = {
        [SYNC_OFF] = "off", [SYNC_QUORUM] = "quorum", [SYNC_ON] = "on"};
    return names[mode];
}

void patroni_put_view(struct buf *out, const struct cluster_view *view, uint64_t boot_ms)
{
    CLEANUP(buf_close) struct buf cluster = {0};
    CLEANUP(buf_close) struct buf history = {0};
    patroni_put_cluster(&cluster, view, true, boot_ms);
    patroni_put_history(&history, view);
    bool knows = view->published_boot_ms != 0 && view->quorum_age_ms != UINT64_MAX;
    uint64_t since = boot_ms > view->published_boot_ms ? boot_ms - view->published_boot_ms : 0;
    json_put_open(out, NULL, '{');
    json_put_bool(out, "supervised", true);
    json_put_text(out, "name", view->name.text);
    json_put_text(out, "scope", view->scope.text);
    json_put_bool(out, "quorum", view->has_quorum && !view_is_stale(view, boot_ms));
    if (knows) {
        json_put_number(out, "age_ms", view->quorum_age_ms + since);
    } else {
        json_put_null(out, "age_ms");
    }
    put_identifier(out, view);
    put_name(out, "leader", &view->leader);
    json_put_number(out, "epoch", view->epoch);
    json_put_text(out, "loss", view->loss[0] != '\0' ? view->loss : NULL);
    json_put_text(out, "synchronous_mode", mode_name(view->sync_mode));
    json_put_number(out, "synchronous_node_count", view->sync_nodes);
    put_weaker(out, view);
    json_put_bool(out, "held", view->is_held);
    json_put_raw(out, "cluster", buf_text(&cluster));
    put_sites(out, view);
    put_notes(out, view);
    put_levels(out, view);
    put_fences(out, view);
    json_put_raw(out, "history", buf_text(&history));
    put_loss(out, view, boot_ms);
    put_election(out, &view->election);
    put_decisions(out, view);
    put_self(out, view, boot_ms);
    json_put_close(out, '}');
}

void patroni_put_events(struct buf *out, const struct cluster_view *view, uint64_t after)
{
    uint32_t count = view->event_count;
    json_put_open(out, NULL, '{');
    json_put_bool(out, "supervised", true);
    json_put_number(out, "oldest", count > 0 ? view->events[0].sequence : 0);
    json_put_number(out, "newest", count > 0 ? view->events[count - 1].sequence : 0);
    json_put_open(out, "events", '[');
    for (uint32_t i = 0; i < count; i++) {
        const struct view_event *e = &view->events[i];
        if (e->sequence <= after) {
            continue;
        }
        json_put_open(out, NULL, '{');
        json_put_number(out, "sequence", e->sequence);
        put_time(out, "at", e->wall_ms);
        put_name(out, "node", &e->node);
        json_put_text(out, "kind", e->kind);
        json_put_text(out, "text", e->text);
        json_put_close(out, '}');
    }
    json_put_close(out, ']');
    json_put_close(out, '}');
}
