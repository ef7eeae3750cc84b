/* tests/storage/life.c - live, die, look. */
#include "tests/storage/life.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/must.h"
#include "tests/lib/store_double.h"
#include "tests/storage/faults.h"
#include "tests/storage/stream.h"

#define GROUP_MAX 3
#define REOPEN_EVERY 7
#define READ_EVERY 3

void life_init(struct life *life, uint64_t seed)
{
    memset(life, 0, sizeof(*life));
    life->seed = seed;
    void *shared = mmap(NULL, sizeof(*life->progress), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(shared != MAP_FAILED);
    life->progress = shared;
    lab_init(&life->lab);

    struct store_double *model = store_double_create();
    struct stream stream;
    stream_init(&stream, seed);
    for (size_t i = 0; i <= LIFE_BATCHES; i++) {
        /* The image without a restart: a clone's, so that the stage stays. */
        struct store_double *copy = store_double_clone(model);
        struct store_image image = {0};
        store_double_load(copy, &image);
        life->digests[i] = lab_digest(&image);
        store_image_close(&image);
        store_double_destroy(copy);
        store_double_submit(model, stream_next(&stream));
        (void)store_double_commit(model, 1);
    }
    store_double_destroy(model);
}

void life_close(struct life *life)
{
    lab_close(&life->lab);
    (void)munmap(life->progress, sizeof(*life->progress));
}

void life_reset(struct life *life)
{
    lab_close(&life->lab);
    lab_init(&life->lab);
    memset(life->progress, 0, sizeof(*life->progress));
}

/* --- the child ---------------------------------------------------------------------------- */

static struct life_progress *current;

static void leave(enum life_end end)
{
    current->fault_fired = faults_fired();
    current->calls = faults_count();
    (void)snprintf(current->fault_name, sizeof(current->fault_name), "%s", faults_name());
    _exit((int)end);
}

static void on_fatal(void *ctx, const struct err *err)
{
    (void)ctx;
    (void)snprintf(current->message, sizeof(current->message), "%s", err->msg);
    leave(LIFE_FATAL);
}

static void open_or_leave(struct lab *lab)
{
    struct err err = {0};
    if (lab_open(lab, &err) != 0) {
        (void)snprintf(current->message, sizeof(current->message), "%s", err.msg);
        leave(LIFE_OPEN_FAILED);
    }
}

/* Wait for the report of the last of @count batches up to @sequence. */
static void wait_durable(struct lab *lab, uint64_t sequence, uint64_t count, bool *stalled)
{
    for (;;) {
        struct store_event event;
        lab_event(lab, &event);
        *stalled = *stalled || (event.kind == STORE_SPACE && event.status == ERR_NO_SPACE);
        bool is_it = event.kind == STORE_DURABLE && event.sequence == sequence;
        store_event_close(&event);
        if (is_it) {
            current->durable = count;
            return;
        }
    }
}

static void read_all(struct lab *lab)
{
    uint64_t id = store_reader_open(lab->store);
    bool is_last = false;
    struct store_event event;
    lab_event(lab, &event);
    store_event_close(&event);
    while (!is_last) {
        store_reader_next(lab->store, id, 3000);
        lab_event(lab, &event);
        is_last = event.is_last || event.status != 0;
        store_event_close(&event);
    }
    store_reader_close(lab->store, id);
}

/* Batches of a stage that a restart would break are made without one. */
static void live(struct life *life)
{
    struct lab *lab = &life->lab;
    struct stream stream;
    stream_init(&stream, life->seed);
    uint64_t choices = life->seed;
    bool stalled = false;
    open_or_leave(lab);
    uint64_t done = 0;
    for (uint64_t round = 1; done < LIFE_BATCHES; round++) {
        uint64_t group = 1 + lab_below(&choices, GROUP_MAX);
        uint64_t sequence = 0;
        for (uint64_t i = 0; i < group && done < LIFE_BATCHES; i++) {
            struct store_batch *batch = stream_next(&stream);
            sequence = batch->sequence;
            current->submitted++;
            done++;
            store_submit(lab->store, batch);
        }
        wait_durable(lab, sequence, done, &stalled);
        lab_wait_clean(lab);
        if (round % READ_EVERY == 0 && !stalled) {
            read_all(lab);
        }
        if (round % REOPEN_EVERY == 0 && !stream.staging) {
            open_or_leave(lab);
        }
    }
    lab_shut(lab);
    current->is_done = true;
    leave(stalled ? LIFE_STALLED : LIFE_DONE);
}

enum life_end life_run(struct life *life, void (*before)(void *ctx), void *ctx)
{
    (void)fflush(stdout); /* under TSan the child's _exit() would print what waits a second time */
    pid_t pid = fork();
    MUST(pid >= 0);
    if (pid == 0) {
        current = life->progress;
        life->lab.settings.on_fatal = on_fatal;
        before(ctx);
        live(life);
    }
    int status = 0;
    MUST(waitpid(pid, &status, 0) == pid);
    if (WIFEXITED(status)) {
        return (enum life_end)WEXITSTATUS(status);
    }
    return WTERMSIG(status) == SIGKILL   ? LIFE_KILLED
           : WTERMSIG(status) == SIGABRT ? LIFE_ABORTED
                                         : LIFE_CRASHED;
}

/* --- the parent --------------------------------------------------------------------------- */

static bool is_expected(const struct life *life, uint64_t digest)
{
    for (uint64_t n = life->progress->durable; n <= life->progress->submitted; n++) {
        if (life->digests[n] == digest) {
            return true;
        }
    }
    return false;
}

const char *life_check(struct life *life)
{
    static char text[400];
    struct lab *lab = &life->lab;
    struct err err = {0};
    lab->settings.on_fatal = NULL;
    if (lab_open(lab, &err) != 0) {
        (void)snprintf(text, sizeof(text), "does not open: %s", err.msg);
        return text;
    }
    uint64_t digest = lab_digest(&lab->image);
    if (!is_expected(life, digest)) {
        (void)snprintf(text, sizeof(text), "is not the state after %llu to %llu batches",
                       (unsigned long long)life->progress->durable,
                       (unsigned long long)life->progress->submitted);
        return text;
    }
    struct store_batch *batch = store_batch_create(1);
    batch->has_hard = true;
    batch->hard = (struct store_hard){lab->image.hard.term + 1, 7};
    struct store_hard hard = batch->hard;
    store_submit(lab->store, batch);
    lab_wait(lab, 1);
    lab_wait_clean(lab);
    if (lab_open(lab, &err) != 0) {
        (void)snprintf(text, sizeof(text), "does not open after a write: %s", err.msg);
        return text;
    }
    if (lab->image.hard.term != hard.term || lab->image.hard.vote != hard.vote) {
        return "lost a vote written after the crash";
    }
    lab_shut(lab);
    return NULL;
}
