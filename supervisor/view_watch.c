/* supervisor/view_watch.c - columns of the watch into a view. */
#include "supervisor/view_watch.h"

#include <string.h>

#include "base/must.h"

static void take_sender(struct view_sender *to, const struct probe_sender *from)
{
    view_text_set(to->user, sizeof(to->user), from->user);
    view_text_set(to->application, sizeof(to->application), from->name);
    view_text_set(to->address, sizeof(to->address), from->address);
    view_text_set(to->state, sizeof(to->state), from->state);
    view_text_set(to->sync_state, sizeof(to->sync_state), from->sync_state);
    to->sync_priority = (int32_t)from->priority;
}

void view_take_watch(struct view_self *self, const struct probe_watch *w)
{
    bool streams = w->in_recovery && strcmp(w->receiver_status, "streaming") == 0;
    self->server_version = w->version;
    self->replayed =
        (struct view_lsn){.is_known = w->in_recovery && w->replay_known, .lsn = w->replay_lsn};
    self->replay_paused = w->is_paused;
    /* A receiver that connects, or waits for a timeline, brings nothing. */
    self->flow = self->flow == VIEW_STREAMING && !streams ? VIEW_FLOW_NONE : self->flow;
    self->latest_end = (struct view_lsn){.is_known = streams && w->sender_end_known,
                                         .lsn = streams ? w->sender_end_lsn : 0};
    self->sender_count = 0;
    for (uint32_t i = 0; i < w->sender_count && i < ARRAY_LEN(self->senders); i++) {
        take_sender(&self->senders[i], &w->senders[i]);
        self->sender_count++;
    }
}
