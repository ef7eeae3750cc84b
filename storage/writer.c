/* storage/writer.c - group commit, and garbage in slices. */
#include "storage/writer.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/must.h"
#include "storage/apply.h"

/* E1: no transaction holds more work than this. */
#define GROUP_NS_MAX (10 * NS_PER_MS)
/* Of a slice of garbage; its commit comes on top, and both stay far below 20 ms. */
#define GARBAGE_NS_MAX (3 * NS_PER_MS)
#define GARBAGE_PIECES_MAX 2000
/* Garbage that goes along with a transaction that is made anyway. */
#define GARBAGE_ALONG_NS_MAX NS_PER_MS
#define GARBAGE_ALONG_PIECES_MAX 128
/* What a small batch needs. */
#define PROBE_PAGES 32

/* The ledger, the free list and the table of tables are in every transaction. */
struct group {
    struct writer *writer;
    MDB_txn *txn;
    struct change change;
    struct space space;
    struct ledger ledger; /* as it will be */
    uint64_t pages;       /* upper bound of what was allocated */
    uint64_t started_ns;
    bool has_room; /* for a batch without touching the reserve */
};

uint64_t writer_now_ns(void)
{
    return clock_ns(clock_system(), CLOCK_MONO);
}

static int group_begin(struct group *group, struct writer *writer, struct err *err)
{
    *group = (struct group){
        .writer = writer,
        .ledger = writer->ledger,
        .started_ns = writer_now_ns(),
    };
    int r = env_begin(&writer->env, true, &group->txn, err);
    if (r == 0) {
        r = change_open(&group->change, &writer->env, group->txn, err);
    }
    if (r == 0) {
        r = space_look(&group->space, &writer->env, group->txn, err);
    }
    if (r == 0) {
        group->pages = space_for_any(&group->space);
        writer->used_bytes = group->space.pages_used * writer->env.page_size;
    }
    return r;
}

/* Undo, unless it was committed. */
static void group_end(struct group *group)
{
    change_close(&group->change);
    env_abortp(&group->txn);
}

static int group_commit(struct group *group, struct err *err)
{
    struct writer *writer = group->writer;
    int r = ledger_write(&group->ledger, &group->change.tables[TABLE_META], err);
    if (r != 0) {
        return r;
    }
    change_close(&group->change);
    r = env_commit(TAKE(group->txn), err);
    if (r != 0) {
        return r;
    }
    writer->ledger = group->ledger;
    return readers_after_commit(&writer->readers, &writer->env, writer->ledger.transaction, err);
}

struct deadline {
    uint64_t at_ns;
};

static bool deadline_is_over(void *ctx)
{
    const struct deadline *deadline = ctx;
    return writer_now_ns() >= deadline->at_ns;
}

/* ERR_NO_SPACE: not even that fits. */
static int group_collect(struct group *group, size_t pieces_max, uint64_t ns_max, struct err *err)
{
    struct writer *writer = group->writer;
    uint64_t pages = space_for_garbage(&group->space, pieces_max);
    int r = space_ensure(&group->space, &writer->env, group->pages + pages, SPACE_GARBAGE,
                         &writer->limits, err);
    if (r != 0) {
        return r;
    }
    group->pages += pages;
    struct deadline deadline = {writer_now_ns() + ns_max};
    return apply_garbage(&group->change, &group->ledger, pieces_max, deadline_is_over, &deadline,
                         err);
}

/* Is @batch, or one that waits behind it, essential? Then it may not wait for space. */
static bool is_urgent(struct writer *writer, struct store_batch *batch)
{
    for (struct list *at = &batch->link; at != &writer->waiting; at = at->next) {
        if (store_batch_is_essential(CONTAINER_OF(at, struct store_batch, link))) {
            return true;
        }
    }
    return false;
}

static bool is_full(const struct group *group, size_t count, size_t bytes,
                    const struct store_batch *batch)
{
    if (count == 0) {
        return false;
    }
    return group->writer->one_at_a_time || bytes + batch->bytes > STORE_BATCH_BYTES_MAX ||
           writer_now_ns() - group->started_ns > GROUP_NS_MAX;
}

/* Make room for a transaction with nothing but the ledger. */
static int group_ensure_empty(struct group *group, struct err *err)
{
    struct writer *writer = group->writer;
    int r = space_ensure(&group->space, &writer->env, group->pages, SPACE_ESSENTIAL,
                         &writer->limits, err);
    return r == ERR_BUSY ? err_set(err, ERR_NO_SPACE, "the disk is full") : r;
}

/* Make room for @batch; only if there is none left, and it may not wait, from the reserve. */
static int group_ensure(struct group *group, struct store_batch *batch, struct err *err)
{
    struct writer *writer = group->writer;
    uint64_t pages = space_for_batch(&group->space, &writer->env, &group->ledger, batch);
    int r = space_ensure(&group->space, &writer->env, group->pages + pages, SPACE_ORDINARY,
                         &writer->limits, err);
    if (r == 0) {
        group->has_room = true;
    } else if ((r == ERR_NO_SPACE || r == ERR_BUSY) && is_urgent(writer, batch)) {
        r = space_ensure(&group->space, &writer->env, group->pages + pages, SPACE_ESSENTIAL,
                         &writer->limits, err);
    }
    if (r == 0) {
        group->pages += pages;
    }
    return r;
}

/* Apply as many waiting batches as belong into one transaction. ERR_NO_SPACE and ERR_BUSY (space.h)
 * only if not even one fits. */
static int group_fill(struct group *group, size_t *ret_count, struct err *err)
{
    size_t bytes = 0;
    LIST_FOR_EACH (struct store_batch, batch, &group->writer->waiting, link) {
        if (is_full(group, *ret_count, bytes, batch)) {
            return 0;
        }
        int r = group_ensure(group, batch, err);
        if ((r == ERR_NO_SPACE || r == ERR_BUSY) && *ret_count > 0) {
            return 0;
        }
        if (r == 0) {
            r = apply_batch(&group->change, &group->ledger, batch, err);
        }
        if (r != 0) {
            return r;
        }
        bytes += batch->bytes;
        *ret_count += 1;
    }
    return 0;
}

/* The first @count batches are durable. */
static void forget(struct writer *writer, size_t count, struct writer_progress *progress)
{
    for (; count > 0; count--) {
        struct list *link = list_pop_front(&writer->waiting);
        MUST(link != NULL);
        struct store_batch *batch = CONTAINER_OF(link, struct store_batch, link);
        progress->sequence = batch->sequence;
        store_batch_destroy(batch);
    }
}

static bool all_are_empty(struct writer *writer, size_t *ret_count)
{
    LIST_FOR_EACH (struct store_batch, batch, &writer->waiting, link) {
        if (!store_batch_is_empty(batch)) {
            return false;
        }
        *ret_count += 1;
    }
    return true;
}

static int commit_group(struct writer *writer, struct group *group,
                        struct writer_progress *progress, struct err *err)
{
    int r = group_begin(group, writer, err);
    size_t count = 0;
    if (r == 0) {
        r = group_fill(group, &count, err);
    }
    if (r == 0 && ledger_has_garbage(&group->ledger)) {
        struct err ignored; /* no room for it now; the batches come first */
        r = group_collect(group, GARBAGE_ALONG_PIECES_MAX, GARBAGE_ALONG_NS_MAX, &ignored);
        if (r != 0 && r != ERR_NO_SPACE && r != ERR_BUSY) {
            return err_set(err, r, "%s", ignored.msg);
        }
        r = 0;
    }
    if (r == ERR_BUSY) {
        r = group_ensure_empty(group, err);
    }
    if (r == 0) {
        r = group_commit(group, err);
    }
    /* LMDB itself may say so too: then all of the group is undone, and tried one by one. */
    writer->one_at_a_time = r == ERR_NO_SPACE;
    if (r == 0) {
        forget(writer, count, progress);
        progress->committed = true;
        progress->has_room = group->has_room;
    }
    return r == ERR_NO_SPACE && count > 1 ? 0 : r;
}

int writer_commit(struct writer *writer, struct writer_progress *progress, struct err *err)
{
    *progress = (struct writer_progress){.committed = false};
    size_t count = 0;
    if (all_are_empty(writer, &count)) {
        forget(writer, count, progress);
        return 0;
    }
    struct group group;
    int r = commit_group(writer, &group, progress, err);
    group_end(&group);
    return r;
}

int writer_collect(struct writer *writer, struct err *err)
{
    struct group group;
    int r = group_begin(&group, writer, err);
    if (r == 0) {
        r = group_collect(&group, GARBAGE_PIECES_MAX, GARBAGE_NS_MAX, err);
        if (r == ERR_NO_SPACE || r == ERR_BUSY) {
            r = group_collect(&group, GARBAGE_ALONG_PIECES_MAX / 8, GARBAGE_NS_MAX, err);
        }
    }
    if (r == ERR_BUSY) {
        r = group_ensure_empty(&group, err);
    }
    if (r == 0) {
        r = group_commit(&group, err);
    }
    group_end(&group);
    uint64_t took_ns = writer_now_ns() - group.started_ns;
    if (took_ns > writer->garbage_ns_max) {
        writer->garbage_ns_max = took_ns;
    }
    return r;
}

/* ERR_BUSY: what was freed last is usable after this. */
static int commit_empty(struct writer *writer, struct err *err)
{
    struct group group;
    int r = group_begin(&group, writer, err);
    if (r == 0) {
        r = group_ensure_empty(&group, err);
    }
    if (r == 0) {
        r = group_commit(&group, err);
    }
    group_end(&group);
    return r == 0 ? ERR_BUSY : r;
}

int writer_probe(struct writer *writer, struct err *err)
{
    CLEANUP(env_abortp) MDB_txn *txn = NULL;
    struct space space;
    int r = env_begin(&writer->env, false, &txn, err);
    if (r == 0) {
        r = space_look(&space, &writer->env, txn, err);
    }
    if (r == 0) {
        space.transaction++; /* the one that would be next */
        r = space_ensure(&space, &writer->env, space_for_any(&space) + PROBE_PAGES, SPACE_ORDINARY,
                         &writer->limits, err);
    }
    return r == ERR_BUSY ? commit_empty(writer, err) : r;
}
