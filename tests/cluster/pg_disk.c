/* tests/cluster/pg_disk.c - a disk that can be well, full, read-only or hung: what a data directory
 * stands on.
 *
 * usage: pg_disk FOLDER MOUNT
 *
 * A file system in user space (fuse(4)) that shows FOLDER at MOUNT. A line on standard input,
 * "well", "full", "read-only" or "hung", changes it; "is WORD" on standard output says that it has.
 * Hung is: whatever the kernel asks is taken and not answered until it is well again, so that
 * whoever waits for it waits in the kernel, and a SIGKILL does not end that wait. What is in the
 * page cache is still read, as with a real disk. It ends with its standard input, and then, or when
 * it is killed, everybody who waited is told ENOTCONN: nothing is left that can not end. */
#include "tests/cluster/pg_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/must.h"

#define MESSAGE_MAX (DISK_BLOCK_MAX + 4096)
#define PROTOCOL_MINOR 31
#define WORD_SIZE 32

static const char *const words[] = {[DISK_WELL] = "well",
                                    [DISK_FULL] = "full",
                                    [DISK_READ_ONLY] = "read-only",
                                    [DISK_HUNG] = "hung"};

/* What came while it hung, oldest first. */
struct kept {
    struct kept *next;
    size_t size;
    _Alignas(8) char bytes[];
};

struct disk {
    int fd;
    enum disk_state state;
    struct kept *first;
    struct kept **last;
};

static void reply(const struct disk *d, uint64_t unique, int error, const void *bytes, size_t size)
{
    struct fuse_out_header head = {.len = (uint32_t)(sizeof(head) + (error == 0 ? size : 0)),
                                   .error = -error,
                                   .unique = unique};
    struct iovec parts[] = {{.iov_base = &head, .iov_len = sizeof(head)},
                            {.iov_base = (void *)(uintptr_t)bytes, .iov_len = size}};
    ssize_t written = writev(d->fd, parts, error == 0 && size > 0 ? 2 : 1);
    MUST(written >= 0 || errno == ENOENT); /* whoever asked was killed meanwhile */
}

static void greet(const struct disk *d, const struct disk_ask *ask)
{
    const struct fuse_init_in *in = (const struct fuse_init_in *)(const void *)ask->body;
    struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
                                .minor = PROTOCOL_MINOR,
                                .max_readahead = in->max_readahead,
                                .flags = FUSE_BIG_WRITES,
                                .max_background = 16,
                                .congestion_threshold = 12,
                                .max_write = DISK_BLOCK_MAX,
                                .time_gran = 1};
    reply(d, ask->head->unique, 0, &out, sizeof(out));
}

static void forget_many(const struct disk_ask *ask)
{
    const struct fuse_batch_forget_in *in =
        (const struct fuse_batch_forget_in *)(const void *)ask->body;
    const struct fuse_forget_one *one = (const struct fuse_forget_one *)(const void *)(in + 1);
    for (uint32_t i = 0; i < in->count; i++) {
        disk_files_forget(one[i].nodeid, one[i].nlookup);
    }
}

static void answer(const struct disk *d, const char *message)
{
    static struct disk_answer out;
    const struct fuse_in_header *head = (const struct fuse_in_header *)(const void *)message;
    const struct disk_ask ask = {.head = head, .body = message + sizeof(*head), .state = d->state};
    switch (head->opcode) {
        case FUSE_INIT:
            greet(d, &ask);
            return;
        case FUSE_FORGET:
            disk_files_forget(head->nodeid,
                              ((const struct fuse_forget_in *)(const void *)ask.body)->nlookup);
            return;
        case FUSE_BATCH_FORGET:
            forget_many(&ask);
            return;
        case FUSE_INTERRUPT:
            return; /* a disk is not interrupted */
        default:
            break;
    }
    out.size = 0;
    int error = disk_files_do(&ask, &out);
    reply(d, head->unique, error, out.bytes, out.size);
}

static void keep(struct disk *d, const char *message, size_t size)
{
    struct kept *k = (struct kept *)mem_alloc(sizeof(*k) + size);
    *k = (struct kept){.size = size};
    memcpy(k->bytes, message, size);
    *d->last = k;
    d->last = &k->next;
}

static void answer_kept(struct disk *d)
{
    struct kept *k = d->first;
    d->first = NULL;
    d->last = &d->first;
    while (k != NULL) {
        struct kept *next = k->next;
        answer(d, k->bytes);
        mem_free(k);
        k = next;
    }
}

/* False: it is not mounted any more. */
static bool take_message(struct disk *d)
{
    _Alignas(8) static char message[MESSAGE_MAX];
    ssize_t size = read(d->fd, message, sizeof(message));
    if (size < 0) {
        return errno != ENODEV;
    }
    if (d->state == DISK_HUNG) {
        keep(d, message, (size_t)size);
    } else {
        answer(d, message);
    }
    return true;
}

/* False: the end. */
static bool take_word(struct disk *d)
{
    char word[WORD_SIZE];
    if (fgets(word, sizeof(word), stdin) == NULL) {
        return false;
    }
    word[strcspn(word, "\n")] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(word, words[i]) == 0) {
            d->state = (enum disk_state)i;
        }
    }
    if (d->state != DISK_HUNG) {
        answer_kept(d);
    }
    (void)printf("is %s\n", words[d->state]);
    return true;
}

static int mount_at(const char *path)
{
    char options[128];
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        perror("/dev/fuse");
        return -1;
    }
    (void)snprintf(options, sizeof(options),
                   "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other,default_permissions",
                   fd, (unsigned)geteuid(), (unsigned)getegid());
    if (mount("pg_disk", path, "fuse", MS_NOSUID | MS_NODEV, options) != 0) {
        perror(path);
        (void)close(fd);
        return -1;
    }
    return fd;
}

int main(int argc, char **argv)
{
    struct rlimit files;
    if (argc != 3) {
        (void)fprintf(stderr, "usage: pg_disk FOLDER MOUNT\n");
        return 2;
    }
    (void)umask(0); /* whoever asks has had his own */
    MUST(getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max; /* one for each file that the kernel knows */
    MUST(setrlimit(RLIMIT_NOFILE, &files) == 0);
    disk_files_open(argv[1]);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)setvbuf(stdin, NULL, _IONBF, 0); /* poll() has to see what is there */
    struct disk d = {.fd = mount_at(argv[2])};
    d.last = &d.first;
    if (d.fd < 0) {
        return 1;
    }
    (void)printf("is %s\n", words[d.state]);
    for (bool goes_on = true; goes_on;) {
        struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = d.fd, .events = POLLIN}};
        MUST(poll(fds, ARRAY_LEN(fds), -1) > 0 || errno == EINTR);
        goes_on =
            (fds[1].revents == 0 || take_message(&d)) && (fds[0].revents == 0 || take_word(&d));
    }
    (void)umount2(argv[2], MNT_DETACH);
    return 0;
}
