/* tests/sim/leases.c - contenders for two leases, and who holds them in true time.
 *
 * Each node wants to be the primary (a protected lease with an epoch) and to have a lock (an
 * ordinary lease, always under the same id). Whoever finds the key absent tries to grant itself the
 * lease and put the key in one transaction; whoever finds its own attempt in the key keeps the
 * lease alive. Holders release, hang, change their time, crash, are paused; others reach for the
 * primary's key.
 *
 * The judge has what nobody in the cluster has, true time: two nodes must never be before their
 * deadlines at one moment. The deadline of a process that died stands, as the guard's page does. */
#include <string.h>

#include "proto/kv_codec.h"
#include "tests/sim/sim.h"

#define LOCK_LEASE 77
/* With slow disks the outcome of an attempt takes that long, and only the latest is recognized. */
#define TRY_MS 1000

static const char *const keys[SIM_LEASES] = {"primary", "lock"};

static struct sim_contender *contender(struct sim *sim, const struct sim_node *n, size_t r)
{
    return &sim->contenders[n - sim->nodes][r];
}

static bool play_key(const struct sim_node *n, size_t r, struct kv_pair *ret_pair)
{
    return machine_get(core_machine(n->core), kv_text(keys[r]), ret_pair);
}

/* --- judging --- */

static uint64_t true_ns(const struct sim *sim, const struct sim_node *n, uint64_t local_ms)
{
    double ms = (double)(local_ms - sim_local_ms(sim, n)) / n->rate;
    return sim->now_ns + (uint64_t)(ms * 1e6);
}

static void begins_to_hold(struct sim *sim, size_t slot, size_t r)
{
    sim->counts.lease_grants++;
    sim->counts.lease_handovers +=
        sim->last_holder[r] != 0 && sim->last_holder[r] != slot + 1 ? 1 : 0;
    sim->last_holder[r] = slot + 1;
    sim_say(sim, "n%u holds the %s", (unsigned)sim->nodes[slot].id, keys[r]);
}

static void judge(struct sim *sim, struct sim_node *n, size_t r)
{
    size_t slot = (size_t)(n - sim->nodes);
    struct sim_contender *k = contender(sim, n, r);
    struct core_held held;
    if (!k->granted || !core_held(n->core, k->wish.lease, &held) ||
        held.deadline_ms <= sim_local_ms(sim, n)) {
        return;
    }
    uint64_t until_ns = true_ns(sim, n, held.deadline_ms);
    if (sim->held_until_ns[r][slot] <= sim->now_ns) {
        begins_to_hold(sim, slot, r);
    }
    sim->held_until_ns[r][slot] =
        until_ns > sim->held_until_ns[r][slot] ? until_ns : sim->held_until_ns[r][slot];
    for (size_t other = 0; other < sim->nodes_count; other++) {
        if (other != slot && sim->held_until_ns[r][other] > sim->now_ns) {
            sim_violation(sim, "two hold the %s: n%u from now on, and n%u for another %.3f ms",
                          keys[r], (unsigned)n->id, (unsigned)sim->nodes[other].id,
                          (double)(sim->held_until_ns[r][other] - sim->now_ns) / 1e6);
        }
    }
}

void lease_check(struct sim *sim, struct sim_node *n)
{
    for (size_t r = 0; r < SIM_LEASES && sim->lease_ttl_ms != 0; r++) {
        judge(sim, n, r);
    }
}

static bool is_held(const struct sim *sim, size_t r)
{
    bool somebody = false;
    for (size_t slot = 0; slot < sim->nodes_count; slot++) {
        somebody = somebody || sim->held_until_ns[r][slot] > sim->now_ns;
    }
    return somebody;
}

/* Witnesses do not; and all who do may be down for good. */
static bool plays(const struct sim *sim, size_t slot)
{
    return !sim->operator.witness[slot] && !out_is(sim, slot);
}

static bool is_played(const struct sim *sim)
{
    bool somebody = false;
    for (size_t slot = 0; slot < sim->nodes_count; slot++) {
        somebody = somebody || plays(sim, slot);
    }
    return sim->lease_ttl_ms != 0 && somebody;
}

bool leases_are_held(const struct sim *sim)
{
    bool all = true;
    for (size_t r = 0; r < SIM_LEASES && is_played(sim); r++) {
        all = all && is_held(sim, r);
    }
    return all;
}

void lease_check_end(struct sim *sim)
{
    for (size_t r = 0; r < SIM_LEASES && is_played(sim); r++) {
        if (!is_held(sim, r) && sim->now_ns - sim->let_go_ns[r] > 15000 * NS_MS) {
            sim_violation(sim, "nobody holds the %s after all was well", keys[r]);
        }
    }
}

/* --- acting --- */

/* A request to whoever leads; what becomes of it is seen in the state. */
static void ask_leader(struct sim *sim, const struct kv_command *command)
{
    struct sim_node *leader = sim_leader(sim);
    if (leader == NULL) {
        return;
    }
    struct buf bytes = {0};
    struct err err = {0};
    if (kv_command_encode(command, &bytes, &err) != 0) {
        sim_violation(sim, "a command of the test does not encode: %s", err.msg);
        return;
    }
    sim->tickets++;
    core_propose(leader->core, sim_local_ms(sim, leader), sim->tickets, bytes.bytes, bytes.size);
    buf_close(&bytes);
    sim_after(sim, leader);
}

static void try_to_get(struct sim *sim, struct sim_node *n, size_t r)
{
    struct sim_contender *k = contender(sim, n, r);
    sim->attempts++;
    k->tried_ns = sim->now_ns;
    (void)snprintf(k->attempt, sizeof(k->attempt), "n%u try %u", (unsigned)n->id,
                   (unsigned)sim->attempts);
    bool is_protected = r == 0;
    uint64_t lease = is_protected ? 1000000 + sim->attempts : LOCK_LEASE;
    struct kv_compare absent = {.key = kv_text(keys[r]), .target = KV_TARGET_EXISTS};
    struct kv_op ops[] = {
        {.kind = KV_OP_LEASE,
         .grant = {.id = lease,
                   .ttl_ms = sim->lease_ttl_ms,
                   .is_protected = is_protected,
                   .holder = n->id}},
        {.kind = KV_OP_PUT,
         .put = {.key = kv_text(keys[r]), .value = kv_text(k->attempt), .lease = lease}},
    };
    struct kv_command command = {
        .kind = KV_TXN,
        .txn = {.compares = &absent, .compare_count = 1, .then_ops = ops, .then_count = 2}};
    ask_leader(sim, &command);
}

static void let_go(struct sim *sim, struct sim_node *n, size_t r)
{
    struct sim_contender *k = contender(sim, n, r);
    core_let_go(n->core, sim_local_ms(sim, n), k->wish.lease);
    sim->held_until_ns[r][n - sim->nodes] = sim->now_ns;
    sim->let_go_ns[r] = sim->now_ns;
    struct kv_command command = {.kind = KV_LEASE_END};
    command.lease_end =
        (struct kv_lease_end){.kind = k->wish.epoch != 0 ? KV_LEASE_RELEASE : KV_LEASE_REVOKE,
                              .id = k->wish.lease,
                              .epoch = k->wish.epoch,
                              .generation = k->wish.epoch != 0 ? 0 : k->wish.grant};
    sim->counts.lease_releases++;
    sim_say(sim, "n%u lets the %s go", (unsigned)n->id, keys[r]);
    *k = (struct sim_contender){0};
    ask_leader(sim, &command);
}

/* Longer at once; shorter only after giving up the rest. */
static void change_time(struct sim *sim, struct sim_node *n, size_t r)
{
    struct sim_contender *k = contender(sim, n, r);
    uint64_t ttl_ms = 300 + random_below(&sim->random, 6000);
    k->wish.limit_ms = ttl_ms;
    core_hold(n->core, sim_local_ms(sim, n), &k->wish);
    sim->counts.lease_changes++;
    sim_say(sim, "n%u wants the %s for %u ms", (unsigned)n->id, keys[r], (unsigned)ttl_ms);
    struct core_held held = {0};
    (void)core_held(n->core, k->wish.lease, &held);
    size_t slot = (size_t)(n - sim->nodes);
    if (sim->held_until_ns[r][slot] > sim->now_ns) {
        bool over = held.deadline_ms <= sim_local_ms(sim, n);
        sim->held_until_ns[r][slot] = over ? sim->now_ns : true_ns(sim, n, held.deadline_ms);
    }
    struct kv_command command = {
        .kind = KV_LEASE_CHANGE, .holder_lease = k->wish.lease, .holder_epoch = k->wish.epoch};
    command.lease_change =
        (struct kv_lease_change){.id = k->wish.lease, .epoch = k->wish.epoch, .ttl_ms = ttl_ms};
    ask_leader(sim, &command);
}

static void go_on_holding(struct sim *sim, struct sim_node *n, size_t r)
{
    struct sim_contender *k = contender(sim, n, r);
    struct core_held held = {0};
    uint64_t now_ms = sim_local_ms(sim, n);
    if (core_held(n->core, k->wish.lease, &held) && held.status != 0) {
        if (held.deadline_ms <= now_ms) {
            sim->counts.lease_deadlines++;
            core_let_go(n->core, now_ms, k->wish.lease);
            *k = (struct sim_contender){0};
        }
        return;
    }
    struct machine_lease lease;
    bool known = machine_lease(core_machine(n->core), k->wish.lease, &lease);
    if (k->wish.limit_ms != 0 && known && lease.ttl_ms == k->wish.limit_ms) {
        k->wish.limit_ms = 0; /* it is the lease's own now */
    }
    bool hangs = !sim->healed && random_chance(&sim->random, 0.02);
    if (hangs) {
        return;
    }
    k->wish.renew_until_ms = now_ms + sim->lease_ttl_ms / 2;
    core_hold(n->core, now_ms, &k->wish);
    double restless = sim->healed ? 0.002 : 0.01;
    if (random_chance(&sim->random, restless)) {
        let_go(sim, n, r);
    } else if (k->wish.epoch != 0 && k->wish.limit_ms == 0 &&
               random_chance(&sim->random, restless)) {
        change_time(sim, n, r);
    }
}

/* Its own attempt stands in the key: it was granted. */
static bool was_granted(struct sim *sim, const struct sim_node *n, size_t r,
                        const struct kv_pair *pair)
{
    struct sim_contender *k = contender(sim, n, r);
    struct machine_lease lease;
    if (k->attempt[0] == '\0' || !kv_slice_equal(pair->value, kv_text(k->attempt)) ||
        !machine_lease(core_machine(n->core), pair->lease, &lease)) {
        return false;
    }
    k->granted = true;
    k->wish =
        (struct core_hold){.lease = lease.id, .grant = lease.granted_index, .epoch = lease.epoch};
    return true;
}

/* Safety A3: it marks the lease, and makes room only when the lease has run out. */
static void reach_for_primary(struct sim *sim, const struct kv_pair *pair)
{
    struct kv_compare there = {.key = kv_text(keys[0]), .target = KV_TARGET_EXISTS, .number = 1};
    struct kv_op op = {.kind = KV_OP_DELETE};
    op.remove = (struct kv_delete){.span = {.kind = KV_SPAN_KEY, .key = kv_text(keys[0])}};
    struct kv_command command = {
        .kind = KV_TXN,
        .txn = {.compares = &there, .compare_count = 1, .then_ops = &op, .then_count = 1}};
    uint64_t how = random_below(&sim->random, 3);
    if (how == 1) {
        op = (struct kv_op){.kind = KV_OP_PUT,
                            .put = {.key = kv_text(keys[0]), .value = kv_text("mine")}};
    } else if (how == 2) {
        command = (struct kv_command){.kind = KV_LEASE_END};
        command.lease_end = (struct kv_lease_end){.kind = KV_LEASE_REVOKE, .id = pair->lease};
    }
    sim->counts.lease_marks++;
    ask_leader(sim, &command);
}

static void act(struct sim *sim, struct sim_node *n, size_t r)
{
    struct kv_pair pair;
    if (play_key(n, r, &pair) && pair.lease != 0) {
        left_ask(sim, n, r, pair.lease);
    }
    if (contender(sim, n, r)->granted) {
        go_on_holding(sim, n, r);
        return;
    }
    if (!play_key(n, r, &pair)) {
        bool waits = sim->now_ns - contender(sim, n, r)->tried_ns < TRY_MS * NS_MS;
        if (!waits && random_chance(&sim->random, 0.5)) {
            try_to_get(sim, n, r);
        }
        return;
    }
    if (was_granted(sim, n, r, &pair)) {
        go_on_holding(sim, n, r);
    } else if (r == 0 && !sim->healed && random_chance(&sim->random, 0.005)) {
        reach_for_primary(sim, &pair);
    }
}

/* A process that starts anew may find in its page what it held, and goes on with it. */
static void note_life(struct sim *sim, struct sim_node *n, size_t r)
{
    struct sim_contender *k = contender(sim, n, r);
    if (k->life == n->life && k->id == n->id) {
        return;
    }
    bool adopts = k->granted && k->id == n->id && random_chance(&sim->random, 0.5);
    if (!adopts) {
        *k = (struct sim_contender){0};
    }
    k->life = n->life;
    k->id = n->id;
}

/* Who is no member sees nothing of what becomes of its attempts. */
static bool has_place(const struct sim_node *n)
{
    struct members members = {.count = 0};
    if (n->core != NULL) {
        engine_members(core_engine(n->core), &members);
    }
    return members_find(&members, n->id) != NULL;
}

void lease_act(struct sim *sim, uint32_t node)
{
    struct sim_node *n = &sim->nodes[node];
    if (out_is(sim, node) || sim->calm.began) {
        return;
    }
    for (size_t r = 0; r < SIM_LEASES; r++) {
        if (plays(sim, node) && has_place(n) && n->core != NULL && !n->paused &&
            sim->violation[0] == '\0') {
            note_life(sim, n, r);
            act(sim, n, r);
        }
        if (n->core != NULL && !n->paused && sim->violation[0] == '\0') {
            sim_after(sim, n);
        }
    }
    double mean_ms = 20 + (double)sim->lease_ttl_ms / 20;
    sim_schedule(sim, sim->now_ns + (uint64_t)(random_exp(&sim->random, mean_ms) * 1e6),
                 EVENT_LEASE, node);
}

void lease_draw(struct sim *sim)
{
    if (!random_chance(&sim->random, 0.6)) {
        return;
    }
    sim->lease_ttl_ms = 300 + random_below(&sim->random, 5700);
    for (uint32_t i = 0; i < sim->nodes_count; i++) {
        sim_schedule(sim, sim->now_ns + (500 + random_below(&sim->random, 1000)) * NS_MS,
                     EVENT_LEASE, i);
    }
}
