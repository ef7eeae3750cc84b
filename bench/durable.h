/* bench/durable.h - what the programs that measure the store share. */
#ifndef BENCH_DURABLE_H_
#define BENCH_DURABLE_H_

#include <poll.h>

#include "storage/store.h"

/* Until the batch @sequence, and all before it, are on the disk. */
static inline void wait_durable(struct store *store, uint64_t sequence)
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

/* For qsort(). */
static inline int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

#endif /* BENCH_DURABLE_H_ */
