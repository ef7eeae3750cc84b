/* tests/sim/watchers.c - who listens to the store, and misses nothing.
 *
 * A watcher follows a key or all keys of a window, on one node after another: where its node dies
 * it goes on elsewhere, from the revision behind the last that it has. What it fetches must be what
 * happened, all of it and in order. Told that events are gone it believes that only if they may be,
 * and goes on with the oldest revision named. It also asks for a key as it was some time ago. */
#include <string.h>

#include "tests/sim/sim.h"

static bool lives(const struct sim *sim, const struct sim_watcher *w)
{
    const struct sim_node *n = &sim->nodes[w->node];
    return w->watch != NULL && n->core != NULL && n->life == w->life;
}

static void open_on(struct sim *sim, struct sim_watcher *w, uint32_t node)
{
    struct watch_options options = {.span = w->span,
                                    .from_revision = w->next,
                                    .no_puts = w->no_puts,
                                    .no_deletes = w->no_deletes,
                                    .want_previous = w->want_previous};
    w->node = node;
    w->life = sim->nodes[node].life;
    w->watch = watch_open(sim->nodes[node].hub, &options);
}

/* Something else, from now on or from some time ago. */
static void draw(struct sim *sim, struct sim_watcher *w)
{
    struct test_random *r = &sim->random;
    uint64_t newest = sim->use.truth.revision;
    uint64_t back = random_below(r, random_chance(r, 0.5) ? 20 : 1000);
    *w = (struct sim_watcher){.next = newest + 2 > back ? newest + 2 - back : 1,
                              .no_puts = random_chance(r, 0.1),
                              .want_previous = random_chance(r, 0.5),
                              .pause_ms = random_chance(r, 0.6) ? 100 : 3000};
    w->no_deletes = !w->no_puts && random_chance(r, 0.1);
    uint64_t key = sim->use.window * SIM_KEYS + random_below(r, SIM_KEYS);
    ask_key_text(key, w->key);
    size_t size = strlen(w->key);
    w->span.kind = random_chance(r, 0.5) ? KV_SPAN_KEY : KV_SPAN_PREFIX;
    if (w->span.kind == KV_SPAN_PREFIX) {
        size = random_chance(r, 0.5) ? size - 1 : 1; /* one window, or all there are */
    }
    w->span.key = kv_slice(w->key, size);
}

/* --- judging --- */

static bool wants(const struct sim_watcher *w, const struct sim_change *change)
{
    return kv_span_holds(&w->span, kv_text(change->key)) &&
           !(change->value == 0 ? w->no_deletes : w->no_puts);
}

static bool is_same(const struct sim_watcher *w, const struct sim_change *change,
                    const struct watch_event *event)
{
    uint64_t value = event->is_delete ? 0 : truth_hash(event->pair.value);
    uint64_t before = event->has_previous ? truth_hash(event->previous.value) : 0;
    return event->revision == change->revision && value == change->value &&
           kv_slice_equal(event->pair.key, kv_text(change->key)) &&
           event->pair.mod_revision == change->revision &&
           before == (w->want_previous ? change->before : 0);
}

static void judge(struct sim *sim, struct sim_watcher *w, const struct watch_batch *batch)
{
    const struct sim_truth *truth = &sim->use.truth;
    size_t fetched = 0;
    for (size_t i = truth_find(truth, w->next);
         i < truth->count && truth->changes[i].revision <= batch->revision; i++) {
        const struct sim_change *change = &truth->changes[i];
        if (!wants(w, change)) {
            continue;
        }
        if (fetched == batch->count || !is_same(w, change, &batch->events[fetched])) {
            sim_violation(sim, "a watcher on n%u from %u to %u misses what happened to %s at %u",
                          (unsigned)sim->nodes[w->node].id, (unsigned)w->next,
                          (unsigned)batch->revision, change->key, (unsigned)change->revision);
            return;
        }
        fetched++;
    }
    if (fetched != batch->count) {
        sim_violation(sim, "a watcher on n%u from %u to %u gets what did not happen",
                      (unsigned)sim->nodes[w->node].id, (unsigned)w->next,
                      (unsigned)batch->revision);
    }
    sim->counts.watch_events += fetched;
    w->next = batch->revision >= w->next ? batch->revision + 1 : w->next;
}

/* There must be a gap, and none behind it. */
static void go_on_behind(struct sim *sim, struct sim_watcher *w, uint64_t oldest)
{
    sim->counts.watches_compacted++;
    if (oldest <= w->next) {
        sim_violation(sim, "a watcher on n%u wants %u, is told that it is gone, and the oldest %u",
                      (unsigned)sim->nodes[w->node].id, (unsigned)w->next, (unsigned)oldest);
    }
    w->next = oldest;
    watch_close(w->watch);
    open_on(sim, w, w->node);
    struct watch_batch batch;
    enum watch_outcome outcome = watch_pull(w->watch, 1, &batch);
    if (outcome == WATCH_COMPACTED) {
        sim_violation(sim, "n%u says that %u is its oldest revision, and has not got it",
                      (unsigned)sim->nodes[w->node].id, (unsigned)oldest);
        return;
    }
    judge(sim, w, &batch);
}

static void fetch(struct sim *sim, struct sim_watcher *w)
{
    enum watch_outcome outcome = WATCH_EVENTS;
    while (outcome == WATCH_EVENTS && sim->violation[0] == '\0') {
        struct watch_batch batch;
        outcome = watch_pull(w->watch, 1 + random_below(&sim->random, 2000), &batch);
        if (outcome == WATCH_COMPACTED) {
            go_on_behind(sim, w, batch.oldest_revision);
            return;
        }
        judge(sim, w, &batch);
    }
}

/* --- the past --- */

static uint64_t value_at(const struct sim_truth *truth, const char *key, uint64_t revision)
{
    for (size_t i = truth_find(truth, revision + 1); i > 0; i--) {
        if (strcmp(truth->changes[i - 1].key, key) == 0) {
            return truth->changes[i - 1].value;
        }
    }
    return 0;
}

static void ask_past(struct sim *sim, const struct sim_watcher *w)
{
    struct test_random *r = &sim->random;
    const struct sim_node *n = &sim->nodes[w->node];
    char key[SIM_KEY_SIZE];
    ask_key_text(sim->use.window * SIM_KEYS + random_below(r, SIM_KEYS), key);
    struct machine_status status;
    machine_status(core_machine(n->core), &status);
    uint64_t back = random_below(r, 40);
    uint64_t revision = status.revision > back ? status.revision - back : 1;
    struct kv_pair pair;
    int code = machine_get_at(core_machine(n->core), kv_text(key), revision, &pair);
    uint64_t value = code == 0 ? truth_hash(pair.value) : 0;
    bool may_be_gone = revision + 1 < watch_hub_oldest(n->hub);
    bool refused = (code == ERR_COMPACTED && may_be_gone) ||
                   (code == ERR_INVALID && revision > status.revision);
    if (!refused && ((code != 0 && code != ERR_NOT_FOUND) ||
                     value != value_at(&sim->use.truth, key, revision))) {
        sim_violation(sim, "n%u, asked for %s at %u, answers something else (code %d)",
                      (unsigned)n->id, key, (unsigned)revision, code);
    }
    sim->counts.past_reads += refused ? 0 : 1;
}

/* --- acting --- */

void watchers_act(struct sim *sim, uint32_t watcher)
{
    struct sim_watcher *w = &sim->use.watchers[watcher];
    struct test_random *r = &sim->random;
    if (!lives(sim, w) || random_chance(r, 0.05)) {
        uint32_t node = (uint32_t)random_below(r, sim->nodes_count);
        if (lives(sim, w)) {
            watch_close(w->watch);
        }
        w->watch = NULL;
        if (random_chance(r, 0.2)) {
            draw(sim, w);
        }
        if (sim->nodes[node].core != NULL) {
            open_on(sim, w, node);
        }
    }
    if (lives(sim, w) && !sim->nodes[w->node].paused) {
        fetch(sim, w);
        ask_past(sim, w);
    }
    sim_schedule(sim, sim->now_ns + (uint64_t)(random_exp(r, w->pause_ms) * 1e6), EVENT_WATCH,
                 watcher);
}

void watchers_draw(struct sim *sim)
{
    for (uint32_t i = 0; i < SIM_WATCHERS; i++) {
        draw(sim, &sim->use.watchers[i]);
        sim_schedule(sim, random_below(&sim->random, 3000) * NS_MS, EVENT_WATCH, i);
    }
}
