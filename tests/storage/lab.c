/* tests/storage/lab.c - directories, events and images for the storage tests. */
#include "tests/storage/lab.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/must.h"
#include "storage/pack.h"

#define PATIENCE_MS 20000

uint64_t lab_random(uint64_t *seed)
{
    *seed += UINT64_C(0x632be59bd9b4e019);
    return mix64(*seed);
}

uint64_t lab_below(uint64_t *seed, uint64_t below)
{
    return lab_random(seed) % below;
}

void lab_init(struct lab *lab)
{
    memset(lab, 0, sizeof(*lab));
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : getenv("TMPDIR");
    (void)snprintf(lab->root, sizeof(lab->root), "%s/pgraft-XXXXXX", base != NULL ? base : "/tmp");
    MUST(mkdtemp(lab->root) != NULL);
    (void)snprintf(lab->path, sizeof(lab->path), "%s/store", lab->root);
    lab->settings = (struct store_settings){
        .path = lab->path,
        .limit_bytes = UINT64_C(64) << 20,
        .reserve_bytes = UINT64_C(64) << 10,
    };
}

static void remove_files(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return;
    }
    const struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL) {
        (void)unlinkat(dirfd(dir), entry->d_name, 0); /* "." and ".." stay */
    }
    (void)closedir(dir);
    (void)rmdir(path);
}

void lab_close(struct lab *lab)
{
    lab_shut(lab);
    remove_files(lab->path);
    remove_files(lab->root);
}

int lab_open(struct lab *lab, struct err *err)
{
    lab_shut(lab);
    return store_open(&lab->settings, &lab->store, &lab->image, err);
}

void lab_must_open(struct lab *lab)
{
    struct err err = {0};
    if (lab_open(lab, &err) != 0) {
        (void)fprintf(stderr, "open: %s\n", err.msg);
        abort();
    }
}

void lab_shut(struct lab *lab)
{
    store_close(lab->store);
    lab->store = NULL;
    store_image_close(&lab->image);
}

void lab_event(struct lab *lab, struct store_event *event)
{
    while (!store_poll(lab->store, event)) {
        struct pollfd fd = {.fd = store_fd(lab->store), .events = POLLIN};
        if (poll(&fd, 1, PATIENCE_MS) == 0) {
            (void)fprintf(stderr, "no event for %d ms\n", PATIENCE_MS);
            abort();
        }
    }
}

void lab_wait(struct lab *lab, uint64_t sequence)
{
    uint64_t durable = 0;
    while (durable < sequence) {
        struct store_event event;
        lab_event(lab, &event);
        if (event.kind != STORE_DURABLE) {
            (void)fprintf(stderr, "unexpected event %d: %s\n", event.kind, event.err.msg);
            abort();
        }
        durable = event.sequence;
    }
    MUST(durable == sequence);
}

void lab_wait_clean(struct lab *lab)
{
    struct store_stats stats;
    store_stats(lab->store, &stats);
    for (int i = 0; i < PATIENCE_MS && stats.has_garbage; i++) {
        (void)poll(NULL, 0, 1); /* nobody is told of the end of garbage */
        store_stats(lab->store, &stats);
    }
    MUST(!stats.has_garbage);
}

static void describe_number(struct buf *text, const char *name, uint64_t number)
{
    buf_printf(text, "%s %llu\n", name, (unsigned long long)number);
}

void lab_describe_rows(const struct store_batch *rows, struct buf *text)
{
    size_t at = 0;
    struct store_row row;
    while (store_batch_next_row(rows, &at, &row)) {
        buf_printf(text, "row %zu %zu %08x %08x\n", row.key_size, row.value_size,
                   crc32c(row.key, row.key_size), crc32c(row.value, row.value_size));
    }
}

void lab_describe(const struct store_image *image, struct buf *text)
{
    describe_number(text, "moved", image->moved);
    buf_printf(text, "cluster %08x\n", crc32c(image->identity.cluster_id, CLUSTER_ID_SIZE));
    describe_number(text, "node", image->identity.node_id);
    describe_number(text, "incarnation", image->identity.incarnation);
    describe_number(text, "term", image->hard.term);
    describe_number(text, "vote", image->hard.vote);
    describe_number(text, "batches", image->batch_counter);
    describe_number(text, "snapshot", image->snapshot.index);
    describe_number(text, "snapshot term", image->snapshot.term);
    describe_number(text, "conf index", image->snapshot.conf_index);
    buf_printf(text, "conf %zu %08x\n", image->snapshot.conf.size,
               crc32c(image->snapshot.conf.bytes, image->snapshot.conf.size));
    describe_number(text, "applied", image->applied_index);
    describe_number(text, "first", image->log_first);
    describe_number(text, "last", image->log_last);
    size_t at = 0;
    struct store_entry entry;
    while (store_batch_next_entry(image->content, &at, &entry)) {
        buf_printf(text, "entry %llu term %llu type %u %zu %08x\n", (unsigned long long)entry.index,
                   (unsigned long long)entry.term, entry.type, entry.size,
                   crc32c(entry.data, entry.size));
    }
    lab_describe_rows(image->content, text);
}

uint64_t lab_digest(const struct store_image *image)
{
    struct buf text = {0};
    lab_describe(image, &text);
    uint64_t digest = mix64(text.size);
    for (size_t i = 0; i < text.size; i += 64) {
        size_t part = text.size - i < 64 ? text.size - i : 64;
        digest = mix64(digest ^ crc32c(text.bytes + i, part));
    }
    buf_close(&text);
    return digest;
}

void lab_copy_file(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    MUST(in >= 0);
    MUST(out >= 0);
    char bytes[65536];
    ssize_t got = 0;
    while ((got = read(in, bytes, sizeof(bytes))) > 0) {
        MUST(write(out, bytes, (size_t)got) == got);
    }
    (void)close(in);
    (void)close(out);
}
