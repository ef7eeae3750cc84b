/* base/log_queue.h - lines on their way to a thread that may be slow.
 *
 * Whoever has a line puts it here and goes on; one writer thread hands the lines, in their order,
 * to the functions of its owner. At most bytes_max of memory wait; what comes beyond is dropped,
 * and the writer is told how many were, at the place where they are missing. A sleeping writer
 * wakes for nothing but work (I6).
 *
 *            log_queue_start()              log_queue_stop(): written, all of it
 *   closed ---------------------> open ----------------------------------------> closed
 *
 * When the writer hangs in a write, log_queue_stop() gives up: the queue stays open and takes lines
 * until it is full, and the writer, should it ever return, writes them and closes. So a struct
 * log_queue, initialised by zeroing, lives as long as the process. log_queue_start() and _stop()
 * belong to one thread. */
#ifndef BASE_LOG_QUEUE_H_
#define BASE_LOG_QUEUE_H_

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"

struct err;

/* Called by the writer thread alone, without a lock. */
struct log_queue_owner {
    void (*turn)(void *arg); /* the writer was woken, whatever for */
    void (*line)(void *arg, const char *line, size_t size);
    void (*dropped)(void *arg, uint64_t lines);
};

struct log_queue {
    atomic_bool is_open;
    atomic_bool is_awake; /* a post of wake is on its way, or the writer has not looked yet */
    sem_t wake;
    sem_t done;
    bool is_ready;   /* the semaphores and the lock exist */
    bool has_thread; /* started and not joined */
    const struct log_queue_owner *owner;
    void *arg;
    pthread_t thread;

    pthread_mutex_t lock; /* of what follows */
    struct list lines;
    uint64_t count; /* of lines that are not written yet */
    size_t bytes;   /* that they take */
    size_t bytes_max;
    uint64_t dropped; /* since the last line that got in */
    bool is_stopping;
};

/* The writer's thread starts with all signals blocked and a small stack. ERR_BUSY while an earlier
 * one hangs. */
int log_queue_start(struct log_queue *q, size_t bytes_max, const struct log_queue_owner *owner,
                    void *arg, struct err *err);

enum log_queue_answer {
    LOG_QUEUE_TAKEN,   /* the bytes are the queue's now */
    LOG_QUEUE_DROPPED, /* no room: counted */
    LOG_QUEUE_CLOSED,  /* there is no writer: the caller has to do it */
};
/* From any thread; waits for nothing but a short lock. */
enum log_queue_answer log_queue_push(struct log_queue *q, struct buf *line);

bool log_queue_is_open(const struct log_queue *q);
/* Have the writer call turn(); from any thread and from signal handlers. */
void log_queue_wake(struct log_queue *q);
/* Let the writer finish, for at most @wait_ms_max; on ERR_TIMEOUT, see above, it may be called
 * again. */
int log_queue_stop(struct log_queue *q, uint64_t wait_ms_max, struct err *err);

#endif /* BASE_LOG_QUEUE_H_ */
