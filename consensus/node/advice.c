/* consensus/node/advice.c - what the owner says for the leader: its advisor, its soft state, and
 * the quota of its settings. */
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/node/convert.h"
#include "consensus/node/node.h"
#include "proto/kv_check.h"
#include "proto/kv_codec.h"

_Static_assert(PGRAFT_FEATURE_LEVEL == KV_FEATURE_LEVEL_MAX, "one number, for owners and inside");

/* ---- the advisor ---- */

struct pgraft_view {
    const struct core_view *core;
};

struct pgraft_transaction {
    struct buf *command;
};

static uint64_t advise(void *ctx, const struct core_view *view, struct buf *command)
{
    struct node *n = ctx;
    struct pgraft_view owners = {view};
    struct pgraft_transaction transaction = {command};
    return n->settings.user.advise(n->settings.user.ctx, &owners, &transaction);
}

struct core_advisor advice_of(struct node *n)
{
    bool has = n->settings.user.advise != NULL;
    return (struct core_advisor){.advise = has ? advise : NULL, .ctx = n};
}

bool pgraft_view_get(const struct pgraft_view *view, struct pgraft_slice key,
                     struct pgraft_pair *ret_pair)
{
    struct kv_pair pair;
    bool found = machine_get(core_machine(view->core->core), convert_slice(key), &pair);
    if (found) {
        convert_pair(&pair, ret_pair);
    }
    return found;
}

bool pgraft_view_soft_next(const struct pgraft_view *view, uint64_t after,
                           struct pgraft_soft *ret_soft)
{
    struct soft_view soft;
    if (!core_soft_next(view->core->core, view->core->now_ms, after, &soft)) {
        return false;
    }
    *ret_soft = (struct pgraft_soft){
        .member = soft.member, .age_ms = soft.age_ms, .bytes = {soft.bytes, soft.size}};
    return true;
}

uint64_t pgraft_view_now_ms(const struct pgraft_view *view)
{
    return view->core->now_ms;
}

uint64_t pgraft_view_epoch(const struct pgraft_view *view)
{
    struct machine_status status;
    machine_status(core_machine(view->core->core), &status);
    return status.epoch;
}

uint64_t pgraft_view_level(const struct pgraft_view *view)
{
    struct machine_status status;
    machine_status(core_machine(view->core->core), &status);
    return status.feature_level;
}

uint64_t pgraft_view_member_next(const struct pgraft_view *view, uint64_t after)
{
    const struct members *members = view->core->members;
    uint64_t next = 0;
    for (size_t i = 0; i < members->count; i++) {
        uint64_t id = members->at[i].id;
        next = id > after && (next == 0 || id < next) ? id : next;
    }
    return next;
}

int pgraft_advise_txn(struct pgraft_transaction *transaction, const struct pgraft_txn *txn)
{
    struct arena arena = {0};
    struct kv_command command = {.system = true};
    int code = convert_txn(txn, &arena, &command, NULL);
    if (code == 0) {
        buf_clear(transaction->command);
        code = kv_command_encode(&command, transaction->command, NULL);
    }
    arena_close(&arena);
    return code;
}

int pgraft_advise_level(struct pgraft_transaction *transaction, uint64_t level)
{
    struct kv_command command = {.system = true,
                                 .kind = KV_SETTING,
                                 .setting = {.kind = KV_SETTING_FEATURE_LEVEL, .value = level}};
    int code = kv_command_check(&command, NULL);
    if (code == 0) {
        buf_clear(transaction->command);
        code = kv_command_encode(&command, transaction->command, NULL);
    }
    return code;
}

/* ---- soft state ---- */

void keep_soft(struct node *n, struct order *order)
{
    buf_close(&n->published);
    n->published = order->bytes;
    order->bytes = (struct buf){0};
    if (n->core != NULL) {
        (void)core_publish(n->core, node_now_ms(), n->published.bytes, n->published.size);
    }
}

/* ---- the quota ---- */

void quota_turn(struct node *n, uint64_t now_ms)
{
    uint64_t wanted = n->settings.user.quota_bytes;
    const struct engine *engine = core_engine(n->core);
    if (wanted == 0 || !engine_is_established(engine) || now_ms < n->quota_again_ms) {
        return;
    }
    struct machine_status status;
    machine_status(core_machine(n->core), &status);
    if (status.quota_bytes == wanted) {
        return;
    }
    struct kv_command command = {.system = true,
                                 .kind = KV_SETTING,
                                 .setting = {.kind = KV_SETTING_QUOTA_BYTES, .value = wanted}};
    struct buf bytes = {0};
    if (kv_command_encode(&command, &bytes, NULL) == 0) {
        core_propose(n->core, now_ms, UINT64_MAX - 1, bytes.bytes, bytes.size);
        n->poke_now = true;
    }
    buf_close(&bytes);
    n->quota_again_ms = now_ms + 5000;
}
