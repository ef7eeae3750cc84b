/* base/log_queue.c - a list behind a short lock, and the thread that empties it.
 *
 * The wake-up is a semaphore and not a condition, because sem_post() is all that a signal handler
 * may call. is_awake keeps it from counting up: a producer that finds it set knows that the writer
 * has yet to clear it, and looks at the list only after that. */
#include "base/log_queue.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/must.h"

#define WRITER_STACK_BYTES ((size_t)256 * 1024)

/* A signal handler may use them. */
_Static_assert(ATOMIC_BOOL_LOCK_FREE == 2, "log_queue_wake() is for signal handlers too");

struct queued_line {
    struct list link;
    struct buf text;
    uint64_t dropped_before; /* lines that are missing in front of this one */
};

static size_t memory_of(const struct queued_line *line)
{
    return sizeof(*line) + line->text.room;
}

static void lock(struct log_queue *q)
{
    int rc = pthread_mutex_lock(&q->lock);
    MUST(rc == 0);
}

static void unlock(struct log_queue *q)
{
    int rc = pthread_mutex_unlock(&q->lock);
    MUST(rc == 0);
}

bool log_queue_is_open(const struct log_queue *q)
{
    return atomic_load(&q->is_open);
}

void log_queue_wake(struct log_queue *q)
{
    int keep = errno; /* of the code that the signal interrupted */
    if (log_queue_is_open(q) && !atomic_exchange(&q->is_awake, true)) {
        (void)sem_post(&q->wake); /* cannot overflow: at most one post is on its way */
    }
    errno = keep;
}

/* Under the lock. */
static enum log_queue_answer push_locked(struct log_queue *q, struct queued_line *line)
{
    if (!log_queue_is_open(q)) {
        return LOG_QUEUE_CLOSED; /* the writer has just ended */
    }
    size_t bytes = memory_of(line);
    if (bytes > q->bytes_max || q->bytes > q->bytes_max - bytes) {
        q->dropped++;
        return LOG_QUEUE_DROPPED;
    }
    line->dropped_before = q->dropped;
    q->dropped = 0;
    q->bytes += bytes;
    q->count++;
    list_push_back(&q->lines, &line->link);
    return LOG_QUEUE_TAKEN;
}

enum log_queue_answer log_queue_push(struct log_queue *q, struct buf *text)
{
    if (!log_queue_is_open(q)) {
        return LOG_QUEUE_CLOSED; /* may be a queue that never was open: it has no lock */
    }
    struct queued_line *line = mem_zalloc(sizeof(*line));
    list_init(&line->link);
    line->text = *text;
    lock(q);
    enum log_queue_answer answer = push_locked(q, line);
    unlock(q);
    if (answer != LOG_QUEUE_TAKEN) {
        mem_free(line); /* the text is still the caller's */
        return answer;
    }
    *text = (struct buf){0};
    log_queue_wake(q);
    return LOG_QUEUE_TAKEN;
}

/* Write one line, and only then make its room free. */
static void finish_line(struct log_queue *q, struct queued_line *line)
{
    if (line->dropped_before > 0) {
        q->owner->dropped(q->arg, line->dropped_before);
    }
    q->owner->line(q->arg, line->text.bytes, line->text.size);
    lock(q);
    q->bytes -= memory_of(line);
    q->count--;
    unlock(q);
    buf_close(&line->text);
    mem_free(line);
}

enum drained { DRAINED, DRAINED_AND_CLOSED };

/* Write until nothing is left, then close if that was asked for. */
static enum drained drain(struct log_queue *q)
{
    for (;;) {
        struct list taken;
        list_init(&taken);
        lock(q);
        list_splice_back(&taken, &q->lines);
        uint64_t dropped = list_empty(&taken) ? q->dropped : 0;
        q->dropped -= dropped;
        bool is_end = list_empty(&taken) && dropped == 0;
        bool is_closing = is_end && q->is_stopping;
        if (is_closing) {
            atomic_store(&q->is_open, false); /* under the lock: no line can slip in */
        }
        unlock(q);
        if (is_end) {
            return is_closing ? DRAINED_AND_CLOSED : DRAINED;
        }
        if (dropped > 0) {
            q->owner->dropped(q->arg, dropped);
        }
        for (struct list *link = list_pop_front(&taken); link != NULL;
             link = list_pop_front(&taken)) {
            finish_line(q, CONTAINER_OF(link, struct queued_line, link));
        }
    }
}

static void *writer_main(void *arg)
{
    struct log_queue *q = arg;
    do {
        int rc = 0;
        do {
            rc = sem_wait(&q->wake);
        } while (rc != 0 && errno == EINTR);
        MUST(rc == 0);
        (void)atomic_exchange(&q->is_awake, false);
        q->owner->turn(q->arg);
    } while (drain(q) != DRAINED_AND_CLOSED);
    (void)sem_post(&q->done); /* at most one, as the thread is started once */
    return NULL;
}

static int start_thread(struct log_queue *q, struct err *err)
{
    pthread_attr_t attr;
    int rc = pthread_attr_init(&attr);
    MUST(rc == 0);
    size_t least = (size_t)PTHREAD_STACK_MIN;
    rc = pthread_attr_setstacksize(&attr, WRITER_STACK_BYTES > least ? WRITER_STACK_BYTES : least);
    MUST(rc == 0);
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    rc = pthread_sigmask(SIG_SETMASK, &all, &before); /* the thread inherits it */
    MUST(rc == 0);
    int created = pthread_create(&q->thread, &attr, writer_main, q);
    rc = pthread_sigmask(SIG_SETMASK, &before, NULL);
    MUST(rc == 0);
    (void)pthread_attr_destroy(&attr);
    if (created != 0) {
        return err_errno(err, created, "start the log's writer thread");
    }
    (void)pthread_setname_np(q->thread, "pgraft-log"); /* for top and gdb */
    return 0;
}

static void make_ready(struct log_queue *q)
{
    if (q->is_ready) {
        return;
    }
    int rc = sem_init(&q->wake, 0, 0);
    MUST(rc == 0);
    rc = sem_init(&q->done, 0, 0);
    MUST(rc == 0);
    rc = pthread_mutex_init(&q->lock, NULL);
    MUST(rc == 0);
    list_init(&q->lines);
    q->is_ready = true;
}

int log_queue_start(struct log_queue *q, size_t bytes_max, const struct log_queue_owner *owner,
                    void *arg, struct err *err)
{
    MUST(bytes_max > 0);
    MUST(!q->has_thread || q->is_stopping); /* not started twice */
    if (q->has_thread) {
        return err_set(err, ERR_BUSY, "the writer of the log hangs in a write");
    }
    make_ready(q);
    q->bytes_max = bytes_max;
    q->owner = owner;
    q->arg = arg;
    q->is_stopping = false;
    int rc = start_thread(q, err);
    if (rc == 0) {
        q->has_thread = true;
        atomic_store(&q->is_open, true);
    }
    return rc;
}

static struct timespec mono_in_ms(uint64_t ms)
{
    MUST(ms < UINT64_MAX / NS_PER_MS / 2);
    uint64_t at_ns = clock_ns(clock_system(), CLOCK_MONO) + ms * NS_PER_MS;
    return (struct timespec){.tv_sec = (time_t)(at_ns / NS_PER_S),
                             .tv_nsec = (long)(at_ns % NS_PER_S)};
}

int log_queue_stop(struct log_queue *q, uint64_t wait_ms_max, struct err *err)
{
    if (!q->has_thread) {
        return 0;
    }
    lock(q);
    q->is_stopping = true;
    unlock(q);
    log_queue_wake(q);
    struct timespec until = mono_in_ms(wait_ms_max);
    int rc = 0;
    do {
        rc = sem_clockwait(&q->done, CLOCK_MONOTONIC, &until);
    } while (rc != 0 && errno == EINTR);
    if (rc == 0) {
        rc = pthread_join(q->thread, NULL);
        MUST(rc == 0);
        q->has_thread = false;
        return 0;
    }
    MUST(errno == ETIMEDOUT);
    lock(q);
    uint64_t left = q->count;
    unlock(q);
    return err_set(err, ERR_TIMEOUT,
                   "the writer of the log hangs in a write: %" PRIu64 " lines are not written",
                   left);
}
