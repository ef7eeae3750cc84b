/* bench/open.c - what opening a store takes, and reading all of its state beside its owner.
 *
 * A state of rows of 1 KiB is filled once; then, several times, the store is opened (its structure
 * and every checksum verified, all rows loaded) and read through by a snapshot reader, answer by
 * answer. From the page cache: what a disk adds is the disk's. Beside each time stands the
 * processor time of the process, which a busy machine does not make longer.
 *
 * usage: open DIR [MIB] [ROUNDS] */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/must.h"
#include "storage/store.h"

#define ROW_BYTES 1024
#define ROWS_A_MIB 1000
#define ROWS_A_BATCH 500
#define ANSWER_BYTES ((size_t)256 * 1024)

static uint64_t now_ns(void)
{
    return clock_ns(clock_system(), CLOCK_MONO);
}

/* Of all threads. */
static double used_ms(void)
{
    struct timespec used;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6;
}

static double ms_since(uint64_t start_ns)
{
    return (double)(now_ns() - start_ns) / 1e6;
}

/* The next event; it is the caller's to close. */
static void wait_event(struct store *store, struct store_event *event)
{
    while (!store_poll(store, event)) {
        struct pollfd fd = {.fd = store_fd(store), .events = POLLIN};
        (void)poll(&fd, 1, -1);
    }
}

static void fill(struct store *store, unsigned long rows)
{
    char key[24];
    char value[ROW_BYTES];
    uint64_t sequence = 0;
    for (unsigned long row = 0; row < rows;) {
        sequence++;
        struct store_batch *batch = store_batch_create(sequence);
        for (unsigned int i = 0; i < ROWS_A_BATCH && row < rows; i++, row++) {
            memset(value, 'a' + (int)(row % 26), sizeof(value));
            int size = snprintf(key, sizeof(key), "k%012lu", row);
            store_batch_add_row(batch, &(struct store_row){.key = key,
                                                           .key_size = (size_t)size,
                                                           .value = value,
                                                           .value_size = sizeof(value)});
        }
        store_submit(store, batch);
        uint64_t durable = 0;
        while (durable < sequence) {
            struct store_event event;
            wait_event(store, &event);
            durable = event.kind == STORE_DURABLE ? event.sequence : durable;
            store_event_close(&event);
        }
    }
}

/* One answer of the reader; false: the last. */
static bool next_answer(struct store *store, uint64_t reader, bool opens, double *ret_ms)
{
    struct store_event event;
    uint64_t start_ns = now_ns();
    if (!opens) {
        store_reader_next(store, reader, ANSWER_BYTES);
    }
    wait_event(store, &event);
    *ret_ms = ms_since(start_ns);
    MUST(event.kind == STORE_READ);
    MUST(event.status == 0);
    bool is_last = event.is_last;
    store_event_close(&event);
    return !is_last;
}

static void read_all(struct store *store)
{
    unsigned int answers = 0;
    double ms = 0;
    double longest_ms = 0;
    uint64_t start_ns = now_ns();
    double before_ms = used_ms();
    uint64_t reader = store_reader_open(store);
    bool goes_on = next_answer(store, reader, true, &ms);
    while (goes_on) {
        goes_on = next_answer(store, reader, false, &ms);
        answers++;
        longest_ms = ms > longest_ms ? ms : longest_ms;
    }
    store_reader_close(store, reader);
    (void)printf("; read in %u answers in %4.0f ms (%3.0f), the slowest in %4.1f ms\n", answers,
                 ms_since(start_ns), used_ms() - before_ms, longest_ms);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        (void)fprintf(stderr, "usage: open DIR [MIB] [ROUNDS]\n");
        return 2;
    }
    unsigned long mib = argc > 2 ? strtoul(argv[2], NULL, 10) : 64;
    unsigned long rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : 5;
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/store", argv[1]);
    for (unsigned long round = 0; round <= rounds; round++) {
        struct store_settings settings = {.path = path};
        struct store *store = NULL;
        struct store_image image = {.formatted = false};
        struct err err = {0};
        uint64_t start_ns = now_ns();
        double before_ms = used_ms();
        if (store_open(&settings, &store, &image, &err) != 0) {
            (void)fprintf(stderr, "store: %s\n", err.msg);
            return 1;
        }
        double open_ms = ms_since(start_ns);
        double open_used_ms = used_ms() - before_ms;
        store_image_close(&image);
        if (round == 0) {
            fill(store, mib * ROWS_A_MIB);
        } else {
            (void)printf("%lu MiB in %lu rows: opened in %4.0f ms (%3.0f)", mib, mib * ROWS_A_MIB,
                         open_ms, open_used_ms);
            read_all(store);
        }
        store_close(store);
    }
    return 0;
}
