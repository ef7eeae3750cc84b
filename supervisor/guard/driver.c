/* supervisor/guard/driver.c - the connection to the one pgraftd that drives this guard.
 *
 * The first comes as a descriptor from the pgraftd that started the guard; after its death another
 * one connects to the socket and shows a page of its own, so that what the dead one's page says, or
 * one that was only frozen still writes, counts no more. While one is connected no other is taken.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/must.h"
#include "supervisor/guard/guard.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

/* A file that could shrink would end whoever reads it with SIGBUS. */
bool driver_take_page(struct guard *g, int fd)
{
    struct stat info;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &info) != 0 ||
        info.st_size != GUARD_PAGE_SIZE) {
        (void)close(fd);
        return false;
    }
    void *page =
        mmap(NULL, GUARD_PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_POPULATE | MAP_LOCKED, fd, 0);
    if (page == MAP_FAILED) {
        page = mmap(NULL, GUARD_PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    }
    if (page == MAP_FAILED || !guard_page_is_known((struct guard_page *)page)) {
        if (page != MAP_FAILED) {
            (void)munmap(page, GUARD_PAGE_SIZE);
        }
        (void)close(fd);
        return false;
    }
    if (g->page != NULL) {
        (void)munmap(g->page, GUARD_PAGE_SIZE);
        (void)close(g->page_fd);
    }
    g->page = (struct guard_page *)page;
    g->page_fd = fd;
    return true;
}

/* The folder as a descriptor, so that a long path fits into a socket's address. */
static bool socket_address(const char *path, int folder, struct sockaddr_un *ret_address)
{
    const char *name = strrchr(path, '/') + 1;
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int size = snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "/proc/self/fd/%d/%s",
                        folder, name);
    return size > 0 && size < (int)sizeof(ret_address->sun_path);
}

static int open_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t size = slash != NULL ? (size_t)(slash - path) : 0;
    if (size == 0 || size >= sizeof(folder)) {
        errno = EINVAL;
        return -1;
    }
    memcpy(folder, path, size);
    folder[size] = '\0';
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int bind_and_listen(const char *path, int folder)
{
    struct sockaddr_un address;
    if (!socket_address(path, folder, &address)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    (void)unlink(path); /* the lock says that nobody listens there */
    mode_t before = umask(0177);
    int result = bind(fd, (const struct sockaddr *)&address, sizeof(address));
    (void)umask(before);
    if (result != 0 || listen(fd, 4) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

/* One guard for one socket: the lock on its folder's file is held until the guard ends. */
int driver_listen(struct guard *g)
{
    char lock[PATH_MAX + 8];
    int size = snprintf(lock, sizeof(lock), "%s.lock", g->options.socket);
    MUST(size > 0 && size < (int)sizeof(lock));
    g->lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (g->lock_fd < 0 || flock(g->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        return -1;
    }
    int folder = open_folder(g->options.socket);
    if (folder < 0) {
        return -1;
    }
    g->listen_fd = bind_and_listen(g->options.socket, folder);
    (void)close(folder);
    return g->listen_fd < 0 ? -1 : 0;
}

/* Ours, or the superuser's. */
static bool is_permitted(int fd)
{
    struct ucred who;
    socklen_t size = sizeof(who);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
           (who.uid == geteuid() || who.uid == 0);
}

void driver_accept(struct guard *g)
{
    int fd = accept4(g->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        return;
    }
    if (g->driver_fd >= 0) {
        driver_receive(g); /* it may be gone, and we have not seen it yet */
    }
    if (g->driver_fd >= 0 || !is_permitted(fd)) {
        (void)close(fd);
        return;
    }
    g->driver_fd = fd;
    g->has_hello = false;
}

/* What a pgraftd that worked in the data directory has left there nobody knows: standby.signal may
 * be away for a server without a network. It is owed as soon as hands are on again. */
void driver_close(struct guard *g)
{
    g->state.is_signal_owed = g->state.is_signal_owed || g->state.is_hands_off;
    (void)close(g->driver_fd);
    g->driver_fd = -1;
    g->has_hello = false;
    g->alone_since_ns = guard_now_ns();
    tell_forget_answers(g);
}

/* The first descriptor of the message; more than one are closed. */
static int take_descriptor(struct msghdr *message)
{
    int taken = -1;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
            if (taken < 0) {
                taken = fd;
            } else {
                (void)close(fd);
            }
        }
    }
    return taken;
}

/* One packet into @bytes; its size, 0: nothing there, -1: the connection has ended. */
static ssize_t receive_one(struct guard *g, char *bytes, size_t room, int *ret_fd)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
    struct iovec part = {.iov_base = bytes, .iov_len = room};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    ssize_t size = recvmsg(g->driver_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    *ret_fd = -1;
    if (size < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    *ret_fd = take_descriptor(&message);
    return size == 0 ? -1 : size;
}

/* A few at a time: deadlines come first. The words of a start stay where they are until it is over,
 * so meanwhile other requests are read into bytes of their own. */
void driver_receive(struct guard *g)
{
    static char spare_bytes[GUARD_MESSAGE_MAX];
    for (int i = 0; i < 4 && g->driver_fd >= 0; i++) {
        bool keeps_words = g->state.phase == GUARD_PREPARE;
        char *bytes = keeps_words ? spare_bytes : g->start_bytes;
        int fd;
        ssize_t size = receive_one(g, bytes, GUARD_MESSAGE_MAX, &fd);
        if (size < 0) {
            driver_close(g);
            return;
        }
        if (size == 0) {
            return;
        }
        static struct guard_request request;
        if (!guard_request_decode(bytes, (size_t)size, &request)) {
            if (fd >= 0) {
                (void)close(fd);
            }
            tell_answer(g, GUARD_REFUSED, 0, GUARD_WRONG, 0);
            continue;
        }
        ask_handle(g, &request, fd);
    }
}
