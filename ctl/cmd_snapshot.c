/* ctl/cmd_snapshot.c - snapshot save, status: the state of a node as one file that proves itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/mem.h"
#include "ctl/cluster_view.h"
#include "ctl/cmd.h"
#include "ctl/config.h"
#include "ctl/progress.h"
#include "ctl/snapshot_file.h"

#define SILENCE_MS 30000

static const struct output_column columns[] =
    OUTPUT_COLUMNS({"scope", "Cluster", OUTPUT_TEXT}, {"namespace", "Namespace", OUTPUT_TEXT},
                   {"cluster_id", "Cluster id", OUTPUT_TEXT}, {"node", "Taken from", OUTPUT_TEXT},
                   {"created", "Taken at", OUTPUT_TEXT}, {"revision", "Revision", OUTPUT_NUMBER},
                   {"term", "Term", OUTPUT_NUMBER}, {"index", "Index", OUTPUT_NUMBER},
                   {"epoch", "Epoch", OUTPUT_NUMBER}, {"rows", "Rows", OUTPUT_NUMBER},
                   {"bytes", "Size", OUTPUT_BYTES}, {"state_hash", "State hash", OUTPUT_TEXT},
                   {"crc32c", "Checksum", OUTPUT_TEXT}, {"version", "Written by", OUTPUT_TEXT});

struct sink {
    int fd;
    int os_errno; /* of a write that failed */
};

static int take_piece(void *context, const char *bytes, size_t size)
{
    struct sink *s = context;
    while (size > 0) {
        ssize_t wrote = write(s->fd, bytes, size);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote < 0) {
            s->os_errno = errno;
            return -1;
        }
        bytes += wrote;
        size -= (size_t)wrote;
    }
    return 0;
}

/* All of it into @draft, to the disk, and checked. */
static int fetch(struct ctl *ctl, const char *draft, int fd, json_t **ret_facts, struct err *err)
{
    struct sink sink = {.fd = fd};
    const struct ask_stream stream = {
        .method = "GET",
        .path = "/pgraft/v1/snapshot",
        .sink = {.piece_cb = take_piece, .context = &sink, .silence_ms = SILENCE_MS},
    };
    int rc = ask_stream(ctl->ask, &stream, err);
    if (sink.os_errno != 0) {
        return err_errno(err, sink.os_errno, "%s", draft);
    }
    if (rc == 0 && fsync(fd) != 0) {
        return err_errno(err, errno, "%s", draft);
    }
    if (rc == 0) {
        rc = snapshot_file_check(draft, ret_facts, err);
    }
    return rc;
}

int cmd_snapshot_save(const struct cli_call *call, struct err *err)
{
    CLEANUP(ctl_close) struct ctl ctl = {0};
    json_auto_t *facts = NULL;
    const char *path = cli_argument(call, 0);
    unsigned how = cli_given(call, "force") ? 0 : RENAME_NOREPLACE;
    if (how != 0 && access(path, F_OK) == 0) {
        return err_set(err, ERR_EXISTS, "%s is there already; --force replaces it", path);
    }
    int rc = ctl_open(call, &ctl, err);
    if (rc < 0) {
        return rc;
    }
    CLEANUP(mem_freep) char *draft = mem_printf("%s.new-XXXXXX", path);
    CLEANUP(closep) int fd = mkostemp(draft, O_CLOEXEC); /* 0600: it is everything there is */
    if (fd < 0) {
        return err_errno(err, errno, "%s", path);
    }
    progress_begin("the snapshot", "nothing was saved");
    progress_draft(draft);
    rc = fetch(&ctl, draft, fd, &facts, err);
    if (rc == 0 && renameat2(AT_FDCWD, draft, AT_FDCWD, path, how) != 0) {
        rc = err_errno(err, errno, "%s", path);
    }
    if (rc < 0) {
        (void)unlink(draft);
    }
    progress_end();
    return rc < 0 ? rc : cmd_print(call, NULL, columns, facts, err);
}

int cmd_snapshot_status(const struct cli_call *call, struct err *err)
{
    json_auto_t *facts = NULL;
    int rc = cmd_uses_only(call, CMD_USES("format"), err);
    if (rc == 0) {
        rc = snapshot_file_check(cli_argument(call, 0), &facts, err);
    }
    return rc < 0 ? rc : cmd_print(call, NULL, columns, facts, err);
}
