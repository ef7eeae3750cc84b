/* tests/storage/test_streams.c - LMDB and its double are given the same random batches and must
 * answer alike: images after reopening, and rows as a reader sees them while more is written.
 *
 * The simulator proves the core on the double; this proves that the double stands for the real
 * thing. usage: test_streams [COUNT [FIRST_SEED]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/must.h"
#include "storage/verify.h"
#include "tests/lib/store_double.h"
#include "tests/storage/lab.h"
#include "tests/storage/stream.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct pair {
    struct lab lab;
    struct store_double *twin;
    struct stream streams[2];
    uint64_t choices; /* what the test does, apart from what the batches are */
    uint64_t seed;
    unsigned long batches;
    unsigned long reopened;
    unsigned long read;
    unsigned long pages_lost;
};

static void fail(const struct pair *p, const char *what, const struct buf *a, const struct buf *b)
{
    (void)fprintf(stderr, "seed %llu: %s\n--- lmdb\n%s--- double\n%s", (unsigned long long)p->seed,
                  what, buf_text(a), buf_text(b));
    abort();
}

static void compare_images(struct pair *p)
{
    struct store_image image = {0};
    store_double_load(p->twin, &image);
    struct buf real = {0};
    struct buf twin = {0};
    lab_describe(&p->lab.image, &real);
    lab_describe(&image, &twin);
    if (image.formatted != p->lab.image.formatted ||
        strcmp(buf_text(&real), buf_text(&twin)) != 0) {
        fail(p, "images differ", &real, &twin);
    }
    buf_close(&real);
    buf_close(&twin);
    store_image_close(&image);
}

/* One to five batches to both, and wait. */
static void feed(struct pair *p)
{
    uint64_t count = 1 + lab_below(&p->choices, 5);
    uint64_t sequence = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct store_batch *batch = stream_next(&p->streams[0]);
        sequence = batch->sequence;
        store_submit(p->lab.store, batch);
        store_double_submit(p->twin, stream_next(&p->streams[1]));
    }
    lab_wait(&p->lab, sequence);
    MUST(store_double_commit(p->twin, count) == sequence);
    p->batches += count;
}

static void wait_read(struct pair *p, uint64_t reader, struct store_event *event)
{
    lab_event(&p->lab, event);
    MUST(event->kind == STORE_READ);
    MUST(event->reader == reader);
    if (event->status != 0) {
        (void)fprintf(stderr, "seed %llu: reader: %s\n", (unsigned long long)p->seed,
                      event->err.msg);
        abort();
    }
}

/* Read all rows while both go on. */
static void compare_readers(struct pair *p)
{
    uint64_t id = store_reader_open(p->lab.store);
    struct store_double_reader *reader = store_double_reader_open(p->twin);
    struct store_event event;
    wait_read(p, id, &event);
    const struct store_snapshot *snapshot = store_double_reader_snapshot(reader);
    MUST(event.applied_index == store_double_reader_applied(reader));
    MUST(event.applied_term == store_double_reader_term(reader));
    MUST(event.snapshot.index == snapshot->index);
    MUST(event.snapshot.conf.size == snapshot->conf.size);
    store_event_close(&event);
    struct buf real = {0};
    struct buf twin = {0};
    bool is_last = false;
    while (!is_last) {
        size_t bytes_max = 1 + lab_below(&p->choices, 20000);
        store_reader_next(p->lab.store, id, bytes_max);
        wait_read(p, id, &event);
        struct store_batch *rows = store_double_reader_next(reader, bytes_max, &is_last);
        lab_describe_rows(event.rows, &real);
        lab_describe_rows(rows, &twin);
        if (is_last != event.is_last || strcmp(buf_text(&real), buf_text(&twin)) != 0) {
            fail(p, "readers differ", &real, &twin);
        }
        store_batch_destroy(rows);
        store_event_close(&event);
        if (lab_below(&p->choices, 2) == 0) {
            feed(p);
        }
    }
    store_reader_close(p->lab.store, id);
    store_double_reader_close(reader);
    buf_close(&real);
    buf_close(&twin);
    p->read++;
}

/* What LMDB leaves behind must be what verify.c calls sound, without a page lost; and it never
 * wrote beyond what space.c had made sure of. */
static void check_file(struct pair *p)
{
    lab_wait_clean(&p->lab); /* or garbage makes it grow meanwhile */
    struct store_stats stats;
    store_stats(p->lab.store, &stats);
    lab_shut(&p->lab);
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/data.mdb", p->lab.path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct verify_result result;
    struct err err = {0};
    if (verify_file(fd, &result, &err) != 0) {
        (void)fprintf(stderr, "seed %llu: %s\n", (unsigned long long)p->seed, err.msg);
        abort();
    }
    p->pages_lost += result.pages_lost;
    struct stat st;
    MUST(fstat(fd, &st) == 0);
    MUST((uint64_t)st.st_size == stats.file_bytes);
    (void)close(fd);
}

static void run(struct pair *p, uint64_t seed)
{
    p->seed = seed;
    p->choices = seed * 3 + 1;
    lab_init(&p->lab);
    p->twin = store_double_create();
    stream_init(&p->streams[0], seed);
    stream_init(&p->streams[1], seed);
    lab_must_open(&p->lab);
    compare_images(p);
    for (uint64_t n = 2 + lab_below(&p->choices, 8); n > 0; n--) {
        feed(p);
        if (lab_below(&p->choices, 6) == 0) {
            compare_readers(p);
        }
        if (n == 1 || lab_below(&p->choices, 6) == 0) {
            check_file(p);
            lab_must_open(&p->lab);
            compare_images(p);
            stream_restart(&p->streams[0]);
            stream_restart(&p->streams[1]);
            p->reopened++;
        }
    }
    store_double_destroy(p->twin);
    lab_close(&p->lab);
}

int main(int argc, char **argv)
{
    unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
    unsigned long first = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    static struct pair pair;
    (void)printf("1..1\n");
    for (unsigned long seed = first; seed < first + count; seed++) {
        run(&pair, seed);
    }
    (void)printf("# %lu streams, %lu batches, %lu reopened, %lu read, %lu pages lost\n", count,
                 pair.batches, pair.reopened, pair.read, pair.pages_lost);
    bool is_ok = pair.pages_lost == 0 && (count < 100 || (pair.reopened > count && pair.read > 0));
    (void)printf("%s 1 - double and LMDB answer alike\n", is_ok ? "ok" : "not ok");
    return is_ok ? 0 : 1;
}
