/* base/file.c - written to the end, synced with its name. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

int file_write_all(int fd, const struct buf *text)
{
    for (size_t done = 0; done < text->size;) {
        ssize_t wrote = write(fd, text->bytes + done, text->size - done);
        if (wrote < 0 && errno != EINTR) {
            return -1;
        }
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    return 0;
}

int file_sync_folder(const char *path, struct err *err)
{
    CLEANUP(mem_freep) char *folder = mem_strdup(path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        slash[slash == folder ? 1 : 0] = '\0';
    }
    const char *name = slash != NULL ? folder : ".";
    CLEANUP(closep) int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL)) { /* EINVAL: it has no such thing */
        return err_errno(err, errno, "sync %s", name);
    }
    return 0;
}
