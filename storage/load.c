/* storage/load.c - the first and the last word of a store at start. */
#include "storage/load.h"

#include <string.h>

#include "base/cleanup.h"
#include "storage/apply.h"
#include "storage/log.h"
#include "storage/state.h"

static int load_rows(const struct ledger *ledger, struct table *table, struct store_batch *content,
                     struct err *err)
{
    CLEANUP(state_walk_close) struct state_walk walk;
    state_walk_init(&walk, &ledger->state, table);
    struct store_row row;
    int r = 0;
    while ((r = state_walk_next(&walk, &row, err)) == 0) {
        store_batch_add_row(content, &row);
    }
    return r == ERR_NOT_FOUND ? 0 : r;
}

/* How far entries lie that do not count. */
static int find_log_edges(struct ledger *ledger, struct table *log, struct err *err)
{
    ledger->log_low = ledger->log.first;
    ledger->log_high = ledger->log.last;
    struct record_key key;
    int r = piece_find(log, PIECE_FIRST, &key, err);
    if (r == 0 && log_key_index(&key) < ledger->log_low) {
        ledger->log_low = log_key_index(&key);
    }
    if (r == 0) {
        r = piece_find(log, PIECE_LAST, &key, err);
    }
    if (r == 0 && log_key_index(&key) > ledger->log_high) {
        ledger->log_high = log_key_index(&key);
    }
    return r == ERR_NOT_FOUND ? 0 : r;
}

/* Are there rows of other generations than the current one? */
static int find_dead_rows(struct ledger *ledger, struct table *state, struct err *err)
{
    struct record_key key;
    int r = piece_find(state, PIECE_FIRST, &key, err);
    if (r == 0 && state_key_generation(&key) == ledger->state.generation) {
        key = state_key_start(ledger->state.generation + 1);
        r = piece_find(state, PIECE_AT_OR_AFTER, &key, err);
    }
    ledger->state_garbage = r == 0;
    return r == ERR_NOT_FOUND ? 0 : r;
}

static void fill(struct store_image *image, const struct ledger *ledger)
{
    image->identity = ledger->identity;
    image->hard = ledger->hard;
    image->batch_counter = ledger->batch_counter;
    image->snapshot.index = ledger->snapshot_index;
    image->snapshot.term = ledger->snapshot_term;
    image->snapshot.conf_index = ledger->snapshot_conf_index;
    image->applied_index = ledger->applied_index;
    image->log_first = ledger->log.first;
    image->log_last = ledger->log.last;
}

static int load_all(struct change *change, struct ledger *ledger, struct store_image *image,
                    struct err *err)
{
    int r = ledger_read(ledger, &change->tables[TABLE_META], err);
    if (r != 0) {
        return r;
    }
    fill(image, ledger);
    r = ledger_read_conf(ledger, &change->tables[TABLE_META], &image->snapshot.conf, err);
    if (r == 0) {
        r = log_load(ledger, &change->tables[TABLE_LOG], image->content, err);
    }
    if (r == 0) {
        r = load_rows(ledger, &change->tables[TABLE_STATE], image->content, err);
    }
    if (r == 0) {
        r = find_log_edges(ledger, &change->tables[TABLE_LOG], err);
    }
    return r == 0 ? find_dead_rows(ledger, &change->tables[TABLE_STATE], err) : r;
}

int store_load(struct env *env, struct ledger *ret_ledger, struct store_image *ret_image,
               struct err *err)
{
    CLEANUP(env_abortp) MDB_txn *txn = NULL;
    int r = env_begin(env, false, &txn, err);
    if (r != 0) {
        return r;
    }
    CLEANUP(change_close) struct change change;
    r = change_open(&change, env, txn, err);
    if (r != 0) {
        return r;
    }
    CLEANUP(store_image_close) struct store_image image = {.formatted = true};
    image.content = store_batch_create(0);
    r = load_all(&change, ret_ledger, &image, err);
    if (r != 0) {
        return r;
    }
    image.moved = origin_differs(&ret_ledger->origin, &env->origin, image.moved_text,
                                 sizeof(image.moved_text));
    *ret_image = image;
    memset(&image, 0, sizeof(image)); /* handed over */
    return 0;
}

int store_format(struct env *env, struct ledger *ret_ledger, struct store_image *ret_image,
                 struct err *err)
{
    CLEANUP(env_abortp) MDB_txn *txn = NULL;
    int r = env_begin(env, true, &txn, err);
    if (r != 0) {
        return r;
    }
    ledger_init(ret_ledger, &env->origin);
    struct table meta = {0};
    r = env_table(env, txn, TABLE_META, &meta, err);
    if (r == 0) {
        r = ledger_write(ret_ledger, &meta, err);
    }
    table_close(&meta);
    if (r == 0) {
        r = env_commit(TAKE(txn), err);
    }
    if (r == 0) {
        r = env_finish(env, err);
    }
    if (r == 0) {
        memset(ret_image, 0, sizeof(*ret_image));
        fill(ret_image, ret_ledger);
        ret_image->content = store_batch_create(0);
    }
    return r;
}
