/* bench/health.c - how many health checks a second a node answers, and how fast.
 *
 * Each of the clients asks, reads the whole answer and asks again: over a connection that it keeps,
 * or over a new one each time that it resets, as HAProxy does with its checks. A time is from the
 * first thing a client does for a check (connecting, where it connects) to the last byte of the
 * answer. An answer with another status than that of the first one is counted, and so is a check
 * that failed. One thread, so one core at most.
 *
 * usage: health IPV4 PORT kept|new [CLIENTS [SECONDS [PATH]]]; prints one line of JSON. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "bench/store/samples.h"

#define EVENTS_AT_ONCE 64
#define ANSWER_MAX 16384
#define QUIET_MS 5000 /* without any answer: it hangs */
#define STATUS_AT 9   /* "HTTP/1.1 200 OK" */

struct client {
    int fd; /* -1: not connected */
    bool is_sent;
    uint64_t began_ns;
    size_t got;
    char answer[ANSWER_MAX];
};

static struct {
    struct sockaddr_in at;
    bool keeps;
    char request[512];
    size_t request_size;
    int epoll;
    struct client *clients;
    size_t count;
    struct samples samples;
    uint64_t failed;
    uint64_t other; /* of another status */
    int status;
} all;

/* ---- one check after the other ---- */

static void disconnect(struct client *c)
{
    /* A reset: the port can be used again at once. */
    const struct linger now = {.l_onoff = 1};
    (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    (void)close(c->fd);
    c->fd = -1;
}

static void begin(struct client *c)
{
    const int one = 1;
    c->began_ns = clock_ns(clock_system(), CLOCK_MONO);
    c->got = 0;
    c->is_sent = false;
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = c};
    int how = EPOLL_CTL_MOD;
    if (c->fd < 0) {
        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        MUST(c->fd >= 0);
        (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        int rc = connect(c->fd, (const struct sockaddr *)&all.at, sizeof(all.at));
        MUST(rc == 0 || errno == EINPROGRESS);
        how = EPOLL_CTL_ADD;
    }
    int rc = epoll_ctl(all.epoll, how, c->fd, &event);
    MUST(rc == 0);
}

static void fail(struct client *c)
{
    all.failed++;
    disconnect(c);
    begin(c);
}

static void send_request(struct client *c)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    ssize_t sent = send(c->fd, all.request, all.request_size, MSG_NOSIGNAL);
    if (sent != (ssize_t)all.request_size) { /* it is smaller than any buffer */
        fail(c);
        return;
    }
    c->is_sent = true;
    int rc = epoll_ctl(all.epoll, EPOLL_CTL_MOD, c->fd, &event);
    MUST(rc == 0);
}

/* Headers, and as much behind them as they say; OPTIONS has none. */
static bool is_whole(const struct client *c)
{
    return c->got > STATUS_AT + 3 && strstr(c->answer, "\r\n\r\n") != NULL;
}

static void take_answer(struct client *c)
{
    ssize_t got = recv(c->fd, c->answer + c->got, sizeof(c->answer) - 1 - c->got, 0);
    if (got <= 0) {
        fail(c);
        return;
    }
    c->got += (size_t)got;
    c->answer[c->got] = '\0';
    if (!is_whole(c)) {
        return;
    }
    samples_add(&all.samples, clock_ns(clock_system(), CLOCK_MONO) - c->began_ns);
    int status = (int)strtol(c->answer + STATUS_AT, NULL, 10);
    all.status = all.status == 0 ? status : all.status;
    all.other += status != all.status ? 1 : 0;
    if (!all.keeps) {
        disconnect(c);
    }
    begin(c);
}

static void run(uint64_t seconds)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    uint64_t until_ns = clock_ns(clock_system(), CLOCK_MONO) + seconds * NS_PER_S;
    while (clock_ns(clock_system(), CLOCK_MONO) < until_ns) {
        int count = epoll_wait(all.epoll, events, EVENTS_AT_ONCE, QUIET_MS);
        MUST(count != 0); /* it hangs */
        for (int i = 0; i < count; i++) {
            struct client *c = events[i].data.ptr;
            if ((events[i].events & EPOLLERR) != 0U) {
                fail(c);
            } else if (!c->is_sent) {
                send_request(c);
            } else {
                take_answer(c);
            }
        }
    }
}

/* ---- from the command line to a line ---- */

/* 0: it is no number of at least 1. */
static uint64_t number_of(const char *text)
{
    char *end = NULL;
    unsigned long long value = strtoull(text, &end, 10);
    return *text != '\0' && *end == '\0' ? value : 0;
}

static void open_all(const char *host, const char *path)
{
    int size = snprintf(all.request, sizeof(all.request),
                        "OPTIONS %s HTTP/1.%d\r\nHost: %s\r\n\r\n", path, all.keeps ? 1 : 0, host);
    MUST(size > 0 && (size_t)size < sizeof(all.request));
    all.request_size = (size_t)size;
    all.epoll = epoll_create1(EPOLL_CLOEXEC);
    MUST(all.epoll >= 0);
    all.clients = mem_array(all.count, sizeof(*all.clients));
    for (size_t i = 0; i < all.count; i++) {
        all.clients[i].fd = -1;
        begin(&all.clients[i]);
    }
}

static void print(double seconds)
{
    samples_sort(&all.samples);
    (void)printf(
        "{\"status\": %d, \"checks\": %zu, \"per_second\": %.0f, \"p50_us\": %u, "
        "\"p99_us\": %u, \"most_us\": %u, \"failed\": %" PRIu64 ", \"other\": %" PRIu64 "}\n",
        all.status, all.samples.count, (double)all.samples.count / seconds,
        samples_percentile(&all.samples, 50), samples_percentile(&all.samples, 99),
        samples_percentile(&all.samples, 100), all.failed, all.other);
}

int main(int argc, char **argv)
{
    bool is_known =
        argc >= 4 && argc <= 7 && (strcmp(argv[3], "kept") == 0 || strcmp(argv[3], "new") == 0);
    uint64_t port = is_known ? number_of(argv[2]) : 0;
    uint64_t seconds = argc > 5 ? number_of(argv[5]) : 10;
    all.count = argc > 4 ? number_of(argv[4]) : 16;
    all.at.sin_family = AF_INET;
    all.at.sin_port = htons((uint16_t)port);
    if (port == 0 || port > UINT16_MAX || seconds == 0 || all.count == 0 ||
        inet_pton(AF_INET, argv[1], &all.at.sin_addr) != 1) {
        (void)fprintf(stderr, "usage: health IPV4 PORT kept|new [CLIENTS [SECONDS [PATH]]]\n");
        return 2;
    }
    all.keeps = strcmp(argv[3], "kept") == 0;
    open_all(argv[1], argc > 6 ? argv[6] : "/primary");
    uint64_t began_ns = clock_ns(clock_system(), CLOCK_MONO);
    run(seconds);
    print((double)(clock_ns(clock_system(), CLOCK_MONO) - began_ns) / (double)NS_PER_S);
    for (size_t i = 0; i < all.count; i++) {
        (void)close(all.clients[i].fd);
    }
    (void)close(all.epoll);
    mem_free(all.clients);
    samples_close(&all.samples);
    return all.failed > 0 || all.samples.count == 0 ? 1 : 0;
}
