/* supervisor/view_store.c - rows and cards into a view. */
#include "supervisor/view_store.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "supervisor/card.h"

static void take_history(struct cluster_view *view, const struct row_history *history)
{
    uint32_t first = history->count > VIEW_HISTORY_MAX ? history->count - VIEW_HISTORY_MAX : 0;
    view->history_count = 0;
    for (uint32_t i = first; i < history->count; i++) {
        const struct row_timeline *from = &history->at[i];
        struct view_history_row *to = &view->history[view->history_count];
        memset(to, 0, sizeof(*to));
        to->timeline = from->row.parent; /* Patroni's: the one that ended there */
        to->lsn = from->row.switch_lsn;
        view_text_set(to->reason, sizeof(to->reason), from->reason);
        view_text_set(to->timestamp, sizeof(to->timestamp), from->stamp);
        to->leader = from->node;
        view->history_count++;
    }
}

static void take_wish(struct cluster_view *view, const struct store_rows *rows)
{
    bool is_scheduled = rows->failover.is_scheduled;
    view_text_set(view->switchover_at, sizeof(view->switchover_at),
                  is_scheduled ? rows->failover.scheduled_at : "");
    view->switchover_from = rows->failover.leader;
    view->switchover_to = rows->failover.candidate;
}

static void take_loss(struct cluster_view *view, const struct row_grant *grant)
{
    view->loss[0] = '\0';
    if (grant->loss == LOSS_UNKNOWN) {
        view_text_set(
            view->loss, sizeof(view->loss),
            "acknowledged commits may be lost: nobody knows how far the last primary was");
    } else if (grant->loss == LOSS_BOUNDED) {
        (void)snprintf(view->loss, sizeof(view->loss),
                       "acknowledged commits may be lost: %" PRIu64
                       " bytes of WAL, and what the last primary wrote in its last %" PRIu64 " ms",
                       grant->loss_bytes, grant->loss_age_ms);
    }
}

static void take_election(struct cluster_view *view, struct advisor *advisor, uint64_t boot_ms,
                          uint64_t wall_ms)
{
    static const char *const actions[] = {[ELECT_NOTHING] = "nothing",
                                          [ELECT_ORDER] = "order",
                                          [ELECT_WAIT] = "wait",
                                          [ELECT_GRANT] = "grant"};
    struct advisor_told told;
    if (!advisor_explain(advisor, &told)) {
        return;
    }
    uint64_t ago_ms = boot_ms > told.at_ms ? boot_ms - told.at_ms : 0;
    memset(&view->election, 0, sizeof(view->election));
    view->election.wall_ms = wall_ms > ago_ms ? wall_ms - ago_ms : 1;
    view_text_set(view->election.rule, sizeof(view->election.rule), told.rule);
    view_text_set(view->election.action, sizeof(view->election.action), actions[told.action]);
    view_text_set(view->election.text, sizeof(view->election.text), told.text);
}

static void take_cards(struct cluster_view *view, const struct store_side *side)
{
    for (uint32_t i = 0; i < view->member_count; i++) {
        struct view_member *m = &view->members[i];
        for (uint32_t k = 0; k < side->view.roster.count; k++) {
            const struct roster_member *who = &side->view.roster.at[k];
            const struct words_heard *heard = words_table_of(&side->table, who->id);
            if (heard != NULL && heard->is_sound && name_is(&who->name, &m->name)) {
                (void)card_decode(heard->words.card, m); /* as much of it as can be read */
                m->decision.node = m->name;
            }
        }
    }
}

#define FENCED "fenced"

static void mark(struct view_tags *tags, bool is_fenced)
{
    uint32_t at = 0;
    while (at < tags->count && strcmp(tags->at[at].key, FENCED) != 0) {
        at++;
    }
    if (!is_fenced && at < tags->count) {
        memmove(&tags->at[at], &tags->at[at + 1], (tags->count - at - 1) * sizeof(tags->at[0]));
        tags->count--;
    } else if (is_fenced && at < VIEW_TAGS_MAX) {
        struct view_tag *tag = &tags->at[at];
        memset(tag, 0, sizeof(*tag));
        view_text_set(tag->key, sizeof(tag->key), FENCED);
        view_text_set(tag->value, sizeof(tag->value), "true");
        tag->kind = VIEW_TAG_BOOL;
        tags->count += at == tags->count ? 1 : 0;
    }
}

static void put_fence(const struct fence *fence, char out[VIEW_TEXT_SIZE])
{
    (void)snprintf(out, VIEW_TEXT_SIZE, "fenced%s%s%s%s%s%s", fence->by[0] != '\0' ? " by " : "",
                   fence->by, fence->at[0] != '\0' ? " at " : "", fence->at,
                   fence->why[0] != '\0' ? ": " : "", fence->why);
}

void view_take_fences(struct cluster_view *view, const struct fence_book *fences)
{
    for (uint32_t i = 0; i < view->member_count; i++) {
        struct view_member *m = &view->members[i];
        const struct fence *fence = fence_of(fences, &m->name);
        bool is_fenced = fence != NULL;
        if (is_fenced || m->is_fenced) {
            mark(&m->tags, is_fenced);
        }
        m->is_fenced = is_fenced;
        m->fence[0] = '\0';
        if (is_fenced) {
            put_fence(fence, m->fence);
        }
    }
    view->self.is_fenced = fence_of(fences, &view->name) != NULL;
    if (view->self.is_fenced) {
        mark(&view->self.tags, true); /* filled in anew with each view */
    }
}

void view_take_store(struct cluster_view *view, struct store_side *side, uint64_t boot_ms,
                     uint64_t wall_ms)
{
    const struct store_view *store = &side->view;
    const struct store_rows *rows = &store->rows;
    uint64_t since_ms = boot_ms - store->quorum_at_ms;
    bool is_heard = store->quorum_at_ms != 0 && store->quorum_age_ms < UINT64_MAX - since_ms;
    view->quorum_age_ms = is_heard ? store->quorum_age_ms + since_ms : UINT64_MAX;
    if (is_heard && wall_ms > view->quorum_age_ms) {
        view->dcs_last_seen = (wall_ms - view->quorum_age_ms) / MS_PER_S;
    }
    view->system_identifier = rows->system_id;
    view->level = store->level;
    view->is_initializing = rows->system_id == 0 && store_rows_lease_stands(rows);
    take_history(view, &rows->history);
    take_wish(view, rows);
    take_loss(view, &rows->grant);
    take_election(view, &side->advisor, boot_ms, wall_ms);
    take_cards(view, side);
}
