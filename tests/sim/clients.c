/* tests/sim/clients.c - clients ask one thing at a time, of whom they take for the leader, and ask
 * again when they do not know what became of it. */
#include "base/mem.h"
#include "proto/kv_codec.h"
#include "tests/sim/sim.h"

#define PATIENCE_NS (5000 * NS_MS)
#define ATTEMPTS_MAX 4

/* --- asking --- */

static void new_session(struct sim *sim, struct sim_client *c)
{
    sim->use.sessions++;
    c->session = 1000 + sim->use.sessions;
    c->since = sim->acked;
    c->sequence = 0;
    buf_clear(&c->stray); /* it was of the session before */
}

static void attempt(struct sim *sim, struct sim_client *c, const struct sim_node *n)
{
    bool hasty = random_chance(&sim->random, 0.2);
    sim->tickets++;
    c->ticket = sim->tickets;
    c->node = (uint32_t)(n - sim->nodes);
    c->floor = sim->acked;
    c->begun_ns = sim->now_ns;
    c->deadline_ns = sim->now_ns + (hasty ? PATIENCE_NS / 50 : PATIENCE_NS);
    c->attempts++;
    uint64_t now_ms = sim_local_ms(sim, n);
    if (ask_reads(&c->ask)) {
        core_read(n->core, now_ms, c->ticket);
    } else {
        core_propose(n->core, now_ms, c->ticket, c->command.bytes, c->command.size);
    }
}

static void begin(struct sim *sim, struct sim_client *c, const struct sim_node *n)
{
    if (random_chance(&sim->random, 0.01)) {
        new_session(sim, c);
    }
    sim->use.moments++;
    c->invoked = sim->use.moments;
    ask_draw(sim, c, n);
    if (c->ask.kind == ASK_GET && random_chance(&sim->random, 0.15)) {
        sim->counts.stale_reads++;
        ask_note_read(sim, c, n, true);
        return;
    }
    if (!ask_reads(&c->ask)) {
        ask_encode(sim, c);
    }
    c->busy = true;
    c->doubt = false;
    c->attempts = 0;
    attempt(sim, c, n);
}

/* Nobody knows what became of it. */
static void give_up(struct sim *sim, struct sim_client *c)
{
    c->busy = false;
    if (ask_reads(&c->ask)) {
        return;
    }
    if (!c->doubt) {
        sim->counts.writes_refused++;
        return;
    }
    sim->counts.writes_unknown++;
    ask_note_write(sim, c, NULL);
    if (random_chance(&sim->random, 0.3)) {
        struct buf spare = c->stray;
        c->stray = c->command;
        c->command = spare;
    }
}

/* An abandoned request comes once more, perhaps long after others of its session. */
static void send_stray(struct sim *sim, struct sim_client *c, const struct sim_node *n)
{
    sim->tickets++;
    c->stray_ticket = sim->tickets;
    core_propose(n->core, sim_local_ms(sim, n), c->stray_ticket, c->stray.bytes, c->stray.size);
    buf_clear(&c->stray);
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

static void go_on(struct sim *sim, struct sim_client *c, const struct sim_node *n)
{
    if (c->busy && (c->attempts == ATTEMPTS_MAX || random_chance(&sim->random, 0.2))) {
        give_up(sim, c);
    }
    if (c->busy) {
        sim->counts.retries += c->doubt ? 1 : 0;
        attempt(sim, c, n);
        return;
    }
    if (c->stray.size > 0 && random_chance(&sim->random, 0.1)) {
        send_stray(sim, c, n);
    }
    begin(sim, c, n);
}

void clients_woken(struct sim *sim, struct sim_node *n)
{
    if (random_chance(&sim->random, 0.5)) {
        core_tick(n->core, sim_local_ms(sim, n));
    }
    for (size_t i = 0; i < sim->use.clients_count && !sim->calm.began; i++) {
        if (sim->use.clients[i].ticket == 0 && random_chance(&sim->random, 0.5)) {
            go_on(sim, &sim->use.clients[i], n);
        }
    }
}

static void lose_patience(struct sim *sim, struct sim_client *c)
{
    if (c->ticket == 0 || sim->now_ns <= c->deadline_ns) {
        return;
    }
    struct sim_node *n = &sim->nodes[c->node];
    if (n->core != NULL) {
        core_forget(n->core, c->ticket);
    }
    c->doubt = true;
    c->ticket = 0;
    c->answered = false;
}

void clients_lose_patience(struct sim *sim)
{
    for (size_t i = 0; i < sim->use.clients_count; i++) {
        lose_patience(sim, &sim->use.clients[i]);
    }
}

void clients_act(struct sim *sim, uint32_t client)
{
    struct sim_client *c = &sim->use.clients[client];
    struct test_random *r = &sim->random;
    lose_patience(sim, c);
    if (c->ticket == 0 && !sim->calm.began) {
        struct sim_node *leader = sim_leader(sim);
        struct sim_node *n = leader != NULL && random_chance(r, 0.7) ? leader : some_leader(sim);
        bool stays = c->is_loyal && c->answered && !out_is_down(sim, c->node);
        n = stays ? &sim->nodes[c->node] : n;
        if (n->core != NULL && !n->paused) {
            go_on(sim, c, n);
            sim_after(sim, n);
        }
    }
    double mean_ms = sim->healed ? 200 : sim->use.ask_ms;
    sim_schedule(sim, sim->now_ns + (uint64_t)(random_exp(r, mean_ms) * 1e6), EVENT_CLIENT, client);
}

void clients_crashed(struct sim *sim, uint32_t node)
{
    for (size_t i = 0; i < sim->use.clients_count; i++) {
        struct sim_client *c = &sim->use.clients[i];
        if (c->ticket != 0 && c->node == node) {
            c->doubt = true;
            c->ticket = 0;
            c->answered = false;
        }
    }
}

/* --- answers --- */

static void read_done(struct sim *sim, struct sim_client *c, const struct sim_node *n)
{
    c->busy = false;
    sim->counts.reads++;
    sim->counts.reads_delayed += sim->now_ns - c->begun_ns > 500 * NS_MS ? 1 : 0;
    if (core_applied(n->core) < c->floor) {
        sim_violation(sim, "stale read: n%u answers at %u, %u was acknowledged before it was asked",
                      (unsigned)n->id, (unsigned)core_applied(n->core), (unsigned)c->floor);
    }
    ask_note_read(sim, c, n, false);
}

/* Of the store, which has done nothing: there is no room, or the lease is gone. */
static bool is_refusal(struct sim *sim, const struct sim_client *c, const struct kv_result *result)
{
    if (result->code == ERR_NOT_FOUND && c->ask.lease != 0) {
        sim->counts.leases_missed++;
        sim->use.lease = sim->use.lease == c->ask.lease ? 0 : sim->use.lease;
        return true;
    }
    return result->code == ERR_QUOTA && sim->use.has_quota;
}

/* @c NULL: nobody waits for it. */
static void applied(struct sim *sim, struct sim_client *c, const struct core_done *done)
{
    struct kv_decoder decoder = {0};
    struct kv_result result;
    struct err err = {0};
    if (kv_result_decode(&decoder, done->result.bytes, done->result.size, &result, &err) != 0) {
        sim_violation(sim, "an answer does not decode: %s", err.msg);
    } else if (c == NULL) {
        sim->counts.retries_expired += result.code == ERR_EXPIRED ? 1 : 0;
    } else if (is_refusal(sim, c, &result)) {
        c->busy = false;
        sim->counts.writes_refused++;
    } else if (result.code == ERR_EXPIRED && result.replayed && sim->use.long_values) {
        sim->counts.retries_expired++; /* applied, and its answer was too long to be remembered */
        give_up(sim, c);
    } else if (result.code != 0) {
        sim_violation(sim, "a request was applied and answered %s", err_name(result.code));
    } else {
        sim->counts.writes_acked += result.succeeded ? 1 : 0;
        c->busy = false;
        check_ack(sim, done->index);
        ask_note_write(sim, c, &result);
    }
    kv_decoder_close(&decoder);
}

void clients_done(struct sim *sim, struct sim_node *n, struct core_done *done)
{
    truth_follow(sim, n);
    if (burden_done(sim, done)) {
        return;
    }
    for (size_t i = 0; i < sim->use.clients_count; i++) {
        struct sim_client *c = &sim->use.clients[i];
        if (c->stray_ticket == done->ticket && done->status == 0) {
            applied(sim, NULL, done);
        }
        if (c->ticket != done->ticket) {
            continue;
        }
        c->ticket = 0;
        c->answered = done->status == 0;
        if (done->request == CORE_READ) {
            if (done->status == 0) {
                read_done(sim, c, n);
            } /* else it asks somebody else */
        } else if (done->status == 0) {
            applied(sim, c, done);
        } else {
            c->doubt = c->doubt || err_may_be_applied(done->status);
        }
        return;
    }
}

/* --- a life --- */

void clients_draw(struct sim *sim)
{
    struct test_random *r = &sim->random;
    sim->use.clients_count = 2 + random_below(r, SIM_CLIENTS - 1);
    sim->use.ask_ms = random_chance(r, 0.8) ? 30 : 30 + random_exp(r, 1500);
    for (uint32_t i = 0; i < sim->use.clients_count; i++) {
        new_session(sim, &sim->use.clients[i]);
        sim->use.clients[i].is_loyal = random_chance(r, 0.5);
        sim_schedule(sim, sim->now_ns + random_below(r, 1000) * NS_MS, EVENT_CLIENT, i);
    }
}

void clients_check_end(struct sim *sim)
{
    for (size_t i = 0; i < sim->use.clients_count; i++) {
        struct sim_client *c = &sim->use.clients[i];
        if (c->busy && !ask_reads(&c->ask)) {
            ask_note_write(sim, c, NULL);
        }
    }
    truth_check_end(sim);
    struct linear_report report = {0};
    struct err err = {0};
    if (history_verify(&sim->use.history, &err) != 0) {
        sim_violation(sim, "what was recorded is no history: %s", err.msg);
    } else if (!linear_check(&sim->use.history, NULL, &report)) {
        sim_violation(sim, "the history is %s: %s", linear_verdict_name(report.verdict),
                      buf_text(&report.text));
    }
    sim->counts.histories++;
    sim->counts.history_operations += sim->use.history.count;
    linear_report_close(&report);
}

void clients_close(struct sim *sim)
{
    for (size_t i = 0; i < SIM_CLIENTS; i++) {
        buf_close(&sim->use.clients[i].command);
        buf_close(&sim->use.clients[i].stray);
    }
    buf_close(&sim->use.long_text);
    history_clear(&sim->use.history);
    arena_close(&sim->use.arena);
}
