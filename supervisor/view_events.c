/* supervisor/view_events.c - two views, one after the other. */
#include "supervisor/view_events.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct adding {
    struct cluster_view *view;
    uint64_t wall_ms;
};

__attribute__((format(printf, 3, 4))) static void add(const struct adding *a, const char *kind,
                                                      const char *format, ...)
{
    struct view_event event = {.wall_ms = a->wall_ms, .node = a->view->name};
    va_list words;
    va_start(words, format);
    (void)vsnprintf(event.text, sizeof(event.text), format, words);
    va_end(words);
    view_text_set(event.kind, sizeof(event.kind), kind);
    view_add_event(a->view, &event);
}

static void add_primary(const struct adding *a, const struct view_events_past *past)
{
    const struct cluster_view *view = a->view;
    if (name_is(&view->leader, &past->leader) && view->epoch == past->epoch) {
        return;
    }
    if (!name_is_set(&view->leader)) {
        add(a, "primary", "%s has the role no more", past->leader.text);
        return;
    }
    add(a, "primary", "%s has the role, with epoch %" PRIu64 "%s%s", view->leader.text, view->epoch,
        view->loss[0] != '\0' ? "; " : "", view->loss);
}

static void add_cluster(const struct adding *a, const struct view_events_past *past)
{
    const struct cluster_view *view = a->view;
    if (view->has_quorum != past->has_quorum) {
        add(a, "quorum", "%s",
            view->has_quorum ? "a majority is heard again" : "no majority is heard");
    }
    if (view->is_paused != past->is_paused) {
        add(a, "pause", "%s",
            view->is_paused ? "automatic changes of roles are paused" : "the pause is over");
    }
    if (view->is_held != past->is_held) {
        add(a, "hold", "%s", view->is_held ? "no epoch is granted until it is lifted" : "lifted");
    }
    if (view->election.wall_ms != 0 && strcmp(view->election.text, past->election) != 0) {
        add(a, "election", "%s", view->election.text);
    }
}

static const char *state_of(enum view_state state, enum view_flow flow)
{
    const char *flows = view_flow_name(flow);
    return state == VIEW_RUNNING && flows[0] != '\0' ? flows : view_state_name(state);
}

static void add_member(const struct adding *a, const struct view_events_past *past,
                       const struct view_member *m)
{
    const struct view_events_member *before = NULL;
    for (uint32_t i = 0; i < past->member_count; i++) {
        before = name_is(&past->members[i].name, &m->name) ? &past->members[i] : before;
    }
    const char *now = state_of(m->state, m->flow);
    const char *then = before != NULL ? state_of(before->state, before->flow) : "new";
    bool is_unheard = before == NULL && m->state == VIEW_STATE_UNKNOWN;
    bool was_fenced = before != NULL && before->is_fenced;
    if (m->is_fenced != was_fenced) {
        add(a, "fence", "%s: %s", m->name.text, m->is_fenced ? m->fence : "unfenced");
    }
    if (m->is_witness || is_unheard || strcmp(now, then) == 0) {
        return;
    }
    add(a, "member", "%s: %s, was %s%s%s", m->name.text, now, then, m->note[0] != '\0' ? "; " : "",
        m->note);
}

static void remember(const struct cluster_view *view, struct view_events_past *past)
{
    past->is_set = true;
    past->leader = view->leader;
    past->epoch = view->epoch;
    past->has_quorum = view->has_quorum;
    past->is_paused = view->is_paused;
    past->is_held = view->is_held;
    view_text_set(past->election, sizeof(past->election), view->election.text);
    past->member_count = view->member_count;
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct view_member *m = &view->members[i];
        past->members[i] = (struct view_events_member){m->name, m->state, m->flow, m->is_fenced};
    }
}

void view_add_changes(struct cluster_view *view, struct view_events_past *past, uint64_t wall_ms)
{
    const struct adding a = {.view = view, .wall_ms = wall_ms};
    if (past->is_set) {
        add_primary(&a, past);
        add_cluster(&a, past);
        for (uint32_t i = 0; i < view->member_count; i++) {
            add_member(&a, past, &view->members[i]);
        }
    }
    remember(view, past);
}
