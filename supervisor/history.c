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

uint64_t history_lag(const struct store_facts *store, const struct position *end,
                     const struct position *to)
{
    uint64_t lsn = end->timeline < to->timeline ? history_shared_lsn(store, end) : end->lsn;
    return to->lsn > lsn ? to->lsn - lsn : 0;
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
