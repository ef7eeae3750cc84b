/* daemon/relaunch.c - the words of this process, and the exec. */
#include "daemon/relaunch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

#define SELF "/proc/self/exe"
#define FIRST_FD 3

static int read_words(struct buf *out, struct err *err)
{
    CLEANUP(closep) int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    char bytes[4096];
    ssize_t got = 0;
    while (fd >= 0 && (got = read(fd, bytes, sizeof(bytes))) > 0) {
        buf_append(out, bytes, (size_t)got);
    }
    return fd >= 0 && got == 0 && out->size > 0 ? 0 : err_errno(err, errno, "/proc/self/cmdline");
}

static void split(struct relaunch *l)
{
    for (size_t at = 0; at < l->bytes.size; at++) {
        l->count += l->bytes.bytes[at] == '\0' ? 1 : 0;
    }
    l->words = mem_array(l->count + 1, sizeof(*l->words));
    char *at = l->bytes.bytes;
    for (size_t i = 0; i < l->count; i++) {
        l->words[i] = at;
        at += strlen(at) + 1;
    }
}

/* As it was called, if that is what runs: a link may lead to another program by now. Else where it
 * lay when it was started. */
static int find_path(struct relaunch *l, struct err *err)
{
    struct stat runs;
    struct stat called;
    char target[4096];
    if (strchr(l->words[0], '/') != NULL && stat(SELF, &runs) == 0 &&
        stat(l->words[0], &called) == 0 && runs.st_ino == called.st_ino &&
        runs.st_dev == called.st_dev) {
        buf_str(&l->path, l->words[0]);
        return 0;
    }
    ssize_t size = readlink(SELF, target, sizeof(target));
    if (size <= 0 || (size_t)size == sizeof(target)) {
        return err_errno(err, errno, SELF);
    }
    buf_append(&l->path, target, (size_t)size);
    return 0;
}

int relaunch_init(struct relaunch *l, struct err *err)
{
    int code = read_words(&l->bytes, err);
    if (code != 0) {
        return code;
    }
    if (l->bytes.bytes[l->bytes.size - 1] != '\0') {
        buf_char(&l->bytes, '\0');
    }
    split(l);
    return find_path(l, err);
}

void relaunch_close(struct relaunch *l)
{
    buf_close(&l->path);
    buf_close(&l->bytes);
    mem_free(l->words);
    memset(l, 0, sizeof(*l));
}

/* Nothing is left open for the new program, and nothing blocked. */
int relaunch_now(struct relaunch *l)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)close_range(FIRST_FD, ~0U, CLOSE_RANGE_CLOEXEC);
    l->is_due = false;
    (void)execv(buf_text(&l->path), l->words);
    return err_errno(&l->failed, errno, "%s", buf_text(&l->path));
}
