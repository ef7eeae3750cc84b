/* tests/sim/faults.c - the misfortunes of a cluster: crashes, pauses, cut links, bad and lost
 * disks. */
#include "tests/sim/sim.h"

#define HANG_MS_MAX 30000

void faults_draw(struct sim *sim)
{
    struct test_random *r = &sim->random;
    struct sim_faults *f = &sim->faults;
    f->drop = random_chance(r, 0.5) ? random_unit(r) * (random_chance(r, 0.8) ? 0.1 : 0.3) : 0;
    f->duplicate = random_chance(r, 0.5) ? random_unit(r) * 0.2 : 0;
    f->tail = random_chance(r, 0.5) ? random_unit(r) * 0.05 : 0;
    f->slow_ms = 50 + random_unit(r) * 1000;
    f->cuts = random_chance(r, 0.5);
    f->crashes = random_chance(r, 0.5);
    f->dies_writing = f->crashes && random_chance(r, 0.7);
    f->write_errors = f->crashes && random_chance(r, 0.5);
    f->pauses = random_chance(r, 0.5);
    f->transfers = random_chance(r, 0.5);
    f->membership = random_chance(r, 0.5);
    f->slow_disks = random_chance(r, 0.5);
    f->every_ms = 60 + random_exp(r, random_chance(r, 0.7) ? 200 : 1500);
    f->full_disks = random_chance(r, 0.5);
    f->reorder = random_chance(r, 0.5);
    f->keeps_roles = random_chance(r, 0.6);
}

/* All members that vote are the ones that live, and one of them less is still a majority with
 * something to spare. */
bool faults_may_lose_one(struct sim *sim)
{
    struct sim_node *leader = sim_leader(sim);
    if (leader == NULL) {
        return false;
    }
    struct members members;
    engine_members(core_engine(leader->core), &members);
    size_t voters = 0;
    for (size_t i = 0; i < members.count; i++) {
        const struct sim_node *n = &sim->nodes[SIM_SLOT(members.at[i].id)];
        bool lives = n->id == members.at[i].id && !restore_is_old(sim, n);
        if (members.at[i].role == MEMBER_VOTER && !lives) {
            return false;
        }
        voters += members.at[i].role == MEMBER_VOTER ? 1 : 0;
    }
    return voters >= 3 && operator_may_lose(sim);
}

/* The disk is lost: what comes back is somebody else. */
static void wipe(struct sim *sim, struct sim_node *n)
{
    bool lately = sim->wiped_at_ns != 0 && sim->now_ns - sim->wiped_at_ns < 10000 * NS_MS;
    if (lately || !faults_may_lose_one(sim)) {
        return; /* two lost disks may be a lost majority */
    }
    sim->wiped_at_ns = sim->now_ns;
    if (sim->joins && random_chance(&sim->random, 0.4)) {
        restore_from_elsewhere(sim, n);
        return;
    }
    sim->counts.wipes++;
    faults_discard(sim, n);
}

void faults_discard(struct sim *sim, struct sim_node *n)
{
    restore_discarded(sim, n);
    n->id += 16;
    n->term = 0;
    (void)snprintf(n->info, sizeof(n->info), "n%u", (unsigned)n->id);
    sim_say(sim, "wiped: now n%u", (unsigned)n->id);
    n->blank = false; /* the cluster is there: it will be added to it */
    store_double_destroy(n->disk);
    world_format_disk(sim, n);
}

/* The process and what it had not written. */
static void stop(struct sim *sim, struct sim_node *n)
{
    sim->counts.crashes++;
    size_t survivors = random_below(&sim->random, store_double_waiting(n->disk) + 1);
    if (survivors > store_double_may_commit(n->disk)) {
        survivors = store_double_may_commit(n->disk);
    }
    sim_say(sim, "n%u crashes, %u of %u waiting batches survive", (unsigned)n->id,
            (unsigned)survivors, (unsigned)store_double_waiting(n->disk));
    core_destroy(n->core);
    n->core = NULL;
    watch_hub_destroy(n->hub);
    n->hub = NULL;
    for (size_t r = 0; r < 8; r++) {
        store_double_reader_close(n->readers[r]);
        n->readers[r] = NULL;
        n->reader_names[r] = 0;
    }
    store_double_crash(n->disk, survivors);
    n->paused = false;
    n->life++;
    clients_crashed(sim, (uint32_t)(n - sim->nodes));
    burden_crashed(sim, (uint32_t)(n - sim->nodes));
}

static void start_later(struct sim *sim, const struct sim_node *n)
{
    uint64_t down_ms =
        sim->healed ? 10
                    : random_below(&sim->random, random_chance(&sim->random, 0.5) ? 100 : 3000);
    sim_schedule(sim, sim->now_ns + down_ms * NS_MS, EVENT_RESTART, (uint32_t)(n - sim->nodes));
}

void faults_restart(struct sim *sim, struct sim_node *n, uint64_t down_ms)
{
    stop(sim, n);
    sim_schedule(sim, sim->now_ns + down_ms * NS_MS, EVENT_RESTART, (uint32_t)(n - sim->nodes));
}

void faults_retire(struct sim *sim, struct sim_node *n)
{
    stop(sim, n);
    faults_discard(sim, n);
    start_later(sim, n);
}

void faults_crash(struct sim *sim, struct sim_node *n)
{
    if (n->core == NULL && n->form == NULL) {
        return;
    }
    stop(sim, n);
    if (n->form != NULL) {
        form_crashed(sim, n);
    } else if (sim->faults.membership && !operator_is_dead(sim, n) &&
               random_chance(&sim->random, 0.15)) {
        wipe(sim, n);
    }
    if (!operator_is_dead(sim, n)) {
        start_later(sim, n);
    }
}

bool faults_dies_now(struct sim *sim, struct sim_node *n)
{
    bool writing = store_double_waiting(n->disk) > 0;
    if (sim->healed || !sim->faults.dies_writing || !writing ||
        !random_chance(&sim->random, 0.001)) {
        return false;
    }
    faults_crash(sim, n);
    return true;
}

/* An error of write or fsync ends the process: nothing of what waits is reported, some of it may be
 * on the disk. */
bool faults_write_fails(struct sim *sim, struct sim_node *n)
{
    if (sim->healed || !sim->faults.write_errors || !random_chance(&sim->random, 0.0005)) {
        return false;
    }
    sim->counts.write_errors++;
    faults_crash(sim, n);
    return true;
}

static void pause_node(struct sim *sim, struct sim_node *n, uint64_t ms)
{
    if ((n->core == NULL && n->form == NULL) || n->paused) {
        return;
    }
    sim->counts.pauses++;
    sim_say(sim, "n%u pauses for %u ms", (unsigned)n->id, (unsigned)ms);
    n->paused = true;
    n->paused_until_ns = sim->now_ns + ms * NS_MS;
    sim_schedule(sim, n->paused_until_ns, EVENT_RESUME, (uint32_t)(n - sim->nodes));
}

static void cut_links(struct sim *sim)
{
    struct test_random *r = &sim->random;
    uint64_t how = random_below(r, 7);
    sim->counts.cuts += how < 6 ? 1 : 0;
    uint64_t sides = random_u64(r);
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
                case 3:
                case 4:
                case 5: /* two groups */
                    cut = ((sides >> a) & 1) != ((sides >> b) & 1);
                    break;
                default: /* all well */
                    break;
            }
            sim->cut[a][b] = cut;
        }
    }
    sim_say(sim, "cuts: kind %u around n%u", (unsigned)how, (unsigned)victim + 1);
    struct sim_node *leader = sim_leader(sim);
    if (how >= 3 && how <= 5 && sim->faults.pauses && leader != NULL && random_chance(r, 0.7)) {
        /* Its side does not hear of what the other side does without it, and so it wakes up. */
        uint64_t ms = 1000 + random_below(r, 3000);
        pause_node(sim, leader, ms);
        sim->cuts_until_ns = sim->now_ns + (ms + 500) * NS_MS;
    }
}

/* The kinds of faults_strike(). */
#define KINDS 6
static bool has_kind(const struct sim_faults *f, uint64_t kind)
{
    const bool has[KINDS] = {f->crashes, f->pauses,     f->cuts,
                             f->crashes, f->full_disks, f->slow_disks};
    return has[kind];
}

void faults_strike(struct sim *sim)
{
    if (sim->healed) {
        return;
    }
    struct test_random *r = &sim->random;
    struct sim_node *n = &sim->nodes[random_below(r, sim->nodes_count)];
    struct sim_node *leader = sim_leader(sim);
    if (leader != NULL && random_chance(r, 0.4)) {
        n = leader;
    }
    uint64_t kind = random_below(r, KINDS);
    kind = has_kind(&sim->faults, kind) ? kind : random_below(r, KINDS);
    switch (kind) {
        case 0:
            if (sim->faults.crashes) {
                faults_crash(sim, n);
            }
            break;
        case 1:
            if (sim->faults.pauses) {
                pause_node(sim, n, random_below(r, random_chance(r, 0.3) ? 8000 : 800));
            }
            break;
        case 2:
            if (sim->faults.cuts && sim->now_ns >= sim->cuts_until_ns) {
                cut_links(sim);
            }
            break;
        case 3:
            if (sim->faults.crashes && random_chance(r, 0.1)) {
                for (size_t i = 0; i < sim->nodes_count; i++) {
                    faults_crash(sim, &sim->nodes[i]);
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
                bool slow = random_chance(r, 0.5);
                bool hangs = slow && random_chance(r, 0.2);
                sim->counts.slow_disks += slow ? 1 : 0;
                sim->counts.hung_disks += hangs ? 1 : 0;
                n->disk_ms = slow ? random_exp(r, 200) : 0.2 + random_exp(r, 1);
                n->hang_ms = hangs ? random_unit(r) * HANG_MS_MAX : 0;
            }
            break;
    }
    sim_schedule(sim, sim->now_ns + (uint64_t)(random_exp(r, sim->faults.every_ms) * 1e6),
                 EVENT_FAULT, 0);
}

static void end_hang(struct sim *sim, struct sim_node *n)
{
    uint64_t soon_ns = sim->now_ns + 10 * NS_MS;
    if (n->disk_busy && n->flush_at_ns > soon_ns) {
        n->flush_at_ns = soon_ns;
        sim_schedule(sim, soon_ns, EVENT_DISK, (uint32_t)(n - sim->nodes));
    }
}

void faults_heal(struct sim *sim)
{
    sim_say(sim, "the world heals");
    sim->healed = true;
    sim->heal_order = sim->order;
    sim->acked_at_heal = sim->acked;
    sim->end_at_ns += join_heal_ms(sim) * NS_MS;
    for (size_t a = 0; a < SIM_NODES; a++) {
        for (size_t b = 0; b < SIM_NODES; b++) {
            sim->cut[a][b] = false;
            sim->link_free_ns[a][b] = 0; /* a new connection: nothing waits behind what is stuck */
        }
    }
    for (size_t i = 0; i < sim->nodes_count; i++) {
        end_hang(sim, &sim->nodes[i]);
    }
    out_heal(sim);
    for (size_t i = 0; i < sim->nodes_count; i++) {
        sim->nodes[i].disk_ms = 1;
        sim->nodes[i].hang_ms = 0;
        store_double_set_full(sim->nodes[i].disk, false);
        if (sim->nodes[i].core != NULL && !sim->nodes[i].paused) {
            sim_after(sim, &sim->nodes[i]);
        }
    }
}
