/* examples/embed.c - a program with a replicated store in it, in one file.
 *
 *   cc embed.c $(pkg-config --cflags --libs pgraft) -o embed
 *   ./embed n1 127.0.0.1:7401 n1=127.0.0.1:7401,n2=127.0.0.1:7402,n3=127.0.0.1:7403 dir1
 *
 * Started as n1, n2 and n3, the three form a cluster. Each line "KEY VALUE" on standard input of
 * any of them is stored, and all of them print every change. */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <pgraft.h>

static struct pgraft_slice text(const char *s)
{
    return (struct pgraft_slice){s, strlen(s)};
}

static void on_event(void *ctx, const struct pgraft_event *event)
{
    (void)ctx;
    (void)fprintf(stderr, "%s %s\n", event->peer, event->text);
}

static void on_changes(void *ctx, const struct pgraft_changes *changes)
{
    (void)ctx;
    for (size_t i = 0; i < changes->count; i++) {
        const struct pgraft_pair *pair = &changes->changes[i].pair;
        (void)printf("%llu %.*s=%.*s\n", (unsigned long long)changes->changes[i].revision,
                     (int)pair->key.size, (const char *)pair->key.bytes, (int)pair->value.size,
                     (const char *)pair->value.bytes);
        (void)fflush(stdout);
    }
}

static void on_stored(void *ctx, const struct pgraft_result *result)
{
    (void)ctx;
    if (result->status != 0) {
        (void)fprintf(stderr, "not stored: %s%s\n", result->message,
                      pgraft_may_be_applied(result->status) ? " (or perhaps it is)" : "");
    }
}

static void store_line(struct pgraft *store, char *line)
{
    struct pgraft_error error;
    struct pgraft_call call = {.timeout_ms = 10000, .done = on_stored};
    char *value = strchr(line, ' ');
    if (value == NULL) {
        (void)fprintf(stderr, "a line is KEY VALUE\n");
        return;
    }
    *value++ = '\0';
    value[strcspn(value, "\n")] = '\0';
    if (pgraft_put(store, text(line), text(value), 0, &call, NULL, &error) != 0) {
        (void)fprintf(stderr, "%s\n", error.message);
    }
}

int main(int argc, char **argv)
{
    struct pgraft *store = NULL;
    struct pgraft_error error;
    struct pgraft_settings settings;
    if (argc != 5) {
        (void)fprintf(stderr, "usage: embed NAME LISTEN PEERS DIRECTORY\n");
        return 2;
    }
    pgraft_settings_init(&settings);
    settings.scope = "embed";
    settings.name = argv[1];
    settings.listen = argv[2];
    settings.peers = argv[3];
    settings.directory = argv[4];
    settings.on_event = on_event;
    struct pgraft_watch watch = {
        .span = {.kind = PGRAFT_PREFIX}, .from_revision = 1, .changed = on_changes};
    if (pgraft_open(&settings, &store, &error) != 0 ||
        pgraft_watch(store, &watch, NULL, &error) != 0) {
        (void)fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    char line[4096];
    struct pollfd fds[] = {{.fd = 0, .events = POLLIN}, {.fd = pgraft_fd(store), .events = POLLIN}};
    while (poll(fds, 2, -1) >= 0) {
        pgraft_dispatch(store);
        if (fds[0].revents != 0) {
            if (fgets(line, sizeof(line), stdin) == NULL) {
                break;
            }
            store_line(store, line);
        }
    }
    pgraft_close(store);
    return 0;
}
