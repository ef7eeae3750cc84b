/* bench/compaction.c - what log compaction costs those who append meanwhile.
 *
 * A log of many entries is appended to all the time, once as it is and once while most of it is
 * given up at a stroke, so that its bytes leave the disk in slices. Goal: no transaction that only
 * takes garbage away takes 20 ms, commit included.
 *
 * usage: compaction DIR [ENTRIES]; the exit status is 1 when the goal is missed. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "bench/durable.h"
#include "storage/store.h"

#define ENTRY_SIZE 256
#define GROUP 256
#define GOAL_MS 20

struct bench {
    struct store *store;
    uint64_t index;
    uint64_t sequence;
    char entry[ENTRY_SIZE];
};

static uint64_t now_ns(void)
{
    return clock_ns(clock_system(), CLOCK_MONO);
}

/* @count entries, and nothing before @trim_below any more; how long it took until it was durable.
 */
static uint64_t append(struct bench *b, unsigned count, uint64_t trim_below)
{
    uint64_t start_ns = now_ns();
    b->sequence++;
    struct store_batch *batch = store_batch_create(b->sequence);
    for (unsigned i = 0; i < count; i++) {
        b->index++;
        store_batch_add_entry(batch,
                              &(struct store_entry){b->index, 1, 0, b->entry, sizeof(b->entry)});
    }
    batch->trim_below = trim_below;
    store_submit(b->store, batch);
    wait_durable(b->store, b->sequence);
    return now_ns() - start_ns;
}

static double us_at(const uint64_t *ns, size_t at)
{
    return (double)ns[at] / 1e3;
}

/* Appends of one entry, for as long as there is garbage, but at least @least. */
static void append_and_tell(struct bench *b, const char *what, size_t least, uint64_t trim_below)
{
    size_t room = least;
    uint64_t *ns = mem_array(room, sizeof(*ns));
    size_t count = 0;
    struct store_stats stats;
    do {
        if (count == room) {
            room *= 2;
            ns = mem_grow(ns, room, sizeof(*ns));
        }
        ns[count] = append(b, 1, count == 0 ? trim_below : 0);
        count++;
        store_stats(b->store, &stats);
    } while (stats.has_garbage || count < least);
    qsort(ns, count, sizeof(*ns), compare_u64);
    (void)printf("%-24s %6zu appends, median %5.0f us, 99th %6.0f us, longest %6.0f us\n", what,
                 count, us_at(ns, count / 2), us_at(ns, count * 99 / 100), us_at(ns, count - 1));
    mem_free(ns);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fprintf(stderr, "usage: compaction DIR [ENTRIES]\n");
        return 2;
    }
    unsigned long entries = argc > 2 ? strtoul(argv[2], NULL, 10) : 500000;
    static struct bench b;
    memset(b.entry, 'e', sizeof(b.entry));
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/store", argv[1]);
    struct store_image image = {.formatted = false};
    struct err err = {0};
    if (store_open(&(struct store_settings){.path = path}, &b.store, &image, &err) != 0) {
        (void)fprintf(stderr, "store: %s\n", err.msg);
        return 1;
    }
    store_image_close(&image);
    while (b.index < entries) {
        (void)append(&b, GROUP, 0);
    }
    append_and_tell(&b, "a log as it is", 2000, 0);
    append_and_tell(&b, "while most of it leaves", 2000, b.index - 1000);
    struct store_stats stats;
    store_stats(b.store, &stats);
    while (stats.has_garbage) { /* what was left to do while nobody appends */
        (void)poll(NULL, 0, 1);
        store_stats(b.store, &stats);
    }
    (void)printf("longest transaction that only takes garbage away: %.1f ms, goal %.0f\n",
                 (double)stats.garbage_ns_max / 1e6, (double)GOAL_MS);
    store_close(b.store);
    return stats.garbage_ns_max <= GOAL_MS * NS_PER_MS ? 0 : 1;
}
