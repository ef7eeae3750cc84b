/* daemon/http_listen.c - the sockets that connections come in by: restapi.listen and the control
 * socket. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "daemon/http_internal.h"

#define BACKLOG 128

static void add_door(struct http *http, int fd, bool is_control, bool is_loopback)
{
    http->doors[http->door_count] = (struct http_door){
        .http = http, .fd = fd, .is_control = is_control, .is_loopback = is_loopback};
    http->door_count++;
}

/* ---- TCP ---- */

static void note_port(struct http *http, int fd)
{
    struct sockaddr_storage at;
    socklen_t size = sizeof(at);
    memset(&at, 0, sizeof(at));
    if (http->port == 0 && getsockname(fd, (struct sockaddr *)&at, &size) == 0) {
        http->port = ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                                                    : ((struct sockaddr_in *)&at)->sin_port);
    }
}

static int listen_one(struct http *http, const struct addrinfo *at, const char *address,
                      struct err *err)
{
    int one = 1;
    CLEANUP(closep) int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_errno(err, errno, "restapi.listen: %s", address);
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (at->ai_family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    }
    if (bind(fd, at->ai_addr, at->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        return err_errno(err, errno, "restapi.listen: %s%s", address, err_bind_hint(errno));
    }
    note_port(http, fd);
    add_door(http, take_fd(&fd), false, http_address_is_loopback(at->ai_addr));
    return 0;
}

/* "host:port", "[::1]:port", "*:port" in two; false: it is none. */
static bool split(const char *address, char *host, size_t host_size, const char **ret_port)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon[1] == '\0' || (size_t)(colon - address) >= host_size) {
        return false;
    }
    (void)snprintf(host, host_size, "%.*s", (int)(colon - address), address);
    size_t size = strlen(host);
    if (size > 2 && host[0] == '[' && host[size - 1] == ']') {
        memmove(host, host + 1, size - 2);
        host[size - 2] = '\0';
    }
    *ret_port = colon + 1;
    return true;
}

int http_listen_tcp(struct http *http, const char *address, struct err *err)
{
    char host[256];
    const char *port = NULL;
    if (!split(address, host, sizeof(host), &port)) {
        return err_set(err, ERR_INVALID, "restapi.listen: %s: must be HOST:PORT", address);
    }
    bool any = host[0] == '\0' || strcmp(host, "*") == 0;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *list = NULL;
    int rc = getaddrinfo(any ? NULL : host, port, &hints, &list);
    if (rc != 0) {
        return err_set(err, ERR_NOT_FOUND, "restapi.listen: %s: %s", address, gai_strerror(rc));
    }
    int code = 0;
    bool had_one = false;
    for (const struct addrinfo *at = list; at != NULL && http->door_count < HTTP_DOORS_MAX;
         at = at->ai_next) {
        int one = listen_one(http, at, address, err);
        had_one = had_one || one == 0;
        /* A kernel without IPv6 is no reason not to listen everywhere else. */
        code = one != 0 && !(any && at->ai_family == AF_INET6) && code == 0 ? one : code;
    }
    freeaddrinfo(list);
    return code != 0 ? code : had_one ? 0 : err->code;
}

/* ---- the control socket ---- */

/* A socket that a dead process has left behind goes away; one that answers stays. */
static int clear_way(const struct sockaddr_un *at, struct err *err)
{
    struct stat st;
    if (lstat(at->sun_path, &st) != 0) {
        return 0;
    }
    if (!S_ISSOCK(st.st_mode)) {
        return err_set(err, ERR_EXISTS, "%s: is there, and is no socket", at->sun_path);
    }
    CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_errno(err, errno, "socket");
    }
    bool is_dead =
        connect(fd, (const struct sockaddr *)at, sizeof(*at)) != 0 && errno == ECONNREFUSED;
    if (!is_dead) {
        return err_set(err, ERR_LOCKED, "%s: in use by another process", at->sun_path);
    }
    return unlink(at->sun_path) == 0 ? 0 : err_errno(err, errno, "%s", at->sun_path);
}

static int listen_at(struct http *http, const char *path, struct err *err)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(at.sun_path)) {
        return err_set(err, ERR_TOO_LARGE, "%s: a socket's path has at most %zu bytes", path,
                       sizeof(at.sun_path) - 1);
    }
    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    int code = clear_way(&at, err);
    if (code != 0) {
        return code;
    }
    CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_errno(err, errno, "socket");
    }
    /* Before bind(), so that there is no moment in which somebody else may connect; the umask can
     * only take more away. */
    bool good = fchmod(fd, S_IRUSR | S_IWUSR) == 0 &&
                bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, BACKLOG) == 0;
    if (!good) {
        return err_errno(err, errno, "%s", path);
    }
    add_door(http, take_fd(&fd), true, false);
    http->socket_path = mem_strdup(path);
    return 0;
}

int http_listen_control(struct http *http, struct err *err)
{
    int code = 0;
    for (size_t i = 0; i < 2; i++) {
        const char *path = http->settings.sockets[i];
        if (path == NULL || path[0] == '\0') {
            continue;
        }
        code = listen_at(http, path, err);
        if (code == 0 || code == ERR_LOCKED) {
            break;
        }
        err_wrap(err, "control socket");
    }
    return code;
}
