/* config/places.c - the files and sockets that a configuration names. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "config/settings.h"

void config_peers_text(const struct config *config, struct buf *out)
{
    size_t row = setting_index("raft.peers");
    MUST(row < settings_count);
    setting_print(&settings[row], config, out);
}

/* --- The control socket --- */

void config_sockets(const struct config *config, struct buf *first, struct buf *second)
{
    if (config->ctl.socket != NULL) {
        buf_str(first, config->ctl.socket);
        return;
    }
    if (config->scope != NULL && config->name != NULL) {
        buf_printf(first, CONFIG_RUN_DIR "/%s-%s.sock", config->scope, config->name);
    }
    if (config->raft.data_dir != NULL) {
        buf_printf(second, "%s/ctl.sock", config->raft.data_dir);
    }
}

/* --- Files --- */

struct file {
    const char *path; /* of the setting */
    bool is_private;  /* who reads it can do what the node can */
    size_t bytes_least;
};

static const struct file files[] = {
    {"raft.secret_file", true, 16}, {"raft.cafile", false, 1},    {"raft.certfile", false, 1},
    {"raft.keyfile", true, 1},      {"restapi.cafile", false, 1}, {"restapi.certfile", false, 1},
    {"restapi.keyfile", true, 1},
};

static void check_file(const struct file *file, const struct config *config,
                       struct problems *problems)
{
    size_t row = setting_index(file->path);
    MUST(row < settings_count);
    const struct config_origin *origin = &config->origins[row];
    const char *path = *(char *const *)setting_value(&settings[row], config);
    if (path == NULL) {
        return;
    }
    const struct tree_place place = {
        .source = origin->source, .line = origin->line, .column = origin->column};
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        problems_add(problems, PROBLEM_ERROR, &place, "%s: %s: %s", file->path, path,
                     strerrordesc_np(errno));
        return;
    }
    if (!S_ISREG(st.st_mode)) {
        problems_add(problems, PROBLEM_ERROR, &place, "%s: %s: not a file", file->path, path);
    } else if ((size_t)st.st_size < file->bytes_least) {
        problems_add(problems, PROBLEM_ERROR, &place, "%s: %s: %s", file->path, path,
                     st.st_size == 0 ? "empty" : "too short for a secret");
    }
    if (file->is_private && (st.st_mode & S_IRWXO) != 0) {
        problems_add(problems, PROBLEM_WARNING, &place,
                     "%s: %s: open to everybody on this host (mode %04o); chmod o-rwx", file->path,
                     path, (unsigned)st.st_mode & 07777);
    }
}

void config_check_files(const struct config *config, struct problems *problems)
{
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        check_file(&files[i], config, problems);
    }
}
