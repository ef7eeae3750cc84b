/* bench/machine.c - how fast does the state machine alone apply commands?
 *
 * One thread, no log, no disk, no network: commands are encoded beforehand, as they would come out
 * of the log, and each is decoded, applied, hashed, entered into the history of events and
 * answered. `machine [KEYS] [PUTS]`; the figures stand in bench/README.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/must.h"
#include "consensus/machine.h"
#include "consensus/watch.h"
#include "proto/kv_codec.h"

#define VALUE_SIZE 100
#define BATCH 10000        /* commands encoded ahead at a time */
#define FLUSH_BYTES 786432 /* the core flushes well before a batch of 1 MiB is full */

struct bench {
    struct machine *machine;
    struct watch_hub *hub;
    uint64_t index;
    uint64_t random;
    uint64_t keys;
    struct buf commands;
    size_t ends[BATCH];
    uint64_t rows;
    uint64_t row_bytes;
};

static uint64_t draw(struct bench *bench)
{
    bench->random ^= bench->random << 13;
    bench->random ^= bench->random >> 7;
    bench->random ^= bench->random << 17;
    return bench->random;
}

/* Processor time of this thread: what one core can do, also when others use the machine. */
static double seconds(void)
{
    struct timespec now;
    int rv = clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    MUST(rv == 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void encode(struct bench *bench, const struct kv_command *command, size_t i)
{
    struct err err;
    int rv = kv_command_encode(command, &bench->commands, &err);
    MUST(rv == 0);
    bench->ends[i] = bench->commands.size;
}

static void count_row(void *context, const struct store_row *row)
{
    struct bench *bench = context;
    bench->rows++;
    bench->row_bytes += row->key_size + row->value_size;
}

static void apply_all(struct bench *bench, size_t count, bool flush)
{
    size_t start = 0;
    for (size_t i = 0; i < count; i++) {
        const struct kv_result *result = NULL;
        bench->index++;
        int rv = machine_apply(bench->machine, bench->index, bench->commands.bytes + start,
                               bench->ends[i] - start, &result, NULL);
        MUST(rv == 0);
        MUST(result->code == 0);
        start = bench->ends[i];
        if (flush && machine_dirty_bytes(bench->machine) > FLUSH_BYTES) {
            (void)machine_flush(bench->machine, count_row, bench);
        }
    }
}

enum order { IN_ORDER, AT_RANDOM };

static struct kv_command put_command(struct bench *bench, char *key, size_t key_room,
                                     const char *value, uint64_t number)
{
    int size = snprintf(key, key_room, "/service/demo/bench/%08llu", (unsigned long long)number);
    struct kv_command command = {.kind = KV_OP, .op = {.kind = KV_OP_PUT}};
    command.op.put.key = kv_slice(key, (size_t)size);
    command.op.put.value = kv_slice(value, VALUE_SIZE);
    (void)bench;
    return command;
}

/* Puts of @total keys; with @client they are remembered for retries, 64 outstanding. */
static void run_puts(struct bench *bench, const char *name, uint64_t total, enum order order,
                     uint64_t client, bool flush)
{
    char value[VALUE_SIZE];
    memset(value, 'v', sizeof(value));
    double applying = 0;
    bench->rows = 0;
    bench->row_bytes = 0;
    for (uint64_t done = 0; done < total;) {
        size_t count = total - done < BATCH ? (size_t)(total - done) : BATCH;
        buf_clear(&bench->commands);
        for (size_t i = 0; i < count; i++) {
            char key[64];
            uint64_t number = order == IN_ORDER ? done + i : draw(bench) % bench->keys;
            struct kv_command command = put_command(bench, key, sizeof(key), value, number);
            if (client != 0) {
                command.client = client;
                command.sequence = done + i + 1;
                command.acked = command.sequence > 64 ? command.sequence - 64 : 0;
            }
            encode(bench, &command, i);
        }
        double from = seconds();
        apply_all(bench, count, flush);
        applying += seconds() - from;
        done += count;
    }
    printf("%-44s %9.0f /s  %6.0f ns", name, (double)total / applying,
           applying * 1e9 / (double)total);
    if (flush) {
        printf("  %llu rows, %llu MB", (unsigned long long)bench->rows,
               (unsigned long long)(bench->row_bytes / 1000000));
    }
    printf("\n");
}

static void run_txns(struct bench *bench, uint64_t total)
{
    char value[VALUE_SIZE];
    memset(value, 't', sizeof(value));
    double applying = 0;
    for (uint64_t done = 0; done < total; done += BATCH) {
        buf_clear(&bench->commands);
        for (size_t i = 0; i < BATCH; i++) {
            char keys[2][64];
            uint64_t first = draw(bench) % (bench->keys / 2);
            struct kv_command puts[2] = {
                put_command(bench, keys[0], sizeof(keys[0]), value, first),
                put_command(bench, keys[1], sizeof(keys[1]), value, first + bench->keys / 2)};
            struct kv_compare compare = {.key = puts[0].op.put.key,
                                         .target = KV_TARGET_EXISTS,
                                         .relation = KV_EQUAL,
                                         .number = 1};
            struct kv_op ops[2] = {puts[0].op, puts[1].op};
            struct kv_command command = {.kind = KV_TXN};
            command.txn = (struct kv_txn){
                .compares = &compare, .compare_count = 1, .then_ops = ops, .then_count = 2};
            encode(bench, &command, i);
        }
        double from = seconds();
        apply_all(bench, BATCH, false);
        applying += seconds() - from;
    }
    printf("%-44s %9.0f /s  %6.0f ns\n", "transactions: 1 compare, 2 puts",
           (double)total / applying, applying * 1e9 / (double)total);
}

static void run_gets(struct bench *bench, uint64_t total)
{
    uint64_t found = 0;
    double from = seconds();
    for (uint64_t i = 0; i < total; i++) {
        char key[64];
        int size = snprintf(key, sizeof(key), "/service/demo/bench/%08llu",
                            (unsigned long long)(draw(bench) % bench->keys));
        struct kv_pair pair;
        found += machine_get(bench->machine, kv_slice(key, (size_t)size), &pair);
    }
    double spent = seconds() - from;
    MUST(found == total);
    printf("%-44s %9.0f /s  %6.0f ns\n", "gets (with the printing of the key)",
           (double)total / spent, spent * 1e9 / (double)total);
}

/* 1,000 watchers of distinct keys, each event fetched as soon as it is there. */
static void run_watches(struct bench *bench, uint64_t total)
{
    enum { WATCHES = 1000 };
    char value[VALUE_SIZE];
    memset(value, 'w', sizeof(value));
    for (uint64_t i = 0; i < WATCHES; i++) {
        char key[64];
        struct kv_command command = put_command(bench, key, sizeof(key), value, i);
        struct watch_options options = {.span = {.kind = KV_SPAN_KEY, .key = command.op.put.key}};
        (void)watch_open(bench->hub, &options);
    }
    buf_clear(&bench->commands);
    for (size_t i = 0; i < BATCH; i++) {
        char key[64];
        struct kv_command command =
            put_command(bench, key, sizeof(key), value, draw(bench) % WATCHES);
        encode(bench, &command, i);
    }
    uint64_t events = 0;
    double from = seconds();
    for (uint64_t done = 0; done < total; done += BATCH) {
        size_t start = 0;
        for (size_t i = 0; i < BATCH; i++) {
            const struct kv_result *result = NULL;
            bench->index++;
            (void)machine_apply(bench->machine, bench->index, bench->commands.bytes + start,
                                bench->ends[i] - start, &result, NULL);
            start = bench->ends[i];
            for (struct watch *watch = watch_hub_ready(bench->hub); watch != NULL;
                 watch = watch_hub_ready(bench->hub)) {
                struct watch_batch batch;
                (void)watch_pull(watch, SIZE_MAX, &batch);
                events += batch.count;
            }
        }
    }
    double spent = seconds() - from;
    MUST(events == total);
    printf("%-44s %9.0f /s  %6.0f ns\n", "puts with 1,000 watchers, one event each",
           (double)total / spent, spent * 1e9 / (double)total);
}

struct rows {
    struct buf bytes;
    size_t count;
};

static void keep_row(void *context, const struct store_row *row)
{
    struct rows *rows = context;
    uint32_t sizes[2] = {(uint32_t)row->key_size, (uint32_t)row->value_size};
    buf_append(&rows->bytes, sizes, sizeof(sizes));
    buf_append(&rows->bytes, row->key, row->key_size);
    buf_append(&rows->bytes, row->value, row->value_size);
    rows->count++;
}

/* A new machine that never flushed gives all its rows; then they are loaded into another one. */
static void run_reload(struct bench *bench)
{
    struct rows rows = {0};
    double from = seconds();
    (void)machine_flush(bench->machine, keep_row, &rows);
    double flushed = seconds();
    struct machine_options options = {0};
    struct machine *loaded = machine_create(&options);
    const char *at = rows.bytes.bytes;
    for (size_t i = 0; i < rows.count; i++) {
        uint32_t sizes[2];
        memcpy(sizes, at, sizeof(sizes));
        struct store_row row = {.key = at + sizeof(sizes), .key_size = sizes[0]};
        row.value = at + sizeof(sizes) + sizes[0];
        row.value_size = sizes[1];
        int rv = machine_load_row(loaded, &row, NULL);
        MUST(rv == 0);
        at += sizeof(sizes) + sizes[0] + sizes[1];
    }
    int rv = machine_load_done(loaded, NULL);
    MUST(rv == 0);
    double done = seconds();
    printf("flush of %zu rows, %zu MB: %.0f ms; load: %.0f ms\n", rows.count,
           rows.bytes.size / 1000000, (flushed - from) * 1e3, (done - flushed) * 1e3);
    machine_destroy(loaded);
    buf_close(&rows.bytes);
}

static void run_delete_all(struct bench *bench)
{
    struct kv_command command = {.kind = KV_OP, .op = {.kind = KV_OP_DELETE}};
    command.op.remove.span = (struct kv_span){.kind = KV_SPAN_PREFIX};
    buf_clear(&bench->commands);
    encode(bench, &command, 0);
    struct machine_status status;
    machine_status(bench->machine, &status);
    double from = seconds();
    apply_all(bench, 1, false);
    machine_forget_result(bench->machine);
    printf("one delete of all %llu keys: %.0f ms\n", (unsigned long long)status.key_count,
           (seconds() - from) * 1e3);
}

static void raise_quota(struct bench *bench)
{
    struct kv_command command = {.kind = KV_SETTING};
    command.setting =
        (struct kv_setting){.kind = KV_SETTING_QUOTA_BYTES, .value = KV_QUOTA_BYTES_MAX};
    buf_clear(&bench->commands);
    encode(bench, &command, 0);
    apply_all(bench, 1, false);
}

static struct bench *bench_create(uint64_t keys)
{
    struct bench *bench = mem_zalloc(sizeof(*bench));
    bench->keys = keys;
    bench->random = UINT64_C(88172645463325252);
    bench->hub = watch_hub_create(WATCH_HISTORY_EVENTS, WATCH_HISTORY_BYTES);
    struct machine_options options = {.hub = bench->hub};
    bench->machine = machine_create(&options);
    raise_quota(bench);
    return bench;
}

static void bench_destroy(struct bench *bench)
{
    machine_destroy(bench->machine);
    watch_hub_destroy(bench->hub);
    buf_close(&bench->commands);
    mem_free(bench);
}

int main(int argc, char **argv)
{
    uint64_t keys = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    uint64_t puts = argc > 2 ? strtoull(argv[2], NULL, 10) : 2000000;
    if (keys < 1000 || puts < BATCH) {
        (void)fprintf(stderr, "usage: machine [KEYS >= 1000] [PUTS >= %d]\n", BATCH);
        return 2;
    }
    puts = puts / BATCH * BATCH;
    printf("%llu keys of 28 bytes, values of %d bytes\n", (unsigned long long)keys, VALUE_SIZE);
    struct bench *bench = bench_create(keys);
    run_puts(bench, "puts of new keys, in order", keys, IN_ORDER, 0, false);
    run_reload(bench);
    run_puts(bench, "puts at random", puts, AT_RANDOM, 0, false);
    run_puts(bench, "... remembered for retries", puts, AT_RANDOM, 4711, false);
    run_puts(bench, "... and with rows flushed each 768 KiB", puts, AT_RANDOM, 4712, true);
    run_txns(bench, puts / 2 / BATCH * BATCH);
    run_gets(bench, puts);
    run_watches(bench, puts / 2 / BATCH * BATCH);
    run_delete_all(bench);
    bench_destroy(bench);

    bench = bench_create(keys);
    run_puts(bench, "puts at random, from an empty store", puts, AT_RANDOM, 0, false);
    bench_destroy(bench);
    return 0;
}
