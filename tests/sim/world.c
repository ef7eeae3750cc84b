/* tests/sim/world.c - what a seed decides: the shape of the cluster, its misfortunes, and who asks
 * it for what. */
#include "base/mem.h"
#include "base/must.h"
#include "proto/kv_codec.h"
#include "tests/sim/sim.h"

#define CLIENT_DEADLINE_NS (5000 * NS_MS)

static void on_fatal(void *ctx, const struct err *err)
{
    sim_violation(ctx, "fatal: %s", err->msg);
}

/* Entry 1, the same on every first voter; a node that was wiped has nothing. */
static void format_disk(struct sim *sim, struct sim_node *n)
{
    n->disk = store_double_create();
    struct store_batch *batch = store_batch_create(1);
    batch->has_identity = true;
    batch->identity = (struct store_identity){.node_id = n->id};
    if (n->id <= sim->voters_at_start) {
        struct members members = {.count = sim->voters_at_start};
        for (size_t i = 0; i < sim->voters_at_start; i++) {
            members.at[i] =
                (struct member){.id = i + 1, .role = MEMBER_VOTER, .info = sim->nodes[i].info};
        }
        struct buf conf = {0};
        members_encode(&members, &conf);
        struct store_entry first = {
            .index = 1, .term = 1, .type = ENTRY_CHANGE, .data = conf.bytes, .size = conf.size};
        batch->has_hard = true;
        batch->hard.term = 1;
        store_batch_add_entry(batch, &first);
        buf_close(&conf);
    }
    store_double_submit(n->disk, batch);
    (void)store_double_commit(n->disk, 1);
}

void world_start_node(struct sim *sim, struct sim_node *n)
{
    struct core_settings settings =
        core_settings_default(n->id, (uint32_t)random_u64(&sim->random));
    settings.compact_entries = 40;
    settings.trailing_entries = 1 + random_below(&sim->random, 20);
    settings.flush_after_ms = 200;
    settings.inflight_entries_max = 64;
    struct store_image image;
    store_double_load(n->disk, &image);
    n->tick_at_ns = 0;
    n->disk_busy = false;
    n->applied = 0;
    n->commit = 0;
    sim_say(sim, "n%u starts: term %u log %u..%u applied %u", (unsigned)n->id,
            (unsigned)image.hard.term, (unsigned)image.log_first, (unsigned)image.log_last,
            (unsigned)image.applied_index);
    n->core = core_create(&settings, sim_local_ms(sim, n), &image, on_fatal, sim);
    n->applied = image.applied_index;
    n->term = image.hard.term; /* a term that was not durable was never told to anybody */
    store_image_close(&image);
    sim_after(sim, n);
}

static void draw_faults(struct sim *sim)
{
    struct sim_random *r = &sim->random;
    struct sim_faults *f = &sim->faults;
    f->drop = random_chance(r, 0.5) ? random_unit(r) * 0.1 : 0;
    f->duplicate = random_chance(r, 0.5) ? random_unit(r) * 0.05 : 0;
    f->tail = random_chance(r, 0.5) ? random_unit(r) * 0.05 : 0;
    f->slow_ms = 50 + random_unit(r) * 1000;
    f->cuts = random_chance(r, 0.5);
    f->crashes = random_chance(r, 0.5);
    f->dies_writing = f->crashes && random_chance(r, 0.7);
    f->pauses = random_chance(r, 0.5);
    f->transfers = random_chance(r, 0.5);
    f->membership = random_chance(r, 0.5);
    f->slow_disks = random_chance(r, 0.5);
    f->every_ms = 60 + random_exp(r, 200);
    f->full_disks = random_chance(r, 0.5);
    f->reorder = random_chance(r, 0.5);
}

void world_draw(struct sim *sim)
{
    struct sim_random *r = &sim->random;
    static const size_t sizes[] = {1, 2, 3, 3, 3, 4, 5, 5, 5, 7};
    sim->voters_at_start = sizes[random_below(r, ARRAY_LEN(sizes))];
    draw_faults(sim);
    sim->nodes_count = sim->voters_at_start + (sim->faults.membership ? 2 : 0);
    sim->clients_count = 2 + random_below(r, SIM_CLIENTS - 1);
    sim->fault_ms = 20000 + random_below(r, 20000);
    sim->heal_ms = 25000;
    for (size_t i = 0; i < sim->nodes_count; i++) {
        struct sim_node *n = &sim->nodes[i];
        n->id = i + 1;
        n->life = 1;
        (void)snprintf(n->info, sizeof(n->info), "n%u", (unsigned)n->id);
        n->rate = 1.0 + (random_unit(r) - 0.5) * 0.001; /* within 500 ppm */
        n->offset_ms = 1000 + random_below(r, 1000000);
        n->disk_ms = sim->faults.slow_disks ? 0.2 + random_exp(r, 20) : 0.2 + random_exp(r, 1);
    }
    for (size_t i = 0; i < sim->nodes_count; i++) {
        format_disk(sim, &sim->nodes[i]);
    }
    for (size_t i = 0; i < sim->nodes_count; i++) {
        world_start_node(sim, &sim->nodes[i]);
    }
    for (size_t i = 0; i < sim->clients_count; i++) {
        sim_schedule(sim, sim->now_ns + random_below(r, 1000) * NS_MS, EVENT_CLIENT, (uint32_t)i);
    }
    lease_draw(sim);
    sim->heal_at_ns = sim->fault_ms * NS_MS;
    sim_schedule(sim, 1000 * NS_MS, EVENT_FAULT, 0);
    sim_schedule(sim, 1500 * NS_MS, EVENT_ADMIN, 0);
    sim_schedule(sim, sim->heal_at_ns, EVENT_HEAL, 0);
    sim_schedule(sim, sim->heal_at_ns + sim->heal_ms * NS_MS, EVENT_END, 0);
}

/* --- faults --- */

/* All members that vote are the ones that live, and one of them less is still a majority with
 * something to spare. */
static bool may_lose_one(struct sim *sim)
{
    struct sim_node *leader = sim_leader(sim);
    if (leader == NULL) {
        return false;
    }
    struct members members;
    engine_members(core_engine(leader->core), &members);
    size_t voters = 0;
    for (size_t i = 0; i < members.count; i++) {
        bool lives = sim->nodes[SIM_SLOT(members.at[i].id)].id == members.at[i].id;
        if (members.at[i].role == MEMBER_VOTER && !lives) {
            return false;
        }
        voters += members.at[i].role == MEMBER_VOTER ? 1 : 0;
    }
    return voters >= 3;
}

/* The disk is lost: what comes back is somebody else. */
static void wipe(struct sim *sim, struct sim_node *n)
{
    bool lately = sim->wiped_at_ns != 0 && sim->now_ns - sim->wiped_at_ns < 10000 * NS_MS;
    if (lately || !may_lose_one(sim)) {
        return; /* two lost disks may be a lost majority */
    }
    sim->wiped_at_ns = sim->now_ns;
    sim->counts.wipes++;
    n->id += 16;
    n->term = 0;
    (void)snprintf(n->info, sizeof(n->info), "n%u", (unsigned)n->id);
    sim_say(sim, "wiped: now n%u", (unsigned)n->id);
    store_double_destroy(n->disk);
    format_disk(sim, n);
}

static void crash(struct sim *sim, struct sim_node *n)
{
    if (n->core == NULL) {
        return;
    }
    sim->counts.crashes++;
    size_t survivors = random_below(&sim->random, store_double_waiting(n->disk) + 1);
    if (survivors > store_double_may_commit(n->disk)) {
        survivors = store_double_may_commit(n->disk);
    }
    sim_say(sim, "n%u crashes, %u of %u waiting batches survive", (unsigned)n->id,
            (unsigned)survivors, (unsigned)store_double_waiting(n->disk));
    core_destroy(n->core);
    n->core = NULL;
    for (size_t r = 0; r < 8; r++) {
        store_double_reader_close(n->readers[r]);
        n->readers[r] = NULL;
        n->reader_names[r] = 0;
    }
    store_double_crash(n->disk, survivors);
    n->paused = false;
    n->life++;
    for (size_t i = 0; i < sim->clients_count; i++) {
        struct sim_client *c = &sim->clients[i];
        if (c->ticket != 0 && c->node == (uint32_t)(n - sim->nodes)) {
            sim->counts.writes_unknown += c->reading ? 0 : 1;
            c->ticket = 0;
        }
    }
    if (sim->faults.membership && random_chance(&sim->random, 0.15)) {
        wipe(sim, n);
    }
    uint64_t down_ms =
        sim->healed ? 10
                    : random_below(&sim->random, random_chance(&sim->random, 0.5) ? 100 : 3000);
    sim_schedule(sim, sim->now_ns + down_ms * NS_MS, EVENT_RESTART, (uint32_t)(n - sim->nodes));
}

bool world_dies_now(struct sim *sim, struct sim_node *n)
{
    bool writing = store_double_waiting(n->disk) > 0;
    if (sim->healed || !sim->faults.dies_writing || !writing ||
        !random_chance(&sim->random, 0.001)) {
        return false;
    }
    crash(sim, n);
    return true;
}

void world_restart(struct sim *sim, uint32_t node)
{
    world_start_node(sim, &sim->nodes[node]);
}

static void pause_node(struct sim *sim, struct sim_node *n)
{
    if (n->core == NULL || n->paused) {
        return;
    }
    sim->counts.pauses++;
    uint64_t ms = random_below(&sim->random, random_chance(&sim->random, 0.3) ? 8000 : 800);
    sim_say(sim, "n%u pauses for %u ms", (unsigned)n->id, (unsigned)ms);
    n->paused = true;
    n->paused_until_ns = sim->now_ns + ms * NS_MS;
    sim_schedule(sim, n->paused_until_ns, EVENT_RESUME, (uint32_t)(n - sim->nodes));
}

static void cut_links(struct sim *sim)
{
    struct sim_random *r = &sim->random;
    sim->counts.cuts++;
    uint64_t how = random_below(r, 4);
    size_t victim = random_below(r, sim->nodes_count);
    for (size_t a = 0; a < sim->nodes_count; a++) {
        for (size_t b = 0; b < sim->nodes_count; b++) {
            bool crosses = (a == victim) != (b == victim);
            bool cut = false;
            switch (how) {
                case 0: /* one is alone */
                    cut = crosses;
                    break;
                case 1: /* one is not heard */
                    cut = a == victim && b != victim;
                    break;
                case 2: /* some links */
                    cut = random_chance(r, 0.3);
                    break;
                default: /* all well */
                    break;
            }
            sim->cut[a][b] = cut;
        }
    }
    sim_say(sim, "cuts: kind %u around n%u", (unsigned)how, (unsigned)victim + 1);
}

void world_fault(struct sim *sim)
{
    if (sim->healed) {
        return;
    }
    struct sim_random *r = &sim->random;
    struct sim_node *n = &sim->nodes[random_below(r, sim->nodes_count)];
    struct sim_node *leader = sim_leader(sim);
    if (leader != NULL && random_chance(r, 0.4)) {
        n = leader;
    }
    switch (random_below(r, 6)) {
        case 0:
            if (sim->faults.crashes) {
                crash(sim, n);
            }
            break;
        case 1:
            if (sim->faults.pauses) {
                pause_node(sim, n);
            }
            break;
        case 2:
            if (sim->faults.cuts) {
                cut_links(sim);
            }
            break;
        case 3:
            if (sim->faults.crashes && random_chance(r, 0.1)) {
                for (size_t i = 0; i < sim->nodes_count; i++) {
                    crash(sim, &sim->nodes[i]);
                }
            }
            break;
        case 4:
            if (sim->faults.full_disks) {
                bool full = random_chance(r, 0.5);
                sim->counts.full_disks += full ? 1 : 0;
                store_double_set_full(n->disk, full);
            }
            break;
        default:
            if (sim->faults.slow_disks) {
                sim->counts.slow_disks++;
                n->disk_ms = random_chance(r, 0.5) ? 0.2 + random_exp(r, 1) : random_exp(r, 200);
            }
            break;
    }
    sim_schedule(sim, sim->now_ns + (uint64_t)(random_exp(r, sim->faults.every_ms) * 1e6),
                 EVENT_FAULT, 0);
}

void world_heal(struct sim *sim)
{
    sim_say(sim, "the world heals");
    sim->healed = true;
    sim->acked_at_heal = sim->acked;
    for (size_t a = 0; a < SIM_NODES; a++) {
        for (size_t b = 0; b < SIM_NODES; b++) {
            sim->cut[a][b] = false;
        }
    }
    for (size_t i = 0; i < sim->nodes_count; i++) {
        sim->nodes[i].disk_ms = 1;
        store_double_set_full(sim->nodes[i].disk, false);
        if (sim->nodes[i].core != NULL && !sim->nodes[i].paused) {
            sim_after(sim, &sim->nodes[i]);
        }
    }
}

/* --- administration --- */

static void remove_gone(struct sim *sim, struct sim_node *leader, uint64_t id)
{
    struct err err = {0};
    int code = core_change(leader->core, sim_local_ms(sim, leader), CHANGE_REMOVE, id, NULL, &err);
    sim->counts.removals += code == 0 ? 1 : 0;
    sim_say(sim, "removal of n%u: %s", (unsigned)id, code == 0 ? "done" : err.msg);
}

static void change_something(struct sim *sim, struct sim_node *leader)
{
    struct sim_random *r = &sim->random;
    struct members members;
    engine_members(core_engine(leader->core), &members);
    const struct sim_node *n = &sim->nodes[random_below(r, sim->nodes_count)];
    uint64_t id = n->id;
    const struct member *m = NULL;
    for (size_t i = 0; i < members.count; i++) {
        bool gone = sim->nodes[SIM_SLOT(members.at[i].id)].id != members.at[i].id;
        if (gone) {
            remove_gone(sim, leader, members.at[i].id);
            return;
        }
        m = members.at[i].id == id ? &members.at[i] : m;
    }
    uint64_t now_ms = sim_local_ms(sim, leader);
    struct err err = {0};
    int code = 0;
    enum member_change change = CHANGE_ADD;
    if (m != NULL && m->role == MEMBER_STANDBY && random_chance(r, 0.9)) {
        change = CHANGE_TO_VOTER;
        code = core_catch_up(leader->core, now_ms, id, &err) == 1 ? 0 : ERR_BUSY;
    } else if (m != NULL && m->role != MEMBER_SPARE && random_chance(r, 0.7)) {
        return;
    } else if (m != NULL) {
        change = CHANGE_TO_STANDBY; /* a removed id never comes back: only those that are gone are
                                       removed */
    }
    if (code == 0) {
        code = core_change(leader->core, now_ms, change, id, n->info, &err);
    }
    sim->counts.changes += code == 0 ? 1 : 0;
    sim_say(sim, "change %d of n%u: %s", (int)change, (unsigned)id, code == 0 ? "done" : err.msg);
}

void world_admin(struct sim *sim)
{
    struct sim_random *r = &sim->random;
    struct sim_node *leader = sim_leader(sim);
    bool changes = sim->faults.membership;
    if (leader != NULL && changes) {
        change_something(sim, leader);
        sim_after(sim, leader);
    }
    if (leader != NULL && sim->faults.transfers && !sim->healed && random_chance(r, 0.1)) {
        uint64_t to = sim->nodes[random_below(r, sim->nodes_count)].id;
        struct err err = {0};
        int code = core_transfer(leader->core, sim_local_ms(sim, leader), to, &err);
        sim->counts.transfers += code == 0 ? 1 : 0;
        sim_say(sim, "transfer n%u -> n%u: %s", (unsigned)leader->id, (unsigned)to,
                code == 0 ? "asked" : err.msg);
        sim_after(sim, leader);
    }
    sim_schedule(sim, sim->now_ns + (200 + random_below(r, 400)) * NS_MS, EVENT_ADMIN, 0);
}

/* --- clients --- */

/* Puts of values that no other put has, deletions, and leases, over a few keys. */
static void draw_command(struct sim *sim, struct buf *out)
{
    struct sim_random *r = &sim->random;
    char key[8];
    char value[32];
    (void)snprintf(key, sizeof(key), "k%u", (unsigned)random_below(r, 12));
    (void)snprintf(value, sizeof(value), "v%u", (unsigned)sim->tickets);
    struct kv_command command = {
        .client = 1 + random_below(r, 3), .sequence = sim->tickets, .kind = KV_OP};
    command.acked = sim->tickets > 100 ? sim->tickets - 100 : 0;
    if (random_chance(r, 0.8)) {
        command.op = (struct kv_op){.kind = KV_OP_PUT,
                                    .put = {.key = kv_text(key), .value = kv_text(value)}};
    } else if (random_chance(r, 0.7)) {
        command.op = (struct kv_op){.kind = KV_OP_DELETE,
                                    .remove = {.span = {.kind = KV_SPAN_KEY, .key = kv_text(key)}}};
    } else {
        command.op = (struct kv_op){.kind = KV_OP_LEASE, .grant = {.ttl_ms = 1000}};
    }
    struct err err = {0};
    if (kv_command_encode(&command, out, &err) != 0) {
        sim_violation(sim, "a command of the test does not encode: %s", err.msg);
    }
}

static void begin(struct sim *sim, struct sim_client *c, struct sim_node *n)
{
    sim->tickets++;
    c->ticket = sim->tickets;
    c->node = (uint32_t)(n - sim->nodes);
    c->floor = sim->acked;
    c->begun_ns = sim->now_ns;
    c->deadline_ns = sim->now_ns + CLIENT_DEADLINE_NS;
    c->reading = random_chance(&sim->random, 0.4);
    uint64_t now_ms = sim_local_ms(sim, n);
    if (c->reading) {
        core_read(n->core, now_ms, c->ticket);
        return;
    }
    struct buf command = {0};
    draw_command(sim, &command);
    core_propose(n->core, now_ms, c->ticket, command.bytes, command.size);
    buf_close(&command);
}

/* Anybody, but rather one who believes to lead, and perhaps does not any more. */
static struct sim_node *some_leader(struct sim *sim)
{
    size_t from = random_below(&sim->random, sim->nodes_count);
    for (size_t i = 0; i < sim->nodes_count && random_chance(&sim->random, 0.9); i++) {
        struct sim_node *n = &sim->nodes[(from + i) % sim->nodes_count];
        if (n->core != NULL && !n->paused && engine_role(core_engine(n->core)) == ENGINE_LEADER) {
            return n;
        }
    }
    return &sim->nodes[from];
}

void world_woken(struct sim *sim, struct sim_node *n)
{
    if (random_chance(&sim->random, 0.5)) {
        core_tick(n->core, sim_local_ms(sim, n));
    }
    for (size_t i = 0; i < sim->clients_count; i++) {
        if (sim->clients[i].ticket == 0 && random_chance(&sim->random, 0.5)) {
            begin(sim, &sim->clients[i], n);
        }
    }
}

void world_client(struct sim *sim, uint32_t client)
{
    struct sim_client *c = &sim->clients[client];
    struct sim_random *r = &sim->random;
    if (c->ticket != 0 && sim->now_ns > c->deadline_ns) {
        struct sim_node *n = &sim->nodes[c->node];
        if (n->core != NULL) {
            core_forget(n->core, c->ticket);
        }
        sim->counts.writes_unknown += c->reading ? 0 : 1;
        c->ticket = 0;
    }
    if (c->ticket == 0) {
        struct sim_node *leader = sim_leader(sim);
        struct sim_node *n = leader != NULL && random_chance(r, 0.7) ? leader : some_leader(sim);
        if (n->core != NULL && !n->paused) {
            begin(sim, c, n);
            sim_after(sim, n);
        }
    }
    double mean_ms = sim->healed ? 200 : 30;
    sim_schedule(sim, sim->now_ns + (uint64_t)(random_exp(r, mean_ms) * 1e6), EVENT_CLIENT, client);
}

void world_done(struct sim *sim, struct sim_node *n, struct core_done *done)
{
    for (size_t i = 0; i < sim->clients_count; i++) {
        struct sim_client *c = &sim->clients[i];
        if (c->ticket != done->ticket) {
            continue;
        }
        c->ticket = 0;
        if (done->request == CORE_READ) {
            sim->counts.reads++;
            sim->counts.reads_delayed += sim->now_ns - c->begun_ns > 500 * NS_MS ? 1 : 0;
            if (core_applied(n->core) < c->floor) {
                sim_violation(
                    sim, "stale read: n%u answers at %u, %u was acknowledged before it was asked",
                    (unsigned)n->id, (unsigned)core_applied(n->core), (unsigned)c->floor);
            }
            return;
        }
        if (done->status == 0) {
            sim->counts.writes_acked++;
            check_ack(sim, done->index);
        } else if (err_may_be_applied(done->status)) {
            sim->counts.writes_unknown++;
        } else {
            sim->counts.writes_refused++;
        }
        return;
    }
}
