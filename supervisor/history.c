/* supervisor/history.c - from the newest timeline back through its parents. */
#include "supervisor/history.h"

const struct history_row *history_newest_used(const struct store_facts *store)
{
    const struct sync_value *sync = &store->sync;
    for (uint32_t i = store->history_count; i > 0; i--) {
        if (!sync->is_known || store->history[i - 1].epoch <= sync->epoch) {
            return &store->history[i - 1];
        }
    }
    return NULL;
}

bool history_common(const struct store_facts *store, uint32_t timeline, uint64_t *ret_lsn)
{
    const struct history_row *newest = history_newest(store);
    if (newest == NULL) {
        return false;
    }
    uint64_t lsn = UINT64_MAX;
    uint32_t at = newest->timeline;
    for (uint32_t i = store->history_count; at != timeline && i > 0; i--) {
        const struct history_row *row = &store->history[i - 1];
        if (row->timeline == at) {
            lsn = row->switch_lsn < lsn ? row->switch_lsn : lsn;
            at = row->parent;
        }
    }
    if (at != timeline || timeline == 0) {
        return false;
    }
    *ret_lsn = lsn;
    return true;
}

static const struct history_row *row_of(const struct store_facts *store, uint32_t timeline)
{
    for (uint32_t i = 0; i < store->history_count; i++) {
        if (store->history[i].timeline == timeline) {
            return &store->history[i];
        }
    }
    return NULL;
}

uint64_t history_shared_lsn(const struct store_facts *store, const struct position *end)
{
    uint64_t lsn = end->lsn;
    uint32_t at = end->timeline;
    uint64_t common = 0;
    for (uint32_t steps = 0; steps <= store->history_count; steps++) {
        if (history_common(store, at, &common)) {
            return lsn < common ? lsn : common;
        }
        const struct history_row *row = row_of(store, at);
        if (row == NULL) {
            return 0;
        }
        lsn = row->switch_lsn < lsn ? row->switch_lsn : lsn;
        at = row->parent;
    }
    return 0;
}

bool history_is_recorded(const struct store_facts *store, uint32_t timeline)
{
    return row_of(store, timeline) != NULL;
}

/* LSNs of two timelines say nothing of one another beyond where these parted. */
uint64_t history_lag(const struct store_facts *store, const struct position *end,
                     const struct position *to)
{
    bool is_later = end->timeline > to->timeline && history_is_recorded(store, end->timeline);
    bool is_other = end->timeline < to->timeline || is_later;
    uint64_t lsn = is_other ? history_shared_lsn(store, end) : end->lsn;
    uint64_t wanted = is_later ? history_shared_lsn(store, to) : to->lsn;
    return wanted > lsn ? wanted - lsn : 0;
}

/* No cluster has so many elections between two primaries. One that was recovered from what was left
 * begins higher than that (docs/recovery.md): it may have lost a record, and nothing counts as
 * unrecorded before it has made its first one. */
#define ELECTIONS_MAX (UINT64_C(1) << 28)

/* Rows of Patroni's have no epoch: it records a timeline some time after it was begun. */
static bool is_unrecorded(const struct store_facts *store, uint32_t timeline)
{
    const struct history_row *newest = history_newest(store);
    return newest != NULL && newest->epoch != 0 && timeline > newest->timeline &&
           store->order_epoch > newest->epoch && store->order_epoch - newest->epoch < ELECTIONS_MAX;
}

struct position history_counted(const struct store_facts *store, const struct position *end,
                                const struct position *left)
{
    bool is_told = end->is_known && left->is_known && is_unrecorded(store, end->timeline) &&
                   left->timeline == history_newest(store)->timeline;
    if (!is_told) {
        return *end;
    }
    struct position counted = *left;
    counted.lsn = end->lsn < left->lsn ? end->lsn : left->lsn;
    return counted;
}

bool history_may_hold(const struct store_facts *store, uint32_t timeline)
{
    const struct history_row *newest = history_newest(store);
    uint64_t common = 0;
    return newest == NULL || timeline > newest->timeline ||
           history_common(store, timeline, &common);
}

bool history_is_diverged(const struct store_facts *store, const struct position *end)
{
    uint64_t common = 0;
    return !end->is_known || !history_common(store, end->timeline, &common) || end->lsn > common;
}
