/* storage/store.c - the storage thread and the two lists between it and its owner.
 *
 *   owner: store_submit(), store_reader_*()  --> inbox   --+
 *                                                          v
 *   thread: serve: commit what waits, answer one reader, take one slice of garbage; or sleep
 *                                                          |
 *   owner: store_poll() when store_fd() is readable <-- outbox
 *
 * Everything between the two is under one mutex, held for a few list operations. A full store makes
 * the thread sleep in steps (RETRY_*) and try again; it is woken earlier by whatever may help. */
#include "storage/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "storage/load.h"
#include "storage/writer.h"

#define STACK_SIZE ((size_t)256 * 1024)
#define RETRY_NS_MIN (50 * NS_PER_MS)
#define RETRY_NS_MAX NS_PER_S
#define NEVER UINT64_MAX

enum request_kind { READER_OPEN, READER_NEXT, READER_CLOSE };

struct request {
    struct list link;
    enum request_kind kind;
    uint64_t reader;
    size_t bytes_max;
};

struct store {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    int event_fd;

    /* Under the mutex. */
    struct list inbox;    /* batches */
    struct list requests; /* of readers */
    struct list outbox;   /* events */
    bool stop;
    struct store_stats stats;

    /* The owner's. */
    uint64_t last_sequence;
    uint64_t last_reader;

    atomic_uint_least64_t commit_since_ns;

    /* The thread's. */
    struct writer writer;
    uint64_t retry_at_ns; /* NEVER: the store is not full */
    uint64_t retry_step_ns;
    bool collect_stuck; /* not even garbage can go: wait as for batches */
    bool dead;
    uint64_t reader_age_ns_max;
    void (*on_fatal)(void *ctx, const struct err *err);
    void (*on_thread)(void *ctx);
    void *ctx;
    char *path;
};

/* --- events ------------------------------------------------------------------------------- */

static void notify(const struct store *store)
{
    uint64_t one = 1;
    /* Fails only when the counter is full: then the owner has been told more than once. */
    ssize_t ignored = write(store->event_fd, &one, sizeof(one));
    (void)ignored;
}

/* Reports that follow each other become one. */
static bool merge_durable(struct store *store, const struct store_event *event)
{
    if (event->kind != STORE_DURABLE || list_empty(&store->outbox)) {
        return false;
    }
    struct store_event *last = CONTAINER_OF(store->outbox.prev, struct store_event, link);
    if (last->kind != STORE_DURABLE) {
        return false;
    }
    MUST(last->sequence < event->sequence);
    last->sequence = event->sequence;
    return true;
}

/* Hand @event over; it is emptied. */
static void post(struct store *store, struct store_event *event)
{
    (void)pthread_mutex_lock(&store->mutex);
    if (!merge_durable(store, event)) {
        struct store_event *copy = mem_dup(event, sizeof(*event));
        list_init(&copy->link);
        list_push_back(&store->outbox, &copy->link);
    }
    (void)pthread_mutex_unlock(&store->mutex);
    memset(event, 0, sizeof(*event));
    notify(store);
}

bool store_poll(struct store *store, struct store_event *ret_event)
{
    uint64_t count = 0;
    /* Before the list is looked at, so that nothing is missed; what fails was empty. */
    ssize_t ignored = read(store->event_fd, &count, sizeof(count));
    (void)ignored;
    (void)pthread_mutex_lock(&store->mutex);
    struct list *link = list_pop_front(&store->outbox);
    bool is_more = !list_empty(&store->outbox);
    (void)pthread_mutex_unlock(&store->mutex);
    if (link == NULL) {
        return false;
    }
    if (is_more) {
        notify(store);
    }
    struct store_event *event = CONTAINER_OF(link, struct store_event, link);
    *ret_event = *event;
    list_init(&ret_event->link);
    mem_free(event);
    return true;
}

void store_event_close(struct store_event *event)
{
    buf_close(&event->snapshot.conf);
    store_batch_destroyp(&event->rows);
}

/* --- the thread --------------------------------------------------------------------------- */

/* The end: whoever relied on this store must go too. */
static void die(struct store *store, const struct err *err)
{
    struct err last = *err;
    if (err->code == ERR_CORRUPT) {
        (void)err_set(&last, ERR_CORRUPT,
                      "the store is damaged; remove %s and start again to re-join: %s", store->path,
                      err->msg);
    } else {
        (void)err_set(&last, err->code,
                      "nothing in %s can be relied on; check disk and kernel log, start again: %s",
                      store->path, err->msg);
    }
    store->dead = true;
    if (store->on_fatal != NULL) {
        store->on_fatal(store->ctx, &last);
        return;
    }
    (void)fprintf(stderr, "pgraft: storage: %s\n", last.msg);
    abort();
}

static void update_stats(struct store *store)
{
    const struct writer *writer = &store->writer;
    struct store_stats *stats = &store->stats;
    stats->used_bytes = writer->used_bytes;
    stats->file_bytes = writer->env.file_pages * writer->env.page_size;
    stats->limit_bytes = writer->limits.limit_bytes;
    stats->garbage_ns_max = writer->garbage_ns_max;
    stats->has_garbage = ledger_has_garbage(&writer->ledger);
}

static void count_commit(struct store_stats *stats, uint64_t took_ns)
{
    size_t bucket = 0;
    for (uint64_t bound_ns = 100000; bucket < STORE_COMMIT_BUCKETS - 1 && took_ns > bound_ns;) {
        bound_ns *= 2;
        bucket++;
    }
    stats->commit_bucket[bucket]++;
    stats->commit_ns_sum += took_ns;
}

static void note_commit(struct store *store, uint64_t took_ns)
{
    (void)pthread_mutex_lock(&store->mutex);
    update_stats(store);
    store->stats.commits++;
    count_commit(&store->stats, took_ns);
    if (took_ns > store->stats.commit_ns_max) {
        store->stats.commit_ns_max = took_ns;
    }
    (void)pthread_mutex_unlock(&store->mutex);
}

static void stall(struct store *store, const struct err *err)
{
    if (store->retry_at_ns == NEVER) {
        store->retry_step_ns = RETRY_NS_MIN;
        struct store_event event = {.kind = STORE_SPACE, .status = ERR_NO_SPACE, .err = *err};
        post(store, &event);
    } else if (store->retry_step_ns < RETRY_NS_MAX) {
        store->retry_step_ns *= 2;
    }
    store->retry_at_ns = writer_now_ns() + store->retry_step_ns;
}

static void unstall(struct store *store)
{
    if (store->retry_at_ns != NEVER) {
        store->retry_at_ns = NEVER;
        struct store_event event = {.kind = STORE_SPACE};
        post(store, &event);
    }
}

/* Something was freed. */
static void retry_now(struct store *store)
{
    if (store->retry_at_ns != NEVER) {
        store->retry_at_ns = 0;
    }
}

static void serve_batches(struct store *store)
{
    struct err err = {0};
    struct writer_progress progress;
    uint64_t start_ns = writer_now_ns();
    atomic_store(&store->commit_since_ns, start_ns);
    int r = writer_commit(&store->writer, &progress, &err);
    atomic_store(&store->commit_since_ns, 0);
    if (r == ERR_NO_SPACE) {
        stall(store, &err);
        return;
    }
    if (r != 0) {
        die(store, &err);
        return;
    }
    if (progress.committed) {
        note_commit(store, writer_now_ns() - start_ns);
    }
    if (progress.sequence != 0) {
        struct store_event event = {.kind = STORE_DURABLE, .sequence = progress.sequence};
        post(store, &event);
    }
    if (progress.has_room) {
        unstall(store);
    }
}

static void serve_request(struct store *store, const struct request *request)
{
    struct writer *writer = &store->writer;
    struct store_event event = {.kind = STORE_READ, .reader = request->reader};
    switch (request->kind) {
        case READER_OPEN:
            readers_open(&writer->readers, &writer->env, request->reader,
                         writer_now_ns() + store->reader_age_ns_max, &event);
            break;
        case READER_NEXT:
            readers_next(&writer->readers, request->reader, request->bytes_max, &event);
            break;
        case READER_CLOSE:
            readers_close(&writer->readers, &writer->env, request->reader);
            retry_now(store);
            return;
    }
    if (event.status == ERR_CORRUPT || event.status == ERR_IO) {
        die(store, &event.err);
        store_event_close(&event);
        return;
    }
    post(store, &event);
}

static void serve_garbage(struct store *store)
{
    struct err err = {0};
    uint64_t start_ns = writer_now_ns();
    atomic_store(&store->commit_since_ns, start_ns);
    int r = writer_collect(&store->writer, &err);
    atomic_store(&store->commit_since_ns, 0);
    if (r == ERR_NO_SPACE) {
        store->collect_stuck = true;
        stall(store, &err);
        return;
    }
    if (r != 0) {
        die(store, &err);
        return;
    }
    note_commit(store, writer_now_ns() - start_ns);
    store->collect_stuck = false;
    retry_now(store);
}

/* Nothing waits that would show whether there is space again. */
static void serve_probe(struct store *store)
{
    struct err err = {0};
    int r = writer_probe(&store->writer, &err);
    if (r == 0) {
        store->collect_stuck = false;
        unstall(store);
    } else if (r == ERR_BUSY) {
        retry_now(store);
    } else if (r == ERR_NO_SPACE) {
        stall(store, &err);
    } else {
        die(store, &err);
    }
}

/* What there is to do next; under the mutex. */
struct work {
    bool batches;
    bool garbage;
    bool probe;
    struct request *request;
    uint64_t sleep_until_ns; /* if there is none of these */
};

static struct work find_work(struct store *store, uint64_t reader_deadline_ns)
{
    struct writer *writer = &store->writer;
    bool is_stalled = store->retry_at_ns != NEVER;
    bool may_try = !is_stalled || store->retry_at_ns <= writer_now_ns();
    bool is_time = is_stalled && may_try;
    if (!list_empty(&store->inbox)) {
        may_try = true; /* there may be an essential one among them */
        list_splice_back(&writer->waiting, &store->inbox);
    }
    struct work work = {.sleep_until_ns = reader_deadline_ns};
    work.batches = may_try && !list_empty(&writer->waiting);
    work.garbage = ledger_has_garbage(&writer->ledger) && (may_try || !store->collect_stuck);
    work.probe = is_time && !work.batches && !work.garbage;
    struct list *link = list_pop_front(&store->requests);
    work.request = link != NULL ? CONTAINER_OF(link, struct request, link) : NULL;
    if (store->retry_at_ns < work.sleep_until_ns) {
        work.sleep_until_ns = store->retry_at_ns;
    }
    return work;
}

static void sleep_until(struct store *store, uint64_t until_ns)
{
    if (until_ns == NEVER) {
        (void)pthread_cond_wait(&store->wake, &store->mutex);
        return;
    }
    struct timespec until = {
        .tv_sec = (time_t)(until_ns / NS_PER_S),
        .tv_nsec = (long)(until_ns % NS_PER_S),
    };
    (void)pthread_cond_timedwait(&store->wake, &store->mutex, &until);
}

/* Wait for something to do. False: the store is being closed. */
static bool wait_for_work(struct store *store, struct work *ret_work)
{
    struct writer *writer = &store->writer;
    (void)pthread_mutex_lock(&store->mutex);
    for (;;) {
        uint64_t deadline_ns = readers_cut_old(&writer->readers, &writer->env, writer_now_ns());
        if (store->stop) {
            break;
        }
        if (store->dead) {
            sleep_until(store, NEVER);
            continue;
        }
        *ret_work = find_work(store, deadline_ns);
        if (ret_work->batches || ret_work->garbage || ret_work->probe ||
            ret_work->request != NULL) {
            break;
        }
        sleep_until(store, ret_work->sleep_until_ns);
    }
    bool goes_on = !store->stop;
    (void)pthread_mutex_unlock(&store->mutex);
    return goes_on;
}

static void *thread_main(void *arg)
{
    struct store *store = arg;
    struct work work = {0};
    if (store->on_thread != NULL) {
        store->on_thread(store->ctx);
    }
    while (wait_for_work(store, &work)) {
        if (work.batches) {
            serve_batches(store);
        }
        if (work.request != NULL && !store->dead) {
            serve_request(store, work.request);
        }
        mem_free(work.request);
        /* Batches take garbage along; the rest waits for a quiet moment, or makes the space that
         * they wait for. */
        if (work.garbage && !work.batches && !store->dead) {
            serve_garbage(store);
        }
        if (work.probe && !store->dead) {
            serve_probe(store);
        }
    }
    readers_close_all(&store->writer.readers, &store->writer.env);
    return NULL;
}

/* --- the owner's side ---------------------------------------------------------------------- */

static struct store *store_create(const struct store_settings *settings)
{
    struct store *store = mem_zalloc(sizeof(*store));
    store->event_fd = -1;
    list_init(&store->inbox);
    list_init(&store->requests);
    list_init(&store->outbox);
    list_init(&store->writer.waiting);
    store->writer.env.lock_fd = -1;
    store->writer.env.dir_fd = -1;
    store->retry_at_ns = NEVER;
    store->on_fatal = settings->on_fatal;
    store->on_thread = settings->on_thread;
    store->ctx = settings->ctx;
    store->path = mem_strdup(settings->path);
    uint64_t age_ms = settings->reader_age_ms_max;
    store->reader_age_ns_max = (age_ms != 0 ? age_ms : STORE_READER_AGE_MS_MAX) * NS_PER_MS;
    struct space_limits *limits = &store->writer.limits;
    limits->limit_bytes = settings->limit_bytes != 0 ? settings->limit_bytes : STORE_LIMIT_BYTES;
    limits->reserve_bytes =
        settings->reserve_bytes != 0 ? settings->reserve_bytes : STORE_RESERVE_BYTES;
    MUST(limits->limit_bytes <= ENV_MAP_SIZE / 2);
    MUST(limits->reserve_bytes < limits->limit_bytes);
    int rc = pthread_mutex_init(&store->mutex, NULL);
    MUST(rc == 0);
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    MUST(rc == 0);
    rc = pthread_cond_init(&store->wake, &attr);
    MUST(rc == 0);
    (void)pthread_condattr_destroy(&attr);
    return store;
}

static void drop_batches(struct list *batches)
{
    struct list *link = NULL;
    while ((link = list_pop_front(batches)) != NULL) {
        store_batch_destroy(CONTAINER_OF(link, struct store_batch, link));
    }
}

/* Everything but the thread. */
static void store_destroy(struct store *store)
{
    drop_batches(&store->writer.waiting);
    drop_batches(&store->inbox);
    struct list *link = NULL;
    while ((link = list_pop_front(&store->requests)) != NULL) {
        mem_free(CONTAINER_OF(link, struct request, link));
    }
    while ((link = list_pop_front(&store->outbox)) != NULL) {
        struct store_event *event = CONTAINER_OF(link, struct store_event, link);
        store_event_close(event);
        mem_free(event);
    }
    env_close(&store->writer.env);
    closep(&store->event_fd);
    (void)pthread_cond_destroy(&store->wake);
    (void)pthread_mutex_destroy(&store->mutex);
    mem_free(store->path);
    mem_free(store);
}

/* With all signals blocked: they are the owner's. */
static int start_thread(struct store *store, struct err *err)
{
    pthread_attr_t attr;
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_attr_init(&attr);
    int rc = pthread_attr_setstacksize(&attr, STACK_SIZE);
    MUST(rc == 0);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&store->thread, &attr, thread_main, store);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attr);
    if (rc != 0) {
        return err_errno(err, rc, "start the storage thread");
    }
    (void)pthread_setname_np(store->thread, "pgraft-store"); /* for people */
    return 0;
}

static int open_steps(struct store *store, const struct store_settings *settings,
                      struct store_image *image, struct err *err)
{
    struct writer *writer = &store->writer;
    const char *machine_id =
        settings->machine_id_path != NULL ? settings->machine_id_path : "/etc/machine-id";
    int r = env_open(&writer->env, settings->path, machine_id, err);
    if (r == 0) {
        r = space_init(&writer->env, &writer->limits, err);
    }
    if (r == 0) {
        r = writer->env.is_new ? store_format(&writer->env, &writer->ledger, image, err)
                               : store_load(&writer->env, &writer->ledger, image, err);
    }
    if (r != 0) {
        return r;
    }
    update_stats(store);
    store->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (store->event_fd < 0) {
        return err_errno(err, errno, "eventfd");
    }
    return start_thread(store, err);
}

int store_open(const struct store_settings *settings, struct store **ret_store,
               struct store_image *ret_image, struct err *err)
{
    struct err why = {0};
    struct store *store = store_create(settings);
    CLEANUP(store_image_close) struct store_image image = {0};
    int r = open_steps(store, settings, &image, &why);
    if (r == ERR_CORRUPT) {
        r = err_set(err, r, "the store is damaged; remove %s and start again to re-join: %s",
                    settings->path, why.msg);
    } else if (r != 0) {
        r = err_set(err, r, "%s", why.msg);
    }
    if (r != 0) {
        store_destroy(store);
        return r;
    }
    *ret_store = store;
    *ret_image = image;
    memset(&image, 0, sizeof(image)); /* handed over */
    return 0;
}

void store_close(struct store *store)
{
    if (store == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&store->mutex);
    store->stop = true;
    (void)pthread_cond_signal(&store->wake);
    (void)pthread_mutex_unlock(&store->mutex);
    int rc = pthread_join(store->thread, NULL);
    MUST(rc == 0);
    store_destroy(store);
}

int store_fd(const struct store *store)
{
    return store->event_fd;
}

static void put_into(struct store *store, struct list *list, struct list *link)
{
    (void)pthread_mutex_lock(&store->mutex);
    list_push_back(list, link);
    (void)pthread_cond_signal(&store->wake);
    (void)pthread_mutex_unlock(&store->mutex);
}

void store_submit(struct store *store, struct store_batch *batch)
{
    MUST(batch->sequence > store->last_sequence);
    store->last_sequence = batch->sequence;
    put_into(store, &store->inbox, &batch->link);
}

static void ask(struct store *store, enum request_kind kind, uint64_t reader, size_t bytes_max)
{
    struct request *request = mem_zalloc(sizeof(*request));
    list_init(&request->link);
    request->kind = kind;
    request->reader = reader;
    request->bytes_max = bytes_max < STORE_READ_BYTES_MAX ? bytes_max : STORE_READ_BYTES_MAX;
    put_into(store, &store->requests, &request->link);
}

uint64_t store_reader_open(struct store *store)
{
    store->last_reader++;
    ask(store, READER_OPEN, store->last_reader, 0);
    return store->last_reader;
}

void store_reader_next(struct store *store, uint64_t reader, size_t bytes_max)
{
    ask(store, READER_NEXT, reader, bytes_max);
}

void store_reader_close(struct store *store, uint64_t reader)
{
    ask(store, READER_CLOSE, reader, 0);
}

uint64_t store_commit_since_ns(const struct store *store)
{
    return atomic_load(&store->commit_since_ns);
}

void store_stats(struct store *store, struct store_stats *ret_stats)
{
    (void)pthread_mutex_lock(&store->mutex);
    *ret_stats = store->stats;
    (void)pthread_mutex_unlock(&store->mutex);
}
