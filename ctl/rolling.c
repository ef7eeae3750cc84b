/* ctl/rolling.c - standbys, the primary, standbys. */
#include "ctl/rolling.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "ctl/cluster_view.h"
#include "ctl/output.h"

struct rolling_change rolling_change_of(bool is_pending, json_t *reasons)
{
    static const char *const five[] = {"max_connections", "max_locks_per_transaction",
                                       "max_prepared_transactions", "max_wal_senders",
                                       "max_worker_processes"};
    struct rolling_change change = {.which = NULL};
    if (is_pending && json_object_size(reasons) == 0) {
        change.raises = change.lowers = true;
    }
    for (size_t i = 0; i < ARRAY_LEN(five); i++) {
        json_t *reason = json_object_get(reasons, five[i]);
        if (reason != NULL) {
            long before = strtol(view_text(reason, "old_value"), NULL, 10);
            long after = strtol(view_text(reason, "new_value"), NULL, 10);
            change.raises = change.raises || after > before;
            change.lowers = change.lowers || after < before;
            change.which = five[i];
        }
    }
    return change;
}

static size_t add_standbys(const struct rolling *r, bool also_not_due, struct rolling_step *steps)
{
    size_t count = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (!r->members[i].leads && (also_not_due || r->members[i].is_due)) {
            steps[count++] =
                (struct rolling_step){.kind = ROLLING_STANDBY, .name = r->members[i].name};
        }
    }
    return count;
}

static const struct rolling_member *due_leader(const struct rolling *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->members[i].leads && r->members[i].is_due) {
            return &r->members[i];
        }
    }
    return NULL;
}

size_t rolling_order(const struct rolling *r, struct rolling_step *steps)
{
    const struct rolling_member *leader = due_leader(r);
    bool lowers = leader != NULL && r->change.lowers;
    size_t count = 0;
    if (!lowers || r->change.raises) {
        count += add_standbys(r, lowers, steps);
    }
    if (leader != NULL) {
        bool switches = !lowers && r->can_switch;
        steps[count++] = (struct rolling_step){
            .kind = switches ? ROLLING_SWITCHOVER : ROLLING_IN_PLACE, .name = leader->name};
    }
    if (lowers) { /* until then they run, and start, with the primary's larger value */
        count += add_standbys(r, true, steps + count);
    }
    return count;
}

void rolling_put(struct buf *out, const struct rolling_step *step)
{
    buf_str(out, step->kind == ROLLING_SWITCHOVER ? "switchover from " : "restart ");
    output_text(out, step->name);
    buf_str(out, step->kind == ROLLING_IN_PLACE     ? ", the primary, in place"
                 : step->kind == ROLLING_SWITCHOVER ? ", which then starts as a standby"
                                                    : "");
}
