/* tests/storage/stream.c - appends, truncations, votes, rows, trims and snapshots at random. */
#include "tests/storage/stream.h"

#include <string.h>

#include "base/mem.h"
#include "storage/pack.h"
#include "tests/storage/lab.h"

void stream_init(struct stream *stream, uint64_t seed)
{
    *stream = (struct stream){.seed = mix64(seed), .first = 1, .term = 1, .keys = 24};
    if (lab_below(&stream->seed, 4) == 0) {
        stream->keys = 400;
    }
}

void stream_restart(struct stream *stream)
{
    stream->staging = false;
}

static size_t random_size(struct stream *s)
{
    switch (lab_below(&s->seed, 40)) {
        case 0:
            return 0;
        case 1:
        case 2:
        case 3: /* around the limits of one leaf and one page */
            return s->small ? 100 : 1900 + lab_below(&s->seed, 300);
        case 4:
        case 5:
            return s->small ? 500 : 4000 + lab_below(&s->seed, 200);
        case 6:
            return s->small ? 900 : lab_below(&s->seed, 30000);
        default:
            return lab_below(&s->seed, 200);
    }
}

static void fill(struct stream *s, char *bytes, size_t size)
{
    uint64_t start = lab_random(&s->seed);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)(start >> (i % 8 * 8)) ^ (char)(i / 8);
    }
}

static void add_entries(struct stream *s, struct store_batch *batch)
{
    for (uint64_t n = lab_below(&s->seed, 8); n > 0; n--) {
        size_t size = random_size(s);
        char *bytes = mem_alloc(size);
        fill(s, bytes, size);
        s->last++;
        store_batch_add_entry(
            batch,
            &(struct store_entry){s->last, s->term, (uint8_t)lab_below(&s->seed, 3), bytes, size});
        mem_free(bytes);
    }
}

static void add_rows(struct stream *s, struct store_batch *batch)
{
    for (uint64_t n = lab_below(&s->seed, 10); n > 0; n--) {
        uint64_t which = lab_below(&s->seed, s->keys);
        char key[STORE_ROW_KEY_MAX];
        memset(key, (int)(which % 3 == 0 ? 0 : which % 3 == 1 ? 0xff : which), sizeof(key));
        pack_be((uint8_t *)key, which, 2);
        size_t key_size = which % 17 == 0 ? STORE_ROW_KEY_MAX : 2 + which % 9;
        bool gone = lab_below(&s->seed, 4) == 0;
        size_t size = gone ? 0 : random_size(s);
        char *bytes = mem_alloc(size);
        fill(s, bytes, size);
        store_batch_add_row(batch, &(struct store_row){key, key_size, gone ? NULL : bytes, size});
        mem_free(bytes);
    }
}

/* An entry of the own log became part of the state. */
static void add_progress(struct stream *s, struct store_batch *batch)
{
    if (s->applied < s->last) {
        s->applied += 1 + lab_below(&s->seed, s->last - s->applied);
        batch->applied_index = s->applied;
        add_rows(s, batch);
    }
}

static void add_truncation(struct stream *s, struct store_batch *batch)
{
    uint64_t low = s->applied + 1 > s->first ? s->applied + 1 : s->first;
    if (low > s->last) {
        return;
    }
    batch->truncate_from = low + lab_below(&s->seed, s->last + 2 - low);
    if (batch->truncate_from <= s->last) {
        s->last = batch->truncate_from - 1;
    }
    s->term++;
}

static void set_snapshot(struct stream *s, struct store_batch *batch, uint64_t index)
{
    char conf[6000];
    size_t size = lab_below(&s->seed, 20) == 0 ? sizeof(conf) : 1 + lab_below(&s->seed, 90);
    fill(s, conf, size);
    store_batch_set_snapshot(batch, index, s->term, index - lab_below(&s->seed, index), conf, size);
    s->snapshot = index;
}

static void add_trim(struct stream *s, struct store_batch *batch)
{
    if (s->applied == 0 || s->applied < s->snapshot) {
        return;
    }
    if (lab_below(&s->seed, 2) == 0) {
        set_snapshot(s, batch, s->applied);
    }
    batch->trim_below = 1 + lab_below(&s->seed, s->applied + 1);
    if (batch->trim_below > s->first) {
        s->first = batch->trim_below;
    }
}

static void add_stage(struct stream *s, struct store_batch *batch)
{
    if (!s->staging || lab_below(&s->seed, 6) == 0) {
        batch->stage = STAGE_BEGIN;
        s->staging = true;
    } else if (lab_below(&s->seed, 3) == 0) {
        batch->stage = lab_below(&s->seed, 3) == 0 ? STAGE_DROP : STAGE_COMMIT;
        s->staging = false;
    } else {
        batch->stage = STAGE_ROWS;
    }
    if (batch->stage == STAGE_DROP) {
        return;
    }
    if (batch->stage == STAGE_COMMIT) {
        uint64_t from = s->applied > s->snapshot ? s->applied : s->snapshot;
        uint64_t index = from + 1 + lab_below(&s->seed, 12);
        set_snapshot(s, batch, index);
        s->first = index + 1;
        s->last = index;
        s->applied = index;
    }
    add_rows(s, batch);
}

struct store_batch *stream_next(struct stream *s)
{
    s->sequence += 1 + lab_below(&s->seed, 2);
    struct store_batch *batch = store_batch_create(s->sequence);
    uint64_t what = lab_below(&s->seed, 100);
    if (what < 5) {
        batch->has_identity = true;
        batch->identity.node_id = lab_random(&s->seed);
        batch->identity.incarnation = lab_below(&s->seed, 99);
        fill(s, (char *)batch->identity.cluster_id, CLUSTER_ID_SIZE);
    }
    if (what % 10 == 3) {
        s->term += lab_below(&s->seed, 3);
        batch->has_hard = true;
        batch->hard = (struct store_hard){s->term, lab_below(&s->seed, 5)};
    }
    if (what < 65) {
        if (what % 4 == 1) {
            add_truncation(s, batch);
        }
        if (what % 7 == 2) {
            add_trim(s, batch);
        }
        if (what % 2 == 0) {
            add_progress(s, batch); /* what was there before the new entries */
        }
        add_entries(s, batch);
    } else if (what < 95) {
        add_stage(s, batch);
    }
    batch->essential = what % 11 == 5;
    return batch; /* the rest is empty */
}
