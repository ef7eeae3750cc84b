/* tests/storage/life.h - a short life of a store in a child process, to be ended at any point, and
 * what may be found afterwards.
 *
 * The life is the same for the same seed: make a store, feed it batches, wait for each group and
 * for the garbage, read a snapshot, close, open again, go on. It tells how many batches were
 * submitted and how many reported durable; what is found on disk must be the state after some
 * number of batches between the two. */
#ifndef TESTS_STORAGE_LIFE_H_
#define TESTS_STORAGE_LIFE_H_

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/storage/lab.h"

#define LIFE_BATCHES 40

/* Shared with the child. */
struct life_progress {
    uint64_t submitted; /* batches */
    uint64_t durable;   /* batches */
    bool fault_fired;
    bool is_done;
    unsigned long calls; /* that faults.c counted */
    char fault_name[32];
    char message[256]; /* of the error that ended it */
};

struct life {
    struct lab lab;
    uint64_t seed;
    struct life_progress *progress;
    uint64_t digests[LIFE_BATCHES + 1]; /* of the image after so many batches */
};

enum life_end {
    LIFE_DONE = 0,
    LIFE_OPEN_FAILED = 3, /* store_open() said no */
    LIFE_FATAL = 4,       /* on_fatal() was called */
    LIFE_STALLED = 5,     /* done, with at least one ERR_NO_SPACE on the way */
    LIFE_KILLED = 100,    /* by SIGKILL */
    LIFE_ABORTED = 101,   /* by SIGABRT */
    LIFE_CRASHED = 102,   /* by another signal */
};

void life_init(struct life *life, uint64_t seed);
/* Removes what is there. */
void life_close(struct life *life);
/* An empty place and no progress. */
void life_reset(struct life *life);

/* Live it in a child; @before runs in the child first. */
enum life_end life_run(struct life *life, void (*before)(void *ctx), void *ctx);

/* Open what is left, and say whether it is what may be there: NULL, or what is wrong. Then write to
 * it, open again, and look whether it is still there. */
const char *life_check(struct life *life);

#endif /* TESTS_STORAGE_LIFE_H_ */
