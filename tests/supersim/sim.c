/* tests/supersim/sim.c - the events of a life, in their order. */
#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "tests/supersim/world.h"

void sim_say(struct sim *sim, const char *fmt, ...)
{
    char line[400];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(line, sizeof(line), fmt, args);
    va_end(args);
    hash128_bytes(&sim->hash, line, strlen(line));
    if (sim->trace != NULL) {
        (void)fprintf(sim->trace, "%9.3f %s\n", (double)sim->now / 1e6, line);
    }
}

void sim_violation(struct sim *sim, const char *fmt, ...)
{
    if (sim->violation[0] != '\0') {
        return;
    }
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(sim->violation, sizeof(sim->violation), fmt, args);
    va_end(args);
    sim_say(sim, "VIOLATION: %s", sim->violation);
    sim->over = true;
}

uint64_t local_ms(const struct sim *sim, const struct sim_node *n)
{
    return n->offset_ms + (uint64_t)((double)sim->now / 1000.0 * n->rate);
}

uint64_t true_of(const struct sim *sim, const struct sim_node *n, uint64_t local)
{
    (void)sim;
    return local <= n->offset_ms
               ? 0
               : (uint64_t)((double)(local - n->offset_ms) / n->rate * 1000.0) + 1;
}

uint64_t draw(struct sim *sim, uint64_t from_us, uint64_t to_us)
{
    if (sim->wish.exhaustive) {
        return (from_us + to_us) / 2;
    }
    uint64_t us = from_us + random_below(&sim->random, to_us - from_us + 1);
    return random_chance(&sim->random, 0.01) ? us * 10 : us;
}

bool dice(struct sim *sim, double chance)
{
    return !sim->wish.exhaustive && random_chance(&sim->random, chance);
}

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

struct event *sim_schedule(struct sim *sim, uint64_t at, enum event_kind kind, int node)
{
    if (sim->heap_count == sim->heap_room) {
        sim->heap_room = sim->heap_room > 0 ? sim->heap_room * 2 : 256;
        sim->heap = mem_grow(sim->heap, sim->heap_room, sizeof(*sim->heap));
    }
    struct event e = {.at = at > sim->now ? at : sim->now,
                      .order = ++sim->order,
                      .kind = kind,
                      .node = node,
                      .from = NOBODY,
                      .slot = NOBODY};
    size_t i = sim->heap_count++;
    for (; i > 0 && is_before(&e, &sim->heap[(i - 1) / 2]); i = (i - 1) / 2) {
        sim->heap[i] = sim->heap[(i - 1) / 2];
    }
    sim->heap[i] = e;
    return &sim->heap[i]; /* until the next one is scheduled */
}

static struct event take_event(struct sim *sim)
{
    MUST(sim->heap_count > 0);
    struct event first = sim->heap[0];
    struct event last = sim->heap[--sim->heap_count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= sim->heap_count) {
            break;
        }
        if (child + 1 < sim->heap_count && is_before(&sim->heap[child + 1], &sim->heap[child])) {
            child++;
        }
        if (!is_before(&sim->heap[child], &last)) {
            break;
        }
        sim->heap[i] = sim->heap[child];
        i = child;
    }
    sim->heap[i] = last;
    return first;
}

int parcel_take(struct sim *sim)
{
    for (int k = 0; k < PARCELS; k++) {
        int i = (sim->parcel_next + k) % PARCELS;
        if (!sim->parcels[i].used) {
            sim->parcels[i] = (struct parcel){.used = true};
            sim->parcels_used++;
            sim->parcel_next = i + 1;
            return i;
        }
    }
    UNREACHABLE("parcels are let go of when their event is over");
}

bool linked(const struct sim *sim, int from, int to)
{
    return from == to ||
           (sim->nodes[from].host_up && sim->nodes[to].host_up && !sim->cut[from][to]);
}

bool daemon_runs(const struct sim *sim, const struct sim_node *n)
{
    return n->host_up && n->daemon.alive && n->daemon.frozen_until <= sim->now;
}

bool guard_runs(const struct sim *sim, const struct sim_node *n)
{
    return n->host_up && n->guard.alive && n->guard.frozen_until <= sim->now;
}

/* What a frozen process would do it does when it thaws. */
static bool waits_for_thaw(struct sim *sim, const struct event *e)
{
    const struct sim_node *n = &sim->nodes[e->node];
    uint64_t until = 0;
    if (e->kind == EV_GUARD) {
        until = n->guard.frozen_until;
    } else if (e->kind == EV_LOOP || e->kind == EV_ACT) {
        until = n->daemon.frozen_until > n->daemon.hung_until ? n->daemon.frozen_until
                                                              : n->daemon.hung_until;
    } else if (e->kind == EV_BEAT || e->kind == EV_SOFT || e->kind == EV_KEEP ||
               e->kind == EV_CONFIRM || e->kind == EV_VIEW) {
        until = n->daemon.frozen_until;
    }
    if (until <= sim->now) {
        return false;
    }
    sim->counts.late_actions += e->kind == EV_ACT ? 1 : 0; /* each time it is looked at */
    struct event copy = *e;
    until = until < sim->now + 200 * MS ? until : sim->now + 200 * MS; /* a heal thaws early */
    struct event *later = sim_schedule(sim, until, e->kind, e->node);
    copy.at = later->at;
    copy.order = later->order;
    *later = copy;
    return true;
}

static void happen_daemon(struct sim *sim, const struct event *e)
{
    struct sim_node *n = &sim->nodes[e->node];
    if (!n->host_up || !n->daemon.alive || e->life != n->daemon.life) {
        return;
    }
    switch ((int)e->kind) {
        case EV_LOOP:
            if (n->daemon.looks_at == e->a) {
                daemon_look(sim, e->node);
            }
            break;
        case EV_ACT:
            if (n->daemon.busy && n->daemon.act == e->a) {
                act_now(sim, e->node);
            }
            break;
        case EV_BEAT:
            daemon_beat(sim, e->node);
            break;
        case EV_SOFT:
            daemon_soft(sim, e->node, e->from, &sim->parcels[e->slot].soft, e->a);
            break;
        case EV_CONFIRM:
            store_confirmed(sim, e->node, e->a, e->b);
            break;
        case EV_VIEW:
            store_view(sim, e->node);
            break;
        default:
            break;
    }
}

static void happen_pg(struct sim *sim, const struct event *e)
{
    struct sim_node *n = &sim->nodes[e->node];
    if (!n->host_up || e->life != n->pg.life) {
        return;
    }
    switch ((int)e->kind) {
        case EV_PG:
            pg_next(sim, e->node);
            break;
        case EV_STREAM:
            pg_stream(sim, e->node, e->a);
            break;
        case EV_REPLY:
            pg_reply(sim, e->node, e->from, e->a, (uint32_t)e->b);
            break;
        case EV_CONNECT:
            pg_connect(sim, e->node);
            break;
        case EV_CLIENT:
            pg_client(sim, e->node);
            break;
        default:
            break;
    }
}

static void happen(struct sim *sim, const struct event *e)
{
    switch (e->kind) {
        case EV_LOOP:
        case EV_ACT:
        case EV_BEAT:
        case EV_SOFT:
        case EV_CONFIRM:
        case EV_VIEW:
            happen_daemon(sim, e);
            break;
        case EV_PG:
        case EV_STREAM:
        case EV_REPLY:
        case EV_CONNECT:
        case EV_CLIENT:
            happen_pg(sim, e);
            break;
        case EV_KEEP:
            store_keep(sim, e->from, e->a, e->b);
            break;
        case EV_STORE:
            store_look(sim);
            break;
        case EV_COMMIT:
            store_commit(sim, &sim->parcels[e->slot].proposal);
            break;
        case EV_GUARD:
            if (sim->nodes[e->node].guard.life == e->life) {
                guard_look(sim, e->node);
            }
            break;
        case EV_FAULT:
            fault_strike(sim);
            break;
        case EV_RECOVER:
            fault_recover(sim, e->node, e->a);
            break;
        case EV_HEAL:
            fault_heal(sim);
            break;
        case EV_END:
            check_end(sim);
            break;
        case EV_SICK:
            sick_step(sim, e->node, e->a);
            break;
    }
}

/* ---- the shape of a life ---- */

static void draw_settings(struct sim *sim)
{
    struct test_random *r = &sim->random;
    static const enum failover_profile profiles[] = {FAILOVER_FAST, FAILOVER_BALANCED,
                                                     FAILOVER_BALANCED, FAILOVER_PATIENT};
    static const enum sync_mode modes[] = {SYNC_OFF, SYNC_QUORUM, SYNC_QUORUM, SYNC_ON};
    struct timing_wish wish = {.profile = profiles[random_below(r, ARRAY_LEN(profiles))]};
    struct supervisor_settings *s = &sim->settings;
    s->sync_mode = modes[random_below(r, ARRAY_LEN(modes))];
    s->sync_strict = random_chance(r, 0.4);
    s->sync_nodes = 1;
    s->lag_bytes_max = random_chance(r, 0.5) ? 1000 : random_below(r, 20);
    s->check_timeline = random_chance(r, 0.8);
    s->may_rewind = random_chance(r, 0.7);
    s->may_clone = true;
    s->crashes_max = 3;
    if (sim->wish.exhaustive) {
        wish.profile = FAILOVER_FAST;
        s->sync_mode = sim->seed == 0 ? SYNC_OFF : SYNC_QUORUM;
        s->sync_strict = sim->seed == 1;
        s->check_timeline = true;
        s->may_rewind = true;
        s->lag_bytes_max = 1000;
    }
    s->times = timing_from(&wish).times;
    s->sync_nodes += dice(sim, 0.15) ? 1 : 0;
    s->restart_max_ms = sim->seed % 5 == 0 ? 0 : sim->seed % 97 * 100;
}

#define SLOW_EACH 16

/* No chance: other lives stay as they are. The exhaustive run has its bounded time. */
static void set_slowness(struct sim *sim)
{
    static const enum slowness of_seed[SLOW_EACH] = {
        [3] = SLOW_START, [5] = SLOW_REPLAY, [7] = SLOW_STANDS, [11] = SLOW_START};
    uint64_t most_us = sim->settings.times.start_max_ms * MS;
    sim->slowness = sim->wish.exhaustive ? SLOW_NOT : of_seed[sim->seed % SLOW_EACH];
    sim->recovery_us = most_us + most_us * (20 + sim->seed * 7919 % 80) / 100;
}

#define CRASHING_EACH 16
#define CRASHING_OF 9 /* of so many */

/* No chance either. */
static void set_crashing(struct sim *sim)
{
    bool has_one =
        sim->seed % CRASHING_EACH == CRASHING_OF && !sim->wish.exhaustive && !sim->has_remote;
    sim->crashing = has_one ? (int)(sim->seed / CRASHING_EACH % (uint64_t)sim->databases) : NOBODY;
}

static void draw_nodes(struct sim *sim)
{
    struct test_random *r = &sim->random;
    static const struct {
        int databases, witnesses;
    } shapes[] = {{2, 1}, {3, 0}, {3, 0}, {3, 2}, {4, 1}};
    size_t shape = sim->wish.exhaustive ? 0 : random_below(r, ARRAY_LEN(shapes));
    sim->databases = shapes[shape].databases;
    sim->count = shapes[shape].databases + shapes[shape].witnesses;
    for (int i = 0; i < sim->count; i++) {
        struct sim_node *n = &sim->nodes[i];
        n->is_database = i < sim->databases;
        (void)snprintf(n->name.text, sizeof(n->name.text), "%s%d", n->is_database ? "pg" : "w",
                       i + 1);
        n->rate = sim->wish.exhaustive ? 1.0 : 1.0 + (random_unit(r) - 0.5) * 0.001;
        n->offset_ms = 1000 + (sim->wish.exhaustive ? 0 : random_below(r, 1000000));
        n->host_up = true;
        n->nofailover = n->is_database && i > 1 && dice(sim, 0.1);
        n->priority = 1 + (dice(sim, 0.2) ? 1 : 0);
        n->pg.process = PG_ABSENT;
        n->pg.data = n->is_database ? DATA_EMPTY : DATA_UNKNOWN;
        n->pg.conninfo = n->pg.conninfo_was = n->pg.receives_from = NOBODY;
        n->pg.fence = true;
    }
}

static void begin(struct sim *sim)
{
    draw_settings(sim);
    set_slowness(sim);
    draw_nodes(sim);
    remote_begin(sim);
    set_crashing(sim);
    store_start(sim);
    for (int i = 0; i < sim->count; i++) {
        daemon_start(sim, i);
    }
    sim->fault_mask = sim->wish.exhaustive ? 0 : (unsigned)random_u64(&sim->random);
    sim->fault_every = draw(sim, 800 * MS, 6000 * MS);
    sim->heal_at =
        sim->wish.exhaustive ? 16000 * MS : (25000 + random_below(&sim->random, 20000)) * MS;
    if (!sim->wish.exhaustive) {
        sim_schedule(sim, draw(sim, 1000 * MS, 5000 * MS), EV_FAULT, 0);
    }
    sim_schedule(sim, sim->heal_at, EV_HEAL, 0);
}

void sim_live(struct sim *sim, uint64_t seed, const struct sim_wish *wish, FILE *trace)
{
    struct event *heap = sim->heap;
    size_t room = sim->heap_room;
    memset(sim, 0, sizeof(*sim));
    sim->heap = heap;
    sim->heap_room = room;
    sim->seed = seed;
    sim->wish = *wish;
    sim->random.state = seed;
    sim->hash = hash128_start(seed);
    sim->trace = trace;
    begin(sim);
    while (!sim->over) {
        struct event e = take_event(sim);
        MUST(e.at >= sim->now);
        sim->now = e.at;
        sim->counts.events++;
        hash128_number(&sim->hash, e.at);
        hash128_number(&sim->hash, (uint64_t)e.kind * 16 + (uint64_t)e.node);
        if (waits_for_thaw(sim, &e)) {
            continue;
        }
        happen(sim, &e);
        if (e.slot != NOBODY) {
            sim->parcels[e.slot].used = false;
            sim->parcels_used--;
        }
        if (!sim->over) {
            check_event(sim);
        }
    }
}

void sim_close(struct sim *sim)
{
    mem_free(sim->heap);
    sim->heap = NULL;
    sim->heap_room = 0;
}
