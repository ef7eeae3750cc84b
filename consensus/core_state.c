/* consensus/core_state.c - from committed entries to the state, and from the state to the disk.
 *
 * The state table on disk trails the log: rows that changed go into a batch that is written anyway,
 * a few times a second, together with the index they stand for, or into one of their own after
 * flush_after_ms. So
 * the table always is the state at one index: a snapshot is a read of it, and a restart replays
 * what the log holds beyond it. One row is the core's own: which term and which membership belong
 * to that index. */
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/core_internal.h"
#include "consensus/core_row.h"

/* While a snapshot is on its way the log may grow to this many times its usual size. */
#define SHIP_LOG_FACTOR 8

/* Rows ride along when this part of their longest wait has passed, or of the bytes that are written
 * at once has gathered. A key that changes again meanwhile is written once, and most commits of a
 * few entries touch the pages of the log alone. */
#define RIDE_PART 8

/* Keys of a replaced state that are freed in a turn: a fraction of a millisecond. */
#define RETIRE_RECORDS 2000

/* A row whose key begins with a NUL is this node's own: no state of the machine, and not for
 * others. Beside the core's there may be a promise (form_record.h), which says nothing any more to
 * a node that has a core. */
bool core_state_row_is_ours(const struct store_row *row, struct core_applied *out)
{
    if (*(const char *)row->key != '\0') {
        return false;
    }
    struct core_row ours;
    if (core_row_read(row, &ours)) {
        out->term = ours.term;
        out->conf_index = ours.conf_index;
        buf_clear(&out->conf);
        buf_append(&out->conf, ours.conf, ours.conf_size);
    }
    return true;
}

static void emit(void *ctx, const struct store_row *row)
{
    store_batch_add_row(ctx, row);
}

static void add_our_row(struct store_batch *batch, uint64_t term, uint64_t conf_index,
                        const void *conf, size_t conf_size)
{
    struct core_row row = {
        .term = term, .conf_index = conf_index, .conf = conf, .conf_size = conf_size};
    core_row_add(batch, &row);
}

bool core_state_is_durable(const struct core *c, uint64_t index)
{
    bool all_is_there = c->dirty_since_ms == 0 && c->flushed == c->flushed_durable;
    return all_is_there || c->flushed_durable >= index;
}

static void flush(struct core *c)
{
    struct store_batch *batch = core_batch(c);
    (void)machine_flush(c->machine, emit, batch);
    if (c->flushed_term != c->applied.term || c->flushed_conf_index != c->applied.conf_index) {
        const struct core_applied *a = &c->applied;
        add_our_row(batch, a->term, a->conf_index, a->conf.bytes, a->conf.size);
        c->flushed_term = a->term;
        c->flushed_conf_index = a->conf_index;
    }
    core_hello_save(c, batch, false);
    batch->applied_index = c->applied.index;
    c->flushed = c->applied.index;
    c->flushed_sequence = batch->sequence;
    c->dirty_since_ms = 0;
}

/* An install replaces the state: until it is done nothing of the old one may be written or applied.
 */
static bool busy(const struct core *c)
{
    return c->install_sequence != 0;
}

/* A command of a newer version is applied by the others: to go on without it would be another state
 * (design I8). */
static void apply_command(struct core *c, const struct store_entry *entry)
{
    const struct kv_result *result = NULL;
    struct err err = {0};
    if (machine_apply(c->machine, entry->index, entry->data, entry->size, &result, &err) != 0) {
        core_fail(c, &err);
        return;
    }
    core_lease_applied(c, entry->index);
    core_propose_applied(c, entry->index, entry->term, result);
    machine_forget_result(c->machine);
}

static void apply_one(struct core *c, const struct store_entry *entry)
{
    c->applied.index = entry->index;
    c->applied.term = entry->term;
    if (entry->type == ENTRY_COMMAND) {
        apply_command(c, entry);
        return;
    }
    if (entry->type == ENTRY_CHANGE) {
        core_admit_membership(c, entry->data, entry->size);
        core_hello_membership(c, entry->data, entry->size);
        c->applied.conf_index = entry->index;
        buf_clear(&c->applied.conf);
        buf_append(&c->applied.conf, entry->data, entry->size);
    }
    core_propose_applied(c, entry->index, entry->term, NULL);
}

static void apply_committed(struct core *c)
{
    struct store_entry entry;
    while (!c->failed && !busy(c) &&
           engine_next_committed(c->engine, c->applied.index, &entry) != NULL) {
        apply_one(c, &entry);
        engine_applied(c->engine, c->now_ms, entry.index);
        if (c->dirty_since_ms == 0) {
            c->dirty_since_ms = c->now_ms > 0 ? c->now_ms : 1;
        }
        if (machine_dirty_bytes(c->machine) >= c->settings.flush_bytes && !c->disk.is_full) {
            flush(c);
            core_close_batch(c);
        }
    }
}

/* Cut the log behind the state table. */
static void compact(struct core *c)
{
    uint64_t first = engine_first(c->engine);
    uint64_t kept = engine_last(c->engine) + 1 - first;
    bool large = kept > c->settings.compact_entries ||
                 engine_bytes(c->engine) > c->settings.compact_bytes || c->disk.is_full;
    if (!large || c->flushed_durable == 0) {
        return;
    }
    uint64_t trailing = c->settings.trailing_entries;
    uint64_t needed = core_ship_needs_from(c);
    bool bounded = kept <= SHIP_LOG_FACTOR * c->settings.compact_entries &&
                   engine_bytes(c->engine) <= SHIP_LOG_FACTOR * c->settings.compact_bytes;
    if (bounded && needed < c->flushed_durable && c->flushed_durable - needed > trailing) {
        trailing = c->flushed_durable -
                   needed; /* or the member needs another one as soon as it has this */
    }
    uint64_t now_first = engine_compact(c->engine, c->now_ms, c->flushed_durable, trailing);
    if (now_first == first) {
        return;
    }
    uint64_t index = 0;
    uint64_t term = 0;
    engine_snapshot(c->engine, &index, &term);
    struct members members;
    struct buf conf = {0};
    uint64_t conf_index = engine_committed_members(c->engine, &members);
    members_encode(&members, &conf);
    struct store_batch *batch = core_batch(c);
    store_batch_set_snapshot(batch, index, term, conf_index, conf.bytes, conf.size);
    batch->trim_below = now_first;
    buf_close(&conf);
}

static bool is_worth_a_ride(const struct core *c)
{
    return c->now_ms - c->dirty_since_ms >= c->settings.flush_after_ms / RIDE_PART ||
           machine_dirty_bytes(c->machine) >= c->settings.flush_bytes / RIDE_PART;
}

void core_state_turn(struct core *c)
{
    if (c->retired != NULL && machine_destroy_some(c->retired, RETIRE_RECORDS)) {
        c->retired = NULL;
    }
    apply_committed(c);
    if (busy(c) || engine_installing(c->engine)) {
        return;
    }
    bool rides = c->open != NULL && !store_batch_is_empty(c->open) &&
                 c->open->stage == STAGE_NONE && !store_batch_is_essential(c->open);
    bool waited =
        c->dirty_since_ms != 0 && c->now_ms - c->dirty_since_ms >= c->settings.flush_after_ms;
    if (c->dirty_since_ms != 0 && ((rides && is_worth_a_ride(c)) || waited) && !c->disk.is_full) {
        if (!rides) {
            core_close_batch(c); /* what may use the reserve takes no rows along */
        }
        flush(c);
    }
    compact(c);
}

/* To free a large state at once would block the core for as long as one may be blocked. */
void core_state_retire(struct core *c, struct machine *machine)
{
    if (machine != NULL) {
        machine_destroy(c->retired); /* two at a time are rare */
        c->retired = machine;
    }
}

void core_state_durable(struct core *c)
{
    if (c->flushed_sequence != 0 && c->durable >= c->flushed_sequence) {
        c->flushed_durable = c->flushed;
    }
    if (c->install_sequence == 0 || c->durable < c->install_sequence) {
        return;
    }
    c->install_sequence = 0;
    struct machine *machine = core_ship_take_machine(c);
    struct err err = {0};
    if (machine_load_done(machine, &err) != 0) {
        machine_destroy(machine);
        core_fail(c, &err); /* what is on disk now is what the leader sent: this replica is lost */
        return;
    }
    core_state_retire(c, c->machine);
    c->machine = machine;
    c->applied.index = c->installing.index;
    c->applied.term = c->installing.term;
    c->applied.conf_index = c->installing.conf_index;
    buf_clear(&c->applied.conf);
    buf_append(&c->applied.conf, c->installing_conf.bytes, c->installing_conf.size);
    c->flushed = c->applied.index;
    c->flushed_durable = c->applied.index;
    c->flushed_term = c->applied.term;
    c->flushed_conf_index = c->applied.conf_index;
    c->dirty_since_ms = 0;
    core_propose_lost(c, ERR_LOST_LEADER);
    engine_applied(c->engine, c->now_ms, c->applied.index);
}

void core_state_install(struct core *c, const struct peer_snapshot *snapshot)
{
    core_hello_membership(c, snapshot->conf, snapshot->conf_size);
    struct store_batch *batch = core_batch(c);
    batch->stage = STAGE_COMMIT;
    batch->essential = true; /* small, and the rows of the old state make room */
    store_batch_set_snapshot(batch, snapshot->index, snapshot->term, snapshot->conf_index,
                             snapshot->conf, snapshot->conf_size);
    batch->applied_index = snapshot->index;
    add_our_row(batch, snapshot->term, snapshot->conf_index, snapshot->conf, snapshot->conf_size);
    core_hello_save(c, batch, true);
    core_start_save(c, batch);
    c->install_sequence = batch->sequence;
    c->installing = *snapshot;
    buf_clear(&c->installing_conf);
    buf_append(&c->installing_conf, snapshot->conf, snapshot->conf_size);
    c->installing.conf = NULL;
}

void core_state_load(struct core *c, const struct store_image *image)
{
    c->machine = machine_create(&c->settings.machine);
    struct store_row row;
    struct err err = {0};
    size_t at = 0;
    int code = 0;
    while (code == 0 && image->content != NULL && store_batch_next_row(image->content, &at, &row)) {
        if (core_hello_owns_row(&row)) {
            code = core_hello_load_row(c, &row, &err);
        } else if (core_start_owns_row(&row)) {
            code = core_start_load_row(c, &row, &err);
        } else if (!core_state_row_is_ours(&row, &c->applied)) {
            code = machine_load_row(c->machine, &row, &err);
        }
    }
    code = code == 0 ? machine_load_done(c->machine, &err) : code;
    if (code == 0 && c->applied.conf.size > 0) {
        struct members members;
        struct buf keep = {0};
        code = members_decode(c->applied.conf.bytes, c->applied.conf.size, &members, &keep, &err);
        buf_close(&keep);
    }
    if (code != 0) {
        core_fail(c, &err);
        return;
    }
    c->applied.index = image->applied_index;
    c->flushed = image->applied_index;
    c->flushed_durable = image->applied_index;
    c->flushed_term = c->applied.term;
    c->flushed_conf_index = c->applied.conf_index;
}

void core_state_close(struct core *c)
{
    machine_destroy(c->machine);
    machine_destroy(c->retired);
    buf_close(&c->applied.conf);
    buf_close(&c->installing_conf);
}
