/* bench/store/load.c - the load generator of our store: a non-voting member with clients in it.
 *
 *   bench_store_load NAME LISTEN PEERS DIRECTORY [SECRET_FILE]
 *
 * It joins the cluster, prints {"ready": true}, and then does what each line of standard input asks
 * for, answering it with one line of JSON:
 *
 *   fill KEYS                                the keys that will be read
 *   put|get|local CLIENTS SECONDS FILE       each client asks again when it was answered
 *   pace RATE SECONDS FILE                   so many puts begin in a second, answered or not
 *   watch RATE SECONDS FILE                  as pace, and this member's watch of them is timed
 *
 * get is linearizable, local is this member's own state as it is. The times of watch are from the
 * beginning of a put, of any generator, until this one was told. All times go to FILE ("-":
 * nowhere); bench/store/etcd/load.go does the same to etcd. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "bench/store/samples.h"
#include "consensus/pgraft.h"

#define VALUE_SIZE 100
#define STAMP_SIZE 20 /* digits of a time at the beginning of a value */
#define TIMEOUT_MS 10000
#define STORE_BYTES_MAX (UINT64_C(16) << 30)
#define SLOTS_MAX 4096
/* Until it is a member it looks again so often. */
#define ASK_NS (50 * NS_PER_MS)
/* What was put last is still told to watches after the end. */
#define WATCH_REST_NS (300 * NS_PER_MS)

enum kind { KIND_FILL, KIND_PUT, KIND_GET, KIND_LOCAL, KIND_WATCH, KIND_PACE };
static const char *const kind_names[] = {
    [KIND_FILL] = "fill",   [KIND_PUT] = "put",     [KIND_GET] = "get",
    [KIND_LOCAL] = "local", [KIND_WATCH] = "watch", [KIND_PACE] = "pace",
};

struct load;

/* A client, or one of the requests of a pace. */
struct slot {
    struct load *load;
    bool busy;
    uint64_t began_ns;
};

struct phase {
    enum kind kind;
    uint64_t count; /* clients, requests in a second, or keys */
    double seconds;
    char file[512];
    uint64_t begin_ns;
    uint64_t end_ns;
    uint64_t begun; /* requests of a pace, or keys of a fill */
    uint64_t busy;
    uint64_t done;
    uint64_t failed;
    uint64_t acked_ns; /* the newest success */
    uint64_t gap_ns;   /* the longest time between two of them */
    struct samples samples;
};

struct load {
    const char *name;
    struct pgraft *store;
    struct slot slots[SLOTS_MAX];
    struct phase phase;
    bool is_running;
    bool is_ready;
    uint64_t asked_ns; /* how the cluster is */
    uint64_t keys_filled;
    uint64_t keys_put;
    uint64_t chance;
    uint64_t watch;
    char value[VALUE_SIZE];
    char line[1024];
    size_t line_size;
};

static uint64_t now_ns(void)
{
    return clock_ns(clock_system(), CLOCK_MONO);
}

static uint64_t chance(struct load *l)
{
    l->chance = l->chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return l->chance >> 33;
}

static bool is_paced(const struct phase *p)
{
    return p->kind == KIND_PACE || p->kind == KIND_WATCH;
}

/* ---- requests ---- */

static void next_request(struct slot *slot);

static void note_success(struct phase *p, uint64_t now)
{
    uint64_t since_ns = now - (p->acked_ns != 0 ? p->acked_ns : p->begin_ns);
    p->gap_ns = since_ns > p->gap_ns ? since_ns : p->gap_ns;
    p->acked_ns = now;
    p->done++;
}

static void on_done(void *ctx, const struct pgraft_result *result)
{
    struct slot *slot = ctx;
    struct phase *p = &slot->load->phase;
    uint64_t now = now_ns();
    slot->busy = false;
    p->busy--;
    if (result->status != 0) {
        p->failed++;
        (void)fprintf(stderr, "%s: %s\n", slot->load->name, result->message);
    } else if (now < p->end_ns || p->kind == KIND_FILL) {
        note_success(p, now);
        if (p->kind != KIND_WATCH) {
            samples_add(&p->samples, now - slot->began_ns);
        }
    }
    if (!is_paced(p)) {
        next_request(slot);
    }
}

static struct pgraft_slice slice(const void *bytes, size_t size)
{
    return (struct pgraft_slice){bytes, size};
}

static size_t name_key(struct load *l, char *key, size_t room)
{
    switch (l->phase.kind) {
        case KIND_FILL:
            return (size_t)snprintf(key, room, "read/%08" PRIu64, l->phase.begun);
        case KIND_GET:
        case KIND_LOCAL:
            return (size_t)snprintf(key, room, "read/%08" PRIu64,
                                    chance(l) % (l->keys_filled > 0 ? l->keys_filled : 1));
        case KIND_WATCH:
            l->keys_put++;
            return (size_t)snprintf(key, room, "watch/%s/%012" PRIu64, l->name, l->keys_put);
        case KIND_PUT:
        case KIND_PACE:
            break;
    }
    l->keys_put++;
    return (size_t)snprintf(key, room, "put/%s/%012" PRIu64, l->name, l->keys_put);
}

static void begin_request(struct slot *slot)
{
    struct load *l = slot->load;
    struct phase *p = &l->phase;
    struct pgraft_error error = {0};
    struct pgraft_call call = {
        .timeout_ms = TIMEOUT_MS, .local = p->kind == KIND_LOCAL, .done = on_done, .ctx = slot};
    char key[64];
    char stamp[STAMP_SIZE + 1];
    size_t size = name_key(l, key, sizeof(key));
    bool reads = p->kind == KIND_GET || p->kind == KIND_LOCAL;
    p->begun++;
    p->busy++;
    slot->busy = true;
    slot->began_ns = now_ns();
    (void)snprintf(stamp, sizeof(stamp), "%0*" PRIu64, STAMP_SIZE, slot->began_ns);
    memcpy(l->value, stamp, STAMP_SIZE);
    int code = reads ? pgraft_get(l->store, slice(key, size), &call, NULL, &error)
                     : pgraft_put(l->store, slice(key, size), slice(l->value, VALUE_SIZE), 0, &call,
                                  NULL, &error);
    if (code != 0) {
        (void)fprintf(stderr, "%s: %s\n", l->name, error.message);
    }
    MUST(code == 0);
}

/* What a client does when it was answered, or begins. */
static void next_request(struct slot *slot)
{
    struct phase *p = &slot->load->phase;
    bool goes_on = p->kind == KIND_FILL ? p->begun < p->count : now_ns() < p->end_ns;
    if (goes_on) {
        begin_request(slot);
    }
}

/* ---- watches ---- */

static void on_changes(void *ctx, const struct pgraft_changes *changes)
{
    struct load *l = ctx;
    uint64_t now = now_ns();
    for (size_t i = 0; l->is_running && i < changes->count; i++) {
        char stamp[STAMP_SIZE + 1] = "";
        if (changes->changes[i].pair.value.size == VALUE_SIZE) {
            memcpy(stamp, changes->changes[i].pair.value.bytes, STAMP_SIZE);
            samples_add(&l->phase.samples, now - strtoull(stamp, NULL, 10));
        }
    }
}

static void begin_watch(struct load *l)
{
    struct pgraft_error error = {0};
    struct pgraft_watch wish = {.span = {.kind = PGRAFT_PREFIX, .key = slice("watch/", 6)},
                                .changed = on_changes,
                                .ctx = l};
    int code = pgraft_watch(l->store, &wish, &l->watch, &error);
    MUST(code == 0);
}

/* ---- phases ---- */

static void begin_phase(struct load *l)
{
    struct phase *p = &l->phase;
    uint64_t clients = p->kind == KIND_FILL ? 64 : is_paced(p) ? 0 : p->count;
    l->is_running = true;
    p->begin_ns = now_ns();
    p->end_ns = p->begin_ns + (uint64_t)(p->seconds * (double)NS_PER_S);
    if (p->kind == KIND_WATCH) {
        begin_watch(l);
    }
    for (uint64_t i = 0; i < clients && i < SLOTS_MAX; i++) {
        next_request(&l->slots[i]);
    }
}

/* Puts of a pace that are due, and when the next one is. */
static uint64_t keep_pace(struct load *l, uint64_t now)
{
    struct phase *p = &l->phase;
    uint64_t step_ns = NS_PER_S / p->count;
    while (now < p->end_ns && p->begin_ns + p->begun * step_ns <= now) {
        struct slot *slot = &l->slots[p->begun % SLOTS_MAX];
        if (slot->busy) {
            p->begun++;
            p->failed++; /* its turn comes again and the one before is not answered yet */
        } else {
            begin_request(slot);
        }
    }
    return p->begin_ns + p->begun * step_ns;
}

static void print_phase(struct load *l)
{
    struct phase *p = &l->phase;
    double seconds =
        p->kind == KIND_FILL ? (double)(now_ns() - p->begin_ns) / (double)NS_PER_S : p->seconds;
    uint64_t rest_ns = p->acked_ns != 0 && p->acked_ns < p->end_ns ? p->end_ns - p->acked_ns : 0;
    uint64_t gap_ns = rest_ns > p->gap_ns ? rest_ns : p->gap_ns;
    if (strcmp(p->file, "-") != 0 && samples_write(&p->samples, p->file) != 0) {
        (void)fprintf(stderr, "%s: %s: %s\n", l->name, p->file, strerrordesc_np(errno));
    }
    samples_sort(&p->samples);
    (void)printf("{\"kind\": \"%s\", \"count\": %" PRIu64 ", \"seconds\": %.3f, \"done\": %" PRIu64
                 ", \"failed\": %" PRIu64 ", \"per_s\": %.1f, \"p50_us\": %" PRIu32
                 ", \"p99_us\": %" PRIu32 ", \"max_us\": %" PRIu32 ", \"gap_ms\": %.1f}\n",
                 kind_names[p->kind], p->count, seconds, p->done, p->failed,
                 (double)p->done / seconds, samples_percentile(&p->samples, 50),
                 samples_percentile(&p->samples, 99), samples_percentile(&p->samples, 100),
                 (double)gap_ns / (double)NS_PER_MS);
    (void)fflush(stdout);
}

static void end_phase(struct load *l)
{
    if (l->phase.kind == KIND_WATCH) {
        pgraft_unwatch(l->store, l->watch);
    }
    if (l->phase.kind == KIND_FILL) {
        l->keys_filled = l->phase.count;
    }
    print_phase(l);
    samples_close(&l->phase.samples);
    l->is_running = false;
}

/* Returns how long to wait at the most, in ms. */
static int turn_phase(struct load *l)
{
    struct phase *p = &l->phase;
    uint64_t now = now_ns();
    uint64_t next_ns = p->end_ns + (p->kind == KIND_WATCH ? WATCH_REST_NS : 0);
    if (p->busy == 0 && (p->kind == KIND_FILL || now >= next_ns)) {
        end_phase(l);
        return 0;
    }
    if (is_paced(p) && p->count > 0 && now < p->end_ns) {
        next_ns = keep_pace(l, now);
    }
    return next_ns > now ? (int)((next_ns - now) / NS_PER_MS) + 1 : 100;
}

/* ---- what is asked for ---- */

static void note_status(void *ctx, const struct pgraft_result *result)
{
    struct load *l = ctx;
    const struct pgraft_status *s = result->state;
    if (s != NULL && s->phase == PGRAFT_MEMBER && s->has_quorum && !l->is_ready) {
        l->is_ready = true;
        (void)printf("{\"ready\": true}\n");
        (void)fflush(stdout);
    }
}

static void ask_status(struct load *l)
{
    struct pgraft_call call = {.timeout_ms = 1000, .done = note_status, .ctx = l};
    uint64_t now = now_ns();
    if (now - l->asked_ns >= ASK_NS && pgraft_status(l->store, false, &call, NULL, NULL) == 0) {
        l->asked_ns = now;
    }
}

/* The words of @line, ended by a zero each; how many. */
static size_t split(char *line, char **words, size_t max)
{
    size_t count = 0;
    char *at = line + strspn(line, " ");
    while (*at != '\0' && count < max) {
        words[count] = at;
        count++;
        at += strcspn(at, " ");
        if (*at != '\0') {
            *at++ = '\0';
            at += strspn(at, " ");
        }
    }
    return count;
}

static bool parse(struct phase *p, char *line)
{
    char *words[4];
    size_t count = split(line, words, ARRAY_LEN(words));
    *p = (struct phase){.file = "-"};
    for (size_t i = 0; i < ARRAY_LEN(kind_names) && count >= 2; i++) {
        if (strcmp(words[0], kind_names[i]) == 0) {
            p->kind = (enum kind)i;
            p->count = strtoull(words[1], NULL, 10);
            p->seconds = count == 4 ? strtod(words[2], NULL) : 0;
            (void)snprintf(p->file, sizeof(p->file), "%s", count == 4 ? words[3] : "-");
            return count == 4 || p->kind == KIND_FILL;
        }
    }
    return false;
}

/* False: standard input has ended. */
static bool take_input(struct load *l)
{
    size_t room = sizeof(l->line) - 1 - l->line_size;
    ssize_t got = read(STDIN_FILENO, l->line + l->line_size, room);
    if (got <= 0) {
        return false;
    }
    l->line_size += (size_t)got;
    char *end = memchr(l->line, '\n', l->line_size);
    if (end == NULL) {
        return l->line_size < sizeof(l->line) - 1;
    }
    *end = '\0';
    l->line_size = 0; /* whoever asks waits for the answer */
    if (!parse(&l->phase, l->line)) {
        (void)fprintf(stderr, "%s: what is \"%s\"?\n", l->name, l->line);
        return false;
    }
    begin_phase(l);
    return true;
}

static int run(struct load *l)
{
    for (;;) {
        int wait_ms = l->is_running ? turn_phase(l) : l->is_ready ? 1000 : 20;
        if (!l->is_ready) {
            ask_status(l);
        }
        struct pollfd fds[] = {
            {.fd = l->is_ready && !l->is_running ? STDIN_FILENO : -1, .events = POLLIN},
            {.fd = pgraft_fd(l->store), .events = POLLIN}};
        if (poll(fds, 2, wait_ms) < 0) {
            return 1;
        }
        (void)pgraft_dispatch(l->store);
        if (fds[0].revents != 0 && !take_input(l)) {
            return 0;
        }
    }
}

/* ---- start ---- */

static void on_event(void *ctx, const struct pgraft_event *event)
{
    (void)fprintf(stderr, "%s: %s %s\n", ((const struct load *)ctx)->name, event->peer,
                  event->text);
}

int main(int argc, char **argv)
{
    struct pgraft_settings settings;
    struct pgraft_error error = {0};
    if (argc != 5 && argc != 6) {
        (void)fprintf(stderr, "usage: %s NAME LISTEN PEERS DIRECTORY [SECRET_FILE]\n", argv[0]);
        return 2;
    }
    struct load *l = mem_zalloc(sizeof(*l));
    l->name = argv[1];
    memset(l->value, 'v', sizeof(l->value));
    for (size_t i = 0; i < SLOTS_MAX; i++) {
        l->slots[i].load = l;
    }
    pgraft_settings_init(&settings);
    settings.scope = "bench";
    settings.name = argv[1];
    settings.listen = argv[2];
    settings.peers = argv[3];
    settings.directory = argv[4];
    settings.secret_file = argc == 6 ? argv[5] : NULL;
    settings.wants_vote = false;
    settings.limit_bytes = STORE_BYTES_MAX;
    settings.on_event = on_event;
    settings.ctx = l;
    int status = 1;
    if (pgraft_open(&settings, &l->store, &error) != 0) {
        (void)fprintf(stderr, "%s: %s\n", l->name, error.message);
    } else {
        status = run(l);
        pgraft_close(l->store);
    }
    mem_free(l);
    return status;
}
