/* daemon/ground.c - directories made, and "every address" in the words of the kernel. */
#include "daemon/ground.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

static int make_parents(const char *path, struct err *err)
{
    CLEANUP(mem_freep) char *part = mem_strdup(path);
    char *first = part[0] == '/' ? part + 1 : part;
    for (char *slash = strchr(first, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST) {
            return err_errno(err, errno, "raft.data_dir: %s can not be made", part);
        }
        *slash = '/';
    }
    return 0;
}

int ground_make_dir(const char *path, struct err *err)
{
    struct stat found;
    int code = make_parents(path, err);
    if (code != 0) {
        return code;
    }
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return err_errno(err, errno, "raft.data_dir: %s can not be made", path);
    }
    if (stat(path, &found) != 0) {
        return err_errno(err, errno, "raft.data_dir: %s", path);
    }
    if (!S_ISDIR(found.st_mode)) {
        return err_errno(err, ENOTDIR, "raft.data_dir: %s", path);
    }
    if (access(path, R_OK | W_OK | X_OK) != 0) {
        return err_errno(err, errno, "raft.data_dir: %s can not be used by user %u", path,
                         (unsigned)geteuid());
    }
    return 0;
}

static bool has_ipv6(void)
{
    CLEANUP(closep) int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0;
}

void ground_listen(const char *address, struct buf *out)
{
    if (strncmp(address, "*:", 2) != 0) {
        buf_str(out, address);
        return;
    }
    buf_str(out, has_ipv6() ? "[::]" : "0.0.0.0");
    buf_str(out, address + 1);
}
