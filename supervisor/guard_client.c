/* supervisor/guard_client.c - starts or finds the guard, writes its page, speaks its messages. */
#include "supervisor/guard_client.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/must.h"

/* Sealed, so that the guard can rely on its size. */
int guard_client_init(struct guard_client *client, struct err *err)
{
    *client = (struct guard_client){.fd = -1, .page_fd = -1};
    CLEANUP(closep) int fd = memfd_create("pgraft-guard-page", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return err_errno(err, errno, "memory file for the guard's page");
    }
    if (ftruncate(fd, GUARD_PAGE_SIZE) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return err_errno(err, errno, "seal the guard's page");
    }
    void *page = mmap(NULL, GUARD_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED) {
        return err_errno(err, errno, "map the guard's page");
    }
    client->page = (struct guard_page *)page;
    client->page_fd = take_fd(&fd);
    guard_page_init(client->page);
    return 0;
}

void guard_client_close(struct guard_client *client)
{
    closep(&client->fd);
    closep(&client->page_fd);
    if (client->page != NULL) {
        (void)munmap(client->page, GUARD_PAGE_SIZE);
        client->page = NULL;
    }
}

static int send_bytes(const struct guard_client *client, char *bytes, size_t size, int fd,
                      struct err *err)
{
    struct iovec part = {.iov_base = bytes, .iov_len = size};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof(control);
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &fd, sizeof(fd));
    }
    if (sendmsg(client->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
        return 0;
    }
    if (errno == EAGAIN || errno == ENOBUFS) {
        return err_set(err, ERR_BUSY, "the guard does not read its requests");
    }
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) {
        return err_set(err, ERR_CLOSED, "the guard is gone");
    }
    return err_errno(err, errno, "send to the guard");
}

int guard_client_send(struct guard_client *client, struct guard_request *request, int fd,
                      uint32_t *ret_id, struct err *err)
{
    static _Thread_local char bytes[GUARD_MESSAGE_MAX];
    if (client->fd < 0) {
        return err_set(err, ERR_CLOSED, "no guard is connected");
    }
    client->last_id = client->last_id == UINT32_MAX ? 1 : client->last_id + 1;
    request->id = client->last_id;
    size_t size = guard_request_encode(request, bytes, sizeof(bytes));
    if (size == 0) {
        return err_set(err, ERR_TOO_LARGE,
                       "arguments and environment of a start take over %d bytes",
                       GUARD_MESSAGE_MAX);
    }
    int r = send_bytes(client, bytes, size, fd, err);
    if (r == 0 && ret_id != NULL) {
        *ret_id = request->id;
    }
    return r;
}

int guard_client_ask(struct guard_client *client, uint16_t kind, uint64_t epoch, uint64_t how,
                     uint32_t *ret_id, struct err *err)
{
    struct guard_request request = {.kind = kind, .epoch = epoch, .how = how};
    return guard_client_send(client, &request, -1, ret_id, err);
}

bool guard_request_add_argument(struct guard_request *request, char *word)
{
    MUST(request->variable_count == 0);
    if (request->argument_count >= GUARD_WORDS_MAX) {
        return false;
    }
    request->words[request->argument_count++] = word;
    return true;
}

bool guard_request_add_variable(struct guard_request *request, char *word)
{
    size_t count = request->argument_count + request->variable_count;
    if (count >= GUARD_WORDS_MAX) {
        return false;
    }
    request->words[count + 1] = word; /* after the NULL that ends the arguments */
    request->variable_count++;
    return true;
}

static int say_hello(struct guard_client *client, struct err *err)
{
    struct guard_request hello = {.kind = GUARD_HELLO};
    return guard_client_send(client, &hello, client->page_fd, NULL, err);
}

/* Fill @words with the guard's command line; false: too many options. */
static bool command_line(const struct guard_place *place, int fd, char texts[4][4200],
                         char *words[GUARD_OPTIONS_MAX + 6])
{
    (void)snprintf(texts[0], sizeof(texts[0]), "--data-dir=%s", place->data_dir);
    (void)snprintf(texts[1], sizeof(texts[1]), "--program=%s", place->program);
    (void)snprintf(texts[2], sizeof(texts[2]), "--socket=%s", place->socket);
    (void)snprintf(texts[3], sizeof(texts[3]), "--driver=%d", fd);
    size_t count = 0;
    words[count++] = place->guard;
    for (size_t i = 0; i < 4; i++) {
        words[count++] = texts[i];
    }
    for (size_t i = 0; place->more != NULL && place->more[i] != NULL; i++) {
        if (i == GUARD_OPTIONS_MAX) {
            return false;
        }
        words[count++] = place->more[i];
    }
    words[count] = NULL;
    return true;
}

/* A session of its own: a Ctrl-C on pgraftd's terminal is not meant for it. */
static int spawn_guard(const char *path, char *const *words, int fd, pid_t *ret_pid)
{
    posix_spawnattr_t how;
    posix_spawn_file_actions_t files;
    sigset_t none;
    (void)sigemptyset(&none);
    int error = posix_spawnattr_init(&how);
    if (error != 0) {
        return error;
    }
    error = posix_spawn_file_actions_init(&files);
    if (error == 0) {
        (void)posix_spawnattr_setsigmask(&how, &none);
        (void)posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
        error = posix_spawn_file_actions_adddup2(&files, fd, fd); /* it stays open in the child */
        if (error == 0) {
            error = posix_spawn(ret_pid, path, &files, &how, words, environ);
        }
        (void)posix_spawn_file_actions_destroy(&files);
    }
    (void)posix_spawnattr_destroy(&how);
    return error;
}

int guard_client_spawn(struct guard_client *client, const struct guard_place *place, pid_t *ret_pid,
                       struct err *err)
{
    MUST(client->fd < 0);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        return err_errno(err, errno, "socket pair for the guard");
    }
    char texts[4][4200];
    char *words[GUARD_OPTIONS_MAX + 6];
    int error = command_line(place, ends[1], texts, words)
                    ? spawn_guard(place->guard, words, ends[1], ret_pid)
                    : E2BIG;
    (void)close(ends[1]);
    if (error != 0) {
        (void)close(ends[0]);
        return err_errno(err, error, "start %s", place->guard);
    }
    client->fd = ends[0];
    return say_hello(client, err);
}

/* The folder as a descriptor, so that a long path fits into a socket's address. */
static int connect_to(int fd, const char *path)
{
    const char *slash = strrchr(path, '/');
    MUST(slash != NULL);
    char folder_path[4200];
    (void)snprintf(folder_path, sizeof(folder_path), "%.*s/", (int)(slash - path), path);
    CLEANUP(closep) int folder = open(folder_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return -1;
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int size =
        snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d%s", folder, slash);
    if (size >= (int)sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return connect(fd, (const struct sockaddr *)&address, sizeof(address));
}

int guard_client_attach(struct guard_client *client, const char *socket_path, struct err *err)
{
    MUST(client->fd < 0);
    CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return err_errno(err, errno, "socket for the guard");
    }
    if (connect_to(fd, socket_path) != 0) {
        if (errno == ENOENT || errno == ECONNREFUSED) {
            return err_set(err, ERR_NOT_FOUND, "no guard listens at %s", socket_path);
        }
        return err_errno(err, errno, "connect to the guard at %s", socket_path);
    }
    client->fd = take_fd(&fd);
    return say_hello(client, err);
}

void guard_client_grant(struct guard_client *client, const struct guard_grant *grant)
{
    guard_page_write(client->page, grant);
}

int guard_client_receive(struct guard_client *client, struct guard_event *ret_event,
                         struct err *err)
{
    uint8_t bytes[1024];
    if (client->fd < 0) {
        return err_set(err, ERR_CLOSED, "no guard is connected");
    }
    ssize_t size = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    if (size <= 0) {
        return err_set(err, ERR_CLOSED, "the guard has closed the connection");
    }
    if (!guard_event_decode(bytes, (size_t)size, ret_event)) {
        return err_set(err, ERR_PROTOCOL, "the guard said what this version does not know");
    }
    return 1;
}
