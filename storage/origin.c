/* storage/origin.c - inode, birth time, filesystem and machine of a file.
 *
 * A filesystem id counts only where it comes from the filesystem itself. On others, XFS among them,
 * statfs() answers with the number of the device, which may change from one boot to the next: a
 * node that refuses to vote for that would be worse than one that sees less. */
#include "storage/origin.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

static uint64_t filesystem_id(int fd)
{
    struct statfs fs;
    if (fstatfs(fd, &fs) != 0) {
        return 0; /* unknown */
    }
    bool is_its_own = fs.f_type == EXT4_SUPER_MAGIC || fs.f_type == BTRFS_SUPER_MAGIC;
    uint64_t id = 0;
    _Static_assert(sizeof(fs.f_fsid) == sizeof(id), "the id is 64 bits");
    memcpy(&id, &fs.f_fsid, sizeof(id));
    return is_its_own ? id : 0;
}

static void read_machine_id(char machine[ORIGIN_MACHINE_SIZE + 1], const char *path)
{
    machine[0] = '\0';
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return; /* a machine without an id: nothing to compare */
    }
    ssize_t got = read(fd, machine, ORIGIN_MACHINE_SIZE);
    machine[got > 0 ? got : 0] = '\0';
    machine[strcspn(machine, "\n")] = '\0';
}

int origin_read(struct origin *ret_origin, int fd, const char *machine_id_path, struct err *err)
{
    struct statx stx;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &stx) != 0) {
        return err_errno(err, errno, "statx");
    }
    memset(ret_origin, 0, sizeof(*ret_origin));
    ret_origin->inode = stx.stx_ino;
    if ((stx.stx_mask & STATX_BTIME) != 0) {
        ret_origin->birth_ns = (uint64_t)stx.stx_btime.tv_sec * NS_PER_S + stx.stx_btime.tv_nsec;
    }
    ret_origin->filesystem_id = filesystem_id(fd);
    read_machine_id(ret_origin->machine, machine_id_path);
    return 0;
}

bool origin_differs(const struct origin *then, const struct origin *now, char *text, size_t size)
{
    char ignored[1];
    if (text == NULL) {
        text = ignored;
        size = 0;
    }
    if (then->inode != now->inode) {
        (void)snprintf(text, size, "inode was %" PRIu64 ", is %" PRIu64, then->inode, now->inode);
        return true;
    }
    if (then->birth_ns != 0 && now->birth_ns != 0 && then->birth_ns != now->birth_ns) {
        (void)snprintf(text, size, "birth time was %" PRIu64 " ns, is %" PRIu64 " ns",
                       then->birth_ns, now->birth_ns);
        return true;
    }
    if (then->filesystem_id != 0 && now->filesystem_id != 0 &&
        then->filesystem_id != now->filesystem_id) {
        (void)snprintf(text, size, "filesystem id was %" PRIx64 ", is %" PRIx64,
                       then->filesystem_id, now->filesystem_id);
        return true;
    }
    if (then->machine[0] != '\0' && now->machine[0] != '\0' &&
        strcmp(then->machine, now->machine) != 0) {
        (void)snprintf(text, size, "machine id was %s, is %s", then->machine, now->machine);
        return true;
    }
    return false;
}
