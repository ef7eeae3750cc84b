/* tests/sim/burdens.c - more than the store takes: bursts of proposals beyond the queue, and values
 * beyond the quota.
 *
 * A burst goes to whoever leads, in one moment. What is beyond the queue must be refused as busy at
 * once and never be seen again; what is taken is answered like anything else. Where there is a
 * quota an account of its own, kept from what happens to keys, says how much is used. */
#include "proto/kv_codec.h"
#include "tests/sim/sim.h"

#define QUEUE_MAX 16
#define BURST_LIVES_PERCENT 12
#define KEYS 6

void burden_draw(struct sim *sim)
{
    struct sim_burden *b = &sim->use.burden;
    b->random = (struct test_random){sim->seed * UINT64_C(0x589965cc75374cc3)};
    b->bursts = !sim->use.long_values && random_percent(&b->random, BURST_LIVES_PERCENT);
    if (b->bursts || sim->use.has_quota) {
        sim_schedule(sim, sim->now_ns + 2000 * NS_MS, EVENT_BURDEN, 0);
    }
}

void burden_settings(const struct sim *sim, struct core_settings *settings)
{
    if (sim->use.burden.bursts) {
        settings->propose_queue_max = QUEUE_MAX;
    }
}

static void propose(struct sim *sim, struct sim_node *n, const struct kv_command *command)
{
    struct buf bytes = {0};
    struct err err = {0};
    if (kv_command_encode(command, &bytes, &err) != 0) {
        sim_violation(sim, "a command of the test does not encode: %s", err.msg);
    }
    sim->tickets++;
    core_propose(n->core, sim_local_ms(sim, n), sim->tickets, bytes.bytes, bytes.size);
    buf_close(&bytes);
}

static void set_quota(struct sim *sim, struct sim_node *leader)
{
    struct machine_status status;
    machine_status(core_machine(leader->core), &status);
    if (status.quota_bytes != KV_QUOTA_BYTES_MIN) {
        struct kv_command command = {
            .kind = KV_SETTING,
            .system = true,
            .setting = {.kind = KV_SETTING_QUOTA_BYTES, .value = KV_QUOTA_BYTES_MIN}};
        propose(sim, leader, &command);
    }
}

/* --- bursts --- */

static uint64_t written_at(const struct sim *sim, uint64_t value)
{
    const struct sim_truth *truth = &sim->use.truth;
    return value < truth->written_room ? truth->written[value] : 0;
}

/* What was refused must not have happened. */
static void judge(struct sim *sim)
{
    const struct sim_burden *b = &sim->use.burden;
    for (size_t i = 0; i < b->count; i++) {
        if (b->was_busy[i] && written_at(sim, b->first_value + i) != 0) {
            sim_violation(sim, "v%u was refused as too many, and is there",
                          (unsigned)(b->first_value + i));
        }
    }
}

static void burst(struct sim *sim, struct sim_node *n)
{
    struct sim_burden *b = &sim->use.burden;
    judge(sim);
    b->count = QUEUE_MAX + 1 + random_below(&b->random, 30);
    b->open = b->count;
    b->node = (uint32_t)(n - sim->nodes);
    b->first_ticket = sim->tickets + 1;
    b->first_value = sim->use.values + 1;
    sim->use.values += b->count;
    for (size_t i = 0; i < b->count; i++) {
        char key[SIM_KEY_SIZE];
        char room[VALUE_ROOM];
        (void)snprintf(key, sizeof(key), "kb.%u", (unsigned)(i % KEYS));
        struct kv_command put = {.kind = KV_OP, .op = {.kind = KV_OP_PUT}};
        put.op.put.key = kv_text(key);
        put.op.put.value = value_text(sim, b->first_value + i, room);
        b->was_busy[i] = false;
        propose(sim, n, &put);
    }
    sim->counts.bursts++;
    sim_after(sim, n);
    if (b->open > QUEUE_MAX) {
        sim_violation(sim, "n%u took %u proposals of a burst, and has room for %d", (unsigned)n->id,
                      (unsigned)b->open, QUEUE_MAX);
    }
}

bool burden_done(struct sim *sim, const struct core_done *done)
{
    struct sim_burden *b = &sim->use.burden;
    if (b->open == 0 || done->ticket < b->first_ticket ||
        done->ticket >= b->first_ticket + b->count) {
        return false;
    }
    size_t at = (size_t)(done->ticket - b->first_ticket);
    b->open--;
    b->was_busy[at] = done->status == ERR_BUSY;
    sim->counts.busy_answers += b->was_busy[at] ? 1 : 0;
    if (done->status == 0) {
        check_ack(sim, done->index);
        uint64_t revision = written_at(sim, b->first_value + at);
        if (revision != done->revision) {
            sim_violation(sim, "v%u was acknowledged at revision %u, and is at %u",
                          (unsigned)(b->first_value + at), (unsigned)done->revision,
                          (unsigned)revision);
        }
    }
    return true;
}

void burden_crashed(struct sim *sim, uint32_t node)
{
    struct sim_burden *b = &sim->use.burden;
    b->open = b->node == node ? 0 : b->open;
}

void burden_act(struct sim *sim)
{
    struct sim_burden *b = &sim->use.burden;
    struct sim_node *leader = sim_leader(sim);
    if (sim->calm.began) {
        judge(sim);
        return;
    }
    if (leader != NULL && sim->use.has_quota) {
        set_quota(sim, leader);
        sim_after(sim, leader);
        leader = sim_leader(sim);
    }
    if (leader != NULL && b->bursts && b->open == 0) {
        burst(sim, leader);
    }
    double mean_ms = 1500;
    sim_schedule(sim, sim->now_ns + (uint64_t)(random_exp(&b->random, mean_ms) * 1e6), EVENT_BURDEN,
                 0);
}

/* --- the quota --- */

static uint64_t charge(const struct kv_pair *pair)
{
    return pair->key.size + pair->value.size + KV_PAIR_OVERHEAD;
}

void burden_event(struct sim *sim, const struct watch_event *event)
{
    struct sim_burden *b = &sim->use.burden;
    b->used -= event->has_previous ? charge(&event->previous) : 0;
    b->used += event->is_delete ? 0 : charge(&event->pair);
}

static size_t count_new(const struct kv_op *ops, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        found += ops[i].kind == KV_OP_PUT || ops[i].kind == KV_OP_LEASE ? 1 : 0;
    }
    return found;
}

/* The most that a write may add: all its bytes, and what each pair and each lease costs beside. */
static uint64_t most_added(const struct store_entry *entry)
{
    struct kv_decoder decoder = {0};
    struct kv_command command;
    size_t found = 0;
    int code = kv_command_decode(&decoder, entry->data, entry->size, &command, NULL);
    if (code == 0 && command.kind == KV_TXN) {
        const struct kv_txn *txn = &command.txn;
        size_t then_new = count_new(txn->then_ops, txn->then_count);
        size_t else_new = count_new(txn->else_ops, txn->else_count);
        found = then_new > else_new ? then_new : else_new;
    } else if (code == 0 && command.kind == KV_OP) {
        found = count_new(&command.op, 1);
    }
    kv_decoder_close(&decoder);
    return entry->size + found * KV_PAIR_OVERHEAD;
}

void burden_applied(struct sim *sim, const struct store_entry *entry,
                    const struct kv_result *result)
{
    struct sim_burden *b = &sim->use.burden;
    if (!sim->use.has_quota) {
        return;
    }
    struct machine_status status;
    machine_status(sim->use.truth.machine, &status);
    uint64_t used = b->used + status.lease_count * KV_PAIR_OVERHEAD;
    bool refused = result->code == ERR_QUOTA && !result->replayed;
    bool raised = refused || used > status.quota_bytes; /* a system's write, or a new quota */
    bool low = used <= status.quota_bytes / 10 * 9;
    if (status.used_bytes != used) {
        sim_violation(sim, "%u bytes of the quota are used, not %u", (unsigned)used,
                      (unsigned)status.used_bytes);
    } else if (refused && used + most_added(entry) <= status.quota_bytes) {
        sim_violation(sim, "a write was refused for the quota, with %u of %u bytes used",
                      (unsigned)used, (unsigned)status.quota_bytes);
    } else if (status.quota_alarm != ((b->alarm || raised) && !low)) {
        sim_violation(sim, "the alarm of the quota is %d with %u of %u bytes used",
                      status.quota_alarm, (unsigned)used, (unsigned)status.quota_bytes);
    }
    sim->counts.quota_refusals += refused ? 1 : 0;
    sim->counts.quota_alarms += status.quota_alarm && !b->alarm ? 1 : 0;
    sim->counts.quota_clears += b->alarm && !status.quota_alarm ? 1 : 0;
    b->alarm = status.quota_alarm;
}
