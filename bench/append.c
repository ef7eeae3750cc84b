/* bench/append.c - what a durable append costs through the store, next to LMDB alone.
 *
 * Both write the same entries in the same groups to the same disk in one run, in turns of a few
 * groups, so that whatever else the machine does hits both. LMDB alone: one put an entry, one
 * commit a group. The store: one batch a group, from store_submit() until the report is read, so
 * with the way to the storage thread and back, checksums and the ledger. Goal: at most 1.3 times
 * the time.
 *
 * usage: append DIR [TURNS]; the exit status is 1 when the goal is missed. */
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "bench/durable.h"
#include "storage/store.h"

#define ENTRY_SIZE 256
#define GROUPS_A_TURN 20
#define GOAL 1.3

struct sample {
    uint64_t *ns;
    size_t count;
};

struct bench {
    MDB_env *env;
    MDB_dbi dbi;
    uint64_t plain_index;
    struct store *store;
    uint64_t store_index;
    uint64_t sequence;
    char entry[ENTRY_SIZE];
};

static void must_lmdb(int rc)
{
    if (rc != 0) {
        (void)fprintf(stderr, "lmdb: %s\n", mdb_strerror(rc));
        abort();
    }
}

static void open_both(struct bench *b, const char *dir)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/plain-lmdb", dir);
    MUST(mkdir(path, 0700) == 0);
    must_lmdb(mdb_env_create(&b->env));
    must_lmdb(mdb_env_set_mapsize(b->env, (size_t)8 << 30));
    must_lmdb(mdb_env_open(b->env, path, MDB_NOTLS, 0600));
    MDB_txn *txn = NULL;
    must_lmdb(mdb_txn_begin(b->env, NULL, 0, &txn));
    must_lmdb(mdb_dbi_open(txn, NULL, 0, &b->dbi));
    must_lmdb(mdb_txn_commit(txn));

    (void)snprintf(path, sizeof(path), "%s/store", dir);
    struct store_settings settings = {.path = path};
    struct store_image image = {.formatted = false};
    struct err err = {0};
    if (store_open(&settings, &b->store, &image, &err) != 0) {
        (void)fprintf(stderr, "store: %s\n", err.msg);
        abort();
    }
    store_image_close(&image);
    memset(b->entry, 'e', sizeof(b->entry));
}

static void append_plain(struct bench *b, unsigned group)
{
    MDB_txn *txn = NULL;
    must_lmdb(mdb_txn_begin(b->env, NULL, 0, &txn));
    for (unsigned i = 0; i < group; i++) {
        b->plain_index++;
        uint64_t key = __builtin_bswap64(b->plain_index);
        MDB_val k = {sizeof(key), &key};
        MDB_val v = {sizeof(b->entry), b->entry};
        must_lmdb(mdb_put(txn, b->dbi, &k, &v, MDB_APPEND));
    }
    must_lmdb(mdb_txn_commit(txn));
}

static void append_store(struct bench *b, unsigned group)
{
    b->sequence++;
    struct store_batch *batch = store_batch_create(b->sequence);
    for (unsigned i = 0; i < group; i++) {
        b->store_index++;
        store_batch_add_entry(
            batch, &(struct store_entry){b->store_index, 1, 0, b->entry, sizeof(b->entry)});
    }
    store_submit(b->store, batch);
    wait_durable(b->store, b->sequence);
}

static double at_us(const struct sample *sample, size_t of_1000)
{
    size_t at = sample->count * of_1000 / 1000;
    return (double)sample->ns[at] / 1000.0;
}

static void measure(struct bench *b, unsigned group, struct sample *sample,
                    void (*append)(struct bench *b, unsigned group))
{
    for (unsigned i = 0; i < GROUPS_A_TURN; i++) {
        uint64_t start = clock_ns(clock_system(), CLOCK_MONO);
        append(b, group);
        sample->ns[sample->count] = clock_ns(clock_system(), CLOCK_MONO) - start;
        sample->count++;
    }
}

static double run(struct bench *b, unsigned group, unsigned turns)
{
    size_t room = (size_t)turns * GROUPS_A_TURN;
    struct sample plain = {mem_array(room, sizeof(uint64_t)), 0};
    struct sample store = {mem_array(room, sizeof(uint64_t)), 0};
    for (unsigned i = 0; i < turns; i++) {
        measure(b, group, &plain, append_plain);
        measure(b, group, &store, append_store);
    }
    qsort(plain.ns, plain.count, sizeof(uint64_t), compare_u64);
    qsort(store.ns, store.count, sizeof(uint64_t), compare_u64);
    double ratio = at_us(&store, 500) / at_us(&plain, 500);
    (void)printf("%6u  %8.0f /%8.0f  %8.0f /%8.0f  %9.0f  %6.2f\n", group, at_us(&plain, 500),
                 at_us(&plain, 990), at_us(&store, 500), at_us(&store, 990),
                 (double)group * 1e6 / at_us(&store, 500), ratio);
    mem_free(plain.ns);
    mem_free(store.ns);
    return ratio;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fprintf(stderr, "usage: append DIR [TURNS]\n");
        return 2;
    }
    unsigned turns = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 100;
    static struct bench bench;
    open_both(&bench, argv[1]);
    static const unsigned groups[] = {1, 16, 64, 256};
    double worst = 0;
    (void)printf("entries of %d bytes, %u groups of each size; us: median / 99th of 100\n",
                 ENTRY_SIZE, turns * GROUPS_A_TURN);
    (void)printf(" group  LMDB alone          store               entries/s   ratio\n");
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        double ratio = run(&bench, groups[i], turns);
        worst = ratio > worst ? ratio : worst;
    }
    (void)printf("worst ratio %.2f, goal %.1f\n", worst, GOAL);
    store_close(bench.store);
    mdb_env_close(bench.env);
    return worst <= GOAL ? 0 : 1;
}
