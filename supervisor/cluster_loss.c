/* supervisor/cluster_loss.c - could PostgreSQL go on if any one of its nodes were lost now?
 *
 * The primary's loss is bearable when a standby may take its place without losing more than is
 * allowed; a standby's loss when commits then still find whom they wait for. */
#include "supervisor/cluster_view.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"

static bool has_tag(const struct view_tags *tags, const char *key, const char *value)
{
    for (uint32_t i = 0; i < tags->count; i++) {
        if (strcmp(tags->at[i].key, key) == 0) {
            return strcmp(tags->at[i].value, value) == 0;
        }
    }
    return false;
}

/* Why @m could not take over now; false: it could. */
static bool is_unfit(const struct cluster_view *view, const struct view_member *m, struct buf *why)
{
    uint64_t leader_lsn = view_leader_lsn(view);
    uint64_t has = m->received.is_known ? m->received.lsn : m->replayed.lsn;
    uint64_t lag = leader_lsn > has ? leader_lsn - has : 0;
    const char *name = m->name.text;
    if (!m->is_fresh) {
        buf_printf(why, "%s was not heard lately", name);
    } else if (m->state != VIEW_RUNNING) {
        buf_printf(why, "%s is not running: %s", name, view_state_name(m->state));
    } else if (m->is_refusing) {
        buf_printf(why, "PostgreSQL of %s refuses its configuration", name);
    } else if (m->is_fenced) {
        buf_printf(why, "%s is fenced", name);
    } else if (m->never_leads) {
        buf_printf(why, "%s is tagged never to become primary", name);
    } else if (view->sync_mode != SYNC_OFF && !view_is_sync(view, &m->name)) {
        buf_printf(why, "%s is no synchronous standby", name);
    } else if (has_tag(&m->tags, "nostream", "true")) {
        buf_printf(why, "%s is tagged nostream, and may be behind", name);
    } else if (m->flow == VIEW_FLOW_NONE) {
        buf_printf(why, "%s does not replicate", name);
    } else if (!m->received.is_known && !m->replayed.is_known) {
        buf_printf(why, "%s does not say how far it is", name);
    } else if (view->sync_mode == SYNC_OFF && lag > view->lag_bytes_max) {
        buf_printf(why, "%s is %" PRIu64 " bytes behind, more than maximum_lag_on_failover", name,
                   lag);
    } else {
        return false;
    }
    return true;
}

/* Standbys that commits may wait for, and that are there. */
static uint32_t live_sync(const struct cluster_view *view)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct view_member *m = &view->members[i];
        count += view_is_sync(view, &m->name) && m->is_fresh && m->flow == VIEW_STREAMING ? 1 : 0;
    }
    return count;
}

enum view_loss view_any_one_may_fail(const struct cluster_view *view, uint64_t boot_ms,
                                     struct buf *why)
{
    CLEANUP(buf_close) struct buf unfit = {0};
    uint32_t fit = 0;
    if (view_is_stale(view, boot_ms)) {
        buf_str(why, "what this node knows of PostgreSQL is old\n");
        return VIEW_LOSS_UNKNOWN;
    }
    if (!name_is_set(&view->leader)) {
        buf_str(why, "there is no primary\n");
        return VIEW_LOSS_NOT;
    }
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct view_member *m = &view->members[i];
        CLEANUP(buf_close) struct buf one = {0};
        if (m->is_witness || name_is(&m->name, &view->leader)) {
            continue;
        }
        if (is_unfit(view, m, &one)) {
            buf_printf(&unfit, "%s%s", unfit.size > 0 ? "; " : "", buf_text(&one));
        } else {
            fit++;
        }
    }
    size_t before = why->size;
    if (view->is_paused || view->is_held) {
        buf_printf(why, "it is paused: nobody takes over when %s is lost\n", view->leader.text);
    }
    if (fit == 0) {
        buf_printf(why, "nobody could take over when %s is lost: %s\n", view->leader.text,
                   unfit.size > 0 ? buf_text(&unfit) : "there is no standby");
    }
    if (fit > 0 && view->sync_mode != SYNC_OFF && !view->sync_is_provable) {
        buf_printf(why,
                   "nobody would take over when %s is lost: too few of the copies that commits "
                   "wait for are there to prove that nothing is missing\n",
                   view->leader.text);
    }
    uint32_t wanted = view->sync_nodes > 0 ? view->sync_nodes : 1;
    if (view->sync_mode != SYNC_OFF && view->sync_strict && live_sync(view) <= wanted) {
        buf_str(why,
                "commits would wait for ever without any one of the synchronous standbys: "
                "synchronous_mode_strict is on, and there is none to spare\n");
    }
    return why->size > before ? VIEW_LOSS_NOT : VIEW_LOSS_BEARABLE;
}
