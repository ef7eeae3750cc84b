/* storage/space.c - bounds, the limit, and room on disk ahead of LMDB. */
#include "storage/space.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "storage/lmdb_err.h"

#define FREE_LIST_DBI 0 /* LMDB's table of free pages; its own mdb_stat reads it the same way */
/* Node header, offset and padding, key: what a record takes in its leaf besides its value. */
#define NODE_OVERHEAD 11
/* Half-full pages after splits, and the branches above them. */
#define SPLIT_FACTOR 3
/* What the deletion of one old row of the largest size touches: leaves with a node a piece. */
#define OLD_RECORD_PAGES 16
/* LMDB keeps a transaction's freed pages in one record: the only place left where it needs
 * neighbouring pages, one for about 500 freed ones. */
#define FREED_IN_A_PAGE 256
#define FIRST_PAGES 16

static uint64_t pages_of(const MDB_stat *stat)
{
    return stat->ms_branch_pages + stat->ms_leaf_pages + stat->ms_overflow_pages;
}

int space_look(struct space *space, const struct env *env, MDB_txn *txn, struct err *err)
{
    memset(space, 0, sizeof(*space));
    MDB_envinfo info;
    int rc = mdb_env_info(env->mdb, &info);
    MDB_stat stat;
    for (size_t i = 0; rc == 0 && i < TABLE_COUNT; i++) {
        rc = mdb_stat(txn, env->tables[i], &stat);
        if (rc == 0) {
            space->tables[i].branch_pages = stat.ms_branch_pages;
            space->tables[i].leaf_pages = stat.ms_leaf_pages;
            space->tables[i].overflow_pages = stat.ms_overflow_pages;
            space->tables[i].depth = stat.ms_depth;
            space->pages_used += pages_of(&stat);
        }
    }
    rc = rc == 0 ? mdb_stat(txn, FREE_LIST_DBI, &stat) : rc;
    if (rc != 0) {
        return err_lmdb(err, rc, "look at the tables");
    }
    space->free_list_pages = pages_of(&stat);
    space->pages_used += space->free_list_pages + 3; /* two meta pages and the table of tables */
    space->next_page = info.me_last_pgno + 1;
    space->transaction = mdb_txn_id(txn);
    return 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Existing pages that @count changes at random places in the table can touch: a leaf each, and one
 * more when it is merged; the leaves with the pieces of @old records of unknown size; and the
 * branches above. */
static uint64_t touched(const struct space *space, enum env_table which, uint64_t count,
                        uint64_t old)
{
    uint64_t depth = space->tables[which].depth;
    uint64_t leaves =
        2 * count + least(OLD_RECORD_PAGES * old, space->tables[which].overflow_pages);
    return least(leaves, space->tables[which].leaf_pages) +
           least(2 * depth * count, space->tables[which].branch_pages) + 2 * depth + 4;
}

uint64_t space_for_any(const struct space *space)
{
    /* The ledger, the table of tables, the list of free pages. */
    return touched(space, TABLE_META, 2, 0) + 4 + space->free_list_pages + 16;
}

struct bound {
    uint64_t pages; /* pieces on pages of their own */
    uint64_t bytes; /* in leaves */
};

static void bound_add(struct bound *bound, const struct env *env, size_t key_size, size_t size)
{
    size_t pieces = record_pieces(size, env->page_size);
    bool is_inline = pieces == 1 && 2 * (size + key_size + NODE_OVERHEAD) < env->page_size;
    bound->pages += is_inline ? 0 : pieces;
    bound->bytes += pieces * (key_size + NODE_OVERHEAD + 10) + (is_inline ? size + 8 : 0);
}

uint64_t space_for_batch(const struct space *space, const struct env *env,
                         const struct ledger *ledger, const struct store_batch *batch)
{
    struct bound bound = {0, 0};
    size_t at = 0;
    struct store_entry entry;
    while (store_batch_next_entry(batch, &at, &entry)) {
        bound_add(&bound, env, 8, entry.size + 32);
    }
    at = 0;
    struct store_row row;
    while (store_batch_next_row(batch, &at, &row)) {
        bound_add(&bound, env, row.key_size + 8, row.value_size);
    }
    if (batch->has_snapshot) {
        bound_add(&bound, env, 8, batch->snapshot.conf.size);
    }
    bool overwrites = ledger->log_high > ledger->log.last || batch->truncate_from != 0;
    uint64_t over_log = overwrites ? batch->entry_count : 0;
    uint64_t pages = bound.pages + SPLIT_FACTOR * (bound.bytes / env->page_size + 1) +
                     touched(space, TABLE_LOG, over_log, over_log) +
                     touched(space, TABLE_STATE, batch->row_count, batch->row_count);
    return pages + pages / FREED_IN_A_PAGE;
}

uint64_t space_for_garbage(const struct space *space, uint64_t pieces)
{
    uint64_t pages = touched(space, TABLE_LOG, pieces, 0) + touched(space, TABLE_STATE, pieces, 0);
    return pages + pages / FREED_IN_A_PAGE;
}

/* Zeros, where the filesystem can not allocate without writing. */
static int write_zeros(int fd, uint64_t from, uint64_t to)
{
    static const char zeros[65536];
    while (from < to) {
        ssize_t wrote = pwrite(fd, zeros, least(to - from, sizeof(zeros)), (off_t)from);
        if (wrote < 0 && errno != EINTR) {
            return errno;
        }
        from += wrote > 0 ? (uint64_t)wrote : 0;
    }
    return 0;
}

/* 0 or an errno. */
static int allocate(const struct env *env, uint64_t from_page, uint64_t to_page)
{
    off_t from = (off_t)(from_page * env->page_size);
    off_t to = (off_t)(to_page * env->page_size);
    int rc = 0;
    do {
        rc = fallocate(env->fd, 0, from, to - from) == 0 ? 0 : errno;
    } while (rc == EINTR);
    return rc == EOPNOTSUPP || rc == ENOSYS ? write_zeros(env->fd, (uint64_t)from, (uint64_t)to)
                                            : rc;
}

static bool is_full(int rc)
{
    return rc == ENOSPC || rc == EDQUOT || rc == EFBIG;
}

int space_count_free(struct env *env, uint64_t first, uint64_t last, uint64_t *ret_pages,
                     struct err *err)
{
    /* LMDB shows its list of free pages to read transactions only. */
    CLEANUP(env_abortp) MDB_txn *txn = NULL;
    int r = env_begin(env, false, &txn, err);
    if (r != 0) {
        return r;
    }
    MDB_cursor *cursor = NULL;
    MDB_val k = {sizeof(first), &first};
    MDB_val v;
    uint64_t pages = 0;
    int rc = mdb_cursor_open(txn, FREE_LIST_DBI, &cursor);
    MDB_cursor_op op = MDB_SET_RANGE;
    while (rc == 0 && (rc = mdb_cursor_get(cursor, &k, &v, op)) == 0) {
        uint64_t freed_by = 0;
        uint64_t count = 0;
        memcpy(&freed_by, k.mv_data, sizeof(freed_by));
        memcpy(&count, v.mv_data, sizeof(count));
        if (freed_by > last) {
            break;
        }
        pages += count;
        op = MDB_NEXT;
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    *ret_pages = pages;
    return rc == 0 || rc == MDB_NOTFOUND ? 0 : err_lmdb(err, rc, "count free pages");
}

/* The disk is full: is there enough inside the file? Usable is what was freed before the last
 * commit and is seen by no reader. */
static int look_inside(const struct space *space, struct env *env, uint64_t pages, uint64_t held,
                       struct err *err)
{
    uint64_t tail = env->file_pages > space->next_page ? env->file_pages - space->next_page : 0;
    uint64_t last = space->transaction - 1;
    uint64_t inside = 0;
    uint64_t soon = 0;
    int r = space_count_free(env, 1, least(last, env->oldest_reader) - 1, &inside, err);
    if (r == 0) {
        r = space_count_free(env, 1, least(last, env->oldest_reader - 1), &soon, err);
    }
    if (r != 0) {
        return r;
    }
    uint64_t neighbours = pages / FREED_IN_A_PAGE + 4;
    if (tail + inside >= pages + held && tail >= neighbours) {
        return 0;
    }
    /* An empty commit takes pages too: what it brings must be worth it, or it would never end. */
    bool is_worth_it = soon > inside + 2 * space_for_any(space);
    if (tail + soon >= pages + held && tail >= neighbours && is_worth_it) {
        return ERR_BUSY;
    }
    return err_set(err, ERR_NO_SPACE,
                   "the disk is full: %" PRIu64 " KiB needed, %" PRIu64 " KiB free in the store",
                   (pages + held) * env->page_size / 1024, (tail + inside) * env->page_size / 1024);
}

int space_ensure(const struct space *space, struct env *env, uint64_t pages, enum space_class class,
                 const struct space_limits *limits, struct err *err)
{
    uint64_t reserve = limits->reserve_bytes / env->page_size;
    uint64_t held = class == SPACE_ORDINARY ? reserve : class == SPACE_GARBAGE ? reserve / 2 : 0;
    if (class != SPACE_GARBAGE &&
        (space->pages_used + pages + held) * env->page_size > limits->limit_bytes) {
        return err_set(err, ERR_NO_SPACE,
                       "the store is full: %" PRIu64 " of %" PRIu64 " KiB are in use",
                       space->pages_used * env->page_size / 1024, limits->limit_bytes / 1024);
    }
    uint64_t need = space->next_page + pages + held;
    if (need <= env->file_pages) {
        return 0;
    }
    /* A step ahead, so that this is rare; if the disk has not that much, as far as needed. */
    const uint64_t targets[] = {need + 2 * reserve, need};
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        rc = allocate(env, env->file_pages, targets[i]);
        if (rc == 0) {
            env->file_pages = targets[i];
            return 0;
        }
        if (!is_full(rc)) {
            return err_errno(err, rc, "extend the store's file");
        }
    }
    return look_inside(space, env, pages, held, err);
}

/* Room for the first ledger, and the reserve. */
static int init_new(struct env *env, const struct space_limits *limits, struct err *err)
{
    uint64_t pages = env->file_pages + FIRST_PAGES + limits->reserve_bytes / env->page_size;
    int rc = allocate(env, env->file_pages, pages);
    if (rc != 0) {
        return err_errno(err, rc, "allocate the store's file");
    }
    env->file_pages = pages;
    return 0;
}

int space_init(struct env *env, const struct space_limits *limits, struct err *err)
{
    struct stat st;
    MDB_envinfo info;
    int rc = mdb_env_info(env->mdb, &info);
    if (rc != 0) {
        return err_lmdb(err, rc, "look at the environment");
    }
    if (fstat(env->fd, &st) != 0) {
        return err_errno(err, errno, "look at the store");
    }
    env->file_pages = (uint64_t)st.st_size / env->page_size;
    if (env->is_new) {
        return init_new(env, limits, err);
    }
    /* Never by writing zeros: there is data in between. */
    rc = fallocate(env->fd, 0, 0, st.st_size) == 0 ? 0 : errno;
    if (is_full(rc)) {
        env->file_pages = info.me_last_pgno + 1; /* what lies beyond may be a hole */
        return 0;
    }
    bool is_fine = rc == 0 || rc == EOPNOTSUPP || rc == ENOSYS;
    return is_fine ? 0 : err_errno(err, rc, "allocate the store's file");
}
