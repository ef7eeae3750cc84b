/* tests/storage/test_damage.c - whatever happens to the bytes of the file, the store finds it at
 * the next start or it changes nothing: never another state without a word, never a crash.
 *
 *   bits      one bit flipped, in every page (usage: STEP, the distance between flips in bytes)
 *   zeroed    each page zeroed in turn: those that hold the last commit are found, and no others
 *   pages     a page zeroed, torn in the middle, or written over another one
 *   lost      a page as it was at an earlier time: a write that the disk acknowledged and lost
 *   stale     the same after changes that leave every size and count as it was, for every page and
 *             each of the last commits; and the whole file but its beginnings
 *
 * One thing no look at the file can find: that the very last write of all, which makes a commit
 * hold, is gone. The file is then as it was one commit ago in every bit that counts; peers know
 * better (safety D5). It is allowed where that write is undone, and counted.
 *
 * The counts are the same in every run. Time stands still, so that a slice of garbage ends by its
 * pieces alone and every run makes the same file; and each damage is done to that very file, since
 * a store that starts from one commit ago takes garbage away, if it gets to it before it is shut.
 *
 * usage: test_damage [STEP [ROUNDS]] */
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/must.h"
#include "tests/storage/lab.h"
#include "tests/storage/stream.h"

#define PAGE 4096
#define VERSIONS 12

struct damage {
    struct lab lab;
    char path[128];
    uint8_t *now; /* the file as it should be */
    size_t size;
    uint8_t *then; /* as it was earlier; as large */
    uint64_t digest;
    uint64_t digest_before; /* one commit ago; 0: never allowed */
    unsigned long undone;
    unsigned long tried;
    unsigned long found;
    unsigned long harmless;
    unsigned long silent;
};

/* In place of the C library's. */
int clock_gettime(clockid_t clock, struct timespec *ret_now)
{
    (void)clock;
    *ret_now = (struct timespec){.tv_sec = 1000};
    return 0;
}

static uint8_t *read_file(const char *path, size_t *ret_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    MUST(fd >= 0);
    MUST(fstat(fd, &st) == 0);
    uint8_t *bytes = mem_alloc((size_t)st.st_size);
    MUST(pread(fd, bytes, (size_t)st.st_size, 0) == st.st_size);
    (void)close(fd);
    *ret_size = (size_t)st.st_size;
    return bytes;
}

/* What was staged becomes garbage at the start. */
static void open_clean(struct lab *lab)
{
    lab_must_open(lab);
    lab_wait_clean(lab);
}

static void feed(struct lab *lab, struct stream *stream, unsigned batches)
{
    for (unsigned i = 0; i < batches; i++) {
        struct store_batch *batch = stream_next(stream);
        uint64_t sequence = batch->sequence;
        store_submit(lab->store, batch);
        lab_wait(lab, sequence);
        lab_wait_clean(lab);
    }
}

/* A store with a past: pages of every kind, free ones, old ones. */
static void prepare(struct damage *d, uint64_t seed)
{
    memset(d, 0, sizeof(*d));
    lab_init(&d->lab);
    (void)snprintf(d->path, sizeof(d->path), "%s/data.mdb", d->lab.path);
    struct stream stream;
    stream_init(&stream, seed);
    stream.keys = 100;
    open_clean(&d->lab);
    feed(&d->lab, &stream, 60);
    lab_shut(&d->lab);
    size_t then_size = 0;
    uint8_t *then = read_file(d->path, &then_size);
    stream_restart(&stream);
    open_clean(&d->lab);
    feed(&d->lab, &stream, 25);
    open_clean(&d->lab);
    d->digest = lab_digest(&d->lab.image);
    lab_shut(&d->lab);
    d->now = read_file(d->path, &d->size);
    d->then = mem_zalloc(d->size);
    memcpy(d->then, then, then_size < d->size ? then_size : d->size);
    mem_free(then);
}

static void finish(struct damage *d)
{
    mem_free(d->now);
    mem_free(d->then);
    lab_close(&d->lab);
}

static void put(const struct damage *d, size_t offset, const void *bytes, size_t size)
{
    int fd = open(d->path, O_WRONLY | O_CLOEXEC);
    MUST(fd >= 0);
    MUST(pwrite(fd, bytes, size, (off_t)offset) == (ssize_t)size);
    (void)close(fd);
}

/* Open it as it is, and judge. Then mend all of it: the store may have written, too. */
static void judge(struct damage *d, const char *what, size_t offset)
{
    struct err err = {0};
    int r = lab_open(&d->lab, &err);
    d->tried++;
    if (r == ERR_CORRUPT) {
        d->found++;
    } else if (r == 0 && lab_digest(&d->lab.image) == d->digest) {
        d->harmless++;
    } else if (r == 0 && d->digest_before != 0 && lab_digest(&d->lab.image) == d->digest_before) {
        d->undone++;
    } else {
        d->silent++;
        (void)printf("# %s at %zu: %s\n", what, offset, r == 0 ? "another state" : err.msg);
    }
    lab_shut(&d->lab);
    put(d, 0, d->now, d->size);
    MUST(truncate(d->path, (off_t)d->size) == 0);
}

/* Pages from here on were never used. */
static size_t used_size(const struct damage *d)
{
    uint64_t last[2];
    memcpy(&last[0], d->now + 16 + 120, sizeof(last[0]));
    memcpy(&last[1], d->now + PAGE + 16 + 120, sizeof(last[1]));
    size_t size = (size_t)((last[0] > last[1] ? last[0] : last[1]) + 1) * PAGE;
    MUST(size <= d->size);
    return size;
}

static void flip_bits(struct damage *d, size_t step, uint64_t seed)
{
    size_t size = used_size(d);
    for (size_t offset = 0; offset < size;) {
        uint8_t byte = d->now[offset] ^ (uint8_t)(1u << lab_below(&seed, 8));
        put(d, offset, &byte, 1);
        judge(d, "a bit flipped", offset);
        /* Headers, offsets of nodes and both beginnings of the file one by one. */
        bool is_dense = offset < 160 || (offset >= PAGE && offset < PAGE + 160);
        offset += is_dense ? 1 : 1 + lab_below(&seed, 2 * step - 1);
    }
}

static size_t pages_of(MDB_txn *txn, MDB_dbi dbi)
{
    MDB_stat stat;
    MUST(mdb_stat(txn, dbi, &stat) == 0);
    return stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
}

/* The pages that the last commit uses, by LMDB's own account, without the two beginnings. */
static size_t live_pages(const struct damage *d)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi dbi = 0;
    MDB_cursor *cursor = NULL;
    MUST(mdb_env_create(&env) == 0);
    MUST(mdb_env_set_maxdbs(env, 32) == 0);
    MUST(mdb_env_open(env, d->lab.path, MDB_RDONLY | MDB_NOLOCK, 0600) == 0);
    MUST(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0);
    MUST(mdb_dbi_open(txn, NULL, 0, &dbi) == 0);
    size_t pages = pages_of(txn, 0) + pages_of(txn, dbi); /* 0 is the table of free pages */
    MUST(mdb_cursor_open(txn, dbi, &cursor) == 0);
    MDB_val name;
    while (mdb_cursor_get(cursor, &name, NULL, MDB_NEXT) == 0) {
        char text[64];
        MDB_dbi table = 0;
        (void)snprintf(text, sizeof(text), "%.*s", (int)name.mv_size, (const char *)name.mv_data);
        MUST(mdb_dbi_open(txn, text, 0, &table) == 0);
        pages += pages_of(txn, table);
    }
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    mdb_env_close(env);
    return pages;
}

static void zero_pages(struct damage *d)
{
    static const uint8_t zeros[PAGE];
    for (size_t at = (size_t)2 * PAGE; at < used_size(d); at += PAGE) {
        put(d, at, zeros, PAGE);
        judge(d, "a page zeroed", at);
    }
}

static void break_pages(struct damage *d, unsigned rounds, uint64_t seed)
{
    static const uint8_t zeros[PAGE];
    size_t pages = used_size(d) / PAGE;
    for (unsigned i = 0; i < rounds; i++) {
        size_t to = lab_below(&seed, pages) * PAGE;
        size_t from = lab_below(&seed, pages) * PAGE;
        size_t half = 512 * (1 + lab_below(&seed, 7));
        switch (lab_below(&seed, 3)) {
            case 0:
                put(d, to, zeros, PAGE);
                judge(d, "a page zeroed", to);
                break;
            case 1:
                put(d, to, d->now + from, PAGE);
                judge(d, "a page written over another", to);
                break;
            default:
                put(d, to + half, d->then + to + half, PAGE - half);
                judge(d, "a page torn", to);
                break;
        }
    }
}

/* One page, or several at once, of an earlier time; the two beginnings of the file among them. */
static void lose_writes(struct damage *d, unsigned rounds, uint64_t seed)
{
    size_t pages = used_size(d) / PAGE;
    for (unsigned i = 0; i < rounds; i++) {
        unsigned count = i < pages ? 1 : 1 + (unsigned)lab_below(&seed, 4);
        for (unsigned n = 0; n < count; n++) {
            size_t at = (i < pages ? i : lab_below(&seed, pages)) * PAGE;
            put(d, at, d->then + at, PAGE);
        }
        judge(d, "a write lost", 0);
    }
}

/* The file after each of the last commits. */
struct past {
    uint8_t *at[VERSIONS];
    size_t sizes[VERSIONS];
};

/* A vote, a row with another value, or the log's last entries written anew: all as large as before.
 */
static struct store_batch *same_size_batch(uint64_t n)
{
    struct store_batch *batch = store_batch_create(100 + n);
    char bytes[700];
    memset(bytes, (int)('a' + n), sizeof(bytes));
    switch (n % 3) {
        case 0:
            batch->has_hard = true;
            batch->hard = (struct store_hard){5, n};
            break;
        case 1: {
            uint64_t key = n / 3 % 8;
            store_batch_add_row(batch, &(struct store_row){&key, sizeof(key), bytes, 700});
            break;
        }
        default:
            batch->truncate_from = 10;
            for (uint64_t i = 10; i <= 12; i++) {
                store_batch_add_entry(batch, &(struct store_entry){i, 5, 0, bytes, 300});
            }
            break;
    }
    return batch;
}

static void prepare_past(struct damage *d, struct past *past)
{
    memset(d, 0, sizeof(*d));
    lab_init(&d->lab);
    (void)snprintf(d->path, sizeof(d->path), "%s/data.mdb", d->lab.path);
    open_clean(&d->lab);
    struct store_batch *batch = store_batch_create(1);
    char bytes[700] = {0};
    for (uint64_t i = 1; i <= 12; i++) {
        store_batch_add_entry(batch, &(struct store_entry){i, 5, 0, bytes, 300});
    }
    for (uint64_t key = 0; key < 8; key++) {
        store_batch_add_row(batch, &(struct store_row){&key, sizeof(key), bytes, 700});
    }
    store_submit(d->lab.store, batch);
    lab_wait(&d->lab, 1);
    uint64_t before = 0;
    for (uint64_t n = 0; n < UINT64_C(2) * VERSIONS; n++) {
        store_submit(d->lab.store, same_size_batch(n));
        lab_wait(&d->lab, 100 + n);
        lab_wait_clean(&d->lab);
        if (n == 2 * VERSIONS - 2) {
            open_clean(&d->lab);
            before = lab_digest(&d->lab.image);
        }
        mem_free(past->at[n % VERSIONS]);
        past->at[n % VERSIONS] = read_file(d->path, &past->sizes[n % VERSIONS]);
    }
    open_clean(&d->lab);
    d->digest = lab_digest(&d->lab.image);
    lab_shut(&d->lab);
    d->now = read_file(d->path, &d->size);
    d->digest_before = before;
}

static void bring_back(struct damage *d, const struct past *past)
{
    size_t size = used_size(d);
    uint64_t before = d->digest_before;
    for (size_t v = 0; v < VERSIONS; v++) {
        MUST(past->sizes[v] >= size);
        for (size_t at = 0; at < size; at += PAGE) {
            if (memcmp(past->at[v] + at, d->now + at, PAGE) != 0) {
                d->digest_before = at < (size_t)2 * PAGE ? before : 0;
                put(d, at, past->at[v] + at, PAGE);
                judge(d, "a page of an earlier time", at);
            }
        }
        for (size_t from = 1; from <= 2; from++) { /* all but one or both beginnings */
            d->digest_before = from == 1 ? before : 0;
            put(d, from * PAGE, past->at[v] + from * PAGE, size - from * PAGE);
            judge(d, "all of an earlier time but beginnings up to", from * PAGE);
        }
    }
}

static bool report(const struct damage *d, int number, const char *name, unsigned long least_found)
{
    bool is_ok = d->silent == 0 && d->found >= least_found;
    (void)printf("# %lu tried: %lu found, %lu harmless, %lu undone, %lu silent\n", d->tried,
                 d->found, d->harmless, d->undone, d->silent);
    (void)printf("%s %d - %s\n", is_ok ? "ok" : "not ok", number, name);
    return is_ok;
}

int main(int argc, char **argv)
{
    size_t step = argc > 1 ? strtoul(argv[1], NULL, 10) : 16;
    unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 500;
    bool is_ok = true;
    struct damage d;
    (void)printf("1..5\n");
    prepare(&d, 4);
    (void)printf("# a file of %zu pages in use\n", used_size(&d) / PAGE);
    flip_bits(&d, step, 1);
    is_ok = report(&d, 1, "flipped bits", d.tried / 4) && is_ok;
    finish(&d);
    prepare(&d, 5);
    zero_pages(&d);
    size_t live = live_pages(&d);
    (void)printf("# %zu of its pages hold the last commit\n", live);
    is_ok = report(&d, 2, "every page zeroed", live) && d.found == live && is_ok;
    finish(&d);
    prepare(&d, 5);
    break_pages(&d, rounds, 2);
    is_ok = report(&d, 3, "broken pages", rounds / 8) && is_ok;
    finish(&d);
    prepare(&d, 6);
    lose_writes(&d, rounds, 3);
    is_ok = report(&d, 4, "lost writes", rounds / 8) && is_ok;
    finish(&d);
    struct past past = {{NULL}, {0}};
    prepare_past(&d, &past);
    bring_back(&d, &past);
    is_ok = report(&d, 5, "stale pages of the same shape", 50) && is_ok;
    finish(&d);
    for (size_t v = 0; v < VERSIONS; v++) {
        mem_free(past.at[v]);
    }
    return is_ok ? 0 : 1;
}
