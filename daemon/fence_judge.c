/* daemon/fence_judge.c - what is left of the cluster without this node. */
#include "daemon/fence_judge.h"

#include <inttypes.h>
#include <string.h>

#include "supervisor/level.h"

/* Who could be primary, or be waited for, while @name is fenced: a standby that is well. */
static bool is_standby(const struct cluster_view *view, const struct view_member *m,
                       const char *name)
{
    bool follows = m->flow != VIEW_FLOW_NONE || !name_is_set(&view->leader);
    bool is_other = strcmp(m->name.text, name) != 0 && !name_is(&m->name, &view->leader);
    return is_other && !m->is_witness && !m->is_fenced && m->is_fresh && m->state == VIEW_RUNNING &&
           follows;
}

static bool has_tag(const struct view_tags *tags, const char *key)
{
    for (uint32_t i = 0; i < tags->count; i++) {
        if (strcmp(tags->at[i].key, key) == 0) {
            return strcmp(tags->at[i].value, "true") == 0;
        }
    }
    return false;
}

static uint32_t count_candidates(const struct cluster_view *view, const char *name)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct view_member *m = &view->members[i];
        count += is_standby(view, m, name) && !m->never_leads && !m->is_refusing ? 1 : 0;
    }
    return count;
}

static uint32_t count_synchronous(const struct cluster_view *view, const char *name)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < view->member_count; i++) {
        const struct view_member *m = &view->members[i];
        bool may_be = !has_tag(&m->tags, "nosync") && !has_tag(&m->tags, "nostream");
        count += is_standby(view, m, name) && may_be ? 1 : 0;
    }
    return count;
}

int fence_judge(const struct fence_request *request, const struct cluster_view *view,
                struct err *err)
{
    const char *name = request->member;
    const struct view_member *m = view_member_named(view, name);
    bool leads = strcmp(view->leader.text, name) == 0;
    uint32_t needed = leads ? 2 : 1; /* one of them takes the primary's place first */
    if (view->level < LEVEL_FENCE) {
        return err_set(err, ERR_REFUSED,
                       "a fence would not hold: the feature level in force is %" PRIu64
                       ", and not every member knows fences (pgraftctl status says who keeps it "
                       "down)",
                       view->level);
    }
    if (m == NULL) {
        return err_set(err, ERR_NOT_FOUND, "no member has the name %s", name);
    }
    if (m->is_witness) {
        return err_set(err, ERR_REFUSED, "%s is a witness: it has no PostgreSQL to fence", name);
    }
    if (leads && (view->is_paused || view->is_held)) {
        return err_set(err, ERR_REFUSED,
                       "%s is the primary, and nobody is made primary %s: lift that first", name,
                       view->is_paused ? "during a pause" : "while it is held");
    }
    if (!request->may_lack_candidate && count_candidates(view, name) < needed) {
        return err_set(err, ERR_REFUSED,
                       "nobody could take over when the primary is lost while %s is fenced: "
                       "mend another standby first, or accept that (--accept-no-candidate)",
                       name);
    }
    bool is_strict = view->sync_mode != SYNC_OFF && view->sync_strict;
    if (is_strict && !request->may_stop_writes && count_synchronous(view, name) < needed) {
        return err_set(err, ERR_REFUSED,
                       "synchronous_mode_strict is on, and commits would have no other standby to "
                       "wait for while %s is fenced: mend one first, or accept that "
                       "(--accept-write-stop)",
                       name);
    }
    return 0;
}
