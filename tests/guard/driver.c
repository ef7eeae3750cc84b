/* tests/guard/driver.c - plays pgraftd to a guard: reads commands, one a line, prints events.
 *
 * usage: driver GUARD DATA_DIR POSTGRES SOCKET [OPTION OF THE GUARD...]
 *
 * It renews a grant by itself every 50 ms when told to, so that killing or freezing it does what
 * killing or freezing pgraftd does. Each answer and event is one line of NAME=VALUE. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "supervisor/guard_client.h"

#define RENEW_MS 50
#define NS_PER_MS UINT64_C(1000000)
#define WORDS_MAX 64

static struct guard_client client;
static struct guard_place place;
static struct guard_grant grant; /* its deadline is a duration while it is renewed */
static uint64_t lease_ns;        /* 0: nothing is renewed */

static uint64_t now_ns(void)
{
    struct timespec now;
    MUST(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
    return (uint64_t)now.tv_sec * 1000 * NS_PER_MS + (uint64_t)now.tv_nsec;
}

static void write_grant(uint64_t for_ns)
{
    grant.deadline_ns = now_ns() + for_ns;
    guard_client_grant(&client, &grant);
}

static void print_event(const struct guard_event *e)
{
    printf("%s id=%" PRIu32 " at_ns=%" PRIu64 " reason=%" PRIu64 " error=%" PRIu64 " pid=%" PRIu64
           " wait_status=%" PRIu64 " epoch=%" PRIu64 " armed=%" PRIu64 " deadline_ns=%" PRIu64,
           guard_kind_text(e->kind), e->id, e->at_ns, e->reason, e->error, e->pid, e->wait_status,
           e->epoch, e->armed_epoch, e->deadline_ns);
    printf(" system_id=%" PRIu64 " timeline=%" PRIu64 " pg_state=%" PRIu64
           " phase=%s is_primary=%" PRIu64 " is_adopted=%" PRIu64 " ended=%" PRIu64
           " stuck=%" PRIu64 " took_ns=%" PRIu64 " why=%s\n",
           e->system_id, e->timeline, e->pg_state, guard_phase_text(e->phase), e->is_primary,
           e->is_adopted, e->ended_count, e->stuck_count, e->took_ns, guard_reason_text(e->reason));
}

static uint64_t number(char **words, int i)
{
    return words[i] != NULL ? strtoull(words[i], NULL, 10) : 0;
}

/* grant|renew EPOCH LEASE_MS KILL_BUDGET_MS PROMOTE_EPOCH MARGIN_MS */
static int set_grant(char **words)
{
    grant = (struct guard_grant){
        .epoch = number(words, 1),
        .kill_budget_ns = number(words, 3) * NS_PER_MS,
        .promote_epoch = number(words, 4),
        .promote_margin_ns = number(words, 5) * NS_PER_MS,
    };
    uint64_t for_ns = number(words, 2) * NS_PER_MS;
    lease_ns = strcmp(words[0], "renew") == 0 ? for_ns : 0;
    write_grant(for_ns);
    printf("granted deadline_ns=%" PRIu64 "\n", grant.deadline_ns);
    return 0;
}

static int say_asked(uint32_t id)
{
    printf("asked id=%" PRIu32 "\n", id);
    return 0;
}

/* start|start-primary|upgrade EPOCH WORD... */
static int ask_with_words(uint16_t kind, char **words, struct err *err)
{
    static char path[] = "PATH=/usr/bin:/bin";
    static char locale[] = "LC_ALL=C";
    struct guard_request request = {.kind = kind, .epoch = number(words, 1)};
    for (int i = 2; words[i] != NULL; i++) {
        MUST(guard_request_add_argument(&request, words[i]));
    }
    if (kind != GUARD_UPGRADE) {
        MUST(guard_request_add_variable(&request, path));
        MUST(guard_request_add_variable(&request, locale));
    }
    uint32_t id;
    int r =
        guard_client_send(&client, &request, kind == GUARD_UPGRADE ? -1 : STDERR_FILENO, &id, err);
    return r != 0 ? r : say_asked(id);
}

/* arm EPOCH [WATCHDOG_TIMEOUT_MS [WATCHDOG_MARGIN_MS]] */
static int arm(char **words, struct err *err)
{
    struct guard_request request = {.kind = GUARD_ARM, .epoch = number(words, 1)};
    request.watchdog_timeout_ns = words[1] != NULL ? number(words, 2) * NS_PER_MS : 0;
    request.watchdog_margin_ns =
        request.watchdog_timeout_ns != 0 ? number(words, 3) * NS_PER_MS : 0;
    uint32_t id;
    int r = guard_client_send(&client, &request, -1, &id, err);
    return r != 0 ? r : say_asked(id);
}

static int connect_guard(char **words, struct err *err)
{
    if (strcmp(words[0], "attach") == 0) {
        int r = guard_client_attach(&client, place.socket, err);
        return r != 0 ? r : say_asked(client.last_id);
    }
    pid_t pid;
    int r = guard_client_spawn(&client, &place, &pid, err);
    if (r == 0) {
        printf("spawned pid=%d\n", (int)pid);
    }
    return r;
}

static int run_command(char **words, struct err *err)
{
    static const struct {
        const char *name;
        uint16_t kind;
    } asks[] = {
        {"promote", GUARD_PROMOTE}, {"stop", GUARD_STOP},   {"adopt", GUARD_ADOPT},
        {"status", GUARD_STATUS},   {"watch", GUARD_WATCH}, {"quit", GUARD_QUIT},
        {"leave", GUARD_LEAVE},
    };
    static const struct {
        const char *name;
        uint16_t kind;
    } with_words[] = {
        {"start", GUARD_START}, {"start-primary", GUARD_START_PRIMARY}, {"upgrade", GUARD_UPGRADE}};
    if (strcmp(words[0], "spawn") == 0 || strcmp(words[0], "attach") == 0) {
        return connect_guard(words, err);
    }
    if (strcmp(words[0], "grant") == 0 || strcmp(words[0], "renew") == 0) {
        return set_grant(words);
    }
    if (strcmp(words[0], "arm") == 0) {
        return arm(words, err);
    }
    if (strcmp(words[0], "hold") == 0) {
        lease_ns = 0;
        printf("held deadline_ns=%" PRIu64 "\n", grant.deadline_ns);
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        if (strcmp(words[0], asks[i].name) == 0) {
            uint32_t id;
            int r = guard_client_ask(&client, asks[i].kind, number(words, 1), number(words, 1), &id,
                                     err);
            return r != 0 ? r : say_asked(id);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(with_words); i++) {
        if (strcmp(words[0], with_words[i].name) == 0) {
            return ask_with_words(with_words[i].kind, words, err);
        }
    }
    return err_set(err, ERR_USAGE, "no such command: %s", words[0]);
}

static void take_line(char *line)
{
    char *words[WORDS_MAX + 1] = {0};
    char *rest = NULL;
    int count = 0;
    for (char *word = strtok_r(line, " \n", &rest); word != NULL && count < WORDS_MAX;
         word = strtok_r(NULL, " \n", &rest)) {
        words[count++] = word;
    }
    struct err err = {0};
    if (count > 0 && run_command(words, &err) != 0) {
        printf("error code=%d why=%s\n", err.code, err.msg);
    }
}

static bool take_events(void)
{
    struct guard_event event;
    struct err err = {0};
    int r;
    while ((r = guard_client_receive(&client, &event, &err)) > 0) {
        print_event(&event);
    }
    if (r < 0) {
        printf("closed code=%d\n", r);
        (void)close(client.fd);
        client.fd = -1;
    }
    return r == 0;
}

int main(int count, char **words)
{
    struct err err = {0};
    if (count < 5 || guard_client_init(&client, &err) != 0) {
        (void)fprintf(stderr, "driver: %s\n", count < 5 ? "too few words" : err.msg);
        return 2;
    }
    place = (struct guard_place){.guard = words[1],
                                 .data_dir = words[2],
                                 .program = words[3],
                                 .socket = words[4],
                                 .more = words + 5};
    (void)setvbuf(stdin, NULL, _IONBF, 0);
    for (;;) {
        struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {client.fd, POLLIN, 0}};
        (void)fflush(stdout);
        (void)poll(fds, ARRAY_LEN(fds), lease_ns > 0 ? RENEW_MS : -1);
        if (lease_ns > 0) {
            write_grant(lease_ns);
        }
        if (fds[0].revents != 0) {
            char line[4096];
            if (fgets(line, sizeof(line), stdin) == NULL) {
                return 0;
            }
            take_line(line);
        }
        if (client.fd >= 0 && fds[1].revents != 0) {
            (void)take_events();
        }
    }
}
