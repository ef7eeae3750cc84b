/* supervisor/view_events.h - what has changed from one view to the next, as events for people.
 *
 * Pure. A node tells what it sees itself: who is primary, how each member is, whether a majority is
 * there, pauses, and what the election waits for. What was so when the node began is no event. */
#ifndef SUPERVISOR_VIEW_EVENTS_H_
#define SUPERVISOR_VIEW_EVENTS_H_

#include "supervisor/cluster_view.h"

/* What is remembered of the last view; zeroed at the beginning. */
struct view_events_past {
    bool is_set;
    struct facts_name leader;
    uint64_t epoch;
    bool has_quorum, is_paused, is_held;
    char election[VIEW_ELECTION_SIZE];
    uint32_t member_count;
    struct view_events_member {
        struct facts_name name;
        enum view_state state;
        enum view_flow flow;
        bool is_fenced;
    } members[FACTS_MEMBERS_MAX];
};

/* Adds to the events of @view, which is complete but for them. */
void view_add_changes(struct cluster_view *view, struct view_events_past *past, uint64_t wall_ms);

#endif /* SUPERVISOR_VIEW_EVENTS_H_ */
