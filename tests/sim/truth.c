/* tests/sim/truth.c - what the committed log does to the store, change by change.
 *
 * A machine of its own applies each entry once, when the first node knows it to be committed. It
 * never crashes, never gets a snapshot and never falls behind, so its watcher needs nothing of what
 * makes watching hard. Whatever the nodes' watchers and clients are told must agree with it. */
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "proto/kv_codec.h"
#include "proto/kv_peek.h"
#include "tests/sim/sim.h"

void truth_open(struct sim *sim)
{
    struct sim_truth *truth = &sim->use.truth;
    truth->hub = watch_hub_create(1, 1);
    truth->machine = machine_create(&(struct machine_options){.hub = truth->hub});
    struct watch_options all = {
        .span = {.kind = KV_SPAN_PREFIX}, .from_revision = 1, .want_previous = true};
    truth->watch = watch_open(truth->hub, &all);
}

/* Never 0, which stands for absence. */
uint64_t truth_hash(struct kv_slice value)
{
    const unsigned char *bytes = value.bytes;
    if (value.size > VALUE_ROOM) {
        struct hash128 wide = hash128_start(value.size);
        hash128_bytes(&wide, value.bytes, value.size);
        return hash128_finish(&wide).low | 1;
    }
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < value.size; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash | 1;
}

/* A request that is sent again must not be applied again: our values come once. */
static void note_written(struct sim *sim, const struct watch_event *event)
{
    struct sim_truth *truth = &sim->use.truth;
    const char *key = event->pair.key.bytes;
    if (event->is_delete || key[0] != 'k') {
        return;
    }
    uint64_t value = value_number(sim, event->pair.value);
    if (value >= truth->written_room) {
        size_t room = 2 * value + 64;
        truth->written = mem_grow(truth->written, room, sizeof(uint64_t));
        memset(truth->written + truth->written_room, 0,
               (room - truth->written_room) * sizeof(uint64_t));
        truth->written_room = room;
    }
    if (truth->written[value] != 0) {
        sim_violation(sim, "applied twice: v%u, at revisions %u and %u", (unsigned)value,
                      (unsigned)truth->written[value], (unsigned)event->revision);
    }
    truth->written[value] = event->revision;
}

/* What the numbers of the key are now, counted from its changes. */
static void number(const struct sim_truth *truth, struct sim_change *change,
                   const struct watch_event *event)
{
    if (change->value == 0) {
        return;
    }
    change->created = change->revision;
    change->version = 1;
    change->lease = event->pair.lease;
    for (size_t i = truth->count - 1; i > 0 && change->before != 0; i--) {
        const struct sim_change *earlier = &truth->changes[i - 1];
        if (strcmp(earlier->key, change->key) == 0) {
            change->created = earlier->created;
            change->version = earlier->version + 1;
            return;
        }
    }
}

static void add(struct sim *sim, const struct watch_event *event)
{
    struct sim_truth *truth = &sim->use.truth;
    if (truth->count == truth->room) {
        truth->room = truth->room > 0 ? 2 * truth->room : 1024;
        truth->changes = mem_grow(truth->changes, truth->room, sizeof(*truth->changes));
    }
    struct sim_change *change = &truth->changes[truth->count];
    truth->count++;
    *change = (struct sim_change){.revision = event->revision};
    MUST(event->pair.key.size < SIM_KEY_SIZE);
    memcpy(change->key, event->pair.key.bytes, event->pair.key.size);
    change->value = event->is_delete ? 0 : truth_hash(event->pair.value);
    change->before = event->has_previous ? truth_hash(event->previous.value) : 0;
    number(truth, change, event);
    burden_event(sim, event);
    note_written(sim, event);
}

static void add_membership(struct sim_truth *truth, const struct store_entry *entry)
{
    if (truth->memberships_count == truth->memberships_room) {
        truth->memberships_room = 2 * truth->memberships_room + 16;
        truth->memberships =
            mem_grow(truth->memberships, truth->memberships_room, sizeof(*truth->memberships));
    }
    truth->memberships[truth->memberships_count] = (struct sim_membership){
        .index = entry->index, .at = truth->members.size, .size = entry->size};
    truth->memberships_count++;
    buf_append(&truth->members, entry->data, entry->size);
}

/* The entry is about the end of a lease. */
static bool ended_lease(const struct store_entry *entry, struct kv_lease_end *ret_end)
{
    if (!kv_peek(entry->data, entry->size).ends_lease) {
        return false;
    }
    struct kv_decoder decoder = {0};
    struct kv_command command;
    bool sound = kv_command_decode(&decoder, entry->data, entry->size, &command, NULL) == 0;
    *ret_end = sound ? command.lease_end : *ret_end;
    kv_decoder_close(&decoder);
    return sound;
}

/* Keys go with their lease: a delete that nobody has asked for, and that surely happened. */
static void note_gone(struct sim *sim, const struct watch_batch *batch)
{
    struct history_op op = {.client = SIM_CLIENTS + 1,
                            .returned = HISTORY_NEVER,
                            .kind = HISTORY_DELETE,
                            .changed = true};
    sim->use.moments++;
    sim->use.txns++;
    op.invoked = sim->use.moments;
    op.txn = sim->use.txns;
    for (size_t i = 0; i < batch->count; i++) {
        const struct watch_event *event = &batch->events[i];
        uint64_t window = 0;
        uint64_t slot = 0;
        char key[SIM_KEY_SIZE] = "";
        memcpy(key, event->pair.key.bytes, event->pair.key.size);
        if (!ask_key_read(key, &window, &slot)) {
            continue;
        }
        op.key = window * SIM_KEYS + slot;
        op.revision = event->revision;
        op.found = value_number(sim, event->previous.value);
        op.found_revision = event->previous.mod_revision;
        history_note(&sim->use.history, &op);
        sim->counts.leased_deletes++;
    }
}

static void take_in(struct sim *sim, const struct store_entry *entry)
{
    struct sim_truth *truth = &sim->use.truth;
    truth->index = entry->index;
    if (entry->type == ENTRY_CHANGE) {
        add_membership(truth, entry);
    }
    if (entry->type != ENTRY_COMMAND) {
        return;
    }
    const struct kv_result *result = NULL;
    struct err err = {0};
    struct kv_lease_end end = {0};
    bool ends_lease = ended_lease(entry, &end);
    if (machine_apply(truth->machine, entry->index, entry->data, entry->size, &result, &err) != 0) {
        sim_violation(sim, "the entry at %u: %s", (unsigned)entry->index, err.msg);
        return;
    }
    truth->revision = result->revision > truth->revision ? result->revision : truth->revision;
    if (ends_lease && end.kind == KV_LEASE_EXPIRE && result->code == 0) {
        left_expired(sim, entry->term, end.id, end.generation);
    }
    sim->counts.retries_replayed += result->replayed ? 1 : 0;
    struct watch_batch batch;
    if (watch_pull(truth->watch, SIZE_MAX, &batch) == WATCH_EVENTS) {
        for (size_t i = 0; i < batch.count; i++) {
            add(sim, &batch.events[i]);
        }
        if (ends_lease) {
            note_gone(sim, &batch);
        }
    }
    burden_applied(sim, entry, result);
}

void truth_follow(struct sim *sim, const struct sim_node *n)
{
    struct sim_truth *truth = &sim->use.truth;
    const struct engine *e = core_engine(n->core);
    if (truth->index + 1 < engine_first(e)) {
        return; /* it has that from a snapshot, so another one has it from the log */
    }
    struct store_entry entry;
    while (engine_next_committed(e, truth->index, &entry) != NULL) {
        take_in(sim, &entry);
    }
}

void truth_check_snapshot(struct sim *sim, const struct sim_node *n,
                          const struct peer_snapshot *snapshot)
{
    const struct sim_truth *truth = &sim->use.truth;
    size_t at = truth->memberships_count;
    while (at > 0 && truth->memberships[at - 1].index > snapshot->index) {
        at--;
    }
    if (snapshot->index > truth->index || at == 0) {
        sim_violation(sim, "n%u has a snapshot of %u, and only %u entries are committed",
                      (unsigned)n->id, (unsigned)snapshot->index, (unsigned)truth->index);
        return;
    }
    const struct sim_membership *m = &truth->memberships[at - 1];
    if (snapshot->conf_index != m->index || snapshot->conf_size != m->size ||
        memcmp(snapshot->conf, truth->members.bytes + m->at, m->size) != 0) {
        sim_violation(sim, "n%u has a snapshot of %u with another membership than that of %u",
                      (unsigned)n->id, (unsigned)snapshot->index, (unsigned)m->index);
    }
    if (snapshot->term != sim->chosen[snapshot->index].term) {
        sim_violation(sim, "n%u has a snapshot of %u with term %u, not %u", (unsigned)n->id,
                      (unsigned)snapshot->index, (unsigned)snapshot->term,
                      (unsigned)sim->chosen[snapshot->index].term);
    }
}

size_t truth_find(const struct sim_truth *truth, uint64_t revision)
{
    size_t low = 0;
    size_t high = truth->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (truth->changes[middle].revision < revision) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

void truth_check_pair(struct sim *sim, const struct kv_pair *pair)
{
    const struct sim_truth *truth = &sim->use.truth;
    for (size_t i = truth_find(truth, pair->mod_revision);
         i < truth->count && truth->changes[i].revision == pair->mod_revision; i++) {
        const struct sim_change *change = &truth->changes[i];
        if (!kv_slice_equal(pair->key, kv_text(change->key))) {
            continue;
        }
        if (change->value != truth_hash(pair->value) || change->version != pair->version ||
            change->created != pair->create_revision || change->lease != pair->lease) {
            sim_violation(sim, "%s of revision %u is shown with version %u of %u, lease %u of %u",
                          change->key, (unsigned)change->revision, (unsigned)pair->version,
                          (unsigned)change->version, (unsigned)pair->lease,
                          (unsigned)change->lease);
        }
        return;
    }
    sim_violation(sim, "a pair of revision %u is shown, at which nobody wrote it",
                  (unsigned)pair->mod_revision);
}

/* --- at the end --- */

static bool is_true(struct sim *sim, const struct history_op *op)
{
    const struct sim_truth *truth = &sim->use.truth;
    char key[SIM_KEY_SIZE];
    char room[VALUE_ROOM];
    ask_key_text(op->key, key);
    uint64_t left =
        op->kind == HISTORY_DELETE ? 0 : truth_hash(value_text(sim, op->argument, room));
    for (size_t i = truth_find(truth, op->revision);
         i < truth->count && truth->changes[i].revision == op->revision; i++) {
        if (strcmp(truth->changes[i].key, key) == 0) {
            return truth->changes[i].value == left;
        }
    }
    return false;
}

void truth_check_end(struct sim *sim)
{
    const struct sim_truth *truth = &sim->use.truth;
    if (truth->index < sim->acked) {
        sim_violation(sim, "entry %u was acknowledged, and only %u were committed",
                      (unsigned)sim->acked, (unsigned)truth->index);
    }
    for (size_t i = 0; i < sim->use.history.count; i++) {
        const struct history_op *op = &sim->use.history.ops[i];
        if (op->status == HISTORY_OK && history_changes(op) && !is_true(sim, op)) {
            sim_violation(sim, "v%u was acknowledged at revision %u, and is not there",
                          (unsigned)op->argument, (unsigned)op->revision);
        }
    }
}

void truth_close(struct sim *sim)
{
    struct sim_truth *truth = &sim->use.truth;
    machine_destroy(truth->machine);
    watch_hub_destroy(truth->hub);
    mem_free(truth->changes);
    mem_free(truth->memberships);
    buf_close(&truth->members);
    mem_free(truth->written);
}
