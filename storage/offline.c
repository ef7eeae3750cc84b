/* storage/offline.c - the environment and a writer, without the queue and the thread of store.c. */
#include "storage/offline.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "storage/load.h"
#include "storage/store.h"
#include "storage/writer.h"

#define MACHINE_ID "/etc/machine-id"
/* Whoever runs the store has a limit of its own; what it holds already has to fit here. */
#define LIMIT_BYTES (ENV_MAP_SIZE / 2)

struct offline {
    struct writer writer;
};

static struct offline *create(void)
{
    struct offline *offline = mem_zalloc(sizeof(*offline));
    list_init(&offline->writer.waiting);
    offline->writer.limits =
        (struct space_limits){.limit_bytes = LIMIT_BYTES, .reserve_bytes = STORE_RESERVE_BYTES};
    offline->writer.env.lock_fd = -1;
    offline->writer.env.dir_fd = -1;
    return offline;
}

void offline_close(struct offline *offline)
{
    if (offline == NULL) {
        return;
    }
    struct list *link = NULL;
    while ((link = list_pop_front(&offline->writer.waiting)) != NULL) {
        store_batch_destroy(CONTAINER_OF(link, struct store_batch, link));
    }
    env_close(&offline->writer.env);
    mem_free(offline);
}

void offline_closep(struct offline **offline)
{
    offline_close(*offline);
    *offline = NULL;
}

/* Opening makes a store where there is none, so the question comes first. */
static int look(const char *path, uint64_t *ret_written_ns, struct err *err)
{
    CLEANUP(mem_freep) char *version = mem_printf("%s/VERSION", path);
    CLEANUP(mem_freep) char *data = mem_printf("%s/data.mdb", path);
    struct stat st;
    if (stat(version, &st) != 0) {
        return errno == ENOENT || errno == ENOTDIR
                   ? err_set(err, ERR_NOT_FOUND, "%s: there is no store", path)
                   : err_errno(err, errno, "%s", version);
    }
    if (stat(data, &st) != 0) {
        return errno == ENOENT ? err_set(err, ERR_CORRUPT, "%s is gone", data)
                               : err_errno(err, errno, "%s", data);
    }
    *ret_written_ns = (uint64_t)st.st_mtim.tv_sec * NS_PER_S + (uint64_t)st.st_mtim.tv_nsec;
    return 0;
}

int offline_open(const char *path, struct offline **ret, struct store_image *ret_image,
                 uint64_t *ret_written_ns, struct err *err)
{
    uint64_t written_ns = 0;
    int code = look(path, &written_ns, err);
    if (code != 0) {
        return code;
    }
    CLEANUP(offline_closep) struct offline *offline = create();
    CLEANUP(store_image_close) struct store_image image = {0};
    code = env_open(&offline->writer.env, path, MACHINE_ID, err);
    if (code == 0) {
        code = store_load(&offline->writer.env, &offline->writer.ledger, &image, err);
    }
    if (code != 0) {
        return code;
    }
    *ret = TAKE(offline);
    *ret_image = image;
    memset(&image, 0, sizeof(image)); /* handed over */
    *ret_written_ns = written_ns;
    return 0;
}

int offline_create(const char *path, struct offline **ret, struct err *err)
{
    struct stat st;
    if (lstat(path, &st) == 0) {
        return err_set(err, ERR_EXISTS, "%s is there already", path);
    }
    CLEANUP(offline_closep) struct offline *offline = create();
    CLEANUP(store_image_close) struct store_image nothing = {0};
    struct writer *writer = &offline->writer;
    int code = env_open(&writer->env, path, MACHINE_ID, err);
    if (code == 0) {
        code = space_init(&writer->env, &writer->limits, err);
    }
    if (code == 0) {
        code = store_format(&writer->env, &writer->ledger, &nothing, err);
    }
    if (code == 0) {
        *ret = TAKE(offline);
    }
    return code;
}

int offline_write(struct offline *offline, struct store_batch *batch, struct err *err)
{
    struct writer_progress progress;
    list_push_back(&offline->writer.waiting, &batch->link);
    int code = 0;
    while (code == 0 && !list_empty(&offline->writer.waiting)) {
        code = writer_commit(&offline->writer, &progress, err);
    }
    return code;
}
