/* tests/storage/test_power.c - the power goes: of what was written and not synced, any sectors of
 * 512 bytes are there and any are not.
 *
 * The writes and syncs of one life are recorded; then, for random moments of it, images of the file
 * are made that a disk could hold, and opened. Each must be the state after some number of batches
 * between those reported durable and those submitted by then. Processor caches and the rest of the
 * kernel are not in it; neither are names (test_crash.c). usage: test_power [IMAGES [SEED]] */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/must.h"
#include "tests/lib/store_double.h"
#include "tests/storage/faults.h"
#include "tests/storage/lab.h"
#include "tests/storage/stream.h"

#define SECTOR 512
#define FILE_MAX ((size_t)4 << 20)
#define STEPS_MAX 20000
#define BATCHES 60

enum step_kind {
    STEP_WRITE,
    STEP_SYNCED_WRITE,
    STEP_SYNC,
    STEP_GROW,
    STEP_SUBMITTED,
    STEP_DURABLE
};

struct step {
    enum step_kind kind;
    uint64_t offset; /* or, for the last two, batches */
    size_t size;
    uint8_t *bytes;
};

static struct step steps[STEPS_MAX];
static size_t step_count;
static pthread_mutex_t steps_mutex = PTHREAD_MUTEX_INITIALIZER;

static void record(enum step_kind kind, uint64_t offset, const void *bytes, size_t size)
{
    (void)pthread_mutex_lock(&steps_mutex);
    MUST(step_count < STEPS_MAX);
    steps[step_count] = (struct step){kind, offset, size, size > 0 ? mem_dup(bytes, size) : NULL};
    step_count++;
    (void)pthread_mutex_unlock(&steps_mutex);
}

static void watch(enum fault_op op, bool is_synced, uint64_t offset, const void *bytes, size_t size)
{
    switch (op) {
        case OP_WRITE:
            record(is_synced ? STEP_SYNCED_WRITE : STEP_WRITE, offset, bytes, size);
            break;
        case OP_SYNC:
            record(STEP_SYNC, 0, NULL, 0);
            break;
        case OP_GROW:
            record(STEP_GROW, offset, NULL, 0);
            break;
    }
}

struct disk {
    uint8_t *durable;
    size_t durable_size;
    size_t size; /* with growth that was not synced */
    size_t unsynced[STEPS_MAX];
    size_t unsynced_count;
    uint64_t batches_submitted;
    uint64_t batches_durable;
};

static uint64_t digests[BATCHES + 1];

static void model(uint64_t seed)
{
    struct store_double *twin = store_double_create();
    struct stream stream;
    stream_init(&stream, seed);
    for (size_t i = 0; i <= BATCHES; i++) {
        struct store_double *copy = store_double_clone(twin);
        struct store_image image = {0};
        store_double_load(copy, &image);
        digests[i] = lab_digest(&image);
        store_image_close(&image);
        store_double_destroy(copy);
        store_double_submit(twin, stream_next(&stream));
        (void)store_double_commit(twin, 1);
    }
    store_double_destroy(twin);
}

/* One life, recorded. */
static void live(struct lab *lab, uint64_t seed, struct disk *disk)
{
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/data.mdb", lab->path);
    lab_must_open(lab);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    disk->durable = mem_zalloc(FILE_MAX);
    ssize_t got = pread(fd, disk->durable, FILE_MAX, 0);
    MUST(got > 0 && got < (ssize_t)FILE_MAX);
    disk->durable_size = (size_t)got;
    disk->size = (size_t)got;
    (void)close(fd);
    faults_watch(watch);
    struct stream stream;
    stream_init(&stream, seed);
    for (uint64_t done = 0; done < BATCHES;) {
        uint64_t group = 1 + lab_below(&seed, 4);
        uint64_t sequence = 0;
        for (uint64_t i = 0; i < group && done < BATCHES; i++) {
            struct store_batch *batch = stream_next(&stream);
            sequence = batch->sequence;
            done++;
            record(STEP_SUBMITTED, done, NULL, 0);
            store_submit(lab->store, batch);
        }
        lab_wait(lab, sequence);
        record(STEP_DURABLE, done, NULL, 0);
        if (done % 2 == 0) {
            lab_wait_clean(lab);
        }
    }
    lab_shut(lab);
    faults_watch(NULL);
}

static void put(uint8_t *image, const struct step *step, uint64_t *seed, unsigned keep_of_8)
{
    MUST(step->offset + step->size <= FILE_MAX);
    for (size_t at = 0; at < step->size;) {
        size_t part = SECTOR - (step->offset + at) % SECTOR;
        part = part < step->size - at ? part : step->size - at;
        if (lab_below(seed, 8) < keep_of_8) {
            memcpy(image + step->offset + at, step->bytes + at, part);
        }
        at += part;
    }
}

static void sync_all(struct disk *disk)
{
    uint64_t ignored = 0;
    for (size_t i = 0; i < disk->unsynced_count; i++) {
        put(disk->durable, &steps[disk->unsynced[i]], &ignored, 8);
    }
    disk->unsynced_count = 0;
    disk->durable_size = disk->size;
}

/* The disk after step @i. */
static void advance(struct disk *disk, size_t i)
{
    const struct step *step = &steps[i];
    uint64_t ignored = 0;
    uint64_t end = step->offset + step->size;
    switch (step->kind) {
        case STEP_WRITE:
            disk->unsynced[disk->unsynced_count++] = i;
            disk->size = end > disk->size ? end : disk->size;
            break;
        case STEP_SYNCED_WRITE:
            put(disk->durable, step, &ignored, 8);
            break;
        case STEP_SYNC:
            sync_all(disk);
            break;
        case STEP_GROW:
            disk->size = end > disk->size ? end : disk->size;
            break;
        case STEP_SUBMITTED:
            disk->batches_submitted = step->offset;
            break;
        case STEP_DURABLE:
            disk->batches_durable = step->offset;
            break;
    }
}

static void write_image(const struct lab *lab, const uint8_t *bytes, size_t size)
{
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/data.mdb", lab->path);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    MUST(fd >= 0);
    MUST(ftruncate(fd, 0) == 0);
    MUST(pwrite(fd, bytes, size, 0) == (ssize_t)size);
    (void)close(fd);
}

/* An image of this moment, with the step that is about to happen half done. */
static bool try_image(struct lab *lab, struct disk *disk, size_t next, uint64_t *seed)
{
    static uint8_t image[FILE_MAX];
    memcpy(image, disk->durable, FILE_MAX);
    unsigned keep = (unsigned)lab_below(seed, 9);
    for (size_t i = 0; i < disk->unsynced_count; i++) {
        put(image, &steps[disk->unsynced[i]], seed, keep);
    }
    bool is_half_done = next < step_count &&
                        (steps[next].kind == STEP_WRITE || steps[next].kind == STEP_SYNCED_WRITE);
    if (is_half_done) {
        put(image, &steps[next], seed, keep);
    }
    write_image(lab, image, lab_below(seed, 2) == 0 ? disk->durable_size : disk->size);
    struct err err = {0};
    if (lab_open(lab, &err) != 0) {
        (void)printf("# before step %zu: %s\n", next, err.msg);
        return false;
    }
    uint64_t digest = lab_digest(&lab->image);
    lab_shut(lab);
    for (uint64_t n = disk->batches_durable; n <= disk->batches_submitted; n++) {
        if (digests[n] == digest) {
            return true;
        }
    }
    (void)printf("# before step %zu: not the state after %llu to %llu batches\n", next,
                 (unsigned long long)disk->batches_durable,
                 (unsigned long long)disk->batches_submitted);
    return false;
}

int main(int argc, char **argv)
{
    unsigned long images = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000;
    uint64_t seed = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    static struct disk disk;
    struct lab lab;
    lab_init(&lab);
    model(seed);
    live(&lab, seed, &disk);
    uint64_t choices = seed + 99;
    unsigned long failures = 0;
    unsigned long made = 0;
    (void)printf("1..1\n");
    for (size_t i = 0; i <= step_count; i++) {
        unsigned long due = images * (i + 1) / (step_count + 1);
        for (; made < due; made++) {
            failures += try_image(&lab, &disk, i, &choices) ? 0 : 1;
        }
        if (i < step_count) {
            advance(&disk, i);
        }
    }
    (void)printf("# %zu steps recorded, %lu images opened\n", step_count, made);
    (void)printf("%s 1 - every image after a power cut is a state that was promised\n",
                 failures == 0 ? "ok" : "not ok");
    lab_close(&lab);
    for (size_t i = 0; i < step_count; i++) {
        mem_free(steps[i].bytes);
    }
    mem_free(disk.durable);
    return failures == 0 ? 0 : 1;
}
