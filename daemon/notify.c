/* daemon/notify.c - what the service manager is told, in one datagram each.
 *
 * The protocol is a few lines and needs no library: a datagram of NAME=value lines to a named
 * socket; a name that begins with @ is in the abstract namespace. */
#include "daemon/notify.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

static const char *manager;

void notify_to(const char *path)
{
    manager = path;
}

void notify_send(const char *lines)
{
    const char *path = manager;
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t size = path != NULL ? strlen(path) : 0;
    bool named = size > 1 && size < sizeof(to.sun_path) && (path[0] == '/' || path[0] == '@');
    if (!named) {
        return;
    }
    memcpy(to.sun_path, path, size);
    if (path[0] == '@') {
        to.sun_path[0] = '\0';
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return;
    }
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    (void)sendto(fd, lines, strlen(lines), MSG_NOSIGNAL, (const struct sockaddr *)&to, length);
    (void)close(fd);
}

void notify_status(const char *text)
{
    char line[600];
    (void)snprintf(line, sizeof(line), "STATUS=%s", text);
    notify_send(line);
}

void notify_reloading(void)
{
    char lines[80];
    (void)snprintf(lines, sizeof(lines), "RELOADING=1\nMONOTONIC_USEC=%llu",
                   (unsigned long long)(clock_ns(clock_system(), CLOCK_MONO) / 1000));
    notify_send(lines);
}
