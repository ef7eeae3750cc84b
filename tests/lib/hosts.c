/* tests/lib/hosts.c - several nodes of libpgraft in one process, talking over loopback. */
#include "tests/lib/hosts.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/must.h"

#define WAIT_MS 30000

#if defined(__SANITIZE_THREAD__)
/* libuv opens descriptors by calls that this sanitizer sees, and closes them by one that it does
 * not: when a number comes back in another thread it is taken for a race. */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "ignore_noninstrumented_modules=1";
}
/* NOLINTEND(bugprone-reserved-identifier) */
#endif

struct pgraft_slice text_slice(const char *text)
{
    return (struct pgraft_slice){text, strlen(text)};
}

/* Nobody else's: each process has a loopback address of its own, and no connection that goes out
 * uses it, as one may a port that was free a moment ago. */
static void address_of(size_t host, char *out, size_t size)
{
    unsigned int pid = (unsigned int)getpid();
    (void)snprintf(out, size, "127.%u.%u.%u:%zu", 64 + (pid >> 16 & 63), pid >> 8 & 255, pid & 255,
                   7400 + host);
}

void hosts_open(struct hosts *hosts, size_t count)
{
    MUST(count <= HOSTS_MAX);
    memset(hosts, 0, sizeof(*hosts));
    scratch_init(&hosts->scratch);
    hosts->count = count;
    for (size_t i = 0; i < count; i++) {
        struct host *h = &hosts->at[i];
        h->all = hosts;
        (void)snprintf(h->name, sizeof(h->name), "n%zu", i + 1);
        address_of(i, h->address, sizeof(h->address));
        (void)snprintf(h->directory, sizeof(h->directory), "%s/%s", hosts->scratch.dir, h->name);
        size_t used = strlen(hosts->peers);
        (void)snprintf(hosts->peers + used, sizeof(hosts->peers) - used, "%s%s=%s",
                       i > 0 ? "," : "", h->name, h->address);
    }
}

void hosts_close(struct hosts *hosts)
{
    for (size_t i = 0; i < hosts->count; i++) {
        hosts_stop(hosts, i);
    }
    scratch_close(&hosts->scratch);
}

static void on_event(void *ctx, const struct pgraft_event *event)
{
    struct host *h = ctx;
    h->events++;
    h->warnings[event->kind] += event->level == PGRAFT_LEVEL_WARN ? 1 : 0;
    (void)snprintf(h->last_event, sizeof(h->last_event), "%s", event->text);
    if (getenv("HOSTS_TRACE") != NULL) {
        (void)fprintf(stderr, "%s: %s %s\n", h->name, event->peer, event->text);
    }
}

void hosts_start(struct hosts *hosts, size_t host)
{
    struct host *h = &hosts->at[host];
    struct pgraft_settings settings;
    struct pgraft_error error = {0};
    pgraft_settings_init(&settings);
    settings.scope = "test";
    settings.name = h->name;
    settings.listen = h->address;
    settings.directory = h->directory;
    settings.peers = hosts->peers;
    settings.on_event = on_event;
    settings.ctx = h;
    if (hosts->settings != NULL) {
        hosts->settings(&settings, host);
    }
    int code = pgraft_open(&settings, &h->store, &error);
    if (code != 0) {
        (void)fprintf(stderr, "%s does not start: %s\n", h->name, error.message);
    }
    MUST(code == 0);
}

void hosts_stop(struct hosts *hosts, size_t host)
{
    pgraft_close(hosts->at[host].store);
    hosts->at[host].store = NULL;
}

static uint64_t now_ms(void)
{
    return clock_mono_ms(clock_system());
}

bool hosts_until(struct hosts *hosts, bool (*is_so)(void *arg), void *arg)
{
    uint64_t until_ms = now_ms() + WAIT_MS;
    while (!is_so(arg) && now_ms() < until_ms) {
        struct pollfd fds[HOSTS_MAX];
        for (size_t i = 0; i < hosts->count; i++) {
            struct pgraft *store = hosts->at[i].store;
            fds[i] = (struct pollfd){.fd = store != NULL ? pgraft_fd(store) : -1, .events = POLLIN};
        }
        (void)poll(fds, hosts->count, 100);
        for (size_t i = 0; i < hosts->count; i++) {
            if (hosts->at[i].store != NULL) {
                (void)pgraft_dispatch(hosts->at[i].store);
            }
        }
    }
    return is_so(arg);
}

static void hear_state(struct heard *heard, const struct pgraft_status *s)
{
    heard->phase = s->phase;
    heard->leader = s->leader;
    heard->members = s->member_count;
    heard->can_lose = s->can_lose;
    heard->has_quorum = s->has_quorum;
    heard->level = s->feature_level;
    (void)snprintf(heard->leader_name, sizeof(heard->leader_name), "%s", s->leader_name);
    (void)snprintf(heard->text, sizeof(heard->text), "%s", s->text);
    for (size_t i = 0; i < s->member_count; i++) {
        heard->self = s->members[i].is_self ? s->members[i].id : heard->self;
        heard->answered += s->members[i].answered ? 1 : 0;
        heard->voters += s->members[i].role == PGRAFT_VOTER ? 1 : 0;
    }
}

static void on_done(void *ctx, const struct pgraft_result *result)
{
    struct heard *heard = ctx;
    *heard = (struct heard){.done = true,
                            .status = result->status,
                            .revision = result->revision,
                            .succeeded = result->succeeded};
    (void)snprintf(heard->message, sizeof(heard->message), "%s", result->message);
    if (result->op_count > 0) {
        const struct pgraft_op_result *op = &result->ops[0];
        heard->count = op->count;
        heard->lease = op->lease;
        heard->grant = op->lease_grant;
        heard->epoch = op->lease_epoch;
        if (op->pair_count > 0) {
            (void)snprintf(heard->value, sizeof(heard->value), "%.*s", (int)op->pairs[0].value.size,
                           (const char *)op->pairs[0].value.bytes);
        }
    }
    if (result->lease_count > 0) {
        heard->lease = result->leases[0].id;
        heard->left_ms = result->leases[0].left_ms;
        heard->count = result->lease_count;
    }
    if (result->state != NULL) {
        hear_state(heard, result->state);
    }
}

struct pgraft_call hosts_call(struct heard *heard, uint32_t timeout_ms)
{
    *heard = (struct heard){.done = false};
    return (struct pgraft_call){.timeout_ms = timeout_ms, .done = on_done, .ctx = heard};
}

static bool is_done(void *arg)
{
    return ((const struct heard *)arg)->done;
}

void hosts_wait(struct hosts *hosts, struct heard *heard)
{
    bool answered = hosts_until(hosts, is_done, heard);
    MUST(answered);
}

struct heard hosts_put(struct hosts *hosts, size_t host, const char *key, const char *value)
{
    struct heard heard;
    struct pgraft_call call = hosts_call(&heard, 10000);
    int code =
        pgraft_put(hosts->at[host].store, text_slice(key), text_slice(value), 0, &call, NULL, NULL);
    MUST(code == 0);
    hosts_wait(hosts, &heard);
    return heard;
}

struct heard hosts_get(struct hosts *hosts, size_t host, const char *key)
{
    struct heard heard;
    struct pgraft_call call = hosts_call(&heard, 10000);
    int code = pgraft_get(hosts->at[host].store, text_slice(key), &call, NULL, NULL);
    MUST(code == 0);
    hosts_wait(hosts, &heard);
    return heard;
}

struct heard hosts_status(struct hosts *hosts, size_t host, bool ask_all)
{
    struct heard heard;
    struct pgraft_call call = hosts_call(&heard, 4000);
    int code = pgraft_status(hosts->at[host].store, ask_all, &call, NULL, NULL);
    MUST(code == 0);
    hosts_wait(hosts, &heard);
    return heard;
}

void hosts_until_ready(struct hosts *hosts, size_t host, size_t members)
{
    uint64_t until_ms = now_ms() + WAIT_MS;
    struct heard heard = {0};
    bool ready = false;
    while (!ready && now_ms() < until_ms) {
        struct timespec pause = {.tv_nsec = 20 * (long)NS_PER_MS};
        (void)nanosleep(&pause, NULL);
        heard = hosts_status(hosts, host, false);
        ready = heard.phase == PGRAFT_MEMBER && heard.has_quorum && heard.members == members;
    }
    if (!ready) {
        (void)fprintf(stderr, "%s: phase %d, %zu members, leader %s, %s; %s\n",
                      hosts->at[host].name, (int)heard.phase, heard.members, heard.leader_name,
                      heard.text, hosts->at[host].last_event);
    }
    MUST(ready);
}

void hosts_break_connections(void)
{
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof(peer);
        if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0) {
            (void)shutdown(fd, SHUT_RDWR);
        }
    }
}
