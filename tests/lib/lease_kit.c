/* tests/lib/lease_kit.c - granting, holding, and cutting what lies between. */
#include "tests/lib/lease_kit.h"

#include <string.h>

#include "base/must.h"

#define CLOCKS_APART_MS 1000000

static bool is_lost(const struct peer_message *m, void *ctx)
{
    struct lease_kit *lk = ctx;
    if (lk->catches != 0 && m->kind == lk->catches) {
        MUST(lk->caught_count < LK_CAUGHT);
        lk->caught[lk->caught_count] = *m;
        lk->caught_count++;
        return true;
    }
    bool is_refused = m->kind == PEER_VOTE && lk->candidate != 0 && m->from != lk->candidate;
    return is_refused || lk->cut[m->from][m->to] || lk->lost[m->kind];
}

void lk_open(struct lease_kit *lk, const char *roles, uint64_t leader)
{
    *lk = (struct lease_kit){0};
    ck_prepare(&lk->kit, roles);
    lk->kit.is_lost = is_lost;
    lk->kit.lost_ctx = lk;
    for (uint64_t id = 1; id <= strlen(roles); id++) {
        ck_node(&lk->kit, id)->offset_ms = (CK_NODES - id) * CLOCKS_APART_MS;
        ck_boot(&lk->kit, id);
    }
    ck_lead(&lk->kit, leader);
}

void lk_close(struct lease_kit *lk)
{
    ck_close(&lk->kit);
}

uint64_t lk_local_ms(const struct lease_kit *lk, uint64_t id)
{
    return lk->kit.now_ms + lk->kit.nodes[id - 1].offset_ms;
}

uint64_t lk_ask_grant(struct lease_kit *lk, uint64_t holder, uint64_t ttl_ms, bool is_protected)
{
    lk->holder = holder;
    struct kv_op ops[4] = {
        {.kind = KV_OP_LEASE,
         .grant = {
             .id = LK_LEASE, .ttl_ms = ttl_ms, .is_protected = is_protected, .holder = holder}}};
    static const char *const keys[] = {"lease/1", "lease/2", "lease/3"};
    for (size_t i = 0; i < 3; i++) {
        ops[i + 1] = (struct kv_op){
            .kind = KV_OP_PUT,
            .put = {.key = kv_text(keys[i]), .value = kv_text("x"), .lease = LK_LEASE}};
    }
    struct kv_command command = {.kind = KV_TXN, .txn = {.then_ops = ops, .then_count = 4}};
    return ck_command(&lk->kit, ck_leader(&lk->kit), &command);
}

void lk_adopt(struct lease_kit *lk)
{
    struct machine_lease lease;
    bool found = lk_find(lk, lk->holder, &lease);
    MUST(found);
    lk->wish = (struct core_hold){.lease = LK_LEASE,
                                  .grant = lease.granted_index,
                                  .epoch = lease.epoch,
                                  .renew_until_ms = UINT64_MAX};
}

void lk_grant(struct lease_kit *lk, uint64_t holder, uint64_t ttl_ms, bool is_protected)
{
    uint64_t ticket = lk_ask_grant(lk, holder, ttl_ms, is_protected);
    ck_run(&lk->kit, 2 * CK_BEAT_MS);
    MUST(ck_status(&lk->kit, ticket) == 0);
    lk_adopt(lk);
}

void lk_hold(struct lease_kit *lk)
{
    core_hold(ck_core(&lk->kit, lk->holder), lk_local_ms(lk, lk->holder), &lk->wish);
    ck_turn(&lk->kit, lk->holder);
}

void lk_hang(struct lease_kit *lk)
{
    lk->wish.renew_until_ms = lk_local_ms(lk, lk->holder);
    lk_hold(lk);
}

void lk_grant_and_hold(struct lease_kit *lk, uint64_t holder, uint64_t ttl_ms, bool is_protected)
{
    lk_grant(lk, holder, ttl_ms, is_protected);
    lk_hold(lk);
    ck_run(&lk->kit, 2 * CK_BEAT_MS);
    MUST(lk_deadline_ms(lk) > lk->kit.now_ms);
}

struct core_held lk_held(const struct lease_kit *lk)
{
    struct core_held held = {0};
    bool found = core_held(lk->kit.nodes[lk->holder - 1].core, LK_LEASE, &held);
    MUST(found);
    return held;
}

uint64_t lk_deadline_ms(const struct lease_kit *lk)
{
    uint64_t local_ms = lk_held(lk).deadline_ms;
    return local_ms != 0 ? local_ms - lk->kit.nodes[lk->holder - 1].offset_ms : 0;
}

uint64_t lk_confirmed_ms(const struct lease_kit *lk)
{
    uint64_t local_ms = lk_held(lk).confirmed_ms;
    return local_ms != 0 ? local_ms - lk->kit.nodes[lk->holder - 1].offset_ms : 0;
}

uint64_t lk_change(struct lease_kit *lk, uint64_t ttl_ms)
{
    struct kv_command command = {
        .kind = KV_LEASE_CHANGE, .holder_lease = LK_LEASE, .holder_epoch = lk->wish.epoch};
    command.lease_change =
        (struct kv_lease_change){.id = LK_LEASE, .epoch = lk->wish.epoch, .ttl_ms = ttl_ms};
    return ck_command(&lk->kit, ck_leader(&lk->kit), &command);
}

static uint64_t end(struct lease_kit *lk, struct kv_lease_end how)
{
    struct kv_command command = {.kind = KV_LEASE_END, .lease_end = how};
    return ck_command(&lk->kit, ck_leader(&lk->kit), &command);
}

uint64_t lk_release(struct lease_kit *lk, uint64_t epoch)
{
    return end(lk, (struct kv_lease_end){.kind = KV_LEASE_RELEASE, .id = LK_LEASE, .epoch = epoch});
}

uint64_t lk_revoke(struct lease_kit *lk)
{
    return end(lk, (struct kv_lease_end){.kind = KV_LEASE_REVOKE, .id = LK_LEASE});
}

uint64_t lk_next_sent_ms(struct lease_kit *lk)
{
    uint64_t before = lk->kit.sent[PEER_KEEP_ALIVE];
    for (int i = 0; lk->kit.sent[PEER_KEEP_ALIVE] == before; i++) {
        MUST(i < 60000);
        ck_run(&lk->kit, 1);
    }
    return lk->kit.now_ms;
}

uint64_t lk_first_leader(struct lease_kit *lk)
{
    for (int i = 0; ck_leader(&lk->kit) == 0; i++) {
        MUST(i < 60000);
        ck_run(&lk->kit, 1);
    }
    return ck_leader(&lk->kit);
}

uint64_t lk_wakes(struct lease_kit *lk, uint64_t ms)
{
    uint64_t wakes = 0;
    for (uint64_t i = 0; i < ms; i++) {
        ck_run(&lk->kit, 1);
        for (uint64_t id = 1; id <= CK_NODES; id++) {
            const struct core *core = ck_node(&lk->kit, id)->core;
            uint64_t now_ms = lk_local_ms(lk, id);
            wakes += core != NULL && core_next_tick_ms(core, now_ms) == now_ms + 1 ? 1 : 0;
        }
    }
    return wakes;
}

bool lk_find(const struct lease_kit *lk, uint64_t id, struct machine_lease *ret_lease)
{
    return machine_lease(core_machine(lk->kit.nodes[id - 1].core), LK_LEASE, ret_lease);
}

uint64_t lk_gone_ms(struct lease_kit *lk, uint64_t id)
{
    struct machine_lease lease;
    for (int i = 0; lk_find(lk, id, &lease); i++) {
        MUST(i < 60000);
        ck_run(&lk->kit, 1);
    }
    return lk->kit.now_ms;
}

void lk_cut(struct lease_kit *lk, uint64_t a, uint64_t b, bool is_cut)
{
    lk->cut[a][b] = is_cut;
    lk->cut[b][a] = is_cut;
}

void lk_stop_disks(struct lease_kit *lk, uint64_t leader, bool is_stopped)
{
    for (uint64_t id = 1; id <= CK_NODES; id++) {
        ck_node(&lk->kit, id)->disk_stopped = is_stopped && id != leader;
    }
}
