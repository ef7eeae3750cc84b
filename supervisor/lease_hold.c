/* supervisor/lease_hold.c - from a grant in the store to a deadline. */
#include "supervisor/lease_hold.h"

#include "base/clock.h"
#include "base/must.h"

#define TIMEOUT_MS 1000
#define AGAIN_MS 50
#define LOOK_MS 5000 /* for its time in the store */

void lease_hold_open(struct lease_hold *h, struct pgraft *store, struct holder *holder)
{
    memset(h, 0, sizeof(*h));
    h->store = store;
    h->holder = holder;
}

void lease_hold_adopt(struct lease_hold *h, const struct guard_grant *found)
{
    bool is_given_up = h->stage == LEASE_LET_GO && found->epoch <= h->epoch;
    bool is_newer = found->epoch > h->told.epoch;
    bool is_longer = found->epoch == h->told.epoch && found->deadline_ns > h->told.deadline_ns;
    if (!is_given_up && (is_newer || is_longer)) {
        h->told = *found;
    }
}

/* ---- which grant ---- */

static void on_leases(void *ctx, const struct pgraft_result *result)
{
    struct lease_hold *h = ctx;
    h->is_asking = false;
    bool is_waited_for = h->stage == LEASE_ASKING || h->stage == LEASE_HELD;
    if (result->status != 0 || !is_waited_for || h->asked_for != h->epoch) {
        return;
    }
    for (size_t i = 0; i < result->lease_count; i++) {
        const struct pgraft_lease_info *info = &result->leases[i];
        if (info->id == KEYS_PRIMARY_LEASE && info->is_protected && info->epoch == h->epoch) {
            h->grant = h->stage == LEASE_ASKING ? info->grant : h->grant;
            h->ttl_ms = info->grant == h->grant ? info->ttl_ms : h->ttl_ms;
        }
    }
    if (h->grant != 0 && h->holder->changed != NULL) {
        h->holder->changed(h->holder->ctx); /* it can be held now */
    }
}

/* The view has it, so this node has applied it. */
static void ask(struct lease_hold *h, uint64_t now_ms)
{
    struct pgraft_call call = {
        .timeout_ms = TIMEOUT_MS, .local = true, .done = on_leases, .ctx = h};
    h->asked_for = h->epoch;
    h->again_ms = now_ms + (h->stage == LEASE_HELD ? LOOK_MS : AGAIN_MS);
    h->is_asking = pgraft_lease_list(h->store, &call, NULL, NULL) == 0;
}

/* ---- the stages ---- */

static void lose(struct lease_hold *h)
{
    if (h->stage == LEASE_HELD) {
        pgraft_lease_let_go(h->store, KEYS_PRIMARY_LEASE);
    }
    h->stage = LEASE_NOT_MINE;
    h->grant = 0;
}

static void find(struct lease_hold *h, uint64_t epoch, uint64_t now_ms)
{
    lose(h);
    h->stage = LEASE_ASKING;
    h->epoch = epoch;
    h->since_ms = now_ms;
    h->again_ms = 0;
    h->ttl_ms = 0;
    h->is_long = false;
    h->limited_ms = now_ms;
}

static void hold(struct lease_hold *h, uint64_t now_ms);

static void go_on(struct lease_hold *h, const struct store_view *view, uint64_t now_ms)
{
    if (h->stage == LEASE_ASKING && h->grant == 0) {
        if (!h->is_asking && now_ms >= h->again_ms) {
            ask(h, now_ms);
        }
        return;
    }
    if (h->stage == LEASE_ASKING) {
        bool is_found = h->epoch <= view->found_epoch;
        holder_begin(h->holder, h->epoch, h->grant, view->roster.self, is_found);
        h->stage = is_found ? LEASE_CLAIMING : LEASE_HELD;
    }
    if (h->stage == LEASE_CLAIMING) {
        enum holder_outcome outcome = holder_outcome(h->holder, HOLDER_CLAIM);
        if (outcome == HOLDER_NONE) {
            (void)holder_claim(h->holder, view, now_ms);
        } else if (outcome != HOLDER_PENDING) {
            h->stage = outcome == HOLDER_DONE ? LEASE_HELD : LEASE_NOT_OURS;
        }
    }
    if (h->stage == LEASE_HELD) {
        hold(h, now_ms);
        if (!h->is_asking && now_ms >= h->again_ms) {
            ask(h,
                now_ms); /* an earlier life may have changed it, and this node hears of that late */
        }
    }
}

/* What the page says outlives the life that wrote it; the lease may have been released since, or
 * have gone on to another. A copy of the store that is old shows an older grant. */
static bool is_void(const struct guard_grant *told, const struct store_rows *rows)
{
    bool is_over = rows->grant.epoch == told->epoch && !store_rows_lease_stands(rows);
    return is_over || rows->grant.epoch > told->epoch;
}

void lease_hold_tick(struct lease_hold *h, const struct store_view *view, uint64_t now_ms)
{
    holder_tick(h->holder, view, now_ms);
    if (!view->is_read) {
        return;
    }
    uint64_t epoch = view->rows.grant.epoch;
    bool is_mine = store_view_is_mine(view);
    if (!is_mine) {
        if (h->stage != LEASE_LET_GO) {
            lose(h);
        }
        if (is_void(&h->told, &view->rows)) {
            h->told = (struct guard_grant){.epoch = 0};
        }
        return;
    }
    if (h->stage == LEASE_NOT_MINE || h->epoch != epoch) {
        find(h, epoch, now_ms);
    }
    h->limit_ms = view->rows.grant.lease_ms;
    go_on(h, view, now_ms);
}

/* ---- time ---- */

/* The wish of a decision is handed over when there is something to hold, or already. */
static void hold(struct lease_hold *h, uint64_t now_ms)
{
    if (!h->is_wanted || now_ms >= h->wanted_ms) {
        h->is_wanted = false;
        return;
    }
    struct pgraft_hold wish = {.lease = KEYS_PRIMARY_LEASE,
                               .grant = h->grant,
                               .epoch = h->epoch,
                               .renew_for_ms = (uint32_t)(h->wanted_ms - now_ms),
                               .limit_ms = h->is_long ? 0 : h->limit_ms};
    (void)pgraft_lease_hold(h->store, &wish, NULL); /* busy: with the next tick */
}

void lease_hold_renew(struct lease_hold *h, uint64_t now_ms, uint64_t renew_ms)
{
    MUST(renew_ms < UINT32_MAX);
    h->is_wanted = true;
    h->wanted_ms = now_ms + renew_ms;
    if (h->stage == LEASE_HELD) {
        hold(h, now_ms);
    }
}

/* Of @epoch, by the newest confirmed keep-alive or by what the guard was told. */
static uint64_t deadline_ns(const struct lease_hold *h, uint64_t epoch)
{
    struct pgraft_lease_page page;
    pgraft_lease_page(h->store, &page);
    uint64_t confirmed_ns = 0;
    if (h->stage == LEASE_HELD && page.lease == KEYS_PRIMARY_LEASE && page.epoch == epoch) {
        confirmed_ns = page.deadline_ms * NS_PER_MS;
    }
    uint64_t told_ns = h->told.epoch == epoch ? h->told.deadline_ns : 0;
    return confirmed_ns > told_ns ? confirmed_ns : told_ns;
}

static uint64_t held_epoch(const struct lease_hold *h)
{
    bool is_mine = h->stage != LEASE_NOT_MINE && h->stage != LEASE_LET_GO;
    return is_mine ? h->epoch : h->stage == LEASE_LET_GO ? 0 : h->told.epoch;
}

void lease_hold_facts(const struct lease_hold *h, uint64_t now_ms, struct lease_facts *out)
{
    *out = (struct lease_facts){.epoch = held_epoch(h)};
    uint64_t until_ms = out->epoch != 0 ? deadline_ns(h, out->epoch) / NS_PER_MS : 0;
    bool is_mine = h->stage != LEASE_NOT_MINE;
    if (!is_mine && until_ms <= now_ms) {
        out->epoch = 0; /* only the page spoke for it, and does not any more */
        return;
    }
    out->remaining_ms = until_ms > now_ms ? until_ms - now_ms : 0;
    out->age_ms = is_mine && out->epoch != 0 ? now_ms - h->since_ms : 0;
}

void lease_hold_grant(struct lease_hold *h, const struct supervisor_times *times,
                      uint64_t promote_epoch, struct guard_grant *out)
{
    uint64_t epoch = held_epoch(h);
    struct guard_grant grant = {.epoch = epoch};
    if (epoch != 0) {
        grant.deadline_ns = deadline_ns(h, epoch);
        grant.kill_budget_ns = times->kill_budget_ms * NS_PER_MS;
        grant.promote_epoch = promote_epoch == epoch && h->stage == LEASE_HELD ? epoch : 0;
        grant.promote_margin_ns = times->promote_margin_ms * NS_PER_MS;
    }
    h->told = grant;
    *out = grant;
}

void lease_hold_stretch(struct lease_hold *h, bool is_long, uint64_t now_ms)
{
    if (h->is_long && !is_long) {
        h->limited_ms = now_ms;
    }
    h->is_long = is_long;
    if (h->stage == LEASE_HELD) {
        hold(h, now_ms);
    }
}

/* The library was told of the limit a whole lease ago, and has looked since; what it and the guard
 * count with is below now and what a holder makes of that time (which is less by two in a thousand
 * at most, and a millisecond). */
bool lease_hold_may_shorten(const struct lease_hold *h, uint64_t now_ms)
{
    struct pgraft_lease_page page;
    uint64_t limit_ms = h->limit_ms;
    if (h->stage != LEASE_HELD || h->is_long || limit_ms == 0 || h->ttl_ms <= limit_ms ||
        now_ms < h->limited_ms + limit_ms) {
        return false;
    }
    pgraft_lease_page(h->store, &page);
    uint64_t until_ms = deadline_ns(h, h->epoch) / NS_PER_MS + 1;
    return page.beat_ms > h->limited_ms && until_ms + limit_ms / 500 + 2 <= now_ms + limit_ms;
}

bool lease_hold_is_unsure(const struct lease_hold *h)
{
    return h->stage == LEASE_ASKING || h->stage == LEASE_CLAIMING || h->stage == LEASE_NOT_OURS;
}

bool lease_hold_let_go(struct lease_hold *h)
{
    bool has_line = h->stage == LEASE_HELD || h->stage == LEASE_LET_GO;
    if (!has_line || h->holder->epoch != h->epoch) {
        return false;
    }
    pgraft_lease_let_go(h->store, KEYS_PRIMARY_LEASE);
    h->stage = LEASE_LET_GO;
    h->is_wanted = false;
    h->told = (struct guard_grant){.epoch = 0};
    return true;
}

bool lease_hold_release(struct lease_hold *h, uint64_t now_ms)
{
    return h->stage == LEASE_LET_GO && holder_release(h->holder, now_ms);
}
