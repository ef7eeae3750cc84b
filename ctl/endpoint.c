/* ctl/endpoint.c - an endpoint as it is written, and the sockets of this host. */
#include "ctl/endpoint.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/mem.h"
#include "base/must.h"
#include "proto/member.h"

#define PORT 8008
#define SUFFIX ".sock"

static bool takes_off(const char **text, const char *begin)
{
    size_t length = strlen(begin);
    if (strncmp(*text, begin, length) != 0) {
        return false;
    }
    *text += length;
    return true;
}

/* "/run/x.sock", "./x.sock", "../x.sock", "x.sock". */
static bool is_path(const char *text)
{
    size_t dots = strspn(text, ".");
    size_t length = strlen(text);
    bool has_suffix =
        length > strlen(SUFFIX) && strcmp(text + length - strlen(SUFFIX), SUFFIX) == 0;
    return (dots <= 2 && text[dots] == '/') || (has_suffix && strchr(text, ':') == NULL);
}

int endpoint_parse(const char *text, struct endpoint *ret_endpoint, struct err *err)
{
    const char *rest = text;
    if (takes_off(&rest, "unix:") || is_path(text)) {
        struct sockaddr_un address;
        if (rest[0] == '\0' || strlen(rest) >= sizeof(address.sun_path)) {
            return err_set(err, ERR_INVALID, "endpoint %s: the path of a socket has 1 to %zu bytes",
                           cli_quoted(text).text, sizeof(address.sun_path) - 1);
        }
        *ret_endpoint = (struct endpoint){.socket = mem_strdup(rest)};
        return 0;
    }
    const char *scheme = takes_off(&rest, "https://") ? "https" : "http";
    (void)takes_off(&rest, "http://");
    size_t length = strcspn(rest, "/");
    bool only_slash = rest[length] == '\0' || rest[length + 1] == '\0';
    CLEANUP(mem_freep) char *address = mem_printf("%.*s", (int)length, rest);
    if (only_slash && member_address_check(address, NULL) < 0) {
        char *with_port = mem_printf("%s:%d", address, PORT);
        mem_free(address);
        address = with_port;
    }
    if (!only_slash || member_address_check(address, NULL) < 0) {
        return err_set(
            err, ERR_INVALID,
            "endpoint %s: neither http://HOST:PORT nor https://HOST:PORT nor the path of "
            "a socket",
            cli_quoted(text).text);
    }
    *ret_endpoint = (struct endpoint){.url = mem_printf("%s://%s", scheme, address)};
    return 0;
}

void endpoint_close(struct endpoint *endpoint)
{
    mem_free(endpoint->socket);
    mem_free(endpoint->url);
    *endpoint = (struct endpoint){0};
}

/* --- On this host --- */

static bool somebody_listens(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || strlen(path) >= sizeof(address.sun_path)) {
        return false;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    return connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

static int is_socket_name(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > strlen(SUFFIX) && entry->d_name[0] != '.' &&
           strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) == 0;
}

/* Of @count names the one to take: the only one, or the only one that is alive; -1: none. */
static int only_one(const char *run_dir, struct dirent *const *names, int count)
{
    int found = count == 1 ? 0 : -1;
    int alive = 0;
    for (int i = 0; count > 1 && i < count; i++) {
        CLEANUP(mem_freep) char *path = mem_printf("%s/%s", run_dir, names[i]->d_name);
        if (somebody_listens(path)) {
            found = i;
            alive++;
        }
    }
    return alive > 1 ? -1 : found;
}

int endpoint_find(const char *run_dir, struct endpoint *ret_endpoint, struct err *err)
{
    struct dirent **names = NULL;
    int count = scandir(run_dir, &names, is_socket_name, alphasort);
    int one = count > 0 ? only_one(run_dir, names, count) : -1;
    int rc = 0;
    if (one >= 0) {
        *ret_endpoint =
            (struct endpoint){.socket = mem_printf("%s/%s", run_dir, names[one]->d_name)};
    } else if (count <= 0) {
        rc =
            err_set(err, ERR_NOT_FOUND,
                    "no node runs on this host (%s has no socket); name one with --endpoint, -c or "
                    "PGRAFTCTL_ENDPOINT",
                    run_dir);
    } else {
        CLEANUP(buf_close) struct buf list = {0};
        for (int i = 0; i < count; i++) {
            buf_printf(&list, "%s%s/%s", i > 0 ? ", " : "", run_dir, names[i]->d_name);
        }
        rc = err_set(
            err, ERR_USAGE,
            "%d nodes run on this host; name one with --endpoint, -c or PGRAFTCTL_ENDPOINT: %s",
            count, buf_text(&list));
    }
    for (int i = 0; i < count; i++) {
        mem_free(names[i]);
    }
    mem_free(names);
    return rc;
}
