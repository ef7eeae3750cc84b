/* bench/snapshot.c - does a snapshot of a large state ever block the core?
 *
 * A leader with a state of 64 MiB ships it to a new member while clients go on writing; then the
 * member sleeps until its log is of no use, and gets it again in place of its old one. Both cores
 * run on one thread, over a wire and disks that cost nothing (tests/lib/store_double.h); each call
 * of core_*() is timed by itself. `snapshot [MIB]`; the figures stand in bench/README.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/must.h"
#include "consensus/core.h"
#include "proto/kv_codec.h"
#include "tests/lib/store_double.h"

#define VALUE_SIZE 1024
#define READ_BYTES ((size_t)256 * 1024) /* an answer of the store's reader */
#define LIMIT_MS 5.0
#define WRITES_PER_MS 5

enum call {
    CALL_TURN,
    CALL_TICK,
    CALL_RECEIVE,
    CALL_DURABLE,
    CALL_ROWS,
    CALL_PROPOSE,
    CALL_TAKE,
    CALLS
};
static const char *const call_names[CALLS] = {
    [CALL_TURN] = "core_turn",       [CALL_TICK] = "core_tick",
    [CALL_RECEIVE] = "core_receive", [CALL_DURABLE] = "core_durable",
    [CALL_ROWS] = "core_rows_read",  [CALL_PROPOSE] = "core_propose",
    [CALL_TAKE] = "core_next_*",
};

struct packet {
    struct list link;
    struct peer_message message;
    struct buf bytes;
};

struct side {
    uint64_t id;
    struct core *core;
    struct store_double *disk;
    struct store_double_reader *reader;
    double longest_ms[CALLS];
    uint64_t calls[CALLS];
};

struct world {
    uint64_t now_ms;
    struct side sides[2];
    struct list wire;
    uint64_t tickets;
    uint64_t chunks;
    struct buf command;
};

/* Processor time of this thread, so that others on the machine do not count. */
static double now_cpu_ms(void)
{
    struct timespec now;
    int rv = clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    MUST(rv == 0);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void note(struct side *s, enum call call, double since_ms)
{
    double took = now_cpu_ms() - since_ms;
    s->calls[call]++;
    s->longest_ms[call] = took > s->longest_ms[call] ? took : s->longest_ms[call];
}

static void on_fatal(void *ctx, const struct err *err)
{
    (void)ctx;
    (void)fprintf(stderr, "%s\n", err->msg);
    abort();
}

/* --- two cores ---------------------------------------------------------------------------------
 */

static void start(struct world *w, struct side *s, bool first)
{
    s->disk = store_double_create();
    struct store_batch *batch = store_batch_create(1);
    batch->has_identity = true;
    batch->identity.node_id = s->id;
    struct members members = {.count = 1, .at = {{.id = s->id, .role = MEMBER_VOTER, .info = "a"}}};
    struct buf conf = {0};
    members_encode(&members, &conf);
    if (first) {
        batch->has_hard = true;
        batch->hard.term = 1;
        struct store_entry entry = {
            .index = 1, .term = 1, .type = ENTRY_CHANGE, .data = conf.bytes, .size = conf.size};
        store_batch_add_entry(batch, &entry);
    }
    buf_close(&conf);
    store_double_submit(s->disk, batch);
    (void)store_double_commit(s->disk, 1);
    struct core_settings settings = core_settings_default(s->id, (uint32_t)s->id);
    struct store_image image;
    store_double_load(s->disk, &image);
    s->core = core_create(&settings, w->now_ms, &image, on_fatal, NULL);
    store_image_close(&image);
}

static void carry_out_wish(struct world *w, struct side *s, const struct core_wish *wish)
{
    if (wish->kind != ROWS_NEXT) {
        store_double_reader_close(s->reader);
        s->reader = NULL;
    }
    if (wish->kind == ROWS_CLOSE) {
        return;
    }
    if (wish->kind == ROWS_OPEN) {
        s->reader = store_double_reader_open(s->disk);
    }
    struct core_rows answer = {.ship = wish->ship};
    answer.rows = store_double_reader_next(s->reader, READ_BYTES, &answer.last);
    answer.applied_index = store_double_reader_applied(s->reader);
    w->chunks++;
    double since = now_cpu_ms();
    core_rows_read(s->core, w->now_ms, &answer);
    note(s, CALL_ROWS, since);
}

static void take_messages(struct world *w, struct side *s)
{
    struct peer_message message;
    double since = now_cpu_ms();
    while (core_next_message(s->core, &message)) {
        note(s, CALL_TAKE, since);
        struct packet *p = mem_zalloc(sizeof(*p));
        list_init(&p->link);
        peer_message_copy(&p->message, &message, &p->bytes);
        list_push_back(&w->wire, &p->link);
        since = now_cpu_ms();
    }
}

static void turn(struct world *w, struct side *s)
{
    double since = now_cpu_ms();
    core_turn(s->core, w->now_ms);
    note(s, CALL_TURN, since);
    struct core_wish wish;
    while (core_next_wish(s->core, &wish)) {
        carry_out_wish(w, s, &wish);
    }
    for (struct store_batch *b = core_next_batch(s->core); b != NULL;
         b = core_next_batch(s->core)) {
        store_double_submit(s->disk, b);
    }
    take_messages(w, s);
    struct core_done done;
    while (core_next_done(s->core, &done)) {
        buf_close(&done.result);
    }
}

static bool deliver_one(struct world *w)
{
    struct list *link = list_pop_front(&w->wire);
    if (link == NULL) {
        return false;
    }
    struct packet *p = CONTAINER_OF(link, struct packet, link);
    struct side *to = &w->sides[p->message.to - 1];
    if (to->core != NULL) {
        double since = now_cpu_ms();
        core_receive(to->core, w->now_ms, &p->message);
        note(to, CALL_RECEIVE, since);
        turn(w, to);
    }
    buf_close(&p->bytes);
    mem_free(p);
    return true;
}

static bool flush(struct world *w, struct side *s)
{
    if (s->core == NULL || store_double_waiting(s->disk) == 0) {
        return false;
    }
    uint64_t sequence = store_double_commit(s->disk, 1);
    double since = now_cpu_ms();
    core_durable(s->core, w->now_ms, sequence);
    note(s, CALL_DURABLE, since);
    turn(w, s);
    return true;
}

/* A millisecond of virtual time, until nothing is left to do in it. */
static void step(struct world *w)
{
    w->now_ms++;
    for (size_t i = 0; i < 2; i++) {
        struct side *s = &w->sides[i];
        if (s->core != NULL) {
            double since = now_cpu_ms();
            core_tick(s->core, w->now_ms);
            note(s, CALL_TICK, since);
            turn(w, s);
        }
    }
    for (int budget = 0; budget < 20; budget++) {
        bool busy = flush(w, &w->sides[0]);
        busy = flush(w, &w->sides[1]) || busy;
        busy = deliver_one(w) || busy;
        if (!busy) {
            return;
        }
    }
}

/* --- what they do ------------------------------------------------------------------------------
 */

static void propose(struct world *w, const struct kv_command *command)
{
    struct side *s = &w->sides[0];
    buf_clear(&w->command);
    int rv = kv_command_encode(command, &w->command, NULL);
    MUST(rv == 0);
    w->tickets++;
    double since = now_cpu_ms();
    core_propose(s->core, w->now_ms, w->tickets, w->command.bytes, w->command.size);
    note(s, CALL_PROPOSE, since);
}

static void put(struct world *w, uint64_t key_number)
{
    char key[32];
    char value[VALUE_SIZE];
    memset(value, 'v', sizeof(value));
    (void)snprintf(key, sizeof(key), "/some/key/%010u", (unsigned)key_number);
    (void)snprintf(value, sizeof(value), "%u", (unsigned)w->tickets);
    struct kv_command command = {
        .kind = KV_OP,
        .op = {.kind = KV_OP_PUT,
               .put = {.key = kv_text(key), .value = kv_slice(value, sizeof(value))}}};
    propose(w, &command);
}

static void load(struct world *w, uint64_t keys)
{
    while (!engine_is_established(core_engine(w->sides[0].core))) {
        step(w);
    }
    struct kv_command quota = {
        .kind = KV_SETTING,
        .system = true,
        .setting = {.kind = KV_SETTING_QUOTA_BYTES, .value = UINT64_C(4) << 30}};
    propose(w, &quota);
    for (uint64_t key = 0; key < keys; key++) {
        put(w, key);
        if (key % 200 == 199) {
            step(w);
        }
    }
    for (int i = 0; i < 3000; i++) {
        step(w);
    }
}

static void join(struct world *w)
{
    struct side *leader = &w->sides[0];
    struct err err = {0};
    int rv = core_change(leader->core, w->now_ms, CHANGE_ADD, 2, "b", &err);
    MUST(rv == 0);
    do {
        step(w);
        rv = core_change(leader->core, w->now_ms, CHANGE_TO_STANDBY, 2, NULL, &err);
    } while (rv != 0);
}

/* The member hears nothing until the leader's log does not reach back to it. */
static void sleep_through(struct world *w, uint64_t keys)
{
    struct core *asleep = w->sides[1].core;
    w->sides[1].core = NULL;
    uint64_t last = core_applied(asleep);
    const struct engine *leader = core_engine(w->sides[0].core);
    while (engine_first(leader) <= last + 1) {
        for (int i = 0; i < 200; i++) {
            put(w, w->tickets * 7919 % keys);
        }
        step(w);
    }
    w->sides[1].core = asleep;
}

static double report(const struct side *s, const char *who)
{
    double worst = 0;
    for (size_t i = 0; i < CALLS; i++) {
        (void)printf("%-10s %-16s %9llu calls, longest %7.3f ms\n", who, call_names[i],
                     (unsigned long long)s->calls[i], s->longest_ms[i]);
        worst = s->longest_ms[i] > worst ? s->longest_ms[i] : worst;
    }
    return worst;
}

static void forget_times(struct world *w)
{
    w->chunks = 0;
    for (size_t i = 0; i < 2; i++) {
        memset(w->sides[i].longest_ms, 0, sizeof(w->sides[i].longest_ms));
        memset(w->sides[i].calls, 0, sizeof(w->sides[i].calls));
    }
}

/* Until the member has all that the leader had at the beginning; the longest call. */
static double ship(struct world *w, uint64_t keys, const char *what)
{
    forget_times(w);
    const struct side *member = &w->sides[1];
    uint64_t goal = core_applied(w->sides[0].core);
    double since = now_cpu_ms();
    while (core_applied(member->core) < goal) {
        for (int i = 0; i < WRITES_PER_MS; i++) {
            put(w, w->tickets * 7919 % keys);
        }
        step(w);
    }
    (void)printf("%s: %llu chunks, %.0f ms of processor time\n", what,
                 (unsigned long long)w->chunks, now_cpu_ms() - since);
    double worst = report(&w->sides[0], "leader");
    double there = report(member, "member");
    return there > worst ? there : worst;
}

static void restart(struct world *w, struct side *s)
{
    core_destroy(s->core);
    struct store_image image;
    store_double_load(s->disk, &image);
    struct core_settings settings = core_settings_default(s->id, 77);
    double since = now_cpu_ms();
    s->core = core_create(&settings, w->now_ms, &image, on_fatal, NULL);
    (void)printf("restart: the state is there again after %.1f ms\n", now_cpu_ms() - since);
    store_image_close(&image);
}

static void close_world(struct world *w)
{
    while (!list_empty(&w->wire)) {
        struct packet *p = CONTAINER_OF(list_pop_front(&w->wire), struct packet, link);
        buf_close(&p->bytes);
        mem_free(p);
    }
    for (size_t i = 0; i < 2; i++) {
        core_destroy(w->sides[i].core);
        store_double_reader_close(w->sides[i].reader);
        store_double_destroy(w->sides[i].disk);
    }
    buf_close(&w->command);
}

int main(int argc, char **argv)
{
    uint64_t mib = argc > 1 ? strtoull(argv[1], NULL, 10) : 64;
    uint64_t keys = mib * 1024 * 1024 / VALUE_SIZE;
    struct world w = {.now_ms = 1000, .sides = {{.id = 1}, {.id = 2}}};
    list_init(&w.wire);
    start(&w, &w.sides[0], true);
    load(&w, keys);
    struct machine_status status;
    machine_status(core_machine(w.sides[0].core), &status);
    (void)printf("a state of %llu keys, %.1f MiB\n", (unsigned long long)status.key_count,
                 (double)status.used_bytes / 1024 / 1024);
    start(&w, &w.sides[1], false);
    join(&w);
    double worst = ship(&w, keys, "to a new member");
    sleep_through(&w, keys);
    double again = ship(&w, keys, "in place of an old state");
    worst = again > worst ? again : worst;
    restart(&w, &w.sides[1]);
    close_world(&w);
    (void)printf("longest call %.3f ms, the goal is %.0f ms\n", worst, LIMIT_MS);
    return worst <= LIMIT_MS ? 0 : 1;
}
