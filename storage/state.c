/* storage/state.c - rows: put, delete, walk; the sum that tells whether all are there. */
#include "storage/state.h"

#include <string.h>

#include "base/must.h"
#include "storage/pack.h"

#define GENERATION_SIZE 4
#define LENGTH_SIZE 2
#define KEY_AT (GENERATION_SIZE + LENGTH_SIZE)
_Static_assert(KEY_AT + STORE_ROW_KEY_MAX <= RECORD_KEY_MAX, "every row's key fits");

/* The length comes before the key, so that no key is the beginning of another and the pieces of a
 * row stay together. */
static struct record_key state_key(uint32_t generation, const void *key, size_t key_size)
{
    MUST(key_size > 0);
    MUST(key_size <= STORE_ROW_KEY_MAX);
    struct record_key full = {.size = KEY_AT + key_size};
    pack_be(full.bytes, generation, GENERATION_SIZE);
    pack_be(full.bytes + GENERATION_SIZE, key_size, LENGTH_SIZE);
    memcpy(full.bytes + KEY_AT, key, key_size);
    return full;
}

uint32_t state_key_generation(const struct record_key *key)
{
    return key->size > KEY_AT ? (uint32_t)unpack_be(key->bytes, GENERATION_SIZE) : 0;
}

struct record_key state_key_start(uint32_t generation)
{
    struct record_key key = {.size = GENERATION_SIZE};
    pack_be(key.bytes, generation, GENERATION_SIZE);
    return key;
}

/* A row's part of the sum; of one row all versions have different parts. */
static uint64_t part_of(uint32_t crc)
{
    return mix64(crc);
}

int state_set(struct state_table *state, struct table *table, const struct store_row *row,
              struct err *err)
{
    struct record_key key = state_key(state->generation, row->key, row->key_size);
    struct record_change change = {.replaced = false};
    int r = 0;
    if (row->value == NULL) {
        r = record_delete(table, &key, &change, err);
    } else {
        struct record_value value = {.head = row->value, .head_size = row->value_size};
        r = record_put(table, &key, &value, &change, err);
        state->rows += r == 0 ? 1 : 0;
        state->bytes += r == 0 ? row->key_size + row->value_size : 0;
        state->sum += r == 0 ? part_of(change.crc) : 0;
    }
    if (r == 0 && change.replaced) {
        state->rows--;
        state->bytes -= row->key_size + change.old_size;
        state->sum -= part_of(change.old_crc);
    }
    return r;
}

void state_stage_begin(struct ledger *ledger)
{
    state_stage_drop(ledger);
    ledger->staging = true;
    ledger->stage = (struct state_table){.generation = ledger->next_generation};
    ledger->next_generation++;
    MUST(ledger->next_generation != 0);
}

void state_stage_drop(struct ledger *ledger)
{
    if (ledger->staging) {
        ledger->staging = false;
        ledger->state_garbage = true;
    }
}

void state_stage_commit(struct ledger *ledger)
{
    MUST(ledger->staging); /* a stage does not outlive a restart, and its owner knows */
    ledger->state = ledger->stage;
    ledger->staging = false;
    ledger->state_garbage = true;
}

void state_walk_init(struct state_walk *walk, const struct state_table *state, struct table *table)
{
    *walk = (struct state_walk){
        .expected = *state,
        .seen = {.generation = state->generation},
        .records = {.table = table, .prefix = GENERATION_SIZE},
    };
    walk->records.key = state_key_start(state->generation);
}

void state_walk_close(struct state_walk *walk)
{
    record_walk_close(&walk->records);
}

static int walk_end(const struct state_walk *walk, struct err *err)
{
    const struct state_table *want = &walk->expected;
    const struct state_table *seen = &walk->seen;
    if (seen->rows != want->rows || seen->bytes != want->bytes || seen->sum != want->sum) {
        return err_set(err, ERR_CORRUPT, "rows of the state are missing or of another time");
    }
    return ERR_NOT_FOUND;
}

int state_walk_next(struct state_walk *walk, struct store_row *row, struct err *err)
{
    int r = record_walk_next(&walk->records, err);
    if (r != 0) {
        return r == ERR_NOT_FOUND ? walk_end(walk, err) : r;
    }
    const struct record_key *key = &walk->records.key;
    const struct record *record = &walk->records.record;
    size_t key_size = key->size > KEY_AT ? key->size - KEY_AT : 0;
    if (key_size == 0 || key_size > STORE_ROW_KEY_MAX ||
        unpack_be(key->bytes + GENERATION_SIZE, LENGTH_SIZE) != key_size) {
        return err_set(err, ERR_CORRUPT, "a row of the state has a key that is none");
    }
    *row = (struct store_row){
        .key = key->bytes + KEY_AT,
        .key_size = key_size,
        .value = record->bytes,
        .value_size = record->size,
    };
    walk->seen.rows++;
    walk->seen.bytes += key_size + record->size;
    walk->seen.sum += part_of(record->crc);
    return 0;
}
