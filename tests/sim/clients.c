/* tests/sim/clients.c - who asks the cluster for what, and what they make of the answers. */
#include "proto/kv_codec.h"
#include "tests/sim/sim.h"

#define CLIENT_DEADLINE_NS (5000 * NS_MS)

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

void clients_woken(struct sim *sim, struct sim_node *n)
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

void clients_act(struct sim *sim, uint32_t client)
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

void clients_crashed(struct sim *sim, uint32_t node)
{
    for (size_t i = 0; i < sim->clients_count; i++) {
        struct sim_client *c = &sim->clients[i];
        if (c->ticket != 0 && c->node == node) {
            sim->counts.writes_unknown += c->reading ? 0 : 1;
            c->ticket = 0;
        }
    }
}

void clients_done(struct sim *sim, struct sim_node *n, struct core_done *done)
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
