/* storage/apply.c - a batch becomes changes of the ledger and the tables. */
#include "storage/apply.h"

#include "base/must.h"
#include "storage/log.h"
#include "storage/state.h"

#define PIECES_BETWEEN_LOOKS_AT_THE_CLOCK 32

int change_open(struct change *change, const struct env *env, MDB_txn *txn, struct err *err)
{
    *change = (struct change){.txn = txn};
    for (enum env_table which = 0; which < TABLE_COUNT; which++) {
        int r = env_table(env, txn, which, &change->tables[which], err);
        if (r != 0) {
            change_close(change);
            return r;
        }
    }
    return 0;
}

void change_close(struct change *change)
{
    for (enum env_table which = 0; which < TABLE_COUNT; which++) {
        table_close(&change->tables[which]);
    }
}

static int apply_snapshot(struct change *change, struct ledger *ledger,
                          const struct store_snapshot *snapshot, struct err *err)
{
    MUST(snapshot->index > 0);
    MUST(snapshot->index >= ledger->snapshot_index);
    ledger->snapshot_index = snapshot->index;
    ledger->snapshot_term = snapshot->term;
    ledger->snapshot_conf_index = snapshot->conf_index;
    return ledger_write_conf(ledger, &change->tables[TABLE_META], &snapshot->conf, err);
}

/* What the stage is told before its rows come, and the snapshot it may come with. */
static int apply_stage(struct change *change, struct ledger *ledger,
                       const struct store_batch *batch, struct err *err)
{
    if (batch->stage == STAGE_BEGIN) {
        state_stage_begin(ledger);
    } else if (batch->stage == STAGE_DROP) {
        state_stage_drop(ledger);
    } else if (batch->stage == STAGE_COMMIT) {
        MUST(batch->has_snapshot);
        state_stage_commit(ledger);
    }
    if (batch->has_snapshot) {
        int r = apply_snapshot(change, ledger, &batch->snapshot, err);
        if (r != 0) {
            return r;
        }
    }
    if (batch->stage == STAGE_COMMIT) {
        log_restart(ledger);
        ledger->applied_index = ledger->snapshot_index;
    }
    return 0;
}

static int apply_entries(struct change *change, struct ledger *ledger,
                         const struct store_batch *batch, struct err *err)
{
    size_t at = 0;
    struct store_entry entry;
    while (store_batch_next_entry(batch, &at, &entry)) {
        int r = log_append(ledger, &change->tables[TABLE_LOG], &entry, err);
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

static int apply_rows(struct change *change, struct ledger *ledger, const struct store_batch *batch,
                      struct err *err)
{
    bool to_stage = batch->stage == STAGE_BEGIN || batch->stage == STAGE_ROWS;
    MUST(!to_stage || ledger->staging); /* a stage does not outlive a restart */
    MUST(batch->stage != STAGE_DROP || batch->row_count == 0);
    size_t at = 0;
    struct store_row row;
    while (store_batch_next_row(batch, &at, &row)) {
        int r = state_set(to_stage ? &ledger->stage : &ledger->state, &change->tables[TABLE_STATE],
                          &row, err);
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

int apply_batch(struct change *change, struct ledger *ledger, const struct store_batch *batch,
                struct err *err)
{
    if (store_batch_is_empty(batch)) {
        return 0;
    }
    struct table *log = &change->tables[TABLE_LOG];
    int r = 0;
    if (batch->has_identity) {
        ledger->identity = batch->identity;
    }
    if (batch->has_hard) {
        MUST(batch->hard.term >= ledger->hard.term);
        ledger->hard = batch->hard;
    }
    if (batch->truncate_from != 0) {
        r = log_truncate(ledger, log, batch->truncate_from, err);
    }
    if (r == 0) {
        r = apply_stage(change, ledger, batch, err);
    }
    if (r == 0 && batch->trim_below != 0) {
        r = log_trim(ledger, log, batch->trim_below, err);
    }
    if (r == 0 && batch->applied_index != 0) {
        MUST(batch->applied_index >= ledger->applied_index);
        ledger->applied_index = batch->applied_index;
    }
    if (r == 0) {
        r = apply_entries(change, ledger, batch, err);
    }
    if (r == 0) {
        r = apply_rows(change, ledger, batch, err);
    }
    ledger->batch_counter++;
    return r;
}

bool ledger_has_garbage(const struct ledger *ledger)
{
    return ledger->log_low < ledger->log.first || ledger->log_high > ledger->log.last ||
           ledger->state_garbage;
}

struct sweep {
    struct ledger *ledger;
    struct table *table;
    size_t pieces_left;
    bool (*is_over)(void *ctx);
    void *ctx;
};

static bool sweep_may_go_on(struct sweep *sweep)
{
    if (sweep->pieces_left == 0) {
        return false;
    }
    sweep->pieces_left--;
    return sweep->pieces_left % PIECES_BETWEEN_LOOKS_AT_THE_CLOCK != 0 ||
           !sweep->is_over(sweep->ctx);
}

/* Entries before the window, or, from the end, after it. */
static int sweep_log(struct sweep *sweep, enum piece_at from, struct err *err)
{
    struct ledger *ledger = sweep->ledger;
    bool is_low = from == PIECE_FIRST;
    while (is_low ? ledger->log_low < ledger->log.first : ledger->log_high > ledger->log.last) {
        if (!sweep_may_go_on(sweep)) {
            return 0;
        }
        struct record_key key;
        int r = piece_find(sweep->table, from, &key, err);
        if (r != 0 && r != ERR_NOT_FOUND) {
            return r;
        }
        uint64_t index = log_key_index(&key);
        if (is_low && (r == ERR_NOT_FOUND || index >= ledger->log.first)) {
            ledger->log_low = ledger->log.first;
            return 0;
        }
        if (!is_low && (r == ERR_NOT_FOUND || index <= ledger->log.last)) {
            ledger->log_high = ledger->log.last;
            return 0;
        }
        r = piece_delete(sweep->table, err);
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

/* Generations that are neither the current one nor the stage. */
static int sweep_state(struct sweep *sweep, struct err *err)
{
    const struct ledger *ledger = sweep->ledger;
    uint32_t generation = 1;
    while (sweep->ledger->state_garbage) {
        if (!sweep_may_go_on(sweep)) {
            return 0;
        }
        struct record_key key = state_key_start(generation);
        int r = piece_find(sweep->table, PIECE_AT_OR_AFTER, &key, err);
        if (r == ERR_NOT_FOUND) {
            sweep->ledger->state_garbage = false;
            return 0;
        }
        if (r != 0) {
            return r;
        }
        generation = state_key_generation(&key);
        if (generation == ledger->state.generation ||
            (ledger->staging && generation == ledger->stage.generation)) {
            generation++;
            continue;
        }
        r = piece_delete(sweep->table, err);
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

int apply_garbage(struct change *change, struct ledger *ledger, size_t pieces_max,
                  bool (*is_over)(void *ctx), void *ctx, struct err *err)
{
    struct sweep sweep = {
        .ledger = ledger,
        .table = &change->tables[TABLE_LOG],
        .pieces_left = pieces_max,
        .is_over = is_over,
        .ctx = ctx,
    };
    int r = sweep_log(&sweep, PIECE_FIRST, err);
    if (r == 0) {
        r = sweep_log(&sweep, PIECE_LAST, err);
    }
    sweep.table = &change->tables[TABLE_STATE];
    return r == 0 ? sweep_state(&sweep, err) : r;
}
