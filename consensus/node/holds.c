/* consensus/node/holds.c - the leases that this node keeps alive, and the page that says until
 * when.
 *
 * The page follows the protected lease that is held, the one with the newest epoch, so that a guard
 * in another process can read its deadline without asking anybody. It is written by the consensus
 * thread alone, between two changes of its sequence. */
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/node/node.h"

static struct hold *find(struct node *n, uint64_t lease)
{
    LIST_FOR_EACH (struct hold, hold, &n->holds, link) {
        if (hold->wish.lease == lease) {
            return hold;
        }
    }
    return NULL;
}

void holds_set(struct node *n, const struct core_hold *wish, bool once)
{
    struct hold *hold = find(n, wish->lease);
    if (hold == NULL) {
        hold = mem_zalloc(sizeof(*hold));
        list_init(&hold->link);
        list_push_back(&n->holds, &hold->link);
        hold->keeps_once = once;
    }
    hold->keeps_once = hold->keeps_once && once;
    bool shorter = once && !hold->keeps_once; /* its owner's word stands */
    if (!shorter) {
        hold->wish = *wish;
    }
    if (n->core != NULL) {
        core_hold(n->core, node_now_ms(), &hold->wish);
    }
}

void holds_let_go(struct node *n, uint64_t lease)
{
    struct hold *hold = find(n, lease);
    if (hold == NULL) {
        return;
    }
    if (n->core != NULL) {
        core_let_go(n->core, node_now_ms(), lease);
    }
    list_remove(&hold->link);
    mem_free(hold);
}

void holds_kept(struct node *n, uint64_t lease)
{
    struct hold *hold = find(n, lease);
    if (hold != NULL && hold->keeps_once) {
        holds_let_go(n, lease); /* or it would be kept alive until the end of the call's time */
    }
}

static void write_page(struct node *n, const struct pgraft_lease_page *page)
{
    struct pgraft_lease_page *shared = n->page;
    uint64_t sequence = shared->sequence;
    /* Each store is after the one before: a reader that sees one of them sees the odd sequence. */
    __atomic_store_n(&shared->sequence, sequence + 1, __ATOMIC_RELEASE);
    __atomic_store_n(&shared->lease, page->lease, __ATOMIC_RELEASE);
    __atomic_store_n(&shared->epoch, page->epoch, __ATOMIC_RELEASE);
    __atomic_store_n(&shared->deadline_ms, page->deadline_ms, __ATOMIC_RELEASE);
    __atomic_store_n(&shared->confirmed_ms, page->confirmed_ms, __ATOMIC_RELEASE);
    __atomic_store_n(&shared->status, page->status, __ATOMIC_RELEASE);
    __atomic_store_n(&shared->beat_ms, page->beat_ms, __ATOMIC_RELEASE);
    __atomic_store_n(&shared->sequence, sequence + 2, __ATOMIC_RELEASE);
}

/* Safety A5: at half of its time without a confirmation there is a warning, and nothing else. */
static void warn_at_half(struct node *n, struct hold *hold, const struct core_held *held,
                         uint64_t now_ms)
{
    uint64_t all_ms = held->deadline_ms - held->confirmed_ms; /* both 0: it has no time yet */
    uint64_t passed_ms = now_ms - held->confirmed_ms;
    bool half = all_ms != 0 && held->status == 0 && passed_ms >= all_ms / 2;
    if (half && !hold->warned) {
        uint64_t left_ms = passed_ms < all_ms ? all_ms - passed_ms : 0;
        node_say(n, PGRAFT_EVENT_LEASE, PGRAFT_LEVEL_WARN, "", passed_ms,
                 "lease %llu, which this node holds, has not been confirmed for %llu ms: it has "
                 "%llu ms left; %s",
                 (unsigned long long)hold->wish.lease, (unsigned long long)passed_ms,
                 (unsigned long long)left_ms,
                 n->leader == 0 ? "no leader is known" : "the leader confirms nothing");
    }
    hold->warned = half;
}

void holds_turn(struct node *n, uint64_t now_ms)
{
    struct pgraft_lease_page page = {.beat_ms = now_ms};
    LIST_FOR_EACH_SAFE (struct hold, hold, &n->holds, link) {
        struct core_held held = {0};
        bool known = n->core != NULL && core_held(n->core, hold->wish.lease, &held);
        bool unwanted = now_ms > hold->wish.renew_until_ms;
        if (unwanted && (hold->keeps_once || now_ms >= held.deadline_ms)) {
            holds_let_go(n, hold->wish.lease); /* its owner hangs, or has forgotten it */
            continue;
        }
        if (known) {
            warn_at_half(n, hold, &held, now_ms);
        }
        if (known && hold->wish.epoch > page.epoch) { /* epochs grow: the newest is in force */
            page.lease = hold->wish.lease;
            page.epoch = hold->wish.epoch;
            page.deadline_ms = held.deadline_ms;
            page.confirmed_ms = held.confirmed_ms;
            page.status = held.status;
        }
    }
    bool same = page.lease == n->page->lease && page.epoch == n->page->epoch &&
                page.deadline_ms == n->page->deadline_ms && page.status == n->page->status;
    if (!same || page.beat_ms - n->page->beat_ms >= 10) {
        write_page(n, &page);
    }
}

void holds_close(struct node *n)
{
    LIST_FOR_EACH_SAFE (struct hold, hold, &n->holds, link) {
        list_remove(&hold->link);
        mem_free(hold);
    }
}
