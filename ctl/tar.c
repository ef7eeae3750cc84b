/* ctl/tar.c - a head of 512 bytes, the file in blocks of as many, and two empty blocks at the end.
 */
#include "ctl/tar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"

#define BLOCK 512

struct head {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char sum[8];
    char type;
    char link[100];
    char magic[8];
    char user[32];
    char group[32];
    char rest[183];
};
_Static_assert(sizeof(struct head) == BLOCK, "the layout of POSIX");

static void fill(struct buf *out, size_t size)
{
    memset(buf_extend(out, size), 0, size);
}

/* Of all its bytes, its own place taken as spaces. */
static void set_sum(struct head *head)
{
    unsigned sum = 0;
    memset(head->sum, ' ', sizeof(head->sum));
    for (size_t i = 0; i < sizeof(*head); i++) {
        sum += ((const unsigned char *)head)[i];
    }
    (void)snprintf(head->sum, sizeof(head->sum), "%06o", sum); /* and the NUL; a space follows */
}

void tar_add(struct buf *out, const char *name, const struct buf *text, uint64_t wall_s)
{
    struct head head = {.type = '0', .magic = {'u', 's', 't', 'a', 'r', '\0', '0', '0'}};
    MUST(strlen(name) <= TAR_NAME_MAX);
    (void)snprintf(head.name, sizeof(head.name), "%s", name);
    (void)snprintf(head.mode, sizeof(head.mode), "%07o", 0600U);
    (void)snprintf(head.uid, sizeof(head.uid), "%07o", 0U);
    (void)snprintf(head.gid, sizeof(head.gid), "%07o", 0U);
    (void)snprintf(head.size, sizeof(head.size), "%011" PRIo64, (uint64_t)text->size);
    (void)snprintf(head.mtime, sizeof(head.mtime), "%011" PRIo64, wall_s);
    set_sum(&head);
    buf_append(out, &head, sizeof(head));
    buf_append(out, buf_text(text), text->size);
    fill(out, (BLOCK - text->size % BLOCK) % BLOCK);
}

void tar_end(struct buf *out)
{
    fill(out, 2 * (size_t)BLOCK);
}
