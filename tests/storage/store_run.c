/* tests/storage/store_run.c - a store with a short life, to be watched from outside by strace.
 *
 * usage: store_run DIR BATCHES IDLE_MS
 * Says "open", then "durable N" for each batch as soon as it is reported, "idle", waits, "busy". */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/store.h"

static void say(const char *what, unsigned long number)
{
    char line[64];
    int size = snprintf(line, sizeof(line), "%s %lu\n", what, number);
    /* One write(2) a line: they are what the trace is searched for. */
    ssize_t ignored = write(STDOUT_FILENO, line, (size_t)size);
    (void)ignored;
}

static void wait_durable(struct store *store, uint64_t sequence)
{
    uint64_t durable = 0;
    while (durable < sequence) {
        struct pollfd fd = {.fd = store_fd(store), .events = POLLIN};
        (void)poll(&fd, 1, -1);
        struct store_event event;
        while (store_poll(store, &event)) {
            durable = event.kind == STORE_DURABLE ? event.sequence : durable;
            store_event_close(&event);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        (void)fprintf(stderr, "usage: store_run DIR BATCHES IDLE_MS\n");
        return 2;
    }
    struct store_settings settings = {.path = argv[1]};
    struct store *store = NULL;
    struct store_image image = {.formatted = false};
    struct err err = {0};
    if (store_open(&settings, &store, &image, &err) != 0) {
        (void)fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    say("open", 0);
    unsigned long count = strtoul(argv[2], NULL, 10);
    for (unsigned long i = 1; i <= count; i++) {
        struct store_batch *batch = store_batch_create(i);
        batch->has_hard = true;
        batch->hard = (struct store_hard){image.hard.term + i, 1};
        store_submit(store, batch);
        wait_durable(store, i);
        say("durable", i);
    }
    say("idle", 0);
    (void)poll(NULL, 0, (int)strtol(argv[3], NULL, 10));
    say("busy", 0);
    store_close(store);
    store_image_close(&image);
    return 0;
}
