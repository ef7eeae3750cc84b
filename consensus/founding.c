/* consensus/founding.c - the rows as a stage, then one batch that makes them the state of a cluster
 * of one. */
#include "consensus/founding.h"

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/must.h"
#include "consensus/core_row.h"
#include "consensus/engine.h"

#define SLICE_BYTES (STORE_BATCH_BYTES_MAX / 4)

struct writing {
    founding_write_cb write;
    void *ctx;
    struct store_batch *open;
    uint64_t sequence;
    struct err *err;
    int code;
};

static void begin(struct writing *w, enum store_stage stage)
{
    w->sequence++;
    w->open = store_batch_create(w->sequence);
    w->open->stage = stage;
}

static void hand_over(struct writing *w)
{
    struct store_batch *batch = TAKE(w->open);
    w->code = w->write(w->ctx, batch, w->err);
}

/* The stage takes what comes later for what holds: a row that has changed comes twice. */
static void add_row(void *ctx, const struct store_row *row)
{
    struct writing *w = ctx;
    if (w->code != 0) {
        return;
    }
    store_batch_add_row(w->open, row);
    if (w->open->bytes >= SLICE_BYTES) {
        hand_over(w);
        begin(w, STAGE_ROWS);
    }
}

static void add_state(struct writing *w, const struct founding_state *state)
{
    const struct store_batch *content = state->image->content;
    struct store_row row;
    size_t at = 0;
    while (w->code == 0 && content != NULL && store_batch_next_row(content, &at, &row)) {
        if (machine_owns_row(row.key, row.key_size)) {
            add_row(w, &row);
        }
    }
    (void)machine_flush(state->machine, add_row, w);
}

/* The batch that counts. */
static void add_cluster(struct writing *w, const struct founding *f, uint64_t index)
{
    char text[MEMBER_TEXT_SIZE];
    struct members members = {
        .count = 1,
        .at = {{.id = f->me.id, .role = MEMBER_VOTER, .info = member_info_encode(&f->me, text)}}};
    CLEANUP(buf_close) struct buf conf = {0};
    members_encode(&members, &conf);
    uint64_t term = f->term + 1;
    struct core_row row = {
        .term = term, .conf_index = index, .conf = conf.bytes, .conf_size = conf.size};
    begin(w, STAGE_COMMIT);
    w->open->has_identity = true;
    w->open->identity.node_id = f->me.id;
    memcpy(w->open->identity.cluster_id, f->cluster_id, CLUSTER_ID_SIZE);
    w->open->has_hard = true;
    w->open->hard = (struct store_hard){.term = term};
    store_batch_set_snapshot(w->open, index, term, index, conf.bytes, conf.size);
    w->open->applied_index = index;
    core_row_add(w->open, &row);
}

int founding_write(const struct founding *f, const struct founding_state *state,
                   founding_write_cb write, void *ctx, struct err *err)
{
    MUST(f->me.id != 0);
    struct writing w = {.write = write, .ctx = ctx, .err = err};
    uint64_t index = f->index + FOUNDING_LEAP;
    machine_leap(state->machine, index, FOUNDING_LEAP);
    begin(&w, STAGE_BEGIN);
    add_state(&w, state);
    if (w.code == 0) {
        hand_over(&w);
    }
    if (w.code == 0) {
        add_cluster(&w, f, index);
        hand_over(&w);
    }
    store_batch_destroy(w.open);
    return w.code;
}
