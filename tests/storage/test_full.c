/* tests/storage/test_full.c - a full store, a full disk, and readers that hold too much back.
 *
 * A full one stalls and says so once; votes still get through; what frees space sets it going again
 * without help. Readers see one moment and are cut when they cost too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <lmdb.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "tests/storage/lab.h"

#define MIB (UINT64_C(1) << 20)

/* The program's own come before those of the libraries, as in faults.c. */

/* A clock that goes on by this with every look of the storage thread. */
static atomic_ulong clock_step_ns;
static _Thread_local bool is_slow;

int clock_gettime(clockid_t id, struct timespec *at)
{
    static uint64_t ahead_ns; /* of the storage thread alone */
    long rc = syscall(SYS_clock_gettime, id, at);
    if (rc == 0 && is_slow && id == CLOCK_MONOTONIC) {
        ahead_ns += atomic_load(&clock_step_ns);
        uint64_t now_ns = (uint64_t)at->tv_nsec + ahead_ns;
        at->tv_sec += (time_t)(now_ns / NS_PER_S);
        at->tv_nsec = (long)(now_ns % NS_PER_S);
    }
    return (int)rc;
}

static void be_slow(void *ctx)
{
    (void)ctx;
    is_slow = true;
}

/* What a look at the file is answered; 0: what is there. */
static atomic_int read_error;

int mdb_cursor_get(MDB_cursor *cursor, MDB_val *key, MDB_val *data, MDB_cursor_op op)
{
    if (atomic_load(&read_error) != 0) {
        return atomic_load(&read_error);
    }
    int (*get)(MDB_cursor *, MDB_val *, MDB_val *, MDB_cursor_op) = NULL;
    *(void **)&get = dlsym(RTLD_NEXT, "mdb_cursor_get");
    return get(cursor, key, data, op);
}

struct bench {
    struct lab lab;
    uint64_t sequence;
    uint64_t index;
    uint64_t durable;
};

static int setup(void **state)
{
    struct bench *b = mem_zalloc(sizeof(*b));
    lab_init(&b->lab);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    lab_shut(&b->lab);
    (void)umount2(b->lab.path, MNT_DETACH); /* if a test has failed half way */
    lab_close(&b->lab);
    mem_free(b);
    return 0;
}

static struct store_batch *next_batch(struct bench *b)
{
    b->sequence++;
    return store_batch_create(b->sequence);
}

static void submit_entry(struct bench *b, size_t size)
{
    struct store_batch *batch = next_batch(b);
    char *bytes = mem_zalloc(size);
    b->index++;
    store_batch_add_entry(batch, &(struct store_entry){b->index, 1, 0, bytes, size});
    mem_free(bytes);
    store_submit(b->lab.store, batch);
}

static void submit_row(struct bench *b, unsigned which, size_t size, char fill)
{
    struct store_batch *batch = next_batch(b);
    char *bytes = mem_alloc(size);
    memset(bytes, fill, size);
    store_batch_add_row(batch, &(struct store_row){&which, sizeof(which), bytes, size});
    mem_free(bytes);
    store_submit(b->lab.store, batch);
}

static void submit_vote(struct bench *b, uint64_t term)
{
    struct store_batch *batch = next_batch(b);
    batch->has_hard = true;
    batch->hard = (struct store_hard){term, 1};
    store_submit(b->lab.store, batch);
}

/* The status of the next STORE_SPACE event; reports of batches on the way are noted. */
static int wait_space(struct bench *b)
{
    for (;;) {
        struct store_event event;
        lab_event(&b->lab, &event);
        if (event.kind == STORE_DURABLE) {
            b->durable = event.sequence;
            continue;
        }
        assert_int_equal(event.kind, STORE_SPACE);
        if (event.status != 0) {
            assert_true(event.err.msg[0] != '\0');
        }
        return event.status;
    }
}

static void wait_durable(struct bench *b, uint64_t sequence)
{
    while (b->durable < sequence) {
        struct store_event event;
        lab_event(&b->lab, &event);
        assert_int_equal(event.kind, STORE_DURABLE);
        b->durable = event.sequence;
    }
}

/* Fill until it stalls; returns how many entries are durable then. */
static void fill_up(struct bench *b, size_t size)
{
    for (;;) {
        submit_entry(b, size);
        struct store_event event;
        lab_event(&b->lab, &event);
        if (event.kind == STORE_SPACE) {
            assert_int_equal(event.status, ERR_NO_SPACE);
            return;
        }
        b->durable = event.sequence;
        assert_true(b->sequence < 5000);
    }
}

static void test_the_limit_stalls_and_a_trim_sets_it_going(void **state)
{
    struct bench *b = *state;
    b->lab.settings.limit_bytes = 4 * MIB;
    b->lab.settings.reserve_bytes = MIB;
    lab_must_open(&b->lab);
    fill_up(b, 100000);
    assert_true(b->durable > 10); /* some 3 MiB went in */
    uint64_t stuck = b->sequence;
    assert_int_equal(b->durable, stuck - 1);

    /* The trim is essential: it takes the entry before it along, and frees the rest. */
    struct store_batch *trim = next_batch(b);
    trim->trim_below = b->index - 2;
    store_submit(b->lab.store, trim);
    int status = wait_space(b);
    assert_int_equal(status, 0);
    submit_entry(b, 100000);
    wait_durable(b, b->sequence);
    lab_wait_clean(&b->lab);
    struct store_stats stats;
    store_stats(b->lab.store, &stats);
    assert_true(stats.used_bytes < 3 * MIB);
    lab_must_open(&b->lab);
    assert_int_equal(b->lab.image.log_last, b->index);
}

static void test_votes_get_through_a_full_store(void **state)
{
    struct bench *b = *state;
    b->lab.settings.limit_bytes = 4 * MIB;
    b->lab.settings.reserve_bytes = MIB;
    lab_must_open(&b->lab);
    fill_up(b, 100000);
    for (uint64_t term = 1; term <= 50; term++) {
        submit_vote(b, term);
        wait_durable(b, b->sequence); /* and no report of space: it is still full */
    }
    submit_entry(b, 300000);
    /* It may have noticed by itself that it is full, and says so once: wait for nothing else. */
    struct pollfd fd = {.fd = store_fd(b->lab.store), .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 200), 0);
    lab_must_open(&b->lab);
    assert_int_equal(b->lab.image.hard.term, 50);
    assert_int_equal(b->lab.image.log_last, b->index - 1);
}

/* Space inside the file is found again although the file can not grow. */
static void churn_in_full(struct bench *b)
{
    fill_up(b, 50000);
    uint64_t kept = b->index;
    submit_vote(b, 1);
    wait_durable(b, b->sequence);
    struct store_batch *trim = next_batch(b);
    trim->trim_below = kept;
    store_submit(b->lab.store, trim);
    assert_int_equal(wait_space(b), 0);
    for (int i = 0; i < 30; i++) {
        submit_entry(b, 20000);
        wait_durable(b, b->sequence);
    }
    lab_must_open(&b->lab);
    assert_int_equal(b->lab.image.log_last, kept + 30);
}

static void test_a_full_filesystem(void **state)
{
    struct bench *b = *state;
    if (geteuid() != 0 || mkdir(b->lab.path, 0700) != 0 ||
        mount("tmpfs", b->lab.path, "tmpfs", 0, "size=6m,mode=700") != 0) {
        skip(); /* needs root; the next test needs nobody */
    }
    b->lab.settings.reserve_bytes = MIB;
    lab_must_open(&b->lab);
    churn_in_full(b);
    /* Somebody makes room: it goes on by itself. */
    fill_up(b, 100000);
    assert_int_equal(mount("tmpfs", b->lab.path, "tmpfs", MS_REMOUNT, "size=20m,mode=700"), 0);
    assert_int_equal(wait_space(b), 0);
    wait_durable(b, b->sequence);
    /* A store on a full disk can be opened. */
    fill_up(b, 100000);
    uint64_t last = b->index;
    lab_must_open(&b->lab);
    assert_int_equal(b->lab.image.log_last, last - 1);
    lab_shut(&b->lab);
    assert_int_equal(umount(b->lab.path), 0);
}

static void test_a_file_that_may_not_grow(void **state)
{
    struct bench *b = *state;
    b->lab.settings.reserve_bytes = MIB;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit small = {6 * MIB, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    lab_must_open(&b->lab);
    churn_in_full(b);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
}

/* The queue stands still in order; nothing is lost, nothing overtakes. */
static void test_what_waits_is_carried_out_in_order(void **state)
{
    struct bench *b = *state;
    b->lab.settings.limit_bytes = 4 * MIB;
    b->lab.settings.reserve_bytes = 2 * MIB;
    lab_must_open(&b->lab);
    fill_up(b, 100000);
    submit_row(b, 1, 10, 'a');
    submit_row(b, 1, 10, 'b');
    submit_row(b, 2, 10, 'c');
    submit_vote(b, 9); /* takes them all along */
    wait_durable(b, b->sequence);
    lab_must_open(&b->lab);
    assert_int_equal(b->lab.image.hard.term, 9);
    size_t at = 0;
    struct store_row row;
    assert_true(store_batch_next_row(b->lab.image.content, &at, &row));
    assert_memory_equal(row.value, "bbbbbbbbbb", 10);
    assert_true(store_batch_next_row(b->lab.image.content, &at, &row));
    assert_memory_equal(row.value, "cccccccccc", 10);
}

static void read_event(struct bench *b, uint64_t reader, struct store_event *event)
{
    do {
        lab_event(&b->lab, event);
    } while (event->kind == STORE_DURABLE);
    assert_int_equal(event->kind, STORE_READ);
    assert_int_equal(event->reader, reader);
}

static uint64_t open_reader(struct bench *b, int status)
{
    uint64_t reader = store_reader_open(b->lab.store);
    struct store_event event;
    read_event(b, reader, &event);
    assert_int_equal(event.status, status);
    store_event_close(&event);
    return reader;
}

static int next_rows(struct bench *b, uint64_t reader)
{
    store_reader_next(b->lab.store, reader, 1000);
    struct store_event event;
    read_event(b, reader, &event);
    int status = event.status;
    store_event_close(&event);
    return status;
}

static void test_a_reader_that_pins_too_much_is_cut(void **state)
{
    struct bench *b = *state;
    lab_must_open(&b->lab);
    for (unsigned i = 0; i < 20; i++) {
        submit_row(b, i, 5000, 'x');
    }
    wait_durable(b, b->sequence);
    uint64_t reader = open_reader(b, 0);
    assert_int_equal(next_rows(b, reader), 0);
    /* Twice the state is 200 kB, but STORE_READER_PIN_BYTES_MIN is always allowed. */
    unsigned writes = 0;
    while (next_rows(b, reader) == 0) {
        submit_row(b, writes % 20, 5000, 'y');
        b->durable = 0;
        wait_durable(b, b->sequence);
        writes++;
        assert_true(writes < 10000);
    }
    assert_true(writes > 100);
    struct store_stats stats;
    store_stats(b->lab.store, &stats);
    assert_true(stats.file_bytes < STORE_READER_PIN_BYTES_MIN + 4 * MIB);
    assert_true(stats.file_bytes > STORE_READER_PIN_BYTES_MIN / 2);
    assert_int_equal(next_rows(b, reader), ERR_EXPIRED);
    store_reader_close(b->lab.store, reader);
    reader = open_reader(b, 0); /* and another may begin */
    assert_int_equal(next_rows(b, reader), 0);
}

/* A large state may take longer to be read: twice its size is more than that minimum. */
static void test_a_reader_of_a_large_state_may_pin_more(void **state)
{
    struct bench *b = *state;
    b->lab.settings.limit_bytes = 256 * MIB;
    lab_must_open(&b->lab);
    for (unsigned i = 0; i < 12; i++) {
        submit_row(b, i, MIB, 'x');
    }
    wait_durable(b, b->sequence);
    uint64_t reader = open_reader(b, 0);
    unsigned writes = 0;
    while (next_rows(b, reader) == 0 && writes < 100) {
        for (unsigned i = 0; i < 2; i++, writes++) { /* 12 MiB are read in 12 steps */
            submit_row(b, writes % 12, MIB, 'y');
        }
        wait_durable(b, b->sequence);
    }
    assert_in_range(writes, 24, 27);
}

static void test_a_reader_that_lives_too_long_is_cut(void **state)
{
    struct bench *b = *state;
    b->lab.settings.reader_age_ms_max = 100;
    lab_must_open(&b->lab);
    submit_row(b, 1, 5000, 'x');
    wait_durable(b, b->sequence);
    uint64_t start_ms = clock_mono_ms(clock_system());
    uint64_t reader = open_reader(b, 0);
    while (next_rows(b, reader) == 0) {
        (void)poll(NULL, 0, 5);
        assert_true(clock_mono_ms(clock_system()) < start_ms + 10000);
    }
    assert_true(clock_mono_ms(clock_system()) >= start_ms + 100);
}

static void test_there_are_only_so_many_readers(void **state)
{
    struct bench *b = *state;
    lab_must_open(&b->lab);
    uint64_t readers[STORE_READERS_MAX];
    for (size_t i = 0; i < STORE_READERS_MAX; i++) {
        readers[i] = open_reader(b, 0);
    }
    uint64_t refused = open_reader(b, ERR_BUSY);
    assert_int_equal(next_rows(b, refused), ERR_EXPIRED);
    store_reader_close(b->lab.store, readers[1]);
    (void)open_reader(b, 0);
}

/* 44,800 entries and as many rows become garbage at once. How many commits took them away? */
static uint64_t make_and_lose_garbage(struct bench *b)
{
    for (unsigned i = 0; i < 64; i++) {
        struct store_batch *batch = next_batch(b);
        for (unsigned n = 0; n < 700; n++) {
            char bytes[900];
            memset(bytes, (int)n, sizeof(bytes));
            b->index++;
            store_batch_add_entry(batch, &(struct store_entry){b->index, 1, 0, bytes, 700});
            unsigned key = i * 1000 + n;
            store_batch_add_row(batch, &(struct store_row){&key, sizeof(key), bytes, 300});
        }
        store_submit(b->lab.store, batch);
    }
    wait_durable(b, b->sequence);
    struct store_stats before;
    store_stats(b->lab.store, &before);
    struct store_batch *install = next_batch(b);
    install->stage = STAGE_BEGIN;
    store_batch_add_row(install, &(struct store_row){"k", 1, "v", 1});
    store_submit(b->lab.store, install);
    install = next_batch(b);
    install->stage = STAGE_COMMIT;
    b->index += 5;
    store_batch_set_snapshot(install, b->index, 2, 1, "conf", 4);
    store_submit(b->lab.store, install);
    wait_durable(b, b->sequence); /* a small change, whatever it makes garbage of */
    lab_wait_clean(&b->lab);
    struct store_stats stats;
    store_stats(b->lab.store, &stats);
    assert_true(stats.used_bytes < 2 * MIB);
    (void)printf("# longest slice of garbage, with its commit: %.1f ms\n",
                 (double)stats.garbage_ns_max / 1e6);
    lab_must_open(&b->lab);
    assert_int_equal(b->lab.image.log_first, b->index + 1);
    assert_int_equal(b->lab.image.log_last, b->index);
    assert_int_equal(b->lab.image.applied_index, b->index);
    assert_int_equal(b->lab.image.content->row_count, 1);
    return stats.commits - before.commits;
}

/* Garbage of any size leaves in slices of at most 2,000 pieces: that bounds how long one holds the
 * storage thread up. What a slice takes is a figure of bench/README.md. */
static void test_garbage_leaves_in_slices(void **state)
{
    struct bench *b = *state;
    b->lab.settings.limit_bytes = 512 * MIB;
    lab_must_open(&b->lab);
    uint64_t commits = make_and_lose_garbage(b);
    assert_in_range(commits, 2 * 44800 / 2000, 2 * 44800);
}

/* What waits while a commit runs becomes one transaction, of bounded size. */
static void test_batches_are_committed_in_groups(void **state)
{
    struct bench *b = *state;
    lab_must_open(&b->lab);
    struct store_stats before;
    store_stats(b->lab.store, &before);
    for (unsigned i = 0; i < 2000; i++) {
        submit_entry(b, 100);
    }
    wait_durable(b, b->sequence);
    struct store_stats after;
    store_stats(b->lab.store, &after);
    assert_true(after.commits - before.commits < 1000);
    before = after;
    for (unsigned i = 0; i < 20; i++) {
        submit_entry(b, 600000); /* two do not fit into STORE_BATCH_BYTES_MAX */
    }
    wait_durable(b, b->sequence);
    store_stats(b->lab.store, &after);
    assert_true(after.commits - before.commits >= 20);
}

/* ... and of bounded time, also where little takes long: what waits behind it waits for that. */
static void test_a_group_ends_after_10_ms(void **state)
{
    struct bench *b = *state;
    b->lab.settings.on_thread = be_slow;
    lab_must_open(&b->lab);
    struct store_stats before;
    store_stats(b->lab.store, &before);
    atomic_store(&clock_step_ns, 11 * NS_PER_MS);
    for (unsigned i = 0; i < 500; i++) {
        submit_entry(b, 100);
    }
    wait_durable(b, b->sequence);
    atomic_store(&clock_step_ns, 0);
    struct store_stats after;
    store_stats(b->lab.store, &after);
    assert_int_equal(after.commits - before.commits, 500);
}

static void on_fatal(void *ctx, const struct err *err)
{
    struct err *to = ctx;
    *to = *err;
}

/* A record that goes bad while the store is open: the end, with words, and no report. */
static void test_damage_at_run_time_is_fatal(void **state)
{
    struct bench *b = *state;
    struct err fatal = {0};
    b->lab.settings.on_fatal = on_fatal;
    b->lab.settings.ctx = &fatal;
    lab_must_open(&b->lab);
    submit_row(b, 1, 8000, 'q');
    wait_durable(b, b->sequence);
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/data.mdb", b->lab.path);
    FILE *file = fopen(path, "r+e");
    assert_non_null(file);
    long at = 0;
    char page[4096];
    while (fread(page, sizeof(page), 1, file) == 1) {
        if (memmem(page, sizeof(page), "qqqqqqqqqqqqqqqqqqqqqqqq", 24) != NULL) {
            at = ftell(file) - 2000;
        }
    }
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fputc('X', file), 'X');
    (void)fclose(file);
    uint64_t reader = open_reader(b, 0);
    store_reader_next(b->lab.store, reader, 100000);
    struct pollfd fd = {.fd = store_fd(b->lab.store), .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 300), 0);
    submit_vote(b, 1);
    assert_int_equal(poll(&fd, 1, 100), 0); /* nothing is ever reported again */
    lab_shut(&b->lab);
    assert_int_equal(fatal.code, ERR_CORRUPT);
    assert_non_null(strstr(fatal.msg, "re-join"));
}

/* A disk that can not be read is not a reader's trouble alone. */
static void test_a_read_that_fails_is_fatal(void **state)
{
    struct bench *b = *state;
    struct err fatal = {0};
    b->lab.settings.on_fatal = on_fatal;
    b->lab.settings.ctx = &fatal;
    lab_must_open(&b->lab);
    submit_row(b, 1, 8000, 'q');
    wait_durable(b, b->sequence);
    uint64_t reader = open_reader(b, 0);
    atomic_store(&read_error, EIO);
    store_reader_next(b->lab.store, reader, 100000);
    struct pollfd fd = {.fd = store_fd(b->lab.store), .events = POLLIN};
    int events = poll(&fd, 1, 300);
    atomic_store(&read_error, 0);
    assert_int_equal(events, 0); /* as after damage */
    lab_shut(&b->lab);
    assert_int_equal(fatal.code, ERR_IO);
    assert_non_null(strstr(fatal.msg, "can be relied on"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_limit_stalls_and_a_trim_sets_it_going, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_votes_get_through_a_full_store, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_filesystem, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_file_that_may_not_grow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_waits_is_carried_out_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_reader_that_pins_too_much_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_reader_of_a_large_state_may_pin_more, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_reader_that_lives_too_long_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_there_are_only_so_many_readers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_garbage_leaves_in_slices, setup, teardown),
        cmocka_unit_test_setup_teardown(test_batches_are_committed_in_groups, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_group_ends_after_10_ms, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage_at_run_time_is_fatal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_read_that_fails_is_fatal, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
