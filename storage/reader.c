/* storage/reader.c - a read transaction with a walk over the rows, and the rules that end it. */
#include "storage/reader.h"

#include <string.h>

#include "base/must.h"
#include "storage/log.h"
#include "storage/space.h"

static struct reader *find(struct readers *readers, uint64_t id)
{
    for (size_t i = 0; i < STORE_READERS_MAX; i++) {
        if (readers->places[i].id == id) {
            return &readers->places[i];
        }
    }
    return NULL;
}

static void note_oldest(const struct readers *readers, struct env *env)
{
    env->oldest_reader = UINT64_MAX;
    for (size_t i = 0; i < STORE_READERS_MAX; i++) {
        const struct reader *reader = &readers->places[i];
        if (reader->txn != NULL && mdb_txn_id(reader->txn) < env->oldest_reader) {
            env->oldest_reader = mdb_txn_id(reader->txn);
        }
    }
}

/* Let go of the file; the place stays taken until its owner closes it. */
static void cut(struct readers *readers, struct env *env, struct reader *reader, int status)
{
    change_close(&reader->change);
    state_walk_close(&reader->walk);
    env_abortp(&reader->txn);
    reader->has_ahead = false;
    reader->cut_status = status;
    note_oldest(readers, env);
}

static int reader_begin(struct reader *reader, struct env *env, struct store_event *event)
{
    int r = env_begin(env, false, &reader->txn, &event->err);
    if (r == 0) {
        r = change_open(&reader->change, env, reader->txn, &event->err);
    }
    struct table *meta = &reader->change.tables[TABLE_META];
    if (r == 0) {
        r = ledger_read(&reader->ledger, meta, &event->err);
    }
    if (r == 0) {
        r = ledger_read_conf(&reader->ledger, meta, &event->snapshot.conf, &event->err);
    }
    const struct ledger *ledger = &reader->ledger;
    if (r == 0) {
        r = log_term(ledger, &reader->change.tables[TABLE_LOG], ledger->applied_index,
                     &reader->applied_term, &event->err);
    }
    if (r != 0) {
        return r;
    }
    event->applied_index = ledger->applied_index;
    event->applied_term = reader->applied_term;
    event->snapshot.index = ledger->snapshot_index;
    event->snapshot.term = ledger->snapshot_term;
    event->snapshot.conf_index = ledger->snapshot_conf_index;
    event->state_bytes = ledger->state.bytes;
    state_walk_init(&reader->walk, &ledger->state, &reader->change.tables[TABLE_STATE]);
    return 0;
}

void readers_open(struct readers *readers, struct env *env, uint64_t id, uint64_t deadline_ns,
                  struct store_event *event)
{
    struct reader *reader = find(readers, 0);
    if (reader == NULL) {
        event->status = err_set(&event->err, ERR_BUSY, "%d readers are open", STORE_READERS_MAX);
        return;
    }
    memset(reader, 0, sizeof(*reader));
    reader->id = id;
    reader->deadline_ns = deadline_ns;
    event->status = reader_begin(reader, env, event);
    if (event->status != 0) {
        cut(readers, env, reader, event->status);
        return;
    }
    note_oldest(readers, env);
}

/* The row that did not fit last time, or the next one. */
static int next_row(struct reader *reader, struct err *err)
{
    if (reader->has_ahead) {
        return 0;
    }
    int r = state_walk_next(&reader->walk, &reader->ahead, err);
    reader->has_ahead = r == 0;
    return r;
}

void readers_next(struct readers *readers, uint64_t id, size_t bytes_max, struct store_event *event)
{
    struct reader *reader = find(readers, id);
    if (reader == NULL || reader->txn == NULL) {
        int status = reader != NULL && reader->cut_status != 0 ? reader->cut_status : ERR_EXPIRED;
        event->status = err_set(&event->err, status, "the reader was cut: it held too much back");
        return;
    }
    event->rows = store_batch_create(0);
    int r = 0;
    while ((r = next_row(reader, &event->err)) == 0) {
        size_t size = reader->ahead.key_size + reader->ahead.value_size;
        if (event->rows->row_count > 0 && event->rows->bytes + size > bytes_max) {
            break;
        }
        store_batch_add_row(event->rows, &reader->ahead);
        reader->has_ahead = false;
    }
    event->is_last = r == ERR_NOT_FOUND;
    event->status = event->is_last ? 0 : r;
    event->applied_index = reader->ledger.applied_index;
    event->applied_term = reader->applied_term;
    event->state_bytes = reader->ledger.state.bytes;
}

void readers_close(struct readers *readers, struct env *env, uint64_t id)
{
    struct reader *reader = find(readers, id);
    if (reader != NULL) {
        cut(readers, env, reader, 0);
        reader->id = 0;
    }
}

void readers_close_all(struct readers *readers, struct env *env)
{
    for (size_t i = 0; i < STORE_READERS_MAX; i++) {
        if (readers->places[i].id != 0) {
            readers_close(readers, env, readers->places[i].id);
        }
    }
}

int readers_after_commit(struct readers *readers, struct env *env, uint64_t transaction,
                         struct err *err)
{
    if (env->oldest_reader == UINT64_MAX) {
        return 0;
    }
    uint64_t freed = 0;
    int r = space_count_free(env, transaction, transaction, &freed, err);
    for (size_t i = 0; r == 0 && i < STORE_READERS_MAX; i++) {
        struct reader *reader = &readers->places[i];
        if (reader->txn == NULL) {
            continue;
        }
        reader->pinned_pages += freed;
        uint64_t most = 2 * reader->ledger.state.bytes;
        if (most < STORE_READER_PIN_BYTES_MIN) {
            most = STORE_READER_PIN_BYTES_MIN;
        }
        if (reader->pinned_pages * env->page_size > most) {
            cut(readers, env, reader, ERR_EXPIRED);
        }
    }
    return r;
}

uint64_t readers_cut_old(struct readers *readers, struct env *env, uint64_t now_ns)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < STORE_READERS_MAX; i++) {
        struct reader *reader = &readers->places[i];
        if (reader->txn != NULL && reader->deadline_ns <= now_ns) {
            cut(readers, env, reader, ERR_EXPIRED);
        } else if (reader->txn != NULL && reader->deadline_ns < next) {
            next = reader->deadline_ns;
        }
    }
    return next;
}
