/* tests/sim/world.c - the shape of a cluster, as a seed decides it, and the start of a node. */
#include "base/mem.h"
#include "base/must.h"
#include "tests/sim/sim.h"

#define SMALL_RESERVE 6000

/* A healed world is looked at for at least so long, even if it is well at once. */
#define HEAL_MS_MIN 8000

static void on_fatal(void *ctx, const struct err *err)
{
    sim_violation(ctx, "fatal: %s", err->msg);
}

/* Entry 1, the same on every first member; a node that was wiped has nothing. */
void world_format_disk(struct sim *sim, struct sim_node *n)
{
    n->disk = store_double_create();
    struct store_batch *batch = store_batch_create(1);
    batch->has_identity = true;
    batch->identity = (struct store_identity){.node_id = n->id};
    if (n->id <= sim->voters_at_start + sim->standbys_at_start) {
        struct members members = {.count = sim->voters_at_start + sim->standbys_at_start};
        for (size_t i = 0; i < members.count; i++) {
            members.at[i] =
                (struct member){.id = i + 1,
                                .role = i < sim->voters_at_start ? MEMBER_VOTER : MEMBER_STANDBY,
                                .info = sim->nodes[i].info};
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
    struct store_image image;
    restore_strikes(sim, n);
    store_double_load(n->disk, &image);
    if (join_must_discard(sim, n, &image)) {
        store_image_close(&image);
        faults_discard(sim, n);
        store_double_load(n->disk, &image);
    }
    n->tick_at_ns = 0;
    n->disk_busy = false;
    n->told_full = false;
    n->vote_sequence = 0;
    if (form_starts(sim, n, &image)) {
        store_image_close(&image);
        return;
    }
    struct core_settings settings =
        core_settings_default(n->id, (uint32_t)random_u64(&sim->random));
    settings.election_timeout_ms = sim->election_ms;
    settings.heartbeat_ms = sim->heartbeat_ms;
    bool long_log = random_chance(&sim->random, 0.5);
    settings.compact_entries =
        40 + (long_log ? random_below(&sim->random, sim->use.log_entries) : 0);
    settings.trailing_entries = 1 + random_below(&sim->random, 20);
    settings.flush_after_ms = 200;
    settings.inflight_entries_max = 64;
    /* In some lives so little that it is used up. */
    size_t reserve = sim->seed % 3 == 0 ? SMALL_RESERVE : STORE_DOUBLE_RESERVE;
    store_double_set_reserve(n->disk, reserve);
    settings.full_bytes_max = reserve / 4;
    n->hub = watch_hub_create(sim->use.hub_events, 100000);
    settings.machine.hub = n->hub;
    burden_settings(sim, &settings);
    n->applied = 0;
    n->commit = 0;
    sim_say(sim, "n%u starts: term %u log %u..%u applied %u", (unsigned)n->id,
            (unsigned)image.hard.term, (unsigned)image.log_first, (unsigned)image.log_last,
            (unsigned)image.applied_index);
    member_check_start(sim, n, &image);
    soft_start(sim, n, &settings);
    join_start(sim, n, &settings);
    n->core = core_create(&settings, sim_local_ms(sim, n), &image, on_fatal, sim);
    restore_started(sim, n, &image, settings.seed);
    core_allow_moves(n->core, !sim->soft.forbidden);
    join_connect(sim, n);
    n->applied = image.applied_index;
    n->term = image.hard.term; /* a term that was not durable was never told to anybody */
    store_image_close(&image);
    sim_after(sim, n);
}

/* Most with the default timers, some with those of `fast`, some with those for a wide area. */
static void draw_pace(struct sim *sim)
{
    static const struct {
        uint32_t election_ms, heartbeat_ms;
    } paces[] = {{500, 100}, {500, 100}, {500, 100}, {300, 50}, {1000, 100}};
    size_t i = random_below(&sim->random, ARRAY_LEN(paces));
    sim->election_ms = paces[i].election_ms;
    sim->heartbeat_ms = paces[i].heartbeat_ms;
    sim->counts.fast_paces += i == 3 ? 1 : 0;
    sim->counts.wide_paces += i == 4 ? 1 : 0;
}

void world_draw(struct sim *sim)
{
    struct test_random *r = &sim->random;
    draw_pace(sim);
    truth_open(sim);
    static const size_t sizes[] = {1, 2, 3, 3, 3, 4, 5, 5, 5, 7};
    sim->voters_at_start = sizes[random_below(r, ARRAY_LEN(sizes))];
    sim->voters_at_start = sim->wish.voters != 0 ? sim->wish.voters : sim->voters_at_start;
    faults_draw(sim);
    sim->nodes_count = sim->voters_at_start + (sim->faults.membership ? 2 : 0);
    bool with_standbys = sim->faults.membership && random_chance(r, 0.8);
    sim->standbys_at_start = with_standbys ? 1 + (random_chance(r, 0.8) ? 1 : 0) : 0;
    sim->use.hub_events = 10 + random_below(r, 1000);
    sim->use.log_entries = 1 + (random_chance(r, 0.5) ? 0 : random_below(r, 500));
    sim->fault_ms = 20000 + random_below(r, 20000);
    sim->heal_ms = 25000;
    uint64_t asked_ms = sim->wish.seconds * 1000;
    sim->fault_ms = asked_ms > sim->heal_ms ? asked_ms - sim->heal_ms : sim->fault_ms;
    uint64_t healed_ms = asked_ms > 0 ? sim->heal_ms : HEAL_MS_MIN;
    for (size_t i = 0; i < sim->nodes_count; i++) {
        struct sim_node *n = &sim->nodes[i];
        n->id = i + 1;
        n->life = 1;
        (void)snprintf(n->info, sizeof(n->info), "n%u", (unsigned)n->id);
        n->rate = 1.0 + (random_unit(r) - 0.5) * 0.001; /* within 500 ppm */
        n->offset_ms = 1000 + random_below(r, 1000000);
        n->disk_ms = sim->faults.slow_disks ? 0.2 + random_exp(r, 20) : 0.2 + random_exp(r, 1);
    }
    form_draw(sim);
    out_draw(sim);
    values_draw(sim);
    burden_draw(sim);
    join_draw(sim);
    restore_draw(sim);
    soft_draw(sim); /* before the nodes start: they have an advisor or not */
    sim->standbys_at_start = sim->forms ? 0 : sim->standbys_at_start;
    for (size_t i = 0; i < sim->nodes_count; i++) {
        if (!sim->nodes[i].blank) {
            world_format_disk(sim, &sim->nodes[i]);
        }
    }
    for (size_t i = 0; i < sim->nodes_count; i++) {
        uint64_t late_ms = sim->nodes[i].blank ? random_below(r, 3000) : 0;
        if (late_ms == 0) {
            world_start_node(sim, &sim->nodes[i]);
        } else {
            sim_schedule(sim, late_ms * NS_MS, EVENT_RESTART, (uint32_t)i);
        }
    }
    clients_draw(sim);
    watchers_draw(sim);
    lease_draw(sim);
    sim->heal_at_ns = sim->fault_ms * NS_MS;
    sim_schedule(sim, 1000 * NS_MS, EVENT_FAULT, 0);
    sim_schedule(sim, 1500 * NS_MS, EVENT_ADMIN, 0);
    sim_schedule(sim, sim->heal_at_ns, EVENT_HEAL, 0);
    sim->end_at_ns = sim->heal_at_ns + sim->heal_ms * NS_MS;
    sim_schedule(sim, sim->heal_at_ns + healed_ms * NS_MS, EVENT_END, 0);
}
